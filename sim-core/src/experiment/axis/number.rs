//! Decimal numbers with whatever unit stands behind them, exactly: `5ms`, `0.1`, `100/s`, `1e6`.

use std::fmt;

use crate::model::units;

/// A decimal number: `digits` ÷ 10^`places`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    digits: i128,
    places: u32,
}

/// More can't be written, so that sums and products fit.
const DIGITS_MAX: i128 = 1_000_000_000_000_000_000;
const PLACES_MAX: u32 = 18;

impl Decimal {
    /// Splits a leading number off a text; nothing where there is none, or one that is too long.
    pub fn leading(text: &str) -> Option<(Self, &str)> {
        let length = length_of_number(text);
        let (number, rest) = text.split_at(length);
        let (mantissa, power) = match number.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i32>().ok()?),
            None => (number, 0),
        };
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits: i128 = format!("{whole}{part}").parse().ok()?;
        let places = i32::try_from(part.len()).ok()?.checked_sub(power)?;
        let (digits, places) = match u32::try_from(places) {
            Ok(places) => (digits, places),
            Err(_) => (digits.checked_mul(10i128.checked_pow(places.unsigned_abs())?)?, 0),
        };
        (digits.abs() < DIGITS_MAX && places <= PLACES_MAX).then_some((Self { digits, places }, rest))
    }

    /// A whole number.
    pub fn whole(digits: i128) -> Self {
        Self { digits, places: 0 }
    }

    /// The shortest decimal that reads back as this value.
    pub fn of(value: f64) -> Option<Self> {
        Self::leading(&format!("{value:e}")).map(|(number, _)| number)
    }

    /// How many decimals it has.
    pub fn places(self) -> u32 {
        self.places
    }

    /// It × 10^`places`, which are at least its own.
    pub fn scaled(self, places: u32) -> i128 {
        self.digits * 10i128.pow(places - self.places)
    }

    /// The nearest number that the machine counts with.
    pub fn value(self) -> f64 {
        format!("{}e-{}", self.digits, self.places).parse().expect("digits and a power of ten are a number")
    }

    /// The number of `digits` ÷ 10^`places`.
    pub fn new(digits: i128, places: u32) -> Self {
        Self { digits, places }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let power = 10i128.pow(self.places);
        let (whole, part) = ((self.digits / power).abs(), (self.digits % power).abs());
        let sign = if self.digits < 0 { "-" } else { "" };
        let part = format!("{part:0width$}", width = self.places as usize);
        let part = part.trim_end_matches('0');
        if part.is_empty() { write!(out, "{sign}{whole}") } else { write!(out, "{sign}{whole}.{part}") }
    }
}

/// How many bytes of a text are a number; a power of ten only where digits follow it.
fn length_of_number(text: &str) -> usize {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let sign = usize::from(text.starts_with(['-', '+']));
    let mut length = sign + digits(sign);
    if text[length..].starts_with('.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    if length > sign && text[length..].starts_with(['e', 'E']) {
        let sign = usize::from(text[length + 1..].starts_with(['-', '+']));
        let power = digits(length + 1 + sign);
        length += if power > 0 { 1 + sign + power } else { 0 };
    }
    length
}

/// How numbers of a range are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// With this behind it; nothing for bare numbers.
    Suffix(String),
    /// Nanoseconds, as a time.
    Time,
    /// Bytes, as a size.
    Size,
    /// Per second.
    Rate,
}

impl Unit {
    /// A number in this unit, as a model writes it.
    pub fn write(&self, number: Decimal) -> String {
        let whole = || u64::try_from(number.scaled(number.places()) / 10i128.pow(number.places())).unwrap_or_default();
        match self {
            Self::Suffix(suffix) => format!("{number}{suffix}"),
            Self::Time => units::exact_time(whole()),
            Self::Size => units::exact_size(whole()),
            Self::Rate => format!("{number}/s"),
        }
    }

    /// Whether there are no fractions of it.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Time | Self::Size)
    }
}

