//! Faults: events with an end.

use super::address::Address;
use super::node::{Node, Value};
use super::spec::{Choice, Read, Reader, Shape};
use super::value::{Factor, OneOrMany, Time};
use crate::spec;

spec! {
    /// A failure with an end.
    pub struct Fault {
        /// When it begins, from the start of the window.
        at_time: Time = required.named("at");
        /// How long it lasts.
        duration: Time = required.named("for").at_least("1ns");
        /// What fails: components or instances.
        target: OneOrMany<Address> = required;
        /// How it fails.
        kind: FaultKind = required;
        /// How many times slower, for `slow`.
        factor: Factor = optional.range(1, 1_000_000);
        later ["mtbf", "mttr", "from", "to", "share", "latency", "error_rate"];
    }
}

/// How something fails.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FaultKind {
    /// All in flight and queued fail at once; it comes back after its `startup`, cold.
    Crash,
    /// Everything takes longer by a factor.
    Slow {
        /// How many times longer; `None` where it stands in the fault's own `factor`.
        factor: Option<Factor>,
    },
}

const KINDS: [&str; 2] = ["crash", "slow"];
const LATER_KINDS: [&str; 8] =
    ["error-rate", "partition", "latency", "flush", "zone-outage", "zone outage", "stall", "loss"];

impl Fault {
    /// How many times slower it makes things; 1 for a crash.
    pub fn slow_factor(&self) -> f64 {
        match self.kind {
            FaultKind::Crash => 1.0,
            FaultKind::Slow { factor } => factor.or(self.factor).map_or(1.0, |factor| factor.0),
        }
    }
}

spec! {
    /// What `slow` needs.
    pub struct SlowKind, short("factor") {
        /// How many times slower.
        factor: Factor = required.range(1, 1_000_000);
    }
}

impl Read for FaultKind {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let (word, inner) = match &node.value {
            Value::String(word) => (word.as_str(), None),
            Value::Map(entries) if entries.len() == 1 => (entries[0].0.as_str(), Some(&entries[0].1)),
            Value::Map(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => {
                return reader.unexpected(node, "crash or slow");
            }
        };
        match (word, inner) {
            ("crash", None) => Some(Self::Crash),
            ("slow", None) => Some(Self::Slow { factor: None }),
            ("slow", Some(inner)) => SlowKind::read(inner, reader).map(|slow| Self::Slow { factor: Some(slow.factor) }),
            (later, _) if LATER_KINDS.contains(&later) => reader.later(node, later),
            (wrong, _) => super::spec::wrong_word(node, reader, wrong, &KINDS),
        }
    }

    fn shape() -> Shape {
        let choice = |word, doc| Choice { word, doc };
        Shape::Any(vec![
            Shape::Choice(vec![
                choice("crash", "all in flight and queued fail at once; it comes back after its startup, cold"),
                choice("slow", "everything takes longer by `factor`"),
            ]),
            Shape::Map(Box::new(SlowKind::shape())),
        ])
    }
}
