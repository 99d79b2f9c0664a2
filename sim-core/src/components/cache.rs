//! Caches: what was looked up before is there sooner.

use std::collections::BTreeMap;

use crate::model::cost::Cost;
use crate::model::link::{Link, Scope};
use crate::model::node::{EMPTY_MAP, Node, Value};
use crate::model::spec::{About, Place, Read, Reader, Shape};
use crate::model::value::{Count, Size, Time, TimeDistribution};
use crate::{choices, spec};

spec! {
    /// Keeps what was asked for before.
    pub struct CacheSpec, component("cache") {
        /// Whether there is one for all, or one in each instance of the caller.
        scope: Scope = default("shared");
        /// How much it holds, items or bytes; left out, everything.
        capacity: Capacity = optional.live();
        /// Which item goes when it is full.
        eviction: Eviction = default("lru");
        /// How long an item is good, from its fill; left out, for ever.
        ttl: Ttl = optional.live();
        /// Who loads what is missing: the caller (`aside`) or the cache itself (`through`); left out, as the strategy says.
        read: ReadMode = optional;
        /// What a write does: `invalidate` removes the item, `through` writes cache and backing; left out, as the strategy says.
        write: WriteMode = optional;
        /// A usual pair of `read` and `write`.
        strategy: Strategy = default("cache-aside");
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
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        later [
            "ttl_jitter", "flush", "coalesce", "invalidate_tags", "stale_while_revalidate", "stale_if_error", "warm", "nodes",
            "refresh", "overrides",
        ];
        about ABOUT;
    }
}

const ABOUT: About = About {
    imitates: "Redis, memcached and caches inside of processes: entries with a time to live, and what the caller does around them (cache-aside, read-through, write-through). Each policy of eviction names its paper or product.",
    leaves_out: &[
        "Expired entries take room until they are met or evicted: leans towards fewer hits than Redis has, which removes some actively.",
    ],
    checked: &[
        "Each policy against a slow twin, hit by hit, on random traces.",
        "LRU, FIFO and random under Zipf against Che's approximation; times to live against λT ÷ (1 + λT).",
    ],
};

impl CacheSpec {
    /// Who loads what is missing.
    pub fn read_mode(&self) -> ReadMode {
        self.read.unwrap_or(match self.strategy {
            Strategy::CacheAside => ReadMode::Aside,
            Strategy::ReadThrough | Strategy::WriteThrough => ReadMode::Through,
        })
    }

    /// What a write does.
    pub fn write_mode(&self) -> WriteMode {
        self.write.unwrap_or(match self.strategy {
            Strategy::CacheAside | Strategy::ReadThrough => WriteMode::Invalidate,
            Strategy::WriteThrough => WriteMode::Through,
        })
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
            Value::String(_) => {
                Size::read(node, reader)?;
                reader.later(node, "a capacity in bytes")
            }
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
        later ["ahead"];
    }
}

choices! {
    /// What a write does.
    pub enum WriteMode {
        /// It goes to the backing; then the item is removed.
        Invalidate = "invalidate";
        /// The cache writes the backing, then keeps the item.
        Through = "through";
        later ["update", "behind", "around"];
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
        later ["write-behind", "write-around", "refresh-ahead"];
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
