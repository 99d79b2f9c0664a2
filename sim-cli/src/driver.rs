//! Runs the replications of a model on all cores; results come in the order of the jobs, whatever the number of threads.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use sim_core::analysis::report::Report;

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
        let progress = Progress::new(self.progress && is_watched());
        threads.install(|| {
            let run = |replication| {
                let report = simulate(replication);
                progress.one_done();
                report
            };
            let Some(asked) = self.replications else {
                progress.expect(1);
                let first = run(0);
                let total = affordable(first.requests.offered);
                progress.expect(total);
                let others: Vec<Report> = (1..total).into_par_iter().map(run).collect();
                return Ok(std::iter::once(first).chain(others).collect());
            };
            progress.expect(asked);
            Ok((0..asked).into_par_iter().map(run).collect())
        })
    }
}

/// How many replications are cheap, from how many requests the first one made; never from how long it took, so that
/// the same model gives the same figures on every machine.
fn affordable(requests: u64) -> u32 {
    match REQUESTS_TOTAL / requests.max(1) {
        replications if requests == 0 || replications < REPLICATIONS_MIN => 1,
        replications => replications.min(REPLICATIONS_MAX) as u32,
    }
}

/// How far it is, on stderr, once it takes longer than a moment.
struct Progress {
    shown: bool,
    started: Instant,
    done: AtomicU32,
    expected: AtomicU32,
    line: Mutex<bool>,
}

impl Progress {
    const PATIENCE: Duration = Duration::from_millis(700);

    fn new(shown: bool) -> Self {
        Self {
            shown,
            started: Instant::now(),
            done: AtomicU32::new(0),
            expected: AtomicU32::new(1),
            line: Mutex::new(false),
        }
    }

    fn expect(&self, replications: u32) {
        self.expected.store(replications, Ordering::Relaxed);
    }

    fn one_done(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let (expected, elapsed) = (self.expected.load(Ordering::Relaxed), self.started.elapsed());
        if !self.shown || elapsed < Self::PATIENCE || done >= expected {
            return;
        }
        let left = elapsed.mul_f64(f64::from(expected - done) / f64::from(done));
        let mut line = self.line.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *line = true;
        let _ = write!(std::io::stderr(), "\r\x1b[K{done} of {expected} replications, {} s left", left.as_secs() + 1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if *self.line.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use sim_core::analysis::report::Requests;

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
    fn as_many_as_are_cheap() {
        let driver = Driver { replications: None, jobs: Some(2), progress: false };
        assert_eq!(driver.replicate(report).expect("threads start").len(), 7);
        let cases = [(0, 1), (1, 10), (450_000, 10), (900_000, 5), (1_440_000, 3), (1_500_001, 1), (u64::MAX, 1)];
        for (requests, replications) in cases {
            assert_eq!(affordable(requests), replications, "{requests}");
        }
    }
}
