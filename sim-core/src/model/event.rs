//! Events: what changes at a moment.

use super::address::Address;
use super::node::{Node, Value};
use super::spec::{Place, Read, Reader, Shape};
use super::value::{OneOrMany, Time};
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
        later ["deploy", "restart"];
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
