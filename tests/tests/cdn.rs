//! What CDNs do, where the figures can be told beforehand.

use serde_json::{Value, json};
use sim_core::Report;
use tests::report;

/// Users of a CDN with nothing around it that takes time; `users` and `edge` win over what is usual.
fn run(seconds: u32, class: Value, users: Value, edge: Value, rest: Value) -> Report {
    let with = |usual: Value, own: Value| {
        let mut all = usual.as_object().expect("a map").clone();
        all.extend(own.as_object().expect("a map").clone());
        Value::Object(all)
    };
    let components = json!({
        "users": with(json!({ "type": "client", "to": "edge", "arrivals": { "rate": "1/s", "process": "constant" } }), users),
        "edge": with(json!({ "type": "cdn", "to": "origin" }), edge),
        "origin": { "type": "server-pool", "workers": 1000, "handlers": { "*": [{ "delay": "20ms" }] } },
    });
    let model = json!({
        "format": 1,
        "run": { "duration": format!("{seconds}s") },
        "keyspaces": { "pages": { "keys": 10 } },
        "classes": { "page": with(json!({ "key": "pages" }), class) },
        "components": components,
    });
    report(&with(model, rest), 1)
}

/// A run of 2,000 requests for ten pages in three regions.
fn three_regions(edge: Value, rest: Value) -> Report {
    let busy = json!({ "arrivals": { "rate": "100/s", "process": "constant" } });
    let mut all = json!({ "regions": { "eu": {}, "us": {}, "asia": {} } });
    all.as_object_mut().expect("a map").extend(edge.as_object().expect("a map").clone());
    run(20, json!({}), busy, all, rest)
}

fn calls(report: &Report, component: &str) -> u64 {
    report.components[component].calls
}

/// Hits, misses and refreshes.
fn looked_up(report: &Report, component: &str) -> (u64, u64, u64) {
    let own = &report.components[component];
    (own.hits.unwrap_or(0), own.misses.unwrap_or(0), own.refreshes.unwrap_or(0))
}

/// The mean latency in whole microseconds.
fn mean_us(report: &Report) -> u64 {
    (report.latency.mean_s.expect("requests came") * 1e6).round() as u64
}

#[test]
fn a_shield_asks_the_origin_once_for_all_regions() {
    for (shield, asked) in [(json!({}), 30), (json!({ "shield": {} }), 10)] {
        let report = three_regions(shield.clone(), json!({}));
        assert_eq!(calls(&report, "origin"), asked, "{shield}");
        let (hits, misses, _) = looked_up(&report, "edge");
        // Who comes while another loads waits for that load, and has missed too.
        let coalesced = report.components["edge"].coalesced.expect("a CDN counts");
        assert_eq!((hits + misses, misses - coalesced), (1_999, 30), "{shield}");
        if asked == 10 {
            assert_eq!(calls(&report, "edge/shield"), 30);
            assert_eq!(report.components["edge"].links["edge/shield"].calls, 30);
            assert_eq!(report.components["edge/shield"].links["origin"].calls, 10);
            assert_eq!(report.components["edge/shield"].kind, "cdn");
        }
    }
}

#[test]
fn the_ways_of_a_miss_add_up() {
    let users = json!({ "arrivals": { "rate": "1/s", "process": "constant" }, "to": "edge" });
    let regions = json!({ "us": { "rtt": "10ms" } });
    for (edge, expected) in [
        (json!({ "link": { "rtt": "30ms" } }), 60_000),
        (json!({ "link": { "rtt": "30ms" }, "shield": { "rtt": "50ms" } }), 110_000),
        (json!({ "link": { "rtt": "30ms" }, "shield": { "rtt": { "us": "50ms" }, "to_origin": "2ms" } }), 82_000),
        (json!({ "shield": { "rtt": { "default": "5ms" } }, "service": "1ms" }), 37_000),
    ] {
        let mut edge = edge;
        edge["regions"] = regions.clone();
        let report = run(2, json!({}), users.clone(), edge.clone(), json!({}));
        assert_eq!((mean_us(&report), report.requests.ok), (expected, 1), "{edge}");
    }
}

#[test]
fn what_comes_from_a_shield_is_as_old_as_it_was_there() {
    // The shield has the page from 4 s to 14 s; region b takes it at 7 s and has it until 14 s, not 17 s.
    let at = |every: &str, region: &str| {
        json!({ "type": "client", "to": "edge", "arrivals": { "rate": format!("1 per {every}"), "process": "constant" },
                "population": { "regions": { region: "100%" } } })
    };
    let components = json!({
        "first": at("4s", "a"), "second": at("7s", "b"),
        "edge": { "type": "cdn", "to": "origin", "shield": {}, "regions": { "a": {}, "b": {} } },
        "origin": { "type": "server-pool", "handlers": { "*": [{ "delay": "0s" }] } },
    });
    let model = json!({
        "format": 1, "run": { "duration": "20500ms" }, "keyspaces": { "pages": { "keys": 1 } },
        "classes": { "page": { "key": "pages", "max_age": "10s" } }, "components": components,
    });
    let report = report(&model, 1);
    assert_eq!(looked_up(&report, "edge"), (3, 4, 0));
    assert_eq!(looked_up(&report, "edge/shield"), (2, 2, 0));
}

