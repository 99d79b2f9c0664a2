//! The calendar of pending events, and the lanes of those whose delay is constant.
//!
//! An event is one `u128`: time (60 bits, ns since the run's start), sequence number (36 bits), target (32 bits). Their
//! order is the order of events: by time, then as they were scheduled. An event is never removed: its target forgets
//! the sequence number that it waits for, and the event is dropped when it comes up.

use std::collections::VecDeque;

/// One pending event; see the module's documentation for its layout.
pub type Entry = u128;

/// Later than every event.
pub const NEVER: Entry = u128::MAX;

/// The latest time that an event can have, in nanoseconds since the run's start (36 years).
pub const LAST_INSTANT: u64 = (1 << 60) - 1;

/// Packs an event.
#[inline(always)]
pub fn entry(time: u64, sequence: u64, target: u32) -> Entry {
    debug_assert!(time <= LAST_INSTANT && sequence < 1 << 36);
    ((time as u128) << 68) | ((sequence as u128) << 32) | target as u128
}

/// The time of an event, ns since the run's start.
#[inline(always)]
pub fn time_of(entry: Entry) -> u64 {
    (entry >> 68) as u64
}

/// The sequence number of an event.
#[inline(always)]
pub fn sequence_of(entry: Entry) -> u64 {
    ((entry >> 32) as u64) & ((1 << 36) - 1)
}

/// The target of an event.
#[inline(always)]
pub fn target_of(entry: Entry) -> u32 {
    entry as u32
}

const ARITY: usize = 4;

/// A 4-ary heap whose way down has no branch to mispredict: the hole sinks to a leaf by conditional moves, then the
/// last entry rises from there (Wegener 1993, bottom-up heapsort; LaMarca and Ladner 1996 on the arity).
#[derive(Debug, Clone)]
pub struct Calendar {
    /// Entries, then at least `ARITY` times [`NEVER`], so that all children of a node can be read.
    slots: Vec<Entry>,
    len: usize,
}

impl Default for Calendar {
    fn default() -> Self {
        Calendar { slots: vec![NEVER; 64], len: 0 }
    }
}

impl Calendar {
    /// The number of pending events, stale ones included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The earliest event, [`NEVER`] if there is none.
    #[inline(always)]
    pub fn first(&self) -> Entry {
        self.slots[0]
    }

    /// Adds an event.
    #[inline]
    pub fn push(&mut self, entry: Entry) {
        if self.len + ARITY + 1 > self.slots.len() {
            self.grow();
        }
        let mut hole = self.len;
        self.len += 1;
        while hole > 0 {
            let parent = (hole - 1) / ARITY;
            let above = self.slots[parent];
            if above <= entry {
                break;
            }
            self.slots[hole] = above;
            hole = parent;
        }
        self.slots[hole] = entry;
    }

    /// Removes the earliest event; there must be one.
    #[inline]
    pub fn pop(&mut self) -> Entry {
        debug_assert!(self.len > 0);
        let first = self.slots[0];
        self.len -= 1;
        let last = self.slots[self.len];
        self.slots[self.len] = NEVER;
        let mut hole = 0;
        loop {
            let child = hole * ARITY + 1;
            if child >= self.len {
                break;
            }
            let group: &[Entry; ARITY] = self.slots[child..child + ARITY].try_into().expect("a group of four");
            let (a, b) = (group[0], group[1]);
            let (c, d) = (group[2], group[3]);
            let (left, left_at) = if b < a { (b, 1) } else { (a, 0) };
            let (right, right_at) = if d < c { (d, 3) } else { (c, 2) };
            let (least, at) = if right < left { (right, right_at) } else { (left, left_at) };
            self.slots[hole] = least;
            hole = child + at;
        }
        while hole > 0 {
            let parent = (hole - 1) / ARITY;
            let above = self.slots[parent];
            if above <= last {
                break;
            }
            self.slots[hole] = above;
            hole = parent;
        }
        if self.len > 0 {
            self.slots[hole] = last;
        }
        first
    }

    #[cold]
    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        self.slots.resize(size, NEVER);
    }
}

/// Events of which many share one constant delay (time-outs, round trips): a first-in-first-out line per delay is
/// already sorted, so that adding and removing cost no comparison.
#[derive(Debug, Clone)]
pub struct Lanes {
    lines: Vec<Line>,
    first: Entry,
    first_line: usize,
}

