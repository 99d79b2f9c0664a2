//! What a cache keeps when it is full: a bounded store of keys, and the policies that choose what goes.
//!
//! LRU moves an entry to the front at every hit and drops the last; FIFO (as in libCacheSim: a rewritten entry keeps
//! its place) drops the one that came first; `none` is Redis' `noeviction`: a full cache takes nothing new. The others
//! have a file each, with their rule and its source: [`lfu`], [`sieve`], [`s3_fifo`], [`w_tinylfu`], [`arc`], and
//! [`sample`] (random, Redis' LRU and LFU).
//!
//! Common to all: an entry that has expired counts until it is met: by a look-up, or as the one to drop. What is
//! written again counts as used; where it has grown beyond its room, it is dropped and comes anew (with LRU and FIFO
//! others make room for it). What is larger than the whole store is not kept.

pub mod arc;
mod ghost;
mod index;
pub mod lfu;
pub mod s3_fifo;
pub mod sample;
pub mod sieve;
mod table;
#[cfg(test)]
mod tests;
pub mod w_tinylfu;

use arc::Arc;
use lfu::Lfu;
use s3_fifo::S3Fifo;
use sample::{Random, Redis, RedisBy};
use sieve::Sieve;
use table::{Entry, NO_ENTRY, Queue, Table};
use w_tinylfu::WTinyLfu;

/// Which entry goes when there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eviction {
    /// The one that was used least recently.
    Lru,
    /// The one that came first.
    Fifo,
    /// The one that was used least often.
    Lfu,
    /// Any.
    Random,
    /// SIEVE.
    Sieve,
    /// S3-FIFO.
    S3Fifo,
    /// W-TinyLFU.
    WTinyLfu,
    /// ARC.
    Arc,
    /// Redis' sample of the least recently used.
    RedisLru,
    /// Redis' sample of the least frequently used.
    RedisLfu,
    /// None: what is new isn't kept.
    None,
}

impl Eviction {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Lru,
        Self::Fifo,
        Self::Lfu,
        Self::Random,
        Self::Sieve,
        Self::S3Fifo,
        Self::WTinyLfu,
        Self::Arc,
        Self::RedisLru,
        Self::RedisLfu,
        Self::None,
    ];
}

/// What a look-up found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// The key, and it holds until after now.
    Hit {
        /// As it was inserted.
        version: u32,
        /// As it was inserted, in ns.
        expires_ns: i64,
    },
    /// The key, expired; it is gone now.
    Expired {
        /// As it was inserted.
        version: u32,
    },
    /// Not the key.
    Miss,
}

/// What an insertion did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inserted {
    /// Whether the key is in the store now. It isn't where it alone exceeds the capacity, or nothing may be evicted.
    pub stored: bool,
    /// Entries dropped that had not expired.
    pub evicted: u32,
    /// Entries dropped that had expired.
    pub expired: u32,
}

/// An expiry that never comes.
pub const NEVER_NS: i64 = i64::MAX;

/// Plays keys through a store of so many entries, each looked up and inserted where it is missing, and counts the hits.
///
/// Times stand still: nothing expires, and Redis' clocks show 0.
pub fn hits(eviction: Eviction, capacity: u64, seed: u64, keys: impl IntoIterator<Item = u64>) -> u64 {
    let mut store = Store::new(eviction, capacity, seed);
    let mut hits = 0;
    for key in keys {
        match store.lookup(key, 0) {
            Lookup::Hit { .. } => hits += 1,
            Lookup::Expired { .. } | Lookup::Miss => {
                store.insert(key, NEVER_NS, 0, 0);
            }
        }
    }
    hits
}

/// A bounded store of keys.
#[derive(Debug, Clone)]
pub struct Store {
    eviction: Eviction,
    capacity: u64,
    seed: u64,
    table: Table,
    rule: Rule,
}

/// The state of a policy.
#[derive(Debug, Clone)]
enum Rule {
    /// LRU.
    Recent(Queue),
    /// FIFO and none.
    Arrival(Queue),
    Lfu(Lfu),
    Random(Random),
    Sieve(Sieve),
    S3Fifo(S3Fifo),
    WTinyLfu(WTinyLfu),
    Arc(Arc),
    Redis(Redis),
}

