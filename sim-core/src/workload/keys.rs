//! Which key a request wants: popularity over 0-based ranks, key k being the k-th most popular.
//!
//! Zipf's law is exact for every exponent and up to a billion keys, by inversion of one uniform: a table with a guide
//! for the popular head, and the Euler–Maclaurin sum, inverted analytically, for the rest.

use crate::math;

pub use crate::model::keyspace::{Hot, Popularity};

/// The most keys that a keyspace can have.
pub const KEYS_MAX: u64 = 1_000_000_000;

/// The keys that have their own entry in the table.
const HEAD_MAX: u64 = 1 << 16;

/// A popularity that doesn't fit its keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// There are no keys, or too many.
    #[error("found {0} keys: there are from 1 to 1000000000")]
    Count(u64),
    /// The exponent is out of range.
    #[error("found the exponent {0}: it is from 0 to 100")]
    Exponent(String),
    /// More keys are hot than there are.
    #[error("found {hot} hot keys of {count}")]
    Hot {
        /// Keys said to be hot.
        hot: u64,
        /// Keys in all.
        count: u64,
    },
    /// There isn't a weight for each key.
    #[error("found {weights} weights for {count} keys")]
    Weights {
        /// Weights given.
        weights: u64,
        /// Keys in all.
        count: u64,
    },
    /// A weight is no number from 0 up, or all are 0.
    #[error("weights are numbers from 0 up, not all 0")]
    Weight,
}

/// A popularity over a number of keys, made ready to pick from.
#[derive(Debug, Clone)]
pub struct Keys {
    count: u64,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Uniform,
    Hotspot { hot: u64, traffic: f64 },
    Table(Table),
    Zipf { head: Table, tail: ZipfTail },
}

impl Keys {
    /// Makes `popularity` over `count` keys ready to pick from.
    ///
    /// # Errors
    /// Where there are no keys, too many, or the popularity doesn't fit them.
    pub fn new(popularity: &Popularity, count: u64) -> Result<Self, KeysError> {
        if count == 0 || count > KEYS_MAX {
            return Err(KeysError::Count(count));
        }
        let kind = match popularity {
            Popularity::Uniform | Popularity::Zipf(0.0) => Kind::Uniform,
            Popularity::Zipf(exponent) if !(0.0..=100.0).contains(exponent) => {
                return Err(KeysError::Exponent(exponent.to_string()));
            }
            Popularity::Zipf(exponent) => zipf(*exponent, count),
            Popularity::Hotspot { hot, traffic } => {
                let hot = match hot {
                    Hot::Share(share) => ((share * count as f64).round() as u64).clamp(1, count),
                    Hot::Count(hot) => *hot,
                };
                match hot {
                    0 => return Err(KeysError::Hot { hot, count }),
                    _ if hot > count => return Err(KeysError::Hot { hot, count }),
                    _ if hot == count => Kind::Uniform,
                    _ => Kind::Hotspot { hot, traffic: *traffic },
                }
            }
            Popularity::Weights(weights) => weighted(weights, count)?,
        };
        Ok(Self { count, kind })
    }

    /// How many keys there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The rank (from 0) that the uniform `u` in (0, 1) wants; a larger uniform never wants a more popular key.
    #[inline]
    #[must_use]
    pub fn pick(&self, u: f64) -> u64 {
        match &self.kind {
            Kind::Uniform => ((u * self.count as f64) as u64).min(self.count - 1),
            Kind::Hotspot { hot, traffic } => {
                if u < *traffic {
                    ((u / traffic * *hot as f64) as u64).min(hot - 1)
                } else {
                    let cold = (u - traffic) / (1.0 - traffic) * (self.count - hot) as f64;
                    (hot + cold as u64).min(self.count - 1)
                }
            }
            Kind::Table(table) => table.pick(u * table.total),
            Kind::Zipf { head, tail } => {
                let target = u * tail.total;
                if target < head.total { head.pick(target) } else { tail.pick(target) }
            }
        }
    }

    /// The share of requests that want the key of this rank (from 0).
    #[must_use]
    pub fn probability(&self, rank: u64) -> f64 {
        match &self.kind {
            _ if rank >= self.count => 0.0,
            Kind::Uniform => 1.0 / self.count as f64,
            Kind::Hotspot { hot, traffic } if rank < *hot => traffic / *hot as f64,
            Kind::Hotspot { hot, traffic } => (1.0 - traffic) / (self.count - hot) as f64,
            Kind::Table(table) => table.weight(rank) / table.total,
            Kind::Zipf { tail, .. } => math::pow((rank + 1) as f64, -tail.exponent) / tail.total,
        }
    }
}

