//! Autoscalers of all kinds.

use super::{add, set};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

pub fn autoscaler() -> impl Strategy<Value = Value> {
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
            json!({ "policy": "schedule", "schedule": [ { "at": "100ms", "replicas": 4, "every": "1s" }, { "at": "200ms", "replicas": 1, "every": "1s" } ] }),
            json!({ "policy": "step", "warmup": "50ms", "rules": [
                    { "metric": "queue_length", "above": 2, "for": "100ms", "cooldown": "100ms", "steps": [
                        { "lower": 0, "upper": 5, "change": "+1" }, { "lower": 5, "change": "+100%" } ] },
                    { "metric": "requests_per_second", "below": 5, "change": "-50%", "min_change": 2 } ] }),
            json!({ "policy": "target-tracking", "metrics": [ { "memory": "50%" }, { "latency": { "target": "5ms", "at": "p90" } } ] }),
            json!({ "metrics": [ { "memory": "50%" }, { "latency": "10ms" }, { "requests_per_second": 30 } ] }),
            json!({ "metrics": [ { "queue_length": { "of": "jobs", "value": 2 } } ] }),
            json!({ "metrics": [ { "external": { "series": [ { "at": "0s", "value": 1 }, { "at": "300ms", "value": 9 } ], "average": 2 } } ] }),
            json!({ "preset": "kubernetes" }),
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
