//! Calls over links: tries, the network, time-outs, answers.

use super::frame::*;
use super::{Next, World};
use crate::engine::rng::mix64;
use crate::engine::slab::NONE;
use crate::plan::{ANY_OP, CallPlan, KeyChoice, LinkPlan, Op, OpName, Outcome, Policy, Target, ops};

// The k of a link's draws: see `draw`.
pub(super) const RTT: u64 = 0;
pub(super) const LOST_OUT: u64 = 1;
pub(super) const LOST_BACK: u64 = 2;
const JITTER: u64 = 3;
const PICK: u64 = 4;
const FRESH_KEY: u64 = 5;
const SIZE: u64 = 6;

impl<'p, const TRACED: bool> World<'p, TRACED> {
    /// The call that a frame's present operation makes.
    #[inline(always)]
    pub(super) fn call_of(&self, frame: u32) -> &'p CallPlan {
        let state = &self.frames[frame];
        let plan = self.plan;
        let at = match plan.ops[state.pc as usize] {
            Op::Call(at) | Op::QuickCall(at) | Op::HedgedTry(at) => at,
            Op::CallPicked(balancer) => self.picked_call(balancer, frame),
            other => unreachable!("{other:?} is no call"),
        };
        let call = &plan.calls[at as usize];
        match call.fallback {
            Some(fallback) if state.has(FALLBACK) => &plan.calls[fallback as usize],
            _ => call,
        }
    }

    /// Makes a call that is all defaults.
    #[inline(always)]
    pub(super) fn quick_call(&mut self, frame: u32, call_at: u32) -> Next {
        let plan = self.plan;
        let call = &plan.calls[call_at as usize];
        let link = &plan.links[call.link as usize];
        let meter = &mut self.meters.links[call.link as usize];
        meter.calls += self.open as u64;
        meter.tries += self.open as u64;
        let child = self.new_child(frame, call, link);
        let state = &mut self.frames[frame];
        state.child = child;
        state.waiting = Waiting::Child;
        let scope = state.scope;
        let instance = match link.target {
            Target::Balancer(component) => {
                let own = self.members[component as usize][0];
                self.frames[child].instance = own;
                return self.arrive(child);
            }
            Target::Copy(component) => self.copy_for(component, scope),
            Target::Chosen(component) => self.chosen_node(component, child),
            Target::Database(component) => self.node_for(component, child),
            Target::Pool(_) => match self.resolve(frame, child, link) {
                Some(instance) => instance,
                None => {
                    self.frames.free(child);
                    let state = &mut self.frames[frame];
                    state.child = NONE;
                    state.waiting = Waiting::Nothing;
                    return self.settle(frame, Outcome::Unavailable);
                }
            },
        };
        self.frames[child].instance = instance;
        self.enter(child)
    }

    /// Sends a request's own frame to the callee, with what a frame of the call would have.
    #[inline(always)]
    pub(super) fn tail_call(&mut self, frame: u32, call_at: u32) -> Next {
        let plan = self.plan;
        let call = &plan.calls[call_at as usize];
        let link = &plan.links[call.link as usize];
        let meter = &mut self.meters.links[call.link as usize];
        meter.calls += self.open as u64;
        meter.tries += self.open as u64;
        let class_writes = self.frames[frame].has(WRITE);
        let (op, writes) = self.operation(call.op, class_writes, link);
        self.trace_call(frame, frame, op, call, link);
        let state = &mut self.frames[frame];
        state.parent = state.instance;
        state.key = child_key(state.key, call.site, 0, 0);
        state.op = op;
        state.flags = (writes as u8 * WRITE) | (call.pooled as u8 * POOLED);
        let scope = state.scope;
        let instance = match link.target {
            Target::Balancer(component) => {
                state.instance = self.members[component as usize][0];
                return self.arrive(frame);
            }
            Target::Copy(component) => self.copy_for(component, scope),
            Target::Chosen(component) => self.chosen_node(component, frame),
            Target::Database(component) => self.node_for(component, frame),
            Target::Pool(component) => match self.ready_members(component) {
                1 => self.ready_member(component, 0),
                _ => match self.choose_replica(component, call.link, link, scope, frame) {
                    Some(instance) => instance,
                    None => return self.request_finds_nobody(frame),
                },
            },
        };
        self.frames[frame].instance = instance;
        self.enter(frame)
    }

    /// A request finds no replica at all.
    #[cold]
    fn request_finds_nobody(&mut self, frame: u32) -> Next {
        let open = self.open;
        let state = &mut self.frames[frame];
        state.instance = state.parent;
        state.parent = NONE;
        state.outcome = Outcome::Unavailable as u8;
        state.flags = open as u8 * COUNTED;
        self.finish(frame)
    }

    /// Begins a call: its first turn and try.
    #[inline]
    pub(super) fn begin_call(&mut self, frame: u32) -> Next {
        let state = &mut self.frames[frame];
        state.turn = 0;
        state.flags &= !FALLBACK;
        self.begin_turn(frame)
    }

    /// Begins a turn of a call.
    #[inline]
    pub(super) fn begin_turn(&mut self, frame: u32) -> Next {
        let now = self.now;
        let call = self.call_of(frame);
        if call.times == 0 {
            return Next::Step;
        }
        let state = &mut self.frames[frame];
        state.attempt = 0;
        state.sent = now;
        self.meters.links[call.link as usize].calls += self.open as u64;
        self.try_call(frame)
    }

    /// Makes another try, or the first one of a stand-in. A retry is counted with its try and not with the wait before it:
    /// so no window has retries without tries.
    pub(super) fn try_again(&mut self, frame: u32) -> Next {
        let call = self.call_of(frame);
        self.meters.links[call.link as usize].retries += (self.open && self.frames[frame].attempt > 0) as u64;
        self.try_call(frame)
    }

    /// Makes a try.
    #[inline]
    pub(super) fn try_call(&mut self, frame: u32) -> Next {
        if self.frames[frame].attempt > 0
            && !self.frames[frame].has(FALLBACK)
            && let Op::CallPicked(balancer) = self.plan.ops[self.frames[frame].pc as usize]
        {
            // Another try, another endpoint.
            match self.pick(balancer, frame) {
                Some(picked) => self.frames[frame].next = picked,
                None => return self.settle(frame, Outcome::Unavailable),
            }
        }
        let call = self.call_of(frame);
        let link = &self.plan.links[call.link as usize];
        if call.hedge != NONE {
            return self.race(frame, call, link);
        }
        if !link.plain
            && let Some(outcome) = self.admit(frame, call, link)
        {
            self.trace_refused(frame, link, outcome);
            return self.settle(frame, outcome);
        }
        self.meters.links[call.link as usize].tries += self.open as u64;
        if link.watched {
            // While a caller waits for its call, its own phase is none: when the try began stands there.
            self.frames[frame].since = self.now;
        }
        let child = self.new_child(frame, call, link);
        let Some(instance) = self.resolve(frame, child, link) else {
            self.frames.free(child);
            return self.settle(frame, Outcome::Unavailable);
        };
        self.frames[child].instance = instance;
        let state = &mut self.frames[frame];
        state.child = child;
        state.waiting = Waiting::Child;
        if link.plain {
            return self.arrive(child);
        }
        self.send(frame, child, call.link, link)
    }

    /// Makes the frame of a try.
    #[inline(always)]
    pub(super) fn new_child(&mut self, frame: u32, call: &CallPlan, link: &LinkPlan) -> u32 {
        let child = self.take_frame();
        let state = self.frames[frame];
        let key = child_key(state.key, call.site, state.turn, state.attempt);
        let item = self.chosen_key(frame, call.key, key, call.site);
        let (class, class_writes) = match call.class {
            Some(class) => (class, self.plan.classes[class as usize].write),
            None => (state.class, state.has(WRITE)),
        };
        let (op, writes) = self.operation(if call.inherit_op { state.op } else { call.op }, class_writes, link);
        let deadline = if link.deadline_ns > 0 {
            state.deadline.min(state.sent.saturating_add(link.deadline_ns))
        } else {
            state.deadline
        };
        let generation = self.frames[child].generation;
        self.frames[child] = Frame {
            generation,
            start: self.now,
            since: self.now,
            key,
            wake: 0,
            item,
            deadline,
            sent: 0,
            work: 0,
            parent: frame,
            child: NONE,
            next: NONE,
            prev: NONE,
            client: state.client,
            log: state.log,
            instance: NONE,
            scope: state.scope,
            pc: NONE,
            version: state.version,
            turn: 0,
            mark: 0,
            via: NO_COMPONENT,
            class,
            cell: link.cell,
            attempt: 0,
            sessions: 0,
            flags: (writes as u8 * WRITE) | (call.pooled as u8 * POOLED),
            op,
            outcome: Outcome::Ok as u8,
            waiting: Waiting::Outward,
        };
        if self.plan.sizes || self.plan.origins {
            self.carry(frame, child, call);
        }
        self.trace_call(frame, child, op, call, link);
        child
    }

    /// What a call carries besides: its size, and where it comes from.
    #[cold]
    fn carry(&mut self, frame: u32, child: u32, call: &CallPlan) {
        self.origins[child as usize] = self.origins[frame as usize];
        if self.plan.sizes {
            let key = self.frames[child].key;
            self.sizes[child as usize] = match call.size {
                Some(size) => self.plan.draws[size as usize].sampler.sample_ns(draw(key, call.site, SIZE)),
                None => self.size_for(frame, child, call.class.is_some()),
            };
            let callee = super::hooks::callee_of(&self.plan.links[call.link as usize]) as usize;
            self.meters.components[callee].bytes += self.sizes[child as usize] * self.open as u64;
        }
    }

    /// The key that a call is about.
    #[inline]
    pub(super) fn chosen_key(&self, frame: u32, choice: KeyChoice, key: u64, site: u64) -> u64 {
        match choice {
            KeyChoice::Request => self.frames[frame].item,
            // Clients are no keys of any keyspace.
            KeyChoice::Client => self.plan.keys_end() + self.frames[frame].client as u64,
            KeyChoice::Nothing => NO_KEY,
            KeyChoice::Fresh(keyspace) => self.plan.keyspaces[keyspace as usize].pick(draw(key, site, FRESH_KEY)),
        }
    }

    /// The size of a call that says nothing of it: the request's, or one of the class that it turns into.
    fn size_for(&self, frame: u32, child: u32, other_class: bool) -> u64 {
        if !other_class {
            return self.sizes[frame as usize];
        }
        let Frame { key, class, item, .. } = self.frames[child];
        if self.plan.sized_keys && item != NO_KEY {
            return self.item_size(class, item);
        }
        let class = &self.plan.classes[class as usize];
        class.size.as_ref().map_or(0, |size| size.sample_ns(draw(key, class.site, SIZE)))
    }

    /// The operation of a call, and whether it writes.
    #[inline]
    fn operation(&self, op: OpName, class_writes: bool, link: &LinkPlan) -> (OpName, bool) {
        match op {
            ANY_OP if class_writes => (ops::WRITE, true),
            ANY_OP => (ops::READ, false),
            ops::READ => (ops::READ, false),
            ops::WRITE | ops::DELETE | ops::STORE => (op, true),
            own => {
                let component = link.target.component();
                let writes = self.plan.components[component as usize].op_writes.get(own as usize);
                (own, writes.copied().unwrap_or(class_writes))
            }
        }
    }

    /// The instance that a try goes to.
    #[inline(always)]
    pub(super) fn resolve(&mut self, frame: u32, child: u32, link: &LinkPlan) -> Option<u32> {
        match link.target {
            Target::Balancer(component) => match self.picked(frame, child) {
                None => self.members[component as usize].first().copied(),
                picked => picked,
            },
            Target::Copy(component) => match self.picked(frame, child) {
                None => Some(self.copy_for(component, self.frames[frame].scope)),
                picked => picked,
            },
            Target::Chosen(component) => match self.picked(frame, child) {
                None => Some(self.chosen_node(component, child)),
                picked => picked,
            },
            Target::Database(component) => Some(self.node_for(component, child)),
            Target::Pool(component) => {
                if let Some(picked) = self.picked(frame, child) {
                    return Some(picked);
                }
                let scope = self.frames[frame].scope;
                let link_at = self.call_of(frame).link;
                self.choose_replica(component, link_at, link, scope, child)
            }
        }
    }

    /// The endpoint that a balancer has chosen for its try.
    #[inline(always)]
    fn picked(&mut self, frame: u32, child: u32) -> Option<u32> {
        let state = &self.frames[frame];
        let Op::CallPicked(balancer) = self.plan.ops[state.pc as usize] else { return None };
        if state.has(FALLBACK) {
            return None;
        }
        let picked = state.next;
        self.enter_balancer(balancer, picked, child);
        Some(picked)
    }

    /// The replica that a caller without a balancer calls.
    fn choose_replica(&mut self, component: u32, link_at: u32, link: &LinkPlan, scope: u32, child: u32) -> Option<u32> {
        let ready = self.ready_members(component);
        if ready == 0 {
            return None;
        }
        let Frame { client, key, .. } = self.frames[child];
        let turn = match link.policy {
            Policy::Random | Policy::PowerOfTwo | Policy::LeastResponseTime => {
                (draw(key, link.site, PICK) * ready as f64) as u32
            }
            Policy::IpHash | Policy::ConsistentHash | Policy::Maglev => (mix64(client as u64) % ready as u64) as u32,
            Policy::RoundRobin
            | Policy::SmoothRoundRobin
            | Policy::LeastConnections
            | Policy::WeightedLeastConnections
            | Policy::ResourceBased => {
                let caller = self.caller(link_at, link, scope);
                let turn = caller.cursor % ready;
                caller.cursor = turn + 1;
                turn
            }
        };
        let chosen = self.ready_member(component, turn);
        if self.plan.hedges.is_empty() {
            return Some(chosen);
        }
        // Another copy of a call goes to another replica.
        let rivals = self.rivals(child);
        let others = (0..ready).map(|step| self.ready_member(component, (turn + step) % ready));
        Some(others.into_iter().find(|other| !rivals.contains(other)).unwrap_or(chosen))
    }

    /// A try has ended: another one, another turn, or on.
    #[inline]
    pub(super) fn settle(&mut self, frame: u32, outcome: Outcome) -> Next {
        self.trace_settle(frame, outcome);
        let call = self.call_of(frame);
        let link = &self.plan.links[call.link as usize];
        if self.frames[frame].has(ADMITTED) {
            self.leave_link(frame, call, link, Some(outcome));
        }
        if self.frames[frame].attempt > 0 {
            self.stop_retrying(frame);
        }
        if link.watched {
            self.endpoint_answered(frame, outcome);
        }
        if outcome == Outcome::Ok {
            let state = &mut self.frames[frame];
            if state.has(FALLBACK) {
                state.flags &= !FALLBACK;
                self.meters.links[call.link as usize].fallbacks_ok += self.open as u64;
            }
            // The fallback stands in for its call, so the turns are that call's.
            let times = self.call_of(frame).times;
            let state = &mut self.frames[frame];
            state.turn += 1;
            if state.turn < times {
                return Next::Turn;
            }
            state.turn = 0;
            return Next::Step;
        }
        self.settle_badly(frame, outcome, call, link)
    }

    #[inline(never)]
    fn settle_badly(&mut self, frame: u32, outcome: Outcome, call: &'p CallPlan, link: &'p LinkPlan) -> Next {
        let meter = &mut self.meters.links[call.link as usize];
        if self.open {
            meter.outcomes[outcome as usize] += 1;
        }
        if let Some(retry) = &link.retry {
            let state = self.frames[frame];
            let writes = self.call_writes(frame, call, link);
            // A balancer sees no answer of a server that is down.
            let seen =
                if link.watched && self.is_unreachable(frame, outcome) { Outcome::ConnectionRefused } else { outcome };
            let may = (state.attempt as u32) < retry.retries
                && retry.when & (1 << seen as u16) != 0
                && self.is_retryable(frame, call, retry.writes || !writes);
            if may {
                let attempt = state.attempt + 1;
                let u = draw(
                    state.key,
                    link.site ^ call.site,
                    JITTER.wrapping_add((state.turn as u64) << 8 | (attempt as u64) << 40),
                );
                let wait =
                    retry.backoff.wait(attempt as u32, retry.jitter, u, if attempt == 1 { 0 } else { state.work });
                // A try that could only begin past the deadline is none.
                let last = if link.deadline_ns > 0 {
                    state.deadline.min(state.sent.saturating_add(link.deadline_ns))
                } else {
                    state.deadline
                };
                if self.now.saturating_add(wait) < last && self.may_retry(frame, call, link, outcome) {
                    let state = &mut self.frames[frame];
                    state.attempt = attempt;
                    state.work = wait;
                    if wait == 0 {
                        return Next::TryAgain;
                    }
                    self.open_phase(frame, link.cell + 1, Waiting::BackOff);
                    self.wake_in(frame, wait);
                    return Next::Wait;
                }
            }
        }
        let state = &mut self.frames[frame];
        if call.fallback.is_some() && !state.has(FALLBACK) {
            state.flags |= FALLBACK;
            let fallback = self.call_of(frame);
            let now = self.now;
            let state = &mut self.frames[frame];
            state.attempt = 0;
            state.sent = now;
            self.meters.links[fallback.link as usize].fallbacks += self.open as u64;
            self.meters.links[fallback.link as usize].calls += self.open as u64;
            return Next::TryAgain;
        }
        state.flags &= !FALLBACK;
        Next::Fail(outcome)
    }

    /// Whether a call may be made again: as its class says, else as usual.
    pub(super) fn is_retryable(&self, frame: u32, call: &CallPlan, usual: bool) -> bool {
        let class = call.class.unwrap_or(self.frames[frame].class);
        self.plan.classes[class as usize].retryable.unwrap_or(usual)
    }

    /// Whether a call writes.
    pub(super) fn call_writes(&self, frame: u32, call: &CallPlan, link: &LinkPlan) -> bool {
        let state = &self.frames[frame];
        let class_writes = call.class.map_or(state.has(WRITE), |class| self.plan.classes[class as usize].write);
        self.operation(if call.inherit_op { state.op } else { call.op }, class_writes, link).1
    }
}
