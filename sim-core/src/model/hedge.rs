//! Hedges: a second copy of a call that takes long.

use super::node::{Node, Value};
use super::spec::{Read, Reader, Shape};
use super::units;
use super::value::{Count, Time};
use crate::spec;

spec! {
    /// Sends another copy of a call that takes long, to another replica; the first good answer wins.
    pub struct Hedge, short("after") {
        /// How long each copy is waited for before the next is sent: a time, or a percentile of what calls took.
        after: After = required;
        /// How many copies there may be besides the first.
        max: Count = default(1).range(1, 20);
        /// The losers are called off half a round trip later, and free what they hold; else their work goes on.
        cancel: bool = default(false);
        /// Whether writes are hedged too.
        writes: bool = default(false);
    }
}

/// When the next copy of a call is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum After {
    /// After so long.
    Time(Time),
    /// After the time in which this share of the calls has ended, as far as the caller has seen.
    Percentile(f64),
}

const AFTER: &str = "a time, as \"50ms\", or a percentile, as \"p95\"";

impl Read for After {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let percentile = |text: &str| units::number(text.trim().strip_prefix('p')?).ok();
        match &node.value {
            Value::String(text) if text.trim().starts_with('p') => match percentile(text) {
                Some(percent) if percent > 0.0 && percent < 100.0 => Some(Self::Percentile(percent / 100.0)),
                Some(_) | None => reader.unexpected(node, AFTER),
            },
            Value::String(_) => Time::read(node, reader).map(Self::Time),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => {
                reader.unexpected(node, AFTER)
            }
        }
    }

    fn shape() -> Shape {
        Shape::Syntax { doc: "a time, or a percentile: p95", pattern: r"^\s*(p[0-9]+(\.[0-9]+)?|[0-9].*)\s*$" }
    }
}
