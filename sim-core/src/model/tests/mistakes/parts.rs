//! What one part knows of the others.

use super::*;

const CHANGED: &[Changed] = &[
    ("capacity: 10,", "capacity: 2GiB,", &[]),
    (
        "capacity: 10,",
        "capacity: 10, ttl: 0s,",
        &["17: components.redis.ttl: found \"0s\"; expected at least 1ns; without `ttl` items are good for ever"],
    ),
    ("capacity: 10,", "capacity: 10, ttl: { default: 5m, items: 1h },", &[]),
    (
        "capacity: 10,",
        "capacity: 10, ttl: { itms: 1h },",
        &["17: components.redis.ttl.itms: there is no keyspace itms; did you mean items?"],
    ),
    (
        "capacity: 10, backing: pool",
        "capacity: 10, strategy: read-through",
        &["17: components.redis: `backing` is missing; the cache reads through to what is behind it"],
    ),
    (
        "size: 5,",
        "size: 5, mode: statement,",
        &[
            "16: warning: components.web.handlers.save[1].hold: `hold` has no effect: pool lends connections for each statement",
        ],
    ),
    (
        "size: 5,",
        "size: 0,",
        &["18: components.pool.size: found 0, and no `overflow`; expected at least one connection"],
    ),
    (
        "type: database,",
        "type: database, shards: 10000, replicas: 1000,",
        &["19: components.db.shards: found 10010000 nodes: shards × (1 + replicas); expected at most 100000"],
    ),
    (
        "{ keys: 100 }",
        "{ popularity: zipf(1) }",
        &["4: keyspaces.items: `keys` of items is missing; how many keys there are"],
    ),
    ("{ keys: 100 }", "{ popularity: [ 5, 3, 1 ] }", &[]),
    (
        "{ keys: 100 }",
        "{ keys: 2, popularity: [ 5, 3, 1 ] }",
        &["4: keyspaces.items.keys: 2 keys, but 3 weights; expected a weight for each key"],
    ),
    (
        "{ keys: 100 }",
        "{ keys: 100, popularity: [ 0, 0 ] }",
        &["4: keyspaces.items.popularity: found a list; expected a list of weights that are not all zero"],
    ),
    ("{ keys: 100 }", "{ keys: 100, popularity: 'hotspot(10%, 50%)' }", &[]),
    (
        "{ keys: 100 }",
        "{ keys: 100, popularity: 'hotspot(200, 50%)' }",
        &["4: keyspaces.items.popularity: 200 hot keys of 100; expected at most all keys"],
    ),
    (
        "{ keys: 100 }",
        "{ keys: 100, popularity: zipf(-1) }",
        &["4: keyspaces.items.popularity: found \"zipf(-1)\"; expected an exponent between 0 and 20, as in zipf(0.99)"],
    ),
    ("{ keys: 100 }", "{ keys: 0 }", &["4: keyspaces.items.keys: found 0; expected at least 1"]),
    ("to: edge,", "to: edge, link: { retry: { retries: 2, when: [ 429, 5xx, pool_timeout ] } },", &[]),
    ("to: edge,", "to: edge, link: { retry: { retries: 2, when: timeout } },", &[]),
    (
        "to: edge,",
        "to: edge, link: { retry: { retries: 2, when: 404 } },",
        &[
            "9: components.users.link.retry.when: found 404; expected 5xx, 429, timeout, connect, rejected, throttled, denied, …",
        ],
    ),
    ("duration: 10s", "duration: 10s, warmup: 0, drain: 0s", &[]),
    ("to: edge,", "to: edge, journey: [ { class: read, times: 2, think: 1s }, { class: save, key: same } ],", &[]),
    (
        "to: edge,",
        "to: edge, journey: [ { class: reed } ],",
        &["9: components.users.journey[0].class: there is no class reed; did you mean read?"],
    ),
    ("to: [web]", "to: [web], routes: [ { classes: save, to: web } ]", &[]),
    (
        "to: [web]",
        "routes: [ { classes: [ read ], to: web } ]",
        &[
            "10: components.edge: save can arrive here and has nowhere to go; add a route for it, or pools in `to`",
            "16: warning: components.web.handlers.save: the handler has no effect: save never arrives here",
        ],
    ),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_changes(CHANGED);
}
