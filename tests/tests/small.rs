//! Memory grows with the calls in flight, not with the length of the run.
//!
//! Each run is a process of its own, this very file run again, so that nothing else is in its peak.

#![cfg(target_os = "linux")]

use std::process::Command;

use serde_json::json;

const SECONDS: &str = "KNEEPOINT_SMALL_SECONDS";
const MODEL: &str = "KNEEPOINT_SMALL_MODEL";

fn model(name: &str, seconds: u64) -> serde_json::Value {
    let run = json!({ "warmup": "30s", "duration": format!("{seconds}s") });
    if name == "queue" {
        return json!({
            "format": 1, "run": run,
            "components": {
                "client": { "type": "client", "to": "web", "arrivals": { "rate": "800/s" } },
                "web": { "type": "server-pool", "handlers": { "*": [{ "cpu": "exp(1ms)" }] } }
            }
        });
    }
    let mut shop: serde_json::Value =
        serde_json::from_str(include_str!("../../models/web-shop.json")).expect("the model in the folder is JSON");
    shop["run"] = run;
    // Few keys, so that a minute is enough to meet them all: what is kept for each key is no growth.
    shop["keyspaces"]["products"]["keys"] = json!(2000);
    shop["components"]["redis"]["capacity"] = json!(400);
    shop
}

/// Not a test: what the other tests run in a process of its own.
#[test]
#[ignore = "run by the others"]
fn child() {
    let (Ok(name), Ok(seconds)) = (std::env::var(MODEL), std::env::var(SECONDS)) else { return };
    let report = tests::report(&model(&name, seconds.parse().expect("seconds")), 1);
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells of processes");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells the peak").trim();
    println!("peak {} of {}", peak.trim_end_matches("kB").trim(), report.requests.offered);
}

/// Peak memory in kB, and the requests offered.
fn peak(name: &str, seconds: u64) -> (f64, u64) {
    let output = Command::new(std::env::current_exe().expect("this file runs"))
        .args(["child", "--exact", "--ignored", "--nocapture"])
        .env(MODEL, name)
        .env(SECONDS, seconds.to_string())
        .output()
        .expect("it runs again");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.split_once("peak ")).unwrap_or_else(|| panic!("{text}")).1;
    let (peak, offered) = line.split_once(" of ").expect("as the child writes it");
    (peak.parse().expect("a number"), offered.trim().parse().expect("a number"))
}

#[test]
fn ten_times_as_long_takes_as_much() {
    for name in ["shop", "queue"] {
        let ((short, _), (long, _)) = (peak(name, 60), peak(name, 600));
        assert!(long <= short * 1.05, "{name}: {short} kB for a minute, {long} kB for ten");
    }
}

#[test]
#[ignore = "runs beside the benchmarks"]
fn ten_million_requests_in_100_mb() {
    let (peak, offered) = peak("queue", 12_500);
    assert!(offered > 9_900_000, "{offered}");
    assert!(peak < 100_000.0, "{peak} kB");
}
