//! Plan: the cheapest configuration that meets the objectives.
//!
//! Three things keep the runs few. What costs more than a configuration that meets everything is never run. What has no
//! more of anything than one that misses is not run, as far as more of a thing is known not to be worse ([`Order`]); and
//! where that is only usual, a sample of what was left out is run after all. And a configuration is run
//! again only while its objectives are in doubt and the answer hangs on it.
//!
//! The doubt of an answer is that of its weakest part: that the best meets everything, and that each cheaper one misses
//! something. It is a p-value of Student's test, times the number of configurations that were run and the number of times
//! that each may be looked at (Bonferroni), so that it holds for all of them together, however they were chosen.
//! Sources: Batur and Kim, Finding feasible systems in the presence of constraints on multiple performance measures, ACM
//! TOMACS 20 (2010), for deciding on feasibility; Andradóttir and Kim, Fully sequential procedures for comparing
//! constrained systems via simulation, Naval Research Logistics 57 (2010), for the choice among the feasible.

pub mod answer;
mod judge;
mod space;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use answer::{Configuration, FrontierPoint, Met, Planned, PrunedBy};
pub use space::{Goal, Space};

use super::axis::Axes;
use super::levers::Order;
use super::objectives::{self, Bound};
use super::{Experiment, Figure, Figures, Job, Point, Record, Samples, Subjects};
use crate::model::diagnostic::Diagnostics;
use crate::model::objective::Objective;
use judge::{Judgement, doubt_of_less, is_better_with_less, judge};

/// How many runs a configuration gets at first.
const FIRST: u32 = 4;
/// How many at most; each look doubles them.
const MOST: u32 = 64;
/// How often a configuration is looked at: after 4, 8, 16, 32 and 64 runs.
const LOOKS: f64 = 5.0;
/// How many it gets while others are still to be tried, unless the means are clear before.
const WHILE_SEARCHING: u32 = 16;
/// From this doubt down a configuration is taken to be what it seems while others are tried.
const CLEAR: f64 = 0.05;
/// How many of those that were left out on each side are run to check that more is not worse.
const CHECKS: usize = 5;
/// So many of the open ones are weighed against each other to find the one that tells most.
const WEIGHED: usize = 400;

/// How sure the answer should be, and what it may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The confidence to reach: 0.95.
    pub confidence: f64,
    /// The most runs.
    pub runs: u64,
}

/// Looks for the cheapest configuration that meets the objectives.
#[derive(Debug)]
pub struct Plan {
    goal: Goal,
    space: Space,
    bounds: Vec<Bound>,
    figures: Figures,
    limits: Limits,
    points: Vec<Point>,
    /// The candidate of each point.
    candidates: Vec<usize>,
    /// The point of each candidate that was run.
    numbers: BTreeMap<usize, u32>,
    samples: Samples,
    /// What each configuration that was run seems to be.
    judgements: BTreeMap<usize, Judgement>,
    /// How far more is trusted not to be worse.
    trust: Order,
    /// The candidates that were run to check that.
    checked: Vec<usize>,
    /// Whether the last batch came back whole, and nothing is left to do.
    interrupted: bool,
    done: bool,
    asked: usize,
}

/// What is still open, and what it hangs on.
struct Front {
    /// The best so far.
    best: Option<usize>,
    /// What would be better than it, did it meet the objectives.
    better: Vec<usize>,
}

impl Plan {
    /// A plan over axes: `more` objectives beside the model's.
    ///
    /// # Errors
    /// Some combinations are no right models.
    pub fn new(
        subjects: &Subjects,
        axes: &Axes,
        goal: Goal,
        more: &[Objective],
        limits: Limits,
    ) -> Result<Self, Diagnostics> {
        let bounds = objectives::bounds(&[&subjects.base().objectives[..], more].concat());
        let space = Space::new(subjects, axes, &goal, answer::longest_allowed(&bounds))?;
        Ok(Self {
            goal,
            space,
            bounds,
            figures: subjects.figures().clone(),
            limits,
            points: Vec::new(),
            candidates: Vec::new(),
            numbers: BTreeMap::new(),
            samples: Samples::default(),
            judgements: BTreeMap::new(),
            trust: Order::Usually,
            checked: Vec::new(),
            interrupted: false,
            done: false,
            asked: 0,
        })
    }

