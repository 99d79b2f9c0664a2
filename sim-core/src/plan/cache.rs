//! Caches.

use crate::policy::eviction::Eviction;

/// A cache.
#[derive(Debug, Clone)]
pub struct CachePlan {
    /// The component.
    pub component: u32,
    /// How many entries.
    pub capacity: u64,
    /// Which entry goes.
    pub eviction: Eviction,
    /// Where what its eviction draws is keyed.
    pub site: u64,
    /// How long an entry lives, nanoseconds; 0: for ever. By keyspace (last: without one).
    pub ttl_ns: Vec<u64>,
    /// The database (a component) whose versions its entries have; `NONE`: none.
    pub versions_of: u32,
}
