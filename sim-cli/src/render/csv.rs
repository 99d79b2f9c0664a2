//! The report as a line per figure: `scope,figure,value,low,high`, in base units (seconds, shares, per second).
//! Histograms, timelines and breakdowns are in the JSON.

use serde_json::Value;

use super::{Renderer, View, pointer};

/// A line per figure.
pub struct Csv;

impl Renderer for Csv {
    fn render(&self, view: &View) -> String {
        let report = serde_json::to_value(view.report).expect("a report is serialisable");
        let mut lines = vec!["scope,figure,value,low,high".to_owned()];
        let mut add = |scope: &[&str], figure: &[&str], value: &Value| {
            let pointer = pointer(&[scope, figure].concat());
            let [low, high] = view
                .report
                .intervals
                .get(&pointer)
                .map_or([String::new(), String::new()], |ends| ends.map(|end| end.to_string()));
            let value = match value {
                Value::String(text) => quote(text),
                other => other.to_string(),
            };
            lines.push(format!("{},{},{value},{low},{high}", quote(&scope.join("/")), quote(&figure.join("/"))));
        };
        for field in ["name", "engine", "seed", "model_digest", "digest"] {
            if let Some(value) = report.get(field) {
                add(&[], &[field], value);
            }
        }
        for section in ["window", "requests", "latency", "error_latency"] {
            figures(&report[section], &mut vec![section], &mut |figure, value| add(&[], figure, value));
        }
        for section in ["classes", "components"] {
            for (name, of) in report[section].as_object().into_iter().flatten() {
                figures(of, &mut Vec::new(), &mut |figure, value| add(&[section, name], figure, value));
            }
        }
        for (index, objective) in view.report.objectives.iter().enumerate() {
            let index = index.to_string();
            let scope = ["objectives", &index];
            add(&scope, &["objective"], &Value::from(objective.objective.as_str()));
            add(&scope, &["value"], &objective.value.map_or(Value::Null, Value::from));
            add(&scope, &["met"], &Value::from(objective.met));
        }
        lines.push(String::new());
        lines.join("\n").replace(",null,", ",,")
    }
}

/// Visits every number and text below a value, with its path.
fn figures<'a>(value: &'a Value, path: &mut Vec<&'a str>, visit: &mut impl FnMut(&[&str], &Value)) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields.iter().filter(|(key, _)| key.as_str() != "histogram") {
                path.push(key);
                figures(value, path, visit);
                path.pop();
            }
        }
        Value::Array(_) => {}
        Value::Null if path.len() < 2 => {}
        plain => visit(path, plain),
    }
}

/// A line of cells.
pub fn line(cells: impl Iterator<Item = String>) -> String {
    cells.map(|cell| quote(&cell)).collect::<Vec<_>>().join(",") + "\n"
}

fn quote(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixture;

    #[test]
    fn web_shop() {
        let text = fixture::plain(&Csv, &fixture::web_shop());
        assert!(text.lines().all(|line| line.matches('"').count() % 2 == 0));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn texts_with_commas_are_quoted() {
        assert_eq!(quote("a"), "a");
        assert_eq!(quote("say \"a, b\""), "\"say \"\"a, b\"\"\"");
    }
}
