//! The command line of Kneepoint.

mod chart;
mod commands;
mod diagram;
mod driver;
mod engine;
mod error;
mod files;
mod hints;
mod interrupt;
mod journal;
mod progress;
mod render;

use std::panic;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;

use commands::Cli;

fn main() -> ExitCode {
    panic::set_hook(Box::new(tell_panic));
    interrupt::install();
    match panic::catch_unwind(|| Cli::parse().execute()) {
        // What there is has been told, and that it is not all.
        Ok(Ok(()) | Err(error::Failure::Unmet(_))) if interrupt::was_cut_short() => ExitCode::from(interrupt::CODE),
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            failure.print();
            failure.code()
        }
        // The hook has told it.
        Err(_) => ExitCode::from(1),
    }
}

/// One line, however many threads panic.
fn tell_panic(panic: &panic::PanicHookInfo) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if TOLD.swap(true, Ordering::Relaxed) {
        return;
    }
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let what = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    let place = panic.location().map_or(String::new(), |place| format!(" at {}:{}", place.file(), place.line()));
    // `unreachable!` says so too.
    let what = what.strip_prefix("internal error: ").unwrap_or(what);
    let what: Vec<&str> = what.lines().collect();
    let message = format!("{}{place}", what.join(", "));
    error::Failure::Internal(message).print();
}
