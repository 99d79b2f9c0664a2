//! Nothing is ever lost: random legal models run to their end, every tally agrees, every request is accounted for, and
//! when the load ends every place gets free.
//!
//! `KNEEPOINT_CASES=5000 KNEEPOINT_ROUND=2` look further, elsewhere (`-- --ignored thousand`: a thousand models of each kind);
//! `KNEEPOINT_LAST=folder` keeps the model that is being run, for what no test survives.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use serde_json::{Value, json};
use sim_core::analysis::report::{Ended, Latency};
use sim_core::model::NoFiles;
use sim_core::{Model, Plan, Report, analysis, world};
use tests::random;

/// Runs a model; the report, or what is wrong with it.
fn run(model: &Value, seed: u64) -> Result<Report, String> {
    let text = model.to_string();
    let (parsed, _) = Model::parse(&text, "model.json", &[], &NoFiles)
        .map_err(|mistakes| format!("not legal: {}", tests::listed(&mistakes)))?;
    let plan = Plan::compile(&parsed, &NoFiles).map_err(|mistakes| format!("not legal: {mistakes:?}"))?;
    let result = catch_unwind(AssertUnwindSafe(|| world::run(&plan, seed))).map_err(said)?;
    let broken: Vec<String> = result
        .audit
        .iter()
        .filter(|check| !check.holds())
        .map(|check| format!("{}: {} and {}", check.name, check.left, check.right))
        .collect();
    if !broken.is_empty() {
        return Err(format!("the audit does not hold: {}", broken.join("; ")));
    }
    catch_unwind(AssertUnwindSafe(|| analysis::assemble::assemble(&plan, &result))).map_err(said)
}

fn said(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    format!("panic: {}", text.or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string())).unwrap_or_default())
}

/// What must hold of every report.
fn check(model: &Value, report: &Report) -> Result<(), String> {
    let requests = &report.requests;
    ensure(requests.offered == requests.ok + requests.errors_total() + requests.unfinished, "requests are lost")?;
    ensure(report.latency.count == requests.ok, "a latency for each ok request")?;
    let of_classes: u64 = report.classes.values().map(|class| class.requests.offered).sum();
    ensure(of_classes == requests.offered, "classes sum to all")?;
    ensure((0.0..=1.0).contains(&requests.error_rate), "error rate")?;
    if requests.unfinished == 0 {
        check_breakdown(report)?;
    }
    // What a crash or an event takes away is no capacity, though it be held on.
    let changes =
        model.get("events").is_some() || model.get("faults").is_some() || model["components"].get("scaler").is_some();
    for (name, component) in &report.components {
        for (station, figures) in &component.stations {
            let used = figures.utilization;
            ensure(used >= 0.0 && (changes || used <= 1.0 + 1e-9), &format!("{name}.{station} is used {used}"))?;
            // The most at one instance, the mean of all.
            let most = figures.queue.max as f64 * component.instances.len().max(1) as f64;
            ensure(figures.queue.mean <= most * (1.0 + 1e-9), &format!("{name}.{station}: mean over max"))?;
        }
        for (to, link) in &component.links {
            let tries = link.tries + link.rejected + link.short_circuited.unwrap_or(0);
            // A balancer's second try may go to another pool.
            ensure(
                tries >= link.retries || name == "edge",
                &format!("{name} → {to}: {} retries of {tries} tries", link.retries),
            )?;
            // What began in the warm-up may end in the window.
            ensure(
                link.fallbacks_ok <= link.fallbacks || model["run"]["warmup"] != "0ms",
                &format!("{name} → {to}: fallbacks"),
            )?;
        }
        if let Some(latency) = &component.latency {
            ordered(latency, name)?;
        }
    }
    ordered(&report.latency, "requests")?;
    check_patience(model, report)?;
    if let Ended::Stopped(stopped) = &report.ended {
        ensure(!stopped.reason.is_empty(), "a stopped run says why")?;
    }
    Ok(())
}

/// Nobody waits for longer than the first deadline allows.
fn check_patience(model: &Value, report: &Report) -> Result<(), String> {
    let clients = model["components"].as_object().into_iter().flatten().filter(|(_, part)| part["type"] == "client");
    let mut longest = 0.0_f64;
    for (_, client) in clients {
        let link = &client["link"];
        let Some(deadline) = link["deadline"].as_str() else { return Ok(()) };
        let session = client["to"] == "conns" && model["components"]["conns"]["mode"] == "session";
        if link.get("fallback").is_some() || session || client["to"] == "cache" {
            // A session begins before its first call; what a cache misses is loaded by a call of its own.
            return Ok(());
        }
        let deadline = sim_core::model::units::time(deadline).map_err(|wrong| wrong.to_string())?;
        longest = longest.max(deadline as f64 / 1e9);
    }
    let found = [Some(&report.latency), report.error_latency.as_ref()];
    let found = found.into_iter().flatten().filter_map(|latency| latency.max_s).fold(0.0, f64::max);
    ensure(found <= longest * 1.000_001, &format!("waited for {found} s beyond a deadline of {longest} s"))
}

