//! Deployments: old replicas are replaced by new ones, as fast as the pace of the rollout allows.

use super::World;
use super::instance::Life;
use crate::policy::rolling_update::{self, Pace, Replicas, Turn};

/// A rollout that goes on.
#[derive(Debug, Clone)]
pub struct Rollout {
    component: u32,
    desired: u32,
    pace: Pace,
    old: Vec<u32>,
}

impl Rollout {
    /// Whether it is of this pool.
    pub fn is_of(&self, component: u32) -> bool {
        self.component == component
    }
}

impl<const TRACED: bool> World<'_, TRACED> {
    /// Begins to replace all replicas of a pool.
    pub(super) fn deploy(&mut self, component: u32, pace: Pace) {
        let desired = self.desired_replicas(component);
        self.rollouts.retain(|rollout| rollout.component != component);
        let old = self.wanted_members(component);
        self.rollouts.push(Rollout { component, desired, pace, old });
        self.go_on_rolling_out(component);
    }

    /// How many replicas of a pool there are to be.
    pub(super) fn desired_replicas(&self, component: u32) -> u32 {
        let rollout = self.rollouts.iter().find(|rollout| rollout.component == component);
        rollout.map_or_else(|| self.wanted_members(component).len() as u32, |rollout| rollout.desired)
    }

    /// Another number of replicas is wanted in the middle of a rollout; whether there is one.
    pub(super) fn rescale_rollout(&mut self, component: u32, count: u32) -> bool {
        let Some(rollout) = self.rollouts.iter_mut().find(|rollout| rollout.component == component) else {
            return false;
        };
        rollout.desired = count;
        self.go_on_rolling_out(component);
        true
    }

    /// Starts and ends what the pace allows now.
    pub(super) fn go_on_rolling_out(&mut self, component: u32) {
        while let Some(at) = self.rollouts.iter().position(|rollout| rollout.component == component) {
            let Rollout { desired, pace, ref old, .. } = self.rollouts[at];
            let wanted = self.wanted_members(component);
            let ready =
                |at: u32| self.instances[at as usize].life == Life::Ready && !self.instances[at as usize].is_down();
            let mut now = Replicas::default();
            let (mut old_ready, mut old_unready) = (Vec::new(), Vec::new());
            for &instance in &wanted {
                match (old.contains(&instance), ready(instance)) {
                    (true, true) => old_ready.push(instance),
                    (true, false) => old_unready.push(instance),
                    (false, true) => now.new_ready += 1,
                    (false, false) => now.new_unready += 1,
                }
            }
            (now.old_ready, now.old_unready) = (old_ready.len() as u32, old_unready.len() as u32);
            let turn = rolling_update::next(desired, pace, now);
            if now.old_ready + now.old_unready == 0 && turn.start == 0 {
                self.rollouts.remove(at);
                if wanted.len() as u32 > desired {
                    self.set_replicas(component, desired);
                }
                return;
            }
            if turn == Turn::default() {
                return;
            }
            for _ in 0..turn.start {
                self.add_instance(component, crate::engine::slab::NONE, Life::Starting);
            }
            let unready = old_unready.into_iter().take(turn.end_unready as usize);
            for instance in unready.chain(old_ready.into_iter().take(turn.end_ready as usize)) {
                self.leave(instance);
            }
            self.note_replicas(component);
        }
    }

    /// An instance stops with all that is in it, and starts again.
    pub(super) fn restart(&mut self, instance: u32) {
        if matches!(self.instances[instance as usize].life, Life::Gone | Life::Leaving) {
            return;
        }
        self.crash(instance);
        self.recover(instance);
    }
}
