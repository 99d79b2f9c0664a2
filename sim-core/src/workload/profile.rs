//! How the rate of arrivals goes over time: its integral Λ(t), the arrivals expected since t = 0, and the exact inverse.
//!
//! Arrivals are a process of rate 1 seen through Λ⁻¹, never a thinned one: more load is the same arrivals, sooner.
//! Before t = 0 the rate is that of t = 0: the warm-up is at the load at which the window begins.

use crate::math;
use std::f64::consts::PI;

const NS_PER_S: f64 = 1e9;
const DAY_S: f64 = 86_400.0;

/// A stage of a profile: a rate for some time, or the straight way to one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// Arrivals per second: throughout, or at the stage's end where it is a ramp.
    pub rate: f64,
    /// Whether the rate goes there in a straight line from that of the stage before (0 before the first).
    pub ramp: bool,
    /// How long the stage lasts, in ns.
    pub duration_ns: u64,
}

/// A rate of arrivals over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Where the present shape begins, and the arrivals expected until there; 0 and 0 until the rate is changed.
    origin_s: f64,
    origin_units: f64,
    shape: Shape,
}

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Constant(f64),
    Stages(Vec<Piece>),
    Daily(Box<Daily>),
}

/// A piece with a rate that is constant or changes at a constant pace.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    start_s: f64,
    start_units: f64,
    rate: f64,
    /// Per second, per second.
    slope: f64,
}

impl Piece {
    fn rate_at(&self, t_s: f64) -> f64 {
        (self.rate + self.slope * (t_s - self.start_s)).max(0.0)
    }

    fn units_at(&self, t_s: f64) -> f64 {
        let passed = t_s - self.start_s;
        self.start_units + passed * (self.rate + 0.5 * self.slope * passed)
    }

    /// When `units` are reached, by the form of the quadratic's root that doesn't cancel.
    fn time_of(&self, units: f64) -> f64 {
        let more = units - self.start_units;
        if more <= 0.0 {
            return self.start_s;
        }
        let root = (self.rate * self.rate + 2.0 * self.slope * more).max(0.0).sqrt();
        self.start_s + 2.0 * more / (self.rate + root)
    }
}

impl Profile {
    /// Always `rate` arrivals per second.
    #[must_use]
    pub const fn constant(rate: f64) -> Self {
        Self { origin_s: 0.0, origin_units: 0.0, shape: Shape::Constant(rate) }
    }

    /// Stages one after the other from t = 0; ramps start from the rate before, the first from 0; the last rate goes on.
    #[must_use]
    pub fn stages(stages: &[Stage]) -> Self {
        let (mut pieces, mut start_s, mut start_units, mut rate) = (Vec::new(), 0.0, 0.0, 0.0);
        let mut end_ns = 0u64;
        for stage in stages {
            end_ns = end_ns.saturating_add(stage.duration_ns);
            let end_s = end_ns as f64 / NS_PER_S;
            let first = if stage.ramp { rate } else { stage.rate };
            if end_s > start_s {
                let slope = (stage.rate - first) / (end_s - start_s);
                pieces.push(Piece { start_s, start_units, rate: first, slope });
                start_units += 0.5 * (first + stage.rate) * (end_s - start_s);
                start_s = end_s;
            }
            rate = stage.rate;
        }
        pieces.push(Piece { start_s, start_units, rate, slope: 0.0 });
        Self { origin_s: 0.0, origin_units: 0.0, shape: Shape::Stages(pieces) }
    }

    /// A cosine over each day, `trough` and `peak` per second; times of day in ns from midnight.
    #[must_use]
    pub fn daily(trough: f64, peak: f64, peak_at_ns: u64, starts_at_ns: u64) -> Self {
        let phase_s = (starts_at_ns as f64 - peak_at_ns as f64) / NS_PER_S;
        let daily = Daily::new(0.5 * (peak + trough), 0.5 * (peak - trough), phase_s);
        Self { origin_s: 0.0, origin_units: 0.0, shape: Shape::Daily(Box::new(daily)) }
    }

    /// The rate, where it is the same for ever from t = 0 on.
    #[must_use]
    pub fn as_constant(&self) -> Option<f64> {
        match self.shape {
            Shape::Constant(rate) if self.origin_s == 0.0 => Some(rate),
            _ => None,
        }
    }

