//! What must be right across a model: names, kinds, who calls whom, addresses, and what has no effect.

mod balancers;
mod faults;
mod flow;
mod limits;
mod links;
mod names;
mod objectives;
mod parts;
mod pool;
mod queue;
mod scaling;
mod timing;

use super::change::Change;
use super::diagnostic::Diagnostics;
use super::draft::Draft;

pub use objectives::measure;

/// Checks all that readers of single parts can't see.
pub fn validate(draft: &Draft, changes: &[Change], diagnostics: &mut Diagnostics) {
    names::check(draft, diagnostics);
    parts::check(draft, changes, diagnostics);
    timing::check(draft, changes, diagnostics);
    objectives::check(draft, changes, diagnostics);
    if draft.whole && !diagnostics.has_errors() {
        flow::check(draft, diagnostics);
    }
}
