//! S3-FIFO.
//!
//! A small queue (10% of the capacity), a main queue (the rest), and the keys of what left the small one (ghosts, 90%
//! of the capacity). What is new comes into the small queue; where its key is among the ghosts, into the main queue.
//! A hit counts (the count matters up to 3). To evict: while the main queue exceeds its size, or the small one is
//! empty, the oldest of main goes, where it has not been asked for; otherwise it comes back to the front, its count
//! less one. Else the oldest of small goes and leaves a ghost; one that was asked for more than once moves to main
//! instead, its count beginning again, until one has gone. While nothing has been evicted yet, what is new goes to main
//! once small is full.
//!
//! Sources: Yang, Zhang, Qiu, Yue, Rashmi, "FIFO queues are all you need for cache eviction" (SOSP 2023), and the
//! authors' code, libCacheSim's `S3FIFO.c` with its defaults (`small-size-ratio=0.10, ghost-size-ratio=0.90,
//! move-to-main-threshold=2`), which this follows where the paper leaves a choice: the paper's first version
//! (`S3FIFOv0.c`) fills a new cache through the small queue alone. As there, what is as large as the small queue is not
//! kept; a small queue has room for one entry at least.

use super::ghost::Ghosts;
use super::table::{Queue, Table};

/// The state of S3-FIFO. An entry's mark is its count, with `MAIN` where it is in the main queue.
#[derive(Debug, Clone)]
pub struct S3Fifo {
    small: Queue,
    main: Queue,
    ghosts: Ghosts,
    small_max: u64,
    main_max: u64,
    ghosts_max: u64,
    /// Whether the key that comes was among the ghosts.
    came_back: bool,
    has_evicted: bool,
}

const MAIN: u32 = 1 << 31;
const COUNT_MAX: u32 = 3;
/// What was asked for so often in the small queue moves to the main one.
const MOVES_AT: u32 = 2;

impl S3Fifo {
    /// For a capacity.
    pub fn new(capacity: u64) -> Self {
        let mut new = Self {
            small: Queue::default(),
            main: Queue::default(),
            ghosts: Ghosts::default(),
            small_max: 0,
            main_max: 0,
            ghosts_max: 0,
            came_back: false,
            has_evicted: false,
        };
        new.resize(capacity);
        new
    }

    /// Another capacity.
    pub fn resize(&mut self, capacity: u64) {
        self.small_max = (capacity / 10).max(1).min(capacity);
        self.main_max = capacity - self.small_max;
        self.ghosts_max = (capacity as f64 * 0.9) as u64;
    }

    /// Whether something so large is kept at all.
    pub fn admits(&self, weight: u64) -> bool {
        weight == 1 || weight < self.small_max
    }

    /// An entry was asked for.
    #[inline]
    pub fn used(&mut self, table: &mut Table, at: u32) {
        let mark = table.mark(at);
        if mark & !MAIN < COUNT_MAX {
            table.set_mark(at, mark + 1);
        }
    }

    /// A key comes that has no entry.
    pub fn arrives(&mut self, key: u64) {
        self.came_back = self.ghosts.remove(key);
    }

    /// An entry is new.
    pub fn added(&mut self, table: &mut Table, at: u32) {
        let filling = !self.has_evicted && self.small.weight >= self.small_max;
        if self.came_back || filling {
            self.came_back = false;
            self.move_to_main(table, at, 0);
        } else {
            self.small.push(table, at);
        }
    }

    fn move_to_main(&mut self, table: &mut Table, at: u32, count: u32) {
        table.set_mark(at, MAIN | count);
        self.main.push(table, at);
    }

    /// The entry that goes.
    pub fn victim(&mut self, table: &mut Table) -> u32 {
        self.has_evicted = true;
        if self.main.weight > self.main_max || self.small.is_empty() {
            return self.victim_of_main(table);
        }
        while !self.small.is_empty() {
            let oldest = self.small.back;
            if table.mark(oldest) < MOVES_AT {
                let (key, weight) = (table.entry(oldest).key, table.entry(oldest).weight);
                self.remember(key, weight);
                return oldest;
            }
            self.small.unlink(table, oldest);
            self.move_to_main(table, oldest, 0);
        }
        // All of the small queue have moved on: the caller needs one to go.
        self.victim_of_main(table)
    }

    fn victim_of_main(&mut self, table: &mut Table) -> u32 {
        loop {
            let oldest = self.main.back;
            let count = table.mark(oldest) & !MAIN;
            if count == 0 {
                return oldest;
            }
            self.main.unlink(table, oldest);
            self.move_to_main(table, oldest, count - 1);
        }
    }

    fn remember(&mut self, key: u64, weight: u32) {
        if u64::from(weight) > self.ghosts_max {
            return;
        }
        while self.ghosts.weight + u64::from(weight) > self.ghosts_max {
            self.ghosts.drop_oldest();
        }
        self.ghosts.add(key, weight);
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
        if table.mark(at) & MAIN == 0 { &mut self.small } else { &mut self.main }
    }
}
