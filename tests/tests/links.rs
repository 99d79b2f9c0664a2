//! What links do about trouble, where the figures can be told beforehand.

use serde_json::{Value, json};
use sim_core::Report;
use sim_core::analysis::report::LinkReport;

/// A client that calls `first` every 100 ms for 10 s, 99 times; `link` is how, `parts` are the other components.
fn run(first: &str, link: Value, parts: Value) -> Report {
    let mut components = json!({
        "client": { "type": "client", "to": first, "link": link, "arrivals": { "rate": "10/s", "process": "constant" } }
    });
    components.as_object_mut().expect("it is one").extend(parts.as_object().expect("it is one").clone());
    tests::report(&json!({ "format": 1, "run": { "duration": "10s" }, "components": components }), 1)
}

/// Answers each call badly after a microsecond.
fn down() -> Value {
    json!({ "down": { "type": "server-pool", "workers": 100, "error_rate": 1, "handlers": { "*": [{ "delay": "1us" }] } } })
}

fn link<'r>(report: &'r Report, from: &str, to: &str) -> &'r LinkReport {
    &report.components[from].links[to]
}

#[test]
fn a_breaker_opens_after_the_tenth_call_and_asks_again() {
    for (breaker, tries, opens) in [
        (json!({ "window": 10, "min_calls": 10 }), 10, 1),
        (json!({ "window": 10 }), 10, 1),
        (json!({ "window": 10, "min_calls": 4 }), 4, 1),
        (json!({ "consecutive": 5 }), 5, 1),
        (json!({ "failures": 7, "window": "1s" }), 7, 1),
        (json!({ "slow_calls": "1ms", "window": 10 }), 99, 0),
        (json!({ "slow_calls": "100ns", "window": 10 }), 10, 1),
        // Opens at 1 s; at 3.1, 5.4 and 7.7 s three calls find that nothing is better.
        (json!({ "window": 10, "open": "2s", "half_open": 3 }), 19, 4),
        // At 3.1, 5.2, 7.3 and 9.4 s the first one does.
        (json!({ "consecutive": 10, "open": "2s", "half_open": 3 }), 14, 5),
    ] {
        let report = run("down", json!({ "breaker": breaker }), down());
        let link = link(&report, "client", "down");
        assert_eq!((link.tries, link.breaker_opens), (tries, Some(opens)), "{breaker}");
        assert_eq!(link.short_circuited, Some(99 - tries), "{breaker}");
        assert_eq!(report.requests.errors.get("circuit_open").copied().unwrap_or(0), 99 - tries, "{breaker}");
    }
    let report = run("down", json!({ "breaker": { "window": 10 } }), down());
    let open_s = link(&report, "client", "down").breaker_open_s.expect("it has a breaker");
    assert!((open_s - (9.0 - 1e-6)).abs() < 1e-9, "{open_s}");
}

#[test]
fn each_instance_of_the_caller_has_its_own_breaker() {
    for (scope, tries) in [("per-replica", 10), ("shared", 5)] {
        let call = json!({ "call": "down", "scope": scope, "breaker": { "consecutive": 5 } });
        let mut parts = down();
        parts["web"] = json!({ "type": "server-pool", "replicas": 2, "workers": 9, "handlers": { "*": [call] } });
        let report = run("web", json!({}), parts);
        assert_eq!(link(&report, "web", "down").tries, tries, "{scope}");
    }
}

#[test]
fn what_is_the_callers_own_fault_opens_no_breaker() {
    let parts = json!({ "web": { "type": "server-pool", "handlers": { "*": [{ "fail": 1, "as": "denied" }] } } });
    let report = run("web", json!({ "breaker": { "consecutive": 1 } }), parts);
    assert_eq!(link(&report, "client", "web").tries, 99);
}

#[test]
fn retries_end_with_their_tokens_and_within_their_budget() {
    for (limit, retries, refused) in [
        (json!({}), 297, None),
        // 33 calls of three retries, one of one; then each call asks once, in vain.
        (json!({ "tokens": {} }), 100, Some(66)),
        (json!({ "tokens": { "quota": 10, "cost": 1, "deposit": 0.02, "refund": false } }), 10, Some(96)),
        // The first three calls wait for 20 s before their first retry, and the window is over by then.
        (json!({ "budget": {}, "backoff": "20s" }), 0, Some(96)),
        (json!({ "budget": { "min_concurrency": 0 } }), 0, Some(99)),
    ] {
        let mut retry = json!({ "retries": 3, "when": "5xx" });
        retry.as_object_mut().expect("it is one").extend(limit.as_object().expect("it is one").clone());
        let report = run("down", json!({ "retry": retry }), down());
        let link = link(&report, "client", "down");
        assert_eq!((link.retries, link.retries_refused), (retries, refused), "{limit}");
    }
}

