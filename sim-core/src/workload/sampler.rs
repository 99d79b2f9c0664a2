//! Draws from distributions: one uniform a value, always by inversion (a larger uniform never gives a smaller value,
//! except across the parts of a mixture), so that two runs that differ elsewhere draw the same work.

use crate::math;
use crate::model::distribution::{
    Distribution, Percentile, Segment, hyperexponential_share, lognormal_of, lognormal_through,
};
use std::sync::Arc;

mod gamma;

use gamma::GammaTable;

/// The largest value of [`Sampler::sample_ns`]: about 18 years, so that a few of them still fit a 63-bit clock.
pub const SAMPLE_NS_MAX: u64 = 1 << 59;

/// How many values the block kernels work on at a time.
pub const BLOCK: usize = 128;

/// A distribution made ready to draw from.
#[derive(Debug, Clone)]
pub struct Sampler {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Constant(f64),
    Exponential { mean: f64 },
    Lognormal { mu: f64, sigma: f64 },
    Uniform { low: f64, width: f64 },
    Gamma(Box<GammaTable>),
    Weibull { scale: f64, inverse_shape: f64 },
    Pareto { min: f64, max: f64, mass: f64, inverse_alpha: f64 },
    Normal { mean: f64, sd: f64, above: f64 },
    Mix(Vec<Part>),
    Empirical(Arc<[f64]>),
    Quantiles(Vec<Piece>),
}

/// A part of a mixture: it has the uniforms from `start` to `end`.
#[derive(Debug, Clone)]
struct Part {
    start: f64,
    end: f64,
    sampler: Sampler,
}

/// A segment between two percentiles, with the logarithm of the ratio of its ends.
#[derive(Debug, Clone)]
struct Piece {
    segment: Segment,
    log_ratio: f64,
}

impl Sampler {
    /// Makes `distribution` ready to draw from.
    #[must_use]
    pub fn new(distribution: &Distribution) -> Self {
        Self { kind: Kind::new(distribution) }
    }

    /// The value below which the share `u` of all values lies, in the base unit; `u` in (0, 1).
    #[inline]
    #[must_use]
    pub fn sample(&self, u: f64) -> f64 {
        debug_assert!(u > 0.0 && u < 1.0, "a uniform lies inside (0, 1)");
        match &self.kind {
            Kind::Constant(value) => *value,
            Kind::Exponential { mean } => exponential(*mean, u),
            Kind::Lognormal { mu, sigma } => math::exp(mu + sigma * math::normal_quantile(u)),
            Kind::Uniform { low, width } => low + u * width,
            Kind::Gamma(table) => table.sample(u),
            Kind::Weibull { scale, inverse_shape } => scale * math::exp(math::ln(-math::ln(1.0 - u)) * inverse_shape),
            Kind::Pareto { min, max, mass, inverse_alpha } => {
                (min * math::exp(-math::ln(1.0 - u * mass) * inverse_alpha)).min(*max)
            }
            Kind::Normal { mean, sd, above } => {
                let tail = ((1.0 - u) * above).min(1.0 - f64::EPSILON / 2.0);
                (mean - sd * math::normal_quantile(tail)).max(0.0)
            }
            Kind::Mix(parts) => {
                let part = parts.iter().find(|part| u < part.end).unwrap_or(&parts[parts.len() - 1]);
                part.sampler.sample(inside((u - part.start) / (part.end - part.start)))
            }
            Kind::Empirical(values) => values[((u * values.len() as f64) as usize).min(values.len() - 1)],
            Kind::Quantiles(pieces) => {
                let piece = pieces.iter().find(|piece| u < piece.segment.to).unwrap_or(&pieces[pieces.len() - 1]);
                let Segment { from, to, low, high } = piece.segment;
                let part = (u - from) / (to - from);
                if low == 0.0 { high * part } else { low * math::exp(piece.log_ratio * part) }
            }
        }
    }

