//! Ctrl-C, and being asked to end (SIGTERM): whoever makes many runs ends with what there is; everything else, and the
//! second time, ends at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::{error, files};

/// The exit code of what was interrupted.
pub const CODE: u8 = 130;

static ASKED: AtomicBool = AtomicBool::new(false);
static CUT_SHORT: AtomicBool = AtomicBool::new(false);
static LISTENERS: AtomicUsize = AtomicUsize::new(0);

/// Takes care of both from now on. Without a handler they end the program all the same, only less tidily.
pub fn install() {
    let _ = ctrlc::set_handler(|| end("Ctrl-C again ends at once"));
    #[cfg(unix)]
    if let Ok(mut signals) = signal_hook::iterator::Signals::new([signal_hook::consts::SIGTERM]) {
        std::thread::spawn(move || signals.forever().for_each(|_| end("the next one ends at once")));
    }
}

/// Ends what nobody listens for, and what is asked a second time; asks the others.
fn end(again: &str) {
    if LISTENERS.load(Ordering::SeqCst) == 0 || ASKED.swap(true, Ordering::SeqCst) {
        files::forget_half_written();
        std::process::exit(i32::from(CODE));
    }
    let fresh_line = if error::is_watched() { "\r\x1b[K" } else { "" };
    error::say(&format!("{fresh_line}ending after the runs that have begun; {again}"));
}

/// Whether somebody wants it to end.
pub fn is_asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Some of the work was left out because of it.
pub fn cut_short() {
    CUT_SHORT.store(true, Ordering::SeqCst);
}

/// Whether some of the work was left out.
pub fn was_cut_short() -> bool {
    CUT_SHORT.load(Ordering::SeqCst)
}

/// While it is there, the first Ctrl-C is heard and not obeyed at once.
pub struct Listening(());

impl Listening {
    /// Listens from now on.
    pub fn begin() -> Self {
        LISTENERS.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::SeqCst);
    }
}
