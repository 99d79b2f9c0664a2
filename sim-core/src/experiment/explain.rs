//! Explain: where the time goes, and what one more of each thing would do about it.
//!
//! Each thing that the system can have more of ([`levers`]) gets a step more, all else equal, and is run under the same
//! chance as the system itself. The difference of the pairs is what the step is worth: a finite difference by common
//! random numbers (Law, *Simulation Modeling and Analysis*, 5th ed., sections 11.2 and 12.5). The intervals hold for all
//! steps together (Bonferroni). What is in doubt and might matter is run again, up to a limit.

use serde::{Deserialize, Serialize};

use super::levers::{self, Lever};
use super::{Envelope, Experiment, Figure, Figures, Job, Point, Record, Samples, Subjects, axis};
use crate::analysis::bottleneck::{self, Bottleneck};
use crate::analysis::cost;
use crate::analysis::interval::{LEVEL, Summary};
use crate::analysis::paired::Verdict;
use crate::analysis::report::{Breakdown, BreakdownPart, Report};
use crate::model::units::humane_share;

/// How many pairs of runs each step gets at first.
const FIRST: u32 = 4;
/// How many at most; each look doubles them.
const MOST: u32 = 32;
/// A change by less than this share is no reason to buy anything.
const MATTERS: f64 = 0.01;
/// From this share on failing requests are what is wrong first.
const MANY: f64 = 0.01;

/// Finds out what each step more is worth.
#[derive(Debug)]
pub struct Explain {
    figure: Figure,
    /// What is had more of, and how many of it; the point of each is its number plus one.
    steps: Vec<(Lever, f64)>,
    points: Vec<Point>,
    figures: Figures,
    /// What a step costs a month more, where that can be told.
    costs: Vec<Option<f64>>,
    samples: Samples,
    asked: usize,
    interrupted: bool,
}

/// Why a system is as fast as it is, and what would make it faster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// What it rests on.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// What the advice is about: `p99`, or `error_rate` where that is unknown.
    pub figure: String,
    /// What it is without any step.
    pub value: Option<f64>,
    /// The share of requests that fail without any step.
    pub error_rate: Option<f64>,
    /// Where the time of typical and of the slowest requests goes.
    pub breakdown: Breakdown,
    /// What limits the system.
    pub bottleneck: Bottleneck,
    /// What to do, in a sentence.
    pub statement: String,
    /// The steps that help, the best first.
    pub advice: Vec<Step>,
    /// The steps that don't.
    pub others: Vec<Step>,
}

/// A step more of something, and what it changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What is set, by path.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// In words.
    pub what: String,
    /// The station that it widens, as an address; none for what a cache holds.
    pub address: Option<String>,
    /// The figure that is compared.
    pub figure: String,
    /// Without the step.
    pub a: Option<f64>,
    /// With it.
    pub b: Option<f64>,
    /// b − a.
    pub diff: Option<f64>,
    /// The lower end of its interval, which holds for all steps together.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// What may be said.
    pub verdict: Verdict,
    /// How many pairs of runs it rests on.
    pub pairs: u32,
    /// The share of requests that fail, without the step and with it.
    pub error_rate: [Option<f64>; 2],
    /// What it costs more a month.
    pub cost: Option<f64>,
    /// What a unit of money changes.
    pub per_cost: Option<f64>,
}

impl Explain {
    /// What of `figure`; p99 where nothing is said.
    pub fn new(subjects: &Subjects, figure: Figure) -> Self {
        let base = subjects.base();
        let mut explain = Self {
            figure,
            steps: Vec::new(),
            points: vec![Point::default()],
            figures: subjects.figures().clone(),
            costs: Vec::new(),
            samples: Samples::default(),
            asked: 0,
            interrupted: false,
        };
        let before = cost::foretold(base).filter(|foretold| foretold.exactly);
        for lever in levers::levers(base) {
            let amount = lever.step();
            let point = Point { subject: 0, sets: lever.set_to(amount) };
            // A step out of the range of its field is none.
            let Ok(model) = subjects.model(&point) else { continue };
            let after = cost::foretold(&model).filter(|foretold| foretold.exactly);
            explain.costs.push(before.zip(after).map(|(before, after)| after.per_month - before.per_month));
            explain.steps.push((lever, amount));
            explain.points.push(point);
        }
        explain
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.figures.index_of(&Figure::parse(name).expect("a figure"))
    }

