//! Rate limits: which calls may pass. Pure state and rules, in whole numbers; the caller keeps one [`Bucket`] for each
//! that is limited by itself (a client, a tier, all), and tells the time, in ns on any clock that only moves forward.
//!
//! | algorithm | rule | source |
//! |---|---|---|
//! | token bucket | `burst` tokens at the start, refilled at the rate, continuously or one whole token each 1 ÷ rate; a call takes one | RFC 2697's bucket; Envoy `token_bucket` |
//! | leaky bucket | nginx `limit_req` on its millisecond clock, in thousandths of a request | nginx `src/http/modules/ngx_http_limit_req_module.c` |
//! | fixed window | so many in each window of the clock | express-rate-limit, Kong |
//! | sliding log | so many in the time before now | the sorted-set recipe of the Redis documentation |
//! | sliding counter | this window's count and the share of the last one's that still overlaps stay below the limit | Cloudflare, "How we built rate limiting capable of scaling to millions of domains" (2017) |
//! | GCRA | a call is early by at most `burst` intervals against its theoretical arrival time | ITU-T I.371; throttled, redis-cell |
//!
//! Only calls that pass are counted, by all of them: who is refused does not push the limit further away.

use std::collections::VecDeque;

/// So many in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub count: u64,
    /// In how long, ns; not 0.
    pub per_ns: u64,
}

/// How a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Tokens that come back all the time.
    TokenBucket,
    /// Tokens that come back one by one, at multiples of 1 ÷ rate.
    WholeTokens,
    /// nginx `limit_req`.
    LeakyBucket {
        /// How many above the rate pass without delay; `None`: all that pass (`nodelay`).
        undelayed: Option<u64>,
    },
    /// A count for each window of the clock.
    FixedWindow,
    /// The times of all that passed.
    SlidingLog,
    /// Two counts.
    SlidingCounter,
    /// The time at which the next call is due.
    Gcra,
}

/// A limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How it counts.
    pub algorithm: Algorithm,
    /// The rate.
    pub quota: Quota,
    /// How many may come at once: tokens of a bucket; calls above the first for a leaky bucket and GCRA.
    pub burst: u64,
}

/// What a limit says to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may pass after so many ns.
    Pass(u64),
    /// It may not.
    Refuse,
}

/// What a limit remembers of those that it counts together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bucket {
    /// Tokens that are missing, in parts of 1 ÷ `per_ns`, at a time.
    Tokens {
        /// How many parts.
        missing: u128,
        /// When.
        at: i64,
    },
    /// Whole tokens that are missing, after a refill.
    Whole {
        /// How many.
        missing: u64,
        /// The number of the refill.
        refill: i128,
    },
    /// Thousandths of a request above the rate, at a millisecond; `None`: no request has come.
    Leaky(Option<(i64, i64)>),
    /// A window, how many passed in it, and how many in the one before.
    Window {
        /// The number of the window.
        number: i64,
        /// How many passed in it.
        count: u64,
        /// How many passed in the one before.
        before: u64,
    },
    /// When those passed that still count, ns.
    Log(VecDeque<i64>),
    /// When the next is due, in parts of 1 ÷ `count` ns.
    Due(i128),
}

impl Quota {
    /// nginx's rate: thousandths of a request in a second, rounded down.
    fn thousandths_per_s(self) -> i64 {
        (self.count as u128 * 1_000_000_000_000 / self.per_ns as u128).min(i64::MAX as u128) as i64
    }

    /// The number of the last refill before or at a time, where refills come at multiples of 1 ÷ rate.
    fn refill(self, now: i64) -> i128 {
        (now as i128 * self.count as i128).div_euclid(self.per_ns as i128)
    }

    /// The window that a time falls into.
    fn window(self, now: i64) -> i64 {
        now.div_euclid(self.per_ns.min(i64::MAX as u64) as i64)
    }
}

impl Limit {
    /// What is remembered before anything came.
    #[must_use]
    pub fn fresh(&self) -> Bucket {
        match self.algorithm {
            Algorithm::TokenBucket => Bucket::Tokens { missing: 0, at: i64::MIN },
            Algorithm::WholeTokens => Bucket::Whole { missing: 0, refill: i128::MIN },
            Algorithm::LeakyBucket { .. } => Bucket::Leaky(None),
            Algorithm::FixedWindow | Algorithm::SlidingCounter => {
                Bucket::Window { number: i64::MIN, count: 0, before: 0 }
            }
            Algorithm::SlidingLog => Bucket::Log(VecDeque::new()),
            Algorithm::Gcra => Bucket::Due(i128::MIN),
        }
    }

