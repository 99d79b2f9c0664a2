//! The binary from outside: what it answers to good and to bad input.

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

const SHOP: &str = "tests/fixtures/shop.json";

fn kneepoint(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kneepoint"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("CLICOLOR_FORCE").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    kneepoint(arguments).output().expect("the binary starts")
}

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

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the output is UTF-8")
}

/// A folder of its own for a test, empty.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("kneepoint-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
    folder
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
    let folder = folder("mistakes");
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
    fs::remove_dir_all(folder).expect("it was made here");
}

#[test]
fn files_are_whole_or_as_before() {
    let folder = folder("files");
    let path = |name: &str| folder.join(name).to_str().expect("a plain path").to_owned();
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
        fs::read_dir(&folder).expect("it is there").map(|entry| entry.expect("readable").file_name()).collect();
    names.sort();
    assert_eq!(names, ["kept.json", "shop.dot", "shop.mmd", "shop.svg"], "nothing half-written is left");
    fs::remove_dir_all(folder).expect("it was made here");
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
    let arguments: [&[&str]; 3] = [&["completions", "bash"], &["schema"], &["diagram", SHOP]];
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
    for command in ["", "run", "check", "diagram", "schema", "completions"] {
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
