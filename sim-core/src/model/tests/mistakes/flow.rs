//! Calls that go in circles, and those that arrive where nobody serves them.

use super::*;

const CHANGED: &[Changed] = &[
    ("      save: [ { cpu: 2ms }", "      '*': [ { cpu: 2ms }", &[]),
    (
        "      save: [ { cpu: 2ms }, { hold: pool, do: [ { call: pool, op: write } ] } ]\n",
        "",
        &[
            "14: components.web.handlers: save can arrive here and has no handler; add one, or `*` for all classes that are not named",
        ],
    ),
    (
        "{ call: redis }",
        "{ call: edge }",
        &[
            "15: components.web.handlers.read[1].call: read calls go in a circle without end: edge → web → edge",
            "17: warning: components.redis: nothing calls it",
        ],
    ),
    (
        "{ call: redis }",
        "{ choose: [ { weight: 1, do: [ { call: edge } ] }, { weight: 9, do: [ { call: redis } ] } ] }",
        &[],
    ),
    (
        "  read: { key: items }",
        "  read: {}",
        &[
            "17: warning: components.redis: calls of read come without a key: they bypass the cache; give the class or the call a `key`",
        ],
    ),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_changes(CHANGED);
}