    /// Whether every draw is the same.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        matches!(self.kind, Kind::Constant(_))
    }

    /// [`Sampler::sample`], rounded to whole ns (or bytes), at most [`SAMPLE_NS_MAX`].
    #[inline]
    #[must_use]
    pub fn sample_ns(&self, u: f64) -> u64 {
        whole(self.sample(u))
    }

    /// Replaces each uniform by its [`Sampler::sample`], with the same bits.
    pub fn sample_values(&self, values: &mut [f64]) {
        match &self.kind {
            Kind::Constant(value) => values.fill(*value),
            Kind::Exponential { mean } => {
                for u in values.iter_mut() {
                    *u = 1.0 - *u;
                }
                math::ln_block(values);
                for u in values.iter_mut() {
                    *u *= -mean;
                }
            }
            Kind::Lognormal { mu, sigma } => {
                for chunk in values.chunks_mut(BLOCK) {
                    math::normal_quantile_block(chunk);
                    for u in chunk.iter_mut() {
                        *u = mu + sigma * *u;
                    }
                    math::exp_block(chunk);
                }
            }
            Kind::Uniform { low, width } => {
                for u in values.iter_mut() {
                    *u = low + *u * width;
                }
            }
            Kind::Gamma(_)
            | Kind::Weibull { .. }
            | Kind::Pareto { .. }
            | Kind::Normal { .. }
            | Kind::Mix(_)
            | Kind::Empirical(_)
            | Kind::Quantiles(_) => {
                for u in values.iter_mut() {
                    *u = self.sample(*u);
                }
            }
        }
    }

    /// Puts the [`Sampler::sample_ns`] of each uniform into `out`, with the same bits.
    ///
    /// # Panics
    /// Where `u` and `out` differ in length.
    pub fn sample_block(&self, u: &[f64], out: &mut [u64]) {
        assert_eq!(u.len(), out.len(), "a value for each uniform");
        let mut buffer = [0.0; BLOCK];
        for (u, out) in u.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
            let values = &mut buffer[..u.len()];
            values.copy_from_slice(u);
            self.sample_values(values);
            whole_block(values, out);
        }
    }
}

#[inline(always)]
fn exponential(mean: f64, u: f64) -> f64 {
    math::ln(1.0 - u) * -mean
}

/// A rescaled uniform, kept off the ends that rounding could reach.
#[inline(always)]
fn inside(u: f64) -> f64 {
    u.clamp(f64::EPSILON / 2.0, 1.0 - f64::EPSILON / 2.0)
}

pub(crate) const TWO_52: f64 = 4_503_599_627_370_496.0;

/// Rounds a value ≥ 0 to the nearest whole number (ties to even): in the sum with 2^52 the low bits are the number.
#[inline(always)]
pub(crate) fn whole_below_two_52(value: f64) -> u64 {
    (value + TWO_52).to_bits() - TWO_52.to_bits()
}

/// Rounds a value ≥ 0 to the nearest whole number, at most [`SAMPLE_NS_MAX`].
#[inline(always)]
pub(crate) fn whole(value: f64) -> u64 {
    if value < TWO_52 { whole_below_two_52(value) } else { (value as u64).min(SAMPLE_NS_MAX) }
}

/// [`whole`] of each value.
#[inline]
fn whole_block(values: &[f64], out: &mut [u64]) {
    if values.iter().fold(true, |all, value| all & (*value < TWO_52)) {
        for (value, out) in values.iter().zip(out) {
            *out = whole_below_two_52(*value);
        }
    } else {
        for (value, out) in values.iter().zip(out) {
            *out = whole(*value);
        }
    }
}

