//! Server pools.

use super::DrawPlan;
use crate::policy::adaptive_limit::LimitSpec;

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
    /// The memory of each replica.
    pub memory: Option<MemoryPlan>,
    /// Its pauses.
    pub pause: Option<PausePlan>,
    /// The limit of calls at each replica.
    pub limit: Option<LimitSpec>,
    /// (utilization, how many times longer work takes), growing.
    pub slowdown: Vec<(f64, f64)>,
    /// How many zones its replicas are in; at least one.
    pub zones: u32,
}

/// The memory of a replica, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct MemoryPlan {
    /// What it takes without requests.
    pub base: u64,
    /// What each request takes while it is worked on.
    pub per_request: u64,
    /// Above it the replica is killed; `u64::MAX`: never.
    pub limit: u64,
    /// What the autoscaler counts as 100%.
    pub request: u64,
    /// Whether requests count from when they come, rather than from when they have a worker.
    pub from_arrival: bool,
}

/// The pauses of a replica.
#[derive(Debug, Clone)]
pub struct PausePlan {
    /// After how much time; `None`: after `calls`.
    pub every: Option<DrawPlan>,
    /// After how many calls; 0: after `every`.
    pub calls: u64,
    /// How long each is.
    pub length: DrawPlan,
}
