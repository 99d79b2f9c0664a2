//! Forecasts of a load: its level and trend, or what it was a period ago.
//!
//! Follows R. J. Hyndman and G. Athanasopoulos, "Forecasting: Principles and Practice" (3rd edition): Holt's linear method
//! (8.2), with both parameters fixed, and the seasonal naive method (5.2). Of a season the highest value from now until
//! `ahead` counts, since replicas must do for all of that time.

use std::collections::VecDeque;

/// How much of a new value enters the level.
const ALPHA: f64 = 0.5;
/// How much of a new slope enters the trend.
const BETA: f64 = 0.3;

/// What is known of a load.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Forecaster {
    level: Option<(u64, f64)>,
    /// Per ns.
    trend: f64,
    history: VecDeque<(u64, f64)>,
}

impl Forecaster {
    /// Takes a value in; times grow. What is older than `keep_ns` is forgotten.
    pub fn observe(&mut self, at_ns: u64, value: f64, keep_ns: u64) {
        self.history.push_back((at_ns, value));
        while self.history.front().is_some_and(|&(at, _)| at_ns - at > keep_ns) {
            self.history.pop_front();
        }
        self.level = Some(match self.level {
            None => (at_ns, value),
            Some((before, level)) if at_ns > before => {
                let passed = (at_ns - before) as f64;
                let next = ALPHA * value + (1.0 - ALPHA) * (level + self.trend * passed);
                self.trend = BETA * (next - level) / passed + (1.0 - BETA) * self.trend;
                (at_ns, next)
            }
            Some(same) => same,
        });
    }

    /// The load after `ahead_ns` by its level and trend; never below 0.
    #[must_use]
    pub fn by_trend(&self, ahead_ns: u64) -> Option<f64> {
        self.level.map(|(_, level)| (level + self.trend * ahead_ns as f64).max(0.0))
    }

    /// The highest load from a period ago until `ahead_ns` later; none where that is not known.
    #[must_use]
    pub fn by_season(&self, now_ns: u64, ahead_ns: u64, period_ns: u64) -> Option<f64> {
        let from = now_ns.checked_sub(period_ns)?;
        let to = from.saturating_add(ahead_ns);
        let then = self.history.iter().filter(|(at, _)| (from..=to).contains(at)).map(|&(_, value)| value);
        then.reduce(f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::draws::Draws;

    #[test]
    fn a_line_is_forecast_exactly_in_the_end_and_a_season_at_once() {
        let mut line = Forecaster::default();
        for minute in 0..200 {
            line.observe(minute * 60, 100.0 + minute as f64, 3_600);
        }
        let ahead = line.by_trend(600).expect("there are values");
        assert!((ahead - 309.0).abs() < 1e-6, "{ahead}");
        assert!(line.history.len() <= 61);
        let mut day = Forecaster::default();
        for hour in 0..30_u64 {
            day.observe(hour, if hour % 24 == 12 { 9.0 } else { 1.0 }, 48);
        }
        assert_eq!([29, 33, 34, 36].map(|now| day.by_season(now, 2, 24)), [1.0, 1.0, 9.0, 9.0].map(Some));
        assert_eq!((day.by_season(10, 2, 24), Forecaster::default().by_trend(5)), (None, None));
    }

    #[test]
    fn no_load_is_below_nothing() {
        let mut falling = Forecaster::default();
        (0..10).for_each(|at| falling.observe(at * 10, 100.0 - 10.0 * at as f64, 100));
        assert_eq!(falling.by_trend(1_000_000), Some(0.0));
    }

    /// Level and trend from the whole history, each time anew.
    fn trend_of(history: &[(u64, f64)], ahead_ns: u64) -> f64 {
        let (mut before, mut level) = history[0];
        let mut trend = 0.0;
        for &(at, value) in &history[1..] {
            if at > before {
                let passed = (at - before) as f64;
                let next = 0.5 * value + 0.5 * (level + trend * passed);
                trend = 0.3 * (next - level) / passed + 0.7 * trend;
                (before, level) = (at, next);
            }
        }
        f64::max(level + trend * ahead_ns as f64, 0.0)
    }

    fn against_the_whole_history(rounds: u64) {
        for round in 0..rounds {
            let mut draws = Draws::new(round);
            let (keep_ns, period_ns) = (draws.of(&[200, 500, 5_000]), draws.of(&[50, 100, 300]));
            let (mut fast, mut history, mut now_ns) = (Forecaster::default(), Vec::new(), 0);
            for _ in 0..50 {
                now_ns += draws.below(30);
                let value = draws.below(1_000) as f64;
                fast.observe(now_ns, value, keep_ns);
                history.push((now_ns, value));
                let ahead_ns = draws.below(200);
                let expected = trend_of(&history, ahead_ns);
                let found = fast.by_trend(ahead_ns).expect("there are values");
                assert!((found - expected).abs() <= 1e-9 * (1.0 + expected), "{found} and {expected}");
                let season = history.iter().filter(|&&(at, _)| {
                    let (at, now) = (at as i64, now_ns as i64);
                    let from = now - period_ns as i64;
                    now - at <= keep_ns as i64 && from >= 0 && from <= at && at <= from + ahead_ns as i64
                });
                let highest = season.map(|&(_, value)| value).reduce(f64::max);
                assert_eq!(fast.by_season(now_ns, ahead_ns, period_ns), highest, "round {round} at {now_ns}");
            }
        }
    }

    #[test]
    fn forecasts_are_those_of_the_whole_history() {
        against_the_whole_history(200);
    }

    #[test]
    #[ignore = "a million events"]
    fn forecasts_are_those_of_the_whole_history_a_million_times() {
        against_the_whole_history(20_000);
    }
}