    /// The rate at `t_s`, per second.
    #[must_use]
    pub fn rate_at(&self, t_s: f64) -> f64 {
        let t_s = t_s.max(0.0);
        match &self.shape {
            Shape::Constant(rate) => *rate,
            Shape::Stages(pieces) => piece_at(pieces, t_s).rate_at(t_s),
            Shape::Daily(daily) => daily.rate_at(t_s),
        }
    }

    /// Λ(t): the arrivals expected from 0 to `t_s` (negative before 0).
    #[must_use]
    pub fn units_at(&self, t_s: f64) -> f64 {
        if t_s < 0.0 {
            return t_s * self.rate_at(0.0);
        }
        match &self.shape {
            Shape::Constant(rate) => self.origin_units + (t_s - self.origin_s) * rate,
            Shape::Stages(pieces) => piece_at(pieces, t_s).units_at(t_s),
            Shape::Daily(daily) => daily.units_at(t_s),
        }
    }

    /// Λ⁻¹: when `units` arrivals are expected to have come, in s; never, where the rate ends at 0 before.
    #[must_use]
    pub fn time_of(&self, units: f64) -> Option<f64> {
        if units < 0.0 {
            let rate = self.rate_at(0.0);
            return (rate > 0.0).then(|| units / rate);
        }
        let time_s = match &self.shape {
            Shape::Constant(rate) => self.origin_s + (units - self.origin_units) / rate,
            Shape::Stages(pieces) => {
                // The first time at which they are reached: at the start of a pause, not at its end.
                let after = pieces.partition_point(|piece| piece.start_units < units).max(1);
                let time = pieces[after - 1].time_of(units);
                pieces.get(after).map_or(time, |next| time.min(next.start_s))
            }
            Shape::Daily(daily) => daily.time_of(units),
        };
        time_s.is_finite().then_some(time_s)
    }

    /// The arrivals expected in all eternity; infinite unless the last rate is 0.
    #[must_use]
    pub fn units_total(&self) -> f64 {
        let last = match &self.shape {
            Shape::Constant(rate) => (*rate, self.origin_units),
            Shape::Stages(pieces) => pieces.last().map_or((0.0, 0.0), |piece| (piece.rate, piece.start_units)),
            Shape::Daily(daily) => (daily.middle, 0.0),
        };
        if last.0 > 0.0 { f64::INFINITY } else { last.1 }
    }

    /// From `t_s` on the rate is `rate`; what was expected until then stays.
    pub fn change_rate(&mut self, t_s: f64, rate: f64) {
        let origin_units = self.units_at(t_s);
        *self = Self { origin_s: t_s, origin_units, shape: Shape::Constant(rate) };
    }
}

fn piece_at(pieces: &[Piece], t_s: f64) -> &Piece {
    let after = pieces.partition_point(|piece| piece.start_s <= t_s);
    &pieces[after.max(1) - 1]
}

/// How finely a day is tabulated for first guesses.
const KNOTS: usize = 256;

#[derive(Debug, Clone, PartialEq)]
struct Daily {
    /// Mean rate, and how far it goes up and down, per second.
    middle: f64,
    swing: f64,
    /// How long after the peak t = 0 is.
    phase_s: f64,
    sine_at_start: f64,
    /// Λ at equal steps over the first day.
    knots: Vec<f64>,
}

impl Daily {
    fn new(middle: f64, swing: f64, phase_s: f64) -> Self {
        let sine_at_start = math::sin(2.0 * PI * phase_s / DAY_S);
        let mut daily = Self { middle, swing, phase_s, sine_at_start, knots: Vec::new() };
        daily.knots = (0..=KNOTS).map(|knot| daily.units_in_day(knot as f64 * DAY_S / KNOTS as f64)).collect();
        daily
    }

    fn rate_at(&self, t_s: f64) -> f64 {
        (self.middle + self.swing * math::cos(2.0 * PI * (t_s % DAY_S + self.phase_s) / DAY_S)).max(0.0)
    }

    fn units_in_day(&self, t_s: f64) -> f64 {
        let sine = math::sin(2.0 * PI * (t_s + self.phase_s) / DAY_S) - self.sine_at_start;
        self.middle * t_s + self.swing * DAY_S / (2.0 * PI) * sine
    }

    fn units_at(&self, t_s: f64) -> f64 {
        (t_s / DAY_S).floor() * (self.middle * DAY_S) + self.units_in_day(t_s % DAY_S)
    }

