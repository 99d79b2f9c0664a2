//! Objectives: `p99(web) < 250ms`.

use std::fmt;

use super::address::{Address, is_name};
use super::node::Node;
use super::spec::{Place, Read, Reader, Shape};
use super::units;

/// What must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    /// What is measured.
    pub measure: Measure,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what: seconds, shares, per second, plain numbers.
    pub value: f64,
    /// As written.
    pub text: String,
    /// Where it was written.
    pub at: Place,
}

/// A figure of the report: `within(250ms)`, `p99(orders-pool.wait)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Which figure: `p99`, `p99.9`, `mean`, `within`, `error_rate`, `utilization`, ….
    pub metric: String,
    /// The time of `within`, in seconds.
    pub argument: Option<f64>,
    /// Of what: a class, component, station (`web.workers`), wait (`orders-pool.wait`) or instance (`web[2]`).
    pub scope: Option<String>,
}

/// How two figures are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `==`; only for expectations
    Equal,
}

/// What the value of a metric is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Seconds.
    Time,
    /// 0 to 1.
    Share,
    /// Per second.
    Rate,
    /// A plain number.
    Number,
}

/// The metrics, percentiles apart.
pub const METRICS: [(&str, Dimension); 25] = [
    ("mean", Dimension::Time),
    ("min", Dimension::Time),
    ("max", Dimension::Time),
    ("within", Dimension::Share),
    ("error_rate", Dimension::Share),
    ("availability", Dimension::Share),
    ("throughput", Dimension::Rate),
    ("goodput", Dimension::Rate),
    ("utilization", Dimension::Share),
    ("hit_ratio", Dimension::Share),
    ("stale_reads", Dimension::Number),
    ("lost_writes", Dimension::Number),
    ("coalesced", Dimension::Number),
    ("evictions", Dimension::Number),
    ("moved_share", Dimension::Share),
    ("dead_letters", Dimension::Number),
    ("age", Dimension::Time),
    ("queue", Dimension::Number),
    ("queue_max", Dimension::Number),
    ("wait", Dimension::Time),
    ("replicas", Dimension::Number),
    ("memory", Dimension::Number),
    ("offered", Dimension::Number),
    ("cost", Dimension::Number),
    ("backlog", Dimension::Share),
];

impl Measure {
    /// What it is measured in.
    pub fn dimension(&self) -> Dimension {
        METRICS.iter().find(|(name, _)| *name == self.metric).map_or(Dimension::Time, |(_, dimension)| *dimension)
    }

    /// Which way is better: less (latencies, errors, queues) or more (what gets done); nothing where neither is.
    pub fn wanted(&self) -> Option<Comparison> {
        match self.metric.as_str() {
            "offered" | "utilization" | "replicas" | "moved_share" | "coalesced" => None,
            "within" | "availability" | "throughput" | "goodput" | "hit_ratio" => Some(Comparison::More),
            // Latencies, waits, queues, errors.
            _ => Some(Comparison::Less),
        }
    }
}

impl Comparison {
    /// Whether `left` compares so with `right`.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::More => left > right,
            Self::AtLeast => left >= right,
            Self::Equal => left == right,
        }
    }

    /// As it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
        }
    }
}

impl Objective {
    /// Reads an objective; the error says what is wrong and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (left, comparison, right) = compared(text)?;
        if comparison == Comparison::Equal {
            return Err("an objective compares with <, <=, > or >=".to_string());
        }
        let measure = Measure::parse(left)?;
        // k6 writes p(95)<500, and means milliseconds.
        let bare = left.starts_with("p(").then(|| units::number(right).ok()).flatten();
        let value = match bare {
            Some(ms) => ms / 1e3,
            None => value_of(right, measure.dimension())?,
        };
        Ok(Self { measure, comparison, value, text: text.trim().to_string(), at: Place::default() })
    }

    /// Whether a measured value meets it.
    pub fn is_met_by(&self, value: f64) -> bool {
        self.comparison.holds(value, self.value)
    }
}

