//! When requests arrive in an open workload: a process of rate 1 seen through a rate profile.
//!
//! Arrival n ≥ 0 comes at Λ⁻¹ of the sum of the gaps 0 to n; arrivals n < 0 are those of the warm-up, backwards from
//! t = 0. Each gap depends on the stream and on n alone, and gaps are summed as whole multiples of 2^−30, so that
//! neither the length of the warm-up nor the order of summing moves anything in the window.

use super::profile::Profile;
use super::sampler::{BLOCK, Sampler, TWO_52, whole, whole_below_two_52};
use crate::engine::rng::uniform_at;
use crate::math;
use crate::model::distribution::Distribution;

mod modulation;

use modulation::Modulation;

pub use crate::model::arrivals::{Process, ProcessState};

/// Steps of unit time in one mean gap.
const STEPS: f64 = 1_073_741_824.0;
const NS_PER_S: f64 = 1e9;
/// ns per step and (arrivals per second): exact, as 10^9 ÷ 2^30 is.
const NS_PER_STEP: f64 = NS_PER_S / STEPS;
const NEVER: i64 = i64::MAX;

/// The arrivals of one client, in the order of time, those of the warm-up first.
#[derive(Debug, Clone)]
pub struct Arrivals {
    gaps: Gaps,
    profile: Profile,
    modulation: Option<Modulation>,
    /// The number of the arrival that `times[0]` belongs to, and the sum of all gaps of the block from 0 to each.
    first: i64,
    units: [i64; BLOCK],
    times: [i64; BLOCK],
    /// The next to hand out, and the end of the block.
    at: usize,
    length: usize,
}

impl Arrivals {
    /// Arrivals by `process` at the rates of `profile`, from −`warmup_ns` on.
    ///
    /// `stream` is the key of the gaps; `modulation_stream` that of the states of [`Process::Mmpp`].
    #[must_use]
    pub fn new(profile: Profile, process: &Process, stream: u64, modulation_stream: u64, warmup_ns: u64) -> Self {
        let mut modulation = match process {
            Process::Mmpp(states) => Some(Modulation::new(states, modulation_stream)),
            Process::Poisson | Process::Constant | Process::Gamma { .. } => None,
        };
        if let Some(modulation) = &mut modulation {
            modulation.start(&profile, warmup_ns);
        }
        let gaps = Gaps::new(process, stream);
        let (units, times) = ([0; BLOCK], [0; BLOCK]);
        let mut arrivals = Self { gaps, profile, modulation, first: 0, units, times, at: 0, length: 0 };
        arrivals.start_warmup(warmup_ns);
        arrivals
    }

    /// The number of the arrival that was handed out last: from 0 in the window, negative in the warm-up.
    #[inline]
    #[must_use]
    pub fn number(&self) -> i64 {
        self.first + self.at as i64 - 1
    }

    /// From `at_ns` on the rate is `rate` per second. Where the arrival handed out last hasn't happened yet
    /// (`pending`), it is taken back: ask again.
    ///
    /// # Panics
    /// In the warm-up, whose load is that of t = 0.
    pub fn change_rate(&mut self, at_ns: i64, rate: f64, pending: bool) {
        assert!(at_ns >= 0, "the warm-up has the load of t = 0");
        let at_s = at_ns as f64 / NS_PER_S;
        if let Some(modulation) = &mut self.modulation {
            modulation.change_rate(&self.profile, at_s);
        }
        self.profile.change_rate(at_s, rate);
        self.at -= usize::from(pending && self.at > 0);
        if self.first >= 0 {
            self.see_through_profile(self.at, self.at);
        }
    }

    /// Finds the first arrival of the warm-up, going backwards, and fills the block it is in.
    fn start_warmup(&mut self, warmup_ns: u64) {
        if warmup_ns == 0 || self.profile.rate_at(0.0) <= 0.0 {
            return;
        }
        let earliest = -i64::try_from(warmup_ns).unwrap_or(NEVER);
        let mut block = [0i64; BLOCK];
        let (mut n, mut units) = (0i64, 0i64);
        loop {
            let first = (n - 1).div_euclid(BLOCK as i64) * BLOCK as i64;
            self.gaps.fill(first, &mut block);
            for gap in block.iter().rev() {
                let before = units.saturating_sub(*gap);
                if self.time_before_zero(before) < earliest {
                    self.fill_warmup(n, units);
                    return;
                }
                (n, units) = (n - 1, before);
            }
        }
    }

