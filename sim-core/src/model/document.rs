//! A model file as a tree that can be asked and changed by path.

use super::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use super::node::{Node, Value, join, shortened};
use super::path::{self, Declared, Segment};
use super::reading;
use super::spec::{Read, Shape, Spec};
use super::{ModelSpec, json, preset, yaml};

/// A model file as a tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The whole of it, as written (`like` not yet followed).
    pub root: Node,
}

/// How many `like` may follow each other.
const LIKE_MAX: usize = 64;

impl Document {
    /// Reads JSON or YAML: by the name's ending, else a leading `{` is JSON.
    pub fn parse(text: &str, source_name: &str) -> Result<Self, Diagnostics> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.len() > reading::LENGTH_MAX {
            return Err(Diagnostic::error("", 1, format!("the file has {} bytes", text.len()))
                .expected(format!("at most {} bytes", reading::LENGTH_MAX))
                .into());
        }
        if text.trim().is_empty() {
            return Err(reading::empty().into());
        }
        if let Some(at) =
            text.find(|letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t' | '\u{85}'))
        {
            let line = reading::Lines::new(text).at(at);
            return Err(Diagnostic::error("", line, "this is no text: it holds control characters")
                .expected("a model in JSON or YAML")
                .into());
        }
        let ending = source_name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
        let is_json = match ending.as_str() {
            "json" => true,
            "yaml" | "yml" => false,
            _ => text.trim_start().starts_with('{'),
        };
        let root = if is_json { json::parse(text)? } else { yaml::parse(text)? };
        match root.value {
            Value::Map(_) => Ok(Self { root }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_) => {
                let found = format!("found {}", root.describe());
                Err(Diagnostic::error("", root.line, found).expected("a map with format, run, components, …").into())
            }
        }
    }

