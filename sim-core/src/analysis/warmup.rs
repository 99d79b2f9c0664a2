//! Warm-up that is found, not guessed: MSER-5 on pilot runs.
//!
//! Source: K. P. White, An effective truncation heuristic for bias reduction in simulation output, Simulation 69 (1997):
//! leave out so many points at the start that the standard error of the mean of the rest is least; on means of five
//! points. That it is done on the averages of several pilots follows K. Hoad, S. Robinson and R. Davies, Automating
//! warm-up length estimation, Journal of the Operational Research Society 61 (2010).

use crate::engine::rng::{fnv1a, mix64};
use crate::model::Model;
use crate::model::diagnostic::Diagnostics;
use crate::model::units::humane_time;
use crate::model::value::Time;
use crate::plan::Plan;
use crate::world;

use super::replications::seed_of;

/// Points to a batch.
const BATCH: usize = 5;
/// Pilots of each length, whose series are averaged.
const PILOTS: u32 = 5;
/// The first pilots' length is a window ÷ this; each further is twice as long, the last as long as the window.
const PARTS: u64 = 8;

/// How many points at its start a series needs to forget where it began, a multiple of five; nothing where it has not
/// settled, that is where the best truncation lies in the second half, which only says that the series is too short.
#[must_use]
pub fn truncation(series: &[f64]) -> Option<usize> {
    let batches: Vec<f64> = series.chunks_exact(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect();
    let largest = batches.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let spread = |value: &f64| (value - batches[0]).abs() > 1e-9 * largest;
    if !batches.iter().any(spread) {
        return Some(0);
    }
    // From the end, so that each truncation's sums are those of the next one and a term; the mean is taken out first,
    // so that little cancels.
    let middle = batches.iter().sum::<f64>() / batches.len() as f64;
    let (mut sum, mut squares) = (0.0, 0.0);
    let mut best = (f64::INFINITY, 0);
    for (at, value) in batches.iter().enumerate().rev() {
        let value = value - middle;
        (sum, squares) = (sum + value, squares + value * value);
        let left = (batches.len() - at) as f64;
        // The last few batches may be alike by chance (White): fewer than five are not looked at.
        if left >= BATCH as f64 {
            let around_mean = squares - sum * sum / left;
            // What is left of equal numbers is rounding.
            let error = if around_mean > 1e-12 * squares { around_mean / (left * left) } else { 0.0 };
            // Of equal ones the earliest.
            if error <= best.0 {
                best = (error, at);
            }
        }
    }
    (best.1 * 2 <= batches.len()).then_some(best.1 * BATCH)
}

/// What pilots of one length found.
struct Settling {
    /// The warm-up in ns; nothing where a series has not settled.
    warmup: Option<u64>,
    /// The series that took longest, or has not settled.
    slowest: Option<String>,
    /// Whether a pilot had to be stopped: longer ones would be too.
    stopped: bool,
}

/// Compiles a model whose warm-up is to be found, with the one that pilots found.
///
/// Pilots begin empty and cold as the run itself does and keep the load of t = 0; their series are the throughput, the
/// median latency, and of each component utilization, queue, replicas and hit ratio, so that a cache that fills slowly
/// counts as much as a queue. While a series has not settled in the first half the pilots are made twice as long, up to
/// the window's length; what has not settled then (a load that is too high, a cache that is too large) gets a warm-up as
/// long as the window, and the assumptions say so.
///
/// It is deterministic: the pilots' seeds follow from the model's seed alone (not from that of a run or a replication, so
/// that all replications share one warm-up), they run one after the other, and nothing else is asked.
///
/// # Errors
/// What `lower` finds wrong.
pub fn compile(model: &Model, lower: impl Fn(&Model, Time) -> Result<Plan, Diagnostics>) -> Result<Plan, Diagnostics> {
    let mut pilot_model = model.clone();
    (pilot_model.run.duration, pilot_model.run.drain) = (Time(1), Time(0));
    let window = model.run.duration.0;
    let mut length = (window / PARTS).max(1);
    let (warmup, sentence) = loop {
        let found = settling(&lower(&pilot_model, Time(length))?, length);
        if let Some(warmup) = found.warmup {
            break (warmup, found.sentence(warmup, length));
        }
        if found.stopped || length >= window {
            break (window, found.sentence(window, length));
        }
        length = (2 * length).min(window);
    };
    let mut plan = lower(model, Time(warmup))?;
    plan.header.assumptions.push(sentence);
    Ok(plan)
}

impl Settling {
    fn sentence(&self, warmup: u64, length: u64) -> String {
        let time = |ns: u64| humane_time(ns as f64 / 1e9);
        let pilots = format!("MSER-5 on {PILOTS} pilot runs of {}", time(length));
        let slowest = self.slowest.as_ref().map_or(String::new(), |name| format!(": `{name}` takes longest"));
        match self.warmup {
            Some(0) => format!("No warm-up is needed, says {pilots}."),
            Some(_) => format!("The warm-up of {} was found by {pilots}{slowest}.", time(warmup)),
            None if self.stopped => {
                format!("No warm-up was found: {pilots} had to be stopped; it is {}.", time(warmup))
            }
            None => format!(
                "No warm-up was found: `{}` had not settled in {pilots} (a load that is too high, or a cache that fills \
                 slowly); the warm-up is as long as the window.",
                self.slowest.as_deref().unwrap_or("the load")
            ),
        }
    }
}

/// Runs pilots whose warm-up has this length.
fn settling(pilot: &Plan, length: u64) -> Settling {
    let root = mix64(pilot.header.seed ^ fnv1a(b"warm-up"));
    let mut sums: Vec<(String, Vec<(f64, u32)>)> = Vec::new();
    let points = (length / pilot.clock.slot) as usize;
    for number in 0..PILOTS {
        let result = world::run(pilot, seed_of(root, number));
        if result.stopped.is_some() {
            return Settling { warmup: None, slowest: None, stopped: true };
        }
        for (name, values) in result.timeline.series.iter().filter(|(name, _)| tells_of_settling(name)) {
            let at = sums.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
                sums.push((name.clone(), vec![(0.0, 0); points]));
                sums.len() - 1
            });
            for (sum, value) in sums[at].1.iter_mut().zip(values) {
                if let Some(value) = value {
                    *sum = (sum.0 + value, sum.1 + 1);
                }
            }
        }
    }
    let mut found = Settling { warmup: Some(0), slowest: None, stopped: false };
    for (name, sums) in sums {
        match truncation(&averages(&sums)) {
            None => return Settling { warmup: None, slowest: Some(name), stopped: false },
            Some(cut) => {
                let warmup = cut as u64 * pilot.clock.slot;
                if found.warmup.is_some_and(|longest| warmup > longest) {
                    found = Settling { warmup: Some(warmup), slowest: Some(name), stopped: false };
                }
            }
        }
    }
    found
}

