//! The way of a call to its instance and of the answer back: the network, arriving, answering.

use super::call::{LOST_BACK, LOST_OUT, RTT};
use super::fault::RETRANSMISSIONS_MAX;
use super::frame::*;
use super::{Next, World};
use crate::engine::calendar::{LAST_INSTANT, entry};
use crate::engine::slab::NONE;
use crate::math;
use crate::plan::{Kind, LinkPlan, Op, Outcome, ops};

impl<'p, const TRACED: bool> World<'p, TRACED> {
    /// Whether a frame is a request that was sent itself instead of a call (see `tail_call`).
    #[inline(always)]
    pub(super) fn is_sent_request(&self, frame: u32) -> bool {
        let state = &self.frames[frame];
        state.log == frame && !state.has(BRANCH)
    }

    /// Sends a try over the network and arms the caller's time-out.
    pub(super) fn send(&mut self, frame: u32, child: u32, link_at: u32, link: &'p LinkPlan) -> Next {
        let armed = self.arm(frame, link_at, link);
        if armed {
            let log = self.frames[frame].log;
            self.frames[frame].mark = if log == NONE { 0 } else { self.logs[log as usize].mark() };
        }
        let (delay, lost) = self.travel(child, self.frames[frame].scope, link_at, link, true);
        if lost && link.datagram {
            return self.fall_silent(child, frame, link);
        }
        if lost {
            self.frames[child].outcome = Outcome::Lost as u8;
        } else if delay == 0 {
            return self.arrive(child);
        }
        self.open_phase(child, link.cell, Waiting::Outward);
        self.wake_in(child, delay);
        Next::Wait
    }

    /// A datagram is lost: the caller waits for its time-out.
    fn fall_silent(&mut self, child: u32, caller: u32, link: &LinkPlan) -> Next {
        self.frames.free(child);
        self.frames[caller].child = NONE;
        self.open_phase(caller, link.cell, Waiting::Child);
        Next::Wait
    }

    /// Arms the time-out of a try: the link's, or what is left of its deadline.
    #[inline]
    fn arm(&mut self, frame: u32, link_at: u32, link: &LinkPlan) -> bool {
        let left = if link.deadline_ns > 0 {
            self.frames[frame].sent.saturating_add(link.deadline_ns) - self.now
        } else {
            u64::MAX
        };
        let left = if link.by_class_deadline { left.min(self.frames[frame].deadline - self.now) } else { left };
        if link.timeout_ns == 0 && left == u64::MAX {
            return false;
        }
        if link.timeout_ns > 0
            && link.timeout_ns <= left
            && let Some(lane) = self.timeout_lanes[link_at as usize]
        {
            let sequence = self.next_sequence();
            self.frames[frame].wake = sequence;
            let at = self.now.saturating_add(link.timeout_ns).min(LAST_INSTANT);
            self.lanes.push(lane, entry(at, sequence, frame));
            return true;
        }
        let patience = if link.timeout_ns > 0 { left.min(link.timeout_ns) } else { left };
        self.wake_in(frame, patience);
        true
    }

    /// How long a message of a call is on its way, and whether it is lost in the end.
    pub(super) fn travel(&mut self, child: u32, scope: u32, link_at: u32, link: &LinkPlan, out: bool) -> (u64, bool) {
        let state = self.frames[child];
        let mut delay = 0;
        if let Some(bandwidth) = link.bandwidth
            && out == state.has(WRITE)
        {
            let now = self.now;
            let ns = (self.sizes[child as usize] as f64 * 1e9 / bandwidth).round() as u64;
            let caller = self.caller(link_at, link, scope);
            let free = if out { &mut caller.out_free } else { &mut caller.back_free };
            *free = now.max(*free).saturating_add(ns);
            delay += *free - now;
        }
        if link.connects && out {
            delay += self.connect_upstream(child, link);
        }
        if let Some(rtt) = &link.rtt {
            let rtt = rtt.sampler.sample_ns(draw(state.key, link.site, RTT));
            delay += if out { rtt / 2 } else { rtt - rtt / 2 };
        }
        if link.loss > 0.0 {
            let u = draw(state.key, link.site, if out { LOST_OUT } else { LOST_BACK });
            // The number of times that it is lost in a row is geometric.
            let losses = if link.loss >= 1.0 { u64::MAX } else { (math::ln(u) / math::ln(link.loss)) as u64 };
            if losses > 0 && link.datagram {
                return (delay, true);
            }
            if losses > 0 {
                let again = losses.min(RETRANSMISSIONS_MAX + 1);
                self.meters.links[link_at as usize].retransmissions +=
                    again.min(RETRANSMISSIONS_MAX) * self.open as u64;
                delay = delay.saturating_add(link.rto_ns.saturating_mul((1 << again) - 1));
                if losses > RETRANSMISSIONS_MAX {
                    return (delay.min(LAST_INSTANT), true);
                }
            }
        }
        if link.faulty {
            let (delay, lost) = self.held_up(child, scope, link_at, link, out, delay);
            return (delay.min(LAST_INSTANT), lost);
        }
        (delay.min(LAST_INSTANT), false)
    }

