//! What pictures need to know of the answers of experiments, read from their JSON: the same for what was just found and
//! for what was kept in a file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use sim_core::analysis::report::{Breakdown, ObjectiveResult};
use sim_core::experiment::Figure;
use sim_core::model::objective::{Dimension, Objective};
use sim_core::model::units;

use super::sheet::About;
use super::theme::Theme;

/// An answer, with what each command's has.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Answer {
    pub name: String,
    pub seed: u64,
    pub digest: String,
    pub runs: u64,
    pub confidence: f64,
    /// Sweep.
    pub axes: Vec<Axis>,
    pub sample: Option<u32>,
    pub points: Vec<Point>,
    /// Compare.
    pub base: Side,
    pub differences: Vec<Difference>,
    /// Limit.
    pub vary: String,
    pub sentence: String,
    pub present: Option<f64>,
    pub limit: Estimate,
    pub curve: Vec<CurvePoint>,
    pub knee: Option<Knee>,
    pub objectives: Vec<Demand>,
    /// Plan.
    pub minimize: String,
    pub statement: String,
    pub frontier: Vec<FrontierPoint>,
    pub best: Option<Candidate>,
    /// Explain.
    pub breakdown: Breakdown,
    pub advice: Vec<Step>,
    pub others: Vec<Step>,
}

/// What was varied.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Axis {
    pub path: String,
    pub values: Vec<Value>,
}

/// A configuration and what was found of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Point {
    pub settings: Map<String, Value>,
    pub figures: Map<String, Value>,
    pub objectives: Vec<ObjectiveResult>,
    pub stopped: Option<String>,
}

/// A mean and its interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Estimate {
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// A load and what was found at it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CurvePoint {
    pub value: f64,
    pub setting: String,
    pub figures: Map<String, Value>,
    pub at_limit: bool,
    pub met: bool,
}

/// Where more load begins to cost more than it brings.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Knee {
    pub value: f64,
}

/// What must hold.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Demand {
    pub objective: String,
}

/// The best configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Candidate {
    pub settings: Map<String, Value>,
}

/// A configuration that a plan ran.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FrontierPoint {
    pub settings: Map<String, Value>,
    pub cost: Option<f64>,
    pub p99: Estimate,
    pub met: bool,
    pub efficient: bool,
}

/// One of the models of a comparison.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Side {
    pub name: String,
}

/// What changes between two configurations.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Difference {
    pub variant: String,
    pub figure: String,
    pub a: Option<f64>,
    pub b: Option<f64>,
    pub diff: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub margin: Option<f64>,
    pub verdict: String,
    pub sentence: String,
}

/// One more of something, and what it changes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Step {
    pub what: String,
    #[serde(flatten)]
    pub difference: Difference,
}

impl Answer {
    /// Reads it.
    pub fn read(answer: &Value) -> Result<Self, String> {
        Self::deserialize(answer).map_err(|why| format!("its answer can't be drawn: {why}"))
    }

    /// What it is of.
    pub fn about(&self, theme: Theme) -> About {
        let facts =
            vec![format!("seed {}", self.seed), format!("{} runs", self.runs), format!("digest {}", self.digest)];
        About { name: self.name.clone(), facts, theme }
    }
}

impl Point {
    /// A figure of it.
    pub fn estimate(&self, figure: &str) -> Estimate {
        estimate(&self.figures, figure)
    }

    /// Whether all objectives are met.
    pub fn is_met(&self) -> bool {
        self.stopped.is_none() && self.objectives.iter().all(|objective| objective.met)
    }
}

/// A figure among others: an estimate, or a plain number.
pub fn estimate(figures: &Map<String, Value>, figure: &str) -> Estimate {
    match figures.get(figure) {
        Some(Value::Number(number)) => Estimate { value: number.as_f64(), ..Estimate::default() },
        Some(known) => Estimate::deserialize(known).unwrap_or_default(),
        None => Estimate::default(),
    }
}

/// What a figure is measured in.
pub fn dimension(figure: &str) -> Dimension {
    Figure::parse(figure).map_or(Dimension::Number, |figure| figure.dimension())
}

/// The figure that a picture of points is about: one that was asked for (it comes first), else what the first objective
/// on a time is about, else p99.
pub fn main_figure(points: &[Point]) -> Option<String> {
    let first = points.first()?;
    let known = |figure: &&String| points.iter().any(|point| point.estimate(figure).value.is_some());
    let asked = first.figures.keys().next().filter(|figure| *figure != "throughput");
    let objectives = first.objectives.iter().filter_map(|result| Objective::parse(&result.objective).ok());
    let of_objective = objectives
        .map(|objective| objective.measure)
        .find(|measure| measure.dimension() == Dimension::Time)
        .map(|measure| measure.to_string());
    let candidates = [asked.cloned(), of_objective, Some("p99".to_owned()), first.figures.keys().next().cloned()];
    candidates.iter().flatten().find(known).or(candidates.iter().flatten().next()).cloned()
}

/// The bound that an objective puts on a figure, and how it is written.
pub fn bound<'a>(objectives: impl Iterator<Item = &'a str>, figure: &str) -> Option<(f64, String)> {
    let mut objectives = objectives.filter_map(|text| Objective::parse(text).ok());
    let of = objectives.find(|objective| objective.measure.to_string() == figure);
    of.map(|objective| (objective.value, format!("objective: {}", objective.text)))
}

/// A setting as it is written.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A setting as a place on an axis, and what it is measured in.
pub fn number(value: &Value) -> Option<(f64, Dimension)> {
    if let Some(number) = value.as_f64() {
        return Some((number, Dimension::Number));
    }
    let text = value.as_str()?;
    let of = |value: Option<f64>, dimension| value.map(|value| (value, dimension));
    of(units::number(text).ok(), Dimension::Number)
        .or_else(|| of(units::time(text).ok().map(|ns| ns as f64 / 1e9), Dimension::Time))
        .or_else(|| of(units::rate(text).ok(), Dimension::Rate))
        .or_else(|| of(units::share(text).ok(), Dimension::Share))
        .or_else(|| of(units::size(text).ok().map(|bytes| bytes as f64), Dimension::Number))
}

/// The points by their settings on other axes than these, each group under what they have in common.
pub fn grouped<'p>(points: &'p [Point], apart: &[&str]) -> Vec<(String, Vec<&'p Point>)> {
    let mut order: Vec<String> = Vec::new();
    let mut groups: BTreeMap<String, Vec<&Point>> = BTreeMap::new();
    for point in points {
        let others = point.settings.iter().filter(|(path, _)| !apart.contains(&path.as_str()));
        let name = others.map(|(_, value)| text(value)).collect::<Vec<_>>().join(" · ");
        if !groups.contains_key(&name) {
            order.push(name.clone());
        }
        groups.entry(name).or_default().push(point);
    }
    order.into_iter().map(|name| (name.clone(), groups.remove(&name).unwrap_or_default())).collect()
}
