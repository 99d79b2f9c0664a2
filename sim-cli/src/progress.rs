//! How far a long work is, on one line of stderr, where someone watches it.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sim_core::model::units::humane_time;

use crate::error::is_watched;

/// How far it is.
#[derive(Default)]
pub struct Progress {
    done: AtomicU64,
    /// Those of them that took no time, as they were known before.
    known: AtomicU64,
    expected: AtomicU64,
    points_done: AtomicU64,
    points_expected: AtomicU64,
    over: AtomicBool,
}

impl Progress {
    /// Nobody waits for what is done in so short a time.
    const PATIENCE: Duration = Duration::from_secs(1);
    const TICK: Duration = Duration::from_millis(250);

    /// Does the work and meanwhile shows how far it is, if that is wanted and anyone watches.
    pub fn during<T>(&self, wanted: bool, work: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            let shower = (wanted && is_watched()).then(|| scope.spawn(|| self.show()));
            // Even if the work panics, whoever shows the progress must hear that it is over.
            let _over = Over { progress: self, shower: shower.as_ref().map(|shower| shower.thread()) };
            work()
        })
    }

    /// So many runs are known to be needed in all.
    pub fn expect(&self, runs: u64) {
        self.expected.store(runs, Ordering::Relaxed);
    }

    /// So many more runs, of so many points, are needed than were known of.
    pub fn expect_more(&self, runs: u64, points: u64) {
        self.expected.fetch_add(runs, Ordering::Relaxed);
        self.points_expected.fetch_add(points, Ordering::Relaxed);
    }

    /// One more run is done, that was known before.
    pub fn one_known(&self) {
        self.known.fetch_add(1, Ordering::Relaxed);
        self.one_done();
    }

    /// The last run of a point has begun.
    pub fn point_done(&self) {
        self.points_done.fetch_add(1, Ordering::Relaxed);
    }

    /// One more run is done.
    pub fn one_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    fn state(&self) -> State {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        State {
            done: read(&self.done),
            known: read(&self.known),
            expected: read(&self.expected),
            points_done: read(&self.points_done),
            points_expected: read(&self.points_expected),
        }
    }

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
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", self.state().line(elapsed));
        }
        if shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// How far it is, at one moment.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    done: u64,
    known: u64,
    expected: u64,
    points_done: u64,
    points_expected: u64,
}

impl State {
    /// `120 of 1000 runs, 12 of 100 points, about 2m5s left`
    fn line(self, elapsed: Duration) -> String {
        let made = self.done.saturating_sub(self.known);
        let points = match self.points_expected {
            0 | 1 => String::new(),
            expected => format!(", {} of {expected} points", self.points_done),
        };
        let left = match made {
            0 => format!("for {}", humane_time(elapsed.as_secs() as f64)),
            made => {
                let left = elapsed.mul_f64(self.expected.saturating_sub(self.done) as f64 / made as f64);
                format!("about {} left", humane_time((left.as_secs() + 1) as f64))
            }
        };
        format!("{} of {} runs{points}, {left}", self.done, self.expected)
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
    use super::*;

    #[test]
    fn time_left_counts_only_what_is_run() {
        let state =
            |done, known, expected, points_expected| State { done, known, expected, points_done: 2, points_expected };
        let cases = [
            (state(0, 0, 10, 1), "0 of 10 runs, for 20.0 s"),
            (state(5, 0, 10, 1), "5 of 10 runs, about 21.0 s left"),
            (state(8, 6, 10, 1), "8 of 10 runs, about 21.0 s left"),
            (state(10, 0, 100, 10), "10 of 100 runs, 2 of 10 points, about 3m1s left"),
        ];
        for (state, expected) in cases {
            assert_eq!(state.line(Duration::from_secs(20)), expected);
        }
    }
}