fn weighted(weights: &[f64], count: u64) -> Result<Kind, KeysError> {
    if weights.len() as u64 != count {
        return Err(KeysError::Weights { weights: weights.len() as u64, count });
    }
    if weights.iter().any(|weight| !(weight.is_finite() && *weight >= 0.0)) {
        return Err(KeysError::Weight);
    }
    let mut weights = weights.to_vec();
    weights.sort_by(|a, b| b.total_cmp(a));
    let table = Table::new(weights.into_iter());
    if table.total > 0.0 && table.total.is_finite() { Ok(Kind::Table(table)) } else { Err(KeysError::Weight) }
}

fn zipf(exponent: f64, count: u64) -> Kind {
    let head = Table::new((1..=count.min(HEAD_MAX)).map(|rank| math::pow(rank as f64, -exponent)));
    if count <= HEAD_MAX {
        return Kind::Table(head);
    }
    let tail = ZipfTail::new(exponent, count, head.total);
    Kind::Zipf { head, tail }
}

/// Cumulative weights, with a guide that finds the place of a target in about one step.
#[derive(Debug, Clone)]
struct Table {
    /// Sum of the weights up to and with each rank.
    cumulative: Vec<f64>,
    /// For each of equal slices of the total: the first rank whose cumulative weight is above the slice's start.
    guide: Vec<u32>,
    slices_per_weight: f64,
    total: f64,
}

impl Table {
    /// Sums in the order given, with the rounding errors carried along (Neumaier).
    fn new(weights: impl Iterator<Item = f64>) -> Self {
        let (mut sum, mut carried) = (0.0f64, 0.0f64);
        let add = |weight: f64| {
            let next = sum + weight;
            carried += if sum >= weight { (sum - next) + weight } else { (weight - next) + sum };
            sum = next;
            sum + carried
        };
        let cumulative: Vec<f64> = weights.map(add).collect();
        let total = cumulative[cumulative.len() - 1];
        let slices_per_weight = cumulative.len() as f64 / total;
        let mut guide = Vec::with_capacity(cumulative.len() + 1);
        let mut rank = 0usize;
        for slice in 0..=cumulative.len() {
            let start = slice as f64 / slices_per_weight;
            while rank + 1 < cumulative.len() && cumulative[rank] <= start {
                rank += 1;
            }
            guide.push(rank as u32);
        }
        Self { cumulative, guide, slices_per_weight, total }
    }

    /// The first rank whose cumulative weight is above `target`.
    #[inline]
    fn pick(&self, target: f64) -> u64 {
        let slice = ((target * self.slices_per_weight) as usize).min(self.guide.len() - 1);
        let mut rank = self.guide[slice] as usize;
        // Rounding may put the slice one too far.
        while rank > 0 && self.cumulative[rank - 1] > target {
            rank -= 1;
        }
        while rank + 1 < self.cumulative.len() && self.cumulative[rank] <= target {
            rank += 1;
        }
        rank as u64
    }

    fn weight(&self, rank: u64) -> f64 {
        let rank = rank as usize;
        self.cumulative[rank] - if rank == 0 { 0.0 } else { self.cumulative[rank - 1] }
    }
}

/// The keys of a Zipf law beyond the table: Σ i^−s by Euler and Maclaurin, whose next term is below 1e-20 here.
#[derive(Debug, Clone)]
struct ZipfTail {
    exponent: f64,
    count: u64,
    /// The last rank (from 1) of the table, and the sum up to it.
    head: f64,
    head_sum: f64,
    /// The corrections of the sum at `head`.
    head_correction: f64,
    head_power: f64,
    total: f64,
}

impl ZipfTail {
    fn new(exponent: f64, count: u64, head_sum: f64) -> Self {
        let head = HEAD_MAX as f64;
        let head_power = math::pow(head, 1.0 - exponent);
        let mut tail = Self { exponent, count, head, head_sum, head_correction: 0.0, head_power, total: 0.0 };
        tail.head_correction = tail.correction(head);
        tail.total = tail.sum(count as f64);
        tail
    }

    /// f(x)/2 + f′(x)/12 for f(x) = x^−s.
    fn correction(&self, x: f64) -> f64 {
        let f = math::exp(-self.exponent * math::ln(x));
        f * (0.5 - self.exponent / (12.0 * x))
    }

