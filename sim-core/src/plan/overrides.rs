//! What single instances have otherwise than the others of their component.

use super::{DrawPlan, StationPlan};

/// What a single instance has otherwise; what is empty, it has as the others.
#[derive(Debug, Clone, Default)]
pub struct OverridePlan {
    /// Its number in the component.
    pub ordinal: u32,
    /// Its stations, all of them.
    pub stations: Vec<StationPlan>,
    /// How fast it works.
    pub speed: Option<f64>,
    /// Its weight at balancers, in thousandths.
    pub weight: Option<u32>,
    /// The share of calls that fail after the work.
    pub error_rate: Option<f64>,
    /// The time from joining until ready.
    pub startup: Option<DrawPlan>,
    /// The zone where it is.
    pub zone: Option<u32>,
    /// What the autoscaler's cpu percentage refers to, thousandths of a core.
    pub cpu_request: Option<u32>,
}

impl OverridePlan {
    /// That of an instance of which nothing is said.
    pub fn of(ordinal: u32) -> Self {
        Self { ordinal, ..Self::default() }
    }
}
