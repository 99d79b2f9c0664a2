//! Runs the replications of a model on all cores; results come in the order of the jobs, whatever the number of threads.

mod batch;

use rayon::prelude::*;
use sim_core::analysis::report::{Ended, Report};
use sim_core::experiment::{Experiment, Job, Point, Prepared, Subjects};
use sim_core::model::diagnostic::Diagnostics;

use crate::error::Failure;
use crate::interrupt::{self, Listening};
use crate::journal::Journal;
use crate::progress::Progress;
use batch::Batch;

/// Requests that all replications together should make at most, where nobody says how many there should be.
const REQUESTS_TOTAL: u64 = 4_500_000;
/// The most replications that are made unasked.
const REPLICATIONS_MAX: u64 = 10;
/// Fewer give intervals that say nothing; then one is as good.
const REPLICATIONS_MIN: u64 = 3;

/// Points that a thread checks before it looks for more.
const CHECKED_AT_ONCE: usize = 32;

/// How far an experiment came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conducted {
    /// Runs that were asked for.
    pub expected: u64,
    /// Those that there are; fewer where it was interrupted.
    pub done: u64,
}

/// How to run replications.
#[derive(Clone, Copy, Debug)]
pub struct Driver {
    /// How many replications; as many as are cheap if nobody says.
    pub replications: Option<u32>,
    /// How many threads; as many as there are cores if nobody says.
    pub jobs: Option<usize>,
    /// Whether to show how far it is.
    pub progress: bool,
}

impl Driver {
    /// Runs one replication after the other or at once: `simulate` makes one from its number.
    pub fn replicate(&self, simulate: impl Fn(u32) -> Report + Sync) -> Result<Vec<Report>, Failure> {
        let threads = threads(self.jobs)?;
        let progress = Progress::default();
        progress.during(self.progress, || threads.install(|| self.run(&progress, &simulate)))
    }

    /// Whether points are right models, all of them before anything is run.
    ///
    /// # Errors
    /// Every mistake of every point; `source` is where they come from.
    pub fn check(&self, source: &str, subjects: &Subjects, points: &[Point]) -> Result<(), Failure> {
        let threads = threads(self.jobs)?;
        let checked: Vec<Result<(), Diagnostics>> =
            threads.install(|| points.par_chunks(CHECKED_AT_ONCE).map(|points| subjects.check(points)).collect());
        let mut diagnostics = Diagnostics::default();
        checked.into_iter().filter_map(Result::err).for_each(|found| diagnostics.append(found));
        match diagnostics.has_errors() {
            true => Err(Failure::Model { source: source.to_owned(), diagnostics }),
            false => Ok(()),
        }
    }

    /// Drives an experiment to its end, or until somebody interrupts it: then it has absorbed what there is. What the
    /// journal knows is not run again; what is run, is in the journal before it counts.
    ///
    /// # Errors
    /// A point is no right model, or the journal can't be written.
    pub fn conduct(
        &self,
        experiment: &mut dyn Experiment,
        subjects: &Subjects,
        journal: Option<&Journal>,
    ) -> Result<Conducted, Failure> {
        let threads = threads(self.jobs)?;
        let progress = Progress::default();
        let _listening = Listening::begin();
        let mut conducted = Conducted::default();
        progress.during(self.progress, || {
            loop {
                let jobs = experiment.next_batch();
                if jobs.is_empty() {
                    return Ok(conducted);
                }
                let batch = Batch::new(&jobs, experiment.points(), subjects, journal, &progress);
                let records = batch.run(&threads);
                if let Some(journal) = journal {
                    journal.wait()?;
                }
                let records = records?;
                conducted.expected += jobs.len() as u64;
                conducted.done += records.len() as u64;
                if records.len() < jobs.len() {
                    interrupt::cut_short();
                    if conducted.done == 0 {
                        return Err(Failure::Interrupted);
                    }
                    experiment.absorb(records);
                    return Ok(conducted);
                }
                experiment.absorb(records);
            }
        })
    }