/// Splits `left < right`.
pub(super) fn compared(text: &str) -> Result<(&str, Comparison, &str), String> {
    const SIGNS: [(&str, Comparison); 5] = [
        ("<=", Comparison::AtMost),
        (">=", Comparison::AtLeast),
        ("==", Comparison::Equal),
        ("<", Comparison::Less),
        (">", Comparison::More),
    ];
    let wrong = || "expected a metric, a comparison and a value, as \"p99 < 250ms\"".to_string();
    let first = text.find(['<', '>', '=']).ok_or_else(wrong)?;
    let (left, rest) = text.split_at(first);
    let (sign, comparison) = SIGNS.into_iter().find(|(sign, _)| rest.starts_with(sign)).ok_or_else(wrong)?;
    let right = rest[sign.len()..].trim();
    if left.trim().is_empty() || right.is_empty() || right.contains(['<', '>', '=']) {
        return Err(wrong());
    }
    Ok((left.trim(), comparison, right))
}

/// A value with the unit of what it is compared with, in the base unit (seconds, 0 to 1, per second).
pub(super) fn value_of(text: &str, dimension: Dimension) -> Result<f64, String> {
    let value = match dimension {
        Dimension::Time => units::time(text).map(|ns| ns as f64 / 1e9),
        Dimension::Share => units::share(text),
        Dimension::Rate => units::rate(text),
        // Memory is a number of bytes.
        Dimension::Number => {
            units::number(text).or_else(|wrong| units::size(text).map(|size| size as f64).map_err(|_| wrong))
        }
    };
    value.map_err(|error| error.to_string())
}

impl Measure {
    /// Reads `metric`, `metric(scope)`, `within(time)`, `within(time, scope)`, `p(95)`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (name, inside) = match text.split_once('(') {
            None => (text, None),
            Some((name, rest)) => match rest.strip_suffix(')') {
                Some(inside) => (name.trim(), Some(inside.trim())),
                None => return Err(format!("expected a bracket at the end of \"{}\"", super::node::shortened(text))),
            },
        };
        if name == "p" {
            return percentile_in_brackets(inside.unwrap_or_default());
        }
        if name == "within" {
            return within(inside.unwrap_or_default());
        }
        // k6's name of the share of requests that failed.
        let name = if name == "rate" { "error_rate" } else { name };
        let known = METRICS.iter().any(|(metric, _)| *metric == name) || is_percentile(name);
        if !known {
            let metrics = METRICS.iter().map(|(metric, _)| *metric).chain(["p50", "p90", "p95", "p99", "p99.9"]);
            let help = super::diagnostic::did_you_mean(name, metrics);
            return Err(format!("unknown metric \"{}\"; {help}", super::node::shortened(name)));
        }
        let scope = inside.map(scope).transpose()?;
        Ok(Self { metric: name.to_string(), argument: None, scope })
    }
}

/// `p50`, `p99`, `p99.9`.
fn is_percentile(name: &str) -> bool {
    name.strip_prefix('p').is_some_and(|digits| {
        let number = digits.len() <= 8 && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let starts = digits.starts_with(|first: char| first.is_ascii_digit());
        matches!(digits, "999" | "9999")
            || (number && starts && digits.parse::<f64>().is_ok_and(|percent| percent > 0.0 && percent < 100.0))
    })
}

fn percentile_in_brackets(inside: &str) -> Result<Measure, String> {
    let (percent, place) = inside.split_once(',').map_or((inside, None), |(percent, place)| (percent, Some(place)));
    let metric = format!("p{}", percent.trim());
    if !is_percentile(&metric) {
        return Err("expected a percentile, as p99 or p(99)".to_string());
    }
    Ok(Measure { metric, argument: None, scope: place.map(scope).transpose()? })
}

fn within(inside: &str) -> Result<Measure, String> {
    let (time, place) = inside.split_once(',').map_or((inside, None), |(time, place)| (time, Some(place)));
    let argument = value_of(time.trim(), Dimension::Time).map_err(|error| format!("{error}, as in within(250ms)"))?;
    Ok(Measure { metric: "within".to_string(), argument: Some(argument), scope: place.map(scope).transpose()? })
}

