//! Where a run tells its recorder what happens; compiled into traced runs alone.

use super::World;
use super::frame::{FALLBACK, NO_COMPONENT, NO_KEY};
use super::trace::{Found, Seat, Span, SpanKind};
use crate::engine::slab::NONE;
use crate::plan::{ANY_OP, CallPlan, LinkPlan, Op, OpName, Outcome, Place};
use crate::policy::eviction::Lookup;
use std::collections::BTreeMap;

impl<const TRACED: bool> World<'_, TRACED> {
    /// A request begins.
    #[inline(always)]
    pub(super) fn trace_request(&mut self, frame: u32, client: u32) {
        if !TRACED {
            return;
        }
        let state = self.frames[frame];
        if self.recorder.request_begins(frame, state.key, client, state.class) {
            let mut span = self.span_at(SpanKind::Request, None, state.instance);
            span.key = (state.item != NO_KEY).then_some(state.item);
            self.recorder.works_under[frame as usize] = self.recorder.add(span);
        }
    }

    /// A request has ended.
    #[inline(always)]
    pub(super) fn trace_finish(&mut self, frame: u32, outcome: Outcome, latency: u64, counted: bool) {
        if !TRACED {
            return;
        }
        if counted {
            self.recorder.consider(frame, outcome, latency);
        }
        self.end_request(frame, Some(outcome));
    }

    fn end_request(&mut self, frame: u32, outcome: Option<Outcome>) {
        let mut root = self.recorder.works_under[frame as usize];
        if root == NONE {
            return;
        }
        let mut parts = BTreeMap::new();
        for (cell, ns) in self.logs[frame as usize].entries() {
            *parts.entry(cell).or_insert(0) += ns;
        }
        while let Some(parent) = self.recorder.spans[root as usize].parent {
            self.end_span(root, outcome);
            root = parent;
        }
        self.end_span(root, outcome);
        self.recorder.request_ends(frame, root, parts);
    }

    fn end_span(&mut self, span: u32, outcome: Option<Outcome>) {
        if outcome.is_some() {
            self.recorder.close(span, self.now, outcome);
        }
    }

    /// The end of the run: what has not ended stays open.
    pub(super) fn end_recording(&mut self) -> super::trace::Recorder {
        for frame in 0..self.frames.high_water() {
            let state = self.frames[frame];
            let under = self.recorder.works_under.get(frame as usize).copied().unwrap_or(NONE);
            let is_request = state.in_use() && state.log == frame && !state.has(super::frame::BRANCH);
            if is_request && under != NONE {
                self.end_request(frame, None);
            }
        }
        std::mem::take(&mut self.recorder)
    }

    /// A frame's phase, or a part of it, is over.
    #[inline(always)]
    pub(super) fn trace_phase(&mut self, frame: u32, cell: u16, since: u64, until: u64) {
        if TRACED {
            self.add_phase(frame, cell, since, until);
        }
    }

    fn add_phase(&mut self, frame: u32, cell: u16, since: u64, until: u64) {
        let state = self.frames[frame];
        let start = since.max(self.recorder.cuts[frame as usize]);
        let mut parent = self.recorder.works_under[frame as usize];
        if parent == NONE || start >= until {
            return;
        }
        if state.waiting == super::frame::Waiting::Child && self.recorder.tries[frame as usize] != NONE {
            // It waits for an answer that got lost.
            parent = self.recorder.tries[frame as usize];
        }
        let (component, phase) = self.plan.cells[cell as usize];
        let mut span = Span::new(SpanKind::Phase(phase), Some(parent), component, start);
        span.end = Some(until);
        let number = match self.plan.ops.get(state.pc as usize) {
            Some(Op::Work { station, .. }) => Some((state.instance, *station)),
            Some(Op::Seize { place: Place::Own(number), .. }) => Some((state.instance, *number)),
            Some(_) | None => None,
        };
        let on_the_wire = matches!(phase, crate::plan::Phase::Network | crate::plan::Phase::BackOff);
        span.station = number.filter(|_| !on_the_wire).and_then(|(instance, number)| {
            let component = self.instances[instance as usize].component;
            self.plan.components[component as usize].stations.get(number as usize).map(|station| station.name)
        });
        self.recorder.add(span);
    }

    /// A caller turns away from a frame in the middle of a phase.
    #[inline(always)]
    pub(super) fn trace_cut(&mut self, frame: u32, cell: u16, since: u64) {
        if TRACED {
            self.add_phase(frame, cell, since, self.now);
            self.recorder.cuts[frame as usize] = self.now;
        }
    }

    /// A try of a call begins; its frame has no instance as yet.
    #[inline(always)]
    pub(super) fn trace_call(&mut self, frame: u32, child: u32, op: OpName, call: &CallPlan, link: &LinkPlan) {
        if !TRACED || self.recorder.works_under[frame as usize] == NONE {
            return;
        }
        let (caller, callee) = (self.frames[frame], self.frames[child]);
        let parent = self.recorder.works_under[frame as usize];
        let mut span = Span::new(SpanKind::Call, Some(parent), callee_of(link), self.now);
        span.attempt = caller.attempt;
        span.turn = if call.times > 1 { caller.turn } else { 0 };
        span.fallback = caller.has(FALLBACK);
        span.op = (op != ANY_OP && self.plan.components[span.component as usize].by_op).then_some(op);
        span.key = (callee.item != NO_KEY).then_some(callee.item);
        let span = self.recorder.add(span);
        self.recorder.works_under[child as usize] = span;
        // A request that was sent itself has no caller's frame.
        if child != frame {
            self.recorder.tries[frame as usize] = span;
        }
    }

    /// A link lets a try not through.
    #[inline(always)]
    pub(super) fn trace_refused(&mut self, frame: u32, link: &LinkPlan, outcome: Outcome) {
        if TRACED && self.recorder.works_under[frame as usize] != NONE {
            let parent = self.recorder.works_under[frame as usize];
            let mut span = Span::new(SpanKind::Call, Some(parent), callee_of(link), self.now);
            span.attempt = self.frames[frame].attempt;
            span.end = Some(self.now);
            span.outcome = Some(outcome);
            self.recorder.add(span);
        }
    }

    /// Nobody waits for the call that a frame has just begun.
    #[inline(always)]
    pub(super) fn trace_cast(&mut self, frame: u32, child: u32) {
        let span = if TRACED { self.recorder.works_under[child as usize] } else { NONE };
        if span != NONE {
            self.recorder.tries[frame as usize] = NONE;
            self.recorder.spans[span as usize].kind = SpanKind::Cast;
            self.recorder.spans[span as usize].waited = false;
        }
    }

    /// A call enters its instance.
    #[inline(always)]
    pub(super) fn trace_enter(&mut self, child: u32) {
        if !TRACED || self.recorder.works_under[child as usize] == NONE {
            return;
        }
        let state = self.frames[child];
        let Span { component, seat, .. } = self.span_at(SpanKind::Call, None, state.instance);
        let via = (state.via != NO_COMPONENT).then(|| self.balancer_of(state.via));
        let span = &mut self.recorder.spans[self.recorder.works_under[child as usize] as usize];
        (span.component, span.seat) = (component, seat);
        span.via = via.filter(|&via| via != component);
    }

    /// The balancer that a group of endpoints belongs to.
    fn balancer_of(&self, group: u16) -> u32 {
        let groups = |first: u32, count: usize| (first..first + count as u32).contains(&(group as u32));
        let found = self.plan.balancers.iter().find(|balancer| groups(balancer.first_group, balancer.groups.len()));
        found.expect("a group is a balancer's").component
    }

    /// An instance answers.
    #[inline(always)]
    pub(super) fn trace_answer(&mut self, child: u32, outcome: Outcome) {
        let under = if TRACED { self.recorder.works_under[child as usize] } else { NONE };
        if under == NONE {
            return;
        }
        let now = self.now;
        let span = &mut self.recorder.spans[under as usize];
        match span.kind {
            SpanKind::Cast | SpanKind::Rest => self.recorder.close(under, now, Some(outcome)),
            SpanKind::Call if span.end.is_some() => span.went_on_until = Some(now),
            SpanKind::Call | SpanKind::Request | SpanKind::Branch(_) | SpanKind::Phase(_) => {}
        }
    }

    /// A try has ended for its caller.
    #[inline(always)]
    pub(super) fn trace_settle(&mut self, frame: u32, outcome: Outcome) {
        if TRACED {
            let span = std::mem::replace(&mut self.recorder.tries[frame as usize], NONE);
            self.recorder.close(span, self.now, Some(outcome));
        }
    }

    /// A frame that is being ended has turned away from its call.
    #[inline(always)]
    pub(super) fn trace_turn_away(&mut self, frame: u32) {
        if TRACED {
            self.recorder.tries[frame as usize] = NONE;
        }
    }

    /// A caller has waited for its try as long as it may.
    #[inline(always)]
    pub(super) fn trace_give_up(&mut self, frame: u32) {
        let span = if TRACED { self.recorder.tries[frame as usize] } else { NONE };
        if span != NONE {
            self.recorder.spans[span as usize].abandoned = true;
        }
    }

    /// Nobody waits for a frame any more.
    #[inline(always)]
    pub(super) fn trace_orphan(&mut self, child: u32) {
        let under = if TRACED { self.recorder.works_under[child as usize] } else { NONE };
        if under != NONE && matches!(self.recorder.spans[under as usize].kind, SpanKind::Call | SpanKind::Branch(_)) {
            self.recorder.close(under, self.now, None);
        }
    }

    /// A branch begins.
    #[inline(always)]
    pub(super) fn trace_branch(&mut self, frame: u32, branch: u32, number: u32) {
        if !TRACED || self.recorder.works_under[frame as usize] == NONE {
            return;
        }
        let parent = self.recorder.works_under[frame as usize];
        let mut span = self.span_at(SpanKind::Branch(number), Some(parent), self.frames[frame].instance);
        span.waited = false;
        self.recorder.works_under[branch as usize] = self.recorder.add(span);
    }

    /// A branch decides when its join goes on.
    #[inline(always)]
    pub(super) fn trace_waited(&mut self, branch: u32) {
        let under = if TRACED { self.recorder.works_under[branch as usize] } else { NONE };
        if under != NONE {
            self.recorder.spans[under as usize].waited = true;
        }
    }

    /// A branch has ended.
    #[inline(always)]
    pub(super) fn trace_branch_end(&mut self, branch: u32) {
        let under = if TRACED { self.recorder.works_under[branch as usize] } else { NONE };
        if under == NONE {
            return;
        }
        let (now, outcome) = (self.now, self.frames[branch].outcome());
        let span = &mut self.recorder.spans[under as usize];
        if span.end.is_some() {
            span.went_on_until = Some(now);
        }
        self.recorder.close(under, now, Some(outcome));
    }

    /// A handler has answered and goes on; `twin` stands for it towards its caller.
    #[inline(always)]
    pub(super) fn trace_early_reply(&mut self, frame: u32, twin: u32) {
        let under = if TRACED { self.recorder.works_under[frame as usize] } else { NONE };
        if under != NONE {
            let mut span = self.span_at(SpanKind::Rest, Some(under), self.frames[frame].instance);
            span.waited = false;
            self.recorder.works_under[twin as usize] = under;
            self.recorder.works_under[frame as usize] = self.recorder.add(span);
        }
    }

    /// A cache was asked.
    #[inline(always)]
    pub(super) fn trace_lookup(&mut self, frame: u32, component: u32, found: &Lookup) {
        let under = if TRACED { self.recorder.works_under[frame as usize] } else { NONE };
        if under == NONE {
            return;
        }
        let found = match found {
            Lookup::Hit { version, .. } if self.newest_of(component, self.frames[frame].item) > Some(*version) => {
                Found::Stale
            }
            Lookup::Hit { .. } => Found::Hit,
            Lookup::Expired { .. } => Found::Expired,
            Lookup::Miss => Found::Miss,
        };
        self.recorder.spans[under as usize].found = Some(found);
    }

    /// A span that begins now at an instance.
    fn span_at(&self, kind: SpanKind, parent: Option<u32>, instance: u32) -> Span {
        let state = &self.instances[instance as usize];
        let owner = (state.owner != NONE).then(|| {
            let owner = &self.instances[state.owner as usize];
            (owner.component, owner.ordinal)
        });
        let mut span = Span::new(kind, parent, state.component, self.now);
        span.seat = Some(Seat { ordinal: state.ordinal, owner });
        span
    }
}

pub(super) fn callee_of(link: &LinkPlan) -> u32 {
    link.target.component()
}
