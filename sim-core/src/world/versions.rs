//! The newest committed version of each key that was ever written.

use crate::engine::rng::mix64;

/// Versions by key. Keys of a keyspace are small numbers: a version for each, however long the run. Others (those of
/// traces) are in an open-addressing table that only grows, with no entry for keys that were never written.
#[derive(Debug, Clone, Default)]
pub struct Versions {
    by_number: Vec<u32>,
    /// (key, version); version 0: the slot is empty.
    slots: Vec<(u64, u32)>,
    len: usize,
}

/// The largest keyspace that has a version for each key from the start.
const NUMBERS_MAX: u64 = 1 << 24;

impl Versions {
    /// For keyspaces of at most so many keys.
    pub fn new(keys: u64) -> Self {
        Versions { by_number: vec![0; keys.min(NUMBERS_MAX) as usize], ..Versions::default() }
    }

    /// The newest version of a key; 0: it was never written.
    #[inline]
    pub fn get(&self, key: u64) -> u32 {
        match self.by_number.get(key as usize) {
            Some(&version) => version,
            None if self.len == 0 => 0,
            None => self.slots[self.slot(key)].1,
        }
    }

    /// Commits a newer version of a key, and returns it.
    pub fn raise(&mut self, key: u64) -> u32 {
        if let Some(version) = self.by_number.get_mut(key as usize) {
            *version += 1;
            return *version;
        }
        if (self.len + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let slot = self.slot(key);
        self.len += (self.slots[slot].1 == 0) as usize;
        self.slots[slot].0 = key;
        self.slots[slot].1 += 1;
        self.slots[slot].1
    }

    /// The slot of a key, or the empty one where it would be.
    fn slot(&self, key: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = mix64(key) as usize & mask;
        while self.slots[slot].1 != 0 && self.slots[slot].0 != key {
            slot = (slot + 1) & mask;
        }
        slot
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(64);
        let old = std::mem::replace(&mut self.slots, vec![(0, 0); size]);
        for (key, version) in old.into_iter().filter(|&(_, version)| version != 0) {
            let slot = self.slot(key);
            self.slots[slot] = (key, version);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn agrees_with_a_map() {
        let (mut versions, mut twin) = (Versions::new(1000), BTreeMap::new());
        for n in 0..20_000_u64 {
            let key = mix64(n) % 3000;
            let newer = twin.entry(key).or_insert(0);
            *newer += 1;
            assert_eq!(versions.raise(key), *newer);
        }
        assert!((0..4000).all(|key| versions.get(key) == twin.get(&key).copied().unwrap_or(0)));
    }
}
