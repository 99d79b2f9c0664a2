//! Queues: one station, and the life of a message as a program.

use super::super::call::{CallSpec, Caller};
use super::super::{Lowering, site};
use super::when_full;
use crate::components::queue::{BatchCalls, QueueSpec};
use crate::engine::slab::NONE;
use crate::plan::*;

impl Lowering<'_> {
    pub(crate) fn queue(&mut self, id: u32, name: &str, spec: &QueueSpec) {
        self.plan.queues.push(QueuePlan {
            component: id,
            batch: spec.batch.size.0 as u32,
            wait_ns: spec.batch.wait.0,
            each: spec.batch.calls == BatchCalls::Each,
        });
        let kind = Kind::Queue(self.plan.queues.len() as u32 - 1);
        let plan = self.plan_of(id);
        plan.kind = kind;
        plan.is_caller = true;
        plan.stations = vec![StationPlan {
            capacity: spec.capacity.map_or(NONE, |capacity| capacity.0 as u32),
            when_full: when_full(spec.when_full),
            // The first message of a batch that is not full wakes the queue after so long.
            timeout_ns: spec.batch.wait.0,
            ..StationPlan::plain("workers", spec.concurrency.0 as u32)
        }];
        let entry = self.here();
        let (refused, dead, reply) = (self.label(), self.label(), self.label());
        let cell = self.work_cell(id);
        let step = |step, to| Op::Message { step, cell, to };
        self.unwinding(refused, |lowering| lowering.emit(step(QueueStep::Accept, NONE)));
        let mut caller = Caller::new(id, &[name], None);
        let first = self.straight_plan(&mut caller, CallSpec::plain(&spec.to));
        for delivery in 0..=spec.retries() {
            let call = if delivery == 0 { first } else { self.same_call(first, caller.site("call")) };
            let end = self.label();
            self.unwinding(end, |lowering| lowering.emit(Op::Call(call)));
            self.place(end);
            if delivery == spec.retries() {
                self.emit(step(QueueStep::EndLast, dead));
                self.emit(Op::Jump(reply));
                break;
            }
            let again = self.label();
            self.emit(step(QueueStep::End, again));
            self.emit(Op::Jump(reply));
            self.place(again);
            if let Some(redeliver) = &spec.redeliver
                && redeliver.delay.0.as_constant() != Some(0.0)
            {
                let draw = self.draw(&redeliver.delay.0, site(&[name, "redeliver", &delivery.to_string()]));
                self.emit(Op::Delay { cell: cell + 1, draw });
            }
            // In line again, it may be dropped for a newer one.
            self.unwinding(refused, |lowering| lowering.emit(step(QueueStep::Again, NONE)));
        }
        self.place(dead);
        if let Some(link) = &spec.dead_letters {
            let call = self.straight_plan(&mut caller, CallSpec::plain(link));
            let ended = self.label();
            self.unwinding(ended, |lowering| lowering.emit(Op::Call(call)));
            self.place(ended);
        }
        self.emit(Op::Jump(reply));
        self.place(refused);
        self.unwinding(reply, |lowering| lowering.emit(step(QueueStep::Refused, NONE)));
        self.place(reply);
        self.emit(Op::Reply);
        self.plan_of(id).entry_by_class.fill(entry);
    }

    /// A call like another, over the same link, whose draws are its own.
    fn same_call(&mut self, call: u32, site: u64) -> u32 {
        let again = CallPlan { site, ..self.plan.calls[call as usize].clone() };
        self.plan.calls.push(again);
        self.plan.calls.len() as u32 - 1
    }
}
