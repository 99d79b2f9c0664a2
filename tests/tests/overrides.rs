//! What single instances have otherwise, where the figures can be told beforehand.

use serde_json::{Value, json};
use sim_core::Report;
use tests::report;

/// Ten requests a second for ten seconds, at `first`.
fn run(first: &str, parts: Value, rest: Value) -> Report {
    let mut model = json!({
        "format": 1,
        "run": { "duration": "10s" },
        "keyspaces": { "keys": { "keys": 1000 } },
        "classes": { "get": { "key": "keys" } },
        "components": {
            "users": { "type": "client", "to": first, "arrivals": { "rate": "10/s", "process": "constant" } },
        },
    });
    let own = |value: Value| value.as_object().expect("a map").clone();
    model["components"].as_object_mut().expect("a map").extend(own(parts));
    model.as_object_mut().expect("a map").extend(own(rest));
    report(&model, 1)
}

/// Two replicas that get requests in turn, each one every 200 ms.
fn pool(web: Value, rest: Value) -> Report {
    let mut all = json!({ "type": "server-pool", "replicas": 2, "handlers": { "*": [{ "delay": "1ms" }] } });
    all.as_object_mut().expect("a map").extend(web.as_object().expect("a map").clone());
    run("edge", json!({ "edge": { "type": "load-balancer", "to": ["web"] }, "web": all }), rest)
}

/// An instance's calls, its errors, and its utilization.
fn of(report: &Report, component: &str, instance: &str) -> (u64, u64, f64) {
    let own = &report.components[component].instances[instance];
    (own.calls, own.errors.values().sum(), own.utilization.unwrap_or(0.0))
}

#[test]
fn a_replica_fails_more_often() {
    let report = pool(json!({ "overrides": { "0": { "error_rate": "100%" } } }), json!({}));
    let ((calls, failed, _), (_, other, _)) = (of(&report, "web", "web[0]"), of(&report, "web", "web[1]"));
    assert!(calls > 40 && calls == failed && other == 0, "{failed} of {calls}, {other}");
    // What is set for all holds for it too.
    let mended = json!({ "events": [{ "at": "5s", "set": { "web.error_rate": 0 } }] });
    let report = pool(json!({ "overrides": { "0": { "error_rate": "100%" } } }), mended);
    assert_eq!(of(&report, "web", "web[0]").1, 25);
}

#[test]
fn a_replica_has_cores_workers_and_a_queue_of_its_own() {
    let work = json!({ "*": [{ "cpu": "100ms" }] });
    for scheduling in ["sharing", "fifo"] {
        let web = json!({ "scheduling": scheduling, "handlers": work, "overrides": { "1": { "cores": 4 } } });
        let report = pool(web, json!({}));
        let busy = |name: &str| of(&report, "web", name).2;
        assert!((busy("web[0]") - 0.5).abs() < 0.02 && (busy("web[1]") - 0.125).abs() < 0.01, "{scheduling}");
        let stations = &report.components["web"].stations;
        assert!((stations["cores"].servers - 5.0).abs() < 1e-9, "{scheduling}");
        assert!((stations["workers"].servers - 5.0).abs() < 1e-9, "{scheduling}: as many as it has cores");
    }
    // Each request takes 300 ms: with one worker and no queue every second one is turned away.
    let slow = json!({ "*": [{ "delay": "300ms" }] });
    let web = json!({ "workers": 10, "handlers": slow, "overrides": { "1": { "workers": 1, "queue": 0 } } });
    let report = pool(web, json!({}));
    let ((_, none, _), (calls, rejected, _)) = (of(&report, "web", "web[0]"), of(&report, "web", "web[1]"));
    assert!(none == 0 && rejected * 2 == calls / 2 * 2, "{none}, {rejected} of {calls}");
}

#[test]
fn a_replica_starts_slowly_and_stands_elsewhere() {
    let restart = json!({ "events": [{ "at": "2s", "do": "restart", "target": "web" }] });
    let report = pool(json!({ "overrides": { "1": { "startup": "4s" } } }), restart);
    // While it starts, for 4 s, the other one gets its 20 requests.
    let (first, second) = (of(&report, "web", "web[0]").0, of(&report, "web", "web[1]").0);
    assert!(first.abs_diff(70) <= 1 && second.abs_diff(30) <= 1, "{first}, {second}");

    let outage = json!({ "faults": [{ "at": "0s", "for": "10s", "kind": { "zone-outage": "zone-a" } }] });
    for (web, down) in [
        (json!({ "zones": 2 }), "web[0]"),
        (json!({ "zones": 2, "overrides": { "0": { "zone": "b" } } }), "web[1]"),
        (json!({ "zones": 2, "overrides": { "1": { "zone": "zone-a" }, "0": { "zone": "zone-b" } } }), "web[1]"),
    ] {
        let report = pool(web.clone(), outage.clone());
        for name in ["web[0]", "web[1]"] {
            let (calls, failed, _) = of(&report, "web", name);
            assert_eq!(failed, if name == down { calls } else { 0 }, "{web}: {name}");
        }
    }
}

#[test]
fn a_node_of_a_database_differs() {
    let db = json!({ "db": {
        "type": "database", "shards": 2, "replicas": 1, "read_from": "any", "slots": 4,
        "operations": { "read": "10ms" },
        "overrides": {
            "shard[1]": { "speed": 0.5 },
            "shard[0]": { "slots": 1 },
            "shard[1]/replica[0]": { "error_rate": "100%" },
        },
    } });
    let report = run("db", db, json!({}));
    assert!((report.components["db"].stations["slots"].servers - 13.0).abs() < 1e-9);
    for (node, slots, service_s, all_fail) in [
        ("db/shard[0]", 1.0, 0.010, false),
        ("db/shard[0]/replica[0]", 4.0, 0.010, false),
        ("db/shard[1]", 4.0, 0.020, false),
        ("db/shard[1]/replica[0]", 4.0, 0.010, true),
    ] {
        let (calls, failed, busy) = of(&report, "db", node);
        let expected = calls as f64 * service_s / slots / 10.0;
        assert!(calls > 5 && (busy - expected).abs() < 1e-3, "{node}: {busy}, not {expected}");
        assert_eq!(failed, if all_fail { calls } else { 0 }, "{node}");
    }
}

#[test]
fn a_node_of_a_cluster_differs() {
    let parts = json!({
        "web": { "type": "server-pool", "workers": 100, "handlers": { "*": [{ "call": "redis" }] } },
        "redis": { "type": "cache", "nodes": 3, "service": "10ms", "backing": "db",
                   "overrides": { "1": { "speed": 0.25 }, "2": { "threads": 4 } } },
        "db": { "type": "database", "operations": { "read": "0s" } },
    });
    let report = run("web", parts, json!({}));
    let threads = &report.components["redis"].stations["threads"];
    assert!((threads.servers - 6.0).abs() < 1e-9, "{}", threads.servers);
    let per_call = |node: &str, threads: f64| {
        let (calls, _, busy) = of(&report, "redis", node);
        busy * threads * 10.0 / calls as f64
    };
    let (usual, slow, wide) = (per_call("redis[0]", 1.0), per_call("redis[1]", 1.0), per_call("redis[2]", 4.0));
    // Fills are work too, and no calls; 1,000 keys are seldom asked for twice.
    assert!((slow / usual - 4.0).abs() < 0.3 && (wide / usual - 1.0).abs() < 0.1, "{usual}, {slow}, {wide}");
}
