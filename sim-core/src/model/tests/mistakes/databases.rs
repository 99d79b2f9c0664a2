//! Databases.

use super::*;

const CHANGED: &[Changed] = &[
    (
        "type: database,",
        "type: database, shard_by: client, placement: hash, scatter: 5%, rebalance: { rate: 5/s },",
        &[
            "19: warning: components.db.shard_by: `shard_by` has no effect: there is one shard",
            "19: warning: components.db.placement: `placement` has no effect: there is one shard",
            "19: warning: components.db.scatter: `scatter` has no effect: there is one shard",
            "19: warning: components.db.rebalance: `rebalance` has no effect: there is one shard",
        ],
    ),
    (
        "type: database,",
        "type: database, shards: 2, rebalance: { rate: 0/s },",
        &["19: components.db.rebalance: found a rate of 0; expected a rate at which keys move"],
    ),
    (
        "type: database,",
        "type: database, lag: 1s, apply: 1ms, failover: { detect: 1s, promote: 1s },",
        &[
            "19: warning: components.db.lag: `lag` has no effect: there are no replicas",
            "19: warning: components.db.apply: `apply` has no effect: there are no replicas",
            "19: warning: components.db.failover: `failover` has no effect: there are no replicas",
        ],
    ),
    (
        "type: database,",
        "type: database, index_write_cost: 5%,",
        &["19: warning: components.db.index_write_cost: `index_write_cost` has no effect: there are no `indexes`"],
    ),
    (
        "type: database,",
        "type: database, size: 5GB,",
        &[
            "19: components.db.size: unknown field; there are shards, shard_by, placement, replicas, read_from, connections, slots, cores, operations, error_rate, lag, apply, indexes, index_write_cost, locks, scatter, failover, rebalance, overrides, cost",
        ],
    ),
    (
        "type: database,",
        "type: database, partitions: 4,",
        &[
            "19: components.db.partitions: unknown field; there are shards, shard_by, placement, replicas, read_from, connections, slots, cores, operations, error_rate, lag, apply, indexes, index_write_cost, locks, scatter, failover, rebalance, overrides, cost",
        ],
    ),
    (
        "type: database,",
        "type: database, shards: 2, replicas: 1, overrides: { 'shard[1]': { speed: 0.5, slots: 4 }, 'shard[1]/replica[0]': { error_rate: 5% } },",
        &[],
    ),
    (
        "type: database,",
        "type: database, overrides: { 'shard[1]': { speed: 0.5 }, 'shard[0]/replica[0]': { speed: 0.5 }, 'replica[0]': { speed: 2 }, 0: { speed: 2 }, 'shard[0]': { slots: 2, cores: 2 } },",
        &[
            "19: components.db.overrides.0: 0 is no node of a database; expected shard[0], its primary, or shard[0]/replica[0]",
            "19: components.db.overrides.replica[0]: replica[0] is no node of a database; expected shard[0], its primary, or shard[0]/replica[0]",
            "19: components.db.overrides.shard[0].cores: found `slots` and `cores`; expected one of them",
            "19: components.db.overrides.shard[0]/replica[0]: there is no replica 0 of a shard of db; expected none, for there are none",
            "19: components.db.overrides.shard[1]: there is no shard 1 of db; expected shard[0] to shard[0]",
        ],
    ),
    (
        "type: database,",
        "type: database, replicas: 1, overrides: { 'shard[0]': { cores: 2 }, 'shard[0]/replica[2]': { speed: 0.5 } },",
        &[
            "19: components.db.overrides.shard[0].cores: the nodes of this database have `slots`; expected `slots`, or `cores` for all",
            "19: components.db.overrides.shard[0]/replica[2]: there is no replica 2 of a shard of db; expected replica[0] to replica[0]",
        ],
    ),
    (
        "type: database,",
        "type: database, cores: 2, overrides: { 'shard[0]': { slots: 2 } },",
        &[
            "19: components.db.overrides.shard[0].slots: the nodes of this database have `cores` that operations share; expected `cores`",
        ],
    ),
    (
        "read: 2ms, write",
        "read: { rows: 5, indexed: true, bytes: 5kB }, write",
        &[
            "19: components.db.operations.read.bytes: unknown field; there are time, write, rows, returned, per_row, indexed, per_probe, lock, scatter",
        ],
    ),
    (
        "read: 2ms, write",
        "read: { per_row: 1us }, write",
        &["19: components.db.operations.read: `rows` is missing; the time is rows × per_row"],
    ),
    (
        "read: 2ms, write",
        "read: { indexed: true }, write",
        &["19: components.db.operations.read: `rows` is missing; an index has as many steps as log2(rows)"],
    ),
    (
        "read: 2ms, write",
        "read: { lock: true, per_probe: 1us, returned: 5 }, write",
        &[
            "19: warning: components.db.operations.read.lock: `lock` has no effect: the database has no `locks`",
            "19: warning: components.db.operations.read.per_probe: `per_probe` has no effect: the operation is not `indexed`",
            "19: warning: components.db.operations.read.returned: `returned` has no effect: the operation is not `indexed`: it reads all rows",
        ],
    ),
    (
        "read: 2ms, write",
        "'a b': 2ms, read: 2ms, write",
        &["19: components.db.operations.a b: \"a b\" can't be a name; expected letters, digits, - and _"],
    ),
    (
        "operations: { read: 2ms, write: 3ms }",
        "operations: {}",
        &["19: components.db.operations: found an empty map; expected read, write or another operation"],
    ),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_changes(CHANGED);
}
