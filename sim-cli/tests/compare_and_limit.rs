//! `kneepoint compare` and `kneepoint limit` from outside: mistakes, shapes, and the same bytes on any number of threads.

mod support;

use std::process::Output;

use serde_json::Value;

/// A system so small that a run takes milliseconds.
const MODEL: &str = r#"{
  "format": 1,
  "name": "Small",
  "run": { "seed": 5, "duration": "5s" },
  "components": {
    "users": { "type": "client", "to": "web", "arrivals": { "rate": "50/s" } },
    "web": { "type": "server-pool", "replicas": 2, "cores": 1, "handlers": { "*": [ { "cpu": "exp(10ms)" } ] } }
  },
  "objectives": [ "p99 < 100ms" ],
  "variants": { "slow": { "web.replicas": 1 }, "same": { "web.replicas": 2 } }
}"#;

/// A folder with models in it.
struct Place(support::Place);

impl Place {
    fn new() -> Self {
        let folder = support::Place::new();
        folder.write("small.json", MODEL);
        folder.write("other.json", MODEL.replace("exp(10ms)", "exp(11ms)"));
        let plain = MODEL.split(",\n  \"variants\"").next().expect("a part");
        folder.write("plain.json", format!("{plain}}}"));
        Self(folder)
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        self.0.kneepoint(arguments).output().expect("the binary starts")
    }

    fn answer(&self, arguments: &[&str]) -> String {
        let output = self.ask(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.answer(&[arguments, &["--format", "json"]].concat())).expect("JSON")
    }
}

#[test]
fn mistakes_are_2_and_say_what_to_do() {
    let place = Place::new();
    let cases: &[(&[&str], &str)] = &[
        (&["compare"], "<MODEL>"),
        (&["compare", "small.json", "small.json"], "given twice"),
        (&["compare", "small.json", "nowhere.json"], "nowhere.json can't be read: there is no such file"),
        (&["compare", "small.json", "--variant", "slwo"], "did you mean slow?"),
        (&["compare", "plain.json", "--variant", "slow"], "it has none"),
        (&["compare", "plain.json"], "has no variants of its own"),
        (&["compare", "small.json", "--variant", "slow", "--variant", "slow"], "two variants are called slow"),
        (&["compare", "small.json", "--variant", "a: web.replcas=3"], "did you mean replicas?"),
        (&["compare", "small.json", "--variant", "a: web.replicas"], "expected a path and a value"),
        (&["compare", "small.json", "--variant", "web.replicas=3"], "expected a name and what it sets"),
        (&["compare", "small.json", "--figure", "p99.99.9"], "unknown metric"),
        (&["compare", "small.json", "--figure", "p99(wbe)"], "wbe"),
        (&["compare", "small.json", "--margin", "0"], "--margin"),
        (&["compare", "small.json", "--budget", "1"], "--budget"),
        (&["compare", "small.json", "--replications", "3", "--budget", "9"], "cannot be used with"),
        (&["compare", "small.json", "--output", "nowhere/a.json"], "nowhere/a.json"),
        (&["limit", "nowhere.json"], "there is no such file"),
        (&["limit", "small.json", "--vary", "web.replcas"], "did you mean replicas?"),
        (&["limit", "small.json", "--vary", "web.handlers.*[0].cpu"], "which is no number"),
        (&["limit", "small.json", "--from", "90/s", "--to", "20/s"], "90/s is not below 20/s"),
        (&["limit", "small.json", "--from", "90"], "write 90/s"),
        (&["limit", "small.json", "--precision", "0"], "0.1% to 20%"),
        (&["limit", "small.json", "--budget", "0"], "--budget"),
    ];
    for (arguments, expected) in cases {
        let output = place.ask(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?} should tell of {expected}: {stderr}");
        assert!(output.stdout.is_empty() && !stderr.contains("panicked"), "{arguments:?}: {stderr}");
    }
}

#[test]
fn comparisons_have_their_shape_and_their_bytes() {
    let place = Place::new();
    let compared = place.json(&["compare", "small.json", "--budget", "40"]);
    assert_eq!((compared["kind"].as_str(), compared["complete"].as_bool()), (Some("compare"), Some(true)));
    let of = |variant: &str| {
        let all = compared["differences"].as_array().expect("a list");
        all.iter().find(|one| one["variant"] == variant && one["figure"] == "p99").expect("it is there").clone()
    };
    let slow = of("slow");
    assert_eq!((slow["verdict"].as_str(), slow["better"].as_bool()), (Some("higher"), Some(false)), "{slow}");
    assert!(slow["low"].as_f64() > Some(0.0) && slow["low"].as_f64() < slow["high"].as_f64(), "{slow}");
    assert!(slow["sentence"].as_str().is_some_and(|told| told.starts_with("p99 is ")), "{slow}");
    assert_eq!(of("same")["verdict"], "identical");
    assert_eq!(compared["variants"].as_array().map(Vec::len), Some(2));
    let table =
        |jobs: &str| place.answer(&["compare", "small.json", "other.json", "--replications", "4", "--jobs", jobs]);
    assert_eq!(table("1"), table("3"), "the number of threads is nothing");
    assert!(table("1").contains("other.json"), "{}", table("1"));
    let csv = place.answer(&["compare", "small.json", "--variant", "slow", "--replications", "3", "--format", "csv"]);
    assert!(csv.starts_with("variant,figure,a,b,diff,"), "{csv}");
    assert!(csv.lines().skip(1).all(|line| line.starts_with("slow,")), "{csv}");
}

#[test]
fn limits_have_their_shape_and_their_bytes() {
    let place = Place::new();
    let limited = place.json(&["limit", "small.json", "--precision", "10%"]);
    assert_eq!((limited["kind"].as_str(), limited["outcome"].as_str()), (Some("limit"), Some("found")), "{limited}");
    let value = limited["limit"]["value"].as_f64().expect("it is found");
    assert!((60.0..190.0).contains(&value), "{value}");
    assert!(limited["limit"]["low"].as_f64() <= Some(value) && limited["limit"]["high"].as_f64() >= Some(value));
    let objectives = limited["objectives"].as_array().expect("a list");
    let added: Vec<bool> = objectives.iter().filter_map(|one| one["added"].as_bool()).collect();
    assert_eq!(added, [false, true, true], "{limited}");
    let curve = limited["curve"].as_array().expect("a list");
    assert!((12..=20).contains(&curve.len()) && curve.iter().all(|point| point["figures"]["p50"]["value"].is_number()));
    assert_eq!(limited["bottleneck"]["address"], "web.cores");
    let table = |jobs: &str| place.answer(&["limit", "small.json", "--precision", "10%", "--jobs", jobs]);
    assert_eq!(table("1"), table("3"), "the number of threads is nothing");
    assert!(table("1").contains("Holds up to "), "{}", table("1"));
    // The fewest replicas, in a model whose own number is none of them.
    let fewest = place.json(&["limit", "small.json", "--vary", "web.replicas", "--set", "users.arrivals.rate=150/s"]);
    let value = fewest["limit"]["value"].as_f64().expect("it is found");
    assert!((3.0..=6.0).contains(&value) && value.fract() == 0.0, "{}", fewest["sentence"]);
    assert!(fewest["sentence"].as_str().is_some_and(|told| told.starts_with("Holds from ")), "{}", fewest["sentence"]);
}
