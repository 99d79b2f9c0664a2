//! JSON into the tree. serde_json reads it level by level, so that every value's place in the text is known.

use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::node::{Node, Number, Value, join, shortened};
use super::reading::{DEPTH_MAX, Lines, check_key, number};

/// Reads a JSON document.
pub fn parse(text: &str) -> Result<Node, Diagnostics> {
    let lines = Lines::new(text);
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| syntax("", 0, &error))?;
    let mut reading = Reading { text, lines, diagnostics: Diagnostics::default() };
    let root = reading.node(raw, String::new(), 0);
    match root {
        Some(root) if !reading.diagnostics.has_errors() => Ok(root),
        Some(_) | None => Err(reading.diagnostics),
    }
}

/// Reads a JSON value that stands alone, as `--set` gives it; `None` where it is none.
pub fn parse_value(text: &str, path: &str) -> Option<Node> {
    let raw: &RawValue = serde_json::from_str(text).ok()?;
    let mut reading = Reading { text, lines: Lines::new(text), diagnostics: Diagnostics::default() };
    let node = reading.node(raw, path.to_string(), 0)?;
    (!reading.diagnostics.has_errors()).then(|| without_lines(node))
}

fn without_lines(mut node: Node) -> Node {
    node.line = 0;
    match &mut node.value {
        Value::List(items) => {
            for item in items {
                *item = without_lines(item.clone());
            }
        }
        Value::Map(entries) => {
            for (_, value) in entries {
                *value = without_lines(value.clone());
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    node
}

fn syntax(path: &str, first_line: usize, error: &serde_json::Error) -> Diagnostics {
    let told = error.to_string();
    let told = told.split(" at line ").next().unwrap_or_default();
    let line = u32::try_from(first_line + error.line()).unwrap_or(u32::MAX);
    let found = format!("this is no JSON: {told} (line {line}, column {})", error.column());
    Diagnostic::error(path, line, found).into()
}

struct Reading<'t> {
    text: &'t str,
    lines: Lines,
    diagnostics: Diagnostics,
}

impl<'t> Reading<'t> {
    fn line(&self, raw: &RawValue) -> u32 {
        let offset = (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        self.lines.at(offset)
    }

    fn node(&mut self, raw: &'t RawValue, path: String, depth: usize) -> Option<Node> {
        let line = self.line(raw);
        if depth > DEPTH_MAX {
            self.diagnostics.push(super::reading::too_deep(&path, line));
            return None;
        }
        let json = raw.get();
        let value = match json.as_bytes().first() {
            Some(b'{') => self.map(json, &path, line, depth)?,
            Some(b'[') => self.list(json, &path, line, depth)?,
            Some(b'"') => match serde_json::from_str(json) {
                Ok(text) => Value::String(text),
                Err(error) => {
                    self.diagnostics.append(syntax(&path, line as usize - 1, &error));
                    return None;
                }
            },
            Some(b't') => Value::Bool(true),
            Some(b'f') => Value::Bool(false),
            Some(b'n') | None => Value::Null,
            Some(_) => match number(json) {
                Some(value) => Value::Number(Number { value, text: json.to_string() }),
                None => {
                    let found = format!("found {}", shortened(json));
                    self.diagnostics
                        .push(Diagnostic::error(&path, line, found).expected("a number that is not so large"));
                    return None;
                }
            },
        };
        Some(Node { value, path, line })
    }

    fn list(&mut self, json: &'t str, path: &str, line: u32, depth: usize) -> Option<Value> {
        let Items(items) = match read(json) {
            Ok(items) => items,
            Err(error) => {
                self.diagnostics.append(syntax(path, line as usize - 1, &error));
                return None;
            }
        };
        let nodes: Vec<Option<Node>> = items
            .into_iter()
            .enumerate()
            .map(|(index, item)| self.node(item, format!("{path}[{index}]"), depth + 1))
            .collect();
        nodes.into_iter().collect::<Option<Vec<Node>>>().map(Value::List)
    }

    fn map(&mut self, json: &'t str, path: &str, line: u32, depth: usize) -> Option<Value> {
        let Entries(entries) = match read(json) {
            Ok(entries) => entries,
            Err(error) => {
                self.diagnostics.append(syntax(path, line as usize - 1, &error));
                return None;
            }
        };
        let mut seen = std::collections::BTreeSet::new();
        let mut nodes = Vec::with_capacity(entries.len());
        let mut whole = true;
        for (key, raw) in entries {
            if let Err(mistake) = check_key(&key, path, self.line(raw), seen.insert(key.clone())) {
                self.diagnostics.push(mistake);
                whole = false;
                continue;
            }
            match self.node(raw, join(path, &key), depth + 1) {
                Some(node) => nodes.push((key, node)),
                None => whole = false,
            }
        }
        whole.then_some(Value::Map(nodes))
    }
}

/// A map as its keys and the text of its values, in the order of the file, doubles and all.
struct Entries<'t>(Vec<(String, &'t RawValue)>);
/// A list as the text of its items.
struct Items<'t>(Vec<&'t RawValue>);

fn read<'t, T: serde::Deserialize<'t>>(json: &'t str) -> Result<T, serde_json::Error> {
    serde_json::from_str(json)
}

impl<'t> serde::Deserialize<'t> for Entries<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'t> Visitor<'t> for Visit {
            type Value = Entries<'t>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a map")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Entries<'t>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry::<String, &'t RawValue>()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Visit)
    }
}

impl<'t> serde::Deserialize<'t> for Items<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'t> Visitor<'t> for Visit {
            type Value = Items<'t>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'t>>(self, mut list: A) -> Result<Items<'t>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element::<&'t RawValue>()? {
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(Visit)
    }
}
