//! Comparisons held to what they say: `cargo bench -p sim-core --bench compare`.
//!
//! How many runs it takes to find a p99 that is 2% higher, under common chance and with seeds of their own; how often models
//! that differ in names alone, and so in all their chance, are told to differ. One part alone: `-- two`, `-- identical` or
//! `-- names`; all of it takes half an hour.

use sim_core::analysis::interval::Summary;
use sim_core::analysis::paired::Verdict;
use sim_core::experiment::compare::{Compare, Compared, Difference, Options};
use sim_core::experiment::{Experiment, Figure, Job, Subjects};
use sim_core::model::{Model, NoFiles};

/// Work of the web tier, microseconds, and so much more that p99 is 2% higher.
const WORK_US: [u32; 2] = [10_000, 10_045];

/// Comparisons of names alone.
const COMPARISONS: u64 = 1_000;
/// Their margin: so wide that few pairs decide.
const MARGIN: f64 = 0.12;

fn main() {
    let parts: [(&str, fn()); 3] = [("two", two_percent), ("identical", identical), ("names", names_alone)];
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, part) in parts {
        if asked.is_empty() || asked.iter().any(|asked| asked == name) {
            part();
        }
    }
}

/// Three tiers; work of the web tier takes `web_us`.
fn three_tiers(web_us: u32, web: &str, duration: &str) -> Model {
    let text = format!(
        r#"{{
  "format": 1,
  "run": {{ "seed": 1, "warmup": "2s", "duration": "{duration}" }},
  "components": {{
    "users": {{ "type": "client", "to": "{web}", "arrivals": {{ "rate": "400/s" }} }},
    "{web}": {{ "type": "server-pool", "replicas": 4, "cores": 2,
               "handlers": {{ "*": [ {{ "cpu": "exp({web_us}us)" }}, {{ "call": "pool" }} ] }} }},
    "pool": {{ "type": "connection-pool", "size": 10, "scope": "shared", "to": "db" }},
    "db": {{ "type": "database", "slots": 8, "operations": {{ "read": "exp(8ms)" }} }}
  }}
}}"#
    );
    Model::parse(&text, "shop.json", &[], &NoFiles).expect("a legal model").0
}

fn compare(models: Vec<Model>, seed: u64, options: Options) -> Compared {
    let p99 = Figure::parse("p99").expect("a figure");
    let names = (0..models.len()).map(|number| format!("m{number}")).collect();
    let subjects = Subjects::new(models, &NoFiles, Some(seed), std::slice::from_ref(&p99));
    let mut compare = Compare::new(&subjects, names, p99, options);
    loop {
        let jobs = compare.next_batch();
        if jobs.is_empty() {
            return compare.finish(&subjects);
        }
        let run = |job: &Job| {
            let point = &compare.points()[job.point as usize];
            subjects.prepare(point).expect("a right model").run(*job)
        };
        let records = jobs.iter().map(run).collect();
        compare.absorb(records);
    }
}

fn p99(compared: &Compared) -> &Difference {
    compared.differences.iter().find(|difference| difference.figure.name == "p99").expect("it is compared")
}

/// How many of fifty comparisons find a p99 that is truly 2% higher.
fn two_percent() {
    let models = || WORK_US.map(|work_us| three_tiers(work_us, "web", "20s")).to_vec();
    let many = compare(models(), 1, Options { replications: Some(200), ..Options::default() });
    let all = p99(&many);
    println!(
        "{} µs of work instead of {}: {} (×{:.3}; {} pairs)",
        WORK_US[1],
        WORK_US[0],
        all.sentence,
        all.b.unwrap_or(0.0) / all.a.unwrap_or(1.0),
        all.pairs
    );
    println!("variance reduction by common chance: {:.1}", all.variance_reduction.unwrap_or(0.0));
    for pairs in [4, 6, 8, 12] {
        let found = |round: u64| {
            let compared =
                compare(models(), 1_000 + round, Options { replications: Some(pairs), ..Options::default() });
            p99(&compared).verdict == Verdict::Higher
        };
        let found = (0..50).filter(|round| found(*round)).count();
        println!("  common chance, {pairs:>3} runs of each: found by {found:>3} of 50");
    }
    for runs in [40, 60, 80, 120] {
        let found = (0..25).filter(|round| found_apart(1_000 + round, runs)).count();
        println!("  own seeds,     {runs:>3} runs of each: found by {found:>3} of 25");
    }
}

/// Whether runs with seeds of their own find it (Welch's interval).
fn found_apart(seed: u64, runs: u32) -> bool {
    let sample = |web_us: u32, seed: u64| {
        let model = three_tiers(web_us, "web", "20s");
        let p99 = Figure::parse("p99").expect("a figure");
        let subjects = Subjects::new(vec![model], &NoFiles, Some(seed), std::slice::from_ref(&p99));
        let prepared = subjects.prepare(&Default::default()).expect("a right model");
        let values = (0..runs).filter_map(|replication| prepared.run(Job { point: 0, replication }).values[0]);
        Summary::of(&values.collect::<Vec<_>>()).expect("there are runs")
    };
    let (a, b) = (sample(WORK_US[0], seed * 2 + 1), sample(WORK_US[1], seed * 2 + 2));
    let error = (a.variance / f64::from(runs) + b.variance / f64::from(runs)).sqrt();
    b.mean - a.mean > sim_core::math::student_t_quantile(0.975, f64::from(2 * runs - 2)) * error
}

fn identical() {
    for replications in [Some(1), Some(5), None] {
        let models = vec![three_tiers(10_000, "web", "20s"), three_tiers(10_000, "web", "20s")];
        let compared = compare(models, 7, Options { replications, ..Options::default() });
        let all = compared.differences.iter().all(|difference| difference.verdict == Verdict::Identical);
        println!(
            "identical models, {replications:?} runs of each: {}",
            if all { "identical" } else { "NOT identical" }
        );
    }
}

/// One pool of four replicas, two cores each, three quarters busy.
fn one_tier(web: &str) -> Model {
    let text = format!(
        r#"{{
  "format": 1,
  "run": {{ "seed": 1, "warmup": "1s", "duration": "5s" }},
  "components": {{
    "users": {{ "type": "client", "to": "{web}", "arrivals": {{ "rate": "600/s" }} }},
    "{web}": {{ "type": "server-pool", "replicas": 4, "cores": 2, "handlers": {{ "*": [ {{ "cpu": "exp(10ms)" }} ] }} }}
  }}
}}"#
    );
    Model::parse(&text, "pool.json", &[], &NoFiles).expect("a legal model").0
}

/// Models that are the same but for a name have other streams of chance.
fn names_alone() {
    let (mut none, mut differ, mut open, mut pairs) = (0, 0, 0, 0);
    for round in 0..COMPARISONS {
        let models = vec![one_tier("web"), one_tier("app")];
        let compared = compare(models, 70_000 + round, Options { margin: MARGIN, ..Options::default() });
        let difference = p99(&compared);
        pairs += u64::from(difference.pairs);
        match difference.verdict {
            Verdict::NoDifference => none += 1,
            Verdict::Lower | Verdict::Higher => differ += 1,
            Verdict::CantTell | Verdict::Identical => open += 1,
        }
    }
    let decided = none + differ;
    println!(
        "names alone, {COMPARISONS} comparisons, margin 12%: no difference found {none}, lower or higher {differ}, can't tell \
         yet {open}; {:.1}% of those decided; {} pairs each on average",
        100.0 * f64::from(none) / f64::from(decided.max(1)),
        pairs / COMPARISONS
    );
}
