//! A histogram of times that never loses a count and is never off by more than 0.1%.

use std::collections::BTreeMap;

/// Buckets an octave: a bucket is at most 1/512 of its values wide, so its middle is within 1/1024 of all of them.
const PER_OCTAVE: usize = 512;

/// Log-linear histogram of whole numbers (times in ns): exact below 1,024, above it 512 buckets an octave.
///
/// Count, sum, least and largest value are exact. Histograms merge exactly, in any order.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u32>,
    /// What the counters of some buckets have overflowed by: multiples of 2^32.
    spilled: BTreeMap<u32, u64>,
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
}

/// A quantile among values of which some are only known to be at least so large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantile {
    /// The quantile, whatever the unfinished will come to.
    Exactly(u64),
    /// It depends on the unfinished, but is no less than this.
    AtLeast(u64),
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// An empty histogram; it allocates when the first value comes.
    #[must_use]
    pub const fn new() -> Self {
        Self { counts: Vec::new(), spilled: BTreeMap::new(), count: 0, sum: 0, min: u64::MAX, max: 0 }
    }

    /// Records one value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        let bucket = bucket_of(value);
        if bucket >= self.counts.len() {
            self.grow(bucket);
        }
        let count = &mut self.counts[bucket];
        *count = count.wrapping_add(1);
        if *count == 0 {
            self.spill(bucket, 1 << 32);
        }
        self.count += 1;
        self.sum += u128::from(value);
        // Almost never: branches that are foretold cost less than two stores.
        if value < self.min {
            self.min = value;
        }
        if value > self.max {
            self.max = value;
        }
    }

    /// Records one value several times.
    pub fn record_many(&mut self, value: u64, times: u64) {
        if times == 0 {
            return;
        }
        self.record(value);
        let (bucket, more) = (bucket_of(value), times - 1);
        let sum = u64::from(self.counts[bucket]) + (more & u64::from(u32::MAX));
        self.counts[bucket] = sum as u32;
        let spilled = (more >> 32) + (sum >> 32);
        if spilled > 0 {
            self.spill(bucket, spilled << 32);
        }
        self.count += more;
        self.sum += u128::from(value) * u128::from(more);
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, bucket: usize) {
        self.counts.resize((bucket / PER_OCTAVE + 1) * PER_OCTAVE, 0);
    }

    #[cold]
    #[inline(never)]
    fn spill(&mut self, bucket: usize, amount: u64) {
        *self.spilled.entry(bucket as u32).or_default() += amount;
    }

    /// How many values were recorded.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The exact sum of all values.
    #[must_use]
    pub const fn sum(&self) -> u128 {
        self.sum
    }

    /// The least value, exactly; nothing where there is none.
    #[must_use]
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min)
    }

    /// The largest value, exactly; nothing where there is none.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// The exact mean (rounded once); nothing where there is no value.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The value of this rank, 1 being the least, within 0.1%.
    ///
    /// # Panics
    /// Where there are not so many values.
    #[must_use]
    pub fn value_at(&self, rank: u64) -> u64 {
        assert!(rank >= 1 && rank <= self.count, "a rank from 1 to the count");
        if rank == 1 {
            return self.min;
        }
        if rank == self.count {
            return self.max;
        }
        let mut seen = 0;
        for (bucket, count) in self.occupied() {
            seen += count;
            if seen >= rank {
                return self.middle(bucket);
            }
        }
        self.max
    }

    /// The quantile of the share `q` by nearest rank, within 0.1%; nothing where there is no value.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        (self.count > 0).then(|| self.value_at(nearest_rank(q, self.count)))
    }

    /// The quantile of the share `q` among these values and those of `ages`, each of which is at least its age.
    ///
    /// It is exact where it is the same for every outcome: with all of `ages` at their least and with all at infinity.
    #[must_use]
    pub fn quantile_with_tail(&self, q: f64, ages: &[u64]) -> Option<Quantile> {
        let total = self.count + ages.len() as u64;
        if total == 0 {
            return None;
        }
        let rank = nearest_rank(q, total);
        if ages.is_empty() {
            return Some(Quantile::Exactly(self.value_at(rank)));
        }
        let least = self.least_at(rank, ages);
        let exact = rank <= self.count && self.value_at(rank) == least;
        Some(if exact { Quantile::Exactly(least) } else { Quantile::AtLeast(least) })
    }

    /// The value of this rank among all values and `ages`.
    fn least_at(&self, rank: u64, ages: &[u64]) -> u64 {
        let mut ages = ages.to_vec();
        ages.sort_unstable();
        // A value at rank r has r' ≤ r ages before it; the candidates are few enough to look at each.
        let mut before = 0u64;
        let mut ages = ages.into_iter().peekable();
        let mut seen = 0u64;
        for (bucket, count) in self.occupied() {
            let value = self.middle(bucket);
            while let Some(age) = ages.next_if(|age| *age < value) {
                before += 1;
                if seen + before == rank {
                    return age;
                }
            }
            seen += count;
            if seen + before >= rank {
                return self.value_at(rank - before);
            }
        }
        for age in ages {
            before += 1;
            if seen + before == rank {
                return age;
            }
        }
        self.max
    }

    /// How many values are at most `limit`; those in the bucket of `limit` count as at most it.
    #[must_use]
    pub fn count_at_most(&self, limit: u64) -> u64 {
        let last = bucket_of(limit);
        self.occupied().take_while(|(bucket, _)| *bucket <= last).map(|(_, count)| count).sum()
    }

    /// The buckets that hold values, ascending: the largest value that belongs to each, and its count.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        self.occupied().map(|(bucket, count)| (upper_of(bucket), count))
    }

    /// Adds all values of `other`.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (bucket, count) in other.counts.iter().enumerate() {
            let (sum, overflowed) = self.counts[bucket].overflowing_add(*count);
            self.counts[bucket] = sum;
            if overflowed {
                self.spill(bucket, 1 << 32);
            }
        }
        for (bucket, amount) in &other.spilled {
            self.spill(*bucket as usize, *amount);
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Forgets all values and keeps the memory.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.spilled.clear();
        (self.count, self.sum, self.min, self.max) = (0, 0, u64::MAX, 0);
    }

    fn occupied(&self) -> impl Iterator<Item = (usize, u64)> {
        let full = |bucket: usize, count: u32| match self.spilled.is_empty() {
            true => u64::from(count),
            false => u64::from(count) + self.spilled.get(&(bucket as u32)).copied().unwrap_or(0),
        };
        // Most buckets are empty: they are passed over many at a time.
        let is_used = |chunk: &[u32]| !self.spilled.is_empty() || chunk.iter().fold(0, |any, count| any | count) != 0;
        let chunks = self.counts.chunks(CHUNK).enumerate().filter(move |(_, chunk)| is_used(chunk));
        let counts = chunks.flat_map(|(chunk, counts)| (chunk * CHUNK..).zip(counts));
        counts.map(move |(bucket, count)| (bucket, full(bucket, *count))).filter(|(_, count)| *count > 0)
    }

    fn middle(&self, bucket: usize) -> u64 {
        let low = lower_of(bucket);
        (low + (upper_of(bucket) - low).div_ceil(2)).clamp(self.min, self.max)
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        let ends = |of: &Self| (of.count, of.sum, of.min, of.max);
        ends(self) == ends(other) && self.occupied().eq(other.occupied())
    }
}

