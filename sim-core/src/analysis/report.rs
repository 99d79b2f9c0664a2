//! The report of a run, as it is written to JSON. Times are seconds (`_s`), rates are per second (`_per_s`), shares are
//! 0 to 1. A figure that does not apply is left out; one that applies but is unknown is `null`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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

/// Counts and rates of requests; `offered = ok + Σ errors + unfinished`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// Requests begun in the window.
    pub offered: u64,
    /// Those that ended well.
    pub ok: u64,
    /// Those that ended badly, by outcome (`timeout`, `rejected`, …).
    #[serde(default)]
    pub errors: BTreeMap<String, u64>,
    /// Those that had not ended when the drain was over.
    pub unfinished: u64,
    /// Arrivals that the client itself dropped (`max_in_flight`); they were never offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    /// (ok + errors) ÷ duration.
    pub throughput_per_s: f64,
    /// ok ÷ duration.
    pub goodput_per_s: f64,
    /// (errors + unfinished) ÷ offered; 0 when nothing was offered.
    pub error_rate: f64,
    /// 1 − error rate.
    pub availability: f64,
}

impl Requests {
    /// How many ended badly, all outcomes together.
    pub fn errors_total(&self) -> u64 {
        self.errors.values().sum()
    }
}

/// A distribution of times. A percentile is `null` where so few were measured that it would merely be the longest: then
/// its `…_needs` tells how many it takes; or where it falls among requests that never ended: then its `…_at_least_s`
/// tells their age.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// Mean of those that ended.
    pub mean_s: Option<f64>,
    /// The shortest.
    pub min_s: Option<f64>,
    /// Median, by nearest rank.
    pub p50_s: Option<f64>,
    /// Age of the requests that the median falls among.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_at_least_s: Option<f64>,
    /// 90th percentile.
    pub p90_s: Option<f64>,
    /// Age of the requests that p90 falls among.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90_at_least_s: Option<f64>,
    /// How many must be measured for p90 to be told, where there were fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90_needs: Option<u64>,
    /// 95th percentile.
    pub p95_s: Option<f64>,
    /// Age of the requests that p95 falls among.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_at_least_s: Option<f64>,
    /// How many must be measured for p95 to be told, where there were fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_needs: Option<u64>,
    /// 99th percentile.
    pub p99_s: Option<f64>,
    /// Age of the requests that p99 falls among.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_at_least_s: Option<f64>,
    /// How many must be measured for p99 to be told, where there were fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_needs: Option<u64>,
    /// 99.9th percentile.
    pub p999_s: Option<f64>,
    /// Age of the requests that p99.9 falls among.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p999_at_least_s: Option<f64>,
    /// How many must be measured for p99.9 to be told, where there were fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p999_needs: Option<u64>,
    /// The longest of those that ended.
    pub max_s: Option<f64>,
    /// `[upper_s, count]` of each bucket that is not empty, rising; buckets are within 0.1%.
    #[serde(default)]
    pub histogram: Vec<(f64, u64)>,
}

/// What clients saw of one class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassReport {
    /// Its requests.
    pub requests: Requests,
    /// Of those that ended ok.
    pub latency: Latency,
    /// Of those that ended in an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_latency: Option<Latency>,
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
    /// How many replicas were ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<Replicas>,
    /// Autoscaler: how often it added replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_ups: Option<u64>,
    /// Autoscaler: how often it took replicas away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_downs: Option<u64>,
    /// Client: its journeys, if it makes some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journeys: Option<Journeys>,
    /// Each instance by its address (`web[0]`, `orders/shard[1]/replica[0]`), where there are several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub instances: BTreeMap<String, InstanceReport>,
}

/// Calls waiting for a station.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    /// Average over the window.
    pub mean: f64,
    /// The most at one instant.
    pub max: u64,
}

/// How long calls waited for a station, those that waited not at all included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// Mean.
    pub mean_s: Option<f64>,
    /// Median.
    pub p50_s: Option<f64>,
    /// 99th percentile.
    pub p99_s: Option<f64>,
    /// How many calls it takes for p99 to be told, where there were fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_needs: Option<u64>,
}

/// Time in service at a station.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Mean.
    pub mean_s: Option<f64>,
}

/// A limited resource with a queue; sums over instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Station {
    /// How many can be served at once, average over the window (cores may be fractional).
    pub servers: f64,
    /// ∫ busy ÷ ∫ ready capacity.
    pub utilization: f64,
    /// Calls waiting.
    pub queue: Queue,
    /// How long they waited.
    pub wait: Wait,
    /// How long they were served.
    pub service: Service,
    /// Calls that came.
    pub arrivals: u64,
    /// Calls turned away.
    pub rejected: u64,
    /// Calls that left the queue before their turn.
    pub abandoned: u64,
    /// The instance with the highest utilization, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_instance: Option<MaxInstance>,
}

/// The worst instance of a station.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MaxInstance {
    /// Its address.
    pub instance: String,
    /// Its utilization.
    pub utilization: f64,
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

/// Journeys that a client began in the window; `started = ok + failed + unfinished`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Journeys {
    /// Begun in the window.
    pub started: u64,
    /// Went through to their end.
    pub ok: u64,
    /// Ended by an error on the way.
    pub failed: u64,
    /// Still under way when the drain was over.
    pub unfinished: u64,
    /// From the first request to the end, think time included, of those that are ok.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
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