fn ensure(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_string()) }
}

fn ordered(latency: &Latency, of: &str) -> Result<(), String> {
    let points =
        [latency.min_s, latency.p50_s, latency.p90_s, latency.p95_s, latency.p99_s, latency.p999_s, latency.max_s];
    let known: Vec<f64> = points.into_iter().flatten().collect();
    ensure(
        known.windows(2).all(|pair| pair[0] <= pair[1] * 1.000_001 + 1e-12),
        &format!("percentiles of {of}: {known:?}"),
    )
}

/// Parts sum to the whole: a latency inside of the band (buckets of the breakdown are a sixteenth of an octave).
fn check_breakdown(report: &Report) -> Result<(), String> {
    for (band, parts, low) in [("p50", &report.breakdown.p50, 0.45), ("p99", &report.breakdown.p99, 0.99)] {
        if parts.is_empty() {
            let longest = if low < 0.9 { report.latency.p50_s } else { report.latency.max_s };
            ensure(longest.unwrap_or(0.0) < 1e-8, &format!("{band}: nothing of {longest:?}"))?;
            continue;
        }
        let (seconds, shares) = parts.iter().fold((0.0, 0.0), |sum, part| (sum.0 + part.seconds, sum.1 + part.share));
        ensure((shares - 1.0_f64).abs() < 1e-9 || seconds == 0.0, &format!("shares of {band} sum to {shares}"))?;
        let bound = |share: f64| {
            let rank = ((share * report.latency.count as f64).ceil() as u64).max(1);
            let mut counted = 0;
            let found = report.latency.histogram.iter().find(|(_, count)| {
                counted += count;
                counted >= rank
            });
            found.map_or(0.0, |(upper, _)| *upper)
        };
        let high = if low < 0.9 { bound(0.55) } else { report.latency.max_s.unwrap_or(0.0) };
        let (least, most) = (bound(low) / 1.08 - 2e-9, high * 1.08 + 2e-9);
        ensure(
            seconds >= least && seconds <= most,
            &format!("parts of {band} sum to {seconds}, not {least} to {most}"),
        )?;
    }
    Ok(())
}

/// What must hold when the load has ended long ago.
fn check_quiet(report: &Report) -> Result<(), String> {
    if report.ended != Ended::Complete {
        return Ok(());
    }
    ensure(report.requests.unfinished == 0, &format!("{} requests hang", report.requests.unfinished))?;
    for (name, series) in &report.timeline.series {
        if name.ends_with(".queue") || name.ends_with(".utilization") {
            let last = series.last().copied().flatten().unwrap_or(0.0);
            ensure(last == 0.0, &format!("{name} is {last} when nothing is left to do"))?;
        }
    }
    Ok(())
}

fn setting(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn hunt(name: &str, quiet: bool, cases: u32, round: u32) {
    let cases = setting("KNEEPOINT_CASES", cases);
    let config = Config {
        cases,
        max_global_rejects: 4 * cases,
        failure_persistence: None,
        max_shrink_iters: setting("KNEEPOINT_SHRINK", 4000),
        ..Config::default()
    };
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&setting("KNEEPOINT_ROUND", round).to_le_bytes());
    seed[4] = u8::from(quiet);
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    if setting("KNEEPOINT_LOUD", 0) == 0 {
        // Shrinking meets the same panic a thousand times.
        static SILENT: std::sync::Once = std::sync::Once::new();
        SILENT.call_once(|| {
            let loud = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                if panic.location().is_some_and(|place| place.file().contains("never_lost")) {
                    loud(panic);
                }
            }));
        });
    }
    let mut endings = std::collections::BTreeMap::<&str, u32>::new();
    let counted = std::cell::RefCell::new(&mut endings);
    let last = std::env::var("KNEEPOINT_LAST").ok();
    let outcome = runner.run(&random::model(quiet), |model| {
        if let Some(folder) = &last {
            let _ = std::fs::write(format!("{folder}/{name}.json"), model.to_string());
        }
        let report = match run(&model, 1) {
            Err(why) if why.starts_with("not legal") => {
                if std::env::var("KNEEPOINT_LEGAL").is_ok() {
                    eprintln!("{why}");
                }
                *counted.borrow_mut().entry("not legal").or_default() += 1;
                return Err(TestCaseError::reject(why));
            }
            other => other,
        };
        let ending = match &report {
            Ok(report) if report.ended == Ended::Complete => "complete",
            Ok(_) => "stopped",
            Err(_) => "wrong",
        };
        *counted.borrow_mut().entry(ending).or_default() += 1;
        let checked = report.and_then(|report| {
            check(&model, &report)?;
            if quiet {
                check_quiet(&report)?;
            }
            let again = run(&model, 1)?;
            ensure(again.digest == report.digest, "another digest the second time")
        });
        checked.map_err(TestCaseError::fail)
    });
    eprintln!("{name}: {endings:?}");
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, model)) => {
            panic!("{why}\n{}", serde_json::to_string_pretty(&model).expect("a value is serialisable"))
        }
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