/// The largest percentiles swing too much to tell anything.
fn tells_of_settling(series: &str) -> bool {
    let ends = [".utilization", ".queue", ".replicas", ".hit_ratio"];
    ["ok_per_s", "p50_s"].contains(&series) || ends.iter().any(|end| series.ends_with(end))
}

/// Means over the pilots; where none has a value the one before stands.
fn averages(sums: &[(f64, u32)]) -> Vec<f64> {
    let known = |(sum, count): &(f64, u32)| (*count > 0).then(|| sum / f64::from(*count));
    let mut last = sums.iter().find_map(known).unwrap_or(0.0);
    sums.iter()
        .map(|sum| {
            last = known(sum).unwrap_or(last);
            last
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rng::uniform_at;
    use crate::math;
    use crate::model::NoFiles;

    fn noise(key: u64, at: usize) -> f64 {
        math::normal_quantile(uniform_at(key, at as i64))
    }

    /// MSER straight from its definition.
    fn slow_twin(series: &[f64]) -> Option<usize> {
        let batches: Vec<f64> = series.chunks_exact(5).map(|batch| batch.iter().sum::<f64>() / 5.0).collect();
        let error = |cut: usize| {
            let rest = &batches[cut..];
            let mean = rest.iter().sum::<f64>() / rest.len() as f64;
            rest.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (rest.len() * rest.len()) as f64
        };
        let cuts = 0..=batches.len() - 5;
        let best = cuts.min_by(|a, b| error(*a).total_cmp(&error(*b)))?;
        (best * 2 <= batches.len()).then_some(best * 5)
    }

    #[test]
    fn known_series_are_cut_where_they_settle() {
        let series = |of: &dyn Fn(usize) -> f64| (0..600).map(of).collect::<Vec<f64>>();
        let constant = series(&|_| 0.1 + 0.2);
        let step = series(&|at| f64::from(u32::from(at >= 100)));
        let ramp = series(&|at| at as f64);
        let cases = [(&constant, Some(0)), (&step, Some(100)), (&ramp, None)];
        for (series, expected) in cases {
            assert_eq!(truncation(series), expected, "{:?}…", &series[..3]);
        }
        assert_eq!(truncation(&[]), Some(0));
        assert_eq!(truncation(&[1.0, 2.0]), Some(0));
        for key in 0..50 {
            let decaying = series(&|at| 5.0 * math::exp(-(at as f64) / 40.0) + noise(key, at));
            let found = truncation(&decaying);
            assert_eq!(found, slow_twin(&decaying), "{key}");
            // After so long e^(−t/40) is below a tenth of the noise of a batch; before, the start still shows.
            assert!(found.is_some_and(|cut| (40..=300).contains(&cut)), "{key}: {found:?}");
        }
    }

    fn compiled(duration: &str, components: &str) -> Plan {
        let text = format!(
            r#"{{ "format": 1, "run": {{ "duration": "{duration}", "warmup": "auto" }},
                 "keyspaces": {{ "keys": {{ "keys": 100000 }} }}, "classes": {{ "look": {{ "key": "keys" }} }},
                 "components": {{ {components} }} }}"#
        );
        let (model, _) = Model::parse(&text, "test.json", &[], &NoFiles).expect("it is a right model");
        Plan::compile(&model, &NoFiles).expect("it is a right model")
    }

    fn queue(rate: u32) -> String {
        format!(
            r#""users": {{ "type": "client", "to": "web", "arrivals": {{ "rate": "{rate}/s" }} }},
               "web": {{ "type": "server-pool", "handlers": {{ "*": [ {{ "cpu": "exp(10ms)" }} ] }} }}"#
        )
    }

    fn last(plan: &Plan) -> &str {
        plan.header.assumptions.last().expect("it says how it was found")
    }

    #[test]
    fn a_full_queue_is_given_the_time_that_it_takes() {
        // At ρ = 0.9 an empty queue forgets its start by e every 38 mean services, 3.8 s (the gap of its spectrum is
        // (1 − √ρ)² ÷ 10 ms); so several of these, and not most of the window.
        let plan = compiled("600s", &queue(90));
        let warmup_s = plan.clock.start as f64 / 1e9;
        assert!((3.0..=300.0).contains(&warmup_s), "{warmup_s}: {}", last(&plan));
        assert!(last(&plan).starts_with("The warm-up of"), "{}", last(&plan));
        assert_eq!(plan.clock.end - plan.clock.start, 600_000_000_000);
        let again = compiled("600s", &queue(90));
        assert_eq!((again.clock.start, last(&again)), (plan.clock.start, last(&plan)));
    }

    #[test]
    fn a_cache_that_fills_slowly_is_waited_for() {
        // 5,000/s of 100,000 equal keys at 50,000 places: full after 14 s (half of the keys have been asked for then), when
        // half of the look-ups hit.
        let plan = compiled(
            "200s",
            r#""users": { "type": "client", "to": "cache", "arrivals": { "rate": "5000/s" } },
               "cache": { "type": "cache", "capacity": 50000, "threads": 100, "service": "10us", "backing": "db" },
               "db": { "type": "database", "slots": 100, "operations": { "read": "1ms" } }"#,
        );
        let warmup_s = plan.clock.start as f64 / 1e9;
        assert!((10.0..=100.0).contains(&warmup_s), "{warmup_s}: {}", last(&plan));
        assert!(last(&plan).contains("takes longest"), "{}", last(&plan));
    }

    #[test]
    fn what_never_settles_is_said() {
        let plan = compiled("60s", &queue(120));
        assert_eq!(plan.clock.start, 60_000_000_000);
        assert!(last(&plan).contains("had not settled in MSER-5 on 5 pilot runs of 1m"), "{}", last(&plan));
    }
}
