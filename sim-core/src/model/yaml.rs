//! YAML into the tree, from the events of a parser. Scalars are those of the core schema.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::diagnostic::{Diagnostic, Diagnostics};
use super::node::{Node, Number, Value, join, shortened};
use super::reading::{DEPTH_MAX, check_key, number};

/// How many nodes aliases may add to a document.
const ALIAS_NODES_MAX: usize = 100_000;

/// Reads a YAML document.
pub fn parse(text: &str) -> Result<Node, Diagnostics> {
    let mut building = Building::default();
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => building.event(event, span).map_err(Diagnostics::from)?,
            Err(error) => {
                let line = line_number(error.marker().line());
                if error.info().contains("recursion limit") {
                    return Err(super::reading::too_deep("", line).into());
                }
                let found =
                    format!("this is no YAML: {} (line {line}, column {})", error.info(), error.marker().col() + 1);
                return Err(Diagnostic::error("", line, found).into());
            }
        }
    }
    match building.root {
        Some(root) if !building.mistakes.has_errors() => Ok(root.moved("")),
        Some(_) => Err(building.mistakes),
        None => Err(super::reading::empty().into()),
    }
}

fn line_number(line: usize) -> u32 {
    u32::try_from(line.max(1)).unwrap_or(u32::MAX)
}

/// Something begun and not yet ended.
enum Open {
    List {
        items: Vec<Node>,
        anchor: usize,
        line: u32,
    },
    Map {
        entries: Vec<(String, Node)>,
        keys: std::collections::BTreeSet<String>,
        key: Option<(String, u32)>,
        anchor: usize,
        line: u32,
    },
}

#[derive(Default)]
struct Building {
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    anchors: BTreeMap<usize, Node>,
    alias_nodes: usize,
    mistakes: Diagnostics,
}

