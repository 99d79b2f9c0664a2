//! The small values of a model: quantities with their units, names, lists and maps.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

use super::distribution::{Base, Distribution};
use super::node::{Node, Value};
use super::spec::{Place, Quantity, Read, Reader, Shape};
use super::units::{self, UnitError};

/// The longest time that a model may hold: 100 years, in ns.
pub const TIME_NS_MAX: u64 = 100 * 365 * 86_400 * 1_000_000_000;
/// The highest rate, per second.
pub const RATE_PER_S_MAX: f64 = 1e9;
/// The largest size: 1 EiB, in bytes.
pub const SIZE_BYTES_MAX: u64 = 1 << 60;
/// The largest whole number that every part of the system keeps exactly.
pub const COUNT_MAX: u64 = 1 << 53;

/// A time, in ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time(pub u64);

/// A rate, per second.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Rate(pub f64);

/// A size, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Size(pub u64);

/// A bandwidth, in bytes per second.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Bandwidth(pub f64);

/// Processor cores, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cores(pub u32);

/// A share of the whole, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Share(pub f64);

/// A whole number, not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Count(pub u64);

/// A number that is no count: a weight, a speed; not negative.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Factor(pub f64);

/// A distribution of times, in ns.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeDistribution(pub Distribution);

/// A distribution of sizes, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct SizeDistribution(pub Distribution);

/// Any text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Text(pub String);

/// The name of something in the model, and where it was written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Name {
    /// The name.
    pub text: String,
    /// Where it was written.
    pub at: Place,
}

impl Name {
    /// A name that no file holds.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), at: Place::default() }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// Reports what a unit's reader says.
fn unit<T>(node: &Node, reader: &mut Reader, result: Result<T, UnitError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(UnitError { expected, problem }) => {
            reader.diagnostics.push(
                super::diagnostic::Diagnostic::error(&node.path, node.line, format!("found {}", node.describe()))
                    .expected(expected)
                    .help(without_found(&problem)),
            );
            None
        }
    }
}

/// The help of a unit's message: what was found is told already.
fn without_found(problem: &str) -> &str {
    if let Some(rest) = problem.strip_prefix("found ") {
        return rest.split_once(": ").map_or(problem, |(_, help)| help);
    }
    problem
}

/// The text of a string or a number, as unit readers take it.
fn scalar<'n>(node: &'n Node, reader: &mut Reader, expected: &str) -> Option<&'n str> {
    match &node.value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(&number.text),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => reader.unexpected(node, expected),
    }
}

/// Nothing takes as long in every unit: a bare 0 is a time.
fn is_zero(node: &Node) -> bool {
    matches!(&node.value, Value::Number(number) if number.value == 0.0)
}

/// A quantity that is written with a unit: its reader, its limit, its shape.
macro_rules! quantity {
    ($type:ident, $quantity:ident, $expected:literal, $read:path, $max:expr, $max_text:literal) => {
        impl Read for $type {
            fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
                let text = scalar(node, reader, $expected)?;
                let text = if is_zero(node) && Quantity::$quantity == Quantity::Time { "0s" } else { text };
                let value = unit(node, reader, $read(text))?;
                if value > $max {
                    return reader.unexpected(node, concat!("at most ", $max_text));
                }
                Some(Self(value))
            }

            fn shape() -> Shape {
                Shape::Quantity(Quantity::$quantity)
            }

            fn magnitude(&self) -> Option<f64> {
                Some(self.0 as f64)
            }
        }
    };
}

/// A word of a choice; it may be written as `{ "word": { … } }`, with fields that its holder has taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worded<T>(pub T);

impl<T: Read> Read for Worded<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        if let Value::Map(entries) = &node.value
            && let [(word, Node { value: Value::Map(_), .. })] = entries.as_slice()
        {
            let word = Node { value: Value::from(word.as_str()), path: node.path.clone(), line: node.line };
            return T::read(&word, reader).map(Self);
        }
        T::read(node, reader).map(Self)
    }

    fn shape() -> Shape {
        Shape::Any(vec![T::shape(), Shape::Map(Box::new(Shape::Map(Box::new(Shape::Any(Vec::new())))))])
    }
}

