//! The binary from outside: what it answers to good and to bad input.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use support::{Place, SHOP, kneepoint, run, text};

fn with_stdin(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = kneepoint(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // Bad input may be refused before all of it is read.
    let _ = child.stdin.take().expect("it has a stdin").write_all(input);
    child.wait_with_output().expect("it ends")
}

#[test]
fn bad_input_is_2_with_nothing_on_stdout() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["rum", SHOP], "unrecognized subcommand"),
        (&["run"], "<MODEL>"),
        (&["run", "nowhere.json"], "nowhere.json can't be read: there is no such file"),
        (&["run", "src"], "src can't be read: it is a folder"),
        (&["run", SHOP, "--sed", "1"], "--sed"),
        (&["run", SHOP, "--seed", "-1"], "--seed"),
        (&["run", SHOP, "--seed", "1.5"], "--seed"),
        (&["run", SHOP, "--replications", "0"], "--replications"),
        (&["run", SHOP, "--jobs", "0"], "--jobs"),
        (&["run", SHOP, "--jobs", "-1"], "--jobs"),
        (&["run", SHOP, "--format", "xml"], "--format"),
        (&["run", SHOP, "--duration", "10"], "run.duration"),
        (&["run", SHOP, "--set", "web.replicas"], "web.replicas=6"),
        (&["run", SHOP, "--set", "=6"], "--set"),
        (&["run", SHOP, "--set", "web.replcas=6"], "replicas"),
        (&["run", SHOP, "--set", "web.replicas=many"], "web.replicas"),
        (&["run", SHOP, "--output", "nowhere/report.json"], "nowhere/report.json can't be written"),
        (&["run", SHOP, SHOP], "unexpected argument"),
        (&["plan", SHOP], "--over"),
        (&["plan", SHOP, "--over", "web.replicas"], "web.replicas=6"),
        (&["plan", SHOP, "--over", "web.replcas=1..4"], "did you mean replicas"),
        (&["plan", SHOP, "--over", "web.replicas=4..1"], "web.replicas=4..1"),
        (&["plan", SHOP, "--over", "web.replicas=1..4"], "no component has a cost"),
        (&["plan", SHOP, "--over", "web.replicas=1..4", "--price", "web.cores=3"], "not among --over"),
        (&["plan", SHOP, "--over", "web.replicas=1..4", "--price", "web.replicas=-3"], "not negative"),
        (&["plan", SHOP, "--over", "web.replicas=1..4", "--minimize", "p999x"], "unknown metric"),
        (&["plan", SHOP, "--over", "web.replicas=1..4", "--minimize", "web.cores"], "neither a path"),
        (&["plan", SHOP, "--over", "web.replicas=1..4", "--objective", "p99 <"], "--objective"),
        (&["plan", SHOP, "--over", "web.replicas=1..4", "--confidence", "100%"], "--confidence"),
        (&["plan", SHOP, "--over", "web.replicas=1..4", "--minimize", "p99", "-o", "nowhere/a.json"], "nowhere"),
        (&["explain", SHOP, "--figure", "p999x"], "--figure"),
        (&["explain", SHOP, "--set", "web.replicas=many"], "web.replicas"),
        (&["explain", SHOP, "--figure", "p99(nobody)"], "there is no class or component nobody"),
        (&["sweep", SHOP, "--vary", "web.replicas=1..4", "--figure", "p99(nobody)"], "nobody"),
        (&["plan", SHOP, "--over", "web.replicas=1..4", "--minimize", "p99(nobody)"], "nobody"),
        (&["explain", "nowhere.json"], "there is no such file"),
        (&["check"], "<MODEL>"),
        (&["check", SHOP, "nowhere.json"], "nowhere.json"),
        (&["check", SHOP, "--expect"], "expects nothing"),
        (&["diagram", SHOP, "--format", "pdf"], "--format"),
        (&["completions", "klingon"], "klingon"),
    ];
    for (arguments, expected) in cases {
        let output = run(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?} should tell of {expected}: {stderr}");
        assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
        if arguments.first() != Some(&"check") {
            assert_eq!(text(&output.stdout), "", "{arguments:?}");
        }
    }
}

