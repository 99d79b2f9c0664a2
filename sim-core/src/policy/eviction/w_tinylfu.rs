//! W-TinyLFU.
//!
//! A window (1% of the capacity, least recently used last) in front of a main part of two segments: probation, and
//! protected (80% of main), which what is asked for in probation moves to; what protected has no room for falls back
//! to probation. What leaves the window stays only where a sketch says that it was asked for more often, of late, than
//! the oldest in probation, which goes instead; at equal counts the newcomer goes.
//!
//! The sketch counts uses and insertions: four rows of 4-bit counters, four a row for each entry at least; when it has
//! counted ten times the capacity, all counters are halved. Its hashes are our own, so single decisions may
//! differ from another implementation's where counters collide.
//!
//! Sources: Einziger, Friedman, Manes, "TinyLFU: A Highly Efficient Cache Admission Policy" (ACM Transactions on
//! Storage, 2017), section 4.1; Caffeine's `BoundedLocalCache` and `FrequencySketch`, without its climbing of the
//! window's size and its random admission against hash flooding.

use super::table::{Queue, Table};
use crate::engine::rng::mix64;

/// The state of W-TinyLFU. An entry's mark is its segment.
#[derive(Debug, Clone)]
pub struct WTinyLfu {
    window: Queue,
    probation: Queue,
    protected: Queue,
    window_max: u64,
    protected_max: u64,
    capacity: u64,
    sketch: Sketch,
}

const WINDOW: u32 = 0;
const PROBATION: u32 = 1;
const PROTECTED: u32 = 2;

impl WTinyLfu {
    /// For a capacity.
    pub fn new(capacity: u64) -> Self {
        let mut new = Self {
            window: Queue::default(),
            probation: Queue::default(),
            protected: Queue::default(),
            window_max: 0,
            protected_max: 0,
            capacity: 0,
            sketch: Sketch::default(),
        };
        new.resize(capacity);
        new
    }

    /// Another capacity.
    pub fn resize(&mut self, capacity: u64) {
        let main = (capacity as f64 * 0.99) as u64;
        self.window_max = capacity - main;
        self.protected_max = (main as f64 * 0.8) as u64;
        self.capacity = capacity;
    }

    /// An entry was asked for.
    pub fn used(&mut self, table: &mut Table, at: u32) {
        self.sketch.count(table.entry(at).key);
        match table.mark(at) {
            WINDOW => self.window.renew(table, at),
            PROTECTED => self.protected.renew(table, at),
            _ => {
                if u64::from(table.entry(at).weight) > self.protected_max {
                    self.probation.renew(table, at);
                    return;
                }
                self.probation.unlink(table, at);
                table.set_mark(at, PROTECTED);
                self.protected.push(table, at);
                while self.protected.weight > self.protected_max {
                    let oldest = self.protected.back;
                    self.protected.unlink(table, oldest);
                    self.move_to_probation(table, oldest);
                }
            }
        }
    }

    /// A key comes that has no entry; there are so many.
    pub fn arrives(&mut self, key: u64, entries: u32) {
        // A capacity in bytes says nothing of how many there will be: the sketch grows with them.
        self.sketch.ensure(u64::from(entries).max(self.capacity.min(1 << 20)));
        self.sketch.count(key);
    }

    /// An entry is new.
    pub fn added(&mut self, table: &mut Table, at: u32) {
        table.set_mark(at, WINDOW);
        self.window.push(table, at);
        while self.window.weight > self.window_max {
            let oldest = self.window.back;
            self.window.unlink(table, oldest);
            self.move_to_probation(table, oldest);
        }
    }

    fn move_to_probation(&mut self, table: &mut Table, at: u32) {
        table.set_mark(at, PROBATION);
        self.probation.push(table, at);
    }

    /// The entry that goes; `incoming` is the weight of what comes.
    pub fn victim(&mut self, table: &mut Table, incoming: u64) -> u32 {
        let of_main = if self.probation.is_empty() { self.protected.back } else { self.probation.back };
        if self.window.is_empty() || self.window.weight + incoming <= self.window_max {
            return if of_main == super::table::NO_ENTRY { self.window.back } else { of_main };
        }
        let candidate = self.window.back;
        if of_main == super::table::NO_ENTRY {
            return candidate;
        }
        let frequency = |at: u32| self.sketch.frequency(table.entry(at).key);
        if frequency(candidate) > frequency(of_main) {
            self.window.unlink(table, candidate);
            self.move_to_probation(table, candidate);
            return of_main;
        }
        candidate
    }

    /// The weight of the queue that an entry is in.
    pub fn weight_of(&mut self, table: &Table, at: u32) -> &mut u64 {
        &mut self.queue_of(table, at).weight
    }

    /// An entry leaves.
    pub fn unlink(&mut self, table: &mut Table, at: u32) {
        self.queue_of(table, at).unlink(table, at);
    }

