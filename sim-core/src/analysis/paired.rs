//! Two configurations under the same chance: their difference, what may be said of it, and how many pairs of runs it
//! takes to say more.
//!
//! Equal replications have equal seeds (common random numbers: Law, *Simulation Modeling and Analysis*, 5th ed.,
//! section 11.2), so that most of the noise is in both runs of a pair and none of it in their difference.

use serde::{Deserialize, Serialize};

use super::interval::{LEVEL, Summary};
use crate::math;

/// What may be said of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Equal in every pair of runs, to the bit.
    #[serde(rename = "identical")]
    Identical,
    /// Lower, and not by chance.
    #[serde(rename = "lower")]
    Lower,
    /// Higher, and not by chance.
    #[serde(rename = "higher")]
    Higher,
    /// Chance alone may explain it, and it is within the margin for certain.
    #[serde(rename = "no difference found")]
    NoDifference,
    /// The interval holds 0 and reaches beyond the margin.
    #[serde(rename = "can't tell yet")]
    CantTell,
}

impl Verdict {
    /// As answers have it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::Lower => "lower",
            Self::Higher => "higher",
            Self::NoDifference => "no difference found",
            Self::CantTell => "can't tell yet",
        }
    }
}

/// The difference b − a over pairs of runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    /// The mean of a.
    pub a: f64,
    /// The mean of b.
    pub b: f64,
    /// Mean and spread of the differences.
    pub difference: Summary,
    /// Half the width of the interval; nothing for a single pair that differs.
    pub half_width: Option<f64>,
    /// Whether every pair is equal, to the bit.
    pub identical: bool,
    /// How many times more runs it would have taken with seeds of their own: var(a) + var(b) over var(b − a). Nothing
    /// where the differences don't spread at all.
    pub variance_reduction: Option<f64>,
}

impl Paired {
    /// With Student's interval of the differences.
    ///
    /// # Panics
    /// Where there aren't as many of one as of the other.
    pub fn of(a: &[f64], b: &[f64]) -> Option<Self> {
        Self::by_pilot(a, b, a.len())
    }

    /// With Stein's interval: the spread is that of the first `pilot` pairs alone, from which it followed how many there
    /// are in all. Then the mean, which knows all pairs, says nothing about their number, and the interval covers as
    /// often as it says. Source: C. Stein, A two-sample test for a linear hypothesis whose power is independent of the
    /// variance, Annals of Mathematical Statistics 16 (1945).
    ///
    /// # Panics
    /// Where there aren't as many of one as of the other.
    pub fn by_pilot(a: &[f64], b: &[f64], pilot: usize) -> Option<Self> {
        let difference = Summary::of_differences(a, b)?;
        let first = &|values: &[f64]| values[..pilot.clamp(1, values.len())].to_vec();
        let of_pilot = Summary::of_differences(&first(a), &first(b))?;
        let identical = a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
        let (of_a, of_b) = (Summary::of(a)?, Summary::of(b)?);
        let half_width = match of_pilot.count {
            _ if identical => Some(0.0),
            1 => None,
            count => {
                let t = math::student_t_quantile(0.5 + 0.5 * LEVEL, (count - 1) as f64);
                Some(t * (of_pilot.variance / difference.count as f64).sqrt())
            }
        };
        let reduction = (of_a.variance + of_b.variance) / difference.variance;
        Some(Self {
            a: of_a.mean,
            b: of_b.mean,
            difference,
            half_width,
            identical,
            variance_reduction: Some(reduction).filter(|reduction| reduction.is_finite()),
        })
    }

    /// The ends of the interval.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.half_width.map(|half| (self.difference.mean - half, self.difference.mean + half))
    }

    /// What may be said, where differences up to `margin` don't matter.
    pub fn verdict(&self, margin: f64) -> Verdict {
        let Some((low, high)) = self.interval() else { return Verdict::CantTell };
        match () {
            () if self.identical => Verdict::Identical,
            () if high < 0.0 => Verdict::Lower,
            () if low > 0.0 => Verdict::Higher,
            () if -margin <= low && high <= margin => Verdict::NoDifference,
            () => Verdict::CantTell,
        }
    }

    /// About how many more pairs it takes until the interval is either clear of 0 or within the margin. Nothing where a
    /// single pair says nothing of the spread.
    pub fn pairs_needed(&self, margin: f64) -> Option<u64> {
        let distance = self.difference.mean.abs();
        let half_width = distance.max(margin - distance);
        let needed = math::powi(self.half_width? / half_width, 2) * self.difference.count as f64;
        let more = needed.ceil() - self.difference.count as f64;
        (more.is_finite() && more < 1e15).then_some((more as u64).max(1))
    }
}

