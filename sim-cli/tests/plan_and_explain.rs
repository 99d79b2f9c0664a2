//! `plan` and `explain` from outside: the shape of their answers, the same bytes for any number of threads, exit codes.

mod support;

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

fn models() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models")
}

fn ask(arguments: &[&str]) -> Output {
    support::kneepoint_in(&models(), arguments).output().expect("the binary starts")
}

fn json(arguments: &[&str]) -> Value {
    let output = ask(&[arguments, &["--format", "json", "--quiet"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

const PLAN: [&str; 12] = [
    "plan",
    "pool-size.json",
    "--over",
    "app.replicas=1..4",
    "--over",
    "pool.size=5,10,15",
    "--price",
    "app.replicas=70",
    "--price",
    "pool.size=1",
    "--duration",
    "5s",
];

#[test]
fn a_plan_has_its_shape_and_its_bytes() {
    let planned = json(&PLAN);
    assert_eq!(
        (&planned["kind"], &planned["minimize"], &planned["candidates"]),
        (&"plan".into(), &"cost".into(), &12.into())
    );
    let best = &planned["best"];
    let settings = &best["settings"];
    let cost =
        70.0 * settings["app.replicas"].as_f64().expect("a number") + settings["pool.size"].as_f64().expect("a number");
    assert_eq!((best["cost"].as_f64(), &best["met"]), (Some(cost), &true.into()));
    assert!(best["figures"]["p99"]["value"].as_f64().is_some_and(|p99| p99 < 0.4), "{best}");
    assert!(best["figures"]["p99"]["high"].is_number() && planned["confidence"].as_f64() >= Some(0.95), "{planned}");
    assert_eq!(planned["objectives"][2]["added"], true, "error_rate < 1%");
    assert!(planned["runners_up"].as_array().is_some_and(|others| !others.is_empty()), "{planned}");
    assert!(planned["frontier"][0]["p99"]["value"].is_number() && planned["frontier"][0]["met"].is_boolean());
    let count = |name: &str| planned[name].as_u64().expect("a count");
    assert_eq!(count("evaluated") + count("pruned"), 12);
    for format in ["table", "csv", "markdown", "json"] {
        let of = |jobs: &str| ask(&[&PLAN[..], &["--jobs", jobs, "--format", format]].concat()).stdout;
        let one = of("1");
        assert!(!one.is_empty() && one == of("2") && one == of("8"), "{format}");
    }
}

#[test]
fn a_plan_that_nothing_meets_says_so() {
    let hopeless = [&PLAN[..], &["--objective", "p99 < 1ms"]].concat();
    let planned = json(&hopeless);
    assert!(
        planned["best"].is_null() && planned["closest"]["why"].as_str().is_some_and(|why| why.contains("p99 < 1ms"))
    );
    assert!(planned["statement"].as_str().is_some_and(|text| text.starts_with("None of the 12")), "{planned}");
    assert_eq!(ask(&hopeless).status.code(), Some(0));
    let output = ask(&[&hopeless[..], &["--fail-on", "objectives"]].concat());
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_explanation_has_its_shape_and_its_bytes() {
    let explain = ["explain", "pool-size.json", "--duration", "20s"];
    let explained = json(&explain);
    assert_eq!((&explained["kind"], &explained["figure"]), (&"explain".into(), &"p99".into()));
    assert_eq!(explained["bottleneck"]["address"], "pool");
    let advice = &explained["advice"][0];
    assert_eq!((&advice["settings"]["pool.size"], &advice["verdict"]), (&7.into(), &"lower".into()), "{advice}");
    let of = |name: &str| advice[name].as_f64().expect("a number");
    assert!((of("b") - of("a") - of("diff")).abs() < 1e-9 && of("low") < of("diff") && of("diff") < of("high"));
    let share = |band: &str| -> f64 {
        let parts = explained["breakdown"][band].as_array().expect("parts");
        parts.iter().map(|part| part["share"].as_f64().expect("a share")).sum()
    };
    assert!((share("p50") - 1.0).abs() < 1e-9 && (share("p99") - 1.0).abs() < 1e-9);
    assert!(
        explained["others"].as_array().is_some_and(|others| others.iter().any(|step| step["verdict"] == "identical"))
    );
    let of = |jobs: &str| ask(&[&explain[..], &["--jobs", jobs, "--format", "json"]].concat()).stdout;
    let one = of("1");
    assert!(!one.is_empty() && one == of("2") && one == of("8"));
}
