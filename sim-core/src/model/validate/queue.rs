//! Queues: who may publish to them.

use crate::model::diagnostic::Diagnostics;
use crate::model::draft::Draft;
use crate::model::link::Link;

/// Only queues take messages.
pub fn is_queue(draft: &Draft, link: &Link, diagnostics: &mut Diagnostics) {
    if let Some(kind) = draft.kind(&link.to)
        && kind != "queue"
    {
        let found = format!("{} is {}", link.to, super::names::a(kind));
        diagnostics.push(link.to.at.error(found).expected("a queue"));
    }
}

/// A queue is not called: nobody waits for what becomes of a message.
pub fn is_none(draft: &Draft, link: &Link, diagnostics: &mut Diagnostics) {
    if draft.kind(&link.to) == Some("queue") {
        let help = format!("write {{ \"publish\": \"{}\" }}", link.to);
        diagnostics.push(link.to.at.error(format!("{} is a queue, which gives no answer", link.to)).help(help));
    }
}
