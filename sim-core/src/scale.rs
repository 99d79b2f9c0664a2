//! Axes of pictures: where a value lies, which values are marked, and how these are written. Pure functions, for the
//! pictures of the command line and of the browser alike.

use crate::math::{log10, powi};
use crate::model::objective::Dimension;

/// Where values lie between the two ends of an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Equal differences are equally far apart.
    Linear {
        /// The value at the beginning.
        low: f64,
        /// The value at the end; more than `low`.
        high: f64,
    },
    /// Equal ratios are equally far apart.
    Log {
        /// The value at the beginning; positive.
        low: f64,
        /// The value at the end; more than `low`.
        high: f64,
    },
}

/// A marked value of an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// The value.
    pub value: f64,
    /// How it is written; nothing for the small marks between.
    pub label: String,
}

/// Steps of time beyond a second at which people read clocks, in seconds.
const CLOCK_S: [f64; 21] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0, 21_600.0,
    43_200.0, 86_400.0, 172_800.0, 432_000.0, 864_000.0,
];

impl Scale {
    /// From zero, or from the lowest value if that is negative, to a whole step beyond the highest.
    #[must_use]
    pub fn from_zero(values: impl Iterator<Item = f64>, dimension: Dimension, ticks: usize) -> Self {
        let (low, high) = extent(values).unwrap_or((0.0, 0.0));
        let (low, high) = (low.min(0.0), high.max(0.0));
        let high = if low == high { if dimension == Dimension::Time { 1e-3 } else { 1.0 } } else { high };
        let step = step(high - low, dimension, ticks);
        Self::Linear { low: (low / step).floor() * step, high: (high / step - 1e-9).ceil() * step }
    }

    /// Just around the values.
    #[must_use]
    pub fn around(values: impl Iterator<Item = f64>) -> Self {
        match extent(values) {
            None => Self::Linear { low: 0.0, high: 1.0 },
            Some((low, high)) if high > low => Self::Linear { low, high },
            Some((0.0, _)) => Self::Linear { low: -1.0, high: 1.0 },
            Some((value, _)) => Self::Linear { low: value - value.abs() * 0.5, high: value + value.abs() * 0.5 },
        }
    }

    /// By ratios, a little beyond the positive ones of the values; nothing if there are none.
    #[must_use]
    pub fn by_ratio(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (low, high) = extent(values.filter(|value| *value > 0.0))?;
        let (low, high) = if high / low < 1.5 { (low / 1.5, high * 1.5) } else { (low, high) };
        Some(Self::Log { low: round_ratio(low * 0.999, false), high: round_ratio(high * 1.001, true) })
    }

    /// By ratios where the positive values differ so much that differences would hide the small ones, else from zero.
    #[must_use]
    pub fn fitting(values: &[f64], dimension: Dimension, ticks: usize) -> Self {
        let positive = extent(values.iter().copied().filter(|value| *value > 0.0));
        let is_spread = positive.is_some_and(|(low, high)| high / low >= 30.0);
        match is_spread && values.iter().all(|value| *value > 0.0) {
            true => Self::by_ratio(values.iter().copied()).expect("there are positive values"),
            false => Self::from_zero(values.iter().copied(), dimension, ticks),
        }
    }

    /// Its two ends.
    #[must_use]
    pub fn ends(&self) -> (f64, f64) {
        match *self {
            Self::Linear { low, high } | Self::Log { low, high } => (low, high),
        }
    }

