//! Caches: what was looked up before is there sooner.
//!
//! | strategy | hit | miss | write |
//! |---|---|---|---|
//! | `cache-aside` | get | get; the caller loads over `backing`; set | the caller writes to `backing`; then delete |
//! | `read-through` | get | the cache loads over `backing` and keeps it, then answers | the cache writes to `backing`; then removes |
//! | `write-through` | get | as `read-through` | the cache writes to `backing` and keeps it, then answers |
//! | `write-behind` | get | as `read-through`; what waits to be written is a hit | the cache keeps it and answers; a flush writes it |
//! | `write-around` | get | as `cache-aside` | the caller writes to `backing`; the cache is not told |
//! | `refresh-ahead` | get; near its end one load in the background | as `read-through` | as `read-through` |
//! | `write: update` | | | whoever writes to `backing` sets the item anew |
//!
//! A get, set or delete is a round trip of the caller's link and `service` at one of `threads`.

mod part;

use std::collections::BTreeMap;

use crate::components::{LeftOut, sentences};
use crate::model::cost::Cost;
use crate::model::link::{Link, Scope};
use crate::model::node::{EMPTY_MAP, Node, Value};
use crate::model::spec::{About, Place, Read, Reader, Shape};
use crate::model::value::{Count, Factor, Share, Size, Time, TimeDistribution};
use crate::{choices, spec};

spec! {
    /// Keeps what was asked for before: Redis, memcached, or the memory of a process.
    pub struct CacheSpec, component("cache") {
        /// Whether there is one for all, or one in each instance of the caller.
        scope: Scope = default("shared");
        /// How much it holds, items or bytes, all nodes together; left out, everything. Bytes are those of the class's `size`, drawn once a key.
        capacity: Capacity = optional.live();
        /// Which item goes when it is full.
        eviction: Eviction = default("lru");
        /// How long an item is good, from its fill; left out, for ever.
        ttl: Ttl = optional.live();
        /// By how large a share of its `ttl` an item lives longer or shorter, at most: items filled together don't end together.
        ttl_jitter: Share = default("0%");
        /// Who loads what is missing: the caller (`aside`) or the cache itself (`through`, `ahead`); left out, as the strategy says.
        read: ReadMode = optional;
        /// What a write does to the cache; left out, as the strategy says.
        write: WriteMode = optional;
        /// A usual pair of `read` and `write`.
        strategy: Strategy = default("cache-aside");
        /// With `read: ahead`: from which share of an item's life on a hit loads it anew (Coherence's refresh-ahead factor).
        refresh: Share = default("80%");
        /// With `write: behind`: when what was written here is written to the backing.
        flush: Flush = default(EMPTY_MAP);
        /// Whether callers that miss a key while it is being loaded wait for that load (one lock a key, at the cache).
        coalesce: bool = default(false);
        /// Whether a write also takes out all items that share a tag with its class.
        invalidate_tags: bool = default(false);
        /// For how long after its `ttl` an item is still served while one load in the background renews it (RFC 5861).
        stale_while_revalidate: Time = optional;
        /// For how long after its `ttl` an item still answers where its load failed (RFC 5861).
        stale_if_error: Time = optional;
        /// What is in it at the start: so many of the most popular keys, or a share of them; of all keyspaces, or by keyspace.
        warm: Warm = optional;
        /// How many nodes share its keys by hash slot (Redis Cluster: CRC16 of the key's number as text, 16384 slots).
        nodes: Count = default(1).range(1, 1_000);
        /// What each operation takes in it.
        service: TimeDistribution = default("0s");
        /// How many operations it works on at a time.
        threads: Count = default(1).range(1, 100_000);
        /// Whether the caller waits until what was loaded is filled in.
        fill: Fill = default("sync");
        /// What the caller does when the cache doesn't answer.
        on_failure: OnFailure = default("backing");
        /// What single operations take, where it is not `service`.
        operations: CacheOperations = default(EMPTY_MAP);
        /// Where the data are.
        backing: Link = optional.beside("link");
        /// What single nodes of a cluster have otherwise, by number.
        overrides: BTreeMap<String, CacheNodeOverride> = default(EMPTY_MAP);
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        about ABOUT;
    }
}

