//! Random eviction, and Redis' LRU and LFU, which look at samples.
//!
//! `random`: any entry goes, all alike.
//!
//! `redis-lru`, `redis-lfu` (maxmemory-policy allkeys-lru and allkeys-lfu, with the defaults of redis.conf): to evict,
//! five random entries are compared with a pool of the 16 best candidates known so far, in order of idleness, which
//! keeps the idleness that it saw; the best candidate that still is an entry goes. Idleness for LRU is the time since
//! the last use on a clock of whole seconds. For LFU it is 255 less a counter of 8 bits, which begins at 5, is raised
//! at a use with probability 1/((counter − 5) · 10 + 1), and falls by one for each whole minute without a use. The five
//! are drawn with replacement from all entries, where Redis takes neighbours in its hash table.
//!
//! Source: redis/redis `src/evict.c` (`evictionPoolPopulate`, `LFULogIncr`, `LFUDecrAndReturn`), `src/object.c`.

use super::table::Table;
use crate::engine::rng::{PHI, mix64, uniform};

/// All entries, by place, so that one can be drawn.
#[derive(Debug, Clone, Default)]
struct Members {
    list: Vec<u32>,
    /// By entry: its place in the list.
    places: Vec<u32>,
}

impl Members {
    fn add(&mut self, at: u32) {
        if self.places.len() <= at as usize {
            self.places.resize(at as usize + 1, 0);
        }
        self.places[at as usize] = self.list.len() as u32;
        self.list.push(at);
    }

    fn remove(&mut self, at: u32) {
        let place = self.places[at as usize];
        self.list.swap_remove(place as usize);
        if let Some(&moved) = self.list.get(place as usize) {
            self.places[moved as usize] = place;
        }
    }
}

/// A stream of draws.
#[derive(Debug, Clone)]
struct Draws {
    seed: u64,
    count: u64,
}

impl Draws {
    fn next(&mut self) -> f64 {
        self.count += 1;
        uniform(mix64(self.seed.wrapping_add(self.count.wrapping_mul(PHI))))
    }

    /// A place below `length`.
    fn place(&mut self, length: usize) -> usize {
        ((self.next() * length as f64) as usize).min(length - 1)
    }
}

/// The state of random eviction.
#[derive(Debug, Clone)]
pub struct Random {
    members: Members,
    draws: Draws,
}

impl Random {
    /// Draws follow from the seed.
    pub fn new(seed: u64) -> Self {
        Self { members: Members::default(), draws: Draws { seed, count: 0 } }
    }

    /// An entry is new.
    pub fn added(&mut self, at: u32) {
        self.members.add(at);
    }

    /// The entry that goes.
    pub fn victim(&mut self) -> u32 {
        self.members.list[self.draws.place(self.members.list.len())]
    }

    /// An entry leaves.
    pub fn unlink(&mut self, at: u32) {
        self.members.remove(at);
    }
}

/// What Redis goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedisBy {
    /// The time since the last use.
    Recency,
    /// The counter of uses.
    Frequency,
}

/// The state of Redis' policies. An entry's mark is the second of its last use, or (minute << 8 | counter).
#[derive(Debug, Clone)]
pub struct Redis {
    by: RedisBy,
    members: Members,
    draws: Draws,
    /// Idleness and key, the best candidate last.
    pool: Vec<(u64, u64)>,
    /// The instant of the last operation.
    now_ns: i64,
}

const SAMPLES: usize = 5;
const POOL: usize = 16;
const COUNTER_FIRST: u32 = 5;
const COUNTER_MAX: u32 = 255;
const LOG_FACTOR: u32 = 10;
const SECOND_NS: i64 = 1_000_000_000;

impl Redis {
    /// Draws follow from the seed.
    pub fn new(by: RedisBy, seed: u64) -> Self {
        let draws = Draws { seed, count: 0 };
        Self { by, members: Members::default(), draws, pool: Vec::new(), now_ns: 0 }
    }

    /// It is now so late.
    pub fn set_time(&mut self, now_ns: i64) {
        self.now_ns = now_ns;
    }

