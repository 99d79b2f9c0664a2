//! What can go wrong, and the exit code of each: 0 is done and every objective met.

use std::io::IsTerminal;
use std::process::ExitCode;

use sim_core::model::diagnostic::{Diagnostic, Diagnostics, Severity};

use crate::render::text::{BAD, STRONG, WARN, paint};

/// Why a command did not end well.
#[derive(Debug)]
pub enum Failure {
    /// The simulator itself is wrong: 1.
    Internal(String),
    /// The command line or a file is wrong: 2.
    Wrong(String),
    /// The model is wrong: 2.
    Model {
        /// Where it was read from.
        source: String,
        /// Every mistake in it.
        diagnostics: Diagnostics,
    },
    /// An objective is not met, or the run was stopped; the results are out already: 3.
    Unmet(String),
    /// Ctrl-C before there was anything to tell: 130.
    Interrupted,
}

impl Failure {
    /// The exit code.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Internal(_) => 1,
            Failure::Wrong(_) | Failure::Model { .. } => 2,
            Failure::Unmet(_) => 3,
            Failure::Interrupted => crate::interrupt::CODE,
        })
    }

    /// Tells it on stderr.
    pub fn print(&self) {
        match self {
            Failure::Internal(what) => {
                say(&format!("{} {what}; please report this, with the model", paint(BAD, "internal error:")));
            }
            Failure::Wrong(what) => say(&format!("{} {what}", paint(BAD, "error:"))),
            Failure::Model { source, diagnostics } => {
                diagnostics.iter().for_each(|diagnostic| say(&line(source, diagnostic)));
                let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
                if errors > 1 {
                    say(&format!("{} {errors} mistakes in {}", paint(BAD, "error:"), clean(source)));
                }
            }
            Failure::Unmet(what) if what.is_empty() => {}
            Failure::Unmet(what) => say(&format!("{} {what}", paint(WARN, "not met:"))),
            Failure::Interrupted => {}
        }
    }
}

/// Tells the warnings of a model on stderr.
pub fn warn(source: &str, warnings: &[Diagnostic]) {
    warnings.iter().for_each(|warning| say(&line(source, warning)));
}

/// `shop.json:12: error: components.web.replcas: unknown field; did you mean replicas?`
fn line(source: &str, diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => paint(BAD, "error:"),
        Severity::Warning => paint(WARN, "warning:"),
    };
    let place = match diagnostic.line {
        0 => clean(source),
        line => format!("{}:{line}", clean(source)),
    };
    format!("{} {severity} {}", paint(STRONG, &format!("{place}:")), clean(&diagnostic.to_string()))
}

/// Text from a file must not steer the terminal.
pub fn clean(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '�' } else { letter }).collect()
}

/// A line on stderr; that it can't be written is no news that could be told.
pub fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(anstream::AutoStream::auto(std::io::stderr().lock()), "{line}");
}

/// Whether someone watches stderr.
pub fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}
