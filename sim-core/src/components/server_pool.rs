//! Server pools: replicas that run handlers.

mod overrides;
mod part;

use std::collections::BTreeMap;

use crate::components::{LeftOut, sentences};
use crate::model::cost::Cost;
use crate::model::node::{EMPTY_LIST, EMPTY_MAP, Node, Value};
use crate::model::spec::{About, Choice, Read, Reader, Shape, read_struct, wrong_word};
use crate::model::step::Steps;
use crate::model::value::{Cores, Count, Factor, Share, Size, Text, Time, TimeDistribution};
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
        /// Pauses in which a replica works on nothing: garbage collection.
        pause: Pause = optional;
        /// A limit of calls at each replica that finds itself; who comes above it is rejected.
        adaptive_limit: AdaptiveLimit = optional;
        /// How many times longer work takes at which utilization of the cores: `[[80%, 1], [100%, 1.5]]`, straight lines between.
        slowdown: Vec<Slowdown> = default(EMPTY_LIST);
        /// Where replicas are, in turn: a number of zones (`zone-a`, `zone-b`, …) or their names.
        zones: Zones = optional;
        /// The steps for each class; `*` for those that are not named.
        handlers: BTreeMap<String, Steps> = default(EMPTY_MAP);
        /// What single replicas have otherwise, by number.
        overrides: BTreeMap<String, Override> = default(EMPTY_MAP);
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        about ABOUT;
    }
}

const LEAVES_OUT: [LeftOut<ServerPoolSpec>; 3] = [
    (
        |_| true,
        "Switching between tasks costs nothing, and caches of the CPU stay warm: leans towards too fast where far more tasks than cores are ready.",
    ),
    (
        |pool| pool.slowdown.is_empty(),
        "Cores are as fast whatever the load, unless faults, `slowdown` or `speed` say otherwise: leans towards too fast on machines that are shared or throttled.",
    ),
    (
        |pool| pool.pause.is_some(),
        "A replica in a pause passes on answers that come to it and need no more work: leans towards too fast.",
    ),
];

const ABOUT: About = About {
    imitates: "Processes or pods with a pool of workers: Tomcat's or gunicorn's threads, or with `async` an event loop that holds a worker only while it is on a core. Cores are shared equally, as the Linux scheduler does among tasks of one weight.",
    leaves_out: &sentences(&LEAVES_OUT),
    checked: &[
        "M/M/c, M/M/c/K, M/G/1 and processor sharing against their closed forms.",
        "∫ busy dt of every station against the sum of the work that was drawn, in every run.",
    ],
};

impl ServerPoolSpec {
    /// How many requests a replica works on at a time.
    pub fn workers(&self) -> u64 {
        self.workers.map_or_else(|| u64::from(self.cores.0).div_ceil(1000), |workers| workers.0)
    }

    /// The steps for a class.
    pub fn handler(&self, class: &str) -> Option<&Steps> {
        self.handlers.get(class).or_else(|| self.handlers.get("*"))
    }

    /// The workers of a single replica.
    pub fn workers_of(&self, own: &Override) -> u64 {
        let by_cores = own.cores.filter(|_| self.workers.is_none()).map(|cores| u64::from(cores.0).div_ceil(1000));
        own.workers.map(|workers| workers.0).or(by_cores).unwrap_or_else(|| self.workers())
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
        /// Its cores.
        cores: Cores = optional.range("1m", 10_000);
        /// How many requests it works on at a time; left out, as many as the others, or as it has cores.
        workers: Count = optional.range(1, 10_000_000);
        /// Where requests wait for a worker of it: all that is said of this queue, instead of that of the others.
        queue: Queue = optional;
        /// The share of its requests that fail after their work.
        error_rate: Share = optional;
        /// How long it takes until it is ready.
        startup: TimeDistribution = optional;
        /// The zone where it is: one of `zones`.
        zone: Text = optional;
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
        /// How it sheds those that have waited too long.
        shed: Shed = optional;
    }
}

spec! {
    /// How a queue sheds those that have waited too long: controlled delay (RFC 8289).
    pub struct Shed, short("rule") {
        /// By which rule.
        rule: ShedRule = default("codel");
        /// The wait that is good enough.
        target: Time = default("5ms").at_least("1ns");
        /// How long waits must have been above it.
        interval: Time = default("100ms").at_least("1ns");
    }
}

choices! {
    /// A rule of shedding.
    pub enum ShedRule {
        /// Once all waits of an interval were too long, the next one is rejected, then ever more often until one is not (RFC 8289).
        Codel = "codel";
    }
}

