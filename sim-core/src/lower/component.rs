//! Components: their stations, their tables, their programs.

mod autoscaler;
pub(crate) mod cache;
mod cdn;
mod connection_pool;
mod database;
mod load_balancer;
mod queue;
mod server_pool;

use super::Lowering;
use crate::components::server_pool::WhenFull as WhenFullSpec;
use crate::plan::*;

/// The number of the station at which a cache or database works: the first.
const WORK: u8 = 0;

impl Lowering<'_> {
    /// The plan of a component.
    pub(crate) fn plan_of(&mut self, id: u32) -> &mut ComponentPlan {
        &mut self.plan.components[id as usize]
    }
}

fn when_full(spec: WhenFullSpec) -> WhenFull {
    match spec {
        WhenFullSpec::Reject => WhenFull::Reject,
        WhenFullSpec::Wait(time) => WhenFull::Wait(time.0),
        WhenFullSpec::DropOldest => WhenFull::DropOldest,
        WhenFullSpec::Block => WhenFull::Block,
    }
}
