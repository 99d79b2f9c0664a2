//! Merged reports: what adds up, what is unknown, where intervals are.

use std::collections::BTreeMap;

use super::counts::{along, apportion};
use super::*;
use crate::analysis::report::{
    AuditEntry, Breakdown, BreakdownPart, ClassReport, ComponentReport, Journeys, Latency, LinkReport, Replicas,
    Requests, Stopped, Timeline, Wait,
};

fn requests(ok: u64, errors: &[(&str, u64)], unfinished: u64) -> Requests {
    let errors: BTreeMap<String, u64> = errors.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    let bad = errors.values().sum::<u64>() + unfinished;
    let offered = ok + bad;
    let error_rate = bad as f64 / offered as f64;
    Requests { offered, ok, errors, unfinished, error_rate, availability: 1.0 - error_rate, ..Requests::default() }
}

fn latency(counts: &[(f64, u64)], p99_s: Option<f64>) -> Latency {
    let count = counts.iter().map(|(_, count)| count).sum();
    Latency { count, mean_s: p99_s, p99_s, histogram: counts.to_vec(), ..Latency::default() }
}

fn run(seed: u64, browse: Requests, checkout: Requests, histogram: &[(f64, u64)]) -> Report {
    let mut errors = browse.errors.clone();
    for (outcome, count) in &checkout.errors {
        *errors.entry(outcome.clone()).or_default() += count;
    }
    let whole = Requests {
        offered: browse.offered + checkout.offered,
        ok: browse.ok + checkout.ok,
        unfinished: browse.unfinished + checkout.unfinished,
        errors,
        ..Requests::default()
    };
    let class = |requests: Requests| ClassReport { requests, ..ClassReport::default() };
    Report {
        seed,
        digest: format!("{seed:x}"),
        requests: whole,
        latency: latency(histogram, Some(0.1 * seed as f64)),
        classes: BTreeMap::from([("browse".into(), class(browse)), ("checkout".into(), class(checkout))]),
        ..Report::default()
    }
}

fn no_objectives(_: &Report) -> Vec<ObjectiveResult> {
    Vec::new()
}

#[test]
fn counts_keep_adding_up() {
    let runs = [
        run(1, requests(101, &[("timeout", 1)], 0), requests(7, &[], 1), &[(0.1, 90), (0.2, 18)]),
        run(2, requests(100, &[], 0), requests(8, &[("failed", 2)], 0), &[(0.1, 100), (0.3, 8)]),
        run(3, requests(99, &[("timeout", 1)], 1), requests(9, &[], 0), &[(0.1, 107), (0.4, 1)]),
    ];
    let merged = merge(&runs, no_objectives);
    let whole = &merged.requests;
    assert_eq!(whole.offered, 110);
    assert_eq!(whole.ok + whole.errors_total() + whole.unfinished, whole.offered);
    assert_eq!(merged.classes.values().map(|class| class.requests.offered).sum::<u64>(), whole.offered);
    for class in merged.classes.values().map(|class| &class.requests) {
        assert_eq!(class.ok + class.errors_total() + class.unfinished, class.offered);
    }
    assert_eq!(merged.latency.count, whole.ok);
    assert_eq!(merged.latency.histogram.iter().map(|(_, count)| count).sum::<u64>(), merged.latency.count);
    assert_eq!(merged.latency.histogram, [(0.1, 99), (0.2, 6), (0.3, 3)]);
}

#[test]
fn figures_are_means_with_intervals_at_their_places() {
    let component = |utilization: f64, mean: f64, min: u64| ComponentReport {
        utilization: Some(utilization),
        replicas: Some(Replicas { mean, min, max: 4 }),
        ..ComponentReport::default()
    };
    let runs: Vec<Report> = [(0.5, 2.0, 1), (0.7, 3.0, 2)]
        .into_iter()
        .enumerate()
        .map(|(index, (utilization, mean, min))| Report {
            seed: 5 + index as u64,
            components: BTreeMap::from([("a/b".into(), component(utilization, mean, min))]),
            latency: latency(&[(1.0, 1)], Some(1.0 + index as f64)),
            ..Report::default()
        })
        .collect();
    let merged = merge(&runs, no_objectives);
    assert_eq!(merged.seed, 5);
    assert_eq!(merged.components["a/b"].utilization, Some(0.6));
    assert_eq!(merged.components["a/b"].replicas, Some(Replicas { mean: 2.5, min: 2, max: 4 }));
    assert_eq!(merged.latency.p99_s, Some(1.5));
    let [low, high] = merged.intervals["/latency/p99_s"];
    assert!(low == 0.0 && (high - (1.5 + 12.706_205 * 0.5)).abs() < 1e-5, "{low} {high}");
    let [low, high] = merged.intervals["/components/a~1b/utilization"];
    assert!(low == 0.0 && high == 1.0, "shares stay shares: {low} {high}");
    assert_eq!(merged.confidence, Some(Confidence { replications: 2, level: 0.95, precision: None }));
    let value = to_value(&merged);
    assert!(merged.intervals.keys().all(|pointer| value.pointer(pointer).is_some_and(Value::is_number)));
}

