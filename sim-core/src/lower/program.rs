//! Programs in the making: operations, labels, and where failures go.

use super::Lowering;
use crate::engine::slab::NONE;
use crate::plan::{CacheOp, DataStep, KeyChoice, Kind, Op, Pc, Target};

/// A place in a program that may not be known yet; what `Pc` holds until labels are resolved.
pub(crate) type Label = u32;

impl Lowering<'_> {
    /// A new label, to be placed later.
    pub(crate) fn label(&mut self) -> Label {
        self.labels.push(None);
        self.labels.len() as Label - 1
    }

    /// Places a label at the next operation.
    pub(crate) fn place(&mut self, label: Label) {
        self.labels[label as usize] = Some(self.plan.ops.len() as Pc);
    }

    /// A label of the next operation.
    pub(crate) fn here(&mut self) -> Label {
        let label = self.label();
        self.place(label);
        label
    }

    /// Adds an operation; if it fails, the frame goes on at the innermost of [`Lowering::unwinding`].
    pub(crate) fn emit(&mut self, op: Op) {
        self.plan.ops.push(op);
        self.plan.unwind.push(self.unwinds.last().copied().unwrap_or(NONE));
    }

    /// Emits operations whose failures go to a label.
    pub(crate) fn unwinding(&mut self, to: Label, emit: impl FnOnce(&mut Self)) {
        self.unwinds.push(to);
        emit(self);
        self.unwinds.pop();
    }

    /// Emits an operation that gives something back at the end of a program: a frame that failed goes on right behind it.
    pub(crate) fn clean_up(&mut self, op: Op) {
        let next = self.label();
        self.unwinding(next, |lowering| lowering.emit(op));
        self.place(next);
    }

    /// Marks the calls that need nothing but the callee.
    pub(crate) fn find_quick_calls(&mut self) {
        let plan = &mut self.plan;
        for op in &mut plan.ops {
            let Op::Call(at) = *op else { continue };
            let call = &plan.calls[at as usize];
            let link = &plan.links[call.link as usize];
            let plain_call = call.times == 1
                && call.key == KeyChoice::Request
                && call.class.is_none()
                && call.fallback.is_none()
                && call.hedge == NONE
                && call.holding == NONE;
            if plain_call && link.plain && link.retry.is_none() && !plan.sizes {
                *op = Op::QuickCall(at);
            }
        }
        // Requests of sessions end at their session: they keep a frame of their own.
        let early = plan.ops.contains(&Op::ReplyEarly);
        let answers_early = |call: u32| match plan.links[plan.calls[call as usize].link as usize].target {
            Target::Copy(component) => early || matches!(plan.components[component as usize].kind, Kind::Queue(_)),
            Target::Chosen(_) => early,
            Target::Pool(_) | Target::Balancer(_) | Target::Database(_) => false,
        };
        for client in plan.clients.iter().filter(|client| client.session == NONE) {
            for &entry in client.entry.iter().filter(|&&entry| entry != NONE) {
                if let [Op::QuickCall(call), Op::Finish] = plan.ops[entry as usize..entry as usize + 2]
                    // Who answers early needs somebody to answer to.
                    && !answers_early(call)
                {
                    plan.ops[entry as usize] = Op::TailCall(call);
                }
            }
        }
    }

    /// Puts places where labels are.
    pub(crate) fn resolve_labels(&mut self) {
        let labels = &self.labels;
        let resolve = |at: &mut Pc| {
            if *at != NONE {
                *at = labels[*at as usize].expect("every label that is used is placed");
            }
        };
        for op in &mut self.plan.ops {
            match op {
                Op::IfHit(to)
                | Op::Cache(CacheOp::NextDirty { to, .. })
                | Op::Jump(to)
                | Op::IfWrite(to)
                | Op::IfKeyless { to, .. }
                | Op::Message { to, .. }
                | Op::Data { step: DataStep::Scatter | DataStep::OnShard, to, .. } => resolve(to),
                Op::Seize { .. }
                | Op::Release { .. }
                | Op::Work { .. }
                | Op::Delay { .. }
                | Op::Call(_)
                | Op::QuickCall(_)
                | Op::TailCall(_)
                | Op::Lookup(_)
                | Op::Store(_)
                | Op::Remove(_)
                | Op::Cache(_)
                | Op::Recover
                | Op::FallBack { .. }
                | Op::Cast(_)
                | Op::CallPicked(_)
                | Op::Fork(_)
                | Op::HedgedTry(_)
                | Op::Expire
                | Op::EndBranch
                | Op::NoteLatency
                | Op::Remember
                | Op::CountForPause
                | Op::Admit
                | Op::Learn
                | Op::Choose(_)
                | Op::FailShare(_)
                | Op::Observe(_)
                | Op::Commit(_)
                | Op::Connect(_)
                | Op::Disconnect(_)
                | Op::SeizeSession { .. }
                | Op::ReleaseSession { .. }
                | Op::SetKey { .. }
                | Op::RestoreKey
                | Op::Own { .. }
                | Op::Data { .. }
                | Op::Reply
                | Op::ReplyEarly
                | Op::Finish
                | Op::Issue(_)
                | Op::Think { .. }
                | Op::EndSession => {}
            }
        }
        self.plan.unwind.iter_mut().for_each(resolve);
        self.plan.flights.iter_mut().for_each(|flight| resolve(&mut flight.to));
        for flush in self.plan.caches.iter_mut().filter_map(|cache| cache.flush.as_mut()) {
            resolve(&mut flush.program);
        }
        for fork in &mut self.plan.forks {
            fork.branches.iter_mut().for_each(resolve);
        }
        for choice in &mut self.plan.choices {
            choice.ways.iter_mut().for_each(|(_, to)| resolve(to));
        }
        for component in &mut self.plan.components {
            component.entry_by_class.iter_mut().for_each(resolve);
            component.entry_by_op.iter_mut().for_each(resolve);
        }
        for database in &mut self.plan.databases {
            resolve(&mut database.replicate);
            resolve(&mut database.mover);
        }
        for client in &mut self.plan.clients {
            client.entry.iter_mut().for_each(resolve);
            resolve(&mut client.session);
            resolve(&mut client.session_end);
        }
    }
}
