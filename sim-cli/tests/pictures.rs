//! Pictures and pages from outside: what is asked for is there, and what can't be is said before anything runs.

mod support;

use std::fs;

use support::{Place, SHOP, run};

/// A system so small that a run takes milliseconds.
const SMALL: &str = r#"{
  "format": 1,
  "run": { "seed": 5, "duration": "3s" },
  "components": {
    "users": { "type": "client", "to": "web", "arrivals": { "rate": "60/s" } },
    "web": { "type": "server-pool", "replicas": 2, "cores": 1, "handlers": { "*": [ { "cpu": "exp(10ms)" } ] } }
  },
  "objectives": [ "p90 < 100ms" ]
}"#;

#[test]
fn a_run_and_a_sweep_leave_pictures_and_pages() {
    let folder = Place::new();
    let path = |name: &str| folder.path(name);
    let (svg, png, page) = (path("shop.svg"), format!("breakdown={}", path("time.png")), path("shop.html"));
    let quick = ["--duration", "5s", "--warmup", "0s", "--quiet"];
    let output = run(&[&["run", SHOP, "--chart", &svg, "--chart", &png, "--report", &page][..], &quick].concat());
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
    let text = |name: &str| fs::read_to_string(folder.join(name)).expect("it was written");
    assert!(text("shop.svg").starts_with("<svg") && text("shop.svg").contains("Latency over time"));
    assert!(fs::read(folder.join("time.png")).expect("it was written").starts_with(b"\x89PNG"));
    let html = text("shop.html");
    assert!(html.starts_with("<!doctype html>") && html.matches("<svg").count() == 4);
    assert!(html.contains("--chart") && !html.contains("<script"), "the page tells what was typed");

    let (map, page) = (format!("heat-map={}", path("map.svg")), path("sweep.html"));
    let axes = ["--vary", "web.replicas=2,3", "--vary", "web.cores=1,2", "--replications", "2"];
    let output = run(&[&["sweep", SHOP, "--chart", &map, "--report", &page][..], &axes, &quick].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text("map.svg").contains("web.cores") && text("sweep.html").matches("<svg").count() == 2);
    let left: Vec<_> =
        fs::read_dir(&*folder).expect("it is readable").map(|entry| entry.expect("as is it").path()).collect();
    assert_eq!(left.len(), 5, "nothing half-written: {left:?}");
}

#[test]
fn what_can_not_be_drawn_is_2_before_anything_runs() {
    let cases: &[(&[&str], &str)] = &[
        (&["--chart", "out.pdf"], "SVG or PNG"),
        (&["--chart", "out"], "SVG or PNG"),
        (&["--chart", "pie=out.svg"], "run draws no picture \"pie\"; it draws percentiles, latency"),
        (&["--chart", "no-such-folder/out.svg"], "no-such-folder/out.svg can't be written: there is no such folder"),
        (&["--report", "out.pdf"], "end its name in .html"),
        (&["--report", "no-such-folder/out.html"], "can't be written"),
        (&["--theme", "pink"], "--theme"),
        (&["--theme", "dark"], "--chart"),
        (&["--theme", "dark", "--report", "out.html"], "--chart"),
    ];
    for (arguments, says) in cases {
        // A run of this length would take hours.
        let output = run(&[&["run", SHOP, "--duration", "1000d"], *arguments].concat());
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(says), "{arguments:?}: {told}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn an_answer_that_was_kept_is_drawn_again() {
    let folder = Place::new();
    folder.write("small.json", SMALL);
    let model = folder.path("small.json");
    for (command, more) in [
        ("run", &["--replications", "2"][..]),
        ("sweep", &["--vary", "web.replicas=2,3", "--replications", "2"]),
        ("compare", &["--variant", "more: web.replicas=3", "--replications", "3"]),
        ("limit", &["--vary", "web.replicas", "--budget", "8"]),
        ("plan", &["--over", "web.replicas=2,3", "--price", "web.replicas=70"]),
        ("explain", &[]),
    ] {
        let (kept, first, again) = (folder.path("kept.json"), folder.path("first.svg"), folder.path("again.svg"));
        let output = run(&[&[command, &model, "-o", &kept, "--chart", &first, "--quiet"][..], more].concat());
        assert!(matches!(output.status.code(), Some(0 | 3)), "{command}: {output:?}");
        let output = run(&["picture", &kept, &again]);
        assert_eq!(output.status.code(), Some(0), "{command}: {output:?}");
        let text = |path: &str| fs::read_to_string(path).expect("it was written");
        assert_eq!(text(&first), text(&again), "{command}");
    }
    folder.write("newer.json", r#"{"kind": "sweep", "format": 99}"#);
    for (name, says) in
        [("newer.json", "has the format 99; this version reads 1"), ("no.json", "there is no such file")]
    {
        let output = run(&["picture", &folder.path(name), &folder.path("no.svg")]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(says), "{output:?}");
    }
    assert!(!folder.join("no.svg").exists());
}
