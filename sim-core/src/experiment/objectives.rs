//! What an answer must meet: the objectives of the model, and a bound of errors where it has none.

use crate::model::objective::{Comparison, Objective};

/// What is added where no objective bounds errors: who turns half of its requests away is fast.
pub const ADDED: &str = "error_rate < 1%";

/// An objective, and whether the model has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// What must hold.
    pub objective: Objective,
    /// Whether it was added, as the model bounds no errors.
    pub added: bool,
}

/// The objectives of a model, with [`ADDED`] where none of them bounds errors of all requests.
pub fn bounds(objectives: &[Objective]) -> Vec<Bound> {
    let mut bounds: Vec<Bound> =
        objectives.iter().map(|objective| Bound { objective: objective.clone(), added: false }).collect();
    if !objectives.iter().any(bounds_errors) {
        bounds.push(Bound { objective: Objective::parse(ADDED).expect("an objective"), added: true });
    }
    bounds
}

/// Whether it can't be met by turning requests away.
pub fn bounds_errors(objective: &Objective) -> bool {
    let at_most = matches!(objective.comparison, Comparison::Less | Comparison::AtMost);
    match objective.measure.metric.as_str() {
        _ if objective.measure.scope.is_some() => false,
        "error_rate" => at_most,
        "availability" | "within" | "goodput" => !at_most,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_bounded_where_nothing_bounds_them() {
        let cases: &[(&[&str], bool)] = &[
            (&[], true),
            (&["p99 < 250ms", "utilization(web) < 80%"], true),
            (&["error_rate < 5%"], false),
            (&["error_rate(web) < 5%"], true),
            (&["error_rate > 5%"], true),
            (&["p99 < 1s", "availability >= 99%"], false),
            (&["within(200ms) > 99%"], false),
            (&["goodput > 100/s"], false),
            (&["throughput > 100/s"], true),
        ];
        for (texts, added) in cases {
            let objectives: Vec<Objective> =
                texts.iter().map(|text| Objective::parse(text).expect("an objective")).collect();
            let bounds = bounds(&objectives);
            assert_eq!(bounds.len(), texts.len() + usize::from(*added), "{texts:?}");
            assert_eq!(bounds.iter().any(|bound| bound.added), *added, "{texts:?}");
        }
    }
}
