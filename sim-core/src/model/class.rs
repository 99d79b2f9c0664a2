//! Classes: what clients ask for.

use super::node::{EMPTY_LIST, Node, Value};
use super::spec::Referent;
use super::spec::{Read, Reader, Shape};
use super::value::{Count, Name, SizeDistribution, Time};
use crate::spec;

spec! {
    /// A kind of request.
    pub struct Class {
        /// The keyspace that it asks for a key of.
        key: Name = optional.refers(Referent::Keyspace);
        /// How much it carries: reads in the response, writes in the request.
        size: SizeDistribution = optional;
        /// Whether it changes what it asks for.
        write: bool = default(false);
        /// Queues with `order: priority` take the higher first.
        priority: Count = default(0).range(0, 1000);
        /// Whether each version of its data is an item of its own in caches, as with a hash in the address: no read is stale.
        version: bool = default(false);
        /// What its items in caches are tagged with: `news`, or by key `course(key)`, `course(key / 20)`, `shard(key % 16)`.
        tags: Vec<Tag> = default(EMPTY_LIST);
        /// For how long a CDN may keep its answers (Cache-Control: max-age, s-maxage); left out, as the CDN's `ttl` says.
        max_age: Time = optional;
        /// Whether a CDN may not keep its answers (Cache-Control: no-store, no-cache, private).
        no_store: bool = default(false);
        /// How long its requests are wanted: the client gives up then, and work past it is refused everywhere.
        deadline: Time = optional.at_least("1ns");
        /// Whether its requests may be tried again and hedged; left out, reads may, and writes where the link says so.
        retryable: bool = optional;
    }
}

/// What an item in a cache is tagged with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The tag's name.
    pub name: String,
    /// How it depends on the item's key.
    pub by: TagBy,
}

/// How a tag depends on the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagBy {
    /// One tag for all.
    Nothing,
    /// One for each so many keys that follow each other.
    Divided(u64),
    /// One for each remainder of the key.
    Remainder(u64),
}

const TAG: &str = "a name, name(key), name(key / 20) or name(key % 16)";

impl Tag {
    fn parse(text: &str) -> Option<Self> {
        let (name, rest) = match text.split_once('(') {
            Some((name, rest)) => (name.trim(), Some(rest.trim_end().strip_suffix(')')?.trim())),
            None => (text.trim(), None),
        };
        if !super::address::is_name(name) {
            return None;
        }
        let by = match rest {
            None => TagBy::Nothing,
            Some(rest) => {
                let rest = rest.strip_prefix("key")?.trim();
                let number = |digits: &str| digits.trim().parse().ok().filter(|&number: &u64| number > 0);
                match rest.chars().next() {
                    None => TagBy::Divided(1),
                    Some('/') => TagBy::Divided(number(&rest[1..])?),
                    Some('%') => TagBy::Remainder(number(&rest[1..])?),
                    Some(_) => return None,
                }
            }
        };
        Some(Self { name: name.to_string(), by })
    }
}

impl Read for Tag {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let tag = match &node.value {
            Value::String(text) => Tag::parse(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => None,
        };
        tag.or_else(|| reader.unexpected(node, TAG))
    }

    fn shape() -> Shape {
        Shape::Syntax { doc: TAG, pattern: r"^\s*[A-Za-z0-9_-]+\s*(\(\s*key\s*([/%]\s*[0-9]+\s*)?\)\s*)?$" }
    }
}
