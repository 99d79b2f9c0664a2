//! The Kubernetes vertical pod autoscaler: what pods should request.
//!
//! Follows kubernetes/autoscaler `vertical-pod-autoscaler/pkg/recommender`: use of CPU in a histogram whose buckets grow by 5%
//! and whose samples lose half of their weight in 24 h, weighted by what was requested; the target is its 90th percentile
//! and 15%, the bounds its 50th and 95th percentile and 15%, the lower one times (1 + 0.001/days)⁻², the upper one times
//! (1 + 1/days) of history. Memory likewise, of the pods' peaks. The updater evicts pods that request less than the lower or
//! more than the upper bound, half of them at a time at most, and none where there are fewer than
//! two. Limits stay as many times the requests as they were.

use crate::math;

const DAY_NS: f64 = 86_400e9;
/// The first bucket, and by how much each is larger than the one before.
const GROWTH: f64 = 1.05;
/// What is added to what was used.
const MARGIN: f64 = 1.15;

/// A histogram of what was used, in which the past fades.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    first: f64,
    weights: Vec<f64>,
    total: f64,
}

impl Usage {
    /// Of CPU in thousandths of a core: the first bucket ends at a hundredth of a core.
    #[must_use]
    pub fn of_cpu() -> Self {
        Self { first: 10.0, weights: Vec::new(), total: 0.0 }
    }

    /// Of memory in bytes: the first bucket ends at 10 MB.
    #[must_use]
    pub fn of_memory() -> Self {
        Self { first: 1e7, weights: Vec::new(), total: 0.0 }
    }

    /// Takes a value in.
    pub fn add(&mut self, at_ns: u64, value: f64, weight: f64) {
        let mut bucket = 0;
        // Bucket n begins at first × (1.05ⁿ − 1) ÷ 0.05.
        while self.start_of(bucket + 1) <= value {
            bucket += 1;
        }
        if bucket >= self.weights.len() {
            self.weights.resize(bucket + 1, 0.0);
        }
        let weight = weight * math::exp(at_ns as f64 / DAY_NS * std::f64::consts::LN_2);
        self.weights[bucket] += weight;
        self.total += weight;
    }

    /// The value that a share of the weight does not exceed: the end of its bucket.
    #[must_use]
    pub fn percentile(&self, share: f64) -> f64 {
        let mut before = 0.0;
        let found = self.weights.iter().position(|weight| {
            before += weight;
            before >= share * self.total * (1.0 - 1e-12)
        });
        found.map_or(0.0, |bucket| self.start_of(bucket + 1))
    }

    fn start_of(&self, bucket: usize) -> f64 {
        let mut power = 1.0;
        for _ in 0..bucket {
            power *= GROWTH;
        }
        self.first * (power - 1.0) / (GROWTH - 1.0)
    }
}

/// What pods should request of something, and between what they may stay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recommendation {
    /// Below it a pod is evicted.
    pub lower: f64,
    /// What new pods request.
    pub target: f64,
    /// Above it a pod is evicted.
    pub upper: f64,
}

impl Recommendation {
    /// From what was used in `history_ns`, inside of the least and the most.
    #[must_use]
    pub fn new(usage: &Usage, history_ns: u64, least: f64, most: f64) -> Self {
        let days = (history_ns as f64 / DAY_NS).max(1e-9);
        let sure = 1.0 + 0.001 / days;
        let of = |share: f64, times: f64| (usage.percentile(share) * MARGIN * times).clamp(least, most);
        Self { lower: of(0.5, 1.0 / (sure * sure)), target: of(0.9, 1.0), upper: of(0.95, 1.0 + 1.0 / days) }
    }