/// Where the time of typical (p45 to p55) and of slow (the slowest 1%) requests went, largest part first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Breakdown {
    /// Requests around the median.
    pub p50: Vec<BreakdownPart>,
    /// The slowest 1%.
    pub p99: Vec<BreakdownPart>,
}

/// One part of the time of a request; the parts sum to the whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BreakdownPart {
    /// Where.
    pub component: String,
    /// At what: `network`, `queueing`, `service`, `pool-wait`, `lock-wait`, `back-off`, `hedge-wait`.
    pub phase: String,
    /// Whether it was spent on a try that was given up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub abandoned: bool,
    /// Its share of the whole.
    pub share: f64,
    /// Mean per request.
    pub seconds: f64,
}

impl BreakdownPart {
    /// Whether both are of the same place and phase.
    pub fn names_the_same(&self, other: &Self) -> bool {
        (&self.component, &self.phase, self.abandoned) == (&other.component, &other.phase, other.abandoned)
    }
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

/// Two independent tallies of the same thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// What is compared: `offered = ok + errors + unfinished`.
    pub check: String,
    /// One tally.
    #[serde(with = "wide")]
    pub left: u128,
    /// The other.
    #[serde(with = "wide")]
    pub right: u128,
    /// Whether they agree.
    pub ok: bool,
}

/// What the system costs, in the money of the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CostReport {
    /// A month of 730 h, all components together.
    pub per_month: f64,
    /// Each component that has a cost.
    pub components: BTreeMap<String, f64>,
}

/// How the intervals were made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// Independent runs behind each mean.
    pub replications: u32,
    /// The share of such intervals that hold the true mean.
    pub level: f64,
    /// How well a figure was to be known, and is, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
}

/// How well a figure was to be known, and is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Precision {
    /// Which figure: `p99`.
    pub figure: String,
    /// How far its mean may be from the truth, as a share of it.
    pub wanted: f64,
    /// How far it is at most, where the interval holds the truth; `null` where the figure is unknown or may be 0.
    pub reached: Option<f64>,
    /// Whether that is near enough.
    pub met: bool,
    /// The most runs that were allowed.
    pub budget: u32,
    /// The runs that were made.
    pub runs: u32,
}

impl Precision {
    /// In words: `p99 is known to ±1.8% after 24 runs`.
    pub fn sentence(&self) -> String {
        let Self { figure, runs, .. } = self;
        let percent = |share: f64| format!("±{}%", crate::model::units::three_digits(share * 100.0));
        match self.reached {
            Some(reached) if self.met => format!("{figure} is known to {} after {runs} runs", percent(reached)),
            Some(reached) => format!(
                "{figure} is known to {} only after {runs} runs, not to the {} that was asked for",
                percent(reached),
                percent(self.wanted)
            ),
            None => format!("how well {figure} is known can't be told after {runs} runs"),
        }
    }
}

/// Integers that may pass 64 bits: a JSON number while it fits, decimal text beyond.
mod wide {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        match u64::try_from(*value) {
            Ok(small) => serializer.serialize_u64(small),
            Err(_) => serializer.serialize_str(&value.to_string()),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::Number(number) => {
                number.as_u64().map(u128::from).ok_or_else(|| Error::custom("expected a whole number"))
            }
            serde_json::Value::String(text) => text.parse().map_err(|_| Error::custom("expected a whole number")),
            _ => Err(Error::custom("expected a whole number")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_report_reads_back() {
        let report = Report { kind: "run".into(), format: REPORT_FORMAT, ..Report::default() };
        let text = serde_json::to_string(&report).expect("a report is serialisable");
        assert!(text.starts_with(
            r#"{"kind":"run","format":1,"engine":"","seed":0,"model_digest":"","digest":"","ended":"complete","window""#
        ));
        assert_eq!(serde_json::from_str::<Report>(&text).expect("it reads back"), report);
    }

    #[test]
    fn a_stopped_run_says_where() {
        let ended = Ended::Stopped(Stopped { reason: "limit".into(), at_s: 1.5, queue: Some("web.cores".into()) });
        let text = serde_json::to_string(&ended).expect("serialisable");
        assert_eq!(text, r#"{"stopped":{"reason":"limit","at_s":1.5,"queue":"web.cores"}}"#);
        assert_eq!(serde_json::from_str::<Ended>(&text).expect("it reads back"), ended);
    }

    #[test]
    fn tallies_beyond_64_bits_survive() {
        for value in [0, 17, u128::from(u64::MAX), u128::from(u64::MAX) + 1, u128::MAX] {
            let entry = AuditEntry { check: "x".into(), left: value, right: value, ok: true };
            let text = serde_json::to_string(&entry).expect("serialisable");
            assert_eq!(serde_json::from_str::<AuditEntry>(&text).expect("it reads back"), entry, "{text}");
        }
    }

    #[test]
    fn unknown_percentiles_are_null_and_bounds_are_beside_them() {
        let latency = Latency { count: 1, p99_at_least_s: Some(2.0), ..Latency::default() };
        let text = serde_json::to_string(&latency).expect("serialisable");
        assert!(text.contains(r#""p99_s":null,"p99_at_least_s":2.0"#), "{text}");
        assert!(!text.contains("p50_at_least_s"), "{text}");
    }
}
