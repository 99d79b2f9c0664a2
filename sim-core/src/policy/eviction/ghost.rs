//! Keys of entries that have gone: what a policy remembers of its past.

use super::index::Index;
use super::table::NO_ENTRY;

/// Keys in the order in which they came, without what they stood for.
#[derive(Debug, Clone)]
pub struct Ghosts {
    entries: Vec<Ghost>,
    free: u32,
    front: u32,
    back: u32,
    index: Index,
    /// Sum of their weights.
    pub weight: u64,
}

#[derive(Debug, Clone, Copy)]
struct Ghost {
    key: u64,
    weight: u32,
    newer: u32,
    older: u32,
}

impl Default for Ghosts {
    fn default() -> Self {
        let index = Index::default();
        Self { entries: Vec::new(), free: NO_ENTRY, front: NO_ENTRY, back: NO_ENTRY, index, weight: 0 }
    }
}

impl Ghosts {
    fn find(&self, key: u64) -> Option<u32> {
        self.index.find(key, |at| self.entries[at as usize].key)
    }

    /// Whether a key is among them.
    pub fn has(&self, key: u64) -> bool {
        self.find(key).is_some()
    }

    /// Adds a key at the front; one that is there keeps its place.
    pub fn add(&mut self, key: u64, weight: u32) {
        if self.has(key) {
            return;
        }
        let ghost = Ghost { key, weight, newer: NO_ENTRY, older: self.front };
        let at = if self.free == NO_ENTRY {
            self.entries.push(ghost);
            u32::try_from(self.entries.len() - 1).expect("fewer than 2^32 entries fit in memory")
        } else {
            let at = self.free;
            self.free = self.entries[at as usize].older;
            self.entries[at as usize] = ghost;
            at
        };
        match std::mem::replace(&mut self.front, at) {
            NO_ENTRY => self.back = at,
            front => self.entries[front as usize].newer = at,
        }
        self.index.insert(key, at);
        self.weight += u64::from(weight);
    }

    /// Takes a key out; whether it was there.
    pub fn remove(&mut self, key: u64) -> bool {
        let Some(at) = self.find(key) else { return false };
        let Ghost { weight, newer, older, .. } = self.entries[at as usize];
        match newer {
            NO_ENTRY => self.front = older,
            _ => self.entries[newer as usize].older = older,
        }
        match older {
            NO_ENTRY => self.back = newer,
            _ => self.entries[older as usize].newer = newer,
        }
        self.index.remove(key, at);
        self.weight -= u64::from(weight);
        self.entries[at as usize].older = self.free;
        self.free = at;
        true
    }

    /// Takes the oldest out; whether there was one.
    pub fn drop_oldest(&mut self) -> bool {
        self.back != NO_ENTRY && self.remove(self.entries[self.back as usize].key)
    }
}
