//! Varied models, short enough for an interpreter of wasm.

use serde_json::{Value, json};
use sim_core::model::Files;
use sim_core::{Model, Plan, Report};

/// The files that the models name.
struct Record;

impl Files for Record {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let mut text = String::from("time,class,key,client,size,write\n");
        for row in 0..400_u32 {
            let (time, key) = (f64::from(row) * 0.0021, row * 7 % 31);
            let (class, write) = if row % 5 == 0 { ("put", 1) } else { ("get", 0) };
            text.push_str(&format!("{time:.4},{class},k{key},c{},{},{write}\n", row % 9, 100 + row));
        }
        if path == "record.csv" { Ok(text.into_bytes()) } else { Err(format!("there is no {path}")) }
    }
}

/// The report of a model.
///
/// # Panics
/// Where the model is wrong.
pub fn report(text: &str, seed: u64) -> Report {
    let (model, _) = Model::parse(text, "model.json", &[], &Record).unwrap_or_else(|mistakes| {
        panic!("{:?}\n{text}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>())
    });
    let plan = Plan::compile(&model, &Record).expect("a legal model compiles");
    sim_core::simulate(&plan, seed)
}

/// The digest of the results of a model.
pub fn digest(text: &str, seed: u64) -> u64 {
    u64::from_str_radix(&report(text, seed).digest, 16).expect("a digest is hexadecimal")
}

fn model(duration: &str, components: Value) -> Value {
    json!({ "format": 1, "run": { "duration": duration, "warmup": "50ms", "drain": "2s" }, "components": components })
}

/// All of them, by name.
pub fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("one queue", one_queue()),
        ("web shop", web_shop()),
        ("retries", retries()),
        ("steps", steps()),
        ("copies for each replica", copies()),
        ("shards", shards()),
        ("autoscaler", autoscaler()),
        ("faults", faults()),
        ("users", users()),
        ("distributions", distributions()),
        ("arrivals", arrivals()),
        ("record", record()),
        ("balancers", balancers()),
    ]
}

fn one_queue() -> Value {
    model(
        "2s",
        json!({
            "client": { "type": "client", "to": "web", "arrivals": { "rate": "800/s" } },
            "web": { "type": "server-pool", "handlers": { "*": [{ "cpu": "exp(1ms)" }] } }
        }),
    )
}

fn web_shop() -> Value {
    let mut shop: Value =
        serde_json::from_str(include_str!("../../../models/web-shop.json")).expect("the model in the folder is JSON");
    shop["run"] = json!({ "warmup": "200ms", "duration": "800ms" });
    shop
}

fn retries() -> Value {
    model(
        "1s",
        json!({
            "client": { "type": "client", "to": "web", "arrivals": { "rate": "300/s" },
                "link": { "rtt": "exp(2ms)", "timeout": "40ms", "deadline": "90ms", "cancel": true,
                    "retry": { "retries": 3, "when": ["5xx", "timeout"], "backoff": "exponential(2ms, factor=3, max=20ms)", "jitter": "full" } } },
            "web": { "type": "server-pool", "cores": 2, "workers": 20, "queue": { "capacity": 10, "timeout": "15ms" },
                "handlers": { "*": [{ "cpu": "lognormal(2ms, cv=2)" },
                    { "call": "api", "timeout": "8ms", "max_in_flight": 8,
                      "retry": { "retries": 2, "when": ["timeout", "rejected"], "backoff": ["1ms", "4ms"], "jitter": "decorrelated" } }] } },
            "api": { "type": "server-pool", "error_rate": "5%", "handlers": { "*": [{ "cpu": "gamma(3ms, cv=1.5)" }] } }
        }),
    )
}

fn steps() -> Value {
    model(
        "1s",
        json!({
            "client": { "type": "client", "to": "web", "arrivals": { "rate": "150/s" } },
            "web": { "type": "server-pool", "replicas": 2, "workers": 30, "handlers": { "*": [
                { "parallel": [[{ "cpu": "exp(1ms)" }], [{ "call": "db", "times": 2 }], [{ "delay": "uniform(0s, 5ms)" }]], "need": 2 },
                { "hold": "conns", "do": [{ "call": "conns" }, { "cpu": "500us" }, { "call": "conns", "op": "write", "timeout": "6ms" }] },
                { "choose": [{ "weight": 3, "do": [{ "cpu": "1ms" }] }, { "weight": 1, "do": [{ "fail": "20%", "as": "denied" }] }] }
            ] } },
            "conns": { "type": "connection-pool", "size": 3, "overflow": 1, "connect": "exp(5ms)", "idle_timeout": "30ms", "acquire_timeout": "50ms", "to": "db" },
            "db": { "type": "database", "slots": 6, "connections": 12, "operations": { "read": "exp(3ms)", "write": "weibull(4ms, shape=0.7)" } }
        }),
    )
}

