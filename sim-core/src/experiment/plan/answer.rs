//! What a plan answers: the best, what came close, and why it is sure.

use serde::{Deserialize, Serialize};

use super::{Goal, Order, Plan, Subjects};
use crate::analysis::objective::percentile_share;
use crate::experiment::estimate::{Estimate, Estimates};
use crate::experiment::objectives::Bound;
use crate::experiment::{Envelope, Figure, axis};
use crate::model::objective::{Comparison, Dimension};
use crate::model::units::{humane_count, humane_money, humane_rate, humane_share, humane_time};

/// How many of those that miss or cost more are told.
const RUNNERS_UP: usize = 3;

/// What a plan found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// What it rests on; its `confidence` is that of the statement.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// What is as low as it can be: `cost`, or a figure.
    pub minimize: String,
    /// What had to be met.
    pub objectives: Vec<Required>,
    /// The answer in a sentence.
    pub statement: String,
    /// The best configuration, if any meets all objectives.
    pub best: Option<Configuration>,
    /// Where none does, the one that came closest of those that were run.
    pub closest: Option<Configuration>,
    /// The next better ones, which miss something, and the next dearer ones, which don't.
    pub runners_up: Vec<Configuration>,
    /// All that were run, the cheapest first.
    pub frontier: Vec<FrontierPoint>,
    /// How many configurations there are.
    pub candidates: u64,
    /// How many were run.
    pub evaluated: u64,
    /// How many need not be.
    pub pruned: u64,
    /// Why not.
    pub pruned_by: PrunedBy,
    /// What was taken for granted, and how it was checked.
    pub assumptions: Vec<String>,
}

/// An objective of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Required {
    /// As it is written.
    pub objective: String,
    /// Whether it was added, since the model bounds no errors.
    pub added: bool,
}

/// Why configurations were not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrunedBy {
    /// They have far more to do than they can.
    pub theory: u64,
    /// They have no more of anything than one that misses an objective.
    pub order: u64,
    /// They are no better than the best.
    pub price: u64,
}

/// A configuration and what its runs say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// What is set, by path.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// What is minimised.
    pub cost: Option<f64>,
    /// How many runs it had.
    pub replications: u32,
    /// Whether it meets every objective.
    pub met: bool,
    /// What of each objective.
    pub objectives: Vec<Met>,
    /// Mean and interval of each figure.
    pub figures: Estimates,
    /// Why it is not the best.
    pub why: String,
}

/// What came of an objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Met {
    /// As it is written.
    pub objective: String,
    /// Mean and interval.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// Whether the mean meets it.
    pub met: bool,
}

/// A configuration as a point of the picture of cost and latency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrontierPoint {
    /// What is set, by path.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// What is minimised.
    pub cost: Option<f64>,
    /// The 99th percentile.
    pub p99: Estimate,
    /// Whether it meets every objective.
    pub met: bool,
    /// Whether nothing that was run is both cheaper and faster.
    pub efficient: bool,
}

/// The shortest of the times in which most requests must be answered; nothing where none must.
pub fn longest_allowed(bounds: &[Bound]) -> Option<f64> {
    let time = |bound: &Bound| {
        let objective = &bound.objective;
        let at_most = matches!(objective.comparison, Comparison::Less | Comparison::AtMost);
        match &objective.measure.metric {
            _ if objective.measure.scope.is_some() => None,
            metric if metric == "within" && !at_most && objective.value >= 0.9 => objective.measure.argument,
            metric if at_most && percentile_share(metric).is_some_and(|share| share >= 0.9) => Some(objective.value),
            _ => None,
        }
    };
    bounds.iter().filter_map(time).reduce(f64::min)
}

impl Plan {
    /// What it found.
    pub fn finish(self, subjects: &Subjects) -> Planned {
        let front = self.front();
        let closest = match front.best {
            Some(_) => None,
            None => {
                self.judgements.iter().min_by(|a, b| a.1.beyond.total_cmp(&b.1.beyond)).map(|(closest, _)| *closest)
            }
        };
        let pruned_by = self.pruned_by(front.best);
        let complete = !self.interrupted && self.done && self.samples.runs() < self.limits.runs;
        let mut envelope = Envelope::of("plan", subjects, &self.samples, complete);
        envelope.confidence = self.confidence();
        Planned {
            minimize: match &self.goal {
                Goal::Cost | Goal::Prices(_) => "cost".to_owned(),
                Goal::Setting(path) => path.clone(),
                Goal::Figure(figure) => figure.name.clone(),
            },
            objectives: self
                .bounds
                .iter()
                .map(|bound| Required { objective: bound.objective.text.clone(), added: bound.added })
                .collect(),
            statement: self.statement(front.best, closest, envelope.confidence),
            best: front.best.map(|best| self.configuration(best, "the best".to_owned())),
            closest: closest.map(|closest| self.configuration(closest, self.misses(closest))),
            runners_up: front.best.map_or(Vec::new(), |best| self.runners_up(best)),
            frontier: self.frontier(),
            candidates: self.space.count() as u64,
            evaluated: self.judgements.len() as u64,
            pruned: pruned_by.theory + pruned_by.order + pruned_by.price,
            pruned_by,
            assumptions: self.assumptions(),
            envelope,
        }
    }

