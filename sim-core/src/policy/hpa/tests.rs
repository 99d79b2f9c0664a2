//! The documented traces.

use super::*;

const HOUR_NS: i64 = 3_600 * S as i64;

/// A pod that started long ago and uses this share of its request of one core, in percent.
fn pod(percent: u64) -> Pod {
    Pod {
        phase: Phase::Running,
        started_ns: -HOUR_NS,
        ready: true,
        ready_changed_ns: -HOUR_NS,
        sample: Some(Sample { usage_millicores: percent * 10, at_ns: 0, window_ns: 15 * S }),
        request_millicores: 1_000,
    }
}

fn missing() -> Pod {
    Pod { sample: None, ..pod(0) }
}

fn pending() -> Pod {
    Pod { phase: Phase::Pending, sample: None, ..pod(0) }
}

/// Syncs every `every_s` with all pods at `percent`, and gives the counts until they stay or `steps` are over.
fn counts(spec: &HpaSpec, first: u32, percent: u64, every_s: u64, steps: usize) -> Vec<u32> {
    let mut state = HpaState::default();
    let mut counts = vec![first];
    for step in 0..steps {
        let current = *counts.last().expect("the first");
        let now_ns = step as i64 * (every_s * S) as i64;
        let pods = vec![pod(percent); current as usize];
        let next = decide(&mut state, now_ns, &pods, &[Seen::Cpu], current, spec);
        if next != current {
            counts.push(next);
        }
    }
    counts
}

#[test]
fn the_ratio_and_its_tolerance() {
    let spec = HpaSpec::new(50, 1, 100);
    for (pods, percent, expected) in [(3, 90, 6), (10, 54, 10), (10, 55, 10), (10, 56, 12), (10, 45, 10), (10, 44, 9)] {
        assert_eq!(
            wanted(0, &vec![pod(percent); pods], &[Seen::Cpu], pods as u32, &spec),
            Some(expected),
            "{pods} at {percent}%"
        );
    }
    // A third is 33%, not 33.33%: 33/30 is within tolerance.
    let third = Pod { request_millicores: 3_000, sample: pod(100).sample, ..pod(0) };
    assert_eq!(wanted(0, &[third; 10], &[Seen::Cpu], 10, &HpaSpec::new(30, 1, 100)), Some(10));
}

#[test]
fn missing_and_unready_pods_damp() {
    let spec = HpaSpec::new(50, 1, 100);
    let with = |ready: usize, percent: u64, others: &[Pod]| {
        let pods: Vec<Pod> = std::iter::repeat_n(pod(percent), ready).chain(others.iter().copied()).collect();
        wanted(0, &pods, &[Seen::Cpu], pods.len() as u32, &spec)
    };
    // Upwards, missing ones use nothing: 720/10 = 72%, 1.44 × 10.
    assert_eq!(with(8, 90, &[missing(); 2]), Some(15));
    // Downwards, they use all of their request: (8 × 10 + 200)/10 = 28%, 0.56 × 10.
    assert_eq!(with(8, 10, &[missing(); 2]), Some(6));
    // What would turn the direction changes nothing.
    assert_eq!(with(2, 60, &[missing(); 2]), Some(4));
    assert_eq!(with(2, 40, &[missing(); 8]), Some(10));
    // Unready ones count upwards only.
    assert_eq!(with(8, 90, &[pending(); 2]), Some(15));
    assert_eq!(with(8, 10, &[pending(); 2]), Some(2));
    assert_eq!(with(0, 0, &[missing()]), None);
    assert_eq!(with(3, 90, &[Pod { phase: Phase::Leaving, ..pod(0) }]), Some(6));
}

#[test]
fn of_several_metrics_the_largest_count_holds() {
    let metrics = |list: &[Metric]| HpaSpec { metrics: list.to_vec(), ..HpaSpec::new(50, 1, 100) };
    let rates = |each: f64| Seen::PerPod(vec![Some(each); 4]);
    let cpu = Metric::Cpu { percent: 50 };
    let (requests, value, average) =
        (Metric::PodsAverage { target: 100.0 }, Metric::Value { target: 30.0 }, Metric::Average { target: 30.0 });
    let memory = Metric::Utilization { target: 0.8 };
    for (spec, seen, expected) in [
        (vec![requests], vec![rates(150.0)], Some(6)),
        (vec![requests], vec![rates(109.0)], Some(4)),
        (vec![requests], vec![rates(20.0)], Some(1)),
        (vec![requests], vec![Seen::PerPod(vec![Some(150.0), Some(150.0), None, None])], Some(4)),
        (vec![requests], vec![Seen::PerPod(vec![Some(400.0), Some(400.0), Some(400.0), None])], Some(12)),
        (vec![requests], vec![Seen::PerPod(vec![None; 4])], None),
        (vec![memory], vec![rates(1.0)], Some(5)),
        (vec![memory], vec![rates(0.5)], Some(3)),
        (vec![value], vec![Seen::Whole(Some(90.0))], Some(12)),
        (vec![value], vec![Seen::Whole(Some(32.0))], Some(4)),
        (vec![average], vec![Seen::Whole(Some(90.0))], Some(3)),
        (vec![average], vec![Seen::Whole(Some(200.0))], Some(7)),
        (vec![cpu, requests], vec![Seen::Cpu, rates(150.0)], Some(8)),
        (vec![cpu, average], vec![Seen::Cpu, Seen::Whole(None)], Some(8)),
    ] {
        assert_eq!(wanted(0, &[pod(100); 4], &seen, 4, &metrics(&spec)), expected, "{spec:?} {seen:?}");
    }
    // What can't be told keeps the others from shrinking.
    let spec = metrics(&[cpu, average]);
    assert_eq!(wanted(0, &[pod(10); 4], &[Seen::Cpu, Seen::Whole(None)], 4, &spec), None);
    assert_eq!(wanted(0, &[pod(10); 4], &[Seen::Cpu, Seen::Whole(Some(1.0))], 4, &spec), Some(1));
}

