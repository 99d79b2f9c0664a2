//! Wrong models and records from outside: exit code 2, every mistake with its place, nothing on stdout, no panic.

mod support;

use std::fs;
use std::process::Output;

use support::Place;

fn run(path: &std::path::Path) -> Output {
    support::run(&["run", path.to_str().expect("a plain path")])
}

/// What it says of a model that is wrong.
fn said(folder: &std::path::Path, model: &str) -> String {
    let path = folder.join("model.json");
    fs::write(&path, model).expect("the folder is writable");
    let output = run(&path);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{model}\n{stderr}");
    assert!(output.stdout.is_empty(), "{model}\n{}", String::from_utf8_lossy(&output.stdout));
    assert!(!stderr.contains("panicked") && !stderr.contains("internal error"), "{model}\n{stderr}");
    stderr
}

const GOOD: &str = r#"{
  "format": 1,
  "run": { "duration": "1s" },
  "classes": { "get": {} },
  "components": {
    "client": { "type": "client", "to": "web", "arrivals": { "rate": "10/s" } },
    "web": { "type": "server-pool", "replicas": 2, "cores": 2, "handlers": { "*": [ { "cpu": "1ms" }, { "call": "db", "timeout": "1s" } ] } },
    "db": { "type": "database", "operations": { "read": "exp(4ms)" } }
  }
}"#;

#[test]
fn one_mistake_is_named_with_its_place() {
    let folder = Place::new();
    fs::write(folder.join("model.json"), GOOD).expect("the folder is writable");
    assert_eq!(run(&folder.join("model.json")).status.code(), Some(0), "the model is right before");
    let cases = [
        (r#""replicas": 2"#, r#""replcas": 2"#, "components.web.replcas", ":7:"),
        (r#""to": "web""#, r#""to": "wob""#, "wob", ":6:"),
        (r#""call": "db""#, r#""call": "bd""#, "bd", ":7:"),
        (r#""cpu": "1ms""#, r#""cpu": 1"#, "components.web.handlers.*[0].cpu", ":7:"),
        (r#""rate": "10/s""#, r#""rate": 10"#, "components.client.arrivals.rate", ":6:"),
        (r#""rate": "10/s""#, r#""rate": "-10/s""#, "components.client.arrivals.rate", ":6:"),
        (r#""rate": "10/s""#, r#""rate": "NaN/s""#, "components.client.arrivals.rate", ":6:"),
        (r#""rate": "10/s""#, r#""rate": "1e300/s""#, "components.client.arrivals.rate", ":6:"),
        (r#""replicas": 2"#, r#""replicas": -2"#, "components.web.replicas", ":7:"),
        (r#""replicas": 2"#, r#""replicas": 1e99"#, "components.web.replicas", ":7:"),
        (r#""replicas": 2"#, r#""replicas": 99999999999999999999999"#, "components.web.replicas", ":7:"),
        (r#""cores": 2"#, r#""cores": 0"#, "components.web.cores", ":7:"),
        (r#""duration": "1s""#, r#""duration": "-1s""#, "run.duration", ":3:"),
        (r#""duration": "1s""#, r#""duration": "99999999999999999999d""#, "run.duration", ":3:"),
        (r#""duration": "1s""#, r#""duration": 1"#, "run.duration", ":3:"),
        ("exp(4ms)", "exp(NaNms)", "components.db.operations.read", ":8:"),
        ("exp(4ms)", "lognormal(4ms, cv=-1)", "components.db.operations.read", ":8:"),
        ("exp(4ms)", "empirical(nowhere.csv)", "nowhere.csv", ":8:"),
        (r#""call": "db""#, r#""call": "web""#, "web → web", ":7:"),
        (r#"{ "rate": "10/s" }"#, r#"{ "trace": "nowhere.csv" }"#, "nowhere.csv", ":6:"),
        (r#""format": 1"#, r#""format": 99"#, "format", ":2:"),
        (r#""type": "database""#, r#""type": "datebase""#, "did you mean database", ":8:"),
        (r#""replicas": 2"#, r#""replicas": 2, "batch": 3"#, "batch", ":7:"),
    ];
    for (good, bad, expected, line) in cases {
        let model = GOOD.replacen(good, bad, 1);
        assert_ne!(model, GOOD, "{good} is in the model");
        let stderr = said(&folder, &model);
        assert!(stderr.contains(expected), "{bad}: should name {expected}: {stderr}");
        assert!(stderr.contains(line), "{bad}: should name line {line}: {stderr}");
    }
}

#[test]
fn all_mistakes_come_at_once() {
    let folder = Place::new();
    let model = GOOD
        .replace(r#""replicas": 2"#, r#""replcas": 2"#)
        .replace(r#""rate": "10/s""#, r#""rate": 10"#)
        .replace(r#""cpu": "1ms""#, r#""cpu": "1 parsec""#)
        .replace("exp(4ms)", "exp(4)");
    let stderr = said(&folder, &model);
    for expected in ["replcas", "arrivals.rate", "[0].cpu", "operations.read", "4 mistakes"] {
        assert!(stderr.contains(expected), "should name {expected}: {stderr}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    let folder = Place::new();
    let steps = format!("{}{}", r#"[{"parallel":["#.repeat(20_000), "]}]".repeat(20_000));
    let stderr = said(&folder, &GOOD.replace(r#"[ { "cpu": "1ms" }, { "call": "db", "timeout": "1s" } ]"#, &steps));
    assert!(stderr.len() < 10_000, "a short answer to a long file");
}

#[test]
fn torn_records_are_named_with_their_lines() {
    let folder = Place::new();
    let model = GOOD.replace(r#"{ "rate": "10/s" }"#, r#"{ "trace": "record.csv" }"#);
    let good = "time,class\n0.0,get\n0.1,get\n0.2,get\n";
    fs::write(folder.join("record.csv"), good).expect("the folder is writable");
    fs::write(folder.join("model.json"), &model).expect("the folder is writable");
    let output = run(&folder.join("model.json"));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let cases: [(&[u8], &str); 8] = [
        (b"time,class\n0.0,get\n0.1,g", "a class g"),
        (b"time,class\n0.0,get\n0.2,get\n0.1,get\n", "4"),
        (b"time,class\n0.0,get\n0.1\n", "3"),
        (b"time,class\nsoon,get\n", "2"),
        (b"time,class\nNaN,get\n", "2"),
        (b"when,class\n0.0,get\n", "time"),
        (b"", "record.csv"),
        (b"\x1f\x8b\x08\x00torn", "record.csv"),
    ];
    for (record, expected) in cases {
        fs::write(folder.join("record.csv"), record).expect("the folder is writable");
        let stderr = said(&folder, &model);
        let shown = String::from_utf8_lossy(record);
        assert!(stderr.contains("record.csv"), "{shown:?}: names the file: {stderr}");
        assert!(stderr.contains(expected), "{shown:?}: should name {expected}: {stderr}");
    }
}
