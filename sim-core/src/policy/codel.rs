//! Controlled delay: sheds from a queue whose waits have been too long for an interval.
//!
//! Follows RFC 8289 (section 5, and the pseudo-code of its appendix): once every wait of `interval` was at least `target`,
//! the head of the queue is dropped, and again after interval ÷ √count, until a wait is below `target` or the queue is empty.
//! The RFC asks it for each packet that leaves the queue; here it is asked for each request that is about to be served.

/// A queue's state.
#[derive(Debug, Clone, PartialEq)]
pub struct Codel {
    target_ns: u64,
    interval_ns: u64,
    /// When the waits will have been too long for an interval; 0: they are not.
    first_above: u64,
    /// When the next one is dropped.
    drop_next: u64,
    count: u32,
    last_count: u32,
    dropping: bool,
    /// What the one before this was, if it was dropped in the same turn.
    before: Before,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// It was served.
    Served,
    /// It was dropped, in the middle of dropping.
    Dropped,
    /// It was dropped as the first one.
    First,
}

impl Codel {
    /// The RFC's parameters are 5 ms and 100 ms.
    #[must_use]
    pub fn new(target_ns: u64, interval_ns: u64) -> Self {
        Self {
            target_ns,
            interval_ns,
            first_above: 0,
            drop_next: 0,
            count: 0,
            last_count: 0,
            dropping: false,
            before: Before::Served,
        }
    }

    /// Whether the one that leaves the queue now, after `waited_ns`, is dropped; `last`: the queue is empty without it.
    pub fn drops(&mut self, now_ns: u64, waited_ns: u64, last: bool) -> bool {
        let may_drop = self.above(now_ns, waited_ns, last);
        let before = std::mem::replace(&mut self.before, Before::Served);
        if before == Before::First {
            // The one behind the first that is dropped is served, whatever it waited.
            return false;
        }
        if self.dropping {
            if !may_drop {
                self.dropping = false;
                return false;
            }
            if before == Before::Dropped {
                self.drop_next = self.law(self.drop_next);
            }
            if now_ns < self.drop_next {
                return false;
            }
            self.count += 1;
            self.before = Before::Dropped;
            return true;
        }
        if !may_drop {
            return false;
        }
        self.dropping = true;
        let delta = self.count.wrapping_sub(self.last_count);
        let lately = now_ns.saturating_sub(self.drop_next) < 16 * self.interval_ns;
        self.count = if delta > 1 && self.count > self.last_count && lately { delta } else { 1 };
        self.drop_next = self.law(now_ns);
        self.last_count = self.count;
        self.before = Before::First;
        true
    }

    /// The queue is empty, and someone was served at once.
    pub fn empty(&mut self) {
        self.first_above = 0;
        self.before = Before::Served;
    }

    fn above(&mut self, now_ns: u64, waited_ns: u64, last: bool) -> bool {
        if waited_ns < self.target_ns || last {
            self.first_above = 0;
            return false;
        }
        if self.first_above == 0 {
            self.first_above = now_ns + self.interval_ns;
            return false;
        }
        now_ns >= self.first_above
    }

    fn law(&self, from_ns: u64) -> u64 {
        from_ns + (self.interval_ns as f64 / f64::from(self.count.max(1)).sqrt()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rng::{mix64, uniform};
    use std::collections::VecDeque;

    const MS: u64 = 1_000_000;

    /// The RFC's procedure, which takes one packet out and drops others on the way.
    #[derive(Default)]
    struct Twin {
        queue: VecDeque<u64>,
        dropped: Vec<u64>,
        first_above: u64,
        drop_next: u64,
        count: u32,
        last_count: u32,
        dropping: bool,
    }

    impl Twin {
        fn law(&self, from: u64) -> u64 {
            from + (100.0 * MS as f64 / f64::from(self.count).sqrt()) as u64
        }

        fn take(&mut self, now: u64) -> (Option<u64>, bool) {
            let Some(came) = self.queue.pop_front() else {
                self.first_above = 0;
                return (None, false);
            };
            let mut ok = false;
            if now - came < 5 * MS || self.queue.is_empty() {
                self.first_above = 0;
            } else if self.first_above == 0 {
                self.first_above = now + 100 * MS;
            } else {
                ok = now >= self.first_above;
            }
            (Some(came), ok)
        }

        fn deque(&mut self, now: u64) -> Option<u64> {
            let (mut packet, mut ok) = self.take(now);
            if self.dropping {
                if !ok {
                    self.dropping = false;
                }
                while self.dropping && now >= self.drop_next {
                    self.dropped.extend(packet);
                    self.count += 1;
                    (packet, ok) = self.take(now);
                    if ok {
                        self.drop_next = self.law(self.drop_next);
                    } else {
                        self.dropping = false;
                    }
                }
            } else if ok {
                self.dropped.extend(packet);
                (packet, _) = self.take(now);
                self.dropping = true;
                let delta = self.count.saturating_sub(self.last_count);
                let lately = now.saturating_sub(self.drop_next) < 1600 * MS;
                self.count = if delta > 1 && lately { delta } else { 1 };
                self.drop_next = self.law(now);
                self.last_count = self.count;
            }
            packet
        }
    }

    fn against_the_twin(steps: u64) {
        for load in [0.8, 1.0, 1.3, 3.0] {
            let (mut twin, mut codel) = (Twin::default(), Codel::new(5 * MS, 100 * MS));
            let mut queue = VecDeque::new();
            let mut dropped = Vec::new();
            let (mut now, mut next) = (0, 0_f64);
            for step in 0..steps {
                // One leaves each millisecond; the load comes and goes.
                now += MS;
                let load = if step / 3000 % 2 == 0 { load } else { 0.5 };
                while next < now as f64 {
                    queue.push_back(next as u64);
                    twin.queue.push_back(next as u64);
                    let u: f64 = uniform(mix64(step * 977 + queue.len() as u64));
                    next += 2.0 * u * MS as f64 / load;
                }
                let expected = twin.deque(now);
                let mut served = None;
                while let Some(came) = queue.pop_front() {
                    if codel.drops(now, now - came, queue.is_empty()) {
                        dropped.push(came);
                    } else {
                        served = Some(came);
                        break;
                    }
                }
                if served.is_none() {
                    codel.empty();
                }
                assert_eq!(served, expected, "in step {step} at load {load}");
            }
            assert_eq!(dropped, twin.dropped);
            assert!(load < 1.1 || dropped.len() > 10, "an overload is shed");
        }
    }

    #[test]
    fn the_procedure_of_the_rfc() {
        against_the_twin(20_000);
    }

    #[test]
    #[ignore = "the long form"]
    fn the_procedure_of_the_rfc_for_long() {
        against_the_twin(1_000_000);
    }
}
