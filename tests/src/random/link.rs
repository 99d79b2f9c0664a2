//! Links: networks, time-outs, retries, breakers, hedges.

use super::{add, patience, set};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// The options of a link; `below`: whom a fallback may go to.
pub fn link(below: &'static [&'static str]) -> BoxedStrategy<Value> {
    let times = (
        weighted(0.3, select(vec!["1ms", "exp(2ms)", "1ns", "uniform(0s, 20ms)"])),
        weighted(0.3, patience()),
        any::<bool>(),
        weighted(0.15, patience()),
    );
    let limits = (weighted(0.15, 1..5_u64), any::<bool>(), weighted(0.1, select(vec!["10MB/s", "1MB/s"])));
    let loss = weighted(0.1, (select(vec![0.1, 0.8]), any::<bool>()));
    let fallback = weighted(0.15, (select(below), weighted(0.3, patience())));
    let more = (
        weighted(0.2, select(vec!["round-robin", "random", "ip-hash"])),
        weighted(0.15, breaker()),
        weighted(0.15, hedge()),
        weighted(0.05, select(vec!["envoy", "resilience4j"])),
    );
    (times, weighted(0.3, retry()), limits, loss, fallback, more)
        .prop_map(|((rtt, timeout, cancel, deadline), retry, (limit, shared, bandwidth), loss, fallback, more)| {
            let mut link = json!({});
            let (policy, breaker, hedge, preset) = more;
            set(&mut link, "preset", preset);
            set(&mut link, "breaker", breaker);
            set(&mut link, "hedge", hedge);
            set(&mut link, "rtt", rtt);
            if timeout.is_some() && cancel {
                link["cancel"] = json!(true);
            }
            set(&mut link, "timeout", timeout);
            set(&mut link, "deadline", deadline);
            set(&mut link, "retry", retry);
            set(&mut link, "policy", policy);
            set(&mut link, "bandwidth", bandwidth);
            if let Some(limit) = limit {
                link["max_in_flight"] = json!(limit);
                set(&mut link, "scope", shared.then_some("shared"));
            }
            if let Some((loss, datagram)) = loss {
                link["loss"] = json!(loss);
                link["rto"] = json!("1us");
                if datagram {
                    // Silence for ever would be no fault of ours.
                    link["datagram"] = json!(true);
                    if timeout.is_none() {
                        link["timeout"] = json!("50ms");
                    }
                }
            }
            if let Some((to, timeout)) = fallback {
                link["fallback"] = json!({ "to": to });
                set(&mut link["fallback"], "timeout", timeout);
            }
            link
        })
        .boxed()
}

fn breaker() -> impl Strategy<Value = Value> {
    let rule = select(vec![
        json!({}),
        json!({ "consecutive": 2 }),
        json!({ "failures": 3, "window": "2s" }),
        json!({ "error_rate": "30%", "window": "1s", "min_calls": 5 }),
        json!({ "slow_calls": "5ms", "window": 10 }),
        json!({ "error_rate": 0.5, "slow_calls": { "above": "2ms", "share": 0.8 }, "window": 4 }),
    ]);
    (rule, select(vec!["10ms", "1s", "1ns"]), 1..5_u64).prop_map(|(mut rule, open, half_open)| {
        add(&mut rule, json!({ "open": open, "half_open": half_open }));
        rule
    })
}

/// Balancers and pools make no copies of calls.
pub fn unhedged(mut link: Value) -> Value {
    link.as_object_mut().expect("it is one").remove("hedge");
    link
}

fn hedge() -> impl Strategy<Value = Value> {
    (select(vec!["1ms", "10ms", "p90", "0s", "p50"]), 1..4_u64, any::<bool>(), any::<bool>()).prop_map(
        |(after, max, cancel, writes)| json!({ "after": after, "max": max, "cancel": cancel, "writes": writes }),
    )
}

fn retry() -> BoxedStrategy<Value> {
    let when = weighted(
        0.7,
        select(vec![vec!["5xx", "timeout"], vec!["timeout"], vec!["rejected", "failed", "pool_timeout", "lost"]]),
    );
    let backoff = weighted(
        0.6,
        select(vec![json!("5ms"), json!("exponential(2ms, factor=3, max=20ms)"), json!(["1ms", "0s", "4ms"])]),
    );
    let jitter = weighted(0.5, select(vec!["full", "equal", "decorrelated", "none"]));
    let limits = (
        weighted(0.3, select(vec![json!({}), json!("10%"), json!({ "share": 0.5, "min_concurrency": 1 })])),
        weighted(
            0.3,
            select(vec![json!({}), json!(20), json!({ "quota": 10, "cost": 1, "deposit": 0.02, "refund": false })]),
        ),
    );
    (0..4_u64, when, any::<bool>(), backoff, jitter, limits)
        .prop_map(|(retries, when, writes, backoff, jitter, limits)| {
            let mut retry = json!({ "retries": retries });
            set(&mut retry, "budget", limits.0);
            set(&mut retry, "tokens", limits.1);
            set(&mut retry, "when", when);
            set(&mut retry, "writes", writes.then_some(true));
            set(&mut retry, "backoff", backoff);
            set(&mut retry, "jitter", jitter);
            retry
        })
        .boxed()
}
