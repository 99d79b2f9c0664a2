//! Slow and obvious stores: lists that are looked through.

use std::collections::BTreeMap;

use crate::engine::rng::{PHI, mix64, uniform};
use crate::policy::eviction::w_tinylfu::Sketch;
use crate::policy::eviction::{Eviction, Inserted, Lookup};

/// What a twin's policy is told and asked, in keys.
pub trait Slow {
    fn used(&mut self, key: u64);
    fn arrives(&mut self, _key: u64, _weight: u64, _entries: u32) -> bool {
        true
    }
    fn added(&mut self, key: u64, weight: u64);
    fn victim(&mut self, incoming: u64) -> u64;
    fn gone(&mut self, key: u64);
    fn resize(&mut self, _capacity: u64) {}
    fn reweigh(&mut self, key: u64, weight: u64);
    /// It is now so late; told before a use and before a key arrives.
    fn set_time(&mut self, _now_ns: i64) {}
}

type List = Vec<(u64, u64)>;

fn sum(list: &List) -> u64 {
    list.iter().map(|item| item.1).sum()
}

/// Takes a key out of a list, its weight.
fn take(list: &mut List, key: u64) -> Option<u64> {
    let at = list.iter().position(|item| item.0 == key)?;
    Some(list.remove(at).1)
}

fn reweigh(list: &mut List, key: u64, weight: u64) {
    list.iter_mut().filter(|item| item.0 == key).for_each(|item| item.1 = weight);
}

/// LRU, and FIFO where nothing moves: oldest first.
struct SlowChain(List, bool);

impl Slow for SlowChain {
    fn used(&mut self, key: u64) {
        if self.1 {
            let weight = take(&mut self.0, key).expect("it is there");
            self.0.push((key, weight));
        }
    }
    fn added(&mut self, key: u64, weight: u64) {
        self.0.push((key, weight));
    }
    fn victim(&mut self, _: u64) -> u64 {
        self.0[0].0
    }
    fn gone(&mut self, key: u64) {
        take(&mut self.0, key);
    }
    fn reweigh(&mut self, key: u64, weight: u64) {
        reweigh(&mut self.0, key, weight);
    }
}

/// LFU: (key, count, last use).
struct SlowLfu(Vec<(u64, u64, u64)>, u64);

impl Slow for SlowLfu {
    fn used(&mut self, key: u64) {
        self.1 += 1;
        let item = self.0.iter_mut().find(|item| item.0 == key).expect("it is there");
        (item.1, item.2) = (item.1 + 1, self.1);
    }
    fn added(&mut self, key: u64, _: u64) {
        self.1 += 1;
        self.0.push((key, 1, self.1));
    }
    fn victim(&mut self, _: u64) -> u64 {
        self.0.iter().min_by_key(|item| (item.1, item.2)).expect("it has some").0
    }
    fn gone(&mut self, key: u64) {
        self.0.retain(|item| item.0 != key);
    }
    fn reweigh(&mut self, _: u64, _: u64) {}
}

/// SIEVE: (key, whether it was used), oldest first; the hand is a key.
struct SlowSieve(Vec<(u64, bool)>, Option<u64>);

impl SlowSieve {
    fn after(&self, key: u64) -> Option<u64> {
        let at = self.0.iter().position(|item| item.0 == key).expect("it is there");
        self.0.get(at + 1).map(|item| item.0)
    }
}

impl Slow for SlowSieve {
    fn used(&mut self, key: u64) {
        self.0.iter_mut().filter(|item| item.0 == key).for_each(|item| item.1 = true);
    }
    fn added(&mut self, key: u64, _: u64) {
        self.0.push((key, false));
    }
    fn victim(&mut self, _: u64) -> u64 {
        let mut hand = self.1.unwrap_or(self.0[0].0);
        loop {
            let item = self.0.iter_mut().find(|item| item.0 == hand).expect("it is there");
            if !item.1 {
                self.1 = Some(hand);
                return hand;
            }
            item.1 = false;
            hand = self.after(hand).unwrap_or(self.0[0].0);
        }
    }
    fn gone(&mut self, key: u64) {
        if self.1 == Some(key) {
            self.1 = self.after(key);
        }
        self.0.retain(|item| item.0 != key);
    }
    fn reweigh(&mut self, _: u64, _: u64) {}
}