#[test]
fn an_unknown_percentile_stays_unknown_and_bounded() {
    let known = Report { latency: latency(&[(1.0, 1)], Some(1.0)), ..Report::default() };
    let mut unknown = known.clone();
    unknown.latency.p99_s = None;
    unknown.latency.p99_at_least_s = Some(3.0);
    for runs in [[known.clone(), unknown.clone()], [unknown, known]] {
        let merged = merge(&runs, no_objectives);
        assert_eq!((merged.latency.p99_s, merged.latency.p99_at_least_s), (None, Some(2.0)));
        assert!(!merged.intervals.contains_key("/latency/p99_s"));
    }
}

#[test]
fn a_percentile_that_a_run_refuses_is_refused() {
    let known = Report { latency: latency(&[(1.0, 100)], Some(1.0)), ..Report::default() };
    let mut refused = known.clone();
    (refused.latency.p99_s, refused.latency.p99_needs) = (None, Some(100));
    let mut unknown = known.clone();
    (unknown.latency.p99_s, unknown.latency.p99_at_least_s) = (None, Some(3.0));
    for runs in [[known.clone(), refused.clone(), unknown.clone()], [refused, unknown, known]] {
        let merged = merge(&runs, no_objectives).latency;
        assert_eq!((merged.p99_s, merged.p99_at_least_s, merged.p99_needs), (None, None, Some(100)));
    }
}

#[test]
fn an_objective_that_a_run_can_t_tell_is_not_told() {
    let result = |value, why: Option<&str>| ObjectiveResult {
        objective: "p99.99 < 1s".into(),
        value,
        met: value.is_some(),
        why: why.map(str::to_owned),
    };
    let of = |result| Report { objectives: vec![result], ..Report::default() };
    let runs = [of(result(Some(0.5), None)), of(result(None, Some("it needs more")))];
    let merged = merge(&runs, |_| vec![result(Some(0.6), None)]);
    assert_eq!(merged.objectives, [result(None, Some("it needs more"))]);
    assert!(merged.intervals.keys().all(|pointer| !pointer.starts_with("/objectives")));
}

#[test]
fn every_figure_has_its_interval_where_it_is() {
    let run = |number: u64| {
        let value = number as f64;
        let errors = BTreeMap::from([(if number == 1 { "timeout" } else { "failed" }.to_owned(), 6)]);
        let web = ComponentReport {
            errors,
            wait: Some(Wait { p99_s: Some(value), p99_needs: None, ..Wait::default() }),
            links: BTreeMap::from([("db".into(), LinkReport { tries: 10 * number, ..LinkReport::default() })]),
            replicas: Some(Replicas { mean: value, min: number, max: 4 }),
            journeys: Some(Journeys { ok: number, started: number, ..Journeys::default() }),
            instances: BTreeMap::from([("web[0]".into(), Default::default())]),
            ..ComponentReport::default()
        };
        let part = |component: &str| BreakdownPart {
            component: component.into(),
            phase: "service".into(),
            seconds: value,
            share: 1.0,
            ..BreakdownPart::default()
        };
        Report {
            latency: latency(&[(1.0, 100)], Some(value)),
            components: BTreeMap::from([("web".into(), web)]),
            breakdown: Breakdown { p99: vec![part(if number == 1 { "web" } else { "db" })], p50: vec![part("web")] },
            ..Report::default()
        }
    };
    let merged = merge(&[run(1), run(3)], no_objectives);
    let half = 12.706_204_736;
    for (pointer, mean, spread) in [
        ("/latency/p99_s", 2.0, 1.0),
        ("/latency/count", 100.0, 0.0),
        ("/components/web/wait/p99_s", 2.0, 1.0),
        ("/components/web/errors/timeout", 3.0, 3.0),
        ("/components/web/errors/failed", 3.0, 3.0),
        ("/components/web/links/db/tries", 20.0, 10.0),
        ("/components/web/replicas/mean", 2.0, 1.0),
        ("/components/web/replicas/min", 2.0, 1.0),
        ("/components/web/journeys/ok", 2.0, 1.0),
        ("/components/web/instances/web[0]/calls", 0.0, 0.0),
        ("/breakdown/p50/0/seconds", 2.0, 1.0),
        ("/breakdown/p99/0/seconds", 1.5, 1.5),
    ] {
        let [low, high] = *merged.intervals.get(pointer).unwrap_or_else(|| panic!("{pointer} has no interval"));
        let expected = [f64::max(mean - half * spread, 0.0), mean + half * spread];
        assert!((low - expected[0]).abs() < 1e-6 && (high - expected[1]).abs() < 1e-6, "{pointer}: {low} {high}");
    }
    let value = to_value(&merged);
    assert!(merged.intervals.keys().all(|pointer| value.pointer(pointer).is_some_and(Value::is_number)));
    assert!(!merged.intervals.keys().any(|pointer| pointer.contains("histogram") || pointer.contains("needs")));
    assert_eq!(merged.intervals["/breakdown/p50/0/share"], [1.0, 1.0]);
}

