//! Merges the reports of several replications into one: each figure is the mean over the runs, at the same place and of
//! the same type, with a confidence interval beside it.
//!
//! Counts stay whole and keep adding up (`offered = ok + Σ errors + unfinished`, classes to the whole, a histogram to
//! its count): their means are rounded together, by largest remainder.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use crate::engine::rng::{PHI, fnv1a, mix64};

use super::interval::{LEVEL, Summary};
use super::report::{BreakdownPart, Confidence, Ended, Latency, ObjectiveResult, Report, Requests};
use crate::model::objective::{Dimension, Objective};

/// The seed of a replication: the first one's is the model's own.
pub fn seed_of(seed: u64, replication: u32) -> u64 {
    match replication {
        0 => seed,
        replication => mix64(mix64(seed.wrapping_add(PHI)) ^ u64::from(replication).wrapping_mul(PHI)),
    }
}

/// Merges the reports of one model, in the order of their replications. `judge` evaluates the model's objectives on
/// the merged figures.
///
/// # Panics
/// If there is no report.
pub fn merge(reports: &[Report], judge: impl Fn(&Report) -> Vec<ObjectiveResult>) -> Report {
    let [first, others @ ..] = reports else { panic!("there is at least one replication") };
    if others.is_empty() {
        return first.clone();
    }
    let values: Vec<Value> = reports.iter().map(to_value).collect();
    let mean = mean_of(&values.iter().map(Some).collect::<Vec<_>>());
    let mut merged: Report = serde_json::from_value(mean).expect("means have the types of what they are the means of");

    merged.seed = first.seed;
    merged.format = first.format;
    merged.digest = combined_digest(reports);
    merged.ended = reports.iter().find(|report| report.ended != Ended::Complete).unwrap_or(first).ended.clone();
    merge_rows(reports, &mut merged);
    balance_requests(reports, &mut merged);
    balance_latencies(reports, &mut merged);
    merged.objectives = judge(&merged);
    refuse_objectives(reports, &mut merged.objectives);
    merged.intervals = intervals(&values, reports, &merged);
    merged.confidence = Some(Confidence { replications: reports.len() as u32, level: LEVEL, precision: None });
    merged
}

/// What a run can't tell, for the reason that it gives, all of them together can't either.
fn refuse_objectives(reports: &[Report], objectives: &mut [ObjectiveResult]) {
    for (index, objective) in objectives.iter_mut().enumerate() {
        let of_runs = reports.iter().filter_map(|report| report.objectives.get(index));
        if let Some(why) = of_runs.filter_map(|result| result.why.as_ref()).next() {
            *objective = ObjectiveResult { value: None, met: false, why: Some(why.clone()), ..objective.clone() };
        }
    }
}

fn to_value(report: &Report) -> Value {
    serde_json::to_value(report).expect("a report is serialisable")
}

/// The mean of the same place in several reports. A missing whole number counts as 0 (an outcome that one run did not
/// have), a missing fraction does not count (a latency without requests).
fn mean_of(values: &[Option<&Value>]) -> Value {
    let present: Vec<&Value> = values.iter().flatten().copied().filter(|value| !value.is_null()).collect();
    match present.first() {
        None => Value::Null,
        Some(Value::Object(_)) => Value::Object(mean_of_objects(&present, values.len())),
        Some(Value::Array(_)) => mean_of_arrays(&present),
        Some(Value::Number(number)) if number.is_u64() => mean_of_counts(&present, values.len()),
        Some(Value::Number(_)) => {
            let sum: f64 = present.iter().filter_map(|value| value.as_f64()).sum();
            Number::from_f64(sum / present.len() as f64).map_or(Value::Null, Value::Number)
        }
        Some(Value::String(_) | Value::Bool(_) | Value::Null) => present[0].clone(),
    }
}

fn mean_of_counts(present: &[&Value], runs: usize) -> Value {
    let sum: u128 = present.iter().filter_map(|value| value.as_u64()).map(u128::from).sum();
    let mean = (sum + runs as u128 / 2) / runs as u128;
    Value::from(u64::try_from(mean).expect("a mean is not above its largest value"))
}

fn mean_of_objects(objects: &[&Value], runs: usize) -> Map<String, Value> {
    let mut keys: Vec<&String> = Vec::new();
    for key in objects.iter().filter_map(|object| object.as_object()).flat_map(Map::keys) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let mut mean = Map::new();
    for key in keys {
        let mut fields: Vec<Option<&Value>> = objects.iter().map(|object| object.get(key)).collect();
        // An object that a run lacks has none of its counts either.
        fields.resize(runs, None);
        let value = match key.as_str() {
            "histogram" => sum_of_histograms(&fields),
            // Rows, not figures: they are merged by what they name.
            "breakdown" | "objectives" | "audit" | "assumptions" => fields[0].cloned().unwrap_or(Value::Null),
            key if unknown_percentile(key, objects) => Value::Null,
            key if key.ends_with("_needs") => {
                fields.iter().flatten().next().map_or(Value::Null, |needs| (*needs).clone())
            }
            key => match key.strip_suffix("_at_least_s") {
                // A mean over some of the runs is no bound of the mean over all.
                Some(percentile) if refused(percentile, objects) => continue,
                Some(percentile) => mean_bound(percentile, key, objects),
                None => mean_of(&fields),
            },
        };
        mean.insert(key.clone(), value);
    }
    mean
}