/// S3-FIFO: lists oldest first, counts beside them.
#[derive(Default)]
struct SlowS3 {
    small: List,
    main: List,
    ghosts: List,
    counts: BTreeMap<u64, u64>,
    capacity: u64,
    came_back: bool,
    evicted: bool,
}

impl SlowS3 {
    fn small_max(&self) -> u64 {
        (self.capacity / 10).max(1).min(self.capacity)
    }
    fn main_victim(&mut self) -> u64 {
        loop {
            let (key, weight) = self.main[0];
            if self.counts[&key] == 0 {
                return key;
            }
            self.main.remove(0);
            self.main.push((key, weight));
            *self.counts.get_mut(&key).expect("it is counted") -= 1;
        }
    }
}

impl Slow for SlowS3 {
    fn used(&mut self, key: u64) {
        let count = self.counts.get_mut(&key).expect("it is counted");
        *count = (*count + 1).min(3);
    }
    fn arrives(&mut self, key: u64, weight: u64, _: u32) -> bool {
        if weight > 1 && weight >= self.small_max() {
            return false;
        }
        self.came_back = take(&mut self.ghosts, key).is_some();
        true
    }
    fn added(&mut self, key: u64, weight: u64) {
        self.counts.insert(key, 0);
        if self.came_back || (!self.evicted && sum(&self.small) >= self.small_max()) {
            self.main.push((key, weight));
        } else {
            self.small.push((key, weight));
        }
        self.came_back = false;
    }
    fn victim(&mut self, _: u64) -> u64 {
        self.evicted = true;
        if sum(&self.main) > self.capacity - self.small_max() || self.small.is_empty() {
            return self.main_victim();
        }
        while let Some(&(key, weight)) = self.small.first() {
            if self.counts[&key] <= 1 {
                let most = (self.capacity as f64 * 0.9) as u64;
                if weight <= most {
                    while sum(&self.ghosts) + weight > most {
                        self.ghosts.remove(0);
                    }
                    self.ghosts.push((key, weight));
                }
                return key;
            }
            self.small.remove(0);
            self.main.push((key, weight));
            self.counts.insert(key, 0);
        }
        self.main_victim()
    }
    fn gone(&mut self, key: u64) {
        take(&mut self.small, key);
        take(&mut self.main, key);
    }
    fn resize(&mut self, capacity: u64) {
        self.capacity = capacity;
    }
    fn reweigh(&mut self, key: u64, weight: u64) {
        reweigh(&mut self.small, key, weight);
        reweigh(&mut self.main, key, weight);
    }
}

/// ARC: T1, T2, B1, B2, oldest first.
struct SlowArc {
    t: [List; 2],
    b: [List; 2],
    p: f64,
    capacity: u64,
    from: Option<usize>,
}

impl Slow for SlowArc {
    fn used(&mut self, key: u64) {
        let weight = take(&mut self.t[0], key).or_else(|| take(&mut self.t[1], key)).expect("it is there");
        self.t[1].push((key, weight));
    }
    fn arrives(&mut self, key: u64, _: u64, _: u32) -> bool {
        let [b1, b2] = [sum(&self.b[0]) as f64, sum(&self.b[1]) as f64];
        self.from = (0..2).find(|&at| take(&mut self.b[at], key).is_some());
        match self.from {
            Some(0) => self.p = (self.p + f64::max(1.0, b2 / b1)).min(self.capacity as f64),
            Some(_) => self.p = (self.p - f64::max(1.0, b1 / b2)).max(0.0),
            None => {}
        }
        true
    }
    fn added(&mut self, key: u64, weight: u64) {
        self.t[usize::from(self.from.is_some())].push((key, weight));
        self.from = None;
    }
    fn victim(&mut self, incoming: u64) -> u64 {
        let c = self.capacity;
        if self.from.is_none() {
            if sum(&self.t[0]) + sum(&self.b[0]) + incoming > c {
                if !self.b[0].is_empty() {
                    self.b[0].remove(0);
                } else if !self.t[0].is_empty() {
                    return self.t[0][0].0;
                }
            } else if self.t.iter().chain(&self.b).map(sum).sum::<u64>() >= 2 * c && !self.b[1].is_empty() {
                self.b[1].remove(0);
            }
        }
        let t1 = sum(&self.t[0]) as f64;
        let first = !self.t[0].is_empty() && (t1 > self.p || (t1 == self.p && self.from == Some(1)));
        let which = usize::from(!(first || self.t[1].is_empty()));
        let (key, weight) = self.t[which][0];
        if !self.b[which].iter().any(|item| item.0 == key) {
            self.b[which].push((key, weight));
        }
        key
    }
    fn gone(&mut self, key: u64) {
        take(&mut self.t[0], key);
        take(&mut self.t[1], key);
    }
    fn resize(&mut self, capacity: u64) {
        self.capacity = capacity;
        self.p = self.p.min(capacity as f64);
        for ghosts in &mut self.b {
            while sum(ghosts) > capacity {
                ghosts.remove(0);
            }
        }
    }
    fn reweigh(&mut self, key: u64, weight: u64) {
        reweigh(&mut self.t[0], key, weight);
        reweigh(&mut self.t[1], key, weight);
    }
}