/// How many pairs make an interval of this half width, from the differences of a pilot (Stein's second stage).
pub fn pairs_for(a: &[f64], b: &[f64], half_width: f64) -> u64 {
    let Some(pilot) = Summary::of_differences(a, b).filter(|pilot| pilot.count > 1) else { return 0 };
    if pilot.variance == 0.0 {
        return pilot.count;
    }
    let t = math::student_t_quantile(0.5 + 0.5 * LEVEL, (pilot.count - 1) as f64);
    let needed = math::powi(pilot.variance.sqrt() * t / half_width, 2).ceil();
    // A float beyond all whole numbers becomes the largest one.
    (needed as u64).max(pilot.count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rng::uniform_at;

    fn normals(seed: u64, count: i64, mean: f64, sd: f64) -> Vec<f64> {
        (0..count).map(|n| mean + sd * math::normal_quantile(uniform_at(seed, n))).collect()
    }

    #[test]
    fn verdicts() {
        let cases: &[(&[f64], &[f64], f64, Verdict)] = &[
            (&[1.0], &[1.0], 0.1, Verdict::Identical),
            (&[1.0, 2.0], &[1.0, 2.0], 0.0, Verdict::Identical),
            (&[1.0], &[1.1], 0.5, Verdict::CantTell),
            (&[1.0, 2.0, 3.0], &[0.9, 1.91, 2.9], 0.5, Verdict::Lower),
            (&[0.9, 1.91, 2.9], &[1.0, 2.0, 3.0], 0.5, Verdict::Higher),
            (&[1.0, 2.0, 3.0], &[1.01, 1.99, 3.0], 0.5, Verdict::NoDifference),
            (&[1.0, 2.0, 3.0], &[1.01, 1.99, 3.0], 0.01, Verdict::CantTell),
            // The same shift everywhere is no chance.
            (&[1.0, 2.0, 4.0], &[1.5, 2.5, 4.5], 1.0, Verdict::Higher),
        ];
        for (a, b, margin, verdict) in cases {
            let paired = Paired::of(a, b).expect("there are pairs");
            assert_eq!(paired.verdict(*margin), *verdict, "{a:?} {b:?}");
            let told = serde_json::to_value(verdict).expect("serialisable");
            assert_eq!(told, verdict.text());
        }
        assert_eq!(Paired::of(&[], &[]), None);
    }

    #[test]
    fn common_noise_is_taken_out() {
        let noise = normals(1, 200, 10.0, 1.0);
        let own = normals(2, 200, 0.5, 0.1);
        let b: Vec<f64> = noise.iter().zip(&own).map(|(noise, own)| noise + own).collect();
        let paired = Paired::of(&noise, &b).expect("200");
        // (1 + 1.01) / 0.01.
        assert!(paired.variance_reduction.is_some_and(|times| (150.0..270.0).contains(&times)), "{paired:?}");
    }

    #[test]
    fn what_is_needed_decides() {
        let (a, b) = (normals(1, 10, 10.0, 1.0), normals(2, 10, 10.0, 1.0));
        let margin = 0.2;
        let needed = pairs_for(&a, &b, margin / 2.0);
        assert!(needed > 200, "{needed}");
        let (a, b) = (normals(1, needed as i64, 10.0, 1.0), normals(2, needed as i64, 10.0, 1.0));
        let paired = Paired::by_pilot(&a, &b, 10).expect("many");
        assert!(paired.half_width.is_some_and(|half| half <= margin / 2.0), "{paired:?}");
        assert_ne!(paired.verdict(margin), Verdict::CantTell);
    }

    /// 0 differs from 0 in 5% of the intervals, although their number of pairs follows from the pilot's spread.
    #[test]
    fn two_stages_cover_as_often_as_they_say() {
        let rounds = 4_000;
        let mut found = 0;
        for round in 0..rounds {
            let zeros = vec![0.0; 400];
            let noise = normals(round, 400, 0.0, 1.0);
            let count = pairs_for(&zeros[..6], &noise[..6], 0.3).min(400) as usize;
            let paired = Paired::by_pilot(&zeros[..count], &noise[..count], 6).expect("pairs");
            found += u64::from(matches!(paired.verdict(0.6), Verdict::Lower | Verdict::Higher));
        }
        // 200 expected, standard deviation 13.8.
        assert!((145..255).contains(&found), "{found}");
    }
}
