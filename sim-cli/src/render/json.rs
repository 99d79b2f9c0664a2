//! The whole report as JSON: objects indented, lists of plain values on one line.

use serde::Serialize;
use serde_json::Value;

use super::{Renderer, View};

/// The whole report.
pub struct Json;

impl Renderer for Json {
    fn render(&self, view: &View) -> String {
        pretty(view.report)
    }
}

/// Readable JSON, ending in a new line.
pub fn pretty(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).expect("what is written is serialisable");
    let mut text = String::new();
    write(&value, 0, &mut text);
    text.push('\n');
    text
}

fn write(value: &Value, depth: usize, text: &mut String) {
    let indent = |text: &mut String, depth: usize| {
        text.push('\n');
        text.push_str(&"  ".repeat(depth));
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('{');
            for (index, (key, value)) in fields.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                indent(text, depth + 1);
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push_str(": ");
                write(value, depth + 1, text);
            }
            indent(text, depth);
            text.push('}');
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                indent(text, depth + 1);
                write(item, depth + 1, text);
            }
            indent(text, depth);
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use sim_core::analysis::report::Report;

    use super::*;
    use crate::render::fixture;

    #[test]
    fn what_is_written_reads_back() {
        let report = fixture::web_shop();
        let text = fixture::plain(&Json, &report);
        assert_eq!(serde_json::from_str::<Report>(&text).expect("it is a report"), report);
        assert!(text.ends_with("}\n"));
        assert!(text.contains("\"histogram\": [[0."), "lists of plain values are on one line");
    }
}
