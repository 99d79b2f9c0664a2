//! Each policy against a slow and obvious twin, request by request, and against theory.

use std::collections::BTreeMap;

use super::w_tinylfu::Sketch;
use super::*;

/// What a twin's policy is told and asked, in keys.
trait Slow {
    fn used(&mut self, key: u64);
    fn arrives(&mut self, _key: u64, _weight: u64, _entries: u32) -> bool {
        true
    }
    fn added(&mut self, key: u64, weight: u64);
    fn victim(&mut self, incoming: u64) -> u64;
    fn gone(&mut self, key: u64);
    fn resize(&mut self, _capacity: u64) {}
    fn reweigh(&mut self, key: u64, weight: u64);
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

struct Twin {
    eviction: Eviction,
    capacity: u64,
    /// (expires, version, weight) by key.
    items: BTreeMap<u64, (i64, u32, u64)>,
    rule: Box<dyn Slow>,
}

impl Twin {
    fn new(eviction: Eviction, capacity: u64) -> Self {
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
            Eviction::Random | Eviction::RedisLru | Eviction::RedisLfu => unreachable!("these draw"),
        };
        rule.resize(capacity);
        Self { eviction, capacity, items: BTreeMap::new(), rule }
    }

    fn lookup(&mut self, key: u64, now_ns: i64) -> Lookup {
        let Some(&(expires_ns, version, _)) = self.items.get(&key) else { return Lookup::Miss };
        if expires_ns <= now_ns {
            self.remove(key);
            return Lookup::Expired { version };
        }
        self.rule.used(key);
        Lookup::Hit { version, expires_ns }
    }

    fn weight(&self) -> u64 {
        self.items.values().map(|item| item.2).sum()
    }

    fn remove(&mut self, key: u64) -> Option<u32> {
        self.rule.gone(key);
        self.items.remove(&key).map(|item| item.1)
    }

