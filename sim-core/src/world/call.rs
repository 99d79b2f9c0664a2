//! Calls over links: tries, the network, time-outs, answers.

use super::frame::*;
use super::{Next, World};
use crate::engine::calendar::{LAST_INSTANT, entry};
use crate::engine::rng::mix64;
use crate::engine::slab::NONE;
use crate::math;
use crate::plan::{ANY_OP, CallPlan, KeyChoice, Kind, LinkPlan, Op, OpName, Outcome, Policy, Target, ops};

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
}

/// The state of a link, for each instance that calls over it.
#[derive(Debug, Clone, Default)]
pub struct LinkState {
    callers: Vec<Caller>,
}

/// The state of a link for one caller instance.
#[derive(Debug, Clone, Copy, Default)]
struct Caller {
    /// Whose turn it is among the callee's replicas.
    cursor: u32,
    in_flight: u32,
    /// When the pipe to the callee is free.
    out_free: u64,
    /// When the pipe back is free.
    back_free: u64,
}

// The k of a link's draws: see `draw`.
const RTT: u64 = 0;
const LOST_OUT: u64 = 1;
const LOST_BACK: u64 = 2;
const JITTER: u64 = 3;
const PICK: u64 = 4;
const FRESH_KEY: u64 = 5;
const SIZE: u64 = 6;

/// How often a message is sent again before the network gives up.
const RETRANSMISSIONS_MAX: u64 = 15;

