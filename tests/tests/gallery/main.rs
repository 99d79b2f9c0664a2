//! The gallery: every model of `models/`, and every scenario, reads without a warning, shows what it is there to show, and
//! is short; and the schema beside them is the present one.

mod mutations;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use sim_core::analysis::report::{Ended, Report};
use sim_core::analysis::{objective, replications};
use sim_core::{Model, Plan};
use tests::{Beside, models};

/// The most requests that a model of the gallery makes in a run, its variants apart.
const REQUESTS_MAX: u64 = 100_000;
/// What a model shows must not hang on one seed.
const SEEDS: u32 = 3;
/// The runs of a scenario, as many as `check --expect` makes of short ones.
const REPLICATIONS: u32 = 10;

/// What is in a folder, sorted by name.
fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be read").path()).collect();
    paths.sort();
    paths
}

/// Every model of the gallery.
fn gallery() -> Vec<PathBuf> {
    models_in(&models())
}

/// Every model in a folder.
fn models_in(folder: &Path) -> Vec<PathBuf> {
    let mut models = inside(folder);
    models.retain(|path| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        matches!(ending, "json" | "yaml") && path.file_name().is_some_and(|name| name != "schema.json")
    });
    models
}

/// Where a model's files are.
fn beside(path: &Path) -> Beside {
    Beside(path.parent().expect("it is in a folder").to_path_buf())
}

/// Reads a model, which must have no mistakes and nothing doubtful.
fn read(path: &Path, sets: &[(&str, &str)]) -> Model {
    let text = fs::read_to_string(path).expect("a model is a text");
    let sets: Vec<_> = sets.iter().map(|(path, value)| (path.to_string(), value.to_string())).collect();
    let (model, warnings) = Model::parse(&text, &path.display().to_string(), &sets, &beside(path))
        .unwrap_or_else(|mistakes| panic!("{}:\n{mistakes}", path.display()));
    assert!(warnings.is_empty(), "{}: {warnings:?}", path.display());
    model
}

fn plan(model: &Model, files: &Beside) -> Plan {
    Plan::compile(model, files).unwrap_or_else(|mistakes| panic!("{}:\n{mistakes}", model.name))
}

fn run(model: &Model, files: &Beside, replication: u32) -> Report {
    sim_core::simulate(&plan(model, files), replications::seed_of(model.run.seed.0, replication))
}

/// Several runs, their figures the means: what `check --expect` looks at.
fn runs(model: &Model, files: &Beside, all: Range<u32>) -> Report {
    let reports: Vec<Report> = all.map(|replication| run(model, files, replication)).collect();
    replications::merge(&reports, |report| objective::judge(&model.objectives, report))
}

#[test]
fn models_show_what_they_are_there_to_show() {
    let models = gallery();
    assert!(models.len() >= 10, "{} models are not the gallery", models.len());
    for path in models {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let model = read(&path, &[]);
        if name == "web-shop.json" {
            // The example of the README is there to be changed, and shows nothing but itself.
            let short = read(&path, &[("run.duration", "5s"), ("run.warmup", "1s")]);
            assert_eq!(run(&short, &beside(&path), 0).ended, Ended::Complete);
            continue;
        }
        assert!(!model.expect.is_empty(), "{name} expects nothing");
        assert!(text_of(&path).contains("description"), "{name} has no description");
        for replication in 0..SEEDS {
            shows(&name, &model, &beside(&path), replication..replication + 1);
        }
    }
}

