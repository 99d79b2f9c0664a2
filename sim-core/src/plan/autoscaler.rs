//! Autoscalers.

/// An autoscaler.
#[derive(Debug, Clone)]
pub struct AutoscalerPlan {
    /// The component.
    pub component: u32,
    /// The pool (a component) that it scales.
    pub target: u32,
    /// The policy.
    pub hpa: crate::policy::hpa::HpaSpec,
    /// The time between two decisions, nanoseconds.
    pub sync_ns: u64,
    /// How old the metrics are, nanoseconds.
    pub lag_ns: u64,
}