    fn insert(&mut self, key: u64, expires_ns: i64, version: u32, weight: u64, now_ns: i64) -> Inserted {
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

    fn shrink(&mut self, incoming: u64, now_ns: i64, done: &mut Inserted) {
        while self.weight() + incoming > self.capacity && !self.items.is_empty() {
            let victim = self.rule.victim(incoming);
            self.drop(victim, now_ns, done);
        }
    }
}

fn random(state: &mut u64, below: u64) -> u64 {
    crate::math::tests::random(state) % below
}

const TWINNED: [Eviction; 8] = [
    Eviction::Lru,
    Eviction::Fifo,
    Eviction::None,
    Eviction::Lfu,
    Eviction::Sieve,
    Eviction::S3Fifo,
    Eviction::Arc,
    Eviction::WTinyLfu,
];

/// Random operations on both: (seed, capacity, keys, weights up to).
fn compare(eviction: Eviction, (seed, capacity, keys, weights): (u64, u64, u64, u64), steps: i64) {
    let mut state = seed;
    let mut store = Store::new(eviction, capacity, 0);
    let mut twin = Twin::new(eviction, capacity);
    for step in 0..steps {
        // Few keys are asked for often; keys that share high bits try the probing.
        let popular = random(&mut state, keys).min(random(&mut state, keys));
        let key = popular << 40;
        let expires_ns = match random(&mut state, 3) {
            0 => step + 1 + random(&mut state, 50 * capacity.max(4)) as i64,
            _ => NEVER_NS,
        };
        let weight = 1 + random(&mut state, weights);
        let place = format!("{eviction:?} of {capacity}, seed {seed}, step {step}");
        match random(&mut state, 100) {
            0 => assert_eq!(store.remove(key), twin.remove(key), "{place}"),
            1 if step % 64 == 0 => {
                twin.capacity = random(&mut state, 2 * capacity + 1);
                twin.rule.resize(twin.capacity);
                let mut expected = Inserted::default();
                twin.shrink(0, step, &mut expected);
                assert_eq!(store.set_capacity(twin.capacity, step), expected, "{place}");
            }
            2 if step % 512 == 0 => {
                assert_eq!(u64::from(store.clear()), twin.items.len() as u64);
                twin = Twin::new(eviction, twin.capacity);
            }
            3..=9 => {
                let expected = twin.insert(key, expires_ns, step as u32, weight, step);
                let found = store.insert_weighed(key, expires_ns, step as u32, weight as u32, step);
                assert_eq!(found, expected, "{place}");
            }
            _ => {
                let found = store.lookup(key, step);
                assert_eq!(found, twin.lookup(key, step), "{place}");
                if !matches!(found, Lookup::Hit { .. }) {
                    let expected = twin.insert(key, expires_ns, step as u32, weight, step);
                    let filled = store.insert_weighed(key, expires_ns, step as u32, weight as u32, step);
                    assert_eq!(filled, expected, "{place}");
                }
            }
        }
        assert_eq!((u64::from(store.len()), store.weight()), (twin.items.len() as u64, twin.weight()), "{place}");
    }
}

const CASES: [(u64, u64, u64, u64); 6] =
    [(1, 1, 4, 1), (2, 10, 30, 1), (3, 64, 200, 1), (4, 50, 60, 9), (5, 0, 5, 1), (6, 300, 200, 40)];

#[test]
fn equal_to_the_twin_request_by_request() {
    for eviction in TWINNED {
        for case in CASES {
            compare(eviction, case, 6_000);
        }
    }
}

#[test]
#[ignore = "a million events for each policy"]
fn equal_to_the_twin_for_a_million_requests() {
    for eviction in TWINNED {
        for case in CASES {
            compare(eviction, case, 200_000);
        }
    }
}

/// Those that draw keep to what can be said of any store.
#[test]
fn random_ones_keep_their_books() {
    for eviction in [Eviction::Random, Eviction::RedisLru, Eviction::RedisLfu] {
        let mut state = 9;
        let (mut store, mut kept) = (Store::new(eviction, 40, 7), BTreeMap::new());
        for step in 0..20_000i64 {
            let now_ns = step * 100_000_000;
            let key = random(&mut state, 100);
            match store.lookup(key, now_ns) {
                Lookup::Hit { version, .. } => assert_eq!(kept.get(&key), Some(&version)),
                Lookup::Expired { .. } => unreachable!("nothing expires"),
                Lookup::Miss => {
                    let done = store.insert(key, NEVER_NS, step as u32, now_ns);
                    assert!(done.stored && done.evicted <= 1);
                    kept.insert(key, step as u32);
                }
            }
            if step % 97 == 0 {
                store.remove(key);
            }
            assert!(store.len() <= 40);
        }
    }
}

#[test]
fn a_larger_store_grows_and_finds_all() {
    let mut store = Store::new(Eviction::Lru, 50_000, 0);
    for key in 0..100_000 {
        store.insert(key, NEVER_NS, key as u32, 0);
    }
    for key in 0..100_000 {
        let expected = (key >= 50_000).then_some((key as u32, NEVER_NS));
        assert_eq!(store.peek(key), expected);
    }
    assert_eq!((store.clear(), store.is_empty(), store.peek(99_999)), (50_000, true, None));
}

/// Against Che's approximation, which is within a few thousandths here; the others have to beat LRU, as published.
#[test]
fn hit_ratios_are_those_of_theory() {
    use crate::analysis::theory::{fifo_hit_ratio, lru_hit_ratio};
    use crate::engine::rng::uniform_at;
    use crate::workload::keys::{Keys, Popularity};

    let keys = Keys::new(&Popularity::Zipf(0.8), 10_000).expect("they fit");
    let shares: Vec<f64> = (0..10_000).map(|rank| keys.probability(rank)).collect();
    let (lru, fifo) = (lru_hit_ratio(&shares, 1_000.0), fifo_hit_ratio(&shares, 1_000.0));
    let ratio = |eviction: Eviction| {
        let mut store = Store::new(eviction, 1_000, 3);
        let mut hits = 0;
        for n in 0..220_000 {
            let key = keys.pick(uniform_at(17, n));
            // Twenty a second: what is kept is far older than a tick of Redis' clock.
            let now_ns = n * 50_000_000;
            match store.lookup(key, now_ns) {
                Lookup::Hit { .. } => hits += u32::from(n >= 20_000),
                Lookup::Expired { .. } | Lookup::Miss => {
                    store.insert(key, NEVER_NS, 0, now_ns);
                }
            }
        }
        f64::from(hits) / 200_000.0
    };
    for (eviction, exact) in [(Eviction::Lru, lru), (Eviction::Fifo, fifo), (Eviction::Random, fifo)] {
        let found = ratio(eviction);
        assert!((found - exact).abs() < 0.005, "{eviction:?}: {found}, theory {exact}");
    }
    for eviction in [Eviction::Lfu, Eviction::Sieve, Eviction::S3Fifo, Eviction::WTinyLfu, Eviction::Arc] {
        let found = ratio(eviction);
        assert!(found > lru + 0.02, "{eviction:?}: {found}, LRU {lru}");
    }
    for eviction in [Eviction::RedisLru, Eviction::RedisLfu] {
        let found = ratio(eviction);
        assert!((found - lru).abs() < 0.05, "{eviction:?}, a sample: {found}, LRU {lru}");
    }
}

#[test]
fn expired_entries_count_until_met() {
    let mut store = Store::new(Eviction::Lru, 2, 0);
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

/// The example of figure 1 of the SIEVE paper, in words: what was not visited goes first, the hand stays.
#[test]
fn sieve_by_hand() {
    let mut store = Store::new(Eviction::Sieve, 3, 0);
    let mut ask = |key: u64| {
        let hit = matches!(store.lookup(key, 0), Lookup::Hit { .. });
        if !hit {
            store.insert(key, NEVER_NS, 0, 0);
        }
        hit
    };
    // A, B and C come, A is visited; D makes the hand clear A's bit and drop B, E then drops C, F drops A's successor.
    let asked = [1, 2, 3, 1, 4, 2, 1, 5].map(&mut ask);
    assert_eq!(asked, [false, false, false, true, false, false, true, false]);
    // 1 was visited again after the hand had passed it: it outlives 4 and 2.
    assert!(ask(1));
}