impl Kind {
    fn new(distribution: &Distribution) -> Self {
        match distribution {
            Distribution::Constant(value) => Self::Constant(*value),
            Distribution::Exponential { mean } => Self::Exponential { mean: *mean },
            Distribution::Lognormal { mean, cv } => {
                let (mu, sigma) = lognormal_of(*mean, *cv);
                Self::Lognormal { mu, sigma }
            }
            Distribution::LognormalThrough { low, high } => {
                let (mu, sigma) = lognormal_through(Percentile { ..*low }, *high);
                Self::Lognormal { mu, sigma }
            }
            Distribution::Gamma { mean, cv } => Self::Gamma(Box::new(GammaTable::new(*mean, 1.0 / (cv * cv)))),
            Distribution::Erlang { mean, k: 1 } => Self::Exponential { mean: *mean },
            Distribution::Erlang { mean, k } => Self::Gamma(Box::new(GammaTable::new(*mean, f64::from(*k)))),
            Distribution::Weibull { mean, shape } => {
                let scale = mean / math::gamma(1.0 + 1.0 / shape);
                Self::Weibull { scale, inverse_shape: 1.0 / shape }
            }
            Distribution::Pareto { min, alpha, max } => {
                let mass = -math::exp_m1(-alpha * math::ln(max / min));
                Self::Pareto { min: *min, max: *max, mass, inverse_alpha: 1.0 / alpha }
            }
            Distribution::Uniform { low, high } => Self::Uniform { low: *low, width: high - low },
            Distribution::Normal { mean, sd } => {
                Self::Normal { mean: *mean, sd: *sd, above: math::normal_cdf(mean / sd) }
            }
            Distribution::Hyperexponential { mean, cv } => {
                let first = hyperexponential_share(*cv);
                let phase = |share: f64| Distribution::Exponential { mean: mean / (2.0 * share) };
                Self::mix(&[(first, phase(first)), (1.0 - first, phase(1.0 - first))])
            }
            Distribution::Mix(parts) => Self::mix(parts),
            Distribution::Empirical { values, .. } => Self::Empirical(Arc::clone(values)),
            Distribution::Quantiles { .. } => {
                let piece = |segment: Segment| {
                    let log_ratio = if segment.low > 0.0 { math::ln(segment.high / segment.low) } else { 0.0 };
                    Piece { segment, log_ratio }
                };
                Self::Quantiles(distribution.segments().map(piece).collect())
            }
        }
    }

