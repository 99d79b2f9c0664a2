//! Calls that end before their time: time-outs, callers that turn away, cancelled and crashed calls, branches that lost.

use super::call::RTT;
use super::frame::*;
use super::{Next, World};
use crate::engine::slab::NONE;
use crate::plan::{Kind, LinkPlan, Outcome};

/// The branches of a fork.
#[derive(Debug, Clone, Default)]
pub struct Join {
    /// The branches; `NONE` where one has ended.
    pub branches: Vec<u32>,
    /// How many go on.
    pub open: u32,
    /// How many have ended well.
    pub done: u32,
    /// How many must.
    pub need: u32,
    /// When the first began.
    pub began: u64,
}

impl<const TRACED: bool> World<'_, TRACED> {
    /// A caller has waited for as long as it may.
    pub(super) fn call_times_out(&mut self, frame: u32) -> Next {
        let call = self.call_of(frame);
        let link = &self.plan.links[call.link as usize];
        let child = self.frames[frame].child;
        self.meters.links[call.link as usize].timeouts += self.open as u64;
        self.meters.links[call.link as usize].cancelled += (self.open && link.cancel) as u64;
        self.trace_give_up(frame);
        self.write_down_try(frame);
        let state = &mut self.frames[frame];
        state.child = NONE;
        state.waiting = Waiting::Nothing;
        if child != NONE {
            if call.holding != NONE && !link.cancel {
                self.lease(frame, child, call);
            }
            self.abandon(child, link, link.cancel);
        }
        self.settle(frame, Outcome::Timeout)
    }

    /// Closes what a try was in the middle of, and marks the whole try as given up.
    fn write_down_try(&mut self, frame: u32) {
        let Frame { log, mark, child, .. } = self.frames[frame];
        if log == NONE {
            return;
        }
        if child == NONE {
            self.close_phase(frame);
        } else {
            self.write_down(child, log);
            self.unlog(child);
        }
        self.logs[log as usize].abandon(mark);
    }

    /// Writes the open phase of the deepest call of a chain to a log.
    fn write_down(&mut self, from: u32, log: u32) {
        let mut deepest = from;
        loop {
            let state = &self.frames[deepest];
            match state.waiting {
                Waiting::Child if state.child != NONE => deepest = state.child,
                Waiting::Join => {
                    let join = &self.joins[state.child as usize];
                    let branch = join.branches.iter().copied().find(|&branch| branch != NONE).expect("an open branch");
                    let (began, start) = (join.began, self.frames[branch].start);
                    self.write_hedge_wait(deepest, log, began, start);
                    let branch_log = std::mem::take(&mut self.logs[branch as usize]);
                    self.logs[log as usize].append(&branch_log);
                    self.logs[branch as usize] = branch_log;
                    self.trace_waited(branch);
                    deepest = branch;
                }
                Waiting::Nothing | Waiting::Granted | Waiting::Ending => return,
                Waiting::Queue
                | Waiting::Lock
                | Waiting::Front
                | Waiting::Work
                | Waiting::SharedWork
                | Waiting::Delay
                | Waiting::Connect
                | Waiting::Outward
                | Waiting::Homeward
                | Waiting::Child
                | Waiting::Flight
                | Waiting::BackOff => {
                    let Frame { cell, since, .. } = self.frames[deepest];
                    self.logs[log as usize].add(cell, self.now - since);
                    self.trace_cut(deepest, cell, since);
                    return;
                }
                Waiting::Free | Waiting::Think | Waiting::Request | Waiting::Message | Waiting::Batch => {
                    unreachable!("no calls")
                }
            }
        }
    }

    /// Writes down how long the caller waited before it sent the copy that is waited for.
    pub(super) fn write_hedge_wait(&mut self, caller: u32, log: u32, began: u64, start: u64) {
        if start > began
            && let Some(hedge) = self.hedge_of(caller)
        {
            self.logs[log as usize].add(hedge.cell, start - began);
            self.trace_phase(caller, hedge.cell, began, start);
        }
    }

    /// Nobody reads any more what a chain of calls spends its time on.
    pub(super) fn unlog(&mut self, from: u32) {
        let mut frame = from;
        loop {
            let state = &mut self.frames[frame];
            state.log = NONE;
            match state.waiting {
                Waiting::Child if state.child != NONE => frame = state.child,
                Waiting::Join => {
                    let join = state.child as usize;
                    for at in 0..self.joins[join].branches.len() {
                        let branch = self.joins[join].branches[at];
                        if branch != NONE {
                            self.unlog(branch);
                        }
                    }
                    return;
                }
                _ => return,
            }
        }
    }

    /// A caller turns away from a call, which goes on without it, is cancelled, or leaves its line.
    fn abandon(&mut self, child: u32, link: &LinkPlan, cancel: bool) {
        self.orphan(child);
        let state = &self.frames[child];
        if cancel {
            let half = link.rtt.as_ref().map_or(0, |rtt| rtt.sampler.sample_ns(draw(state.key, link.site, RTT)) / 2);
            self.cancel_after(child, half);
            return;
        }
        let in_line = matches!(state.waiting, Waiting::Queue | Waiting::Front);
        let instance = state.instance;
        if in_line && matches!(self.instances[instance as usize].kind, Kind::ConnectionPool(_) | Kind::Queue(_)) {
            self.withdraw(child);
            self.ready_after(child, Err(Outcome::Abandoned));
        }
    }

    /// Nobody waits for a call any more.
    pub(super) fn orphan(&mut self, child: u32) {
        self.unlog(child);
        self.trace_orphan(child);
        self.frames[child].parent = NONE;
    }

    /// Cancels a call after a delay.
    fn cancel_after(&mut self, child: u32, delay: u64) {
        if delay == 0 {
            self.interrupt(child, Outcome::Cancelled, true);
            return;
        }
        let message = self.take_frame();
        let generation = self.frames[message].generation;
        let version = self.frames[child].generation;
        self.frames[message] =
            Frame { generation, child, version, waiting: Waiting::Message, log: NONE, ..Frame::default() };
        self.frames[message].parent = NONE;
        self.frames[message].instance = NONE;
        self.wake_in(message, delay);
    }

    /// Ends a call from outside, whatever it is doing: it gives back what it holds and answers with `outcome`. What it
    /// asked of others is cancelled too where their links say so, else it goes on there.
    pub(super) fn interrupt(&mut self, frame: u32, outcome: Outcome, cancel: bool) {
        let state = self.frames[frame];
        match state.waiting {
            // It has answered already, or is about to.
            Waiting::Homeward | Waiting::Ending => return,
            Waiting::Outward => {
                if state.parent == NONE {
                    self.end_lease_of(frame);
                    self.frames[frame].wake = 0;
                    self.frames.free(frame);
                }
                return;
            }
            Waiting::Queue | Waiting::Front => self.withdraw(frame),
            Waiting::Lock => {
                self.leave_lock_line(frame);
                self.close_phase(frame);
            }
            Waiting::Work | Waiting::SharedWork => self.break_work(frame),
            Waiting::Delay => {
                self.close_phase(frame);
                self.frames[frame].wake = 0;
            }
            Waiting::BackOff => {
                self.close_phase(frame);
                self.forget_call(frame);
                self.frames[frame].wake = 0;
            }
            Waiting::Connect => {
                self.close_phase(frame);
                self.frames[frame].wake = 0;
                self.abort_connect(frame);
            }
            Waiting::Granted => {
                let station = self.working_at(frame);
                self.release(station);
                self.ready.retain(|&other| other != frame);
            }
            Waiting::Nothing => self.ready.retain(|&other| other != frame),
            Waiting::Flight => self.withdraw_from_flight(frame),
            Waiting::Child => self.drop_child(frame, cancel),
            Waiting::Join => {
                if state.log != NONE {
                    self.write_down(frame, state.log);
                }
                self.forget_call(frame);
                let join = state.child;
                let branches = std::mem::take(&mut self.joins[join as usize].branches);
                for &branch in branches.iter().filter(|&&branch| branch != NONE) {
                    self.orphan(branch);
                    self.interrupt(branch, outcome, cancel);
                }
                self.joins[join as usize].branches = branches;
                self.free_join(join);
                self.frames[frame].child = NONE;
                self.frames[frame].wake = 0;
            }
            Waiting::Free | Waiting::Think | Waiting::Request | Waiting::Message | Waiting::Batch => {
                unreachable!("no call")
            }
        }
        let ends_anyway = state.waiting == Waiting::Nothing && self.plan.ops[state.pc as usize].is_clean_up();
        let state = &mut self.frames[frame];
        state.outcome = outcome as u8;
        state.turn = 0;
        if !ends_anyway {
            state.pc = self.plan.unwind[state.pc as usize];
        }
        state.waiting = Waiting::Ending;
        self.ready.push_back(frame);
    }

    /// A frame that is being ended turns away from its call.
    fn drop_child(&mut self, frame: u32, cancel: bool) {
        let call = self.call_of(frame);
        let link = &self.plan.links[call.link as usize];
        self.forget_call(frame);
        let state = &mut self.frames[frame];
        let child = state.child;
        state.child = NONE;
        state.wake = 0;
        if child == NONE {
            return;
        }
        let log = self.frames[frame].log;
        if log != NONE {
            self.write_down(child, log);
        }
        let call_off = link.cancel || link.call_off;
        if call.holding != NONE && !(cancel && call_off) {
            self.lease(frame, child, call);
        }
        if cancel {
            self.abandon(child, link, call_off);
        } else {
            self.orphan(child);
        }
        self.trace_turn_away(frame);
    }

    /// The losers of a join go on without their parent.
    pub(super) fn abandon_branches(&mut self, join: u32) {
        for at in 0..self.joins[join as usize].branches.len() {
            let branch = self.joins[join as usize].branches[at];
            if branch != NONE {
                self.orphan(branch);
            }
        }
    }

    /// Takes a join.
    pub(super) fn take_join(&mut self) -> u32 {
        self.free_joins.pop().unwrap_or_else(|| {
            self.joins.push(Join::default());
            (self.joins.len() - 1) as u32
        })
    }

    /// Frees a join.
    pub(super) fn free_join(&mut self, join: u32) {
        let state = &mut self.joins[join as usize];
        state.branches.clear();
        state.done = 0;
        state.open = 0;
        self.free_joins.push(join);
    }
}
