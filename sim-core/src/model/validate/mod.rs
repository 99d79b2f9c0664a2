//! What must be right across a model: names, kinds, who calls whom, addresses, and what has no effect.

mod balancers;
mod faults;
mod flow;
mod links;
mod names;
mod objectives;
mod parts;
mod queue;
mod scaling;
mod timing;

use super::change::Change;
use super::diagnostic::Diagnostics;
use super::draft::Draft;

pub(crate) use flow::{Call, Edge, Flow, follow_link};
pub(crate) use names::a;
pub use objectives::measure;
pub(crate) use parts::Check;
pub(crate) use scaling::check as check_scaling;
pub(crate) use timing::Places;

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
