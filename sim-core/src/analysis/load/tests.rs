//! Offered loads that can be worked out by hand.

use super::*;
use crate::model::NoFiles;

fn load(components: &str) -> Load {
    let text = format!(
        r#"{{ "format": 1, "run": {{ "duration": "10s" }},
             "keyspaces": {{ "keys": {{ "keys": 100 }} }},
             "classes": {{ "look": {{ "key": "keys" }}, "buy": {{ "key": "keys", "write": true }} }},
             "components": {{ {components} }} }}"#
    );
    let parsed = Model::parse(&text, "test.json", &[], &NoFiles);
    let (model, _) = parsed.unwrap_or_else(|mistakes| panic!("{components}: {mistakes:?}"));
    offered(&model)
}

/// Busy servers of each station, and how many there are.
fn stations(components: &str) -> Vec<(String, f64, f64)> {
    let rounded = |value: f64| (value * 1e6).round() / 1e6;
    let station =
        |load: StationLoad| (format!("{}.{}", load.component, load.station), rounded(load.busy), rounded(load.servers));
    load(components).stations.into_iter().map(station).collect()
}

fn row(station: &str, busy: f64, servers: f64) -> (String, f64, f64) {
    (station.to_owned(), busy, servers)
}

const CLIENT: &str = r#""users": { "type": "client", "to": "web", "arrivals": { "rate": "100/s" },
                                  "mix": { "look": 3, "buy": 1 } }"#;

#[test]
fn handlers_are_walked_by_class() {
    let web = r#""web": { "type": "server-pool", "replicas": 2, "workers": 4, "speed": 2, "handlers": {
        "look": [ { "cpu": "4ms" }, { "delay": "6ms" } ],
        "buy": [ { "parallel": [ [ { "cpu": "8ms" } ], [ { "delay": "20ms" } ] ] },
                 { "fail": "50%" }, { "choose": [ { "weight": 1, "do": [ { "cpu": "4ms" } ] }, { "weight": 3 } ] } ] } }"#;
    // Cores: 75/s × 2 ms + 25/s × (4 ms + ½ · ¼ · 2 ms); workers: 75/s × 8 ms + 25/s × (20 ms + ½ · ¼ · 2 ms).
    assert_eq!(
        stations(&format!("{CLIENT}, {web}")),
        [row("web.cores", 0.256_25, 2.0), row("web.workers", 1.106_25, 8.0)]
    );
}

#[test]
fn pools_are_held_while_what_is_behind_works() {
    let web = r#""web": { "type": "server-pool", "replicas": 2, "async": true, "handlers": {
        "look": [ { "call": "pool", "times": 2 } ],
        "buy": [ { "hold": "pool", "do": [ { "call": "pool", "op": "read" }, { "call": "pool" }, { "delay": "10ms" } ] } ] } },
        "pool": { "type": "connection-pool", "size": 3, "overflow": 1, "to": { "to": "db", "rtt": "1ms" } },
        "db": { "type": "database", "shards": 2, "slots": 5, "operations": { "read": "4ms", "write": "9ms" } }"#;
    // Per look 2 × 4 ms, per buy 4 + 9 ms; a connection is held the round trip longer, in the hold the delay too.
    assert_eq!(
        stations(&format!("{CLIENT}, {web}")),
        [row("db.slots", 0.6 + 0.325, 10.0), row("pool.connections", 0.75 + 0.625, 8.0)]
    );
}

#[test]
fn caches_are_thought_empty_and_say_so() {
    let web = r#""web": { "type": "server-pool", "handlers": { "*": [ { "call": "redis" } ] } },
        "redis": { "type": "cache", "service": "1ms", "threads": 2, "backing": "db" },
        "db": { "type": "database", "replicas": 1, "read_from": "any",
                "operations": { "read": "4ms", "write": "8ms" } }"#;
    let text = format!("{CLIENT}, {web}");
    // Each look is get, load, set; each buy a write and a delete. Reads go to primary and replica in turn.
    assert_eq!(
        stations(&text),
        [
            row("db.replicas", 0.15, 8.0),
            row("db.slots", 0.15 + 0.2, 8.0),
            row("redis.threads", 0.15 + 0.025, 2.0),
            row("web.workers", 0.45 + 0.225, 1.0)
        ]
    );
    assert_eq!(load(&text).assumptions, ["nothing is found in `redis`"]);
}

#[test]
fn the_highest_rate_counts_and_replicas_that_may_come() {
    let components = r#""users": { "type": "client", "to": "edge",
            "arrivals": { "stages": [ { "ramp_to": "50/s", "for": "5s" }, { "rate": "10/s", "for": "5s" } ] } },
        "edge": { "type": "load-balancer", "to": [ { "to": "web", "weight": 3 }, "old" ] },
        "web": { "type": "server-pool", "replicas": 1, "handlers": { "*": [ { "cpu": "10ms" } ] } },
        "old": { "type": "server-pool", "replicas": 3, "handlers": { "*": [ { "cpu": "20ms" } ] } },
        "scaler": { "type": "autoscaler", "target": "web", "max": 2 }"#;
    let found = stations(components);
    // 2 × 3 against 3 × 1.
    assert_eq!(found[0], row("old.cores", 50.0 / 3.0 * 0.02, 3.0).rounded());
    assert_eq!(found[2], row("web.cores", 100.0 / 3.0 * 0.01, 2.0).rounded());
    assert_eq!(load(components).assumptions, ["`users` at its highest stage", "`web` at its most replicas, 2"]);
}

trait Rounded {
    fn rounded(self) -> Self;
}

impl Rounded for (String, f64, f64) {
    fn rounded(self) -> Self {
        (self.0, (self.1 * 1e6).round() / 1e6, self.2)
    }
}

#[test]
fn a_closed_loop_asks_as_fast_as_its_own_work_lets_it() {
    let components = r#""users": { "type": "client", "to": "web", "arrivals": { "users": 30, "think": "90ms" } },
        "web": { "type": "server-pool", "handlers": { "*": [ { "cpu": "10ms" } ] } }"#;
    assert_eq!(stations(components), [row("web.cores", 3.0, 1.0), row("web.workers", 3.0, 1.0)]);
}
