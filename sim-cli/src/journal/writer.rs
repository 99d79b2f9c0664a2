//! Writes lines to disk on a thread of its own, so that nobody who simulates waits for the disk: all lines that came
//! while it was busy, or rested, are written and synchronised at once. It rests after each time unless somebody waits:
//! synchronising without a pause would cost those who simulate a share of their cores.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::Failure;
use crate::files::Appended;

/// How long it rests: what a machine that dies takes along besides the runs in progress.
const REST: Duration = Duration::from_millis(100);

/// A file that grows by lines.
pub struct Writer {
    lines: Option<Sender<String>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Lines that were handed over.
    given: u64,
    /// Lines that are on disk.
    safe: u64,
    /// Whether somebody waits, or nobody will hand over any more.
    urgent: bool,
    /// Why no more can be written.
    failed: Option<String>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Begins to write behind what the file has.
    pub fn start(file: Appended) -> Self {
        let (lines, received) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let thread = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || write_all(file, &received, &shared))
        };
        Self { lines: Some(lines), shared, thread: Some(thread) }
    }

    /// Hands over a line, with its end.
    pub fn write(&self, line: String) {
        self.shared.lock().given += 1;
        let lines = self.lines.as_ref().expect("it is there until it is dropped");
        lines.send(line).expect("the thread receives until nobody sends");
    }

    /// Whether no more can be written.
    pub fn has_failed(&self) -> bool {
        self.shared.lock().failed.is_some()
    }

    /// Waits until all that was handed over is on disk.
    pub fn wait(&self) -> Result<(), Failure> {
        let mut state = self.shared.lock();
        state.urgent = true;
        self.shared.changed.notify_all();
        while state.safe < state.given && state.failed.is_none() {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.urgent = false;
        state.failed.as_ref().map_or(Ok(()), |why| Err(Failure::Wrong(why.clone())))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The thread ends when nobody can send any more, and then has written everything.
        self.lines = None;
        self.shared.lock().urgent = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write_all(mut file: Appended, lines: &Receiver<String>, shared: &Shared) {
    while let Ok(first) = lines.recv() {
        let (mut text, mut count) = (first, 1);
        while let Ok(next) = lines.try_recv() {
            text += &next;
            count += 1;
        }
        // After a failure lines are still received, so that nobody who sends one is let down.
        if shared.lock().failed.is_some() {
            continue;
        }
        let result = file.append(text.as_bytes());
        let mut state = shared.lock();
        match result {
            Ok(()) => state.safe += count,
            Err(why) => state.failed = Some(why),
        }
        shared.changed.notify_all();
        let rested = shared.changed.wait_timeout_while(state, REST, |state| !state.urgent);
        drop(rested.unwrap_or_else(PoisonError::into_inner));
    }
}
