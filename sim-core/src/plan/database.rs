//! Databases.

/// A database.
#[derive(Debug, Clone)]
pub struct DatabasePlan {
    /// The component.
    pub component: u32,
    /// How many shards.
    pub shards: u32,
    /// What decides the shard.
    pub by_client: bool,
    /// Whether the key is hashed first.
    pub hashed: bool,
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
    /// Where its draws are keyed.
    pub site: u64,
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