impl Rule {
    fn new(eviction: Eviction, capacity: u64, seed: u64) -> Self {
        match eviction {
            Eviction::Lru => Self::Recent(Queue::default()),
            Eviction::Fifo | Eviction::None => Self::Arrival(Queue::default()),
            Eviction::Lfu => Self::Lfu(Lfu::default()),
            Eviction::Random => Self::Random(Random::new(seed)),
            Eviction::Sieve => Self::Sieve(Sieve::default()),
            Eviction::S3Fifo => Self::S3Fifo(S3Fifo::new(capacity)),
            Eviction::WTinyLfu => Self::WTinyLfu(WTinyLfu::new(capacity)),
            Eviction::Arc => Self::Arc(Arc::new(capacity)),
            Eviction::RedisLru => Self::Redis(Redis::new(RedisBy::Recency, seed)),
            Eviction::RedisLfu => Self::Redis(Redis::new(RedisBy::Frequency, seed)),
        }
    }

    /// An entry was asked for, or written again.
    #[inline(always)]
    fn used(&mut self, table: &mut Table, at: u32, now_ns: i64) {
        match self {
            Self::Recent(queue) => queue.renew(table, at),
            Self::Sieve(sieve) => sieve.used(table, at),
            Self::Arrival(_) | Self::Random(_) => {}
            Self::S3Fifo(state) => state.used(table, at),
            Self::Lfu(_) | Self::WTinyLfu(_) | Self::Arc(_) | Self::Redis(_) => self.used_rare(table, at, now_ns),
        }
    }

    fn used_rare(&mut self, table: &mut Table, at: u32, now_ns: i64) {
        match self {
            Self::Lfu(lfu) => lfu.used(table, at),
            Self::WTinyLfu(state) => state.used(table, at),
            Self::Arc(arc) => arc.used(table, at),
            Self::Redis(redis) => {
                redis.set_time(now_ns);
                redis.used(table, at);
            }
            Self::Recent(_) | Self::Arrival(_) | Self::Random(_) | Self::Sieve(_) | Self::S3Fifo(_) => {
                unreachable!("used above")
            }
        }
    }

    /// A key comes that has no entry; false where it is not taken in.
    fn arrives(&mut self, table: &Table, key: u64, weight: u64, now_ns: i64) -> bool {
        match self {
            Self::S3Fifo(state) => {
                if !state.admits(weight) {
                    return false;
                }
                state.arrives(key);
            }
            Self::WTinyLfu(state) => state.arrives(key, table.length),
            Self::Arc(arc) => arc.arrives(key),
            Self::Redis(redis) => redis.set_time(now_ns),
            Self::Recent(_) | Self::Arrival(_) | Self::Lfu(_) | Self::Random(_) | Self::Sieve(_) => {}
        }
        true
    }

    /// An entry is new.
    fn added(&mut self, table: &mut Table, at: u32) {
        match self {
            Self::Recent(queue) | Self::Arrival(queue) => queue.push(table, at),
            Self::Lfu(lfu) => lfu.added(table, at),
            Self::Random(random) => random.added(at),
            Self::Sieve(sieve) => sieve.added(table, at),
            Self::S3Fifo(state) => state.added(table, at),
            Self::WTinyLfu(state) => state.added(table, at),
            Self::Arc(arc) => arc.added(table, at),
            Self::Redis(redis) => redis.added(table, at),
        }
    }

    /// The entry that goes, of a store that has some; so much more is to come in.
    fn victim(&mut self, table: &mut Table, incoming: u64) -> u32 {
        match self {
            Self::Recent(queue) | Self::Arrival(queue) => queue.back,
            Self::Lfu(lfu) => lfu.victim(),
            Self::Random(random) => random.victim(),
            Self::Sieve(sieve) => sieve.victim(table),
            Self::S3Fifo(state) => state.victim(table),
            Self::WTinyLfu(state) => state.victim(table, incoming),
            Self::Arc(arc) => arc.victim(table, incoming),
            Self::Redis(redis) => redis.victim(table),
        }
    }