    /// An amount of what is minimised, for people: `840 a month`, `p99 212 ms`.
    pub fn told(goal: &Goal, value: f64) -> String {
        match goal {
            Goal::Cost => format!("{} a month", humane_money(value)),
            Goal::Prices(_) => humane_money(value),
            Goal::Setting(path) => format!("{path} {value}"),
            Goal::Figure(figure) => format!("{} {}", figure.name, humane(value, figure.dimension())),
        }
    }

    fn statement(&self, best: Option<usize>, closest: Option<usize>, confidence: f64) -> String {
        let sure = format!("{:.1}%", (confidence * 1000.0).floor() / 10.0).replace(".0%", "%");
        let Some(best) = best else {
            let Some(closest) = closest else { return "Nothing was run.".to_owned() };
            let told = self.told_settings(closest);
            let found = format!(
                "None of the {} configurations meets all objectives ({sure} confidence). The closest, {told}, {}.",
                self.space.count(),
                self.misses(closest)
            );
            return found;
        };
        let told = self.told_settings(best);
        let value = Self::told(&self.goal, self.value(best));
        let mut statement = match &self.goal {
            Goal::Setting(path) => format!("The least {path} is with {told}; it meets all objectives."),
            Goal::Cost | Goal::Prices(_) => format!("The cheapest is {told} at {value}; it meets all objectives."),
            Goal::Figure(_) => format!("The best is {told} with {value}; it meets all objectives."),
        };
        statement += &match confidence >= self.limits.confidence {
            true => format!(" Confidence {sure}."),
            false => format!(" Confidence {sure} only: {}.", self.why_unsure()),
        };
        let next = self.runners_up(best).into_iter().find(|other| !other.met);
        if let Some(next) = next {
            statement += &format!(" The next better one, {}, {}.", told_settings(&next.settings), next.why);
        }
        statement
    }

