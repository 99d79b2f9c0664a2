//! Reads the text of a distribution.

use super::{Base, Distribution, DistributionError, Percentile};
use crate::model::Files;
use crate::model::units;
use std::fmt;

/// How deep a `mix` may be nested.
const DEPTH_MAX: u32 = 8;

/// Every name, each with an example for times and one for sizes.
const SHAPES: [(&str, &str, &str); 12] = [
    ("exp", "exp(4ms)", "exp(4kB)"),
    ("lognormal", "lognormal(4ms, cv=0.8) or lognormal(p50=3ms, p99=40ms)", "lognormal(4kB, cv=0.8)"),
    ("gamma", "gamma(4ms, cv=0.5)", "gamma(4kB, cv=0.5)"),
    ("erlang", "erlang(4ms, k=3)", "erlang(4kB, k=3)"),
    ("weibull", "weibull(4ms, shape=0.7)", "weibull(4kB, shape=0.7)"),
    ("pareto", "pareto(min=1ms, alpha=1.5, max=1s)", "pareto(min=1kB, alpha=1.5, max=1MB)"),
    ("uniform", "uniform(2ms, 6ms)", "uniform(2kB, 6kB)"),
    ("normal", "normal(10ms, sd=3ms)", "normal(10kB, sd=3kB)"),
    ("hyperexp", "hyperexp(4ms, cv=3)", "hyperexp(4kB, cv=3)"),
    ("mix", "mix(90% exp(2ms), 10% exp(50ms))", "mix(90% exp(2kB), 10% exp(50kB))"),
    ("empirical", "empirical(file.csv)", "empirical(file.csv)"),
    ("quantiles", "quantiles(p50=3ms, p99=40ms, max=1s)", "quantiles(p50=3kB, p99=40kB, max=1MB)"),
];

/// The arguments of one distribution, taken out one by one; what is left over is a mistake.
struct Arguments<'a> {
    expected: String,
    base: Base,
    bare: Vec<&'a str>,
    named: Vec<(&'a str, &'a str)>,
}

pub(super) fn distribution(
    text: &str,
    base: Base,
    files: &dyn Files,
    depth: u32,
) -> Result<Distribution, DistributionError> {
    let text = text.trim();
    let Some((name, rest)) = text.split_once('(') else {
        let fail = |error: units::UnitError| DistributionError {
            expected: format!("{} or a distribution such as {}", error.expected, example(base, 0)),
            problem: error.problem,
        };
        return base.read(text).map(Distribution::Constant).map_err(fail);
    };
    let name = name.trim();
    let shape = SHAPES.iter().position(|(known, ..)| *known == name).ok_or_else(|| unknown(name, base))?;
    let expected = example(base, shape).to_owned();
    let Some(inside) = rest.strip_suffix(')').filter(|inside| balanced(inside)) else {
        return Err(DistributionError {
            expected,
            problem: "its closing bracket is missing or one too many".to_owned(),
        });
    };
    if depth >= DEPTH_MAX {
        return Err(DistributionError { expected, problem: format!("mixtures are nested over {DEPTH_MAX} deep") });
    }
    if name == "mix" {
        return mix(inside, base, files, depth, &expected);
    }
    if name == "empirical" {
        return empirical(inside.trim(), base, files, &expected);
    }
    let mut arguments = Arguments::split(inside, base, expected)?;
    let read = match name {
        "exp" => arguments.mean().map(|mean| Distribution::Exponential { mean })?,
        "lognormal" => lognormal(&mut arguments)?,
        "gamma" => Distribution::Gamma { mean: arguments.mean()?, cv: arguments.number("cv")? },
        "erlang" => Distribution::Erlang { mean: arguments.mean()?, k: arguments.count("k")? },
        "weibull" => Distribution::Weibull { mean: arguments.mean()?, shape: arguments.number("shape")? },
        "pareto" => Distribution::Pareto {
            min: arguments.value("min")?,
            alpha: arguments.number("alpha")?,
            max: arguments.value("max")?,
        },
        "uniform" => Distribution::Uniform { low: arguments.bare("low end")?, high: arguments.bare("high end")? },
        "normal" => Distribution::Normal { mean: arguments.mean()?, sd: arguments.value("sd")? },
        "hyperexp" => Distribution::Hyperexponential { mean: arguments.mean()?, cv: arguments.number("cv")? },
        _ => quantiles(&mut arguments)?,
    };
    let expected = arguments.finish()?;
    match sensible(read) {
        Ok(read) if read.mean().is_finite() && read.variance().is_finite() => Ok(read),
        Ok(_) => Err(DistributionError { expected, problem: "its mean or variance is beyond all numbers".to_owned() }),
        Err(problem) => Err(DistributionError { expected, problem }),
    }
}

