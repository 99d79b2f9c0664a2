//! Replicate: as many runs of one model as it takes to know a figure well enough.

use super::samples::Samples;
use super::{Experiment, Figure, Job, Point, Record};
use crate::analysis::interval::{LEVEL, Summary};
use crate::analysis::report::Precision;

/// The runs before the first look: fewer tell too little of their own spread.
const FIRST: u32 = 10;

/// Runs one point until the interval of a figure is narrow enough, or the budget of runs is used up.
///
/// It is the procedure for a relative precision of A. M. Law, Simulation Modeling and Analysis (5th ed., 2015), section
/// 9.4.1: ten runs, and then more until the half-width of the 95% interval is at most γ ÷ (1 + γ) of the mean; then the
/// mean is within the share γ of the truth wherever the interval holds it. Runs are added in batches (as many as the
/// spread so far lets expect, at least a quarter more and at most twice as many), so that it looks seldom, and what comes
/// next hangs on no number of threads.
///
/// To stop where the interval happens to be narrow costs a little of its coverage: over normal figures such intervals hold
/// the truth 93% to 95% of the time, and the truth is within the precision more often than that (the test below counts).
#[derive(Debug)]
pub struct Replicate {
    points: [Point; 1],
    figure: usize,
    wanted: Wanted,
    asked: u32,
    samples: Samples,
    interrupted: bool,
}

/// How well a figure shall be known.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Which figure.
    pub figure: Figure,
    /// How far it may be from the truth, as a share of it.
    pub precision: f64,
    /// The most runs.
    pub budget: u32,
}

impl Replicate {
    /// Runs `point` for the figure of this number among those of the records.
    pub fn new(point: Point, figure: usize, wanted: Wanted) -> Self {
        Self { points: [point], figure, wanted, asked: 0, samples: Samples::default(), interrupted: false }
    }

    /// How well the figure is known.
    pub fn finish(self) -> Precision {
        let reached = self.summary().and_then(|summary| relative_error(&summary));
        Precision {
            figure: self.wanted.figure.name,
            wanted: self.wanted.precision,
            reached,
            met: reached.is_some_and(|reached| reached <= self.wanted.precision),
            budget: self.wanted.budget,
            runs: self.samples.runs() as u32,
        }
    }

    fn summary(&self) -> Option<Summary> {
        self.samples.summary(0, self.figure)
    }

    /// How many runs there shall be in all before the next look.
    fn next_total(&self) -> u32 {
        let Wanted { budget, precision, .. } = self.wanted;
        let runs = self.samples.runs() as u32;
        if runs == 0 {
            return FIRST.min(budget);
        }
        // More runs of a model that must be stopped, or that has no such figure, tell nothing new.
        match self.summary() {
            Some(summary) if self.samples.stopped(0).is_none() => next_total(&summary, precision, budget),
            Some(_) | None => runs,
        }
    }
}

/// How far the mean is from the truth at most, as a share of the truth, where the interval holds it; unknown for a single
/// run, and where the interval reaches to 0.
fn relative_error(summary: &Summary) -> Option<f64> {
    let half = summary.half_width(LEVEL)?;
    let least = summary.mean.abs() - half;
    match half {
        0.0 => Some(0.0),
        half => (least > 0.0).then(|| half / least),
    }
}

/// How many runs there shall be next; as many as there are when it is over.
fn next_total(summary: &Summary, precision: f64, budget: u32) -> u32 {
    let runs = summary.count as u32;
    if relative_error(summary).is_some_and(|reached| reached <= precision) {
        return runs;
    }
    let bound = precision / (1.0 + precision) * summary.mean.abs();
    let half = summary.half_width(LEVEL).unwrap_or(f64::INFINITY);
    // Half-widths shrink with the root of the runs. Of a mean of 0 the share has no bound.
    let needed = f64::from(runs) * (half / bound) * (half / bound);
    let (least, most) = (runs + runs / 4 + 1, runs.saturating_mul(2).max(runs + 1));
    let needed = if needed < f64::from(most) { needed.ceil() as u32 } else { most };
    needed.clamp(least.min(most), most).min(budget)
}

impl Experiment for Replicate {
    fn points(&self) -> &[Point] {
        &self.points
    }

    fn next_batch(&mut self) -> Vec<Job> {
        if self.interrupted {
            return Vec::new();
        }
        let from = self.samples.runs() as u32;
        self.asked = self.next_total().max(from);
        (from..self.asked).map(|replication| Job { point: 0, replication }).collect()
    }

