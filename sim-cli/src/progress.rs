//! How far a long work is, on one line of stderr, where someone watches it.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::is_watched;

/// How far it is.
#[derive(Default)]
pub struct Progress {
    done: AtomicU64,
    expected: AtomicU64,
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

    /// So many more runs are needed than were known of.
    pub fn expect_more(&self, runs: u64) {
        self.expected.fetch_add(runs, Ordering::Relaxed);
    }

    /// One more run is done.
    pub fn one_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
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
            let (done, expected) = (self.done.load(Ordering::Relaxed), self.expected.load(Ordering::Relaxed));
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", line(done, expected, elapsed));
        }
        if shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(done: u64, expected: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match done {
        0 => format!("running for {seconds} s"),
        done => {
            let left = elapsed.mul_f64(expected.saturating_sub(done) as f64 / done as f64).as_secs() + 1;
            format!("{done} of {expected} runs in {seconds} s, about {left} s left")
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
