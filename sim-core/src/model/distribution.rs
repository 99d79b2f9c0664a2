//! Distributions: what a time or a size can be instead of a constant.
//!
//! `"4ms"`, `exp(4ms)`, `lognormal(4ms, cv=0.8)`, `mix(90% exp(2ms), 10% exp(50ms))`, … A bare first argument is the mean
//! of the whole. The one exception is `normal(mean, sd=)`: its arguments are those of the normal before values below 0
//! are redrawn; [`Distribution::mean`] is what comes out. Mean and variance are in closed form.

use super::Files;
use super::units::{self, UnitError};
use crate::math;
use std::fmt;
use std::sync::Arc;

mod parse;

/// What the numbers of a distribution measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// Times, in ns.
    Time,
    /// Sizes, in bytes.
    Size,
}

impl Base {
    fn read(self, text: &str) -> Result<f64, UnitError> {
        match self {
            Self::Time => units::time(text).map(|ns| ns as f64),
            Self::Size => units::size(text).map(|bytes| bytes as f64),
        }
    }

    fn text(self, value: f64) -> String {
        match self {
            Self::Time => units::exact_time(value as u64),
            Self::Size => units::exact_size(value as u64),
        }
    }
}

/// A percentile: the share of values, in percent, that are at most `value`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percentile {
    /// Between 0 and 100, without the ends.
    pub percent: f64,
    /// In the base unit.
    pub value: f64,
}

impl Percentile {
    /// The percentile as a share from 0 to 1.
    #[must_use]
    pub fn share(self) -> f64 {
        self.percent / 100.0
    }
}

/// A distribution of times (in ns) or sizes (in bytes), none of which is below 0.
#[derive(Debug, Clone, PartialEq)]
pub enum Distribution {
    /// Always the same value.
    Constant(f64),
    /// Exponential.
    Exponential {
        /// Mean.
        mean: f64,
    },
    /// Log-normal, by its mean and coefficient of variation.
    Lognormal {
        /// Mean.
        mean: f64,
        /// Standard deviation ÷ mean, above 0.
        cv: f64,
    },
    /// Log-normal through two percentiles.
    LognormalThrough {
        /// The lower of the two.
        low: Percentile,
        /// The higher of the two, at a larger value.
        high: Percentile,
    },
    /// Gamma.
    Gamma {
        /// Mean.
        mean: f64,
        /// Standard deviation ÷ mean, above 0.
        cv: f64,
    },
    /// Erlang: the sum of `k` equal exponentials.
    Erlang {
        /// Mean of the sum.
        mean: f64,
        /// Number of exponentials, at least 1.
        k: u32,
    },
    /// Weibull.
    Weibull {
        /// Mean.
        mean: f64,
        /// Shape: below 1 a heavy tail, 1 exponential, above 1 a hump.
        shape: f64,
    },
    /// Pareto, truncated (not clamped) at `max`.
    Pareto {
        /// Least value, above 0.
        min: f64,
        /// Tail exponent, above 0.
        alpha: f64,
        /// Largest value.
        max: f64,
    },
    /// Uniform from `low` to `high`.
    Uniform {
        /// Least value.
        low: f64,
        /// Largest value.
        high: f64,
    },
    /// Normal, redrawn below 0.
    Normal {
        /// Mean before redrawing.
        mean: f64,
        /// Standard deviation before redrawing, above 0.
        sd: f64,
    },
    /// Hyperexponential of two phases with balanced means (each phase brings half of the mean).
    Hyperexponential {
        /// Mean.
        mean: f64,
        /// Standard deviation ÷ mean, above 1.
        cv: f64,
    },
    /// One of several distributions, each with its share; the shares sum to 1.
    Mix(Vec<(f64, Distribution)>),
    /// Values as measured, each equally likely.
    Empirical {
        /// The file as the model names it.
        file: String,
        /// The values, ascending.
        values: Arc<[f64]>,
    },
    /// Through measured percentiles: between two of them the logarithm of the value is linear in the share. Below the
    /// first the value rises linearly from 0, or log-linearly from `min` where that is given.
    Quantiles {
        /// Least value; 0 where not given.
        min: f64,
        /// Ascending in percent and in value, all above 0.
        points: Vec<Percentile>,
        /// Largest value.
        max: f64,
    },
}

