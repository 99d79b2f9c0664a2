//! Limited resources, and calls waiting for them.

use serde::{Deserialize, Serialize};

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
