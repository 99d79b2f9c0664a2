//! The limited resource that all components share: places, a queue, and what is measured of them.

use crate::engine::slab::{NONE, Slab};
use crate::plan::{Discipline, Order, StationPlan, WhenFull};

use super::frame::Frame;
use crate::policy::codel::Codel;

/// A line of frames, linked through them.
#[derive(Debug, Clone, Copy)]
pub struct List {
    head: u32,
    tail: u32,
    /// How many.
    pub len: u32,
}

impl Default for List {
    fn default() -> Self {
        List { head: NONE, tail: NONE, len: 0 }
    }
}

impl List {
    /// The first.
    #[inline(always)]
    pub fn first(&self) -> u32 {
        self.head
    }

    /// The last.
    #[inline(always)]
    pub fn last(&self) -> u32 {
        self.tail
    }

    /// Adds one at the end.
    #[inline]
    pub fn push_back(&mut self, frames: &mut Slab<Frame>, frame: u32) {
        self.insert_after(frames, self.tail, frame);
    }

    /// Adds one behind another, in front of all for `NONE`.
    #[inline]
    pub fn insert_after(&mut self, frames: &mut Slab<Frame>, before: u32, frame: u32) {
        let after = if before == NONE { self.head } else { frames[before].next };
        frames[frame].prev = before;
        frames[frame].next = after;
        *(if before == NONE { &mut self.head } else { &mut frames[before].next }) = frame;
        *(if after == NONE { &mut self.tail } else { &mut frames[after].prev }) = frame;
        self.len += 1;
    }

    /// Takes one out, wherever it is.
    #[inline]
    pub fn remove(&mut self, frames: &mut Slab<Frame>, frame: u32) {
        let Frame { next, prev, .. } = frames[frame];
        *(if prev == NONE { &mut self.head } else { &mut frames[prev].next }) = next;
        *(if next == NONE { &mut self.tail } else { &mut frames[next].prev }) = prev;
        self.len -= 1;
    }
}

/// One limited resource of one instance.
#[derive(Debug, Clone)]
pub struct Station {
    /// Who waits inside the queue.
    pub queue: List,
    /// Who waits in front of the full queue.
    pub front: List,
    /// How many are being served (or hold a place).
    pub busy: u32,
    /// How many can be; for shared cores in thousandths.
    pub servers: u32,
    /// The most who wait inside.
    pub capacity: u32,
    /// The longest wait inside, ns; 0: no limit.
    pub timeout_ns: u64,
    /// What happens to one who finds it full.
    pub when_full: WhenFull,
    /// The order of those who wait.
    pub order: Order,
    /// The instance.
    pub instance: u32,
    /// Where its waits are recorded: see `Meters::waits`.
    pub meter: u32,
    /// Controlled delay, where its queue sheds by it.
    pub codel: Option<Box<Codel>>,
    /// Whether it never has a queue: as many servers as can ever ask.
    pub free: bool,
    /// Whether its places are connections that are told apart.
    pub tracked: bool,
    /// Shared cores: whether they work on nothing now, so that all wait.
    pub stalled: bool,
    /// Processor sharing, where that is the discipline.
    pub sharing: Option<Box<Sharing>>,
    /// What is measured.
    pub tally: Tally,
}

/// What is measured of a station; times in ns, areas in ns times calls (shared cores: thousandths).
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Shared cores: up to when the areas are.
    pub last: u64,
    /// See [`Station::areas`].
    pub busy_area: u128,
    /// See [`Station::areas`].
    pub queue_area: u128,
    /// How many were served at once without a wait, in the window.
    pub unwaited: u64,
    /// ∫ waiting dt, summed from each frame's own wait inside the window.
    pub waited: u128,
    /// ∫ busy dt, summed from what each frame was served inside the window.
    pub served: u128,
    /// The most who waited.
    pub queue_max: u32,
    /// How many came in the window.
    pub arrivals: u64,
    /// How many were turned away in the window.
    pub rejected: u64,
    /// How many gave up in the window.
    pub abandoned: u64,
    /// How many services ended, for which rounding may differ by a nanosecond each.
    pub services: u64,
    /// ∫ ready capacity dt in the window.
    pub capacity_area: u128,
    /// How many keep a place of it over several operations.
    pub holders: u32,
    /// Whether it is shared cores.
    pub sharing: bool,
    /// Shared cores: the work of the tasks that came in the window, ns at the speed of then, less what was never done.
    pub shared_work: f64,
}

