//! From the results of a run to its report.

mod own;

use std::collections::BTreeMap;

use super::report::*;
use crate::metrics::histogram::{Histogram, Quantile, samples_needed};
use crate::plan::{ComponentPlan, Kind, LinkPlan, Outcome, Plan};
use crate::world::{ClassMeter, ComponentMeter, InstanceResult, LinkMeter, RunResult, StationResult};

/// The report of a run of a plan; its objectives are judged.
///
/// # Panics
/// Where the audit does not hold: the engine has a bug, and no figure can be trusted.
pub fn assemble(plan: &Plan, result: &RunResult) -> Report {
    let broken: Vec<&str> =
        result.audit.iter().filter(|check| !check.holds()).map(|check| check.name.as_str()).collect();
    assert!(broken.is_empty(), "the audit does not hold: {}", broken.join("; "));
    let window_s = seconds(plan.clock.end - plan.clock.start);
    // A run that was stopped has seen a part of its window: its rates are over that part.
    let stopped_at = result.stopped.as_ref().map_or(plan.clock.end, |stopped| stopped.at.min(plan.clock.end));
    let duration_s = seconds(stopped_at.saturating_sub(plan.clock.start).max(1));
    let mut whole = ClassMeter::default();
    result.classes.iter().for_each(|class| add_class(&mut whole, class));
    let requests = |class: &ClassMeter| requests(class, duration_s);
    let mut report = Report {
        kind: "run".to_string(),
        format: REPORT_FORMAT,
        name: Some(plan.header.name.clone()),
        engine: crate::ENGINE.to_string(),
        seed: result.seed,
        model_digest: format!("{:016x}", plan.header.model_digest),
        digest: format!("{:016x}", result.digest),
        ended: ended(plan, result),
        window: Window { start_s: 0.0, duration_s: window_s, warmup_s: seconds(plan.clock.start) },
        requests: requests(&whole),
        latency: latency(&whole.latency, &whole.unfinished),
        error_latency: error_latency(&whole.error_latency),
        classes: BTreeMap::new(),
        components: BTreeMap::new(),
        timeline: timeline(plan, result),
        breakdown: breakdown(plan, result),
        objectives: Vec::new(),
        audit: audit(result),
        faults: super::recovery::of_faults(plan, result),
        cost: None,
        assumptions: plan.header.assumptions.clone(),
        theory: Vec::new(),
        intervals: BTreeMap::new(),
        confidence: None,
    };
    let dropped: u64 = result.clients.iter().map(|client| client.dropped).sum();
    if plan.clients.iter().any(|client| client.max_in_flight != crate::engine::slab::NONE) {
        report.requests.dropped = Some(dropped);
    }
    for (class, meter) in plan.classes.iter().zip(&result.classes) {
        let of_class = ClassReport {
            requests: requests(meter),
            latency: latency(&meter.latency, &meter.unfinished),
            error_latency: error_latency(&meter.error_latency),
        };
        report.classes.insert(class.name.clone(), of_class);
    }
    for (id, component) in plan.components.iter().enumerate() {
        report.components.insert(component.name.clone(), component_report(plan, result, id, component, duration_s));
    }
    report.cost = super::cost::of_run(plan, result, &report.components);
    report.objectives = super::objective::judge(&plan.header.objectives, &report);
    report
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

fn add_class(whole: &mut ClassMeter, class: &ClassMeter) {
    whole.offered += class.offered;
    whole.outcomes.iter_mut().zip(&class.outcomes).for_each(|(all, one)| *all += one);
    whole.latency.merge(&class.latency);
    whole.error_latency.merge(&class.error_latency);
    whole.unfinished.extend(&class.unfinished);
    whole.unfinished.sort_unstable();
}

fn ended(plan: &Plan, result: &RunResult) -> Ended {
    let Some(stopped) = &result.stopped else { return Ended::Complete };
    let reason = match stopped.limit {
        "events" => format!("it took {} events", plan.limits.events),
        _ => format!("{} calls were in progress at once", plan.limits.calls_in_flight),
    };
    let queue = stopped.queue.map(|(component, station)| {
        let component = &plan.components[component as usize];
        format!("{}.{}", component.name, component.stations[station as usize].name)
    });
    Ended::Stopped(Stopped { reason, at_s: seconds(stopped.at) - seconds(plan.clock.start), queue })
}

fn errors(outcomes: &[u64; Outcome::COUNT]) -> BTreeMap<String, u64> {
    let bad = Outcome::ALL.iter().filter(|&&outcome| outcome != Outcome::Ok && outcomes[outcome as usize] > 0);
    bad.map(|&outcome| (outcome.name().to_string(), outcomes[outcome as usize])).collect()
}

fn requests(class: &ClassMeter, duration_s: f64) -> Requests {
    let ok = class.outcomes[Outcome::Ok as usize];
    let errors = errors(&class.outcomes);
    let bad: u64 = errors.values().sum();
    let unfinished = class.unfinished.len() as u64;
    let error_rate = if class.offered == 0 { 0.0 } else { (bad + unfinished) as f64 / class.offered as f64 };
    Requests {
        offered: class.offered,
        ok,
        errors,
        unfinished,
        dropped: None,
        throughput_per_s: (ok + bad) as f64 / duration_s,
        goodput_per_s: ok as f64 / duration_s,
        error_rate,
        availability: 1.0 - error_rate,
    }
}

/// A distribution of times, with the ages of those that never ended as a tail.
fn latency(histogram: &Histogram, unfinished: &[u64]) -> Latency {
    let total = histogram.count() + unfinished.len() as u64;
    let at = |q: f64| {
        let needs = Some(samples_needed(q)).filter(|needs| total < *needs);
        match histogram.quantile_with_tail(q, unfinished).filter(|_| needs.is_none()) {
            Some(Quantile::Exactly(ns)) => (Some(seconds(ns)), None, needs),
            Some(Quantile::AtLeast(ns)) => (None, Some(seconds(ns)), needs),
            None => (None, None, needs),
        }
    };
    let (p50_s, p50_at_least_s, _) = at(0.5);
    let (p90_s, p90_at_least_s, p90_needs) = at(0.9);
    let (p95_s, p95_at_least_s, p95_needs) = at(0.95);
    let (p99_s, p99_at_least_s, p99_needs) = at(0.99);
    let (p999_s, p999_at_least_s, p999_needs) = at(0.999);
    Latency {
        count: histogram.count(),
        mean_s: histogram.mean().map(|ns| ns / 1e9),
        min_s: histogram.min().map(seconds),
        p50_s,
        p50_at_least_s,
        p90_s,
        p90_at_least_s,
        p90_needs,
        p95_s,
        p95_at_least_s,
        p95_needs,
        p99_s,
        p99_at_least_s,
        p99_needs,
        p999_s,
        p999_at_least_s,
        p999_needs,
        max_s: histogram.max().map(seconds),
        histogram: histogram.buckets().map(|(upper, count)| (seconds(upper), count)).collect(),
    }
}

fn error_latency(histogram: &Histogram) -> Option<Latency> {
    (histogram.count() > 0).then(|| latency(histogram, &[]))
}

fn component_report(
    plan: &Plan,
    result: &RunResult,
    id: usize,
    component: &ComponentPlan,
    duration_s: f64,
) -> ComponentReport {
    let meter = &result.components[id];
    let instances = &result.instances[id];
    let stations: Vec<Station> =
        (0..component.stations.len()).map(|number| station(plan, result, id, number, duration_s)).collect();
    let mut report = ComponentReport {
        kind: component.type_name.to_string(),
        calls: instances.iter().map(|instance| instance.calls).sum(),
        errors: errors(&meter.outcomes),
        latency: (meter.latency.count() > 0).then(|| Latency { histogram: Vec::new(), ..latency(&meter.latency, &[]) }),
        utilization: stations.first().map(|first| first.utilization),
        queue: stations.first().map(|first| first.queue.clone()),
        wait: stations.first().map(|first| first.wait.clone()),
        links: link_reports(plan, component, &result.links),
        ..ComponentReport::default()
    };
    own_figures(&mut report, plan, result, component, meter, duration_s);
    if instances.len() > 1 {
        for instance in instances {
            report.instances.insert(
                address(plan, component, instance.ordinal, instance.owner),
                instance_report(component, instance, duration_s),
            );
        }
    }
    report.stations = component.stations.iter().map(|station| station.name.to_string()).zip(stations).collect();
    report
}

/// What a kind reports that others do not have.
fn own_figures(
    report: &mut ComponentReport,
    plan: &Plan,
    result: &RunResult,
    component: &ComponentPlan,
    meter: &ComponentMeter,
    duration_s: f64,
) {
    if let Some(own) = &component.own {
        own.report(&meter.own, &plan.tiers, report);
    }
    match component.kind {
        Kind::Client(client) => {
            let own = &result.clients[client as usize];
            if plan.clients[client as usize].journey {
                let ([started, failed], ok) = (own.journeys, own.journey_times.count());
                let unfinished = started - ok - failed;
                let latency = (ok > 0).then(|| latency(&own.journey_times, &[]));
                report.journeys = Some(Journeys { started, ok, failed, unfinished, latency });
            }
        }
        Kind::Pool(pool) => {
            report.replicas = Some(counted(meter, duration_s));
            report.memory = plan.pools[pool as usize]
                .memory
                .map(|memory| Memory { max_bytes: meter.memory_max.max(memory.base), killed: meter.killed });
        }
        Kind::Cache(_) => {
            let looked_up = meter.hits + meter.misses;
            report.hits = Some(meter.hits);
            report.misses = Some(meter.misses);
            report.hit_ratio = (looked_up > 0).then(|| meter.hits as f64 / looked_up as f64);
            report.evictions = Some(meter.evictions);
            report.expirations = Some(meter.expirations);
            report.bypassed = Some(meter.bypassed);
            report.stale_reads = Some(meter.stale_reads);
            report.coalesced = Some(meter.coalesced);
            report.lost_writes = Some(meter.lost_writes);
            let some = |count: u64| (count > 0).then_some(count);
            (report.refreshes, report.stood_in) = (some(meter.refreshes), some(meter.stood_in));
            report.invalidated = some(meter.invalidated);
        }
        Kind::Balancer(balancer) => report.endpoints = own::endpoints(meter, &plan.balancers[balancer as usize]),
        Kind::Plain => {}
        Kind::Autoscaler(scaler) => {
            let nodes = plan.autoscalers[scaler as usize].nodes.as_ref();
            report.nodes = nodes.map(|_| counted(meter, duration_s));
            report.scale_ups = Some(meter.scale_ups);
            report.scale_downs = Some(meter.scale_downs);
        }
        Kind::Queue(queue) => {
            let tally = &result.queues[queue as usize];
            if meter.latency.count() + tally.unfinished.len() as u64 > 0 {
                report.latency = Some(Latency { histogram: Vec::new(), ..latency(&meter.latency, &tally.unfinished) });
            }
            report.backlog = Some(Backlog {
                mean: tally.backlog_area as f64 / (duration_s * 1e9),
                max: tally.backlog_max,
                end: tally.backlog_end,
            });
            report.age = Some(Age { max_s: seconds(tally.age_max), end_s: seconds(tally.age_end) });
            report.delivered = Some(tally.delivered);
            report.redelivered = Some(tally.redelivered);
            report.dead_letters = Some(tally.dead_letters);
            report.dropped = Some(tally.dropped);
        }
        Kind::Database(database) => {
            let (own, tally) = (&plan.databases[database as usize], &result.databases[database as usize]);
            report.stale_reads = (own.replicate != crate::engine::slab::NONE).then_some(meter.stale_reads);
            report.moved_keys = tally.changed.then_some(tally.moved);
            report.moved_share = tally.changed.then(|| tally.moved as f64 / tally.keys.max(1) as f64);
            report.failovers = (own.failover_ns > 0).then_some(tally.failovers);
        }
        Kind::ConnectionPool(pool) => {
            let (own, tally) = (&plan.connection_pools[pool as usize], &result.pools[pool as usize]);
            report.opened = own.tracked.then_some(tally.opened);
            report.closed = own.tracked.then_some(tally.closed);
            report.reserve_used = (own.reserve > 0).then_some(tally.reserve_used);
        }
    }
}

/// How many of something there were over the window.
fn counted(meter: &ComponentMeter, duration_s: f64) -> Replicas {
    let mean = meter.replicas.area as f64 / (duration_s * 1e9);
    Replicas { mean, min: meter.replicas.min as u64, max: meter.replicas.max as u64 }
}

/// A station, all instances together.
fn station(plan: &Plan, result: &RunResult, id: usize, number: usize, duration_s: f64) -> Station {
    let component = &plan.components[id];
    let of_instances: Vec<&StationResult> =
        result.instances[id].iter().map(|instance| &instance.stations[number]).collect();
    let sum = |part: fn(&StationResult) -> u128| of_instances.iter().map(|station| part(station)).sum::<u128>() as f64;
    let count = |part: fn(&StationResult) -> u64| of_instances.iter().map(|station| part(station)).sum::<u64>();
    let unit = component.stations[number].unit();
    let share = component.stations[number].core_share;
    let (busy, capacity) = (sum(|station| station.busy), sum(|station| station.capacity));
    let services = count(|station| station.services);
    let wait = &result.waits[id][number];
    let p99_needs = Some(samples_needed(0.99)).filter(|needs| wait.count() < *needs);
    Station {
        servers: capacity * share / unit / (duration_s * 1e9),
        utilization: if capacity > 0.0 { busy / capacity } else { 0.0 },
        queue: Queue {
            mean: sum(|station| station.queue) / unit / (duration_s * 1e9),
            max: result.crowds[id][number] as u64,
        },
        wait: Wait {
            mean_s: wait.mean().map(|ns| ns / 1e9),
            p50_s: wait.quantile(0.5).map(seconds),
            p99_s: wait.quantile(0.99).filter(|_| p99_needs.is_none()).map(seconds),
            p99_needs,
        },
        service: Service { mean_s: (services > 0).then(|| busy / unit / services as f64 / 1e9) },
        arrivals: count(|station| station.arrivals),
        rejected: count(|station| station.rejected),
        abandoned: count(|station| station.abandoned),
        max_instance: max_instance(plan, component, &result.instances[id], number),
    }
}

fn utilization(station: &StationResult) -> f64 {
    if station.capacity > 0 { station.busy as f64 / station.capacity as f64 } else { 0.0 }
}

fn max_instance(
    plan: &Plan,
    component: &ComponentPlan,
    instances: &[InstanceResult],
    number: usize,
) -> Option<MaxInstance> {
    if instances.len() < 2 {
        return None;
    }
    let worst = instances
        .iter()
        .rev()
        .max_by(|a, b| utilization(&a.stations[number]).total_cmp(&utilization(&b.stations[number])))?;
    let utilization = utilization(&worst.stations[number]);
    Some(MaxInstance { instance: address(plan, component, worst.ordinal, worst.owner), utilization })
}

fn instance_report(component: &ComponentPlan, instance: &InstanceResult, duration_s: f64) -> InstanceReport {
    let first = instance.stations.first();
    let unit = component.stations.first().map_or(1.0, |station| station.unit());
    InstanceReport {
        calls: instance.calls,
        errors: errors(&instance.errors),
        utilization: first.map(utilization),
        queue: first.map(|station| Queue {
            mean: station.queue as f64 / unit / (duration_s * 1e9),
            max: station.queue_max as u64,
        }),
        ..InstanceReport::default()
    }
}

/// The address of an instance, by its number in its component and, for a copy, the component and number of its owner:
/// `web[2]`, `orders/shard[1]/replica[0]`, `orders-pool@web[2]`.
pub(super) fn address(plan: &Plan, component: &ComponentPlan, ordinal: u32, owner: Option<(u32, u32)>) -> String {
    let name = &component.name;
    if let Some((owner, number)) = owner {
        return format!("{name}@{}[{number}]", plan.components[owner as usize].name);
    }
    let Kind::Database(database) = component.kind else { return format!("{name}[{ordinal}]") };
    let nodes = 1 + plan.databases[database as usize].replicas;
    let (shard, node) = (ordinal / nodes, ordinal % nodes);
    match node {
        0 => format!("{name}/shard[{shard}]"),
        _ => format!("{name}/shard[{shard}]/replica[{}]", node - 1),
    }
}

fn link_reports(plan: &Plan, component: &ComponentPlan, meters: &[LinkMeter]) -> BTreeMap<String, LinkReport> {
    let mut reports = BTreeMap::new();
    for (target, links) in &component.links {
        let mut report = LinkReport::default();
        for (link, meter) in links.iter().map(|&link| (&plan.links[link as usize], &meters[link as usize])) {
            limits_report(&mut report, link, meter);
            report.calls += meter.calls;
            report.tries += meter.tries;
            report.retries += meter.retries;
            report.timeouts += meter.timeouts;
            report.lost += meter.outcomes[Outcome::Lost as usize];
            report.rejected += meter.rejected;
            report.retransmissions += meter.retransmissions;
            report.fallbacks += meter.fallbacks;
            report.fallbacks_ok += meter.fallbacks_ok;
            report.cancelled += meter.cancelled;
        }
        reports.insert(target.clone(), report);
    }
    reports
}

/// What the limits of a link did, where it has them.
fn limits_report(report: &mut LinkReport, link: &LinkPlan, meter: &LinkMeter) {
    if link.breaker.is_some() {
        *report.breaker_opens.get_or_insert(0) += meter.breaker_opens;
        *report.breaker_open_s.get_or_insert(0.0) += seconds(meter.breaker_open_ns);
        *report.short_circuited.get_or_insert(0) += meter.short_circuited;
    }
    if link.before_copies {
        *report.hedges.get_or_insert(0) += meter.hedges;
        *report.hedges_won.get_or_insert(0) += meter.hedges_won;
    }
    if link.retry.as_ref().is_some_and(|retry| retry.budget.is_some() || retry.tokens.is_some()) {
        *report.retries_refused.get_or_insert(0) += meter.retries_refused;
    }
}

fn timeline(plan: &Plan, result: &RunResult) -> Timeline {
    let zero = seconds(plan.clock.start);
    let timeline = &result.timeline;
    let points = timeline.starts.len();
    let series = timeline.series.iter().map(|(name, values)| {
        let mut values = values.clone();
        values.resize(points, None);
        (name.clone(), values)
    });
    Timeline {
        start_s: timeline.starts.iter().map(|&at| seconds(at) - zero).collect(),
        width_s: seconds(plan.clock.slot),
        series: series.collect(),
    }
}

fn breakdown(plan: &Plan, result: &RunResult) -> Breakdown {
    let parts = |from: f64, to: f64| {
        let sums = result.breakdown.band(from, to);
        let total: f64 = sums.iter().sum();
        let cells = plan.cells.len();
        let mut parts: Vec<BreakdownPart> = sums
            .iter()
            .enumerate()
            .filter(|&(_, &ns)| ns > 0.0)
            .map(|(at, &ns)| {
                let (component, phase) = plan.cells[at % cells];
                BreakdownPart {
                    component: plan.components[component as usize].name.clone(),
                    phase: phase.name().to_string(),
                    abandoned: at >= cells,
                    share: ns / total,
                    seconds: ns / 1e9,
                }
            })
            .collect();
        parts.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        parts
    };
    Breakdown { p50: parts(0.45, 0.55), p99: parts(0.99, 1.0) }
}

fn audit(result: &RunResult) -> Vec<AuditEntry> {
    let entry = |check: &crate::world::Check| AuditEntry {
        check: check.name.clone(),
        left: check.left,
        right: check.right,
        ok: check.holds(),
    };
    result.audit.iter().map(entry).collect()
}
