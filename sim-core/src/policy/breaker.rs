//! Circuit breakers.
//!
//! The rule is resilience4j's (`CircuitBreakerStateMachine`, `CircuitBreakerMetrics`). Closed, the results of calls go
//! into a window, of the last so many calls or of the last so many seconds (whole ones of the clock, the present one
//! among them); from `min_calls` of them on (never more than a window of calls holds) a share of failures or of slow
//! calls that is at least the limit opens it. Open, every call is refused, until one comes after `open_ns`: no timer
//! ends it, that call does. It is half-open then: so many calls are let through and decide, by the same limits on a
//! window of that size, whether it closes or opens again; more are refused. Results are taken by the state that they
//! find, whichever let their call through, and what is neither good nor bad (4xx) gives its permit back.
//!
//! Two simpler ways to open, a number of failures in a row or within the window, have a simpler half-open too: the
//! first bad call opens it again, and as many good ones as were let through close it (sony/gobreaker).

use std::collections::VecDeque;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakerRule {
    /// What opens it.
    pub trip: Trip,
    /// How long it refuses all calls, nanoseconds.
    pub open_ns: u64,
    /// How many calls decide then.
    pub half_open: u32,
}

/// What opens a breaker.
#[derive(Debug, Clone, PartialEq)]
pub enum Trip {
    /// So many failures in a row.
    Consecutive(u32),
    /// So many failures in the window.
    Failures(u32, Window),
    /// Shares of the calls in the window.
    Rates {
        /// What they are shares of.
        window: Window,
        /// The fewest calls that decide.
        min_calls: u32,
        /// The share of failures that opens it; above 1: none does.
        error_rate: f64,
        /// The share of slow calls that opens it; above 1: none does.
        slow_rate: f64,
        /// Calls that take longer are slow, nanoseconds.
        slow_ns: u64,
    },
}

/// Which calls count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The last so many.
    Calls(u32),
    /// Those of the last so many seconds.
    Seconds(u32),
}

/// How a call ended, as a breaker sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Well.
    Good,
    /// Badly.
    Bad,
    /// It says nothing of the callee.
    Ignored,
}

/// What a breaker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// It lets all calls through.
    #[default]
    Closed,
    /// It refuses all, since this time.
    Open(u64),
    /// It lets some through, to find out.
    HalfOpen,
}

/// One breaker.
#[derive(Debug, Clone, Default)]
pub struct Breaker {
    state: State,
    window: Tally,
    /// Calls that may still go through while half-open.
    permits: u32,
    /// Failures in a row; while half-open, good calls in a row.
    streak: u32,
}

const SECOND_NS: u64 = 1_000_000_000;

impl Breaker {
    /// What it does now.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether a call may go through, `now` in nanoseconds. It may turn half-open.
    pub fn admit(&mut self, rule: &BreakerRule, now: u64) -> bool {
        match self.state {
            State::Closed => true,
            State::Open(since) if now > since.saturating_add(rule.open_ns) => {
                *self = Breaker { state: State::HalfOpen, permits: rule.half_open, ..Breaker::default() };
                self.take_permit()
            }
            State::Open(_) => false,
            State::HalfOpen => self.take_permit(),
        }
    }

    fn take_permit(&mut self) -> bool {
        let may = self.permits > 0;
        self.permits -= may as u32;
        may
    }

    /// A call that went through has ended after `took_ns`.
    pub fn record(&mut self, rule: &BreakerRule, now: u64, verdict: Verdict, took_ns: u64) {
        let bad = verdict == Verdict::Bad;
        match (self.state, &rule.trip) {
            // What comes back late changes nothing any more.
            (State::Open(_), _) => {}
            (State::HalfOpen, _) if verdict == Verdict::Ignored => self.permits += 1,
            (State::Closed, _) if verdict == Verdict::Ignored => {}
            (State::Closed, Trip::Consecutive(count)) => {
                self.streak = if bad { self.streak + 1 } else { 0 };
                if self.streak >= *count {
                    self.open(now);
                }
            }
            (State::Closed, Trip::Failures(count, window)) => {
                self.window.add(*window, now, bad, false);
                if self.window.sum.failed >= *count {
                    self.open(now);
                }
            }
            (State::HalfOpen, Trip::Consecutive(_) | Trip::Failures(..)) => {
                self.streak += 1;
                if bad {
                    self.open(now);
                } else if self.streak >= rule.half_open {
                    *self = Breaker::default();
                }
            }
            (State::Closed, Trip::Rates { window, min_calls, slow_ns, .. }) => {
                self.window.add(*window, now, bad, took_ns > *slow_ns);
                let least = match window {
                    Window::Calls(size) => *min_calls.min(size),
                    Window::Seconds(_) => *min_calls,
                };
                if self.window.exceeds(&rule.trip, least) == Some(true) {
                    self.open(now);
                }
            }
            (State::HalfOpen, Trip::Rates { min_calls, slow_ns, .. }) => {
                self.window.add(Window::Calls(rule.half_open), now, bad, took_ns > *slow_ns);
                match self.window.exceeds(&rule.trip, *min_calls.min(&rule.half_open)) {
                    Some(true) => self.open(now),
                    Some(false) => *self = Breaker::default(),
                    None => {}
                }
            }
        }
    }

