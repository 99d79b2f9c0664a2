//! What faults do, where the figures can be told beforehand.

use sim_core::model::{Model, NoFiles};
use sim_core::{Plan, Report};

/// A client that asks `web` once every 100 ms, from 0.1 s on; each takes 10 ms on one of four cores.
fn run(seconds: u32, web: &str, faults: &str) -> Report {
    let text = format!(
        r#"{{ "format": 1, "run": {{ "duration": "{seconds}s" }}, "components": {{
            "client": {{ "type": "client", "to": "web", "arrivals": {{ "rate": "10/s", "process": "constant" }} }},
            "web": {{ "type": "server-pool", "cores": 4, {web} "handlers": {{ "*": [ {{ "cpu": "10ms" }} ] }} }} }},
            "faults": [ {faults} ] }}"#
    );
    let (model, _) = Model::parse(&text, "faults.json", &[], &NoFiles).expect("a right model");
    sim_core::simulate(&Plan::compile(&model, &NoFiles).expect("it compiles"), 1)
}

fn longest(report: &Report) -> f64 {
    report.latency.max_s.expect("some ended ok")
}

fn failed(report: &Report) -> u64 {
    report.requests.errors.values().sum()
}

#[test]
fn what_is_going_on_in_a_stall_takes_so_much_longer() {
    // The request of 1 s has had half of its work at 1.005 s.
    for web in ["", r#""workers": 5,"#, r#""scheduling": "fifo", "workers": 8,"#] {
        let report = run(5, web, r#"{ "at": "1005ms", "for": "50ms", "target": "web", "kind": "stall" }"#);
        assert!((longest(&report) - 0.06).abs() < 1e-4, "{web} {}", longest(&report));
        // Two stalls that overlap are one.
        let two = r#"{ "at": "1005ms", "for": "30ms", "target": "web", "kind": "stall" },
                     { "at": "1025ms", "for": "30ms", "target": "web", "kind": "stall" }"#;
        assert!((longest(&run(5, web, two)) - 0.06).abs() < 1e-4, "{web}");
        // One that begins slower ends slower: 5 ms of work, twice as long, after the stall.
        let slowed = r#"{ "at": "1005ms", "for": "50ms", "target": "web", "kind": "stall" },
                        { "at": "1025ms", "for": "1s", "target": "web", "kind": { "slow": 2 } }"#;
        assert!((longest(&run(2, web, slowed)) - 0.065).abs() < 1e-4, "{web}");
    }
}

#[test]
fn what_a_partition_holds_up_comes_after_it() {
    // Sent at 1.1 s, again after 200, 600 and 1,400 ms; the last time is the first beyond 2.05 s.
    let cut = r#"{ "at": "1050ms", "for": "1s", "kind": { "partition": { "from": "client", "to": "web" } } }"#;
    let report = run(5, "", cut);
    assert!((longest(&report) - 1.41).abs() < 1e-3, "{}", longest(&report));
    assert_eq!((failed(&report), report.requests.unfinished), (0, 0));
    assert!(report.components["client"].links["web"].retransmissions > 10);
}

#[test]
fn what_faults_add_is_over_with_them() {
    let later =
        run(5, "", r#"{ "at": "1050ms", "for": "1s", "target": "web", "kind": "latency", "latency": "100ms" }"#);
    assert!((longest(&later) - 0.11).abs() < 1e-4, "{}", longest(&later));
    // The answer to the last of ten comes when it is over.
    assert!((later.latency.mean_s.expect("some") - (0.01 + 0.1 * 9.5 / 49.0)).abs() < 1e-4);
    let errors = run(5, "", r#"{ "at": "1050ms", "for": "1s", "target": "web[0]", "kind": { "error-rate": "100%" } }"#);
    assert_eq!(failed(&errors), 10);
    let lost = run(5, "", r#"{ "at": "1050ms", "for": "1s", "target": "web", "kind": "loss", "share": "100%" }"#);
    assert_eq!(lost.requests.unfinished, 10);
}

#[test]
fn failures_by_chance_come_as_often_as_they_are_said_to() {
    let chance = r#"{ "mtbf": "30s", "mttr": "10s", "target": "web", "kind": "crash" }"#;
    let report = run(20_000, "", chance);
    let share = failed(&report) as f64 / report.requests.offered as f64;
    assert!((share - 0.25).abs() < 0.03, "{share}");
    // Each replica fails by itself: both at once are rare, and half of the calls go to each.
    let two = run(20_000, r#""replicas": 2,"#, chance);
    let share = failed(&two) as f64 / two.requests.offered as f64;
    assert!((share - 0.25).abs() < 0.03, "{share}");
    let spread = two.components["web"].instances.values().map(|one| one.errors.values().sum::<u64>());
    let spread: Vec<u64> = spread.collect();
    assert!(spread[0] > 0 && spread[1] > 0 && spread[0] != spread[1], "{spread:?}");
}

/// Whoever waits for a cache when its server dies does not go on to the database: it has failed.
#[test]
fn what_has_died_mends_nothing() {
    let text = r#"{ "format": 1, "run": { "duration": "10s" }, "keyspaces": { "items": { "keys": 10 } },
        "classes": { "read": { "key": "items" } }, "components": {
            "client": { "type": "client", "to": "web", "arrivals": { "rate": "1/s", "process": "constant" } },
            "web": { "type": "server-pool", "workers": 8, "handlers": { "*": [ { "call": "cache" } ] } },
            "cache": { "type": "cache", "capacity": 0, "service": "100ms", "on_failure": "backing", "backing": "db" },
            "db": { "type": "database", "operations": { "read": "10ms" } } },
        "faults": [ { "at": "2050ms", "for": "10ms", "target": "web", "kind": "crash" },
                    { "at": "5050ms", "for": "10ms", "target": "cache", "kind": "crash" } ] }"#;
    let (model, _) = Model::parse(text, "faults.json", &[], &NoFiles).expect("a right model");
    let report = sim_core::simulate(&Plan::compile(&model, &NoFiles).expect("it compiles"), 1);
    let offered = report.requests.offered;
    assert_eq!(report.requests.errors, [("failed".to_owned(), 1)].into(), "only what was in the server");
    assert_eq!(report.components["db"].calls, offered - 1, "what was in the cache is loaded all the same");
}
