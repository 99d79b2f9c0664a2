//! One declaration a type: its struct, its reader, and its shape (for the JSON Schema, the form and the reference page).
//!
//! [`spec!`](crate::spec) declares a map with fields, [`choices!`](crate::choices) a choice of words. Both implement
//! [`Read`]: a reader reports every mistake into the [`Reader`] and answers `None`, so that all mistakes come at once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::Files;
use super::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use super::node::{Node, Value};
use super::value::Name;

pub use super::declare::{read_word, wrong_word};
pub use super::place::{Place, Written};
pub use super::shape::{About, Choice, Field, Presence, Quantity, Shape, Structure};

/// What is read from a node of the tree.
pub trait Read: Sized {
    /// Reads it; `None` says that a mistake was reported.
    fn read(node: &Node, reader: &mut Reader) -> Option<Self>;

    /// What may stand there.
    fn shape() -> Shape;

    /// How much it is, in the base unit, where a range can be asked of it.
    fn magnitude(&self) -> Option<f64> {
        None
    }

    /// The names in it, where it is a name or a list of names.
    fn names(&self) -> Vec<&Name> {
        Vec::new()
    }
}

/// A map with declared fields.
pub trait Spec: Read {
    /// Its declaration.
    fn structure() -> Structure;

    /// Reads the fields of a map whose field names have been checked.
    fn read_fields(node: &Node, reader: &mut Reader) -> Option<Self>;
}

/// What readers share: where mistakes go and where files come from.
pub struct Reader<'a> {
    /// Everything found wrong so far.
    pub diagnostics: Diagnostics,
    /// The names read so far that must be those of something in the model.
    pub references: Vec<(Referent, Name)>,
    files: Recorder<'a>,
}

/// What a name is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Referent {
    /// Something that can be called.
    Callee,
    /// A server pool behind a balancer or an autoscaler.
    ServerPool,
    /// A cache.
    Cache,
    /// A connection pool.
    ConnectionPool,
    /// A class.
    Class,
    /// A keyspace.
    Keyspace,
}

impl<'a> Reader<'a> {
    /// A reader of a model whose files come from `files`.
    pub fn new(files: &'a dyn Files) -> Self {
        let files = Recorder { files, read: RefCell::default() };
        Self { diagnostics: Diagnostics::default(), references: Vec::new(), files }
    }

    /// Reports a mistake at a node and gives `None`, what a reader then answers.
    pub fn error<T>(&mut self, node: &Node, found: impl Into<String>, expected: impl Into<String>) -> Option<T> {
        self.diagnostics.push(Diagnostic::error(&node.path, node.line, found).expected(expected));
        None
    }

    /// Reports that something else was expected than what stands there.
    pub fn unexpected<T>(&mut self, node: &Node, expected: impl Into<String>) -> Option<T> {
        self.error(node, format!("found {}", node.describe()), expected)
    }

    /// Reports a mistake with what to do about it.
    pub fn error_help<T>(&mut self, node: &Node, found: impl Into<String>, help: impl Into<String>) -> Option<T> {
        self.diagnostics.push(Diagnostic::error(&node.path, node.line, found).help(help));
        None
    }

    /// The files that the model names; each one read is kept.
    pub fn files(&self) -> &dyn Files {
        &self.files
    }

    /// The files read so far, by path.
    pub fn files_read(&self) -> BTreeMap<String, Arc<Vec<u8>>> {
        self.files.read.borrow().clone()
    }
}

struct Recorder<'a> {
    files: &'a dyn Files,
    read: RefCell<BTreeMap<String, Arc<Vec<u8>>>>,
}

impl Files for Recorder<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        if let Some(bytes) = self.read.borrow().get(path) {
            return Ok(bytes.to_vec());
        }
        let bytes = self.files.read(path)?;
        self.read.borrow_mut().insert(path.to_string(), Arc::new(bytes.clone()));
        Ok(bytes)
    }
}

/// Whether a key is legal in every map and means nothing to the simulator.
pub fn is_note(key: &str) -> bool {
    key == "$schema" || key == "description" || key.starts_with("x-")
}

/// Reads a declared map: shorthand, siblings, unknown names, then the fields.
pub fn read_struct<T: Spec>(node: &Node, reader: &mut Reader) -> Option<T> {
    let structure = T::structure();
    let fields = structure.written_fields();
    let Some(node) = as_map(node, &structure, &fields) else {
        return reader.unexpected(node, format!("a map with {}", in_a_row(fields.iter().map(|field| field.name))));
    };
    // A name that is not known keeps the model from running, and nothing else from being read.
    check_names(&node, &structure, &fields, reader);
    T::read_fields(&node, reader)
}

