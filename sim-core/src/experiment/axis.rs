//! Axes: settings with the values that they take, as users write them.
//!
//! ```text
//! web.replicas=2..10        2, 3, … 10            redis.eviction=lru,lfu         words
//! web.replicas=2..10:2      2, 4, … 10            web.cores=1,2,4..8             lists and ranges mixed
//! web.replicas=2..64:x2     2, 4, 8, … 64         db.service=exp(2ms),exp(5ms)   commas in brackets stay
//! users.arrivals.rate=100/s..1000/s:100/s         with units
//! web.link.timeout=1ms..1s:log5                   5 values at equal ratios; lin5: at equal distances
//! ```

pub(super) mod number;
mod range;

use std::collections::{BTreeMap, BTreeSet};

pub use range::{Range, VALUES_MAX};

use super::Point;
use crate::engine::rng::{PHI, mix64, uniform_at};
use crate::model::diagnostic::{Diagnostic, Diagnostics};
use crate::model::path;
use crate::model::{Files, Model};

/// A setting and what it takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Which field of the model, as the user wrote it.
    pub path: String,
    /// The values, in order, as a model writes them; of a range without steps, its ends.
    pub values: Vec<String>,
    /// Where it is a single range.
    pub range: Option<Range>,
}

/// Several settings at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axes(Vec<Axis>);

/// Which ranges may stand on axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Those whose values can be counted.
    Steps,
    /// Those too that say no more than where they begin and end.
    Any,
}

/// So many values of an axis are tried at most.
const TRIED_MAX: usize = 2_000;

impl Axis {
    /// Reads the values of a setting.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn parse(path: &str, text: &str, allowed: Allowed) -> Result<Self, Vec<String>> {
        let items = split(text).map_err(|wrong| vec![wrong])?;
        let (mut values, mut mistakes, mut range) = (Vec::new(), Vec::new(), None);
        for item in &items {
            match Range::parse(item) {
                None if item.is_empty() => mistakes.push(match items.len() {
                    1 => "has no values; write 2..10 or 2,4,8".to_owned(),
                    _ => "has nothing between two commas".to_owned(),
                }),
                None => values.push((*item).to_owned()),
                Some(Err(wrong)) => mistakes.push(format!("{item} {wrong}")),
                Some(Ok(read)) => {
                    match read.values() {
                        Ok(all) => values.extend(all),
                        Err(_) if allowed == Allowed::Any && items.len() == 1 && !read.has_steps() => {
                            values.extend([read.low(), read.high()]);
                        }
                        Err(wrong) => mistakes.push(format!("{item} {wrong}")),
                    }
                    range = (items.len() == 1).then_some(read);
                }
            }
        }
        if values.len() > VALUES_MAX {
            mistakes.push(format!("has {} values; at most {VALUES_MAX} can be run", values.len()));
        }
        let mut sorted: Vec<&String> = values.iter().collect();
        sorted.sort();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            mistakes.push(format!("has {} twice", twice[0]));
        }
        if mistakes.is_empty() { Ok(Self { path: path.to_owned(), values, range }) } else { Err(mistakes) }
    }

    /// Whether its values can be counted: it is no range that says only where it begins and ends.
    pub fn is_counted(&self) -> bool {
        self.range.as_ref().is_none_or(|range| range.values().is_ok())
    }

    /// A value for a share of 0 to 1 of the axis.
    fn at(&self, share: f64) -> String {
        match &self.range {
            Some(range) if !self.is_counted() => range.at(share),
            Some(_) | None => {
                self.values[((share * self.values.len() as f64) as usize).min(self.values.len() - 1)].clone()
            }
        }
    }
}

impl Axes {
    /// Reads axes and tries each value on the model.
    ///
    /// # Errors
    /// Every mistake of every axis.
    pub fn read(
        written: &[(String, String)],
        allowed: Allowed,
        model: &Model,
        files: &dyn Files,
    ) -> Result<Self, Diagnostics> {
        let mut mistakes = Diagnostics::default();
        let mut axes = Self::default();
        let mut known: BTreeMap<String, &str> = BTreeMap::new();
        for (path, text) in written {
            let place = format!("{path}={text}");
            match model.document.whole_path(path) {
                Err(mistake) => mistakes.push(Diagnostic { path: place.clone(), ..mistake }),
                Ok(segments) => {
                    if let Some(other) = known.insert(path::text(&segments), path) {
                        let found = format!("{other} is varied twice");
                        mistakes.push(Diagnostic::error(&place, 0, found).help("give all values of it at once"));
                    }
                }
            }
            match Axis::parse(path, text, allowed) {
                Ok(axis) => axes.0.push(axis),
                Err(wrong) => wrong.into_iter().for_each(|wrong| mistakes.push(Diagnostic::error(&place, 0, wrong))),
            }
        }
        if axes.count() > VALUES_MAX as u64 && allowed == Allowed::Steps {
            let counts: Vec<String> = axes.0.iter().map(|axis| axis.values.len().to_string()).collect();
            let found = format!("{} = {} points; at most {VALUES_MAX} can be run", counts.join(" × "), axes.count());
            mistakes.push(Diagnostic::error("", 0, found).help("take fewer values, or a sample of the points"));
        } else {
            axes.try_each_value(model, files, &mut mistakes);
        }
        if mistakes.has_errors() { Err(mistakes) } else { Ok(axes) }
    }