fn example(base: Base, shape: usize) -> &'static str {
    let (_, time, size) = SHAPES[shape];
    match base {
        Base::Time => time,
        Base::Size => size,
    }
}

fn unknown(name: &str, base: Base) -> DistributionError {
    let nearest = SHAPES.iter().map(|(known, ..)| (distance(name, known), known)).min();
    let hint = match nearest {
        Some((distance, known)) if distance <= 2 => format!("did you mean {known}?"),
        _ => format!("the distributions are {}", SHAPES.map(|(known, ..)| known).join(", ")),
    };
    let name: String = name.chars().take(40).collect();
    DistributionError {
        expected: format!("a distribution such as {}", example(base, 0)),
        problem: format!("found \"{name}\": {hint}"),
    }
}

/// Levenshtein's distance between two short names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(40).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn balanced(text: &str) -> bool {
    let mut depth = 0i32;
    for c in text.chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

/// Splits at the commas that are inside no brackets.
fn split(text: &str) -> Vec<&str> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let (mut parts, mut depth, mut start) = (Vec::new(), 0i32, 0);
    for (at, c) in text.char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if c == ',' && depth == 0 {
            parts.push(text[start..at].trim());
            start = at + 1;
        }
    }
    parts.push(text[start..].trim());
    parts
}

impl<'a> Arguments<'a> {
    fn split(inside: &'a str, base: Base, expected: String) -> Result<Self, DistributionError> {
        let mut arguments = Self { expected, base, bare: Vec::new(), named: Vec::new() };
        for part in split(inside) {
            match part.split_once('=') {
                Some((name, value)) => {
                    let name = name.trim();
                    if arguments.named.iter().any(|(known, _)| *known == name) {
                        return Err(arguments.error(format_args!("found {name} twice")));
                    }
                    arguments.named.push((name, value.trim()));
                }
                None => arguments.bare.push(part),
            }
        }
        arguments.bare.reverse();
        Ok(arguments)
    }

    fn error(&self, problem: impl fmt::Display) -> DistributionError {
        DistributionError { expected: self.expected.clone(), problem: problem.to_string() }
    }

    fn bare(&mut self, what: &str) -> Result<f64, DistributionError> {
        let text = self.bare.pop().ok_or_else(|| self.error(format_args!("the {what} is missing")))?;
        self.base.read(text).map_err(|error| self.error(format_args!("the {what}: {error}")))
    }

    fn mean(&mut self) -> Result<f64, DistributionError> {
        self.bare("mean")
    }

