//! A slow and obvious twin, and random pods, loads and rules for both.

use super::*;
use crate::policy::draws::Draws;

/// The controller on lists that are only ever added to, pod by pod.
#[derive(Default)]
struct Twin {
    recommendations: Vec<(i64, u32)>,
    ups: Vec<(i64, i64)>,
    downs: Vec<(i64, i64)>,
}

/// What is known of pods: what they use and request of those that tell, what the others request.
#[derive(Default)]
struct Told {
    ready: Vec<(u64, u64)>,
    unready: Vec<u64>,
    missing: Vec<u64>,
}

fn told_cpu(now: i64, pods: &[Pod], spec: &HpaSpec) -> Told {
    let mut told = Told::default();
    for pod in pods {
        let request = u64::from(pod.request_millicores);
        match (pod.phase, pod.sample) {
            (Phase::Leaving, _) => {}
            (Phase::Pending, _) => told.unready.push(request),
            (Phase::Running, None) => told.missing.push(request),
            (Phase::Running, Some(sample)) => {
                let age = now - pod.started_ns;
                let young = age < spec.cpu_initialization_period_ns as i64;
                let before_ready = sample.at_ns - (sample.window_ns as i64) < pod.ready_changed_ns;
                let never_ready = pod.ready_changed_ns - pod.started_ns < spec.initial_readiness_delay_ns as i64;
                let unready = if young { !pod.ready || before_ready } else { !pod.ready && never_ready };
                if unready {
                    told.unready.push(request);
                } else {
                    told.ready.push((sample.usage_millicores, request));
                }
            }
        }
    }
    told
}

fn told_values(pods: &[Pod], values: &[Option<f64>]) -> Told {
    let mut told = Told::default();
    for (pod, value) in pods.iter().zip(values) {
        match (pod.phase, value) {
            (Phase::Leaving, _) => {}
            (Phase::Pending, _) => told.unready.push(1_000),
            (Phase::Running, Some(value)) => told.ready.push(((value * 1e3).round() as u64, 1_000)),
            (Phase::Running, None) => told.missing.push(1_000),
        }
    }
    told
}

fn tolerates(ratio: f64, spec: &HpaSpec) -> bool {
    let (mut down, mut up) = (spec.tolerance, spec.tolerance);
    if let Some(behavior) = &spec.behavior {
        (down, up) = (behavior.scale_down.tolerance.unwrap_or(down), behavior.scale_up.tolerance.unwrap_or(up));
    }
    !(ratio < 1.0 - down || ratio > 1.0 + up)
}

/// Rules 3 to 6: `assumed` is what one that is missing uses where the others want fewer, of what it requests.
fn wanted_of(
    told: &Told,
    current: u32,
    spec: &HpaSpec,
    assumed: impl Fn(u64) -> u64,
    ratio_of: impl Fn(&[(u64, u64)]) -> Option<f64>,
) -> Option<u32> {
    let ratio = ratio_of(&told.ready)?;
    let with_unready = ratio > 1.0 && !told.unready.is_empty();
    let mut all = told.ready.clone();
    if with_unready {
        all.extend(told.unready.iter().map(|&request| (0, request)));
    }
    if ratio != 1.0 {
        let uses = |request: u64| if ratio < 1.0 { assumed(request) } else { 0 };
        all.extend(told.missing.iter().map(|&request| (uses(request), request)));
    }
    let plain = !with_unready && told.missing.is_empty();
    let again = if plain { ratio } else { ratio_of(&all)? };
    let turns = (ratio - 1.0) * (again - 1.0) < 0.0;
    if turns || tolerates(again, spec) {
        return Some(current);
    }
    let count = (again * all.len() as f64).ceil() as u32;
    let against = (again > 1.0 && count < current) || (again < 1.0 && count > current);
    Some(if against && !plain { current } else { count })
}

