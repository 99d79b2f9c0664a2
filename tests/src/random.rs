//! Random legal models, small and hostile: every component, policy and option, in all combinations that the language
//! allows, at loads from idle to far too much. They shrink towards one client and one server.

mod autoscaler;
mod balancer;
mod cache;
mod cdn;
mod change;
mod client;
mod connection_pool;
mod database;
mod handler;
mod limiter;
mod link;
mod pool;
mod queue;

use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use autoscaler::autoscaler;
use balancer::balancer;
use cache::cache;
use cdn::cdn;
use change::changes;
use client::client;
use connection_pool::connection_pool;
use database::database;
use limiter::limiter;
use pool::{Layer, pool};
use queue::message_queue;

/// A random legal model.
///
/// `quiet`: the load ends in the middle of the window, and all that was begun has time to end: a place that is still
/// taken at the end is a place that was lost.
pub fn model(quiet: bool) -> impl Strategy<Value = Value> {
    let parts = (
        run(),
        vec(client(), 1..=2),
        (balancer(), limiter(), cdn()),
        pool(Layer::Web),
        pool(Layer::Api),
        cache(),
        connection_pool(),
        database(),
        (pool(Layer::Store), message_queue()),
        changes(),
        (weighted(0.25, autoscaler()), weighted(0.05, autoscaler())),
        classes(),
    );
    parts.prop_map(move |(run, clients, (edge, gate, cdn), web, api, cache, pool, db, (store, jobs), (events, faults), scalers, classes)| {
        let mut components = Map::new();
        let mut duration_ms = run.0;
        for (number, client) in clients.into_iter().enumerate() {
            components.insert(format!("client{number}"), client.written(quiet, duration_ms));
        }
        components.insert("edge".into(), edge);
        components.insert("gate".into(), gate);
        components.insert("cdn".into(), cdn);
        components.insert("web".into(), web);
        components.insert("api".into(), api);
        components.insert("cache".into(), cache);
        components.insert("conns".into(), pool);
        components.insert("db".into(), db);
        components.insert("store".into(), store);
        components.insert("jobs".into(), jobs);
        for (number, scaler) in [scalers.0, scalers.1].into_iter().enumerate() {
            if let Some(mut scaler) = scaler {
                if quiet {
                    // It looks for more than an hour, at five minutes each time.
                    scaler["sync"] = json!("200ms");
                }
                components.insert(["scaler", "scaler2"][number].into(), scaler);
            }
        }
        give_memory(&mut components);
        prune(&mut components);
        give_patience(&mut components);
        let there = |target: &Value| {
            let name = target.as_str().unwrap_or_default();
            components.contains_key(name.split(['[', '/', '.']).next().unwrap_or_default())
        };
        let events: Vec<Value> = events
            .into_iter()
            .filter(|event| match event.get("set") {
                Some(set) => set.as_object().is_some_and(|set| set.keys().all(|path| there(&json!(path)))),
                None if event["do"] == "warm" => components.get("cache").is_some_and(|cache| cache.get("warm").is_some()),
                None => there(&event["target"]),
            })
            .collect();
        let zones = components.values().any(|component| component.get("zones").is_some());
        let can_fail = |fault: &Value| match fault.get("zone") {
            Some(_) => zones,
            None => there(&fault["target"]) && fault.get("from").is_none_or(there),
        };
        let faults: Vec<Value> = faults.into_iter().filter(can_fail).collect();
        if quiet {
            duration_ms += QUIET_MS;
        }
        let mut model = json!({
            "format": 1,
            "run": {
                "duration": format!("{duration_ms}ms"), "warmup": format!("{}ms", run.1), "drain": format!("{}ms", run.2),
                "limits": { "events": 2_000_000, "calls_in_flight": 20_000 }
            },
            "keyspaces": {
                "few": { "keys": 5, "popularity": "zipf(1.1)" },
                "many": { "keys": 100_000, "popularity": "hotspot(10%, 90%)" }
            },
            "classes": classes,
            "components": components,
        });
        if !events.is_empty() {
            model["events"] = json!(events);
        }
        if !faults.is_empty() {
            model["faults"] = json!(faults);
        }
        model
    })
}

/// How long a quiet model goes on without load.
pub const QUIET_MS: u64 = 4_000_000;

/// A handler that holds a connection while its cache wants another one waits for itself, as it does in life: not for
/// ever.
fn give_patience(components: &mut Map<String, Value>) {
    let backing = components.get("cache").map_or(Value::Null, |cache| cache["backing"].clone());
    if (backing == "conns" || backing["to"] == "conns")
        && let Some(Value::Object(pool)) = components.get_mut("conns")
    {
        pool.entry("acquire_timeout").or_insert(json!("1s"));
    }
}

