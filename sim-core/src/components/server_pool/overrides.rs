//! What single replicas have otherwise: whether they can.

use super::{Override, Scheduling, ServerPoolSpec};
use crate::components::Component;
use crate::components::autoscaler::ScalingPolicy;
use crate::model::node::shortened;
use crate::model::validate::Places;

/// What a single replica can't have, and what has no effect.
pub(super) fn check((name, pool): (&str, &ServerPoolSpec), own: &Override, places: &mut Places) {
    let Places { draft, diagnostics, .. } = places;
    if let Some(zone) = &own.zone
        && pool.zones.as_ref().is_none_or(|zones| zones.position(&zone.0).is_none())
    {
        let found = format!("{name} has no zone {}", shortened(&zone.0));
        diagnostics.push(own.at.field("zone").error(found).help("`zones` of the server-pool says which there are"));
    }
    if let Some(cores) = own.cores {
        let whole = |cores: u32| cores.is_multiple_of(1000);
        if pool.scheduling == Scheduling::Fifo && !(whole(cores.0) && whole(pool.cores.0)) {
            let found = "tasks take cores in turn (`scheduling: fifo`), and some are no whole ones";
            diagnostics.push(own.at.field("cores").error(found).expected("whole cores for all replicas, or sharing"));
        }
        let vertical = |component: &Component| {
            matches!(component, Component::Autoscaler(scaler)
                if scaler.policy == ScalingPolicy::Vertical && scaler.target.as_str() == name)
        };
        if let Some((scaler, _)) = draft.components.iter().find(|(_, component)| vertical(component)) {
            let found = format!("{scaler} gives all replicas the same cores");
            diagnostics
                .push(own.at.field("cores").error(found).expected("cores of their own, or a vertical autoscaler"));
        }
    }
    if let Some(queue) = &own.queue
        && queue.capacity.is_none()
        && queue.at.has("when_full")
    {
        let found = "`when_full` has no effect: the queue has no `capacity`, so it is never full";
        diagnostics.push(queue.at.field("when_full").warning(found));
    }
}