    /// The figures that a plan needs beside those that are always kept.
    pub fn figures(goal: &Goal, more: &[Objective]) -> Vec<Figure> {
        let of_goal = match goal {
            Goal::Figure(figure) => Some(figure.clone()),
            Goal::Cost | Goal::Prices(_) | Goal::Setting(_) => None,
        };
        of_goal.into_iter().chain(more.iter().map(|objective| Figure::from(objective.measure.clone()))).collect()
    }

    /// The number of the figure that is minimised, where that takes runs.
    fn measured(&self) -> Option<usize> {
        match &self.goal {
            Goal::Figure(figure) => self.figures.index_of(figure),
            Goal::Cost if !self.space.is_known => self.figures.index_of(&Figure::parse("cost").expect("a figure")),
            Goal::Cost | Goal::Prices(_) | Goal::Setting(_) => None,
        }
    }

    /// What is minimised: its price, or the mean of its runs.
    fn value(&self, candidate: usize) -> f64 {
        match self.measured() {
            None => self.space.get(candidate).price,
            Some(figure) => self
                .numbers
                .get(&candidate)
                .and_then(|point| self.samples.summary(*point, figure))
                .map_or(f64::INFINITY, |summary| summary.mean),
        }
    }

    /// Whether `a` would be a better answer than `b`, where both meet the objectives: as far as that is known before it
    /// was run, whether it may be.
    fn is_better(&self, a: usize, b: usize) -> bool {
        let of = |candidate| match self.numbers.contains_key(&candidate) {
            true => self.value(candidate),
            false => self.space.get(candidate).price,
        };
        of(a).total_cmp(&of(b)).then(self.space.modesty(a).cmp(&self.space.modesty(b))).is_lt()
    }

    /// Those that were run and miss something.
    fn missing(&self) -> impl Iterator<Item = (usize, &Judgement)> {
        self.judgements
            .iter()
            .filter(|(_, judgement)| !judgement.met)
            .map(|(candidate, judgement)| (*candidate, judgement))
    }

    /// The least doubt that a candidate misses something, and the one whose runs say so.
    fn doubt(&self, candidate: usize) -> Option<(f64, usize)> {
        if self.space.get(candidate).is_hopeless {
            return Some((0.0, candidate));
        }
        let own = self.judgements.get(&candidate);
        if own.is_some_and(|own| own.met) {
            return None;
        }
        let covers = |witness: usize| witness == candidate || self.space.covers(witness, candidate, self.trust);
        let witnesses = self.missing().filter(|(witness, _)| covers(*witness));
        witnesses.map(|(witness, judgement)| (judgement.doubt, witness)).min_by(|a, b| a.0.total_cmp(&b.0))
    }

    fn front(&self) -> Front {
        let met = self.judgements.iter().filter(|(_, judgement)| judgement.met).map(|(candidate, _)| *candidate);
        let best = met.reduce(|a, b| if self.is_better(b, a) { b } else { a });
        let may_be_better = |candidate: &usize| match best {
            None => true,
            Some(best) => *candidate != best && self.is_better(*candidate, best),
        };
        Front { best, better: (0..self.space.count()).filter(may_be_better).collect() }
    }

    /// The next batch, as candidates with how many runs they should have in all.
    fn next(&mut self) -> Vec<(usize, u32)> {
        let front = self.front();
        let undecided = self.undecided(&front);
        if !undecided.is_empty() {
            return undecided;
        }
        let open: Vec<usize> =
            front.better.iter().copied().filter(|candidate| self.doubt(*candidate).is_none()).collect();
        if let Some(candidate) = self.most_telling(&open) {
            return vec![(candidate, FIRST)];
        }
        if self.trust == Order::Usually && self.less_is_better() {
            // What was left out on the strength of more being better is open again.
            self.trust = Order::Surely;
            return self.next();
        }
        let checks = self.checks(&front);
        if !checks.is_empty() {
            self.checked.extend(&checks);
            return checks.into_iter().map(|candidate| (candidate, FIRST)).collect();
        }
        self.weakest(&front)
    }

