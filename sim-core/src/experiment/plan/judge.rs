//! Whether a configuration meets what it must, and how much doubt is left.

use crate::analysis::interval::Summary;
use crate::experiment::objectives::Bound;
use crate::experiment::{Figures, Samples};
use crate::math;
use crate::model::objective::{Comparison, Objective};

/// What the runs of a configuration say.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// Whether the means meet every objective.
    pub met: bool,
    /// How probable runs like these are, were it otherwise (a p-value, Bonferroni over the objectives).
    pub doubt: f64,
    /// The objectives that are not met, by number.
    pub missed: Vec<usize>,
    /// How far the objective that is missed most lies beyond its bound, as a share of the bound; 0 where all are met.
    pub beyond: f64,
}

/// Judges the runs of a point; nothing where there are none.
pub fn judge(samples: &Samples, point: u32, bounds: &[Bound], figures: &Figures) -> Option<Judgement> {
    let count = samples.count(point);
    if count == 0 {
        return None;
    }
    if samples.stopped(point).is_some() {
        let missed = (0..bounds.len()).collect();
        return Some(Judgement { met: false, doubt: 0.0, missed, beyond: f64::INFINITY });
    }
    let mut judgement = Judgement { met: true, doubt: 0.0, missed: Vec::new(), beyond: 0.0 };
    let (mut surely_met, mut surely_missed) = (0.0, f64::INFINITY);
    for (number, bound) in bounds.iter().enumerate() {
        let figure = figures.index_of_objective(&bound.objective);
        // What is unknown is not met: nothing was measured, or it lies among requests that never ended.
        let (met, doubt, beyond) = figure
            .and_then(|figure| samples.summary(point, figure))
            .map_or((false, 0.0, f64::INFINITY), |summary| one(&summary, bound));
        if met {
            surely_met += doubt;
        } else {
            judgement.missed.push(number);
            surely_missed = f64::min(surely_missed, doubt);
            judgement.beyond = judgement.beyond.max(beyond);
        }
    }
    judgement.met = judgement.missed.is_empty();
    judgement.doubt = if judgement.met { surely_met } else { surely_missed * bounds.len() as f64 }.min(1.0);
    Some(judgement)
}

/// Whether a mean meets a bound, how probable it is to be that far on its side by chance (Student), and how far it is
/// beyond.
fn one(summary: &Summary, bound: &Bound) -> (bool, f64, f64) {
    let limit = bound.objective.value;
    let met = bound.objective.is_met_by(summary.mean);
    let distance = (summary.mean - limit).abs();
    let beyond = if limit == 0.0 { distance } else { distance / limit.abs() };
    (met, chance_beyond(summary, distance), if met { 0.0 } else { beyond.max(f64::MIN_POSITIVE) })
}

/// How probable it is that a mean lies so far from the truth, on one side.
fn chance_beyond(summary: &Summary, distance: f64) -> f64 {
    if summary.count < 2 {
        return 0.5;
    }
    let error = summary.standard_error();
    if error == 0.0 {
        // Every run says the same.
        return if distance > 0.0 { 0.0 } else { 0.5 };
    }
    math::student_t_cdf(-distance / error, (summary.count - 1) as f64)
}

/// How probable it is that the figure of `a` is not below that of `b` although their pairs of runs say so; 1 where they
/// don't.
pub fn doubt_of_less(samples: &Samples, a: u32, b: u32, figure: usize) -> f64 {
    let Some((of_a, of_b)) = samples.pairs(a, b, figure) else { return 1.0 };
    let summary = Summary::of_differences(&of_a, &of_b).expect("pairs are some");
    if summary.mean <= 0.0 { 1.0 } else { chance_beyond(&summary, summary.mean) }
}

/// Whether pairs of runs of `less` are better than those of `more` at an objective, beyond chance and by enough to
/// matter: 2% of its bound.
pub fn is_better_with_less(samples: &Samples, less: u32, more: u32, figure: usize, objective: &Objective) -> bool {
    let (better, worse) = match objective.comparison {
        Comparison::Less | Comparison::AtMost | Comparison::Equal => (less, more),
        Comparison::More | Comparison::AtLeast => (more, less),
    };
    let Some((a, b)) = samples.pairs(better, worse, figure) else { return false };
    let matters = Summary::of_differences(&a, &b).is_some_and(|by| by.mean >= 0.02 * objective.value.abs());
    matters && doubt_of_less(samples, better, worse, figure) < 0.001
}
