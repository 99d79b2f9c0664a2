//! Vertical scaling: replicas are replaced by others with more or less cores and memory.

use super::World;
use crate::plan::{AutoscalerPlan, VerticalPlan};
use crate::policy::rolling_update::{Amount, Pace};
use crate::policy::vertical::{Recommendation, Usage};

/// Half of the pods may be evicted at a time.
const PACE: Pace = Pace { surge: Amount::Count(0), unavailable: Amount::Share(0.5) };

/// What replicas that join have.
#[derive(Debug, Clone, Copy, Default)]
pub struct Size {
    /// Thousandths of a core.
    pub cores: Option<u32>,
    /// Bytes.
    pub memory: Option<u64>,
}

impl<const TRACED: bool> World<'_, TRACED> {
    /// Takes in what was used, and replaces the replicas if one of them has too little or too much.
    pub(super) fn scale_vertically(&mut self, scaler: u32, plan: &AutoscalerPlan, spec: &VerticalPlan) {
        let (now, pool) = (self.now, plan.target);
        let ready = self.in_service(pool);
        let mut used = self.scalers[scaler as usize]
            .used
            .take()
            .unwrap_or_else(|| Box::new((Usage::of_cpu(), Usage::of_memory())));
        for &instance in &ready {
            let sample = self.scalers[scaler as usize].samples.get(instance as usize).copied().flatten();
            if let Some(sample) = sample {
                let cores = self.cores_of(instance);
                used.0.add(now, sample.usage_millicores as f64, (f64::from(cores) / 1e3).max(0.1));
            }
            let peak = std::mem::take(&mut self.instances[instance as usize].memory_peak);
            if let Some(bytes) = self.memory_now(instance) {
                used.1.add(now, bytes.max(peak) as f64, 1.0);
            }
        }
        let of = |usage: &Usage, (least, most): (f64, f64)| Recommendation::new(usage, now, least, most);
        let cores = spec.cores.map(|(least, most)| of(&used.0, (f64::from(least), f64::from(most))));
        let memory = spec.memory.map(|(least, most)| of(&used.1, (least as f64, most as f64)));
        self.scalers[scaler as usize].used = Some(used);
        if ready.len() < 2 || self.rollouts.iter().any(|rollout| rollout.is_of(pool)) {
            return;
        }
        // Limits stay as many times the requests as they are.
        let first = f64::from(self.plan.components[pool as usize].stations[0].servers);
        let by_cores = first / f64::from(self.request_of(pool));
        let by_memory = self.memory_limit_ratio(pool);
        let (mut grows, mut shrinks) = (false, false);
        for &instance in &ready {
            let memory_now = self.memory_limit_of(instance).map_or(0.0, |limit| limit as f64 / by_memory);
            for (recommended, has) in [(cores, f64::from(self.cores_of(instance)) / by_cores), (memory, memory_now)] {
                let Some(recommended) = recommended else { continue };
                grows |= has < recommended.lower;
                shrinks |= has > recommended.upper;
            }
        }
        if !grows && !shrinks {
            return;
        }
        let meter = &mut self.meters.components[plan.component as usize];
        if self.open {
            meter.scale_ups += grows as u64;
            meter.scale_downs += !grows as u64;
        }
        self.settings.joining[pool as usize] = Size {
            cores: cores.map(|cores| ((cores.target * by_cores).ceil() as u32).max(1)),
            memory: memory.map(|memory| (memory.target * by_memory).ceil() as u64),
        };
        self.deploy(pool, PACE);
    }

    /// The cores of a replica, in thousandths; vertically scaled ones are shared.
    fn cores_of(&self, instance: u32) -> u32 {
        self.stations[self.instances[instance as usize].stations as usize].servers
    }
}