impl<'p> World<'p> {
    /// The call that a frame's present operation makes.
    #[inline(always)]
    fn call_of(&self, frame: u32) -> &'p CallPlan {
        let state = &self.frames[frame];
        let plan = self.plan;
        let at = match plan.ops[state.pc as usize] {
            Op::Call(at) | Op::QuickCall(at) => at,
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

    /// Whether a frame is a request that was sent itself instead of a call (see `tail_call`).
    #[inline(always)]
    fn is_sent_request(&self, frame: u32) -> bool {
        let state = &self.frames[frame];
        state.log == frame && !state.has(BRANCH)
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

    /// Makes a try.
    #[inline]
    pub(super) fn try_call(&mut self, frame: u32) -> Next {
        if self.frames[frame].attempt > 0
            && !self.frames[frame].has(FALLBACK)
            && let Op::CallPicked(balancer) = self.plan.ops[self.frames[frame].pc as usize]
        {
            // Another try, another endpoint.
            self.frames[frame].next = self.pick(balancer, frame).unwrap_or(NONE);
            if self.frames[frame].next == NONE {
                return Next::Fail(Outcome::Unavailable);
            }
        }
        let call = self.call_of(frame);
        let link = &self.plan.links[call.link as usize];
        if !link.plain
            && let Some(outcome) = self.admit(frame, call, link)
        {
            return self.settle(frame, outcome);
        }
        self.meters.links[call.link as usize].tries += self.open as u64;
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

    /// Whether the link lets a try through; else how it ends.
    fn admit(&mut self, frame: u32, call: &CallPlan, link: &LinkPlan) -> Option<Outcome> {
        let now = self.now;
        let state = &self.frames[frame];
        let over = link.deadline_ns > 0 && now >= state.sent.saturating_add(link.deadline_ns);
        if over || now >= state.deadline {
            return Some(Outcome::Timeout);
        }
        if link.max_in_flight != NONE {
            let open = self.open;
            let caller = self.caller(call.link, link, state.scope);
            if caller.in_flight >= link.max_in_flight {
                self.meters.links[call.link as usize].rejected += open as u64;
                return Some(Outcome::Rejected);
            }
            caller.in_flight += 1;
            self.frames[frame].flags |= ADMITTED;
        }
        None
    }

    /// The state of a link for a caller.
    fn caller(&mut self, link_at: u32, link: &LinkPlan, scope: u32) -> &mut Caller {
        let at = if link.shared { 0 } else { scope as usize };
        let callers = &mut self.links[link_at as usize].callers;
        if at >= callers.len() {
            callers.resize(at + 1, Caller::default());
        }
        &mut callers[at]
    }

    /// Makes the frame of a try.
    #[inline(always)]
    fn new_child(&mut self, frame: u32, call: &CallPlan, link: &LinkPlan) -> u32 {
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
        if self.plan.sizes {
            self.sizes[child as usize] = match call.size {
                Some(size) => self.plan.draws[size as usize].sampler.sample_ns(draw(key, call.site, SIZE)),
                None => self.size_for(frame, child, call.class.is_some()),
            };
        }
        child
    }

    /// The key that a call is about.
    #[inline]
    pub(super) fn chosen_key(&self, frame: u32, choice: KeyChoice, key: u64, site: u64) -> u64 {
        match choice {
            KeyChoice::Request => self.frames[frame].item,
            KeyChoice::Client => self.frames[frame].client as u64,
            KeyChoice::Fresh(keyspace) => self.plan.keyspaces[keyspace as usize].keys.pick(draw(key, site, FRESH_KEY)),
        }
    }

    /// The size of a call that says nothing of it: the request's, or one of the class that it turns into.
    fn size_for(&self, frame: u32, child: u32, other_class: bool) -> u64 {
        if !other_class {
            return self.sizes[frame as usize];
        }
        let Frame { key, class, .. } = self.frames[child];
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
                let component = match link.target {
                    Target::Pool(component)
                    | Target::Balancer(component)
                    | Target::Copy(component)
                    | Target::Database(component) => component,
                };
                let writes = self.plan.components[component as usize].op_writes.get(own as usize);
                (own, writes.copied().unwrap_or(class_writes))
            }
        }
    }

    /// The instance that a try goes to.
    #[inline(always)]
    fn resolve(&mut self, frame: u32, child: u32, link: &LinkPlan) -> Option<u32> {
        match link.target {
            Target::Balancer(component) => self.members[component as usize].first().copied(),
            Target::Copy(component) => Some(self.copy_for(component, self.frames[frame].scope)),
            Target::Database(component) => Some(self.node_for(component, child)),
            Target::Pool(component) => {
                let state = &self.frames[frame];
                if let Op::CallPicked(balancer) = self.plan.ops[state.pc as usize]
                    && !state.has(FALLBACK)
                {
                    let picked = state.next;
                    self.enter_balancer(balancer, picked, child);
                    return Some(picked);
                }
                let scope = state.scope;
                let link_at = self.call_of(frame).link;
                self.choose_replica(component, link_at, link, scope, child)
            }
        }
    }

    /// The replica that a caller without a balancer calls.
    fn choose_replica(&mut self, component: u32, link_at: u32, link: &LinkPlan, scope: u32, child: u32) -> Option<u32> {
        let ready = self.ready_members(component);
        if ready == 0 {
            return None;
        }
        let Frame { client, key, .. } = self.frames[child];
        let turn = match link.policy {
            Policy::Random | Policy::PowerOfTwo => (draw(key, link.site, PICK) * ready as f64) as u32,
            Policy::IpHash => (mix64(client as u64) % ready as u64) as u32,
            Policy::RoundRobin | Policy::SmoothRoundRobin | Policy::LeastConnections => {
                let caller = self.caller(link_at, link, scope);
                let turn = caller.cursor % ready;
                caller.cursor = turn + 1;
                turn
            }
        };
        Some(self.ready_member(component, turn))
    }

    /// Sends a try over the network and arms the caller's time-out.
    fn send(&mut self, frame: u32, child: u32, link_at: u32, link: &'p LinkPlan) -> Next {
        let armed = self.arm(frame, link_at, link);
        if armed {
            let log = self.frames[frame].log;
            self.frames[frame].mark = if log == NONE { 0 } else { self.logs[log as usize].mark() };
        }
        let (delay, lost) = self.travel(child, self.frames[frame].scope, link_at, link, true);
        if lost && link.datagram {
            // Silence: the caller waits for its time-out.
            self.frames.free(child);
            self.frames[frame].child = NONE;
            self.open_phase(frame, link.cell, Waiting::Child);
            return Next::Wait;
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

    /// Arms the time-out of a try: the link's, or what is left of its deadline.
    #[inline]
    fn arm(&mut self, frame: u32, link_at: u32, link: &LinkPlan) -> bool {
        let left = if link.deadline_ns > 0 {
            self.frames[frame].sent.saturating_add(link.deadline_ns) - self.now
        } else {
            u64::MAX
        };
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
    fn travel(&mut self, child: u32, scope: u32, link_at: u32, link: &LinkPlan, out: bool) -> (u64, bool) {
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
                return (delay.min(LAST_INSTANT), losses > RETRANSMISSIONS_MAX);
            }
        }
        (delay, false)
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
        let state = &mut self.frames[child];
        let instance = &mut self.instances[state.instance as usize];
        state.start = now;
        state.since = now;
        state.waiting = Waiting::Nothing;
        instance.active += 1;
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
            let parent = state.parent;
            self.frames.free(child);
            self.frames[parent].child = NONE;
            self.open_phase(parent, link.cell, Waiting::Child);
            return Next::Wait;
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

    /// A try has ended: another one, another turn, or on.
    #[inline]
    pub(super) fn settle(&mut self, frame: u32, outcome: Outcome) -> Next {
        let call = self.call_of(frame);
        let link = &self.plan.links[call.link as usize];
        if self.frames[frame].has(ADMITTED) {
            let scope = self.frames[frame].scope;
            self.caller(call.link, link, scope).in_flight -= 1;
            self.frames[frame].flags &= !ADMITTED;
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
            let may = (state.attempt as u32) < retry.retries
                && retry.when & (1 << outcome as u16) != 0
                && (retry.writes || !writes);
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
                if self.now.saturating_add(wait) < last {
                    meter_retry(&mut self.meters.links[call.link as usize], self.open);
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

    fn call_writes(&self, frame: u32, call: &CallPlan, link: &LinkPlan) -> bool {
        let state = &self.frames[frame];
        let class_writes = call.class.map_or(state.has(WRITE), |class| self.plan.classes[class as usize].write);
        self.operation(if call.inherit_op { state.op } else { call.op }, class_writes, link).1
    }

    /// A caller has waited for as long as it may.
    pub(super) fn call_times_out(&mut self, frame: u32) -> Next {
        let call = self.call_of(frame);
        let link = &self.plan.links[call.link as usize];
        let child = self.frames[frame].child;
        self.meters.links[call.link as usize].timeouts += self.open as u64;
        self.meters.links[call.link as usize].cancelled += (self.open && link.cancel) as u64;
        self.write_down_try(frame);
        let state = &mut self.frames[frame];
        state.child = NONE;
        state.waiting = Waiting::Nothing;
        if child != NONE {
            if call.holding != NONE && !link.cancel {
                self.lease(frame, child, call);
            }
            self.abandon(child, link);
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
                    let branch_log = std::mem::take(&mut self.logs[branch as usize]);
                    self.logs[log as usize].append(&branch_log);
                    self.logs[branch as usize] = branch_log;
                    deepest = branch;
                }
                Waiting::Nothing | Waiting::Granted => return,
                Waiting::Queue
                | Waiting::Front
                | Waiting::Work
                | Waiting::SharedWork
                | Waiting::Delay
                | Waiting::Connect
                | Waiting::Outward
                | Waiting::Homeward
                | Waiting::Child
                | Waiting::BackOff => {
                    let Frame { cell, since, .. } = self.frames[deepest];
                    self.logs[log as usize].add(cell, self.now - since);
                    return;
                }
                Waiting::Free | Waiting::Think | Waiting::Request | Waiting::Message => unreachable!("no calls"),
            }
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
    fn abandon(&mut self, child: u32, link: &LinkPlan) {
        self.orphan(child);
        let state = &self.frames[child];
        if link.cancel {
            let half = link.rtt.as_ref().map_or(0, |rtt| rtt.sampler.sample_ns(draw(state.key, link.site, RTT)) / 2);
            self.cancel_after(child, half);
            return;
        }
        let in_line = matches!(state.waiting, Waiting::Queue | Waiting::Front);
        let instance = state.instance;
        if in_line && matches!(self.instances[instance as usize].kind, Kind::ConnectionPool(_)) {
            self.withdraw(child);
            self.ready_after(child, Err(Outcome::Abandoned));
        }
    }

    /// Nobody waits for a call any more.
    pub(super) fn orphan(&mut self, child: u32) {
        self.unlog(child);
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
            // It has answered already, or never arrived.
            Waiting::Homeward => return,
            Waiting::Outward => {
                if state.parent == NONE {
                    self.end_lease_of(frame);
                    self.frames[frame].wake = 0;
                    self.frames.free(frame);
                }
                return;
            }
            Waiting::Queue | Waiting::Front => self.withdraw(frame),
            Waiting::Work | Waiting::SharedWork => self.break_work(frame),
            Waiting::Delay | Waiting::BackOff => {
                self.close_phase(frame);
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
            Waiting::Child => self.drop_child(frame, cancel),
            Waiting::Join => {
                if state.log != NONE {
                    self.write_down(frame, state.log);
                }
                let join = state.child;
                let branches = std::mem::take(&mut self.joins[join as usize].branches);
                for &branch in branches.iter().filter(|&&branch| branch != NONE) {
                    self.orphan(branch);
                    self.interrupt(branch, outcome, cancel);
                }
                self.joins[join as usize].branches = branches;
                self.free_join(join);
                self.frames[frame].child = NONE;
            }
            Waiting::Free | Waiting::Think | Waiting::Request | Waiting::Message => unreachable!("no call"),
        }
        self.ready_after(frame, Err(outcome));
    }

    /// A frame that is being ended turns away from its call.
    fn drop_child(&mut self, frame: u32, cancel: bool) {
        let call = self.call_of(frame);
        let link = &self.plan.links[call.link as usize];
        let state = &mut self.frames[frame];
        let child = state.child;
        state.child = NONE;
        state.wake = 0;
        if state.has(ADMITTED) {
            state.flags &= !ADMITTED;
            let scope = state.scope;
            self.caller(call.link, link, scope).in_flight -= 1;
        }
        if child == NONE {
            return;
        }
        let log = self.frames[frame].log;
        if log != NONE {
            self.write_down(child, log);
        }
        if call.holding != NONE && !(cancel && link.cancel) {
            self.lease(frame, child, call);
        }
        if cancel {
            self.abandon(child, link);
        } else {
            self.orphan(child);
        }
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

    /// Sends a call that nobody waits for.
    pub(super) fn cast(&mut self, frame: u32, call_at: u32) -> Next {
        let call = &self.plan.calls[call_at as usize];
        let link = &self.plan.links[call.link as usize];
        self.meters.links[call.link as usize].calls += self.open as u64;
        self.meters.links[call.link as usize].tries += self.open as u64;
        let child = self.new_child(frame, call, link);
        if let Some(instance) = self.resolve(frame, child, link) {
            self.frames[child].instance = instance;
            self.orphan(child);
            let scope = self.frames[frame].scope;
            let (delay, lost) = self.travel(child, scope, call.link, link, true);
            if lost {
                self.frames.free(child);
            } else {
                // Even without a delay it runs after the caller, which does not wait.
                self.open_phase(child, link.cell, Waiting::Outward);
                self.wake_in(child, delay);
            }
        } else {
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
        self.frames[state.parent].child = twin;
        self.instances[state.instance as usize].active += 1;
        let original = &mut self.frames[frame];
        original.parent = NONE;
        original.log = NONE;
        original.flags &= !COUNTED;
        original.via = NO_COMPONENT;
        original.pc += 1;
        self.ready.push_back(frame);
        self.reply(twin)
    }
}

fn meter_retry(meter: &mut super::meters::LinkMeter, open: bool) {
    meter.retries += open as u64;
}
