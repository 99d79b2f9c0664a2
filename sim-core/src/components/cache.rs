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

use std::collections::BTreeMap;

use crate::components::Part;
use crate::components::{Nature, Outgoing};
use crate::lower::{CallSpec, Caller, Lowering};
use crate::model::address::Address;
use crate::model::cost::Cost;
use crate::model::link::{Link, Scope};
use crate::model::node::{EMPTY_MAP, Node, Value};
use crate::model::spec::{About, Place, Read, Reader, Shape};
use crate::model::validate::{Call, Check, Edge, Flow, Places};
use crate::model::value::{Count, Share, Size, Time, TimeDistribution};
use crate::plan::{ChangeKind, Target};
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
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        later ["overrides"];
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

/// What can be asked of it.
const OPERATIONS: [&str; 3] = ["read", "write", "delete"];

impl Part for CacheSpec {
    fn stations(&self) -> Vec<&'static str> {
        vec!["threads"]
    }

    fn check(&self, name: &str, check: &mut Check) {
        if let Some(backing) = &self.backing {
            check.link(backing);
            if backing.to.as_str() == name {
                check.diagnostics.push(backing.to.at.error("a cache can't be backed by itself"));
            }
        } else {
            check.ignored(&self.at, "on_failure", "the cache has no `backing`");
            let through = [(self.loads(), "reads"), (self.writes(), "writes")];
            if let Some((_, what)) = through.iter().find(|(is, _)| *is) {
                let found = "`backing` is missing";
                check
                    .diagnostics
                    .push(self.at.error(found).help(format!("the cache {what} through to what is behind it")));
            }
        }
        self.check_details(check);
        if self.read.is_some() && self.write.is_some() {
            check.ignored(&self.at, "strategy", "`read` and `write` are given");
        }
        if self.capacity.is_none() && self.eviction != Eviction::None {
            check.ignored(&self.at, "eviction", "the cache has no `capacity`, so it is never full");
        }
    }

    fn nature() -> Nature {
        Nature { crashes: true, works: true, ..Nature::CALLED }
    }

    fn links(&self) -> Vec<Outgoing<'_>> {
        self.backing.iter().map(Outgoing::over).collect()
    }

    fn scope(&self) -> Scope {
        self.scope
    }

    /// What a database behind it has goes through it as a read.
    fn offers<'d>(&'d self, flow: &Flow<'d>) -> Option<Vec<&'d str>> {
        let mut known = OPERATIONS.to_vec();
        let source = self.backing.as_ref().and_then(|link| flow.draft.components.get(flow.source_of(link.to.as_str())));
        let behind = source.map_or_else(Vec::new, |component| component.part().operations());
        known.extend(behind.into_iter().filter(|name| !OPERATIONS.contains(name)));
        Some(known)
    }

    fn answers_from(&self) -> Option<&Link> {
        self.backing.as_ref()
    }

    fn passes_on(&self) -> bool {
        self.scope == Scope::PerReplica || self.read_mode() == ReadMode::Aside
    }

    fn calls(&self, call: &Call, flow: &mut Flow, edges: &mut Vec<Edge>) {
        let operation = flow.operation_name(call);
        if !OPERATIONS.contains(&operation.as_str()) && self.backing.is_none() {
            flow.unknown_operation(&self.at, call, &operation, &OPERATIONS);
        }
        if !call.has_key {
            let found = format!("calls of {} come without a key: they bypass the cache", call.class);
            flow.diagnostics.push(self.at.warning(found).help("give the class or the call a `key`"));
        }
        if let Some(backing) = self.backing.as_ref().filter(|_| operation != "delete") {
            call.follow(backing, edges);
        }
    }

    fn instance(&self, address: &Address, places: &mut Places) {
        if self.nodes.0 > 1 && address.parts.is_empty() {
            if let Some(node) = address.replica {
                places.numbered(address, "node", node, Some(self.nodes.0));
            }
        } else if self.scope == Scope::Shared || !address.parts.is_empty() {
            let found = format!("{} has no instance of this name", address.component);
            places.wrong(address, found, address.component.clone());
        }
    }

    fn is_by_operation(&self) -> bool {
        true
    }

    fn target(&self, id: u32) -> Target {
        if self.nodes.0 > 1 { Target::Chosen(id) } else { Target::Copy(id) }
    }

    fn lower(&self, id: u32, name: &str, lowering: &mut Lowering) {
        lowering.cache(id, name, self);
    }

    fn call(&self, id: u32, lowering: &mut Lowering, caller: &mut Caller, call: CallSpec) {
        lowering.cache_call(id, caller, call, self);
    }

    fn change(&self, component: u32, field: &str, lowering: &Lowering) -> Option<ChangeKind> {
        match field {
            "capacity" => Some(ChangeKind::Capacity {
                component,
                capacity: match self.capacity {
                    Some(Capacity::Items(most) | Capacity::Bytes(most)) => most,
                    None => u64::MAX,
                },
            }),
            "ttl" => Some(ChangeKind::Ttl { component, ttl_ns: lowering.ttls(self.ttl.as_ref()) }),
            _ => None,
        }
    }

    fn assumptions(&self) -> Vec<&'static str> {
        let mut list = Vec::new();
        if !self.coalesce {
            list.push("Two requests that miss the same key at once both load it: loads are not coalesced.");
        }
        if self.coalesce {
            list.push(
                "Waiting for another's load costs nothing at the cache: a lock in Redis would be polled; leans towards too fast.",
            );
        }
        if self.write_mode() == WriteMode::Behind {
            list.push(
                "A flush writes its keys one after the other and a failed one waits for the next flush; leans towards a slow backlog.",
            );
        }
        if self.invalidate_tags {
            list.push(
                "Taking out what has a tag costs one delete, however many items that are; leans towards too fast.",
            );
        }
        if self.nodes.0 > 1 {
            list.push(
                "Clients of a cluster know its slots; a node that is down is missed until it is back: replicas are not promoted.",
            );
        }
        if matches!(self.capacity, Some(Capacity::Bytes(_))) {
            list.push(
                "Items weigh their own bytes alone, not those that the cache keeps with each; leans towards too many hits.",
            );
        }
        list
    }
}

impl CacheSpec {
    /// What excludes each other in a cache, and what has no effect.
    fn check_details(&self, check: &mut Check) {
        if self.nodes.0 > 1 && self.scope == Scope::PerReplica {
            let found = "found `nodes` and `scope: per-replica`";
            check.diagnostics.push(self.at.field("nodes").error(found).expected("one of them: a cluster is shared"));
        }
        let lives = self.ttl.is_some();
        let ahead = self.read_mode() == ReadMode::Ahead;
        for field in ["ttl_jitter", "stale_while_revalidate", "stale_if_error"] {
            if !lives {
                check.ignored(&self.at, field, "the cache has no `ttl`, so nothing ends");
            }
        }
        if !ahead || !lives {
            check.ignored(&self.at, "refresh", "nothing is read ahead");
        }
        if self.write_mode() != WriteMode::Behind {
            check.ignored(&self.at, "flush", "the cache does not write behind");
        }
        if self.write_mode() == WriteMode::Around || (self.write_mode() == WriteMode::Update && !self.writes()) {
            check.ignored(&self.at, "invalidate_tags", "writes take nothing out");
        }
    }
}

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
