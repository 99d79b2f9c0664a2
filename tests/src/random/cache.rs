//! Caches.

use super::link::link;
use super::{add, set, work};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

pub fn cache() -> impl Strategy<Value = Value> {
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
        (weighted(0.5, (select(vec!["1ms", "1s"]), select(vec![1, 7]))), any::<bool>(), weighted(0.1, Just("redis"))),
    );
    let backing = weighted(0.8, (select(vec!["db", "conns", "store"]), link(&["store"])));
    (keep, ways, weighted(0.6, work()), 1..3_u64, backing, extra).prop_map(
        |((capacity, eviction, ttl), (strategy, read, write, own, later, fail), service, threads, backing, extra)| {
            let (jitter, revalidate, if_error, coalesce, warm, nodes, (flush, tags, preset)) = extra;
            let mut cache = json!({ "type": "cache", "threads": threads });
            set(&mut cache, "eviction", capacity.as_ref().map(|_| eviction));
            set(&mut cache, "capacity", capacity);
            set(&mut cache, "ttl", ttl);
            set(&mut cache, "preset", preset);
            set(&mut cache, "invalidate_tags", tags.then_some(true));
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
            if backing.is_none() {
                // Nothing to read or to write through to.
                let cache = cache.as_object_mut().expect("it is one");
                ["strategy", "read", "write"].iter().for_each(|field| _ = cache.remove(*field));
            }
            if let Some((to, link)) = backing {
                cache["backing"] = json!({ "to": to });
                add(&mut cache["backing"], link);
                set(&mut cache, "on_failure", fail.then_some("fail"));
            }
            cache
        },
    )
}
