//! How far objectives are from breaking.

use crate::analysis::load;
use crate::components::Component;
use crate::experiment::objectives::{ADDED, bounds_errors};
use crate::experiment::{Figures, Record};
use crate::model::Model;
use crate::model::arrivals::Arrivals;
use crate::model::objective::{Comparison, Dimension, Objective};

/// Beyond, more headroom says nothing more.
const MOST: f64 = 100.0;
/// Beyond, less says nothing more.
const LEAST: f64 = -9.0;
/// A queue that grows by less is hardly told from chance.
const GROWTH: f64 = 0.003;

/// An objective of the search.
#[derive(Clone, Debug, PartialEq)]
pub struct Holds {
    /// What must hold.
    pub objective: Objective,
    /// Why it was added, where the model doesn't say it.
    pub added: Option<&'static str>,
    /// The number of its figure.
    pub figure: usize,
    /// Whether it bounds the load from below (`throughput > 800/s`): then it is no limit of the load.
    pub from_below: bool,
}

/// What a search for a limit adds to a model's objectives: a bound of errors where there is none, and that the system
/// keeps up, without which a queue that grows slowly would count as fine.
pub fn added(model: &Model) -> Vec<(Objective, &'static str)> {
    let parse = |text: &str| Objective::parse(text).expect("it is an objective");
    let mut added = Vec::new();
    if !model.objectives.iter().any(bounds_errors) {
        added.push((parse(ADDED), "no objective bounds errors"));
    }
    // Closed loops never ask for more than they are answered.
    let is_open = model.components.values().any(
        |component| matches!(component, Component::Client(client) if !matches!(client.arrivals, Arrivals::Closed(_))),
    );
    if is_open && !model.objectives.iter().any(|objective| objective.measure.metric == "backlog") {
        let growth = (growth_by_chance(model).max(GROWTH) * 1000.0).round() / 10.0;
        added.push((parse(&format!("backlog < {growth}%")), "it keeps up: no queue grows without end"));
    }
    added
}

/// What a system at its very capacity leaves undone by chance alone, as a share of what is offered in half the window.
fn growth_by_chance(model: &Model) -> f64 {
    let busiest = load::offered(model).stations.iter().map(load::StationLoad::utilization).fold(0.0, f64::max);
    // At its capacity, as far as theory knows it.
    let rate = load::arrivals(model) / if busiest > 0.0 { busiest } else { 1.0 };
    let requests = rate * model.run.duration.0 as f64 / 1e9;
    if requests > 0.0 { (0.7 / requests.sqrt()).min(0.05) } else { GROWTH }
}

/// The model's objectives, and what is added to them.
pub fn objectives(model: &Model, figures: &Figures, is_load: bool) -> Vec<Holds> {
    let own = model.objectives.iter().map(|objective| (objective.clone(), None));
    let added = added(model).into_iter().map(|(objective, why)| (objective, Some(why)));
    let holds = |(objective, added): (Objective, Option<&'static str>)| {
        let from_below = is_load
            && matches!(objective.measure.metric.as_str(), "throughput" | "goodput" | "offered")
            && matches!(objective.comparison, Comparison::More | Comparison::AtLeast);
        let figure = figures.index_of_objective(&objective).expect("the subjects keep the figures of all objectives");
        Holds { objective, added, figure, from_below }
    };
    own.chain(added).map(holds).collect()
}

impl Holds {
    /// How far a value is from breaking it: above 1 it holds, below 1 it doesn't. Chosen so that near the limit of a
    /// queue it goes down in a straight line: latencies and queues as bound ÷ value, shares by their distance.
    pub fn headroom(&self, value: Option<f64>) -> f64 {
        let Some(value) = value else { return LEAST };
        let bound = self.objective.value;
        let wants_less = matches!(self.objective.comparison, Comparison::Less | Comparison::AtMost);
        let ratio = |part: f64, whole: f64| match (part > 0.0, whole > 0.0) {
            (_, true) => part / whole,
            (true, false) => MOST,
            (false, false) => 1.0,
        };
        let room = match (self.objective.measure.dimension(), wants_less) {
            (Dimension::Time | Dimension::Number, true) => ratio(bound, value),
            (Dimension::Time | Dimension::Number | Dimension::Rate, false) => ratio(value, bound),
            (Dimension::Share | Dimension::Rate, true) => 2.0 - ratio(value, bound),
            (Dimension::Share, false) => 2.0 - ratio(1.0 - value, 1.0 - bound),
        };
        let room = room.clamp(LEAST, MOST);
        // At the very bound it depends on the comparison.
        match self.objective.is_met_by(value) {
            true => room.max(1.0 + 1e-12),
            false => room.min(1.0),
        }
    }

    /// The mean of its figure over runs; nothing where any of them doesn't know it or was stopped.
    pub fn mean<'r>(&self, records: impl Iterator<Item = &'r Record>) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0_u32);
        for record in records {
            sum += record.values[self.figure].filter(|_| record.stopped.is_none())?;
            count += 1;
        }
        (count > 0).then(|| sum / f64::from(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headroom_is_above_1_where_an_objective_holds() {
        let cases = [
            ("p99 < 250ms", Some(0.125), 2.0),
            ("p99 < 250ms", Some(0.5), 0.5),
            ("p99 < 250ms", Some(0.25), 1.0),
            ("p99 <= 250ms", Some(0.25), 1.0 + 1e-12),
            ("p99 < 250ms", None, LEAST),
            ("error_rate < 1%", Some(0.0), 2.0),
            ("error_rate < 1%", Some(0.02), 0.0),
            ("error_rate <= 0%", Some(0.0), 1.0 + 1e-12),
            ("error_rate <= 0%", Some(0.1), LEAST),
            ("within(1s) > 99%", Some(1.0), 2.0),
            ("within(1s) > 99%", Some(0.98), 0.0),
            ("utilization(web) < 80%", Some(0.6), 1.25),
            ("queue(web) < 0", Some(0.0), 1.0),
            ("hit_ratio(redis) > 80%", Some(0.9), 1.5),
            ("throughput > 800/s", Some(400.0), 0.5),
        ];
        for (text, value, expected) in cases {
            let objective = Objective::parse(text).expect(text);
            let holds = Holds { objective, added: None, figure: 0, from_below: false };
            let found = holds.headroom(value);
            assert!((found - expected).abs() < 1e-9, "{text} {value:?}: {found}");
            assert_eq!(found > 1.0, value.is_some_and(|value| holds.objective.is_met_by(value)), "{text} {value:?}");
        }
    }
}