    /// Whether a pod that requests so much is to be replaced.
    #[must_use]
    pub fn evicts(&self, request: f64) -> bool {
        request < self.lower || request > self.upper
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::draws::Draws;

    const MINUTE: u64 = 60_000_000_000;

    #[test]
    fn percentiles_are_the_ends_of_buckets() {
        let mut usage = Usage::of_cpu();
        (1..=100).for_each(|n| usage.add(0, f64::from(n) * 10.0, 1.0));
        for (share, value) in [(0.5, 500.0), (0.9, 900.0), (0.95, 950.0)] {
            let found = usage.percentile(share);
            assert!((value..value * 1.06 + 10.0).contains(&found), "{share}: {found}");
        }
        assert_eq!(Usage::of_cpu().percentile(0.9), 0.0);
    }

    #[test]
    fn the_past_fades() {
        let mut usage = Usage::of_cpu();
        (0..100).for_each(|_| usage.add(0, 1_000.0, 1.0));
        (0..60).for_each(|_| usage.add(24 * 60 * MINUTE, 100.0, 1.0));
        assert!(usage.percentile(0.5) < 111.0, "60 at twice the weight are more than 100");
        assert!(usage.percentile(0.9) > 1_000.0);
    }

    #[test]
    fn bounds_close_in_with_history() {
        let mut usage = Usage::of_cpu();
        (0..100).for_each(|_| usage.add(0, 500.0, 1.0));
        let at = |minutes: u64| Recommendation::new(&usage, minutes * MINUTE, 25.0, 1e9);
        let bucket = usage.percentile(0.9);
        assert!((500.0..=530.0).contains(&bucket));
        // The multipliers that the source lists: 0.6 after 5 minutes, 0.9 after 30, 3 after 12 h, 2 after 24 h.
        for (minutes, lower, upper) in [(5, 0.6, 289.0), (30, 0.9, 49.0), (720, 1.0, 3.0), (1_440, 1.0, 2.0)] {
            let recommendation = at(minutes);
            assert!((recommendation.lower / (bucket * 1.15) - lower).abs() < 0.02, "{minutes}: {recommendation:?}");
            assert!((recommendation.upper / (bucket * 1.15) - upper).abs() < 0.01, "{minutes}: {recommendation:?}");
            assert!((recommendation.target - bucket * 1.15).abs() < 1e-9);
        }
        assert!(at(60).evicts(400.0) && !at(60).evicts(600.0) && !at(60).evicts(8_000.0) && at(1_440).evicts(1_400.0));
        assert_eq!(Recommendation::new(&usage, MINUTE, 25.0, 300.0).target, 300.0);
    }

    /// Samples in a list: each at the end of its bucket, with half of its weight for each day since.
    fn against_the_list(rounds: u64) {
        for round in 0..rounds {
            let mut draws = Draws::new(round);
            let (mut usage, mut list, mut now) = (Usage::of_cpu(), Vec::<(f64, u64, f64)>::new(), 0);
            for _ in 0..50 {
                now += draws.below(240) * MINUTE;
                let (value, weight) = (draws.below(9_000) as f64, 1.0 + draws.below(9) as f64);
                usage.add(now, value, weight);
                let mut end = 10.0;
                let mut size = 10.0;
                while end <= value {
                    size *= 1.05;
                    end += size;
                }
                list.push((end, now, weight));
                list.sort_by(|a, b| a.0.total_cmp(&b.0));
                let days = |at: u64| (now - at) as f64 / DAY_NS;
                let part = |&(_, at, weight): &(f64, u64, f64)| weight * math::exp(-days(at) * std::f64::consts::LN_2);
                let all: f64 = list.iter().map(part).sum();
                for share in [0.5, 0.9, 0.95] {
                    let mut before = 0.0;
                    // At the edge of a bucket rounding decides.
                    let near = |sum: f64| (sum / all - share).abs() < 1e-9;
                    let mut edge = false;
                    let expected = list.iter().find(|sample| {
                        before += part(sample);
                        edge |= near(before);
                        before >= share * all
                    });
                    let (expected, found) = (expected.expect("there are samples").0, usage.percentile(share));
                    assert!(edge || (found / expected - 1.0).abs() < 1e-9, "p{share}: {found} and {expected}");
                }
            }
        }
    }

    #[test]
    fn percentiles_are_those_of_the_list() {
        against_the_list(20);
    }

    #[test]
    #[ignore = "a million events"]
    fn percentiles_are_those_of_the_list_a_million_times() {
        against_the_list(20_000);
    }
}
