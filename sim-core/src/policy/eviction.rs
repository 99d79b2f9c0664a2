//! What a cache keeps when it is full: a bounded store of keys with lists threaded through its entries.
//!
//! LRU moves an entry to the front at every hit and drops the last; FIFO (as in libCacheSim: a rewritten entry keeps
//! its place) drops the one that came first; `none` is Redis' `noeviction`: a full cache takes nothing new. An entry
//! that has expired counts until it is met: by a look-up, or as the one to drop.

use crate::engine::rng::mix64;

/// Which entry goes when there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eviction {
    /// The one that was used least recently.
    Lru,
    /// The one that came first.
    Fifo,
    /// None: what is new isn't kept.
    None,
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

const NO_ENTRY: u32 = u32::MAX;

/// A bounded store of keys.
#[derive(Debug, Clone)]
pub struct Store {
    eviction: Eviction,
    capacity: u64,
    /// Sum of the entries' weights.
    weight: u64,
    length: u32,
    entries: Vec<Entry>,
    free: u32,
    /// The newest and the oldest entry.
    front: u32,
    back: u32,
    index: Index,
}

/// 32 bytes, two to a cache line.
#[derive(Debug, Clone, Copy)]
struct Entry {
    key: u64,
    expires_ns: i64,
    version: u32,
    weight: u32,
    /// Towards the front.
    newer: u32,
    /// Towards the back; in a free entry, the next free one.
    older: u32,
}

impl Store {
    /// An empty store for entries of this weight in all (of weight 1 each, for a number of items).
    #[must_use]
    pub fn new(eviction: Eviction, capacity: u64) -> Self {
        Self {
            eviction,
            capacity,
            weight: 0,
            length: 0,
            entries: Vec::new(),
            free: NO_ENTRY,
            front: NO_ENTRY,
            back: NO_ENTRY,
            index: Index::default(),
        }
    }

    /// How many entries there are, expired ones included.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.length
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Weight of all entries, expired ones included.
    #[must_use]
    pub const fn weight(&self) -> u64 {
        self.weight
    }

    /// Looks for a key at `now_ns`; a hit counts as a use, and what has expired is dropped.
    #[inline]
    pub fn lookup(&mut self, key: u64, now_ns: i64) -> Lookup {
        let Some(at) = self.index.find(key, &self.entries) else { return Lookup::Miss };
        let Entry { version, expires_ns, .. } = self.entries[at as usize];
        if expires_ns <= now_ns {
            self.drop_entry(at);
            return Lookup::Expired { version };
        }
        if self.eviction == Eviction::Lru && self.front != at {
            self.unlink(at);
            self.link_front(at);
        }
        Lookup::Hit { version, expires_ns }
    }

    /// The version and expiry of a key, without using or dropping it.
    #[must_use]
    pub fn peek(&self, key: u64) -> Option<(u32, i64)> {
        let entry = &self.entries[self.index.find(key, &self.entries)? as usize];
        Some((entry.version, entry.expires_ns))
    }

    /// Keeps a key of weight 1 until `expires_ns`; see [`Store::insert_weighed`].
    #[inline]
    pub fn insert(&mut self, key: u64, expires_ns: i64, version: u32, now_ns: i64) -> Inserted {
        self.insert_weighed(key, expires_ns, version, 1, now_ns)
    }

    /// Keeps a key until `expires_ns`, instead of what was kept of it; drops others where there is no room.
    pub fn insert_weighed(&mut self, key: u64, expires_ns: i64, version: u32, weight: u32, now_ns: i64) -> Inserted {
        let mut done = Inserted::default();
        let present = self.index.find(key, &self.entries);
        let replaced = present.map_or(0, |at| u64::from(self.entries[at as usize].weight));
        let others = self.weight - replaced;
        let fits = others + u64::from(weight) <= self.capacity;
        if u64::from(weight) > self.capacity || (self.eviction == Eviction::None && !fits) {
            if let Some(at) = present {
                self.drop_entry(at);
            }
            return done;
        }
        done.stored = true;
        if let Some(at) = present {
            self.weight = others + u64::from(weight);
            let entry = &mut self.entries[at as usize];
            (entry.expires_ns, entry.version, entry.weight) = (expires_ns, version, weight);
            if self.eviction == Eviction::Lru {
                self.unlink(at);
                self.link_front(at);
            }
            self.make_room(0, at, now_ns, &mut done);
            return done;
        }
        self.make_room(u64::from(weight), NO_ENTRY, now_ns, &mut done);
        let entry = Entry { key, expires_ns, version, weight, newer: NO_ENTRY, older: NO_ENTRY };
        let at = self.take_entry(entry);
        self.index.insert(key, at);
        self.weight += u64::from(weight);
        self.length += 1;
        self.link_front(at);
        done
    }

