//! Events and faults.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// Events and faults in the first second.
pub fn changes() -> impl Strategy<Value = (Vec<Value>, Vec<Value>)> {
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
            json!({ "do": "purge", "target": "cdn" }),
            json!({ "do": "purge", "target": "cdn", "soft": true }),
            json!({ "do": "warm", "target": "cache" }),
            json!({ "do": "restart", "target": "db/shard[0]" }),
            json!({ "do": "deploy", "target": "web" }),
            json!({ "do": "deploy", "target": "api", "max_surge": 0, "max_unavailable": 1 }),
            json!({ "do": "restart", "target": ["web"] }),
        ]),
    )
        .prop_map(|(at, mut event)| {
            event["at"] = json!(at);
            event
        });
    let target = select(vec![
        "web",
        "web[0]",
        "api",
        "db",
        "db/shard[0]",
        "store",
        "cache",
        "db/shard[0]/replica[0]",
        "edge",
        "conns",
        "jobs",
        "gate",
        "cdn",
    ]);
    let kind = select(vec![
        json!({ "kind": "crash" }),
        json!({ "kind": "slow", "factor": 10 }),
        json!({ "kind": "stall" }),
        json!({ "kind": "latency", "latency": "exp(20ms)" }),
        json!({ "kind": { "loss": "20%" } }),
        json!({ "kind": "partition" }),
        json!({ "kind": { "error-rate": "50%" } }),
        json!({ "kind": "zone-outage", "zone": "zone-a" }),
        json!({ "kind": "zone-outage", "zone": "zone-b" }),
        json!({ "kind": "partition", "from": "web" }),
        json!({ "kind": "flush" }),
        json!({ "kind": "loss", "share": "30%" }),
    ]);
    let by_chance = weighted(0.2, Just(()));
    let lasts = select(vec!["50ms", "1s", "1ns"]);
    let fault = (at(), target, kind, lasts, by_chance).prop_map(|(at, target, mut fault, lasts, by_chance)| {
        let is_of_links = |fault: &Value| {
            let text = fault["kind"].to_string();
            ["latency", "loss", "partition"].iter().any(|word| text.contains(word))
        };
        // What can't fail so fails otherwise.
        if fault["kind"] == "flush" && target != "cache" {
            fault = json!({ "kind": "stall" });
        }
        if target == "cache" && fault["kind"].is_object() {
            fault = json!({ "kind": "flush" });
        }
        if matches!(target, "edge" | "conns" | "jobs" | "gate" | "cdn") && !is_of_links(&fault) {
            fault = json!({ "kind": "latency", "latency": "5ms" });
        }
        let by_chance = by_chance.filter(|_| fault["kind"] != "zone-outage");
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
        if fault.get("zone").is_none() {
            fault["target"] = json!(target);
        }
        fault
    });
    (weighted(0.3, vec(event, 1..3)), weighted(0.3, vec(fault, 1..3)))
        .prop_map(|(events, faults)| (events.unwrap_or_default(), faults.unwrap_or_default()))
}
