//! Databases: shards, replicas, connections, operations.

use std::collections::BTreeMap;

use crate::model::cost::Cost;
use crate::model::spec::About;
use crate::model::value::{Cores, Count, Share, Time, TimeDistribution};
use crate::{choices, spec};

spec! {
    /// Keeps data: a relational database, a document store.
    pub struct DatabaseSpec, component("database") {
        /// Into how many parts the data are divided.
        shards: Count = default(1).range(1, 10_000);
        /// What decides on the shard.
        shard_by: ShardBy = default("key");
        /// How it decides.
        placement: Placement = default("modulo");
        /// How many copies each shard has besides its primary.
        replicas: Count = default(0).range(0, 1000);
        /// Which node of a shard answers reads.
        read_from: ReadFrom = default("primary");
        /// How many open connections each primary takes; more are refused.
        connections: Count = optional.range(1, 10_000_000);
        /// How many operations each node works on at a time, first come first served; 8 where neither this nor `cores` is said.
        slots: Count = optional.range(1, 1_000_000).live();
        /// Cores of each node that operations share, instead of slots.
        cores: Cores = optional.range("1m", 10_000);
        /// What can be asked of it, and how long each takes.
        operations: BTreeMap<String, Operation> = required;
        /// The share of operations that fail after their work.
        error_rate: Share = default(0).live();
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        later [
            "lag", "apply", "indexes", "index_write_cost", "locks", "scatter", "failover", "rebalance", "overrides",
            "partitions", "size",
        ];
        about ABOUT;
    }
}

const ABOUT: About = About {
    imitates: "A relational or document store: shards, read replicas, a limit on connections (PostgreSQL's `max_connections`), and operations whose time follows from rows: a scan reads them all, an index walks log2 of them.",
    leaves_out: &[
        "Operations on one node do not slow each other but through slots or cores: no buffer cache, no disk, no vacuum. Leans towards too fast where data do not fit in memory.",
    ],
    checked: &["Slots against M/M/c; closed networks against exact mean-value analysis."],
};

/// The operations that a node works on at a time where nothing is said.
pub const SLOTS_DEFAULT: u64 = 8;

impl DatabaseSpec {
    /// How many operations a node works on at a time; `None` where they share cores.
    pub fn slots(&self) -> Option<u64> {
        match (self.slots, self.cores) {
            (Some(slots), _) => Some(slots.0),
            (None, Some(_)) => None,
            (None, None) => Some(SLOTS_DEFAULT),
        }
    }
}

spec! {
    /// Something that can be asked of a database: its time, and the time that follows from rows.
    pub struct Operation, short("time") {
        /// How long it takes, rows apart.
        time: TimeDistribution = default("0s");
        /// Whether it changes data; left out, only `write` does.
        write: bool = optional;
        /// The rows of the table.
        rows: Count = optional.range(0, 1_000_000_000_000_u64);
        /// The rows that come back.
        returned: Count = default(1).range(0, 1_000_000_000_u64);
        /// The time of each row that is read.
        per_row: Time = default("0s");
        /// Whether an index finds the rows: log2(rows) × per_probe + returned × per_row, instead of rows × per_row.
        indexed: bool = default(false);
        /// The time of each step down the index.
        per_probe: Time = default("0s");
        later ["lock", "scatter", "bytes"];
    }
}

impl Operation {
    /// Whether it changes data.
    pub fn is_write(&self, name: &str) -> bool {
        self.write.unwrap_or(name == "write")
    }
}

choices! {
    /// What decides on the shard.
    pub enum ShardBy {
        /// The key that is asked for.
        Key = "key";
        /// The client that asks.
        Client = "client";
    }
}

choices! {
    /// How the shard is decided on.
    pub enum Placement {
        /// The key's number modulo the number of shards.
        Modulo = "modulo";
        /// A hash of the key, modulo the number of shards.
        Hash = "hash";
        later ["consistent", "range"];
    }
}

choices! {
    /// Which node of a shard answers reads.
    pub enum ReadFrom {
        /// The primary.
        Primary = "primary";
        /// The replicas, in turn.
        Replica = "replica";
        /// Primary and replicas, in turn.
        Any = "any";
    }
}