const LEAVES_OUT: [LeftOut<CacheSpec>; 9] = [
    (
        |cache| cache.ttl.is_some(),
        "Expired entries take room until they are met or evicted: leans towards fewer hits than Redis has, which removes some actively.",
    ),
    (
        |cache| !cache.coalesce,
        "Two requests that miss the same key at once both load it: leans towards too much load where clients have a lock for that.",
    ),
    (
        |cache| cache.coalesce,
        "Waiting for another's load costs nothing at the cache, where a lock in Redis would be polled: leans towards too fast.",
    ),
    (
        |cache| cache.coalesce,
        "Those who wait for a load share its error, where each could try for itself: leans towards more errors and less load while the backing fails.",
    ),
    (
        |cache| matches!(cache.eviction, Eviction::RedisLru | Eviction::RedisLfu),
        "What Redis' policies sample may be the same entry twice: leans towards slightly fewer hits.",
    ),
    (
        |cache| cache.write_mode() == WriteMode::Behind,
        "A flush writes its keys one after the other, and one that fails waits for the next flush: leans towards a slow backlog.",
    ),
    (
        |cache| cache.invalidate_tags,
        "Taking out what has a tag costs one delete, however many items that are: leans towards too fast.",
    ),
    (
        |cache| cache.nodes.0 > 1,
        "Clients of a cluster know its slots, and a node that is down is missed until it is back, for replicas are not promoted: leans towards too much load on the backing.",
    ),
    (
        |cache| matches!(cache.capacity, Some(Capacity::Bytes(_))),
        "Items weigh their own bytes alone, not those that the cache keeps with each: leans towards too many hits.",
    ),
];

const ABOUT: About = About {
    imitates: "Redis, memcached and caches inside of processes: entries with a time to live, and what the caller does around them (cache-aside, read-through, write-through). Each policy of eviction names its paper or product.",
    leaves_out: &sentences(&LEAVES_OUT),
    checked: &[
        "Each policy against a slow twin, hit by hit, on random traces.",
        "LRU, FIFO and random under Zipf against Che's approximation; times to live against λT ÷ (1 + λT).",
    ],
};

impl CacheSpec {
    /// Who loads what is missing.
    pub fn read_mode(&self) -> ReadMode {
        self.read.unwrap_or(match self.strategy {
            Strategy::CacheAside | Strategy::WriteAround => ReadMode::Aside,
            Strategy::ReadThrough | Strategy::WriteThrough | Strategy::WriteBehind => ReadMode::Through,
            Strategy::RefreshAhead => ReadMode::Ahead,
        })
    }

    /// What a write does.
    pub fn write_mode(&self) -> WriteMode {
        self.write.unwrap_or(match self.strategy {
            Strategy::CacheAside | Strategy::ReadThrough | Strategy::RefreshAhead => WriteMode::Invalidate,
            Strategy::WriteThrough => WriteMode::Through,
            Strategy::WriteBehind => WriteMode::Behind,
            Strategy::WriteAround => WriteMode::Around,
        })
    }

    /// Whether the cache itself loads what is missing.
    pub fn loads(&self) -> bool {
        self.read_mode() != ReadMode::Aside
    }

    /// Whether the cache itself writes to its backing.
    pub fn writes(&self) -> bool {
        match self.write_mode() {
            WriteMode::Through | WriteMode::Behind => true,
            WriteMode::Invalidate | WriteMode::Update | WriteMode::Around => self.loads(),
        }
    }

    /// For how long after their `ttl` items are served while they are renewed, ns.
    pub fn revalidate_ns(&self) -> u64 {
        self.stale_while_revalidate.map_or(0, |time| time.0)
    }

    /// For how long after their `ttl` items are kept at all, ns.
    pub fn grace_ns(&self) -> u64 {
        self.revalidate_ns().max(self.stale_if_error.map_or(0, |time| time.0))
    }

    /// Whether hits may load an item anew.
    pub fn refreshes(&self) -> bool {
        self.read_mode() == ReadMode::Ahead || self.stale_while_revalidate.is_some()
    }
}