/// A text that is no distribution. Its `Display` says what was expected, what was found, and the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}; {problem}")]
pub struct DistributionError {
    /// What belongs here, for example `lognormal(4ms, cv=0.8)`.
    pub expected: String,
    /// What is wrong with the text.
    pub problem: String,
}

impl Distribution {
    /// Reads a distribution of times (in ns) or sizes (in bytes); `files` serves `empirical(file.csv)`.
    ///
    /// # Errors
    /// Where the text is no distribution; the error names what was found and what is expected.
    pub fn parse(text: &str, base: Base, files: &dyn Files) -> Result<Self, DistributionError> {
        parse::distribution(text, base, files, 0)
    }

    /// The value of a constant; nothing for all others.
    #[must_use]
    pub fn as_constant(&self) -> Option<f64> {
        match self {
            Self::Constant(value) => Some(*value),
            _ => None,
        }
    }

    /// Exact mean, in the base unit.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Exponential { mean }
            | Self::Lognormal { mean, .. }
            | Self::Gamma { mean, .. }
            | Self::Erlang { mean, .. }
            | Self::Weibull { mean, .. }
            | Self::Hyperexponential { mean, .. } => *mean,
            Self::LognormalThrough { low, high } => {
                let (mu, sigma) = lognormal_through(*low, *high);
                math::exp(mu + 0.5 * sigma * sigma)
            }
            Self::Pareto { min, alpha, max } => pareto_moment(*min, *alpha, *max, 1.0),
            Self::Uniform { low, high } => 0.5 * (low + high),
            Self::Normal { mean, sd } => mean + sd * normal_hazard(-mean / sd),
            Self::Mix(parts) => parts.iter().map(|(share, part)| share * part.mean()).sum(),
            Self::Empirical { values, .. } => values.iter().sum::<f64>() / values.len() as f64,
            Self::Quantiles { .. } => self.segments().map(Segment::mean_part).sum(),
        }
    }

    /// The same with every value so many times as large.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        let at = |point: &Percentile| Percentile { value: point.value * factor, ..*point };
        match self {
            Self::Constant(value) => Self::Constant(value * factor),
            Self::Exponential { mean } => Self::Exponential { mean: mean * factor },
            Self::Lognormal { mean, cv } => Self::Lognormal { mean: mean * factor, cv: *cv },
            Self::LognormalThrough { low, high } => Self::LognormalThrough { low: at(low), high: at(high) },
            Self::Gamma { mean, cv } => Self::Gamma { mean: mean * factor, cv: *cv },
            Self::Erlang { mean, k } => Self::Erlang { mean: mean * factor, k: *k },
            Self::Weibull { mean, shape } => Self::Weibull { mean: mean * factor, shape: *shape },
            Self::Pareto { min, alpha, max } => Self::Pareto { min: min * factor, alpha: *alpha, max: max * factor },
            Self::Uniform { low, high } => Self::Uniform { low: low * factor, high: high * factor },
            Self::Normal { mean, sd } => Self::Normal { mean: mean * factor, sd: sd * factor },
            Self::Hyperexponential { mean, cv } => Self::Hyperexponential { mean: mean * factor, cv: *cv },
            Self::Mix(parts) => Self::Mix(parts.iter().map(|(share, part)| (*share, part.scaled(factor))).collect()),
            Self::Empirical { file, values } => {
                let values = values.iter().map(|value| value * factor).collect();
                Self::Empirical { file: file.clone(), values }
            }
            Self::Quantiles { min, points, max } => {
                Self::Quantiles { min: min * factor, points: points.iter().map(at).collect(), max: max * factor }
            }
        }
    }

    /// Exact variance, in the base unit squared.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let of_cv = |mean: f64, cv: f64| mean * mean * cv * cv;
        match self {
            Self::Constant(_) => 0.0,
            Self::Exponential { mean } => mean * mean,
            Self::Lognormal { mean, cv } | Self::Gamma { mean, cv } | Self::Hyperexponential { mean, cv } => {
                of_cv(*mean, *cv)
            }
            Self::LognormalThrough { low, high } => {
                let (mu, sigma) = lognormal_through(*low, *high);
                math::exp(2.0 * mu + sigma * sigma) * math::exp_m1(sigma * sigma)
            }
            Self::Erlang { mean, k } => mean * mean / f64::from(*k),
            Self::Weibull { mean, shape } => {
                let ratio = math::ln_gamma(1.0 + 2.0 / shape) - 2.0 * math::ln_gamma(1.0 + 1.0 / shape);
                mean * mean * math::exp_m1(ratio)
            }
            Self::Pareto { min, alpha, max } => {
                let mean = pareto_moment(*min, *alpha, *max, 1.0);
                pareto_moment(*min, *alpha, *max, 2.0) - mean * mean
            }
            Self::Uniform { low, high } => (high - low) * (high - low) / 12.0,
            Self::Normal { mean, sd } => {
                let (cut, hazard) = (-mean / sd, normal_hazard(-mean / sd));
                sd * sd * (1.0 + cut * hazard - hazard * hazard)
            }
            Self::Mix(parts) => {
                let whole = self.mean();
                let around = |part: &Self| part.variance() + (part.mean() - whole) * (part.mean() - whole);
                parts.iter().map(|(share, part)| share * around(part)).sum()
            }
            Self::Empirical { values, .. } => {
                let mean = self.mean();
                values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / values.len() as f64
            }
            Self::Quantiles { .. } => {
                let mean = self.mean();
                self.segments().map(Segment::square_part).sum::<f64>() - mean * mean
            }
        }
    }

    /// Standard deviation ÷ mean, squared: the C² of queueing formulas. 0 for a constant, also for constant 0.
    #[must_use]
    pub fn squared_variation(&self) -> f64 {
        let (mean, variance) = (self.mean(), self.variance());
        if variance == 0.0 { 0.0 } else { variance / (mean * mean) }
    }

    /// The pieces of a `quantiles` distribution, from the least value up; none for others.
    pub(crate) fn segments(&self) -> impl Iterator<Item = Segment> {
        let (min, points, max) = match self {
            Self::Quantiles { min, points, max } => (*min, points.as_slice(), *max),
            _ => (0.0, [].as_slice(), 0.0),
        };
        let ends = points.iter().map(|point| (point.share(), point.value)).chain([(1.0, max)]);
        let starts = [(0.0, min)].into_iter().chain(points.iter().map(|point| (point.share(), point.value)));
        let count = if points.is_empty() { 0 } else { points.len() + 1 };
        let pairs = starts.zip(ends).take(count);
        pairs.map(|((from, low), (to, high))| Segment { from, to, low, high }).collect::<Vec<_>>().into_iter()
    }

    /// As a model writes it; [`Distribution::parse`] reads it back. `Display` is this for times.
    #[must_use]
    pub fn text(&self, base: Base) -> String {
        let value = |value: &f64| base.text(*value);
        match self {
            Self::Constant(constant) => value(constant),
            Self::Exponential { mean } => format!("exp({})", value(mean)),
            Self::Lognormal { mean, cv } => format!("lognormal({}, cv={cv})", value(mean)),
            Self::LognormalThrough { low, high } => {
                let [low, high] = [low, high].map(|at| format!("p{}={}", at.percent, value(&at.value)));
                format!("lognormal({low}, {high})")
            }
            Self::Gamma { mean, cv } => format!("gamma({}, cv={cv})", value(mean)),
            Self::Erlang { mean, k } => format!("erlang({}, k={k})", value(mean)),
            Self::Weibull { mean, shape } => format!("weibull({}, shape={shape})", value(mean)),
            Self::Pareto { min, alpha, max } => {
                format!("pareto(min={}, alpha={alpha}, max={})", value(min), value(max))
            }
            Self::Uniform { low, high } => format!("uniform({}, {})", value(low), value(high)),
            Self::Normal { mean, sd } => format!("normal({}, sd={})", value(mean), value(sd)),
            Self::Hyperexponential { mean, cv } => format!("hyperexp({}, cv={cv})", value(mean)),
            Self::Mix(parts) => {
                let parts: Vec<_> =
                    parts.iter().map(|(share, part)| format!("{} {}", share_text(*share), part.text(base))).collect();
                format!("mix({})", parts.join(", "))
            }
            Self::Empirical { file, .. } => format!("empirical({file})"),
            Self::Quantiles { min, points, max } => {
                let least = if *min > 0.0 { format!("min={}, ", value(min)) } else { String::new() };
                let points: String =
                    points.iter().map(|at| format!("p{}={}, ", at.percent, value(&at.value))).collect();
                format!("quantiles({least}{points}max={})", value(max))
            }
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Base::Time))
    }
}

