//! What server pools have besides stations: pauses, limits that find themselves, work that takes longer when it is busy,
//! zones.

use super::instance::Life;
use super::{Control, Next, World};
use crate::engine::rng::{mix64, uniform};
use crate::plan::{Kind, Outcome, PausePlan, PoolPlan};

impl<'p, const TRACED: bool> World<'p, TRACED> {
    fn pool_plan(&self, instance: u32) -> Option<&'p PoolPlan> {
        match self.instances[instance as usize].kind {
            Kind::Pool(pool) => Some(&self.plan.pools[pool as usize]),
            _ => None,
        }
    }

    // Pauses.

    /// Schedules the first pause of a new instance: somewhere in its first period, so that not all pause at once.
    pub(super) fn first_pause(&mut self, instance: u32) {
        let Some(every) = self.pool_plan(instance).and_then(|pool| pool.pause.as_ref()?.every.as_ref()) else { return };
        let key = self.pause_key(instance, 0);
        let phase = uniform(mix64(key ^ 1)) * every.sampler.sample_ns(uniform(key)) as f64;
        self.control(self.now.saturating_add(phase as u64), Control::Pause(instance));
    }

    /// The key of an instance's pauses and their lengths.
    fn pause_key(&self, instance: u32, number: u64) -> u64 {
        let pool = self.pool_plan(instance).expect("pools pause");
        let site = pool.pause.as_ref().map_or(0, |pause| pause.length.site);
        let ordinal = u64::from(self.instances[instance as usize].ordinal);
        mix64(self.pause_stream ^ site ^ mix64(ordinal << 32 ^ number))
    }

    /// A pause begins, unless the instance is not there.
    pub(super) fn pause(&mut self, instance: u32) {
        let Some(plan) = self.pool_plan(instance).and_then(|pool| pool.pause.as_ref()) else { return };
        if self.instances[instance as usize].life == Life::Gone {
            return;
        }
        let resumes = self.stop_the_world(instance, plan);
        if let Some(every) = &plan.every {
            let number = self.instances[instance as usize].since_pause;
            let next = every.sampler.sample_ns(uniform(mix64(self.pause_key(instance, number) ^ 1))).max(1);
            self.control(resumes.saturating_add(next), Control::Pause(instance));
        }
    }

    /// Lets an instance pause, and says until when.
    fn stop_the_world(&mut self, instance: u32, plan: &PausePlan) -> u64 {
        // By time it counts pauses, by calls the calls: either way each pause has a number of its own.
        let state = &mut self.instances[instance as usize];
        state.pauses += 1;
        if plan.every.is_some() {
            state.since_pause += 1;
        }
        let (component, number) = (state.component, state.pauses);
        let ns = plan.length.sampler.sample_ns(uniform(self.pause_key(instance, number)));
        let until = self.now.saturating_add(ns);
        if self.instances[instance as usize].is_up() {
            let meter = &mut self.meters.components[component as usize];
            meter.pauses += self.open as u64;
            self.stall(instance, until);
        }
        until
    }

    /// A call has come: the instance pauses after so many.
    pub(super) fn count_for_pause(&mut self, frame: u32) -> Next {
        let instance = self.frames[frame].instance;
        let plan = self.pool_plan(instance).and_then(|pool| pool.pause.as_ref()).expect("it pauses by calls");
        let state = &mut self.instances[instance as usize];
        state.since_pause += 1;
        if state.since_pause >= plan.calls {
            state.since_pause = 0;
            self.stop_the_world(instance, plan);
        }
        Next::Step
    }

    // Limits that find themselves.

    /// Whether a call may come in.
    pub(super) fn admit_by_limit(&mut self, frame: u32) -> Next {
        let state = &mut self.instances[self.frames[frame].instance as usize];
        let limit = state.limit.as_ref().expect("it has a limit").limit();
        if state.active <= limit {
            return Next::Step;
        }
        if self.open {
            let station = state.stations + 1;
            self.stations[station as usize].tally.rejected += 1;
        }
        Next::Fail(Outcome::Rejected)
    }

    /// Tells the limit how a call went that it had let in.
    pub(super) fn learn(&mut self, frame: u32) -> Next {
        let state = self.frames[frame];
        let instance = &mut self.instances[state.instance as usize];
        let limit = instance.limit.as_mut().expect("it has a limit");
        limit.ended(self.now, self.now - state.start, instance.active, state.outcome() != Outcome::Ok);
        Next::Step
    }

    // Work that takes longer when the instance is busy.

    /// What work comes to at the utilization of now, where that matters.
    pub(super) fn slowed_work(&self, station: u32, work: u64) -> u64 {
        let state = &self.stations[station as usize];
        let instance = &self.instances[state.instance as usize];
        if !instance.slows_down || instance.stations != station {
            return work;
        }
        let Kind::Pool(pool) = instance.kind else { return work };
        let each = if state.sharing.is_some() { 1000.0 } else { 1.0 };
        let busy = (f64::from(state.busy) * each / f64::from(state.servers.max(1))).min(1.0);
        (work as f64 * factor_at(&self.plan.pools[pool as usize].slowdown, busy)).round() as u64
    }

    // Queues that shed.

    /// Whether the one that has just left the queue of a station is shed.
    pub(super) fn sheds(&mut self, station: u32, since: u64) -> bool {
        let state = &mut self.stations[station as usize];
        let last = state.queue.len + state.front.len == 0;
        state.codel.as_mut().expect("it sheds").drops(self.now, self.now - since, last)
    }

    // Zones.

    /// The zone of a replica that joins: of those that are up, the one with the fewest replicas; the first of equals.
    pub(super) fn zone_for_new(&self, component: u32, zones: u32) -> u32 {
        if zones <= 1 {
            return 0;
        }
        let (mut counts, mut down) = (vec![0_u32; zones as usize], vec![0_u32; zones as usize]);
        for at in self.wanted_members(component) {
            let state = &self.instances[at as usize];
            counts[state.zone as usize] += 1;
            down[state.zone as usize] += state.is_down() as u32;
        }
        let out = |zone: u32| counts[zone as usize] > 0 && counts[zone as usize] == down[zone as usize];
        (0..zones).min_by_key(|&zone| (out(zone), counts[zone as usize], zone)).unwrap_or(0)
    }
}

/// The factor at a utilization: straight lines between the points, level before the first and behind the last.
fn factor_at(points: &[(f64, f64)], utilization: f64) -> f64 {
    let after = points.partition_point(|&(at, _)| at <= utilization);
    match (after.checked_sub(1).map(|before| points[before]), points.get(after)) {
        (Some((low, from)), Some(&(high, to))) => from + (to - from) * (utilization - low) / (high - low),
        (Some((_, factor)), None) => factor,
        (None, Some(&(_, factor))) => factor,
        (None, None) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::factor_at;

    #[test]
    fn factors_lie_on_straight_lines() {
        let points = [(0.0, 1.0), (0.8, 1.0), (1.0, 3.0)];
        for (utilization, expected) in [(0.0, 1.0), (0.5, 1.0), (0.8, 1.0), (0.9, 2.0), (1.0, 3.0)] {
            let factor = factor_at(&points, utilization);
            assert!((factor - expected).abs() < 1e-9, "{utilization}: {factor}");
        }
        assert_eq!(
            (factor_at(&[], 0.5), factor_at(&[(0.5, 2.0)], 0.2), factor_at(&[(0.5, 2.0)], 0.9)),
            (1.0, 2.0, 2.0)
        );
    }
}
