//! Databases.

use super::Pc;
use crate::policy::placement::Rule;

/// A database.
#[derive(Debug, Clone)]
pub struct DatabasePlan {
    /// The component.
    pub component: u32,
    /// How many shards.
    pub shards: u32,
    /// What decides the shard.
    pub by_client: bool,
    /// How keys are placed.
    pub rule: Rule,
    /// How many keys there are, as far as that is known.
    pub keys: u64,
    /// Read replicas per shard.
    pub replicas: u32,
    /// Who serves reads.
    pub read_from: ReadFrom,
    /// The most open connections per primary; `NONE`: no limit.
    pub connections: u32,
    /// The share of operations that fail after the work.
    pub error_rate: f64,
    /// Whether versions are kept (a cache holds copies).
    pub versioned: bool,
    /// The program of a write at a replica; `NONE`: replicas have it at once, for nothing.
    pub replicate: Pc,
    /// The program of a key that moves, at each of its two nodes; `NONE`: it takes no work.
    pub mover: Pc,
    /// The time between two keys that move, nanoseconds; 0: all move at once.
    pub move_gap_ns: u64,
    /// The number of a node's station of locks; 0: there are none.
    pub lock_station: u8,
    /// How long after a primary's crash a replica takes over, nanoseconds; 0: never.
    pub failover_ns: u64,
    /// Where its draws are keyed.
    pub site: u64,
}

/// A step of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataStep {
    /// Waits for the lock of the key; `to` is the cell of the wait.
    Lock,
    /// Gives it back.
    Unlock,
    /// Goes on elsewhere unless this call asks all shards; `at` is the share, among the failures.
    Scatter,
    /// Goes to the node of shard `at`, or on elsewhere where there is none.
    OnShard,
    /// Sends a committed write to the replicas.
    Replicate,
    /// A replica has a write.
    Applied,
}

/// Who serves the reads of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// The primary.
    Primary,
    /// The replicas in turn.
    Replica,
    /// All in turn.
    Any,
}