    fn take(&mut self, name: &str) -> Result<&'a str, DistributionError> {
        let found = self.named.iter().position(|(known, _)| *known == name);
        found.map(|at| self.named.remove(at).1).ok_or_else(|| self.error(format_args!("{name} is missing")))
    }

    fn value(&mut self, name: &str) -> Result<f64, DistributionError> {
        let text = self.take(name)?;
        self.base.read(text).map_err(|error| self.error(format_args!("{name}: {error}")))
    }

    fn number(&mut self, name: &str) -> Result<f64, DistributionError> {
        let text = self.take(name)?;
        units::number(text).map_err(|error| self.error(format_args!("{name}: {error}")))
    }

    fn count(&mut self, name: &str) -> Result<u32, DistributionError> {
        let text = self.take(name)?;
        let whole = text.parse().ok().filter(|count| (1..=1_000_000).contains(count));
        whole.ok_or_else(|| self.error(format_args!("{name} must be a whole number from 1 to 1000000")))
    }

    /// Takes every argument of the form `pNN=value`, ascending.
    fn percentiles(&mut self) -> Result<Vec<Percentile>, DistributionError> {
        let mut points = Vec::new();
        while let Some(at) = self.named.iter().position(|(name, _)| is_percentile(name)) {
            let (name, text) = self.named.remove(at);
            let percent = percent(name).ok_or_else(|| {
                self.error(format_args!("found {name}: a percentile is above 0 and below 100, as in p50 or p99.9"))
            })?;
            let value = self.base.read(text).map_err(|error| self.error(format_args!("{name}: {error}")))?;
            points.push(Percentile { percent, value });
        }
        points.sort_by(|a, b| a.percent.total_cmp(&b.percent));
        let rising = points.windows(2).all(|pair| pair[0].percent < pair[1].percent && pair[0].value <= pair[1].value);
        match (rising, points.first().is_none_or(|first| first.value > 0.0)) {
            (true, true) => Ok(points),
            (false, _) => Err(self.error("the percentiles must rise")),
            (true, false) => Err(self.error("a percentile must be above 0")),
        }
    }

    fn finish(self) -> Result<String, DistributionError> {
        match (self.named.first(), self.bare.last()) {
            (Some((name, _)), _) => Err(self.error(format_args!("found the unknown argument {name}"))),
            (None, Some(text)) => Err(self.error(format_args!("found \"{text}\": one argument too many"))),
            (None, None) => Ok(self.expected),
        }
    }
}

fn is_percentile(name: &str) -> bool {
    name.strip_prefix('p').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// `p99.9` and, as in reports, `p999`.
fn percent(name: &str) -> Option<f64> {
    let digits = name.strip_prefix('p')?;
    if !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let value: f64 = match digits.strip_prefix("99") {
        Some(nines) if !nines.is_empty() && !nines.contains('.') => format!("99.{nines}").parse().ok()?,
        _ => digits.parse().ok()?,
    };
    (value > 0.0 && value < 100.0).then_some(value)
}

fn lognormal(arguments: &mut Arguments<'_>) -> Result<Distribution, DistributionError> {
    if !arguments.bare.is_empty() || !arguments.named.iter().any(|(name, _)| is_percentile(name)) {
        return Ok(Distribution::Lognormal { mean: arguments.mean()?, cv: arguments.number("cv")? });
    }
    match arguments.percentiles()?.as_slice() {
        [low, high] if low.value < high.value => Ok(Distribution::LognormalThrough { low: *low, high: *high }),
        [_, _] => Err(arguments.error("the percentiles must rise")),
        _ => Err(arguments.error("it takes two percentiles, such as p50 and p99")),
    }
}

fn quantiles(arguments: &mut Arguments<'_>) -> Result<Distribution, DistributionError> {
    let points = arguments.percentiles()?;
    let max = arguments.value("max")?;
    let min = match arguments.named.iter().any(|(name, _)| *name == "min") {
        true => arguments.value("min")?,
        false => 0.0,
    };
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Err(arguments.error("it takes at least one percentile, such as p50=3ms"));
    };
    if min > first.value || last.value > max {
        return Err(arguments.error("min, percentiles and max must rise"));
    }
    Ok(Distribution::Quantiles { min, points, max })
}

fn mix(
    inside: &str,
    base: Base,
    files: &dyn Files,
    depth: u32,
    expected: &str,
) -> Result<Distribution, DistributionError> {
    let error = |problem: String| DistributionError { expected: expected.to_owned(), problem };
    let mut parts = Vec::new();
    for part in split(inside) {
        let (share, rest) = part
            .split_once(char::is_whitespace)
            .ok_or_else(|| error(format!("found \"{part}\": each part is a share and a distribution")))?;
        let share = units::share(share).map_err(|problem| error(problem.to_string()))?;
        parts.push((share, distribution(rest, base, files, depth + 1)?));
    }
    if parts.is_empty() {
        return Err(error("found nothing: each part is a share and a distribution".to_owned()));
    }
    let sum: f64 = parts.iter().map(|(share, _)| share).sum();
    if (sum - 1.0).abs() > 1e-9 {
        return Err(error(format!("the shares sum to {}, not to 100%", units::humane_share(sum))));
    }
    Ok(Distribution::Mix(parts))
}

