//! Faults.

use super::*;

const ADDED: &[Added] = &[
    (
        "faults: [ { at: 1s, for: 1s, target: 'web[1]', kind: crash }, { at: 1s, for: 1s, target: db, kind: slow, factor: 3 } ]",
        &[],
    ),
    ("faults: [ { at: 1s, for: 1s, target: [ 'db/shard[0]' ], kind: { slow: { factor: 3 } } } ]", &[]),
    (
        "faults: [ { at: 1s, for: 1s, target: 'web[2]', kind: crash } ]",
        &["20: faults[0].target: there is no replica 2 of web; expected 0 to 1"],
    ),
    (
        "faults: [ { at: 1s, for: 1s, target: 'db/shard[1]', kind: crash } ]",
        &["20: faults[0].target: there is no shard 1 of db; expected 0 to 0"],
    ),
    (
        "faults: [ { at: 1s, for: 1s, target: 'db[1]', kind: crash } ]",
        &[
            "20: faults[0].target: db has shards, and replicas of them; expected db/shard[0], or with replicas db/shard[0]/replica[0]",
        ],
    ),
    (
        "faults: [ { at: 1s, for: 1s, target: wbe, kind: crash } ]",
        &["20: faults[0].target: there is no component wbe; did you mean web?"],
    ),
    (
        "faults: [ { at: 1s, for: 1s, target: web, kind: slow } ]",
        &["20: faults[0]: `factor` is missing; how many times slower"],
    ),
    (
        "faults: [ { at: 1s, for: 1s, target: web, kind: stall }, { mtbf: 1s, mttr: exp(1s), target: db, kind: { error-rate: 10% } }, { at: 1s, for: 1s, kind: { partition: { from: web, to: db } } }, { at: 1s, for: 1s, target: db, kind: latency, latency: 200ms } ]",
        &[],
    ),
    (
        "faults: [ { at: 1s, mtbf: 1s, target: web, kind: crash }, { target: web, kind: stall }, { at: 1s, mttr: 1s, target: web, kind: loss } ]",
        &[
            "20: faults[0].at: found `at` and `mtbf`; expected a moment (`at`, `for`) or chance (`mtbf`, `mttr`)",
            "20: faults[1]: `at` is missing; when it begins, from the start of the window; or `mtbf`, how often",
            "20: faults[2]: `for` is missing; how long it lasts",
            "20: faults[2]: `mtbf` is missing; the mean time between failures",
            "20: faults[2]: `share` is missing; the share of messages that are lost",
        ],
    ),
    (
        "faults: [ { at: 1s, for: 1s, kind: { partition: { from: redis, to: web } } }, { at: 1s, for: 1s, target: web, kind: flush } ]",
        &[
            "20: warning: faults[1].for: `for` has no effect: a flush is over at once",
            "20: faults[1].target: web is a server-pool, which can't be flushed; expected a cache",
        ],
    ),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_parts(ADDED);
}
