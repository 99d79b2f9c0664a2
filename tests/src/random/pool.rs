//! Server pools and their queues.

use super::handler::handler;
use super::{add, patience, set};
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// Where a pool stands: pools call only what is further down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    Web,
    Api,
    Store,
}

pub fn pool(layer: Layer) -> impl Strategy<Value = Value> {
    let machine = (0..4_u64, select(vec![1.0, 2.0, 0.5, 4.0]), of(1..10_u64), any::<bool>(), any::<bool>());
    let rest = (
        weighted(0.5, queue()),
        weighted(0.2, select(vec!["50ms", "exp(10ms)"])),
        weighted(0.2, select(vec![0.1, 1.0])),
        weighted(0.2, select(vec![0.5, 3.0])),
        weighted(0.1, (0..3_u64, 0..3_u64)),
    );
    let handlers = (handler(layer), weighted(0.5, handler(layer)));
    let more = weighted(
        0.4,
        select(vec![
            json!({ "pause": { "every": "exp(50ms)", "for": "5ms" } }),
            json!({ "pause": { "every": 7, "for": "exp(3ms)" } }),
            json!({ "adaptive_limit": { "rule": "gradient", "initial": 3 } }),
            json!({ "adaptive_limit": "aimd", "slowdown": [["50%", 1], [1, 2.5]] }),
            json!({ "memory": { "base": "10MB", "per_request": "10MB", "limit": "40MB" } }),
            json!({ "slowdown": [[0, 1], ["100%", 3]], "zones": 2 }),
            json!({ "zones": ["zone-a", "zone-b"], "cpu_request": "200m", "cost": 0.1 }),
        ]),
    );
    (machine, rest, handlers, more).prop_map(
        |((replicas, cores, workers, event_loop, fifo), (queue, startup, errors, speed, own), (all, of_b), more)| {
            let mut pool = json!({ "type": "server-pool", "cores": cores, "handlers": { "*": all } });
            // Without any replica there is little to see.
            pool["replicas"] = json!(if replicas == 3 { 0 } else { replicas + 1 });
            set(&mut pool["handlers"], "b", of_b);
            set(&mut pool, "workers", workers);
            set(&mut pool, "async", event_loop.then_some(true));
            set(&mut pool, "scheduling", fifo.then_some("fifo"));
            set(&mut pool, "queue", queue);
            set(&mut pool, "startup", startup);
            set(&mut pool, "error_rate", errors);
            set(&mut pool, "speed", speed);
            if let Some(more) = more {
                add(&mut pool, more);
            }
            if let Some((replica, weight)) = own
                && replicas < 3
                && replica <= replicas
            {
                let mut own = json!({ "weight": weight, "speed": 0.3 });
                if weight > 0 {
                    add(&mut own, json!({ "workers": 3, "queue": 1, "error_rate": 0.5, "startup": "7ms" }));
                }
                pool["overrides"] = json!({ replica.to_string(): own });
            }
            pool
        },
    )
}

pub fn queue() -> impl Strategy<Value = Value> {
    let when_full = select(vec![json!("reject"), json!("drop-oldest"), json!("block"), json!({ "wait": "5ms" })]);
    let order = select(vec!["fifo", "lifo", "priority"]);
    let shed = weighted(0.2, select(vec![json!("codel"), json!({ "target": "1ms", "interval": "10ms" })]));
    (weighted(0.8, 0..6_u64), when_full, weighted(0.3, patience()), order, shed).prop_map(
        |(capacity, when, timeout, order, shed)| {
            let mut queue = json!({ "order": order });
            set(&mut queue, "shed", shed);
            if capacity.is_some() {
                queue["when_full"] = when;
            }
            set(&mut queue, "capacity", capacity);
            set(&mut queue, "timeout", timeout);
            queue
        },
    )
}
