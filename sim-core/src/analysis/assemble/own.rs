//! What rate limiters and load balancers report of their own.

use super::super::report::*;
use super::seconds;
use crate::plan::{BalancerPlan, CountedTogether, LimiterPlan, Plan};
use crate::world::{ComponentMeter, Decisions};

/// What a rate limiter decided, by tier where it knows some.
pub(super) fn limited(report: &mut ComponentReport, plan: &Plan, meter: &ComponentMeter, limiter: &LimiterPlan) {
    let sum = |of: fn(&Decisions) -> u64| Some(meter.limits.iter().map(of).sum());
    report.allowed = sum(|tier| tier.allowed);
    report.delayed = sum(|tier| tier.delayed);
    report.throttled = sum(|tier| tier.throttled);
    if limiter.by_tier || limiter.per == CountedTogether::Tier {
        let names = plan.tiers.iter().map(String::as_str).chain(["other"]);
        for (name, tier) in names.zip(&meter.limits).filter(|(_, tier)| tier.allowed + tier.throttled > 0) {
            let figures = TierReport { allowed: tier.allowed, throttled: tier.throttled };
            report.tiers.insert(name.to_string(), figures);
        }
    }
}

/// What a load balancer found of its endpoints.
pub(super) fn endpoints(meter: &ComponentMeter, plan: &BalancerPlan) -> Option<EndpointsReport> {
    let care = plan.care.as_deref()?;
    let found = &meter.care;
    let (sum, longest, count) = found.detection;
    Some(EndpointsReport {
        ejections: found.ejections,
        returns: found.returns,
        detection_mean_s: (count > 0).then(|| sum as f64 / count as f64 / 1e9),
        detection_max_s: (count > 0).then(|| seconds(longest)),
        connects: care.keep_alive.map(|_| found.connects),
        moved: (care.sticky_ns > 0).then_some(found.moved),
        cut: care.drain_ns.map(|_| found.cut),
    })
}