    /// Where a value lies: 0 at the beginning, 1 at the end; what lies beyond is at the end that it is beyond.
    #[must_use]
    pub fn position(&self, value: f64) -> f64 {
        let share = match *self {
            Self::Linear { low, high } => (value - low) / (high - low),
            Self::Log { .. } if value <= 0.0 => 0.0,
            Self::Log { low, high } => log10(value / low) / log10(high / low),
        };
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// The marks of the axis, at most about so many with a label.
    #[must_use]
    pub fn ticks(&self, dimension: Dimension, most: usize) -> Vec<Tick> {
        match *self {
            Self::Linear { low, high } => linear_ticks(low, high, dimension, most.max(2)),
            Self::Log { low, high } => log_ticks(low, high, dimension, most.max(2)),
        }
    }
}

/// The least and the greatest of the finite values.
fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| value.is_finite()).fold(None, |extent, value| match extent {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}

/// The step between marks of which there are at most so many in a span: 1, 2 or 5 times a power of ten, or what clocks have.
fn step(span: f64, dimension: Dimension, most: usize) -> f64 {
    let least = span / most as f64;
    if dimension == Dimension::Time && least > 5.0 {
        if let Some(step) = CLOCK_S.iter().find(|step| **step >= least * 0.999) {
            return *step;
        }
        return 86_400.0 * decimal_step(least / 86_400.0);
    }
    // Rates below one a second are written per minute or per hour.
    let unit = match dimension {
        Dimension::Rate if span < 1.0 / 60.0 => 1.0 / 3_600.0,
        Dimension::Rate if span < 1.0 => 1.0 / 60.0,
        Dimension::Rate | Dimension::Time | Dimension::Share | Dimension::Number => 1.0,
    };
    unit * decimal_step(least / unit)
}

/// The least of 1, 2 and 5 times a power of ten that is not less.
fn decimal_step(least: f64) -> f64 {
    let power = power_of_ten(log10(least).floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least * 0.999);
    factor.unwrap_or(10.0) * power
}

fn power_of_ten(exponent: f64) -> f64 {
    let exponent = exponent.clamp(-300.0, 300.0);
    let size = powi(10.0, exponent.abs() as u32);
    if exponent < 0.0 { 1.0 / size } else { size }
}

/// The nearest of 1, 1.5, 2, 3, 5, 7 times a power of ten below or above a value.
fn round_ratio(value: f64, up: bool) -> f64 {
    let power = power_of_ten(log10(value).floor());
    let factors = [1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0];
    let found = match up {
        true => factors.into_iter().find(|factor| factor * power >= value),
        false => factors.into_iter().rev().find(|factor| factor * power <= value),
    };
    found.map_or(value, |factor| factor * power)
}

fn linear_ticks(low: f64, high: f64, dimension: Dimension, most: usize) -> Vec<Tick> {
    let step = step(high - low, dimension, most);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    if last - first < 1 && most < 64 {
        return linear_ticks(low, high, dimension, most * 2);
    }
    let largest = low.abs().max(high.abs());
    let tick = |number: i64| {
        let value = number as f64 * step;
        Tick { value, label: tick_label(value, step, largest, dimension) }
    };
    (first..=last).map(tick).collect()
}

fn log_ticks(low: f64, high: f64, dimension: Dimension, most: usize) -> Vec<Tick> {
    let decades: Vec<f64> = decades(low, high, dimension);
    let inside = |value: &f64| *value >= low * 0.999 && *value <= high * 1.001;
    let shown = decades.iter().filter(|value| inside(value)).count();
    let label = |value: f64| tick_label(value, value, value, dimension);
    if shown < 2 {
        // Less than a decade or two: the ones between have labels too.
        let within = |factors: &[f64]| {
            let all = decades.iter().flat_map(|decade| factors.iter().map(move |factor| decade * factor));
            let mut values: Vec<f64> = all.filter(inside).collect();
            values.sort_by(f64::total_cmp);
            values.dedup_by(|a, b| *a < *b * 1.2);
            values
        };
        let mut values = within(&[1.0, 2.0, 3.0, 5.0, 7.0]);
        if values.len() < 2 {
            return linear_ticks(low, high, dimension, most);
        }
        if values.len() > most {
            values = within(&[1.0, 2.0, 5.0]);
        }
        let stride = values.len().div_ceil(most).max(1);
        let values: Vec<f64> = values.into_iter().step_by(stride).collect();
        return values.into_iter().map(|value| Tick { value, label: label(value) }).collect();
    }
    let stride = shown.div_ceil(most);
    let between = shown * 3 <= most;
    let outside = decades.iter().filter(|value| **value < low * 0.999).count();
    let mut ticks = Vec::new();
    for (number, decade) in decades.iter().enumerate() {
        let next = decades.get(number + 1).copied().unwrap_or(decade * 10.0);
        for factor in 1..10 {
            let value = decade * f64::from(factor);
            if !inside(&value) || value > next * 0.999 {
                continue;
            }
            let is_labelled = (factor == 1 && number >= outside && (number - outside).is_multiple_of(stride))
                || (between && (factor == 2 || factor == 5));
            ticks.push(Tick { value, label: if is_labelled { label(value) } else { String::new() } });
        }
    }
    ticks
}

/// Powers of ten from below `low` to `high`; of times from a minute on, those of minutes, hours and days.
fn decades(low: f64, high: f64, dimension: Dimension) -> Vec<f64> {
    const CLOCK_DECADES_S: [f64; 6] = [60.0, 600.0, 3_600.0, 36_000.0, 86_400.0, 864_000.0];
    let first = (log10(low) - 1e-9).floor() as i32;
    let last = (log10(high) + 1e-9).floor() as i32;
    let powers = (first..=last).map(|exponent| power_of_ten(f64::from(exponent)));
    if dimension != Dimension::Time || high < 60.0 {
        return powers.collect();
    }
    let clock = CLOCK_DECADES_S.into_iter().filter(|value| *value > low / 10.0 && *value <= high);
    let days = powers.clone().map(|power| power * 86_400.0).filter(|value| *value > 864_001.0 && *value <= high);
    powers.filter(|value| *value < 60.0).chain(clock).chain(days).collect()
}

/// A mark of an axis whose marks are `step` apart and at most `largest`: `"0"`, `"20 ms"`, `"1m30s"`, `"2.5 k/s"`, `"40%"`.
#[must_use]
pub fn tick_label(value: f64, step: f64, largest: f64, dimension: Dimension) -> String {
    const TIMES: [(f64, &str); 4] = [(1e-9, " ns"), (1e-6, " µs"), (1e-3, " ms"), (1.0, " s")];
    const RATES: [(f64, &str); 6] =
        [(1.0 / 3_600.0, " /h"), (1.0 / 60.0, " /m"), (1.0, " /s"), (1e3, " k/s"), (1e6, " M/s"), (1e9, " G/s")];
    const NUMBERS: [(f64, &str); 5] = [(1.0, ""), (1e3, " k"), (1e6, " M"), (1e9, " G"), (1e12, " T")];
    if value == 0.0 {
        return if dimension == Dimension::Share { "0%".to_owned() } else { "0".to_owned() };
    }
    let units: &[(f64, &str)] = match dimension {
        Dimension::Time if largest >= 59.999 => return clock(value),
        Dimension::Time => &TIMES,
        Dimension::Rate => &RATES,
        Dimension::Number => &NUMBERS,
        Dimension::Share => &[(0.01, "%")],
    };
    let large_enough = |(scale, _): &&(f64, &str)| largest / scale >= 0.9999;
    let (scale, unit) = units.iter().rev().find(large_enough).unwrap_or(&units[0]);
    let decimals = (-log10(step / scale) - 1e-6).ceil().clamp(0.0, 9.0);
    let (value, decimals) = (value / scale, decimals as usize);
    if decimals == 9 || value.abs() >= 1e7 { format!("{value:e}{unit}") } else { format!("{value:.decimals$}{unit}") }
        .replacen('-', "−", 1)
}

/// A time on a clock: `"30s"`, `"1m30s"`, `"2h"`, `"1d12h"`.
fn clock(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "−" } else { "" };
    if seconds.abs() < 0.9995 {
        return tick_label(seconds, seconds.abs(), seconds.abs(), Dimension::Time);
    }
    let mut rest = seconds.abs().round().min(1e15) as u64;
    let mut text = sign.to_owned();
    for (unit, size) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
        if rest >= size {
            text += &format!("{}{unit}", rest / size);
            rest %= size;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, dimension: Dimension, most: usize) -> Vec<String> {
        scale.ticks(dimension, most).into_iter().map(|tick| tick.label).filter(|label| !label.is_empty()).collect()
    }

    #[test]
    fn linear_axes_have_round_marks_with_their_unit() {
        use Dimension::{Number, Rate, Share, Time};
        let cases: [(f64, Dimension, &[&str]); 11] = [
            (0.132, Time, &["0", "50 ms", "100 ms", "150 ms"]),
            (1.2, Time, &["0", "0.5 s", "1.0 s", "1.5 s"]),
            (2.4e-6, Time, &["0", "1 µs", "2 µs", "3 µs"]),
            (600.0, Time, &["0", "5m", "10m"]),
            (100.0, Time, &["0", "30s", "1m", "1m30s", "2m"]),
            (7_000.0, Time, &["0", "30m", "1h", "1h30m", "2h"]),
            (2_391.0, Rate, &["0", "1 k/s", "2 k/s", "3 k/s"]),
            (0.02, Rate, &["0", "0.5 /m", "1.0 /m", "1.5 /m"]),
            (0.0013, Share, &["0%", "0.05%", "0.10%", "0.15%"]),
            (1.0, Share, &["0%", "50%", "100%"]),
            (0.0, Number, &["0.0", "0.5", "1.0"]),
        ];
        for (high, dimension, expected) in cases {
            let scale = Scale::from_zero([0.0, high].into_iter(), dimension, 4);
            let found = labels(scale, dimension, 4);
            let expected: Vec<&str> = expected.iter().map(|label| if *label == "0.0" { "0" } else { label }).collect();
            assert_eq!(found, expected, "{high} {scale:?}");
        }
    }

    #[test]
    fn ratio_axes_have_decades_or_what_is_between() {
        use Dimension::{Rate, Time};
        let cases: [(f64, f64, Dimension, usize, &[&str]); 6] = [
            (0.0009, 0.3, Time, 6, &["1 ms", "10 ms", "100 ms"]),
            (0.0009, 0.3, Time, 9, &["1 ms", "2 ms", "5 ms", "10 ms", "20 ms", "50 ms", "100 ms", "200 ms", "500 ms"]),
            (0.02, 0.07, Time, 8, &["20 ms", "30 ms", "50 ms", "70 ms", "100 ms"]),
            (0.5, 20_000.0, Time, 8, &["1 s", "10 s", "1m", "10m", "1h"]),
            (3.0, 4_000_000.0, Rate, 4, &["10 /s", "1 k/s", "100 k/s"]),
            (0.01, 0.0101, Time, 4, &["10 ms"]),
        ];
        for (low, high, dimension, most, expected) in cases {
            let scale = Scale::by_ratio([low, high].into_iter()).expect("they are positive");
            let found = labels(scale, dimension, most);
            match expected {
                ["10 ms"] => assert!(found.len() >= 2, "{found:?}"),
                ["10 /s", ..] => assert!(found.len() <= 4 && found.len() >= 3, "{found:?}"),
                _ => assert_eq!(found, expected, "{low} {high}"),
            }
        }
        assert_eq!(Scale::by_ratio([0.0, -1.0].into_iter()), None);
    }

    /// Whatever the values: marks rise, lie on the axis, none is written like another, and there are not too many.
    #[test]
    fn any_axis_is_readable() {
        let mut state = 11u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / 2_147_483_648.0
        };
        let dimensions = [Dimension::Time, Dimension::Rate, Dimension::Share, Dimension::Number];
        for case in 0..20_000 {
            let dimension = dimensions[case % 4];
            let size = power_of_ten((draw() * 18.0 - 9.0).floor());
            let values = [draw() * size, draw() * size * 10.0, draw() * size];
            let most = 2 + (draw() * 9.0) as usize;
            let around = Scale::around(values.into_iter());
            let from_zero = Scale::from_zero(values.into_iter(), dimension, most);
            let ratio = Scale::by_ratio(values.into_iter()).unwrap_or(around);
            for scale in [around, from_zero, ratio, Scale::fitting(&values, dimension, most)] {
                let ticks = scale.ticks(dimension, most);
                let (low, high) = scale.ends();
                let labelled: Vec<&Tick> = ticks.iter().filter(|tick| !tick.label.is_empty()).collect();
                let told = format!("{scale:?} {dimension:?} {most}: {ticks:?}");
                assert!(high > low, "{told}");
                assert!(!labelled.is_empty() && labelled.len() <= 2 * most + 2, "{told}");
                assert!(ticks.windows(2).all(|pair| pair[0].value < pair[1].value), "{told}");
                assert!(labelled.windows(2).all(|pair| pair[0].label != pair[1].label), "{told}");
                let slack = (high - low) * 1e-2;
                assert!(ticks.iter().all(|tick| tick.value >= low - slack && tick.value <= high + slack), "{told}");
            }
        }
    }
}
