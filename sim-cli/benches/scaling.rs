//! How a sweep of 1,000 points × 10 replications scales: `cargo bench -p sim-cli --bench scaling`.
//!
//! What counts is the ratio of one core's time to two cores', with and without a journal: medians of pairs, taken in turn
//! so that a busy machine slows both. It means something only on a machine that is otherwise quiet. The answers of all are
//! compared, byte for byte.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const MODEL: &str = r#"{
  "format": 1,
  "name": "Three tiers",
  "run": { "seed": 1, "duration": "10s" },
  "components": {
    "users": { "type": "client", "to": "edge", "arrivals": { "rate": "200/s" } },
    "edge": { "type": "load-balancer", "policy": "round-robin", "to": ["web"] },
    "web": { "type": "server-pool", "replicas": 4, "cores": 2,
             "handlers": { "*": [ { "cpu": "lognormal(12ms, cv=0.8)" }, { "call": "pool" } ] } },
    "pool": { "type": "connection-pool", "size": 20, "scope": "shared", "to": "db" },
    "db": { "type": "database", "slots": 20, "operations": { "read": "exp(8ms)" } }
  },
  "objectives": [ "p99 < 100ms" ]
}"#;

const PAIRS: usize = 3;

/// The time of a sweep, in seconds, and its answer.
fn sweep(folder: &Path, jobs: u32, more: &[&str]) -> (f64, Vec<u8>) {
    let axes = ["--vary", "web.replicas=4..13", "--vary", "pool.size=11..110", "--replications", "10"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_kneepoint"));
    command.args(["sweep", "three-tiers.json", "--format", "csv", "--jobs", &jobs.to_string()]);
    command.args(axes).args(more).current_dir(folder);
    let begin = Instant::now();
    let output = command.output().expect("the binary starts");
    let seconds = begin.elapsed().as_secs_f64();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (seconds, output.stdout)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let folder = std::env::temp_dir().join(format!("kneepoint-scaling-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
    fs::write(folder.join("three-tiers.json"), MODEL).expect("it is writable");
    let (_, expected) = sweep(&folder, 8, &[]);
    for (name, more) in [("without a journal", &[][..]), ("with a journal", &["--journal", "journal.jsonl"])] {
        let timed = |jobs: u32| {
            let _ = fs::remove_file(folder.join("journal.jsonl"));
            let (seconds, answer) = sweep(&folder, jobs, more);
            assert!(answer == expected, "{jobs} threads give another answer");
            seconds
        };
        let pairs: Vec<(f64, f64)> = (0..PAIRS).map(|_| (timed(1), timed(2))).collect();
        let ratio = median(pairs.iter().map(|(one, two)| one / two).collect());
        let (one, two): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        println!(
            "1,000 points × 10 replications, {name}: one core {:.1} s, two cores {:.1} s, ratio {ratio:.2}",
            median(one),
            median(two)
        );
    }
    let _ = fs::remove_dir_all(&folder);
}