/// Checks the form of a scope; whether it exists is the validator's business.
fn scope(text: &str) -> Result<String, String> {
    let text = text.trim();
    let (address, parts) = split_scope(text);
    let right = Address::parse(address).is_ok() && parts.iter().all(|part| is_name(part)) && parts.len() <= 2;
    if right {
        Ok(text.to_string())
    } else {
        Err(format!(
            "expected a class, component, station or instance in the brackets, as p99(web), utilization(web.workers) or queue(web[2]); found \"{}\"",
            super::node::shortened(text)
        ))
    }
}

/// `web[2].workers.wait` as `web[2]` and its parts `workers`, `wait`.
pub fn split_scope(scope: &str) -> (&str, Vec<&str>) {
    let mut parts = scope.split('.');
    (parts.next().unwrap_or_default(), parts.collect())
}

impl fmt::Display for Measure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.metric)?;
        match (self.argument, &self.scope) {
            (None, None) => Ok(()),
            (None, Some(scope)) => write!(out, "({scope})"),
            (Some(seconds), None) => write!(out, "({})", units::exact_time((seconds * 1e9).round() as u64)),
            (Some(seconds), Some(scope)) => {
                write!(out, "({}, {scope})", units::exact_time((seconds * 1e9).round() as u64))
            }
        }
    }
}

impl Read for Objective {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Some(text) = node.text() else { return reader.unexpected(node, "an objective, as \"p99 < 250ms\"") };
        match Self::parse(text) {
            Ok(objective) => Some(Self { at: Place::of(node), ..objective }),
            Err(wrong) => reader.error_help(node, format!("found {}", node.describe()), wrong),
        }
    }

    fn shape() -> Shape {
        Shape::Syntax {
            doc: "what must hold: p99(web) < 250ms, within(200ms) > 99%, utilization(web.workers) < 80%",
            pattern: r"^.+(<|<=|>|>=).+$",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        match Objective::parse(text) {
            Ok(Objective { measure, comparison, value, .. }) => format!("{measure} {} {value}", comparison.sign()),
            Err(wrong) => wrong,
        }
    }

    #[test]
    fn objectives_are_read() {
        for (text, expected) in [
            ("p99 < 250ms", "p99 < 0.25"),
            ("p99(web)<250ms", "p99(web) < 0.25"),
            ("p(95)<500ms", "p95 < 0.5"),
            ("p(95)<500", "p95 < 0.5"),
            ("rate<0.1", "error_rate < 0.1"),
            ("memory(web) < 8GB", "memory(web) < 8000000000"),
            ("p(99.9, web) < 1s", "p99.9(web) < 1"),
            ("p99.9 <= 1s", "p99.9 <= 1"),
            ("within(200ms) > 99%", "within(200ms) > 0.99"),
            ("within(200ms, browse) > 99%", "within(200ms, browse) > 0.99"),
            ("error_rate < 0.1%", "error_rate < 0.001"),
            ("utilization(web.workers) < 80%", "utilization(web.workers) < 0.8"),
            ("throughput > 800/s", "throughput > 800"),
            ("queue_max(orders/shard[1]) < 20", "queue_max(orders/shard[1]) < 20"),
            ("p99(orders-pool.wait) < 5ms", "p99(orders-pool.wait) < 0.005"),
            ("cost < 1200", "cost < 1200"),
            ("cost(web) <= 70.5", "cost(web) <= 70.5"),
            ("hit_ratio(redis) >= 0.8", "hit_ratio(redis) >= 0.8"),
        ] {
            assert_eq!(parsed(text), expected, "{text}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        for (text, part) in [
            ("", "expected a metric"),
            ("p99", "expected a metric"),
            ("p99 < ", "expected a metric"),
            ("p99 < 250", "250ms"),
            ("p101 < 1s", "unknown metric"),
            ("eror_rate < 1%", "did you mean error_rate?"),
            ("within < 99%", "as in within(250ms)"),
            ("p99(we b) < 1s", "expected a class"),
            ("p99(web < 1s", "expected a bracket"),
            ("cost < 4/s", "a number"),
            ("p99 == 1s", "compares with"),
            ("p99 < 1s < 2s", "expected a metric"),
        ] {
            let wrong = Objective::parse(text).map(|objective| objective.text).expect_err(text);
            assert!(wrong.contains(part), "{text}: {wrong}");
        }
    }
}