    /// A call reaches its instance.
    #[inline]
    pub(super) fn arrive(&mut self, child: u32) -> Next {
        if self.frames[child].outcome() == Outcome::Lost {
            self.end_lease_of(child);
            return self.deliver(child);
        }
        let instance = self.frames[child].instance;
        if let Kind::Balancer(balancer) = self.instances[instance as usize].kind
            && !self.plan.balancers[balancer as usize].framed
        {
            return self.balance(child, balancer, instance);
        }
        self.enter(child)
    }

    /// A call enters its instance: it is counted and begins its program.
    #[inline(always)]
    pub(super) fn enter(&mut self, child: u32) -> Next {
        let now = self.now;
        let open = self.open;
        self.trace_enter(child);
        let state = &mut self.frames[child];
        let instance = &mut self.instances[state.instance as usize];
        state.start = now;
        state.since = now;
        state.waiting = Waiting::Nothing;
        instance.active += 1;
        instance.arrived = instance.arrived.wrapping_add(1);
        // What a caller fills in is part of its look-up, and no call of its own.
        if open && state.op != ops::STORE {
            state.flags |= COUNTED;
            instance.calls += 1;
        }
        if instance.is_caller {
            state.scope = state.instance;
        }
        if !instance.is_up() {
            return self.answer(child, Outcome::Failed);
        }
        if state.deadline <= now {
            return self.answer(child, Outcome::Timeout);
        }
        let way = if instance.by_op { state.op as u32 } else { state.class as u32 };
        state.pc = self.entries[(instance.entries + way) as usize];
        debug_assert!(state.pc != NONE, "no way in");
        Next::Frame(child)
    }

    /// The end of a handler: the answer goes back.
    #[inline]
    pub(super) fn reply(&mut self, child: u32) -> Next {
        let outcome = self.frames[child].outcome();
        self.answer(child, outcome)
    }

    /// An instance answers.
    #[inline(always)]
    pub(super) fn answer(&mut self, child: u32, outcome: Outcome) -> Next {
        let now = self.now;
        self.frames[child].outcome = outcome as u8;
        if outcome != Outcome::Ok {
            self.keys[child as usize].clear();
        }
        let state = self.frames[child];
        let instance = &mut self.instances[state.instance as usize];
        instance.active -= 1;
        let component = instance.component;
        if state.has(COUNTED) {
            self.meters.components[component as usize].answer(outcome, now - state.start);
            if outcome != Outcome::Ok {
                instance.errors[outcome as usize] += 1;
            }
        }
        if instance.is_leaving() && instance.active == 0 {
            self.instance_gone(state.instance);
        }
        if state.via != NO_COMPONENT {
            self.leave_balancer(state.via, state.instance, now - state.start, outcome, state.has(COUNTED));
        }
        if self.plan.leases {
            self.end_lease_of(child);
        }
        self.trace_answer(child, outcome);
        if self.is_sent_request(child) {
            let state = &mut self.frames[child];
            state.instance = state.parent;
            state.parent = NONE;
            return self.finish(child);
        }
        if state.parent == NONE {
            self.frames.free(child);
            return Next::Wait;
        }
        if let Op::QuickCall(_) = self.plan.ops[self.frames[state.parent].pc as usize] {
            return self.deliver_quickly(child, outcome);
        }
        let call = self.call_of(state.parent);
        let link = &self.plan.links[call.link as usize];
        if link.plain {
            return self.deliver(child);
        }
        let (delay, lost) = self.travel(child, self.frames[state.parent].scope, call.link, link, false);
        if lost && link.datagram {
            return self.fall_silent(child, state.parent, link);
        }
        if lost {
            self.frames[child].outcome = Outcome::Lost as u8;
        } else if delay == 0 {
            return self.deliver(child);
        }
        self.open_phase(child, link.cell, Waiting::Homeward);
        self.wake_in(child, delay);
        Next::Wait
    }