/// The node as a map: a shorthand written out, entries of siblings moved in. `None`: it is no map and has no shorthand.
pub fn as_map(node: &Node, structure: &Structure, fields: &[Field]) -> Option<Node> {
    let mut map = match (&node.value, structure.short) {
        (Value::Map(_), _) => node.clone(),
        (Value::Null, _) | (_, None) => return None,
        (_, Some(short)) => Node {
            value: Value::Map(vec![(short.to_string(), node.clone())]),
            path: node.path.clone(),
            line: node.line,
        },
    };
    for field in fields {
        if let Some(sibling) = field.beside {
            let entries = match map.remove(sibling) {
                Some(Node { value: Value::Map(entries), .. }) => entries,
                Some(wrong) => {
                    map.insert(sibling, wrong);
                    continue;
                }
                None => continue,
            };
            if let Some(target) = map.get_mut(field.name) {
                move_in(target, &entries);
            }
        }
    }
    Some(map)
}

/// Adds entries to a link, or to each of a list of links; those that are there already win.
fn move_in(target: &mut Node, entries: &[(String, Node)]) {
    match &mut target.value {
        Value::List(items) => items.iter_mut().for_each(|item| move_in(item, entries)),
        Value::Map(own) => {
            for (key, value) in entries {
                if !own.iter().any(|(name, _)| name == key) {
                    own.push((key.clone(), value.clone()));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let bare = target.clone();
            let mut map = vec![("to".to_string(), bare)];
            map.extend(entries.iter().filter(|(key, _)| key != "to").cloned());
            target.value = Value::Map(map);
        }
    }
}

/// Reports names that are not known.
fn check_names(node: &Node, structure: &Structure, fields: &[Field], reader: &mut Reader) {
    for (key, value) in node.entries() {
        let of_component = structure.component.is_some() && matches!(key.as_str(), "type" | "like");
        let layout = key == "layout" && (structure.component.is_some() || structure.name == "ModelSpec");
        if is_note(key) || of_component || layout || fields.iter().any(|field| field.name == key) {
            continue;
        }
        if let Some(field) = fields.iter().find(|field| field.beside == Some(key.as_str())) {
            if node.get(field.name).is_none() {
                reader.error::<()>(value, format!("`{key}` belongs to `{}`, which is not there", field.name), "");
            } else {
                reader.unexpected::<()>(value, "a map of a link's fields");
            }
        } else {
            let names = fields.iter().flat_map(|field| [Some(field.name), field.beside]).flatten();
            reader.error_help::<()>(value, "unknown field", did_you_mean(key, names));
        }
    }
}

/// `a, b and c`, shortened where there are many.
pub fn in_a_row<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.as_slice() {
        [] => "nothing".to_string(),
        [one] => (*one).to_string(),
        [start @ .., last] if names.len() <= 8 => format!("{} or {last}", start.join(", ")),
        [..] => format!("{}, …", names[..7].join(", ")),
    }
}

/// Reads a field that must be there.
pub fn read_required<T: Read>(field: &Field, node: &Node, reader: &mut Reader) -> Option<T> {
    match present(field, node) {
        Some(value) => read_checked(field, value, reader),
        None => {
            reader.diagnostics.push(
                Diagnostic::error(&node.path, node.line, format!("`{}` is missing", field.name))
                    .help(field.doc.clone()),
            );
            None
        }
    }
}

/// Reads a field that may be left out.
pub fn read_optional<T: Read>(field: &Field, node: &Node, reader: &mut Reader) -> Option<Option<T>> {
    match present(field, node) {
        Some(value) => read_checked(field, value, reader).map(Some),
        None => Some(None),
    }
}

/// Reads a field that has a default.
pub fn read_default<T: Read>(field: &Field, node: &Node, reader: &mut Reader) -> Option<T> {
    match (present(field, node), &field.presence) {
        (Some(value), _) => read_checked(field, value, reader),
        (None, Presence::Default(value)) => {
            let path = super::node::join(&node.path, field.name);
            T::read(&Node { value: value.clone(), path, line: node.line }, reader)
        }
        (None, Presence::Required | Presence::Optional | Presence::Flatten) => {
            unreachable!("`{}` was declared with a default", field.name)
        }
    }
}

/// Reads a part whose fields stand among those of its holder.
pub fn read_flatten<T: Spec>(_: &Field, node: &Node, reader: &mut Reader) -> Option<T> {
    T::read_fields(node, reader)
}

fn present<'n>(field: &Field, node: &'n Node) -> Option<&'n Node> {
    node.get(field.name).filter(|value| value.value != Value::Null)
}

fn read_checked<T: Read>(field: &Field, node: &Node, reader: &mut Reader) -> Option<T> {
    let value = T::read(node, reader)?;
    if let Some(referent) = field.refers {
        reader.references.extend(value.names().into_iter().map(|name| (referent, name.clone())));
    }
    let Some(magnitude) = value.magnitude() else { return Some(value) };
    let bound = |bound: &Option<Value>, reader: &mut Reader| {
        let node = Node { value: bound.clone()?, path: node.path.clone(), line: node.line };
        Some((T::read(&node, reader)?.magnitude()?, node.describe_bare()))
    };
    if let Some((least, text)) = bound(&field.least, reader)
        && magnitude < least
    {
        return reader.unexpected(node, format!("at least {text}"));
    }
    if let Some((most, text)) = bound(&field.most, reader)
        && magnitude > most
    {
        return reader.unexpected(node, format!("at most {text}"));
    }
    Some(value)
}
