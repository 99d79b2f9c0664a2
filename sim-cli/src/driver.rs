//! Runs the replications of a model on all cores; results come in the order of the jobs, whatever the number of threads.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use sim_core::analysis::report::{Ended, Report};

use crate::error::{Failure, is_watched};

/// Requests that all replications together should make at most, where nobody says how many there should be.
const REQUESTS_TOTAL: u64 = 4_500_000;
/// The most replications that are made unasked.
const REPLICATIONS_MAX: u64 = 10;
/// Fewer give intervals that say nothing; then one is as good.
const REPLICATIONS_MIN: u64 = 3;

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
        let threads = rayon::ThreadPoolBuilder::new().num_threads(self.jobs.unwrap_or(0)).build();
        let threads = threads.map_err(|error| Failure::Wrong(format!("threads can't be started: {error}")))?;
        let progress = Progress::default();
        std::thread::scope(|scope| {
            let shown = self.progress && is_watched();
            let shower = shown.then(|| scope.spawn(|| progress.show()));
            // Even if a run panics, whoever shows the progress must hear that it is over.
            let _over = Over { progress: &progress, shower: shower.as_ref().map(|shower| shower.thread()) };
            threads.install(|| self.run(&progress, &simulate))
        })
    }

    fn run(&self, progress: &Progress, simulate: &(impl Fn(u32) -> Report + Sync)) -> Result<Vec<Report>, Failure> {
        let run = |replication| {
            let report = simulate(replication);
            progress.done.fetch_add(1, Ordering::Relaxed);
            report
        };
        let Some(asked) = self.replications else {
            progress.expected.store(1, Ordering::Relaxed);
            let first = run(0);
            let total = affordable(&first);
            progress.expected.store(total, Ordering::Relaxed);
            let others: Vec<Report> = (1..total).into_par_iter().map(run).collect();
            return Ok(std::iter::once(first).chain(others).collect());
        };
        progress.expected.store(asked, Ordering::Relaxed);
        Ok((0..asked).into_par_iter().map(run).collect())
    }
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

/// How far it is.
#[derive(Default)]
struct Progress {
    done: AtomicU32,
    expected: AtomicU32,
    over: AtomicBool,
}

impl Progress {
    /// Nobody waits for what is done in so short a time.
    const PATIENCE: Duration = Duration::from_secs(1);
    const TICK: Duration = Duration::from_millis(250);

    /// Shows it on one line of stderr until it is over.
    fn show(&self) {
        let started = Instant::now();
        let mut shown = false;
        while !self.over.load(Ordering::Acquire) {
            std::thread::park_timeout(Self::TICK);
            let elapsed = started.elapsed();
            if elapsed < Self::PATIENCE || self.over.load(Ordering::Acquire) {
                continue;
            }
            shown = true;
            let (done, expected) = (self.done.load(Ordering::Relaxed), self.expected.load(Ordering::Relaxed));
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", line(done, expected, elapsed));
        }
        if shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(done: u32, expected: u32, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match done {
        0 => format!("running for {seconds} s"),
        done => {
            let left = elapsed.mul_f64(f64::from(expected.saturating_sub(done)) / f64::from(done)).as_secs() + 1;
            format!("{done} of {expected} replications in {seconds} s, about {left} s left")
        }
    }
}

/// Tells the shower of the progress that it is over, however it ended.
struct Over<'a> {
    progress: &'a Progress,
    shower: Option<&'a std::thread::Thread>,
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.progress.over.store(true, Ordering::Release);
        if let Some(shower) = self.shower {
            shower.unpark();
        }
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