#[test]
fn a_hedge_goes_to_another_replica_and_the_first_answer_wins() {
    let slow = json!({ "0": { "speed": 0.1 } });
    let web = |overrides: &Value| json!({ "web": { "type": "server-pool", "replicas": 2, "overrides": overrides, "handlers": { "*": [{ "cpu": "10ms" }] } } });
    let busy = |report: &Report| report.components["web"].utilization.expect("it has cores");
    // In turn, with a copy for each, all calls begin at the slow one, which takes 100 ms; after 20 ms the other does it in 10.
    let report = run("web", json!({ "hedge": "20ms" }), web(&slow));
    let told = link(&report, "client", "web");
    assert_eq!((told.calls, told.tries, told.hedges, told.hedges_won), (99, 198, Some(99), Some(99)));
    assert!((report.latency.max_s.expect("they end") - 0.03).abs() < 1e-6, "{:?}", report.latency.max_s);
    let wait = report.breakdown.p99.iter().find(|part| part.phase == "hedge-wait").expect("it waited");
    assert!((wait.seconds - 0.02).abs() < 1e-9, "{wait:?}");
    let called_off = run("web", json!({ "hedge": { "after": "20ms", "cancel": true } }), web(&slow));
    assert_eq!(link(&called_off, "client", "web").cancelled, 99);
    assert!(busy(&called_off) < 0.6 * busy(&report), "{} and {}", busy(&called_off), busy(&report));
    // Equal ones: the copy comes too late, and is work for nothing.
    let report = run("web", json!({ "hedge": "5ms" }), web(&json!({})));
    assert_eq!(link(&report, "client", "web").hedges_won, Some(0));
    let calls: Vec<u64> = report.components["web"].instances.values().map(|instance| instance.calls).collect();
    assert_eq!(calls, [99, 99]);
    // Through a balancer too.
    let mut parts = web(&slow);
    parts["edge"] = json!({ "type": "load-balancer", "to": [{ "to": "web", "rtt": "1us" }] });
    let report = run("edge", json!({ "hedge": "20ms" }), parts);
    assert_eq!(link(&report, "client", "edge").hedges_won, Some(99));
}

#[test]
fn work_past_a_deadline_is_refused_everywhere() {
    let parts = json!({
        "web": { "type": "server-pool", "workers": 9, "handlers": { "*": [{ "delay": "60ms" }, { "call": "db" }] } },
        "db": { "type": "database", "operations": { "read": "1ms", "write": "1ms" } }
    });
    let report = run("web", json!({ "deadline": "50ms" }), parts.clone());
    assert_eq!(report.requests.errors["timeout"], 99);
    assert_eq!(report.components["db"].calls, 0, "nobody asks for what is no longer wanted");
    assert!((report.error_latency.expect("errors").max_s.expect("they end") - 0.05).abs() < 1e-9);
    let mut model =
        json!({ "format": 1, "run": { "duration": "10s" }, "classes": { "a": { "deadline": "50ms" }, "b": {} } });
    model["components"] = parts;
    model["components"]["client"] =
        json!({ "type": "client", "to": "web", "arrivals": { "rate": "10/s", "process": "constant" } });
    let report = tests::report(&model, 1);
    let (a, b) = (&report.classes["a"].requests, &report.classes["b"].requests);
    assert_eq!((a.ok, a.errors["timeout"], b.ok), (0, a.offered, b.offered));
    assert_eq!(report.components["db"].calls, b.offered);
}

#[test]
fn a_class_says_what_may_be_tried_again() {
    for (class, retries) in [
        (json!({}), 99),
        (json!({ "retryable": false }), 0),
        (json!({ "write": true }), 0),
        (json!({ "write": true, "retryable": true }), 99),
    ] {
        let mut model = json!({ "format": 1, "run": { "duration": "10s" }, "classes": { "a": class } });
        model["components"] = down();
        model["components"]["client"] = json!({
            "type": "client", "to": "down", "link": { "retry": { "retries": 1, "when": "5xx" } },
            "arrivals": { "rate": "10/s", "process": "constant" }
        });
        assert_eq!(link(&tests::report(&model, 1), "client", "down").retries, retries, "{class}");
    }
}

#[test]
fn a_call_to_a_cache_has_a_fallback() {
    let call = json!({ "call": "cache", "fallback": "plain" });
    let cached = json!({ "cached": "cache", "miss": [{ "call": "db" }], "fallback": "plain" });
    for step in [call, cached] {
        let mut model = json!({
            "format": 1, "run": { "duration": "10s" },
            "keyspaces": { "keys": { "keys": 1000 } }, "classes": { "a": { "key": "keys" } }
        });
        model["components"] = json!({
            "client": { "type": "client", "to": "web", "arrivals": { "rate": "10/s", "process": "constant" } },
            "web": { "type": "server-pool", "workers": 9, "handlers": { "*": [step] } },
            "cache": { "type": "cache", "backing": "db" },
            "db": { "type": "database", "error_rate": 1, "operations": { "read": "1ms" } },
            "plain": { "type": "server-pool", "handlers": { "*": [{ "delay": "1ms" }] } }
        });
        let report = tests::report(&model, 1);
        assert_eq!(report.requests.ok, 99, "{step}");
        let plain = link(&report, "web", "plain");
        assert_eq!((plain.fallbacks, plain.fallbacks_ok), (99, 99), "{step}");
    }
}

/// Requests go round the replicas, whatever is sent twice elsewhere.
#[test]
fn a_hedge_of_another_link_leaves_requests_where_they_go() {
    let calls = |hedge: Value| {
        let mut parts = down();
        let call = json!({ "call": "down", "hedge": hedge, "fallback": { "to": "spare" } });
        parts["web"] = json!({ "type": "server-pool", "replicas": 3, "workers": 9, "handlers": { "*": [call] } });
        parts["spare"] = json!({ "type": "server-pool", "handlers": { "*": [] } });
        let report = run("web", json!({}), parts);
        report.components["web"].instances.values().map(|instance| instance.calls).collect::<Vec<_>>()
    };
    assert_eq!(calls(json!({ "after": "1ms" })), [33, 33, 33]);
}
