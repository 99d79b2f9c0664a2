//! What load balancers report of their own.

use super::super::report::*;
use super::seconds;
use crate::plan::BalancerPlan;
use crate::world::ComponentMeter;

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
