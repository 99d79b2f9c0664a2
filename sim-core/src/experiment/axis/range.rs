//! Ranges of numbers: `2..10`, `5ms..50ms:5ms`, `2..64:x2`, `1ms..1s:log5`.

use super::number::{Decimal, Unit, in_common};
use crate::math;

/// More values than anybody runs.
pub const VALUES_MAX: usize = 1_000_000;

/// Where a range begins and ends, in numbers of one unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    from: Decimal,
    to: Decimal,
    unit: Unit,
    whole: bool,
    steps: Steps,
}

/// How a range gets from its beginning to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Steps {
    /// Nobody says: all whole numbers, or anything in between.
    Unsaid,
    /// By adding.
    Plus(Decimal),
    /// By multiplying.
    Times(f64),
    /// So many values at equal distances.
    Linear(u32),
    /// So many values at equal ratios.
    Logarithmic(u32),
    /// Anything in between, at equal ratios.
    AnyRatio,
}

impl Range {
    /// Reads a range; nothing where the text is none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Option<Result<Self, String>> {
        let is_number = |text: &str| Decimal::leading(text).is_some() || text.starts_with(|c: char| c.is_ascii_digit());
        let (from, rest) = text.split_once("..")?;
        let (to, step) = match rest.split_once(':') {
            Some((to, step)) => (to.trim(), Some(step.trim())),
            None => (rest.trim(), None),
        };
        let from = from.trim();
        let meant = is_number(from) || is_number(to) || (from.is_empty() && to.is_empty());
        meant.then(|| match (from, to) {
            ("", _) => Err("has no beginning; write 2..10".to_owned()),
            (_, "") => Err("has no end; write 2..10".to_owned()),
            (from, to) => Self::of(from, to, step),
        })
    }

    fn of(from: &str, to: &str, step: Option<&str>) -> Result<Self, String> {
        let kind = step.map_or(Ok(Kind::Unsaid), Kind::parse)?;
        let texts = match kind {
            Kind::Plus(step) => vec![from, to, step],
            Kind::Unsaid | Kind::Times(_) | Kind::Linear(_) | Kind::Logarithmic(_) | Kind::AnyRatio => vec![from, to],
        };
        let (numbers, unit) = in_common(&texts)?;
        let places = numbers.iter().map(|number| number.places()).max().unwrap_or_default();
        let [start, end] = [numbers[0].scaled(places), numbers[1].scaled(places)];
        if start > end {
            return Err(format!("begins above its end; write {to}..{from}"));
        }
        let steps = match kind {
            Kind::Unsaid => Steps::Unsaid,
            Kind::Plus(step) => match numbers[2].scaled(places) {
                ..=0 => return Err(format!("a step of {step} never gets to {to}")),
                by if by > end - start && start < end => {
                    return Err(format!("a step of {step} leaps over {to} at once"));
                }
                _ => Steps::Plus(numbers[2]),
            },
            Kind::Times(factor) => Steps::Times(factor),
            Kind::Linear(count) => Steps::Linear(count),
            Kind::Logarithmic(count) => Steps::Logarithmic(count),
            Kind::AnyRatio => Steps::AnyRatio,
        };
        if start <= 0 && matches!(steps, Steps::Times(_) | Steps::Logarithmic(_) | Steps::AnyRatio) {
            return Err(format!("steps of equal ratio can't begin at {from}"));
        }
        let bare = unit == Unit::Suffix(String::new()) && !texts.iter().any(|text| text.contains('.'));
        let whole = bare || unit.is_whole();
        Ok(Self { from: numbers[0], to: numbers[1], unit, whole, steps })
    }

    /// Its values, in order.
    ///
    /// # Errors
    /// Nobody says in which steps, or they are too many.
    pub fn values(&self) -> Result<Vec<String>, String> {
        let written = |numbers: Vec<Decimal>| numbers.into_iter().map(|number| self.unit.write(number)).collect();
        match self.steps {
            Steps::Unsaid if self.is_counted() => self.added(Decimal::whole(1)).map(written),
            Steps::Unsaid | Steps::AnyRatio if self.from == self.to => Ok(vec![self.low()]),
            Steps::Unsaid | Steps::AnyRatio => {
                let ends = format!("{}..{}", self.low(), self.high());
                Err(format!("has no steps; write {ends}:lin10 for 10 values, or a step after the colon"))
            }
            Steps::Plus(step) => self.added(step).map(written),
            Steps::Times(factor) => self.multiplied(factor).map(written),
            Steps::Linear(count) | Steps::Logarithmic(count) => Ok(written(self.spread(count))),
        }
    }

    /// A value for a share of 0 to 1 of the way from the beginning to the end; one of its values where there are steps.
    pub fn at(&self, share: f64) -> String {
        if let Ok(values) = self.values() {
            let last = values.len() - 1;
            return values[((share * values.len() as f64) as usize).min(last)].clone();
        }
        self.text(self.between(share))
    }

    /// Its beginning, as a model writes it.
    pub fn low(&self) -> String {
        self.unit.write(self.from)
    }

    /// Its end, as a model writes it.
    pub fn high(&self) -> String {
        self.unit.write(self.to)
    }

    /// Its beginning and end as numbers, in the unit that [`text`](Self::text) writes.
    pub fn ends(&self) -> (f64, f64) {
        (self.from.value(), self.to.value())
    }

    /// Whether its values are whole numbers.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether its user says in which steps it goes.
    pub fn has_steps(&self) -> bool {
        !matches!(self.steps, Steps::Unsaid | Steps::AnyRatio)
    }

    /// A number in the range's unit, as a model writes it: whole where the range is, else with five digits; never
    /// outside of the range.
    pub fn text(&self, value: f64) -> String {
        let number = match self.is_counted() {
            true => Decimal::of(value.round()),
            false => rounded(value, 5).map(|number| if self.whole { floored(number) } else { number }),
        };
        let [from, to] = [self.from, self.to].map(Decimal::value);
        let number = match number {
            Some(number) if number.value() > from && number.value() < to => number,
            _ if value >= to => self.to,
            _ if value <= from => self.from,
            number => number.unwrap_or(self.from),
        };
        self.unit.write(number)
    }

    /// Whether it goes through all whole numbers unasked: those that count something.
    fn is_counted(&self) -> bool {
        self.whole && !self.unit.is_whole()
    }

    fn between(&self, share: f64) -> f64 {
        let (from, to) = self.ends();
        match self.steps {
            Steps::Logarithmic(_) | Steps::AnyRatio => from * math::exp(share * math::ln(to / from)),
            Steps::Unsaid | Steps::Plus(_) | Steps::Times(_) | Steps::Linear(_) => from + share * (to - from),
        }
    }

    fn added(&self, step: Decimal) -> Result<Vec<Decimal>, String> {
        let places = [self.from, self.to, step].map(Decimal::places).into_iter().max().unwrap_or_default();
        let [from, to, step] = [self.from, self.to, step].map(|number| number.scaled(places));
        let count = (to - from) / step + 1;
        match usize::try_from(count) {
            Ok(count) if count <= VALUES_MAX => {
                Ok((0..count).map(|number| Decimal::new(from + number as i128 * step, places)).collect())
            }
            Ok(_) | Err(_) => Err(format!("has {count} values; at most {VALUES_MAX} can be run")),
        }
    }

    fn multiplied(&self, factor: f64) -> Result<Vec<Decimal>, String> {
        let (from, to) = self.ends();
        // A hair more than the end, so that 0.1 × 3 is 0.3.
        let last = to * (1.0 + 1e-9);
        let mut values: Vec<Decimal> = Vec::new();
        let mut value = from;
        while value <= last {
            let number = if self.whole { Decimal::of(value.round()) } else { rounded(value, 12) };
            values.extend(number.filter(|number| values.last() != Some(number)));
            if values.len() > VALUES_MAX || value * factor == value {
                return Err(format!("has more than {VALUES_MAX} values"));
            }
            value *= factor;
        }
        Ok(values)
    }

    /// Values from end to end, with so few digits that people like to read them and they are still at their places.
    fn spread(&self, count: u32) -> Vec<Decimal> {
        let inner = (1..count - 1).map(|number| self.between(f64::from(number) / f64::from(count - 1)));
        let exact: Vec<f64> = inner.collect();
        let round = |digits: usize| {
            let numbers = exact.iter().map(|value| {
                let number = rounded(*value, digits)?;
                if self.whole { Decimal::of(number.value().round()) } else { Some(number) }
            });
            let inner: Vec<Decimal> = numbers.collect::<Option<_>>()?;
            Some([&[self.from][..], &inner, &[self.to]].concat())
        };
        let fits = |numbers: &Vec<Decimal>| {
            let gaps = numbers.windows(3).zip(&exact);
            numbers.windows(2).all(|pair| pair[0].value() < pair[1].value())
                && gaps
                    .into_iter()
                    .all(|(near, exact)| (near[1].value() - exact).abs() <= 0.05 * (near[2].value() - near[0].value()))
        };
        let mut candidates = (3..16).filter_map(round);
        let best = candidates.clone().find(fits).or_else(|| candidates.next_back());
        let mut numbers = best.unwrap_or_else(|| vec![self.from, self.to]);
        numbers.dedup_by(|a, b| a.value() == b.value());
        numbers
    }
}

