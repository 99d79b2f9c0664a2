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
}