/// A rate as it is written: so many in a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quota {
    /// How many.
    pub count: f64,
    /// In how long, ns.
    pub per_ns: u64,
}

impl Quota {
    /// How many in a second.
    pub fn per_second(self) -> f64 {
        self.count * 1e9 / self.per_ns as f64
    }
}

impl Read for Quota {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let text = scalar(node, reader, "a rate with a unit")?;
        let (count, per_ns) = unit(node, reader, units::quota(text))?;
        let quota = Self { count, per_ns };
        if quota.per_second() > RATE_PER_S_MAX || count > RATE_PER_S_MAX {
            return reader.unexpected(node, "at most 1e9/s");
        }
        if per_ns > TIME_NS_MAX {
            return reader.unexpected(node, "a rate per at most 100 years (36500d)");
        }
        Some(quota)
    }

    fn shape() -> Shape {
        Shape::Quantity(Quantity::Rate)
    }

    fn magnitude(&self) -> Option<f64> {
        Some(self.per_second())
    }
}

quantity!(Time, Time, "a time with a unit", units::time, TIME_NS_MAX, "100 years (36500d)");
quantity!(Rate, Rate, "a rate with a unit", units::rate, RATE_PER_S_MAX, "1e9/s");
quantity!(Size, Size, "a size with a unit", units::size, SIZE_BYTES_MAX, "1048576TiB");
quantity!(Bandwidth, Bandwidth, "a bandwidth with a unit", units::bandwidth, 1e15, "8000000Gbps");
quantity!(Cores, Cores, "a number of cores", units::cores, 1_000_000_000, "1000000 cores");
quantity!(Share, Share, "a share of the whole", units::share, 1.0, "100%");

impl Read for Count {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::Number(number) = &node.value else { return reader.unexpected(node, "a whole number") };
        if number.value < 0.0 {
            return reader.unexpected(node, "a whole number, not negative");
        }
        if number.value > COUNT_MAX as f64 {
            return reader.unexpected(node, "a whole number of at most 2^53");
        }
        if number.value.fract() != 0.0 {
            return reader.unexpected(node, "a whole number");
        }
        Some(Self(number.value as u64))
    }

    fn shape() -> Shape {
        Shape::Quantity(Quantity::Count)
    }

    fn magnitude(&self) -> Option<f64> {
        Some(self.0 as f64)
    }
}

impl Read for Factor {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::Number(number) = &node.value else { return reader.unexpected(node, "a number") };
        if number.value < 0.0 {
            return reader.unexpected(node, "a number, not negative");
        }
        if number.value > 1e12 {
            return reader.unexpected(node, "a number of at most 1e12");
        }
        Some(Self(number.value))
    }

    fn shape() -> Shape {
        Shape::Quantity(Quantity::Factor)
    }

    fn magnitude(&self) -> Option<f64> {
        Some(self.0)
    }
}

fn distribution(node: &Node, reader: &mut Reader, base: Base, expected: &str) -> Option<Distribution> {
    let text = scalar(node, reader, expected)?;
    let text = if is_zero(node) && base == Base::Time { "0s" } else { text };
    match Distribution::parse(text, base, reader.files()) {
        Ok(distribution) => Some(distribution),
        Err(error) => {
            let problem = error.to_string();
            let (expected, help) = match problem.strip_prefix("expected ") {
                Some(rest) => rest.split_once("; ").unwrap_or((rest, "")),
                None => ("", problem.as_str()),
            };
            reader.diagnostics.push(
                super::diagnostic::Diagnostic::error(&node.path, node.line, format!("found {}", node.describe()))
                    .expected(expected)
                    .help(without_found(help)),
            );
            None
        }
    }
}

