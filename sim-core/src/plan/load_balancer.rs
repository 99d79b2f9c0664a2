//! Load balancers.

use super::Policy;
use crate::policy::health::active::Active;
use crate::policy::health::outlier::Rules;
use crate::policy::health::passive::Passive;

/// A load balancer.
#[derive(Debug, Clone)]
pub struct BalancerPlan {
    /// The component.
    pub component: u32,
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
    /// Consistent hashing: points for each unit of weight.
    pub vnodes: u32,
    /// Consistent hashing: the bound of loads; 0: none.
    pub bounded_load: f64,
    /// Consistent hashing: whether the client is hashed (else the key).
    pub by_client: bool,
    /// What it does besides choosing; `None`: nothing.
    pub care: Option<Box<CarePlan>>,
}

/// What a balancer does besides choosing.
#[derive(Debug, Clone, Default)]
pub struct CarePlan {
    /// Checks at intervals.
    pub active: Option<ActivePlan>,
    /// The outcomes that count as failures for passive checks: bit n for outcome n.
    pub passive_when: u16,
    /// Outlier detection, and how often it compares, ns.
    pub outlier: Option<(Rules, u64)>,
    /// The share of endpoints that must be well, or all get calls.
    pub panic_threshold: f64,
    /// How long after its last call a client stays at an endpoint, ns; 0: no longer than its call.
    pub sticky_ns: u64,
    /// How endpoints that join are given more and more.
    pub slow_start: Option<SlowStartPlan>,
    /// How long one that leaves may go on, ns.
    pub drain_ns: Option<u64>,
    /// How many idle connections are kept; `None`: connections cost nothing.
    pub keep_alive: Option<u32>,
}

/// Checks at intervals.
#[derive(Debug, Clone, Copy)]
pub struct ActivePlan {
    /// How often, ns.
    pub interval_ns: u64,
    /// How long an answer is waited for, ns.
    pub timeout_ns: u64,
    /// How many change the verdict.
    pub limits: Active,
}

/// How an endpoint that joins is given more and more.
#[derive(Debug, Clone, Copy)]
pub struct SlowStartPlan {
    /// How long, ns.
    pub window_ns: u64,
    /// Envoy's: the exponent, and the least share; `None`: evenly from nothing.
    pub curve: Option<(f64, f64)>,
}

/// Endpoints among which a balancer chooses.
#[derive(Debug, Clone)]
pub struct GroupPlan {
    /// The pools, in order.
    pub members: Vec<MemberPlan>,
    /// How it chooses.
    pub policy: Policy,
    /// Weights are whole numbers, so many times those of the model.
    pub scale: u32,
    /// Whether any member is a backup, or has limits of its own.
    pub special: bool,
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
    /// Whether it stands in for the others.
    pub backup: bool,
    /// The most calls in flight at each replica.
    pub connections_max: u32,
    /// Passive checks; `max_fails` 0: none.
    pub passive: Passive,
    /// The hash of its name, from which hashes of its replicas are made.
    pub name: u64,
}