    /// Forgets a key; its version, if it was there.
    pub fn remove(&mut self, key: u64) -> Option<u32> {
        let at = self.index.find(key, &self.entries)?;
        let version = self.entries[at as usize].version;
        self.drop_entry(at);
        Some(version)
    }

    /// Forgets everything; how many entries that were.
    pub fn clear(&mut self) -> u32 {
        let length = self.length;
        self.entries.clear();
        self.index.clear();
        (self.weight, self.length, self.free, self.front, self.back) = (0, 0, NO_ENTRY, NO_ENTRY, NO_ENTRY);
        length
    }

    /// Changes the capacity; drops what no longer has room (also where the policy is `none`, oldest first).
    pub fn set_capacity(&mut self, capacity: u64, now_ns: i64) -> Inserted {
        self.capacity = capacity;
        let mut done = Inserted::default();
        self.make_room(0, NO_ENTRY, now_ns, &mut done);
        done
    }

    /// Drops entries from the back, but not `kept`, until `weight` more has room.
    fn make_room(&mut self, weight: u64, kept: u32, now_ns: i64, done: &mut Inserted) {
        let mut at = self.back;
        while self.weight + weight > self.capacity && at != NO_ENTRY {
            let Entry { expires_ns, newer, .. } = self.entries[at as usize];
            if at != kept {
                self.drop_entry(at);
                if expires_ns <= now_ns {
                    done.expired += 1;
                } else {
                    done.evicted += 1;
                }
            }
            at = newer;
        }
    }

    fn take_entry(&mut self, entry: Entry) -> u32 {
        if self.free == NO_ENTRY {
            let at = u32::try_from(self.entries.len()).expect("fewer than 2^32 entries fit in memory");
            self.entries.push(entry);
            return at;
        }
        let at = self.free;
        self.free = self.entries[at as usize].older;
        self.entries[at as usize] = entry;
        at
    }

    fn drop_entry(&mut self, at: u32) {
        self.unlink(at);
        let Entry { key, weight, .. } = self.entries[at as usize];
        self.index.remove(key, at);
        self.weight -= u64::from(weight);
        self.length -= 1;
        self.entries[at as usize].older = self.free;
        self.free = at;
    }

    #[inline]
    fn unlink(&mut self, at: u32) {
        let Entry { newer, older, .. } = self.entries[at as usize];
        match newer {
            NO_ENTRY => self.front = older,
            _ => self.entries[newer as usize].older = older,
        }
        match older {
            NO_ENTRY => self.back = newer,
            _ => self.entries[older as usize].newer = newer,
        }
    }

    #[inline]
    fn link_front(&mut self, at: u32) {
        let front = std::mem::replace(&mut self.front, at);
        match front {
            NO_ENTRY => self.back = at,
            _ => self.entries[front as usize].newer = at,
        }
        let entry = &mut self.entries[at as usize];
        (entry.newer, entry.older) = (NO_ENTRY, front);
    }
}

/// Where each key's entry is: open addressing with linear probing, at most half full.
///
/// A cell holds the entry in its low half and the high half of the key's hash in its own, whose first bits are the
/// cell's home and whose others spare most looks at entries. The hash is the same on every platform and in every run.
#[derive(Debug, Clone, Default)]
struct Index {
    cells: Vec<u64>,
    length: usize,
    /// 64 less the number of bits of a cell's place.
    shift: u32,
}

const EMPTY: u64 = u64::MAX;

impl Index {
    #[inline(always)]
    fn home(&self, cell: u64) -> usize {
        (cell >> self.shift) as usize
    }

    #[inline]
    fn find(&self, key: u64, entries: &[Entry]) -> Option<u32> {
        if self.cells.is_empty() {
            return None;
        }
        let (hash, mask) = (mix64(key), self.cells.len() - 1);
        let mut at = self.home(hash);
        loop {
            let cell = self.cells[at];
            if cell == EMPTY {
                return None;
            }
            if cell >> 32 == hash >> 32 && entries[cell as u32 as usize].key == key {
                return Some(cell as u32);
            }
            at = (at + 1) & mask;
        }
    }

