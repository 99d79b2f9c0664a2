//! Maglev hashing: a table in which endpoints take turns at filling their favourite free entries.
//!
//! Follows Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer" (NSDI 2016), section 3.4, with
//! 65,537 entries; endpoints of less weight pass over turns as in Envoy's `MaglevTable`.

use crate::engine::rng::mix64;

/// How many entries the table has, a prime (the paper's small size, Envoy's default).
pub const ENTRIES: usize = 65_537;

/// The table.
#[derive(Debug, Clone, Default)]
pub struct Maglev {
    table: Vec<u32>,
}

impl Maglev {
    /// Endpoints by place: the hash of each one's name, and its weight.
    pub fn new(endpoints: &[(u64, f64)]) -> Self {
        let heaviest = endpoints.iter().map(|&(_, weight)| weight).fold(0.0, f64::max);
        if heaviest <= 0.0 {
            return Self::default();
        }
        let size = ENTRIES as u64;
        let mut table = vec![u32::MAX; ENTRIES];
        // Offset, skip, position in the permutation, and the weight from which on it has a turn.
        let mut fillers: Vec<(u64, u64, u64, f64)> = endpoints
            .iter()
            .map(|&(name, _)| (mix64(name) % size, mix64(name ^ 0x6d61_676c_6576) % (size - 1) + 1, 0, 0.0))
            .collect();
        let mut filled = 0;
        let mut round = 0.0;
        while filled < ENTRIES {
            round += 1.0;
            for (place, filler) in fillers.iter_mut().enumerate() {
                let (offset, skip, next, target) = filler;
                if filled == ENTRIES || round * endpoints[place].1 < *target || endpoints[place].1 <= 0.0 {
                    continue;
                }
                *target += heaviest;
                loop {
                    let entry = ((*offset + *next * *skip) % size) as usize;
                    *next += 1;
                    if table[entry] == u32::MAX {
                        table[entry] = place as u32;
                        filled += 1;
                        break;
                    }
                }
            }
        }
        Self { table }
    }

    /// The place of the endpoint that a hash belongs to; none without endpoints.
    #[inline]
    pub fn place(&self, hash: u64) -> Option<u32> {
        self.table.get((hash % ENTRIES as u64) as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(count: u64) -> Vec<(u64, f64)> {
        (0..count).map(|n| (mix64(n + 1), 1.0)).collect()
    }

    /// The paper's pseudocode, with whole permutations; Envoy's rule of weights says who passes its turn.
    fn twin(endpoints: &[(u64, f64)]) -> Vec<u32> {
        let size = ENTRIES as u64;
        let permutations: Vec<Vec<u64>> = endpoints
            .iter()
            .map(|&(name, _)| {
                let (offset, skip) = (mix64(name) % size, mix64(name ^ 0x6d61_676c_6576) % (size - 1) + 1);
                (0..size).map(|j| (offset + j * skip) % size).collect()
            })
            .collect();
        let heaviest = endpoints.iter().map(|endpoint| endpoint.1).fold(0.0, f64::max);
        let mut next = vec![0; endpoints.len()];
        let mut turns = vec![0; endpoints.len()];
        let mut entry = vec![u32::MAX; ENTRIES];
        let mut n = 0;
        for round in 1.. {
            for (i, permutation) in permutations.iter().enumerate() {
                // As many turns as rounds × its weight ÷ the heaviest, begun ones included.
                if f64::from(round) * endpoints[i].1 < f64::from(turns[i]) * heaviest || endpoints[i].1 == 0.0 {
                    continue;
                }
                turns[i] += 1;
                let mut c = permutation[next[i]];
                while entry[c as usize] != u32::MAX {
                    next[i] += 1;
                    c = permutation[next[i]];
                }
                entry[c as usize] = i as u32;
                next[i] += 1;
                n += 1;
                if n == ENTRIES {
                    return entry;
                }
            }
        }
        unreachable!("the table is filled")
    }

    /// All entries of tables of some endpoints, of equal and of other weights.
    fn against_the_paper(tables: u64) {
        for table in 0..tables {
            let mut endpoints = endpoints(1 + table % 9);
            for (at, (name, weight)) in endpoints.iter_mut().enumerate() {
                *name = mix64(*name ^ table);
                *weight = if table % 2 == 0 { 1.0 } else { ((table + at as u64) % 4) as f64 + f64::from(at == 0) };
            }
            assert_eq!(Maglev::new(&endpoints).table, twin(&endpoints), "{endpoints:?}");
        }
    }

    #[test]
    fn it_fills_as_the_paper_does() {
        against_the_paper(4);
    }

    #[test]
    #[ignore = "a million entries"]
    fn it_fills_as_the_paper_does_a_million_entries() {
        against_the_paper(20);
    }

    #[test]
    fn shares_are_even_and_follow_weights() {
        let even = Maglev::new(&endpoints(10));
        let counts = |table: &Maglev, place: u32| table.table.iter().filter(|&&other| other == place).count();
        assert!((0..10).all(|place| (6553..=6554).contains(&counts(&even, place))));
        let mut weighted = endpoints(2);
        weighted[0].1 = 3.0;
        let first = counts(&Maglev::new(&weighted), 0);
        assert!((49_000..49_300).contains(&first), "{first}: three quarters");
        assert_eq!(Maglev::new(&[]).place(3), None);
    }

    #[test]
    fn one_that_leaves_moves_few_other_keys() {
        let (ten, nine) = (Maglev::new(&endpoints(10)), Maglev::new(&endpoints(9)));
        let moved = (0..ENTRIES).filter(|&at| ten.table[at] != 9 && ten.table[at] != nine.table[at]).count();
        assert!(moved < ENTRIES / 10, "{moved}");
    }
}