    /// The number of the figure that is compared: the share of requests that fail, where the one that is asked for is
    /// unknown; or where many fail and nothing helps those that don't.
    fn compared(&self) -> usize {
        let asked = self.figures.index_of(&self.figure).expect("the subjects keep it");
        let errors = self.index("error_rate").unwrap_or(asked);
        let many_fail = self.samples.summary(0, errors).is_some_and(|errors| errors.mean >= MANY);
        let is_known = self.samples.values(0, asked).is_some() || self.samples.count(0) == 0;
        let nothing_helps = || !(0..self.steps.len()).any(|step| self.helps(step, asked));
        if !is_known || many_fail && nothing_helps() { errors } else { asked }
    }

    /// The differences that a step makes to a figure, pair by pair, and what the figure is without it.
    fn difference(&self, step: usize, figure: usize) -> Option<(Summary, f64, f64)> {
        let (a, b) = self.samples.pairs(0, step as u32 + 1, figure)?;
        let mean = |values: &[f64]| Summary::of(values).map(|summary| summary.mean);
        Some((Summary::of_differences(&a, &b)?, mean(&a)?, mean(&b)?))
    }

    /// The confidence of one interval with which all hold together.
    fn level(&self) -> f64 {
        1.0 - (1.0 - LEVEL) / self.steps.len().max(1) as f64
    }

    /// Whether more runs may change what is said of a step: chance may explain its effect, and the effect may matter.
    fn is_in_doubt(&self, step: usize) -> bool {
        let asked = self.figures.index_of(&self.figure).expect("the subjects keep it");
        let Some((by, a, _)) = self.difference(step, asked) else { return false };
        let Some((low, high)) = by.interval(self.level()) else { return true };
        let margin = MATTERS * a.abs();
        low < -margin && high > -margin && by.mean < margin
    }

    fn step(&self, number: usize) -> Step {
        let (lever, amount) = &self.steps[number];
        let figure = self.compared();
        let difference = self.difference(number, figure);
        let interval = difference.and_then(|(by, ..)| by.interval(self.level()));
        let diff = difference.map(|(by, ..)| by.mean);
        let errors = self.index("error_rate").and_then(|errors| self.difference(number, errors));
        let measured = || self.difference(number, self.index("cost")?).map(|(by, ..)| by.mean);
        let cost = self.costs[number].or_else(measured);
        Step {
            settings: self.points[number + 1]
                .sets
                .iter()
                .map(|(path, value)| (path.clone(), axis::json(value)))
                .collect(),
            what: lever.told(*amount),
            address: lever.station.map(|station| format!("{}.{station}", lever.component)),
            figure: self.figures[figure].name.clone(),
            a: difference.map(|(_, a, _)| a),
            b: difference.map(|(_, _, b)| b),
            diff,
            low: interval.map(|(low, _)| low),
            high: interval.map(|(_, high)| high),
            verdict: self.verdict(number, figure),
            pairs: difference.map_or(0, |(by, ..)| by.count as u32),
            error_rate: errors.map_or([None; 2], |(_, a, b)| [Some(a), Some(b)]),
            cost,
            per_cost: diff.zip(cost.filter(|cost| *cost > 0.0)).map(|(diff, cost)| diff / cost),
        }
    }

    fn verdict(&self, step: usize, figure: usize) -> Verdict {
        let Some((by, a, _)) = self.difference(step, figure) else { return Verdict::CantTell };
        if self.samples.pairs(0, step as u32 + 1, figure).is_some_and(|(a, b)| a == b) {
            return Verdict::Identical;
        }
        let margin = MATTERS * a.abs();
        match by.interval(self.level()) {
            Some((_, high)) if high < 0.0 => Verdict::Lower,
            Some((low, _)) if low > 0.0 => Verdict::Higher,
            Some((low, high)) if -margin <= low && high <= margin => Verdict::NoDifference,
            Some(_) | None => Verdict::CantTell,
        }
    }

    /// Whether a step makes the figure lower by enough to matter, and doesn't do so by failing more requests.
    fn helps(&self, step: usize, figure: usize) -> bool {
        let lowers = self.verdict(step, figure) == Verdict::Lower
            && self.difference(step, figure).is_some_and(|(by, a, _)| -by.mean >= MATTERS * a.abs());
        let fails_more = self
            .index("error_rate")
            .and_then(|errors| self.difference(step, errors))
            .is_some_and(|(by, ..)| by.mean >= 0.001 && by.interval(LEVEL).is_some_and(|(low, _)| low > 0.0));
        lowers && !fails_more
    }