/// Whether a run has too few samples for this percentile, or only knows a bound of it; then the mean is not known either.
fn unknown_percentile(key: &str, objects: &[&Value]) -> bool {
    key.strip_suffix("_s").is_some_and(|stem| {
        let bound = format!("{stem}_at_least_s");
        refused(stem, objects) || objects.iter().any(|object| object.get(&bound).is_some_and(Value::is_number))
    })
}

fn refused(percentile: &str, objects: &[&Value]) -> bool {
    let needs = format!("{percentile}_needs");
    objects.iter().any(|object| object.get(&needs).is_some_and(Value::is_number))
}

/// The mean of values and, where they are unknown, of their bounds: a bound of the mean.
fn mean_bound(percentile: &str, bound: &str, objects: &[&Value]) -> Value {
    let value = format!("{percentile}_s");
    let known: Vec<f64> = objects
        .iter()
        .filter_map(|object| {
            object.get(&value).and_then(Value::as_f64).or_else(|| object.get(bound).and_then(Value::as_f64))
        })
        .collect();
    Number::from_f64(known.iter().sum::<f64>() / known.len() as f64).map_or(Value::Null, Value::Number)
}

/// Element by element; a run that was stopped early may have fewer.
fn mean_of_arrays(arrays: &[&Value]) -> Value {
    let longest = arrays.iter().filter_map(|array| array.as_array()).map(Vec::len).max().unwrap_or(0);
    (0..longest).map(|index| mean_of(&arrays.iter().map(|array| array.get(index)).collect::<Vec<_>>())).collect()
}

/// The sums, bucket by bucket; they become means when the count that they must add up to is known.
fn sum_of_histograms(histograms: &[Option<&Value>]) -> Value {
    // Upper bounds are positive, so their bits are ordered as they are.
    let mut buckets: BTreeMap<u64, u64> = BTreeMap::new();
    for bucket in histograms.iter().flatten().filter_map(|value| value.as_array()).flatten() {
        let upper_s = bucket.get(0).and_then(Value::as_f64).unwrap_or(0.0);
        *buckets.entry(upper_s.to_bits()).or_default() += bucket.get(1).and_then(Value::as_u64).unwrap_or(0);
    }
    buckets
        .into_iter()
        .map(|(upper, count)| Value::from(vec![Value::from(f64::from_bits(upper)), count.into()]))
        .collect()
}

/// Merges the lists whose rows are found by their names.
fn merge_rows(reports: &[Report], merged: &mut Report) {
    let runs = reports.len() as f64;
    let both = [
        (&mut merged.breakdown.p50, reports.iter().map(|report| &report.breakdown.p50).collect::<Vec<_>>()),
        (&mut merged.breakdown.p99, reports.iter().map(|report| &report.breakdown.p99).collect::<Vec<_>>()),
    ];
    for (rows, lists) in both {
        rows.clear();
        for part in lists.into_iter().flatten() {
            match rows.iter_mut().find(|row| row.names_the_same(part)) {
                Some(row) => row.seconds += part.seconds,
                None => rows.push(part.clone()),
            }
        }
        let whole: f64 = rows.iter().map(|row| row.seconds).sum();
        for row in rows.iter_mut() {
            row.share = if whole > 0.0 { row.seconds / whole } else { 0.0 };
            row.seconds /= runs;
        }
        rows.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    }
    for (index, entry) in merged.audit.iter_mut().enumerate() {
        let entries = || reports.iter().filter_map(move |report| report.audit.get(index));
        let mean = |sum: u128| (sum + reports.len() as u128 / 2) / reports.len() as u128;
        entry.left = mean(entries().map(|entry| entry.left).sum());
        entry.right = mean(entries().map(|entry| entry.right).sum());
        entry.ok = entries().all(|entry| entry.ok);
    }
    for assumption in reports.iter().flat_map(|report| &report.assumptions) {
        if !merged.assumptions.contains(assumption) {
            merged.assumptions.push(assumption.clone());
        }
    }
}

