//! What links let through, and what they remember of each caller for that.

use super::World;
use super::frame::*;
use crate::engine::slab::NONE;
use crate::plan::{CallPlan, LinkPlan, Op, Outcome, RetryPlan};
use crate::policy::breaker::{Breaker, State, Verdict};
use crate::policy::hedge::Percentile;
use crate::policy::retry_budget::Tokens;

/// The state of a link, for each instance that calls over it.
#[derive(Debug, Clone, Default)]
pub struct LinkState {
    callers: Vec<Caller>,
}

/// The state of a link for one caller instance.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caller {
    /// Whose turn it is among the callee's replicas.
    pub cursor: u32,
    /// When the pipe to the callee is free.
    pub out_free: u64,
    /// When the pipe back is free.
    pub back_free: u64,
}

/// What the limits of a link need to know of one caller.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Tries in progress.
    in_flight: u32,
    /// Calls that are on a retry, or wait to make it.
    retrying: u32,
    tokens: Tokens,
    breaker: Breaker,
    /// How long hedged calls took.
    pub took: Percentile,
}

/// What a limit remembers of a frame's try.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pass {
    /// When it began.
    began: u64,
    /// What the retry cost that it is.
    paid: u64,
    /// Where it counts as a retry in progress: the guard and the caller. Another try of a balancer may take another link.
    charged: Option<(u32, u32)>,
}

const SECOND_NS: u64 = 1_000_000_000;

