//! The states of a Markov-modulated process: a factor on the rate that jumps in time.
//!
//! The states are on the clock, not on the arrivals: more load doesn't shorten a burst. From t = 0 they are drawn
//! forwards, and backwards for the warm-up, each stay by its own number.

use crate::engine::rng::uniform_at;
use crate::math;
use crate::model::arrivals::ProcessState;
use crate::workload::profile::Profile;

#[derive(Debug, Clone)]
pub(super) struct Modulation {
    stream: u64,
    /// Factor and mean stay in s of each state.
    states: Vec<(f64, f64)>,
    /// The stay at present, going forwards.
    stay: Stay,
    /// The stay at t = 0, or at the last change of the rate: where to go on from when the rate changes again.
    anchor: Stay,
    /// The stays before t = 0, backwards: where each begins (s and units before 0), and its factor times the rate.
    before: Vec<(f64, f64, f64)>,
}

/// A stay in a state: from `start_s`, where `start_units` modulated arrivals were expected, to `end_s`.
#[derive(Debug, Clone, Copy)]
struct Stay {
    number: i64,
    state: usize,
    start_s: f64,
    start_units: f64,
    end_s: f64,
}

impl Modulation {
    pub(super) fn new(states: &[ProcessState], stream: u64) -> Self {
        let time: f64 = states.iter().map(|state| state.stay.0 as f64).sum();
        let mean = states.iter().map(|state| state.rate * state.stay.0 as f64).sum::<f64>() / time;
        let mut left = uniform_at(stream, 0) * time;
        let initial = states.iter().position(|state| {
            left -= state.stay.0 as f64;
            left < 0.0
        });
        let states = states.iter().map(|state| (state.rate / mean, state.stay.0 as f64 / 1e9)).collect::<Vec<_>>();
        let initial = initial.unwrap_or(states.len() - 1);
        let stay = Stay { number: 0, state: initial, start_s: 0.0, start_units: 0.0, end_s: 0.0 };
        Self { stream, states, stay, anchor: stay, before: Vec::new() }
    }

    /// Draws the stay at t = 0 and those of the warm-up.
    pub(super) fn start(&mut self, profile: &Profile, warmup_ns: u64) {
        self.stay.number = 1;
        self.stay.end_s = self.length(1, self.stay.state);
        self.anchor = self.stay;
        let rate = profile.rate_at(0.0);
        let (mut back_s, mut units, mut state, mut number) = (0.0, 0.0, self.stay.state, 1);
        // One stay more than the warm-up needs, so that its first arrival is found within them.
        if rate <= 0.0 || warmup_ns == 0 {
            return;
        }
        loop {
            let length = self.length(-number, state);
            let pace = self.states[state].0 * rate;
            self.before.push((back_s, units, pace));
            if back_s > warmup_ns as f64 / 1e9 {
                break;
            }
            back_s += length;
            units += pace * length;
            number += 1;
            state = (state + self.states.len() - 1) % self.states.len();
        }
    }

    /// Goes on to the stay after the one of this number, state and end.
    fn next_stay(&mut self, number: i64, state: usize, end_s: f64, end_units: f64) {
        let (number, state) = (number + 1, (state + 1) % self.states.len());
        let next_end_s = end_s + self.length(number, state);
        self.stay = Stay { number, state, start_s: end_s, start_units: end_units, end_s: next_end_s };
    }

    fn length(&self, number: i64, state: usize) -> f64 {
        -math::ln(1.0 - uniform_at(self.stream, number)) * self.states[state].1
    }

    /// How long before t = 0 `units` more arrivals are expected, in ns.
    pub(super) fn ns_before_zero(&self, units: f64) -> f64 {
        let after = self.before.partition_point(|(_, start_units, _)| *start_units < units);
        let (back_s, start_units, pace) = self.before[after.max(1) - 1];
        let seconds = if pace > 0.0 { back_s + (units - start_units) / pace } else { f64::INFINITY };
        seconds * 1e9
    }

    /// When `units` modulated arrivals are expected to have come; asked with ever larger units.
    pub(super) fn time_of(&mut self, profile: &Profile, units: f64) -> Option<f64> {
        loop {
            let Stay { state, start_s, start_units, end_s, number } = self.stay;
            let factor = self.states[state].0;
            let from = profile.units_at(start_s);
            let end_units = start_units + factor * (profile.units_at(end_s) - from);
            if units <= end_units && factor > 0.0 {
                return profile.time_of(from + (units - start_units) / factor).map(|time| time.clamp(start_s, end_s));
            }
            if from >= profile.units_total() {
                return None;
            }
            self.next_stay(number, state, end_s, end_units);
        }
    }

    /// Begins the present stay anew at `at_s`, before the profile changes there.
    pub(super) fn change_rate(&mut self, profile: &Profile, at_s: f64) {
        // Arrivals were drawn ahead, perhaps into a later stay: go on from the last known one before.
        self.stay = self.anchor;
        while self.stay.end_s <= at_s {
            let Stay { number, state, start_s, start_units, end_s } = self.stay;
            let expected = self.states[state].0 * (profile.units_at(end_s) - profile.units_at(start_s));
            self.next_stay(number, state, end_s, start_units + expected);
        }
        let Stay { state, start_s, start_units, .. } = self.stay;
        self.stay.start_units =
            start_units + self.states[state].0 * (profile.units_at(at_s) - profile.units_at(start_s));
        self.stay.start_s = at_s;
        self.anchor = self.stay;
    }
}
