//! How long to wait before a retry.
//!
//! Jitter follows aws-samples/aws-arch-backoff-simulator: with t the delay before retry n, full waits rand(0, t), equal
//! t/2 + rand(0, t/2), decorrelated min(max, rand(base, 3 × the last wait)).

use crate::math;

/// The delays before retries 1, 2, 3, …, without jitter. Times in ns.
#[derive(Debug, Clone, PartialEq)]
pub enum Backoff {
    /// Always the same.
    Constant(u64),
    /// One for each retry, the last repeats; none waits nothing.
    List(Vec<u64>),
    /// `base` · `factor`^(n−1) before retry n, at most `max`.
    Exponential {
        /// Before the first retry.
        base_ns: u64,
        /// By which each delay is longer than the one before, at least 1.
        factor: f64,
        /// The longest.
        max_ns: u64,
    },
}

/// How chance changes a delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Jitter {
    /// Not at all.
    #[default]
    None,
    /// Anything from 0 to the delay.
    Full,
    /// Half of the delay, and anything up to the other half.
    Equal,
    /// Anything from the base to three times the last wait, at most the longest delay.
    Decorrelated,
}

impl Backoff {
    /// The delay before retry `n` (from 1), in ns.
    #[must_use]
    pub fn delay(&self, n: u32) -> u64 {
        match self {
            Self::Constant(ns) => *ns,
            Self::List(delays) => {
                let at = (n.max(1) as usize - 1).min(delays.len().saturating_sub(1));
                delays.get(at).copied().unwrap_or(0)
            }
            Self::Exponential { base_ns, factor, max_ns } => {
                let delay = *base_ns as f64 * math::powi(*factor, n.max(1) - 1);
                (delay.round() as u64).min(*max_ns)
            }
        }
    }

    /// The longest delay that jitter may reach.
    fn max(&self) -> u64 {
        match self {
            Self::Constant(ns) => *ns,
            Self::List(delays) => delays.iter().copied().max().unwrap_or(0),
            Self::Exponential { max_ns, .. } => *max_ns,
        }
    }