impl Eq for Histogram {}

/// The nearest rank of the share `q` among `count` values: ⌈q·count⌉, at least 1.
///
/// A product within rounding of a whole number is that number: 7% of 100 is the 7th value, not the 8th.
#[must_use]
pub fn nearest_rank(q: f64, count: u64) -> u64 {
    let exact = q * count as f64;
    let near = exact.round();
    let rank = if (exact - near).abs() <= 1e-12 * count as f64 { near } else { exact.ceil() };
    (rank as u64).clamp(1, count.max(1))
}

/// Buckets that are looked at together.
const CHUNK: usize = 64;

/// How many values it takes for the quantile of the share `q` to be told: with fewer, ⌈1 ÷ (1 − q)⌉ being the least, its
/// nearest rank is that of the largest, which tells of one value and not of a share. The median is always told.
#[must_use]
pub fn samples_needed(q: f64) -> u64 {
    if q <= 0.5 {
        return 1;
    }
    let exact = 1.0 / (1.0 - q);
    let near = exact.round();
    // As for the rank: 1 ÷ (1 − 0.9) is 10, whatever the last bits say.
    if (exact - near).abs() <= 1e-9 * exact { near as u64 } else { exact.ceil() as u64 }
}

#[inline(always)]
fn bucket_of(value: u64) -> usize {
    // From 1,024 on, the ten highest bits tell the bucket; each octave begins 512 buckets after the last.
    let shift = 54 - (value | 512).leading_zeros();
    ((shift as usize) << 9) + (value >> shift) as usize
}

fn shift_of(bucket: usize) -> u32 {
    (bucket / PER_OCTAVE).saturating_sub(1) as u32
}

fn lower_of(bucket: usize) -> u64 {
    let shift = shift_of(bucket);
    ((bucket - ((shift as usize) << 9)) as u64) << shift
}

