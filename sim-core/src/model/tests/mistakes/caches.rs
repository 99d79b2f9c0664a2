//! Caches.

use super::*;

const CHANGED: &[Changed] = &[
    (
        "capacity: 10,",
        "capacity: 10, nodes: 3, scope: per-replica,",
        &[
            "17: components.redis.nodes: found `nodes` and `scope: per-replica`; expected one of them: a cluster is shared",
        ],
    ),
    (
        "capacity: 10,",
        "capacity: 10, ttl_jitter: 5%, stale_while_revalidate: 1s, stale_if_error: 1s,",
        &[
            "17: warning: components.redis.ttl_jitter: `ttl_jitter` has no effect: the cache has no `ttl`, so nothing ends",
            "17: warning: components.redis.stale_while_revalidate: `stale_while_revalidate` has no effect: the cache has no `ttl`, so nothing ends",
            "17: warning: components.redis.stale_if_error: `stale_if_error` has no effect: the cache has no `ttl`, so nothing ends",
        ],
    ),
    (
        "capacity: 10,",
        "capacity: 10, refresh: 90%, flush: { every: 5s },",
        &[
            "17: warning: components.redis.refresh: `refresh` has no effect: nothing is read ahead",
            "17: warning: components.redis.flush: `flush` has no effect: the cache does not write behind",
        ],
    ),
    (
        "capacity: 10,",
        "capacity: 10, write: around, invalidate_tags: true,",
        &["17: warning: components.redis.invalidate_tags: `invalidate_tags` has no effect: writes take nothing out"],
    ),
    (
        "capacity: 10,",
        "capacity: 10, read: aside, write: around, strategy: write-around,",
        &["17: warning: components.redis.strategy: `strategy` has no effect: `read` and `write` are given"],
    ),
    (
        "capacity: 10,",
        "capacity: 10, warm: { itms: 5 },",
        &["17: components.redis.warm.itms: there is no keyspace itms; did you mean items?"],
    ),
    ("capacity: 10,", "capacity: 10, nodes: 3, overrides: { 1: { threads: 2, speed: 0.5 } },", &[]),
    (
        "capacity: 10,",
        "capacity: 10, overrides: { 1: { threads: 2 } },",
        &["17: components.redis.overrides: redis has one node; expected `nodes` of a cluster"],
    ),
    (
        "capacity: 10,",
        "capacity: 10, nodes: 3, overrides: { 3: { threads: 2 }, one: { speed: 2 } },",
        &[
            "17: components.redis.overrides.3: there is no node 3 of redis; expected 0 to 2",
            "17: components.redis.overrides.one: one is no node; expected 0 to 2",
        ],
    ),
    (
        "capacity: 10, backing: pool",
        "capacity: 10, on_failure: fail",
        &["17: warning: components.redis.on_failure: `on_failure` has no effect: the cache has no `backing`"],
    ),
    (
        "capacity: 10, backing: pool",
        "capacity: 10, backing: redis",
        &["17: components.redis.backing: a cache can't be backed by itself"],
    ),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_changes(CHANGED);
}
