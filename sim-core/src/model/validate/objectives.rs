//! Objectives and expectations: whether there is what they measure.

use crate::components::types_that;
use crate::model::address::Address;
use crate::model::change::Change;
use crate::model::diagnostic::{Diagnostics, did_you_mean};
use crate::model::draft::Draft;
use crate::model::objective::{Measure, split_scope};
use crate::model::spec::{Place, in_a_row};

/// Checks what objectives and expectations measure.
pub fn check(draft: &Draft, changes: &[Change], diagnostics: &mut Diagnostics) {
    for objective in &draft.objectives {
        measure(draft, changes, &objective.measure, &objective.at, diagnostics);
    }
    for expectation in &draft.expect {
        let mut figures = Vec::new();
        expectation.left.each_figure(&mut |figure, variant| figures.push((figure, variant)));
        expectation.right.each_figure(&mut |figure, variant| figures.push((figure, variant)));
        for (figure, variant) in figures {
            measure(draft, changes, figure, &expectation.at, diagnostics);
            let names: Vec<&str> = draft.declared("variants").map(|(name, _)| name).collect();
            if let Some(variant) = variant.filter(|variant| !names.contains(variant)) {
                let found = format!("there is no variant {variant}");
                diagnostics.push(expectation.at.error(found).help(did_you_mean(variant, names)));
            }
        }
    }
}

/// What a metric can be of.
struct Asks {
    requests: bool,
    station: bool,
    only: Vec<&'static str>,
}