spec! {
    /// Pauses in which a replica works on nothing.
    pub struct Pause {
        /// How often: each time, or after so many calls (a bare number).
        every: Every = required;
        /// How long.
        duration: TimeDistribution = required.named("for");
    }
}

/// How often something comes.
#[derive(Debug, Clone, PartialEq)]
pub enum Every {
    /// After so much time.
    Time(TimeDistribution),
    /// After so many calls.
    Calls(u64),
}

impl Read for Every {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Number(number) if number.value >= 1.0 => Count::read(node, reader).map(|count| Self::Calls(count.0)),
            Value::Number(_) => reader.unexpected(node, "a time, or a number of calls from 1"),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::List(_) | Value::Map(_) => {
                TimeDistribution::read(node, reader).map(Self::Time)
            }
        }
    }

    fn shape() -> Shape {
        Shape::Any(vec![TimeDistribution::shape(), Count::shape()])
    }
}

spec! {
    /// A limit of calls that finds itself (Netflix concurrency-limits).
    pub struct AdaptiveLimit, short("rule") {
        /// By which rule.
        rule: LimitRule = default("gradient");
        /// The limit at first.
        initial: Count = default(20).range(1, 1_000_000);
        /// The least limit.
        min: Count = default(1).range(1, 1_000_000);
        /// The greatest limit.
        max: Count = default(200).range(1, 1_000_000);
        /// From how long on a call took too long, for `aimd`.
        timeout: Time = default("5s").at_least("1ns");
        /// What is left of the limit then, for `aimd`.
        backoff: Share = default(0.9).range(0.5, 0.999);
        /// How many may queue, for `gradient`.
        queue: Count = default(4).range(0, 100_000);
        /// How much of a new limit enters, for `gradient`.
        smoothing: Share = default(0.2).at_least(0.001);
    }
}

choices! {
    /// A rule of an adaptive limit.
    pub enum LimitRule {
        /// One more while calls go well, a tenth less after one that was too slow or failed.
        Aimd = "aimd";
        /// By the ratio of the long-term latency to the present one.
        Gradient = "gradient";
    }
}

/// At which utilization work takes how many times longer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slowdown {
    /// The share of the cores that are busy.
    pub utilization: f64,
    /// How many times longer work takes.
    pub factor: f64,
}

impl Read for Slowdown {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        const EXPECTED: &str = "a utilization and a factor, as [80%, 1.5]";
        let Value::List(pair) = &node.value else { return reader.unexpected(node, EXPECTED) };
        let [utilization, factor] = pair.as_slice() else { return reader.unexpected(node, EXPECTED) };
        let (utilization, times) = (Share::read(utilization, reader)?.0, Factor::read(factor, reader)?.0);
        if times < 0.001 {
            return reader.unexpected(factor, "a factor of at least 0.001");
        }
        Some(Self { utilization, factor: times })
    }

    fn shape() -> Shape {
        Shape::List(Box::new(Shape::Any(vec![Share::shape(), Factor::shape()])))
    }
}

/// Where replicas are.
#[derive(Debug, Clone, PartialEq)]
pub struct Zones(pub Vec<String>);

impl Zones {
    /// The number of a zone; `b` is `zone-b` too.
    pub fn position(&self, zone: &str) -> Option<u32> {
        let same = |name: &String| {
            name == zone || name.strip_prefix("zone-") == Some(zone) || zone.strip_prefix("zone-") == Some(name)
        };
        self.0.iter().position(same).map(|at| at as u32)
    }
}

impl Read for Zones {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        const EXPECTED: &str = "a number of zones from 1 to 26, or a list of their names";
        let names = match &node.value {
            Value::Number(number) if number.value.fract() == 0.0 && (1.0..=26.0).contains(&number.value) => {
                (0..number.value as u8).map(|at| format!("zone-{}", (b'a' + at) as char)).collect()
            }
            Value::List(items) if !items.is_empty() => {
                let names: Vec<String> = items.iter().filter_map(|item| item.text().map(str::to_string)).collect();
                let right = names.len() == items.len() && names.iter().all(|name| crate::model::address::is_name(name));
                let twice = (1..names.len()).any(|at| names[..at].contains(&names[at]));
                if !right || twice {
                    return reader.unexpected(node, EXPECTED);
                }
                names
            }
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => {
                return reader.unexpected(node, EXPECTED);
            }
        };
        Some(Self(names))
    }

    fn shape() -> Shape {
        Shape::Any(vec![Count::shape(), Shape::List(Box::new(Shape::Text))])
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
