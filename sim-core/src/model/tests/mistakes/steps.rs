//! Steps of handlers.

use super::*;

const CHANGED: &[Changed] = &[
    (
        "{ call: redis }",
        "{ call: redis, times: 1001 }",
        &[
            "15: components.web.handlers.read[1].times: found 1001; expected at most 1000 calls of a cache beside its callers",
        ],
    ),
    ("{ call: redis }", "{ cached: redis }", &[]),
    (
        "{ call: redis }",
        "{ cached: { cache: redis, key: items, miss: [ { call: pool, op: read } ], hit: [ { delay: 1ms } ] } }",
        &[],
    ),
    (
        "{ call: redis }",
        "{ call: redis, op: find }",
        &["15: components.web.handlers.read[1].op: redis has no operation find; there are read, write, delete"],
    ),
    ("{ call: redis }", "{ call: redis, timeout: 1s, retry: 2, link: { rtt: 1ms } }", &[]),
    ("{ call: redis }", "{ call: { to: redis, timeout: 1s }, times: 3 }", &[]),
    (
        "{ call: redis }",
        "{ call: redis, times: 0 }",
        &["15: components.web.handlers.read[1].times: found 0; expected at least 1"],
    ),
    (
        "{ call: redis }",
        "{ parallel: [ [ { call: redis } ], [ { cpu: 1ms } ] ], need: 3 }",
        &["15: components.web.handlers.read[1].need: found 3; expected at most 2, the number of branches"],
    ),
    (
        "{ call: redis }",
        "{ choose: [ { weight: 0, do: [ { call: redis } ] } ] }",
        &["15: components.web.handlers.read[1].choose: all weights are zero; expected one that is not"],
    ),
    ("{ call: redis }", "{ call: redis }, { fail: { share: 5%, as: denied } }, { fail: 1% }", &[]),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_changes(CHANGED);
}
