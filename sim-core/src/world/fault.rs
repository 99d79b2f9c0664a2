//! Faults: what begins and ends, once or by chance; stalls; messages that a fault holds up.

use super::frame::{Waiting, draw};
use super::{Control, World};
use crate::engine::rng::{mix64, uniform};
use crate::plan::{Effect, InstanceRef, Kind, LinkEffect, LinkFault, LinkPlan};

/// How often a message is sent again before the network gives up.
pub(super) const RETRANSMISSIONS_MAX: u64 = 15;

/// How many faults are remembered at most.
const LOG_MAX: usize = 10_000;

// The k of a fault's draws.
const ADDED: u64 = 0;
const LOST_OUT: u64 = 1;
const LOST_BACK: u64 = 2;

/// The faults of a run: those that come by chance, and those that lie on links now.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// One for each fault by chance and instance that fails by itself.
    processes: Vec<Process>,
    /// Faults that lie on links now, in the order in which they began: which, and until when.
    on_links: Vec<(u32, u64)>,
    /// Those that began in the window: which, when, and when they end.
    pub(super) log: Vec<(u32, u64, u64)>,
}

/// Failures by chance of one target.
#[derive(Debug, Clone, Copy)]
struct Process {
    fault: u32,
    /// The instance that fails by itself; `None`: whatever the fault names.
    instance: Option<u32>,
    stream: u64,
    /// How many times have been drawn.
    drawn: u64,
    down: bool,
}

