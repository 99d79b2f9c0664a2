//! The search for a limit against exact answers: `cargo bench -p sim-core --bench limit`.
//!
//! Queues of M/M/c with a bound of p99, of the mean, or none but that they keep up: found, its interval, the exact
//! answer, how far off it is, and what it took on two threads.

use std::time::Instant;

use sim_core::analysis::theory::MmC;
use sim_core::experiment::dial::Dial;
use sim_core::experiment::limit::{Limit, Limited, Options, added};
use sim_core::experiment::{Experiment, Figure, Job, Record, Subjects};
use sim_core::model::{Model, NoFiles};

/// Mean work, and so 100 calls per second and server.
const SERVICE_S: f64 = 0.01;

fn main() {
    println!(
        "{:<28} {:>10} {:>10} {:>23} {:>7} {:>6} {:>9}",
        "", "exact", "found", "interval", "off", "runs", "seconds"
    );
    let (mut worst, mut slowest, mut held, mut count) = (0.0_f64, 0.0_f64, 0, 0);
    for servers in [1, 2, 4, 16] {
        for (objective, exact) in [
            ("p99 < 100ms", turning_point(servers, |queue| queue.quantile(0.99) < 10.0)),
            ("mean < 30ms", turning_point(servers, |queue| queue.mean() < 3.0)),
            ("", f64::from(servers)),
        ] {
            let exact = exact / SERVICE_S;
            let began = Instant::now();
            let limited = limit_of(servers, objective);
            let seconds = began.elapsed().as_secs_f64();
            let (value, low, high) = (limited.limit.value, limited.limit.low, limited.limit.high);
            let (value, low, high) = (value.unwrap_or(0.0), low.unwrap_or(0.0), high.unwrap_or(0.0));
            let off = value / exact - 1.0;
            worst = worst.max(off.abs());
            slowest = slowest.max(seconds);
            held += u32::from((low..=high).contains(&exact));
            count += 1;
            let name = format!("M/M/{servers} {}", if objective.is_empty() { "keeps up" } else { objective });
            let interval = format!("{low:.1} to {high:.1}");
            let runs = limited.envelope.runs;
            println!(
                "{name:<28} {exact:>10.2} {value:>10.2} {interval:>23} {:>6.2}% {runs:>6} {seconds:>9.2}",
                off * 100.0
            );
        }
    }
    println!("worst {:.2}%, slowest {slowest:.2} s; {held} of {count} intervals hold the exact value", worst * 100.0);
}

/// The load in servers at which something stops to hold.
fn turning_point(servers: u32, holds: impl Fn(&MmC) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, f64::from(servers));
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if holds(&MmC::new(servers, middle)) { low = middle } else { high = middle }
    }
    low
}

fn limit_of(servers: u32, objective: &str) -> Limited {
    let objectives = if objective.is_empty() { String::new() } else { format!("\"{objective}\"") };
    // As many requests whatever the number of servers.
    let duration_s = 2_000 / servers;
    let text = format!(
        r#"{{
  "format": 1,
  "run": {{ "seed": 1, "warmup": "60s", "duration": "{duration_s}s" }},
  "components": {{
    "users": {{ "type": "client", "to": "server", "arrivals": {{ "rate": "30/s" }} }},
    "server": {{ "type": "server-pool", "cores": {servers}, "scheduling": "fifo",
                 "handlers": {{ "*": [ {{ "cpu": "exp(10ms)" }} ] }} }}
  }},
  "objectives": [ {objectives} ]
}}"#
    );
    let (model, _) = Model::parse(&text, "queue.json", &[], &NoFiles).expect("a legal model");
    let dial = Dial::new(&model, &NoFiles, None, None, None).expect("it has a load");
    let asked: Vec<Figure> = added(&model).into_iter().map(|(objective, _)| Figure::from(objective.measure)).collect();
    let subjects = Subjects::new(vec![model], &NoFiles, None, &asked);
    let mut limit = Limit::new(&subjects, dial, Options::default());
    conduct(&mut limit, &subjects);
    limit.finish(&subjects)
}

/// Drives an experiment on two threads.
fn conduct(experiment: &mut dyn Experiment, subjects: &Subjects) {
    loop {
        let jobs = experiment.next_batch();
        if jobs.is_empty() {
            return;
        }
        let points = experiment.points();
        let run = |job: &Job| subjects.prepare(&points[job.point as usize]).expect("a right model").run(*job);
        let of = |number: usize| jobs.iter().skip(number).step_by(2).map(run).collect::<Vec<Record>>();
        let mut records = std::thread::scope(|scope| {
            let other = scope.spawn(|| of(1));
            let mut records = of(0);
            records.extend(other.join().expect("it ends"));
            records
        });
        records.sort_by_key(|record| jobs.iter().position(|job| *job == record.job));
        experiment.absorb(records);
    }
}