    /// Fills the block of arrival `n` < 0, which comes at `units`, and stands before it.
    fn fill_warmup(&mut self, n: i64, units: i64) {
        if n == 0 {
            return;
        }
        self.first = n.div_euclid(BLOCK as i64) * BLOCK as i64;
        self.at = (n - self.first) as usize;
        self.length = BLOCK;
        let mut gaps = [0i64; BLOCK];
        self.gaps.fill(self.first, &mut gaps);
        let mut units = units;
        for (at, gap) in gaps.iter().enumerate().skip(self.at) {
            self.units[at] = units;
            self.times[at] = self.time_before_zero(units);
            units += gap;
        }
    }

    /// The time of a sum of gaps below 0: before 0 by at least a nanosecond.
    fn time_before_zero(&self, units: i64) -> i64 {
        let ns = match &self.modulation {
            None => -(units as f64) * NS_PER_STEP / self.profile.rate_at(0.0),
            Some(modulation) => modulation.ns_before_zero(-(units as f64) / STEPS),
        };
        -(whole(ns).max(1) as i64)
    }

    #[cold]
    #[inline(never)]
    fn refill(&mut self) {
        let next = self.first + self.length as i64;
        let mut gaps = [0i64; BLOCK];
        self.gaps.fill(next, &mut gaps);
        // The sum of all gaps from this block's first arrival on: below 0 it leads up to 0, from 0 on it starts there.
        let mut units = match (self.length, next) {
            (0, _) | (_, 0) => 0,
            (length, _) => self.units[length - 1],
        };
        if next < 0 {
            // The last arrival's gap leads to this block's first.
            let mut before = [0i64; BLOCK];
            self.gaps.fill(self.first, &mut before);
            units += before[BLOCK - 1];
        }
        self.first = next;
        (self.at, self.length) = (0, BLOCK);
        for (sum, gap) in self.units.iter_mut().zip(&gaps) {
            if next < 0 {
                *sum = units;
                units = units.saturating_add(*gap);
            } else {
                units = units.saturating_add(*gap);
                *sum = units;
            }
        }
        if next < 0 {
            for at in 0..BLOCK {
                self.times[at] = self.time_before_zero(self.units[at]);
            }
        } else {
            self.see_through_profile(0, BLOCK);
        }
    }

    /// Gives the sums from `from` on their times; those before `handed` are not to be overtaken.
    fn see_through_profile(&mut self, from: usize, handed: usize) {
        if let (Some(rate), None) = (self.profile.as_constant().filter(|rate| *rate > 0.0), &self.modulation) {
            let ns = |units: i64| units as f64 * NS_PER_STEP / rate;
            let times = self.times[from..].iter_mut().zip(&self.units[from..]);
            if ns(self.units[BLOCK - 1]) < TWO_52 {
                times.for_each(|(time, units)| *time = whole_below_two_52(ns(*units)) as i64);
            } else {
                times.for_each(|(time, units)| *time = whole(ns(*units)) as i64);
            }
            return;
        }
        let mut last = if handed > 0 && handed < BLOCK { self.times[handed - 1].max(0) } else { 0 };
        for at in from..BLOCK {
            let units = self.units[at] as f64 / STEPS;
            let time_s = match &mut self.modulation {
                None => self.profile.time_of(units),
                Some(modulation) => modulation.time_of(&self.profile, units),
            };
            // Inverses are exact to far below a nanosecond; what rounding is left must not swap two arrivals.
            let time = time_s.map_or(NEVER, |time_s| (whole(time_s * NS_PER_S) as i64).max(last));
            self.times[at] = time;
            last = time;
        }
    }
}

impl Iterator for Arrivals {
    type Item = i64;

    /// The time of the next arrival, in ns from t = 0 (negative in the warm-up); none where the rate has ended at 0.
    #[inline]
    fn next(&mut self) -> Option<i64> {
        if self.at == self.length {
            self.refill();
        }
        let time = self.times[self.at];
        if time == NEVER {
            return None;
        }
        self.at += 1;
        Some(time)
    }
}

/// The gaps of a process of rate 1, in steps: a pure function of stream and number.
#[derive(Debug, Clone)]
struct Gaps {
    stream: u64,
    kind: GapKind,
}

#[derive(Debug, Clone)]
enum GapKind {
    Exponential,
    Even,
    Sampled(Box<Sampler>),
}

impl Gaps {
    fn new(process: &Process, stream: u64) -> Self {
        let kind = match process {
            Process::Poisson | Process::Mmpp(_) => GapKind::Exponential,
            Process::Constant => GapKind::Even,
            Process::Gamma { cv } if *cv == 1.0 => GapKind::Exponential,
            Process::Gamma { cv } if *cv == 0.0 => GapKind::Even,
            Process::Gamma { cv } => {
                GapKind::Sampled(Box::new(Sampler::new(&Distribution::Gamma { mean: 1.0, cv: *cv })))
            }
        };
        Self { stream, kind }
    }

