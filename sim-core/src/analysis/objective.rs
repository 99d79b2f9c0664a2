//! Reads the values of objectives from a report, and says whether they are met.

use super::backlog;
use super::report::{
    ClassReport, ComponentReport, InstanceReport, Latency, ObjectiveResult, Queue, Report, Requests, Station, Wait,
};
use crate::metrics::histogram::samples_needed;
use crate::model::objective::{Measure, Objective};
use crate::model::units::grouped;

/// What came of objectives, in their order. An objective whose value is unknown is not met.
pub fn judge(objectives: &[Objective], report: &Report) -> Vec<ObjectiveResult> {
    let result = |objective: &Objective| {
        let value = evaluate(report, &objective.measure);
        let met = value.is_some_and(|value| objective.is_met_by(value));
        let why = if value.is_none() { why_unknown(report, &objective.measure) } else { None };
        ObjectiveResult { objective: objective.text.clone(), value, met, why }
    };
    objectives.iter().map(result).collect()
}

/// The value in base units (seconds, shares, per second), or nothing where the report has no such figure: no requests,
/// an unknown name, a percentile among requests that never ended.
pub fn evaluate(report: &Report, measure: &Measure) -> Option<f64> {
    if measure.metric == "cost" {
        let cost = report.cost.as_ref()?;
        return match &measure.scope {
            None => Some(cost.per_month),
            Some(component) => cost.components.get(component).copied(),
        };
    }
    let place = Place::find(report, measure.scope.as_deref())?;
    match measure.metric.as_str() {
        "mean" => place.latency_or_wait(|latency| latency.mean_s, |wait| wait.mean_s),
        "min" => place.latency()?.min_s,
        "max" => place.latency()?.max_s,
        "within" => place.within(measure.argument?),
        "error_rate" => place.error_rate(),
        "availability" => place.error_rate().map(|rate| 1.0 - rate),
        "offered" => Some(place.offered()? as f64),
        "backlog" => backlog::growth(report),
        "throughput" => place.throughput(report.window.duration_s),
        "goodput" => place.goodput(report.window.duration_s),
        "utilization" => place.utilization(),
        "hit_ratio" => place.hit_ratio(report),
        "stale_reads" => place.count(report, |component| component.stale_reads),
        "lost_writes" => place.count(report, |component| component.lost_writes),
        "coalesced" => place.count(report, |component| component.coalesced),
        "evictions" => place.count(report, |component| component.evictions),
        "moved_share" => place.component()?.moved_share,
        "dead_letters" => place.component()?.dead_letters.map(|count| count as f64),
        "age" => place.component()?.age.as_ref().map(|age| age.max_s),
        "queue" => place.queue().map(|queue| queue.mean),
        "queue_max" => place.queue().map(|queue| queue.max as f64),
        "wait" => place.wait()?.mean_s,
        "memory" => place.component()?.memory.as_ref().map(|memory| memory.max_bytes as f64),
        "replicas" => place.component()?.replicas.as_ref().map(|replicas| replicas.mean),
        percentile => {
            let share = percentile_share(percentile)?;
            place.latency_or_wait(
                |latency| latency_percentile(latency, place.unfinished(), share),
                |wait| wait_percentile(wait, share),
            )
        }
    }
}

/// Why a percentile is not known, where there is more to say than that nothing was measured: there were too few for it
/// to be told, or it falls among requests that never ended.
pub fn why_unknown(report: &Report, measure: &Measure) -> Option<String> {
    let share = percentile_share(&measure.metric)?;
    let place = Place::find(report, measure.scope.as_deref())?;
    let (name, needs) = (&measure.metric, grouped(samples_needed(share)));
    if let Place::Wait(wait) = place {
        return wait
            .p99_needs
            .filter(|_| share == 0.99)
            .map(|_| format!("{name} needs {needs} calls, there were fewer"));
    }
    let (ended, unfinished) = (place.latency().map_or(0, |latency| latency.count), place.unfinished());
    let what = if place.requests().is_some() { "requests" } else { "calls" };
    match unfinished {
        0 if ended >= samples_needed(share) => None,
        _ if ended + unfinished < samples_needed(share) => {
            Some(format!("{name} needs {needs} {what} that ended ok, there were {}", grouped(ended)))
        }
        _ => Some(format!("{name} falls among the {} {what} that never ended", grouped(unfinished))),
    }
}