    /// An entry leaves.
    fn unlink(&mut self, table: &mut Table, at: u32) {
        match self {
            Self::Recent(queue) | Self::Arrival(queue) => queue.unlink(table, at),
            Self::Lfu(lfu) => lfu.unlink(table, at),
            Self::Random(random) => random.unlink(at),
            Self::Sieve(sieve) => sieve.unlink(table, at),
            Self::S3Fifo(state) => state.unlink(table, at),
            Self::WTinyLfu(state) => state.unlink(table, at),
            Self::Arc(arc) => arc.unlink(table, at),
            Self::Redis(redis) => redis.unlink(at),
        }
    }

    fn resize(&mut self, capacity: u64) {
        match self {
            Self::S3Fifo(state) => state.resize(capacity),
            Self::WTinyLfu(state) => state.resize(capacity),
            Self::Arc(arc) => arc.resize(capacity),
            Self::Recent(_) | Self::Arrival(_) | Self::Lfu(_) | Self::Random(_) | Self::Sieve(_) | Self::Redis(_) => {}
        }
    }
}

impl Store {
    /// An empty store for entries of this weight in all (of weight 1 each, for a number of items). What it draws
    /// follows from the seed.
    #[must_use]
    pub fn new(eviction: Eviction, capacity: u64, seed: u64) -> Self {
        Self { eviction, capacity, seed, table: Table::default(), rule: Rule::new(eviction, capacity, seed) }
    }

