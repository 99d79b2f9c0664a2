//! What could be read of a document: all of a right one, and of a wrong one as much as makes sense, so that one
//! mistake doesn't hide the others.

use std::collections::BTreeMap;

use super::ModelSpec;
use super::class::Class;
use super::event::{Event, Settings};
use super::expectation::Expectation;
use super::fault::Fault;
use super::keyspace::Keyspace;
use super::node::Node;
use super::objective::Objective;
use super::run::Run;
use super::spec::{Read, Reader, Referent, is_note};
use super::value::{Name, Text};
use crate::components::Component;

/// What could be read of a document.
pub struct Draft {
    /// What it is called.
    pub name: String,
    /// How a run is made.
    pub run: Option<Run>,
    /// The keyspaces that could be read.
    pub keyspaces: BTreeMap<String, Keyspace>,
    /// The classes that could be read; one `request` where the document has none.
    pub classes: BTreeMap<String, Class>,
    /// The components that could be read.
    pub components: BTreeMap<String, Component>,
    /// The events that could be read, by their number.
    pub events: Vec<Event>,
    /// The faults that could be read.
    pub faults: Vec<Fault>,
    /// The objectives that could be read.
    pub objectives: Vec<Objective>,
    /// The variants that could be read.
    pub variants: BTreeMap<String, Settings>,
    /// The expectations that could be read.
    pub expect: Vec<Expectation>,
    /// The names that must be those of something.
    pub references: Vec<(Referent, Name)>,
    /// The tree, every `like` followed.
    pub root: Node,
    /// Whether all of it could be read.
    pub whole: bool,
}

/// The class of a model that names none.
pub const DEFAULT_CLASS: &str = "request";

impl Draft {
    /// Reads a tree in which every `like` has been followed.
    pub fn read(root: Node, reader: &mut Reader) -> Self {
        let spec = ModelSpec::read(&root, reader);
        let whole = spec.is_some();
        let mut draft = match spec {
            Some(spec) => Self {
                name: spec.name.0,
                run: Some(spec.run),
                keyspaces: spec.keyspaces,
                classes: spec.classes,
                components: spec.components,
                events: spec.events,
                faults: spec.faults,
                objectives: spec.objectives,
                variants: spec.variants,
                expect: spec.expect,
                references: Vec::new(),
                root,
                whole,
            },
            None => Self::read_parts(root, reader),
        };
        if draft.declared("classes").next().is_none() {
            let node = Node::new(super::node::EMPTY_MAP, "classes.request");
            draft.classes.extend(Class::read(&node, reader).map(|class| (DEFAULT_CLASS.to_string(), class)));
        }
        draft.references = std::mem::take(&mut reader.references);
        draft
    }

    /// Reads each part by itself. Mistakes that are told already are not told again.
    fn read_parts(root: Node, reader: &mut Reader) -> Self {
        Self {
            name: root.get("name").and_then(|node| Text::read(node, reader)).unwrap_or_default().0,
            run: root.get("run").and_then(|node| Run::read(node, reader)),
            keyspaces: entries(&root, "keyspaces", reader),
            classes: entries(&root, "classes", reader),
            components: entries(&root, "components", reader),
            events: items(&root, "events", reader),
            faults: items(&root, "faults", reader),
            objectives: items(&root, "objectives", reader),
            variants: entries(&root, "variants", reader),
            expect: items(&root, "expect", reader),
            references: Vec::new(),
            root,
            whole: false,
        }
    }

    /// The entries of `components`, `classes` or `keyspaces` that the document has, readable or not.
    pub fn declared<'d>(&'d self, group: &str) -> impl Iterator<Item = (&'d str, &'d Node)> + use<'d> {
        let entries = self.root.get(group).map_or(&[][..], Node::entries);
        entries.iter().filter(|(name, _)| !is_note(name)).map(|(name, node)| (name.as_str(), node))
    }

    /// The names of the classes, the unwritten one too.
    pub fn class_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.declared("classes").map(|(name, _)| name).collect();
        if names.is_empty() {
            names.push(DEFAULT_CLASS);
        }
        names
    }

    /// The `type` of a component, as far as the document says it.
    pub fn kind(&self, component: &str) -> Option<&str> {
        self.root.get("components")?.get(component)?.get("type")?.text()
    }
}

fn entries<T: Read>(root: &Node, group: &str, reader: &mut Reader) -> BTreeMap<String, T> {
    let entries = root.get(group).map_or(&[][..], Node::entries);
    entries
        .iter()
        .filter(|(name, _)| !is_note(name))
        .filter_map(|(name, node)| Some((name.clone(), T::read(node, reader)?)))
        .collect()
}

fn items<T: Read>(root: &Node, group: &str, reader: &mut Reader) -> Vec<T> {
    let items = root.get(group).map_or(&[][..], Node::items);
    items.iter().filter_map(|node| T::read(node, reader)).collect()
}
