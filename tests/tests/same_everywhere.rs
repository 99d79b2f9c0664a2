//! The same model and seed give the same results: twice, on threads, written in another order, and in wasm.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};
use wasm_harness::{draws, models};

const SEED: u64 = 7;

fn digests() -> Vec<u64> {
    models::all().iter().map(|(_, model)| models::digest(&model.to_string(), SEED)).collect()
}

#[test]
fn twice_and_on_threads() {
    let first = digests();
    let others: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(digests)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    for other in others {
        assert_eq!(other, first);
    }
    let mut different = first.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), first.len(), "other models have other digests");
    let other_seed: Vec<u64> =
        models::all().iter().map(|(_, model)| models::digest(&model.to_string(), SEED + 1)).collect();
    for (number, (name, _)) in models::all().iter().enumerate().filter(|(_, (name, _))| *name != "record") {
        assert_ne!(first[number], other_seed[number], "{name}: another seed, other results");
    }
}

/// A model with all its maps in the opposite order. Steps are found by their words, wherever these stand.
fn turned_round(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter().rev().map(|(key, value)| (key.clone(), turned_round(value))).collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(turned_round).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[test]
fn in_another_order() {
    for (name, model) in models::all() {
        let other = turned_round(&model).to_string();
        assert_ne!(other, model.to_string(), "{name}: the order is another one");
        assert_eq!(models::report(&other, SEED), models::report(&model.to_string(), SEED), "{name}");
    }
}

/// Where two trees differ first.
fn difference(path: &str, one: &Value, other: &Value) -> Option<String> {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => a
            .iter()
            .find_map(|(key, value)| difference(&format!("{path}/{key}"), value, b.get(key).unwrap_or(&Value::Null))),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(at, (a, b))| difference(&format!("{path}/{at}"), a, b))
        }
        _ if one == other => None,
        _ => Some(format!("{path}: {one} and {other}")),
    }
}

/// A component that has nothing to do with the others leaves their figures alone.
#[test]
fn beside_a_stranger() {
    for (name, model) in models::all() {
        let mut more = model.clone();
        // First in the alphabet and last: every number that follows from a place among names changes.
        for stranger in ["aaa", "zzz"] {
            let (client, pool) = (format!("{stranger}-client"), format!("{stranger}-pool"));
            more["components"][pool.as_str()] =
                json!({ "type": "server-pool", "handlers": { "*": [{ "cpu": "exp(3ms)" }] } });
            more["components"][client.as_str()] =
                json!({ "type": "client", "to": pool, "arrivals": { "rate": "200/s" } });
        }
        let (alone, beside) = (models::report(&model.to_string(), SEED), models::report(&more.to_string(), SEED));
        for (component, figures) in &alone.components {
            let there = serde_json::to_value(&beside.components[component]).expect("figures are serialisable");
            let here = serde_json::to_value(figures).expect("figures are serialisable");
            assert_eq!(difference("", &here, &there), None, "{name}: {component} beside strangers");
        }
    }
}

/// How long the warm-up is moves no arrival of the window.
#[test]
fn after_another_warm_up() {
    for (name, mut model) in models::all() {
        let Value::Object(components) = &model["components"] else { panic!("a map") };
        let closed = components.values().any(|part| part["arrivals"].get("users").is_some());
        let bounded = components.values().any(|part| part["type"] == "client" && part.get("max_in_flight").is_some());
        if closed || bounded {
            continue;
        }
        let mut offered = Vec::new();
        for warmup in ["0s", "70ms", "333ms"] {
            model["run"]["warmup"] = json!(warmup);
            let report = models::report(&model.to_string(), SEED);
            let series = &report.timeline.series["offered_per_s"];
            let window = report.timeline.start_s.iter().zip(series).filter(|(start, _)| **start >= -1e-9);
            // The first point may begin a little before: sums tell as much.
            let _ = window.count();
            let by_class: Vec<u64> = report.classes.values().map(|class| class.requests.offered).collect();
            offered.push(by_class);
        }
        assert!(offered.windows(2).all(|pair| pair[0] == pair[1]), "{name}: {offered:?}");
    }
}

/// More load is the same arrivals, sooner: with the times of everything else in the same proportion, the same run.
#[test]
fn more_load_is_the_same_sooner() {
    let at = |rate: &str, work: &str, duration: &str| {
        let model = json!({
            "format": 1, "run": { "duration": duration },
            "components": {
                "client": { "type": "client", "to": "web", "arrivals": { "rate": rate } },
                "web": { "type": "server-pool", "handlers": { "*": [{ "cpu": work }] } }
            }
        });
        models::report(&model.to_string(), SEED)
    };
    let (slow, fast) = (at("400/s", "exp(2ms)", "20s"), at("800/s", "exp(1ms)", "10s"));
    assert_eq!(slow.requests.offered, fast.requests.offered);
    let (slow, fast) = (slow.latency.mean_s.expect("requests"), fast.latency.mean_s.expect("requests"));
    assert!((slow / fast - 2.0).abs() < 1e-5, "{slow} is twice {fast}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Builds the harness for wasm.
fn wasm() -> Vec<u8> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from).join("wasm-harness");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--target", "wasm32-unknown-unknown", "-p", "wasm-harness", "--config"])
        .arg("profile.release.lto=false")
        .args(["--config", "profile.release.codegen-units=16"])
        // It runs for seconds: what counts is how long it is built. Other optimisations must give the same bits, too.
        .args(["--config", "profile.release.opt-level=1", "--config", "profile.release.debug=false"])
        .current_dir(root())
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("cargo starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "the harness does not build for wasm (if the target is missing: rustup target add wasm32-unknown-unknown):\n{errors}"
    );
    let path = target.join("wasm32-unknown-unknown/release/wasm_harness.wasm");
    std::fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

#[test]
fn in_wasm() {
    let engine = wasmi::Engine::default();
    let module = wasmi::Module::new(&engine, &wasm()[..]).expect("cargo builds valid wasm");
    let mut store = wasmi::Store::new(&engine, ());
    let linker = wasmi::Linker::<()>::new(&engine);
    let instance = linker.instantiate_and_start(&mut store, &module).expect("it imports nothing");
    let count = |store: &mut wasmi::Store<()>, name: &str| {
        let function = instance.get_typed_func::<(), u32>(&mut *store, name).expect("the harness exports it");
        function.call(store, ()).expect("it runs")
    };
    assert_eq!(count(&mut store, "draw_count") as usize, draws::NAMES.len());
    assert_eq!(count(&mut store, "model_count") as usize, models::all().len());
    let hash = instance.get_typed_func::<u32, u64>(&store, "draw_hash").expect("the harness exports it");
    for (number, name) in (0..).zip(draws::NAMES) {
        let there = hash.call(&mut store, number).unwrap_or_else(|trap| panic!("{name}: {trap}"));
        assert_eq!(there, draws::hash(name), "{name}: other bits in wasm");
    }
    let digest = instance.get_typed_func::<u32, u64>(&store, "model_digest").expect("the harness exports it");
    for (number, (name, model)) in (0..).zip(models::all()) {
        let there = digest.call(&mut store, number).unwrap_or_else(|trap| panic!("{name}: {trap}"));
        assert_eq!(there, models::digest(&model.to_string(), SEED), "{name}: other results in wasm");
    }
}