    fn why_unsure(&self) -> &'static str {
        match () {
            () if self.interrupted => "it was interrupted",
            () if self.samples.runs() >= self.limits.runs || !self.done => "more runs are not allowed",
            () => "a figure is too near its bound, or two configurations are too much alike",
        }
    }

    fn told_settings(&self, candidate: usize) -> String {
        told_settings(&self.settings(candidate))
    }

    fn settings(&self, candidate: usize) -> serde_json::Map<String, serde_json::Value> {
        let sets = &self.space.get(candidate).point.sets;
        sets.iter().map(|(path, value)| (path.clone(), axis::json(value))).collect()
    }

    /// What a configuration misses, by how much: `misses p99 < 250ms with 312 ms`.
    fn misses(&self, candidate: usize) -> String {
        let judgement = &self.judgements[&candidate];
        let point = self.numbers[&candidate];
        if let Some(stopped) = self.samples.stopped(point) {
            return format!("was stopped: {stopped}");
        }
        let missed = judgement.missed.iter().map(|missed| {
            let objective = &self.bounds[*missed].objective;
            let figure = self.figures.index_of_objective(objective);
            let value = figure.and_then(|figure| self.samples.summary(point, figure));
            let value = value.map_or("no value".to_owned(), |value| humane(value.mean, objective.measure.dimension()));
            format!("{} with {value}", objective.text)
        });
        format!("misses {}", missed.collect::<Vec<_>>().join(" and "))
    }

    fn configuration(&self, candidate: usize, why: String) -> Configuration {
        let point = self.numbers[&candidate];
        let judgement = &self.judgements[&candidate];
        let objectives = self.bounds.iter().enumerate().map(|(number, bound)| Met {
            objective: bound.objective.text.clone(),
            estimate: self
                .figures
                .index_of_objective(&bound.objective)
                .map_or(Estimate::default(), |figure| self.samples.estimate(point, figure)),
            met: !judgement.missed.contains(&number),
        });
        Configuration {
            settings: self.settings(candidate),
            cost: Some(self.value(candidate)).filter(|value| value.is_finite()),
            replications: self.samples.count(point),
            met: judgement.met,
            objectives: objectives.collect(),
            figures: self.samples.estimates(point, &self.figures),
            why,
        }
    }

    /// The nearest better ones, which miss something, and the nearest others.
    fn runners_up(&self, best: usize) -> Vec<Configuration> {
        let order = |a: &usize, b: &usize| {
            self.value(*a).total_cmp(&self.value(*b)).then(self.space.modesty(*a).cmp(&self.space.modesty(*b)))
        };
        let mut run: Vec<usize> = self.judgements.keys().copied().filter(|candidate| *candidate != best).collect();
        run.sort_by(order);
        let better = run.iter().rev().filter(|candidate| order(candidate, &best).is_lt()).take(RUNNERS_UP);
        let better = better.map(|candidate| self.configuration(*candidate, self.misses(*candidate)));
        let worse = run.iter().filter(|candidate| order(candidate, &best).is_gt() && self.judgements[candidate].met);
        let worse = worse.take(RUNNERS_UP).map(|candidate| {
            let why = match &self.goal {
                _ if self.value(*candidate) == self.value(best) => "is no better",
                Goal::Cost | Goal::Prices(_) => "costs more",
                Goal::Setting(_) => "has more",
                Goal::Figure(_) => "is worse",
            };
            self.configuration(*candidate, why.to_owned())
        });
        better.chain(worse).collect()
    }

    fn frontier(&self) -> Vec<FrontierPoint> {
        let p99 = self.figures.index_of(&Figure::parse("p99").expect("a figure"));
        let mut points: Vec<FrontierPoint> = self
            .judgements
            .iter()
            .map(|(candidate, judgement)| FrontierPoint {
                settings: self.settings(*candidate),
                cost: Some(self.value(*candidate)).filter(|value| value.is_finite()),
                p99: p99.map_or(Estimate::default(), |p99| self.samples.estimate(self.numbers[candidate], p99)),
                met: judgement.met,
                efficient: false,
            })
            .collect();
        let known = |value: Option<f64>| value.unwrap_or(f64::INFINITY);
        points.sort_by(|a, b| {
            known(a.cost).total_cmp(&known(b.cost)).then(known(a.p99.value).total_cmp(&known(b.p99.value)))
        });
        let mut fastest = f64::INFINITY;
        for point in &mut points {
            point.efficient = known(point.p99.value) < fastest;
            fastest = fastest.min(known(point.p99.value));
        }
        points
    }

    fn pruned_by(&self, best: Option<usize>) -> PrunedBy {
        let mut pruned = PrunedBy::default();
        for candidate in (0..self.space.count()).filter(|candidate| !self.judgements.contains_key(candidate)) {
            match best {
                Some(best) if !self.is_better(candidate, best) => pruned.price += 1,
                _ if self.space.get(candidate).is_hopeless => pruned.theory += 1,
                _ => pruned.order += u64::from(self.doubt(candidate).is_some()),
            }
        }
        pruned
    }

    fn assumptions(&self) -> Vec<String> {
        let paths: Vec<&str> = match self.space.count() {
            0 => Vec::new(),
            _ => self.space.get(0).point.sets.iter().map(|(path, _)| path.as_str()).collect(),
        };
        let of = |order: Option<Order>| -> Vec<&str> {
            let known = paths.iter().zip(self.space.orders()).filter(|(_, known)| **known == order);
            known.map(|(path, _)| *path).collect()
        };
        let mut assumptions = Vec::new();
        let surely = of(Some(Order::Surely));
        if !surely.is_empty() {
            assumptions.push(format!("More of {} is not worse.", surely.join(", ")));
        }
        let usually = of(Some(Order::Usually));
        if !usually.is_empty() {
            let usually = usually.join(", ");
            assumptions.push(match self.trust {
                Order::Usually if self.checked.is_empty() => format!("More of {usually} is not worse."),
                Order::Usually => format!(
                    "More of {usually} is not worse: checked by running {} configurations that it rules out.",
                    self.checked.len()
                ),
                Order::Surely => {
                    format!("More of {usually} is worse in places, so nothing was concluded from having more of it.")
                }
            });
        }
        let unordered = of(None);
        if !unordered.is_empty() {
            assumptions.push(format!("Each value of {} was looked at by itself.", unordered.join(", ")));
        }
        if self.bounds.iter().any(|bound| bound.added) {
            assumptions
                .push(format!("{} was added, as no objective bounds errors.", crate::experiment::objectives::ADDED));
        }
        assumptions
    }
}

/// `web.replicas=6, orders-pool.size=20`
pub fn told_settings(settings: &serde_json::Map<String, serde_json::Value>) -> String {
    let one = |(path, value): (&String, &serde_json::Value)| match value {
        serde_json::Value::String(text) => format!("{path}={text}"),
        other => format!("{path}={other}"),
    };
    settings.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn humane(value: f64, dimension: Dimension) -> String {
    match dimension {
        Dimension::Time => humane_time(value),
        Dimension::Share => humane_share(value),
        Dimension::Rate => humane_rate(value),
        Dimension::Number => humane_count(value),
    }
}
