use super::*;
use crate::engine::rng::{mix64, uniform_at};
use crate::experiment::axis::Allowed;
use crate::experiment::tests::drive;
use crate::math;
use crate::model::{Model, NoFiles};

const MODEL: &str = r#"{ "format": 1, "run": { "duration": "10s" }, "components": {
    "users": { "type": "client", "to": "web", "arrivals": { "rate": "10/s" } },
    "web": { "type": "server-pool", "replicas": 1, "queue": 10, "cost": 1,
             "handlers": { "*": [ { "cpu": "10ms" }, { "call": "pool", "op": "read" } ] } },
    "pool": { "type": "connection-pool", "size": 5, "to": "db", "cost": 0.01 },
    "db": { "type": "database", "slots": 2, "cost": 2, "operations": { "read": "1ms" } } },
    "objectives": [ "p99 < 100ms" ] }"#;

fn model() -> Model {
    Model::parse(MODEL, "test.json", &[], &NoFiles).expect("a right model").0
}

fn axes(model: &Model, written: &[(&str, &str)]) -> Axes {
    let written: Vec<(String, String)> =
        written.iter().map(|(path, values)| ((*path).to_owned(), (*values).to_owned())).collect();
    Axes::read(&written, Allowed::Steps, model, &NoFiles).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

const LIMITS: Limits = Limits { confidence: 0.95, runs: u64::MAX };

/// What p99 truly is at a point, in seconds: far enough from 100 ms that it can be told.
type Truth<'t> = &'t dyn Fn(&[f64]) -> f64;

fn amounts(point: &Point) -> Vec<f64> {
    point.sets.iter().map(|(_, value)| value.parse().expect("a number")).collect()
}

fn clear_of_the_bound(p99_s: f64) -> f64 {
    match p99_s / 0.1 {
        ratio if (0.96..1.0).contains(&ratio) => 0.096,
        ratio if (1.0..1.04).contains(&ratio) => 0.104,
        _ => p99_s,
    }
}

/// Answers a plan from a formula: noise that all points share, and some of each one's own.
fn pretend(plan: &mut Plan, figures: &Figures, truth: Truth, seed: u64) {
    let of = |name: &str| figures.index_of(&Figure::parse(name).expect("a figure")).expect("it is kept");
    let (p99, errors) = (of("p99"), of("error_rate"));
    loop {
        let jobs = plan.next_batch();
        if jobs.is_empty() {
            return;
        }
        let record = |job: &Job| {
            let at = amounts(&plan.points()[job.point as usize]);
            let own = at.iter().fold(seed, |key, amount| mix64(key ^ amount.to_bits()));
            let normal = |key: u64| math::normal_quantile(uniform_at(key, i64::from(job.replication)));
            let mut values = vec![None; figures.len()];
            values[p99] = Some(clear_of_the_bound(truth(&at)) * (1.0 + 0.03 * normal(seed) + 0.015 * normal(own)));
            values[errors] = Some(0.0);
            Record {
                job: *job,
                seed: 0,
                model: String::new(),
                digest: format!("{own}-{}", job.replication),
                stopped: None,
                offered: 1000,
                values,
            }
        };
        let records = jobs.iter().map(record).collect();
        plan.absorb(records);
    }
}

/// The amounts of the cheapest that meets the objective: by price, then by how little of everything.
fn best_by_force(space: &Space, truth: Truth) -> Option<Vec<f64>> {
    let meets = |candidate: &usize| clear_of_the_bound(truth(&amounts(&space.get(*candidate).point))) < 0.1;
    let best = (0..space.count()).filter(meets).min_by(|a, b| {
        let price = |candidate: usize| space.get(candidate).price;
        price(*a).total_cmp(&price(*b)).then(space.modesty(*a).cmp(&space.modesty(*b)))
    });
    best.map(|best| amounts(&space.get(best).point))
}

fn planned(written: &[(&str, &str)], truth: Truth, seed: u64) -> (Planned, Option<Vec<f64>>) {
    let model = model();
    let axes = axes(&model, written);
    let subjects = Subjects::new(vec![model], &NoFiles, None, &[]);
    let mut plan = Plan::new(&subjects, &axes, Goal::Cost, &[], LIMITS).expect("right models");
    let expected = best_by_force(&plan.space, truth);
    pretend(&mut plan, subjects.figures(), truth, seed);
    (plan.finish(&subjects), expected)
}

fn found(planned: &Planned, written: &[(&str, &str)]) -> Option<Vec<f64>> {
    let best = planned.best.as_ref()?;
    Some(written.iter().map(|(path, _)| best.settings[*path].as_f64().expect("a number")).collect())
}

#[test]
fn the_true_best_is_found_with_little_work() {
    const GRID: [(&str, &str); 2] = [("web.replicas", "1..20"), ("pool.size", "1..20")];
    const MIXED: [(&str, &str); 3] = [("web.replicas", "1..8"), ("pool.size", "5..40:5"), ("web.queue", "0,10,50,200")];
    // A formula for each seed: which grid, what it is, and the share of all configurations that may be run.
    for seed in 0..12 {
        let uniform = |n| uniform_at(seed, n);
        let (a, b, c) = (0.05 + 0.4 * uniform(0), 0.02 + 0.3 * uniform(1), 0.05 * uniform(2));
        let monotone = |at: &[f64]| a / at[0] + b / at[1] + c;
        let product = |at: &[f64]| 0.01 + (2.0 * a + b) / (at[0] * at[1]).sqrt();
        // Too large a pool is bad: the best lies between.
        let valley = |at: &[f64]| a / at[0] + b / at[1] + 0.004 * at[1] * (1.0 + c) + 0.01;
        let by_queue = |at: &[f64]| a / at[0] + 0.3 / at[1] + 0.2 * uniform(at[2] as i64 + 7);
        let cases: [(&str, &[(&str, &str)], Truth, f64); 4] = [
            ("monotone", &GRID, &monotone, 0.2),
            ("product", &GRID, &product, 0.2),
            ("valley", &GRID, &valley, 1.0),
            ("by queue", &MIXED, &by_queue, 0.5),
        ];
        for (name, grid, truth, share) in cases {
            let (planned, expected) = planned(grid, truth, seed);
            assert_eq!(found(&planned, grid), expected, "{name} {seed}: {}", planned.statement);
            assert!(planned.envelope.confidence >= 0.95, "{name} {seed}: {}", planned.statement);
            assert!(planned.envelope.complete);
            let all = planned.candidates * u64::from(FIRST);
            let runs = planned.envelope.runs;
            assert!(runs as f64 <= share * all as f64, "{name} {seed}: {runs} runs, {all} by force");
            assert_eq!(planned.evaluated + planned.pruned, planned.candidates, "{name} {seed}");
        }
    }
}

#[test]
fn nothing_is_good_enough_or_everything_is() {
    const GRID: [(&str, &str); 2] = [("web.replicas", "1..20"), ("pool.size", "1..20")];
    let (none, expected) = planned(&GRID, &|at| 0.2 + 0.1 / at[0] + 0.1 / at[1], 1);
    assert_eq!((none.best.is_none(), expected), (true, None));
    let closest = none.closest.as_ref().expect("something was run");
    assert_eq!(
        (closest.settings["web.replicas"].as_f64(), closest.settings["pool.size"].as_f64()),
        (Some(20.0), Some(20.0))
    );
    assert!(closest.why.starts_with("misses p99 < 100ms with 21"), "{}", closest.why);
    assert!(none.statement.starts_with("None of the 400 configurations meets all"), "{}", none.statement);
    assert!(none.envelope.confidence >= 0.95 && none.envelope.runs <= 100, "{:?}", none.envelope);

    let (all, _) = planned(&GRID, &|_| 0.05, 1);
    assert_eq!(found(&all, &GRID), Some(vec![1.0, 1.0]));
    assert!(all.envelope.runs <= 40, "{}", all.envelope.runs);
}

#[test]
fn a_budget_and_an_interruption_leave_an_answer() {
    let model = model();
    let axes = axes(&model, &[("web.replicas", "1..20"), ("pool.size", "1..20")]);
    let subjects = Subjects::new(vec![model], &NoFiles, None, &[]);
    let truth = |at: &[f64]| 0.2 / at[0] + 0.2 / at[1];
    let limits = Limits { runs: 12, ..LIMITS };
    let mut plan = Plan::new(&subjects, &axes, Goal::Cost, &[], limits).expect("right models");
    pretend(&mut plan, subjects.figures(), &truth, 1);
    let planned = plan.finish(&subjects);
    assert!(planned.envelope.runs <= 12 && !planned.envelope.complete, "{:?}", planned.envelope);
    assert!(planned.statement.contains("more runs are not allowed") || planned.best.is_none(), "{}", planned.statement);

    let mut plan = Plan::new(&subjects, &axes, Goal::Cost, &[], LIMITS).expect("right models");
    assert!(!plan.next_batch().is_empty());
    plan.absorb(Vec::new());
    assert!(plan.next_batch().is_empty(), "after an interruption nothing is asked for");
    let planned = plan.finish(&subjects);
    assert_eq!((planned.best.is_none(), planned.envelope.complete, planned.evaluated), (true, false, 0));
}

#[test]
fn what_must_be_measured_is_raced() {
    let model = model();
    let axes = axes(&model, &[("web.replicas", "1..6"), ("pool.size", "1..6")]);
    let figure = Figure::parse("p99").expect("a figure");
    let subjects = Subjects::new(vec![model], &NoFiles, None, &[]);
    let mut plan = Plan::new(&subjects, &axes, Goal::Figure(figure), &[], LIMITS).expect("right models");
    let truth = |at: &[f64]| 0.02 + 0.01 * (at[0] - 4.0).abs() + 0.02 * (at[1] - 2.0).abs();
    pretend(&mut plan, subjects.figures(), &truth, 3);
    let planned = plan.finish(&subjects);
    assert_eq!(
        found(&planned, &[("web.replicas", ""), ("pool.size", "")]),
        Some(vec![4.0, 2.0]),
        "{}",
        planned.statement
    );
    assert!(planned.envelope.confidence >= 0.95, "{}", planned.statement);
}

/// On runs of small systems, against all configurations with many runs each.
#[test]
fn simulated_systems_are_planned_as_by_force() {
    let cases: [(&str, &str, &[(&str, &str)]); 3] = [
        ("30/s", "[]", &[("web.replicas", "1..6"), ("web.cores", "1,2")]),
        ("250/s", r#"[ "p99 < 120ms" ]"#, &[("web.replicas", "1..8"), ("pool.size", "1..6")]),
        ("400/s", r#"[ "p95 < 150ms", "utilization(db) < 70%" ]"#, &[("web.replicas", "4..8"), ("db.slots", "1..6")]),
    ];
    for (rate, objectives, written) in cases {
        let text = MODEL
            .replace("\"10/s\"", &format!("\"{rate}\""))
            .replace(r#"[ "p99 < 100ms" ]"#, objectives)
            .replace("\"10ms\"", "\"exp(10ms)\"")
            .replace("\"1ms\"", "\"exp(5ms)\"");
        let model = Model::parse(&text, "test.json", &[], &NoFiles).expect("a right model").0;
        let axes = axes(&model, written);
        let subjects = Subjects::new(vec![model], &NoFiles, None, &[]);
        let mut plan = Plan::new(&subjects, &axes, Goal::Cost, &[], LIMITS).expect("right models");
        let (space, bounds) = (plan.space.clone(), plan.bounds.clone());
        drive(&mut plan, &subjects);
        let planned = plan.finish(&subjects);

        let mut samples = Samples::default();
        for (number, point) in axes.grid().iter().enumerate() {
            let prepared = subjects.prepare(point).expect("a right model");
            let job = |replication| Job { point: number as u32, replication };
            (0..8).for_each(|replication| samples.add(prepared.run(job(replication))));
        }
        let meets = |candidate: &usize| {
            judge(&samples, *candidate as u32, &bounds, subjects.figures()).expect("it was run").met
        };
        let best = (0..space.count()).filter(meets).min_by(|a, b| {
            let price = |candidate: usize| space.get(candidate).price;
            price(*a).total_cmp(&price(*b)).then(space.modesty(*a).cmp(&space.modesty(*b)))
        });
        let expected = best.map(|best| amounts(&space.get(best).point));
        assert_eq!(found(&planned, written), expected, "{rate}: {}", planned.statement);
        assert!(expected.is_some(), "{rate} is no case of its own otherwise");
    }
}
