//! Units: what a user writes (`"1m30s"`, `"800/s"`, `"16KiB"`) and the base units that the simulator works in.
//!
//! Numbers are read as decimals, never through binary fractions: `"0.1s"` is exactly 100,000,000 ns. A bare number where
//! a unit belongs is an error that shows the fix.

use std::fmt;

mod text;

pub use text::{
    exact_size, exact_time, grouped, humane_count, humane_money, humane_rate, humane_share, humane_size, humane_time,
    three_digits,
};

/// The longest time that can be written, in ns (about 292 years), so that every time also fits a signed clock.
pub const TIME_NS_MAX: u64 = i64::MAX as u64;

/// A text that is no quantity of the wanted kind. Its `Display` says what was expected and, where it can, the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}; {problem}")]
pub struct UnitError {
    /// What belongs here, for example "a time with a unit".
    pub expected: &'static str,
    /// What is wrong with the text, or how to write it.
    pub problem: String,
}

/// The kinds of quantity that a model contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Time,
    Rate,
    Size,
    Bandwidth,
    Cores,
    Share,
    Number,
}

impl Quantity {
    const fn expected(self) -> &'static str {
        match self {
            Self::Time => "a time with a unit",
            Self::Rate => "a rate with a unit",
            Self::Size => "a size with a unit",
            Self::Bandwidth => "a bandwidth with a unit",
            Self::Cores => "a number of cores",
            Self::Share => "a share of the whole",
            Self::Number => "a number",
        }
    }

    const fn units(self) -> &'static str {
        match self {
            Self::Time => "the units are ns, us, ms, s, m, h and d, as in \"20ms\" or \"1m30s\"",
            Self::Rate => "a rate is a number per time, as in \"800/s\", \"5/m\" or \"100 per 15m\"",
            Self::Size => "the units are B, kB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (powers of 1024)",
            Self::Bandwidth => "write bits as \"1Gbps\" (bps, kbps, Mbps, Gbps) or bytes as \"100MB/s\"",
            Self::Cores => "write 2, 0.5 or thousandths of a core as \"500m\"",
            Self::Share => "write \"5%\" or 0.05",
            Self::Number => "write it in digits, as in 4 or 0.8",
        }
    }

    fn error(self, problem: impl fmt::Display) -> UnitError {
        UnitError { expected: self.expected(), problem: problem.to_string() }
    }

    fn bare(self, number: &str) -> UnitError {
        match self {
            Self::Time => self.error(format_args!("write \"{number}ms\"")),
            Self::Rate => self.error(format_args!("write \"{number}/s\"")),
            Self::Size => self.error(format_args!("write \"{number}B\"")),
            Self::Bandwidth => self.error(format_args!("write \"{number}Mbps\" or \"{number}MB/s\"")),
            Self::Cores | Self::Share | Self::Number => self.error(self.units()),
        }
    }

    fn unknown_unit(self, unit: &str) -> UnitError {
        self.error(format_args!("found the unit \"{unit}\": {}", self.units()))
    }

    fn not_a_number(self, text: &str) -> UnitError {
        if text.trim().is_empty() {
            return self.error(format_args!("found nothing: {}", self.units()));
        }
        self.error(format_args!("found \"{}\": {}", shortened(text), self.units()))
    }

    fn too_large(self) -> UnitError {
        self.error("the number is too large")
    }
}

/// Text for a message: at most 40 characters of it.
fn shortened(text: &str) -> String {
    if text.chars().count() <= 40 {
        return text.to_owned();
    }
    text.chars().take(39).chain(['…']).collect()
}

/// A decimal number as written: `digits` × 10^`exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decimal {
    digits: u128,
    exponent: i32,
}

/// How a decimal can fail to be a whole number of something.
enum Inexact {
    TooLarge,
    TooSmall,
}

impl Decimal {
    /// This number × `factor`, rounded to the nearest whole (halves up). What is above 0 and rounds to 0 is too small.
    fn times(self, factor: u128) -> Result<u128, Inexact> {
        if self.digits == 0 {
            return Ok(0);
        }
        let product = self.digits.checked_mul(factor).ok_or(Inexact::TooLarge)?;
        if self.exponent >= 0 {
            let power = 10u128.checked_pow(self.exponent.unsigned_abs()).ok_or(Inexact::TooLarge)?;
            return product.checked_mul(power).ok_or(Inexact::TooLarge);
        }
        let Some(power) = 10u128.checked_pow(self.exponent.unsigned_abs()) else { return Err(Inexact::TooSmall) };
        let whole = product / power + u128::from(product % power >= power - power / 2);
        if whole == 0 { Err(Inexact::TooSmall) } else { Ok(whole) }
    }