#[test]
fn one_run_is_itself_and_a_stopped_one_is_not_hidden() {
    let run = Report { digest: "abc".into(), ..Report::default() };
    assert_eq!(merge(std::slice::from_ref(&run), no_objectives), run);
    let stopped = Report { ended: Ended::Stopped(Stopped::default()), ..run.clone() };
    assert_eq!(merge(&[run.clone(), stopped.clone()], no_objectives).ended, stopped.ended);
    let other = Report { digest: "abd".into(), ..run.clone() };
    let digest = |runs: &[Report]| merge(runs, no_objectives).digest;
    assert_ne!(digest(&[run.clone(), other.clone()]), digest(&[other, run]));
}

#[test]
fn rows_are_merged_by_what_they_name() {
    let part = |component: &str, seconds: f64| BreakdownPart {
        component: component.into(),
        phase: "service".into(),
        seconds,
        ..BreakdownPart::default()
    };
    let audit = |left: u128| AuditEntry { check: "a = b".into(), left, right: left, ok: true };
    let run = |parts: Vec<BreakdownPart>, series: Vec<Option<f64>>, left: u128| Report {
        breakdown: Breakdown { p50: parts, ..Breakdown::default() },
        timeline: Timeline {
            start_s: vec![0.0, 1.0],
            width_s: 1.0,
            series: BTreeMap::from([("p99_s".into(), series)]),
        },
        audit: vec![audit(left)],
        ..Report::default()
    };
    let runs = [
        run(vec![part("web", 3.0), part("db", 1.0)], vec![Some(1.0), None], u128::from(u64::MAX) + 3),
        run(vec![part("db", 4.0)], vec![Some(2.0), Some(4.0)], u128::from(u64::MAX) + 4),
    ];
    let merged = merge(&runs, no_objectives);
    let rows: Vec<_> =
        merged.breakdown.p50.iter().map(|row| (row.component.as_str(), row.seconds, row.share)).collect();
    assert_eq!(rows, [("db", 2.5, 0.625), ("web", 1.5, 0.375)]);
    assert_eq!(merged.timeline.series["p99_s"], [Some(1.5), Some(4.0)]);
    assert_eq!(merged.audit, [audit(u128::from(u64::MAX) + 4)]);
}

#[test]
fn seeds_differ_and_are_stable() {
    let seeds: std::collections::BTreeSet<u64> =
        [0, 1, 2, u64::MAX].into_iter().flat_map(|seed| (0..100).map(move |run| seed_of(seed, run))).collect();
    assert_eq!(seeds.len(), 400);
    assert_eq!((seed_of(42, 0), seed_of(42, 1)), (42, 16_389_234_289_310_759_295));
}

#[test]
fn a_merged_histogram_has_the_tail_of_the_runs() {
    // Every latency once: no bucket has a whole request for each run.
    let weights = vec![1; 1_000];
    for total in [500, 333, 100] {
        let counts = along(&weights, total);
        assert_eq!(counts.iter().sum::<u64>(), total);
        let tail: u64 = counts[900..].iter().sum();
        assert!(tail.abs_diff(total / 10) <= 1, "{tail} of {total}");
    }
    assert_eq!(along(&[297, 18, 8, 1], 108), [99, 6, 3, 0]);
    assert_eq!(along(&[0, 0], 0), [0, 0]);
    assert_eq!(along(&[u64::MAX / 2, u64::MAX / 2], u64::MAX).iter().sum::<u64>(), u64::MAX);
}

#[test]
fn apportioning_is_exact() {
    assert_eq!(apportion(&[1, 1, 1], 10), [4, 3, 3]);
    assert_eq!(apportion(&[0, 5, 2], 7), [0, 5, 2]);
    assert_eq!(apportion(&[0, 0], 7), [0, 0]);
    assert_eq!(apportion(&[u64::MAX, u64::MAX], u64::MAX - 1), [u64::MAX / 2, u64::MAX / 2]);
}
