//! The interval of each figure, by its place.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::analysis::interval::{LEVEL, Summary};
use crate::analysis::report::{BreakdownPart, Report};
use crate::model::objective::{Dimension, Objective};

use super::to_value;

/// The interval of every figure that the merged report has, by its JSON pointer. One that not every run has gets none;
/// of a count that a run does not have (an outcome that did not happen in it) there was none.
pub(super) fn intervals(runs: &[Value], reports: &[Report], merged: &Report) -> BTreeMap<String, [f64; 2]> {
    let mut found = Figures::default();
    let value = to_value(merged);
    for section in ["requests", "latency", "error_latency", "classes", "components", "objectives", "cost"] {
        if let Some(value) = value.get(section) {
            found.below(value, format!("/{section}"));
        }
    }
    let mut intervals = BTreeMap::new();
    for (pointer, is_count) in found.pointers {
        let of_run = |run: &Value| match run.pointer(&pointer).and_then(Value::as_f64) {
            None if is_count => Some(0.0),
            value => value,
        };
        let Some(values) = runs.iter().map(of_run).collect::<Option<Vec<f64>>>() else { continue };
        let share = is_share(&pointer, merged);
        intervals.extend(interval(&values, share).map(|interval| (pointer, interval)));
    }
    for (pointer, values) in breakdown_figures(reports, merged) {
        let share = is_share(&pointer, merged);
        intervals.extend(interval(&values, share).map(|interval| (pointer, interval)));
    }
    intervals
}

/// The figures that are shares of a whole.
const SHARES: [&str; 5] = ["error_rate", "availability", "utilization", "hit_ratio", "share"];

/// Student's interval, within what the figure can be: no figure is negative, no share above 1.
fn interval(values: &[f64], is_share: bool) -> Option<[f64; 2]> {
    let (low, high) = Summary::of(values).and_then(|summary| summary.interval(LEVEL))?;
    Some([low.max(0.0), if is_share { high.min(1.0) } else { high }])
}

fn is_share(pointer: &str, merged: &Report) -> bool {
    let (above, name) = pointer.rsplit_once('/').unwrap_or_default();
    let objective =
        above.strip_prefix("/objectives/").and_then(|index| merged.objectives.get(index.parse::<usize>().ok()?));
    match objective.map(|result| Objective::parse(&result.objective)) {
        Some(Ok(objective)) => objective.measure.dimension() == Dimension::Share,
        Some(Err(_)) | None => SHARES.contains(&name),
    }
}

/// Where the figures of a report are.
#[derive(Default)]
struct Figures {
    /// JSON pointers, and whether a count is there.
    pointers: Vec<(String, bool)>,
}

impl Figures {
    /// Every number below a value is a figure, but for histograms, bounds, and how many samples a percentile needs.
    fn below(&mut self, value: &Value, pointer: String) {
        let inside: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
            Value::Number(number) => return self.pointers.push((pointer, !number.is_f64())),
            Value::Null | Value::Bool(_) | Value::String(_) => return,
        };
        for (key, value) in inside {
            if key != "histogram" && !key.ends_with("_at_least_s") && !key.ends_with("_needs") {
                self.below(value, format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")));
            }
        }
    }
}

/// The rows of the breakdown, found in each run by what they name; a run that lacks one spent nothing there.
fn breakdown_figures(reports: &[Report], merged: &Report) -> Vec<(String, Vec<f64>)> {
    type Rows = fn(&Report) -> &[BreakdownPart];
    let bands: [(&str, Rows); 2] = [("p50", |report| &report.breakdown.p50), ("p99", |report| &report.breakdown.p99)];
    let mut figures = Vec::new();
    for (band, rows) in bands {
        for (index, row) in rows(merged).iter().enumerate() {
            let of = |report, figure: fn(&BreakdownPart) -> f64| {
                rows(report).iter().find(|part| part.names_the_same(row)).map_or(0.0, figure)
            };
            let pointer = format!("/breakdown/{band}/{index}");
            figures.push((
                format!("{pointer}/seconds"),
                reports.iter().map(|report| of(report, |part| part.seconds)).collect(),
            ));
            figures.push((
                format!("{pointer}/share"),
                reports.iter().map(|report| of(report, |part| part.share)).collect(),
            ));
        }
    }
    figures
}