/// Numbers in the unit that they have in common: as they are written, where they are written alike, else in the base
/// unit of what they all are.
///
/// # Errors
/// What is no number, has no unit where others have one, or is something else than the others.
pub fn in_common(texts: &[&str]) -> Result<(Vec<Decimal>, Unit), String> {
    let parts: Vec<(Decimal, &str)> = texts.iter().map(|text| split(text)).collect::<Result<_, _>>()?;
    let suffix = parts[0].1;
    let is_compound = suffix.contains(|letter: char| letter.is_ascii_digit()) && units::time(texts[0]).is_ok();
    if !is_compound && parts.iter().all(|(_, other)| other.trim() == suffix.trim()) {
        return Ok((parts.iter().map(|(number, _)| *number).collect(), Unit::Suffix(suffix.to_owned())));
    }
    if let Some(bare) = parts.iter().position(|(_, suffix)| suffix.is_empty()) {
        let unit = parts.iter().find(|(_, suffix)| !suffix.is_empty()).map_or("", |(_, suffix)| suffix);
        return Err(format!("{} has no unit; write {}{unit}", texts[bare], parts[bare].0));
    }
    type Reader = fn(&str) -> Option<Decimal>;
    let readers: [(Unit, Reader); 3] = [
        (Unit::Time, |text| units::time(text).ok().map(|ns| Decimal::whole(ns.into()))),
        (Unit::Size, |text| units::size(text).ok().map(|bytes| Decimal::whole(bytes.into()))),
        (Unit::Rate, |text| units::rate(text).ok().and_then(Decimal::of)),
    ];
    for (unit, read) in readers {
        if let Some(numbers) = texts.iter().map(|text| read(text)).collect::<Option<Vec<_>>>() {
            return Ok((numbers, unit));
        }
    }
    Err(format!("{} are not of one unit", texts.join(" and ")))
}

fn split(text: &str) -> Result<(Decimal, &str), String> {
    Decimal::leading(text).ok_or_else(|| match text.starts_with(|first: char| first.is_ascii_digit()) {
        true => format!("{text} has too many digits"),
        false => format!("found \"{text}\" where a number belongs"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_split_from_what_follows() {
        let cases = [
            ("5ms", Some(("5", "ms"))),
            ("0.10", Some(("0.1", ""))),
            ("1e3/s", Some(("1000", "/s"))),
            ("25e-3", Some(("0.025", ""))),
            ("2everyone", Some(("2", "everyone"))),
            ("-4", Some(("-4", ""))),
            ("-0.5x", Some(("-0.5", "x"))),
            (".5", Some(("0.5", ""))),
            ("5.", Some(("5", "."))),
            ("ten", None),
            ("", None),
            ("1e99", None),
            ("1234567890123456789012345678901234567890", None),
        ];
        for (text, expected) in cases {
            let found = Decimal::leading(text).map(|(number, rest)| (number.to_string(), rest));
            assert_eq!(found.as_ref().map(|(number, rest)| (number.as_str(), *rest)), expected, "{text}");
        }
    }

    #[test]
    fn numbers_find_what_they_have_in_common() {
        type Case<'a> = (&'a [&'a str], Result<&'a [&'a str], &'a str>);
        let cases: [Case; 9] = [
            (&["2", "10"], Ok(&["2", "10"])),
            (&["5ms", "50ms", "2.5ms"], Ok(&["5ms", "50ms", "2.5ms"])),
            (&["1ms", "1s"], Ok(&["1ms", "1s"])),
            (&["1m30s", "5m30s"], Ok(&["1m30s", "5m30s"])),
            (&["800/s", "2k/s"], Ok(&["800/s", "2000/s"])),
            (&["64KiB", "1MiB"], Ok(&["64KiB", "1MiB"])),
            (&["5ms", "50"], Err("50 has no unit; write 50ms")),
            (&["5ms", "50/s"], Err("5ms and 50/s are not of one unit")),
            (&["2", "ten"], Err("found \"ten\" where a number belongs")),
        ];
        for (texts, expected) in cases {
            let written = in_common(texts).map(|(numbers, unit)| {
                numbers.into_iter().map(|number| unit.write(number)).collect::<Vec<_>>().join(" ")
            });
            assert_eq!(written, expected.map(|texts| texts.join(" ")).map_err(str::to_owned), "{texts:?}");
        }
    }
}