    /// The nearest f64 to this number × 10^`shift`.
    fn to_f64(self, shift: i32) -> f64 {
        format!("{}e{}", self.digits, self.exponent.saturating_add(shift)).parse().unwrap_or(f64::INFINITY)
    }
}

/// Splits a leading decimal number off `text`; signs are an error of their own, as nothing here may be negative.
fn leading_number(text: &str, quantity: Quantity) -> Result<(Decimal, &str, &str), UnitError> {
    let text = text.trim_start();
    if let Some(rest) = text.strip_prefix(['-', '−'])
        && rest.trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '.')
    {
        return Err(quantity.error(format_args!("found \"{}\": it can't be negative", shortened(text))));
    }
    let bytes = text.as_bytes();
    let (mut digits, mut exponent, mut seen, mut point) = (0u128, 0i32, 0u32, false);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'0'..=b'9' => {
                seen += 1;
                let grown = digits.checked_mul(10).and_then(|d| d.checked_add(u128::from(byte - b'0')));
                digits = grown.ok_or_else(|| quantity.error("the number has too many digits"))?;
                exponent -= i32::from(point);
            }
            b'.' if !point => point = true,
            _ => break,
        }
        at += 1;
    }
    if seen == 0 || bytes[at - 1] == b'.' {
        return Err(quantity.not_a_number(text));
    }
    let (power, length) = power_of_ten(&text[at..]);
    at += length;
    exponent = exponent.saturating_add(power);
    Ok((Decimal { digits, exponent }, &text[..at], &text[at..]))
}

/// Reads `e6` or `E-3` at the start of `text`: the power and its length; (0, 0) where there is none.
fn power_of_ten(text: &str) -> (i32, usize) {
    let Some(rest) = text.strip_prefix(['e', 'E']) else { return (0, 0) };
    let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 {
        return (0, 0);
    }
    let length = rest.len() - digits.len() + count;
    let power = rest[..length].parse().unwrap_or(if rest.starts_with('-') { -100_000 } else { 100_000 });
    (power, 1 + length)
}

fn time_unit_ns(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    })
}

/// Reads a time, in ns: `"20ms"`, `"0.1s"`, `"1m30s"`. Fractions of a nanosecond are rounded to the nearest.
///
/// # Errors
/// Where there is no unit, an unknown one, parts that don't go from large to small, or more than [`TIME_NS_MAX`].
pub fn time(text: &str) -> Result<u64, UnitError> {
    time_of(text, Quantity::Time)
}

fn time_of(text: &str, quantity: Quantity) -> Result<u64, UnitError> {
    let mut rest = text.trim();
    let mut total = 0u128;
    let mut last = u64::MAX;
    loop {
        let (number, written, after) = leading_number(rest, quantity)?;
        let after = after.trim_start();
        let length = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, remaining) = after.split_at(length);
        if unit.is_empty() && remaining.is_empty() {
            return Err(quantity.bare(written.trim()));
        }
        let scale = time_unit_ns(unit).ok_or_else(|| match unit.is_empty() {
            true => quantity.not_a_number(text),
            false => quantity.unknown_unit(unit),
        })?;
        if scale >= last {
            return Err(quantity
                .error(format_args!("found \"{}\": its parts go from large to small, each once", shortened(text))));
        }
        last = scale;
        let part = number.times(u128::from(scale)).map_err(|inexact| match inexact {
            Inexact::TooLarge => quantity.error("it is longer than 292 years"),
            Inexact::TooSmall => quantity.error("it is shorter than a nanosecond"),
        })?;
        total = total.saturating_add(part);
        rest = remaining.trim_start();
        if rest.is_empty() {
            break;
        }
    }
    match u64::try_from(total) {
        Ok(ns) if ns <= TIME_NS_MAX => Ok(ns),
        _ => Err(quantity.error("it is longer than 292 years")),
    }
}