fn wanted_by_twin(now: i64, pods: &[Pod], seen: &[Seen], current: u32, spec: &HpaSpec) -> Option<u32> {
    let percent_of = |pods: &[(u64, u64)], target: u32| {
        let (used, asked) = pods.iter().fold((0, 0), |sum, pod| (sum.0 + pod.0, sum.1 + pod.1));
        if asked == 0 || target == 0 { None } else { Some((100 * used / asked) as f64 / f64::from(target)) }
    };
    let mut asked = Vec::new();
    for (metric, seen) in spec.metrics.iter().zip(seen) {
        let count = match (metric, seen) {
            (Metric::Cpu { percent }, _) => {
                let assumed = |request: u64| request * u64::from(*percent.max(&100)) / 100;
                wanted_of(&told_cpu(now, pods, spec), current, spec, assumed, |pods| percent_of(pods, *percent))
            }
            (Metric::Utilization { target }, Seen::PerPod(values)) => {
                let percent = (target * 100.0).round() as u32;
                let assumed = |_| (f64::max(1.0, *target) * 1e3).round() as u64;
                wanted_of(&told_values(pods, values), current, spec, assumed, |pods| percent_of(pods, percent))
            }
            (Metric::PodsAverage { target }, Seen::PerPod(values)) => {
                let assumed = |_| (target * 1e3).round() as u64;
                wanted_of(&told_values(pods, values), current, spec, assumed, |pods| {
                    let sum: u64 = pods.iter().map(|pod| pod.0).sum();
                    if pods.is_empty() { None } else { Some((sum / pods.len() as u64) as f64 / (target * 1e3)) }
                })
            }
            (Metric::Value { target }, Seen::Whole(Some(total))) => {
                let ready = pods.iter().filter(|pod| matches!(pod.phase, Phase::Running) && pod.ready).count();
                let ratio = total / target;
                let of = if current == 0 { 1.0 } else { ready as f64 };
                Some(if current > 0 && tolerates(ratio, spec) { current } else { (ratio * of).ceil() as u32 })
            }
            (Metric::Average { target }, Seen::Whole(Some(total))) => {
                let ratio = total / (target * f64::from(current));
                Some(if current > 0 && tolerates(ratio, spec) { current } else { (total / target).ceil() as u32 })
            }
            (_, _) => None,
        };
        asked.push(count);
    }
    let most = asked.iter().flatten().max().copied()?;
    (asked.iter().all(Option::is_some) || most >= current).then_some(most)
}

impl Twin {
    fn limit(&self, now: i64, current: u32, rules: &Rules, sign: i64) -> i64 {
        let count = i64::from(current);
        let sum = |changes: &[(i64, i64)], period_ns: u64| -> i64 {
            changes.iter().filter(|(at, _)| now - at < period_ns as i64).map(|(_, by)| by).sum()
        };
        let of = |policy: &RatePolicy| {
            let start = count - sum(&self.ups, policy.period_ns) + sum(&self.downs, policy.period_ns);
            let share = f64::from(policy.value) / 100.0;
            match (policy.kind, sign) {
                (RateKind::Pods, sign) => start + sign * i64::from(policy.value),
                (RateKind::Percent, 1) => (start as f64 * (1.0 + share)).ceil() as i64,
                (RateKind::Percent, _) => (start as f64 * (1.0 - share)).trunc() as i64,
            }
        };
        let mut limits: Vec<i64> = rules.policies.iter().map(of).collect();
        limits.sort_by_key(|limit| sign * limit);
        let limit = match rules.select {
            Select::Disabled => None,
            Select::Max => limits.last(),
            Select::Min => limits.first(),
        };
        // Never the other way.
        limit.map_or(count, |&limit| sign * (sign * limit).max(sign * count))
    }

    fn decide(&mut self, now: i64, pods: &[Pod], seen: &[Seen], current: u32, spec: &HpaSpec) -> u32 {
        if self.recommendations.is_empty() {
            self.recommendations.push((now, current));
        }
        if current == 0 && spec.min > 0 {
            return 0;
        }
        let mut desired = current.clamp(spec.min, spec.max);
        if desired == current {
            let Some(wanted) = wanted_by_twin(now, pods, seen, current, spec) else { return current };
            desired = self.stable(now, current, wanted, spec);
            self.recommendations.push((now, wanted));
        }
        if let Some(behavior) = &spec.behavior {
            let by = i64::from(desired) - i64::from(current);
            let (changes, rules) =
                if by > 0 { (&mut self.ups, &behavior.scale_up) } else { (&mut self.downs, &behavior.scale_down) };
            let longest = rules.policies.iter().map(|policy| policy.period_ns).max().unwrap_or(0) as i64;
            if by != 0 {
                // As in Kubernetes, the last one that is too old for its own direction gives up its place.
                let too_old = (0..changes.len()).rev().find(|&at| now - changes[at].0 > longest);
                let place = too_old.unwrap_or(changes.len());
                changes.splice(place..(place + 1).min(changes.len()), [(now, by.abs())]);
            }
        }
        desired
    }

    fn stable(&self, now: i64, current: u32, wanted: u32, spec: &HpaSpec) -> u32 {
        let before = |holds: &dyn Fn(i64) -> bool| -> Vec<u32> {
            let recent = self.recommendations.iter().filter(|(at, _)| holds(now - at)).map(|(_, count)| *count);
            recent.chain([wanted]).collect()
        };
        let Some(behavior) = &spec.behavior else {
            let window = spec.downscale_stabilization_ns as i64;
            let most = before(&|age| age <= window).into_iter().max().expect("at least this one");
            return most.min(spec.max).min((2 * current).max(4)).max(spec.min);
        };
        let least = before(&|age| age < behavior.scale_up.window_ns as i64).into_iter().min().expect("this one");
        let most = before(&|age| age < behavior.scale_down.window_ns as i64).into_iter().max().expect("this one");
        if least > current && most >= least {
            let limit = self.limit(now, current, &behavior.scale_up, 1);
            least.min(spec.max).min(u32::try_from(limit).expect("not below the present count"))
        } else if most < current {
            let limit = self.limit(now, current, &behavior.scale_down, -1);
            most.max(spec.min).max(limit.max(0) as u32)
        } else {
            current
        }
    }
}