    fn queue_of(&mut self, table: &Table, at: u32) -> &mut Queue {
        match table.mark(at) {
            WINDOW => &mut self.window,
            PROBATION => &mut self.probation,
            _ => &mut self.protected,
        }
    }
}

/// How often keys were asked for of late, about: four rows of counters up to 15.
#[derive(Debug, Clone, Default)]
pub struct Sketch {
    /// Sixteen counters a word; a row is a quarter of them.
    words: Vec<u64>,
    counted: u64,
    sample: u64,
}

const ROWS: usize = 4;
const ODD: u64 = 0x1111_1111_1111_1111;

impl Sketch {
    /// Makes room for so many entries; begins again where there was less.
    pub fn ensure(&mut self, entries: u64) {
        let row = entries.next_power_of_two().max(16) / 4;
        if self.words.len() < row as usize * ROWS {
            self.words = vec![0; row as usize * ROWS];
            self.sample = entries.max(1) * 10;
            self.counted = 0;
        }
    }

    /// The word and the bit at which a row counts a key.
    fn place(&self, key: u64, row: usize) -> (usize, u32) {
        let length = self.words.len() / ROWS;
        let hash = mix64(key ^ (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        (row * length + ((hash >> 8) as usize & (length - 1)), (hash & 15) as u32 * 4)
    }

    /// About how often a key was counted.
    pub fn frequency(&self, key: u64) -> u64 {
        if self.words.is_empty() {
            return 0;
        }
        (0..ROWS)
            .map(|row| {
                let (word, bit) = self.place(key, row);
                self.words[word] >> bit & 15
            })
            .min()
            .unwrap_or(0)
    }

    /// Counts a key.
    pub fn count(&mut self, key: u64) {
        if self.words.is_empty() {
            return;
        }
        let mut counted = false;
        for row in 0..ROWS {
            let (word, bit) = self.place(key, row);
            if self.words[word] >> bit & 15 < 15 {
                self.words[word] += 1 << bit;
                counted = true;
            }
        }
        self.counted += u64::from(counted);
        if self.counted >= self.sample {
            self.halve();
        }
    }

    /// Halves all counters; the sum of what was counted loses what they lose by rounding, too.
    fn halve(&mut self) {
        let mut odd = 0;
        for word in &mut self.words {
            odd += u64::from((*word & ODD).count_ones());
            *word = *word >> 1 & 0x7777_7777_7777_7777;
        }
        self.counted = (self.counted - odd / ROWS as u64) / 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::draws::Draws;

    #[test]
    fn a_sketch_never_counts_too_little_before_it_halves() {
        let mut sketch = Sketch::default();
        sketch.ensure(1_000);
        for key in 0..500u64 {
            for _ in 0..=key % 12 {
                sketch.count(key);
            }
        }
        assert!((0..500u64).all(|key| sketch.frequency(key) > key % 12));
        let exact = (0..500u64).filter(|key| sketch.frequency(*key) == key % 12 + 1).count();
        assert!(exact > 480, "{exact} of 500");
    }

    #[test]
    fn counters_are_halved_after_ten_times_the_capacity() {
        let mut sketch = Sketch::default();
        sketch.ensure(16);
        for _ in 0..15 {
            sketch.count(7);
        }
        assert_eq!(sketch.frequency(7), 15);
        for key in 100..245 {
            sketch.count(key);
        }
        assert!(sketch.frequency(7) <= 8);
    }

    /// Counters in a list of their own, each halved by itself.
    fn against_counters(rounds: u64, counts: u64) {
        for round in 0..rounds {
            let mut draws = Draws::new(round);
            let mut sketch = Sketch::default();
            let entries = 1 + draws.below(300);
            sketch.ensure(entries);
            let mut counters = vec![[0_u64; 16]; sketch.words.len()];
            let mut counted = 0;
            for event in 0..counts {
                let key = draws.below(2 * entries).min(draws.below(2 * entries));
                let places: Vec<(usize, usize)> = (0..ROWS)
                    .map(|row| {
                        let (word, bit) = sketch.place(key, row);
                        (word, bit as usize / 4)
                    })
                    .collect();
                let least = places.iter().map(|&(word, place)| counters[word][place]).min();
                assert_eq!(Some(sketch.frequency(key)), least, "round {round}, event {event}");
                let before = counters.clone();
                places.iter().for_each(|&(word, place)| counters[word][place] = (before[word][place] + 1).min(15));
                counted += u64::from(counters != before);
                if counted == 10 * entries {
                    let odd = counters.iter().flatten().filter(|counter| **counter % 2 == 1).count() as u64;
                    counters.iter_mut().flatten().for_each(|counter| *counter /= 2);
                    counted = (counted - odd / 4) / 2;
                }
                sketch.count(key);
            }
        }
    }

    #[test]
    fn frequencies_are_those_of_plain_counters() {
        against_counters(10, 2_000);
    }

    #[test]
    #[ignore = "a million events"]
    fn frequencies_are_those_of_plain_counters_a_million_times() {
        against_counters(100, 10_000);
    }
}
