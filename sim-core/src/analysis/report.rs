//! The report of a run, as it is written to JSON. Times are seconds (`_s`), rates are per second (`_per_s`), shares are
//! 0 to 1. A figure that does not apply is left out; one that applies but is unknown is `null`.

mod audit;
mod breakdown;
mod confidence;
mod limits;
mod messages;
mod requests;
mod station;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use audit::AuditEntry;
pub use breakdown::{Breakdown, BreakdownPart};
pub use confidence::{Confidence, Precision};
pub use limits::{EndpointsReport, TierReport};
pub use messages::{Age, Backlog};
pub use requests::{ClassReport, Journeys, Latency, Requests};
pub use station::{MaxInstance, Queue, Service, Station, Wait};

/// The version of the report's format. A reader refuses a newer one.
pub const REPORT_FORMAT: u32 = 1;

/// Everything that one run (or the mean of several replications) found out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Which command made it: `run`.
    pub kind: String,
    /// [`REPORT_FORMAT`].
    pub format: u32,
    /// The model's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The engine's version; another one may give other results.
    pub engine: String,
    /// The seed of the run, or of the first replication.
    pub seed: u64,
    /// Hash of what the model means (not of how its file looks), in hex.
    pub model_digest: String,
    /// Hash of the results, in hex: equal digests are equal results.
    pub digest: String,
    /// Whether the run came to its end.
    pub ended: Ended,
    /// The measured window.
    pub window: Window,
    /// The requests that clients began in the window.
    pub requests: Requests,
    /// Of the requests that ended ok, as the clients saw them: retries and back-off included.
    pub latency: Latency,
    /// Of the requests that ended in an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_latency: Option<Latency>,
    /// The same, by class.
    #[serde(default)]
    pub classes: BTreeMap<String, ClassReport>,
    /// What each component did, by name.
    #[serde(default)]
    pub components: BTreeMap<String, ComponentReport>,
    /// How it went over time, at most 600 points.
    #[serde(default)]
    pub timeline: Timeline,
    /// Where the time of a request went.
    #[serde(default)]
    pub breakdown: Breakdown,
    /// The model's objectives, and whether each was met.
    #[serde(default)]
    pub objectives: Vec<ObjectiveResult>,
    /// Independent tallies of the same thing; a difference is a bug of the engine.
    #[serde(default)]
    pub audit: Vec<AuditEntry>,
    /// What became of each fault, by target, in the order of the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultReport>,
    /// What it costs, where a component has a cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<CostReport>,
    /// What the simulator took for granted where the model is silent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumptions: Vec<String>,
    /// What theory says of the parts that it knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub theory: Vec<Beside>,
    /// Confidence intervals `[low, high]`, by the JSON pointer of the figure (`/latency/p99_s`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub intervals: BTreeMap<String, [f64; 2]>,
    /// How the intervals were made; absent for one replication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// The window and its requests were simulated to the end.
    #[default]
    Complete,
    /// A limit of `run.limits` was reached; the figures cover the time until then.
    Stopped(Stopped),
}

/// Why and when a run was stopped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stopped {
    /// The limit that was reached, in words.
    pub reason: String,
    /// When, on the clock of the window.
    pub at_s: f64,
    /// The queue that grew, as an address (`web.cores`), if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
}

/// The measured window `[0, duration)` and the warm-up before it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Always 0.
    pub start_s: f64,
    /// The window's length.
    pub duration_s: f64,
    /// The length of the warm-up.
    pub warmup_s: f64,
}

/// What one component did in the window, all its instances together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ComponentReport {
    /// Its type, as in the model (`server-pool`).
    #[serde(rename = "type")]
    pub kind: String,
    /// Calls that reached it; of a client, requests that it began.
    pub calls: u64,
    /// The bad answers that it gave, by outcome.
    #[serde(default)]
    pub errors: BTreeMap<String, u64>,
    /// From a call's arrival to its answer, ok ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Of its first station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utilization: Option<f64>,
    /// Of its first station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
    /// Of its first station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// Its limited resources: `cores`, `workers`, `connections`, `slots`, `threads`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stations: BTreeMap<String, Station>,
    /// What it saw of the components that it calls, by their name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, LinkReport>,
    /// Cache: reads that found a fresh value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hits: Option<u64>,
    /// Cache: reads that did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub misses: Option<u64>,
    /// Cache: hits ÷ (hits + misses); absent without reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hit_ratio: Option<f64>,
    /// Cache: entries thrown out for want of room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evictions: Option<u64>,
    /// Cache: entries met after their time to live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expirations: Option<u64>,
    /// Cache: calls without a key, which went past it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bypassed: Option<u64>,
    /// Cache, database: reads that returned an older version than the newest committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_reads: Option<u64>,
    /// Cache: misses that waited for another's load of the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coalesced: Option<u64>,
    /// Cache: loads in the background, of items near their end or past it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refreshes: Option<u64>,
    /// Cache: failed loads that an item past its end stood in for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stood_in: Option<u64>,
    /// Cache: items that writes took out by their tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalidated: Option<u64>,
    /// Cache: accepted writes that a crash took before they were written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_writes: Option<u64>,
    /// Load balancer: what it found of its endpoints, where it takes note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<EndpointsReport>,
    /// Rate limiter: calls that passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<u64>,
    /// Rate limiter: those of them that had to wait until they might.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delayed: Option<u64>,
    /// Rate limiter: calls that were turned away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled: Option<u64>,
    /// Rate limiter: the same by tier, where it knows some; `other` are clients of none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tiers: BTreeMap<String, TierReport>,
    /// Connection pool: connections that were opened, where they are told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<u64>,
    /// Connection pool: connections that were closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<u64>,
    /// Connection pool: how often a connection of its reserve was lent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve_used: Option<u64>,
    /// Database: keys that went to other shards when their number changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_keys: Option<u64>,
    /// Database: the same as a share of all keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_share: Option<f64>,
    /// Database: how often a replica took over from a primary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failovers: Option<u64>,
    /// How many replicas were ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<Replicas>,
    /// Server pool: the memory of a replica, where the model says what requests take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Autoscaler: the machines that the replicas run on, ordered ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Replicas>,
    /// Autoscaler: how often it added replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_ups: Option<u64>,
    /// Autoscaler: how often it took replicas away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_downs: Option<u64>,
    /// Queue: messages that wait to be delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backlog: Option<Backlog>,
    /// Queue: how old the oldest message that waits is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<Age>,
    /// Queue: deliveries that ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<u64>,
    /// Queue: deliveries that failed and were made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redelivered: Option<u64>,
    /// Queue: messages that were given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<u64>,
    /// Queue: messages that went for newer ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    /// Client: its journeys, if it makes some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journeys: Option<Journeys>,
    /// Each instance by its address (`web[0]`, `orders/shard[1]/replica[0]`), where there are several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub instances: BTreeMap<String, InstanceReport>,
}