    /// Those that were run, matter, and are not clear yet: they get twice as many runs.
    fn undecided(&self, front: &Front) -> Vec<(usize, u32)> {
        let matters = |candidate: &usize| front.best == Some(*candidate) || front.better.contains(candidate);
        let unclear = self.judgements.iter().filter(|(_, judgement)| judgement.doubt > CLEAR);
        unclear
            .map(|(candidate, _)| (*candidate, self.count(*candidate) * 2))
            .filter(|(candidate, count)| *count <= WHILE_SEARCHING && matters(candidate))
            .collect()
    }

    /// Of the open ones the one whose answer, whatever it is, leaves the fewest: if it misses, all that it covers are out;
    /// if it meets everything, all that are no better.
    fn most_telling(&self, open: &[usize]) -> Option<usize> {
        let stride = open.len().div_ceil(WEIGHED).max(1);
        let tells = |candidate: usize| {
            let covered = open.iter().filter(|other| self.space.covers(candidate, **other, self.trust)).count();
            let dearer = open.iter().filter(|other| !self.is_better(**other, candidate)).count();
            (covered.min(dearer), covered.max(dearer))
        };
        // Of equals the first.
        open.iter().copied().step_by(stride).rev().max_by_key(|candidate| tells(*candidate))
    }

    /// Whether some configuration misses an objective by less than one that has more of what usually helps.
    fn less_is_better(&self) -> bool {
        let contradicts = |less: usize, more: usize| {
            let usually = self.space.covers(more, less, Order::Usually) && less != more;
            if !usually || self.space.covers(more, less, Order::Surely) {
                return false;
            }
            let (of_less, of_more) = (&self.judgements[&less], &self.judgements[&more]);
            if of_less.met && !of_more.met {
                return of_less.doubt < CLEAR && of_more.doubt < CLEAR;
            }
            // Far from every bound it is no matter which of two is worse.
            of_less.beyond <= 1.0
                && of_more.missed.iter().any(|missed| {
                    let objective = &self.bounds[*missed].objective;
                    let figure = self.figures.index_of_objective(objective);
                    figure.is_some_and(|figure| {
                        let (less, more) = (self.numbers[&less], self.numbers[&more]);
                        is_better_with_less(&self.samples, less, more, figure, objective)
                    })
                })
        };
        let run: Vec<usize> = self.judgements.keys().copied().collect();
        self.checked.iter().chain(&run).any(|less| self.missing().any(|(more, _)| contradicts(*less, more)))
    }

    /// A sample of those that were left out because more is usually better: of those that nothing surely covers, some
    /// that are spread evenly over the axes.
    fn checks(&self, front: &Front) -> Vec<usize> {
        if self.trust == Order::Surely || !self.checked.is_empty() && self.checked.len() >= CHECKS {
            return Vec::new();
        }
        let surely_out = |candidate: usize| {
            self.space.get(candidate).is_hopeless
                || self.missing().any(|(witness, _)| self.space.covers(witness, candidate, Order::Surely))
        };
        let left_out: Vec<usize> = front.better.iter().copied().filter(|candidate| !surely_out(*candidate)).collect();
        let largest = left_out.iter().copied().filter(|candidate| {
            !left_out.iter().any(|other| other != candidate && self.space.covers(*other, *candidate, Order::Surely))
        });
        let mut largest: Vec<usize> = largest.filter(|candidate| !self.numbers.contains_key(candidate)).collect();
        largest.sort_by_key(|candidate| self.space.modesty(*candidate));
        let count = CHECKS.min(largest.len());
        (0..count).map(|number| largest[(2 * number + 1) * largest.len() / (2 * count)]).collect()
    }

