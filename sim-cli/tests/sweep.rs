//! `kneepoint sweep` from outside: mistakes, formats, the same bytes, and that nothing is lost.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use support::text;

/// A system so small that a run takes milliseconds.
const MODEL: &str = r#"{
  "format": 1,
  "name": "Small",
  "run": { "seed": 5, "duration": "5s" },
  "components": {
    "users": { "type": "client", "to": "web", "arrivals": { "rate": "150/s" } },
    "web": { "type": "server-pool", "replicas": 2, "cores": 1, "handlers": { "*": [ { "cpu": "exp(10ms)" } ] } }
  },
  "objectives": [ "p99 < 100ms", "error_rate < 1%" ]
}"#;

/// A folder with the model in it.
struct Place(support::Place);

impl Place {
    fn new() -> Self {
        let folder = support::Place::new();
        folder.write("small.json", MODEL);
        Self(folder)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.0.kneepoint(&["sweep", "small.json"]);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn sweep(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary starts")
    }

    /// What a sweep that ends well writes.
    fn answer(&self, arguments: &[&str]) -> String {
        let output = self.sweep(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// What a sweep that is refused tells.
    fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.sweep(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        text(&output.stderr)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What is in the folder beside the model.
    fn names(&self) -> Vec<String> {
        self.0.names().into_iter().filter(|name| name != "small.json").collect()
    }
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("it is JSON")
}

const AXIS: [&str; 2] = ["--vary", "web.replicas=2..5"];
const TWO: [&str; 4] = ["--vary", "web.replicas=2,4", "--vary", "users.arrivals.rate=100/s..200/s:50/s"];

#[test]
fn wrong_axes_are_2_all_at_once_and_nothing_is_written() {
    let place = Place::new();
    let cases: [(&[&str], &[&str]); 9] = [
        (&[], &["--vary"]),
        (&["--vary", "web.replicas"], &["web.replicas=6"]),
        (
            &["--vary", "web.replicas=9..2", "--vary", "web.replcas=1,2", "--vary", "web.cores=many"],
            &["begins above its end; write 2..9", "did you mean replicas?", "web.cores=many", "3 mistakes in --vary"],
        ),
        (&["--vary", "web.replicas=1.5,2"], &["web.replicas=1.5", "expected"]),
        (&["--vary", "web.replicas=2..5", "--vary", "components.web.replicas=2..5"], &["varied twice"]),
        (&["--vary", "web.replicas=1..5000", "--vary", "web.cores=1..5000"], &["25000000 points", "at most 1000000"]),
        (&["--vary", "users.arrivals.rate=100/s..200/s"], &["has no steps", "100/s..200/s:lin10"]),
        (&["--vary", "web.replicas=2..5:x1"], &["never gets to the end"]),
        // Each is right alone, and no two of them together.
        (
            &[
                "--vary",
                r#"web.handlers.*=[{"cpu": "1ms"}, {"cpu": "2ms"}],[]"#,
                "--vary",
                "web.handlers.*[0].cpu=3ms,4ms",
            ],
            &["web.handlers.*=[] web.handlers.*[0].cpu=3ms: ", "there is no item 0"],
        ),
    ];
    for (arguments, expected) in cases {
        let out = [arguments, &["-o", "out.csv", "--journal", "journal.jsonl"]].concat();
        let stderr = place.refusal(&out);
        for part in expected {
            assert!(stderr.contains(part), "{arguments:?} should tell of {part}: {stderr}");
        }
        assert_eq!(place.names(), [""; 0], "{arguments:?}");
    }
}

#[test]
fn an_answer_that_can_t_be_written_is_told_before_anything_runs() {
    let place = Place::new();
    let cases: [(&[&str], &str); 5] = [
        (&["-o", "nowhere/out.csv"], "nowhere/out.csv can't be written: there is no such folder"),
        (&["-o", "."], "can't be written"),
        (&["--journal", "nowhere/journal.jsonl"], "nowhere/journal.jsonl can't be written: there is no such file"),
        (&["--journal", "."], ". is no file"),
        (&["--resume"], "--journal"),
    ];
    for (arguments, expected) in cases {
        let stderr = place.refusal(&[&AXIS, arguments].concat());
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
        assert_eq!(place.names(), [""; 0], "{arguments:?}");
    }
    assert!(place.refusal(&[&AXIS[..], &["--journal", "small.json", "--resume"]].concat()).contains("is no journal"));
    assert_eq!(fs::read_to_string(place.file("small.json")).expect("it is there"), MODEL);
}

#[test]
fn the_answer_has_its_shape() {
    let place = Place::new();
    let answer = json(&place.answer(&[&TWO[..], &["--format", "json", "--replications", "3"]].concat()));
    assert_eq!((&answer["kind"], &answer["complete"], &answer["runs"]), (&"sweep".into(), &true.into(), &18.into()));
    assert_eq!(answer["axes"][0], serde_json::json!({ "path": "web.replicas", "values": [2, 4] }));
    assert_eq!(answer["axes"][1]["values"], serde_json::json!(["100/s", "150/s", "200/s"]));
    let points = answer["points"].as_array().expect("points");
    assert_eq!(points.len(), 6);
    assert_eq!(points[1]["settings"], serde_json::json!({ "web.replicas": 2, "users.arrivals.rate": "150/s" }));
    for point in points {
        assert_eq!(point["replications"], 3);
        for name in ["p50", "p99", "error_rate", "throughput", "utilization(web)"] {
            let of = |end: &str| point["figures"][name][end].as_f64().expect("a number");
            assert!(of("low") <= of("value") && of("value") <= of("high"), "{name}: {point}");
        }
        let objectives = point["objectives"].as_array().expect("objectives");
        assert_eq!(objectives[0]["objective"], "p99 < 100ms");
        assert_eq!(objectives[0]["value"], point["figures"]["p99"]["value"]);
        assert_eq!(objectives[0]["met"], objectives[0]["value"].as_f64().is_some_and(|value| value < 0.1));
    }
    // The same point alone is the same: the seeds of a replication are those of every point.
    let alone = ["--vary", "web.replicas=2", "--vary", "users.arrivals.rate=150/s", "--replications", "3"];
    let alone = json(&place.answer(&[&alone[..], &["--format", "json"]].concat()));
    assert_eq!(alone["points"][0]["figures"], points[1]["figures"]);
}

#[test]
fn all_formats_tell_the_same() {
    let place = Place::new();
    fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&TWO[..], &["--replications", "2"], more].concat()
    }
    let answer = json(&place.answer(&with(&["--format", "json"])));
    let csv = place.answer(&with(&["--format", "csv", "--figure", "p99(web)"]));
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().expect("names");
    assert_eq!(
        names[..6],
        ["web.replicas", "users.arrivals.rate", "replications", "p99_web_s", "p99_web_s_low", "p99_web_s_high"]
    );
    let at = |name: &str| names.iter().position(|known| *known == name).expect(name);
    for (line, point) in lines.zip(answer["points"].as_array().expect("points")) {
        assert_eq!(line.len(), names.len());
        assert_eq!(line[at("p99_s")].parse::<f64>().ok(), point["figures"]["p99"]["value"].as_f64());
        assert_eq!(
            line[at("utilization_web_low")].parse::<f64>().ok(),
            point["figures"]["utilization(web)"]["low"].as_f64()
        );
        assert_eq!(line[at("met_p99")], point["objectives"][0]["met"].to_string());
        assert_eq!(line[at("stopped")], "");
    }
    let table = place.answer(&with(&[]));
    for part in
        ["Small", "6 points", "web.replicas", "p99", "±", "web ", "✓", "✗", "p99 by web.replicas (down)", "digest "]
    {
        assert!(table.contains(part), "{part} is missing: {table}");
    }
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
    let markdown = place.answer(&with(&["--format", "markdown"]));
    assert!(markdown.starts_with("## Small\n") && markdown.contains("| web.replicas |"), "{markdown}");
    place.answer(&with(&["-o", "out.parquet"]));
    let bytes = fs::read(place.file("out.parquet")).expect("it was written");
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    assert_eq!(bytes, place.sweep(&with(&["--format", "parquet"])).stdout);
    assert_eq!(place.names(), ["out.parquet"]);
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let place = Place::new();
    let of = |jobs: &str| place.answer(&[&TWO[..], &["--format", "json", "--jobs", jobs]].concat());
    let one = of("1");
    assert_eq!(one, of("2"));
    assert_eq!(one, of("8"));
    let sample = ["--vary", "web.replicas=1..9", "--vary", "users.arrivals.rate=50/s..300/s", "--sample", "12"];
    let of = |more: &[&str]| place.answer(&[&sample[..], &["--format", "csv"], more].concat());
    assert_eq!(of(&["--jobs", "1"]), of(&["--jobs", "8"]));
    assert_eq!(of(&[]).lines().count(), 13);
    assert_ne!(of(&[]), of(&["--seed", "6"]), "another seed draws other points");
}

#[test]
fn an_objective_that_a_point_misses_is_3_if_asked_for() {
    let place = Place::new();
    let with = |vary: &str, more: &[&str]| place.sweep(&[&["--vary", vary], more].concat());
    assert_eq!(with("web.replicas=2,9", &[]).status.code(), Some(0));
    let output = with("web.replicas=2,9", &["--fail-on", "objectives"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("not met: p99 < 100ms at 1 of 2 points"), "{}", text(&output.stderr));
    assert_eq!(with("web.replicas=8,9", &["--fail-on", "objectives", "--fail-on", "stopped"]).status.code(), Some(0));
    let stop = ["--set", "run.limits.events=100", "--fail-on", "stopped"];
    let output = with("web.replicas=8,9", &stop);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stdout).contains("2 of 2 points were stopped"), "{}", text(&output.stdout));
}

/// A sweep with a journal.
fn journaled<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&TWO[..], &["--format", "json", "--journal", "journal.jsonl"], more].concat()
}