spec! {
    /// What a single node of a cluster has otherwise.
    pub struct CacheNodeOverride {
        /// How fast it works; an operation of 1ms takes 2ms at 0.5.
        speed: Factor = optional.range(0.000_001, 1_000_000);
        /// How many operations it works on at a time.
        threads: Count = optional.range(1, 100_000);
    }
}

spec! {
    /// What the operations of a cache take, where it is not its `service`.
    pub struct CacheOperations {
        /// A look-up.
        read: TimeDistribution = optional;
        /// A fill or an update.
        write: TimeDistribution = optional;
        /// A removal.
        delete: TimeDistribution = optional;
    }
}

spec! {
    /// When a cache that writes behind writes to its backing: whichever comes first.
    pub struct Flush {
        /// The longest that a write waits.
        every: Time = default("1s").at_least("1ns");
        /// How many keys are written in one go, one after the other; so many waiting begin a flush at once.
        batch: Count = default(100).range(1, 1_000_000);
    }
}

/// What is in a cache at the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Warm {
    /// Of keyspaces that are not named.
    pub default: Option<WarmKeys>,
    /// Of those that are.
    pub by_keyspace: BTreeMap<String, WarmKeys>,
}

/// How many of a keyspace's most popular keys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WarmKeys {
    /// So many.
    Count(u64),
    /// A share of all.
    Share(f64),
}

impl WarmKeys {
    /// How many of so many keys.
    pub fn of(self, keys: u64) -> u64 {
        match self {
            Self::Count(count) => count.min(keys),
            Self::Share(share) => (share * keys as f64).round() as u64,
        }
    }
}

impl Read for WarmKeys {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Number(_) => Count::read(node, reader).map(|Count(count)| Self::Count(count)),
            Value::String(_) => Share::read(node, reader).map(|Share(share)| Self::Share(share)),
            Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => {
                reader.unexpected(node, "a number of keys, or a share of them as \"10%\"")
            }
        }
    }

    fn shape() -> Shape {
        Shape::Any(vec![Count::shape(), Share::shape()])
    }
}

impl Read for Warm {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::Map(_) = &node.value else {
            let default = WarmKeys::read(node, reader)?;
            return Some(Self { default: Some(default), by_keyspace: BTreeMap::new() });
        };
        let mut by_keyspace = BTreeMap::<String, WarmKeys>::read(node, reader)?;
        Some(Self { default: by_keyspace.remove("default"), by_keyspace })
    }

    fn shape() -> Shape {
        Shape::Any(vec![WarmKeys::shape(), Shape::Map(Box::new(WarmKeys::shape()))])
    }
}

/// How much a cache holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capacity {
    /// So many items.
    Items(u64),
    /// So many bytes.
    Bytes(u64),
}

impl Read for Capacity {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Number(_) => match Count::read(node, reader)? {
                Count(items) if items > 1_000_000_000 => reader.unexpected(node, "at most 1000000000 items"),
                Count(items) => Some(Self::Items(items)),
            },
            Value::String(_) => Size::read(node, reader).map(|Size(bytes)| Self::Bytes(bytes)),
            Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => {
                reader.unexpected(node, "a number of items, or a size as \"2GiB\"")
            }
        }
    }

    fn shape() -> Shape {
        Shape::Any(vec![Count::shape(), Size::shape()])
    }
}

/// How long items are good, by keyspace.
#[derive(Debug, Clone, PartialEq)]
pub struct Ttl {
    /// For keyspaces that are not named; `None`: for ever.
    pub default: Option<Time>,
    /// For those that are.
    pub by_keyspace: BTreeMap<String, Time>,
    /// Where it was written.
    pub at: Place,
}

impl Ttl {
    /// For a keyspace, in ns; `None`: for ever.
    pub fn of(&self, keyspace: &str) -> Option<u64> {
        self.by_keyspace.get(keyspace).copied().or(self.default).map(|time| time.0)
    }
}

/// How long an item is good: a time above 0.
struct Lifetime(Time);