    /// The text of a file's bytes; says what is wrong with those that are none.
    pub fn text_of(bytes: &[u8]) -> Result<&str, Diagnostics> {
        let wrong = match bytes {
            [0x1f, 0x8b, ..] => "this is a compressed file".to_string(),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "this is text in UTF-16".to_string(),
            _ => match std::str::from_utf8(bytes) {
                Ok(text) => return Ok(text),
                Err(error) => format!("this is no text: byte {} is no UTF-8", error.valid_up_to()),
            },
        };
        let good = &bytes[..bytes.len().min(std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to()))];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        Err(Diagnostic::error("", line, wrong).expected("a model in JSON or YAML, in UTF-8").into())
    }

    /// What stands at a path; what a component takes from another by `like` too.
    pub fn get(&self, path: &str) -> Option<&Node> {
        let segments = self.whole_path(path).ok()?;
        let mut node = &self.root;
        for (depth, segment) in segments.iter().enumerate() {
            node = match segment {
                Segment::Key(key) => match node.get(key) {
                    Some(node) => node,
                    None if depth == 2 && segments[0] == Segment::Key("components".to_string()) => {
                        self.inherited(node, key)?
                    }
                    None => return None,
                },
                Segment::Index(index) => node.items().get(*index)?,
            };
        }
        Some(node)
    }

    fn inherited<'d>(&'d self, component: &'d Node, key: &str) -> Option<&'d Node> {
        let mut component = component;
        for _ in 0..LIKE_MAX {
            let base = component.get("like")?.text()?;
            component = self.root.get("components")?.get(base)?;
            if let Some(node) = component.get(key) {
                return Some(node);
            }
        }
        None
    }

    /// The line of what stands at a path, or of the nearest thing around it; 0 where there is none.
    pub fn line_of(&self, path: &str) -> u32 {
        let Ok(segments) = path::parse(path) else { return self.root.line };
        let mut node = &self.root;
        for segment in segments {
            let next = match &segment {
                Segment::Key(key) => node.get(key),
                Segment::Index(index) => node.items().get(*index),
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node.line
    }

    /// Sets what stands at a path: `web.replicas` to `6`. The text is a number, `true`, `false` or JSON where it is one,
    /// else text.
    pub fn set(&mut self, path: &str, text: &str) -> Result<(), Diagnostic> {
        let value = json::parse_value(text.trim(), path).unwrap_or_else(|| Node::new(text, path));
        self.set_node(path, value)
    }

    /// Sets what stands at a path to a tree.
    pub fn set_node(&mut self, path: &str, value: Node) -> Result<(), Diagnostic> {
        let line = value.line;
        let segments = self.whole_path(path).map_err(|mut mistake| {
            mistake.line = line;
            mistake
        })?;
        self.take_over_inherited(&segments);
        let value = value.moved(&path::text(&segments));
        put(&mut self.root, &ModelSpec::shape(), &segments, value, path)
    }

    /// The path from the root: a component, class or keyspace may stand first.
    pub fn whole_path(&self, path: &str) -> Result<Vec<Segment>, Diagnostic> {
        let mut segments = path::parse(path).map_err(|wrong| Diagnostic::error(path, 0, wrong))?;
        let Segment::Key(first) = segments[0].clone() else {
            return Err(Diagnostic::error(path, 0, "expected a name first"));
        };
        const GROUPS: [&str; 3] = ["components", "classes", "keyspaces"];
        let names_of = |group: &str| -> Vec<&str> {
            self.root.get(group).map_or(&[][..], Node::entries).iter().map(|(name, _)| name.as_str()).collect()
        };
        let fields: Vec<&str> = ModelSpec::structure().fields.iter().map(|field| field.name).collect();
        if GROUPS.contains(&first.as_str()) {
            if let Some(Segment::Key(name)) = segments.get(1)
                && !names_of(&first).contains(&name.as_str())
            {
                let help = did_you_mean(name, names_of(&first));
                return Err(Diagnostic::error(path, 0, format!("there is no {name} in {first}")).help(help));
            }
            return Ok(segments);
        }
        if fields.contains(&first.as_str()) {
            return Ok(segments);
        }
        if let Some(group) = GROUPS.into_iter().find(|group| names_of(group).contains(&first.as_str())) {
            segments.insert(0, Segment::Key(group.to_string()));
            return Ok(segments);
        }
        let all = GROUPS.into_iter().flat_map(names_of).chain(fields.iter().copied());
        let help = did_you_mean(&first, all);
        Err(Diagnostic::error(path, 0, format!("there is no {}", shortened(&first))).help(help))
    }

    /// A component that is like another gets the field that a path changes a part of.
    fn take_over_inherited(&mut self, segments: &[Segment]) {
        let [Segment::Key(group), Segment::Key(name), Segment::Key(field), _, ..] = segments else { return };
        if group != "components" {
            return;
        }
        let Some(component) = self.root.get(group).and_then(|components| components.get(name)) else { return };
        if component.get(field).is_some() {
            return;
        }
        let inherited = self.inherited(component, field).cloned();
        let kind = self.inherited(component, "type").cloned();
        let path = join(&component.path, field);
        let Some(component) = self.root.get_mut(group).and_then(|components| components.get_mut(name)) else { return };
        if let Some(inherited) = inherited {
            component.insert(field, inherited.moved(&path));
        }
        if component.get("type").is_none()
            && let Some(kind) = kind
        {
            component.insert("type", kind);
        }
    }

    /// The tree with every `like` followed and every `preset` filled in: each component has what it takes from others. Mistakes go to `diagnostics`.
    pub fn resolved(&self, diagnostics: &mut Diagnostics) -> Node {
        let mut root = self.root.clone();
        let Some(components) = self.root.get("components") else { return root };
        for (name, component) in components.entries() {
            let Some(like) = component.get("like") else { continue };
            match self.merged(component, &mut vec![name.as_str()]) {
                Ok(merged) => {
                    if let Some(components) = root.get_mut("components") {
                        components.insert(name, merged);
                    }
                }
                Err((found, help)) => diagnostics.push(Diagnostic::error(&like.path, like.line, found).help(help)),
            }
        }
        if let Some(Node { value: Value::Map(components), .. }) = root.get_mut("components") {
            components.iter_mut().for_each(|(_, component)| preset::fill_component(component, diagnostics));
        }
        root
    }

    fn merged<'d>(&'d self, component: &'d Node, seen: &mut Vec<&'d str>) -> Result<Node, (String, String)> {
        let Some(like) = component.get("like") else { return Ok(component.clone()) };
        let Some(base_name) = like.text() else {
            return Err((format!("found {}", like.describe()), "name a component".to_string()));
        };
        if seen.contains(&base_name) {
            let circle = seen.iter().copied().chain([base_name]).collect::<Vec<_>>().join(" → ");
            return Err((format!("components are like each other in a circle: {circle}"), String::new()));
        }
        let components = self.root.get("components").map_or(&[][..], Node::entries);
        let Some((base_name, base)) = components.iter().find(|(name, _)| name == base_name) else {
            let help = did_you_mean(base_name, components.iter().map(|(name, _)| name.as_str()));
            return Err((format!("there is no component {}", shortened(base_name)), help));
        };
        if seen.len() > LIKE_MAX {
            return Err(("too many components are like each other".to_string(), String::new()));
        }
        seen.push(base_name);
        let mut merged = self.merged(base, seen)?;
        merged.path.clone_from(&component.path);
        merged.line = component.line;
        merged.remove("like");
        merged.remove("layout");
        for (key, value) in component.entries() {
            if key != "like" {
                merged.insert(key, value.clone());
            }
        }
        Ok(merged)
    }
}

