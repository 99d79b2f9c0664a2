//! Whether a system keeps up with its load: the requests that pile up.

use super::report::Report;

/// A load whose requests change by the moment says little in the mean over less than this share of the window.
const MOMENT: f64 = 0.1;

/// How many more requests are in progress at the end of the window than at its middle, as a share of those that began in
/// between; 0 where they are fewer. Nothing where the window is too short for a timeline.
///
/// In a system that keeps up it is 0 in the long run, whatever its latency: as many requests end as begin. Beyond its
/// capacity it is the share of the load for which there is none. At the very capacity requests pile up by chance alone,
/// like a random walk that is reflected at 0, with the square root of time: of n requests about 0.7 ÷ √n (W. Whitt,
/// Stochastic-Process Limits, 2002, chapter 5). Where the load itself changes, what is in progress at the middle counts
/// in proportion: by Little's law it follows the load as long as latency stays.
pub fn growth(report: &Report) -> Option<f64> {
    let series = |name: &str| report.timeline.series.get(name);
    let (offered, ok, errors) = (series("offered_per_s")?, series("ok_per_s")?, series("errors_per_s")?);
    let starts = &report.timeline.start_s;
    let end_s = report.window.duration_s;
    let half_s = end_s / 2.0;
    let (mut in_progress, mut at_half, mut began) = (0.0, None, 0.0);
    let (mut before_half, mut before_end) = (0.0, 0.0);
    for (slot, &from_s) in starts.iter().enumerate() {
        if from_s >= end_s {
            break;
        }
        if from_s >= half_s && at_half.is_none() {
            at_half = Some(in_progress);
        }
        let to_s = starts.get(slot + 1).copied().unwrap_or(end_s).min(end_s);
        let width_s = to_s - from_s;
        let rate = |series: &[Option<f64>]| series.get(slot).copied().flatten().unwrap_or(0.0) * width_s;
        let offered = rate(offered);
        in_progress += offered - rate(ok) - rate(errors);
        began += if at_half.is_some() { offered } else { 0.0 };
        before_half += if (half_s - MOMENT * end_s..half_s).contains(&from_s) { offered } else { 0.0 };
        before_end += if from_s >= end_s - MOMENT * end_s { offered } else { 0.0 };
    }
    let expected = if before_half > 0.0 { at_half? * before_end / before_half } else { at_half? };
    (began > 0.0).then(|| ((in_progress - expected) / began).max(0.0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::analysis::report::{Timeline, Window};

    /// Slots of a second; warm-up before 0.
    fn report(first_s: i32, duration_s: i32, offered: impl Fn(i32) -> f64, ended: impl Fn(i32) -> f64) -> Report {
        let slots: Vec<i32> = (first_s..duration_s).collect();
        let of = |rate: &dyn Fn(i32) -> f64| slots.iter().map(|slot| Some(rate(*slot))).collect();
        let series = [
            ("offered_per_s", of(&offered)),
            ("ok_per_s", of(&|slot| 0.75 * ended(slot))),
            ("errors_per_s", of(&|slot| 0.25 * ended(slot))),
        ];
        Report {
            window: Window { duration_s: f64::from(duration_s), ..Window::default() },
            timeline: Timeline {
                start_s: slots.iter().map(|slot| f64::from(*slot)).collect(),
                width_s: 1.0,
                series: series.into_iter().map(|(name, values)| (name.to_owned(), values)).collect::<BTreeMap<_, _>>(),
            },
            ..Report::default()
        }
    }

    #[test]
    fn what_piles_up_is_found_and_nothing_else() {
        let close = |found: Option<f64>, expected: f64| {
            assert!(found.is_some_and(|found| (found - expected).abs() < 1e-9), "{found:?} {expected}");
        };
        // Keeps up, with two seconds of latency.
        close(growth(&report(-5, 40, |_| 100.0, |slot| if slot < -3 { 0.0 } else { 100.0 })), 0.0);
        // 3% too much.
        close(growth(&report(-5, 40, |_| 100.0, |_| 97.0)), 0.03);
        // Getting rid of what there was.
        close(growth(&report(-5, 40, |_| 100.0, |slot| if slot < 0 { 0.0 } else { 110.0 })), 0.0);
        // The load doubles in the second half, and with it what is in progress at a latency of a second.
        let load = |slot: i32| if slot < 20 { 100.0 } else { 200.0 };
        close(growth(&report(-5, 40, load, |slot| if slot < -4 { 0.0 } else { load(slot - 1) })), 0.0);
        assert_eq!(growth(&Report::default()), None);
        assert_eq!(growth(&report(0, 40, |_| 0.0, |_| 0.0)), None);
    }
}
