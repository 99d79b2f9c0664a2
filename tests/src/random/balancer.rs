//! Load balancers: policies, health checks, what else they do.

use super::link::{link, unhedged};
use super::{add, patience, set, work};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

pub fn balancer() -> impl Strategy<Value = Value> {
    let target = |name: &'static str| {
        (link(&["store", "db"]), weighted(0.3, 0..4_u64)).prop_map(move |(link, weight)| {
            let mut target = json!({ "to": name });
            add(&mut target, unhedged(link));
            set(&mut target, "weight", weight.map(|weight| weight + 1));
            target
        })
    };
    let routed = weighted(0.3, prop_oneof![target("store"), target("gate")]);
    let policy = prop_oneof![balancing(), rarer()];
    let special = weighted(0.2, (any::<bool>(), weighted(0.5, 1..4_u64), weighted(0.5, 1..3_u64)));
    let preset = weighted(0.15, select(vec!["nginx", "alb", "envoy", "kubernetes"]));
    let policy = (policy, preset, weighted(0.3, select(vec![1.0, 1.25, 3.0])));
    (policy, target("web"), weighted(0.3, target("api")), routed, weighted(0.5, care()), special).prop_map(
        |((policy, preset, bound), web, api, routed, care, special)| {
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
            set(&mut balancer, "preset", preset);
            set(&mut balancer, "bounded_load", bound.filter(|_| policy == "consistent-hash"));
            add(&mut balancer, care.unwrap_or_else(|| json!({})));
            if let Some(routed) = routed {
                balancer["routes"] = json!([{ "classes": ["b"], "to": [routed] }]);
            }
            balancer
        },
    )
}

fn balancing() -> impl Strategy<Value = &'static str> {
    select(vec!["round-robin", "random", "least-connections", "power-of-two", "weighted-round-robin", "ip-hash"])
}

/// Policies that take more.
fn rarer() -> impl Strategy<Value = &'static str> {
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