#[test]
fn rubbish_is_2_and_never_a_panic() {
    let deep = "[".repeat(100_000);
    let cases: &[&[u8]] = &[
        b"",
        b" \n",
        b"{",
        b"[]",
        b"null",
        b"\"text\"",
        b"{}",
        b"{\"format\": 2}",
        b"format: 1\nrun: [",
        b"\x00\x01\x02",
        b"\xff\xfe{\x00}\x00",
        b"\x1f\x8b\x08\x00",
        b"{\"format\": 1, \"run\": {\"duration\": \"1s\"}, \"components\": {\"\\u001b[2J\": 1}}",
        deep.as_bytes(),
    ];
    for input in cases {
        for command in ["run", "check", "diagram"] {
            let output = with_stdin(&[command, "-"], input);
            let (shown, stderr) = (String::from_utf8_lossy(&input[..input.len().min(60)]), text(&output.stderr));
            assert_eq!(output.status.code(), Some(2), "{command} {shown:?}: {stderr}");
            assert_eq!(text(&output.stdout), "", "{command} {shown:?}");
            assert!(stderr.starts_with("stdin:"), "{command} {shown:?}: {stderr}");
            assert!(
                !stderr.contains("panicked") && !stderr.contains("internal error"),
                "{command} {shown:?}: {stderr}"
            );
            assert!(!stderr.contains('\u{1b}'), "{command} {shown:?}: {stderr:?}");
        }
    }
}

#[test]
fn all_mistakes_come_at_once_with_their_lines() {
    let folder = Place::new();
    let path = folder.join("shop.json");
    let good = fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(SHOP)).expect("the fixture is there");
    let bad = good.replace("\"replicas\": 4", "\"replcas\": 4").replace("\"ttl\": \"5m\"", "\"ttl\": 5");
    assert_ne!(good, bad);
    fs::write(&path, bad).expect("the folder is writable");
    let output = run(&["run", path.to_str().expect("a plain path")]);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("components.web.replcas") && stderr.contains("did you mean replicas"), "{stderr}");
    assert!(stderr.contains("components.redis.ttl"), "{stderr}");
    assert!(stderr.contains("shop.json:"), "{stderr}");
    assert!(stderr.contains("2 mistakes"), "{stderr}");
}

#[test]
fn files_are_whole_or_as_before() {
    let folder = Place::new();
    let path = |name: &str| folder.path(name);
    fs::write(path("kept.json"), "before").expect("the folder is writable");
    assert_eq!(run(&["run", SHOP, "--set", "web.replcas=1", "-o", &path("kept.json")]).status.code(), Some(2));
    assert_eq!(fs::read_to_string(path("kept.json")).expect("it is there"), "before");

    assert_eq!(run(&["diagram", SHOP, "-o", &path("shop.svg")]).status.code(), Some(0));
    assert_eq!(run(&["diagram", SHOP, "-o", &path("shop.mmd")]).status.code(), Some(0));
    assert_eq!(run(&["diagram", SHOP, "-o", &path("shop.dot")]).status.code(), Some(0));
    let read = |name: &str| fs::read_to_string(path(name)).expect("it was written");
    assert!(read("shop.svg").starts_with("<svg "));
    assert!(read("shop.mmd").starts_with("flowchart LR"));
    assert!(read("shop.dot").starts_with("digraph "));
    let mut names: Vec<_> =
        fs::read_dir(&*folder).expect("it is there").map(|entry| entry.expect("readable").file_name()).collect();
    names.sort();
    assert_eq!(names, ["kept.json", "shop.dot", "shop.mmd", "shop.svg"], "nothing half-written is left");
}

