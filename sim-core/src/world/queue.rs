//! Queues of messages: how they are accepted, delivered and done.
//!
//! A message is a frame: that of the call that published it. When it is accepted, a twin answers its publisher, and the
//! frame itself stands in the line of the queue's station until a worker is free.

use super::frame::{ACCEPTED, BRANCH, COUNTED, Frame, NO_COMPONENT, NO_DEADLINE, Waiting};
use super::seize::Seized;
use super::{Next, World};
use crate::engine::digest::Digest;
use crate::engine::slab::NONE;
use crate::plan::{Kind, Outcome, QueueStep};

/// What a queue knows of its messages.
#[derive(Debug, Clone, Default)]
pub struct QueueState {
    /// Deliveries of several messages that are under way.
    batches: Vec<Batch>,
    free_batches: Vec<u32>,
    /// Messages taken from their publishers since the run's start.
    accepted: u64,
    /// Messages that are no more, since the run's start.
    ended: u64,
    /// What the report tells.
    pub tally: QueueTally,
}

/// What is measured of a queue, in the window.
#[derive(Debug, Clone, Default)]
pub struct QueueTally {
    /// Deliveries that ended well.
    pub delivered: u64,
    /// Deliveries that failed and are made again.
    pub redelivered: u64,
    /// Messages that were given up.
    pub dead_letters: u64,
    /// Messages that went for newer ones.
    pub dropped: u64,
    /// Messages that wait to be delivered, now.
    pub backlog: u64,
    /// The most of them at one instant.
    pub backlog_max: u64,
    /// ∫ backlog dt, and up to when.
    pub backlog_area: u128,
    /// See `backlog_area`.
    pub since: u64,
    /// How many there were at the end of the window.
    pub backlog_end: u64,
    /// The oldest that a waiting message got, ns.
    pub age_max: u64,
    /// How old the oldest was at the end of the window, ns.
    pub age_end: u64,
    /// The ages of messages of the window that were never done, ns.
    pub unfinished: Vec<u64>,
}

/// Messages that are delivered together.
#[derive(Debug, Clone, Default)]
struct Batch {
    /// Those that wait for the first one's call; none where each is a call of its own.
    followers: Vec<u32>,
    /// How many calls are under way.
    open: u32,
}

impl QueueTally {
    /// Adds its figures to a digest.
    pub fn digest(&self, digest: &mut Digest) {
        let counts = [self.delivered, self.redelivered, self.dead_letters, self.dropped, self.backlog_max];
        counts.iter().for_each(|&count| digest.word(count));
        [self.backlog_area as u64, self.backlog_end, self.age_max].iter().for_each(|&word| digest.word(word));
        self.unfinished.iter().for_each(|&age| digest.word(age));
    }

    /// Lets the backlog grow or shrink.
    fn count(&mut self, now: u64, grows: i64) {
        self.backlog_area += (now - self.since) as u128 * self.backlog as u128;
        self.since = now;
        self.backlog = self.backlog.wrapping_add_signed(grows);
        self.backlog_max = self.backlog_max.max(self.backlog);
    }
}