/// Without its decimals.
fn floored(number: Decimal) -> Decimal {
    Decimal::of(number.value().floor()).unwrap_or(number)
}

/// To so many significant digits.
fn rounded(value: f64, digits: usize) -> Option<Decimal> {
    let decimals = digits.saturating_sub(1);
    Decimal::leading(&format!("{value:.decimals$e}")).map(|(number, _)| number)
}

/// What stands behind the colon.
enum Kind<'t> {
    Unsaid,
    Plus(&'t str),
    Times(f64),
    Linear(u32),
    Logarithmic(u32),
    AnyRatio,
}

impl<'t> Kind<'t> {
    fn parse(text: &'t str) -> Result<Self, String> {
        let count = |digits: &str, word: &str| match digits.trim().parse::<u32>() {
            Ok(count) if count >= 2 && count as usize <= VALUES_MAX => Ok(count),
            Ok(_) => Err(format!("{word}{digits}: a range has at least 2 values, its ends, and at most {VALUES_MAX}")),
            Err(_) => Err(format!("expected how many values, as {word}5; found \"{text}\"")),
        };
        if text.is_empty() {
            return Err("has no step behind its colon; write 2..10:2".to_owned());
        }
        if text == "log" {
            return Ok(Kind::AnyRatio);
        }
        if let Some(digits) = text.strip_prefix("log") {
            return count(digits, "log").map(Kind::Logarithmic);
        }
        if let Some(digits) = text.strip_prefix("lin") {
            return count(digits, "lin").map(Kind::Linear);
        }
        let Some(factor) = text.strip_prefix(['x', '×', '*']) else { return Ok(Kind::Plus(text)) };
        match Decimal::leading(factor.trim()) {
            Some((factor, "")) if factor.value() > 1.0 => Ok(Kind::Times(factor.value())),
            Some((_, "")) => Err(format!("a factor of {} never gets to the end", factor.trim())),
            Some(_) | None => Err(format!("expected a factor, as x2; found \"{text}\"")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Result<Vec<String>, String> {
        Range::parse(text).unwrap_or_else(|| panic!("{text} is a range"))?.values()
    }

    #[test]
    fn ranges_have_the_values_that_they_say() {
        let cases = [
            ("2..10", "2 3 4 5 6 7 8 9 10"),
            ("2..10:2", "2 4 6 8 10"),
            ("2..10:3", "2 5 8"),
            ("7..7", "7"),
            ("7ms..7ms", "7ms"),
            ("7..7:2", "7"),
            ("2..64:x2", "2 4 8 16 32 64"),
            ("2..60:x2", "2 4 8 16 32"),
            ("1..10:x1.5", "1 2 3 5 8"),
            ("1.0..6:x1.5", "1 1.5 2.25 3.375 5.0625"),
            ("0.1..0.3:x3", "0.1 0.3"),
            ("0.1..0.5:0.1", "0.1 0.2 0.3 0.4 0.5"),
            ("100/s..400/s:100/s", "100/s 200/s 300/s 400/s"),
            ("800/s..2k/s:lin4", "800/s 1200/s 1600/s 2000/s"),
            ("5ms..20ms:5ms", "5ms 10ms 15ms 20ms"),
            ("10%..30%:10%", "10% 20% 30%"),
            ("500m..1500m:500m", "500m 1000m 1500m"),
            ("30s..2m:30s", "30s 1m 1m30s 2m"),
            ("1ms..1s:log5", "1ms 5.62ms 31.6ms 178ms 1s"),
            ("1ms..1s:x10", "1ms 10ms 100ms 1s"),
            ("1..1000:log4", "1 10 100 1000"),
            ("1..3:log9", "1 2 3"),
            ("100000..100004:lin3", "100000 100002 100004"),
            ("0..1:lin3", "0 1"),
            ("0.0..1:lin3", "0 0.5 1"),
            ("1e3..3e3:1e3", "1000 2000 3000"),
            ("64KiB..1MiB:x4", "64KiB 256KiB 1MiB"),
        ];
        for (text, expected) in cases {
            assert_eq!(values(text).map(|values| values.join(" ")), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn wrong_ranges_say_what_is_wrong() {
        let cases = [
            ("10..2", "begins above its end; write 2..10"),
            ("..10", "has no beginning"),
            ("2..", "has no end"),
            ("..", "has no beginning"),
            ("2..10:0", "a step of 0 never gets to 10"),
            ("2..10:-1", "a step of -1 never gets to 10"),
            ("2..10:9", "leaps over 10 at once"),
            ("2..10:", "no step behind its colon"),
            ("2..10:x1", "a factor of 1 never gets to the end"),
            ("2..10:x0", "never gets to the end"),
            ("2..10:xx", "expected a factor, as x2"),
            ("2..10:log1", "at least 2 values"),
            ("2..10:logs", "expected how many values, as log5"),
            ("0..10:log3", "can't begin at 0"),
            ("0..10:x2", "can't begin at 0"),
            ("1ms..10ms", "has no steps; write 1ms..10ms:lin10"),
            ("0.1..0.9", "has no steps"),
            ("1ms..10", "10 has no unit; write 10ms"),
            ("1ms..10ms:2", "2 has no unit; write 2ms"),
            ("1ms..10/s:1ms", "not of one unit"),
            ("2..ten", "found \"ten\" where a number belongs"),
            ("1..2000000", "has 2000000 values; at most 1000000"),
            ("1..99999999999999999999", "too many digits"),
        ];
        for (text, expected) in cases {
            let found = values(text).expect_err(text);
            assert!(found.contains(expected), "{text}: {found}");
        }
        for text in ["lru", "../trace.csv", "a..b", "empirical(x.csv)"] {
            assert!(Range::parse(text).is_none(), "{text} is no range");
        }
    }

    #[test]
    fn values_lie_in_the_range_and_rise() {
        let mut state = 7u64;
        let mut draw = |bound: u64| {
            state = crate::engine::rng::mix64(state.wrapping_add(crate::engine::rng::PHI));
            state % bound
        };
        for _ in 0..2_000 {
            let (from, width) = (1 + draw(1_000), draw(100_000));
            let suffix = ["", "ms", "/s", "%"][draw(4) as usize];
            let steps = [format!("log{}", 2 + draw(20)), format!("lin{}", 2 + draw(20)), format!("x{}", 2 + draw(3))];
            let text = format!("{from}{suffix}..{}{suffix}:{}", from + width, steps[draw(3) as usize]);
            let numbers: Vec<f64> = values(&text)
                .expect("a right range")
                .iter()
                .map(|value| Decimal::leading(value).expect("a number").0.value())
                .collect();
            assert_eq!(numbers.first(), Some(&(from as f64)), "{text}");
            assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{text}: {numbers:?}");
            assert!(numbers.iter().all(|value| *value <= (from + width) as f64), "{text}: {numbers:?}");
            let range = Range::parse(&text).expect("a range").expect("a right one");
            for share in [0.0, 0.3, 0.999] {
                let value = Decimal::leading(&range.at(share)).expect("a number").0.value();
                assert!(numbers.contains(&value), "{text}");
            }
        }
    }

    #[test]
    fn what_lies_between_is_written_in_the_range_s_unit() {
        let range = |text| Range::parse(text).expect("a range").expect("a right one");
        assert_eq!(range("1ms..1s:log").at(0.5), "31.623ms");
        assert_eq!(range("100/s..1000/s").at(0.25), "325/s");
        assert_eq!(range("0.1..0.9").at(0.0), "0.1");
        assert_eq!(range("0.1..0.9").at(1.0), "0.9");
        assert_eq!(range("2..10").at(0.999), "10");
        assert_eq!(range("2..10").text(4.4), "4");
        assert_eq!(range("100/s..2000/s").text(1234.5678), "1234.6/s");
    }
}