    fn open(&mut self, now: u64) {
        *self = Breaker { state: State::Open(now), ..Breaker::default() };
    }
}

/// Calls that ended.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Count {
    calls: u32,
    failed: u32,
    slow: u32,
}

/// The calls of a window: one after the other, or those of each second together.
#[derive(Debug, Clone, Default)]
struct Tally {
    sum: Count,
    /// With the second that they are of; of a window of calls, 0.
    parts: VecDeque<(u64, Count)>,
}

impl Tally {
    fn add(&mut self, window: Window, now: u64, failed: bool, slow: bool) {
        let one = Count { calls: 1, failed: failed as u32, slow: slow as u32 };
        match window {
            Window::Calls(size) => {
                if self.parts.len() as u32 >= size {
                    self.drop_first();
                }
                self.parts.push_back((0, one));
            }
            Window::Seconds(length) => {
                let second = now / SECOND_NS;
                while self.parts.front().is_some_and(|&(first, _)| first + length as u64 <= second) {
                    self.drop_first();
                }
                match self.parts.back_mut() {
                    Some((last, count)) if *last == second => count.add(one),
                    Some(_) | None => self.parts.push_back((second, one)),
                }
            }
        }
        self.sum.add(one);
    }

    fn drop_first(&mut self) {
        let (_, first) = self.parts.pop_front().expect("a full window has calls");
        self.sum.calls -= first.calls;
        self.sum.failed -= first.failed;
        self.sum.slow -= first.slow;
    }

    /// Whether a share is at least its limit; `None` while there are too few calls.
    fn exceeds(&self, trip: &Trip, least: u32) -> Option<bool> {
        let Trip::Rates { error_rate, slow_rate, .. } = trip else { unreachable!("a rule of shares") };
        let Count { calls, failed, slow } = self.sum;
        let share = |of: u32| of as f64 / calls as f64;
        (calls > 0 && calls >= least).then(|| share(failed) >= *error_rate || share(slow) >= *slow_rate)
    }
}

impl Count {
    fn add(&mut self, other: Count) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.slow += other.slow;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rng::mix64;

    fn rates(window: Window, min_calls: u32) -> BreakerRule {
        let trip = Trip::Rates { window, min_calls, error_rate: 0.5, slow_rate: 2.0, slow_ns: u64::MAX };
        BreakerRule { trip, open_ns: 60 * SECOND_NS, half_open: 10 }
    }

    /// Calls one after the other, `x` bad, `.` good, `-` ignored; what becomes of them: `#` refused, and the state at the end.
    fn play(breaker: &mut Breaker, rule: &BreakerRule, now: u64, calls: &str) -> (String, State) {
        let mut seen = String::new();
        for call in calls.chars() {
            if !breaker.admit(rule, now) {
                seen.push('#');
                continue;
            }
            seen.push(call);
            let verdict = match call {
                'x' => Verdict::Bad,
                '.' => Verdict::Good,
                _ => Verdict::Ignored,
            };
            breaker.record(rule, now, verdict, 0);
        }
        (seen, breaker.state())
    }

    #[test]
    fn it_opens_exactly_after_the_tenth_call() {
        let rule = rates(Window::Calls(10), 10);
        for (calls, seen, open) in [
            ("xxxxx.....", "xxxxx.....", true),
            ("x.x.x.x.x..", "x.x.x.x.x.#", true),
            ("xxxxxxxxx", "xxxxxxxxx", false),
            ("xxxxxxxxxx.", "xxxxxxxxxx#", true),
            ("xxxx......x", "xxxx......x", false),
            (".....xxxxx.", ".....xxxxx#", true),
            ("xxxx-x-----....", "xxxx-x-----....", false),
            ("xxxx-x-----......", "xxxx-x-----.....#", true),
        ] {
            let mut breaker = Breaker::default();
            let (found, state) = play(&mut breaker, &rule, 0, calls);
            assert_eq!((found.as_str(), matches!(state, State::Open(0))), (seen, open), "{calls}");
        }
        let mut breaker = Breaker::default();
        play(&mut breaker, &rates(Window::Calls(10), 100), 0, "xxxxx.....");
        assert_eq!(breaker.state(), State::Open(0), "no window of calls waits for more than it holds");
    }

