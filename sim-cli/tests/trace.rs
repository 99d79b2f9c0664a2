//! `kneepoint trace` from outside.

mod support;

use std::fs;
use std::process::Output;

use serde_json::Value;

use support::{SHOP, run, text};

const SHORT: [&str; 4] = ["--duration", "2s", "--warmup", "1s"];

fn trace(more: &[&str]) -> Output {
    run(&[&["trace", SHOP], &SHORT[..], more].concat())
}

fn json(more: &[&str]) -> Value {
    let output = trace(&[more, &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("it is JSON")
}

#[test]
fn what_cannot_be_traced_is_2() {
    let cases: &[(&[&str], &str)] = &[
        (&["--class", "gold"], "there is no class gold; the model has browse, checkout"),
        (&["--request", "0123456789abcdef"], "no request 0123456789abcdef"),
        (&["--request", "xyz"], "16 hexadecimal digits"),
        (&["--around", "p101"], "p0 to p100"),
        (&["--around", "median"], "p0 to p100"),
        (&["--around", "p50", "--errors"], "cannot be used with"),
        (&["--slowest", "0"], "--slowest"),
        (&["--slowest", "-1"], "--slowest"),
        (&["--format", "svg"], "--format"),
        (&["-o", "nowhere/trace.json"], "nowhere/trace.json can't be written"),
    ];
    for (arguments, expected) in cases {
        let output = trace(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?} should tell of {expected}: {stderr}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
    }
}

#[test]
fn the_slowest_come_first_and_their_parts_are_the_whole() {
    let answer = json(&["--slowest", "7"]);
    assert_eq!((&answer["kind"], &answer["format"]), (&"trace".into(), &1.into()));
    let report = run(&[&["run", SHOP, "--format", "json", "--replications", "1"], &SHORT[..]].concat());
    let report: Value = serde_json::from_slice(&report.stdout).expect("it is JSON");
    assert_eq!((&answer["digest"], &answer["model_digest"]), (&report["digest"], &report["model_digest"]));
    let requests = answer["requests"].as_array().expect("a list");
    assert_eq!(requests.len(), 7);
    assert_eq!(requests[0]["latency_s"], report["latency"]["max_s"]);
    let seconds = |value: &Value| value.as_f64().expect("a number");
    let mut last = f64::INFINITY;
    for request in requests {
        let latency = seconds(&request["latency_s"]);
        assert!(latency <= last && request["outcome"] == "ok", "{request}");
        last = latency;
        let parts: f64 = request["parts"].as_array().expect("parts").iter().map(|part| seconds(&part["seconds"])).sum();
        assert!((parts - latency).abs() < 1e-9, "{parts} of {latency}");
        let spans = request["spans"].as_array().expect("spans");
        assert_eq!(spans[0]["kind"], "request");
        for span in &spans[1..] {
            let parent = &spans[span["parent"].as_u64().expect("a number") as usize];
            assert!(seconds(&parent["start_s"]) <= seconds(&span["start_s"]), "{span}");
        }
    }
}

#[test]
fn a_request_is_found_again_by_its_id_in_a_variant_too() {
    let slowest = json(&["--slowest", "1", "--class", "checkout"]);
    let found = &slowest["requests"][0];
    assert_eq!(found["class"], "checkout");
    let id = found["id"].as_str().expect("an id");
    assert_eq!(&json(&["--request", id])["requests"][0], found);
    let variant = json(&["--request", id, "--set", "web.replicas=40"]);
    let other = &variant["requests"][0];
    assert_eq!((&other["number"], &other["start_s"]), (&found["number"], &found["start_s"]));
}

#[test]
fn typical_requests_are_about_the_percentile() {
    let answer = json(&["--around", "p50", "--count", "3"]);
    let report = run(&[&["run", SHOP, "--format", "json", "--replications", "1"], &SHORT[..]].concat());
    let report: Value = serde_json::from_slice(&report.stdout).expect("it is JSON");
    let median = report["latency"]["p50_s"].as_f64().expect("a number");
    for request in answer["requests"].as_array().expect("a list") {
        let latency = request["latency_s"].as_f64().expect("a number");
        assert!((latency / median - 1.0).abs() < 0.02, "{latency} {median}");
    }
}

#[test]
fn failures_are_traced_where_there_are_any() {
    let none = text(&trace(&["--errors"]).stdout);
    assert!(none.contains("No request of the window ended so."), "{none}");
    let failed = json(&["--errors", "--count", "2", "--set", "shoppers.link.timeout=40ms"]);
    let requests = failed["requests"].as_array().expect("a list");
    assert!(requests.len() == 2 && requests.iter().all(|request| request["outcome"] == "timeout"), "{failed}");
    let call = &requests[0]["spans"].as_array().expect("spans").iter().find(|span| span["abandoned"] == true);
    assert!(call.is_some_and(|call| call["outcome"] == "timeout"), "{failed}");
}

#[test]
fn files_have_the_format_of_their_ending() {
    let folder = std::env::temp_dir().join(format!("kneepoint-{}-trace", std::process::id()));
    fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
    let cases = [("a.json", "requests"), ("a.chrome.json", "traceEvents"), ("a.otlp.json", "resourceSpans")];
    for (name, field) in cases {
        let path = folder.join(name);
        let output = trace(&["-o", path.to_str().expect("a plain path")]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{}", text(&output.stderr));
        let file: Value = serde_json::from_slice(&fs::read(&path).expect("it was written")).expect("it is JSON");
        assert!(file[field].is_array(), "{name}");
        // `run` writes the same, for Perfetto unless the name says otherwise.
        let path = folder.join(format!("run-{name}"));
        let path = path.to_str().expect("a plain path");
        let output = run(&[&["run", SHOP, "--replications", "1", "-q", "--trace", path], &SHORT[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let of_run: Value = serde_json::from_slice(&fs::read(path).expect("it was written")).expect("it is JSON");
        assert!(if field == "requests" { of_run["traceEvents"].is_array() } else { of_run == file }, "{name}");
    }
}
