//! The small commands from outside: `new`, `fmt`, `diff`, what builds need of `run` and `check`, and `run --watch`.

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Output, Stdio};

use serde_json::Value;

use support::{Place, SHOP, kneepoint, run, text};

fn short(more: &[&str]) -> Output {
    run(&[&["run", SHOP, "--duration", "2s", "--warmup", "1s", "--replications", "1", "-q"], more].concat())
}

#[test]
fn mistakes_are_2_and_leave_nothing_behind() {
    let folder = Place::new();
    let path = |name: &str| folder.path(name);
    fs::write(path("no.json"), "{").expect("the folder is writable");
    fs::write(path("sweep.json"), "{\"kind\": \"sweep\"}").expect("the folder is writable");
    fs::write(path("newer.json"), "{\"kind\": \"run\", \"format\": 99}").expect("the folder is writable");
    fs::write(path("model.yaml"), "# mine\nformat: 1\n").expect("the folder is writable");
    let cases: &[(&[&str], &str)] = &[
        (&["new", "nothing"], "there is no starter nothing; there are minimal, web-shop"),
        (&["new", "-o", &path("x.json")], "<NAME>"),
        (&["new", "minimal", "-o", &path("no.json")], "is there already"),
        (&["new", "minimal", "-o", &path("x.yaml")], "give "),
        (&["new", "minimal", "-o", &path("no/x.json")], "can't be written"),
        (&["fmt"], "<MODEL>"),
        (&["fmt", &path("no.json")], "this is no JSON"),
        (&["fmt", &path("nowhere.json")], "there is no such file"),
        (&["fmt", &path("model.yaml")], "is YAML, which is left alone"),
        (&["diff", SHOP], "<B>"),
        (&["diff", "-", "-"], "not both"),
        (&["diff", SHOP, SHOP], "is no answer: it has no `kind`"),
        (&["diff", &path("no.json"), SHOP], "is no answer"),
        (&["diff", &path("sweep.json"), SHOP], "doesn't say its `format`"),
        (&["diff", &path("newer.json"), SHOP], "has the format 99"),
        (&["run", SHOP, "--summary", "--format", "json"], "cannot be used with"),
        (&["run", "-", "--watch"], "stdin can't be watched"),
        (
            &["run", SHOP, "--duration", "1s", "-q", "-o", &path("r.json"), "--junit", &path("no/j.xml")],
            "can't be written",
        ),
    ];
    for (arguments, expected) in cases {
        let output = run(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?} should tell of {expected}: {stderr}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
    }
    assert_eq!(fs::read_to_string(path("no.json")).expect("it is there"), "{");
    assert_eq!(fs::read_to_string(path("model.yaml")).expect("it is there"), "# mine\nformat: 1\n");
    assert!(!folder.join("x.json").exists() && !folder.join("x.yaml").exists());
}

#[test]
fn starters_are_models_that_run() {
    let folder = Place::new();
    let path = |name: &str| folder.path(name);
    let list = text(&run(&["new"]).stdout);
    let line = list.lines().find(|line| line.starts_with("pool-size ")).expect("it is listed");
    assert!(line.ends_with("  A connection pool that is too small"), "{list}");
    assert_eq!(text(&run(&["new", "minimal"]).stdout).lines().next(), Some("{"));
    for (name, file) in [("minimal", "a.json"), ("access-log", "b.json"), ("cache-sizes", "c.yaml")] {
        let output = run(&["new", name, "-o", &path(file)]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let output = run(&["check", &path(file)]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output.stderr));
    }
    assert!(folder.join("data/access.log").exists(), "a model comes with the file that it needs");
}