    fn mix(parts: &[(f64, Distribution)]) -> Self {
        let mut start = 0.0;
        let part = |(share, distribution): &(f64, Distribution)| {
            let part = Part { start, end: start + share, sampler: Sampler::new(distribution) };
            start = part.end;
            part
        };
        let mut parts: Vec<Part> = parts.iter().filter(|(share, _)| *share > 0.0).map(part).collect();
        // The shares sum to 1 but for rounding: the last part ends there.
        parts.last_mut().expect("the shares sum to 1, so one is above 0").end = 1.0;
        Self::Mix(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rng::{fnv1a, uniform_at};
    use crate::model::distribution::Base;
    use crate::model::distribution::tests::{EVERY, Samples};

    fn sampler(text: &str) -> (Sampler, Distribution) {
        let distribution = Distribution::parse(text, Base::Time, &Samples).expect(text);
        (Sampler::new(&distribution), distribution)
    }

    const GRID: [f64; 7] = [1.0 / 9_007_199_254_740_992.0, 0.001, 0.25, 0.5, 0.9, 0.999, 1.0 - f64::EPSILON / 2.0];

    /// The bits of each distribution's values at [`GRID`], hashed: they must be the same on every platform, for ever.
    const STABLE: [u64; 17] = [
        0x6ff3_cf83_ef54_1570,
        0xa95f_9ce1_e994_909c,
        0x987d_7489_7018_9060,
        0x223e_4e50_623f_bb82,
        0xb560_4e10_407e_83d4,
        0xdc60_3d23_fd21_fe23,
        0xb4cd_a353_e38b_39d0,
        0xe10e_26de_7ac5_1fd0,
        0x713f_acb0_48d1_7f5d,
        0x0cfe_1dc6_1787_3600,
        0x8409_1f13_afc6_bfb5,
        0x64a8_5a34_2e63_afee,
        0xc687_66d9_06c3_7f4a,
        0xe6e9_56c1_7b61_c0a4,
        0xa611_484f_9c60_e18b,
        0xdb24_2fe7_4639_a6e2,
        0x316a_42de_4b9a_b8a0,
    ];

    #[test]
    fn values_are_stable() {
        let mut wrong = Vec::new();
        for (text, stable) in EVERY.iter().zip(STABLE) {
            let (sampler, _) = sampler(text);
            let bytes: Vec<u8> = GRID.iter().flat_map(|u| sampler.sample(*u).to_bits().to_le_bytes()).collect();
            let hash = fnv1a(&bytes);
            if hash != stable {
                wrong.push(format!("{text}: {hash:#018x}, {:?}", GRID.map(|u| sampler.sample(u))));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn blocks_have_the_bits_of_single_draws() {
        for text in EVERY {
            let (sampler, _) = sampler(text);
            for n in 0..200 {
                let length = if n % 3 == 0 { 128 } else { 300 - n };
                let uniforms: Vec<f64> = (0..length as i64).map(|i| uniform_at(n as u64, i)).chain(GRID).collect();
                let mut block = vec![0; uniforms.len()];
                sampler.sample_block(&uniforms, &mut block);
                let single: Vec<u64> = uniforms.iter().map(|u| sampler.sample_ns(*u)).collect();
                assert_eq!(block, single, "{text}");
            }
        }
    }

    #[test]
    fn a_larger_uniform_gives_no_smaller_value() {
        for text in EVERY.iter().filter(|text| !text.starts_with("mix") && !text.starts_with("hyper")) {
            let (sampler, _) = sampler(text);
            let mut last = 0.0;
            for i in 1..100_000 {
                let value = sampler.sample(f64::from(i) / 1e5);
                assert!(value >= last, "{text} at {i}: {value} after {last}");
                last = value;
            }
        }
    }

    /// Stratified uniforms: one in the middle of each of a million equal intervals.
    #[test]
    fn mean_and_variance_are_those_of_the_distribution() {
        const COUNT: i32 = 1_000_000;
        for text in EVERY {
            let (sampler, distribution) = sampler(text);
            let (mut sum, mut squares) = (0.0, 0.0);
            let mean = distribution.mean();
            for i in 0..COUNT {
                let value = sampler.sample((f64::from(i) + 0.5) / f64::from(COUNT));
                sum += value;
                squares += (value - mean) * (value - mean);
            }
            let (found_mean, found) = (sum / f64::from(COUNT), squares / f64::from(COUNT));
            assert!((found_mean / mean - 1.0).abs() < 2e-4, "{text}: mean {found_mean}, exact {mean}");
            let variance = distribution.variance();
            assert!((found - variance).abs() <= 0.01 * variance, "{text}: variance {found:e}, exact {variance:e}");
        }
    }

    #[test]
    fn percentiles_are_met() {
        for (text, u, expected) in [
            ("lognormal(p50=3ms, p99=40ms)", 0.5, 3e6),
            ("lognormal(p50=3ms, p99=40ms)", 0.99, 40e6),
            ("quantiles(p50=3ms, p90=9ms, p99=40ms, max=1s)", 0.9, 9e6),
            ("quantiles(p50=3ms, p90=9ms, p99=40ms, max=1s)", 0.25, 1.5e6),
            ("quantiles(p50=3ms, p90=9ms, p99=40ms, max=1s)", 0.7, 5_196_152.422_706_632),
            ("exp(1ms)", 0.5, 693_147.180_559_945_3),
            ("normal(2ms, sd=4ms)", 1e-15, 0.0),
            ("empirical(file.csv)", 0.5, 5e6),
        ] {
            let value = sampler(text).0.sample(u);
            assert!((value - expected).abs() < 1e-6 * expected.max(1.0), "{text} at {u}: {value}");
        }
    }

    #[test]
    fn whole_numbers_saturate() {
        for (value, rounded) in [(0.0, 0), (0.4, 0), (2.6, 3), (4.6e15, 4_600_000_000_000_000), (1e300, SAMPLE_NS_MAX)]
        {
            assert_eq!(whole(value), rounded);
        }
    }
}