    #[test]
    fn half_open_decides_on_its_own_calls() {
        let rule = rates(Window::Calls(10), 10);
        let after = 60 * SECOND_NS;
        for (calls, seen, state) in [
            ("xxxxxxxxxx.", "xxxxxxxxxx#", State::Open(after + 1)),
            ("xxxxx.....x", "xxxxx.....#", State::Open(after + 1)),
            ("xxxx......x", "xxxx......x", State::Closed),
            ("..........x", "..........x", State::Closed),
            ("xxxxxxxxx", "xxxxxxxxx", State::HalfOpen),
            ("--........", "--........", State::HalfOpen),
        ] {
            let mut breaker = Breaker::default();
            play(&mut breaker, &rule, 0, "xxxxxxxxxx");
            assert!(!breaker.admit(&rule, after), "not before it is over");
            let (found, now) = play(&mut breaker, &rule, after + 1, calls);
            assert_eq!((found.as_str(), now), (seen, state), "{calls}");
        }
        let mut breaker = Breaker::default();
        play(&mut breaker, &rule, 0, "xxxxxxxxxx");
        let through = (0..30).filter(|_| breaker.admit(&rule, after + 1)).count();
        assert_eq!(through, 10, "calls at once");
        breaker.record(&rule, after + 1, Verdict::Ignored, 0);
        assert!(breaker.admit(&rule, after + 1) && !breaker.admit(&rule, after + 1), "a permit that came back");
    }

    #[test]
    fn failures_in_a_row_or_in_a_window() {
        let in_a_row = BreakerRule { trip: Trip::Consecutive(3), open_ns: SECOND_NS, half_open: 2 };
        let in_window = BreakerRule { trip: Trip::Failures(3, Window::Seconds(10)), ..in_a_row.clone() };
        for (rule, calls, seen) in [
            (&in_a_row, "xx.xx.xxx.", "xx.xx.xxx#"),
            (&in_a_row, "xx-x.", "xx-x#"),
            (&in_window, "x..x..x.", "x..x..x#"),
        ] {
            let mut breaker = Breaker::default();
            assert_eq!(play(&mut breaker, rule, 0, calls).0, seen);
            let mut again = breaker.clone();
            assert_eq!(play(&mut again, rule, 2 * SECOND_NS, ".x."), (".x#".to_string(), State::Open(2 * SECOND_NS)));
            assert_eq!(play(&mut breaker, rule, 2 * SECOND_NS, "..xx"), ("..xx".to_string(), State::Closed));
        }
    }

    #[test]
    fn a_window_of_time_forgets_by_the_second() {
        let rule = rates(Window::Seconds(3), 4);
        let mut breaker = Breaker::default();
        // Two failures in second 0 are gone in second 3, and no longer open it.
        play(&mut breaker, &rule, SECOND_NS - 1, "xx");
        assert_eq!(play(&mut breaker, &rule, 3 * SECOND_NS, "...x").1, State::Closed);
        assert_eq!(play(&mut breaker, &rule, 4 * SECOND_NS, "xx").1, State::Open(4 * SECOND_NS));
    }

    #[test]
    fn slow_calls_open_it_too() {
        let trip =
            Trip::Rates { window: Window::Calls(4), min_calls: 4, error_rate: 2.0, slow_rate: 0.5, slow_ns: 100 };
        let rule = BreakerRule { trip, open_ns: 1, half_open: 1 };
        for (times, open) in [([100, 100, 100, 101], false), ([1, 101, 1, 101], true), ([101, 101, 1, 1], true)] {
            let mut breaker = Breaker::default();
            times.iter().for_each(|&took| breaker.record(&rule, 5, Verdict::Good, took));
            assert_eq!(breaker.state() == State::Open(5), open, "{times:?}");
        }
    }

    /// Keeps all it ever heard and looks at it anew each time.
    #[derive(Default)]
    struct Twin {
        state: State,
        heard: Vec<(u64, bool, bool)>,
        let_through: u32,
        ignored: u32,
    }

    impl Twin {
        fn turn(&mut self, state: State) {
            *self = Twin { state, ..Twin::default() };
        }

        fn admit(&mut self, rule: &BreakerRule, now: u64) -> bool {
            if let State::Open(since) = self.state
                && now > since + rule.open_ns
            {
                self.turn(State::HalfOpen);
            }
            let may = match self.state {
                State::Closed => true,
                State::Open(_) => false,
                State::HalfOpen => self.let_through < rule.half_open + self.ignored,
            };
            self.let_through += may as u32;
            may
        }

