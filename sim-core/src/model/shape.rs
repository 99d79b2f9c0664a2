//! What may stand where in a model, as declared: for the JSON Schema, the form and the reference page.

use super::node::{Node, Value};
use super::spec::{Read, Reader, Referent};

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
    /// The field that a bare value stands for.
    pub short: Option<&'static str>,
    /// The `type` of a component.
    pub component: Option<&'static str>,
    /// What it imitates, where it imitates something.
    pub about: Option<About>,
}

/// What a part of a model has to do with the real thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Which products or papers it follows, in sentences.
    pub imitates: &'static str,
    /// What the real thing has or does and this has not, and which way that leans: a sentence each.
    pub leaves_out: &'static [&'static str],
    /// What it was held against: closed forms, documented traces, slow twins.
    pub checked: &'static [&'static str],
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
    /// Reads a value of it by itself: whether there was no mistake. For forms, which check one field at a time.
    pub check: fn(&Node, &mut Reader) -> bool,
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
    pub fn new<T: Read>(name: &'static str, doc: &str, presence: Presence) -> Self {
        let doc = doc.trim().to_string();
        let shape = T::shape;
        let check = |node: &Node, reader: &mut Reader| T::read(node, reader).is_some();
        Self { name, doc, shape, presence, least: None, most: None, live: false, beside: None, refers: None, check }
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
}
