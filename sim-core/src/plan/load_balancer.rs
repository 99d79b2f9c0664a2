//! Load balancers.

use super::Policy;

/// A load balancer.
#[derive(Debug, Clone)]
pub struct BalancerPlan {
    /// The component.
    pub component: u32,
    /// How it chooses.
    pub policy: Policy,
    /// The number of its first group among those of all balancers.
    pub first_group: u32,
    /// Groups of endpoints: one, or one per route.
    pub groups: Vec<GroupPlan>,
    /// Which group serves a class; `NONE`: none does.
    pub group_by_class: Vec<u32>,
    /// Whether its links have a network or limits, so that its calls are frames of their own.
    pub framed: bool,
    /// Where its draws are keyed.
    pub site: u64,
}

/// Endpoints among which a balancer chooses.
#[derive(Debug, Clone)]
pub struct GroupPlan {
    /// The pools, in order.
    pub members: Vec<MemberPlan>,
}

/// A pool behind a balancer.
#[derive(Debug, Clone)]
pub struct MemberPlan {
    /// The pool, a component.
    pub component: u32,
    /// The weight of each replica.
    pub weight: u32,
    /// The call that leads there, for a balancer whose calls are frames.
    pub call: u32,
}