impl<const TRACED: bool> World<'_, TRACED> {
    /// The number of the queue that an instance is.
    fn queue_at(&self, instance: u32) -> u32 {
        let Kind::Queue(queue) = self.instances[instance as usize].kind else { unreachable!("a queue has messages") };
        queue
    }

    /// A message's next step.
    pub(super) fn message(&mut self, frame: u32, step: QueueStep, cell: u16, to: u32) -> Next {
        match step {
            QueueStep::Accept | QueueStep::Again => self.line_message_up(frame, step == QueueStep::Accept, cell),
            QueueStep::End => self.delivery_ends(frame, to, false),
            QueueStep::EndLast => self.delivery_ends(frame, to, true),
            QueueStep::Refused => {
                if self.frames[frame].has(ACCEPTED) {
                    // Dropped for a newer one.
                    let queue = self.queue_at(self.frames[frame].instance);
                    self.queues[queue as usize].tally.count(self.now, -1);
                    self.queues[queue as usize].tally.dropped += self.open as u64;
                    self.end_message(frame);
                    self.uncount_message(frame);
                }
                Next::Step
            }
        }
    }

    /// A message comes to the line, new or for another delivery.
    fn line_message_up(&mut self, frame: u32, new: bool, cell: u16) -> Next {
        let instance = self.frames[frame].instance;
        let station = self.instances[instance as usize].stations;
        let queue = self.queue_at(instance);
        if self.frames[frame].waiting == Waiting::Granted {
            self.frames[frame].waiting = Waiting::Nothing;
            return Next::Step;
        }
        let batch = self.plan.queues[queue as usize].batch;
        let open = self.open;
        let now = self.now;
        let state = &mut self.stations[station as usize];
        state.tally.arrivals += open as u64;
        // A line without room has none to collect a batch in.
        if state.busy < state.servers && state.queue.len == 0 && (batch == 1 || state.capacity == 0) {
            state.tally.unwaited += open as u64;
            if new {
                self.accept(frame);
            } else {
                self.queues[queue as usize].tally.count(now, -1);
            }
            self.begin_delivery(station);
            self.frames[frame].prev = NONE;
            return Next::Step;
        }
        match self.line_up(frame, station, new, cell) {
            Seized::Refused(outcome) => return Next::Fail(outcome),
            Seized::Granted | Seized::Waits => {}
        }
        if self.frames[frame].waiting == Waiting::Queue {
            let wait = self.plan.queues[queue as usize].wait_ns;
            if new {
                self.accept(frame);
                self.queues[queue as usize].tally.count(now, 1);
            } else if wait > 0 {
                self.wake_in(frame, wait);
            }
            self.deliver_messages(station);
        }
        Next::Wait
    }

    /// A message is accepted: a twin takes its place towards the publisher, and it goes on alone.
    fn accept(&mut self, frame: u32) {
        let state = self.frames[frame];
        let queue = self.queue_at(state.instance);
        if state.parent != NONE {
            let twin = self.take_frame();
            let generation = self.frames[twin].generation;
            self.frames[twin] = Frame {
                generation,
                child: NONE,
                wake: 0,
                next: NONE,
                prev: NONE,
                waiting: Waiting::Nothing,
                flags: state.flags & !COUNTED,
                pc: self.plan.unwind[state.pc as usize],
                ..state
            };
            self.frames[state.parent].child = twin;
            self.sizes[twin as usize] = self.sizes[frame as usize];
            self.instances[state.instance as usize].active += 1;
            self.trace_early_reply(frame, twin);
            self.ready.push_back(twin);
        }
        let message = &mut self.frames[frame];
        message.parent = NONE;
        message.log = NONE;
        message.deadline = NO_DEADLINE;
        message.via = NO_COMPONENT;
        message.flags |= ACCEPTED;
        self.pending += message.has(COUNTED) as u64;
        self.queues[queue as usize].accepted += 1;
    }

    /// A message that waited in front of the full line has come into it.
    pub(super) fn accept_from_front(&mut self, frame: u32, station: u32) {
        let waited = self.clip(self.now) - self.clip(self.frames[frame].since);
        self.stations[station as usize].tally.waited += waited as u128;
        self.close_phase(frame);
        self.frames[frame].since = self.now;
        self.accept(frame);
        let queue = self.queue_at(self.frames[frame].instance);
        self.queues[queue as usize].tally.count(self.now, 1);
    }

    /// The first of a line has waited for others as long as it may.
    pub(super) fn batch_is_due(&mut self, station: u32) -> Next {
        self.deliver_messages(station);
        Next::Wait
    }

    /// Delivers what can be delivered: while there are workers, the next messages or batches.
    pub(super) fn deliver_messages(&mut self, station: u32) {
        let queue = self.queue_at(self.stations[station as usize].instance);
        let plan = &self.plan.queues[queue as usize];
        loop {
            let state = &self.stations[station as usize];
            if state.busy >= state.servers {
                return;
            }
            let first = state.queue.first();
            if first == NONE {
                let publisher = state.front.first();
                if publisher == NONE {
                    return;
                }
                self.hand_over(publisher, station);
                continue;
            }
            let due = self.now - self.frames[first].since >= plan.wait_ns;
            if state.queue.len < plan.batch && !due {
                return;
            }
            let count = state.queue.len.min(plan.batch);
            self.begin_delivery(station);
            let batch = if count > 1 { self.take_batch(queue) } else { NONE };
            for number in 0..count {
                let next = self.stations[station as usize].queue.first();
                self.take_message(next, station, queue);
                self.frames[next].prev = batch;
                if number > 0 && !plan.each {
                    self.frames[next].waiting = Waiting::Batch;
                    self.queues[queue as usize].batches[batch as usize].followers.push(next);
                } else {
                    self.ready.push_back(next);
                    if batch != NONE {
                        self.queues[queue as usize].batches[batch as usize].open += 1;
                    }
                }
            }
        }
    }

    /// A publisher in front of a line without room gives its message to a worker.
    fn hand_over(&mut self, publisher: u32, station: u32) {
        self.leave_line(publisher, station);
        self.close_phase(publisher);
        self.frames[publisher].since = self.now;
        self.accept(publisher);
        self.begin_delivery(station);
        let state = &mut self.frames[publisher];
        state.waiting = Waiting::Granted;
        state.prev = NONE;
        self.ready.push_back(publisher);
    }

    /// Takes a message out of the line for its delivery.
    fn take_message(&mut self, message: u32, station: u32, queue: u32) {
        let Frame { since, start, .. } = self.frames[message];
        self.leave_line(message, station);
        self.close_phase(message);
        self.record_wait(station, since);
        let (now, open) = (self.now, self.open);
        let tally = &mut self.queues[queue as usize].tally;
        tally.count(now, -1);
        if open {
            tally.age_max = tally.age_max.max(now - start);
        }
        let state = &mut self.frames[message];
        state.waiting = Waiting::Granted;
        state.since = now;
    }

    fn begin_delivery(&mut self, station: u32) {
        let (now, clipped) = (self.now, self.clip(self.now) as u128);
        let state = &mut self.stations[station as usize];
        state.begin(now);
        state.tally.served = state.tally.served.wrapping_sub(clipped);
        state.tally.holders += 1;
    }

    fn take_batch(&mut self, queue: u32) -> u32 {
        let queue = &mut self.queues[queue as usize];
        queue.free_batches.pop().unwrap_or_else(|| {
            queue.batches.push(Batch::default());
            queue.batches.len() as u32 - 1
        })
    }

    /// The call of a delivery has ended.
    fn delivery_ends(&mut self, frame: u32, to: u32, last: bool) -> Next {
        let Frame { instance, prev: batch, pc, .. } = self.frames[frame];
        let outcome = self.frames[frame].outcome();
        let queue = self.queue_at(instance);
        let station = self.instances[instance as usize].stations;
        let mut over = true;
        if batch != NONE {
            let entry = &mut self.queues[queue as usize].batches[batch as usize];
            entry.open -= 1;
            over = entry.open == 0;
            if over {
                let mut followers = std::mem::take(&mut entry.followers);
                for follower in followers.drain(..) {
                    self.frames[follower].waiting = Waiting::Nothing;
                    self.frames[follower].pc = self.settle_message(follower, queue, outcome, (pc, to, last));
                    self.ready.push_back(follower);
                }
                let state = &mut self.queues[queue as usize];
                state.batches[batch as usize].followers = followers;
                state.free_batches.push(batch);
            }
        }
        let next = self.settle_message(frame, queue, outcome, (pc, to, last));
        if over {
            self.end_delivery(station);
        }
        Next::At(next)
    }

    fn end_delivery(&mut self, station: u32) {
        let (now, open, clipped) = (self.now, self.open, self.clip(self.now) as u128);
        let state = &mut self.stations[station as usize];
        state.tally.served = state.tally.served.wrapping_add(clipped);
        state.tally.holders -= 1;
        state.tally.services += open as u64;
        state.end(now);
        self.deliver_messages(station);
    }

    /// What becomes of a message after a delivery: where it goes on.
    fn settle_message(&mut self, frame: u32, queue: u32, outcome: Outcome, way: (u32, u32, bool)) -> u32 {
        let (pc, to, last) = way;
        let (now, open) = (self.now, self.open);
        let tally = &mut self.queues[queue as usize].tally;
        let state = &mut self.frames[frame];
        state.outcome = Outcome::Ok as u8;
        state.turn = 0;
        if outcome == Outcome::Ok {
            tally.delivered += open as u64;
            self.pending -= state.has(COUNTED) as u64;
            self.end_message(frame);
            return pc + 1;
        }
        if last {
            tally.dead_letters += open as u64;
            self.end_message(frame);
            self.uncount_message(frame);
        } else {
            tally.redelivered += open as u64;
            tally.count(now, 1);
        }
        to
    }

    fn end_message(&mut self, frame: u32) {
        let queue = self.queue_at(self.frames[frame].instance);
        self.queues[queue as usize].ended += 1;
        self.frames[frame].flags &= !ACCEPTED;
    }

    /// A message that is never done has no time from its publishing until then.
    fn uncount_message(&mut self, frame: u32) {
        self.pending -= self.frames[frame].has(COUNTED) as u64;
        self.frames[frame].flags &= !COUNTED;
    }

    // What is measured.

    /// The window of all queues begins.
    pub(super) fn queues_start(&mut self) {
        for queue in &mut self.queues {
            let tally = &mut queue.tally;
            *tally = QueueTally {
                backlog: tally.backlog,
                backlog_max: tally.backlog,
                since: self.now,
                ..Default::default()
            };
        }
    }

    /// The window of all queues ends.
    pub(super) fn queues_end(&mut self) {
        for at in 0..self.queues.len() {
            let age = self.oldest_message(at as u32);
            let tally = &mut self.queues[at].tally;
            tally.count(self.now, 0);
            tally.backlog_end = tally.backlog;
            tally.age_end = age;
            tally.age_max = tally.age_max.max(age);
        }
    }

    /// How old the oldest message of a line is: the first, unless some wait for another delivery.
    pub(super) fn oldest_message(&self, queue: u32) -> u64 {
        let component = self.plan.queues[queue as usize].component;
        let instance = self.members[component as usize][0];
        let line = &self.stations[self.instances[instance as usize].stations as usize].queue;
        let (mut oldest, mut message) = (self.now, line.first());
        while message != NONE {
            oldest = oldest.min(self.frames[message].start);
            message = self.frames[message].next;
        }
        self.now - oldest
    }

    /// Counts the messages that are left when the run ends.
    pub(super) fn count_messages(&mut self) -> Vec<(u32, u64, u64)> {
        let mut left = vec![0_u64; self.queues.len()];
        for at in 0..self.frames.high_water() {
            let frame = self.frames[at];
            // Copies of a delivery that is hedged are no messages.
            if !frame.in_use() || !frame.has(ACCEPTED) || frame.has(BRANCH) || frame.instance == NONE {
                continue;
            }
            let Kind::Queue(queue) = self.instances[frame.instance as usize].kind else { continue };
            left[queue as usize] += 1;
            if frame.has(COUNTED) {
                self.queues[queue as usize].tally.unfinished.push(self.now - frame.start);
            }
        }
        let states = self.queues.iter_mut().zip(&self.plan.queues).zip(left);
        let checks = states.map(|((state, plan), left)| {
            state.tally.unfinished.sort_unstable();
            (plan.component, state.accepted, state.ended + left)
        });
        checks.collect()
    }
}