    /// Whether a call may pass now; if so, it is counted.
    ///
    /// # Panics
    /// Where the bucket is another algorithm's.
    pub fn decide(&self, bucket: &mut Bucket, now: i64) -> Verdict {
        self.settle(bucket, now);
        let Quota { count: most, per_ns } = self.quota;
        let passes = match bucket {
            Bucket::Tokens { missing, .. } => {
                let more = *missing + per_ns as u128;
                let passes = more <= self.burst as u128 * per_ns as u128;
                *missing = if passes { more } else { *missing };
                passes
            }
            Bucket::Whole { missing, .. } => {
                let passes = *missing < self.burst;
                *missing += passes as u64;
                passes
            }
            Bucket::Leaky(state) => return self.limit_req(state, now),
            Bucket::Window { count, before, .. } => {
                let passes = if self.algorithm == Algorithm::SlidingCounter {
                    let left = per_ns as i128 - (now as i128).rem_euclid(per_ns as i128);
                    let estimate = *before as u128 * left as u128 + *count as u128 * per_ns as u128;
                    estimate < most as u128 * per_ns as u128
                } else {
                    *count < most
                };
                *count += passes as u64;
                passes
            }
            Bucket::Log(times) => {
                let passes = (times.len() as u64) < most;
                if passes {
                    times.push_back(now);
                }
                passes
            }
            Bucket::Due(due) => {
                let at = now as i128 * most as i128;
                let passes = most > 0 && due.saturating_sub(at) <= self.burst as i128 * per_ns as i128;
                *due = if passes { at.max(*due) + per_ns as i128 } else { *due };
                passes
            }
        };
        if passes { Verdict::Pass(0) } else { Verdict::Refuse }
    }

    /// nginx's `ngx_http_limit_req_lookup` and `ngx_http_limit_req_account`.
    fn limit_req(&self, state: &mut Option<(i64, i64)>, now: i64) -> Verdict {
        let rate = self.quota.thousandths_per_s();
        let now_ms = now.div_euclid(1_000_000);
        let (excess, last) = match *state {
            None => (0, now_ms),
            Some((excess, last)) => {
                let ms = (now_ms - last).max(0);
                let drained = (rate as i128 * ms as i128 / 1000).min(i64::MAX as i128) as i64;
                (excess.saturating_sub(drained).saturating_add(1000).max(0), if ms > 0 { now_ms } else { last })
            }
        };
        if excess > thousandths(self.burst) {
            return Verdict::Refuse;
        }
        *state = Some((excess, last));
        let Algorithm::LeakyBucket { undelayed: Some(undelayed) } = self.algorithm else { return Verdict::Pass(0) };
        let late = excess - thousandths(undelayed);
        // A rate of nothing never lets the second one through.
        Verdict::Pass(if late > 0 && rate > 0 { (late as u64 * 1000 / rate as u64) * 1_000_000 } else { 0 })
    }

    /// Brings what is remembered up to now.
    pub fn settle(&self, bucket: &mut Bucket, now: i64) {
        let quota = self.quota;
        match bucket {
            Bucket::Tokens { missing, at } => {
                let passed = (now as i128 - (*at).min(now) as i128) as u128;
                *missing = missing.saturating_sub(passed * quota.count as u128);
                *at = now;
            }
            Bucket::Whole { missing, refill } => {
                let newest = quota.refill(now);
                let refills = newest.saturating_sub(*refill).max(0);
                *missing = (*missing as i128).saturating_sub(refills).max(0) as u64;
                *refill = newest;
            }
            Bucket::Leaky(_) | Bucket::Due(_) => {}
            Bucket::Window { number, count, before } => {
                let newest = quota.window(now);
                if newest != *number {
                    *before = if newest.checked_sub(1) == Some(*number) { *count } else { 0 };
                    *count = 0;
                    *number = newest;
                }
            }
            Bucket::Log(times) => {
                while times.front().is_some_and(|&at| at.saturating_add_unsigned(quota.per_ns) <= now) {
                    times.pop_front();
                }
            }
        }
    }

