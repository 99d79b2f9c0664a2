//! Rate limiters.

use super::Outcome;
use crate::policy::limiting::{Adaptive, Limit};

/// A rate limiter.
#[derive(Debug, Clone)]
pub struct LimiterPlan {
    /// The component.
    pub component: u32,
    /// By tier, the last one for clients of none: its limit; `None`: not limited.
    pub limits: Vec<Option<Limit>>,
    /// Who is counted together.
    pub per: CountedTogether,
    /// Whether clients of different tiers have limits of their own.
    pub by_tier: bool,
    /// Whether a call that ends well is not counted after all.
    pub failed_only: bool,
    /// How those end that it turns away.
    pub refusal: Outcome,
    /// How the limit follows what it sees, where it does.
    pub adaptive: Option<AdaptivePlan>,
    /// The cell of waiting until a call may pass.
    pub cell: u16,
}

/// A limit that changes while it runs; rates are in the limit's own counts per period.
#[derive(Debug, Clone, Copy)]
pub struct AdaptivePlan {
    /// The rule.
    pub rule: Adaptive,
    /// The rate that it starts with.
    pub start: f64,
    /// How often it looks, ns.
    pub every_ns: u64,
}

/// Who is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountedTogether {
    /// All calls.
    All,
    /// The calls of each client.
    Client,
    /// The calls of all clients of a tier.
    Tier,
}