    /// Those on which the doubt of the answer hangs, while it is too great: they get twice as many runs.
    fn weakest(&self, front: &Front) -> Vec<(usize, u32)> {
        let allowed = (1.0 - self.limits.confidence) / self.family();
        let mut doubtful: Vec<usize> = Vec::new();
        let mut add = |candidate: usize, doubt: f64| {
            if doubt > allowed && self.count(candidate) * 2 <= MOST && !doubtful.contains(&candidate) {
                doubtful.push(candidate);
            }
        };
        if let Some(best) = front.best {
            add(best, self.judgements[&best].doubt);
        }
        for candidate in &front.better {
            if let Some((doubt, witness)) = self.doubt(*candidate) {
                add(witness, doubt);
            }
        }
        for (candidate, doubt) in self.rivals(front) {
            add(candidate, doubt);
            add(front.best.expect("rivals are rivals of the best"), doubt);
        }
        doubtful.into_iter().map(|candidate| (candidate, self.count(candidate) * 2)).collect()
    }

    /// Where what is minimised is measured: those that were run and seem worse than the best, with the doubt of that.
    fn rivals(&self, front: &Front) -> Vec<(usize, f64)> {
        let (Some(best), Some(figure)) = (front.best, self.measured()) else { return Vec::new() };
        let others = self.judgements.iter().filter(|(candidate, _)| **candidate != best);
        let doubt = |candidate: usize, judgement: &Judgement| {
            let missed = if judgement.met { 1.0 } else { judgement.doubt };
            let (best_point, point) = (self.numbers[&best], self.numbers[&candidate]);
            let identical = self.samples.pairs(best_point, point, figure).is_some_and(|(a, b)| a == b);
            if identical { 0.0 } else { missed.min(doubt_of_less(&self.samples, best_point, point, figure)) }
        };
        others.map(|(candidate, judgement)| (*candidate, doubt(*candidate, judgement))).collect()
    }

    /// How many tests there may have been.
    fn family(&self) -> f64 {
        self.judgements.len().max(1) as f64 * LOOKS
    }

    /// How sure it is that the answer is right.
    fn confidence(&self) -> f64 {
        let front = self.front();
        let own = front.best.map_or(0.0, |best| self.judgements[&best].doubt);
        let others = front.better.iter().map(|candidate| self.doubt(*candidate).map_or(1.0, |(doubt, _)| doubt));
        let rivals = self.rivals(&front).into_iter().map(|(_, doubt)| doubt);
        let weakest = others.chain(rivals).fold(own, f64::max);
        (1.0 - weakest * self.family()).max(0.0)
    }

    fn count(&self, candidate: usize) -> u32 {
        self.numbers.get(&candidate).map_or(0, |point| self.samples.count(*point))
    }

    /// The number of a candidate among the points.
    fn point_of(&mut self, candidate: usize) -> u32 {
        *self.numbers.entry(candidate).or_insert_with(|| {
            self.points.push(self.space.get(candidate).point.clone());
            self.candidates.push(candidate);
            (self.points.len() - 1) as u32
        })
    }
}

impl Experiment for Plan {
    fn points(&self) -> &[Point] {
        &self.points
    }

    fn next_batch(&mut self) -> Vec<Job> {
        if self.done || self.interrupted {
            return Vec::new();
        }
        let mut jobs = Vec::new();
        let left = self.limits.runs.saturating_sub(self.samples.runs());
        for (candidate, count) in self.next() {
            let so_far = self.count(candidate);
            if jobs.len() as u64 + u64::from(count - so_far) <= left {
                let point = self.point_of(candidate);
                jobs.extend((so_far..count).map(|replication| Job { point, replication }));
            }
        }
        self.done = jobs.is_empty();
        self.asked = jobs.len();
        jobs
    }

    fn absorb(&mut self, records: Vec<Record>) {
        self.interrupted = records.len() < self.asked;
        let mut touched: Vec<u32> = records.iter().map(|record| record.job.point).collect();
        touched.dedup();
        records.into_iter().for_each(|record| self.samples.add(record));
        for point in touched {
            if let Some(judgement) = judge(&self.samples, point, &self.bounds, &self.figures) {
                self.judgements.insert(self.candidates[point as usize], judgement);
            }
        }
    }
}