impl Read for Lifetime {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match Time::read(node, reader)? {
            Time(0) => reader.unexpected(node, "at least 1ns; without `ttl` items are good for ever"),
            time => Some(Self(time)),
        }
    }

    fn shape() -> Shape {
        Time::shape()
    }
}

impl Read for Ttl {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let at = Place::of(node);
        let Value::Map(_) = &node.value else {
            let Lifetime(time) = Lifetime::read(node, reader)?;
            return Some(Self { default: Some(time), by_keyspace: BTreeMap::new(), at });
        };
        let lifetimes = BTreeMap::<String, Lifetime>::read(node, reader)?;
        let mut by_keyspace: BTreeMap<String, Time> =
            lifetimes.into_iter().map(|(name, Lifetime(time))| (name, time)).collect();
        Some(Self { default: by_keyspace.remove("default"), by_keyspace, at })
    }

    fn shape() -> Shape {
        Shape::Any(vec![Time::shape(), Shape::Map(Box::new(Time::shape()))])
    }
}

choices! {
    /// Which item goes when a cache is full.
    pub enum Eviction {
        /// The one that was not asked for the longest.
        Lru = "lru";
        /// The one that came first.
        Fifo = "fifo";
        /// The one that was asked for least often since it came; of several, the one that was not asked for the longest.
        Lfu = "lfu";
        /// Any.
        Random = "random";
        /// SIEVE (NSDI 2024): a hand passes over what was asked for since it last came by.
        Sieve = "sieve";
        /// S3-FIFO (SOSP 2023): a small queue of 10% in front, so that what is asked for once leaves soon.
        S3Fifo = "s3-fifo";
        /// W-TinyLFU, as in Caffeine: a window of 1%, and admission by a sketch of what was asked for of late.
        WTinyLfu = "w-tinylfu";
        /// ARC (Megiddo and Modha, FAST 2003): between recency and frequency, as the past says.
        Arc = "arc";
        /// Redis' `allkeys-lru`: the idlest of samples of five and a pool of 16 candidates, on a clock of seconds.
        RedisLru = "redis-lru";
        /// Redis' `allkeys-lfu`: the same by a logarithmic counter that falls by one a minute.
        RedisLfu = "redis-lfu";
        /// None: what finds it full is not kept (Redis' `noeviction`).
        None = "none";
    }
}

choices! {
    /// Who loads what is missing.
    pub enum ReadMode {
        /// The caller, over the cache's `backing`, with its own worker and pool; then it fills the cache.
        Aside = "aside";
        /// The cache.
        Through = "through";
        /// The cache, and it loads an item anew in the background when a hit finds it near its end.
        Ahead = "ahead";
    }
}

choices! {
    /// What a write does.
    pub enum WriteMode {
        /// It goes to the backing; then the item is removed.
        Invalidate = "invalidate";
        /// It goes to the backing; then the item is set anew.
        Update = "update";
        /// The cache writes the backing, then keeps the item.
        Through = "through";
        /// The cache keeps the item and answers; it writes the backing later. Writes of one key in between become one.
        Behind = "behind";
        /// It goes to the backing alone: the cache serves the old item until its end.
        Around = "around";
    }
}

choices! {
    /// A usual pair of `read` and `write`.
    pub enum Strategy {
        /// `read: aside`, `write: invalidate`.
        CacheAside = "cache-aside";
        /// `read: through`, `write: invalidate`.
        ReadThrough = "read-through";
        /// `read: through`, `write: through`.
        WriteThrough = "write-through";
        /// `read: through`, `write: behind`.
        WriteBehind = "write-behind";
        /// `read: aside`, `write: around`.
        WriteAround = "write-around";
        /// `read: ahead`, `write: invalidate`.
        RefreshAhead = "refresh-ahead";
    }
}

choices! {
    /// Whether the caller waits for the fill.
    pub enum Fill {
        /// It waits.
        Sync = "sync";
        /// It goes on.
        Async = "async";
    }
}

choices! {
    /// What the caller does when the cache doesn't answer.
    pub enum OnFailure {
        /// It asks the backing.
        Backing = "backing";
        /// It fails.
        Fail = "fail";
    }
}