/// Rounds the counts of requests so that the parts still make the whole, class by class and together.
fn balance_requests(reports: &[Report], merged: &mut Report) {
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
fn balance_latencies(reports: &[Report], merged: &mut Report) {
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
    let counts = apportion(&sums, latency.count);
    let uppers = latency.histogram.iter().map(|(upper_s, _)| *upper_s);
    latency.histogram = uppers.zip(counts).filter(|(_, count)| *count > 0).collect();
}

/// Divides a total in proportion to weights, into whole numbers that add up to it: each gets its share rounded down,
/// those with the largest remainders one more (of equal ones the first).
fn apportion(weights: &[u64], total: u64) -> Vec<u64> {
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

/// A hash of the runs' digests, in order.
fn combined_digest(reports: &[Report]) -> String {
    let digests = reports.iter().map(|report| fnv1a(report.digest.as_bytes()));
    let state = digests.fold(reports.len() as u64, |state, digest| mix64(state.wrapping_add(PHI) ^ digest));
    format!("{state:016x}")
}

/// The figures that are shares of a whole.
const SHARES: [&str; 5] = ["error_rate", "availability", "utilization", "hit_ratio", "share"];

/// The interval of every figure that the merged report has, by its JSON pointer. One that not every run has gets none;
/// of a count that a run does not have (an outcome that did not happen in it) there was none.
fn intervals(runs: &[Value], reports: &[Report], merged: &Report) -> BTreeMap<String, [f64; 2]> {
    let mut found = Figures::default();
    let value = to_value(merged);
    for section in ["requests", "latency", "error_latency", "classes", "components", "objectives", "cost"] {
        if let Some(value) = value.get(section) {
            found.below(value, format!("/{section}"));
        }
    }
    let mut intervals = BTreeMap::new();
    for (pointer, is_count) in found.pointers {
        let of_run = |run: &Value| match run.pointer(&pointer).and_then(Value::as_f64) {
            None if is_count => Some(0.0),
            value => value,
        };
        let Some(values) = runs.iter().map(of_run).collect::<Option<Vec<f64>>>() else { continue };
        let share = is_share(&pointer, merged);
        intervals.extend(interval(&values, share).map(|interval| (pointer, interval)));
    }
    for (pointer, values) in breakdown_figures(reports, merged) {
        let share = is_share(&pointer, merged);
        intervals.extend(interval(&values, share).map(|interval| (pointer, interval)));
    }
    intervals
}

/// Student's interval, within what the figure can be: no figure is negative, no share above 1.
fn interval(values: &[f64], is_share: bool) -> Option<[f64; 2]> {
    let (low, high) = Summary::of(values).and_then(|summary| summary.interval(LEVEL))?;
    Some([low.max(0.0), if is_share { high.min(1.0) } else { high }])
}

fn is_share(pointer: &str, merged: &Report) -> bool {
    let (above, name) = pointer.rsplit_once('/').unwrap_or_default();
    let objective =
        above.strip_prefix("/objectives/").and_then(|index| merged.objectives.get(index.parse::<usize>().ok()?));
    match objective.map(|result| Objective::parse(&result.objective)) {
        Some(Ok(objective)) => objective.measure.dimension() == Dimension::Share,
        Some(Err(_)) | None => SHARES.contains(&name),
    }
}

/// Where the figures of a report are.
#[derive(Default)]
struct Figures {
    /// JSON pointers, and whether a count is there.
    pointers: Vec<(String, bool)>,
}

impl Figures {
    /// Every number below a value is a figure, but for histograms, bounds, and how many samples a percentile needs.
    fn below(&mut self, value: &Value, pointer: String) {
        let inside: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
            Value::Number(number) => return self.pointers.push((pointer, !number.is_f64())),
            Value::Null | Value::Bool(_) | Value::String(_) => return,
        };
        for (key, value) in inside {
            if key != "histogram" && !key.ends_with("_at_least_s") && !key.ends_with("_needs") {
                self.below(value, format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")));
            }
        }
    }
}

/// The rows of the breakdown, found in each run by what they name; a run that lacks one spent nothing there.
fn breakdown_figures(reports: &[Report], merged: &Report) -> Vec<(String, Vec<f64>)> {
    type Rows = fn(&Report) -> &[BreakdownPart];
    let bands: [(&str, Rows); 2] = [("p50", |report| &report.breakdown.p50), ("p99", |report| &report.breakdown.p99)];
    let mut figures = Vec::new();
    for (band, rows) in bands {
        for (index, row) in rows(merged).iter().enumerate() {
            let of = |report, figure: fn(&BreakdownPart) -> f64| {
                rows(report).iter().find(|part| part.names_the_same(row)).map_or(0.0, figure)
            };
            let pointer = format!("/breakdown/{band}/{index}");
            figures.push((
                format!("{pointer}/seconds"),
                reports.iter().map(|report| of(report, |part| part.seconds)).collect(),
            ));
            figures.push((
                format!("{pointer}/share"),
                reports.iter().map(|report| of(report, |part| part.share)).collect(),
            ));
        }
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::report::{
        AuditEntry, Breakdown, ClassReport, ComponentReport, Journeys, LinkReport, Replicas, Stopped, Timeline, Wait,
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
                breakdown: Breakdown {
                    p99: vec![part(if number == 1 { "web" } else { "db" })],
                    p50: vec![part("web")],
                },
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
    fn apportioning_is_exact() {
        assert_eq!(apportion(&[1, 1, 1], 10), [4, 3, 3]);
        assert_eq!(apportion(&[0, 5, 2], 7), [0, 5, 2]);
        assert_eq!(apportion(&[0, 0], 7), [0, 0]);
        assert_eq!(apportion(&[u64::MAX, u64::MAX], u64::MAX - 1), [u64::MAX / 2, u64::MAX / 2]);
    }
}