fn asks(metric: &str) -> Asks {
    let asks = |requests, station, only: &[&'static str]| Asks { requests, station, only: only.to_vec() };
    match metric {
        "hit_ratio" | "lost_writes" | "coalesced" | "evictions" => asks(true, false, &["cache", "cdn"]),
        "stale_reads" => asks(true, false, &["cache", "database"]),
        "moved_share" => asks(false, false, &["database"]),
        "dead_letters" | "age" => asks(false, false, &["queue"]),
        "replicas" | "memory" => asks(false, false, &["server-pool"]),
        "utilization" | "queue" | "queue_max" | "wait" => {
            Asks { requests: false, station: true, only: types_that(|nature| nature.works).collect() }
        }
        "error_rate" | "availability" | "throughput" | "goodput" | "within" | "offered" => asks(true, false, &[]),
        _ => asks(true, true, &[]),
    }
}

/// Checks whether there is what a figure measures.
pub fn measure(draft: &Draft, changes: &[Change], measure: &Measure, at: &Place, diagnostics: &mut Diagnostics) {
    if measure.metric == "cost" {
        return cost(draft, measure.scope.as_deref(), at, diagnostics);
    }
    let asks = asks(&measure.metric);
    let metric = &measure.metric;
    if let ("backlog", Some(scope)) = (metric.as_str(), &measure.scope) {
        let found = format!("backlog is of the whole system, not of {scope}");
        diagnostics.push(at.error(found).expected(format!("backlog, or the queue of a part, as queue({scope})")));
        return;
    }
    let Some(scope) = &measure.scope else {
        if !asks.requests {
            let found = format!("{metric} of what?");
            diagnostics.push(at.error(found).expected(format!("a component in brackets, as {metric}(web)")));
        }
        return;
    };
    if draft.class_names().contains(&scope.as_str()) {
        if !asks.requests || !asks.only.is_empty() {
            diagnostics.push(at.error(format!("{scope} is a class, which has no {metric}")).expected("a component"));
        }
        return;
    }
    let (address, parts) = split_scope(scope);
    let Ok(address) = Address::parse(address) else { return };
    let address = Address { at: at.clone(), ..address };
    if draft.class_names().contains(&address.component.as_str()) {
        let found = format!("{} is a class: it has no stations and no parts", address.component);
        diagnostics.push(at.error(found).expected(format!("{metric}({}), or a component", address.component)));
        return;
    }
    let names: Vec<&str> = draft.declared("components").map(|(name, _)| name).collect();
    if !names.contains(&address.component.as_str()) {
        let help = did_you_mean(&address.component, names.into_iter().chain(draft.class_names()));
        diagnostics.push(at.error(format!("there is no class or component {}", address.component)).help(help));
        return;
    }
    super::timing::in_range(draft, changes, &address, diagnostics);
    if let Some(kind) = draft.kind(&address.component)
        && !asks.only.is_empty()
        && !asks.only.contains(&kind)
        // A balancer whose work takes time has cores.
        && !(asks.station && draft.components.get(&address.component).is_some_and(|own| !own.stations().is_empty()))
    {
        let found = format!("{} is {}, which has no {metric}", address.component, super::names::a(kind));
        diagnostics.push(at.error(found).expected(format!("a {}", in_a_row(asks.only.iter().copied()))));
        return;
    }
    let of_answers = asks.requests && asks.only.is_empty() && !matches!(metric.as_str(), "throughput" | "offered");
    if let Some(component) = draft.components.get(&address.component)
        && of_answers
        && !component.nature().called
    {
        let found = format!("{} is {}, which has no {metric}", address.component, super::names::a(component.kind()));
        diagnostics.push(at.error(found).expected(format!("a class, or {metric} alone, which is over all requests")));
        return;
    }
    stations(draft, &address, &parts, metric, asks.station, at, diagnostics);
}

/// What has no price has no cost.
fn cost(draft: &Draft, scope: Option<&str>, at: &Place, diagnostics: &mut Diagnostics) {
    let help = "write \"cost\": 0.12 at a component for what each of its nodes costs an hour";
    let Some(name) = scope else {
        if draft.whole && draft.components.values().all(|component| component.cost().is_none()) {
            diagnostics.push(at.error("no component has a cost").help(help));
        }
        return;
    };
    let names: Vec<&str> = draft.declared("components").map(|(name, _)| name).collect();
    match draft.components.get(name) {
        Some(component) if component.cost().is_none() => {
            diagnostics.push(at.error(format!("{name} has no cost")).help(help));
        }
        Some(_) => {}
        None if names.contains(&name) => {}
        None => {
            diagnostics.push(at.error(format!("there is no component {name}")).help(did_you_mean(name, names)));
        }
    }
}

/// `workers` and `wait` of `web.workers.wait`.
fn stations(
    draft: &Draft,
    address: &Address,
    parts: &[&str],
    metric: &str,
    may_be_station: bool,
    at: &Place,
    diagnostics: &mut Diagnostics,
) {
    let Some(component) = draft.components.get(&address.component) else { return };
    let known = component.stations();
    let station = match parts {
        [] | ["wait"] => None,
        [station] | [station, "wait"] => Some(*station),
        [..] => {
            let found = format!("{address} has no {}", parts.join("."));
            diagnostics.push(at.error(found).expected("a station, or a station's wait"));
            return;
        }
    };
    if let Some(station) = station
        && !known.contains(&station)
    {
        let found = format!("{} has no station {station}", address.component);
        diagnostics.push(at.error(found).help(did_you_mean(station, known.iter().copied().chain(["wait"]))));
        return;
    }
    if !parts.is_empty() && !may_be_station {
        let found = format!("a station has no {metric}");
        diagnostics.push(at.error(found).expected(address.component.clone()));
    }
    let of_wait = parts.last() == Some(&"wait");
    if of_wait && matches!(metric, "utilization" | "queue" | "queue_max" | "wait") {
        let found = format!("a wait has no {metric}");
        diagnostics.push(at.error(found).expected("a percentile, mean or max of it"));
    } else if station.is_some() && !of_wait && !matches!(metric, "utilization" | "queue" | "queue_max" | "wait") {
        let found = format!("a station has no {metric}");
        let wait = format!("{metric}({}.wait) for its waiting time", [address.to_string(), parts.join(".")].join("."));
        diagnostics.push(at.error(found).help(wait));
    }
}