/// Puts a value at a path; what is on the way is made where it may be.
fn put(node: &mut Node, shape: &Shape, segments: &[Segment], value: Node, whole: &str) -> Result<(), Diagnostic> {
    let Some((segment, rest)) = segments.split_first() else {
        *node = value;
        return Ok(());
    };
    let mistake = |found: String| Diagnostic::error(whole, value.line, found);
    write_out(node, shape, segment);
    let (declared, known) = match path::follow(shape, Some(node), segment) {
        Declared::Field(field) => ((field.shape)(), Vec::new()),
        Declared::Entry(shape) => (shape, Vec::new()),
        Declared::Unknown(known) => (Shape::Any(Vec::new()), known),
        Declared::Open => (Shape::Any(Vec::new()), Vec::new()),
    };
    match segment {
        Segment::Key(key) => {
            if !known.is_empty() && !super::spec::is_note(key) && node.get(key).is_none() {
                return Err(mistake(format!("there is no field {key}")).help(did_you_mean(key, known)));
            }
            if !matches!(node.value, Value::Map(_)) {
                let mistake =
                    mistake(format!("there is no field {key}: {} is {}", shortened(&node.path), node.describe()));
                return Err(match (&node.value, key.parse::<u32>()) {
                    (Value::List(_), Ok(index)) => {
                        mistake.help(format!("items stand in brackets: {}[{index}]", shortened(&node.path)))
                    }
                    _ => mistake,
                });
            }
            if node.get(key).is_none() {
                match rest.first() {
                    None => {
                        node.insert(key, value);
                        return Ok(());
                    }
                    Some(Segment::Key(_))
                        if matches!(declared, Shape::Struct(_) | Shape::Map(_) | Shape::Any(_) | Shape::Named(..)) =>
                    {
                        let empty =
                            Node { value: Value::Map(Vec::new()), path: join(&node.path, key), line: value.line };
                        node.insert(key, empty);
                    }
                    Some(Segment::Key(_) | Segment::Index(_)) => {
                        let names: Vec<&str> = node.entries().iter().map(|(name, _)| name.as_str()).collect();
                        return Err(mistake(format!("there is no {key}")).help(did_you_mean(key, names)));
                    }
                }
            }
            match node.get_mut(key) {
                Some(next) => put(next, &declared, rest, value, whole),
                None => Err(mistake(format!("there is no {key}"))),
            }
        }
        Segment::Index(index) => {
            match &mut node.value {
                Value::List(items) => {
                    let length = items.len();
                    match items.get_mut(*index) {
                        Some(next) => put(next, &declared, rest, value, whole),
                        None => Err(mistake(format!("there is no item {index}"))
                            .expected(format!("0 to {}", length.max(1) - 1))),
                    }
                }
                Value::Map(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    Err(mistake(format!("there is no item {index}: {} is {}", shortened(&node.path), node.describe())))
                }
            }
        }
    }
}

/// Writes a shorthand out as the map that it stands for, where a field of that map is meant.
fn write_out(node: &mut Node, shape: &Shape, segment: &Segment) {
    if matches!(node.value, Value::Map(_) | Value::List(_)) || matches!(segment, Segment::Index(_)) {
        return;
    }
    if node.value == Value::Null {
        node.value = Value::Map(Vec::new());
        return;
    }
    if let Some(short) = path::shorthand(shape).and_then(|structure| structure.short) {
        let inner = Node { path: join(&node.path, short), ..node.clone() };
        node.value = Value::Map(vec![(short.to_string(), inner)]);
    }
}