fn copies() -> Value {
    let mut copies = model(
        "1s",
        json!({
            "client": { "type": "client", "to": "edge", "arrivals": { "rate": "400/s" }, "population": { "clients": 40, "popularity": "zipf(1)" } },
            "edge": { "type": "load-balancer", "policy": "ip-hash", "to": ["web"] },
            "web": { "type": "server-pool", "replicas": 3, "workers": 8, "handlers": {
                "get": [{ "cached": "local", "miss": [{ "call": "shared" }] }],
                "put": [{ "call": "shared" }, { "call": "local", "op": "delete" }] } },
            "local": { "type": "cache", "scope": "per-replica", "capacity": 30, "ttl": "100ms", "eviction": "fifo" },
            "shared": { "type": "cache", "capacity": 200, "ttl": { "default": "1s", "items": "300ms" }, "strategy": "write-through",
                "service": "exp(100us)", "fill": "async", "backing": "conns" },
            "conns": { "type": "connection-pool", "size": 4, "mode": "session", "to": "db" },
            "db": { "type": "database", "operations": { "read": "exp(2ms)", "write": "exp(3ms)" } }
        }),
    );
    copies["keyspaces"] = json!({ "items": { "keys": 500, "popularity": "zipf(0.9)" } });
    copies["classes"] = json!({ "put": { "key": "items", "write": true }, "get": { "key": "items" } });
    copies["components"]["client"]["mix"] = json!({ "get": 9, "put": 1 });
    copies["events"] = json!([{ "at": "400ms", "do": "flush", "target": "shared" }, { "at": "600ms", "set": { "local.ttl": "20ms" } }]);
    copies
}

fn shards() -> Value {
    let mut shards = model(
        "1s",
        json!({
            "client": { "type": "client", "to": "orders", "arrivals": { "rate": "600/s", "process": "gamma(cv=2)" },
                "link": { "rtt": "1ms", "bandwidth": "2MB/s", "loss": "3%", "rto": "4ms" } },
            "orders": { "type": "database", "shards": 4, "placement": "hash", "replicas": 2, "read_from": "any", "cores": 2, "error_rate": "1%",
                "operations": { "read": { "time": "exp(1ms)", "rows": 100_000, "indexed": true, "per_probe": "5us", "returned": 3, "per_row": "2us" }, "write": "exp(4ms)" } }
        }),
    );
    shards["keyspaces"] = json!({ "ids": { "keys": 1_000_000, "popularity": "hotspot(1%, 40%)" } });
    shards["classes"] = json!({ "read": { "key": "ids", "size": "exp(4kB)" }, "write": { "key": "ids", "write": true, "size": "lognormal(2kB, cv=1)" } });
    shards
}

fn autoscaler() -> Value {
    model(
        "3s",
        json!({
            "client": { "type": "client", "to": "edge", "arrivals": { "stages": [
                { "rate": "100/s", "for": "1s" }, { "ramp_to": "900/s", "for": "500ms" }, { "rate": "150/s", "for": "1s" }] } },
            "edge": { "type": "load-balancer", "policy": "least-connections", "to": ["web"] },
            "web": { "type": "server-pool", "startup": "uniform(50ms, 150ms)", "workers": 16, "queue": 100, "cpu_request": "500m",
                "handlers": { "*": [{ "cpu": "erlang(3ms, k=2)" }] } },
            "scaler": { "type": "autoscaler", "target": "web", "min": 1, "max": 6, "sync": "100ms", "metrics_lag": "50ms", "metrics": [{ "cpu": "70%" }],
                "behavior": { "scale_down": { "window": "300ms", "policies": [{ "percent": 50, "per": "1s" }] } } }
        }),
    )
}

fn faults() -> Value {
    let mut faults = model(
        "1s",
        json!({
            "client": { "type": "client", "to": "edge", "arrivals": { "rate": "400/s" }, "link": { "timeout": "100ms", "fallback": "spare" } },
            "edge": { "type": "load-balancer", "policy": "power-of-two", "to": ["web"] },
            "web": { "type": "server-pool", "replicas": 3, "workers": 8, "startup": "20ms", "handlers": { "*": [{ "cpu": "exp(2ms)" }, { "call": "db", "retry": 1 }] } },
            "spare": { "type": "server-pool", "handlers": { "*": [{ "delay": "2ms" }] } },
            "db": { "type": "database", "operations": { "read": "exp(2ms)" } }
        }),
    );
    faults["faults"] = json!([
        { "at": "200ms", "for": "100ms", "target": "web[1]", "kind": "crash" },
        { "at": "400ms", "for": "150ms", "target": "db", "kind": { "slow": { "factor": 4 } } },
        { "at": "700ms", "for": "50ms", "target": "db", "kind": "crash" }
    ]);
    faults
}

