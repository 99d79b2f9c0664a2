//! Which shard of a database a key lies on.
//!
//! `modulo` and `hash` divide by the number of shards: another number of shards moves nearly all keys. `consistent` is the
//! ring of Karger et al. ("Consistent hashing and random trees", STOC 1997): each shard has [`POINTS`] places on a circle
//! of hashes, a key belongs to the next one on it, and of n + 1 shards the new one takes 1/(n + 1) of all keys. `range` cuts
//! the keys, in the order of their numbers, into equal pieces.

use crate::engine::rng::mix64;

/// Places of each shard on the ring: a shard's part is then within a few tenths of its fair one.
pub const POINTS: u64 = 160;

/// How keys are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The key's number modulo the number of shards.
    Modulo,
    /// Its hash modulo the number of shards.
    Hash,
    /// The next place on a ring.
    Consistent,
    /// Equal pieces, by number.
    Range,
}

/// The places of keys on a number of shards.
#[derive(Debug, Clone)]
pub struct Placement {
    rule: Rule,
    shards: u64,
    /// How many keys there are, for ranges.
    keys: u64,
    /// Places on the ring, rising, and whose they are.
    ring: Vec<(u64, u32)>,
}

impl Placement {
    /// Places for so many keys on so many shards, at least one.
    pub fn new(rule: Rule, shards: u32, keys: u64) -> Self {
        let mut ring = Vec::new();
        if rule == Rule::Consistent {
            let places = |shard| (0..POINTS).map(move |point| (mix64(mix64(u64::from(shard) + 1) ^ point), shard));
            ring.extend((0..shards).flat_map(places));
            ring.sort_unstable();
        }
        Placement { rule, shards: u64::from(shards.max(1)), keys: keys.max(1), ring }
    }

    /// How many shards there are.
    pub fn shards(&self) -> u32 {
        self.shards as u32
    }

    /// The shard of a key.
    #[inline]
    pub fn shard(&self, key: u64) -> u32 {
        match self.rule {
            Rule::Modulo => (key % self.shards) as u32,
            Rule::Hash => (mix64(key) % self.shards) as u32,
            Rule::Consistent => {
                let at = self.ring.partition_point(|&(place, _)| place < mix64(key));
                self.ring[if at == self.ring.len() { 0 } else { at }].1
            }
            // Keys of a record may be any numbers: those beyond the keyspace go round.
            Rule::Range => ((key % self.keys) as u128 * self.shards as u128 / self.keys as u128) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::draws::Draws;

    fn moved(rule: Rule, from: u32, to: u32) -> f64 {
        const KEYS: u64 = 20_000;
        let (old, new) = (Placement::new(rule, from, KEYS), Placement::new(rule, to, KEYS));
        let moved = (0..KEYS).filter(|&key| old.shard(key) != new.shard(key)).count();
        moved as f64 / KEYS as f64
    }

    #[test]
    fn a_fifth_shard_moves_four_fifths_by_modulo_and_one_on_a_ring() {
        for (rule, least, most) in [
            (Rule::Modulo, 0.799, 0.801),
            (Rule::Hash, 0.78, 0.82),
            (Rule::Consistent, 0.15, 0.25),
            // Cuts at fifths instead of quarters: 1/20 + 2/20 + 3/20 + 4/20 of the keys.
            (Rule::Range, 0.499, 0.501),
        ] {
            let share = moved(rule, 4, 5);
            assert!((least..=most).contains(&share), "{rule:?}: {share}");
        }
    }

    #[test]
    fn a_new_shard_takes_keys_from_the_others_alone() {
        let (old, new) = (Placement::new(Rule::Consistent, 7, 1), Placement::new(Rule::Consistent, 8, 1));
        assert!((0..50_000).all(|key| new.shard(key) == old.shard(key) || new.shard(key) == 7));
    }

    /// Where a key lies, looked for among all shards.
    fn twin(rule: Rule, shards: u64, keys: u64, key: u64) -> Option<u64> {
        let hash = mix64(key);
        match rule {
            Rule::Modulo => (0..shards).find(|shard| (key - shard.min(&key)).is_multiple_of(shards) && *shard <= key),
            Rule::Hash => (0..shards).find(|shard| (hash - shard.min(&hash)).is_multiple_of(shards) && *shard <= hash),
            Rule::Consistent => {
                let way = |shard: u64| {
                    let points = (0..POINTS).map(move |point| mix64(mix64(shard + 1) ^ point));
                    points.map(move |place| place.wrapping_sub(hash)).min()
                };
                (0..shards).min_by_key(|&shard| way(shard))
            }
            Rule::Range => {
                let key = u128::from(key % keys) * u128::from(shards);
                (0..shards).find(|&shard| key < u128::from(shard + 1) * u128::from(keys))
            }
        }
    }

    fn against_the_twin(keys: u64) {
        for rule in [Rule::Modulo, Rule::Hash, Rule::Consistent, Rule::Range] {
            let mut draws = Draws::new(rule as u64);
            for _ in 0..keys / 500 {
                let (shards, bits) = (1 + draws.below(8), draws.below(60));
                let all = 1 + (draws.below(u64::MAX) >> bits);
                let placement = Placement::new(rule, shards as u32, all);
                for _ in 0..500 {
                    let key = draws.below(all);
                    let found = u64::from(placement.shard(key));
                    assert_eq!(Some(found), twin(rule, shards, all, key), "{rule:?} {key} of {all} on {shards}");
                }
            }
        }
    }

    #[test]
    fn keys_lie_where_the_twin_finds_them() {
        against_the_twin(1_000);
    }

    #[test]
    #[ignore = "a million events for each rule"]
    fn keys_lie_where_the_twin_finds_them_a_million_times() {
        against_the_twin(1_000_000);
    }

    #[test]
    fn every_shard_has_its_part() {
        for rule in [Rule::Modulo, Rule::Hash, Rule::Consistent, Rule::Range] {
            let placement = Placement::new(rule, 6, 60_000);
            let mut counts = [0; 6];
            (0..60_000).for_each(|key| counts[placement.shard(key) as usize] += 1);
            assert!(counts.iter().all(|&count| (7_000..13_500).contains(&count)), "{rule:?}: {counts:?}");
        }
    }
}
