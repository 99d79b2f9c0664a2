//! A model in JSON, tidied: fields in the order in which they are declared, what is short on one line. Names of
//! components, classes and the like keep the order of the file, and so does what the simulator doesn't know (`x-`).

use super::ModelSpec;
use super::diagnostic::Diagnostics;
use super::json;
use super::node::{Node, Value};
use super::shape::{Shape, Structure};
use super::spec::Read;

/// What is longer than this stands on several lines.
const COLUMNS: usize = 120;

/// Tidies a model in JSON: the same tree, but for the order of fields.
///
/// # Errors
/// It is no JSON, or has a key twice.
pub fn tidy(text: &str) -> Result<String, Diagnostics> {
    let mut root = json::parse(text.strip_prefix('\u{feff}').unwrap_or(text))?;
    sort(&mut root, &ModelSpec::shape());
    let mut tidied = String::new();
    write(&root, 0, 0, &mut tidied);
    tidied.push('\n');
    Ok(tidied)
}

/// Puts the fields of a node and of all below it in order.
fn sort(node: &mut Node, shape: &Shape) {
    let shapes = alternatives(shape);
    let structure = structure_for(node, &shapes);
    match &mut node.value {
        Value::Map(entries) => {
            if let Some(structure) = structure {
                sort_fields(entries, &structure);
            } else if let Some(inner) = shapes.iter().find_map(|shape| match shape {
                Shape::Map(inner) => Some(inner),
                _ => None,
            }) {
                entries.iter_mut().for_each(|(_, value)| sort(value, inner));
            }
        }
        Value::List(items) => {
            for inner in shapes.iter().filter_map(|shape| match shape {
                Shape::List(inner) => Some(inner),
                _ => None,
            }) {
                items.iter_mut().for_each(|item| sort(item, inner));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What may stand at a place, one by one.
fn alternatives(shape: &Shape) -> Vec<Shape> {
    match shape {
        Shape::Any(shapes) => shapes.iter().flat_map(alternatives).collect(),
        Shape::Named(_, inner) => alternatives(&inner()),
        other => vec![other.clone()],
    }
}

/// The declared map that a node is: of several the one with its `type`, else the one that knows most of its keys.
fn structure_for(node: &Node, shapes: &[Shape]) -> Option<Structure> {
    let kind = node.get("type").and_then(Node::text);
    let structures = shapes.iter().filter_map(|shape| match shape {
        Shape::Struct(structure) => Some(structure()),
        _ => None,
    });
    let known = |structure: &Structure| {
        let fields = structure.written_fields();
        let keys = node.entries().iter().filter(|(key, _)| fields.iter().any(|field| field.name == key));
        (structure.component.is_some() && structure.component == kind, keys.count())
    };
    structures.fold(None, |best: Option<Structure>, structure| match best {
        Some(best) if known(&best) >= known(&structure) => Some(best),
        _ => Some(structure),
    })
}

/// What stands before all declared fields.
const FIRST: [&str; 3] = ["$schema", "type", "like"];
/// After which field a description stands.
const TITLES: [&str; 5] = ["$schema", "type", "like", "format", "name"];

fn sort_fields(entries: &mut [(String, Node)], structure: &Structure) {
    let fields = structure.written_fields();
    // A component's `to` has its `link` right behind it; what is declared `beside` is no field of its own.
    let rank = |key: &str| -> (usize, usize) {
        if let Some(place) = FIRST.iter().position(|first| *first == key) {
            return (0, place);
        }
        let declared = |name: &str| fields.iter().position(|field| field.name == name);
        if key == "description" {
            let titles = fields.iter().rposition(|field| TITLES.contains(&field.name));
            return titles.map_or((0, FIRST.len()), |last| (1, 3 * last + 2));
        }
        let beside = || fields.iter().position(|field| field.beside == Some(key));
        match (declared(key), beside()) {
            (Some(place), _) => (1, 3 * place),
            (None, Some(place)) => (1, 3 * place + 1),
            (None, None) => (2, 0),
        }
    };
    entries.sort_by_key(|(key, _)| rank(key));
    for (key, value) in entries {
        if let Some(field) = fields.iter().find(|field| field.name == *key || field.beside == Some(key.as_str())) {
            sort(value, &(field.shape)());
        }
    }
}

/// Writes a node that begins in this column, at this depth.
fn write(node: &Node, depth: usize, column: usize, text: &mut String) {
    let flat = flat(node);
    // The root and its groups are always open: that is what one reads a model by.
    let group = depth < 2 && node.entries().len() > 1 && node.entries().iter().any(|(_, value)| is_container(value));
    let open = is_container(node) && (depth == 0 || group || column + flat.chars().count() > COLUMNS);
    let parts: Vec<(Option<&str>, &Node)> = match &node.value {
        Value::Map(entries) => entries.iter().map(|(key, value)| (Some(key.as_str()), value)).collect(),
        Value::List(items) => items.iter().map(|item| (None, item)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    if !open || parts.is_empty() {
        text.push_str(&flat);
        return;
    }
    let (begin, end) = if matches!(node.value, Value::Map(_)) { ('{', '}') } else { ('[', ']') };
    text.push(begin);
    let indent = 2 * (depth + 1);
    for (at, (key, value)) in parts.iter().enumerate() {
        text.push_str(if at == 0 { "\n" } else { ",\n" });
        text.push_str(&" ".repeat(indent));
        let name = key.map_or(String::new(), |key| format!("{}: ", quoted(key)));
        text.push_str(&name);
        // One more for the comma.
        write(value, depth + 1, indent + name.chars().count() + 1, text);
    }
    text.push('\n');
    text.push_str(&" ".repeat(2 * depth));
    text.push(end);
}

fn is_container(node: &Node) -> bool {
    !node.entries().is_empty() || !node.items().is_empty()
}

/// A node on one line.
fn flat(node: &Node) -> String {
    let joined = |parts: Vec<String>, [begin, end]: [&str; 2]| match parts.is_empty() {
        true => format!("{begin}{end}"),
        false => format!("{begin} {} {end}", parts.join(", ")),
    };
    match &node.value {
        Value::Null => "null".to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.text.clone(),
        Value::String(text) => quoted(text),
        Value::List(items) => joined(items.iter().map(flat).collect(), ["[", "]"]),
        Value::Map(entries) => {
            let entry = |(key, value): &(String, Node)| format!("{}: {}", quoted(key), flat(value));
            joined(entries.iter().map(entry).collect(), ["{", "}"])
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_as_declared_and_what_is_short_on_one_line() {
        let untidy = r#"{ "x-owner": "shop", "components": {
            "web": { "handlers": { "*": [ { "cpu": "5ms" }, {"timeout":"1s","call":"db", "x-why": 1.50} ] }, "replicas": 2.0, "type": "server-pool", "x-b": 1, "x-a": [] },
            "users": { "arrivals": {"rate":"10/s"}, "link": {"rtt":"5ms"}, "to": "web", "type": "client" },
            "db": {"operations": { "read": "1ms" }, "type": "database"} },
          "run": {"duration": "1m", "warmup": "1s"}, "description": "a \"shop\"", "name": "Shop", "format": 1, "objectives": ["p99 < 1s"] }"#;
        let tidied = r#"{
  "format": 1,
  "name": "Shop",
  "description": "a \"shop\"",
  "run": { "warmup": "1s", "duration": "1m" },
  "components": {
    "web": {
      "type": "server-pool",
      "replicas": 2.0,
      "handlers": { "*": [ { "cpu": "5ms" }, { "call": "db", "timeout": "1s", "x-why": 1.50 } ] },
      "x-b": 1,
      "x-a": []
    },
    "users": { "type": "client", "to": "web", "link": { "rtt": "5ms" }, "arrivals": { "rate": "10/s" } },
    "db": { "type": "database", "operations": { "read": "1ms" } }
  },
  "objectives": [ "p99 < 1s" ],
  "x-owner": "shop"
}
"#;
        assert_eq!(tidy(untidy).expect("it is JSON"), tidied);
        assert_eq!(tidy(tidied).expect("it is JSON"), tidied, "tidied again it is the same");
    }

    #[test]
    fn what_is_no_model_has_an_order_too() {
        for (text, tidied) in [
            ("[]", "[]\n"),
            ("{}", "{}\n"),
            (r#"{"b":null,"a":[1e3,true]}"#, "{\n  \"b\": null,\n  \"a\": [ 1e3, true ]\n}\n"),
        ] {
            assert_eq!(tidy(text).expect("it is JSON"), tidied);
        }
        for wrong in ["", "{", "{\"a\": 1, \"a\": 2}"] {
            assert!(tidy(wrong).is_err(), "{wrong}");
        }
    }
}