    /// What it found; `report` is of runs of the system itself.
    pub fn finish(self, subjects: &Subjects, report: &Report) -> Explained {
        let figure = self.compared();
        let (helping, others): (Vec<usize>, Vec<usize>) =
            (0..self.steps.len()).partition(|step| self.helps(*step, figure));
        let sorted = |numbers: Vec<usize>| {
            let mut steps: Vec<Step> = numbers.into_iter().map(|number| self.step(number)).collect();
            steps.sort_by(|a, b| a.diff.unwrap_or(f64::INFINITY).total_cmp(&b.diff.unwrap_or(f64::INFINITY)));
            steps
        };
        let (advice, others) = (sorted(helping), sorted(others));
        let found = bottleneck::find(report);
        let complete = !self.interrupted && self.samples.count(0) > 0;
        let fails = self.index("error_rate").and_then(|errors| self.samples.summary(0, errors));
        Explained {
            error_rate: fails.map(|summary| summary.mean),
            envelope: Envelope::of("explain", subjects, &self.samples, complete),
            figure: self.figures[figure].name.clone(),
            value: self.samples.summary(0, figure).map(|summary| summary.mean),
            statement: statement(&advice, &others, &report.breakdown.p99, &self.figures[figure].name),
            bottleneck: limiting(found, &advice),
            breakdown: report.breakdown.clone(),
            advice,
            others,
        }
    }
}

/// What the figures call the bottleneck; where they call nothing so and yet more of something is worth a lot, that.
fn limiting(found: Bottleneck, advice: &[Step]) -> Bottleneck {
    let Some((best, address)) = advice.first().and_then(|best| Some((best, best.address.clone()?))) else {
        return found;
    };
    let worth = best.diff.zip(best.a).map_or(0.0, |(diff, a)| -diff / a);
    if found.address.is_some() || worth < 0.1 {
        return found;
    }
    let by = humane_share(worth);
    let sentence = format!(
        "`{address}` makes {}, though it is not full on average: with {} it is {by} lower.",
        best.figure, best.what
    );
    Bottleneck { address: Some(address), sentence }
}

fn statement(advice: &[Step], others: &[Step], p99: &[BreakdownPart], figure: &str) -> String {
    let lower = |step: &Step| match (step.diff, step.a) {
        (Some(diff), Some(a)) if a > 0.0 => humane_share(-diff / a),
        _ => "much".to_owned(),
    };
    if let Some(best) = advice.first() {
        let cheapest = advice
            .iter()
            .filter(|step| step.per_cost.is_some())
            .min_by(|a, b| a.per_cost.unwrap_or(0.0).total_cmp(&b.per_cost.unwrap_or(0.0)));
        let most = match cheapest.filter(|cheapest| cheapest.what != best.what) {
            Some(cheapest) => {
                format!(" For its price, {} does most: {} lower.", cheapest.what, lower(cheapest))
            }
            None => String::new(),
        };
        return format!("What helps most is {}: {figure} is {} lower.{most}", best.what, lower(best));
    }
    if others.iter().any(|step| step.verdict == Verdict::CantTell) {
        return format!(
            "Nothing more of what it has lowers {figure} for certain; chance may hide what does: longer runs tell more."
        );
    }
    let time = p99.first().map_or(String::new(), |part| {
        let phase = part.phase.replace('-', " ");
        format!(": {} of the slowest 1% is {phase} at {}", humane_share(part.share), part.component)
    });
    format!("Nothing more of what it has lowers {figure}{time}. What would help is less of that, not more of anything.")
}

impl Experiment for Explain {
    fn points(&self) -> &[Point] {
        &self.points
    }

    fn next_batch(&mut self) -> Vec<Job> {
        let mut jobs = Vec::new();
        if self.samples.runs() == 0 && !self.interrupted {
            let of = |point| (0..FIRST).map(move |replication| Job { point, replication });
            jobs = (0..self.points.len() as u32).flat_map(of).collect();
        } else if !self.interrupted {
            let doubtful: Vec<u32> =
                (0..self.steps.len()).filter(|step| self.is_in_doubt(*step)).map(|step| step as u32 + 1).collect();
            let wanted = |point: u32| (point, self.samples.count(point), (self.samples.count(point) * 2).min(MOST));
            let mut more: Vec<(u32, u32, u32)> = doubtful.into_iter().map(wanted).collect();
            let most = more.iter().map(|(_, _, count)| *count).max().unwrap_or(0);
            more.insert(0, (0, self.samples.count(0), most.max(self.samples.count(0))));
            let of = |(point, from, to): (u32, u32, u32)| (from..to).map(move |replication| Job { point, replication });
            jobs = more.into_iter().flat_map(of).collect();
        }
        self.asked = jobs.len();
        jobs
    }

    fn absorb(&mut self, records: Vec<Record>) {
        self.interrupted = records.len() < self.asked;
        records.into_iter().for_each(|record| self.samples.add(record));
    }
}
