//! Hedged calls: copies of one call, of which the first good answer wins.

use super::frame::*;
use super::{Next, World};
use crate::engine::slab::NONE;
use crate::plan::{CallPlan, HedgeAfter, HedgePlan, LinkPlan, Op, Outcome};

impl<'p, const TRACED: bool> World<'p, TRACED> {
    /// The hedge of the call that a frame waits for, if it is one.
    pub(super) fn hedge_of(&self, frame: u32) -> Option<&'p HedgePlan> {
        match self.plan.ops[self.frames[frame].pc as usize] {
            Op::Call(_) | Op::CallPicked(_) => self.plan.hedges.get(self.call_of(frame).hedge as usize),
            _ => None,
        }
    }

    /// Makes a try as copies: sends the first.
    pub(super) fn race(&mut self, frame: u32, call: &CallPlan, link: &'p LinkPlan) -> Next {
        if let Some(outcome) = self.admit(frame, call, link) {
            self.trace_refused(frame, link, outcome);
            return self.settle(frame, outcome);
        }
        let hedge = &self.plan.hedges[call.hedge as usize];
        let join = self.take_join();
        self.joins[join as usize].need = 1;
        self.joins[join as usize].began = self.now;
        let state = &mut self.frames[frame];
        state.child = join;
        state.waiting = Waiting::Join;
        state.wake = 0;
        self.await_copy(frame, call, link, hedge);
        self.send_copy(frame, join, hedge)
    }

    /// Arms the time at which another copy is sent, where there may be one.
    fn await_copy(&mut self, frame: u32, call: &CallPlan, link: &LinkPlan, hedge: &HedgePlan) {
        let usual = hedge.writes || !self.call_writes(frame, call, link);
        if !self.is_retryable(frame, call, usual) {
            return;
        }
        let after = match hedge.after {
            HedgeAfter::Time(ns) => Some(ns),
            HedgeAfter::Percentile(_) => self.guard(link, self.frames[frame].scope).took.get(),
        };
        if let Some(ns) = after {
            self.wake_in(frame, ns);
        }
    }

    /// A call has taken so long that another copy is sent.
    pub(super) fn hedge_due(&mut self, frame: u32) -> Next {
        let call = self.call_of(frame);
        let link = &self.plan.links[call.link as usize];
        let hedge = &self.plan.hedges[call.hedge as usize];
        let join = self.frames[frame].child;
        self.meters.links[call.link as usize].hedges += self.open as u64;
        if (self.joins[join as usize].branches.len() as u32) < hedge.max {
            self.await_copy(frame, call, link, hedge);
        }
        self.send_copy(frame, join, hedge)
    }

    /// Sends a copy: a branch that makes the call. The first is as the call itself would be.
    fn send_copy(&mut self, frame: u32, join: u32, hedge: &HedgePlan) -> Next {
        let number = self.joins[join as usize].branches.len() as u32;
        let parent = self.frames[frame];
        let key = match number {
            0 => parent.key,
            _ => child_key(child_key(parent.key, hedge.site, parent.turn, parent.attempt), hedge.site, number, 0),
        };
        let branch = self.new_branch(frame, key, hedge.pc);
        let state = &mut self.frames[branch];
        state.turn = parent.turn;
        state.attempt = parent.attempt;
        state.outcome = Outcome::Ok as u8;
        self.trace_branch(frame, branch, number);
        let join = &mut self.joins[join as usize];
        join.branches.push(branch);
        join.open += 1;
        Next::Frame(branch)
    }

    /// A copy has settled a hedged call: the losers are called off, or go on for nothing.
    pub(super) fn hedge_settled(&mut self, frame: u32, join: u32, (branch, outcome): (Frame, Outcome)) -> Next {
        let call = self.call_of(frame);
        let link = &self.plan.links[call.link as usize];
        let began = self.joins[join as usize].began;
        if let HedgeAfter::Percentile(share) = self.plan.hedges[call.hedge as usize].after
            && outcome == Outcome::Ok
        {
            let took = self.now - began;
            self.guard(link, branch.scope).took.add(share, took);
        }
        let won = outcome == Outcome::Ok && branch.start > began;
        self.meters.links[call.link as usize].hedges_won += (won && self.open) as u64;
        let losers = std::mem::take(&mut self.joins[join as usize].branches);
        for &loser in losers.iter().filter(|&&loser| loser != NONE) {
            self.orphan(loser);
            if link.call_off {
                self.meters.links[call.link as usize].cancelled += self.open as u64;
                self.interrupt(loser, Outcome::Cancelled, true);
            }
        }
        self.joins[join as usize].branches = losers;
        self.free_join(join);
        let state = &mut self.frames[frame];
        state.child = NONE;
        state.wake = 0;
        state.waiting = Waiting::Nothing;
        state.flags = (state.flags & !HIT) | (branch.flags & HIT);
        state.version = branch.version;
        Next::Answered(frame, outcome)
    }

    /// The instances that the other copies of the call are at, which a frame is a copy of.
    pub(super) fn rivals(&self, frame: u32) -> Vec<u32> {
        // Through balancers that are frames of their own.
        let mut copy = frame;
        while !self.frames[copy].has(BRANCH) {
            let parent = self.frames[copy].parent;
            let at_balancer = copy == frame || self.is_at_balancer(copy);
            // A request is nobody's copy; what stands for the parent of one that was sent itself is its client.
            if parent == NONE || !at_balancer || self.is_sent_request(copy) {
                return Vec::new();
            }
            copy = parent;
        }
        let caller = self.frames[copy].parent;
        if caller == NONE || self.hedge_of(caller).is_none() {
            return Vec::new();
        }
        let join = &self.joins[self.frames[caller].child as usize];
        join.branches
            .iter()
            .filter(|&&other| other != NONE && other != copy)
            .filter_map(|&other| self.place_of(other))
            .collect()
    }

    fn is_at_balancer(&self, frame: u32) -> bool {
        let instance = self.frames[frame].instance;
        instance != NONE && self.plan.components[self.instances[instance as usize].component as usize].only_hands_on
    }

    /// The instance that a copy is at, behind all balancers.
    fn place_of(&self, copy: u32) -> Option<u32> {
        let mut frame = copy;
        loop {
            let state = &self.frames[frame];
            if frame != copy && !self.is_at_balancer(frame) {
                return Some(state.instance).filter(|&instance| instance != NONE);
            }
            if state.waiting != Waiting::Child || state.child == NONE {
                return None;
            }
            frame = state.child;
        }
    }
}
