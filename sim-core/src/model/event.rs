//! Events: what changes at a moment.

use super::address::Address;
use super::node::{Node, Value};
use super::spec::{Place, Read, Reader, Shape};
use super::value::{Count, OneOrMany, Share, Time};
use crate::policy::rolling_update::{self, Pace};
use crate::{choices, spec};

spec! {
    /// Something that changes at a moment: a setting, or an action.
    pub struct Event {
        /// When, from the start of the window.
        at_time: Time = required.named("at");
        /// Settings by path: `{ "orders.shards": 5 }`.
        set: Settings = optional;
        /// An action.
        action: Action = optional.named("do");
        /// What the action is done to.
        target: OneOrMany<Address> = optional;
        /// With `purge`, `flush` or `invalidate`: what is kept only ends, as if its time to live were over, and may still be served as what is stale may (Fastly's soft purge).
        soft: bool = default(false);
        /// How many replicas a `deploy` may have beyond those that are wanted: a number or a share, rounded up (Kubernetes).
        max_surge: Amount = default("25%");
        /// How many of those that are wanted may be missing in a `deploy`: a number or a share, rounded down (Kubernetes).
        max_unavailable: Amount = default("25%");
    }
}

/// New values of fields that may change while running, by path.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings(pub Vec<Setting>);

/// A new value of a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The path, as written: `orders.shards`.
    pub path: String,
    /// The new value.
    pub value: Node,
    /// Where it was written.
    pub at: Place,
}

choices! {
    /// What can be done to a component while it runs.
    pub enum Action {
        /// A cache forgets everything.
        Flush = "flush";
        /// The same: all items of a cache are no longer good.
        Invalidate = "invalidate";
        /// A CDN, or a cache, forgets everything, everywhere.
        Purge = "purge";
        /// A cache is filled with what its `warm` says.
        Warm = "warm";
        /// A server pool's replicas are replaced by new ones, a few at a time.
        Deploy = "deploy";
        /// Instances stop with all that is in them, and start again.
        Restart = "restart";
    }
}

impl Event {
    /// How fast a `deploy` goes.
    pub fn pace(&self) -> Pace {
        Pace { surge: self.max_surge.0, unavailable: self.max_unavailable.0 }
    }
}

/// A number of replicas, or a share of those that are wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amount(pub rolling_update::Amount);

impl Read for Amount {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let amount = match &node.value {
            Value::Number(_) => rolling_update::Amount::Count(Count::read(node, reader)?.0.min(100_000) as u32),
            Value::String(_) => rolling_update::Amount::Share(Share::read(node, reader)?.0),
            Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => {
                return reader.unexpected(node, "a number of replicas, or a share of them");
            }
        };
        Some(Self(amount))
    }

    fn shape() -> Shape {
        Shape::Any(vec![Count::shape(), Share::shape()])
    }
}

impl Read for Settings {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            return reader.unexpected(node, "a map from paths to values, as { \"web.replicas\": 6 }");
        };
        if entries.is_empty() {
            return reader.unexpected(node, "a map from paths to values, as { \"web.replicas\": 6 }");
        }
        let setting =
            |(path, value): &(String, Node)| Setting { path: path.clone(), value: value.clone(), at: Place::of(value) };
        Some(Self(entries.iter().filter(|(key, _)| !super::spec::is_note(key)).map(setting).collect()))
    }

    fn shape() -> Shape {
        Shape::Map(Box::new(Shape::Any(Vec::new())))
    }
}
