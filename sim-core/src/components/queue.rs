//! Queues: messages that are worked on later than they are published.

use super::server_pool::WhenFull;
use crate::model::cost::Cost;
use crate::model::link::Link;
use crate::model::node::EMPTY_MAP;
use crate::model::spec::About;
use crate::model::value::{Count, Time, TimeDistribution};
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
        later ["order", "partitions", "max_age", "overrides"];
        about ABOUT;
    }
}

const ABOUT: About = About {
    imitates: "A message broker's queue or a job queue with at-least-once delivery and dead letters (SQS, RabbitMQ), or a bounded channel whose publishers wait (`when_full: block`).",
    leaves_out: &[
        "The broker itself takes no time and loses nothing: publishing costs what its link says. Leans towards too fast where the broker is the bottleneck.",
    ],
    checked: &["Messages in = messages done, dead, dropped and waiting: compared as whole numbers in every run."],
};

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