#[derive(Debug, Clone)]
struct Line {
    delay_ns: u64,
    entries: VecDeque<Entry>,
}

impl Default for Lanes {
    fn default() -> Self {
        Lanes { lines: Vec::new(), first: NEVER, first_line: 0 }
    }
}

/// Beyond this many distinct delays, looking at every head costs more than the heap does.
const LANES_MAX: usize = 8;

impl Lanes {
    /// The lane for a constant delay; `None` when there are too many, and the calendar serves.
    pub fn lane(&mut self, delay_ns: u64) -> Option<u16> {
        if let Some(found) = self.lines.iter().position(|line| line.delay_ns == delay_ns) {
            return Some(found as u16);
        }
        if self.lines.len() == LANES_MAX {
            return None;
        }
        self.lines.push(Line { delay_ns, entries: VecDeque::new() });
        Some((self.lines.len() - 1) as u16)
    }

    /// The earliest event of all lanes.
    #[inline(always)]
    pub fn first(&self) -> Entry {
        self.first
    }

    /// Adds an event, not earlier than any other of its lane.
    #[inline]
    pub fn push(&mut self, lane: u16, entry: Entry) {
        let line = &mut self.lines[lane as usize];
        debug_assert!(line.entries.back().is_none_or(|&last| last < entry));
        line.entries.push_back(entry);
        if entry < self.first {
            self.first = entry;
            self.first_line = lane as usize;
        }
    }

    /// Removes the earliest event, and after it all heads that `stale` says nobody waits for.
    #[inline]
    pub fn pop(&mut self, stale: impl Fn(Entry) -> bool) -> Entry {
        let first = self.first;
        let entries = &mut self.lines[self.first_line].entries;
        entries.pop_front();
        while entries.front().is_some_and(|&head| stale(head)) {
            entries.pop_front();
        }
        self.find_first();
        first
    }

    #[inline]
    fn find_first(&mut self) {
        self.first = NEVER;
        for (at, line) in self.lines.iter().enumerate() {
            if let Some(&head) = line.entries.front()
                && head < self.first
            {
                self.first = head;
                self.first_line = at;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rng::mix64;

    #[test]
    fn an_entry_keeps_its_parts() {
        let packed = entry(LAST_INSTANT, (1 << 36) - 1, u32::MAX);
        assert_eq!((time_of(packed), sequence_of(packed), target_of(packed)), (LAST_INSTANT, (1 << 36) - 1, u32::MAX));
        assert!(entry(1, 9, 0) < entry(2, 0, 0));
        assert!(entry(1, 1, 9) < entry(1, 2, 0));
    }

    #[test]
    fn pops_in_the_order_of_a_sorted_list() {
        let mut calendar = Calendar::default();
        let mut twin = std::collections::BTreeSet::new();
        for n in 0..200_000_u64 {
            let random = mix64(n);
            if random.is_multiple_of(5) && !twin.is_empty() || twin.len() > 3000 {
                assert_eq!(calendar.pop(), twin.pop_first().expect("not empty"));
            } else {
                let new = entry(random >> 10 & 0xffff, n, n as u32);
                calendar.push(new);
                twin.insert(new);
            }
            assert_eq!(calendar.first(), twin.first().copied().unwrap_or(NEVER));
        }
        while let Some(expected) = twin.pop_first() {
            assert_eq!(calendar.pop(), expected);
        }
        assert!(calendar.is_empty());
    }

    #[test]
    fn lanes_merge_in_order_and_skip_the_stale() {
        let mut lanes = Lanes::default();
        let (short, long) = (lanes.lane(10).expect("room"), lanes.lane(100).expect("room"));
        assert_eq!(lanes.lane(10), Some(short));
        for now in 0..50_u64 {
            lanes.push(short, entry(now * 7 + 10, now * 2, 1));
            lanes.push(long, entry(now * 7 + 100, now * 2 + 1, 2));
        }
        let mut last = 0;
        let mut count = 0;
        while lanes.first() != NEVER {
            let event = lanes.pop(|head| sequence_of(head).is_multiple_of(3));
            assert!(event >= last);
            last = event;
            count += 1;
        }
        assert!((60..100).contains(&count));
    }
}
