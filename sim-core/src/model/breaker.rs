//! Circuit breakers of links.

use super::node::{Node, Value};
use super::spec::{Read, Reader, Shape};
use super::value::{Count, Share, Time};
use crate::spec;

spec! {
    /// Stops calling for a while when too many calls end badly or slowly; calls are `circuit_open` then. Rules and defaults are resilience4j's.
    pub struct Breaker {
        /// It opens after so many bad calls in a row.
        consecutive: Count = optional.range(1, 1_000_000);
        /// It opens at so many bad calls in the window.
        failures: Count = optional.range(1, 1_000_000);
        /// It opens when at least this share of the calls in the window is bad; without any other limit, 50%.
        error_rate: Share = optional;
        /// It opens when at least a share of the calls in the window is slow.
        slow_calls: SlowCalls = optional;
        /// Which calls count: the last so many, or those of so many whole seconds.
        window: Window = default(100);
        /// The fewest calls that shares are taken of; a window of fewer calls needs no more than these.
        min_calls: Count = default(100).range(1, 1_000_000);
        /// How long it refuses all calls; the first call after that finds it half-open.
        open: Time = default("60s").at_least("1ns");
        /// How many calls it lets through to find out, half-open, before it closes or opens again.
        half_open: Count = default(10).range(1, 1_000_000);
    }
}

spec! {
    /// Which calls are slow, and how many of them are too many.
    pub struct SlowCalls, short("above") {
        /// Calls that take longer are slow.
        above: Time = required.at_least("1ns");
        /// The share of slow calls at which it opens.
        share: Share = default("100%");
    }
}

/// Which calls count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The last so many.
    Calls(u32),
    /// Those of the last so many seconds.
    Seconds(u32),
}

const WINDOW: &str = "a number of calls from 1 to 1000000, or whole seconds, as \"60s\"";

impl Read for Window {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Number(_) => match Count::read(node, reader)?.0 {
                calls @ 1..=1_000_000 => Some(Self::Calls(calls as u32)),
                _ => reader.unexpected(node, WINDOW),
            },
            Value::String(_) => {
                let Time(ns) = Time::read(node, reader)?;
                let seconds = ns / 1_000_000_000;
                if ns % 1_000_000_000 != 0 || !(1..=1_000_000).contains(&seconds) {
                    return reader.unexpected(node, WINDOW);
                }
                Some(Self::Seconds(seconds as u32))
            }
            Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => reader.unexpected(node, WINDOW),
        }
    }

    fn shape() -> Shape {
        Shape::Any(vec![Count::shape(), Time::shape()])
    }
}