    /// Σ i^−s over i from 1 to `rank`.
    fn sum(&self, rank: f64) -> f64 {
        let log_ratio = math::ln(rank / self.head);
        let power = (1.0 - self.exponent) * log_ratio;
        // ∫ x^−s from the head to the rank = head^(1−s) · (e^power − 1) / (1 − s).
        let growth = if power.abs() < 1e-5 {
            log_ratio * (1.0 + power * (0.5 + power * (1.0 / 6.0)))
        } else {
            math::exp_m1(power) / (1.0 - self.exponent)
        };
        self.head_sum + self.head_power * growth + (self.correction(rank) - self.head_correction)
    }

    /// The first rank (from 0) whose sum is above `target`, which is at least the head's.
    #[inline]
    fn pick(&self, target: f64) -> u64 {
        // The sum up to k is, to a relative 1e-10, the integral up to k + ½ from the head's end at head + ½.
        let half = self.head + 0.5;
        let scaled = (target - self.head_sum) / self.head_power;
        let ratio = half / self.head;
        let power = 1.0 - self.exponent;
        let start = if power == 0.0 { 1.0 } else { math::exp(power * math::ln(ratio)) };
        let growth = scaled / start;
        let x = if (power * growth).abs() < 1e-9 {
            half * math::exp(growth)
        } else {
            half * math::exp(math::ln_1p(power * growth) / power)
        };
        let guess = x - 0.5;
        let rank = guess.floor();
        let count = self.count as f64;
        let part = guess - rank;
        let mut rank = rank.clamp(self.head, count - 1.0);
        if !(1e-3..=1.0 - 1e-3).contains(&part) {
            // So near to a boundary the sum itself decides.
            while rank > self.head && self.sum(rank) > target {
                rank -= 1.0;
            }
            while rank < count - 1.0 && self.sum(rank + 1.0) <= target {
                rank += 1.0;
            }
        }
        rank as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rng::uniform_at;

    fn keys(popularity: &Popularity, count: u64) -> Keys {
        Keys::new(popularity, count).expect("they fit")
    }

    const fn hotspot(hot: Hot, traffic: f64) -> Popularity {
        Popularity::Hotspot { hot, traffic }
    }

    /// The slow twin: sums probabilities until they pass the uniform.
    fn brute(weights: &[f64], u: f64) -> u64 {
        let total: f64 = weights.iter().sum();
        let mut sum = 0.0;
        for (rank, weight) in weights.iter().enumerate() {
            sum += weight / total;
            if u < sum {
                return rank as u64;
            }
        }
        weights.len() as u64 - 1
    }

    #[test]
    fn small_keyspaces_equal_brute_force() {
        for exponent in [0.0, 0.3, 0.99, 1.0, 1.01, 2.0, 7.5] {
            for count in [1u64, 2, 3, 10, 1_000] {
                let keys = keys(&Popularity::Zipf(exponent), count);
                let weights: Vec<f64> = (1..=count).map(|k| math::pow(k as f64, -exponent)).collect();
                for n in 0..2_000 {
                    let u = uniform_at(5, n);
                    assert_eq!(keys.pick(u), brute(&weights, u), "zipf({exponent}) of {count} at {u}");
                }
                let sum: f64 = (0..count).map(|rank| keys.probability(rank)).sum();
                assert!((sum - 1.0).abs() < 1e-12);
            }
        }
    }

    /// Beyond the table: cumulative sums of 400,000 keys with compensated addition against the analytic tail.
    #[test]
    fn the_tail_equals_brute_force() {
        const COUNT: u64 = 400_000;
        for exponent in [0.2, 0.5, 0.8, 0.99, 0.999_999, 1.0, 1.000_001, 1.2, 2.0] {
            let keys = keys(&Popularity::Zipf(exponent), COUNT);
            let table = Table::new((1..=COUNT).map(|k| math::pow(k as f64, -exponent)));
            let Kind::Zipf { tail, .. } = &keys.kind else { panic!("it has a tail") };
            assert!((tail.total / table.total - 1.0).abs() < 4e-15, "{exponent}: {} {}", tail.total, table.total);
            for rank in [HEAD_MAX + 1, HEAD_MAX + 2, 100_000, 399_999] {
                let exact = table.cumulative[rank as usize - 1];
                assert!((tail.sum(rank as f64) / exact - 1.0).abs() < 4e-15, "{exponent} at {rank}");
            }
            let mut off = 0;
            for n in 0..200_000 {
                let u = uniform_at(9, n);
                off += u64::from(keys.pick(u) != table.pick(u * table.total));
            }
            // The two sums differ in the last bits: a uniform within 1e-15 of a boundary may fall on either side.
            assert!(off <= 1, "{exponent}: {off} differ");
        }
    }

    #[test]
    fn picks_are_in_order_and_boundaries_exact() {
        for (popularity, count) in [
            (Popularity::Zipf(0.99), 1_000_000_000),
            (Popularity::Zipf(1.0), 1_000_000_000),
            (Popularity::Zipf(3.0), 1_000_000_000),
            (Popularity::Zipf(0.01), 1_000_000_000),
            (Popularity::Zipf(0.8), 100_000),
            (hotspot(Hot::Share(0.1), 0.5), 1_000),
            (hotspot(Hot::Count(3), 0.99), 1_000_000),
            (Popularity::Uniform, 12_345),
        ] {
            let text = format!("{popularity:?}");
            let keys = keys(&popularity, count);
            let mut last = 0;
            for n in 0..100_000 {
                let picked = keys.pick((f64::from(n) + 0.5) / 1e5);
                assert!(picked >= last && picked < count, "{text}");
                last = picked;
            }
            assert_eq!(keys.pick(f64::EPSILON / 2.0), 0);
            assert!(keys.pick(1.0 - f64::EPSILON / 2.0) < count);
            if let Kind::Zipf { tail, head } = &keys.kind {
                assert_eq!(tail.pick(head.total), HEAD_MAX, "{text}");
                for rank in [HEAD_MAX as f64 + 1.0, 1e6, 123_456_789.0] {
                    let middle = 0.5 * (tail.sum(rank) + tail.sum(rank + 1.0));
                    if rank < count as f64 && tail.sum(rank) < middle && middle < tail.sum(rank + 1.0) {
                        assert_eq!(tail.pick(middle), rank as u64, "{text}");
                    }
                }
            }
        }
    }

    /// The same keys on every platform, for ever: the picks of the first uniforms of a stream.
    #[test]
    fn picks_are_stable() {
        for (popularity, count, expected) in [
            (Popularity::Uniform, 1_000_000, [204_633, 316_244, 262_365, 638_042, 504_614]),
            (Popularity::Zipf(0.99), 1_000_000, [12, 66, 29, 6_915, 1_036]),
            (Popularity::Zipf(1.0), 1_000_000_000, [43, 472, 149, 448_378, 26_141]),
            (Popularity::Zipf(1.3), 1_000_000_000, [0, 1, 1, 16, 5]),
            (hotspot(Hot::Share(0.1), 0.5), 1_000_000, [40_926, 63_248, 52_473, 348_476, 108_305]),
            (Popularity::Weights(vec![5.0, 3.0, 2.0, 1.0]), 4, [0, 0, 0, 1, 1]),
        ] {
            let keys = keys(&popularity, count);
            let picks = [0, 1, 2, 3, 4].map(|n| keys.pick(uniform_at(11, n)));
            assert_eq!(picks, expected, "{popularity:?}");
        }
    }

    #[test]
    fn hotspots_and_weights() {
        let keys = keys(&hotspot(Hot::Share(0.1), 0.5), 100);
        assert_eq!((keys.probability(0), keys.probability(10)), (0.05, 0.5 / 90.0));
        assert_eq!((keys.pick(0.499_999), keys.pick(0.5), keys.pick(0.999_999)), (9, 10, 99));
        let weights = Keys::new(&Popularity::Weights(vec![1.0, 5.0, 2.0]), 3).expect("three");
        assert_eq!([0, 1, 2].map(|rank| weights.probability(rank)), [0.625, 0.25, 0.125]);
        assert_eq!([0.62, 0.63, 0.88].map(|u| weights.pick(u)), [0, 1, 2]);
    }

    #[test]
    fn mistakes_are_told() {
        for (popularity, count, says) in [
            (Popularity::Uniform, 0, "found 0 keys"),
            (Popularity::Uniform, KEYS_MAX + 1, "1000000001 keys"),
            (Popularity::Zipf(-1.0), 5, "exponent -1"),
            (Popularity::Zipf(f64::NAN), 5, "exponent NaN"),
            (hotspot(Hot::Count(6), 0.5), 5, "6 hot keys of 5"),
            (Popularity::Weights(vec![1.0]), 2, "1 weights for 2 keys"),
            (Popularity::Weights(vec![0.0, 0.0]), 2, "not all 0"),
            (Popularity::Weights(vec![f64::NAN, 1.0]), 2, "numbers from 0"),
        ] {
            let error = Keys::new(&popularity, count).expect_err(says).to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
