//! Connection pools.

use super::link::{link, unhedged};
use super::{patience, set, work};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

pub fn connection_pool() -> impl Strategy<Value = Value> {
    let size = (1..5_u64, 0..2_u64, weighted(0.3, patience()), weighted(0.3, work()), weighted(0.3, patience()));
    let ways = (any::<bool>(), any::<bool>(), select(vec!["transaction", "statement", "session"]));
    let more = (
        weighted(0.3, Just(1_u64)),
        weighted(0.3, patience()),
        weighted(0.3, (work(), patience())),
        weighted(0.3, (1..3_u64, patience())),
        weighted(0.2, 5..9_u64),
        weighted(0.3, patience()),
        weighted(0.1, select(vec!["pgbouncer", "hikaricp", "sqlalchemy"])),
    );
    (size, ways, select(vec!["db", "store"]), link(&["store"]), more).prop_map(
        |((size, overflow, patience, connect, idle), (shared, fifo, mode), to, link, more)| {
            let (min_idle, lifetime, check, reserve, clients, login, preset) = more;
            let mut pool = json!({ "type": "connection-pool", "size": size, "overflow": overflow, "mode": mode });
            set(&mut pool, "preset", preset);
            set(&mut pool, "acquire_timeout", patience);
            if (mode == "session" || shared) && patience.is_none() {
                // Those who keep one connection and want another wait for each other, as they do in life.
                pool["acquire_timeout"] = json!("1s");
            }
            set(&mut pool, "min_idle", min_idle);
            set(&mut pool, "max_lifetime", lifetime);
            set(&mut pool, "validate", check.map(|(time, after)| json!({ "time": time, "after": after })));
            set(&mut pool, "reserve", reserve.map(|(size, after)| json!({ "size": size, "after": after })));
            set(&mut pool, "max_clients", clients);
            set(&mut pool, "login_retry", login);
            if shared && clients.is_some() {
                pool["max_db_connections"] = json!(size);
            }
            set(&mut pool, "connect", connect);
            set(&mut pool, "idle_timeout", idle);
            set(&mut pool, "scope", shared.then_some("shared"));
            set(&mut pool, "order", fifo.then_some("fifo"));
            pool["to"] = json!(to);
            let link = unhedged(link);
            if link.as_object().is_some_and(|link| !link.is_empty()) {
                pool["link"] = link;
            }
            pool
        },
    )
}