    /// The gaps of the arrivals `first` to `first` + 127.
    fn fill(&self, first: i64, gaps: &mut [i64; BLOCK]) {
        let mut values = [0.0f64; BLOCK];
        match &self.kind {
            GapKind::Even => gaps.fill(STEPS as i64),
            GapKind::Exponential => {
                for (at, value) in values.iter_mut().enumerate() {
                    *value = 1.0 - uniform_at(self.stream, first.wrapping_add(at as i64));
                }
                // All are at least 2^−53: in the kernel's range, and a gap is at most 36.8 · 2^30 steps.
                for (gap, value) in gaps.iter_mut().zip(&values) {
                    *gap = whole_below_two_52(math::ln_kernel(*value) * -STEPS) as i64;
                }
            }
            GapKind::Sampled(sampler) => {
                for (at, value) in values.iter_mut().enumerate() {
                    *value = uniform_at(self.stream, first.wrapping_add(at as i64));
                }
                sampler.sample_values(&mut values);
                for (gap, value) in gaps.iter_mut().zip(&values) {
                    *gap = whole(value * STEPS) as i64;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::profile::Stage;
    use super::*;
    use crate::model::value::Time;

    const S: u64 = 1_000_000_000;

    fn poisson(rate: f64, warmup_s: u64) -> Arrivals {
        Arrivals::new(Profile::constant(rate), &Process::Poisson, 42, 43, warmup_s * S)
    }

    fn processes() -> Vec<Process> {
        vec![
            Process::Poisson,
            Process::Constant,
            Process::Gamma { cv: 0.5 },
            Process::Gamma { cv: 3.0 },
            Process::bursts(5.0, 0.1, 2 * S),
        ]
    }

    fn profiles() -> Vec<Profile> {
        let stage = |rate, ramp, seconds| Stage { rate, ramp, duration_ns: seconds * S };
        vec![
            Profile::constant(100.0),
            Profile::stages(&[stage(50.0, false, 3), stage(200.0, true, 5), stage(100.0, false, 1)]),
            Profile::daily(50.0, 150.0, 0, 12 * 3_600 * S),
        ]
    }

    #[test]
    fn values_are_stable() {
        let firsts = |arrivals: Arrivals| arrivals.take(5).collect::<Vec<_>>();
        let found: Vec<Vec<i64>> = processes()
            .iter()
            .map(|process| firsts(Arrivals::new(Profile::constant(1_000.0), process, 42, 43, 2_000_000)))
            .collect();
        assert_eq!(found, STABLE);
    }

    const STABLE: [[i64; 5]; 5] = [
        [-539338, 1060495, 2413606, 2587853, 2914416],
        [-2000000, -1000000, 1000000, 2000000, 3000000],
        [-821837, 1119113, 2380963, 2904047, 3570745],
        [-2096, 121623, 510048, 510048, 510104],
        [-755073, 1484693, 3379048, 3622994, 4080182],
    ];

    #[test]
    fn changing_the_warmup_moves_nothing_in_the_window() {
        for process in processes() {
            for profile in profiles() {
                let window = |warmup_s: u64| {
                    let arrivals = Arrivals::new(profile.clone(), &process, 1, 2, warmup_s * S);
                    arrivals.skip_while(|time| *time < 0).take(1_000).collect::<Vec<_>>()
                };
                let without = window(0);
                assert_eq!(window(1), without);
                assert_eq!(window(60), without);
            }
        }
    }

    #[test]
    fn a_longer_warmup_only_adds_earlier_arrivals() {
        for process in processes() {
            for profile in profiles() {
                let warmup = |warmup_s: u64| {
                    let arrivals = Arrivals::new(profile.clone(), &process, 1, 2, warmup_s * S);
                    arrivals.take_while(|time| *time < 0).collect::<Vec<_>>()
                };
                let (long, short) = (warmup(30), warmup(10));
                assert!(short.is_sorted() && long.is_sorted());
                assert!(short.iter().all(|time| *time >= -10 * S as i64));
                assert_eq!(&long[long.len() - short.len()..], short, "{process:?}");
                assert!(long[long.len() - short.len() - 1] < -10 * S as i64);
                let expected = 30.0 * profile.rate_at(0.0);
                assert!(process == processes()[4] || (long.len() as f64 / expected - 1.0).abs() < 0.25, "{process:?}");
            }
        }
    }

    #[test]
    fn numbers_go_through_zero() {
        let mut arrivals = poisson(100.0, 5);
        let mut last = None;
        for _ in 0..2_000 {
            let time = arrivals.next().expect("it goes on");
            assert_eq!(time >= 0, arrivals.number() >= 0);
            assert!(last.is_none_or(|last| last + 1 == arrivals.number()));
            last = Some(arrivals.number());
        }
    }

    #[test]
    fn more_load_is_the_same_arrivals_sooner() {
        for process in processes() {
            let times = |rate: f64| {
                let arrivals = Arrivals::new(Profile::constant(rate), &process, 7, 8, 0);
                arrivals.take(10_000).collect::<Vec<_>>()
            };
            let (base, double) = (times(100.0), times(200.0));
            for (n, (slow, fast)) in base.iter().zip(&double).enumerate() {
                assert!(fast <= slow, "{process:?} {n}");
                if !matches!(process, Process::Mmpp(_)) {
                    assert!((slow - 2 * fast).abs() <= 2, "{process:?} {n}: {slow} {fast}");
                }
            }
        }
    }

    #[test]
    fn the_mean_rate_is_the_configured_one() {
        for process in processes() {
            for profile in profiles() {
                let arrivals = Arrivals::new(profile.clone(), &process, 3, 4, 0);
                let seconds = 3_000.0;
                let count = arrivals.take_while(|time| (*time as f64) < seconds * 1e9).count() as f64;
                let expected = profile.units_at(seconds);
                let tolerance = if matches!(process, Process::Mmpp(_)) { 0.08 } else { 0.02 };
                assert!((count / expected - 1.0).abs() < tolerance, "{process:?}: {count} of {expected}");
            }
        }
    }

    #[test]
    fn even_arrivals_are_exact() {
        let times: Vec<i64> = Arrivals::new(Profile::constant(30.0), &Process::Constant, 1, 2, 0).take(300).collect();
        for (n, time) in times.iter().enumerate() {
            assert_eq!(*time, ((n as f64 + 1.0) * 1e9 / 30.0).round() as i64);
        }
        assert_eq!((times[2], times[299]), (100_000_000, 10_000_000_000));
    }

    #[test]
    fn gaps_have_their_variation() {
        for (process, cv) in
            [(Process::Poisson, 1.0), (Process::Gamma { cv: 0.5 }, 0.5), (Process::Gamma { cv: 3.0 }, 3.0)]
        {
            let times: Vec<i64> = Arrivals::new(Profile::constant(1_000.0), &process, 5, 6, 0).take(200_000).collect();
            let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect();
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let variance = gaps.iter().map(|gap| (gap - mean) * (gap - mean)).sum::<f64>() / gaps.len() as f64;
            assert!((variance.sqrt() / mean / cv - 1.0).abs() < 0.03, "{process:?}: {variance}");
        }
    }

    #[test]
    fn times_never_go_back() {
        let state = |rate: f64, stay_ns: u64| ProcessState { rate, stay: Time(stay_ns) };
        let quiet = Process::Mmpp(vec![state(0.0, S), state(1.0, S / 2)]);
        for process in processes().into_iter().chain([quiet]) {
            for profile in profiles() {
                for warmup_s in [0, 7] {
                    let arrivals = Arrivals::new(profile.clone(), &process, 21, 22, warmup_s * S);
                    assert!(arrivals.take(20_000).is_sorted(), "{process:?} {profile:?}");
                }
            }
        }
    }

    #[test]
    fn a_rate_that_ends_ends_the_arrivals() {
        let stages =
            [Stage { rate: 10.0, ramp: false, duration_ns: 5 * S }, Stage { rate: 0.0, ramp: false, duration_ns: S }];
        for process in processes() {
            let mut arrivals = Arrivals::new(Profile::stages(&stages), &process, 1, 2, S);
            let times: Vec<i64> = arrivals.by_ref().collect();
            assert!(times.last().is_some_and(|last| *last <= 5 * S as i64) && times.is_sorted(), "{process:?}");
            assert_eq!(arrivals.next(), None);
        }
        assert_eq!(Arrivals::new(Profile::constant(0.0), &Process::Poisson, 1, 2, S).next(), None);
    }

    #[test]
    fn a_change_of_rate_keeps_the_arrivals_before_it() {
        for process in processes() {
            let base: Vec<i64> = Arrivals::new(Profile::constant(100.0), &process, 1, 2, 0).take(3_000).collect();
            let mut changed = Arrivals::new(Profile::constant(100.0), &process, 1, 2, 0);
            let mut times = Vec::new();
            let mut next = changed.next().expect("it goes on");
            while next < 3 * S as i64 {
                times.push(next);
                next = changed.next().expect("it goes on");
            }
            changed.change_rate(3 * S as i64, 200.0, true);
            times.extend(changed.take(500));
            let same = base.iter().take_while(|time| **time < 3 * S as i64).count();
            assert_eq!(times[..same], base[..same]);
            for (n, time) in times.iter().enumerate().skip(same) {
                let expected = 3 * S as i64 + (base[n] - 3 * S as i64) / 2;
                assert!(matches!(process, Process::Mmpp(_)) || (time - expected).abs() <= 2, "{process:?} {n}");
                assert!(*time >= 3 * S as i64 && *time <= base[n]);
            }
        }
    }
}
