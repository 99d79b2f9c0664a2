//! ARC, as Megiddo and Modha gave it.
//!
//! T1 holds what was asked for once, T2 what was asked for more often, both least recently used last; B1 and B2 the
//! keys of what went from them. The size that T1 aims at, p, grows by max(1, |B2|/|B1|) when a key of B1 comes back and
//! shrinks by max(1, |B1|/|B2|) when one of B2 does (p is a real number, as in libCacheSim). REPLACE drops the oldest
//! of T1 where |T1| > p, or |T1| = p and the key came from B2; else the oldest of T2. A key that is nowhere makes B1's
//! oldest ghost go where |T1| + |B1| is the capacity (or T1's oldest entry, without a ghost, where B1 is empty), and
//! B2's oldest where all four together have reached twice the capacity.
//!
//! Source: Megiddo, Modha, "ARC: A Self-Tuning, Low Overhead Replacement Cache" (FAST 2003), figure 4; with sizes,
//! libCacheSim's `ARC.c`.

use super::ghost::Ghosts;
use super::table::{Queue, Table};

/// The state of ARC. An entry's mark is 1 in T1, 2 in T2.
#[derive(Debug, Clone)]
pub struct Arc {
    once: Queue,
    often: Queue,
    once_gone: Ghosts,
    often_gone: Ghosts,
    capacity: u64,
    once_target: f64,
    came_from: From,
}

/// Where the key was that comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Nowhere,
    OnceGone,
    OftenGone,
}

const ONCE: u32 = 1;
const OFTEN: u32 = 2;

impl Arc {
    /// For a capacity.
    pub fn new(capacity: u64) -> Self {
        Self {
            once: Queue::default(),
            often: Queue::default(),
            once_gone: Ghosts::default(),
            often_gone: Ghosts::default(),
            capacity,
            once_target: 0.0,
            came_from: From::Nowhere,
        }
    }

    /// Another capacity.
    pub fn resize(&mut self, capacity: u64) {
        self.capacity = capacity;
        self.once_target = self.once_target.min(capacity as f64);
        while self.once_gone.weight > capacity && self.once_gone.drop_oldest() {}
        while self.often_gone.weight > capacity && self.often_gone.drop_oldest() {}
    }

    /// An entry was asked for.
    pub fn used(&mut self, table: &mut Table, at: u32) {
        self.unlink(table, at);
        table.set_mark(at, OFTEN);
        self.often.push(table, at);
    }

    /// A key comes that has no entry.
    pub fn arrives(&mut self, key: u64) {
        let (once, often) = (self.once_gone.weight as f64, self.often_gone.weight as f64);
        if self.once_gone.remove(key) {
            self.once_target = (self.once_target + (often / once).max(1.0)).min(self.capacity as f64);
            self.came_from = From::OnceGone;
        } else if self.often_gone.remove(key) {
            self.once_target = (self.once_target - (once / often).max(1.0)).max(0.0);
            self.came_from = From::OftenGone;
        } else {
            self.came_from = From::Nowhere;
        }
    }

    /// An entry is new.
    pub fn added(&mut self, table: &mut Table, at: u32) {
        let came_from = std::mem::replace(&mut self.came_from, From::Nowhere);
        let (mark, queue) = match came_from {
            From::Nowhere => (ONCE, &mut self.once),
            From::OnceGone | From::OftenGone => (OFTEN, &mut self.often),
        };
        table.set_mark(at, mark);
        queue.push(table, at);
    }

    /// The entry that goes; `incoming` is the weight of what comes.
    pub fn victim(&mut self, table: &mut Table, incoming: u64) -> u32 {
        if self.came_from == From::Nowhere {
            if self.once.weight + self.once_gone.weight + incoming > self.capacity {
                if !self.once_gone.drop_oldest() && !self.once.is_empty() {
                    return self.once.back;
                }
            } else {
                let all = self.once.weight + self.often.weight + self.once_gone.weight + self.often_gone.weight;
                if all >= 2 * self.capacity {
                    self.often_gone.drop_oldest();
                }
            }
        }
        self.replace(table)
    }

    fn replace(&mut self, table: &mut Table) -> u32 {
        let size = self.once.weight as f64;
        let over = size > self.once_target || (size == self.once_target && self.came_from == From::OftenGone);
        let (at, gone) = if (!self.once.is_empty() && over) || self.often.is_empty() {
            (self.once.back, &mut self.once_gone)
        } else {
            (self.often.back, &mut self.often_gone)
        };
        gone.add(table.entry(at).key, table.entry(at).weight);
        at
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
        if table.mark(at) == ONCE { &mut self.once } else { &mut self.often }
    }
}
