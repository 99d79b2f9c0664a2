//! Random legal models, small and hostile: every component, policy and option, in all combinations that the language
//! allows, at loads from idle to far too much. They shrink towards one client and one server.

use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// A random legal model.
///
/// `quiet`: the load ends in the middle of the window, and all that was begun has time to end: a place that is still
/// taken at the end is a place that was lost.
pub fn model(quiet: bool) -> impl Strategy<Value = Value> {
    let parts = (
        run(),
        vec(client(), 1..=2),
        (balancer(), limiter()),
        pool(Layer::Web),
        pool(Layer::Api),
        cache(),
        connection_pool(),
        database(),
        (pool(Layer::Store), message_queue()),
        changes(),
        weighted(0.2, autoscaler()),
        classes(),
    );
    parts.prop_map(move |(run, clients, (edge, gate), web, api, cache, pool, db, (store, jobs), (events, faults), scaler, classes)| {
        let mut components = Map::new();
        let mut duration_ms = run.0;
        for (number, client) in clients.into_iter().enumerate() {
            components.insert(format!("client{number}"), client.written(quiet, duration_ms));
        }
        components.insert("edge".into(), edge);
        components.insert("gate".into(), gate);
        components.insert("web".into(), web);
        components.insert("api".into(), api);
        components.insert("cache".into(), cache);
        components.insert("conns".into(), pool);
        components.insert("db".into(), db);
        components.insert("store".into(), store);
        components.insert("jobs".into(), jobs);
        if let Some(scaler) = scaler {
            components.insert("scaler".into(), scaler);
        }
        prune(&mut components);
        let there = |target: &Value| {
            let name = target.as_str().unwrap_or_default();
            components.contains_key(name.split(['[', '/', '.']).next().unwrap_or_default())
        };
        let events: Vec<Value> = events
            .into_iter()
            .filter(|event| match event.get("set") {
                Some(set) => set.as_object().is_some_and(|set| set.keys().all(|path| there(&json!(path)))),
                None => there(&event["target"]),
            })
            .collect();
        let faults: Vec<Value> = faults.into_iter().filter(|fault| there(&fault["target"])).collect();
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

/// Leaves out what nothing leads to.
fn prune(components: &mut Map<String, Value>) {
    let mut reached: Vec<String> = components.keys().filter(|name| name.starts_with("client")).cloned().collect();
    let mut next = 0;
    while let Some(name) = reached.get(next).cloned() {
        next += 1;
        names_in(&components[&name], components, &mut reached);
    }
    let target = components.get("scaler").map(|scaler| scaler["target"].clone());
    components.retain(|name, _| {
        reached.contains(name) || name == "scaler" && reached.iter().any(|r| Some(json!(r)) == target)
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

fn classes() -> impl Strategy<Value = Value> {
    let class = || {
        let wanted = (weighted(0.15, patience()), weighted(0.1, any::<bool>()));
        (of(select(vec!["few", "many"])), any::<bool>(), 0..3_u64, of(select(vec!["1kB", "exp(20kB)"])), wanted)
            .prop_map(|(key, write, priority, size, (deadline, retryable))| {
                let mut class = json!({});
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

fn balancing() -> impl Strategy<Value = &'static str> {
    select(vec!["round-robin", "random", "least-connections", "power-of-two", "weighted-round-robin", "ip-hash"])
}

/// The policies that balancers have besides those of links.
fn of_balancers() -> impl Strategy<Value = &'static str> {
    select(vec!["weighted-least-connections", "least-response-time", "consistent-hash", "maglev", "resource-based"])
}

/// What a balancer does besides choosing.
fn care() -> impl Strategy<Value = Value> {
    let health = weighted(
        0.4,
        select(vec![
            json!({ "passive": { "max_fails": 1, "fail_timeout": "1s" } }),
            json!({ "active": { "interval": "20ms", "timeout": "5ms", "healthy": 2, "unhealthy": 1 } }),
            json!({ "outlier": { "consecutive_5xx": 2, "interval": "50ms", "base_ejection_time": "100ms" } }),
            json!({
                "active": { "interval": "100ms", "timeout": "50ms" }, "passive": { "when": ["5xx"] },
                "outlier": { "interval": "100ms", "success_rate_minimum_hosts": 2, "success_rate_request_volume": 5 }
            }),
        ]),
    );
    let sticky = weighted(0.2, select(vec![json!("client"), json!({ "by": "cookie", "for": "100ms" })]));
    let slow = weighted(0.2, select(vec![json!("300ms"), json!({ "window": "1s", "aggression": 1.5 })]));
    let rest = (weighted(0.2, patience()), weighted(0.3, 1..4_u64), weighted(0.2, select(vec![4, 7])));
    let work = (weighted(0.2, work()), weighted(0.2, 0..3_u64));
    (health, sticky, slow, rest, work).prop_map(|(health, sticky, slow, (drain, tries, layer), (service, keep))| {
        let mut care = json!({});
        set(&mut care, "health", health);
        set(&mut care, "sticky", sticky);
        set(&mut care, "slow_start", slow);
        set(&mut care, "drain", drain);
        set(&mut care, "tries", tries);
        set(&mut care, "layer", layer);
        set(&mut care, "service", service);
        set(&mut care, "keep_alive", keep);
        care
    })
}

/// The options of a link; `below`: whom a fallback may go to.
fn link(below: &'static [&'static str]) -> BoxedStrategy<Value> {
    let times = (
        weighted(0.3, select(vec!["1ms", "exp(2ms)", "1ns", "uniform(0s, 20ms)"])),
        weighted(0.3, patience()),
        any::<bool>(),
        weighted(0.15, patience()),
    );
    let limits = (weighted(0.15, 1..5_u64), any::<bool>(), weighted(0.1, select(vec!["10MB/s", "1MB/s"])));
    let loss = weighted(0.1, (select(vec![0.1, 0.8]), any::<bool>()));
    let fallback = weighted(0.15, (select(below), weighted(0.3, patience())));
    let more = (weighted(0.2, balancing()), weighted(0.15, breaker()), weighted(0.15, hedge()));
    (times, weighted(0.3, retry()), limits, loss, fallback, more)
        .prop_map(|((rtt, timeout, cancel, deadline), retry, (limit, shared, bandwidth), loss, fallback, more)| {
            let mut link = json!({});
            let (policy, breaker, hedge) = more;
            set(&mut link, "breaker", breaker);
            set(&mut link, "hedge", hedge);
            set(&mut link, "rtt", rtt);
            if timeout.is_some() && cancel {
                link["cancel"] = json!(true);
            }
            set(&mut link, "timeout", timeout);
            set(&mut link, "deadline", deadline);
            set(&mut link, "retry", retry);
            set(&mut link, "policy", policy);
            set(&mut link, "bandwidth", bandwidth);
            if let Some(limit) = limit {
                link["max_in_flight"] = json!(limit);
                set(&mut link, "scope", shared.then_some("shared"));
            }
            if let Some((loss, datagram)) = loss {
                link["loss"] = json!(loss);
                link["rto"] = json!("1us");
                if datagram {
                    // Silence for ever would be no fault of ours.
                    link["datagram"] = json!(true);
                    if timeout.is_none() {
                        link["timeout"] = json!("50ms");
                    }
                }
            }
            if let Some((to, timeout)) = fallback {
                link["fallback"] = json!({ "to": to });
                set(&mut link["fallback"], "timeout", timeout);
            }
            link
        })
        .boxed()
}

fn breaker() -> impl Strategy<Value = Value> {
    let rule = select(vec![
        json!({}),
        json!({ "consecutive": 2 }),
        json!({ "failures": 3, "window": "2s" }),
        json!({ "error_rate": "30%", "window": "1s", "min_calls": 5 }),
        json!({ "slow_calls": "5ms", "window": 10 }),
        json!({ "error_rate": 0.5, "slow_calls": { "above": "2ms", "share": 0.8 }, "window": 4 }),
    ]);
    (rule, select(vec!["10ms", "1s", "1ns"]), 1..5_u64).prop_map(|(mut rule, open, half_open)| {
        add(&mut rule, json!({ "open": open, "half_open": half_open }));
        rule
    })
}

/// Balancers and pools make no copies of calls.
fn unhedged(mut link: Value) -> Value {
    link.as_object_mut().expect("it is one").remove("hedge");
    link
}

fn hedge() -> impl Strategy<Value = Value> {
    (select(vec!["1ms", "10ms", "p90", "0s", "p50"]), 1..4_u64, any::<bool>(), any::<bool>()).prop_map(
        |(after, max, cancel, writes)| json!({ "after": after, "max": max, "cancel": cancel, "writes": writes }),
    )
}

fn retry() -> BoxedStrategy<Value> {
    let when = weighted(
        0.7,
        select(vec![vec!["5xx", "timeout"], vec!["timeout"], vec!["rejected", "failed", "pool_timeout", "lost"]]),
    );
    let backoff = weighted(
        0.6,
        select(vec![json!("5ms"), json!("exponential(2ms, factor=3, max=20ms)"), json!(["1ms", "0s", "4ms"])]),
    );
    let jitter = weighted(0.5, select(vec!["full", "equal", "decorrelated", "none"]));
    let limits = (
        weighted(0.3, select(vec![json!({}), json!("10%"), json!({ "share": 0.5, "min_concurrency": 1 })])),
        weighted(
            0.3,
            select(vec![json!({}), json!(20), json!({ "quota": 10, "cost": 1, "deposit": 0.02, "refund": false })]),
        ),
    );
    (0..4_u64, when, any::<bool>(), backoff, jitter, limits)
        .prop_map(|(retries, when, writes, backoff, jitter, limits)| {
            let mut retry = json!({ "retries": retries });
            set(&mut retry, "budget", limits.0);
            set(&mut retry, "tokens", limits.1);
            set(&mut retry, "when", when);
            set(&mut retry, "writes", writes.then_some(true));
            set(&mut retry, "backoff", backoff);
            set(&mut retry, "jitter", jitter);
            retry
        })
        .boxed()
}

/// A client before the window's length is known.
#[derive(Debug, Clone)]
struct Client {
    fields: Value,
    closed: Option<(u64, &'static str)>,
    rate: u64,
    process: Option<&'static str>,
}

impl Client {
    fn written(self, quiet: bool, duration_ms: u64) -> Value {
        let mut client = self.fields;
        let busy = format!("{duration_ms}ms");
        client["arrivals"] = match (self.closed, quiet) {
            (Some((users, think)), false) => json!({ "users": users, "think": think }),
            (Some((users, think)), true) => {
                json!({ "users": [{ "users": users, "for": busy }, { "users": 0, "for": "1s" }], "think": think })
            }
            (None, false) => json!({ "rate": format!("{}/s", self.rate) }),
            (None, true) => json!({
                "stages": [{ "rate": format!("{}/s", self.rate), "for": busy }, { "rate": "0/s", "for": "1s" }]
            }),
        };
        if self.closed.is_none() {
            set(&mut client["arrivals"], "process", self.process);
        }
        client
    }
}

fn client() -> impl Strategy<Value = Client> {
    let callee = prop_oneof![
        6 => Just("web"), 4 => Just("edge"), 1 => Just("db"), 1 => Just("cache"), 1 => Just("conns"), 1 => Just("api"),
        1 => Just("gate")
    ];
    let arrivals = (
        weighted(0.3, (1..20_u64, select(vec!["10ms", "exp(10ms)", "1ms"]))),
        select(vec![100_u64, 10, 1000, 3000]),
        weighted(0.3, select(vec!["constant", "gamma(cv=2)", "mmpp(1 for 100ms, 5 for 20ms)"])),
    );
    let journey = weighted(
        0.2,
        vec(
            (select(vec!["a", "b"]), 1..3_u64, select(vec!["0s", "5ms", "exp(3ms)"]), any::<bool>()).prop_map(
                |(class, times, think, same)| {
                    json!({ "class": class, "times": times, "think": think, "key": if same { "same" } else { "fresh" } })
                },
            ),
            1..3,
        ),
    );
    (callee, link(&["store", "db"]), arrivals, journey, weighted(0.3, 1..100_u64), weighted(0.2, 1..10_u64)).prop_map(
        |(to, link, (closed, rate, process), journey, population, limit)| {
            let mut fields = json!({ "type": "client", "to": to });
            if link.as_object().is_some_and(|link| !link.is_empty()) {
                fields["link"] = link;
            }
            set(&mut fields, "journey", journey);
            if let (Some(clients), None) = (population, closed) {
                fields["population"] =
                    json!({ "clients": clients, "popularity": "zipf(1)", "tiers": { "gold": "30%", "tin": 0.5 } });
            }
            if closed.is_none() {
                set(&mut fields, "max_in_flight", limit);
            }
            Client { fields, closed, rate, process }
        },
    )
}

fn balancer() -> impl Strategy<Value = Value> {
    let target = |name: &'static str| {
        (link(&["store", "db"]), weighted(0.3, 0..4_u64)).prop_map(move |(link, weight)| {
            let mut target = json!({ "to": name });
            add(&mut target, unhedged(link));
            set(&mut target, "weight", weight.map(|weight| weight + 1));
            target
        })
    };
    let routed = weighted(0.3, prop_oneof![target("store"), target("gate")]);
    let policy = prop_oneof![balancing(), of_balancers()];
    let special = weighted(0.2, (any::<bool>(), weighted(0.5, 1..4_u64), weighted(0.5, 1..3_u64)));
    (policy, target("web"), weighted(0.3, target("api")), routed, weighted(0.5, care()), special).prop_map(
        |(policy, web, api, routed, care, special)| {
            let mut to = vec![web];
            to.extend(api);
            if let Some((backup, most, fails)) = special {
                set(&mut to[0], "max_conns", most);
                set(&mut to[0], "max_fails", fails);
                if backup && to.len() > 1 {
                    to[1]["backup"] = json!(true);
                }
            }
            let mut balancer = json!({ "type": "load-balancer", "policy": policy, "to": to });
            add(&mut balancer, care.unwrap_or_else(|| json!({})));
            if let Some(routed) = routed {
                balancer["routes"] = json!([{ "classes": ["b"], "to": [routed] }]);
            }
            balancer
        },
    )
}

fn limiter() -> impl Strategy<Value = Value> {
    let algorithm = select(vec![
        json!({ "algorithm": "token-bucket" }),
        json!({ "algorithm": "token-bucket", "refill": "whole", "burst": 3 }),
        json!({ "algorithm": "leaky-bucket", "burst": 4, "delay": 1 }),
        json!({ "algorithm": { "leaky-bucket": { "burst": 2, "nodelay": true } } }),
        json!({ "algorithm": "fixed-window" }),
        json!({ "algorithm": "sliding-log" }),
        json!({ "algorithm": "sliding-counter" }),
        json!({ "algorithm": "gcra", "burst": 2 }),
        json!({ "algorithm": "adaptive", "start": "100/s", "min": "10/s", "max": "300/s", "every": "50ms" }),
    ]);
    let ways = (select(vec!["all", "client", "tier"]), any::<bool>(), any::<bool>(), any::<bool>());
    let to = weighted(0.8, (select(vec!["store", "db", "conns"]), link(&["store"])));
    let store = weighted(0.3, (select(vec!["cache", "db", "store"]), link(&["store"]), any::<bool>()));
    (algorithm, select(vec!["100/s", "5 per 20ms", "1/s", "2000/s"]), ways, to, store).prop_map(
        |(algorithm, rate, (per, tiers, failed, busy), to, store)| {
            let adaptive = algorithm["algorithm"] == "adaptive";
            let mut limiter = json!({ "type": "rate-limiter", "per": per });
            add(&mut limiter, algorithm);
            set(&mut limiter, "rate", (!adaptive).then_some(rate));
            if tiers && !adaptive {
                limiter["tiers"] = json!({ "gold": "500/s", "tin": { "rate": "3/s", "burst": 1 } });
            }
            set(&mut limiter, "count", (failed && to.is_some()).then_some("failed"));
            set(&mut limiter, "status", busy.then_some(503));
            if let Some((to, link)) = to {
                limiter["to"] = json!(to);
                if link.as_object().is_some_and(|link| !link.is_empty()) {
                    limiter["link"] = link;
                }
            }
            if let Some((to, link, fail)) = store {
                limiter["store"] = json!({ "to": to });
                add(&mut limiter["store"], link);
                set(&mut limiter, "on_failure", fail.then_some("fail"));
            }
            limiter
        },
    )
}

/// Where a pool stands: pools call only what is further down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Web,
    Api,
    Store,
}

fn pool(layer: Layer) -> impl Strategy<Value = Value> {
    let machine = (0..4_u64, select(vec![1.0, 2.0, 0.5, 4.0]), of(1..10_u64), any::<bool>(), any::<bool>());
    let rest = (
        weighted(0.5, queue()),
        weighted(0.2, select(vec!["50ms", "exp(10ms)"])),
        weighted(0.2, select(vec![0.1, 1.0])),
        weighted(0.2, select(vec![0.5, 3.0])),
        weighted(0.1, (0..3_u64, 0..3_u64)),
    );
    let handlers = (handler(layer), weighted(0.5, handler(layer)));
    let more = weighted(
        0.4,
        select(vec![
            json!({ "pause": { "every": "exp(50ms)", "for": "5ms" } }),
            json!({ "pause": { "every": 7, "for": "exp(3ms)" } }),
            json!({ "adaptive_limit": { "rule": "gradient", "initial": 3 } }),
            json!({ "adaptive_limit": "aimd", "slowdown": [["50%", 1], [1, 2.5]] }),
            json!({ "memory": { "base": "10MB", "per_request": "10MB", "limit": "40MB" } }),
            json!({ "slowdown": [[0, 1], ["100%", 3]], "zones": 2 }),
        ]),
    );
    (machine, rest, handlers, more).prop_map(
        |((replicas, cores, workers, event_loop, fifo), (queue, startup, errors, speed, own), (all, of_b), more)| {
            let mut pool = json!({ "type": "server-pool", "cores": cores, "handlers": { "*": all } });
            // Without any replica there is little to see.
            pool["replicas"] = json!(if replicas == 3 { 0 } else { replicas + 1 });
            set(&mut pool["handlers"], "b", of_b);
            set(&mut pool, "workers", workers);
            set(&mut pool, "async", event_loop.then_some(true));
            set(&mut pool, "scheduling", fifo.then_some("fifo"));
            set(&mut pool, "queue", queue);
            set(&mut pool, "startup", startup);
            set(&mut pool, "error_rate", errors);
            set(&mut pool, "speed", speed);
            if let Some(more) = more {
                add(&mut pool, more);
            }
            if let Some((replica, weight)) = own
                && replicas < 3
                && replica <= replicas
            {
                pool["overrides"] = json!({ replica.to_string(): { "weight": weight, "speed": 0.3 } });
            }
            pool
        },
    )
}

fn queue() -> impl Strategy<Value = Value> {
    let when_full = select(vec![json!("reject"), json!("drop-oldest"), json!("block"), json!({ "wait": "5ms" })]);
    let order = select(vec!["fifo", "lifo", "priority"]);
    let shed = weighted(0.2, select(vec![json!("codel"), json!({ "target": "1ms", "interval": "10ms" })]));
    (weighted(0.8, 0..6_u64), when_full, weighted(0.3, patience()), order, shed).prop_map(
        |(capacity, when, timeout, order, shed)| {
            let mut queue = json!({ "order": order });
            set(&mut queue, "shed", shed);
            if capacity.is_some() {
                queue["when_full"] = when;
            }
            set(&mut queue, "capacity", capacity);
            set(&mut queue, "timeout", timeout);
            queue
        },
    )
}

fn key() -> impl Strategy<Value = Option<&'static str>> {
    weighted(0.3, select(vec!["client", "few", "many"]))
}

/// A call of a component further down.
fn call(layer: Layer) -> BoxedStrategy<Value> {
    let (callees, below): (&[&str], &[&str]) = match layer {
        Layer::Web => (&["db", "conns", "cache", "api", "store", "gate"], &["store", "api", "cache"]),
        Layer::Api => (&["db", "conns", "cache", "store"], &["store", "db"]),
        Layer::Store => (&["store"], &["store"]),
    };
    (
        select(callees),
        prop_oneof![3 => Just(json!({})), 2 => link(below)],
        0..4_usize,
        key(),
        weighted(0.2, 1..4_u64),
        weighted(0.1, Just("b")),
    )
        .prop_map(|(to, link, op, key, times, class)| {
            let mut call = json!({ "call": to });
            add(&mut call, link);
            let op = match to {
                "cache" => [None, Some("read"), Some("write"), Some("delete")][op],
                "db" => [None, Some("read"), Some("write"), Some("scan")][op],
                "conns" => [None, Some("read"), Some("write"), None][op],
                _ => None,
            };
            set(&mut call, "op", op);
            set(&mut call, "key", key);
            set(&mut call, "times", times);
            set(&mut call, "as", class);
            call
        })
        .boxed()
}

fn handler(layer: Layer) -> BoxedStrategy<Vec<Value>> {
    let cpu = work().prop_map(|work| json!({ "cpu": work }));
    let delay = work().prop_map(|work| json!({ "delay": work }));
    let fail = (select(vec![0.2, 1.0]), any::<bool>())
        .prop_map(|(share, denied)| json!({ "fail": share, "as": if denied { "denied" } else { "failed" } }));
    if layer == Layer::Store {
        return vec(prop_oneof![6 => cpu, 2 => delay, 1 => fail], 0..3).boxed();
    }
    let publish = (prop_oneof![3 => Just(json!({})), 1 => link(&["store"])], weighted(0.2, 2..4_u64), key()).prop_map(
        |(link, times, key)| {
            let mut step = json!({ "publish": "jobs" });
            add(&mut step, link);
            set(&mut step, "times", times);
            set(&mut step, "key", key);
            step
        },
    );
    let leaf = prop_oneof![5 => cpu, 2 => delay, 6 => call(layer), 2 => publish, 1 => fail];
    let step = leaf.prop_recursive(2, 12, 3, move |inner| {
        let steps = || vec(inner.clone(), 0..3);
        prop_oneof![
            2 => inner.clone(),
            2 => steps().prop_map(|steps| json!({ "hold": "conns", "do": without_holds(steps) })),
            2 => (vec(steps(), 1..4), weighted(0.4, 1..4_usize)).prop_map(|(branches, need)| {
                let count = branches.len();
                let mut step = json!({ "parallel": branches });
                set(&mut step, "need", need.map(|need| need.min(count)));
                step
            }),
            1 => vec((0..3_u64, steps()), 1..3).prop_map(|branches| {
                let mut branches: Vec<Value> =
                    branches.into_iter().map(|(weight, steps)| json!({ "weight": weight, "do": steps })).collect();
                branches[0]["weight"] = json!(1);
                json!({ "choose": branches })
            }),
            2 => (steps(), steps(), key(), prop_oneof![2 => Just(json!({})), 1 => link(&["store"])]).prop_map(
                |(hit, miss, key, link)| {
                    // What looks up a cache inside of its own miss would wait for itself.
                    let again = Value::from(miss.clone()).to_string().contains("\"cache\"");
                    let mut step = json!({ "cached": "cache", "hit": hit, "miss": miss });
                    set(&mut step, "coalesce", again.then_some(false));
                    add(&mut step, link);
                    set(&mut step, "key", key);
                    step
                }
            ),
        ]
    });
    vec(step, 0..4).boxed()
}

/// Holds in holds of the same pool wait for each other, as they do in life.
fn without_holds(steps: Vec<Value>) -> Vec<Value> {
    let inside = |step: Value| match step.get("hold") {
        Some(_) => json!({ "cpu": "1ms" }),
        None => match step {
            Value::Object(map) => Value::Object(
                map.into_iter()
                    .map(|(field, value)| match value {
                        Value::Array(items) if matches!(field.as_str(), "hit" | "miss" | "do") => {
                            (field, Value::Array(without_holds(items)))
                        }
                        Value::Array(branches) if matches!(field.as_str(), "parallel") => {
                            let branches = branches.into_iter().map(|branch| match branch {
                                Value::Array(steps) => Value::Array(without_holds(steps)),
                                other => other,
                            });
                            (field, Value::Array(branches.collect()))
                        }
                        Value::Array(branches) if matches!(field.as_str(), "choose") => {
                            (field, Value::Array(without_holds(branches)))
                        }
                        other => (field, other),
                    })
                    .collect(),
            ),
            other => other,
        },
    };
    steps.into_iter().map(inside).collect()
}

fn cache() -> impl Strategy<Value = Value> {
    let keep = (
        weighted(0.8, select(vec![json!(100), json!(1), json!(0), json!("2kB"), json!("1MB")])),
        select(vec![
            "lru",
            "fifo",
            "lfu",
            "random",
            "sieve",
            "s3-fifo",
            "w-tinylfu",
            "arc",
            "redis-lru",
            "redis-lfu",
            "none",
        ]),
        weighted(0.4, select(vec!["50ms", "1s", "1ns"])),
    );
    let ways = (
        weighted(
            0.6,
            select(vec![
                "cache-aside",
                "read-through",
                "write-through",
                "write-behind",
                "write-around",
                "refresh-ahead",
            ]),
        ),
        weighted(0.2, select(vec!["aside", "through", "ahead"])),
        weighted(0.2, select(vec!["invalidate", "through", "update", "behind", "around"])),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    let extra = (
        weighted(0.3, select(vec!["10%", "100%"])),
        weighted(0.3, select(vec!["20ms", "1s"])),
        weighted(0.3, select(vec!["20ms", "1m"])),
        any::<bool>(),
        weighted(0.2, select(vec![json!(3), json!("50%")])),
        weighted(0.3, select(vec![2, 6])),
        weighted(0.5, (select(vec!["1ms", "1s"]), select(vec![1, 7]))),
    );
    let backing = weighted(0.8, (select(vec!["db", "conns", "store"]), link(&["store"])));
    (keep, ways, weighted(0.6, work()), 1..3_u64, backing, extra).prop_map(
        |((capacity, eviction, ttl), (strategy, read, write, own, later, fail), service, threads, backing, extra)| {
            let (jitter, revalidate, if_error, coalesce, warm, nodes, flush) = extra;
            let mut cache = json!({ "type": "cache", "threads": threads });
            set(&mut cache, "eviction", capacity.as_ref().map(|_| eviction));
            set(&mut cache, "capacity", capacity);
            set(&mut cache, "ttl", ttl);
            set(&mut cache, "strategy", strategy);
            set(&mut cache, "read", read);
            set(&mut cache, "write", write);
            set(&mut cache, "service", service);
            set(&mut cache, "scope", own.then_some("per-replica"));
            set(&mut cache, "fill", later.then_some("async"));
            set(&mut cache, "ttl_jitter", jitter);
            set(&mut cache, "stale_while_revalidate", revalidate);
            set(&mut cache, "stale_if_error", if_error);
            set(&mut cache, "coalesce", coalesce.then_some(true));
            set(&mut cache, "warm", warm);
            set(&mut cache, "nodes", nodes.filter(|_| !own));
            set(&mut cache, "flush", flush.map(|(every, batch)| json!({ "every": every, "batch": batch })));
            if let Some((to, link)) = backing {
                cache["backing"] = json!({ "to": to });
                add(&mut cache["backing"], link);
                set(&mut cache, "on_failure", fail.then_some("fail"));
            }
            cache
        },
    )
}

fn connection_pool() -> impl Strategy<Value = Value> {
    let size = (1..5_u64, 0..2_u64, weighted(0.3, patience()), weighted(0.3, work()), weighted(0.3, patience()));
    let ways = (any::<bool>(), any::<bool>(), select(vec!["transaction", "statement", "session"]));
    let more = (
        weighted(0.3, Just(1_u64)),
        weighted(0.3, patience()),
        weighted(0.3, (work(), patience())),
        weighted(0.3, (1..3_u64, patience())),
        weighted(0.2, 5..9_u64),
        weighted(0.3, patience()),
    );
    (size, ways, select(vec!["db", "store"]), link(&["store"]), more).prop_map(
        |((size, overflow, patience, connect, idle), (shared, fifo, mode), to, link, more)| {
            let (min_idle, lifetime, check, reserve, clients, login) = more;
            let mut pool = json!({ "type": "connection-pool", "size": size, "overflow": overflow, "mode": mode });
            set(&mut pool, "acquire_timeout", patience);
            if (mode == "session" || shared) && patience.is_none() {
                // Those who keep one connection and want another wait for each other, as they do in life.
                pool["acquire_timeout"] = json!("1s");
            }
            set(&mut pool, "min_idle", min_idle);
            set(&mut pool, "max_lifetime", lifetime);
            set(&mut pool, "validate", check.map(|(time, after)| json!({ "time": time, "after": after })));
            set(&mut pool, "reserve", reserve.map(|(size, after)| json!({ "size": size, "after": after })));
            set(&mut pool, "max_clients", clients);
            set(&mut pool, "login_retry", login);
            if shared && clients.is_some() {
                pool["max_db_connections"] = json!(size);
            }
            set(&mut pool, "connect", connect);
            set(&mut pool, "idle_timeout", idle);
            set(&mut pool, "scope", shared.then_some("shared"));
            set(&mut pool, "order", fifo.then_some("fifo"));
            pool["to"] = json!(to);
            let link = unhedged(link);
            if link.as_object().is_some_and(|link| !link.is_empty()) {
                pool["link"] = link;
            }
            pool
        },
    )
}

fn database() -> impl Strategy<Value = Value> {
    let shape =
        (1..4_u64, any::<bool>(), any::<bool>(), weighted(0.3, (1..3_u64, select(vec!["primary", "replica", "any"]))));
    let limits =
        (weighted(0.2, 1..10_u64), weighted(0.5, 1..4_u64), any::<bool>(), weighted(0.2, select(vec![0.1, 1.0])));
    let more = (
        select(vec!["modulo", "hash", "consistent", "range"]),
        weighted(0.3, select(vec![0.3, 1.0])),
        weighted(0.4, select(vec!["key"])),
        weighted(0.5, (select(vec!["0s", "20ms", "exp(5ms)"]), select(vec!["0s", "1ms"]))),
        weighted(0.3, select(vec![json!({ "rate": "2000/s", "work": "1ms" }), json!({ "rate": "500/s" })])),
        weighted(0.3, Just(json!({ "detect": "20ms", "promote": "10ms" }))),
    );
    (shape, limits, (work(), work(), work()), more).prop_map(
        |((shards, by_client, _, replicas), (connections, slots, cores, errors), (read, write, scan), more)| {
            let (placement, scatter, locks, lag, rebalance, failover) = more;
            let mut db = json!({
                "type": "database",
                "operations": { "read": read, "write": write, "scan": { "time": scan, "rows": 1000, "per_row": "1us" } }
            });
            if shards > 1 {
                db["shards"] = json!(shards);
                set(&mut db, "shard_by", by_client.then_some("client"));
                db["placement"] = json!(placement);
                set(&mut db, "scatter", scatter);
                set(&mut db, "rebalance", rebalance);
            }
            set(&mut db, "locks", locks);
            if locks.is_some() {
                db["operations"]["scan"]["lock"] = json!(true);
            }
            db["indexes"] = json!(2);
            if let Some((replicas, read_from)) = replicas {
                db["replicas"] = json!(replicas);
                db["read_from"] = json!(read_from);
                if let Some((lag, apply)) = lag {
                    db["lag"] = json!(lag);
                    db["apply"] = json!(apply);
                }
                set(&mut db, "failover", failover);
            }
            set(&mut db, "connections", connections);
            match (slots, cores) {
                (Some(slots), false) => db["slots"] = json!(slots),
                (Some(cores), true) => db["cores"] = json!(cores),
                (None, _) => {}
            }
            set(&mut db, "error_rate", errors);
            db
        },
    )
}

fn message_queue() -> impl Strategy<Value = Value> {
    let when_full = select(vec![json!("reject"), json!("drop-oldest"), json!("block"), json!({ "wait": "5ms" })]);
    let batch = (1..5_u64, select(vec!["0s", "10ms", "1s"]), any::<bool>());
    let redeliver = weighted(0.5, (0..3_u64, select(vec!["0s", "20ms", "exp(5ms)"])));
    let line = (weighted(0.5, 0..6_u64), when_full, weighted(0.4, batch), redeliver, 1..4_u64);
    (line, select(vec!["store", "db", "conns"]), link(&["store"]), any::<bool>()).prop_map(
        |((capacity, when, batch, redeliver, concurrency), to, link, dead)| {
            let mut queue = json!({ "type": "queue", "to": to, "concurrency": concurrency });
            if link.as_object().is_some_and(|link| !link.is_empty()) {
                queue["link"] = link;
            }
            let mut least = 0;
            if let Some((size, wait, each)) = batch {
                queue["batch"] = json!({ "size": size, "wait": wait, "calls": if each { "each" } else { "one" } });
                least = if size > 1 { size } else { 0 };
            }
            if let Some(capacity) = capacity {
                queue["capacity"] = json!(capacity.max(least));
                queue["when_full"] = when;
            }
            if let Some((retries, delay)) = redeliver {
                queue["redeliver"] = json!({ "retries": retries, "delay": delay });
            }
            if dead {
                queue["dead_letters"] = json!("store");
            }
            queue
        },
    )
}

/// Events and faults in the first second.
fn changes() -> impl Strategy<Value = (Vec<Value>, Vec<Value>)> {
    let at = || select(vec!["100ms", "0s", "333ms", "1ms"]);
    let event = (
        at(),
        select(vec![
            json!({ "set": { "web.replicas": 1 } }),
            json!({ "set": { "web.replicas": 5 } }),
            json!({ "set": { "api.replicas": 0 } }),
            json!({ "set": { "conns.size": 1 } }),
            json!({ "set": { "conns.size": 6, "conns.overflow": 0 } }),
            json!({ "set": { "cache.capacity": 3 } }),
            json!({ "set": { "cache.ttl": "5ms" } }),
            json!({ "set": { "web.speed": 0.5 } }),
            json!({ "set": { "db.error_rate": 0.5 } }),
            json!({ "set": { "gate.rate": "20/s" } }),
            json!({ "set": { "web.error_rate": 0.5, "api.speed": 2 } }),
            json!({ "set": { "jobs.concurrency": 5 } }),
            json!({ "set": { "db.shards": 5 } }),
            json!({ "set": { "db.shards": 1 } }),
            json!({ "do": "flush", "target": "cache" }),
            json!({ "do": "deploy", "target": "web" }),
            json!({ "do": "deploy", "target": "api", "max_surge": 0, "max_unavailable": 1 }),
            json!({ "do": "restart", "target": ["web"] }),
        ]),
    )
        .prop_map(|(at, mut event)| {
            event["at"] = json!(at);
            event
        });
    let target = select(vec!["web", "web[0]", "api", "db", "db/shard[0]", "store", "cache", "db/shard[0]/replica[0]"]);
    let kind = select(vec![
        json!({ "kind": "crash" }),
        json!({ "kind": "slow", "factor": 10 }),
        json!({ "kind": "stall" }),
        json!({ "kind": "latency", "latency": "exp(20ms)" }),
        json!({ "kind": { "loss": "20%" } }),
        json!({ "kind": "partition" }),
        json!({ "kind": { "error-rate": "50%" } }),
    ]);
    let by_chance = weighted(0.2, Just(()));
    let lasts = select(vec!["50ms", "1s", "1ns"]);
    let fault = (at(), target, kind, lasts, by_chance).prop_map(|(at, target, mut fault, lasts, by_chance)| {
        if target == "cache" && fault["kind"].is_object() {
            fault["kind"] = json!("flush");
        }
        match by_chance {
            Some(()) => {
                fault["mtbf"] = json!("200ms");
                fault["mttr"] = json!("exp(20ms)");
            }
            None => {
                fault["at"] = json!(at);
                fault["for"] = json!(lasts);
            }
        }
        fault["target"] = json!(target);
        fault
    });
    (weighted(0.3, vec(event, 1..3)), weighted(0.3, vec(fault, 1..3)))
        .prop_map(|(events, faults)| (events.unwrap_or_default(), faults.unwrap_or_default()))
}

fn autoscaler() -> impl Strategy<Value = Value> {
    let times = (select(vec!["100ms", "20ms"]), weighted(0.5, Just("50ms")));
    let behavior = weighted(
        0.7,
        select(vec![
            json!({}),
            json!({ "scale_up": { "window": "50ms", "policies": [{ "pods": 2, "per": "1s" }] } }),
            json!({ "scale_down": { "window": "0s", "policies": [{ "percent": 100, "per": "1s" }] } }),
        ]),
    );
    let other = weighted(
        0.6,
        select(vec![
            json!({ "policy": "target-tracking", "cooldown": { "out": "50ms", "in": "50ms" }, "datapoints": { "out": 1, "in": 2 } }),
            json!({ "policy": "step", "rules": [ { "metric": "cpu", "above": "20%", "change": "+50%" },
                    { "metric": "latency", "below": "5ms", "change": "-1", "cooldown": "50ms" } ] }),
            json!({ "policy": "schedule", "schedule": [ { "at": "100ms", "replicas": 4, "every": "300ms" }, { "at": "200ms", "replicas": 1, "every": "300ms" } ] }),
            json!({ "policy": "vertical", "cores": { "min": "100m", "max": 3 } }),
            json!({ "policy": "predictive", "predict": { "ahead": "1s" }, "metrics": [ { "requests_per_second": 20 } ] }),
            json!({ "nodes": { "per_node": 2, "provision": "30ms", "idle": "100ms", "target_capacity": "80%" },
                    "metrics": [ { "queue_length": { "average": 3 } }, { "cpu": "50%" }, { "external": { "of": "db", "value": 5 } } ] }),
        ]),
    );
    (select(vec!["web", "api"]), 0..3_u64, 0..5_u64, times, behavior, select(vec![0.8, 0.1]), other).prop_map(
        |(target, min, more, (sync, lag), behavior, cpu, other)| {
            let mut scaler = json!({
                "type": "autoscaler", "target": target, "min": min, "max": (min + more).max(1), "sync": sync,
                "metrics": [{ "cpu": cpu }]
            });
            set(&mut scaler, "metrics_lag", lag);
            match &other {
                Some(other) => {
                    if ["rules", "schedule", "cores"].iter().any(|own| other.get(own).is_some()) {
                        scaler.as_object_mut().expect("a map").remove("metrics");
                    }
                    add(&mut scaler, other.clone());
                }
                None => set(&mut scaler, "behavior", behavior),
            }
            scaler
        },
    )
}
