//! Traces of single requests: watching changes nothing, and what is seen sums to the whole.
//!
//! `KNEEPOINT_CASES=5000` looks further.

use std::collections::BTreeMap;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::Value;
use sim_core::Plan;
use sim_core::metrics::breakdown::ABANDONED;
use sim_core::model::{Model, NoFiles};
use sim_core::plan::Outcome;
use sim_core::world::trace::{Pick, Recorder, RequestTrace, Search, SpanKind};
use sim_core::world::{self, RunResult};
use tests::random;

fn legal(model: &Value) -> Option<Plan> {
    let (model, _) = Model::parse(&model.to_string(), "model.json", &[], &NoFiles).ok()?;
    Plan::compile(&model, &NoFiles).ok()
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// Finds and records the slowest ten, ten that failed, and ten about 1 ms.
fn watched(plan: &Plan) -> Result<(RunResult, Vec<RequestTrace>), String> {
    let plain = world::run(plan, 1);
    let mut ids = Vec::new();
    for pick in [Pick::Slowest, Pick::Failed, Pick::Near(1_000_000)] {
        let search = Search { pick, count: 10, class: None };
        let (result, recorder) = world::watch(plan, 1, Recorder::searching(search));
        ensure(result.digest == plain.digest, || "searching changes the run".to_owned())?;
        ids.extend(recorder.found());
    }
    ids.sort_unstable();
    ids.dedup();
    let (result, recorder) = world::watch(plan, 1, Recorder::recording(&ids));
    ensure(result.digest == plain.digest && result.events == plain.events, || "recording changes the run".to_owned())?;
    let traces = recorder.into_traces();
    ensure(traces.len() == ids.len(), || format!("{} of {} requests recorded", traces.len(), ids.len()))?;
    Ok((plain, traces))
}

/// What must hold of any trace.
fn check(plan: &Plan, trace: &RequestTrace) -> Result<(), String> {
    let told = |what: &str, at: usize| format!("{what}: span {at} of {:#?}", trace.spans);
    for (at, span) in trace.spans.iter().enumerate() {
        let end = span.end.unwrap_or(u64::MAX);
        ensure(span.start <= end, || told("ends before it begins", at))?;
        let Some(parent) = span.parent.map(|parent| &trace.spans[parent as usize]) else {
            ensure(at == 0 && span.kind == SpanKind::Request, || told("a second root", at))?;
            continue;
        };
        ensure(span.start >= parent.start, || told("begins before its parent", at))?;
        // What nobody waited for, or waited for no longer, may outlive whoever began it.
        let mut outlives = false;
        let mut above = Some(at as u32);
        while let Some(number) = above {
            let span = &trace.spans[number as usize];
            // A try or branch that was turned away from has no outcome; what it does from then on is its own.
            outlives |= !span.waited
                || span.abandoned
                || span.went_on_until.is_some()
                || span.outcome.is_none() && !matches!(span.kind, SpanKind::Phase(_) | SpanKind::Request);
            above = span.parent;
        }
        ensure(outlives || end <= parent.end.unwrap_or(u64::MAX), || told("outlives its parent", at))?;
    }
    let mut parts = BTreeMap::new();
    for (&cell, &ns) in &trace.parts {
        let (component, phase) = plan.cells[(cell & !ABANDONED) as usize];
        *parts.entry((component, phase, cell & ABANDONED != 0)).or_insert(0) += ns;
    }
    let sums = trace.sums();
    ensure(sums == parts, || format!("spans {sums:?}\nbreakdown {parts:?}\n{:#?}", trace.spans))?;
    let root = &trace.spans[0];
    let (Some(end), Some(outcome)) = (root.end, root.outcome) else {
        return Err("it was found, so it ended".to_owned());
    };
    let total: u64 = sums.values().sum();
    let whole = total == end - root.start;
    ensure(outcome != Outcome::Ok || whole, || format!("{total} ns of {} in {:#?}", end - root.start, trace.spans))
}

#[test]
fn watching_changes_nothing_and_spans_sum_to_the_latency() {
    let cases = std::env::var("KNEEPOINT_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(150);
    let config = Config { cases, max_shrink_iters: 300, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let seen = std::cell::RefCell::new(BTreeMap::<&str, u64>::new());
    let outcome = runner.run(&random::model(false), |model| {
        let Some(plan) = legal(&model) else { return Err(TestCaseError::reject("not legal")) };
        let (_, traces) = watched(&plan).map_err(TestCaseError::fail)?;
        for trace in &traces {
            check(&plan, trace).map_err(TestCaseError::fail)?;
            let mut seen = seen.borrow_mut();
            for span in &trace.spans {
                let kinds: [(&str, bool); 7] = [
                    ("cast", span.kind == SpanKind::Cast),
                    ("branch", matches!(span.kind, SpanKind::Branch(_))),
                    ("abandoned", span.abandoned),
                    ("retry", span.attempt > 0),
                    ("fallback", span.fallback),
                    ("cache", span.found.is_some()),
                    ("went on", span.went_on_until.is_some()),
                ];
                kinds.iter().filter(|kind| kind.1).for_each(|kind| *seen.entry(kind.0).or_default() += 1);
            }
        }
        Ok(())
    });
    eprintln!("{:?}", seen.borrow());
    if let Err(proptest::test_runner::TestError::Fail(why, model)) = &outcome {
        panic!("{why}\n{}", serde_json::to_string_pretty(model).expect("a value is serialisable"));
    }
    outcome.expect("enough legal models");
    for kind in ["cast", "branch", "abandoned", "retry", "fallback", "cache", "went on"] {
        assert!(seen.borrow().contains_key(kind), "no model shows {kind}: {:?}", seen.borrow());
    }
}