/// W-TinyLFU: window, probation, protected, oldest first. The sketch is the fast one's, which has tests of its own.
struct SlowTiny {
    lists: [List; 3],
    capacity: u64,
    sketch: Sketch,
}

impl SlowTiny {
    fn main_max(&self) -> u64 {
        (self.capacity as f64 * 0.99) as u64
    }
    fn protected_max(&self) -> u64 {
        (self.main_max() as f64 * 0.8) as u64
    }
}

impl Slow for SlowTiny {
    fn used(&mut self, key: u64) {
        self.sketch.count(key);
        let list = (0..3).find(|&at| self.lists[at].iter().any(|item| item.0 == key)).expect("it is there");
        let weight = take(&mut self.lists[list], key).expect("it is there");
        if list != 1 || weight > self.protected_max() {
            self.lists[list].push((key, weight));
            return;
        }
        self.lists[2].push((key, weight));
        while sum(&self.lists[2]) > self.protected_max() {
            let oldest = self.lists[2].remove(0);
            self.lists[1].push(oldest);
        }
    }
    fn arrives(&mut self, key: u64, _: u64, entries: u32) -> bool {
        self.sketch.ensure(u64::from(entries).max(self.capacity));
        self.sketch.count(key);
        true
    }
    fn added(&mut self, key: u64, weight: u64) {
        self.lists[0].push((key, weight));
        while sum(&self.lists[0]) > self.capacity - self.main_max() {
            let oldest = self.lists[0].remove(0);
            self.lists[1].push(oldest);
        }
    }
    fn victim(&mut self, incoming: u64) -> u64 {
        let of_main = self.lists[1].first().or(self.lists[2].first()).map(|item| item.0);
        let full = sum(&self.lists[0]) + incoming > self.capacity - self.main_max();
        let window = self.lists[0].first().copied();
        match (window, of_main) {
            (Some((candidate, weight)), Some(victim)) if full => {
                if self.sketch.frequency(candidate) > self.sketch.frequency(victim) {
                    self.lists[0].remove(0);
                    self.lists[1].push((candidate, weight));
                    return victim;
                }
                candidate
            }
            (_, Some(victim)) => victim,
            (Some((candidate, _)), None) => candidate,
            (None, None) => unreachable!("it has some"),
        }
    }
    fn gone(&mut self, key: u64) {
        self.lists.iter_mut().for_each(|list| {
            take(list, key);
        });
    }
    fn resize(&mut self, capacity: u64) {
        self.capacity = capacity;
    }
    fn reweigh(&mut self, key: u64, weight: u64) {
        self.lists.iter_mut().for_each(|list| reweigh(list, key, weight));
    }
}

/// The draws of a store of seed 0, in turn.
#[derive(Default)]
struct SlowDraws(u64);

impl SlowDraws {
    fn next(&mut self) -> f64 {
        self.0 += 1;
        uniform(mix64(self.0.wrapping_mul(PHI)))
    }