#[test]
fn a_stale_answer_is_served_while_it_is_renewed() {
    let class = json!({ "max_age": "10s", "key": "one" });
    let rest = json!({ "keyspaces": { "one": { "keys": 1 } } });
    // One request a second: at 1 s it is loaded, at 12, 23, 34 and 45 s it is stale: 20 ms later it is new for 10 s.
    let report = run(50, class.clone(), json!({}), json!({ "stale_while_revalidate": "5s" }), rest.clone());
    assert_eq!((looked_up(&report, "edge"), calls(&report, "origin")), ((48, 1, 4), 5));
    let report = run(50, class, json!({}), json!({}), rest);
    assert_eq!((looked_up(&report, "edge"), calls(&report, "origin")), ((44, 5, 0), 5));
}

#[test]
fn a_purge_empties_regions_and_shield_and_a_soft_one_only_ends_what_they_have() {
    let purge = |soft: bool| json!({ "events": [{ "at": "10s", "do": "purge", "target": "edge", "soft": soft }] });
    assert_eq!(calls(&three_regions(json!({}), purge(false)), "origin"), 60);
    assert_eq!(calls(&three_regions(json!({ "shield": {} }), purge(false)), "origin"), 20);
    let report = three_regions(json!({ "stale_while_revalidate": "5s" }), purge(true));
    let coalesced = report.components["edge"].coalesced.expect("a CDN counts");
    let (_, misses, refreshes) = looked_up(&report, "edge");
    assert_eq!((misses - coalesced, refreshes, calls(&report, "origin")), (30, 30, 60));
    // The shield alone: the regions still have all.
    let only = json!({ "events": [{ "at": "10s", "do": "purge", "target": "edge/shield" }] });
    assert_eq!(calls(&three_regions(json!({ "shield": {} }), only), "origin"), 10);
}

#[test]
fn a_partition_from_the_origin_holds_for_the_shield() {
    let cut = json!({ "faults": [{ "at": "0s", "for": "20s", "kind": { "partition": { "from": "edge", "to": "origin" } } }] });
    assert_eq!(calls(&three_regions(json!({ "shield": {}, "link": { "timeout": "1s" } }), cut), "origin"), 0);
}

#[test]
fn compressed_answers_are_sent_kept_and_paid_for_as_such() {
    let users = json!({ "link": { "bandwidth": "1MB/s" } });
    let sized = |size: &str, edge: Value| {
        let mut edge = edge;
        edge["cost"] = json!({ "per_gb": 1 });
        run(100, json!({ "size": size }), users.clone(), edge, json!({}))
    };
    let fastest_us = |report: &Report| (report.latency.min_s.expect("requests came") * 1e6).round() as u64;
    for (size, compress, expected) in [
        ("100kB", json!({}), 100_000),
        ("100kB", json!({ "compress": "25%" }), 25_000),
        ("100kB", json!({ "compress": { "to": "25%", "classes": ["page"], "max": "99kB" } }), 100_000),
        ("999B", json!({ "compress": "25%" }), 999),
        ("1kB", json!({ "compress": "25%" }), 250),
        ("100kB", json!({ "compress": "25%", "ttl": { "max": "0s", "default": "0s" } }), 120_000),
    ] {
        assert_eq!(fastest_us(&sized(size, compress.clone())), expected, "{size} {compress}");
    }
    // Room for one page of 100 kB, or for four of 25 kB; ten are asked for in turn.
    let evictions = |edge: Value| sized("100kB", edge).components["edge"].evictions.expect("a CDN counts");
    let four = json!({ "keyspaces": { "pages": { "keys": 4 } } });
    let of_four = |edge: Value| {
        let report = run(100, json!({ "size": "100kB" }), users.clone(), edge, four.clone());
        report.components["edge"].evictions.expect("a CDN counts")
    };
    assert!(evictions(json!({ "capacity": "100kB", "compress": "25%" })) > 0);
    assert!(of_four(json!({ "capacity": "100kB" })) > 0);
    assert_eq!(of_four(json!({ "capacity": "100kB", "compress": "25%" })), 0);
    let per_month = |edge: Value| sized("100kB", edge).cost.expect("it has a price").per_month;
    let (whole, quarter) = (per_month(json!({})), per_month(json!({ "compress": "25%" })));
    assert!((quarter * 4.0 - whole).abs() < 1e-6 * whole, "{quarter} is no quarter of {whole}");
}
