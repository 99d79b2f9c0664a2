//! What the events of a model set: checked against what may change while it runs.

use super::arrivals::{Arrivals, Users};
use super::diagnostic::Diagnostics;
use super::document::Document;
use super::draft::Draft;
use super::event::Setting;
use super::path::{self, Declared, Segment, follow};
use super::spec::{Field, Place, Read, Reader, Shape};
use crate::components::Component;

/// A component as it is from a moment on.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The moment, in ns from the start of the window.
    pub at_ns: u64,
    /// Where the event sets it.
    pub at: Place,
    /// The component that changes.
    pub component: String,
    /// What of it changes: `replicas`, `arrivals.rate`, `operations.read.time`.
    pub field: String,
    /// All of the component, as it is then.
    pub spec: Component,
}

/// The changes that the events of a draft make, in the order of time. Mistakes go to the reader.
pub fn changes(draft: &Draft, reader: &mut Reader) -> Vec<Change> {
    let mut document = Document { root: draft.root.clone() };
    let mut order: Vec<usize> = (0..draft.events.len()).collect();
    order.sort_by_key(|&index| draft.events[index].at_time.0);
    let mut changes = Vec::new();
    for index in order {
        let event = &draft.events[index];
        for setting in event.set.iter().flat_map(|settings| &settings.0) {
            if let Some((component, field, spec)) = apply(&mut document, setting, reader) {
                changes.push(Change { at_ns: event.at_time.0, at: setting.at.clone(), component, field, spec });
            }
        }
    }
    changes
}

fn apply(document: &mut Document, setting: &Setting, reader: &mut Reader) -> Option<(String, String, Component)> {
    let mut wrong = |found: String, help: &str| reader.diagnostics.push(setting.at.error(found).help(help));
    let segments = match document.whole_path(&setting.path) {
        Ok(segments) => segments,
        Err(mistake) => {
            wrong(mistake.found, &mistake.help);
            return None;
        }
    };
    let [Segment::Key(group), Segment::Key(name), inside @ ..] = segments.as_slice() else {
        wrong(format!("{} can't change while the model runs", setting.path), "name a field of a component");
        return None;
    };
    if group != "components" || inside.is_empty() {
        wrong(format!("{} can't change while the model runs", setting.path), "name a field of a component");
        return None;
    }
    let (name, field) = (name.clone(), path::text(inside));
    if let Some(deepest) = deepest_field(document, &segments)
        && !deepest.live
    {
        let live = live_fields(document, &name);
        let help = if live.is_empty() { String::new() } else { format!("these can: {}", live.join(", ")) };
        wrong(format!("{field} can't change while the model runs"), &help);
        return None;
    }
    if let Err(mistake) = document.set_node(&setting.path, setting.value.clone()) {
        wrong(mistake.found, &mistake.help);
        return None;
    }
    let node = document.root.get("components")?.get(&name)?;
    let mut inner = Reader::new(reader.files());
    let component = Component::read(node, &mut inner);
    let (mistakes, read) = (inner.diagnostics, inner.references);
    report(setting, mistakes, reader);
    reader.references.extend(read);
    let component = component?;
    if let Component::Client(client) = &component
        && let Arrivals::Closed(closed) = &client.arrivals
        && matches!(closed.users, Users::Stages(_))
        && field.starts_with("arrivals")
    {
        reader.diagnostics.push(setting.at.error("found stages").expected("a number of users"));
        return None;
    }
    Some((name, field, component))
}

/// The mistakes of a changed component, at the place of the setting.
fn report(setting: &Setting, mistakes: Diagnostics, reader: &mut Reader) {
    for mut mistake in mistakes {
        mistake.path.clone_from(&setting.at.path);
        mistake.line = setting.at.line;
        reader.diagnostics.push(mistake);
    }
}

/// The last declared field on a path.
fn deepest_field(document: &Document, segments: &[Segment]) -> Option<Field> {
    let mut shape = super::ModelSpec::shape();
    let mut node = Some(&document.root);
    let mut deepest = None;
    for segment in segments {
        shape = match follow(&shape, node, segment) {
            Declared::Field(field) => {
                let shape = (field.shape)();
                deepest = Some(*field);
                shape
            }
            Declared::Entry(shape) => shape,
            Declared::Unknown(_) | Declared::Open => return None,
        };
        node = node.and_then(|node| match segment {
            Segment::Key(key) => node.get(key),
            Segment::Index(index) => node.items().get(*index),
        });
    }
    deepest
}

/// The fields of a component that may change while it runs.
fn live_fields(document: &Document, component: &str) -> Vec<&'static str> {
    let node = document.root.get("components").and_then(|components| components.get(component));
    let kind = node.and_then(|node| node.get("type")).and_then(super::node::Node::text);
    let structures = crate::components::structures();
    let Some(structure) = structures.iter().find(|structure| structure.component == kind && kind.is_some()) else {
        return Vec::new();
    };
    let live_inside = |field: &Field| match (field.shape)() {
        Shape::Struct(inner) => inner().fields.iter().any(|field| field.live),
        Shape::Named(_, inner) => match inner() {
            Shape::Any(shapes) => shapes.iter().any(|shape| match shape {
                Shape::Struct(inner) => inner().fields.iter().any(|field| field.live),
                _ => false,
            }),
            _ => false,
        },
        _ => false,
    };
    let fields = structure.fields.iter();
    fields.filter(|field| field.live || live_inside(field)).map(|field| field.name).collect()
}
