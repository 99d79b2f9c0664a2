//! Hashes of what a model says.

use super::node::{Node, Value};
use super::spec::is_note;

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// A hash of several things, each with its kind and length, so that none runs into the next.
pub struct Hasher(u64);

impl Default for Hasher {
    fn default() -> Self {
        Self(OFFSET)
    }
}

impl Hasher {
    /// Adds bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    }

    /// Adds a number.
    pub fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes(text.as_bytes());
    }

    /// The hash.
    pub fn finish(self) -> u64 {
        self.0
    }

    /// Adds a tree: fields by name, without notes, layout and what is null.
    pub fn node(&mut self, node: &Node) {
        match &node.value {
            Value::Null => self.bytes(b"n"),
            Value::Bool(value) => self.bytes(if *value { b"t" } else { b"f" }),
            Value::Number(number) => {
                self.bytes(b"d");
                // One zero, whatever its sign.
                self.number((number.value + 0.0).to_bits());
            }
            Value::String(text) => {
                self.bytes(b"s");
                self.text(text);
            }
            Value::List(items) => {
                self.bytes(b"l");
                self.number(items.len() as u64);
                items.iter().for_each(|item| self.node(item));
            }
            Value::Map(entries) => {
                let mut entries: Vec<&(String, Node)> =
                    entries.iter().filter(|(key, value)| !is_note(key) && value.value != Value::Null).collect();
                entries.sort_by(|left, right| left.0.cmp(&right.0));
                self.bytes(b"m");
                self.number(entries.len() as u64);
                for (key, value) in entries {
                    self.text(key);
                    self.node(value);
                }
            }
        }
    }
}