    fn insert(&mut self, key: u64, entry: u32) {
        if (self.length + 1) * 2 > self.cells.len() {
            self.grow();
        }
        self.length += 1;
        self.place((mix64(key) >> 32 << 32) | u64::from(entry));
    }

    fn place(&mut self, cell: u64) {
        let mask = self.cells.len() - 1;
        let mut at = self.home(cell);
        while self.cells[at] != EMPTY {
            at = (at + 1) & mask;
        }
        self.cells[at] = cell;
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.cells.len() * 2).max(16);
        let old = std::mem::replace(&mut self.cells, vec![EMPTY; size]);
        self.shift = 64 - size.trailing_zeros();
        old.into_iter().filter(|cell| *cell != EMPTY).for_each(|cell| self.place(cell));
    }

    /// Takes out the cell of this entry and moves those behind it up, so that no gap cuts a probe short.
    fn remove(&mut self, key: u64, entry: u32) {
        let mask = self.cells.len() - 1;
        let mut gap = self.home(mix64(key));
        while self.cells[gap] as u32 != entry {
            gap = (gap + 1) & mask;
        }
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let cell = self.cells[at];
            if cell == EMPTY {
                break;
            }
            // It may move up unless its home lies behind the gap.
            let from_home = at.wrapping_sub(self.home(cell)) & mask;
            if from_home >= at.wrapping_sub(gap) & mask {
                self.cells[gap] = cell;
                gap = at;
            }
        }
        self.cells[gap] = EMPTY;
        self.length -= 1;
    }

    fn clear(&mut self) {
        self.cells.fill(EMPTY);
        self.length = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slow and obvious twin: a list from newest to oldest, searched from end to end.
    struct Twin {
        eviction: Eviction,
        capacity: u64,
        list: Vec<(u64, i64, u32, u32)>,
    }

    impl Twin {
        fn lookup(&mut self, key: u64, now_ns: i64) -> Lookup {
            let Some(at) = self.list.iter().position(|entry| entry.0 == key) else { return Lookup::Miss };
            let (_, expires_ns, version, _) = self.list[at];
            if expires_ns <= now_ns {
                self.list.remove(at);
                return Lookup::Expired { version };
            }
            if self.eviction == Eviction::Lru {
                let entry = self.list.remove(at);
                self.list.insert(0, entry);
            }
            Lookup::Hit { version, expires_ns }
        }

        fn weight(&self) -> u64 {
            self.list.iter().map(|entry| u64::from(entry.3)).sum()
        }

        fn insert(&mut self, key: u64, expires_ns: i64, version: u32, weight: u32, now_ns: i64) -> Inserted {
            let old = self.list.iter().position(|entry| entry.0 == key);
            let without: u64 = self.list.iter().filter(|entry| entry.0 != key).map(|entry| u64::from(entry.3)).sum();
            let fits = without + u64::from(weight) <= self.capacity;
            if u64::from(weight) > self.capacity || (self.eviction == Eviction::None && !fits) {
                self.list.retain(|entry| entry.0 != key);
                return Inserted::default();
            }
            let place = match (old, self.eviction) {
                (Some(at), Eviction::Fifo | Eviction::None) => at,
                _ => 0,
            };
            self.list.retain(|entry| entry.0 != key);
            self.list.insert(place, (key, expires_ns, version, weight));
            let mut done = self.shrink(key, now_ns);
            done.stored = true;
            done
        }

        fn shrink(&mut self, kept: u64, now_ns: i64) -> Inserted {
            let mut done = Inserted::default();
            while self.weight() > self.capacity {
                let at = self.list.iter().rposition(|entry| entry.0 != kept).expect("the kept one fits");
                let (_, expires_ns, ..) = self.list.remove(at);
                if expires_ns <= now_ns {
                    done.expired += 1;
                } else {
                    done.evicted += 1;
                }
            }
            done
        }
    }

    fn random(state: &mut u64, below: u64) -> u64 {
        crate::math::tests::random(state) % below
    }

    #[test]
    fn equal_to_the_twin_request_by_request() {
        for eviction in [Eviction::Lru, Eviction::Fifo, Eviction::None] {
            for (seed, capacity, keys, weights) in
                [(1, 1, 4, 1), (2, 10, 30, 1), (3, 64, 100, 1), (4, 50, 60, 9), (5, 0, 5, 1)]
            {
                let mut state = seed;
                let mut store = Store::new(eviction, capacity);
                let mut twin = Twin { eviction, capacity, list: Vec::new() };
                for step in 0..30_000i64 {
                    // Keys that share high bits try the probing.
                    let key = random(&mut state, keys) << 40;
                    let expires_ns = match random(&mut state, 3) {
                        0 => NEVER_NS,
                        _ => step + random(&mut state, 200) as i64,
                    };
                    let weight = 1 + random(&mut state, weights) as u32;
                    match random(&mut state, 40) {
                        0 => {
                            let expected = twin.list.iter().position(|entry| entry.0 == key);
                            let expected = expected.map(|at| twin.list.remove(at).2);
                            assert_eq!(store.remove(key), expected);
                        }
                        1..=15 => {
                            let expected = twin.insert(key, expires_ns, step as u32, weight, step);
                            let found = store.insert_weighed(key, expires_ns, step as u32, weight, step);
                            assert_eq!(found, expected, "{eviction:?} {capacity} step {step}");
                        }
                        16 if step % 64 == 0 => {
                            twin.capacity = random(&mut state, 2 * capacity + 1);
                            let expected = twin.shrink(u64::MAX, step);
                            assert_eq!(store.set_capacity(twin.capacity, step), expected);
                        }
                        17 if step % 512 == 0 => {
                            assert_eq!(u64::from(store.clear()), twin.list.len() as u64);
                            twin.list.clear();
                        }
                        _ => assert_eq!(store.lookup(key, step), twin.lookup(key, step), "{eviction:?} step {step}"),
                    }
                    assert_eq!((u64::from(store.len()), store.weight()), (twin.list.len() as u64, twin.weight()));
                }
            }
        }
    }

    #[test]
    fn a_larger_store_grows_and_finds_all() {
        let mut store = Store::new(Eviction::Lru, 50_000);
        for key in 0..100_000 {
            store.insert(key, NEVER_NS, key as u32, 0);
        }
        for key in 0..100_000 {
            let expected = (key >= 50_000).then_some((key as u32, NEVER_NS));
            assert_eq!(store.peek(key), expected);
        }
        assert_eq!((store.clear(), store.is_empty(), store.peek(99_999)), (50_000, true, None));
    }

    /// Against Che's approximation, which is within a few thousandths here.
    #[test]
    fn hit_ratios_are_those_of_theory() {
        use crate::analysis::theory::{fifo_hit_ratio, lru_hit_ratio};
        use crate::engine::rng::uniform_at;
        use crate::workload::keys::{Keys, Popularity};

        let keys = Keys::new(&Popularity::Zipf(0.8), 10_000).expect("they fit");
        let shares: Vec<f64> = (0..10_000).map(|rank| keys.probability(rank)).collect();
        for (eviction, exact) in
            [(Eviction::Lru, lru_hit_ratio(&shares, 1_000.0)), (Eviction::Fifo, fifo_hit_ratio(&shares, 1_000.0))]
        {
            let mut store = Store::new(eviction, 1_000);
            let mut hits = 0;
            for n in 0..550_000 {
                let key = keys.pick(uniform_at(17, n));
                match store.lookup(key, 0) {
                    Lookup::Hit { .. } => hits += u32::from(n >= 50_000),
                    Lookup::Expired { .. } | Lookup::Miss => {
                        store.insert(key, NEVER_NS, 0, 0);
                    }
                }
            }
            let found = f64::from(hits) / 500_000.0;
            assert!((found - exact).abs() < 0.003, "{eviction:?}: {found}, theory {exact}");
        }
    }

    #[test]
    fn expired_entries_count_until_met() {
        let mut store = Store::new(Eviction::Lru, 2);
        store.insert(1, 10, 0, 0);
        store.insert(2, 100, 0, 0);
        assert_eq!(store.len(), 2);
        assert_eq!(store.lookup(1, 10), Lookup::Expired { version: 0 });
        assert_eq!((store.len(), store.lookup(1, 10)), (1, Lookup::Miss));
        store.insert(3, 100, 0, 10);
        assert_eq!(store.insert(4, 300, 0, 200), Inserted { stored: true, evicted: 0, expired: 1 });
        assert_eq!(store.insert(5, 300, 0, 200), Inserted { stored: true, evicted: 0, expired: 1 });
        assert_eq!(store.insert(6, 300, 0, 200), Inserted { stored: true, evicted: 1, expired: 0 });
    }
}