/// `p99` is 0.99, `p99.9` and `p999` are 0.999.
pub fn percentile_share(metric: &str) -> Option<f64> {
    let digits = metric.strip_prefix('p')?;
    let percent = match digits {
        "999" => 99.9,
        "9999" => 99.99,
        other if other.starts_with(|first: char| first.is_ascii_digit()) => other.parse::<f64>().ok()?,
        _ => return None,
    };
    (percent > 0.0 && percent < 100.0).then_some(percent / 100.0)
}

/// A percentile by nearest rank; `unfinished` requests rank above all that ended. Unknown where there are so few that it
/// would merely be the longest.
pub fn latency_percentile(latency: &Latency, unfinished: u64, share: f64) -> Option<f64> {
    let listed = [
        (0.5, latency.p50_s),
        (0.9, latency.p90_s),
        (0.95, latency.p95_s),
        (0.99, latency.p99_s),
        (0.999, latency.p999_s),
    ];
    if let Some((_, value)) = listed.iter().find(|(of, _)| (of - share).abs() < 1e-9) {
        return *value;
    }
    let population = latency.count + unfinished;
    if population < samples_needed(share) {
        return None;
    }
    // The small subtraction keeps 0.75 × 100 at 75 when the product comes out a hair above.
    let rank = ((share * population as f64) - 1e-9).ceil().max(1.0) as u64;
    let mut seen = 0;
    for (upper_s, count) in &latency.histogram {
        seen += count;
        if seen >= rank {
            return Some(latency.max_s.map_or(*upper_s, |max_s| upper_s.min(max_s)));
        }
    }
    None
}

/// How many of the measured times are at most `limit_s`; unknown without a histogram. Buckets are 0.1% wide: the one
/// that holds the limit counts.
pub fn count_within(latency: &Latency, limit_s: f64) -> Option<u64> {
    if latency.max_s.is_none_or(|max_s| max_s <= limit_s) {
        return Some(latency.count);
    }
    if latency.histogram.is_empty() {
        return None;
    }
    let within = latency.histogram.iter().take_while(|(upper_s, _)| *upper_s <= limit_s * 1.001);
    Some(within.map(|(_, count)| count).sum())
}

fn wait_percentile(wait: &Wait, share: f64) -> Option<f64> {
    match share {
        0.5 => wait.p50_s,
        0.99 => wait.p99_s,
        _ => None,
    }
}

