//! Limits of concurrency that find themselves: additive increase and multiplicative decrease, and the gradient of latency.
//!
//! Follows Netflix concurrency-limits (`com.netflix.concurrency.limits.limit`): `AIMDLimit`, asked after each call, and
//! `Gradient2Limit` behind a `WindowedLimit` that averages over windows of a second with at least ten calls. Times there are
//! `rtt`, from a call's arrival to its answer.

const S: u64 = 1_000_000_000;

/// Which limit, and its parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LimitSpec {
    /// By which rule.
    pub rule: LimitRule,
    /// The limit at first.
    pub initial: u32,
    /// The least limit.
    pub min: u32,
    /// The greatest limit.
    pub max: u32,
}

/// A limit's rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LimitRule {
    /// One more after a good call while at least half of the limit is in use, less by a ratio after one that failed or took
    /// too long.
    Aimd {
        /// What is left of the limit, 0.9.
        backoff: f64,
        /// From how long on a call took too long, ns; 5 s.
        timeout_ns: u64,
    },
    /// By the ratio of the long-term latency to the present one.
    Gradient {
        /// How much of the new limit enters, 0.2.
        smoothing: f64,
        /// How many may queue, 4.
        queue: u32,
        /// How many windows the long-term latency is of, 600.
        long_window: u32,
    },
}

/// A limit as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    spec: LimitSpec,
    estimate: f64,
    long: Average,
    /// The window: when it ends, calls, the sum of their times, the most in flight.
    window: (u64, u64, u128, u32),
}

/// The mean of the first ten values, and an exponential average from then on.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Average {
    value: f64,
    sum: f64,
    count: u32,
}

impl Average {
    const WARMUP: u32 = 10;

    fn add(&mut self, value: f64, window: u32) -> f64 {
        if self.count < Self::WARMUP {
            self.count += 1;
            self.sum += value;
            self.value = self.sum / f64::from(self.count);
        } else {
            let factor = 2.0 / (f64::from(window) + 1.0);
            self.value = self.value * (1.0 - factor) + value * factor;
        }
        self.value
    }
}

impl Limit {
    /// A limit at its start.
    #[must_use]
    pub fn new(spec: LimitSpec) -> Self {
        Self { spec, estimate: f64::from(spec.initial), long: Average::default(), window: (0, 0, 0, 0) }
    }