/// Reads a rate, per second: `"800/s"`, `"2.4k/s"`, `"5/m"`, `"100 per 15m"`.
///
/// # Errors
/// Where the time is missing, unknown or zero, or the rate isn't finite.
pub fn rate(text: &str) -> Result<f64, UnitError> {
    let (number, power, per_ns) = rate_parts(text)?;
    let per_second = match per_ns {
        1_000_000_000 => number.to_f64(power),
        _ => number.to_f64(power + 9) / per_ns as f64,
    };
    if per_second.is_finite() { Ok(per_second) } else { Err(Quantity::Rate.too_large()) }
}

/// Reads a rate as it is written: so many, and the time that they are per, in ns. `"100 per 15m"` is (100, 9e11).
///
/// # Errors
/// As for [`rate`].
pub fn quota(text: &str) -> Result<(f64, u64), UnitError> {
    let (number, power, per_ns) = rate_parts(text)?;
    let count = number.to_f64(power);
    if count.is_finite() { Ok((count, per_ns)) } else { Err(Quantity::Rate.too_large()) }
}

/// A rate's number, the power of ten that goes with it, and the time that it is per, in ns.
fn rate_parts(text: &str) -> Result<(Decimal, i32, u64), UnitError> {
    let quantity = Quantity::Rate;
    let (number, written, rest) = leading_number(text.trim(), quantity)?;
    let rest = rest.trim_start();
    let (power, rest) = match (rest.strip_prefix('k'), rest.strip_prefix('M')) {
        (Some(after), _) => (3, after.trim_start()),
        (None, Some(after)) => (6, after.trim_start()),
        (None, None) => (0, rest),
    };
    if rest.is_empty() {
        return Err(quantity.bare(written.trim()));
    }
    let per = match (rest.strip_prefix('/'), rest.strip_prefix("per ")) {
        (Some(per), _) | (None, Some(per)) => per.trim(),
        (None, None) => return Err(quantity.unknown_unit(&shortened(rest))),
    };
    let per_ns = match time_unit_ns(per) {
        Some(ns) => ns,
        None => time_of(per, quantity)?,
    };
    if per_ns == 0 {
        return Err(quantity.error("the time it is per can't be zero"));
    }
    Ok((number, power, per_ns))
}