    /// An answer of a call that is all defaults reaches the caller.
    #[inline(always)]
    fn deliver_quickly(&mut self, child: u32, outcome: Outcome) -> Next {
        let Frame { parent, flags, version, .. } = self.frames[child];
        self.frames.free(child);
        let state = &mut self.frames[parent];
        state.child = NONE;
        state.waiting = Waiting::Nothing;
        state.flags = (state.flags & !HIT) | (flags & HIT);
        state.version = version;
        self.trace_settle(parent, outcome);
        if outcome == Outcome::Ok { Next::StepOf(parent) } else { Next::Answered(parent, outcome) }
    }

    /// An answer reaches the caller.
    #[inline]
    pub(super) fn deliver(&mut self, child: u32) -> Next {
        let Frame { parent, outcome, flags, version, .. } = self.frames[child];
        self.frames.free(child);
        if parent == NONE {
            return Next::Wait;
        }
        let state = &mut self.frames[parent];
        debug_assert_eq!(state.child, child, "a caller knows whom it called");
        state.child = NONE;
        state.wake = 0;
        state.waiting = Waiting::Nothing;
        state.flags = (state.flags & !HIT) | (flags & HIT);
        state.version = version;
        Next::Answered(parent, Outcome::ALL[outcome as usize])
    }

    /// Sends a call that nobody waits for.
    pub(super) fn cast(&mut self, frame: u32, call_at: u32) -> Next {
        let call = &self.plan.calls[call_at as usize];
        let link = &self.plan.links[call.link as usize];
        self.meters.links[call.link as usize].calls += self.open as u64;
        self.meters.links[call.link as usize].tries += self.open as u64;
        let child = self.new_child(frame, call, link);
        self.trace_cast(frame, child);
        if let Some(instance) = self.resolve(frame, child, link) {
            self.frames[child].instance = instance;
            self.orphan(child);
            let scope = self.frames[frame].scope;
            let (delay, lost) = self.travel(child, scope, call.link, link, true);
            if lost {
                self.trace_answer(child, Outcome::Lost);
                self.frames.free(child);
            } else {
                // Even without a delay it runs after the caller, which does not wait.
                self.open_phase(child, link.cell, Waiting::Outward);
                self.wake_in(child, delay);
            }
        } else {
            self.trace_answer(child, Outcome::Unavailable);
            self.frames.free(child);
        }
        Next::Step
    }

    /// Answers ok at once; the frame goes on without its caller.
    pub(super) fn reply_early(&mut self, frame: u32) -> Next {
        if self.frames[frame].parent == NONE {
            return Next::Step;
        }
        // A twin takes the frame's place towards the caller; the frame itself goes on uncounted.
        let twin = self.take_frame();
        let generation = self.frames[twin].generation;
        let state = self.frames[frame];
        self.frames[twin] = Frame { generation, child: NONE, ..state };
        self.origins[twin as usize] = self.origins[frame as usize];
        self.frames[state.parent].child = twin;
        self.instances[state.instance as usize].active += 1;
        let original = &mut self.frames[frame];
        original.parent = NONE;
        original.log = NONE;
        original.flags &= !COUNTED;
        original.via = NO_COMPONENT;
        original.pc += 1;
        self.trace_early_reply(frame, twin);
        self.ready.push_back(frame);
        self.reply(twin)
    }
}