/// What a caller saw of one of the components that it calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LinkReport {
    /// Calls that the steps asked for.
    pub calls: u64,
    /// Tries that these took; more than `calls` where retries happened.
    pub tries: u64,
    /// Tries after the first.
    pub retries: u64,
    /// Tries that ran into `timeout`.
    pub timeouts: u64,
    /// Tries whose packets never arrived.
    pub lost: u64,
    /// Tries refused by the caller's own limit (`max_in_flight`).
    pub rejected: u64,
    /// Packets sent again.
    pub retransmissions: u64,
    /// Calls that went on to the fallback.
    pub fallbacks: u64,
    /// Fallbacks that ended ok.
    pub fallbacks_ok: u64,
    /// Tries that the caller called off.
    pub cancelled: u64,
    /// How often its breaker opened, of all callers together; only with a `breaker`, as the next two.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub breaker_opens: Option<u64>,
    /// How long breakers were open, seconds, of all callers together.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub breaker_open_s: Option<f64>,
    /// Tries that an open breaker refused (`circuit_open`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub short_circuited: Option<u64>,
    /// Copies that were sent besides the first; only with a `hedge`, as the next.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hedges: Option<u64>,
    /// Copies that answered before the first did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hedges_won: Option<u64>,
    /// Retries that a budget or a lack of tokens refused; only where retries have one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retries_refused: Option<u64>,
}

/// What became of a fault: how often it came in the window, and what the system made of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FaultReport {
    /// Which: `crash of web[0]`.
    pub fault: String,
    /// How often it began in the window.
    pub times: u64,
    /// How long it lasted in the window, all times together.
    pub lasted_s: f64,
    /// How long it took from its begin until errors and median latency were again what they were before; the longest of
    /// several times, 0 where it disturbed nothing, `null` where the system had not recovered at the window's end.
    pub recover_s: Option<f64>,
    /// Requests that ended in errors until then, beyond as many as before it.
    pub lost: u64,
}

/// The memory of a replica.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The most that one took, in bytes.
    pub max_bytes: u64,
    /// How many were killed because they took more than they may.
    pub killed: u64,
}

/// Ready replicas over the window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Replicas {
    /// Average.
    pub mean: f64,
    /// Fewest.
    pub min: u64,
    /// Most.
    pub max: u64,
}

/// One instance of a component.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InstanceReport {
    /// Calls that reached it.
    pub calls: u64,
    /// The bad answers that it gave, by outcome.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, u64>,
    /// Of its first station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utilization: Option<f64>,
    /// Of its first station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
    /// Of its first station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// Its limited resources.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stations: BTreeMap<String, Station>,
    /// Cache: reads that found a fresh value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hits: Option<u64>,
    /// Cache: reads that did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub misses: Option<u64>,
    /// Cache: hits ÷ (hits + misses).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hit_ratio: Option<f64>,
}

/// Figures over time: every series has one value per entry of `start_s`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Where each slot begins, on the clock of the window; warm-up is negative.
    pub start_s: Vec<f64>,
    /// The length of a slot.
    pub width_s: f64,
    /// By name. Of the requests begun in a slot: `offered_per_s`, `ok_per_s`, `errors_per_s`, `p50_s`, `p99_s`. Of a
    /// component: `web.utilization`, `web.queue`, `web.replicas`, `redis.hit_ratio`. `null` where a slot has nothing.
    pub series: BTreeMap<String, Vec<Option<f64>>>,
}

/// One objective and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveResult {
    /// As the model has it: `p99 < 250ms`.
    pub objective: String,
    /// The measured value, in base units (seconds, shares, per second); `null` where nothing could be measured.
    pub value: Option<f64>,
    /// Whether it holds; an unknown value does not.
    pub met: bool,
    /// Why the value is not known, where there is more to say than that nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A figure that theory knows, beside the simulated one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// The component.
    pub part: String,
    /// What it is in theory: `M/M/4`.
    pub model: String,
    /// Which figure: `mean`, `p99`, `utilization`, `rejected`, `throughput`, `hit_ratio`.
    pub figure: String,
    /// What theory says, in base units.
    pub exact: f64,
    /// What was simulated.
    pub simulated: f64,
    /// simulated ÷ exact − 1.
    pub deviation: f64,
    /// Whether the interval holds what theory says; absent without an interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_interval: Option<bool>,
}

/// What the system costs, in the money of the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CostReport {
    /// A month of 730 h, all components together.
    pub per_month: f64,
    /// Each component that has a cost.
    pub components: BTreeMap<String, f64>,
}

#[cfg(test)]
mod tests;