    fn one_of(&mut self, count: usize) -> usize {
        ((self.next() * count as f64) as usize).min(count - 1)
    }
}

/// Random: keys in a list; the last one takes the place of one that goes.
#[derive(Default)]
struct SlowRandom(Vec<u64>, SlowDraws);

impl Slow for SlowRandom {
    fn used(&mut self, _: u64) {}
    fn added(&mut self, key: u64, _: u64) {
        self.0.push(key);
    }
    fn victim(&mut self, _: u64) -> u64 {
        self.0[self.1.one_of(self.0.len())]
    }
    fn gone(&mut self, key: u64) {
        let place = self.0.iter().position(|other| *other == key);
        place.map(|place| self.0.swap_remove(place));
    }
    fn reweigh(&mut self, _: u64, _: u64) {}
}

/// Redis: (key, last use in ns, counter); the pool is (idleness, key), sorted anew each time, the best candidate last.
#[derive(Default)]
struct SlowRedis {
    by_frequency: bool,
    entries: Vec<(u64, i64, u64)>,
    pool: Vec<(u64, u64)>,
    draws: SlowDraws,
    now_ns: i64,
}

impl SlowRedis {
    const MINUTE_NS: i64 = 60_000_000_000;

    /// The counter now: one less for each minute mark that has passed.
    fn counter(&self, (_, used_ns, counter): (u64, i64, u64)) -> u64 {
        let minutes = self.now_ns / Self::MINUTE_NS - used_ns / Self::MINUTE_NS;
        (0..minutes).fold(counter, |counter, _| counter.saturating_sub(1))
    }

    fn idle(&self, entry: (u64, i64, u64)) -> u64 {
        if self.by_frequency {
            return 255 - self.counter(entry);
        }
        (self.now_ns / 1_000_000_000 - entry.1 / 1_000_000_000) as u64
    }
}

impl Slow for SlowRedis {
    fn used(&mut self, key: u64) {
        let place = self.entries.iter().position(|entry| entry.0 == key).expect("it is there");
        let mut counter = self.counter(self.entries[place]);
        if self.by_frequency && counter < 255 {
            let above = counter.max(5) - 5;
            counter += u64::from(self.draws.next() * ((above * 10 + 1) as f64) < 1.0);
        }
        self.entries[place] = (key, self.now_ns, counter);
    }
    fn added(&mut self, key: u64, _: u64) {
        self.entries.push((key, self.now_ns, 5));
    }
    fn victim(&mut self, _: u64) -> u64 {
        loop {
            for _ in 0..5 {
                let entry = self.entries[self.draws.one_of(self.entries.len())];
                self.pool.insert(0, (self.idle(entry), entry.0));
                // Of equals the new one stands first, and is the one that finds no room.
                self.pool.sort_by_key(|candidate| candidate.0);
                if self.pool.len() > 16 {
                    self.pool.remove(0);
                }
            }
            while let Some((_, key)) = self.pool.pop() {
                if self.entries.iter().any(|entry| entry.0 == key) {
                    return key;
                }
            }
        }
    }
    fn gone(&mut self, key: u64) {
        let place = self.entries.iter().position(|entry| entry.0 == key);
        place.map(|place| self.entries.swap_remove(place));
    }
    fn reweigh(&mut self, _: u64, _: u64) {}
    fn set_time(&mut self, now_ns: i64) {
        self.now_ns = now_ns;
    }
}

/// A slow store.
pub struct Twin {
    eviction: Eviction,
    pub capacity: u64,
    /// (expires, version, weight) by key.
    pub items: BTreeMap<u64, (i64, u32, u64)>,
    pub rule: Box<dyn Slow>,
}