/// Whose memory is looked at has some.
fn give_memory(components: &mut Map<String, Value>) {
    let looked_at = |scaler: &Value| scaler["metrics"].to_string().contains("memory") || scaler.get("memory").is_some();
    let targets: Vec<String> = ["scaler", "scaler2"]
        .iter()
        .filter_map(|name| components.get(*name))
        .filter(|scaler| looked_at(scaler))
        .filter_map(|scaler| scaler["target"].as_str().map(String::from))
        .collect();
    for target in targets {
        if components[&target].get("memory").is_none() {
            components[&target]["memory"] = json!({ "base": "10MB", "per_request": "1MB", "limit": "100MB" });
        }
    }
}

/// Leaves out what nothing leads to.
fn prune(components: &mut Map<String, Value>) {
    let mut reached: Vec<String> = components.keys().filter(|name| name.starts_with("client")).cloned().collect();
    let mut next = 0;
    while let Some(name) = reached.get(next).cloned() {
        next += 1;
        names_in(&components[&name], components, &mut reached);
    }
    components.retain(|name, component| {
        reached.contains(name) || reached.iter().any(|reached| component["target"].as_str() == Some(reached))
    });
}

fn names_in(value: &Value, components: &Map<String, Value>, reached: &mut Vec<String>) {
    match value {
        Value::String(text) if components.contains_key(text) && !reached.contains(text) => reached.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| names_in(item, components, reached)),
        Value::Object(map) => map.values().for_each(|item| names_in(item, components, reached)),
        _ => {}
    }
}

/// Window, warm-up and drain in ms.
fn run() -> impl Strategy<Value = (u64, u64, u64)> {
    (select(vec![1000_u64, 100, 3000, 1]), select(vec![0_u64, 500, 1]), select(vec![60_000_u64, 0, 200]))
}

/// A time that work takes.
fn work() -> impl Strategy<Value = &'static str> {
    select(vec![
        "1ms",
        "0s",
        "1ns",
        "exp(2ms)",
        "10ms",
        "exp(20ms)",
        "lognormal(3ms, cv=2)",
        "uniform(0s, 5ms)",
        "erlang(2ms, k=3)",
        "hyperexp(2ms, cv=3)",
        "pareto(min=1ms, alpha=1.1, max=200ms)",
        "mix(90% exp(1ms), 10% 50ms)",
        "333333ns",
        "normal(2ms, sd=1ms)",
        "weibull(2ms, shape=0.7)",
        "gamma(2ms, cv=1.5)",
    ])
}

/// A limit on a time.
fn patience() -> impl Strategy<Value = &'static str> {
    select(vec!["20ms", "1ms", "5ms", "100ms", "1s", "1ns", "10ms"])
}

/// How a class's answers may be kept.
fn kept() -> impl Strategy<Value = Value> {
    let ways = (weighted(0.2, select(vec!["30ms", "0s", "1h"])), weighted(0.1, Just(true)), weighted(0.15, Just(true)));
    (ways, weighted(0.3, select(vec![vec!["all"], vec!["row(key)", "page(key / 20)"], vec!["part(key % 3)"]])))
        .prop_map(|((max_age, no_store, version), tags)| {
            let mut kept = json!({});
            set(&mut kept, "max_age", max_age);
            set(&mut kept, "no_store", no_store);
            set(&mut kept, "version", version);
            set(&mut kept, "tags", tags);
            kept
        })
}

fn classes() -> impl Strategy<Value = Value> {
    let class = || {
        let wanted = (weighted(0.15, patience()), weighted(0.1, any::<bool>()), kept());
        (of(select(vec!["few", "many"])), any::<bool>(), 0..3_u64, of(select(vec!["1kB", "exp(20kB)"])), wanted)
            .prop_map(|(key, write, priority, size, (deadline, retryable, kept))| {
                let mut class = kept;
                set(&mut class, "deadline", deadline);
                set(&mut class, "retryable", retryable);
                set(&mut class, "key", key);
                set(&mut class, "size", size);
                set(&mut class, "write", write.then_some(true));
                set(&mut class, "priority", (priority > 0).then_some(priority));
                class
            })
    };
    (class(), class()).prop_map(|(a, b)| json!({ "a": a, "b": b }))
}

fn set<T: Into<Value>>(into: &mut Value, field: &str, value: Option<T>) {
    if let Some(value) = value {
        into[field] = value.into();
    }
}

fn add(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}