        fn record(&mut self, rule: &BreakerRule, now: u64, verdict: Verdict, took: u64) {
            if verdict == Verdict::Ignored {
                self.ignored += 1;
                return;
            }
            let slow_ns = if let Trip::Rates { slow_ns, .. } = rule.trip { slow_ns } else { 0 };
            self.heard.push((now / SECOND_NS, verdict == Verdict::Bad, took > slow_ns));
            let last = |count: u32| self.heard[self.heard.len().saturating_sub(count as usize)..].to_vec();
            let of = |window: Window| match window {
                Window::Calls(size) => last(size),
                Window::Seconds(length) => {
                    let young = self.heard.iter().filter(|heard| heard.0 + length as u64 > now / SECOND_NS);
                    young.copied().collect()
                }
            };
            let failed = |calls: &[(u64, bool, bool)]| calls.iter().filter(|call| call.1).count();
            let half = self.state == State::HalfOpen;
            let (opens, closes) = match (&rule.trip, self.state) {
                (_, State::Open(_)) => (false, false),
                (Trip::Consecutive(count), State::Closed) => (failed(&last(*count)) == *count as usize, false),
                (Trip::Failures(count, window), State::Closed) => (failed(&of(*window)) >= *count as usize, false),
                (Trip::Consecutive(_) | Trip::Failures(..), State::HalfOpen) => {
                    (failed(&self.heard) > 0, self.heard.len() as u32 >= rule.half_open)
                }
                (Trip::Rates { window, min_calls, error_rate, slow_rate, .. }, State::Closed | State::HalfOpen) => {
                    let window = if half { Window::Calls(rule.half_open) } else { *window };
                    let least = if let Window::Calls(size) = window { size.min(*min_calls) } else { *min_calls };
                    let calls = of(window);
                    let slow = calls.iter().filter(|call| call.2).count() as f64;
                    let over = failed(&calls) as f64 / calls.len() as f64 >= *error_rate
                        || slow / calls.len() as f64 >= *slow_rate;
                    let enough = calls.len() as u32 >= least;
                    (enough && over, half && enough && !over)
                }
            };
            if opens {
                self.turn(State::Open(now));
            } else if closes {
                self.turn(State::Closed);
            }
        }
    }

    fn as_the_twin(events: u64, seed: u64) {
        let draw = |at: u64, k: u64| mix64(seed ^ mix64(at * 8 + k));
        for number in 0..12_u64 {
            let pick = |k: u64, from: &[u32]| from[(draw(u64::MAX / 16 + number, k) % from.len() as u64) as usize];
            let window = if number % 2 == 0 {
                Window::Calls(pick(0, &[1, 2, 10, 50]))
            } else {
                Window::Seconds(pick(0, &[1, 3, 10]))
            };
            let trip = match number % 4 {
                0 => Trip::Consecutive(pick(1, &[1, 3, 5])),
                1 => Trip::Failures(pick(1, &[1, 3, 5]), window),
                _ => Trip::Rates {
                    window,
                    min_calls: pick(2, &[1, 5, 20]),
                    error_rate: [0.3, 0.5, 2.0][pick(3, &[0, 1, 2]) as usize],
                    slow_rate: [0.5, 1.0, 2.0][pick(4, &[0, 1, 2]) as usize],
                    slow_ns: 70,
                },
            };
            let rule = BreakerRule { trip, open_ns: 3 * SECOND_NS, half_open: pick(5, &[1, 3, 10]) };
            let (mut fast, mut slow, mut now, mut going) = (Breaker::default(), Twin::default(), 0, 0);
            for event in 0..events {
                let bits = draw(event, number);
                now += bits % (SECOND_NS / 2);
                // In stretches the callee is bad.
                let verdict = match (bits >> 32) % 10 {
                    0 => Verdict::Ignored,
                    roll if roll < if (event / 50) % 2 == 0 { 3 } else { 8 } => Verdict::Bad,
                    _ => Verdict::Good,
                };
                if (bits >> 60) < 8 {
                    let admitted = fast.admit(&rule, now);
                    assert_eq!(admitted, slow.admit(&rule, now), "{rule:?} at {event}");
                    going += admitted as u32;
                } else if going > 0 {
                    going -= 1;
                    let took = (bits >> 40) % 100;
                    fast.record(&rule, now, verdict, took);
                    slow.record(&rule, now, verdict, took);
                }
                assert_eq!(fast.state(), slow.state, "{rule:?} at {event}");
            }
        }
    }

    #[test]
    fn it_does_as_its_slow_twin() {
        as_the_twin(3_000, 1);
    }

    #[test]
    #[ignore = "long"]
    fn it_does_as_its_slow_twin_for_long() {
        (0..30).for_each(|seed| as_the_twin(30_000, seed));
    }
}