#[test]
fn check_tells_what_is_over_100_percent() {
    let output = run(&["check", SHOP]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    assert!(stdout.contains("is a valid model: 6 components, 2 classes, 4 objectives"), "{stdout}");
    assert!(!stdout.contains("can't keep up"), "{stdout}");
    assert!(!stdout.contains('\u{1b}'), "no colours where no one sees them: {stdout:?}");
    let stdout = text(&run(&["check", SHOP, "--set", "shoppers.arrivals.rate=4800/s"]).stdout);
    let line = stdout.lines().find(|line| line.starts_with("web.cores")).expect("the cores are listed");
    assert!(line.contains("138%") && line.contains("can't keep up"), "{line}");

    let output = run(&["check", SHOP, "--format", "json"]);
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(findings["kind"], "check");
    assert_eq!(findings["valid"], true);
    let output = run(&["check", SHOP, "--format", "json", "--set", "web.replicas=x"]);
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(findings["valid"], false);
    assert_eq!(findings["diagnostics"][0]["path"], "components.web.replicas");
}

#[test]
fn a_reader_who_goes_away_is_no_failure() {
    let arguments: [&[&str]; 5] = [
        &["completions", "bash"],
        &["reference", "cache"],
        &["schema"],
        &["diagram", SHOP],
        &["run", SHOP, "--duration", "2s", "--warmup", "1s", "--set", "objectives=[]"],
    ];
    for arguments in arguments {
        let mut child = kneepoint(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().expect("it has a stderr").read_to_string(&mut stderr).expect("it is UTF-8");
        let status = child.wait().expect("it ends");
        assert!(status.success() && stderr.is_empty(), "{arguments:?}: {status} {stderr}");
    }
}

#[test]
fn every_command_has_help_with_examples() {
    let commands = [
        "",
        "run",
        "check",
        "sweep",
        "compare",
        "limit",
        "plan",
        "explain",
        "trace",
        "diff",
        "picture",
        "new",
        "fmt",
        "diagram",
        "reference",
        "schema",
        "completions",
    ];
    for command in commands {
        let arguments: Vec<&str> = [command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let output = run(&arguments);
        let help = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(help.contains("Examples:\n  kneepoint "), "{command}: {help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{command}: {help}");
        let name = if command.is_empty() { "kneepoint" } else { command };
        insta::with_settings!({ snapshot_path => "help", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, help);
        });
    }
    assert_eq!(text(&run(&["--version"]).stdout), format!("kneepoint {}\n", env!("CARGO_PKG_VERSION")));
}

/// Settings that make a run short.
const SHORT: [&str; 4] = ["--duration", "2s", "--warmup", "1s"];

fn run_shop(more: &[&str]) -> Output {
    run(&[&["run", SHOP], &SHORT[..], more].concat())
}

#[test]
fn a_run_answers_in_every_format() {
    let output = run_shop(&["--replications", "2"]);
    let table = text(&output.stdout);
    for part in ["Web shop", "Requests", "Latency", "p99.9", "Components", "orders-pool", "Objectives", "digest "] {
        assert!(table.contains(part), "{part} is missing: {table}");
    }
    assert!(!table.contains('\u{1b}'), "no colours where no one sees them");
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");

    let json = run_shop(&["--replications", "2", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).expect("it is JSON");
    assert_eq!((&report["kind"], &report["format"]), (&"run".into(), &1.into()));
    assert_eq!(report["confidence"]["replications"], 2);
    let requests = &report["requests"];
    let count = |value: &serde_json::Value| value.as_u64().expect("a whole number");
    let errors: u64 = requests["errors"].as_object().expect("errors by outcome").values().map(count).sum();
    assert_eq!(count(&requests["offered"]), count(&requests["ok"]) + errors + count(&requests["unfinished"]));

    let csv = text(&run_shop(&["--format", "csv"]).stdout);
    assert!(csv.starts_with("scope,figure,value,low,high\n") && csv.contains("latency/p99_s,"), "{csv}");
    let markdown = text(&run_shop(&["--format", "markdown"]).stdout);
    assert!(markdown.starts_with("## Web shop\n") && markdown.contains("| --- |"), "{markdown}");
}

#[test]
fn the_same_run_gives_the_same_bytes_for_any_number_of_threads() {
    let of = |more: &[&str]| run_shop(&[&["--replications", "4", "--format", "json"], more].concat()).stdout;
    let one = of(&["--jobs", "1"]);
    assert_eq!(one, of(&["--jobs", "2"]));
    assert_eq!(one, of(&["--jobs", "7"]));
    assert_ne!(one, of(&["--seed", "7"]));
}

#[test]
fn an_objective_that_is_not_met_is_3() {
    let unmet = ["--set", r#"objectives=["p50 < 1us"]"#];
    let output = run_shop(&unmet);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("✗  p50 < 1us"));
    let output = run_shop(&[&unmet[..], &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("not met: p50 < 1us"), "{}", text(&output.stderr));
    assert_eq!(run_shop(&["--set", r#"objectives=["p50 < 1h"]"#]).status.code(), Some(0));
}

#[test]
fn results_go_to_a_file_in_the_format_of_its_ending() {
    let folder = Place::new();
    for (name, start) in [("a.json", "{\n"), ("a.csv", "scope,"), ("a.md", "## "), ("a.txt", "Web shop")] {
        let path = folder.join(name);
        let output = run_shop(&["-o", path.to_str().expect("a plain path")]);
        assert_eq!(text(&output.stdout), "");
        assert!(fs::read_to_string(path).expect("it was written").starts_with(start), "{name}");
    }
}

#[test]
fn colours_are_for_those_who_see_them() {
    let coloured = kneepoint(&["check", SHOP]).env("CLICOLOR_FORCE", "1").output().expect("the binary starts");
    assert!(text(&coloured.stdout).contains('\u{1b}'));
    let plain = kneepoint(&["check", SHOP]).env("NO_COLOR", "1").output().expect("the binary starts");
    assert!(!text(&plain.stdout).contains('\u{1b}'));
}

#[test]
fn a_model_comes_through_stdin_too() {
    let model = fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(SHOP)).expect("the fixture is there");
    let output = with_stdin(&["check", "-"], &model);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("stdin is a valid model"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_is_130() {
    // It waits for a model that never comes.
    let mut child = kneepoint(&["run", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    // The handler is there before stdin is read; give the process the time to get so far.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    assert!(killed.success());
    // Waiting would close a stdin that is still the child's.
    let stdin = child.stdin.take();
    let status = child.wait().expect("it ends");
    drop(stdin);
    assert_eq!(status.code(), Some(130), "{status}");
}