fn size_unit_bytes(unit: &str) -> Option<u64> {
    Some(match unit {
        "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    })
}

/// Reads a size, in bytes: `"512B"`, `"1.5kB"` (1,500), `"16KiB"` (16,384). Fractions of a byte are rounded.
///
/// # Errors
/// Where there is no unit, an unknown one (`KB` is neither `kB` nor `KiB`), or more than 2^63 − 1 bytes.
pub fn size(text: &str) -> Result<u64, UnitError> {
    let quantity = Quantity::Size;
    let (number, written, unit) = leading_number(text.trim(), quantity)?;
    let unit = unit.trim();
    if unit.is_empty() {
        return Err(quantity.bare(written.trim()));
    }
    let Some(scale) = size_unit_bytes(unit) else {
        return Err(match unit {
            "KB" => quantity.error(format_args!("write \"{written}kB\" (× 1000) or \"{written}KiB\" (× 1024)")),
            _ => quantity.unknown_unit(&shortened(unit)),
        });
    };
    let bytes = number.times(u128::from(scale)).map_err(|inexact| match inexact {
        Inexact::TooLarge => quantity.too_large(),
        Inexact::TooSmall => quantity.error("it is smaller than a byte"),
    })?;
    match i64::try_from(bytes) {
        Ok(bytes) => Ok(bytes.unsigned_abs()),
        Err(_) => Err(quantity.too_large()),
    }
}

/// Reads a bandwidth, in bytes per second: `"1Gbps"` (125,000,000) or `"100MB/s"`.
///
/// # Errors
/// Where the unit is missing or unknown, or the bandwidth is zero (nothing would ever arrive).
pub fn bandwidth(text: &str) -> Result<f64, UnitError> {
    let quantity = Quantity::Bandwidth;
    let (number, written, unit) = leading_number(text.trim(), quantity)?;
    let unit = unit.trim();
    if unit.is_empty() {
        return Err(quantity.bare(written.trim()));
    }
    let bits_power = match unit {
        "bps" | "bit/s" => Some(0),
        "kbps" | "kbit/s" => Some(3),
        "Mbps" | "Mbit/s" => Some(6),
        "Gbps" | "Gbit/s" => Some(9),
        "Tbps" | "Tbit/s" => Some(12),
        _ => None,
    };
    let bytes =
        unit.split_once('/').and_then(|(size, per)| Some((size_unit_bytes(size.trim())?, time_unit_ns(per.trim())?)));
    let value = match (bits_power, bytes) {
        (Some(power), _) => number.to_f64(power) / 8.0,
        (None, Some((scale, 1_000_000_000))) => number.to_f64(0) * scale as f64,
        (None, Some((scale, per_ns))) => number.to_f64(9) * scale as f64 / per_ns as f64,
        (None, None) => return Err(quantity.unknown_unit(&shortened(unit))),
    };
    match value {
        _ if value <= 0.0 => Err(quantity.error("it can't be zero")),
        _ if value.is_finite() => Ok(value),
        _ => Err(quantity.too_large()),
    }
}

/// Reads cores, in thousandths of a core: `"2"`, `"0.5"` or `"500m"`.
///
/// # Errors
/// Where it isn't a whole number of thousandths, or more than a u32 holds.
pub fn cores(text: &str) -> Result<u32, UnitError> {
    let quantity = Quantity::Cores;
    let (number, written, unit) = leading_number(text.trim(), quantity)?;
    let millicores = match unit.trim() {
        "" => Decimal { exponent: number.exponent.saturating_add(3), ..number },
        "m" => number,
        unit => return Err(quantity.unknown_unit(&shortened(unit))),
    };
    let too_fine = || quantity.error(format_args!("found {written}: a thousandth of a core is the finest"));
    let whole = millicores.times(1).map_err(|inexact| match inexact {
        Inexact::TooLarge => quantity.too_large(),
        Inexact::TooSmall => too_fine(),
    })?;
    // Rounding must not have changed anything: ten, a hundred, … times as fine must be as many times the count.
    let exact = match u32::try_from(-millicores.exponent).ok().filter(|_| millicores.exponent < 0) {
        Some(places) => 10u128.checked_pow(places).and_then(|p| p.checked_mul(whole)) == Some(millicores.digits),
        None => true,
    };
    if !exact {
        return Err(too_fine());
    }
    u32::try_from(whole).map_err(|_| quantity.too_large())
}

/// Reads a share, from 0 to 1: `"5%"` or `"0.05"`.
///
/// # Errors
/// Where it is no number or above 1 (100%).
pub fn share(text: &str) -> Result<f64, UnitError> {
    let quantity = Quantity::Share;
    let (number, written, unit) = leading_number(text.trim(), quantity)?;
    let value = match unit.trim() {
        "" => number.to_f64(0),
        "%" => number.to_f64(-2),
        unit => return Err(quantity.unknown_unit(&shortened(unit))),
    };
    match (value <= 1.0, unit.trim()) {
        (true, _) => Ok(value),
        (false, "") if value <= 100.0 => {
            Err(quantity.error(format_args!("{written} is more than the whole; write \"{written}%\"")))
        }
        (false, _) => Err(quantity.error(format_args!("{} is more than the whole", shortened(text.trim())))),
    }
}

/// Reads a bare number (a weight, a factor, a shape) that is finite and not negative.
///
/// # Errors
/// Where it is no number, is negative, or has a unit.
pub fn number(text: &str) -> Result<f64, UnitError> {
    let quantity = Quantity::Number;
    let (number, _, unit) = leading_number(text.trim(), quantity)?;
    if !unit.trim().is_empty() {
        return Err(quantity.error(format_args!("found \"{}\": it has no unit", shortened(text.trim()))));
    }
    let value = number.to_f64(0);
    if value.is_finite() { Ok(value) } else { Err(quantity.too_large()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_exactly() {
        for (text, ns) in [
            ("0s", 0),
            ("1ns", 1),
            ("0.1s", 100_000_000),
            ("0.3s", 300_000_000),
            ("2.675s", 2_675_000_000),
            ("1m30s", 90_000_000_000),
            ("1m 30s", 90_000_000_000),
            (" 20 ms ", 20_000_000),
            ("1d2h3m4s5ms6us7ns", 93_784_005_006_007),
            ("1.5h", 5_400_000_000_000),
            ("1e3ms", 1_000_000_000),
            ("1e-3s", 1_000_000),
            ("4µs", 4_000),
            (".5s", 500_000_000),
            ("0.5ns", 1),
            ("9223372036854775807ns", i64::MAX as u64),
        ] {
            assert_eq!(time(text), Ok(ns), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for (text, says) in [
            ("20", "expected a time with a unit; write \"20ms\""),
            ("0.5", "write \"0.5ms\""),
            ("", "found nothing"),
            ("ms", "found \"ms\""),
            ("-5ms", "can't be negative"),
            ("NaN", "found \"NaN\""),
            ("inf s", "found"),
            ("5 minutes", "found the unit \"minutes\""),
            ("5.ms", "found"),
            ("1.2.3s", "found"),
            ("30s1m", "from large to small"),
            ("1s1s", "from large to small"),
            ("1m30", "write \"30ms\""),
            ("9223372036854775808ns", "292 years"),
            ("1e30d", "292 years"),
            ("1e999999999999d", "292 years"),
            ("1e-30s", "shorter than a nanosecond"),
            ("0.4ns", "shorter than a nanosecond"),
            ("99999999999999999999999999999999999999999999s", "too many digits"),
            ("20ms!", "found"),
            ("1m-30s", "can't be negative"),
        ] {
            let error = time(text).expect_err(text).to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn reads_rates() {
        for (text, per_second) in [
            ("800/s", 800.0),
            ("0.1/s", 0.1),
            ("5/m", 5.0 / 60.0),
            ("100 per 15m", 100.0 / 900.0),
            ("100/15m", 100.0 / 900.0),
            ("2.4k/s", 2400.0),
            ("1M/s", 1e6),
            ("3600 / h", 1.0),
            ("0/s", 0.0),
            ("1/100ms", 10.0),
        ] {
            assert_eq!(rate(text), Ok(per_second), "{text}");
        }
        for (text, says) in [
            ("800", "write \"800/s\""),
            ("800/", "nothing"),
            ("800/0s", "zero"),
            ("800 rps", "unit \"rps\""),
            ("-1/s", "negative"),
            ("1e400/s", "too large"),
            ("/s", "found"),
        ] {
            let error = rate(text).expect_err(text).to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn reads_sizes_and_bandwidths() {
        for (text, bytes) in
            [("512B", 512), ("1.5kB", 1_500), ("16KiB", 16_384), ("0.3GB", 300_000_000), ("2 MiB", 2 << 20), ("0B", 0)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for (text, says) in [("5", "write \"5B\""), ("5KB", "KiB"), ("5Mb", "unit \"Mb\""), ("9e30TB", "too large")] {
            let error = size(text).expect_err(text).to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
        for (text, per_second) in [
            ("1Gbps", 125e6),
            ("100MB/s", 100e6),
            ("8bps", 1.0),
            ("1KiB/s", 1024.0),
            ("60MB/m", 1e6),
            ("10Mbit/s", 1.25e6),
        ] {
            assert_eq!(bandwidth(text), Ok(per_second), "{text}");
        }
        for text in ["1", "0Gbps", "1GB", "1gbps", "MB/s", "1MB/x"] {
            assert!(bandwidth(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_cores_shares_and_numbers() {
        for (text, millicores) in [("2", 2_000), ("0.5", 500), ("500m", 500), ("0.001", 1), ("1.250", 1_250), ("0", 0)]
        {
            assert_eq!(cores(text), Ok(millicores), "{text}");
        }
        for text in ["0.0005", "1.0001", "0.5m", "two", "-1", "5000000", "2 cores", "1e-9"] {
            assert!(cores(text).is_err(), "{text}");
        }
        for (text, value) in [("5%", 0.05), ("0.05", 0.05), ("100%", 1.0), ("1", 1.0), ("0.1%", 0.001), ("0", 0.0)] {
            assert_eq!(share(text), Ok(value), "{text}");
        }
        for (text, says) in
            [("5", "write \"5%\""), ("120%", "more than the whole"), ("x", "found"), ("-1%", "negative")]
        {
            let error = share(text).expect_err(text).to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
        assert_eq!(number("0.8"), Ok(0.8));
        assert!(number("0.8s").is_err());
        assert!(number("nan").is_err());
    }

    #[test]
    fn any_text_gives_a_value_or_an_error() {
        let alphabet: Vec<char> = "0159.eE+-−%/ smhdunµkKMGTiBbpsper,\u{0}∞".chars().collect();
        let mut state = 7u64;
        for _ in 0..200_000 {
            let mut text = String::new();
            for _ in 0..(state >> 60) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push(alphabet[(state >> 33) as usize % alphabet.len()]);
            }
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            for result in [rate(&text), bandwidth(&text), share(&text), number(&text)] {
                assert!(result.is_err() || result.is_ok_and(|v| v.is_finite() && v >= 0.0), "{text}");
            }
            let _ = (time(&text), size(&text), cores(&text));
        }
    }
}
