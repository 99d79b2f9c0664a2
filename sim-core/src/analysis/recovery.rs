//! Recovery: how long after a fault begins the system is again what it was before, and what it lost until then.
//!
//! It is told from the points of the timeline, without any objective. Before a fault the system is what it was in the last
//! 20 points: the highest of their medians and of their shares of errors. A point is bad where its median is more than a
//! quarter above that, or its share of errors more than a hundredth. The system has recovered at the first of five good
//! points in a row behind the first bad one; a fault that makes no point bad until five points after its end disturbs nothing.
//! What is lost are the requests that ended in errors from the fault's begin until then, beyond as many as before it.

use super::report::FaultReport;
use crate::plan::Plan;
use crate::world::{RunResult, Timeline};

/// How many points tell what was before.
const BEFORE: usize = 20;
/// How many good points in a row are a recovery.
const IN_A_ROW: usize = 5;

/// A fault's time, in points of the timeline (from the first one that it touches to the last).
#[derive(Debug, Clone, Copy)]
struct Span {
    from: usize,
    to: usize,
}

/// A point of the timeline.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Point {
    at_s: f64,
    width_s: f64,
    ended: f64,
    errors: f64,
    p50_s: Option<f64>,
}

/// What became of each fault of a run.
pub fn of_faults(plan: &Plan, result: &RunResult) -> Vec<FaultReport> {
    let points = points(
        &result.timeline,
        plan.clock.end.min(result.timeline.starts.last().map_or(0, |at| at + plan.clock.slot)),
    );
    let seconds = |ns: u64| ns as f64 / 1e9;
    let of_fault = |(number, fault): (usize, &crate::plan::FaultPlan)| {
        let mut report = FaultReport { fault: fault.name.clone(), recover_s: Some(0.0), ..FaultReport::default() };
        for &(_, began, ends) in result.faults.iter().filter(|&&(which, _, _)| which as usize == number) {
            let (began_s, ends_s) = (seconds(began), seconds(ends.min(plan.clock.end)));
            let place = |at: f64| points.iter().rposition(|point| point.at_s <= at);
            report.times += 1;
            report.lasted_s += ends_s - began_s;
            let Some(span) = place(began_s).map(|from| Span { from, to: place(ends_s).unwrap_or(from) }) else {
                continue;
            };
            let (recovered, lost) = recovery(&points, span);
            report.lost += lost;
            let took = recovered.map(|at_s| (at_s - began_s).max(0.0));
            report.recover_s = report.recover_s.zip(took).map(|(longest, took)| longest.max(took));
        }
        report
    };
    plan.faults.iter().enumerate().map(of_fault).collect()
}

fn points(timeline: &Timeline, end_ns: u64) -> Vec<Point> {
    let series = |name: &str| timeline.series.iter().find(|(known, _)| known == name).map(|(_, values)| values);
    let (ok, errors, p50) = (series("ok_per_s"), series("errors_per_s"), series("p50_s"));
    let at = |values: Option<&Vec<Option<f64>>>, place: usize| values.and_then(|values| *values.get(place)?);
    let ends = timeline.starts.iter().skip(1).chain([&end_ns]);
    let point = |(place, (&start, &end)): (usize, (&u64, &u64))| {
        let width_s = end.saturating_sub(start) as f64 / 1e9;
        let errors = at(errors, place).unwrap_or(0.0) * width_s;
        let ended = at(ok, place).unwrap_or(0.0) * width_s + errors;
        Point { at_s: start as f64 / 1e9, width_s, ended, errors, p50_s: at(p50, place) }
    };
    timeline.starts.iter().zip(ends).enumerate().map(point).collect()
}

/// When the system had recovered from a fault (s since the run's start), and how many requests were lost until then.
fn recovery(points: &[Point], span: Span) -> (Option<f64>, u64) {
    let before = &points[span.from.saturating_sub(BEFORE)..span.from];
    let share = |point: &Point| if point.ended > 0.0 { point.errors / point.ended } else { 0.0 };
    let slowest = before.iter().filter_map(|point| point.p50_s).fold(0.0, f64::max);
    let worst = before.iter().map(share).fold(0.0, f64::max);
    let bad = |point: &Point| {
        let slow = slowest > 0.0 && point.p50_s.is_some_and(|p50| p50 > 1.25 * slowest);
        let silent = slowest > 0.0 && point.ended == 0.0;
        slow || silent || share(point) > worst + 0.01
    };
    let last_to_see = (span.to + IN_A_ROW).min(points.len() - 1);
    let Some(first_bad) = (span.from..=last_to_see).find(|&at| bad(&points[at])) else {
        return (Some(points[span.from].at_s), 0);
    };
    let good_from = |at: usize| (at..at + IN_A_ROW).all(|at| points.get(at).is_some_and(|point| !bad(point)));
    let recovered = (first_bad..points.len()).find(|&at| good_from(at));
    let until = recovered.unwrap_or(points.len());
    let usual: f64 = before.iter().map(|point| point.errors).sum::<f64>()
        / before.iter().map(|point| point.ended).sum::<f64>().max(1.0);
    let lost: f64 = points[span.from..until].iter().map(|point| point.errors - usual * point.ended).sum();
    (recovered.map(|at| points[at].at_s), lost.max(0.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A point a second with 100 requests: those that failed, and the median in ms.
    fn timeline(of: impl Fn(usize) -> (f64, f64)) -> Vec<Point> {
        let point = |at: usize| {
            let (errors, p50) = of(at);
            Point { at_s: at as f64, width_s: 1.0, ended: 100.0, errors, p50_s: Some(p50 / 1e3) }
        };
        (0..100).map(point).collect()
    }

    #[test]
    fn a_system_has_recovered_when_it_is_as_before() {
        let span = Span { from: 30, to: 40 };
        let noise = |at: usize| 10.0 + (at * 7 % 5) as f64 / 2.0;
        for (points, expected) in [
            (timeline(|at| (0.0, noise(at))), (Some(30.0), 0)),
            // Errors from the begin to the end.
            (timeline(|at| (if (30..40).contains(&at) { 50.0 } else { 0.0 }, noise(at))), (Some(40.0), 500)),
            // Slow for 20 s after the end, with a good moment in between.
            (timeline(|at| (0.0, if (32..60).contains(&at) && at != 45 { 90.0 } else { noise(at) })), (Some(60.0), 0)),
            // A tenth fails as before.
            (timeline(|at| (if (30..35).contains(&at) { 60.0 } else { 10.0 }, noise(at))), (Some(35.0), 250)),
            // It never comes back.
            (timeline(|at| (if at >= 31 { 100.0 } else { 0.0 }, noise(at))), (None, 6_900)),
        ] {
            assert_eq!(recovery(&points, span), expected);
        }
        // Nothing was before: nothing can be told to be worse but errors.
        let points = timeline(|at| (if at < 5 { 50.0 } else { 0.0 }, noise(at)));
        assert_eq!(recovery(&points, Span { from: 0, to: 4 }), (Some(5.0), 250));
    }
}