    /// How many may be in flight now.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.estimate as u32
    }

    /// A call has ended at `now_ns`, after `rtt_ns`, with `in_flight` then, itself included.
    pub fn ended(&mut self, now_ns: u64, rtt_ns: u64, in_flight: u32, dropped: bool) {
        match self.spec.rule {
            LimitRule::Aimd { backoff, timeout_ns } => {
                let limit = self.limit();
                let next = if dropped || rtt_ns > timeout_ns {
                    ((f64::from(limit) * backoff) as u32).min(limit.saturating_sub(1))
                } else if in_flight.saturating_mul(2) >= limit {
                    limit + 1
                } else {
                    limit
                };
                self.estimate = f64::from(next.clamp(self.spec.min.max(1), self.spec.max));
            }
            LimitRule::Gradient { smoothing, queue, long_window } => {
                let (end, calls, sum, most) = self.window;
                let (calls, sum, most) = (calls + 1, sum + u128::from(rtt_ns), most.max(in_flight));
                self.window = (end, calls, sum, most);
                if now_ns <= end {
                    return;
                }
                self.window = (now_ns + S, 0, 0, 0);
                if calls >= 10 {
                    self.gradient(sum as f64 / calls as f64, most, (smoothing, queue, long_window));
                }
            }
        }
    }

    fn gradient(&mut self, short: f64, in_flight: u32, (smoothing, queue, long_window): (f64, u32, u32)) {
        let long = self.long.add(short, long_window);
        if long / short > 2.0 {
            self.long.value *= 0.9;
        }
        if f64::from(in_flight) < self.estimate / 2.0 {
            return;
        }
        let gradient = (long / short).clamp(0.5, 1.0);
        let next = self.estimate * gradient + f64::from(queue);
        let next = self.estimate * (1.0 - smoothing) + next * smoothing;
        self.estimate = next.clamp(f64::from(self.spec.min), f64::from(self.spec.max));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::draws::Draws;

    const AIMD: LimitSpec =
        LimitSpec { rule: LimitRule::Aimd { backoff: 0.9, timeout_ns: 5 * S }, initial: 10, min: 1, max: 200 };

    #[test]
    fn additive_up_and_multiplicative_down() {
        let mut limit = Limit::new(AIMD);
        for (rtt, in_flight, dropped, expected) in [
            (S, 4, false, 10),
            (S, 5, false, 11),
            (S, 11, false, 12),
            (6 * S, 12, false, 10),
            (S, 1, true, 9),
            (S, 1, true, 8),
            (5 * S, 8, false, 9),
        ] {
            limit.ended(0, rtt, in_flight, dropped);
            assert_eq!(limit.limit(), expected, "{rtt} {in_flight} {dropped}");
        }
        (0..100).for_each(|_| limit.ended(0, S, 1, true));
        assert_eq!(limit.limit(), 1);
    }

    #[test]
    fn the_gradient_grows_by_its_queue_and_shrinks_with_latency() {
        let rule = LimitRule::Gradient { smoothing: 0.2, queue: 4, long_window: 600 };
        let mut limit = Limit::new(LimitSpec { rule, initial: 20, min: 20, max: 200 });
        let windows = |limit: &mut Limit, from: u64, count: u64, rtt: u64, in_flight: u32| {
            for window in from..from + count {
                (0..20).for_each(|_| limit.ended(window * 2 * S, rtt, in_flight, false));
            }
        };
        // Steady: 0.2 × 4 more each window, and it takes a call of the next window to end one.
        windows(&mut limit, 1, 11, S / 10, 200);
        assert_eq!(limit.limit(), 28);
        // Where less than half of it is in use, it stays.
        windows(&mut limit, 12, 10, S / 10, 5);
        assert!((28..=29).contains(&limit.limit()), "{}", limit.limit());
        // Four times the latency: at most a tenth less a window, down to its least.
        let before = limit.limit();
        windows(&mut limit, 22, 2, 4 * S / 10, 200);
        assert!(limit.limit() < before);
        windows(&mut limit, 24, 30, 4 * S / 10, 200);
        assert!((20..=28).contains(&limit.limit()), "{}", limit.limit());
    }

    /// Both limits from their sources, with each window's calls in a list.
    struct Twin {
        spec: LimitSpec,
        limit: f64,
        calls: Vec<(u64, u32)>,
        ends_ns: u64,
        warmup: Vec<f64>,
        long: f64,
    }

    impl Twin {
        fn ended(&mut self, now_ns: u64, rtt_ns: u64, in_flight: u32, dropped: bool) {
            let LimitSpec { rule, min, max, .. } = self.spec;
            let (min, max) = (f64::from(min), f64::from(max));
            match rule {
                LimitRule::Aimd { backoff, timeout_ns } => {
                    if dropped || rtt_ns > timeout_ns {
                        self.limit = (self.limit * backoff).floor();
                    } else if f64::from(in_flight) * 2.0 >= self.limit {
                        self.limit += 1.0;
                    }
                    self.limit = self.limit.max(min).min(max);
                }
                LimitRule::Gradient { smoothing, queue, long_window } => {
                    self.calls.push((rtt_ns, in_flight));
                    if now_ns <= self.ends_ns {
                        return;
                    }
                    self.ends_ns = now_ns + S;
                    let calls = std::mem::take(&mut self.calls);
                    if calls.len() < 10 {
                        return;
                    }
                    let short = calls.iter().map(|call| call.0).sum::<u64>() as f64 / calls.len() as f64;
                    if self.warmup.len() < 10 {
                        self.warmup.push(short);
                        self.long = self.warmup.iter().sum::<f64>() / self.warmup.len() as f64;
                    } else {
                        let factor = 2.0 / (f64::from(long_window) + 1.0);
                        self.long = self.long * (1.0 - factor) + short * factor;
                    }
                    let long = self.long;
                    if long > 2.0 * short {
                        self.long *= 0.9;
                    }
                    let most = calls.iter().map(|call| call.1).max().expect("there are ten");
                    if f64::from(most) >= self.limit / 2.0 {
                        let gradient = (long / short).clamp(0.5, 1.0);
                        let next = self.limit * gradient + f64::from(queue);
                        self.limit = self.limit * (1.0 - smoothing) + next * smoothing;
                        self.limit = self.limit.max(min).min(max);
                    }
                }
            }
        }
    }

    fn against_the_twin(rounds: u64, calls: u64) {
        for round in 0..rounds {
            let mut draws = Draws::new(round);
            let rule = if round % 2 == 0 {
                LimitRule::Aimd { backoff: draws.of(&[0.5, 0.9, 0.98]), timeout_ns: draws.of(&[S / 10, S]) }
            } else {
                let long_window = draws.of(&[10, 100, 600]);
                LimitRule::Gradient { smoothing: draws.of(&[0.1, 0.2, 1.0]), queue: draws.of(&[0, 4, 16]), long_window }
            };
            let min = 1 + draws.below(20) as u32;
            let spec = LimitSpec { rule, initial: min + 10, min, max: min + 10 + draws.below(200) as u32 };
            let (limit, calls_seen, warmup) = (f64::from(spec.initial), Vec::new(), Vec::new());
            let mut twin = Twin { spec, limit, calls: calls_seen, ends_ns: 0, warmup, long: 0.0 };
            let (mut fast, mut now_ns) = (Limit::new(spec), 0);
            for call in 0..calls {
                now_ns += draws.below(S / 20);
                // In stretches the server is slow.
                let slow = if call / 500 % 3 == 2 { 8 } else { 1 };
                let (rtt_ns, in_flight) = (1 + slow * draws.below(S / 5), draws.below(60) as u32);
                let dropped = draws.once_in(20);
                fast.ended(now_ns, rtt_ns, in_flight, dropped);
                twin.ended(now_ns, rtt_ns, in_flight, dropped);
                assert_eq!(fast.limit(), twin.limit as u32, "{spec:?} at call {call}");
            }
        }
    }

    #[test]
    fn limits_are_those_of_the_twin() {
        against_the_twin(20, 2_000);
    }

    #[test]
    #[ignore = "a million events"]
    fn limits_are_those_of_the_twin_a_million_times() {
        against_the_twin(100, 10_000);
    }
}
