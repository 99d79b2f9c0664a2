//! Content delivery networks.

use super::link::{link, unhedged};
use super::{add, set, work};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

pub fn cdn() -> impl Strategy<Value = Value> {
    let regions = weighted(
        0.7,
        select(vec![
            json!({ "eu": { "share": 3, "rtt": "1ms" }, "us": {} }),
            json!({ "eu": { "share": 0 }, "us": { "rtt": "exp(5ms)" }, "asia": { "share": 0.5, "rtt": "20ms" } }),
        ]),
    );
    let keep = (
        weighted(0.6, select(vec![json!(1), json!(20), json!(0), json!("4kB"), json!("1MB")])),
        select(vec!["lru", "fifo", "sieve", "s3-fifo", "w-tinylfu", "lfu", "none"]),
        weighted(
            0.7,
            select(vec![
                json!({ "default": "50ms" }),
                json!({ "min": "20ms", "default": "0s", "max": "100ms" }),
                json!({ "default": "1ns", "max": "1s" }),
                json!({ "min": "1s" }),
            ]),
        ),
    );
    let ways = (any::<bool>(), weighted(0.3, work()), weighted(0.2, Just("cloudfront")));
    let more = (
        weighted(
            0.4,
            select(vec![
                json!({}),
                json!({ "rtt": "exp(2ms)", "to_origin": "0s" }),
                json!({ "rtt": { "default": "1ms" }, "capacity": 2 }),
            ]),
        ),
        weighted(0.3, select(vec!["10ms", "1s"])),
        weighted(0.3, select(vec![json!("50%"), json!({ "to": 0.1, "classes": ["a"], "min": "1B" })])),
    );
    let origin = (select(vec!["web", "edge", "store", "gate"]), link(&["store", "db"]), any::<bool>());
    (regions, keep, ways, origin, more).prop_map(
        |(
            regions,
            (capacity, eviction, ttl),
            (alone, service, preset),
            (to, link, copies),
            (shield, revalidate, compress),
        )| {
            let mut cdn = json!({ "type": "cdn", "to": to });
            set(&mut cdn, "preset", preset);
            set(&mut cdn, "regions", regions);
            set(&mut cdn, "eviction", capacity.as_ref().map(|_| eviction));
            set(&mut cdn, "capacity", capacity);
            set(&mut cdn, "ttl", ttl);
            set(&mut cdn, "collapse", alone.then_some(false));
            set(&mut cdn, "service", service);
            // Round trips by region are told of regions.
            let told = shield.filter(|shield| cdn.get("regions").is_some() || !shield["rtt"].is_object());
            set(&mut cdn, "shield", told);
            set(&mut cdn, "stale_while_revalidate", revalidate);
            set(&mut cdn, "compress", compress);
            let link = if copies { link } else { unhedged(link) };
            if link.as_object().is_some_and(|link| !link.is_empty()) {
                add(&mut cdn, json!({ "link": link }));
            }
            cdn
        },
    )
}
