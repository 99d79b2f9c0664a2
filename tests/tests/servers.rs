//! What server pools have besides their stations, where the figures can be told beforehand.

use sim_core::model::{Model, NoFiles};
use sim_core::{Plan, Report};

/// A client that asks `web` so often, at even distances.
fn run(rate: &str, seconds: u32, web: &str, rest: &str) -> Report {
    let text = format!(
        r#"{{ "format": 1, "run": {{ "duration": "{seconds}s" }}, "components": {{
            "client": {{ "type": "client", "to": "web", "arrivals": {{ "rate": "{rate}", "process": "constant" }} }},
            "web": {{ "type": "server-pool", {web} }} }} {rest} }}"#
    );
    let (model, _) = Model::parse(&text, "servers.json", &[], &NoFiles).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    sim_core::simulate(&Plan::compile(&model, &NoFiles).expect("it compiles"), 1)
}

const WORK: &str = r#""handlers": { "*": [ { "cpu": "10ms" } ] }"#;

fn failed(report: &Report) -> u64 {
    report.requests.errors.values().sum()
}

#[test]
fn pauses_are_a_share_of_the_time_and_of_the_calls() {
    // 50 ms in every 550 ms: those that come in a pause wait 25 ms on average.
    let web = format!(r#""cores": 40, "pause": {{ "every": "500ms", "for": "50ms" }}, {WORK}"#);
    let report = run("1000/s", 60, &web, "");
    let waits = report.latency.mean_s.expect("some ended") - 0.01;
    assert!(waits > 0.025 / 11.0 && waits < 0.08 / 11.0, "{waits}");
    // After each hundredth call.
    let web = format!(r#""cores": 2, "pause": {{ "every": 100, "for": "30ms" }}, {WORK}"#);
    let report = run("10/s", 100, &web, "");
    assert!((report.latency.max_s.expect("some ended") - 0.04).abs() < 1e-4);
    let mean = report.latency.mean_s.expect("some ended");
    assert!((mean - 0.01 - 9.0 * 0.03 / 999.0).abs() < 1e-5, "{mean}");
}

#[test]
fn who_takes_too_much_memory_is_killed() {
    // The tenth request at a time is one too many.
    let memory = r#""memory": { "base": "100MB", "per_request": "100MB", "limit": "1GB" }"#;
    let web = |startup: &str| {
        format!(r#""workers": 50, {memory}, "startup": "{startup}", "handlers": {{ "*": [ {{ "delay": "1s" }} ] }}"#)
    };
    let report = run("11/s", 10, &web("1s"), "");
    let used = report.components["web"].memory.as_ref().expect("it has memory");
    assert!(used.killed >= 4 && failed(&report) > 50, "{used:?}");
    let report = run("8/s", 10, &web("1s"), "");
    let used = report.components["web"].memory.as_ref().expect("it has memory");
    assert_eq!((used.killed, used.max_bytes, failed(&report)), (0, 900_000_000, 0));
}

#[test]
fn work_takes_longer_when_the_cores_are_busy() {
    // One of two cores is busy: half way between 1 and 3.
    let web = r#""cores": 2, "workers": 2, "slowdown": [[0, 1], [1, 3]], "handlers": { "*": [ { "cpu": "10ms" } ] }"#;
    let report = run("10/s", 10, web, "");
    assert!((report.latency.mean_s.expect("some ended") - 0.02).abs() < 1e-6, "{:?}", report.latency.mean_s);
}

#[test]
fn a_zone_takes_its_replicas_with_it() {
    let web = format!(r#""replicas": 3, "cores": 4, "zones": 3, {WORK}"#);
    for fault in [
        r#"{ "at": "1005ms", "for": "3s", "kind": { "zone-outage": "zone-b" } }"#,
        r#"{ "at": "1005ms", "for": "3s", "kind": "zone-outage", "zone": "b", "target": "web" }"#,
        r#"{ "at": "1005ms", "for": "3s", "kind": "crash", "target": "web@zone-b" }"#,
    ] {
        let report = run("100/s", 10, &web, &format!(r#", "faults": [ {fault} ]"#));
        let own = |at: &str| report.components["web"].instances[at].errors.values().sum::<u64>();
        assert_eq!((own("web[0]"), own("web[2]")), (0, 0));
        assert!((99..=102).contains(&own("web[1]")), "a third of 300: {}", own("web[1]"));
    }
}

#[test]
fn a_deployment_replaces_all_and_loses_nothing() {
    let web = format!(r#""replicas": 4, "cores": 4, "startup": "5s", {WORK}"#);
    let events = |event: &str| format!(r#", "events": [ {{ "at": "10s", "target": "web", {event} }} ]"#);
    let report = run("100/s", 60, &web, &events(r#""do": "deploy""#));
    let replicas = report.components["web"].replicas.as_ref().expect("it has replicas");
    assert_eq!((failed(&report), replicas.min, replicas.max), (0, 4, 5));
    assert_eq!(report.components["web"].instances.len(), 8);
    let slow = events(r#""do": "deploy", "max_surge": 0, "max_unavailable": 1"#);
    let report = run("100/s", 60, &web, &slow);
    let replicas = report.components["web"].replicas.as_ref().expect("it has replicas");
    assert_eq!((failed(&report), replicas.max), (0, 4));
    // A restart loses what comes until it is over, and what was there.
    let report = run("100/s", 60, &web, &events(r#""do": "restart""#));
    assert!((500..=504).contains(&failed(&report)), "{}", failed(&report));
}

#[test]
fn an_overload_is_shed_and_the_others_are_quick() {
    let base = r#""cores": 4, "workers": 4, "handlers": { "*": [ { "cpu": "10ms" } ] }"#;
    let long = run("600/s", 60, base, "");
    assert!(long.latency.p50_s.expect("some ended") > 5.0);
    let shed = run("600/s", 60, &format!(r#""queue": {{ "shed": "codel" }}, {base}"#), "");
    assert!(shed.latency.p50_s.expect("some ended") < 1.0, "{:?}", shed.latency.p50_s);
    assert!(shed.requests.goodput_per_s > 380.0, "{}", shed.requests.goodput_per_s);
    for rule in ["gradient", "aimd"] {
        let limit = format!(r#""adaptive_limit": {{ "rule": "{rule}", "timeout": "100ms" }}, {base}"#);
        let limited = run("600/s", 60, &limit, "");
        assert!(limited.latency.p50_s.expect("some ended") < 0.6, "{rule}: {:?}", limited.latency.p50_s);
        assert!(limited.requests.goodput_per_s > 380.0, "{rule}: {}", limited.requests.goodput_per_s);
    }
}

#[test]
fn autoscalers_find_what_the_load_needs() {
    // Work of 4 cores: at 50% eight replicas, by whatever rule.
    let pool = r#""replicas": 2, "cores": 1, "workers": 100, "handlers": { "*": [ { "cpu": "40ms" } ] }"#;
    let scaled = |scaler: &str, web: &str| {
        let text = format!(
            r#"{{ "format": 1, "run": {{ "duration": "1h", "warmup": "1h" }}, "components": {{
                "client": {{ "type": "client", "to": "web", "arrivals": {{ "rate": "10/s", "process": "constant" }} }},
                "web": {{ "type": "server-pool", {web} }},
                "scaler": {{ "type": "autoscaler", "target": "web", "max": 50, {scaler} }} }} }}"#
        );
        let (model, _) = Model::parse(&text, "scaled.json", &[], &NoFiles).unwrap_or_else(|wrong| panic!("{wrong:?}"));
        let report = sim_core::simulate(&Plan::compile(&model, &NoFiles).expect("it compiles"), 1);
        report.components["web"].replicas.clone().expect("it has replicas")
    };
    let slow = pool.replace("40ms", "400ms");
    for scaler in [
        r#""metrics": [ { "cpu": "50%" } ]"#,
        r#""policy": "target-tracking", "metrics": [ { "cpu": "50%" } ]"#,
        r#""metrics": [ { "requests_per_second": 1.25 } ]"#,
        r#""policy": "target-tracking", "metrics": [ { "requests_per_second": 1.25 }, { "cpu": "80%" } ]"#,
        r#""policy": "predictive", "metrics": [ { "requests_per_second": 1.25 } ]"#,
        r#""policy": "schedule", "schedule": [ { "at": "0s", "replicas": 8 } ]"#,
        r#""metrics": [ { "external": { "average": 10, "series": [ { "at": "0s", "value": 80 } ] } } ]"#,
        r#""metrics": [ { "cpu": "50%" } ], "nodes": { "per_node": 3, "provision": "2m" }"#,
    ] {
        let replicas = scaled(scaler, &slow);
        assert!((7..=9).contains(&replicas.max) && replicas.mean > 6.9, "{scaler}: {replicas:?}");
    }
    // One that is above its threshold for so long, and then between both.
    let rules = r#""policy": "step", "rules": [ { "metric": "cpu", "above": "55%", "for": "5m", "change": "+1", "cooldown": "3m" },
        { "metric": "cpu", "below": "40%", "for": "5m", "change": "-1" } ]"#;
    let replicas = scaled(rules, &slow);
    assert!((8..=9).contains(&replicas.max), "{replicas:?}");
    // Of two autoscalers the one that wants more decides.
    let two = r#""metrics": [ { "cpu": "50%" } ] }, "other": { "type": "autoscaler", "target": "web", "max": 50,
        "policy": "schedule", "schedule": [ { "at": "0s", "replicas": 12 } ]"#;
    assert_eq!(scaled(two, &slow).max, 12);
}