impl Building {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        let line = line_number(span.start.line());
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(
                        Diagnostic::error("", line, "found a second document").expected("one document in a file")
                    );
                }
                Ok(())
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    return Err(Diagnostic::error(
                        self.path(),
                        line,
                        "found an alias of something that is not there yet",
                    ));
                };
                self.alias_nodes += count(node);
                self.within_budget(line)?;
                let node = Node { line, ..node.clone() };
                self.ended(node, 0)
            }
            Event::Scalar(text, style, anchor, tag) => {
                if let Some(tag) = tag {
                    return Err(self.tagged(&tag.to_string(), line));
                }
                let at_key = matches!(self.open.last(), Some(Open::Map { key: None, .. }));
                if at_key {
                    return self.key(text.into_owned(), line);
                }
                let value = scalar(&text, style).map_err(|found| {
                    Diagnostic::error(self.path(), line, found).expected("a number that is not so large")
                })?;
                self.ended(Node { value, path: String::new(), line }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(line, tag.map(|tag| tag.to_string()))?;
                self.open.push(Open::List { items: Vec::new(), anchor, line });
                Ok(())
            }
            Event::MappingStart(anchor, tag) => {
                self.begin(line, tag.map(|tag| tag.to_string()))?;
                self.open.push(Open::Map { entries: Vec::new(), keys: Default::default(), key: None, anchor, line });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { items, anchor, line }) => {
                    self.ended(Node { value: Value::List(items), path: String::new(), line }, anchor)
                }
                Some(Open::Map { entries, anchor, line, .. }) => {
                    self.find_torn(&entries);
                    self.ended(Node { value: Value::Map(entries), path: String::new(), line }, anchor)
                }
                None => Ok(()),
            },
        }
    }

    fn begin(&mut self, line: u32, tag: Option<String>) -> Result<(), Diagnostic> {
        if let Some(tag) = tag {
            return Err(self.tagged(&tag, line));
        }
        if self.open.len() > DEPTH_MAX {
            return Err(super::reading::too_deep(&self.path(), line));
        }
        if matches!(self.open.last(), Some(Open::Map { key: None, .. })) {
            return Err(
                Diagnostic::error(self.path(), line, "found a list or a map as a key").expected("a text as a key")
            );
        }
        Ok(())
    }

    fn tagged(&self, tag: &str, line: u32) -> Diagnostic {
        Diagnostic::error(self.path(), line, format!("found the tag {}", shortened(tag)))
            .expected("a value without a tag")
    }

    fn key(&mut self, text: String, line: u32) -> Result<(), Diagnostic> {
        let path = self.path();
        if let Some(Open::Map { keys, key, .. }) = self.open.last_mut() {
            let first = keys.insert(text.clone());
            if let Err(mistake) = check_key(&text, &path, line, first) {
                self.mistakes.push(mistake);
            }
            *key = Some((text, line));
        }
        Ok(())
    }

    /// Copies are what makes a small text a large document.
    fn within_budget(&self, line: u32) -> Result<(), Diagnostic> {
        if self.alias_nodes <= ALIAS_NODES_MAX {
            return Ok(());
        }
        Err(Diagnostic::error(self.path(), line, "the aliases make the document too large")
            .expected(format!("at most {ALIAS_NODES_MAX} values by way of aliases")))
    }

    /// Puts what has ended where it belongs.
    fn ended(&mut self, node: Node, anchor: usize) -> Result<(), Diagnostic> {
        if anchor > 0 {
            self.alias_nodes += count(&node);
            self.within_budget(node.line)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some((name, line)) => entries.push((name, Node { line, ..node })),
                None => {
                    let line = node.line;
                    return Err(Diagnostic::error(self.path(), line, "found no key").expected("a text as a key"));
                }
            },
        }
        Ok(())
    }

    /// Tells of values that a comma has torn apart, as in `{ rtt: lognormal(4ms, cv=0.8) }`.
    fn find_torn(&mut self, entries: &[(String, Node)]) {
        for (at, (name, node)) in entries.iter().enumerate() {
            let Value::String(begun) = &node.value else { continue };
            let mut whole = begun.clone();
            for (more, _) in entries[at + 1..].iter().take_while(|(_, node)| node.value == Value::Null) {
                if open_brackets(&whole) <= 0 {
                    break;
                }
                whole = format!("{whole}, {more}");
            }
            if open_brackets(begun) > 0 && open_brackets(&whole) == 0 {
                let found = format!("found {begun:?}: inside {{ }} a comma ends a value");
                self.mistakes.push(
                    Diagnostic::error(join(&self.path(), name), node.line, found)
                        .expected(format!("it in quotes: {whole:?}")),
                );
            }
        }
    }

    /// The path of what comes next.
    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.open {
            match open {
                Open::List { items, .. } => path = format!("{path}[{}]", items.len()),
                Open::Map { key: Some((key, _)), .. } => path = join(&path, key),
                Open::Map { key: None, .. } => {}
            }
        }
        path
    }
}

/// How many round brackets are open at the end of a text.
fn open_brackets(text: &str) -> i64 {
    text.chars().map(|letter| i64::from(letter == '(') - i64::from(letter == ')')).sum()
}

fn count(node: &Node) -> usize {
    let mut all = 0_usize;
    let mut left = vec![node];
    while let Some(node) = left.pop() {
        all += 1;
        left.extend(node.items());
        left.extend(node.entries().iter().map(|(_, value)| value));
    }
    all
}

/// A scalar by the core schema; the error says what was found.
fn scalar(text: &str, style: ScalarStyle) -> Result<Value, String> {
    if style != ScalarStyle::Plain {
        return Ok(Value::String(text.to_string()));
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Err(format!("found {text}"));
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix)
            && let Ok(value) = u64::from_str_radix(digits, radix)
            && !digits.starts_with('+')
        {
            return Ok(Value::Number(Number { value: value as f64, text: value.to_string() }));
        }
    }
    if !is_number(unsigned) {
        return Ok(Value::String(text.to_string()));
    }
    match number(text) {
        Some(value) => Ok(Value::Number(Number { value, text: text.to_string() })),
        None => Err(format!("found {}", shortened(text))),
    }
}

/// `[0-9]+ (. [0-9]*)?` or `. [0-9]+`, and an exponent.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(text[at + 1..].strip_prefix(['-', '+']).unwrap_or(&text[at + 1..]))),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    has_digits
        && digits(whole)
        && digits(fraction)
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}
