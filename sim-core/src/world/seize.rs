//! What frames do at stations: ask for a place, wait, are served, leave.

use super::frame::{Frame, Waiting};
use super::{Next, SHARING, World};
use crate::engine::calendar::{LAST_INSTANT, entry};
use crate::engine::slab::NONE;
use crate::plan::{Kind, Order, Outcome, Place, WhenFull};

/// What became of a frame that asked for a place.
pub(super) enum Seized {
    /// It has it.
    Granted,
    /// It waits.
    Waits,
    /// It was turned away.
    Refused(Outcome),
}

impl<const TRACED: bool> World<'_, TRACED> {
    /// The station that a place means for a frame.
    #[inline(always)]
    fn station_of(&mut self, frame: u32, place: Place) -> u32 {
        match place {
            Place::Own(number) => self.instances[self.frames[frame].instance as usize].stations + number as u32,
            Place::Pool(pool) => {
                let copy = self.copy_for(pool, self.frames[frame].scope);
                self.instances[copy as usize].stations
            }
        }
    }

    /// Asks for a place and keeps it.
    #[inline(always)]
    pub(super) fn seize_op(&mut self, frame: u32, place: Place, cell: u16, admission: bool) -> Next {
        let station = self.station_of(frame, place);
        if self.frames[frame].waiting != Waiting::Granted {
            if let Place::Pool(_) = place {
                // Held from outside, not called: counted here.
                let pool = self.stations[station as usize].instance;
                self.instances[pool as usize].calls += self.open as u64;
            }
            match self.seize(frame, station, admission, cell) {
                Seized::Granted => {}
                Seized::Waits => return Next::Wait,
                Seized::Refused(outcome) => return Next::Fail(outcome),
            }
        } else {
            self.frames[frame].waiting = Waiting::Nothing;
        }
        let clipped = self.clip(self.now) as u128;
        let state = &mut self.stations[station as usize];
        state.tally.served = state.tally.served.wrapping_sub(clipped);
        state.tally.holders += 1;
        if state.tracked {
            let instance = state.instance;
            return self.take_connection(frame, instance, cell);
        }
        Next::Step
    }

    /// Gives a place back.
    #[inline(always)]
    pub(super) fn release_op(&mut self, frame: u32, place: Place) -> Next {
        let station = self.station_of(frame, place);
        if let Place::Pool(_) = place
            && self.lent[frame as usize] != NONE
            && let lease = self.take_lease(frame, station)
            && lease != NONE
        {
            self.end_lease(lease);
            return self.after_cleanup(frame);
        }
        self.release_held(station);
        self.after_cleanup(frame)
    }

    /// A frame that failed goes on with what else it must give back.
    #[inline(always)]
    pub(super) fn after_cleanup(&self, frame: u32) -> Next {
        match self.frames[frame].outcome() {
            Outcome::Ok => Next::Step,
            bad => Next::Fail(bad),
        }
    }

    /// Gives back a place that was kept.
    #[inline(always)]
    pub(super) fn release_held(&mut self, station: u32) {
        let clipped = self.clip(self.now) as u128;
        let state = &mut self.stations[station as usize];
        state.tally.served = state.tally.served.wrapping_add(clipped);
        state.tally.holders -= 1;
        state.tally.services += self.open as u64;
        if state.tracked {
            let instance = state.instance;
            self.return_connection(instance, station);
        }
        self.release(station);
    }

    /// Waits for a place, is served, gives it back.
    #[inline(always)]
    pub(super) fn work(&mut self, frame: u32, number: u8, admission: bool, cell: u16, draw: u32) -> Next {
        let state = &self.frames[frame];
        let instance = state.instance as usize;
        let station = self.instances[instance].stations + number as u32;
        if self.stations[station as usize].free {
            let state = &mut self.stations[station as usize];
            state.tally.arrivals += self.open as u64;
            state.tally.unwaited += self.open as u64;
            state.begin(self.now);
        } else if state.waiting != Waiting::Granted {
            match self.seize(frame, station, admission, cell) {
                Seized::Granted => {}
                Seized::Waits => return Next::Wait,
                Seized::Refused(outcome) => return Next::Fail(outcome),
            }
        }
        let drawn = self.draw_ns(frame, draw);
        if self.stations[station as usize].sharing.is_some() {
            return self.share(frame, station, cell + 1, drawn);
        }
        let ns = if self.instances[instance].plain { drawn } else { self.stretched(instance, drawn) };
        let state = &mut self.frames[frame];
        state.work = ns;
        // Not in line: the link is free to remember where it works.
        state.next = station;
        self.open_phase(frame, cell + 1, Waiting::Work);
        if ns == 0 {
            return self.work_ends(frame);
        }
        self.wake_in(frame, ns);
        Next::Wait
    }

    /// The service of a frame is over.
    #[inline(always)]
    pub(super) fn work_ends(&mut self, frame: u32) -> Next {
        self.close_phase(frame);
        let Frame { since, work, next: station, .. } = self.frames[frame];
        let served = self.clip(since + work) - self.clip(since);
        let state = &mut self.stations[station as usize];
        state.tally.served += served as u128;
        state.tally.services += self.open as u64;
        self.frames[frame].waiting = Waiting::Nothing;
        self.release(station);
        Next::Step
    }

    /// The station at which a frame is served or waits: what its present operation says.
    pub(super) fn working_at(&mut self, frame: u32) -> u32 {
        let state = self.frames[frame];
        match self.plan.ops[state.pc as usize] {
            crate::plan::Op::Work { station, .. } => self.instances[state.instance as usize].stations + station as u32,
            crate::plan::Op::Seize { place, .. } => self.station_of(frame, place),
            crate::plan::Op::Data { at: database, .. } => self.lock_station(state.instance, database),
            crate::plan::Op::Message { .. } => self.instances[state.instance as usize].stations,
            crate::plan::Op::SeizeSession { pool, .. } => self.station_of(frame, Place::Pool(pool)),
            other => unreachable!("{other:?} is at no station"),
        }
    }

    /// Asks for a place.
    #[inline(always)]
    fn seize(&mut self, frame: u32, station: u32, admission: bool, cell: u16) -> Seized {
        let state = &mut self.stations[station as usize];
        state.tally.arrivals += self.open as u64;
        if state.sharing.is_some() {
            return Seized::Granted;
        }
        if state.busy < state.servers {
            state.begin(self.now);
            if state.tracked {
                // Its wait ends when a connection is in hand: see `take_connection`.
                self.frames[frame].work = 0;
            } else {
                state.tally.unwaited += self.open as u64;
            }
            return Seized::Granted;
        }
        self.line_up(frame, station, admission, cell)
    }

    #[inline(never)]
    pub(super) fn line_up(&mut self, frame: u32, station: u32, admission: bool, cell: u16) -> Seized {
        self.open_phase(frame, cell, Waiting::Queue);
        let state = &mut self.stations[station as usize];
        let full = admission && state.queue.len >= state.capacity;
        let mut patience = if admission { state.timeout_ns } else { 0 };
        if full {
            match state.when_full {
                WhenFull::Reject => return self.turn_away(frame, station),
                WhenFull::DropOldest if state.capacity == 0 => return self.turn_away(frame, station),
                WhenFull::DropOldest => {
                    let oldest = state.queue.first();
                    self.leave_line(oldest, station);
                    self.close_phase(oldest);
                    self.count_rejected(station);
                    self.ready_after(oldest, Err(Outcome::Rejected));
                    self.enter_queue(frame, station);
                }
                WhenFull::Wait(most) => {
                    patience = most;
                    self.enter_front(frame, station);
                }
                WhenFull::Block => {
                    patience = 0;
                    self.enter_front(frame, station);
                }
            }
        } else {
            self.enter_queue(frame, station);
        }
        let state = &mut self.stations[station as usize];
        let waiting = state.queue.len + state.front.len;
        if self.open {
            state.tally.queue_max = state.tally.queue_max.max(waiting);
            let crowd = &mut self.meters.crowds[state.meter as usize];
            crowd.1 = crowd.1.max(crowd.0);
        }
        if patience > 0 {
            self.wake_in(frame, patience);
        }
        Seized::Waits
    }

    fn turn_away(&mut self, frame: u32, station: u32) -> Seized {
        self.frames[frame].waiting = Waiting::Nothing;
        self.count_rejected(station);
        let instance = self.stations[station as usize].instance;
        // PgBouncer: "no more connections allowed".
        let pool = matches!(self.instances[instance as usize].kind, Kind::ConnectionPool(_));
        Seized::Refused(if pool { Outcome::ConnectionRefused } else { Outcome::Rejected })
    }

    fn count_rejected(&mut self, station: u32) {
        if self.open {
            self.stations[station as usize].tally.rejected += 1;
        }
    }

    fn enter_front(&mut self, frame: u32, station: u32) {
        self.frames[frame].waiting = Waiting::Front;
        let state = &mut self.stations[station as usize];
        state.tally.queue_area = state.tally.queue_area.wrapping_sub(self.now as u128);
        state.front.push_back(&mut self.frames, frame);
        self.meters.crowds[state.meter as usize].0 += 1;
    }

    fn enter_queue(&mut self, frame: u32, station: u32) {
        self.frames[frame].waiting = Waiting::Queue;
        let state = &mut self.stations[station as usize];
        state.tally.queue_area = state.tally.queue_area.wrapping_sub(self.now as u128);
        let mut before = match state.order {
            Order::Fifo | Order::Priority => state.queue.last(),
            Order::Lifo => NONE,
        };
        if state.order == Order::Priority {
            let classes = &self.plan.classes;
            let priority = |frame: u32| classes[self.frames[frame].class as usize].priority;
            let mine = priority(frame);
            while before != NONE && priority(before) < mine {
                before = self.frames[before].prev;
            }
        }
        state.queue.insert_after(&mut self.frames, before, frame);
        self.meters.crowds[state.meter as usize].0 += 1;
    }

    /// Takes a frame out of the line it is in and counts its wait, and lets one from the front move up.
    #[inline(always)]
    pub(super) fn leave_line(&mut self, frame: u32, station: u32) {
        let (now, since) = (self.now, self.frames[frame].since);
        let waited = self.clip(now) - self.clip(since);
        let inside = self.frames[frame].waiting == Waiting::Queue;
        let state = &mut self.stations[station as usize];
        state.tally.queue_area = state.tally.queue_area.wrapping_add(now as u128);
        state.tally.waited += waited as u128;
        let list = if inside { &mut state.queue } else { &mut state.front };
        list.remove(&mut self.frames, frame);
        self.meters.crowds[state.meter as usize].0 -= 1;
        self.frames[frame].wake = 0;
        if inside {
            self.move_up(station);
        }
    }

    /// Lets the first in front of the queue into it, if there is room.
    fn move_up(&mut self, station: u32) {
        let state = &mut self.stations[station as usize];
        let first = state.front.first();
        if first == NONE || state.queue.len >= state.capacity {
            return;
        }
        let patience = state.timeout_ns;
        state.tally.queue_area = state.tally.queue_area.wrapping_add(self.now as u128);
        state.front.remove(&mut self.frames, first);
        self.meters.crowds[state.meter as usize].0 -= 1;
        self.frames[first].wake = 0;
        self.enter_queue(first, station);
        if let Kind::Queue(_) = self.instances[self.stations[station as usize].instance as usize].kind {
            self.accept_from_front(first, station);
        }
        if patience > 0 {
            self.wake_in(first, patience);
        }
    }

    /// A place is free: the next in line has it.
    #[inline(always)]
    pub(super) fn release(&mut self, station: u32) {
        let state = &mut self.stations[station as usize];
        state.end(self.now);
        if state.queue.len + state.front.len > 0 {
            self.serve_line(station);
        }
    }

    /// Grants free places to those who wait.
    pub(super) fn serve_line(&mut self, station: u32) {
        loop {
            let state = &self.stations[station as usize];
            if state.busy >= state.servers {
                return;
            }
            let next = if state.queue.len > 0 { state.queue.first() } else { state.front.first() };
            if next == NONE {
                return;
            }
            let since = self.frames[next].since;
            self.leave_line(next, station);
            self.close_phase(next);
            if self.stations[station as usize].tracked {
                self.frames[next].work = self.now - since;
            } else {
                self.record_wait(station, since);
            }
            if self.stations[station as usize].codel.is_some() && self.sheds(station, since) {
                self.count_rejected(station);
                self.ready_after(next, Err(Outcome::Rejected));
                continue;
            }
            // Work past its deadline is refused rather than begun.
            if self.frames[next].deadline <= self.now {
                self.count_abandoned(station);
                self.ready_after(next, Err(Outcome::Timeout));
                continue;
            }
            self.stations[station as usize].begin(self.now);
            let state = &mut self.frames[next];
            state.waiting = Waiting::Granted;
            state.since = self.now;
            self.ready.push_back(next);
        }
    }

    /// Records a wait that began then and ends now, if it began in the window.
    #[inline]
    pub(super) fn record_wait(&mut self, station: u32, since: u64) {
        if self.in_window(since) {
            let meter = self.stations[station as usize].meter;
            self.meters.waits[meter as usize].record(self.now - since);
        }
    }

    pub(super) fn count_abandoned(&mut self, station: u32) {
        if self.open {
            self.stations[station as usize].tally.abandoned += 1;
        }
    }

    /// A frame has waited for as long as it may.
    pub(super) fn wait_times_out(&mut self, frame: u32) -> Next {
        let station = self.working_at(frame);
        let instance = self.stations[station as usize].instance;
        if self.frames[frame].waiting == Waiting::Queue
            && matches!(self.instances[instance as usize].kind, Kind::Queue(_))
        {
            return self.batch_is_due(station);
        }
        if self.frames[frame].waiting == Waiting::Queue && self.wants_reserve(frame, station) {
            return Next::Wait;
        }
        self.leave_line(frame, station);
        self.close_phase(frame);
        self.frames[frame].waiting = Waiting::Nothing;
        if matches!(self.instances[instance as usize].kind, Kind::ConnectionPool(_)) {
            self.count_abandoned(station);
            return Next::Fail(Outcome::PoolTimeout);
        }
        self.count_rejected(station);
        Next::Fail(Outcome::Rejected)
    }

    /// Takes a frame out of line because something else ended it.
    pub(super) fn withdraw(&mut self, frame: u32) {
        let station = self.working_at(frame);
        self.leave_line(frame, station);
        self.close_phase(frame);
        self.count_abandoned(station);
    }

    /// Whether an instant lies in the window.
    #[inline(always)]
    pub(super) fn in_window(&self, time: u64) -> bool {
        time >= self.plan.clock.start && time < self.plan.clock.end
    }

    // Shared cores.

    /// Begins a task on shared cores.
    fn share(&mut self, frame: u32, station: u32, cell: u16, work: u64) -> Next {
        let now = self.now;
        let work = self.slowed_work(station, work);
        self.frames[frame].work = work;
        self.open_phase(frame, cell, Waiting::SharedWork);
        if work == 0 {
            self.frames[frame].waiting = Waiting::Nothing;
            self.stations[station as usize].tally.unwaited += self.open as u64;
            return Next::Step;
        }
        self.sharing_advance(station);
        let arrived = self.clip(now) as u128;
        let speed = self.instances[self.stations[station as usize].instance as usize].pace();
        let open = self.open;
        let state = &mut self.stations[station as usize];
        let waited = state.waiting();
        state.busy += 1;
        state.tally.waited = state.tally.waited.wrapping_sub(arrived);
        if open {
            state.tally.shared_work += work as f64 / speed;
        }
        state.sharing.as_mut().expect("a sharing station").push(frame, work as f64);
        let waiting = state.waiting();
        let crowd = &mut self.meters.crowds[state.meter as usize];
        crowd.0 += waiting - waited;
        if open {
            state.tally.queue_max = state.tally.queue_max.max(waiting);
            crowd.1 = crowd.1.max(crowd.0);
        }
        self.sharing_reschedule(station);
        Next::Wait
    }

    /// Brings virtual time up to now.
    pub(super) fn sharing_advance(&mut self, station: u32) {
        let now = self.now;
        let state = &mut self.stations[station as usize];
        let rate = state.sharing_rate(self.instances[state.instance as usize].speed);
        state.advance_sharing(now);
        state.sharing.as_mut().expect("a sharing station").advance(now, rate);
    }

    /// Schedules the end of the task that ends first.
    pub(super) fn sharing_reschedule(&mut self, station: u32) {
        let state = &mut self.stations[station as usize];
        let rate = state.sharing_rate(self.instances[state.instance as usize].speed);
        let sharing = state.sharing.as_mut().expect("a sharing station");
        let Some(first) = sharing.first() else {
            sharing.wake = 0;
            return;
        };
        if rate == 0.0 {
            // Stalled: it goes on when that is over.
            sharing.wake = 0;
            return;
        }
        let left = (first.end - sharing.virtual_time).max(0.0);
        let delay = (left / rate).ceil() as u64;
        self.sequence += 1;
        sharing.wake = self.sequence;
        let at = self.now.saturating_add(delay).min(LAST_INSTANT);
        self.calendar.push(entry(at, self.sequence, SHARING | station));
    }

    /// The event of a sharing station: the task that ends first has ended, and any that ends with it.
    pub(super) fn sharing_event(&mut self, station: u32, sequence: u64) {
        let live = self.stations[station as usize].sharing.as_ref().is_some_and(|sharing| sharing.wake == sequence);
        if !live {
            return;
        }
        self.sharing_advance(station);
        let mut expected = true;
        while let Some(task) = self.stations[station as usize].sharing.as_ref().and_then(|sharing| sharing.first()) {
            let sharing = self.stations[station as usize].sharing.as_mut().expect("a sharing station");
            if !expected && task.end > sharing.virtual_time {
                break;
            }
            expected = false;
            sharing.virtual_time = sharing.virtual_time.max(task.end);
            sharing.pop();
            self.shared_work_ends(task.frame, station);
        }
        self.sharing_reschedule(station);
    }

    fn shared_work_ends(&mut self, frame: u32, station: u32) {
        self.leave_shared(station);
        let speed = self.instances[self.stations[station as usize].instance as usize].pace();
        let Frame { since, work, cell, .. } = self.frames[frame];
        // What other tasks took is waiting; the rest is the frame's own service.
        let sojourn = self.now - since;
        let service = ((work as f64 / speed).round() as u64).min(sojourn);
        self.log(frame, cell - 1, sojourn - service);
        self.log(frame, cell, service);
        // Waiting and service took turns: what is shown first is the sum of the waiting.
        self.trace_phase(frame, cell - 1, since, self.now - service);
        self.trace_phase(frame, cell, self.now - service, self.now);
        if self.in_window(since) {
            let meter = self.stations[station as usize].meter;
            self.meters.waits[meter as usize].record(sojourn - service);
        }
        self.ready_after(frame, Ok(()));
    }

    /// Takes a frame off shared cores; the caller has brought virtual time up to now.
    fn leave_shared(&mut self, station: u32) {
        let left = self.clip(self.now) as u128;
        let open = self.open;
        let state = &mut self.stations[station as usize];
        let waited = state.waiting();
        state.busy -= 1;
        self.meters.crowds[state.meter as usize].0 -= waited - state.waiting();
        state.tally.waited = state.tally.waited.wrapping_add(left);
        if open {
            state.tally.services += 1;
        }
    }

    /// Ends a frame's service before its time: something else ended the frame.
    pub(super) fn break_work(&mut self, frame: u32) {
        let station = self.working_at(frame);
        self.close_phase(frame);
        match self.frames[frame].waiting {
            Waiting::Work => {
                self.frames[frame].wake = 0;
                let served = self.clip(self.now) - self.clip(self.frames[frame].since);
                self.stations[station as usize].tally.served += served as u128;
                self.release(station);
            }
            Waiting::SharedWork => {
                self.sharing_advance(station);
                let speed = self.instances[self.stations[station as usize].instance as usize].pace();
                let open = self.open;
                let state = &mut self.stations[station as usize];
                let left = state.sharing.as_mut().expect("a sharing station").remove(frame);
                if open {
                    state.tally.shared_work -= left / speed;
                }
                self.leave_shared(station);
                self.sharing_reschedule(station);
            }
            other => unreachable!("{other:?} is no work"),
        }
    }
}
