//! Counts that stay whole and keep adding up, rounded together.

use crate::analysis::report::{Latency, Report, Requests};

/// Rounds the counts of requests so that the parts still make the whole, class by class and together.
pub(super) fn balance_requests(reports: &[Report], merged: &mut Report) {
    let adds_up = |report: &Report| {
        let of = |pick: fn(&Requests) -> u64| report.classes.values().map(|class| pick(&class.requests)).sum::<u64>();
        of(|requests| requests.offered) == report.requests.offered
            && of(|requests| requests.ok) == report.requests.ok
            && of(Requests::errors_total) == report.requests.errors_total()
            && of(|requests| requests.unfinished) == report.requests.unfinished
    };
    if reports.iter().all(adds_up) {
        let mut classes: Vec<&mut Requests> = Vec::new();
        let mut sources: Vec<Vec<&Requests>> = Vec::new();
        for (name, class) in &mut merged.classes {
            classes.push(&mut class.requests);
            sources.push(reports.iter().filter_map(|report| Some(&report.classes.get(name)?.requests)).collect());
        }
        balance(&mut classes, &sources, reports.len());
        let Requests { offered, ok, errors, unfinished, .. } = &mut merged.requests;
        (*offered, *ok, *unfinished) = (0, 0, 0);
        errors.values_mut().for_each(|count| *count = 0);
        for requests in merged.classes.values().map(|class| &class.requests) {
            *offered += requests.offered;
            *ok += requests.ok;
            *unfinished += requests.unfinished;
            for (outcome, count) in &requests.errors {
                *errors.entry(outcome.clone()).or_default() += count;
            }
        }
        return;
    }
    balance(&mut [&mut merged.requests], &[reports.iter().map(|report| &report.requests).collect()], reports.len());
    for (name, class) in &mut merged.classes {
        let sources = reports.iter().filter_map(|report| Some(&report.classes.get(name)?.requests)).collect();
        balance(&mut [&mut class.requests], &[sources], reports.len());
    }
}

/// Gives each target the means of its sources, all rounded together.
fn balance(targets: &mut [&mut Requests], sources: &[Vec<&Requests>], runs: usize) {
    let sum = |of: &[&Requests], pick: &dyn Fn(&Requests) -> u64| of.iter().map(|requests| pick(requests)).sum::<u64>();
    let mut sums = Vec::new();
    for (target, of) in targets.iter().zip(sources) {
        sums.push(sum(of, &|requests| requests.ok));
        sums.push(sum(of, &|requests| requests.unfinished));
        for outcome in target.errors.keys() {
            sums.push(sum(of, &|requests| requests.errors.get(outcome).copied().unwrap_or(0)));
        }
    }
    let total = (sums.iter().sum::<u64>() + runs as u64 / 2) / runs as u64;
    let mut parts = apportion(&sums, total).into_iter();
    let mut next = || parts.next().expect("as many parts as sums");
    for target in targets {
        target.ok = next();
        target.unfinished = next();
        target.errors.values_mut().for_each(|count| *count = next());
        target.offered = target.ok + target.unfinished + target.errors_total();
    }
}

/// Turns the summed histograms into means that add up to the count, and the count into that of the requests where it
/// was the same in every run.
pub(super) fn balance_latencies(reports: &[Report], merged: &mut Report) {
    let all = |holds: &dyn Fn(&Report) -> bool| reports.iter().all(holds);
    let errors_are_all = |requests: &Requests, latency: &Option<Latency>| {
        latency.as_ref().map_or(0, |latency| latency.count) == requests.errors_total()
    };
    if all(&|report| report.latency.count == report.requests.ok) {
        merged.latency.count = merged.requests.ok;
    }
    if let Some(latency) = &mut merged.error_latency {
        if all(&|report| errors_are_all(&report.requests, &report.error_latency)) {
            latency.count = merged.requests.errors_total();
        }
        apportion_histogram(latency);
    }
    apportion_histogram(&mut merged.latency);
    for (name, class) in &mut merged.classes {
        let of = |report: &Report| report.classes.get(name).cloned().unwrap_or_default();
        if all(&|report| of(report).latency.count == of(report).requests.ok) {
            class.latency.count = class.requests.ok;
        }
        apportion_histogram(&mut class.latency);
        if let Some(latency) = &mut class.error_latency {
            if all(&|report| errors_are_all(&of(report).requests, &of(report).error_latency)) {
                latency.count = class.requests.errors_total();
            }
            apportion_histogram(latency);
        }
    }
    for component in merged.components.values_mut() {
        component.latency.iter_mut().for_each(apportion_histogram);
        let Some(journeys) = &mut component.journeys else { continue };
        journeys.started = journeys.ok + journeys.failed + journeys.unfinished;
        journeys.latency.iter_mut().for_each(apportion_histogram);
    }
}

fn apportion_histogram(latency: &mut Latency) {
    let sums: Vec<u64> = latency.histogram.iter().map(|(_, count)| *count).collect();
    if sums.iter().sum::<u64>() == 0 {
        return;
    }
    let counts = along(&sums, latency.count);
    let uppers = latency.histogram.iter().map(|(upper_s, _)| *upper_s);
    latency.histogram = uppers.zip(counts).filter(|(_, count)| *count > 0).collect();
}

/// Divides a total in proportion to weights that lie on an axis, so that up to each place it is off by half of one at most:
/// what is rare does not get lost for its place, as the slowest requests would if each were rounded by itself.
pub(super) fn along(weights: &[u64], total: u64) -> Vec<u64> {
    let whole: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let (mut weighed, mut given) = (0, 0);
    let part = |weight: &u64| {
        weighed += u128::from(*weight);
        let until = ((weighed * u128::from(total) + whole / 2) / whole.max(1)) as u64;
        until - std::mem::replace(&mut given, until)
    };
    weights.iter().map(part).collect()
}

/// Divides a total in proportion to weights, into whole numbers that add up to it: each gets its share rounded down,
/// those with the largest remainders one more (of equal ones the first).
pub(super) fn apportion(weights: &[u64], total: u64) -> Vec<u64> {
    let whole: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    if whole == 0 {
        return vec![0; weights.len()];
    }
    let exact = |weight: u64| u128::from(weight) * u128::from(total);
    let mut parts: Vec<u64> = weights.iter().map(|weight| (exact(*weight) / whole) as u64).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(exact(weights[*index]) % whole));
    let missing = total - parts.iter().sum::<u64>();
    for index in order.into_iter().take(missing as usize) {
        parts[index] += 1;
    }
    parts
}
