//! `plan` over 400 configurations against brute force: all of them, with many runs each. It must return the best of those
//! at a fifth of the runs. `cargo bench -p sim-core --bench plan`

use sim_core::experiment::axis::{Allowed, Axes};
use sim_core::experiment::plan::{Goal, Limits, Plan};
use sim_core::experiment::{Experiment, Figure, Job, Point, Samples, Subjects};
use sim_core::model::{Model, NoFiles};

/// Runs of each configuration by brute force.
const RUNS: u32 = 8;
/// Fewer than this many runs of each are never enough to tell what meets its objectives.
const RUNS_AT_LEAST: u64 = 4;

const SHOP: &str = r#"{ "format": 1, "run": { "seed": 7, "warmup": "1s", "duration": "10s" },
    "components": {
        "users": { "type": "client", "to": "web", "arrivals": { "rate": "300/s" } },
        "web": { "type": "server-pool", "replicas": 4, "workers": 16, "cost": 0.1, "handlers": { "*": [
            { "cpu": "exp(8ms)" }, { "call": "pool", "op": "read", "times": 2 } ] } },
        "pool": { "type": "connection-pool", "size": 14, "scope": "shared", "to": "db" },
        "db": { "type": "database", "slots": 16, "cost": 0.02, "operations": { "read": "exp(10ms)" } } },
    "objectives": [ "p99 < 150ms", "utilization(web) < 80%" ] }"#;

const GRIDS: [(&str, [(&str, &str); 2]); 3] = [
    ("replicas × pool", [("web.replicas", "1..20"), ("pool.size", "1..20")]),
    ("replicas × slots", [("web.replicas", "1..20"), ("db.slots", "1..20")]),
    ("cores × slots", [("web.cores", "0.5..10:0.5"), ("db.slots", "1..20")]),
];

/// What each unit costs: replicas, connections, slots, cores.
const PRICES: [(&str, f64); 4] = [("web.replicas", 70.0), ("pool.size", 3.0), ("db.slots", 11.0), ("web.cores", 40.0)];

fn main() {
    println!("{:<20} {:>10} {:>10} {:>7}  best", "grid", "plan", "by force", "share");
    for (name, written) in GRIDS {
        let model = Model::parse(SHOP, "bench.json", &[], &NoFiles).expect("a right model").0;
        let written = written.map(|(path, values)| (path.to_owned(), values.to_owned()));
        let axes =
            Axes::read(&written, Allowed::Steps, &model, &NoFiles).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let prices: Vec<(String, f64)> = PRICES
            .iter()
            .filter(|(path, _)| written.iter().any(|(known, _)| known == path))
            .map(|(path, price)| ((*path).to_owned(), *price))
            .collect();
        let subjects = Subjects::new(vec![model], &NoFiles, None, &[]);
        let limits = Limits { confidence: 0.95, runs: u64::MAX };
        let mut plan = Plan::new(&subjects, &axes, Goal::Prices(prices.clone()), &[], limits).expect("right models");
        loop {
            let jobs = plan.next_batch();
            if jobs.is_empty() {
                break;
            }
            let run =
                |job: &Job| subjects.prepare(&plan.points()[job.point as usize]).expect("a right model").run(*job);
            let records = jobs.iter().map(run).collect();
            plan.absorb(records);
        }
        let planned = plan.finish(&subjects);
        let best = planned.best.as_ref().map(|best| best.settings.clone());
        let by_force = by_force(&subjects, &axes, &prices);
        assert_eq!(best, by_force, "{name}: {}", planned.statement);
        let all = axes.count() * RUNS_AT_LEAST;
        let share = planned.envelope.runs as f64 / all as f64;
        println!("{name:<20} {:>10} {all:>10} {:>6.1}%  {}", planned.envelope.runs, share * 100.0, planned.statement);
        assert!(share <= 0.2, "{name}: more than a fifth");
    }
}

type Settings = serde_json::Map<String, serde_json::Value>;

/// The cheapest of all configurations whose means meet the objectives; of equals the one with less of everything.
fn by_force(subjects: &Subjects, axes: &Axes, prices: &[(String, f64)]) -> Option<Settings> {
    let mut samples = Samples::default();
    let points = axes.grid();
    for (number, point) in points.iter().enumerate() {
        let prepared = subjects.prepare(point).expect("a right model");
        for replication in 0..RUNS {
            samples.add(prepared.run(Job { point: number as u32, replication }));
        }
    }
    let errors = Figure::parse("error_rate").expect("a figure");
    let errors = subjects.figures().index_of(&errors).expect("it is kept");
    let meets = |point: u32| {
        let objectives = samples.judge(point, subjects.figures(), &subjects.base().objectives);
        objectives.iter().all(|objective| objective.met)
            && samples.summary(point, errors).is_some_and(|errors| errors.mean < 0.01)
            && samples.stopped(point).is_none()
    };
    let amount = |point: &Point, path: &str| -> f64 {
        let set = point.sets.iter().find(|(known, _)| known == path).expect("it is set");
        set.1.parse().expect("a number")
    };
    let price = |point: &Point| prices.iter().map(|(path, price)| price * amount(point, path)).sum::<f64>();
    let all = |point: &Point| prices.iter().map(|(path, _)| amount(point, path)).sum::<f64>();
    let best = (0..points.len()).filter(|number| meets(*number as u32)).min_by(|a, b| {
        let (a, b) = (&points[*a], &points[*b]);
        price(a).total_cmp(&price(b)).then(all(a).total_cmp(&all(b)))
    })?;
    let settings = points[best].sets.iter();
    Some(settings.map(|(path, value)| (path.clone(), sim_core::experiment::axis::json(value))).collect())
}
