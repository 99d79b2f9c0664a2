//! Server pools: replicas that run handlers.

use std::collections::BTreeMap;

use crate::model::cost::Cost;
use crate::model::node::{EMPTY_MAP, Node, Value};
use crate::model::spec::{Choice, Read, Reader, Shape, read_struct, wrong_word};
use crate::model::step::Steps;
use crate::model::value::{Cores, Count, Factor, Share, Size, Time, TimeDistribution};
use crate::{choices, spec};

spec! {
    /// Replicas that run handlers: an application, a service.
    pub struct ServerPoolSpec, component("server-pool") {
        /// How many there are at the start.
        replicas: Count = default(1).range(0, 100_000).live();
        /// The cores of each.
        cores: Cores = default(1).range("1m", 10_000);
        /// How many requests each works on at a time, from start to end of the handler; left out, as many as it has cores.
        workers: Count = optional.range(1, 10_000_000);
        /// A worker is held only while the request is on a core: an event loop.
        asynchronous: bool = default(false).named("async");
        /// Where requests wait for a worker, one for each replica.
        queue: Queue = default(EMPTY_MAP);
        /// How tasks share the cores.
        scheduling: Scheduling = default("sharing");
        /// How fast its cores are; work of 10ms takes 5ms at 2.
        speed: Factor = default(1).range(0.000_001, 1_000_000).live();
        /// How long a joining or returning replica takes until it is ready.
        startup: TimeDistribution = default("0s");
        /// The share of requests that fail after their work.
        error_rate: Share = default(0).live();
        /// What the autoscaler counts as 100% of a replica's CPU; left out, its cores.
        cpu_request: Cores = optional.at_least("1m");
        /// The memory of each replica.
        memory: Memory = optional;
        /// The steps for each class; `*` for those that are not named.
        handlers: BTreeMap<String, Steps> = default(EMPTY_MAP);
        /// What single replicas have otherwise, by number.
        overrides: BTreeMap<String, Override> = default(EMPTY_MAP);
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        later ["slowdown", "adaptive_limit", "pause", "batch", "drain", "warmup"];
    }
}

impl ServerPoolSpec {
    /// How many requests a replica works on at a time.
    pub fn workers(&self) -> u64 {
        self.workers.map_or_else(|| u64::from(self.cores.0).div_ceil(1000), |workers| workers.0)
    }

    /// The overrides of single replicas, by number.
    pub fn overrides_by_replica(&self) -> BTreeMap<u64, &Override> {
        self.overrides.iter().filter_map(|(number, own)| Some((number.parse().ok()?, own))).collect()
    }
}

spec! {
    /// The memory of a replica.
    pub struct Memory {
        /// What it takes without requests.
        base: Size = default("0B");
        /// What each request takes while it is worked on.
        per_request: Size = default("0B");
        /// A replica that takes more is killed: all in it fails, and it starts again.
        limit: Size = optional.at_least("1B");
        /// What the autoscaler counts as 100%; left out, the limit.
        request: Size = optional.at_least("1B");
    }
}

spec! {
    /// What a single replica has otherwise.
    pub struct Override {
        /// How fast its cores are.
        speed: Factor = optional.range(0.000_001, 1_000_000);
        /// Its weight at balancers.
        weight: Factor = optional.range(0, 1_000_000);
        later ["cores", "workers", "error_rate", "startup", "zone", "queue"];
    }
}

spec! {
    /// Where requests wait for a worker.
    pub struct Queue, short("capacity") {
        /// How many may wait; left out, any number.
        capacity: Count = optional.range(0, 100_000_000);
        /// What happens to a request that finds it full.
        when_full: WhenFull = default("reject");
        /// The longest wait inside; a request that has waited so long is rejected.
        timeout: Time = optional.at_least("1ns");
        /// Which waits the shortest.
        order: QueueOrder = default("fifo");
        later ["shed"];
    }
}

choices! {
    /// Which of those that wait comes next.
    pub enum QueueOrder {
        /// The one that came first.
        Fifo = "fifo";
        /// The one that came last.
        Lifo = "lifo";
        /// The one of the highest priority; among equals the one that came first.
        Priority = "priority";
    }
}

choices! {
    /// How tasks share the cores.
    pub enum Scheduling {
        /// All at once, each as fast as the others (processor sharing).
        Sharing = "sharing";
        /// One after the other, each on a whole core.
        Fifo = "fifo";
    }
}

/// What happens to a request that finds a queue full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// It is rejected.
    Reject,
    /// It waits in front for so long, and is rejected then.
    Wait(Time),
    /// The oldest in the queue is rejected, and it takes the place.
    DropOldest,
    /// It waits in front for as long as it takes.
    Block,
}

spec! {
    /// What `wait` needs.
    pub struct WaitInFront {
        /// How long a request waits in front of a full queue.
        wait: Time = required;
    }
}

impl Read for WhenFull {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        const WORDS: [&str; 4] = ["reject", "drop-oldest", "block", "{ \"wait\": \"100ms\" }"];
        match &node.value {
            Value::Map(_) => read_struct::<WaitInFront>(node, reader).map(|wait| Self::Wait(wait.wait)),
            Value::String(text) => match text.trim() {
                "reject" => Some(Self::Reject),
                "drop-oldest" => Some(Self::DropOldest),
                "block" => Some(Self::Block),
                other => wrong_word(node, reader, other, &WORDS),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => wrong_word(node, reader, "", &WORDS),
        }
    }

    fn shape() -> Shape {
        let choice = |word, doc| Choice { word, doc };
        Shape::Any(vec![
            Shape::Choice(vec![
                choice("reject", "it is rejected"),
                choice("drop-oldest", "the oldest in the queue is rejected, and it takes the place"),
                choice("block", "it waits in front for as long as it takes"),
            ]),
            WaitInFront::shape(),
        ])
    }
}
