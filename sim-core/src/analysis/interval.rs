//! Means with their confidence intervals.

use crate::math;

/// The share of intervals that hold the true value, wherever a report doesn't say otherwise.
pub const LEVEL: f64 = 0.95;

/// Mean and spread of independent observations, such as one figure of each replication.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many observations.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Their variance (divided by count − 1); 0 for a single one.
    pub variance: f64,
}

impl Summary {
    /// Mean and variance, in two passes; none without observations.
    #[must_use]
    pub fn of(observations: &[f64]) -> Option<Self> {
        let count = observations.len() as u64;
        if count == 0 {
            return None;
        }
        let mean = observations.iter().sum::<f64>() / count as f64;
        let squares = observations.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
        let variance = if count > 1 { squares / (count - 1) as f64 } else { 0.0 };
        Some(Self { count, mean, variance })
    }

    /// Of the differences `b` − `a`, pair by pair, as under common random numbers.
    ///
    /// # Panics
    /// Where there aren't as many of one as of the other.
    #[must_use]
    pub fn of_differences(a: &[f64], b: &[f64]) -> Option<Self> {
        assert_eq!(a.len(), b.len(), "observations come in pairs");
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
        Self::of(&differences)
    }

    /// Standard deviation of the mean.
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        (self.variance / self.count as f64).sqrt()
    }

    /// Half the width of Student's interval that covers the true mean with this confidence (0.95, 0.99); none for a
    /// single observation, which says nothing of its error.
    #[must_use]
    pub fn half_width(&self, confidence: f64) -> Option<f64> {
        let freedom = self.count.checked_sub(1).filter(|freedom| *freedom > 0)?;
        Some(math::student_t_quantile(0.5 + 0.5 * confidence, freedom as f64) * self.standard_error())
    }

    /// Student's interval, low and high.
    #[must_use]
    pub fn interval(&self, confidence: f64) -> Option<(f64, f64)> {
        self.half_width(confidence).map(|half| (self.mean - half, self.mean + half))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rng::uniform_at;

    #[test]
    fn known_intervals() {
        let summary = Summary::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).expect("five");
        assert_eq!((summary.mean, summary.variance, summary.standard_error()), (3.0, 2.5, 0.5f64.sqrt()));
        // t with 4 degrees of freedom at 97.5%: 2.776445.
        let (low, high) = summary.interval(0.95).expect("five");
        assert!((high - 3.0 - 2.776_445_105_197_8 * 0.5f64.sqrt()).abs() < 1e-9 && (low + high - 6.0).abs() < 1e-12);
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(Summary::of(&[7.0]).expect("one").interval(0.95), None);
        let paired = Summary::of_differences(&[1.0, 5.0, 9.0], &[2.0, 6.0, 10.0]).expect("three");
        assert_eq!((paired.mean, paired.variance), (1.0, 0.0));
    }

    #[test]
    fn intervals_cover_as_often_as_they_say() {
        let mut covered = 0;
        for round in 0..4_000 {
            let sample: Vec<f64> = (0..10).map(|n| math::normal_quantile(uniform_at(round, n))).collect();
            let (low, high) = Summary::of(&sample).and_then(|s| s.interval(0.95)).expect("ten");
            covered += u32::from(low <= 0.0 && 0.0 <= high);
        }
        // 3,800 expected, standard deviation 13.8.
        assert!((3_740..3_860).contains(&covered), "{covered}");
    }
}
