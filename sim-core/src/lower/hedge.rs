//! Hedged calls: a link before the copies, which retries and falls back, and one that each copy takes.

use super::call::{CallSpec, Caller};
use super::{Lowering, site};
use crate::engine::slab::NONE;
use crate::model::hedge::{After, Hedge};
use crate::model::link::Link;
use crate::plan::{CallPlan, HedgeAfter, HedgePlan, LinkPlan, Op, Phase, ops};

impl Lowering<'_> {
    /// The link of a call and its copies (`NONE`: it has none); `site` is that of the call.
    pub(crate) fn hedged_link(&mut self, caller: &Caller, call: &CallSpec, call_site: u64) -> (u32, u32) {
        let copies = self.link(caller.component, call.link);
        // What a cache is told besides look-ups is not hedged.
        let hedge = call.link.options.hedge.as_ref().filter(|_| !matches!(call.op, ops::STORE | ops::DELETE));
        match hedge {
            Some(hedge) => self.before_copies(copies, call, hedge, call_site),
            None => (copies, NONE),
        }
    }

    /// Divides a link: what is done for each copy stays, what is done about all of them stands before.
    fn before_copies(&mut self, copies: u32, call: &CallSpec, hedge: &Hedge, call_site: u64) -> (u32, u32) {
        let whole = self.plan.links[copies as usize].clone();
        let Link { to, .. } = call.link;
        let outer = LinkPlan {
            plain: false,
            rtt: None,
            bandwidth: None,
            loss: 0.0,
            timeout_ns: 0,
            breaker: None,
            max_in_flight: NONE,
            guard: self.guard(whole.owner, call.link, true),
            before_copies: true,
            call_off: hedge.cancel,
            ..whole.clone()
        };
        let owner = whole.owner;
        let each = &mut self.plan.links[copies as usize];
        each.retry = None;
        each.call_off = hedge.cancel;
        each.plain &= whole.deadline_ns == 0;
        if each.breaker.is_none() && each.max_in_flight == NONE {
            each.guard = NONE;
        }
        let outer = self.add_link(outer, to.as_str());
        self.plan.calls.push(CallPlan { times: 1, ..self.call_plan(call, copies, call_site) });
        let cell = self.hedge_cell(owner);
        self.plan.hedges.push(HedgePlan {
            after: match hedge.after {
                After::Time(time) => HedgeAfter::Time(time.0),
                After::Percentile(share) => HedgeAfter::Percentile(share),
            },
            max: hedge.max.0 as u32,
            writes: hedge.writes,
            copy: self.plan.calls.len() as u32 - 1,
            pc: NONE,
            cell,
            site: site(&["hedge"]) ^ call_site,
        });
        (outer, self.plan.hedges.len() as u32 - 1)
    }

    /// The cell of waiting before the copy that answered.
    fn hedge_cell(&mut self, owner: u32) -> u16 {
        self.cell_pair(owner, Phase::HedgeWait, Phase::HedgeWait)
    }

    /// The programs of all copies: each makes its call and ends.
    pub(crate) fn hedge_programs(&mut self) {
        for at in 0..self.plan.hedges.len() {
            self.plan.hedges[at].pc = self.plan.ops.len() as u32;
            let end = self.label();
            let copy = self.plan.hedges[at].copy;
            self.unwinding(end, |lowering| lowering.emit(Op::HedgedTry(copy)));
            self.place(end);
            self.emit(Op::EndBranch);
        }
    }
}