    /// Drives an experiment that has one point, and keeps the reports of its runs; interrupted, of those that there are.
    ///
    /// # Errors
    /// It was interrupted before the first run was done.
    pub fn replicate_for(&self, experiment: &mut dyn Experiment, prepared: &Prepared) -> Result<Vec<Report>, Failure> {
        let threads = threads(self.jobs)?;
        let progress = Progress::default();
        let _listening = Listening::begin();
        let mut reports = Vec::new();
        progress.during(self.progress, || {
            loop {
                let jobs = experiment.next_batch();
                if jobs.is_empty() {
                    return;
                }
                progress.expect_more(jobs.len() as u64, 0);
                let run = |job: &Job| {
                    let report = (!interrupt::is_asked()).then(|| prepared.report(job.replication))?;
                    progress.one_done();
                    Some(report)
                };
                let batch: Vec<Option<Report>> = threads.install(|| jobs.par_iter().map(run).collect());
                // Those before the first that is missing: so many replications, as if so many had been asked for.
                let batch: Vec<Report> = batch.into_iter().map_while(|report| report).collect();
                if batch.len() < jobs.len() {
                    interrupt::cut_short();
                }
                experiment.absorb(jobs.iter().zip(&batch).map(|(job, report)| prepared.record(*job, report)).collect());
                reports.extend(batch);
            }
        });
        if reports.is_empty() { Err(Failure::Interrupted) } else { Ok(reports) }
    }

    fn run(&self, progress: &Progress, simulate: &(impl Fn(u32) -> Report + Sync)) -> Result<Vec<Report>, Failure> {
        let run = |replication| {
            let report = simulate(replication);
            progress.one_done();
            report
        };
        let Some(asked) = self.replications else {
            progress.expect(1);
            let first = run(0);
            let total = affordable(&first);
            progress.expect(u64::from(total));
            let others: Vec<Report> = (1..total).into_par_iter().map(run).collect();
            return Ok(std::iter::once(first).chain(others).collect());
        };
        progress.expect(u64::from(asked));
        Ok((0..asked).into_par_iter().map(run).collect())
    }
}

/// As many threads as asked for, or as there are cores.
fn threads(jobs: Option<usize>) -> Result<rayon::ThreadPool, Failure> {
    let threads = rayon::ThreadPoolBuilder::new().num_threads(jobs.unwrap_or(0)).build();
    threads.map_err(|error| Failure::Wrong(format!("threads can't be started: {error}")))
}

/// How many replications are cheap, from how many requests the first one made; never from how long it took, so that
/// the same model gives the same figures on every machine. A model that had to be stopped is not run again.
fn affordable(first: &Report) -> u32 {
    let requests = first.requests.offered;
    match REQUESTS_TOTAL / requests.max(1) {
        _ if requests == 0 || first.ended != Ended::Complete => 1,
        replications if replications < REPLICATIONS_MIN => 1,
        replications => replications.min(REPLICATIONS_MAX) as u32,
    }
}

#[cfg(test)]
mod tests {
    use sim_core::analysis::report::{Requests, Stopped};

    use super::*;

    fn report(replication: u32) -> Report {
        let requests = Requests { offered: 600_000, ..Requests::default() };
        Report { seed: u64::from(replication), requests, ..Report::default() }
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        for jobs in [1, 2, 7] {
            let driver = Driver { replications: Some(20), jobs: Some(jobs), progress: false };
            let reports = driver.replicate(report).expect("threads start");
            assert!(reports.iter().map(|report| report.seed).eq(0..20));
        }
    }

    #[test]
    fn a_panic_comes_through_and_nobody_waits_for_ever() {
        let driver = Driver { replications: Some(3), jobs: Some(2), progress: true };
        let result = std::panic::catch_unwind(|| driver.replicate(|_| panic!("a bug")));
        assert!(result.is_err());
    }

    #[test]
    fn as_many_as_are_cheap() {
        let driver = Driver { replications: None, jobs: Some(2), progress: false };
        assert_eq!(driver.replicate(report).expect("threads start").len(), 7);
        let cases = [(0, 1), (1, 10), (450_000, 10), (900_000, 5), (1_440_000, 3), (1_500_001, 1), (u64::MAX, 1)];
        let of = |offered, ended| Report { requests: Requests { offered, ..Requests::default() }, ended, ..report(0) };
        for (requests, replications) in cases {
            assert_eq!(affordable(&of(requests, Ended::Complete)), replications, "{requests}");
        }
        assert_eq!(affordable(&of(10, Ended::Stopped(Stopped::default()))), 1);
    }
}