#[test]
fn under_load() {
    hunt("under load", false, 300, 1);
}

#[test]
fn when_the_load_ends_every_place_gets_free() {
    hunt("when the load ends", true, 300, 1);
}

#[test]
#[ignore = "long: a thousand models"]
fn under_load_a_thousand_models() {
    hunt("under load, a thousand", false, 1000, 2);
}

#[test]
#[ignore = "long: a thousand models"]
fn when_the_load_ends_a_thousand_models() {
    hunt("when the load ends, a thousand", true, 1000, 2);
}

/// What hunts have found, as small as it gets.
#[test]
fn what_was_lost_once_is_not_lost_again() {
    // A replica dies again, of memory, before those that it was rid of the first time have given back what they held.
    let twice = json!({
        "format": 1, "run": { "duration": "3s" },
        "components": {
            "client": { "type": "client", "to": "web", "link": { "fallback": { "to": "store" } },
                "arrivals": { "process": "gamma(cv=2)",
                    "stages": [{ "rate": "100/s", "for": "1s" }, { "rate": "0/s", "for": "1s" }] } },
            "web": { "type": "server-pool", "async": true,
                "handlers": { "*": [{ "cached": "cache", "miss": [{ "call": "store" }] }] } },
            "cache": { "type": "cache", "capacity": 0 },
            "store": { "type": "server-pool", "async": true, "handlers": { "*": [{ "cpu": "exp(2ms)" }] },
                "memory": { "base": "10MB", "per_request": "10MB", "limit": "40MB" } }
        }
    });
    for seed in 1..=20 {
        let report = run(&twice, seed).expect("it runs");
        check(&twice, &report).expect("it is right");
        check_quiet(&report).expect("all places are free");
    }
}

/// A run that can't end is stopped at its limit, and says what grew.
#[test]
fn runaways_are_stopped() {
    let overload = json!({
        "format": 1, "run": { "duration": "1h", "limits": { "calls_in_flight": 1000 } },
        "components": {
            "client": { "type": "client", "to": "web", "arrivals": { "rate": "2000/s" } },
            "web": { "type": "server-pool", "handlers": { "*": [{ "cpu": "1ms" }] } }
        }
    });
    let report = run(&overload, 1).expect("it is stopped, not wrong");
    let Ended::Stopped(stopped) = &report.ended else { panic!("it grows without end") };
    assert_eq!(stopped.queue.as_deref(), Some("web.workers"));
    assert!(stopped.reason.contains("1000"), "{}", stopped.reason);
    check(&overload, &report).expect("what it found until then is right");

    // No time passes, ever.
    let still = json!({
        "format": 1, "run": { "duration": "1s", "limits": { "events": 10_000 } },
        "components": {
            "client": { "type": "client", "to": "web", "arrivals": { "users": 1 } },
            "web": { "type": "server-pool", "handlers": { "*": [] } }
        }
    });
    let report = run(&still, 1).expect("it is stopped, not wrong");
    assert!(matches!(report.ended, Ended::Stopped(_)), "{:?}", report.ended);

    // Each call makes more than one of itself.
    let breeding = json!({
        "format": 1, "run": { "duration": "1s", "limits": { "calls_in_flight": 5000 } },
        "components": {
            "client": { "type": "client", "to": "web", "arrivals": { "rate": "10/s" } },
            "web": { "type": "server-pool", "workers": 1_000_000, "handlers": { "*": [
                { "choose": [{ "weight": 9, "do": [{ "parallel": [[{ "call": "web" }], [{ "call": "web" }]] }] }, { "weight": 1 }] }
            ] } }
        }
    });
    let report = run(&breeding, 1).expect("it is stopped, not wrong");
    assert!(matches!(report.ended, Ended::Stopped(_)), "{:?}", report.ended);
}

/// Runs the model in the file `KNEEPOINT_MODEL`: to look at what a hunt has found.
#[test]
#[ignore = "needs a model to look at"]
fn one() {
    let Ok(path) = std::env::var("KNEEPOINT_MODEL") else { return };
    let text = std::fs::read_to_string(path).expect("the file is there");
    let model: Value = serde_json::from_str(&text).expect("it is JSON");
    let report = run(&model, 1).expect("it runs");
    check(&model, &report).expect("it is right");
    check_quiet(&report).expect("all places are free");
}