    /// How long to wait before retry `n` (from 1), in ns: `u` is a uniform in (0, 1), `last_ns` the wait before the
    /// retry before (anything for the first).
    #[must_use]
    pub fn wait(&self, n: u32, jitter: Jitter, u: f64, last_ns: u64) -> u64 {
        let delay = self.delay(n);
        let part = |of: f64| (u * of).round() as u64;
        match jitter {
            Jitter::None => delay,
            Jitter::Full => part(delay as f64),
            Jitter::Equal => delay / 2 + part((delay - delay / 2) as f64),
            Jitter::Decorrelated => {
                let base = self.delay(1);
                let last = if n <= 1 { base } else { last_ns };
                let upper = last.saturating_mul(3).max(base);
                (base + part((upper - base) as f64)).min(self.max().max(base))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::draws::Draws;

    const MS: u64 = 1_000_000;

    fn exponential(base_ms: u64, factor: f64, max_ms: u64) -> Backoff {
        Backoff::Exponential { base_ns: base_ms * MS, factor, max_ns: max_ms * MS }
    }

    #[test]
    fn delays_without_jitter() {
        for (backoff, expected) in [
            (Backoff::Constant(5), [5, 5, 5, 5, 5]),
            (Backoff::List(vec![1, 2, 3]), [1, 2, 3, 3, 3]),
            (Backoff::List(vec![]), [0; 5]),
            (exponential(100, 2.0, 1_000), [100 * MS, 200 * MS, 400 * MS, 800 * MS, 1_000 * MS]),
            (exponential(10, 1.5, 60_000), [10 * MS, 15 * MS, 22_500_000, 33_750_000, 50_625_000]),
        ] {
            assert_eq!([1, 2, 3, 4, 5].map(|n| backoff.delay(n)), expected, "{backoff:?}");
            assert_eq!(backoff.wait(3, Jitter::None, 0.7, 0), expected[2]);
        }
        assert_eq!(exponential(100, 2.0, 1_000).delay(5_000), 1_000 * MS, "it overflows to the longest");
    }

    #[test]
    fn jitter_stays_in_its_bounds() {
        let backoff = exponential(100, 2.0, 1_000);
        for (jitter, n, last_ms, low_ms, high_ms) in [
            (Jitter::Full, 1, 0, 0, 100),
            (Jitter::Full, 3, 0, 0, 400),
            (Jitter::Equal, 3, 0, 200, 400),
            (Jitter::Decorrelated, 1, 0, 100, 300),
            (Jitter::Decorrelated, 2, 200, 100, 600),
            (Jitter::Decorrelated, 5, 900, 100, 1_000),
        ] {
            let wait = |u: f64| backoff.wait(n, jitter, u, last_ms * MS);
            assert_eq!((wait(1e-17), wait(1.0 - 1e-16)), (low_ms * MS, high_ms * MS), "{jitter:?} {n}");
            let middle = wait(0.5);
            assert!(middle >= low_ms * MS && middle <= high_ms * MS);
        }
    }

    /// Multiplied retry by retry, and added to by jitter as the source has it.
    fn twin(backoff: &Backoff, n: u32, jitter: Jitter, u: f64, last_ns: u64) -> f64 {
        let mut delays = Vec::new();
        let longest = match backoff {
            Backoff::Constant(ns) => {
                delays.push(*ns as f64);
                *ns
            }
            Backoff::List(list) => {
                delays.extend(list.iter().map(|ns| *ns as f64));
                list.iter().copied().max().unwrap_or(0)
            }
            Backoff::Exponential { base_ns, factor, max_ns } => {
                let mut delay = *base_ns as f64;
                for _ in 0..n {
                    delays.push(delay.min(*max_ns as f64));
                    delay *= factor;
                }
                *max_ns
            }
        };
        let first = delays.first().copied().unwrap_or(0.0);
        let delay = delays.get(n as usize - 1).or(delays.last()).copied().unwrap_or(0.0);
        match jitter {
            Jitter::None => delay,
            Jitter::Full => u * delay,
            Jitter::Equal => delay / 2.0 + u * delay / 2.0,
            Jitter::Decorrelated => {
                let last = if n == 1 { first } else { last_ns as f64 };
                (first + u * (3.0 * last - first).max(0.0)).min((longest as f64).max(first))
            }
        }
    }

    fn against_the_twin(rounds: u64) {
        let mut draws = Draws::new(3);
        for round in 0..rounds {
            let backoff = match round % 3 {
                0 => Backoff::Constant(draws.below(1_000 * MS)),
                1 => Backoff::List((0..draws.below(5)).map(|_| draws.below(1_000 * MS)).collect()),
                _ => exponential(1 + draws.below(500), draws.of(&[1.0, 1.5, 2.0, 3.0]), 500 + draws.below(60_000)),
            };
            let jitter = draws.of(&[Jitter::None, Jitter::Full, Jitter::Equal, Jitter::Decorrelated]);
            let mut last_ns = 0;
            for n in 1..=10 {
                let u = draws.uniform();
                let wait = backoff.wait(n, jitter, u, last_ns);
                // Both round, and half of an odd number is cut.
                let expected = twin(&backoff, n, jitter, u, last_ns);
                let near = (wait as f64 - expected).abs() <= 2.0 + 1e-12 * expected;
                assert!(near, "{backoff:?}, {jitter:?}, retry {n}: {wait} and {expected}");
                last_ns = wait;
            }
        }
    }

    #[test]
    fn waits_are_those_of_the_twin() {
        against_the_twin(500);
    }

    #[test]
    #[ignore = "a million events"]
    fn waits_are_those_of_the_twin_a_million_times() {
        against_the_twin(100_000);
    }
}
