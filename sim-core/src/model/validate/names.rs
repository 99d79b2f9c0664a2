//! Names: what may be one, whose it is, and whether there is such a thing.

use crate::components::{Nature, nature_of, types_that};
use crate::model::ModelSpec;
use crate::model::address::is_name;
use crate::model::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use crate::model::draft::Draft;
use crate::model::node::{Node, shortened};
use crate::model::spec::{Referent, Spec, in_a_row};
use crate::model::value::Name;

/// Checks the names that a model gives and those that it uses.
pub fn check(draft: &Draft, diagnostics: &mut Diagnostics) {
    given(draft, diagnostics);
    for (referent, name) in &draft.references {
        used(draft, *referent, name, diagnostics);
    }
    by_class(draft, diagnostics);
}

/// The names that components, classes, keyspaces and variants are given.
fn given(draft: &Draft, diagnostics: &mut Diagnostics) {
    let fields: Vec<&str> = ModelSpec::structure().fields.iter().map(|field| field.name).collect();
    let at = |node: &Node, found: String| Diagnostic::error(&node.path, node.line, found);
    for group in ["components", "classes", "keyspaces", "variants"] {
        for (name, node) in draft.declared(group) {
            if !is_name(name) {
                let found = format!("\"{}\" can't be a name", shortened(name));
                diagnostics.push(at(node, found).expected("letters, digits, - and _"));
            }
            if matches!(group, "components" | "classes") && fields.contains(&name) {
                diagnostics.push(at(node, format!("{name} is a field of the model itself")).expected("another name"));
            }
            if group == "keyspaces" && matches!(name, "request" | "client" | "default") {
                diagnostics
                    .push(at(node, format!("`{name}` has a meaning of its own as a key")).expected("another name"));
            }
        }
    }
    for (name, node) in draft.declared("classes") {
        if draft.declared("components").any(|(component, _)| component == name) {
            diagnostics.push(at(node, format!("{name} is a component too")).expected("a name of its own"));
        }
    }
}

/// A name that must be that of something.
fn used(draft: &Draft, referent: Referent, name: &Name, diagnostics: &mut Diagnostics) {
    let (what, group) = match referent {
        Referent::Class => ("class", "classes"),
        Referent::Keyspace => ("keyspace", "keyspaces"),
        Referent::Callee | Referent::ServerPool | Referent::Cache | Referent::ConnectionPool => {
            ("component", "components")
        }
    };
    let known: Vec<&str> = match referent {
        Referent::Class => draft.class_names(),
        Referent::Keyspace | Referent::Callee | Referent::ServerPool | Referent::Cache | Referent::ConnectionPool => {
            draft.declared(group).map(|(name, _)| name).collect()
        }
    };
    if !known.contains(&name.as_str()) {
        let found = format!("there is no {what} {}", shortened(name));
        let help = did_you_mean(name, known);
        diagnostics.push(name.at.error(found).help(help));
        return;
    }
    let Some(kind) = draft.kind(name).filter(|_| group == "components") else { return };
    let expected = match referent {
        Referent::Callee if nature_of(kind).is_some_and(|nature| !nature.called) => "something that can be called",
        Referent::ServerPool if kind != "server-pool" => "a server-pool",
        Referent::Cache if kind != "cache" => "a cache",
        Referent::ConnectionPool if kind != "connection-pool" => "a connection-pool",
        Referent::Callee
        | Referent::ServerPool
        | Referent::Cache
        | Referent::ConnectionPool
        | Referent::Class
        | Referent::Keyspace => return,
    };
    diagnostics.push(name.at.error(format!("{name} is {}", a(kind))).expected(expected));
}

/// `a client`, `an autoscaler`.
pub fn a(kind: &str) -> String {
    if kind.starts_with(['a', 'e', 'i', 'o']) { format!("an {kind}") } else { format!("a {kind}") }
}

/// The types that are something: `a server-pool or a database`.
pub fn one_that(are: impl Fn(&Nature) -> bool) -> String {
    let names: Vec<String> = types_that(are).map(a).collect();
    in_a_row(names.iter().map(String::as_str))
}

/// The keys of `mix`, `handlers` and `ttl`, which are names of classes and keyspaces.
fn by_class(draft: &Draft, diagnostics: &mut Diagnostics) {
    let classes = draft.class_names();
    let keyspaces: Vec<&str> = draft.declared("keyspaces").map(|(name, _)| name).collect();
    for (_, component) in draft.declared("components") {
        let kind = component.get("type").and_then(Node::text);
        for (field, of_kind, what, known, also) in [
            ("mix", "client", "class", &classes, None),
            ("handlers", "server-pool", "class", &classes, Some("*")),
            ("ttl", "cache", "keyspace", &keyspaces, Some("default")),
            ("warm", "cache", "keyspace", &keyspaces, Some("default")),
        ] {
            let entries = component.get(field).map_or(&[][..], Node::entries);
            for (name, node) in entries.iter().filter(|_| kind == Some(of_kind)) {
                if known.contains(&name.as_str()) || also == Some(name) || crate::model::spec::is_note(name) {
                    continue;
                }
                let help = did_you_mean(name, known.iter().copied().chain(also));
                let found = format!("there is no {what} {}", shortened(name));
                diagnostics.push(Diagnostic::error(&node.path, node.line, found).help(help));
            }
        }
    }
}
