//! Where each key's entry is.

use crate::engine::rng::mix64;

/// Open addressing with linear probing, at most half full.
///
/// A cell holds the entry in its low half and the high half of the key's hash in its own, whose first bits are the
/// cell's home and whose others spare most looks at entries. The hash is the same on every platform and in every run.
#[derive(Debug, Clone, Default)]
pub struct Index {
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

    /// The entry of a key; `key_of` says which key an entry has.
    #[inline]
    pub fn find(&self, key: u64, key_of: impl Fn(u32) -> u64) -> Option<u32> {
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
            if cell >> 32 == hash >> 32 && key_of(cell as u32) == key {
                return Some(cell as u32);
            }
            at = (at + 1) & mask;
        }
    }

    /// Notes the entry of a key that has none.
    pub fn insert(&mut self, key: u64, entry: u32) {
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
    pub fn remove(&mut self, key: u64, entry: u32) {
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

    /// Forgets all.
    pub fn clear(&mut self) {
        self.cells.fill(EMPTY);
        self.length = 0;
    }
}