impl<const TRACED: bool> World<'_, TRACED> {
    /// The state of a link for a caller.
    pub(super) fn caller(&mut self, link_at: u32, link: &LinkPlan, scope: u32) -> &mut Caller {
        let at = if link.shared { 0 } else { scope as usize };
        let callers = &mut self.links[link_at as usize].callers;
        if at >= callers.len() {
            callers.resize(at + 1, Caller::default());
        }
        &mut callers[at]
    }

    /// What a link's limits know of a caller.
    pub(super) fn guard(&mut self, link: &LinkPlan, scope: u32) -> &mut Guard {
        let at = if link.shared { 0 } else { scope as usize };
        let guards = &mut self.guards[link.guard as usize];
        if at >= guards.len() {
            guards.resize(at + 1, Guard::default());
        }
        &mut guards[at]
    }

    /// What a link remembers of a frame's try.
    fn pass(&mut self, frame: u32) -> &mut Pass {
        if frame as usize >= self.passes.len() {
            self.passes.resize(frame as usize + 1, Pass::default());
        }
        &mut self.passes[frame as usize]
    }

    /// Now, on a clock whose seconds begin where the window does.
    fn breaker_now(&self) -> u64 {
        self.now + SECOND_NS - self.plan.clock.start % SECOND_NS
    }

    /// Whether the link lets a try through; else how it ends.
    pub(super) fn admit(&mut self, frame: u32, call: &CallPlan, link: &LinkPlan) -> Option<Outcome> {
        let now = self.now;
        let state = &self.frames[frame];
        let over = link.deadline_ns > 0 && now >= state.sent.saturating_add(link.deadline_ns);
        if over || now >= state.deadline {
            return Some(Outcome::Timeout);
        }
        if link.guard == NONE {
            return None;
        }
        let (scope, open) = (state.scope, self.open as u64);
        if link.breaker.is_some() && !self.breaker_admits(call.link, link, scope) {
            self.meters.links[call.link as usize].short_circuited += open;
            return Some(Outcome::CircuitOpen);
        }
        let guard = self.guard(link, scope);
        if guard.in_flight >= link.max_in_flight {
            self.meters.links[call.link as usize].rejected += open;
            self.breaker_hears(call.link, link, scope, Verdict::Bad, 0);
            return Some(Outcome::Rejected);
        }
        guard.in_flight += 1;
        self.frames[frame].flags |= ADMITTED;
        self.pass(frame).began = now;
        None
    }

    /// A try that a link let through has ended, or was ended (`None`).
    pub(super) fn leave_link(&mut self, frame: u32, call: &CallPlan, link: &LinkPlan, outcome: Option<Outcome>) {
        let state = &mut self.frames[frame];
        state.flags &= !ADMITTED;
        let (scope, attempt) = (state.scope, state.attempt);
        let Pass { began, paid, .. } = *self.pass(frame);
        let took = self.now - began;
        let guard = self.guard(link, scope);
        guard.in_flight -= 1;
        if let Some(retry) = &link.retry
            && let Some(rule) = &retry.tokens
            && outcome == Some(Outcome::Ok)
        {
            guard.tokens.earn(rule, (attempt > 0).then_some(paid));
        }
        self.breaker_hears(call.link, link, scope, verdict(outcome), took);
    }

    /// The call of a frame is given up, whatever it waits for.
    pub(super) fn forget_call(&mut self, frame: u32) {
        let state = &self.frames[frame];
        let is_call = matches!(
            self.plan.ops[state.pc as usize],
            Op::Call(_) | Op::QuickCall(_) | Op::CallPicked(_) | Op::HedgedTry(_)
        );
        if !is_call {
            return;
        }
        let call = self.call_of(frame);
        let link = &self.plan.links[call.link as usize];
        if self.frames[frame].has(ADMITTED) {
            self.leave_link(frame, call, link, None);
        }
        self.stop_retrying(frame);
    }

    /// A retry has ended, or was ended.
    pub(super) fn stop_retrying(&mut self, frame: u32) {
        if let Some((guard, at)) = self.passes.get_mut(frame as usize).and_then(|pass| pass.charged.take()) {
            self.guards[guard as usize][at as usize].retrying -= 1;
        }
    }

    /// Whether the link's limits on retries allow one more, after this outcome.
    pub(super) fn may_retry(&mut self, frame: u32, call: &CallPlan, link: &LinkPlan, outcome: Outcome) -> bool {
        let Some(RetryPlan { budget, tokens, .. }) = &link.retry else { return false };
        if budget.is_none() && tokens.is_none() {
            if let Some(pass) = self.passes.get_mut(frame as usize) {
                pass.paid = 0;
            }
            return true;
        }
        let scope = self.frames[frame].scope;
        let guard = self.guard(link, scope);
        // Envoy still counts the try that has just failed as one in progress.
        let concurrent = budget.is_none_or(|budget| budget.allows(guard.retrying, guard.in_flight + 1));
        let paid = match tokens {
            Some(rule) if concurrent => guard.tokens.take(rule, outcome == Outcome::Timeout),
            Some(_) | None => Some(0),
        };
        let (true, Some(paid)) = (concurrent, paid) else {
            self.meters.links[call.link as usize].retries_refused += self.open as u64;
            return false;
        };
        guard.retrying += budget.is_some() as u32;
        let at = if link.shared { 0 } else { scope };
        let pass = self.pass(frame);
        pass.paid = paid;
        pass.charged = budget.map(|_| (link.guard, at));
        true
    }

    fn breaker_admits(&mut self, link_at: u32, link: &LinkPlan, scope: u32) -> bool {
        let Some(rule) = &link.breaker else { return true };
        let now = self.breaker_now();
        let breaker = &mut self.guard(link, scope).breaker;
        let before = breaker.state();
        let admitted = breaker.admit(rule, now);
        let after = breaker.state();
        if before != after {
            self.count_open_time(link_at, before, now);
        }
        admitted
    }

    fn breaker_hears(&mut self, link_at: u32, link: &LinkPlan, scope: u32, verdict: Verdict, took: u64) {
        let Some(rule) = &link.breaker else { return };
        let now = self.breaker_now();
        let breaker = &mut self.guard(link, scope).breaker;
        let before = breaker.state();
        breaker.record(rule, now, verdict, took);
        let opened = before != breaker.state() && matches!(breaker.state(), State::Open(_));
        self.meters.links[link_at as usize].breaker_opens += (opened && self.open) as u64;
    }

    /// Adds the time that a breaker was open, inside the window.
    fn count_open_time(&mut self, link_at: u32, state: State, until: u64) {
        let State::Open(since) = state else { return };
        let shift = self.breaker_now() - self.now;
        let ns = self.clip(until - shift) - self.clip(since - shift);
        self.meters.links[link_at as usize].breaker_open_ns += ns;
    }

    /// Adds the time of those that are open at the end of the run.
    pub(super) fn count_open_breakers(&mut self) {
        let now = self.breaker_now();
        for guard in 0..self.guards.len() {
            // Links that share what they remember: the time is the first one's.
            let with_breaker = |link: &LinkPlan| link.guard == guard as u32 && link.breaker.is_some();
            let Some(link_at) = self.plan.links.iter().position(with_breaker) else { continue };
            for caller in 0..self.guards[guard].len() {
                let state = self.guards[guard][caller].breaker.state();
                self.count_open_time(link_at as u32, state, now);
            }
        }
    }

    /// What an instance that died knew of its callees is lost with it.
    pub(super) fn forget_callees(&mut self, instance: u32) {
        let now = self.breaker_now();
        for link_at in 0..self.plan.links.len() {
            let link = &self.plan.links[link_at];
            if link.guard == NONE || link.shared {
                continue;
            }
            let Some(guard) = self.guards[link.guard as usize].get_mut(instance as usize) else { continue };
            let state = guard.breaker.state();
            let Guard { in_flight, retrying, .. } = *guard;
            *guard = Guard { in_flight, retrying, ..Guard::default() };
            self.count_open_time(link_at as u32, state, now);
        }
    }
}

/// What an outcome says of the callee; 4xx say nothing.
fn verdict(outcome: Option<Outcome>) -> Verdict {
    match outcome {
        Some(Outcome::Ok) => Verdict::Good,
        Some(Outcome::Throttled | Outcome::Denied | Outcome::Cancelled | Outcome::Abandoned) | None => Verdict::Ignored,
        Some(
            Outcome::Timeout
            | Outcome::Rejected
            | Outcome::Failed
            | Outcome::Unavailable
            | Outcome::CircuitOpen
            | Outcome::PoolTimeout
            | Outcome::ConnectionRefused
            | Outcome::Lost,
        ) => Verdict::Bad,
    }
}
