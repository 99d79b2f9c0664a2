//! State of a component's own: where its programs, time, events and the timeline meet it.

use super::frame::Waiting;
use super::{Control, Next, World};
use crate::engine::rng::{mix64, uniform};
use crate::engine::slab::NONE;
use crate::plan::{OwnCall, OwnNext, OwnPlan};

/// Where the tier of a client is drawn.
const TIER_SITE: u64 = 0x7469_6572_5f73_6974;

impl<const TRACED: bool> World<'_, TRACED> {
    /// Makes time come to those that ask for it.
    pub(super) fn build_own(&mut self) {
        for (component, plan) in self.plan.components.iter().enumerate() {
            let every_ns = plan.own.as_ref().map_or(0, |own| own.every_ns());
            if every_ns > 0 {
                let first = self.plan.clock.start % every_ns;
                self.control(first + every_ns, Control::Own(component as u32));
            }
        }
    }

    /// The state of a new instance; `NONE`: it has none of its own.
    pub(super) fn begin_own(&mut self, component: u32) -> u32 {
        let Some(own) = &self.own[component as usize] else { return NONE };
        self.own_states.push(own.begin());
        self.own_states.len() as u32 - 1
    }

    /// Now, on the window's clock.
    fn window_time(&self) -> i64 {
        self.now as i64 - self.plan.clock.start as i64
    }

    /// The tier of a frame's client; the number of tiers: none, or nobody asks.
    fn tier_of(&self, frame: u32) -> u32 {
        let none = self.plan.tiers.len() as u32;
        if !self.plan.origins {
            return none;
        }
        let client = &self.plan.clients[self.origins[frame as usize] as usize];
        if client.tiers.is_empty() {
            return none;
        }
        let u = uniform(mix64(mix64(self.frames[frame].client as u64) ^ TIER_SITE));
        client.tiers.iter().find(|&&(share, _)| u < share).map_or(none, |&(_, tier)| tier)
    }

    /// A call comes to a place of its component's own. `cell`: what it waits for there counts as.
    pub(super) fn own_step(&mut self, frame: u32, step: u8, cell: u16) -> Next {
        let (now_ns, tier) = (self.window_time(), self.tier_of(frame));
        let state = &self.frames[frame];
        let instance = &self.instances[state.instance as usize];
        let own = self.own[instance.component as usize].as_ref().expect("its program asks it");
        let counts = &mut self.meters.components[instance.component as usize].own;
        let mut call = OwnCall {
            now_ns,
            client: state.client,
            tier,
            outcome: state.outcome(),
            memory: &mut self.keys[frame as usize],
            counts: self.open.then_some(counts),
            counted: own.counts(),
        };
        match own.step(&mut *self.own_states[instance.state as usize], step, &mut call) {
            OwnNext::Go | OwnNext::Wait(0) => Next::Step,
            OwnNext::Fail(outcome) => Next::Fail(outcome),
            OwnNext::Wait(ns) => {
                self.open_phase(frame, cell, Waiting::Delay);
                self.wake_in(frame, ns);
                Next::Wait
            }
        }
    }

    /// It is time for a component to look at what happened.
    pub(super) fn own_tick(&mut self, component: u32) {
        let now_ns = self.window_time();
        let own = self.own[component as usize].as_ref().expect("it asked for the time");
        for &instance in &self.members[component as usize] {
            let state = self.instances[instance as usize].state;
            own.tick(&mut *self.own_states[state as usize], now_ns);
        }
        let at = self.now + own.every_ns();
        if at <= self.plan.clock.last {
            self.control(at, Control::Own(component));
        }
    }

    /// A component has other settings from now on.
    pub(super) fn change_own(&mut self, component: u32, own: &OwnPlan) {
        let now_ns = self.window_time();
        for &instance in &self.members[component as usize] {
            let state = self.instances[instance as usize].state;
            own.changed(&mut *self.own_states[state as usize], now_ns);
        }
        self.own[component as usize] = Some(own.clone());
    }

    /// What the timeline shows of a component: the mean over its instances.
    pub(super) fn own_gauge(&self, component: u32) -> Option<(&'static str, f64)> {
        let own = self.own[component as usize].as_ref()?;
        let members = self.members[component as usize].iter();
        let gauge = |&at: &u32| own.gauge(&*self.own_states[self.instances[at as usize].state as usize]);
        let gauges: Vec<(&'static str, f64)> = members.filter_map(gauge).collect();
        let (name, _) = *gauges.first()?;
        Some((name, gauges.iter().map(|(_, value)| value).sum::<f64>() / gauges.len() as f64))
    }
}