/// Tasks on shared cores, in virtual time: the work that each task has received since the station was last empty.
#[derive(Debug, Clone, Default)]
pub struct Sharing {
    /// Work per task so far, in ns at full speed of one core.
    pub virtual_time: f64,
    /// When that was.
    pub at: u64,
    /// The sequence number of the live event.
    pub wake: u64,
    /// Whose end it is: the least of these, a binary heap by (virtual end, sequence).
    tasks: Vec<Task>,
    sequence: u64,
}

/// One task on shared cores.
#[derive(Debug, Clone, Copy)]
pub struct Task {
    /// The virtual time at which it ends.
    pub end: f64,
    /// Breaks ties: who came first.
    sequence: u64,
    /// Whose it is.
    pub frame: u32,
}

impl Task {
    fn before(&self, other: &Task) -> bool {
        self.end < other.end || (self.end == other.end && self.sequence < other.sequence)
    }
}

impl Sharing {
    /// The next to end.
    pub fn first(&self) -> Option<Task> {
        self.tasks.first().copied()
    }

    /// Lets virtual time pass until `now` at a rate (work per task and ns).
    pub fn advance(&mut self, now: u64, rate: f64) {
        self.virtual_time += (now - self.at) as f64 * rate;
        self.at = now;
    }

    /// Adds a task with this much work.
    pub fn push(&mut self, frame: u32, work: f64) {
        if self.tasks.is_empty() {
            self.virtual_time = 0.0;
        }
        self.sequence += 1;
        self.tasks.push(Task { end: self.virtual_time + work, sequence: self.sequence, frame });
        let mut hole = self.tasks.len() - 1;
        while hole > 0 && self.tasks[hole].before(&self.tasks[(hole - 1) / 2]) {
            self.tasks.swap(hole, (hole - 1) / 2);
            hole = (hole - 1) / 2;
        }
    }

    /// Removes the next to end.
    pub fn pop(&mut self) -> Option<Task> {
        if self.tasks.is_empty() {
            return None;
        }
        let first = self.tasks.swap_remove(0);
        self.sink(0);
        Some(first)
    }

    /// Removes the task of a frame, and says how much work was left.
    pub fn remove(&mut self, frame: u32) -> f64 {
        let at = self.tasks.iter().position(|task| task.frame == frame).expect("a frame at work has a task");
        let task = self.tasks.swap_remove(at);
        // Cold (crash, cancel): order the heap anew rather than track positions.
        self.tasks.sort_by(|a, b| a.end.total_cmp(&b.end).then(a.sequence.cmp(&b.sequence)));
        (task.end - self.virtual_time).max(0.0)
    }

    /// The work that was left of all tasks, in ns at full speed.
    pub fn left(&self) -> f64 {
        self.tasks.iter().map(|task| (task.end - self.virtual_time).max(0.0)).sum()
    }

    fn sink(&mut self, mut hole: usize) {
        loop {
            let mut least = hole;
            for child in [2 * hole + 1, 2 * hole + 2] {
                if child < self.tasks.len() && self.tasks[child].before(&self.tasks[least]) {
                    least = child;
                }
            }
            if least == hole {
                return;
            }
            self.tasks.swap(hole, least);
            hole = least;
        }
    }
}