/// The part of a report that a scope names.
#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    All(&'a Report),
    Class(&'a ClassReport),
    Component(&'a ComponentReport),
    Instance(&'a InstanceReport),
    Station(&'a Station),
    Wait(&'a Wait),
}

impl<'a> Place<'a> {
    fn find(report: &'a Report, scope: Option<&str>) -> Option<Place<'a>> {
        let Some(scope) = scope else { return Some(Place::All(report)) };
        if let Some(class) = report.classes.get(scope) {
            return Some(Place::Class(class));
        }
        if let Some(component) = report.components.get(scope) {
            return Some(Place::Component(component));
        }
        let owner = &scope[..scope.find(['[', '/', '@']).unwrap_or(scope.len())];
        if let Some(instance) = report.components.get(owner).and_then(|component| component.instances.get(scope)) {
            return Some(Place::Instance(instance));
        }
        let (outer, inner) = scope.rsplit_once('.')?;
        match Place::find(report, Some(outer))? {
            Place::Component(ComponentReport { stations, wait, .. })
            | Place::Instance(InstanceReport { stations, wait, .. }) => {
                if inner == "wait" {
                    return wait.as_ref().map(Place::Wait);
                }
                stations.get(inner).map(Place::Station)
            }
            Place::Station(station) if inner == "wait" => Some(Place::Wait(&station.wait)),
            Place::All(_) | Place::Class(_) | Place::Station(_) | Place::Wait(_) => None,
        }
    }

    fn requests(self) -> Option<&'a Requests> {
        match self {
            Place::All(report) => Some(&report.requests),
            Place::Class(class) => Some(&class.requests),
            Place::Component(_) | Place::Instance(_) | Place::Station(_) | Place::Wait(_) => None,
        }
    }

    fn unfinished(self) -> u64 {
        self.requests().map_or(0, |requests| requests.unfinished)
    }

    fn component(self) -> Option<&'a ComponentReport> {
        match self {
            Place::Component(component) => Some(component),
            Place::All(_) | Place::Class(_) | Place::Instance(_) | Place::Station(_) | Place::Wait(_) => None,
        }
    }

    fn latency(self) -> Option<&'a Latency> {
        match self {
            Place::All(report) => Some(&report.latency),
            Place::Class(class) => Some(&class.latency),
            Place::Component(component) => component.latency.as_ref(),
            Place::Instance(_) | Place::Station(_) | Place::Wait(_) => None,
        }
    }

    fn wait(self) -> Option<&'a Wait> {
        match self {
            Place::Component(component) => component.wait.as_ref(),
            Place::Instance(instance) => instance.wait.as_ref(),
            Place::Station(station) => Some(&station.wait),
            Place::Wait(wait) => Some(wait),
            Place::All(_) | Place::Class(_) => None,
        }
    }

    /// A time figure of requests or calls; of a wait where the scope is one (`p99(orders-pool.wait)`).
    fn latency_or_wait(
        self,
        of_latency: impl Fn(&Latency) -> Option<f64>,
        of_wait: impl Fn(&Wait) -> Option<f64>,
    ) -> Option<f64> {
        match self {
            Place::Wait(wait) => of_wait(wait),
            Place::All(_) | Place::Class(_) | Place::Component(_) | Place::Instance(_) | Place::Station(_) => {
                of_latency(self.latency()?)
            }
        }
    }

    fn within(self, limit_s: f64) -> Option<f64> {
        let offered = self.offered().filter(|offered| *offered > 0)?;
        let within = self.latency().map_or(Some(0), |latency| count_within(latency, limit_s))?;
        Some(within as f64 / offered as f64)
    }

    /// Requests, or calls of a component.
    fn offered(self) -> Option<u64> {
        match self {
            Place::Component(component) => Some(component.calls),
            Place::Instance(instance) => Some(instance.calls),
            Place::Station(station) => Some(station.arrivals),
            Place::All(_) | Place::Class(_) | Place::Wait(_) => self.requests().map(|requests| requests.offered),
        }
    }

    /// Calls and bad answers of a component or instance.
    fn calls_and_errors(self) -> Option<(u64, u64)> {
        match self {
            Place::Component(component) => Some((component.calls, component.errors.values().sum())),
            Place::Instance(instance) => Some((instance.calls, instance.errors.values().sum())),
            Place::All(_) | Place::Class(_) | Place::Station(_) | Place::Wait(_) => None,
        }
    }

    fn error_rate(self) -> Option<f64> {
        if let Some(requests) = self.requests() {
            return (requests.offered > 0).then_some(requests.error_rate);
        }
        let (calls, errors) = self.calls_and_errors()?;
        (calls > 0).then(|| errors as f64 / calls as f64)
    }

    fn throughput(self, duration_s: f64) -> Option<f64> {
        match self.requests() {
            Some(requests) => Some(requests.throughput_per_s),
            None => self.calls_and_errors().map(|(calls, _)| calls as f64 / duration_s),
        }
    }

    fn goodput(self, duration_s: f64) -> Option<f64> {
        match self.requests() {
            Some(requests) => Some(requests.goodput_per_s),
            None => self.calls_and_errors().map(|(calls, errors)| calls.saturating_sub(errors) as f64 / duration_s),
        }
    }

    fn utilization(self) -> Option<f64> {
        match self {
            Place::Component(component) => component.utilization,
            Place::Instance(instance) => instance.utilization,
            Place::Station(station) => Some(station.utilization),
            Place::All(_) | Place::Class(_) | Place::Wait(_) => None,
        }
    }

    fn queue(self) -> Option<&'a Queue> {
        match self {
            Place::Component(component) => component.queue.as_ref(),
            Place::Instance(instance) => instance.queue.as_ref(),
            Place::Station(station) => Some(&station.queue),
            Place::All(_) | Place::Class(_) | Place::Wait(_) => None,
        }
    }

    /// Of one cache or instance; without a scope, of all caches together.
    fn hit_ratio(self, report: &Report) -> Option<f64> {
        match self {
            Place::Component(component) => component.hit_ratio,
            Place::Instance(instance) => instance.hit_ratio,
            Place::All(_) => {
                let sum =
                    |of: fn(&ComponentReport) -> Option<u64>| report.components.values().filter_map(of).sum::<u64>();
                let (hits, misses) = (sum(|component| component.hits), sum(|component| component.misses));
                (hits + misses > 0).then(|| hits as f64 / (hits + misses) as f64)
            }
            Place::Class(_) | Place::Station(_) | Place::Wait(_) => None,
        }
    }

    /// A count of a component, or of all that have it.
    fn count(self, report: &Report, of: fn(&ComponentReport) -> Option<u64>) -> Option<f64> {
        match self {
            Place::Component(component) => of(component).map(|count| count as f64),
            Place::All(_) => {
                let counts = report.components.values().filter_map(of);
                counts.reduce(|sum, count| sum + count).map(|count| count as f64)
            }
            Place::Class(_) | Place::Instance(_) | Place::Station(_) | Place::Wait(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::analysis::report::{Replicas, Window};

    fn report() -> Report {
        let latency = Latency {
            count: 8,
            mean_s: Some(0.2),
            min_s: Some(0.1),
            p50_s: Some(0.1),
            p90_s: Some(0.4),
            max_s: Some(0.4),
            histogram: vec![(0.1, 5), (0.2, 2), (0.4001, 1)],
            ..Latency::default()
        };
        let requests = Requests {
            offered: 10,
            ok: 8,
            errors: BTreeMap::from([("timeout".to_owned(), 1)]),
            unfinished: 1,
            throughput_per_s: 4.5,
            goodput_per_s: 4.0,
            error_rate: 0.2,
            availability: 0.8,
            ..Requests::default()
        };
        let workers = Station {
            utilization: 0.7,
            queue: Queue { mean: 2.0, max: 9 },
            wait: Wait { mean_s: Some(0.01), p50_s: Some(0.0), p99_s: Some(0.09), p99_needs: None },
            ..Station::default()
        };
        let web = ComponentReport {
            kind: "server-pool".into(),
            calls: 20,
            errors: BTreeMap::from([("rejected".to_owned(), 5)]),
            latency: Some(latency.clone()),
            utilization: Some(0.6),
            queue: Some(Queue { mean: 1.0, max: 4 }),
            wait: Some(Wait { mean_s: Some(0.5), ..Wait::default() }),
            stations: BTreeMap::from([("workers".to_owned(), workers.clone())]),
            replicas: Some(Replicas { mean: 2.5, min: 2, max: 3 }),
            instances: BTreeMap::from([(
                "web[2]".to_owned(),
                InstanceReport {
                    calls: 4,
                    utilization: Some(0.9),
                    stations: BTreeMap::from([("workers".to_owned(), workers)]),
                    ..InstanceReport::default()
                },
            )]),
            ..ComponentReport::default()
        };
        let redis = ComponentReport {
            hits: Some(3),
            misses: Some(1),
            hit_ratio: Some(0.75),
            stale_reads: Some(2),
            ..ComponentReport::default()
        };
        Report {
            window: Window { duration_s: 2.0, ..Window::default() },
            requests: requests.clone(),
            latency: latency.clone(),
            classes: BTreeMap::from([("browse".to_owned(), ClassReport { requests, latency, error_latency: None })]),
            components: BTreeMap::from([("web".to_owned(), web), ("redis".to_owned(), redis)]),
            ..Report::default()
        }
    }

    #[test]
    fn every_metric_is_found_where_it_is_asked_for() {
        let report = report();
        type Case<'a> = (&'a str, Option<f64>, Option<&'a str>, Option<f64>);
        let cases: &[Case] = &[
            ("p50", None, None, Some(0.1)),
            ("p90", None, Some("browse"), Some(0.4)),
            ("p60", None, None, Some(0.2)), // rank 6 of 9: eight ended, one did not
            ("p88", None, None, Some(0.4)), // rank 8: the bucket's upper bound is cut to the maximum
            ("p99", None, None, None),      // falls among the unfinished
            ("p99.9", None, None, None),
            ("mean", None, None, Some(0.2)),
            ("max", None, Some("web"), Some(0.4)),
            ("within", Some(0.1), None, Some(0.5)),
            ("within", Some(0.2), Some("browse"), Some(0.7)),
            ("within", Some(9.0), None, Some(0.8)),
            ("within", Some(0.2), Some("web"), Some(0.35)),
            ("error_rate", None, None, Some(0.2)),
            ("error_rate", None, Some("web"), Some(0.25)),
            ("availability", None, None, Some(0.8)),
            ("offered", None, None, Some(10.0)),
            ("offered", None, Some("web"), Some(20.0)),
            ("throughput", None, None, Some(4.5)),
            ("throughput", None, Some("web"), Some(10.0)),
            ("goodput", None, Some("web"), Some(7.5)),
            ("utilization", None, Some("web"), Some(0.6)),
            ("utilization", None, Some("web.workers"), Some(0.7)),
            ("utilization", None, Some("web[2]"), Some(0.9)),
            ("utilization", None, Some("web[2].workers"), Some(0.7)),
            ("utilization", None, Some("web[9]"), None),
            ("utilization", None, None, None),
            ("hit_ratio", None, Some("redis"), Some(0.75)),
            ("hit_ratio", None, None, Some(0.75)),
            ("stale_reads", None, Some("redis"), Some(2.0)),
            ("queue", None, Some("web"), Some(1.0)),
            ("queue_max", None, Some("web.workers"), Some(9.0)),
            ("wait", None, Some("web"), Some(0.5)),
            ("wait", None, Some("web.workers"), Some(0.01)),
            ("p99", None, Some("web.workers.wait"), Some(0.09)),
            ("mean", None, Some("web.wait"), Some(0.5)),
            ("replicas", None, Some("web"), Some(2.5)),
            ("replicas", None, Some("redis"), None),
            ("nonsense", None, None, None),
            ("p50", None, Some("nobody"), None),
        ];
        for (metric, argument, scope, expected) in cases {
            let value = evaluate(
                &report,
                &Measure { metric: (*metric).to_owned(), argument: *argument, scope: scope.map(str::to_owned) },
            );
            let close = match (value, expected) {
                (Some(value), Some(expected)) => (value - expected).abs() < 1e-12,
                (None, None) => true,
                _ => false,
            };
            assert!(close, "{metric}({scope:?}) is {value:?}, expected {expected:?}");
        }
    }

    #[test]
    fn objectives_are_met_or_not() {
        let objective = |text| Objective::parse(text).expect("an objective");
        let texts =
            ["p50 < 200ms", "p99 < 9h", "within(200ms) > 70%", "within(200ms) >= 70%", "utilization(web) < 80%"];
        let results = judge(&texts.map(objective), &report());
        let met: Vec<bool> = results.iter().map(|result| result.met).collect();
        assert_eq!(met, [true, false, false, true, true], "{results:?}");
        assert_eq!((results[0].objective.as_str(), results[0].value), ("p50 < 200ms", Some(0.1)));
        assert_eq!(results[1].value, None, "what is unknown is not met");
    }

    #[test]
    fn what_is_not_known_says_why() {
        let mut report = report();
        report.latency.p99_needs = Some(100);
        report.latency.p90_s = None;
        report.components.get_mut("web").expect("it is there").wait =
            Some(Wait { p99_needs: Some(100), ..Wait::default() });
        let cases = [
            ("p99 < 1s", Some("p99 needs 100 requests that ended ok, there were 8")),
            ("p99.99 < 1s", Some("p99.99 needs 10,000 requests that ended ok, there were 8")),
            ("p88.8 < 1s", None),
            ("p88.9 < 1s", Some("p88.9 needs 10 requests that ended ok, there were 8")),
            ("p99(web) < 1s", Some("p99 needs 100 calls that ended ok, there were 8")),
            ("p99(web.wait) < 1s", Some("p99 needs 100 calls, there were fewer")),
            ("p99(redis) < 1s", Some("p99 needs 100 calls that ended ok, there were 0")),
            ("p50 < 1s", None),
            ("hit_ratio(web) > 1", None),
        ];
        for (text, expected) in cases {
            let objective = Objective::parse(text).expect("an objective");
            let result = &judge(&[objective], &report)[0];
            assert_eq!(result.why.as_deref(), expected, "{text}: {result:?}");
        }
        report.requests.unfinished = 92;
        let unfinished = judge(&[Objective::parse("p99 < 1s").expect("an objective")], &report);
        assert_eq!(unfinished[0].why.as_deref(), Some("p99 falls among the 92 requests that never ended"));
    }

    #[test]
    fn percentiles_are_read_as_people_write_them() {
        let cases = [("p50", 0.5), ("p95", 0.95), ("p99.9", 0.999), ("p999", 0.999)];
        for (text, expected) in cases {
            let share = percentile_share(text).expect("a percentile");
            assert!((share - expected).abs() < 1e-12, "{text} is {share}");
        }
        for text in ["p0", "p100", "pNaN", "price", "p", "q50"] {
            assert_eq!(percentile_share(text), None, "{text}");
        }
    }
}
