//! Queues of messages.

use super::link::link;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

pub fn message_queue() -> impl Strategy<Value = Value> {
    let when_full = select(vec![json!("reject"), json!("drop-oldest"), json!("block"), json!({ "wait": "5ms" })]);
    let batch = (1..5_u64, select(vec!["0s", "10ms", "1s"]), any::<bool>());
    let redeliver = weighted(0.5, (0..3_u64, select(vec!["0s", "20ms", "exp(5ms)"])));
    let line = (weighted(0.5, 0..6_u64), when_full, weighted(0.4, batch), redeliver, 1..4_u64);
    (line, select(vec!["store", "db", "conns"]), link(&["store"]), any::<bool>()).prop_map(
        |((capacity, when, batch, redeliver, concurrency), to, link, dead)| {
            let mut queue = json!({ "type": "queue", "to": to, "concurrency": concurrency });
            if link.as_object().is_some_and(|link| !link.is_empty()) {
                queue["link"] = link;
            }
            let mut least = 0;
            if let Some((size, wait, each)) = batch {
                queue["batch"] = json!({ "size": size, "wait": wait, "calls": if each { "each" } else { "one" } });
                least = if size > 1 { size } else { 0 };
            }
            if let Some(capacity) = capacity {
                queue["capacity"] = json!(capacity.max(least));
                queue["when_full"] = when;
            }
            if let Some((retries, delay)) = redeliver {
                queue["redeliver"] = json!({ "retries": retries, "delay": delay });
            }
            if dead {
                queue["dead_letters"] = json!("store");
            }
            queue
        },
    )
}
