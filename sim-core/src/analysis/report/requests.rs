//! What clients saw: counts, rates and times of requests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
