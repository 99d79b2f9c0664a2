//! Queues: messages that are worked on later than they are published.

use super::server_pool::WhenFull;
use crate::analysis::load::{self, Walk};
use crate::components::{LeftOut, Nature, Outgoing, Part, counted, rested_on, sentences};
use crate::experiment::levers::{Lever, Order};
use crate::lower::Lowering;
use crate::model::Model;
use crate::model::cost::Cost;
use crate::model::link::Link;
use crate::model::node::EMPTY_MAP;
use crate::model::spec::About;
use crate::model::validate::{Call, Check, Edge, Flow, follow_link};
use crate::model::value::{Count, Time, TimeDistribution};
use crate::plan::ChangeKind;
use crate::{choices, spec};

spec! {
    /// Keeps messages until a consumer has worked on them: a message broker, a job queue, a bounded channel.
    pub struct QueueSpec, component("queue") {
        /// The consumer: what is called with each message.
        to: Link = required.beside("link");
        /// How many messages may wait; left out, any number.
        capacity: Count = optional.range(0, 100_000_000);
        /// What happens to a publisher that finds it full; `block` makes it wait (a bounded channel).
        when_full: WhenFull = default("reject");
        /// How many messages, or batches of them, are delivered at a time.
        concurrency: Count = default(1).range(1, 1_000_000).live();
        /// How many messages are delivered together.
        batch: Batch = default(EMPTY_MAP);
        /// What becomes of a message whose delivery failed; left out, it is a dead letter at once.
        redeliver: Redeliver = optional;
        /// Where messages go that could not be delivered; left out, they are only counted.
        dead_letters: Link = optional;
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        about ABOUT;
    }
}

const LEAVES_OUT: [LeftOut<QueueSpec>; 2] = [
    (
        |_| true,
        "The broker itself takes no time and loses nothing, for publishing costs what its link says: leans towards too fast where the broker is the bottleneck.",
    ),
    (
        |queue| queue.batch.size.0 > 1 && queue.batch.calls == BatchCalls::One,
        "A batch takes its consumer as long as one message, however many are in it: leans towards too fast.",
    ),
];

const ABOUT: About = About {
    imitates: "A message broker's queue or a job queue with at-least-once delivery and dead letters (SQS, RabbitMQ), or a bounded channel whose publishers wait (`when_full: block`).",
    leaves_out: &sentences(&LEAVES_OUT),
    checked: &["Messages in = messages done, dead, dropped and waiting: compared as whole numbers in every run."],
};

impl Part for QueueSpec {
    fn stations(&self) -> Vec<&'static str> {
        vec!["workers"]
    }

    fn check(&self, _: &str, check: &mut Check) {
        for link in [Some(&self.to), self.dead_letters.as_ref()].into_iter().flatten() {
            check.link(link);
            if check.draft.kind(&link.to) == Some("cache") {
                let found = format!("{} is a cache, which consumes no messages", link.to);
                check.diagnostics.push(link.to.at.error(found).expected("a server-pool, or something else that works"));
            }
        }
        if self.capacity.is_none() && self.at.has("when_full") && self.when_full != WhenFull::Reject {
            let found = "`when_full` has no effect: the queue has no `capacity`, so it is never full";
            check.diagnostics.push(self.at.field("when_full").warning(found));
        }
        if let Some(capacity) = self.capacity
            && self.batch.size.0 > 1
            && capacity.0 < self.batch.size.0
        {
            let found = format!("a batch of {} never fits into a capacity of {}", self.batch.size.0, capacity.0);
            check.diagnostics.push(self.at.field("capacity").error(found).expected("at least the size of a batch"));
        }
        if self.batch.size.0 == 1 {
            for field in ["wait", "calls"] {
                if self.batch.at.has(field) && (field == "wait" || self.batch.calls == BatchCalls::Each) {
                    let found = format!("`{field}` has no effect: a batch is one message");
                    check.diagnostics.push(self.batch.at.field(field).warning(found));
                }
            }
        }
    }

    fn nature() -> Nature {
        Nature { works: true, ..Nature::CALLED }
    }

    fn links(&self) -> Vec<Outgoing<'_>> {
        let dead = self.dead_letters.iter().map(|link| Outgoing::over(link).noted("dead letters"));
        [Outgoing::over(&self.to)].into_iter().chain(dead).collect()
    }

    fn calls(&self, call: &Call, _: &mut Flow, edges: &mut Vec<Edge>) {
        let message = Call { operation: None, ..call.clone() };
        follow_link(&self.to, message.to(&self.to), true, edges);
        if let Some(link) = &self.dead_letters {
            follow_link(link, message.to(link), false, edges);
        }
    }

    fn lower(&self, id: u32, name: &str, lowering: &mut Lowering) {
        lowering.queue(id, name, self);
    }

    fn change(&self, component: u32, field: &str, _: &Lowering) -> Option<ChangeKind> {
        match field {
            "concurrency" => Some(ChangeKind::Slots { component, slots: self.concurrency.0 as u32 }),
            _ => None,
        }
    }

    fn assumptions(&self) -> Vec<&'static str> {
        rested_on(&LEAVES_OUT, self)
    }

    /// Its consumer works after its publishers have gone on. A batch is as dear as a message.
    fn load<'a>(&'a self, name: &'a str, call: load::Call<'a>, walk: &mut Walk<'a>) -> f64 {
        let size = self.batch.size.0 as f64;
        let rate = if self.batch.calls == BatchCalls::One { call.rate / size } else { call.rate };
        let time_s = walk.link(&self.to, load::Call { rate, caller: name, operation: None, ..call });
        walk.add(name, "workers", call.rate / size * time_s);
        0.0
    }

    fn servers(&self, _: &str, _: &str, _: &mut Walk) -> Option<f64> {
        Some(self.concurrency.0 as f64)
    }

    fn levers(&self, name: &str, _: &Model) -> Vec<Lever> {
        let now = self.concurrency.0;
        vec![Lever::count(name, Some("workers"), "workers", "concurrency", now, Order::Usually)]
    }

    fn facts(&self) -> Vec<String> {
        let capacity = self.capacity.map(|capacity| format!("{} at most", counted(capacity.0, "message")));
        capacity.into_iter().chain([counted(self.concurrency.0, "worker")]).collect()
    }
}

spec! {
    /// How many messages are delivered together.
    pub struct Batch, short("size") {
        /// The most messages of a delivery.
        size: Count = default(1).range(1, 100_000);
        /// How long the first message waits for others until fewer are delivered.
        wait: Time = default("0s");
        /// How a batch reaches the consumer.
        calls: BatchCalls = default("one");
    }
}

choices! {
    /// How a batch reaches the consumer.
    pub enum BatchCalls {
        /// In one call for all of its messages, which stand or fall together (a bulk insert).
        One = "one";
        /// In a call for each message, all at once; the next batch waits for the last of them.
        Each = "each";
    }
}

spec! {
    /// What becomes of a message whose delivery failed.
    pub struct Redeliver, short("retries") {
        /// How often it is delivered again.
        retries: Count = required.range(0, 100);
        /// How long it waits before it stands in line again.
        delay: TimeDistribution = default("0s");
    }
}

impl QueueSpec {
    /// How often a message is delivered again whose delivery failed.
    pub fn retries(&self) -> u64 {
        self.redeliver.as_ref().map_or(0, |redeliver| redeliver.retries.0)
    }
}