    /// Newton's steps from the table's guess, within bounds that only close in.
    fn time_of(&self, units: f64) -> f64 {
        let a_day = self.middle * DAY_S;
        if a_day <= 0.0 {
            return f64::INFINITY;
        }
        let days = (units / a_day).floor();
        let rest = (units - days * a_day).clamp(0.0, a_day);
        let knot = self.knots.partition_point(|at| *at <= rest).clamp(1, KNOTS);
        let step = DAY_S / KNOTS as f64;
        let (mut low, mut high) = ((knot - 1) as f64 * step, knot as f64 * step);
        let (from, to) = (self.knots[knot - 1], self.knots[knot]);
        let mut t = if to > from { low + step * (rest - from) / (to - from) } else { low };
        for _ in 0..100 {
            let off = self.units_in_day(t) - rest;
            if off > 0.0 {
                high = t;
            } else {
                low = t;
            }
            let mut next = t - off / self.rate_at(t);
            if !(next >= low && next <= high) {
                next = 0.5 * (low + high);
            }
            let moved = (next - t).abs();
            t = next;
            if moved < 1e-11 {
                break;
            }
        }
        days * DAY_S + t
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn stage(rate: f64, ramp: bool, seconds: u64) -> Stage {
        Stage { rate, ramp, duration_ns: seconds * S }
    }

    fn profiles() -> Vec<Profile> {
        vec![
            Profile::constant(800.0),
            Profile::stages(&[
                stage(100.0, false, 10),
                stage(500.0, true, 20),
                stage(0.0, true, 10),
                stage(7.0, false, 1),
            ]),
            Profile::stages(&[stage(50.0, true, 10), stage(0.0, false, 5), stage(50.0, false, 1)]),
            Profile::daily(10.0, 100.0, 72_000 * S, 0),
            Profile::daily(0.0, 100.0, 72_000 * S, 8 * 3_600 * S),
        ]
    }

    #[test]
    fn the_inverse_inverts() {
        for profile in profiles() {
            for i in 0..20_000 {
                let units = f64::from(i) * 1_234.567;
                let time = profile.time_of(units).expect("the rate goes on");
                let back = profile.units_at(time);
                assert!((back - units).abs() <= 1e-9 * units.max(1.0), "{units} at {time}: {back} {profile:?}");
            }
        }
    }

    #[test]
    fn the_integral_is_that_of_the_rate() {
        for profile in profiles() {
            let mut sum = 0.0;
            for i in 0..100_000 {
                sum += 0.001 * profile.rate_at((f64::from(i) + 0.5) * 0.001);
            }
            let exact = profile.units_at(100.0);
            assert!((sum / exact - 1.0).abs() < 1e-5, "{sum} {exact}");
        }
    }

    #[test]
    fn stages_as_written() {
        let profile = Profile::stages(&[stage(100.0, true, 10), stage(20.0, false, 10)]);
        for (t, rate, units) in [(0.0, 0.0, 0.0), (5.0, 50.0, 125.0), (10.0, 20.0, 500.0), (100.0, 20.0, 2_300.0)] {
            assert_eq!((profile.rate_at(t), profile.units_at(t)), (rate, units), "{t}");
        }
        assert_eq!(profile.time_of(-1.0), None, "a profile that starts from 0 has no warm-up");
        let ends = Profile::stages(&[stage(10.0, false, 10), stage(0.0, false, 10)]);
        assert_eq!((ends.units_total(), ends.time_of(99.0), ends.time_of(101.0)), (100.0, Some(9.9), None));
        assert_eq!(Profile::constant(4.0).time_of(-2.0), Some(-0.5));
    }

    #[test]
    fn a_day_has_its_peak_and_trough() {
        let profile = Profile::daily(10.0, 100.0, 20 * 3_600 * S, 8 * 3_600 * S);
        for (hours, rate) in [(12.0, 100.0), (0.0, 10.0), (24.0, 10.0), (6.0, 55.0), (36.0, 100.0)] {
            assert!((profile.rate_at(hours * 3_600.0) - rate).abs() < 1e-9, "{hours}");
        }
        assert!((profile.units_at(2.0 * DAY_S) - 110.0 * DAY_S).abs() < 1e-6);
    }

    #[test]
    fn a_change_of_rate_keeps_what_was() {
        let mut profile = Profile::constant(10.0);
        profile.change_rate(2.0, 5.0);
        assert_eq!((profile.units_at(2.0), profile.units_at(4.0), profile.time_of(25.0)), (20.0, 30.0, Some(3.0)));
    }
}
