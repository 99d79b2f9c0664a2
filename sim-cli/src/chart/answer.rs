//! What pictures of answers have in common: what is asked of an answer, and how a setting lies on an axis.

use std::collections::BTreeMap;

use serde_json::Value;
use sim_core::experiment::sweep::SweptPoint;
use sim_core::experiment::{Envelope, Estimate, Estimates, Figure};
use sim_core::model::objective::{Dimension, Objective};
use sim_core::model::units;

use super::sheet::About;
use super::theme::Theme;

/// What an answer is of.
pub fn about(of: &Envelope, theme: Theme) -> About {
    let facts = vec![format!("seed {}", of.seed), format!("{} runs", of.runs), format!("digest {}", of.digest)];
    About { name: of.name.clone(), facts, theme }
}

/// A figure among others; unknown where it is not there.
pub fn estimate(figures: &Estimates, figure: &str) -> Estimate {
    figures.get(figure).unwrap_or_default()
}

/// Whether all objectives are met.
pub fn is_met(point: &SweptPoint) -> bool {
    point.stopped.is_none() && point.objectives.iter().all(|objective| objective.met)
}

/// What a figure is measured in.
pub fn dimension(figure: &str) -> Dimension {
    Figure::parse(figure).map_or(Dimension::Number, |figure| figure.dimension())
}

/// The figure that a picture of points is about: one that was asked for (it comes first), else what the first objective
/// on a time is about, else p99.
pub fn main_figure(points: &[SweptPoint]) -> Option<String> {
    let first = points.first()?;
    let known = |figure: &&String| points.iter().any(|point| estimate(&point.figures, figure).value.is_some());
    let foremost = first.figures.iter().next().map(|(figure, _)| figure);
    let asked = foremost.filter(|figure| *figure != "throughput");
    let objectives = first.objectives.iter().filter_map(|result| Objective::parse(&result.objective).ok());
    let of_objective = objectives
        .map(|objective| objective.measure)
        .find(|measure| measure.dimension() == Dimension::Time)
        .map(|measure| measure.to_string());
    let candidates = [asked.cloned(), of_objective, Some("p99".to_owned()), foremost.cloned()];
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
pub fn grouped<'p>(points: &'p [SweptPoint], apart: &[&str]) -> Vec<(String, Vec<&'p SweptPoint>)> {
    let mut order: Vec<String> = Vec::new();
    let mut groups: BTreeMap<String, Vec<&SweptPoint>> = BTreeMap::new();
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
