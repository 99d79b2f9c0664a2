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

    /// Reports what the language has and this version has not.
    pub fn later<T>(&mut self, node: &Node, what: &str) -> Option<T> {
        self.diagnostics.push(Diagnostic::error(&node.path, node.line, not_yet(what)));
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

/// ``` `breaker` is not in this version of Kneepoint yet ```
pub fn not_yet(what: &str) -> String {
    format!("`{what}` is not in this version of Kneepoint yet")
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

/// Where something was written. Two things that say the same are equal wherever they stand: places compare as equal.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The path in the tree.
    pub path: String,
    /// The line of the file, from 1; 0 where there is none.
    pub line: u32,
    /// The fields that were written, of a map.
    pub written: Vec<Written>,
}

/// A field that was written.
#[derive(Debug, Clone)]
pub struct Written {
    /// The field.
    pub name: String,
    /// Its path in the tree.
    pub path: String,
    /// Its line.
    pub line: u32,
}

impl Place {
    /// The place of a node.
    pub fn of(node: &Node) -> Self {
        let field =
            |(name, node): &(String, Node)| Written { name: name.clone(), path: node.path.clone(), line: node.line };
        Self { path: node.path.clone(), line: node.line, written: node.entries().iter().map(field).collect() }
    }

    /// The place of one of its fields.
    pub fn field(&self, name: &str) -> Self {
        match self.written.iter().find(|field| field.name == name) {
            Some(field) => Self { path: field.path.clone(), line: field.line, written: Vec::new() },
            None => Self { path: super::node::join(&self.path, name), line: self.line, written: Vec::new() },
        }
    }

    /// Whether one of its fields was written, and not left to its default.
    pub fn has(&self, name: &str) -> bool {
        self.written.iter().any(|field| field.name == name)
    }

    /// A mistake here.
    pub fn error(&self, found: impl Into<String>) -> Diagnostic {
        Diagnostic::error(&self.path, self.line, found)
    }

    /// A doubt here.
    pub fn warning(&self, found: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(&self.path, self.line, found)
    }
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// What may stand at a place of the tree.
#[derive(Debug, Clone)]
pub enum Shape {
    /// `true` or `false`.
    Bool,
    /// Any text.
    Text,
    /// A number with its unit, or a distribution of such.
    Quantity(Quantity),
    /// The name of something in the model: `a component`.
    Name(&'static str),
    /// One of some words.
    Choice(Vec<Choice>),
    /// Text with a syntax of its own: its description and a pattern.
    Syntax {
        /// A sentence.
        doc: &'static str,
        /// A regular expression that it fits, as JSON Schema writes it.
        pattern: &'static str,
    },
    /// A list.
    List(Box<Shape>),
    /// A map from names to such.
    Map(Box<Shape>),
    /// One of several.
    Any(Vec<Shape>),
    /// A map with declared fields; a function, since steps hold steps.
    Struct(fn() -> Structure),
    /// Something that is declared once and may hold itself: its name and what it is.
    Named(&'static str, fn() -> Shape),
}

/// A word of a choice.
#[derive(Debug, Clone)]
pub struct Choice {
    /// As it is written.
    pub word: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// What is measured, and so the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// `"20ms"`
    Time,
    /// `"800/s"`
    Rate,
    /// `"4KiB"`
    Size,
    /// `"1Gbps"`
    Bandwidth,
    /// `2` or `"500m"`
    Cores,
    /// `"5%"` or `0.05`
    Share,
    /// A whole number.
    Count,
    /// A number.
    Factor,
    /// `"lognormal(4ms, cv=0.8)"`
    TimeDistribution,
    /// `"exp(4KiB)"`
    SizeDistribution,
}

/// A map with declared fields, as declared.
#[derive(Debug, Clone)]
pub struct Structure {
    /// The name of its type, kebab-case for components.
    pub name: &'static str,
    /// What it is.
    pub doc: String,
    /// Its fields, in the order of the declaration; those of flattened parts among them.
    pub fields: Vec<Field>,
    /// Names that the language has and this version has not.
    pub later: &'static [&'static str],
    /// The field that a bare value stands for.
    pub short: Option<&'static str>,
    /// The `type` of a component.
    pub component: Option<&'static str>,
}

/// One field of a map.
#[derive(Debug, Clone)]
pub struct Field {
    /// As it is written.
    pub name: &'static str,
    /// What it means.
    pub doc: String,
    /// What may stand there.
    pub shape: fn() -> Shape,
    /// Whether it may be left out.
    pub presence: Presence,
    /// The least it may be.
    pub least: Option<Value>,
    /// The most it may be.
    pub most: Option<Value>,
    /// Whether an event may change it while the model runs.
    pub live: bool,
    /// A sibling field whose entries belong to this one (`link` beside `to`).
    pub beside: Option<&'static str>,
    /// What its names are the names of.
    pub refers: Option<Referent>,
}

/// Whether a field may be left out, and what then holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Presence {
    /// It must be there.
    Required,
    /// Left out means that there is none.
    Optional,
    /// Left out means this.
    Default(Value),
    /// Not a field: the fields of its type stand in its stead.
    Flatten,
}

impl Field {
    /// A field without range, which can't change while running.
    pub fn new(name: &'static str, doc: &str, shape: fn() -> Shape, presence: Presence) -> Self {
        let doc = doc.trim().to_string();
        Self { name, doc, shape, presence, least: None, most: None, live: false, beside: None, refers: None }
    }

    /// Gives it another name than that of the struct's field.
    pub fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// The least and the most it may be, as a user would write them.
    pub fn range(mut self, least: impl Into<Value>, most: impl Into<Value>) -> Self {
        self.least = Some(least.into());
        self.most = Some(most.into());
        self
    }

    /// The least it may be, as a user would write it.
    pub fn at_least(mut self, least: impl Into<Value>) -> Self {
        self.least = Some(least.into());
        self
    }

    /// It may change while running.
    pub fn live(mut self) -> Self {
        self.live = true;
        self
    }

    /// Its names are those of such.
    pub fn refers(mut self, referent: Referent) -> Self {
        self.refers = Some(referent);
        self
    }

    /// The entries of a sibling belong to it.
    pub fn beside(mut self, sibling: &'static str) -> Self {
        self.beside = Some(sibling);
        self
    }
}

impl Structure {
    /// The fields as they are written: flattened parts in the place of their holder.
    pub fn written_fields(&self) -> Vec<Field> {
        let mut all = Vec::new();
        for field in &self.fields {
            match (&field.presence, (field.shape)()) {
                (Presence::Flatten, Shape::Struct(part)) => all.extend(part().written_fields()),
                (Presence::Flatten, _) => unreachable!("only declared maps are flattened"),
                (Presence::Required | Presence::Optional | Presence::Default(_), _) => all.push(field.clone()),
            }
        }
        all
    }

    /// The names that the language has and this version has not, those of flattened parts too.
    pub fn later_names(&self) -> Vec<&'static str> {
        let mut all = self.later.to_vec();
        for field in &self.fields {
            if let (Presence::Flatten, Shape::Struct(part)) = (&field.presence, (field.shape)()) {
                all.extend(part().later_names());
            }
        }
        if self.component.is_some() {
            all.extend(COMPONENT_LATER);
        }
        all
    }
}

/// What every component may have and this version doesn't know yet.
const COMPONENT_LATER: [&str; 5] = ["preset", "cost", "zones", "regions", "health_checks"];

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
    let has_later = check_names(&node, &structure, &fields, reader);
    let value = T::read_fields(&node, reader);
    if has_later {
        // What is missing may be so because of a field that stands in its stead.
        reader.diagnostics.retain(|told| told.path != node.path || !told.found.ends_with("is missing"));
    }
    value
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

/// Reports names that are not known, or not yet; answers whether there were some of the latter.
fn check_names(node: &Node, structure: &Structure, fields: &[Field], reader: &mut Reader) -> bool {
    let mut has_later = false;
    for (key, value) in node.entries() {
        let of_component = structure.component.is_some() && matches!(key.as_str(), "type" | "like");
        let layout = key == "layout" && (structure.component.is_some() || structure.name == "ModelSpec");
        if is_note(key) || of_component || layout || fields.iter().any(|field| field.name == key) {
            continue;
        }
        if structure.later_names().contains(&key.as_str()) {
            reader.later::<()>(value, key);
            has_later = true;
        } else if let Some(field) = fields.iter().find(|field| field.beside == Some(key.as_str())) {
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
    has_later
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

/// Declares a map with fields: the struct, its reader and its shape.
///
/// ```text
/// spec! {
///     /// What it is.
///     pub struct Queue, short("capacity") {
///         /// What the field means.
///         capacity: Count = optional.range(0, 1_000_000).live();
///         /// A default is written as a user would write it.
///         order: Order = default("fifo");
///         later ["shed"];
///     }
/// }
/// ```
/// A field is `required`, `optional`, `default(value)` or `flatten`; methods of [`Field`] may follow. `short(field)`:
/// a bare value stands for a map with that field. `component(type)`: it is a component. The struct has a field `at`
/// besides: where it was written.
#[macro_export]
macro_rules! spec {
    (
        $(#[doc = $doc:literal])+
        pub struct $name:ident $(, short($short:literal))? $(, component($component:literal))? {
            $(
                $(#[doc = $field_doc:literal])+
                $field:ident : $type:ty = $presence:ident $(($default:expr))? $(. $flag:ident ( $($argument:expr),* ))* ;
            )*
            $(later [ $($later:literal),* $(,)? ];)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            /// Where it was written.
            pub at: $crate::model::spec::Place,
            $( $(#[doc = $field_doc])+ pub $field: $crate::spec_type!($presence, $type), )*
        }

        impl $crate::model::spec::Spec for $name {
            fn structure() -> $crate::model::spec::Structure {
                #[allow(unused_mut, unused_assignments)]
                let mut short = None;
                $( short = Some($short); )?
                #[allow(unused_mut, unused_assignments)]
                let mut component = None;
                $( component = Some($component); )?
                #[allow(unused_mut, unused_assignments)]
                let mut later: &'static [&'static str] = &[];
                $( later = &[$($later),*]; )?
                $crate::model::spec::Structure {
                    name: stringify!($name),
                    doc: concat!($($doc, "\n"),+).lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_string(),
                    fields: vec![$(
                        $crate::model::spec::Field::new(
                            stringify!($field),
                            concat!($($field_doc),+),
                            <$type as $crate::model::spec::Read>::shape,
                            $crate::spec_presence!($presence $(($default))?),
                        )
                        $(. $flag ( $($argument),* ))*
                    ),*],
                    later,
                    short,
                    component,
                }
            }

            fn read_fields(
                node: &$crate::model::node::Node,
                reader: &mut $crate::model::spec::Reader,
            ) -> Option<Self> {
                let structure = <Self as $crate::model::spec::Spec>::structure();
                let mut fields = structure.fields.iter();
                $(
                    let field = fields.next().expect("one for each field of the declaration");
                    let $field = $crate::spec_read!($presence, $type, field, node, reader);
                )*
                Some(Self { at: $crate::model::spec::Place::of(node), $($field: $field?),* })
            }
        }

        impl $crate::model::spec::Read for $name {
            fn read(node: &$crate::model::node::Node, reader: &mut $crate::model::spec::Reader) -> Option<Self> {
                $crate::model::spec::read_struct(node, reader)
            }

            fn shape() -> $crate::model::spec::Shape {
                $crate::model::spec::Shape::Struct(<Self as $crate::model::spec::Spec>::structure)
            }
        }
    };
}

/// The type of a declared field's place in the struct.
#[doc(hidden)]
#[macro_export]
macro_rules! spec_type {
    (optional, $type:ty) => { Option<$type> };
    ($presence:ident, $type:ty) => { $type };
}

/// Whether a declared field may be left out.
#[doc(hidden)]
#[macro_export]
macro_rules! spec_presence {
    (required) => {
        $crate::model::spec::Presence::Required
    };
    (optional) => {
        $crate::model::spec::Presence::Optional
    };
    (flatten) => {
        $crate::model::spec::Presence::Flatten
    };
    (default($value:expr)) => {
        $crate::model::spec::Presence::Default($crate::model::node::Value::from($value))
    };
}

/// How a declared field is read.
#[doc(hidden)]
#[macro_export]
macro_rules! spec_read {
    (required, $type:ty, $field:expr, $node:expr, $reader:expr) => {
        $crate::model::spec::read_required::<$type>($field, $node, $reader)
    };
    (optional, $type:ty, $field:expr, $node:expr, $reader:expr) => {
        $crate::model::spec::read_optional::<$type>($field, $node, $reader)
    };
    (default, $type:ty, $field:expr, $node:expr, $reader:expr) => {
        $crate::model::spec::read_default::<$type>($field, $node, $reader)
    };
    (flatten, $type:ty, $field:expr, $node:expr, $reader:expr) => {
        $crate::model::spec::read_flatten::<$type>($field, $node, $reader)
    };
}

/// Declares a choice of kebab-case words: the enum, its reader and its shape.
#[macro_export]
macro_rules! choices {
    (
        $(#[doc = $doc:literal])+
        pub enum $name:ident {
            $( $(#[doc = $word_doc:literal])+ $variant:ident = $word:literal $(| $alias:literal)* ; )*
            $(later [ $($later:literal),* $(,)? ];)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $( $(#[doc = $word_doc])+ $variant, )*
        }

        impl $name {
            /// All of them, in the order of the declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// As it is written in a model.
            pub fn word(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )*
                }
            }
        }

        impl $crate::model::spec::Read for $name {
            fn read(node: &$crate::model::node::Node, reader: &mut $crate::model::spec::Reader) -> Option<Self> {
                #[allow(unused_mut, unused_assignments)]
                let mut later: &[&str] = &[];
                $( later = &[$($later),*]; )?
                match $crate::model::spec::read_word(node, reader, &[$($word),*], later)?.as_str() {
                    $( $word $(| $alias)* => Some(Self::$variant), )*
                    other => $crate::model::spec::wrong_word(node, reader, other, &[$($word),*]),
                }
            }

            fn shape() -> $crate::model::spec::Shape {
                $crate::model::spec::Shape::Choice(vec![
                    $( $crate::model::spec::Choice { word: $word, doc: concat!($($word_doc),+).trim_ascii() } ),*
                ])
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(self.word())
            }
        }
    };
}

/// The word at a node; words (and maps led by a word) that this version doesn't know yet are reported.
pub fn read_word(node: &Node, reader: &mut Reader, words: &[&str], later: &[&str]) -> Option<String> {
    let word = match &node.value {
        Value::String(text) => text.trim().to_string(),
        Value::Map(entries) if entries.len() == 1 => entries[0].0.clone(),
        Value::Map(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => {
            return reader.unexpected(node, in_a_row(words.iter().copied()));
        }
    };
    if later.contains(&word.as_str()) {
        return reader.later(node, &word);
    }
    if matches!(node.value, Value::Map(_)) {
        return reader.unexpected(node, in_a_row(words.iter().copied()));
    }
    Some(word)
}

/// Reports a word that is none of the choice.
pub fn wrong_word<T>(node: &Node, reader: &mut Reader, found: &str, words: &[&str]) -> Option<T> {
    let help = super::diagnostic::nearest(found, words.iter().copied())
        .map_or(String::new(), |word| format!("did you mean {word}?"));
    let expected = in_a_row(words.iter().copied());
    reader.diagnostics.push(
        Diagnostic::error(&node.path, node.line, format!("found {}", node.describe())).expected(expected).help(help),
    );
    None
}