    /// One after the other, as they were given.
    pub fn iter(&self) -> std::slice::Iter<'_, Axis> {
        self.0.iter()
    }

    /// How many axes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is varied.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many points the grid has.
    pub fn count(&self) -> u64 {
        self.0.iter().fold(1, |count, axis| count.saturating_mul(axis.values.len() as u64))
    }

    /// Every combination of the values, the last axis fastest.
    pub fn grid(&self) -> Vec<Point> {
        let mut points = vec![Point::default()];
        for axis in &self.0 {
            let with = |point: &Point, value: &String| {
                let sets = point.sets.iter().cloned().chain([(axis.path.clone(), value.clone())]);
                Point { sets: sets.collect(), ..*point }
            };
            points = points.iter().flat_map(|point| axis.values.iter().map(move |value| with(point, value))).collect();
        }
        points
    }

    /// So many points, of which each lies in a stratum of its own on every axis: a Latin hypercube (McKay, Beckman and
    /// Conover, Technometrics 21, 1979). Lists and ranges with steps give their values equally often, as far as they go
    /// up in the number of points.
    pub fn sample(&self, count: u32, seed: u64) -> Vec<Point> {
        let mut points = vec![Point::default(); count as usize];
        for (number, axis) in self.0.iter().enumerate() {
            let stream = mix64(seed ^ mix64(PHI.wrapping_mul(number as u64 + 1)));
            for (point, (row, stratum)) in points.iter_mut().zip(shuffled(count, stream).into_iter().enumerate()) {
                let within = uniform_at(mix64(stream ^ PHI), row as i64);
                let value = axis.at((f64::from(stratum) + within) / f64::from(count));
                point.sets.push((axis.path.clone(), value));
            }
        }
        points
    }

    /// Each value must fit its field: beside what the model says, or else beside the first or the last values of the
    /// other axes, as some fit only together.
    fn try_each_value(&self, model: &Model, files: &dyn Files, mistakes: &mut Diagnostics) {
        for (number, axis) in self.0.iter().enumerate() {
            // What no value can mend is told once.
            let whole = model.document.whole_path(&axis.path);
            if whole.is_err() {
                continue;
            }
            let mut told: BTreeSet<String> = BTreeSet::new();
            // Of very many values some are tried; what is wrong with another one is told when its point is prepared.
            let every = axis.values.len().div_ceil(TRIED_MAX);
            for value in axis.values.iter().step_by(every).chain(axis.values.last()) {
                let set = (axis.path.clone(), value.clone());
                let Err(found) = model.with(std::slice::from_ref(&set), files) else { continue };
                let beside = |pick: fn(&[String]) -> Option<&String>| {
                    let others = self.0.iter().enumerate().filter(|(other, _)| *other != number);
                    let others = others.filter_map(|(_, axis)| Some((axis.path.clone(), pick(&axis.values)?.clone())));
                    model.with(&others.chain([set.clone()]).collect::<Vec<_>>(), files).is_ok()
                };
                if self.0.len() > 1 && (beside(<[String]>::first) || beside(<[String]>::last)) {
                    continue;
                }
                let place = format!("{}={value}", axis.path);
                let at = whole.as_ref().map(|segments| path::text(segments)).unwrap_or_default();
                for mistake in found.into_iter().filter(Diagnostic::is_error) {
                    let is_here = mistake.path == at || mistake.path == axis.path || mistake.path.is_empty();
                    let found = if is_here { mistake.found } else { format!("{}: {}", mistake.path, mistake.found) };
                    // What has nothing to do with the value, as a field that doesn't exist, is told once.
                    if told.insert(found.clone()) {
                        mistakes.push(Diagnostic { path: place.clone(), line: 0, found, ..mistake });
                    }
                }
            }
        }
    }
}

impl<'a> IntoIterator for &'a Axes {
    type Item = &'a Axis;
    type IntoIter = std::slice::Iter<'a, Axis>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// A setting's value as JSON: a number where it is one, else what it is.
pub fn json(value: &str) -> serde_json::Value {
    serde_json::from_str(value).unwrap_or_else(|_| value.into())
}

/// Splits at commas that stand in no brackets and no quotes.
pub fn split(text: &str) -> Result<Vec<&str>, String> {
    let (mut items, mut start, mut open, mut quoted, mut escaped) = (Vec::new(), 0, Vec::new(), false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.pop() != Some(letter) => {
                return Err(format!("a {letter} closes nothing that was opened"));
            }
            ',' if open.is_empty() => {
                items.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    match open.pop() {
        _ if quoted => Err("a quote is not closed".to_owned()),
        Some(missing) => Err(format!("a {missing} is missing at the end")),
        None => {
            items.push(text[start..].trim());
            Ok(items)
        }
    }
}

/// The numbers below `count` in an order of the seed's (Fisher and Yates).
fn shuffled(count: u32, seed: u64) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..count).collect();
    for last in (1..numbers.len()).rev() {
        let other = (uniform_at(seed, last as i64) * (last + 1) as f64) as usize;
        numbers.swap(last, other.min(last));
    }
    numbers
}

#[cfg(test)]
mod tests;
