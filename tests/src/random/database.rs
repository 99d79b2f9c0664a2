//! Databases.

use super::{set, work};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

pub fn database() -> impl Strategy<Value = Value> {
    let shape =
        (1..4_u64, any::<bool>(), any::<bool>(), weighted(0.3, (1..3_u64, select(vec!["primary", "replica", "any"]))));
    let limits =
        (weighted(0.2, 1..10_u64), weighted(0.5, 1..4_u64), any::<bool>(), weighted(0.2, select(vec![0.1, 1.0])));
    let more = (
        select(vec!["modulo", "hash", "consistent", "range"]),
        weighted(0.3, select(vec![0.3, 1.0])),
        weighted(0.4, select(vec!["key"])),
        weighted(0.5, (select(vec!["0s", "20ms", "exp(5ms)"]), select(vec!["0s", "1ms"]))),
        weighted(0.3, select(vec![json!({ "rate": "2000/s", "work": "1ms" }), json!({ "rate": "500/s" })])),
        weighted(0.3, Just(json!({ "detect": "20ms", "promote": "10ms" }))),
    );
    (shape, limits, (work(), work(), work()), more).prop_map(
        |((shards, by_client, own, replicas), (connections, slots, cores, errors), (read, write, scan), more)| {
            let (placement, scatter, locks, lag, rebalance, failover) = more;
            let mut db = json!({
                "type": "database",
                "operations": { "read": read, "write": write, "scan": { "time": scan, "rows": 1000, "per_row": "1us" } }
            });
            if shards > 1 {
                db["shards"] = json!(shards);
                set(&mut db, "shard_by", by_client.then_some("client"));
                db["placement"] = json!(placement);
                set(&mut db, "scatter", scatter);
                set(&mut db, "rebalance", rebalance);
            }
            set(&mut db, "locks", locks);
            if locks.is_some() {
                db["operations"]["scan"]["lock"] = json!(true);
            }
            db["indexes"] = json!(2);
            if let Some((replicas, read_from)) = replicas {
                db["replicas"] = json!(replicas);
                db["read_from"] = json!(read_from);
                if let Some((lag, apply)) = lag {
                    db["lag"] = json!(lag);
                    db["apply"] = json!(apply);
                }
                set(&mut db, "failover", failover);
            }
            set(&mut db, "connections", connections);
            match (slots, cores) {
                (Some(slots), false) => db["slots"] = json!(slots),
                (Some(cores), true) => db["cores"] = json!(cores),
                (None, _) => {}
            }
            set(&mut db, "error_rate", errors);
            if own {
                let work = if db["cores"].is_null() { "slots" } else { "cores" };
                db["overrides"] = json!({ "shard[0]": { "speed": 0.5, "error_rate": 0.5, work: 3 } });
            }
            db
        },
    )
}