impl Read for TimeDistribution {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let value = distribution(node, reader, Base::Time, "a time with a unit, or a distribution of times")?;
        if value.mean() > TIME_NS_MAX as f64 {
            return reader.unexpected(node, "a mean of at most 100 years (36500d)");
        }
        Some(Self(value))
    }

    fn shape() -> Shape {
        Shape::Quantity(Quantity::TimeDistribution)
    }
}

impl Read for SizeDistribution {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let value = distribution(node, reader, Base::Size, "a size with a unit, or a distribution of sizes")?;
        if value.mean() > SIZE_BYTES_MAX as f64 {
            return reader.unexpected(node, "a mean of at most 1048576TiB");
        }
        Some(Self(value))
    }

    fn shape() -> Shape {
        Shape::Quantity(Quantity::SizeDistribution)
    }
}

impl Read for bool {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Bool(value) => Some(*value),
            Value::Null | Value::Number(_) | Value::String(_) | Value::List(_) | Value::Map(_) => {
                reader.unexpected(node, "true or false")
            }
        }
    }

    fn shape() -> Shape {
        Shape::Bool
    }
}

impl Read for Text {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match node.text() {
            Some(text) if text.chars().count() <= 1000 => Some(Self(text.to_string())),
            Some(_) => reader.unexpected(node, "a text of at most 1000 characters"),
            None => reader.unexpected(node, "a text"),
        }
    }

    fn shape() -> Shape {
        Shape::Text
    }
}

impl Read for Name {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match node.text() {
            Some(text) if !text.trim().is_empty() => Some(Self { text: text.trim().to_string(), at: Place::of(node) }),
            Some(_) | None => reader.unexpected(node, "a name"),
        }
    }

    fn shape() -> Shape {
        Shape::Name("something in the model")
    }

    fn names(&self) -> Vec<&Name> {
        vec![self]
    }
}

/// A file that the model names: read once, when the model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePath(pub String);

impl Read for FilePath {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Some(path) = node.text().filter(|path| !path.is_empty()) else {
            return reader.unexpected(node, "the path of a file");
        };
        let file = reader.files().read(path);
        match file {
            Ok(_) => Some(Self(path.to_string())),
            Err(why) => reader.error_help(node, format!("found {}", node.describe()), why),
        }
    }

    fn shape() -> Shape {
        Shape::Text
    }
}

impl<T: Read> Read for Vec<T> {
    fn names(&self) -> Vec<&Name> {
        self.iter().flat_map(Read::names).collect()
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::List(items) = &node.value else { return reader.unexpected(node, "a list, in [ ]") };
        let values: Vec<Option<T>> = items.iter().map(|item| T::read(item, reader)).collect();
        values.into_iter().collect()
    }

    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }
}

/// A list, of which one item may stand without brackets.
#[derive(Debug, Clone, PartialEq)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T> Deref for OneOrMany<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Read> Read for OneOrMany<T> {
    fn names(&self) -> Vec<&Name> {
        self.0.iter().flat_map(Read::names).collect()
    }

    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::List(_) => Vec::read(node, reader).map(Self),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Map(_) => {
                T::read(node, reader).map(|one| Self(vec![one]))
            }
        }
    }

    fn shape() -> Shape {
        Shape::Any(vec![T::shape(), Shape::List(Box::new(T::shape()))])
    }
}

impl<T: Read> Read for Box<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        T::read(node, reader).map(Box::new)
    }

    fn shape() -> Shape {
        T::shape()
    }
}

impl<T: Read> Read for BTreeMap<String, T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::Map(entries) = &node.value else { return reader.unexpected(node, "a map, in { }") };
        let values: Vec<Option<(String, T)>> = entries
            .iter()
            .filter(|(key, _)| !super::spec::is_note(key))
            .map(|(key, value)| Some((key.clone(), T::read(value, reader)?)))
            .collect();
        values.into_iter().collect()
    }

    fn shape() -> Shape {
        Shape::Map(Box::new(T::shape()))
    }
}