/// A share in percent where that reads back as the same number, else as it is.
fn share_text(share: f64) -> String {
    let percent = format!("{:.6}", share * 100.0);
    let percent = percent.trim_end_matches('0').trim_end_matches('.');
    let text = format!("{percent}%");
    if units::share(&text) == Ok(share) { text } else { share.to_string() }
}

/// Location and scale of ln X where X is log-normal with this mean and coefficient of variation.
pub(crate) fn lognormal_of(mean: f64, cv: f64) -> (f64, f64) {
    let variance = math::ln_1p(cv * cv);
    (math::ln(mean) - 0.5 * variance, variance.sqrt())
}

/// Location and scale of ln X where X is log-normal and goes through these percentiles.
pub(crate) fn lognormal_through(low: Percentile, high: Percentile) -> (f64, f64) {
    let (low_z, high_z) = (math::normal_quantile(low.share()), math::normal_quantile(high.share()));
    let sigma = (math::ln(high.value) - math::ln(low.value)) / (high_z - low_z);
    (math::ln(low.value) - sigma * low_z, sigma)
}

/// Share of the first phase of a balanced hyperexponential: its mean is `mean` ÷ 2p, the second's `mean` ÷ 2(1 − p).
pub(crate) fn hyperexponential_share(cv: f64) -> f64 {
    let square = cv * cv;
    0.5 * (1.0 + ((square - 1.0) / (square + 1.0)).sqrt())
}

