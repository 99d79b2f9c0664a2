//! Server pools.

use super::DrawPlan;

/// A server pool.
#[derive(Debug, Clone)]
pub struct PoolPlan {
    /// The component.
    pub component: u32,
    /// How many replicas at the start.
    pub replicas: u32,
    /// How fast its servers are, 1: as the distributions say.
    pub speed: f64,
    /// The time from joining until ready.
    pub startup: DrawPlan,
    /// The share of calls that fail after the work.
    pub error_rate: f64,
    /// What the autoscaler's cpu percentage refers to, thousandths of a core.
    pub cpu_request: u32,
    /// (replica, speed or weight) that differ.
    pub overrides: Vec<Override>,
}

/// What differs at one replica.
#[derive(Debug, Clone)]
pub struct Override {
    /// Which replica.
    pub replica: u32,
    /// Its speed.
    pub speed: Option<f64>,
    /// Its weight at balancers.
    pub weight: Option<u32>,
}
