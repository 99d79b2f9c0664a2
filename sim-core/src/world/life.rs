//! Instances that leave, die, come back, and change their pace.

use super::World;
use super::instance::Life;
use crate::engine::slab::NONE;
use crate::plan::{Kind, Outcome};

impl<const TRACED: bool> World<'_, TRACED> {
    /// Lets replicas join or leave until there are `count`.
    pub(super) fn set_replicas(&mut self, component: u32, count: u32) {
        if !self.rollouts.is_empty() && self.rescale_rollout(component, count) {
            return;
        }
        let mut wanted = self.wanted_members(component);
        while (wanted.len() as u32) < count {
            wanted.push(self.add_instance(component, NONE, Life::Starting));
        }
        // Those that are not ready go first, then the youngest.
        wanted.sort_by_key(|&at| {
            let state = &self.instances[at as usize];
            (state.life == Life::Starting, state.joined_at, state.ordinal)
        });
        for &leaves in wanted.iter().skip(count as usize).rev() {
            self.leave(leaves);
        }
        self.note_replicas(component);
    }

    pub(super) fn leave(&mut self, instance: u32) {
        self.begin_drain(instance);
        self.end_capacity(instance);
        let state = &mut self.instances[instance as usize];
        state.life = if state.active == 0 { Life::Gone } else { Life::Leaving };
        let gone = state.life == Life::Gone;
        self.epoch += 1;
        if gone {
            self.take_away(instance);
        }
    }

    /// An instance is gone: nobody looks at it again but those who count at the end.
    fn take_away(&mut self, instance: u32) {
        let present = &mut self.present[self.instances[instance as usize].component as usize];
        if let Ok(place) = present.binary_search(&instance) {
            present.remove(place);
        }
        self.leave_node(instance);
    }

    /// A leaving instance has finished what it had.
    pub(super) fn instance_gone(&mut self, instance: u32) {
        self.instances[instance as usize].life = Life::Gone;
        self.take_away(instance);
    }

    /// Counts the capacity of an instance up to now, inside the window.
    pub(super) fn end_capacity(&mut self, instance: u32) {
        let now = self.now;
        let state = &self.instances[instance as usize];
        if !matches!(state.life, Life::Ready) || state.is_down() {
            return;
        }
        let ready = self.clip(now) - self.clip(state.ready_since);
        let stations = self.plan.components[state.component as usize].stations.len();
        for at in 0..stations {
            let station = &mut self.stations[state.stations as usize + at];
            station.tally.capacity_area += ready as u128 * station.servers as u128;
        }
        self.instances[instance as usize].ready_since = now;
    }

    /// An instance dies: all in it fails, all that it knew is lost.
    pub(super) fn crash(&mut self, instance: u32) {
        self.end_capacity(instance);
        self.instances[instance as usize].down += 1;
        if self.instances[instance as usize].down > 1 {
            return;
        }
        self.lose_copies(instance);
        self.node_crashed(instance);
        self.forget_callees(instance);
        for frame in 0..self.frames.high_water() {
            let state = &self.frames[frame];
            let lives = state.waiting != super::frame::Waiting::Message && self.is_call(frame);
            if lives && state.instance == instance && !state.has(super::frame::BRANCH) {
                self.interrupt(frame, Outcome::Failed, false);
            }
        }
    }

    /// A crash ends: the instance begins to come back, cold.
    pub(super) fn recover(&mut self, instance: u32) {
        let state = &mut self.instances[instance as usize];
        state.down -= 1;
        if state.down > 0 || !matches!(state.life, Life::Ready | Life::Starting) {
            return;
        }
        state.life = Life::Starting;
        self.epoch += 1;
        self.start_up(instance);
    }

    /// The caches and pools that belong to an instance are lost with it, and a cache's own entries.
    fn lose_copies(&mut self, instance: u32) {
        for at in 0..self.instances.len() as u32 {
            let state = &self.instances[at as usize];
            if at == instance || state.owner == instance {
                match state.kind {
                    Kind::Cache(_) => {
                        self.caches[state.state as usize].clear();
                        self.lose_writes(at);
                    }
                    Kind::ConnectionPool(pool) => self.lose_connections(at, pool),
                    Kind::Client(_)
                    | Kind::Balancer(_)
                    | Kind::Pool(_)
                    | Kind::Database(_)
                    | Kind::Queue(_)
                    | Kind::Plain
                    | Kind::Autoscaler(_) => {}
                }
            }
        }
    }

    /// Sets how fast an instance serves from now on; what it is doing changes pace.
    pub(super) fn set_speed(&mut self, instance: u32, base: f64, slowed: f64) {
        let stations = self.station_range(instance);
        for station in stations.clone() {
            if self.stations[station as usize].sharing.is_some() {
                self.sharing_advance(station);
            }
        }
        let state = &mut self.instances[instance as usize];
        let old = state.pace();
        state.base_speed = base;
        state.slowed = slowed;
        let new = state.pace();
        if old == new {
            return;
        }
        let resumes = state.stalled_until.max(self.now);
        if resumes == self.now {
            state.speed = new;
            state.plain = state.is_plain();
        }
        for station in stations {
            if let Some(sharing) = &self.stations[station as usize].sharing {
                let left = sharing.left();
                if self.open {
                    self.stations[station as usize].tally.shared_work += left / new - left / old;
                }
                self.sharing_reschedule(station);
            }
        }
        for frame in 0..self.frames.high_water() {
            let state = &self.frames[frame];
            if state.waiting == super::frame::Waiting::Work && state.instance == instance && state.wake != 0 {
                let end = state.since + state.work;
                let left = ((end - resumes) as f64 * old / new).round() as u64;
                self.frames[frame].work = resumes - self.frames[frame].since + left;
                self.wake_in(frame, resumes - self.now + left);
            }
        }
    }

    /// The stations of an instance.
    pub(super) fn station_range(&self, instance: u32) -> std::ops::Range<u32> {
        let state = &self.instances[instance as usize];
        let count = self.plan.components[state.component as usize].stations.len() as u32;
        state.stations..state.stations + count
    }
}
