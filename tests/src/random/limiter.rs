//! Rate limiters.

use super::link::link;
use super::{add, set};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

pub fn limiter() -> impl Strategy<Value = Value> {
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
