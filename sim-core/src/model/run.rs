//! `run`: seed, warm-up, window, drain, limits.

use super::node::{EMPTY_MAP, Node};
use super::shape::Choice;
use super::spec::{Read, Reader, Shape};
use super::value::{Count, Time};
use crate::spec;

spec! {
    /// How a run is made: what it starts from, how long it lasts, when it gives up.
    pub struct Run {
        /// Where every draw comes from: the same model and seed give the same results, to the bit.
        seed: Count = default(1);
        /// Runs before the window at the load of t = 0, so that the window starts neither empty nor cold; `auto` finds
        /// how long in pilot runs, at most as long as the window.
        warmup: Warmup = default("0s").range("0s", "3650d");
        /// The window that is measured: [0, duration).
        duration: Time = required.range("1us", "3650d");
        /// How long after the window its unfinished requests are waited for.
        drain: Time = default("1m").range("0s", "3650d");
        /// Where a run that grows without end is stopped.
        limits: Limits = default(EMPTY_MAP);
    }
}

spec! {
    /// Where a run that grows without end is stopped.
    pub struct Limits {
        /// Calls in progress at one moment.
        calls_in_flight: Count = default(5_000_000).range(1, 100_000_000);
        /// Events of the whole run.
        events: Count = default(20_000_000_000_u64).at_least(1);
    }
}

/// How long a run goes on before the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warmup {
    /// So long.
    For(Time),
    /// As long as pilot runs take to forget how they began.
    Auto,
}

impl Read for Warmup {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        if node.text() == Some("auto") {
            return Some(Self::Auto);
        }
        // Whoever writes a word means the other way of saying it.
        if node.text().is_some_and(|text| text.starts_with(|letter: char| letter.is_ascii_alphabetic())) {
            return reader.unexpected(node, "a time with a unit (30s, 5m), or auto");
        }
        Time::read(node, reader).map(Self::For)
    }

    fn shape() -> Shape {
        let auto = Choice { word: "auto", doc: "as long as pilot runs take to forget how they began" };
        Shape::Any(vec![Time::shape(), Shape::Choice(vec![auto])])
    }

    fn magnitude(&self) -> Option<f64> {
        match self {
            Self::For(time) => time.magnitude(),
            Self::Auto => None,
        }
    }
}
