//! The tree that a model file is: every node knows its path and its line.

use std::fmt;

/// One value of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What stands there.
    pub value: Value,
    /// Where in the tree: `components.web.handlers.browse[0].cpu`; empty for the root.
    pub path: String,
    /// The line of the file, from 1; 0 where there is none (a setting of the command line).
    pub line: u32,
}

/// What stands at a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing; the same as left out.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, finite.
    Number(Number),
    /// Text.
    String(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file; no key twice.
    Map(Vec<(String, Node)>),
}

/// A number and how it was written.
#[derive(Debug, Clone)]
pub struct Number {
    /// Its value, finite.
    pub value: f64,
    /// As it stands in the file.
    pub text: String,
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Node {
    /// Whether a map in it has this key, at any depth.
    pub fn mentions(&self, key: &str) -> bool {
        match &self.value {
            Value::Map(entries) => entries.iter().any(|(name, node)| name == key || node.mentions(key)),
            Value::List(items) => items.iter().any(|item| item.mentions(key)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }

    /// A node that no file holds.
    pub fn new(value: impl Into<Value>, path: impl Into<String>) -> Self {
        Self { value: value.into(), path: path.into(), line: 0 }
    }

    /// A field of a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// A field of a map, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        match &mut self.value {
            Value::Map(entries) => entries.iter_mut().find(|(name, _)| name == key).map(|(_, node)| node),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_) => None,
        }
    }

    /// Takes a field out of a map.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        match &mut self.value {
            Value::Map(entries) => {
                let index = entries.iter().position(|(name, _)| name == key)?;
                Some(entries.remove(index).1)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_) => None,
        }
    }

    /// Puts a field into a map, in place of one of that name.
    pub fn insert(&mut self, key: &str, node: Node) {
        if let Some(there) = self.get_mut(key) {
            *there = node;
        } else if let Value::Map(entries) = &mut self.value {
            entries.push((key.to_string(), node));
        }
    }

    /// The fields of a map; of anything else none.
    pub fn entries(&self) -> &[(String, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_) => &[],
        }
    }

    /// The items of a list; of anything else none.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Map(_) => &[],
        }
    }

    /// The text, where it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// For messages: `"20"`, `20`, `a list`.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing (null)".to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => shortened(&number.text),
            Value::String(text) if text.is_empty() => "an empty text".to_string(),
            Value::String(text) => format!("\"{}\"", shortened(text)),
            Value::List(items) if items.is_empty() => "an empty list".to_string(),
            Value::List(_) => "a list".to_string(),
            Value::Map(entries) if entries.is_empty() => "an empty map".to_string(),
            Value::Map(_) => "a map".to_string(),
        }
    }

    /// Like [`Node::describe`], text without its quotes.
    pub fn describe_bare(&self) -> String {
        match &self.value {
            Value::String(text) => shortened(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => self.describe(),
        }
    }

    /// The same tree at another path.
    pub fn moved(mut self, path: &str) -> Node {
        match &mut self.value {
            Value::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    *item = take(item).moved(&format!("{path}[{index}]"));
                }
            }
            Value::Map(entries) => {
                for (key, node) in entries {
                    *node = take(node).moved(&join(path, key));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        self.path = path.to_string();
        self
    }
}

fn take(node: &mut Node) -> Node {
    std::mem::replace(node, Node { value: Value::Null, path: String::new(), line: 0 })
}

/// The path of a field.
pub fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }
}

/// Text for a message: at most 60 characters, control characters made visible.
pub fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(60).flat_map(visible).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

fn visible(letter: char) -> Vec<char> {
    if letter.is_control() { letter.escape_default().collect() } else { vec![letter] }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_string())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Number(Number { value: f64::from(value), text: value.to_string() })
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Number(Number { value: value as f64, text: value.to_string() })
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(Number { value, text: value.to_string() })
    }
}

/// A default: a list without items.
pub const EMPTY_LIST: Empty = Empty::List;
/// A default: a map without fields.
pub const EMPTY_MAP: Empty = Empty::Map;

/// A default that holds nothing.
#[derive(Debug, Clone, Copy)]
pub enum Empty {
    /// A list without items.
    List,
    /// A map without fields.
    Map,
}

impl From<Empty> for Value {
    fn from(empty: Empty) -> Self {
        match empty {
            Empty::List => Self::List(Vec::new()),
            Empty::Map => Self::Map(Vec::new()),
        }
    }
}

impl From<&[&str]> for Value {
    fn from(words: &[&str]) -> Self {
        Self::List(words.iter().map(|word| Node::new(*word, "")).collect())
    }
}

impl fmt::Display for Node {
    /// As compact JSON.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match &self.value {
            Value::Null => out.write_str("null"),
            Value::Bool(value) => write!(out, "{value}"),
            Value::Number(number) => out.write_str(&number.text),
            Value::String(text) => out.write_str(&quoted(text)),
            Value::List(items) => {
                out.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(out, "{}{item}", if index > 0 { "," } else { "" })?;
                }
                out.write_str("]")
            }
            Value::Map(entries) => {
                out.write_str("{")?;
                for (index, (key, node)) in entries.iter().enumerate() {
                    write!(out, "{}{}:{node}", if index > 0 { "," } else { "" }, quoted(key))?;
                }
                out.write_str("}")
            }
        }
    }
}