#[test]
fn a_journal_is_gone_on_from_and_nothing_is_run_twice() {
    let place = Place::new();
    let whole = place.answer(&[&TWO[..], &["--format", "json"]].concat());
    assert_eq!(place.answer(&journaled(&["--resume"])), whole, "without a file it is begun");
    let journal = fs::read_to_string(place.file("journal.jsonl")).expect("it was written");
    assert_eq!(journal.lines().count(), 1 + 30);
    assert!(journal.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert!(place.refusal(&journaled(&[])).contains("is there already; go on from it with --resume"));
    assert_eq!(place.answer(&journaled(&["--resume"])), whole);
    assert_eq!(fs::read_to_string(place.file("journal.jsonl")).expect("it is there"), journal, "nothing was run");
    // A question that has grown takes what it can from the journal.
    place.answer(&journaled(&["--resume", "--replications", "6", "--vary", "web.cores=1,2"]));
    let grown = fs::read_to_string(place.file("journal.jsonl")).expect("it is there");
    assert!(grown.starts_with(&journal));
    assert_eq!(grown.lines().count(), 1 + 12 * 6);

    let others: [(&[&str], &str); 4] = [
        (&["--seed", "6"], "is of seed 5, and this is seed 6"),
        (&["--set", "web.cores=2"], "is of another model"),
        (&["--duration", "6s"], "is of another model"),
        (&["--figure", "p99(web)"], "doesn't keep p99(web)"),
    ];
    for (other, expected) in others {
        let stderr = place.refusal(&journaled(&[&["--resume"], other].concat()));
        assert!(stderr.contains(expected), "{stderr}");
    }
    let other = grown.replacen("\"engine\":\"kneepoint ", "\"engine\":\"other ", 1);
    fs::write(place.file("journal.jsonl"), other).expect("it is writable");
    assert!(place.refusal(&journaled(&["--resume"])).contains("is no journal, or a damaged one"));
    assert_eq!(place.names(), ["journal.jsonl"]);
}

#[test]
fn a_journal_torn_anywhere_gives_the_same_answer() {
    let place = Place::new();
    let short = ["--vary", "web.replicas=2", "--replications", "2", "--format", "csv", "--journal", "journal.jsonl"];
    let whole = place.answer(&short);
    let path = place.file("journal.jsonl");
    let journal = fs::read(&path).expect("it was written");
    // Every byte near the ends of lines, and some between: the unit tests tear at every byte.
    let ends: Vec<usize> = (0..journal.len()).filter(|at| journal[*at] == b'\n').collect();
    let near = |at: &usize| at.is_multiple_of(97) || ends.iter().any(|end| end.abs_diff(*at) < 3);
    for length in (0..=journal.len()).filter(near) {
        fs::write(&path, &journal[..length]).expect("it is writable");
        assert_eq!(place.answer(&[&short[..], &["--resume"]].concat()), whole, "torn at {length}");
        let mut mended = fs::read(&path).expect("it is there");
        let mut lines: Vec<&[u8]> = mended.split_inclusive(|byte| *byte == b'\n').collect();
        lines[1..].sort_unstable();
        mended = lines.concat();
        let mut lines: Vec<&[u8]> = journal.split_inclusive(|byte| *byte == b'\n').collect();
        lines[1..].sort_unstable();
        assert_eq!(mended, lines.concat(), "torn at {length}");
    }
}

/// A sweep that takes a while, so that it can be killed.
fn long<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let axes = ["--vary", "web.replicas=2..9", "--vary", "web.cores=1,2", "--duration", "60s", "--format", "csv"];
    [&axes[..], more].concat()
}