fn random_rules(draws: &mut Draws) -> Rules {
    let policies = (0..draws.below(3)).map(|_| RatePolicy {
        kind: draws.of(&[RateKind::Pods, RateKind::Percent]),
        value: 1 + draws.below(100) as u32,
        period_ns: draws.of(&[15, 60, 300]) * S,
    });
    let policies = policies.collect();
    let select = draws.of(&[Select::Max, Select::Max, Select::Min, Select::Disabled]);
    let tolerance = draws.once_in(3).then(|| draws.of(&[0.0, 0.05, 0.3]));
    Rules { window_ns: draws.of(&[0, 60, 300]) * S, policies, select, tolerance }
}

fn random_spec(draws: &mut Draws) -> HpaSpec {
    let metric = |draws: &mut Draws| match draws.below(6) {
        0 | 1 => Metric::Cpu { percent: 10 + draws.below(150) as u32 },
        2 => Metric::Utilization { target: 0.1 + draws.below(14) as f64 / 10.0 },
        3 => Metric::PodsAverage { target: 1.0 + draws.below(500) as f64 },
        4 => Metric::Value { target: 1.0 + draws.below(500) as f64 },
        _ => Metric::Average { target: 1.0 + draws.below(500) as f64 },
    };
    let behavior = match draws.below(4) {
        0 | 1 => None,
        2 => Some(Behavior::default()),
        _ => Some(Behavior { scale_up: random_rules(draws), scale_down: random_rules(draws) }),
    };
    HpaSpec {
        metrics: (0..1 + draws.below(3)).map(|_| metric(draws)).collect(),
        tolerance: draws.of(&[0.0, 0.1, 0.1, 0.2]),
        behavior,
        downscale_stabilization_ns: draws.of(&[0, 60, 300]) * S,
        ..HpaSpec::new(50, draws.below(3) as u32, 3 + draws.below(60) as u32)
    }
}

fn random_pod(draws: &mut Draws, now: i64, load: u64) -> Pod {
    let started_ns = now - (draws.of(&[20, 200, 400, 4_000]) * S) as i64;
    let ready = !draws.once_in(8);
    let sample = Sample {
        usage_millicores: draws.below(20 * load + 1),
        at_ns: now - (draws.below(60) * S) as i64,
        window_ns: draws.of(&[15, 30, 60]) * S,
    };
    Pod {
        phase: draws.of(&[
            Phase::Running,
            Phase::Running,
            Phase::Running,
            Phase::Running,
            Phase::Pending,
            Phase::Leaving,
        ]),
        started_ns,
        ready,
        ready_changed_ns: started_ns + (draws.of(&[0, 10, 40, 100]) * S) as i64,
        sample: (!draws.once_in(9)).then_some(sample),
        request_millicores: draws.of(&[500, 1_000, 1_000, 3_000]),
    }
}

fn against_the_twin(rounds: u64) {
    for round in 0..rounds {
        let mut draws = Draws::new(round);
        let spec = random_spec(&mut draws);
        let (mut state, mut twin, mut current, mut now) = (HpaState::default(), Twin::default(), 4, 0);
        for sync in 0..100 {
            now += ((10 + draws.below(10)) * S) as i64;
            let load = 20 + 60 * (sync / 20 % 3);
            let pods: Vec<Pod> = (0..current).map(|_| random_pod(&mut draws, now, load)).collect();
            let value = |draws: &mut Draws, most: u64| (!draws.once_in(9)).then(|| draws.below(most) as f64 / 10.0);
            let seen: Vec<Seen> = (spec.metrics.iter())
                .map(|metric| match metric {
                    Metric::Cpu { .. } => Seen::Cpu,
                    Metric::Utilization { .. } => {
                        Seen::PerPod(pods.iter().map(|_| value(&mut draws, load / 3)).collect())
                    }
                    Metric::PodsAverage { .. } => {
                        Seen::PerPod(pods.iter().map(|_| value(&mut draws, 60 * load)).collect())
                    }
                    Metric::Value { .. } => Seen::Whole(value(&mut draws, 60 * load)),
                    Metric::Average { .. } => Seen::Whole(value(&mut draws, 2_000 * load)),
                })
                .collect();
            let next = decide(&mut state, now, &pods, &seen, current, &spec);
            let expected = twin.decide(now, &pods, &seen, current, &spec);
            assert_eq!(next, expected, "round {round}, sync {sync}, from {current}: {spec:?} {seen:?} {pods:?}");
            // Now and then somebody else sets the count.
            current = if draws.once_in(40) { draws.below(70) as u32 } else { next };
        }
    }
}

#[test]
fn decisions_are_those_of_the_twin() {
    against_the_twin(100);
}

#[test]
#[ignore = "a million events"]
fn decisions_are_those_of_the_twin_a_million_times() {
    against_the_twin(10_000);
}