    /// How many entries there are, expired ones included.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.table.length
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.table.length == 0
    }

    /// Weight of all entries, expired ones included.
    #[must_use]
    pub const fn weight(&self) -> u64 {
        self.table.weight
    }

    /// Looks for a key at `now_ns`; a hit counts as a use, and what has expired is dropped.
    #[inline]
    pub fn lookup(&mut self, key: u64, now_ns: i64) -> Lookup {
        let Some(at) = self.table.find(key) else { return Lookup::Miss };
        let Entry { version, expires_ns, .. } = *self.table.entry(at);
        if expires_ns <= now_ns {
            self.drop_entry(at);
            return Lookup::Expired { version };
        }
        self.rule.used(&mut self.table, at, now_ns);
        Lookup::Hit { version, expires_ns }
    }

    /// The version and expiry of a key, without using or dropping it.
    #[must_use]
    pub fn peek(&self, key: u64) -> Option<(u32, i64)> {
        let entry = self.table.entry(self.table.find(key)?);
        Some((entry.version, entry.expires_ns))
    }

    /// Lets all entries expire at `expires_ns` at the latest; that is no use.
    pub fn end_all(&mut self, expires_ns: i64) {
        self.table.end_all(expires_ns);
    }

    /// Gives the entry of a key another version, where it is there; that is no use.
    pub fn set_version(&mut self, key: u64, version: u32) {
        if let Some(at) = self.table.find(key) {
            self.table.entry_mut(at).version = version;
        }
    }

    /// Keeps a key of weight 1 until `expires_ns`; see [`Store::insert_weighed`].
    #[inline]
    pub fn insert(&mut self, key: u64, expires_ns: i64, version: u32, now_ns: i64) -> Inserted {
        self.insert_weighed(key, expires_ns, version, 1, now_ns)
    }

    /// Keeps a key until `expires_ns`, instead of what was kept of it; drops others where there is no room.
    pub fn insert_weighed(&mut self, key: u64, expires_ns: i64, version: u32, weight: u32, now_ns: i64) -> Inserted {
        let mut done = Inserted::default();
        let large = u64::from(weight);
        let mut present = self.table.find(key);
        let replaced = present.map_or(0, |at| u64::from(self.table.entry(at).weight));
        let fits = self.table.weight - replaced + large <= self.capacity;
        if large > self.capacity || (self.eviction == Eviction::None && !fits) {
            if let Some(at) = present {
                self.drop_entry(at);
            }
            return done;
        }
        if let Some(at) = present {
            // In order of use or arrival, the others make room; elsewhere one that has outgrown its place comes anew.
            if fits || matches!(self.rule, Rule::Recent(_) | Rule::Arrival(_)) {
                done.stored = true;
                self.rewrite(at, expires_ns, version, weight, now_ns);
                self.shrink_chain(at, now_ns, &mut done);
                return done;
            }
            self.drop_entry(at);
            present = None;
        }
        debug_assert!(present.is_none(), "it is new");
        if !self.rule.arrives(&self.table, key, large, now_ns) {
            return done;
        }
        self.make_room(large, now_ns, &mut done);
        let entry = Entry { key, expires_ns, version, weight };
        let at = self.table.add(entry);
        self.rule.added(&mut self.table, at);
        done.stored = true;
        done
    }

    /// Writes an entry again, which counts as a use.
    fn rewrite(&mut self, at: u32, expires_ns: i64, version: u32, weight: u32, now_ns: i64) {
        let old = *self.table.entry(at);
        if old.weight != weight {
            self.reweigh(at, weight);
        }
        let entry = self.table.entry_mut(at);
        (entry.expires_ns, entry.version) = (expires_ns, version);
        self.rule.used(&mut self.table, at, now_ns);
    }

    /// Changes an entry's weight, in the table and in the queue that it is in.
    fn reweigh(&mut self, at: u32, weight: u32) {
        let old = self.table.entry(at).weight;
        let change = |sum: &mut u64| *sum = *sum - u64::from(old) + u64::from(weight);
        match &mut self.rule {
            Rule::Recent(queue) | Rule::Arrival(queue) => change(&mut queue.weight),
            Rule::Lfu(lfu) => change(lfu.weight_of(&self.table, at)),
            Rule::Sieve(sieve) => change(sieve.weight_of()),
            Rule::S3Fifo(state) => change(state.weight_of(&self.table, at)),
            Rule::WTinyLfu(state) => change(state.weight_of(&self.table, at)),
            Rule::Arc(arc) => change(arc.weight_of(&self.table, at)),
            Rule::Random(_) | Rule::Redis(_) => {}
        }
        change(&mut self.table.weight);
        self.table.entry_mut(at).weight = weight;
    }

    /// Forgets a key; its version, if it was there.
    pub fn remove(&mut self, key: u64) -> Option<u32> {
        let at = self.table.find(key)?;
        let version = self.table.entry(at).version;
        self.drop_entry(at);
        Some(version)
    }

    /// Forgets everything; how many entries that were.
    pub fn clear(&mut self) -> u32 {
        let length = self.table.length;
        self.table.clear();
        self.rule = Rule::new(self.eviction, self.capacity, self.seed);
        length
    }

    /// Changes the capacity; drops what no longer has room (also where the policy is `none`, oldest first).
    pub fn set_capacity(&mut self, capacity: u64, now_ns: i64) -> Inserted {
        self.capacity = capacity;
        self.rule.resize(capacity);
        let mut done = Inserted::default();
        self.make_room(0, now_ns, &mut done);
        done
    }

    /// Drops entries until `weight` more has room.
    fn make_room(&mut self, weight: u64, now_ns: i64, done: &mut Inserted) {
        while self.table.weight + weight > self.capacity && self.table.length > 0 {
            let at = self.rule.victim(&mut self.table, weight);
            self.evict(at, now_ns, done);
        }
    }

    /// Drops entries from the back, but not `kept`, until there is room; only LRU and FIFO ever come to need it.
    fn shrink_chain(&mut self, kept: u32, now_ns: i64, done: &mut Inserted) {
        let (Rule::Recent(queue) | Rule::Arrival(queue)) = &self.rule else { return };
        let mut at = queue.back;
        while self.table.weight > self.capacity && at != NO_ENTRY {
            let newer = self.table.link(at).newer;
            if at != kept {
                self.evict(at, now_ns, done);
            }
            at = newer;
        }
    }

    fn evict(&mut self, at: u32, now_ns: i64, done: &mut Inserted) {
        let expired = self.table.entry(at).expires_ns <= now_ns;
        self.drop_entry(at);
        done.expired += u32::from(expired);
        done.evicted += u32::from(!expired);
    }

    fn drop_entry(&mut self, at: u32) {
        self.rule.unlink(&mut self.table, at);
        self.table.drop_entry(at);
    }
}