#[test]
fn pods_are_grouped_by_readiness_and_age() {
    let spec = HpaSpec::new(50, 1, 100);
    let now = HOUR_NS;
    let s = |seconds: i64| now - seconds * S as i64;
    let sample = |age: i64| Some(Sample { usage_millicores: 900, at_ns: s(age), window_ns: 15 * S });
    for (started, ready, changed, sample, counts) in [
        (60, true, 40, sample(10), true),
        (60, true, 20, sample(10), false),
        (60, true, 25, sample(10), true),
        (60, false, 60, sample(10), false),
        (400, true, 5, sample(10), true),
        (400, false, 380, sample(10), false),
        (400, false, 300, sample(10), true),
        (300, false, 300, sample(10), false),
    ] {
        let pod = Pod { started_ns: s(started), ready, ready_changed_ns: s(changed), sample, ..pod(0) };
        let is_ready = matches!(group(now, &pod, &spec), Group::Ready(_));
        assert_eq!(is_ready, counts, "started {started} s ago, ready {ready} for {changed} s");
    }
}

#[test]
fn scaling_up_as_documented() {
    let present = HpaSpec { behavior: Some(Behavior::default()), ..HpaSpec::new(50, 1, 100) };
    assert_eq!(counts(&present, 1, 9_000, 15, 20), [1, 5, 10, 20, 40, 80, 100]);
    assert_eq!(counts(&HpaSpec::new(50, 1, 100), 1, 9_000, 15, 20), [1, 4, 8, 16, 32, 64, 100]);
}

#[test]
fn scaling_down_as_documented() {
    let policy = |kind, value| RatePolicy { kind, value, period_ns: 60 * S };
    let policies = vec![policy(RateKind::Pods, 4), policy(RateKind::Percent, 10)];
    let scale_down = Rules { window_ns: 0, policies, select: Select::Max, tolerance: None };
    let behavior = Some(Behavior { scale_down, ..Behavior::default() });
    let spec = HpaSpec { behavior, ..HpaSpec::new(50, 10, 100) };
    let expected = [80, 72, 64, 57, 51, 45, 40, 36, 32, 28, 24, 20, 16, 12, 10];
    assert_eq!(counts(&spec, 80, 5, 60, 30), expected);
    // One step a minute also with a sync each 15 s.
    assert_eq!(counts(&spec, 80, 5, 15, 120), expected);
    let disabled = |select| {
        let behavior = spec.behavior.clone().map(|b| Behavior { scale_down: Rules { select, ..b.scale_down }, ..b });
        HpaSpec { behavior, ..spec.clone() }
    };
    assert_eq!(counts(&disabled(Select::Disabled), 80, 5, 60, 30), [80]);
    assert_eq!(counts(&disabled(Select::Min), 80, 5, 60, 4), [80, 76, 72, 68, 64]);
}

#[test]
fn nothing_shrinks_within_the_first_window() {
    let present = HpaSpec { behavior: Some(Behavior::default()), ..HpaSpec::new(50, 1, 100) };
    for (spec, syncs) in [(HpaSpec::new(50, 1, 100), 21), (present, 20)] {
        assert_eq!(counts(&spec, 10, 5, 15, syncs), [10]);
        assert_eq!(counts(&spec, 10, 5, 15, syncs + 1)[..2], [10, 1]);
    }
}

#[test]
fn bounds_come_first_and_last() {
    let spec = HpaSpec::new(50, 2, 8);
    for (current, percent, expected) in [(10, 50, 8), (1, 50, 2), (0, 50, 0), (4, 500, 8), (6, 50, 6)] {
        let pods = vec![pod(percent); current as usize];
        assert_eq!(
            decide(&mut HpaState::default(), 0, &pods, &[Seen::Cpu], current, &spec),
            expected,
            "{current} at {percent}%"
        );
    }
}

#[test]
fn a_peak_in_the_up_window_is_not_followed() {
    let mut behavior = Behavior::default();
    behavior.scale_up.window_ns = 60 * S;
    let spec = HpaSpec { behavior: Some(behavior), ..HpaSpec::new(50, 1, 100) };
    let mut state = HpaState::default();
    let mut current = 10;
    for (second, percent, expected) in [(0, 50, 10), (15, 100, 10), (30, 50, 10), (75, 100, 10), (120, 90, 18)] {
        let pods = vec![pod(percent); current as usize];
        current = decide(&mut state, second * S as i64, &pods, &[Seen::Cpu], current, &spec);
        assert_eq!(current, expected, "at {second} s");
    }
}