impl<const TRACED: bool> World<'_, TRACED> {
    /// Schedules the first failures by chance.
    pub(super) fn schedule_failures(&mut self) {
        for fault in 0..self.plan.faults.len() as u32 {
            let plan = &self.plan.faults[fault as usize];
            if plan.chance.is_none() {
                continue;
            }
            if plan.instance.is_none() && by_itself(&plan.effect) {
                for instance in self.members[plan.component as usize].clone() {
                    self.add_failures(fault, Some(instance));
                }
            } else {
                self.add_failures(fault, None);
            }
        }
    }

    /// Lets an instance that has joined fail by itself, as those before it do.
    pub(super) fn may_fail(&mut self, component: u32, instance: u32) {
        for fault in 0..self.plan.faults.len() as u32 {
            let plan = &self.plan.faults[fault as usize];
            if plan.chance.is_some()
                && plan.component == component
                && plan.instance.is_none()
                && by_itself(&plan.effect)
            {
                self.add_failures(fault, Some(instance));
            }
        }
    }

    fn add_failures(&mut self, fault: u32, instance: Option<u32>) {
        let chance = self.plan.faults[fault as usize].chance.as_ref().expect("it comes by chance");
        let ordinal = instance.map_or(0, |instance| self.instances[instance as usize].ordinal as u64 + 1);
        let stream = mix64(self.streams.stream(&chance.stream) ^ ordinal);
        self.faults.processes.push(Process { fault, instance, stream, drawn: 0, down: false });
        self.next_failure(self.faults.processes.len() as u32 - 1);
    }

    /// Schedules the next turn of failures by chance, and says when it is.
    fn next_failure(&mut self, process: u32) -> u64 {
        let state = &mut self.faults.processes[process as usize];
        let chance = self.plan.faults[state.fault as usize].chance.as_ref().expect("it comes by chance");
        let u = uniform(mix64(state.stream.wrapping_add(state.drawn)));
        state.drawn += 1;
        let ns = if state.down { chance.repair.sample_ns(u) } else { chance.between.sample_ns(u).max(1) };
        let at = self.now.max(self.plan.clock.start).saturating_add(ns);
        self.control(at, Control::Failure(process));
        at
    }

    /// A failure by chance begins or ends.
    pub(super) fn failure(&mut self, process: u32) {
        let Process { fault, instance, down, .. } = self.faults.processes[process as usize];
        self.faults.processes[process as usize].down = !down;
        let next = self.next_failure(process);
        if down {
            self.fault_ends(fault, instance);
        } else {
            self.fault_begins(fault, instance, next);
        }
    }

    /// The instances that a fault strikes.
    fn struck(&self, fault: u32, only: Option<u32>) -> Vec<u32> {
        let plan = &self.plan.faults[fault as usize];
        only.map_or_else(|| self.meant(plan.component, plan.instance), |instance| vec![instance])
    }

    /// A fault begins at all that it names, or at one of them.
    pub(super) fn fault_begins(&mut self, fault: u32, only: Option<u32>, until: u64) {
        let plan = self.plan;
        let effect = &plan.faults[fault as usize].effect;
        if self.in_window(self.now) && self.faults.log.len() < LOG_MAX {
            self.faults.log.push((fault, self.now, until));
        }
        if let Effect::Link(_) = effect {
            self.faults.on_links.push((fault, until));
            return;
        }
        for instance in self.struck(fault, only) {
            match effect {
                Effect::Crash => self.crash(instance),
                Effect::Slow(factor) => self.slow_down(instance, *factor),
                Effect::ErrorRate(share) => self.add_errors(instance, *share, false),
                Effect::Flush => self.flush(instance),
                Effect::Stall => self.stall(instance, until),
                Effect::Link(_) => unreachable!("told above"),
            }
        }
    }

    /// A fault is over at all that it names, or at one of them.
    pub(super) fn fault_ends(&mut self, fault: u32, only: Option<u32>) {
        let plan = self.plan;
        let effect = &plan.faults[fault as usize].effect;
        if let Effect::Link(_) = effect {
            let place = self.faults.on_links.iter().position(|&(other, _)| other == fault);
            self.faults.on_links.remove(place.expect("what ends has begun"));
            return;
        }
        for instance in self.struck(fault, only) {
            match effect {
                Effect::Crash if self.instances[instance as usize].is_down() => self.recover(instance),
                Effect::Slow(factor) => self.slow_down(instance, 1.0 / *factor),
                Effect::ErrorRate(share) => self.add_errors(instance, *share, true),
                // A stall is over by itself.
                Effect::Crash | Effect::Flush | Effect::Stall | Effect::Link(_) => {}
            }
        }
    }

    fn slow_down(&mut self, instance: u32, factor: f64) {
        let state = &self.instances[instance as usize];
        let slowed = state.slowed * factor;
        // Divisions may leave an ulp: a fault that is over leaves nothing.
        let slowed = if (slowed - 1.0).abs() < 1e-12 { 1.0 } else { slowed };
        self.set_speed(instance, state.base_speed, slowed);
    }

    fn add_errors(&mut self, instance: u32, share: f64, ends: bool) {
        let errors = &mut self.instances[instance as usize].added_errors;
        if ends {
            let place = errors.iter().position(|&other| other == share);
            errors.remove(place.expect("what ends has begun"));
        } else {
            errors.push(share);
        }
    }

    /// The share of calls at an instance that fail after their work.
    pub(super) fn error_share(&self, instance: u32) -> f64 {
        let state = &self.instances[instance as usize];
        let own = state.error_rate.unwrap_or(self.error_rates[state.component as usize]);
        state.added_errors.iter().fold(own, |share, added| 1.0 - (1.0 - share) * (1.0 - added))
    }

    /// A cache forgets everything.
    pub(super) fn flush(&mut self, instance: u32) {
        if let Kind::Cache(_) = self.instances[instance as usize].kind {
            let state = self.instances[instance as usize].state;
            self.caches[state as usize].clear();
        }
    }

    // Stalls.

    /// An instance works on nothing until then; what it is doing takes so much longer.
    pub(super) fn stall(&mut self, instance: u32, until: u64) {
        let now = self.now;
        let resumes = self.instances[instance as usize].stalled_until.max(now);
        if until <= resumes {
            return;
        }
        for station in self.station_range(instance) {
            if self.stations[station as usize].sharing.is_some() {
                self.sharing_advance(station);
            }
        }
        let state = &mut self.instances[instance as usize];
        state.stalled_until = until;
        state.speed = 0.0;
        state.plain = false;
        self.let_wait(instance, true);
        for frame in 0..self.frames.high_water() {
            let state = &self.frames[frame];
            if state.waiting == Waiting::Work && state.instance == instance && state.wake != 0 {
                let end = state.since + state.work + (until - resumes);
                self.frames[frame].work += until - resumes;
                self.wake_in(frame, end - now);
            }
        }
        self.control(until, Control::StallEnds(instance));
    }

    /// A stall is over, unless another one goes on.
    pub(super) fn stall_ends(&mut self, instance: u32) {
        if self.instances[instance as usize].stalled_until > self.now || self.instances[instance as usize].speed > 0.0 {
            return;
        }
        for station in self.station_range(instance) {
            if self.stations[station as usize].sharing.is_some() {
                self.sharing_advance(station);
            }
        }
        let state = &mut self.instances[instance as usize];
        state.speed = state.pace();
        state.plain = state.is_plain();
        self.let_wait(instance, false);
    }

    /// Lets all tasks on the shared cores of an instance wait, or go on.
    fn let_wait(&mut self, instance: u32, stalled: bool) {
        for station in self.station_range(instance) {
            let state = &mut self.stations[station as usize];
            if state.sharing.is_none() {
                continue;
            }
            let waited = state.waiting();
            state.stalled = stalled;
            let waiting = state.waiting();
            let crowd = &mut self.meters.crowds[state.meter as usize];
            crowd.0 = crowd.0 + waiting - waited;
            if self.open {
                state.tally.queue_max = state.tally.queue_max.max(waiting);
                crowd.1 = crowd.1.max(crowd.0);
            }
            self.sharing_reschedule(station);
        }
    }

    /// How long work takes at an instance whose speed is not 1, that is stalled, or slower when it is busy.
    pub(super) fn stretched(&self, instance: usize, work_ns: u64) -> u64 {
        let state = &self.instances[instance];
        let work = self.slowed_work(state.stations, work_ns);
        let ns = (work as f64 / state.pace()).round() as u64;
        if work_ns == 0 { 0 } else { ns + state.stalled_until.saturating_sub(self.now) }
    }

    // Links.

    /// What faults add to the way of a message that took `delay` without them, and whether it is lost in the end.
    pub(super) fn held_up(
        &mut self,
        child: u32,
        scope: u32,
        link_at: u32,
        link: &LinkPlan,
        out: bool,
        mut delay: u64,
    ) -> (u64, bool) {
        for at in 0..self.faults.on_links.len() {
            let (fault, until) = self.faults.on_links[at];
            let plan = self.plan;
            let fault = &plan.faults[fault as usize];
            let Effect::Link(effect) = &fault.effect else { unreachable!("it lies on links") };
            if !self.lies_on(effect, fault.component, fault.instance, child, scope, link) {
                continue;
            }
            let key = self.frames[child].key;
            let losses = match &effect.does {
                LinkFault::Later(added) => {
                    let ns = added.sampler.sample_ns(draw(key, added.site, ADDED));
                    delay += if out { ns / 2 } else { ns - ns / 2 };
                    0
                }
                LinkFault::Lossy(share, site) => {
                    let u = draw(key, *site, if out { LOST_OUT } else { LOST_BACK });
                    if *share >= 1.0 { u64::MAX } else { (crate::math::ln(u) / crate::math::ln(*share)) as u64 }
                }
                // It is sent again, ever more seldom, until the first time after the fault.
                LinkFault::Cut => {
                    let wait = until.saturating_sub(self.now);
                    let sent = |times: u64| link.rto_ns.saturating_mul((1_u64 << times) - 1);
                    (1..=RETRANSMISSIONS_MAX).find(|&times| sent(times) >= wait).unwrap_or(u64::MAX)
                }
            };
            if losses > 0 && link.datagram {
                return (delay, true);
            }
            if losses > 0 {
                let again = losses.min(RETRANSMISSIONS_MAX + 1);
                let counted = again.min(RETRANSMISSIONS_MAX) * self.open as u64;
                self.meters.links[link_at as usize].retransmissions += counted;
                delay = delay.saturating_add(link.rto_ns.saturating_mul((1 << again) - 1));
                if losses > RETRANSMISSIONS_MAX {
                    return (delay, true);
                }
            }
        }
        (delay, false)
    }

    /// Whether a fault lies on the way of a call.
    fn lies_on(
        &self,
        effect: &LinkEffect,
        component: u32,
        instance: Option<InstanceRef>,
        child: u32,
        scope: u32,
        link: &LinkPlan,
    ) -> bool {
        let target = link.target.component();
        if target != component
            || !(instance.is_none() || self.is_meant(component, instance, self.frames[child].instance))
        {
            return false;
        }
        effect.from.is_empty()
            || effect.from.iter().any(|&(caller, instance)| {
                let own = link.owner == caller && instance.is_none();
                own || self.is_meant(caller, instance, scope)
            })
    }

    /// Whether an address means an instance.
    fn is_meant(&self, component: u32, which: Option<InstanceRef>, instance: u32) -> bool {
        self.instances[instance as usize].component == component
            && (which.is_none() || self.meant(component, which).contains(&instance))
    }
}

/// Whether each instance fails by itself, rather than all at once.
fn by_itself(effect: &Effect) -> bool {
    match effect {
        Effect::Crash | Effect::Slow(_) | Effect::Stall => true,
        Effect::ErrorRate(_) | Effect::Flush | Effect::Link(_) => false,
    }
}