impl Twin {
    pub fn new(eviction: Eviction, capacity: u64) -> Self {
        let mut rule: Box<dyn Slow> = match eviction {
            Eviction::Lru => Box::new(SlowChain(Vec::new(), true)),
            Eviction::Fifo | Eviction::None => Box::new(SlowChain(Vec::new(), false)),
            Eviction::Lfu => Box::new(SlowLfu(Vec::new(), 0)),
            Eviction::Sieve => Box::new(SlowSieve(Vec::new(), None)),
            Eviction::S3Fifo => Box::new(SlowS3::default()),
            Eviction::Arc => {
                Box::new(SlowArc { t: Default::default(), b: Default::default(), p: 0.0, capacity, from: None })
            }
            Eviction::WTinyLfu => Box::new(SlowTiny { lists: Default::default(), capacity, sketch: Sketch::default() }),
            Eviction::Random => Box::new(SlowRandom::default()),
            Eviction::RedisLru => Box::new(SlowRedis::default()),
            Eviction::RedisLfu => Box::new(SlowRedis { by_frequency: true, ..SlowRedis::default() }),
        };
        rule.resize(capacity);
        Self { eviction, capacity, items: BTreeMap::new(), rule }
    }

    pub fn lookup(&mut self, key: u64, now_ns: i64) -> Lookup {
        let Some(&(expires_ns, version, _)) = self.items.get(&key) else { return Lookup::Miss };
        if expires_ns <= now_ns {
            self.remove(key);
            return Lookup::Expired { version };
        }
        self.rule.set_time(now_ns);
        self.rule.used(key);
        Lookup::Hit { version, expires_ns }
    }

    pub fn weight(&self) -> u64 {
        self.items.values().map(|item| item.2).sum()
    }

    pub fn remove(&mut self, key: u64) -> Option<u32> {
        self.rule.gone(key);
        self.items.remove(&key).map(|item| item.1)
    }

    pub fn insert(&mut self, key: u64, expires_ns: i64, version: u32, weight: u64, now_ns: i64) -> Inserted {
        let mut done = Inserted::default();
        let others = self.weight() - self.items.get(&key).map_or(0, |item| item.2);
        let fits = others + weight <= self.capacity;
        if weight > self.capacity || (self.eviction == Eviction::None && !fits) {
            self.remove(key);
            return done;
        }
        if self.items.contains_key(&key) {
            let chain = matches!(self.eviction, Eviction::Lru | Eviction::Fifo | Eviction::None);
            if fits || chain {
                self.items.insert(key, (expires_ns, version, weight));
                self.rule.reweigh(key, weight);
                self.rule.set_time(now_ns);
                self.rule.used(key);
                // The one that was written stays; others go, oldest first.
                let mut aside = Vec::new();
                while self.weight() > self.capacity {
                    let victim = self.rule.victim(0);
                    if victim == key {
                        self.rule.gone(key);
                        aside.push(key);
                        continue;
                    }
                    self.drop(victim, now_ns, &mut done);
                }
                assert!(aside.len() <= 1);
                if let Some(kept) = aside.pop() {
                    self.put_first(kept, weight);
                }
                done.stored = true;
                return done;
            }
            self.remove(key);
        }
        self.rule.set_time(now_ns);
        if !self.rule.arrives(key, weight, self.items.len() as u32) {
            return done;
        }
        self.shrink(weight, now_ns, &mut done);
        self.items.insert(key, (expires_ns, version, weight));
        self.rule.added(key, weight);
        done.stored = true;
        done
    }

    /// Puts an entry that was set aside back to where it was: the oldest end.
    fn put_first(&mut self, key: u64, weight: u64) {
        let mut others: Vec<(u64, u64)> = Vec::new();
        while self.items.len() > others.len() + 1 {
            let victim = self.rule.victim(0);
            self.rule.gone(victim);
            others.push((victim, self.items[&victim].2));
        }
        self.rule.added(key, weight);
        others.into_iter().for_each(|(key, weight)| self.rule.added(key, weight));
    }

    fn drop(&mut self, key: u64, now_ns: i64, done: &mut Inserted) {
        self.rule.gone(key);
        let (expires_ns, ..) = self.items.remove(&key).expect("it is there");
        if expires_ns <= now_ns {
            done.expired += 1;
        } else {
            done.evicted += 1;
        }
    }

    pub fn shrink(&mut self, incoming: u64, now_ns: i64, done: &mut Inserted) {
        while self.weight() + incoming > self.capacity && !self.items.is_empty() {
            let victim = self.rule.victim(incoming);
            self.drop(victim, now_ns, done);
        }
    }
}
