//! Connection pools.

use super::*;

const CHANGED: &[Changed] = &[
    (
        "size: 5,",
        "size: 5, max_db_connections: 5, scope: per-replica,",
        &[
            "18: components.pool.max_db_connections: a limit on all connections needs one pool for all callers; expected scope: shared",
        ],
    ),
    (
        "size: 5,",
        "size: 5, min_idle: 9,",
        &["18: components.pool.min_idle: 9 idle connections of at most 5; expected at most size and overflow"],
    ),
    (
        "size: 5,",
        "size: 5, reserve: { size: 2, after: 5s }, acquire_timeout: 3s,",
        &["18: warning: components.pool.reserve: `reserve` has no effect: callers give up before (`acquire_timeout`)"],
    ),
    (
        "size: 5,",
        "size: 5, max_clients: 2,",
        &[
            "18: warning: components.pool.max_clients: some connections are never used: `max_clients` is below size and overflow",
        ],
    ),
    (
        "size: 5,",
        "size: 5, overrides: { 1: { size: 3 } },",
        &[
            "18: components.pool.overrides: unknown field; there are to, link, size, overflow, acquire_timeout, connect, scope, order, mode, idle_timeout, min_idle, max_lifetime, validate, reserve, max_clients, max_db_connections, login_retry, cost",
        ],
    ),
    (
        "to: db",
        "to: redis",
        &[
            "18: components.pool.to: a cache can't stand behind a connection-pool; whoever calls a cache loads what is missing: let the server pool call it",
        ],
    ),
    ("to: db", "to: pool", &["18: components.pool.to: a pool can't lead to itself"]),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_changes(CHANGED);
}