    /// Forgets a call that passed at a time: it is not to be counted after all.
    pub fn give_back(&self, bucket: &mut Bucket, passed_at: i64) {
        match bucket {
            Bucket::Tokens { missing, .. } => *missing = missing.saturating_sub(self.quota.per_ns as u128),
            Bucket::Whole { missing, .. } => *missing = missing.saturating_sub(1),
            Bucket::Leaky(Some((excess, _))) => *excess = (*excess - 1000).max(0),
            Bucket::Leaky(None) => {}
            Bucket::Window { number, count, before } => {
                let window = self.quota.window(passed_at);
                if window == *number {
                    *count = count.saturating_sub(1);
                } else if Some(window) == number.checked_sub(1) {
                    *before = before.saturating_sub(1);
                }
            }
            Bucket::Log(times) => {
                if let Ok(place) = times.binary_search(&passed_at) {
                    times.remove(place);
                }
            }
            Bucket::Due(due) => *due = due.saturating_sub(self.quota.per_ns as i128),
        }
    }

    /// Whether a bucket says now what a fresh one would say, so that nothing is lost with it.
    #[must_use]
    pub fn is_idle(&self, bucket: &Bucket, now: i64) -> bool {
        let mut settled = bucket.clone();
        self.settle(&mut settled, now);
        match settled {
            Bucket::Tokens { missing, .. } => missing == 0,
            Bucket::Whole { missing, .. } => missing == 0,
            Bucket::Leaky(None) => true,
            Bucket::Leaky(Some((excess, last))) => {
                let ms = (now.div_euclid(1_000_000) - last).max(0);
                let rate = self.quota.thousandths_per_s();
                excess as i128 + 1000 <= rate as i128 * ms as i128 / 1000
            }
            Bucket::Window { count, before, .. } => count == 0 && before == 0,
            Bucket::Log(times) => times.is_empty(),
            Bucket::Due(due) => due <= now as i128 * self.quota.count as i128,
        }
    }

    /// Goes on with another rate: what is remembered keeps its meaning.
    pub fn change(&self, bucket: &mut Bucket, to: Quota, now: i64) {
        self.settle(bucket, now);
        match bucket {
            Bucket::Tokens { missing, .. } => {
                *missing = *missing * to.per_ns as u128 / self.quota.per_ns as u128;
            }
            Bucket::Whole { refill, .. } => *refill = to.refill(now),
            Bucket::Due(due) => {
                // So many intervals are owed, however long one is.
                let owed = due.saturating_sub(now as i128 * self.quota.count as i128).max(0);
                *due = now as i128 * to.count as i128 + owed * to.per_ns as i128 / self.quota.per_ns as i128;
            }
            Bucket::Window { number, before, .. } => {
                // What passed in a window of another length is no window of this one.
                if to.per_ns != self.quota.per_ns {
                    *before = 0;
                    *number = to.window(now);
                }
            }
            Bucket::Leaky(_) | Bucket::Log(_) => {}
        }
    }
}

fn thousandths(count: u64) -> i64 {
    (count.min(i64::MAX as u64 / 1000) * 1000) as i64
}

/// A limit that follows how well calls end: it is raised while they go well and lowered when they do not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adaptive {
    /// The least that it comes to.
    pub min: f64,
    /// The most.
    pub max: f64,
    /// It is raised when more than this share of calls ended well.
    pub raise_above: f64,
    /// By what it is multiplied then.
    pub raise_by: f64,
    /// It is lowered when less than this share ended well.
    pub lower_below: f64,
    /// By what it is multiplied then.
    pub lower_by: f64,
}

impl Adaptive {
    /// The next limit, after a time in which `ok` of `all` calls that ended, ended well.
    #[must_use]
    pub fn next(&self, limit: f64, ok: u64, all: u64) -> f64 {
        if all == 0 {
            return limit;
        }
        let share = ok as f64 / all as f64;
        let next = if share > self.raise_above {
            limit * self.raise_by
        } else if share < self.lower_below {
            limit * self.lower_by
        } else {
            limit
        };
        next.clamp(self.min, self.max)
    }
}

#[cfg(test)]
mod tests;
