//! LFU: the entry goes that was asked for the fewest times since it came; among those, the one whose last use is
//! longest ago. A count ends with its entry.
//!
//! The order among equals is that of libCacheSim's `LFU.c`, whose lists of one frequency are in order of the use that
//! brought entries there. Constant time: one queue for each count that there is, in a list by count (Shah, Mitra,
//! Matani, "An O(1) algorithm for implementing the LFU cache eviction scheme", 2010).

use super::table::{NO_ENTRY, Queue, Table};

/// The entries of one count.
#[derive(Debug, Clone, Copy)]
struct Rank {
    count: u64,
    queue: Queue,
    /// The rank of the next higher count; in a free rank, the next free one.
    higher: u32,
    lower: u32,
}

/// The state of LFU. An entry's mark is its rank.
#[derive(Debug, Clone)]
pub struct Lfu {
    ranks: Vec<Rank>,
    free: u32,
    lowest: u32,
}

impl Default for Lfu {
    fn default() -> Self {
        Self { ranks: Vec::new(), free: NO_ENTRY, lowest: NO_ENTRY }
    }
}

impl Lfu {
    /// An entry was asked for.
    pub fn used(&mut self, table: &mut Table, at: u32) {
        let rank = table.mark(at);
        let Rank { count, higher, .. } = self.ranks[rank as usize];
        let next = match higher {
            NO_ENTRY => self.add_rank(count + 1, rank),
            _ if self.ranks[higher as usize].count == count + 1 => higher,
            _ => self.add_rank(count + 1, rank),
        };
        self.unlink(table, at);
        table.set_mark(at, next);
        self.ranks[next as usize].queue.push(table, at);
    }

    /// An entry is new.
    pub fn added(&mut self, table: &mut Table, at: u32) {
        let first = match self.lowest {
            NO_ENTRY => self.add_rank(1, NO_ENTRY),
            lowest if self.ranks[lowest as usize].count == 1 => lowest,
            _ => self.add_rank(1, NO_ENTRY),
        };
        table.set_mark(at, first);
        self.ranks[first as usize].queue.push(table, at);
    }

    /// The entry that goes.
    pub fn victim(&mut self) -> u32 {
        self.ranks[self.lowest as usize].queue.back
    }

    /// The weight of the queue that an entry is in.
    pub fn weight_of(&mut self, table: &Table, at: u32) -> &mut u64 {
        &mut self.ranks[table.mark(at) as usize].queue.weight
    }

    /// An entry leaves.
    pub fn unlink(&mut self, table: &mut Table, at: u32) {
        let rank = table.mark(at);
        self.ranks[rank as usize].queue.unlink(table, at);
        if self.ranks[rank as usize].queue.is_empty() {
            let Rank { higher, lower, .. } = self.ranks[rank as usize];
            match lower {
                NO_ENTRY => self.lowest = higher,
                _ => self.ranks[lower as usize].higher = higher,
            }
            if higher != NO_ENTRY {
                self.ranks[higher as usize].lower = lower;
            }
            self.ranks[rank as usize].higher = self.free;
            self.free = rank;
        }
    }

    /// Adds a rank above another, or below all.
    fn add_rank(&mut self, count: u64, lower: u32) -> u32 {
        let higher = if lower == NO_ENTRY { self.lowest } else { self.ranks[lower as usize].higher };
        let rank = Rank { count, queue: Queue::default(), higher, lower };
        let at = if self.free == NO_ENTRY {
            self.ranks.push(rank);
            self.ranks.len() as u32 - 1
        } else {
            let at = self.free;
            self.free = self.ranks[at as usize].higher;
            self.ranks[at as usize] = rank;
            at
        };
        match lower {
            NO_ENTRY => self.lowest = at,
            _ => self.ranks[lower as usize].higher = at,
        }
        if higher != NO_ENTRY {
            self.ranks[higher as usize].lower = at;
        }
        at
    }
}