/// Checks the parameters against each other, and makes a constant of what has no spread.
fn sensible(read: Distribution) -> Result<Distribution, String> {
    let positive = |name: &str, value: f64| match value > 0.0 {
        true => Ok(()),
        false => Err(format!("{name} must be above 0")),
    };
    match &read {
        Distribution::Exponential { mean }
        | Distribution::Lognormal { mean, .. }
        | Distribution::Gamma { mean, .. }
        | Distribution::Erlang { mean, .. }
        | Distribution::Weibull { mean, .. }
        | Distribution::Hyperexponential { mean, .. }
            if *mean == 0.0 =>
        {
            Ok(Distribution::Constant(0.0))
        }
        Distribution::Lognormal { mean, cv } | Distribution::Gamma { mean, cv } if *cv == 0.0 => {
            Ok(Distribution::Constant(*mean))
        }
        Distribution::Lognormal { cv, .. } | Distribution::Gamma { cv, .. } if !(1e-3..=100.0).contains(cv) => {
            Err(format!("found cv={cv}: cv must be 0 or from 0.001 to 100"))
        }
        Distribution::Weibull { shape, .. } if !(0.1..=1000.0).contains(shape) => {
            Err(format!("found shape={shape}: shape must be from 0.1 to 1000"))
        }
        Distribution::Pareto { min, alpha, max } => {
            positive("min", *min)?;
            positive("alpha", *alpha)?;
            if max <= min { Err("max must be above min".to_owned()) } else { Ok(read) }
        }
        Distribution::Uniform { low, high } if low == high => Ok(Distribution::Constant(*low)),
        Distribution::Uniform { low, high } if low > high => Err("write them from low to high".to_owned()),
        Distribution::Normal { mean, sd } if *sd == 0.0 => Ok(Distribution::Constant(*mean)),
        Distribution::Hyperexponential { mean, cv } if *cv == 1.0 => Ok(Distribution::Exponential { mean: *mean }),
        Distribution::Hyperexponential { cv, .. } if !(1.0..=1000.0).contains(cv) => {
            Err(format!("found cv={cv}: cv must be at least 1 (below 1 use gamma or erlang) and at most 1000"))
        }
        Distribution::Lognormal { .. }
        | Distribution::Gamma { .. }
        | Distribution::Weibull { .. }
        | Distribution::Uniform { .. }
        | Distribution::Normal { .. }
        | Distribution::Hyperexponential { .. }
        | Distribution::Exponential { .. }
        | Distribution::Erlang { .. }
        | Distribution::Constant(_)
        | Distribution::LognormalThrough { .. }
        | Distribution::Mix(_)
        | Distribution::Empirical { .. }
        | Distribution::Quantiles { .. } => Ok(read),
    }
}

/// Reads measured values, one a line in the first column; a first line that is no value is a header.
fn empirical(file: &str, base: Base, files: &dyn Files, expected: &str) -> Result<Distribution, DistributionError> {
    let error = |problem: String| DistributionError { expected: expected.to_owned(), problem };
    if file.is_empty() {
        return Err(error("the file is missing".to_owned()));
    }
    let bytes = files.read(file).map_err(|problem| error(format!("{file}: {problem}")))?;
    let text = String::from_utf8(bytes).map_err(|_| error(format!("{file} is not text in UTF-8")))?;
    let mut values = Vec::new();
    let mut first = true;
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let cell = line.split(',').next().unwrap_or_default().trim().trim_matches('"').trim();
        if cell.is_empty() {
            continue;
        }
        match measured(cell, base) {
            Ok(value) => values.push(value),
            Err(_) if first => {}
            Err(problem) => return Err(error(format!("{file}, line {}: {problem}", at + 1))),
        }
        first = false;
    }
    if values.is_empty() {
        return Err(error(format!("{file} holds no value")));
    }
    values.sort_by(f64::total_cmp);
    Ok(Distribution::Empirical { file: file.to_owned(), values: values.into() })
}

/// A value with its unit; a bare number is in seconds or bytes.
fn measured(cell: &str, base: Base) -> Result<f64, units::UnitError> {
    let unit = match base {
        Base::Time => "s",
        Base::Size => "B",
    };
    match cell.ends_with(|c: char| c.is_ascii_digit()) {
        true => base.read(&format!("{cell}{unit}")),
        false => base.read(cell),
    }
}
