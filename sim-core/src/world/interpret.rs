//! The interpreter: runs a frame until it must wait.

use super::frame::{BRANCH, HIT, NO_KEY, Waiting, draw};
use super::{Next, World};
use crate::engine::slab::NONE;
use crate::plan::{Op, Outcome, Place};

impl<const TRACED: bool> World<'_, TRACED> {
    /// Runs on from what happened to a frame, then all that this made ready, until nobody runs.
    #[inline]
    pub(super) fn proceed(&mut self, mut frame: u32, mut next: Next) {
        let plan = self.plan;
        loop {
            next = match next {
                Next::Step => {
                    let state = &mut self.frames[frame];
                    state.pc += 1;
                    let op = plan.ops[state.pc as usize];
                    self.perform(frame, op)
                }
                Next::At(pc) => {
                    self.frames[frame].pc = pc;
                    self.perform(frame, plan.ops[pc as usize])
                }
                Next::Frame(other) => {
                    frame = other;
                    self.perform(frame, plan.ops[self.frames[frame].pc as usize])
                }
                Next::Fail(outcome) => {
                    let state = &mut self.frames[frame];
                    state.outcome = outcome as u8;
                    state.turn = 0;
                    Next::At(plan.unwind[state.pc as usize])
                }
                Next::TryAgain => self.try_again(frame),
                Next::Turn => self.begin_turn(frame),
                Next::StepOf(caller) => {
                    frame = caller;
                    Next::Step
                }
                Next::Answered(caller, outcome) => {
                    frame = caller;
                    self.settle(frame, outcome)
                }
                Next::Wait => match self.ready.pop_front() {
                    Some(other) => {
                        frame = other;
                        Next::At(self.frames[other].pc)
                    }
                    None => return,
                },
            };
        }
    }

    /// Performs one operation of a frame.
    #[inline(always)]
    fn perform(&mut self, frame: u32, op: Op) -> Next {
        match op {
            Op::Work { station, admission, cell, draw } => self.work(frame, station, admission, cell, draw),
            Op::QuickCall(call) => self.quick_call(frame, call),
            Op::TailCall(call) => self.tail_call(frame, call),
            Op::Call(_) => self.begin_call(frame),
            Op::Seize { place, cell, admission } => self.seize_op(frame, place, cell, admission),
            Op::Release { place } => self.release_op(frame, place),
            Op::Reply => self.reply(frame),
            Op::Finish => self.finish(frame),
            other => self.perform_rare(frame, other),
        }
    }

    fn perform_rare(&mut self, frame: u32, op: Op) -> Next {
        let plan = self.plan;
        match op {
            Op::Delay { cell, draw } => {
                let drawn = self.draw_ns(frame, draw);
                if drawn == 0 {
                    return Next::Step;
                }
                // Faster cores don't shorten it; a fault that slows the instance makes it longer.
                let slowed = self.instances[self.frames[frame].instance as usize].slowed;
                let ns = if slowed == 1.0 { drawn } else { (drawn as f64 * slowed).round() as u64 };
                self.open_phase(frame, cell, Waiting::Delay);
                self.wake_in(frame, ns);
                Next::Wait
            }
            Op::Lookup(cache) => self.lookup(frame, cache),
            Op::Store(cache) => self.store(frame, cache),
            Op::Remove(cache) => self.remove(frame, cache),
            Op::Cache(op) => self.cache_op(frame, op),
            Op::IfHit(pc) => {
                if self.frames[frame].has(HIT) {
                    Next::At(pc)
                } else {
                    Next::Step
                }
            }
            Op::IfKeyless { cache, to } => {
                if self.frames[frame].item == NO_KEY {
                    self.meters.components[cache as usize].bypassed += self.open as u64;
                    Next::At(to)
                } else {
                    Next::Step
                }
            }
            Op::IfWrite(pc) => {
                if self.frames[frame].has(super::frame::WRITE) {
                    Next::At(pc)
                } else {
                    Next::Step
                }
            }
            Op::SetKey { key, site } => {
                let site = plan.key_sites[site as usize];
                let state = &self.frames[frame];
                let item = self.chosen_key(frame, key, state.key, site);
                self.keys[frame as usize].push(state.item);
                self.frames[frame].item = item;
                Next::Step
            }
            Op::RestoreKey => {
                let item = self.keys[frame as usize].pop().expect("a key was set before");
                self.frames[frame].item = item;
                Next::Step
            }
            Op::Recover if self.frames[frame].waiting == Waiting::Ending => self.after_cleanup(frame),
            Op::Recover => {
                self.frames[frame].outcome = Outcome::Ok as u8;
                Next::Step
            }
            Op::FallBack { link, done } => {
                let meter = &mut self.meters.links[link as usize];
                *(if done { &mut meter.fallbacks_ok } else { &mut meter.fallbacks }) += self.open as u64;
                Next::Step
            }
            Op::Jump(pc) => Next::At(pc),
            Op::Cast(call) => self.cast(frame, call),
            Op::Fork(fork) => self.fork(frame, fork),
            Op::Expire if self.frames[frame].deadline <= self.now => Next::Fail(Outcome::Timeout),
            Op::Expire => Next::Step,
            Op::HedgedTry(_) => self.try_call(frame),
            Op::EndBranch => self.end_branch(frame),
            Op::NoteLatency => {
                self.note_latency(frame);
                Next::Step
            }
            Op::Remember => self.remember(frame),
            Op::CountForPause => self.count_for_pause(frame),
            Op::Admit => self.admit_by_limit(frame),
            Op::Learn => self.learn(frame),
            Op::Choose(choice) => {
                let choice = &plan.choices[choice as usize];
                let key = self.frames[frame].key;
                let u = draw(key, choice.site, self.frames[frame].turn as u64);
                let way = choice.ways.iter().find(|&&(share, _)| u < share);
                Next::At(way.or(choice.ways.last()).expect("a choice has ways").1)
            }
            Op::FailShare(failure) => {
                let failure = &plan.failures[failure as usize];
                let state = &self.frames[frame];
                let share = failure.share.unwrap_or_else(|| self.error_share(state.instance));
                if share > 0.0 && draw(state.key, failure.site, 0) < share {
                    Next::Fail(failure.outcome)
                } else {
                    Next::Step
                }
            }
            Op::Observe(database) => self.observe(frame, database),
            Op::Commit(database) => self.commit(frame, database),
            Op::Connect(database) => self.connect_own(frame, database),
            Op::Disconnect(database) => self.disconnect_own(frame, database),
            Op::SeizeSession { pool, cell, bit } => {
                if self.frames[frame].sessions_has(bit) {
                    return Next::Step;
                }
                let next = self.seize_op(frame, Place::Pool(pool), cell, true);
                if next == Next::Step {
                    self.frames[frame].sessions_set(bit);
                }
                next
            }
            Op::ReleaseSession { pool, bit } => {
                // Sessions end with their program, however it ended: what follows is its last operations.
                if self.frames[frame].sessions_take(bit) {
                    self.release_op(frame, Place::Pool(pool));
                }
                Next::Step
            }
            Op::Data { step, at, to } => self.data(frame, step, at, to),
            Op::Message { step, cell, to } => self.message(frame, step, cell, to),
            Op::Own { step, cell, .. } => self.own_step(frame, step, cell),
            Op::CallPicked(balancer) => self.call_picked(frame, balancer),
            Op::ReplyEarly => self.reply_early(frame),
            Op::Issue(step) => self.issue(frame, step),
            Op::Think { draw } => self.think(frame, draw),
            Op::EndSession => self.end_session(frame),
            Op::Work { .. }
            | Op::Call(_)
            | Op::QuickCall(_)
            | Op::TailCall(_)
            | Op::Seize { .. }
            | Op::Release { .. }
            | Op::Reply
            | Op::Finish => {
                unreachable!("performed above")
            }
        }
    }

    /// What happens to a frame whose event has come.
    #[inline(always)]
    pub(super) fn woken(&mut self, frame: u32) -> Next {
        match self.frames[frame].waiting {
            Waiting::Work => self.work_ends(frame),
            Waiting::Child => self.call_times_out(frame),
            Waiting::Delay => {
                self.close_phase(frame);
                self.frames[frame].waiting = Waiting::Nothing;
                Next::Step
            }
            Waiting::Outward => {
                self.close_phase(frame);
                self.arrive(frame)
            }
            Waiting::Homeward => {
                self.close_phase(frame);
                self.deliver(frame)
            }
            Waiting::Queue | Waiting::Front => self.wait_times_out(frame),
            Waiting::Connect => self.connected(frame),
            Waiting::BackOff => {
                self.close_phase(frame);
                self.frames[frame].waiting = Waiting::Nothing;
                Next::TryAgain
            }
            Waiting::Join => self.hedge_due(frame),
            Waiting::Think => {
                self.frames[frame].waiting = Waiting::Nothing;
                Next::Step
            }
            Waiting::Message => {
                let state = self.frames[frame];
                self.frames.free(frame);
                if self.frames[state.child].generation == state.version {
                    self.interrupt(state.child, Outcome::Cancelled, true);
                }
                Next::Wait
            }
            Waiting::Free
            | Waiting::Nothing
            | Waiting::Granted
            | Waiting::Ending
            | Waiting::SharedWork
            | Waiting::Flight
            | Waiting::Batch
            | Waiting::Lock
            | Waiting::Request => {
                unreachable!("no event wakes these")
            }
        }
    }

    /// A drawn time of the plan, for a frame.
    #[inline(always)]
    pub(super) fn draw_ns(&self, frame: u32, draw_at: u32) -> u64 {
        let plan = &self.plan.draws[draw_at as usize];
        let state = &self.frames[frame];
        if state.turn == 0
            && let Some(value) = self.ahead.get(draw_at, state.key)
        {
            return value + plan.added_ns;
        }
        plan.sampler.sample_ns(draw(state.key, plan.site, state.turn as u64)) + plan.added_ns
    }

    /// Starts the branches of a fork.
    fn fork(&mut self, frame: u32, fork: u32) -> Next {
        let plan = &self.plan.forks[fork as usize];
        let join = self.take_join();
        self.joins[join as usize].need = plan.need;
        self.joins[join as usize].open = plan.branches.len() as u32;
        self.joins[join as usize].began = self.now;
        let key = self.frames[frame].key;
        for (at, &pc) in plan.branches.iter().enumerate() {
            let branch = self.new_branch(frame, super::frame::child_key(key, plan.site, at as u32, 0), pc);
            self.trace_branch(frame, branch, at as u32);
            self.joins[join as usize].branches.push(branch);
            self.ready.push_back(branch);
        }
        let state = &mut self.frames[frame];
        state.child = join;
        state.waiting = Waiting::Join;
        Next::Wait
    }

    /// Makes the frame of a branch.
    pub(super) fn new_branch(&mut self, frame: u32, key: u64, pc: u32) -> u32 {
        let parent = self.frames[frame];
        let branch = self.take_frame();
        let generation = self.frames[branch].generation;
        self.frames[branch] = super::frame::Frame {
            generation,
            start: self.now,
            since: self.now,
            key,
            wake: 0,
            parent: frame,
            child: NONE,
            log: if parent.log == NONE { NONE } else { branch },
            pc,
            turn: 0,
            mark: 0,
            attempt: 0,
            waiting: Waiting::Nothing,
            flags: (parent.flags | BRANCH) & !(super::frame::FALLBACK | super::frame::ADMITTED),
            ..parent
        };
        self.frames[branch].sessions_clear();
        self.logs[branch as usize].clear();
        self.sizes[branch as usize] = self.sizes[frame as usize];
        self.origins[branch as usize] = self.origins[frame as usize];
        branch
    }

    /// A branch has ended: its parent may go on.
    fn end_branch(&mut self, branch: u32) -> Next {
        let state = self.frames[branch];
        self.trace_branch_end(branch);
        if state.parent == NONE {
            self.frames.free(branch);
            return Next::Wait;
        }
        let parent = state.parent;
        let join = self.frames[parent].child;
        let outcome = state.outcome();
        self.keys[branch as usize].clear();
        let entry = &mut self.joins[join as usize];
        let place = entry.branches.iter().position(|&other| other == branch).expect("its parent waits for it");
        entry.branches[place] = NONE;
        entry.open -= 1;
        entry.done += (outcome == Outcome::Ok) as u32;
        let won = entry.done == entry.need;
        if !won && entry.open + entry.done >= entry.need {
            self.frames.free(branch);
            return Next::Wait;
        }
        // The branch that settles the join is the one that was waited for: its time is the parent's.
        let log = self.frames[parent].log;
        if log != NONE && state.log != NONE {
            let began = self.joins[join as usize].began;
            self.write_hedge_wait(parent, log, began, state.start);
            let branch_log = std::mem::take(&mut self.logs[branch as usize]);
            self.logs[log as usize].append(&branch_log);
            self.logs[branch as usize] = branch_log;
            self.trace_waited(branch);
        }
        self.frames.free(branch);
        if !matches!(self.plan.ops[self.frames[parent].pc as usize], Op::Fork(_)) {
            return self.hedge_settled(parent, join, (state, outcome));
        }
        self.abandon_branches(join);
        self.free_join(join);
        let state = &mut self.frames[parent];
        state.child = NONE;
        state.waiting = Waiting::Nothing;
        self.ready_after(parent, if won { Ok(()) } else { Err(outcome) });
        Next::Wait
    }

    /// Lets a frame that waited go on in its turn, after its present operation or where that unwinds to.
    pub(super) fn ready_after(&mut self, frame: u32, result: Result<(), Outcome>) {
        let state = &mut self.frames[frame];
        match result {
            Ok(()) => state.pc += 1,
            Err(outcome) => {
                state.outcome = outcome as u8;
                state.turn = 0;
                state.pc = self.plan.unwind[state.pc as usize];
            }
        }
        state.waiting = Waiting::Nothing;
        self.ready.push_back(frame);
    }
}