#[cfg(unix)]
#[test]
fn killed_anywhere_and_resumed_it_is_the_undisturbed_table() {
    let place = Place::new();
    let whole = place.answer(&long(&[]));
    let resumed = long(&["--journal", "journal.jsonl", "--resume"]);
    let lines = || fs::read_to_string(place.file("journal.jsonl")).map_or(0, |text| text.lines().count());
    let mut before = 0;
    for round in 0..5u64 {
        let mut child = place.command(&resumed).stdout(Stdio::null()).spawn().expect("the binary starts");
        // Anywhere: while it starts, while it writes, while it runs.
        let pause = 37 * (round + 1) * (round + 1) % 211;
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        assert!(lines() >= before, "what was on disk stays");
        before = lines();
    }
    assert_eq!(place.answer(&resumed), whole);
    assert_eq!(place.names(), ["journal.jsonl"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_with_what_there_is_and_it_can_be_gone_on_from() {
    ends_tidily_at("-INT");
}

#[cfg(unix)]
#[test]
fn so_does_being_asked_to_end() {
    ends_tidily_at("-TERM");
}

#[cfg(unix)]
fn ends_tidily_at(signal: &str) {
    let place = Place::new();
    let arguments = ["--vary", "web.replicas=2..9", "--vary", "web.cores=1,2", "--duration", "20m", "--jobs", "1"];
    let files = ["--journal", "journal.jsonl", "-o", "out.json"];
    let mut child = place.command(&[&arguments[..], &files].concat()).spawn().expect("the binary starts");
    while fs::read_to_string(place.file("journal.jsonl")).map_or(0, |text| text.lines().count()) < 3 {
        assert_eq!(child.try_wait().expect("it can be asked"), None, "it ended too soon");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill is there").success());
    let output = child.wait_with_output().expect("it ends");
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("ending after the runs that have begun"), "{stderr}");
    assert!(stderr.contains("of 80 runs; the same command with --journal journal.jsonl --resume goes on"), "{stderr}");
    assert_eq!(place.names(), ["journal.jsonl", "out.json"]);
    let answer = json(&fs::read_to_string(place.file("out.json")).expect("it was written"));
    assert_eq!(answer["complete"], false);
    let runs = answer["runs"].as_u64().expect("a number");
    assert!((2..80).contains(&runs), "{runs}");
    let kept = fs::read_to_string(place.file("journal.jsonl")).expect("it was written").lines().count();
    assert_eq!(kept as u64, 1 + runs);
}

#[cfg(unix)]
#[test]
fn the_second_ctrl_c_ends_at_once_and_leaves_nothing_half_written() {
    let place = Place::new();
    let arguments = ["--vary", "web.replicas=2,3", "--duration", "500h", "--jobs", "1", "-o", "out.json"];
    let mut child = place.command(&arguments).spawn().expect("the binary starts");
    let interrupt = |child: &std::process::Child| {
        assert!(
            Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there").success()
        );
    };
    // The runs take minutes; give the process the time to begin them.
    std::thread::sleep(Duration::from_millis(700));
    interrupt(&child);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(child.try_wait().expect("it can be asked"), None, "the first one waits for what has begun");
    interrupt(&child);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert_eq!(place.names(), [""; 0]);
}

/// Runs a sweep whose files can't grow beyond some kB: as on a full disk, a write is refused in its midst.
#[cfg(unix)]
#[test]
fn a_full_disk_is_told_and_the_journal_stays_good() {
    let place = Place::new();
    let arguments = journaled(&["--resume"]);
    let whole = place.answer(&[&TWO[..], &["--format", "json"]].concat());
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", limited, env!("CARGO_BIN_EXE_kneepoint"), "sweep", "small.json"])
        .args(&arguments)
        .current_dir(&*place.0)
        .output()
        .expect("there is a shell");
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("journal.jsonl can't be written"), "{stderr}");
    assert_eq!(text(&output.stdout), "");
    let journal = fs::read_to_string(place.file("journal.jsonl")).expect("it was begun");
    assert!(journal.is_empty() || journal.ends_with('\n'), "no line is half-written");
    assert!((2..31).contains(&journal.lines().count()), "{}", journal.lines().count());
    assert_eq!(place.answer(&arguments), whole);
}

#[cfg(unix)]
#[test]
fn a_folder_that_can_only_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let folder = place.file("closed");
    fs::create_dir(&folder).expect("it is writable");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).expect("it is ours");
    if fs::write(folder.join("trial"), "").is_ok() {
        eprintln!("skipped: permissions mean nothing to this user");
        return;
    }
    for file in [["-o", "closed/out.csv"], ["--journal", "closed/journal.jsonl"]] {
        let stderr = place.refusal(&[AXIS, file].concat());
        assert!(stderr.contains("can't be written: permission denied"), "{stderr}");
    }
}

#[test]
fn one_process_at_a_time_writes_a_journal() {
    let place = Place::new();
    let path = place.file("journal.jsonl");
    let held = fs::File::create(&path).expect("it is writable");
    held.lock().expect("nobody else has it");
    assert!(place.refusal(&journaled(&["--resume"])).contains("is in use: another process writes it"));
    drop(held);
    place.answer(&journaled(&["--resume"]));
    assert!(Path::new(&path).exists());
}
