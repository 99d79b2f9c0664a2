//! SIEVE.
//!
//! A queue in order of arrival and a hand that moves through it from the oldest to the newest entry. A hit sets the
//! entry's bit and moves nothing. To evict, the hand clears bits until it finds an entry without one, drops that, and
//! stays before it; behind the newest it begins again with the oldest. New entries come in at the front, without bit.
//!
//! Source: Zhang, Yang, Yue, Vigfusson, Rashmi, "SIEVE is Simpler than LRU" (NSDI 2024), algorithm 1; the authors'
//! code is libCacheSim's `Sieve.c`.

use super::table::{NO_ENTRY, Queue, Table};

/// The state of SIEVE.
#[derive(Debug, Clone)]
pub struct Sieve {
    queue: Queue,
    hand: u32,
}

impl Default for Sieve {
    fn default() -> Self {
        Self { queue: Queue::default(), hand: NO_ENTRY }
    }
}

impl Sieve {
    /// An entry was asked for.
    #[inline(always)]
    pub fn used(&mut self, table: &mut Table, at: u32) {
        table.set_mark(at, 1);
    }

    /// An entry is new.
    pub fn added(&mut self, table: &mut Table, at: u32) {
        self.queue.push(table, at);
    }

    /// The entry that goes.
    pub fn victim(&mut self, table: &mut Table) -> u32 {
        let mut at = if self.hand == NO_ENTRY { self.queue.back } else { self.hand };
        while table.mark(at) > 0 {
            table.set_mark(at, 0);
            let newer = table.link(at).newer;
            at = if newer == NO_ENTRY { self.queue.back } else { newer };
        }
        self.hand = at;
        at
    }

    /// The weight of its queue.
    pub fn weight_of(&mut self) -> &mut u64 {
        &mut self.queue.weight
    }

    /// An entry leaves.
    pub fn unlink(&mut self, table: &mut Table, at: u32) {
        if self.hand == at {
            self.hand = table.link(at).newer;
        }
        self.queue.unlink(table, at);
    }
}