    fn absorb(&mut self, records: Vec<Record>) {
        records.into_iter().for_each(|record| self.samples.add(record));
        self.interrupted = self.samples.runs() < u64::from(self.asked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rng::{fnv1a, uniform_at};
    use crate::math;

    fn wanted(precision: f64, budget: u32) -> Wanted {
        Wanted { figure: Figure::parse("p99").expect("a figure"), precision, budget }
    }

    /// Drives it with values instead of runs; the sizes of its batches, and what it found.
    fn drive(wanted: Wanted, value: impl Fn(u32) -> Option<f64>, stopped: bool) -> (Vec<usize>, Precision, Samples) {
        let mut replicate = Replicate::new(Point::default(), 0, wanted);
        let mut sizes = Vec::new();
        loop {
            let jobs = replicate.next_batch();
            if jobs.is_empty() {
                let samples = replicate.samples.clone();
                return (sizes, replicate.finish(), samples);
            }
            sizes.push(jobs.len());
            let record = |job: Job| Record {
                job,
                seed: 0,
                model: String::new(),
                digest: String::new(),
                stopped: stopped.then(|| "a limit".to_owned()),
                offered: 1,
                values: vec![value(job.replication)],
            };
            replicate.absorb(jobs.into_iter().map(record).collect());
        }
    }

    #[test]
    fn it_stops_when_it_knows_enough_or_may_not_go_on() {
        let alternating =
            |spread: f64| move |run: u32| Some(if run.is_multiple_of(2) { 1.0 - spread } else { 1.0 + spread });
        let (sizes, found, _) = drive(wanted(0.02, 100), alternating(0.0), false);
        assert_eq!((sizes, found.reached, found.met, found.runs), (vec![10], Some(0.0), true, 10));
        // Half-width 0.0238 of ten, which takes 15 runs for 0.0196.
        let (sizes, found, _) = drive(wanted(0.02, 100), alternating(0.0316), false);
        assert_eq!((sizes, found.met, found.runs), (vec![10, 5], true, 15));
        let (sizes, found, _) = drive(wanted(0.001, 50), alternating(0.3), false);
        assert_eq!((sizes, found.met, found.runs), (vec![10, 10, 20, 10], false, 50));
        assert!(found.reached.is_some_and(|reached| reached > 0.05), "{found:?}");
        let (sizes, found, _) = drive(wanted(0.02, 4), alternating(0.3), false);
        assert_eq!((sizes, found.met, found.runs), (vec![4], false, 4));
    }

    #[test]
    fn what_more_runs_can_t_tell_is_given_up() {
        let unknown = |run: u32| (run != 3).then_some(1.0);
        let (sizes, found, _) = drive(wanted(0.02, 100), unknown, false);
        assert_eq!((sizes, found.reached, found.met), (vec![10], None, false));
        let (sizes, ..) = drive(wanted(0.02, 100), |run| Some(f64::from(run)), true);
        assert_eq!(sizes, [10]);
        let around_zero = |run: u32| Some(if run.is_multiple_of(2) { -1.0 } else { 1.0 });
        let (sizes, found, _) = drive(wanted(0.5, 60), around_zero, false);
        assert_eq!((sizes, found.reached), (vec![10, 10, 20, 20], None));
    }

    /// Over figures that take 5, 10, 20, 40 and 80 runs: how often the interval at which it stopped holds the truth, and
    /// how often the mean is within what was asked.
    #[test]
    fn stopping_early_costs_little_coverage() {
        for needed in [5.0f64, 10.0, 20.0, 40.0, 80.0] {
            let spread = 0.02 / 1.02 * needed.sqrt() / 1.96;
            let (rounds, mut covered, mut within) = (2_000, 0, 0);
            for round in 0..rounds {
                let key = fnv1a(format!("{needed} {round}").as_bytes());
                let value = |run: u32| Some(1.0 + spread * math::normal_quantile(uniform_at(key, i64::from(run))));
                let (_, found, samples) = drive(wanted(0.02, 1_000), value, false);
                let summary = samples.summary(0, 0).expect("there are runs");
                let (low, high) = summary.interval(LEVEL).expect("there are several");
                assert!(found.met);
                covered += u32::from(low <= 1.0 && 1.0 <= high);
                within += u32::from((summary.mean - 1.0).abs() <= 0.02);
            }
            let [covered, within] = [covered, within].map(|count| f64::from(count) / f64::from(rounds));
            // Three standard deviations of such a count are 1.5%.
            assert!((0.92..0.97).contains(&covered) && within > 0.945, "{needed}: {covered}, within {within}");
        }
    }
}