fn upper_of(bucket: usize) -> u64 {
    lower_of(bucket) + ((1u64 << shift_of(bucket)) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rng::mix64;

    #[test]
    fn buckets_tile_all_numbers() {
        let mut next = 0u64;
        for bucket in 0..28_672 {
            assert_eq!(lower_of(bucket), next);
            let upper = upper_of(bucket);
            assert_eq!((bucket_of(next), bucket_of(upper)), (bucket, bucket));
            if upper >= 1024 {
                assert!((upper - next) as f64 <= next as f64 / 512.0);
            }
            next = upper.wrapping_add(1);
        }
        assert_eq!(next, 0, "the last bucket ends at the largest number");
    }

    /// Values over all octaves, and the sorted list as the slow twin.
    #[test]
    fn quantiles_are_within_a_thousandth() {
        for spread in [10u32, 30, 50, 63] {
            let mut histogram = Histogram::new();
            let mut values: Vec<u64> = (0..10_000).map(|n| mix64(n) >> (64 - spread + (n % 10) as u32)).collect();
            values.iter().for_each(|value| histogram.record(*value));
            values.sort_unstable();
            assert_eq!(histogram.sum(), values.iter().map(|v| u128::from(*v)).sum());
            assert_eq!((histogram.min(), histogram.max()), (values.first().copied(), values.last().copied()));
            for q in [0.0, 0.001, 0.01, 0.07, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0] {
                let exact = values[(nearest_rank(q, 10_000) - 1) as usize];
                let found = histogram.quantile(q).expect("there are values");
                assert!(found.abs_diff(exact) as f64 <= exact as f64 * 0.001, "{q}: {found}, exact {exact}");
            }
            assert_eq!(histogram.buckets().map(|(_, count)| count).sum::<u64>(), 10_000);
        }
    }

    #[test]
    fn ranks_are_nearest() {
        for (q, count, rank) in
            [(0.07, 100, 7), (0.5, 3, 2), (0.99, 100, 99), (0.991, 100, 100), (0.0, 5, 1), (1.0, 5, 5), (0.9, 1, 1)]
        {
            assert_eq!(nearest_rank(q, count), rank, "{q} of {count}");
        }
    }

    #[test]
    fn a_percentile_needs_so_many_that_it_is_not_the_largest() {
        for (q, needs) in [(0.3, 1), (0.5, 1), (0.6, 3), (0.75, 4), (0.9, 10), (0.95, 20), (0.99, 100), (0.999, 1_000)]
        {
            assert_eq!(samples_needed(q), needs, "{q}");
            if needs > 1 {
                let (told, refused) = (nearest_rank(q, needs), nearest_rank(q, needs - 1));
                assert_eq!((told < needs, refused), (true, needs - 1), "{q}");
            }
        }
    }

    #[test]
    fn merging_is_exact_in_any_order() {
        let mut parts = vec![Histogram::new(); 4];
        let mut whole = Histogram::new();
        for n in 0..5_000u64 {
            let value = mix64(n) >> (n % 60);
            parts[(n % 4) as usize].record(value);
            whole.record(value);
        }
        let mut forwards = Histogram::new();
        parts.iter().for_each(|part| forwards.merge(part));
        let mut backwards = Histogram::new();
        parts.iter().rev().for_each(|part| backwards.merge(part));
        assert_eq!(forwards, whole);
        assert_eq!(backwards, whole);
        whole.clear();
        assert_eq!(whole, Histogram::new());
        assert_eq!(whole.quantile(0.5), None);
    }

    #[test]
    fn counters_spill_and_never_wrap() {
        let mut histogram = Histogram::new();
        histogram.record(5);
        histogram.counts[5] = u32::MAX;
        histogram.count = u64::from(u32::MAX);
        histogram.record(5);
        assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(5, 1 << 32)]);
        let copy = histogram.clone();
        histogram.merge(&copy);
        assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(5, 2 << 32)]);
    }

    #[test]
    fn unfinished_count_as_at_least_their_age() {
        let mut histogram = Histogram::new();
        (1..=98).for_each(|value| histogram.record(value));
        let tail = [500, 600];
        for (q, expected) in [
            (0.5, Quantile::Exactly(50)),
            (0.98, Quantile::Exactly(98)),
            (0.99, Quantile::AtLeast(500)),
            (1.0, Quantile::AtLeast(600)),
        ] {
            assert_eq!(histogram.quantile_with_tail(q, &tail), Some(expected), "{q}");
        }
        // Young unfinished ones may still end anywhere above.
        assert_eq!(histogram.quantile_with_tail(0.5, &[10, 10]), Some(Quantile::AtLeast(48)));
        assert_eq!(histogram.quantile_with_tail(0.05, &[10, 10]), Some(Quantile::Exactly(5)));
        assert_eq!(Histogram::new().quantile_with_tail(0.5, &[7]), Some(Quantile::AtLeast(7)));
        assert_eq!(Histogram::new().quantile_with_tail(0.5, &[]), None);
    }
}