impl Station {
    /// A station of an instance.
    pub fn new(plan: &StationPlan, instance: u32, meter: u32, now: u64) -> Self {
        let sharing = plan.discipline == Discipline::Sharing;
        Station {
            queue: List::default(),
            front: List::default(),
            busy: 0,
            servers: plan.servers,
            capacity: plan.capacity,
            timeout_ns: plan.timeout_ns,
            when_full: plan.when_full,
            order: plan.order,
            instance,
            meter,
            codel: plan.codel_ns.map(|(target, interval)| Box::new(Codel::new(target, interval))),
            free: plan.free,
            tracked: false,
            stalled: false,
            sharing: sharing.then(Box::default),
            tally: Tally { last: now, sharing, ..Tally::default() },
        }
    }

    /// One more is served from now on.
    #[inline(always)]
    pub fn begin(&mut self, now: u64) {
        self.busy += 1;
        self.tally.busy_area = self.tally.busy_area.wrapping_sub(now as u128);
    }

    /// One fewer is served from now on.
    #[inline(always)]
    pub fn end(&mut self, now: u64) {
        self.busy -= 1;
        self.tally.busy_area = self.tally.busy_area.wrapping_add(now as u128);
    }

    /// ∫ busy dt and ∫ waiting dt until now. Between changes they grow as `busy` and the queue do: the sums of the
    /// instants of all changes, and what is there now, are all that is needed.
    pub fn areas(&self, now: u64) -> (u128, u128) {
        let tally = &self.tally;
        if self.sharing.is_some() {
            return (tally.busy_area, tally.queue_area);
        }
        let waiting = (self.queue.len + self.front.len) as u128;
        (
            tally.busy_area.wrapping_add(self.busy as u128 * now as u128),
            tally.queue_area.wrapping_add(waiting * now as u128),
        )
    }

    /// Brings the areas of shared cores up to now, before every change of their tasks; while stalled, all of them wait.
    pub fn advance_sharing(&mut self, now: u64) {
        let passed = (now - self.tally.last) as u128;
        self.tally.last = now;
        let tasks = self.busy as u64 * 1000;
        let served = if self.stalled { 0 } else { tasks.min(self.servers as u64) };
        self.tally.busy_area += passed * served as u128;
        self.tally.queue_area += passed * (tasks - served) as u128;
    }

    /// How many wait now.
    #[inline(always)]
    pub fn waiting(&self) -> u32 {
        if self.sharing.is_some() {
            let servers = if self.stalled { 0 } else { self.servers as u64 };
            (self.busy as u64 * 1000).saturating_sub(servers).div_ceil(1000) as u32
        } else {
            self.queue.len + self.front.len
        }
    }

    /// Work per task and ns on shared cores of this speed.
    #[inline]
    pub fn sharing_rate(&self, speed: f64) -> f64 {
        let tasks = self.busy as f64 * 1000.0;
        let cores = self.servers as f64;
        if tasks <= cores { speed } else { speed * cores / tasks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_its_order() {
        let mut frames = Slab::<Frame>::default();
        let ids: Vec<u32> = (0..5).map(|_| frames.take()).collect();
        let mut list = List::default();
        ids.iter().for_each(|&id| list.push_back(&mut frames, id));
        list.remove(&mut frames, ids[2]);
        list.remove(&mut frames, ids[0]);
        list.remove(&mut frames, ids[4]);
        list.insert_after(&mut frames, NONE, ids[4]);
        assert_eq!((list.first(), frames[list.first()].next, list.last(), list.len), (ids[4], ids[1], ids[3], 3));
    }

    #[test]
    fn shared_tasks_end_by_virtual_time() {
        let mut sharing = Sharing::default();
        for (frame, work) in [(1, 30.0), (2, 10.0), (3, 20.0), (4, 10.0)] {
            sharing.push(frame, work);
        }
        assert_eq!(sharing.remove(3), 20.0);
        sharing.advance(5, 0.5);
        let order: Vec<u32> = std::iter::from_fn(|| sharing.pop()).map(|task| task.frame).collect();
        assert_eq!((order, sharing.virtual_time), (vec![2, 4, 1], 2.5));
    }
}
