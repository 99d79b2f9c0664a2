//! Pictures and pages from outside: what is asked for is there, and what can't be is said before anything runs.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

const SHOP: &str = "tests/fixtures/shop.json";

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kneepoint"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("the binary starts")
}

/// A folder of its own for a test, empty.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("kneepoint-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
    folder
}

#[test]
fn a_run_and_a_sweep_leave_pictures_and_pages() {
    let folder = folder("pictures");
    let path = |name: &str| folder.join(name).to_str().expect("the folder's name is text").to_owned();
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
        fs::read_dir(&folder).expect("it is readable").map(|entry| entry.expect("as is it").path()).collect();
    assert_eq!(left.len(), 5, "nothing half-written: {left:?}");
    let _ = fs::remove_dir_all(&folder);
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