    fn second(&self) -> u32 {
        (self.now_ns / SECOND_NS) as u32
    }

    fn minute(&self) -> u32 {
        (self.now_ns / (60 * SECOND_NS)) as u32 & 0x00ff_ffff
    }

    /// The counter of a mark, less the whole minutes since its last use.
    fn counter(&self, mark: u32) -> u32 {
        (mark & 255).saturating_sub(self.minute().saturating_sub(mark >> 8))
    }

    /// An entry was asked for.
    pub fn used(&mut self, table: &mut Table, at: u32) {
        let mark = match self.by {
            RedisBy::Recency => self.second(),
            RedisBy::Frequency => {
                let counter = self.counter(table.mark(at));
                self.minute() << 8 | raised(counter, || self.draws.next())
            }
        };
        table.set_mark(at, mark);
    }

    /// An entry is new.
    pub fn added(&mut self, table: &mut Table, at: u32) {
        self.members.add(at);
        let mark = match self.by {
            RedisBy::Recency => self.second(),
            RedisBy::Frequency => self.minute() << 8 | COUNTER_FIRST,
        };
        table.set_mark(at, mark);
    }

    /// The entry that goes.
    pub fn victim(&mut self, table: &Table) -> u32 {
        loop {
            for _ in 0..SAMPLES {
                let at = self.members.list[self.draws.place(self.members.list.len())];
                let idle = match self.by {
                    RedisBy::Recency => u64::from(self.second().saturating_sub(table.mark(at))),
                    RedisBy::Frequency => u64::from(COUNTER_MAX - self.counter(table.mark(at))),
                };
                self.consider(idle, table.entry(at).key);
            }
            while let Some((_, key)) = self.pool.pop() {
                if let Some(at) = table.find(key) {
                    return at;
                }
            }
        }
    }

    /// Takes a candidate into the pool, unless it is full of better ones.
    fn consider(&mut self, idle: u64, key: u64) {
        let place = self.pool.iter().take_while(|(other, _)| *other < idle).count();
        if self.pool.len() < POOL {
            self.pool.insert(place, (idle, key));
        } else if place > 0 {
            self.pool.insert(place, (idle, key));
            self.pool.remove(0);
        }
    }

    /// An entry leaves.
    pub fn unlink(&mut self, at: u32) {
        self.members.remove(at);
    }
}

/// A counter after a use.
fn raised(counter: u32, draw: impl FnOnce() -> f64) -> u32 {
    if counter == COUNTER_MAX {
        return COUNTER_MAX;
    }
    let above = counter.saturating_sub(COUNTER_FIRST);
    let raise = draw() < 1.0 / f64::from(above * LOG_FACTOR + 1);
    counter + u32::from(raise)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table in redis.conf for factor 10: counters after so many hits, as one run of `redis-benchmark` had them.
    #[test]
    fn counters_are_those_that_redis_documents() {
        for (hits, documented) in [(100u32, 10u32), (1_000, 18), (100_000, 142), (1_000_000, 255)] {
            let mut draws = Draws { seed: 11, count: 0 };
            let runs = 20;
            let sum: u32 =
                (0..runs).map(|_| (0..hits).fold(COUNTER_FIRST, |counter, _| raised(counter, || draws.next()))).sum();
            let mean = f64::from(sum) / f64::from(runs);
            let off = (mean - f64::from(documented)).abs();
            assert!(off < 7.0, "{hits} hits: {mean}, documented {documented}");
        }
    }

    #[test]
    fn a_pool_keeps_the_sixteen_idlest_in_order() {
        let mut redis = Redis::new(RedisBy::Recency, 1);
        let mut twin: Vec<u64> = Vec::new();
        for n in 0..500u64 {
            let idle = mix64(n) % 1_000;
            redis.consider(idle, n);
            twin.push(idle);
            twin.sort_unstable();
            if twin.len() > POOL {
                twin.remove(0);
            }
            let kept: Vec<u64> = redis.pool.iter().map(|(idle, _)| *idle).collect();
            assert_eq!(kept, twin);
        }
    }
}
