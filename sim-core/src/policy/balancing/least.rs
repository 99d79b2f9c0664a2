//! The least of many that change one at a time: a tournament tree. Finding it and changing one take O(log n).

/// Keys at places 0, 1, 2, …, the least of which is known.
#[derive(Debug, Clone, Default)]
pub struct Least<K> {
    /// The least of each subtree; leaves from `leaves` on. Padded with the greatest key.
    tree: Vec<K>,
    leaves: usize,
    count: usize,
}

/// Connections over weight, compared by cross-multiplication as nginx `least_conn` does; a weight of 0 is never the least.
#[derive(Debug, Clone, Copy)]
pub struct Ratio {
    connections: u32,
    weight: u32,
}

impl Ratio {
    /// Of one that is never the least: one over nothing.
    pub const NEVER: Self = Self { connections: 1, weight: 0 };

    /// So many calls in flight, for a weight.
    #[inline]
    pub fn new(connections: u32, weight: u32) -> Self {
        if weight == 0 { Self::NEVER } else { Self { connections, weight } }
    }

    #[inline(always)]
    fn across(self, other: Self) -> u64 {
        u64::from(self.connections) * u64::from(other.weight)
    }
}

impl PartialEq for Ratio {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.across(*other) == other.across(*self)
    }
}

impl PartialOrd for Ratio {
    #[inline(always)]
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.across(*other).cmp(&other.across(*self)))
    }

    #[inline(always)]
    fn lt(&self, other: &Self) -> bool {
        self.across(*other) < other.across(*self)
    }
}

impl<K: Copy + PartialOrd> Least<K> {
    /// These keys; `greatest` is at least as great as any.
    pub fn new(keys: &[K], greatest: K) -> Self {
        let leaves = keys.len().next_power_of_two().max(1);
        let mut tree = vec![greatest; 2 * leaves];
        tree[leaves..leaves + keys.len()].copy_from_slice(keys);
        let mut least = Self { tree, leaves, count: keys.len() };
        for at in (1..leaves).rev() {
            least.tree[at] = least.of_children(at);
        }
        least
    }

    #[inline]
    fn of_children(&self, at: usize) -> K {
        let (left, right) = (self.tree[2 * at], self.tree[2 * at + 1]);
        if right < left { right } else { left }
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The keys, by place.
    #[inline]
    pub fn keys(&self) -> &[K] {
        &self.tree[self.leaves..self.leaves + self.count]
    }

    /// The key at a place.
    ///
    /// # Panics
    /// Where there is no such place.
    #[inline]
    pub fn key(&self, place: usize) -> K {
        self.keys()[place]
    }

    /// Changes the key at a place.
    ///
    /// # Panics
    /// Where there is no such place.
    #[inline]
    pub fn set(&mut self, place: usize, key: K) {
        assert!(place < self.count, "a place of the tree");
        let mut at = self.leaves + place;
        self.tree[at] = key;
        while at > 1 {
            at /= 2;
            let least = self.of_children(at);
            if least == self.tree[at] {
                // Above it nothing changes.
                break;
            }
            self.tree[at] = least;
        }
    }

    /// The place of the least key; of several the first from `from` on, going round.
    #[inline]
    pub fn least_from(&self, from: usize) -> Option<usize> {
        if self.count == 0 {
            return None;
        }
        let least = self.tree[1];
        self.next_at_most(from, least).or_else(|| self.next_at_most(0, least)).filter(|&place| place < self.count)
    }

    /// The first place from `from` on whose key is at most `bound`.
    fn next_at_most(&self, from: usize, bound: K) -> Option<usize> {
        if from >= self.count {
            return None;
        }
        let mut at = self.leaves + from;
        loop {
            if self.tree[at] <= bound {
                while at < self.leaves {
                    at *= 2;
                    at += usize::from(self.tree[at] > bound);
                }
                return Some(at - self.leaves);
            }
            // To the next subtree on the right.
            while at % 2 == 1 {
                at /= 2;
            }
            if at == 0 {
                return None;
            }
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rng::mix64;

    fn against_a_scan(steps: u64) {
        for count in [1_usize, 2, 3, 7, 8, 33, 100] {
            let mut keys = vec![0_u32; count];
            let mut tree = Least::new(&keys, u32::MAX);
            for step in 0..steps {
                let place = mix64(step) as usize % count;
                let key = (mix64(step ^ 77) % 5) as u32;
                keys[place] = key;
                tree.set(place, key);
                let from = mix64(step ^ 99) as usize % (count + 1);
                let least = *keys.iter().min().expect("there are keys");
                let scanned = (from..count).chain(0..from.min(count)).find(|&at| keys[at] == least);
                assert_eq!(tree.least_from(from), scanned, "{keys:?} from {from}");
            }
        }
        assert_eq!(Least::<u32>::new(&[], u32::MAX).least_from(0), None);
    }

    #[test]
    fn it_finds_what_a_scan_finds() {
        against_a_scan(3_000);
    }

    #[test]
    #[ignore = "a million events"]
    fn it_finds_what_a_scan_finds_a_million_times() {
        against_a_scan(200_000);
    }

    #[test]
    fn ratios_are_compared_exactly() {
        let ratio = Ratio::new;
        assert!(ratio(1, 3) < ratio(1, 2));
        assert!(ratio(2, 4) == ratio(1, 2));
        assert!(ratio(u32::MAX - 1, u32::MAX) < ratio(1, 1));
        assert!(ratio(1_000_000, 1) < ratio(0, 0));
        let mut tree = Least::new(&[ratio(0, 3), ratio(0, 2), ratio(0, 1)], Ratio::NEVER);
        for (place, connections) in [(0, 1), (1, 1), (2, 1)] {
            tree.set(place, ratio(connections, 3 - place as u32));
        }
        assert_eq!(tree.least_from(0), Some(0));
        tree.set(0, ratio(3, 3));
        assert_eq!(tree.least_from(0), Some(1));
    }
}
