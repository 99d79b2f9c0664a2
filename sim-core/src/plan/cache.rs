//! Caches.

use super::Pc;
use crate::policy::eviction::Eviction;

/// A cache.
#[derive(Debug, Clone)]
pub struct CachePlan {
    /// The component.
    pub component: u32,
    /// How much it holds: entries, or bytes where it is `weighed`; of all nodes together.
    pub capacity: u64,
    /// Whether its entries weigh as many bytes as they have.
    pub weighed: bool,
    /// Which entry goes.
    pub eviction: Eviction,
    /// Where what its eviction and its times to live draw is keyed.
    pub site: u64,
    /// How long an entry lives, nanoseconds; 0: for ever. By keyspace (last: without one).
    pub ttl_ns: Vec<u64>,
    /// By how large a share of it that differs, at most, either way.
    pub ttl_jitter: f64,
    /// For how long after its end an entry is still served while it is loaded anew, nanoseconds.
    pub revalidate_ns: u64,
    /// For how long after its end an entry is still kept: the above, or as long as it stands in for failing loads.
    pub grace_ns: u64,
    /// From which share of its life on a hit loads it anew; `None`: only what has ended.
    pub refresh: Option<f64>,
    /// The database (a component) whose versions its entries have; `NONE`: none.
    pub versions_of: u32,
    /// Where each node's hash slots end; empty where there is one node.
    pub slot_ends: Vec<u16>,
    /// What is in it at the start: keyspace, how many of its most popular keys, and a class that says how large they are.
    pub warm: Vec<(u32, u64, Option<u16>)>,
    /// How writes are written behind it.
    pub flush: Option<FlushPlan>,
    /// Whether writes take what has their tags out.
    pub tagged: bool,
    /// What it is as a CDN; `None`: it is none.
    pub cdn: Option<CdnPlan>,
}

/// What a CDN has besides its caches.
#[derive(Debug, Clone)]
pub struct CdnPlan {
    /// By region: the round trip to its users, a draw; `None`: none.
    pub regions: Vec<Option<u32>>,
    /// Cumulative shares of the regions; empty where there is one.
    pub shares: Vec<f64>,
    /// The same of clients (components) that say where their users are.
    pub of_clients: Vec<(u32, Vec<f64>)>,
    /// By class: how long its answers are kept, nanoseconds; `None`: not at all.
    pub ttl_ns: Vec<Option<u64>>,
    /// The cell of the way between users and their region.
    pub cell: u16,
    /// Where the region of a client is keyed.
    pub site: u64,
    /// The shield that its regions ask instead of the origin, a component; `NONE`: none.
    pub shield: u32,
    /// By region: the round trip to the shield, a draw; `None`: none. Empty without a shield.
    pub to_shield: Vec<Option<u32>>,
    /// How answers are compressed.
    pub compress: Option<CompressPlan>,
}

/// How answers are compressed.
#[derive(Debug, Clone)]
pub struct CompressPlan {
    /// By class: whether its answers are.
    pub classes: Vec<bool>,
    /// What is left of a size.
    pub left: f64,
    /// The sizes that are compressed, bytes.
    pub sizes: std::ops::RangeInclusive<u64>,
}

impl CompressPlan {
    /// What an answer of a class comes to, bytes.
    pub fn compressed(&self, class: u16, bytes: u64) -> u64 {
        if self.classes[class as usize] && self.sizes.contains(&bytes) {
            (bytes as f64 * self.left).ceil() as u64
        } else {
            bytes
        }
    }
}

/// How a cache writes behind.
#[derive(Debug, Clone, Copy)]
pub struct FlushPlan {
    /// The longest that a write waits for its flush to begin, nanoseconds.
    pub every_ns: u64,
    /// How many are written in one go, one after the other.
    pub batch: u32,
    /// Where the program of a flush begins.
    pub program: Pc,
    /// Where its draws are keyed.
    pub site: u64,
}

/// What caches do besides looking up, storing and removing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheOp {
    /// Waits for the load of the same key that is in flight, or begins one: an index into [`super::Plan::flights`].
    Join(u32),
    /// The load is over: whoever waits for it goes on.
    EndFlight,
    /// Loads an entry anew in the background where that is due: an index into [`super::Plan::flights`].
    Refresh(u32),
    /// A load failed: an entry that has ended stands in, where there is one: an index into [`super::Plan::flights`].
    StandIn(u32),
    /// Keeps the key and writes it later.
    WriteLater(u32),
    /// The next key of a flush, or elsewhere when there is none.
    NextDirty {
        /// The cache, a component.
        cache: u32,
        /// Where to go on.
        to: Pc,
    },
    /// It has been written.
    Written(u32),
    /// It could not be written: later again.
    NotWritten(u32),
    /// A write takes out what has its tags.
    TakeTagged(u32),
    /// The way from a user to its region of a CDN, and back.
    Edge(u32),
    /// The way from a region of a CDN to its shield, and back.
    ToShield(u32),
    /// An answer of a CDN is made smaller.
    Compress(u32),
}

/// A place of a program where a load may be shared.
#[derive(Debug, Clone, Copy)]
pub struct FlightPlan {
    /// The cache, a component.
    pub cache: u32,
    /// Whether the frame is at the cache itself, not at a caller of it.
    pub own: bool,
    /// The cell of waiting.
    pub cell: u16,
    /// Where to go on: behind the load, or where a refresh in the background begins.
    pub to: Pc,
    /// Where a refresh's draws are keyed.
    pub site: u64,
}

/// A tag of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagPlan {
    /// The hash of its name.
    pub name: u64,
    /// How it depends on the key.
    pub by: TagBy,
}

/// How a tag depends on the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagBy {
    /// Not at all.
    Nothing,
    /// One for each so many neighbours.
    Divided(u64),
    /// One for each remainder.
    Remainder(u64),
}

impl TagPlan {
    /// The tag of a key, counted from the first of its keyspace.
    pub fn of(&self, number: u64) -> u64 {
        let part = match self.by {
            TagBy::Nothing => u64::MAX,
            TagBy::Divided(by) => number / by,
            TagBy::Remainder(by) => number % by,
        };
        crate::engine::rng::mix64(self.name ^ part.wrapping_mul(crate::engine::rng::PHI))
    }
}
