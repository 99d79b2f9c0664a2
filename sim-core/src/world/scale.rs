//! Autoscalers: what they see, and what they decide.

use super::instance::Life;
use super::{Control, World};
use crate::policy::hpa::{HpaState, Phase, Pod, Sample, decide};

/// The state of an autoscaler.
#[derive(Debug, Clone)]
pub struct ScalerState {
    hpa: HpaState,
    /// By instance: ∫ busy cores dt when it was last sampled, and when.
    before: Vec<(u128, u64)>,
    /// By instance: the last sample.
    samples: Vec<Option<Sample>>,
}

impl<const TRACED: bool> World<'_, TRACED> {
    /// Prepares all autoscalers.
    pub(super) fn build_scalers(&mut self) {
        for (component, state) in self.plan.components.iter().enumerate() {
            if matches!(state.kind, crate::plan::Kind::Pool(_)) {
                self.note_replicas(component as u32);
            }
        }
        for (at, plan) in self.plan.autoscalers.iter().enumerate() {
            self.scalers.push(ScalerState { hpa: HpaState::default(), before: Vec::new(), samples: Vec::new() });
            let first = self.plan.clock.start % plan.sync_ns;
            self.control((first + plan.sync_ns).saturating_sub(plan.lag_ns), Control::Sample(at as u32));
            self.control(first + plan.sync_ns, Control::Scale(at as u32));
        }
    }

    /// The metrics server looks at all replicas of an autoscaler's target.
    pub(super) fn sample(&mut self, scaler: u32) {
        let plan = &self.plan.autoscalers[scaler as usize];
        for instance in self.members[plan.target as usize].clone() {
            let state = &self.instances[instance as usize];
            let station = state.stations;
            let sharing = self.stations[station as usize].sharing.is_some();
            if sharing {
                self.sharing_advance(station);
            }
            let state = &self.instances[instance as usize];
            let busy = self.stations[station as usize].areas(self.now).0 * if sharing { 1 } else { 1000 };
            let known = self.scalers[scaler as usize].before.len();
            if instance as usize >= known {
                self.scalers[scaler as usize].before.resize(instance as usize + 1, (0, state.joined_at));
                self.scalers[scaler as usize].samples.resize(instance as usize + 1, None);
            }
            let (before, since) = self.scalers[scaler as usize].before[instance as usize];
            let since = since.max(state.joined_at);
            let window = self.now - since;
            let gone = matches!(state.life, Life::Gone);
            if window > 0 && !gone {
                // A lone core of a fractional server counts as its share.
                let cores = self.core_share(plan.target);
                let usage = ((busy - before) as f64 * cores / window as f64).round() as u64;
                self.scalers[scaler as usize].samples[instance as usize] =
                    Some(Sample { usage_millicores: usage, at_ns: self.now as i64, window_ns: window });
            }
            self.scalers[scaler as usize].before[instance as usize] = (busy, self.now);
        }
        self.control(self.now + plan.sync_ns, Control::Sample(scaler));
    }

    /// Thousandths of a core that one busy server of the `cores` station stands for, over a thousand.
    fn core_share(&self, component: u32) -> f64 {
        let station = &self.plan.components[component as usize].stations[0];
        station.core_share
    }

    /// An autoscaler decides.
    pub(super) fn scale(&mut self, scaler: u32) {
        let plan = &self.plan.autoscalers[scaler as usize];
        self.control(self.now + plan.sync_ns, Control::Scale(scaler));
        let pods = self.pods(scaler);
        let current = self.wanted_members(plan.target).len() as u32;
        let now = self.now;
        let desired = decide(&mut self.scalers[scaler as usize].hpa, now as i64, &pods, current, &plan.hpa);
        if desired == current {
            return;
        }
        let meter = &mut self.meters.components[plan.component as usize];
        if desired > current {
            meter.scale_ups += self.open as u64;
        } else {
            meter.scale_downs += self.open as u64;
        }
        self.set_replicas(plan.target, desired);
    }

    /// The replicas of an autoscaler's target, as it sees them.
    fn pods(&self, scaler: u32) -> Vec<Pod> {
        let plan = &self.plan.autoscalers[scaler as usize];
        let crate::plan::Kind::Pool(pool) = self.plan.components[plan.target as usize].kind else {
            unreachable!("validated: it scales a pool")
        };
        let request = self.plan.pools[pool as usize].cpu_request;
        let samples = &self.scalers[scaler as usize].samples;
        let wanted = self.wanted_members(plan.target).into_iter();
        wanted
            .map(|at| {
                let state = &self.instances[at as usize];
                let ready = state.life == Life::Ready && !state.is_down();
                let changed = if ready { state.became_ready } else { state.joined_at };
                Pod {
                    phase: Phase::Running,
                    started_ns: state.joined_at as i64,
                    ready,
                    ready_changed_ns: changed as i64,
                    sample: samples.get(at as usize).copied().flatten(),
                    request_millicores: request,
                }
            })
            .collect()
    }
}
