//! Memory: what requests take, and replicas that are killed for it.

use super::frame::Waiting;
use super::{Next, World};
use crate::plan::{Kind, MemoryPlan};

/// The number of a server pool's station `workers`.
const WORKERS: u32 = 1;

impl<const TRACED: bool> World<'_, TRACED> {
    fn memory_of(&self, component: u32) -> Option<MemoryPlan> {
        let Kind::Pool(pool) = self.plan.components[component as usize].kind else { return None };
        self.plan.pools[pool as usize].memory
    }

    /// What a replica takes now, in bytes.
    fn memory_used(&self, plan: MemoryPlan, instance: u32) -> u64 {
        let state = &self.instances[instance as usize];
        let requests = match plan.from_arrival {
            true => state.active,
            false => self.stations[(state.stations + WORKERS) as usize].busy,
        };
        plan.base.saturating_add(plan.per_request.saturating_mul(u64::from(requests)))
    }

    /// The most that a replica may take, in bytes.
    pub(super) fn memory_limit_of(&self, instance: u32) -> Option<u64> {
        let state = &self.instances[instance as usize];
        let plan = self.memory_of(state.component)?;
        Some(state.memory_limit.unwrap_or(plan.limit))
    }

    /// How many times what is requested the limit of memory is.
    pub(super) fn memory_limit_ratio(&self, component: u32) -> f64 {
        self.memory_of(component).map_or(1.0, |plan| plan.limit as f64 / plan.request as f64)
    }

    /// What a replica takes now, where its pool says what that is.
    pub(super) fn memory_now(&self, instance: u32) -> Option<u64> {
        self.memory_of(self.instances[instance as usize].component).map(|plan| self.memory_used(plan, instance))
    }

    /// What a replica takes now, as a share of what it requests.
    pub(super) fn memory_share(&self, component: u32, instance: u32) -> Option<f64> {
        let plan = self.memory_of(component)?;
        let own = self.instances[instance as usize].memory_limit;
        let request = own.map_or(plan.request as f64, |limit| limit as f64 * plan.request as f64 / plan.limit as f64);
        Some(self.memory_used(plan, instance) as f64 / request)
    }

    /// A request begins to take memory; a replica that takes more than it may is killed, and starts again.
    pub(super) fn remember(&mut self, frame: u32) -> Next {
        let instance = self.frames[frame].instance;
        let component = self.instances[instance as usize].component;
        let plan = self.memory_of(component).expect("its pool has memory");
        let used = self.memory_used(plan, instance);
        let limit = self.instances[instance as usize].memory_limit.unwrap_or(plan.limit);
        let state = &mut self.instances[instance as usize];
        state.memory_peak = state.memory_peak.max(used);
        let meter = &mut self.meters.components[component as usize];
        if self.open {
            meter.memory_max = meter.memory_max.max(used.min(limit));
        }
        if used <= limit {
            return Next::Step;
        }
        meter.killed += self.open as u64;
        // A pod that was killed for it is taken to need a fifth or 100 MB more (the vertical autoscaler).
        let state = &mut self.instances[instance as usize];
        state.memory_peak = state.memory_peak.max((used + 100_000_000).max(used / 5 * 6));
        debug_assert_eq!(self.frames[frame].waiting, Waiting::Nothing);
        self.crash(instance);
        self.recover(instance);
        // It has been ended with the others, and goes on in its turn.
        Next::Wait
    }
}
