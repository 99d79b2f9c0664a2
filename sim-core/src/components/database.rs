//! Databases: shards, replicas, connections, operations.

mod overrides;
mod part;

use std::collections::BTreeMap;

use crate::components::{LeftOut, sentences};
use crate::model::address::{Address, Part};
use crate::model::cost::Cost;
use crate::model::node::EMPTY_MAP;
use crate::model::spec::About;
use crate::model::value::{Cores, Count, Factor, Rate, Share, Time, TimeDistribution};
use crate::{choices, spec};

spec! {
    /// Keeps data: a relational database, a document store.
    pub struct DatabaseSpec, component("database") {
        /// Into how many parts the data are divided.
        shards: Count = default(1).range(1, 10_000).live();
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
        /// How long after its commit a replica has a write: one draw for each write and replica.
        lag: TimeDistribution = default("0s");
        /// What a replica's slots or cores spend on each write of the primary.
        apply: TimeDistribution = default("0s");
        /// How many indexes each write keeps up to date.
        indexes: Count = default(0).range(0, 1000);
        /// By how much each index makes a write longer.
        index_write_cost: Share = default("10%");
        /// Whether operations on one key wait for each other: the rows that they lock.
        locks: Locks = default("none");
        /// The share of reads that ask every shard and wait for all of them.
        scatter: Share = default(0);
        /// How a replica takes over from a primary that has crashed; left out, its writes fail until it is back.
        failover: Failover = optional;
        /// How keys move when `shards` changes; left out, at once and for nothing.
        rebalance: Rebalance = optional;
        /// What single nodes have otherwise, by their place: `shard[1]` is the primary of a shard, `shard[1]/replica[0]` one of its replicas.
        overrides: BTreeMap<String, NodeOverride> = default(EMPTY_MAP);
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        about ABOUT;
    }
}

const LEAVES_OUT: [LeftOut<DatabaseSpec>; 4] = [
    (
        |_| true,
        "Operations on one node do not slow each other but through slots or cores, for there is no buffer cache, no disk and no vacuum: leans towards too fast where data do not fit in memory.",
    ),
    (
        |database| database.replicas.0 > 0 && !database.replicates(),
        "Read replicas have every write at once, at no cost: leans towards too fast and too fresh.",
    ),
    (
        |database| database.failover.is_some(),
        "A replica that takes over has every write, so that none is lost by a failover: leans towards too good.",
    ),
    (
        |database| database.locks == Locks::Key,
        "Locks last for an operation, not to the end of a transaction of several: leans towards too fast.",
    ),
];

const ABOUT: About = About {
    imitates: "A relational or document store: shards, read replicas, a limit on connections (PostgreSQL's `max_connections`), and operations whose time follows from rows: a scan reads them all, an index walks log2 of them.",
    leaves_out: &sentences(&LEAVES_OUT),
    checked: &[
        "Slots and shared cores are stations as those of server pools, which are held against their closed forms; placement against a slow twin.",
    ],
};

/// The operations that a node works on at a time where nothing is said.
pub const SLOTS_DEFAULT: u64 = 8;

impl DatabaseSpec {
    /// The overrides of single nodes, with the number of their shard and, where they are no primary, of their replica.
    pub fn overrides_by_node(&self) -> impl Iterator<Item = ((u64, Option<u64>), &NodeOverride)> {
        self.overrides.iter().filter_map(|(place, own)| Some((node_at(place)?, own)))
    }

    /// Whether replicas get writes later than they are committed, or have work with them.
    pub fn replicates(&self) -> bool {
        let takes_time = |time: &TimeDistribution| time.0.as_constant() != Some(0.0);
        self.replicas.0 > 0 && (takes_time(&self.lag) || takes_time(&self.apply))
    }

    /// How much longer writes are for the indexes that they keep up to date.
    pub fn write_factor(&self) -> f64 {
        1.0 + self.indexes.0 as f64 * self.index_write_cost.0
    }

    /// The share of an operation that asks every shard.
    pub fn scatter_of(&self, name: &str, operation: &Operation) -> f64 {
        let usual = if operation.is_write(name) { 0.0 } else { self.scatter.0 };
        if self.shards.0 > 1 { operation.scatter.map_or(usual, |share| share.0) } else { 0.0 }
    }

    /// How many operations a node works on at a time; `None` where they share cores.
    pub fn slots(&self) -> Option<u64> {
        match (self.slots, self.cores) {
            (Some(slots), _) => Some(slots.0),
            (None, Some(_)) => None,
            (None, None) => Some(SLOTS_DEFAULT),
        }
    }
}

/// The node at a place such as `shard[1]/replica[0]`.
pub fn node_at(place: &str) -> Option<(u64, Option<u64>)> {
    // Addresses begin with their component.
    let address = Address::parse(&format!("database/{place}")).ok()?;
    match *address.parts.as_slice() {
        [(Part::Shard, shard)] => Some((shard, None)),
        [(Part::Shard, shard), (Part::Replica, replica)] => Some((shard, Some(replica))),
        _ => None,
    }
}

spec! {
    /// What a single node has otherwise.
    pub struct NodeOverride {
        /// How fast it works; an operation of 10ms takes 5ms at 2.
        speed: Factor = optional.range(0.000_001, 1_000_000);
        /// How many operations it works on at a time, first come first served.
        slots: Count = optional.range(1, 1_000_000);
        /// Its cores, which operations share.
        cores: Cores = optional.range("1m", 10_000);
        /// The share of its operations that fail after their work.
        error_rate: Share = optional;
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
        /// Whether it locks its key, where the database has `locks`; left out, only writes do.
        lock: bool = optional;
        /// The share of it that asks every shard; left out, that of all reads.
        scatter: Share = optional;
    }
}

impl Operation {
    /// Whether it locks its key, where the database has locks.
    pub fn locks(&self, name: &str) -> bool {
        self.lock.unwrap_or(self.is_write(name))
    }

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
        /// A ring of hashes: another shard takes its part of the keys and moves no others.
        Consistent = "consistent";
        /// The keys in the order of their numbers, in as many equal pieces.
        Range = "range";
    }
}

choices! {
    /// Whether operations on one key wait for each other.
    pub enum Locks {
        /// They don't.
        None = "none";
        /// Those that lock a key have it for as long as they take, one after the other (row locks).
        Key = "key";
    }
}

spec! {
    /// How a replica takes over from a primary that has crashed.
    pub struct Failover {
        /// How long it takes to notice.
        detect: Time = required;
        /// How long a replica takes to become the primary.
        promote: Time = required;
    }
}

spec! {
    /// How keys move to other shards.
    pub struct Rebalance {
        /// How many keys move in a time.
        rate: Rate = required;
        /// What each key costs the node that it leaves and the node that it comes to.
        work: TimeDistribution = default("0s");
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