/// What people want to know of their systems, in `models/scenarios/`: each answers its question.
#[test]
fn scenarios_answer_their_questions() {
    let groups = inside(&models().join("scenarios")).into_iter().filter(|path| path.is_dir());
    let scenarios: Vec<PathBuf> = groups.flat_map(|group| models_in(&group)).collect();
    assert!(scenarios.len() >= 60, "{} are not all of them", scenarios.len());
    let index = text_of(&models().join("scenarios/README.md"));
    for path in scenarios {
        let link = path.strip_prefix(models().join("scenarios")).expect("it is there").display().to_string();
        assert!(index.contains(&format!("]({link})")), "models/scenarios/README.md lacks {link}");
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let model = read(&path, &[]);
        assert!(!model.expect.is_empty() && text_of(&path).contains("description"), "{name} asks nothing");
        shows(&name, &model, &beside(&path), 0..REPLICATIONS);
    }
}

fn text_of(path: &Path) -> String {
    fs::read_to_string(path).expect("a model is a text")
}

/// Holds runs of a model, and of each variant, to the model's expectations.
fn shows(name: &str, model: &Model, files: &Beside, all: Range<u32>) {
    let mut reports = BTreeMap::from([(None, runs(model, files, all.clone()))]);
    for variant in model.variants.keys() {
        let changed = model.variant(variant).unwrap_or_else(|mistakes| panic!("{name} {variant}:\n{mistakes}"));
        reports.insert(Some(variant.clone()), runs(&changed, files, all.clone()));
    }
    for (variant, report) in &reports {
        assert_eq!(report.ended, Ended::Complete, "{name} {variant:?}");
        let offered = report.requests.offered;
        assert!(offered <= REQUESTS_MAX * all.len() as u64, "{name} {variant:?}: {offered} requests");
    }
    let figure =
        |measure: &_, variant: Option<&str>| objective::evaluate(reports.get(&variant.map(str::to_owned))?, measure);
    for expectation in &model.expect {
        let (left, right) = (expectation.left.value(&figure), expectation.right.value(&figure));
        let holds = expectation.holds(&figure);
        assert_eq!(holds, Some(true), "{name}, replications {all:?}: {}: {left:?}, {right:?}", expectation.text);
    }
}

#[test]
fn the_schema_is_current() {
    let written: serde_json::Value =
        serde_json::from_str(&text_of(&models().join("schema.json"))).expect("a schema is JSON");
    assert!(
        written == sim_core::model::schema::schema(),
        "models/schema.json is old: kneepoint schema > models/schema.json"
    );
}

/// Hits, misses and evictions of a read-through cache in front of what the log at `trace` asks for. The loads take no
/// time: what comes at one instant is looked up before any of it is filled in.
fn hits_of(trace: &str, capacity: Option<&str>) -> (u64, u64, u64) {
    let mut sets = vec![
        ("visitors.arrivals.trace", trace),
        ("run.duration", "100h"),
        ("web.handlers", r#"{ "*": [ { "cpu": "0s" } ] }"#),
    ];
    sets.extend(capacity.map(|capacity| ("cache.capacity", capacity)));
    let report = {
        let path = models().join("access-log.json");
        run(&read(&path, &sets), &beside(&path), 0)
    };
    let cache = &report.components["cache"];
    let count = |count: Option<u64>| count.expect("a cache counts");
    (count(cache.hits), count(cache.misses), count(cache.evictions))
}

/// Against a count by another program: 60 requests for 13 paths, two of them writes.
#[test]
fn a_log_hits_as_often_as_counted_elsewhere() {
    assert_eq!(hits_of("data/access.log", None), (45, 13, 0));
    assert_eq!(hits_of("data/access.log", Some("5")), (25, 33, 26));
}

/// Where the machine has a longer one. Counted so: sort by time, keep the order of equal times; what is asked for in a
/// second is looked up before any of it is filled in; a write drops its path.
#[test]
fn a_real_log_hits_as_often_as_counted_elsewhere() {
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/apache_access.log.gz");
    if !log.exists() {
        eprintln!("skipped: {} is not there", log.display());
        return;
    }
    let log = log.to_str().expect("a path in UTF-8");
    assert_eq!(hits_of(log, None), (8_496, 1_499, 0));
    assert_eq!(hits_of(log, Some("200")), (6_886, 3_109, 2_903));
}
