//! Queues: what they lead to, and who may publish.

use crate::components::queue::{BatchCalls, QueueSpec};
use crate::components::server_pool::WhenFull;
use crate::model::diagnostic::Diagnostics;
use crate::model::draft::Draft;
use crate::model::link::Link;

/// Checks a queue.
pub fn check(draft: &Draft, spec: &QueueSpec, diagnostics: &mut Diagnostics) {
    for link in [Some(&spec.to), spec.dead_letters.as_ref()].into_iter().flatten() {
        super::parts::link(draft, link, diagnostics);
        if draft.kind(&link.to) == Some("cache") {
            let found = format!("{} is a cache, which consumes no messages", link.to);
            diagnostics.push(link.to.at.error(found).expected("a server-pool, or something else that works"));
        }
    }
    if spec.capacity.is_none() && spec.at.has("when_full") && spec.when_full != WhenFull::Reject {
        let found = "`when_full` has no effect: the queue has no `capacity`, so it is never full";
        diagnostics.push(spec.at.field("when_full").warning(found));
    }
    if let Some(capacity) = spec.capacity
        && spec.batch.size.0 > 1
        && capacity.0 < spec.batch.size.0
    {
        let found = format!("a batch of {} never fits into a capacity of {}", spec.batch.size.0, capacity.0);
        diagnostics.push(spec.at.field("capacity").error(found).expected("at least the size of a batch"));
    }
    if spec.batch.size.0 == 1 {
        for field in ["wait", "calls"] {
            if spec.batch.at.has(field) && (field == "wait" || spec.batch.calls == BatchCalls::Each) {
                let found = format!("`{field}` has no effect: a batch is one message");
                diagnostics.push(spec.batch.at.field(field).warning(found));
            }
        }
    }
}

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