fn users() -> Value {
    let mut users = model(
        "2s",
        json!({
            "people": { "type": "client", "to": "web", "arrivals": { "users": [{ "users": 5, "for": "500ms" }, { "ramp_to": 40, "for": "1s" }, { "users": 10, "for": "1s" }], "think": "exp(30ms)" },
                "journey": [{ "class": "look", "times": 3, "think": "lognormal(5ms, cv=1)" }, { "class": "buy", "key": "same" }] },
            "web": { "type": "server-pool", "cores": "1500m", "workers": 6, "queue": { "capacity": 20, "order": "priority", "when_full": "drop-oldest" },
                "handlers": { "look": [{ "cpu": "exp(2ms)" }], "buy": [{ "cpu": "5ms" }] } }
        }),
    );
    users["keyspaces"] = json!({ "goods": { "keys": 100, "popularity": "zipf(1.2)" } });
    users["classes"] = json!({ "look": { "key": "goods" }, "buy": { "key": "goods", "write": true, "priority": 3 } });
    users
}

fn distributions() -> Value {
    let work = [
        "exp(200us)",
        "lognormal(200us, cv=0.8)",
        "lognormal(p50=100us, p99=2ms)",
        "gamma(200us, cv=0.5)",
        "erlang(200us, k=4)",
        "weibull(200us, shape=0.6)",
        "pareto(min=50us, alpha=1.4, max=20ms)",
        "uniform(0s, 400us)",
        "normal(200us, sd=200us)",
        "hyperexp(200us, cv=3)",
        "mix(90% exp(100us), 10% exp(1ms))",
        "quantiles(p50=100us, p90=400us, p99=2ms, max=9ms)",
    ];
    let steps: Vec<Value> = work.iter().map(|work| json!({ "cpu": work })).collect();
    model(
        "1s",
        json!({
            "client": { "type": "client", "to": "web", "arrivals": { "rate": "250/s" } },
            "web": { "type": "server-pool", "workers": 50, "handlers": { "*": steps } }
        }),
    )
}

fn arrivals() -> Value {
    model(
        "2s",
        json!({
            "even": { "type": "client", "to": "web", "arrivals": { "rate": "90/s", "process": "constant" } },
            "bursts": { "type": "client", "to": "web", "arrivals": { "rate": "90/s", "process": "mmpp(1 for 200ms, 8 for 50ms)" } },
            "gamma": { "type": "client", "to": "web", "arrivals": { "rate": "90/s", "process": "gamma(cv=0.4)" } },
            "day": { "type": "client", "to": "web", "max_in_flight": 4, "arrivals": { "daily": { "trough": "10/s", "peak": "200/s", "peak_at": "20:00", "starts_at": "19:00" } } },
            "web": { "type": "server-pool", "cores": 2, "handlers": { "*": [{ "cpu": "exp(3ms)" }] } }
        }),
    )
}

fn record() -> Value {
    let mut record = model(
        "1s",
        json!({
            "client": { "type": "client", "to": "cache", "arrivals": { "trace": "record.csv", "speed": 1.5 }, "link": { "rtt": "1ms", "bandwidth": "1MB/s" } },
            "cache": { "type": "cache", "capacity": 10, "service": "exp(200us)", "backing": "db" },
            "db": { "type": "database", "operations": { "read": "exp(2ms)", "write": "exp(2ms)" } }
        }),
    );
    record["keyspaces"] = json!({ "k": { "keys": 100 } });
    record["classes"] = json!({ "get": { "key": "k" }, "put": { "key": "k" } });
    record
}

fn balancers() -> Value {
    let mut components = json!({
        "edge0": { "type": "load-balancer", "policy": "weighted-round-robin", "to": [{ "to": "a", "weight": 3 }, { "to": "b", "weight": 2 }] },
        "edge1": { "type": "load-balancer", "policy": "random", "to": [{ "to": "a", "rtt": "500us" }, "b"] },
        "edge2": { "type": "load-balancer", "policy": "least-connections", "to": ["b", "a"], "routes": [{ "classes": "request", "to": "b" }] },
        "a": { "type": "server-pool", "replicas": 2, "overrides": { "1": { "speed": 0.4, "weight": 1 } }, "handlers": { "*": [{ "cpu": "exp(2ms)" }] } },
        "b": { "type": "server-pool", "replicas": 3, "async": true, "queue": { "capacity": 4, "when_full": { "wait": "3ms" }, "order": "lifo" },
            "handlers": { "*": [{ "cpu": "exp(1ms)" }, { "delay": "2ms" }, { "cpu": "exp(1ms)" }] } }
    });
    for number in 0..3 {
        components[format!("client{number}")] =
            json!({ "type": "client", "to": format!("edge{number}"), "arrivals": { "rate": "200/s" } });
    }
    model("1s", components)
}