#[test]
fn tidying_keeps_the_meaning_and_is_done_once() {
    let folder = Place::new();
    let path = |name: &str| folder.path(name);
    let gallery = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models");
    let digest = |file: &str| {
        let output = run(&["check", file, "--format", "json"]);
        let findings: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
        findings["model_digest"].clone()
    };
    for name in ["web-shop.json", "retry-storm.json", "hot-shard.json"] {
        let (file, before) = (path(name), gallery.join(name));
        fs::copy(&before, &file).expect("the folder is writable");
        assert_eq!(run(&["fmt", "--check", &file]).status.code(), Some(3), "{name} is laid out by hand");
        assert_eq!(
            fs::read(&file).expect("it is there"),
            fs::read(&before).expect("it is there"),
            "--check changes nothing"
        );
        let output = run(&["fmt", &file]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(digest(&file), digest(before.to_str().expect("a plain path")), "{name}");
        assert_eq!(run(&["fmt", "--check", &file]).status.code(), Some(0), "{name} is tidy now");
        let tidied = fs::read_to_string(&file).expect("it is there");
        assert!(tidied.lines().all(|line| line.chars().count() <= 120 || line.contains("\"description\"")), "{tidied}");
    }
}

#[test]
fn reports_stand_side_by_side() {
    let folder = Place::new();
    let path = |name: &str| folder.path(name);
    short(&["-o", &path("a.json")]);
    short(&["--set", "web.replicas=6", "-o", &path("b.json")]);
    let output = run(&["diff", &path("a.json"), &path("b.json"), "--format", "json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(
        (&answer["kind"], &answer["same_model"], &answer["same_results"]),
        (&"diff".into(), &false.into(), &false.into())
    );
    let differences = answer["differences"].as_array().expect("a list");
    let of = |name: &str| differences.iter().find(|difference| difference["figure"] == name).expect("it is compared");
    let change = of("utilization(web)")["change"].as_f64().expect("a number");
    assert!((change + 1.0 / 3.0).abs() < 0.05, "six replicas instead of four: {change}");
    let table = text(&run(&["diff", &path("a.json"), &path("b.json")]).stdout);
    assert!(table.contains("utilization(web)") && table.contains("The models differ"), "{table}");
    let same = run(&["diff", &path("a.json"), &path("a.json")]);
    assert_eq!(same.status.code(), Some(0));
    assert!(text(&same.stdout).contains("Equal digests"), "{}", text(&same.stdout));
}

#[test]
fn builds_get_one_line_and_tests() {
    let folder = Place::new();
    let path = |name: &str| folder.path(name);
    let output = short(&["--summary", "--junit", &path("good.xml")]);
    let line = text(&output.stdout);
    assert_eq!((output.status.code(), line.lines().count()), (Some(0), 1), "{line}");
    assert!(line.starts_with("ok p50=") && line.contains(" objectives=4/4 digest="), "{line}");
    let output = short(&["--summary", "--junit", &path("bad.xml"), "--set", r#"objectives=["p50 < 1us"]"#]);
    let line = text(&output.stdout);
    assert_eq!(output.status.code(), Some(3));
    assert!(line.starts_with("unmet p50=") && line.contains(" objectives=0/1 "), "{line}");

    let read = |name: &str| fs::read_to_string(path(name)).expect("it was written");
    let (good, bad) = (read("good.xml"), read("bad.xml"));
    assert!(good.contains("<testsuite name=\"Web shop\" tests=\"5\" failures=\"0\" errors=\"0\""), "{good}");
    assert!(bad.contains("name=\"p50 &lt; 1us\">\n      <failure message=\"found "), "{bad}");

    fs::write(path("wrong.json"), "{\"format\": 1}").expect("the folder is writable");
    let models = [SHOP, &path("wrong.json"), "../models/one-queue.json"];
    let output = run(&[&["check", "-q", "--junit", &path("check.xml")], &models[..]].concat());
    assert_eq!(output.status.code(), Some(2));
    let check = read("check.xml");
    assert!(check.contains("<testsuites name=\"kneepoint\" tests=\"3\" failures=\"1\" errors=\"0\">"), "{check}");
    assert!(check.contains("`run` is missing"), "{check}");
}

#[test]
fn a_watched_model_runs_again_when_it_is_saved() {
    let folder = Place::new();
    let path = |name: &str| folder.path(name);
    let model = |rate: &str| {
        format!(
            r#"{{ "format": 1, "run": {{ "duration": "1s" }}, "components": {{
              "users": {{ "type": "client", "to": "web", "arrivals": {{ "rate": "{rate}" }} }},
              "web": {{ "type": "server-pool", "handlers": {{ "*": [ {{ "cpu": "1ms" }} ] }} }} }} }}"#
        )
    };
    fs::write(path("m.json"), model("100/s")).expect("the folder is writable");
    let mut child = kneepoint(&["run", &path("m.json"), "--watch", "--summary", "-q"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it has a stdout")).lines();
    let mut mistakes = BufReader::new(child.stderr.take().expect("it has a stderr")).lines();
    let mut next = || lines.next().expect("it goes on").expect("it is text");
    let first = next();
    assert!(first.starts_with("ok "), "{first}");
    // A mistake is told, and the next save puts it right.
    fs::write(path("m.json"), model("fast")).expect("the folder is writable");
    let told = mistakes.next().expect("it goes on").expect("it is text");
    assert!(told.contains("components.users.arrivals.rate"), "{told}");
    fs::write(path("m.json"), model("200/s")).expect("the folder is writable");
    let second = next();
    assert!(second.starts_with("ok ") && second != first, "{second}");
    child.kill().expect("it runs until it is ended");
    child.wait().expect("it ends");
}

#[test]
fn a_file_that_the_model_names_is_watched_too() {
    let folder = Place::new();
    let model = r#"{ "format": 1, "run": { "duration": "3s" }, "components": {
        "users": { "type": "client", "to": "web", "arrivals": { "trace": "log.csv" } },
        "web": { "type": "server-pool", "handlers": { "*": [ { "cpu": "1ms" } ] } } } }"#;
    folder.write("m.json", model);
    folder.write("log.csv", "time\n0\n1\n");
    let mut child = folder
        .kneepoint(&["run", "m.json", "--watch", "--summary", "-q"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it has a stdout")).lines();
    let mut next = || lines.next().expect("it goes on").expect("it is text");
    let first = next();
    assert!(first.contains(" rate=0.667/s "), "{first}");
    folder.write("log.csv", "time\n0\n1\n2\n");
    let second = next();
    assert!(second.contains(" rate=1/s "), "{second}");
    child.kill().expect("it runs until it is ended");
    child.wait().expect("it ends");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_search_for_precision_with_the_runs_that_there_are() {
    let folder = Place::new();
    let shop = fs::read_to_string(SHOP).expect("the fixture is there");
    folder.write("shop.json", shop);
    let arguments =
        ["run", "shop.json", "--precision", "0.0001%", "--duration", "2m", "--jobs", "1", "--format", "json"];
    let child =
        folder.kneepoint(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    std::thread::sleep(std::time::Duration::from_secs(2));
    let asked = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(asked.expect("kill is there").success());
    let output = child.wait_with_output().expect("it ends");
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("interrupted after "), "{stderr}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a whole report");
    assert_eq!(report["ended"], "complete");
}