/// φ(z) ÷ (1 − Φ(z)) of the standard normal.
fn normal_hazard(z: f64) -> f64 {
    math::exp(-0.5 * z * z) / (2.0 * std::f64::consts::PI).sqrt() / math::normal_cdf(-z)
}

/// E[X^`order`] of a Pareto truncated at `max`.
fn pareto_moment(min: f64, alpha: f64, max: f64, order: f64) -> f64 {
    let ratio = math::ln(max / min);
    let difference = order - alpha;
    let integral = if difference == 0.0 { ratio } else { math::exp_m1(difference * ratio) / difference };
    math::pow(min, order) * alpha * integral / -math::exp_m1(-alpha * ratio)
}

/// A piece of a `quantiles` distribution: the shares from `from` to `to` have the values from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Segment {
    pub from: f64,
    pub to: f64,
    pub low: f64,
    pub high: f64,
}

impl Segment {
    fn mean_part(self) -> f64 {
        let width = self.to - self.from;
        match self.low {
            _ if self.high == self.low => width * self.low,
            0.0 => width * 0.5 * self.high,
            low => width * (self.high - low) / math::ln(self.high / low),
        }
    }

    fn square_part(self) -> f64 {
        let width = self.to - self.from;
        match self.low {
            _ if self.high == self.low => width * self.low * self.low,
            0.0 => width * self.high * self.high / 3.0,
            low => width * (self.high - low) * (self.high + low) / (2.0 * math::ln(self.high / low)),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Files for tests: a few samples.
    pub(crate) struct Samples;

    impl Files for Samples {
        fn read(&self, path: &str) -> Result<Vec<u8>, String> {
            match path {
                "file.csv" => Ok(b"latency,note\n5ms,a\n0.002,b\n\n\"9ms\",c\r\n".to_vec()),
                "torn.csv" => Ok(b"1ms\n2ms\nthree\n".to_vec()),
                "empty.csv" => Ok(b"latency\n".to_vec()),
                _ => Err("no such file".to_owned()),
            }
        }
    }

    /// One text of every distribution.
    pub(crate) const EVERY: [&str; 17] = [
        "4ms",
        "exp(4ms)",
        "lognormal(4ms, cv=0.8)",
        "lognormal(p50=3ms, p99=40ms)",
        "gamma(4ms, cv=0.5)",
        "gamma(4ms, cv=2.5)",
        "erlang(4ms, k=3)",
        "weibull(4ms, shape=0.7)",
        "pareto(min=1ms, alpha=1.5, max=1s)",
        "uniform(2ms, 6ms)",
        "normal(10ms, sd=3ms)",
        "normal(2ms, sd=4ms)",
        "hyperexp(4ms, cv=3)",
        "mix(90% exp(2ms), 10% exp(50ms))",
        "mix(12.5% 1ms, 87.5% mix(50% uniform(1ms, 3ms), 50% lognormal(5ms, cv=1.5)))",
        "empirical(file.csv)",
        "quantiles(p50=3ms, p90=9ms, p99=40ms, max=1s)",
    ];

    #[test]
    fn display_reads_back() {
        for text in EVERY {
            let read = Distribution::parse(text, Base::Time, &Samples).expect(text);
            assert_eq!(read.to_string(), text);
            assert_eq!(Distribution::parse(&read.to_string(), Base::Time, &Samples), Ok(read));
        }
        for text in ["4kB", "exp(16KiB)", "quantiles(min=1kB, p50=3kB, p99.9=9kB, max=1MB)"] {
            let read = Distribution::parse(text, Base::Size, &Samples).expect(text);
            assert_eq!(read.text(Base::Size), text);
        }
    }

    #[test]
    fn reads_loosely_written_texts() {
        for (text, same) in [
            (" exp( 4 ms ) ", "exp(4ms)"),
            ("exp(0s)", "0s"),
            ("lognormal(4ms,cv=0)", "4ms"),
            ("lognormal( p99 = 40ms , p50 = 3ms )", "lognormal(p50=3ms, p99=40ms)"),
            ("mix(0.9 exp(2ms), 0.1 exp(50ms))", "mix(90% exp(2ms), 10% exp(50ms))"),
            ("quantiles(p50=3ms, p999=9ms, max=1s)", "quantiles(p50=3ms, p99.9=9ms, max=1s)"),
            ("uniform(4ms, 4ms)", "4ms"),
            ("hyperexp(4ms, cv=1)", "exp(4ms)"),
        ] {
            assert_eq!(Distribution::parse(text, Base::Time, &Samples).expect(text).to_string(), same);
        }
    }

    #[test]
    fn mistakes_say_what_is_expected() {
        for (text, says) in [
            ("4", "write \"4ms\""),
            ("", "found nothing"),
            ("exp()", "the mean is missing"),
            ("exp(4)", "write \"4ms\""),
            ("exp(4ms", "closing bracket"),
            ("exp(4ms))", "closing bracket"),
            ("expo(4ms)", "did you mean exp?"),
            ("lognorml(4ms, cv=1)", "did you mean lognormal?"),
            ("exp(4ms, cv=2)", "unknown argument cv"),
            ("exp(4ms, 5ms)", "one argument too many"),
            ("gamma(4ms)", "cv is missing"),
            ("gamma(4ms, cv=-1)", "negative"),
            ("gamma(4ms, cv=1, cv=2)", "cv twice"),
            ("erlang(4ms, k=2.5)", "whole number"),
            ("erlang(4ms, k=0)", "whole number"),
            ("weibull(4ms, shape=0.001)", "shape"),
            ("pareto(min=1s, alpha=1.5, max=1ms)", "max must be above min"),
            ("pareto(min=1ms, alpha=1.5)", "max is missing"),
            ("uniform(6ms, 2ms)", "from low to high"),
            ("hyperexp(4ms, cv=0.5)", "at least 1"),
            ("lognormal(p50=3ms, p99=2ms)", "must rise"),
            ("lognormal(p50=3ms)", "two percentiles"),
            ("quantiles(p50=3ms)", "max is missing"),
            ("quantiles(max=3ms)", "at least one percentile"),
            ("quantiles(p50=3ms, p90=2ms, max=1s)", "must rise"),
            ("quantiles(p50=3ms, max=1ms)", "must rise"),
            ("quantiles(p101=3ms, max=1s)", "percentile"),
            ("mix(90% exp(2ms), 20% exp(3ms))", "110%"),
            ("mix(exp(2ms))", "share"),
            ("mix()", "share"),
            ("empirical(none.csv)", "no such file"),
            ("empirical(torn.csv)", "line 3"),
            ("empirical(empty.csv)", "no value"),
            ("mix(100% mix(100% mix(100% mix(100% mix(100% mix(100% mix(100% mix(100% mix(100% 1ms)))))))))", "nested"),
        ] {
            let error = Distribution::parse(text, Base::Time, &Samples).expect_err(text).to_string();
            assert!(error.contains(says), "{text}: {error}");
            assert!(error.starts_with("expected "), "{text}: {error}");
        }
    }

    #[test]
    fn means_and_variances() {
        for (text, mean, variance) in [
            ("1ms", 1e6, 0.0),
            ("exp(2ms)", 2e6, 4e12),
            ("erlang(4ms, k=4)", 4e6, 4e12),
            ("weibull(4ms, shape=1)", 4e6, 16e12),
            ("pareto(min=1ms, alpha=1, max=100ms)", 1e6 * 4.605_170_185_988_092 / 0.99, 7.836_180_752_789_148e13),
            ("uniform(2ms, 6ms)", 4e6, 16e12 / 12.0),
            ("normal(1ms, sd=1ms)", 1_287_599.970_939_178_2, 6.296_862_857_766_06e11),
            ("mix(50% 2ms, 50% 4ms)", 3e6, 1e12),
            ("empirical(file.csv)", 16e6 / 3.0, (28.0 / 3.0 - 4.0 / 9.0 - 2.0 / 3.0) * 1e12),
            ("quantiles(p50=4ms, max=4ms)", 3e6, 2e12 * 2.0 / 3.0 + 8e12 - 9e12 + 4e12 / 3.0),
        ] {
            let read = Distribution::parse(text, Base::Time, &Samples).expect(text);
            assert!((read.mean() / mean - 1.0).abs() < 1e-9, "{text}: mean {}", read.mean());
            let error = (read.variance() - variance).abs();
            assert!(error <= 1e-9 * mean * mean.max(1.0), "{text}: variance {:e}", read.variance());
        }
    }

    #[test]
    fn any_text_gives_a_value_or_an_error() {
        let alphabet: Vec<char> = "exp(lognrma4ms,cv=0.8 )%mixq50ui-".chars().collect();
        let mut state = 11u64;
        for _ in 0..100_000 {
            let mut text = String::from(["", "mix(", "exp(", "quantiles("][(state >> 62) as usize]);
            for _ in 0..(state >> 59) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push(alphabet[(state >> 33) as usize % alphabet.len()]);
            }
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if let Ok(read) = Distribution::parse(&text, Base::Time, &Samples) {
                assert!(read.mean() >= 0.0 && read.variance() >= 0.0, "{text}");
            }
        }
        let deep = "mix(1 ".repeat(100_000);
        assert!(Distribution::parse(&deep, Base::Time, &Samples).is_err());
    }
}
