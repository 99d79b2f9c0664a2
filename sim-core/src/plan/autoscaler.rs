//! Autoscalers.

use super::DrawPlan;
use crate::components::scaling::Forecast;
use crate::policy::hpa::HpaSpec;
use crate::policy::step_scaling::StepSpec;
use crate::policy::target_tracking::TrackingSpec;

/// An autoscaler.
#[derive(Debug, Clone)]
pub struct AutoscalerPlan {
    /// The component.
    pub component: u32,
    /// The pool (a component) that it scales.
    pub target: u32,
    /// What it looks at, in the order of its policy.
    pub metrics: Vec<MetricPlan>,
    /// The policy.
    pub policy: ScalingPlan,
    /// The fewest and the most replicas.
    pub bounds: (u32, u32),
    /// The time between two decisions, nanoseconds.
    pub sync_ns: u64,
    /// How old the metrics are, nanoseconds.
    pub lag_ns: u64,
    /// What the replicas run on.
    pub nodes: Option<NodesPlan>,
}

/// Whose rules it follows.
#[derive(Debug, Clone)]
pub enum ScalingPlan {
    /// The Kubernetes autoscaler's.
    Hpa(HpaSpec),
    /// AWS step scaling's.
    Step(StepSpec),
    /// AWS target tracking's.
    Tracking(TrackingSpec),
    /// A timetable: when (nanoseconds since the run's start), how often again (0: never), how many.
    Schedule(Vec<(u64, u64, u32)>),
    /// A forecast.
    Predictive(PredictivePlan),
    /// The Kubernetes vertical autoscaler's.
    Vertical(VerticalPlan),
}

/// Between what a replica may have.
#[derive(Debug, Clone, Copy)]
pub struct VerticalPlan {
    /// Thousandths of a core.
    pub cores: Option<(u32, u32)>,
    /// Bytes.
    pub memory: Option<(u64, u64)>,
}

/// A forecast, and what to have for it.
#[derive(Debug, Clone)]
pub struct PredictivePlan {
    /// By which rule.
    pub method: Forecast,
    /// How far ahead, ns.
    pub ahead_ns: u64,
    /// The period of the load, ns.
    pub period_ns: u64,
    /// What each replica is to have, by metric.
    pub targets: Vec<f64>,
}

/// What an autoscaler looks at.
#[derive(Debug, Clone)]
pub enum MetricPlan {
    /// CPU, as a share of what is requested.
    Cpu,
    /// Memory, as a share of what is requested.
    Memory,
    /// Requests of each replica, per second.
    Requests,
    /// How many wait at a component, as a whole.
    Queue(u32),
    /// How long calls of the target take: a quantile, or the mean; seconds.
    Latency(Option<f64>),
    /// Known values, each from a moment (nanoseconds since the run's start) on.
    Series(Vec<(u64, f64)>),
}

/// Machines that replicas run on.
#[derive(Debug, Clone)]
pub struct NodesPlan {
    /// How many replicas fit on one.
    pub per_node: u32,
    /// How long a new one takes.
    pub provision: DrawPlan,
    /// The fewest.
    pub min: u32,
    /// The most.
    pub max: u32,
    /// The most that are ordered at a time.
    pub step: u32,
    /// How full they are meant to be.
    pub target_capacity: f64,
    /// How long one may be empty, ns.
    pub idle_ns: u64,
}
