//! The engine against hand-written loops of the same work, in one run: `cargo bench -p sim-core --bench engine`.
//!
//! A loop knows its one topology and keeps one histogram; the engine reads a model and reports everything. What counts
//! is the ratio: the first lines are medians of nine pairs, taken in turn so that a busy machine slows both. What
//! follows are the same works one by one.

use std::collections::{BinaryHeap, VecDeque};
use std::hint::black_box;
use std::time::Instant;

use divan::Bencher;
use divan::counter::ItemsCount;
use sim_core::engine::rng::{mix64, uniform};
use sim_core::metrics::histogram::Histogram;
use sim_core::model::NoFiles;
use sim_core::{Model, Plan, math};

/// Poisson 1,000/s → round robin over 8 replicas of 4 workers → 20 connections → exponential database.
const THREE_TIERS: &str = r#"{
  "format": 1,
  "run": { "seed": 1, "duration": "200s" },
  "components": {
    "users": { "type": "client", "to": "edge", "arrivals": { "rate": "1000/s" } },
    "edge": { "type": "load-balancer", "policy": "round-robin", "to": ["web"] },
    "web": { "type": "server-pool", "replicas": 8, "cores": 4,
             "handlers": { "*": [ { "cpu": "lognormal(12ms, cv=0.8)" }, { "call": "pool" } ] } },
    "pool": { "type": "connection-pool", "size": 20, "scope": "shared", "to": "db" },
    "db": { "type": "database", "slots": 20, "operations": { "read": "exp(8ms)" } }
  }
}"#;

const ONE_QUEUE: &str = r#"{
  "format": 1,
  "run": { "seed": 1, "duration": "400s" },
  "components": {
    "users": { "type": "client", "to": "server", "arrivals": { "rate": "800/s" } },
    "server": { "type": "server-pool", "handlers": { "*": [ { "cpu": "exp(1ms)" } ] } }
  }
}"#;

/// `timers` users who think for a minute in the mean: as many timers pending.
fn timers(timers: u64) -> String {
    format!(
        r#"{{
  "format": 1,
  "run": {{ "seed": 1, "duration": "{}ms", "drain": "0s" }},
  "components": {{
    "users": {{ "type": "client", "to": "server", "arrivals": {{ "users": {timers}, "think": "exp(60s)" }} }},
    "server": {{ "type": "server-pool", "cores": 10000, "handlers": {{ "*": [ {{ "cpu": "exp(1ms)" }} ] }} }}
  }}
}}"#,
        400_000 * 60_000 / timers
    )
}

fn plan(text: &str) -> Plan {
    let (model, _) = Model::parse(text, "bench.json", &[], &NoFiles).expect("a legal model");
    Plan::compile(&model, &NoFiles).expect("it compiles")
}

/// A random number generator of a hand-written loop.
struct Xoshiro([u64; 4]);

impl Xoshiro {
    fn new(seed: u64) -> Self {
        Xoshiro([mix64(seed + 1), mix64(seed + 2), mix64(seed + 3), mix64(seed + 4)])
    }

    fn uniform(&mut self) -> f64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        uniform(result)
    }

    fn exponential(&mut self, mean: f64) -> u64 {
        (-math::ln(self.uniform()) * mean) as u64
    }

    fn lognormal(&mut self, mu: f64, sigma: f64) -> u64 {
        math::exp(mu + sigma * math::normal_quantile(self.uniform())) as u64
    }
}

/// The loop for one queue: no calendar is needed for it.
fn one_queue_loop(seconds: f64, rate: f64, service: f64) -> (u64, Histogram) {
    let (mut random, mut histogram, mut count) = (Xoshiro::new(1), Histogram::default(), 0);
    let end = (seconds * 1e9) as u64;
    let mut queue = VecDeque::new();
    let (mut arrival, mut departure) = (random.exponential(1e9 / rate), u64::MAX);
    loop {
        if arrival <= departure {
            if arrival > end {
                return (count, histogram);
            }
            count += 1;
            if queue.is_empty() {
                departure = arrival + random.exponential(service);
            }
            queue.push_back(arrival);
            arrival += random.exponential(1e9 / rate);
        } else {
            let began: u64 = queue.pop_front().expect("somebody departs");
            histogram.record(departure - began);
            departure = if queue.is_empty() { u64::MAX } else { departure + random.exponential(service) };
        }
    }
}

/// The loop for three tiers.
fn three_tiers_loop(seconds: f64) -> (u64, Histogram) {
    const ARRIVAL: u32 = 0;
    const CPU: u32 = 1;
    const DATABASE: u32 = 2;
    let (mut random, mut histogram, mut count) = (Xoshiro::new(1), Histogram::default(), 0);
    let end = (seconds * 1e9) as u64;
    let variance = (1.0_f64 + 0.8 * 0.8).ln_();
    let (mu, sigma) = ((12e6_f64).ln_() - variance / 2.0, variance.sqrt());
    // (time, sequence) negated for the greatest-first heap; kind, request.
    let mut heap: BinaryHeap<(i64, i64, u32, u32)> = BinaryHeap::new();
    let mut sequence = 0;
    let mut busy = [0_u32; 8];
    let mut lines: [VecDeque<u32>; 8] = Default::default();
    let (mut connections, mut waiting) = (0, VecDeque::new());
    let (mut starts, mut servers, mut free): (Vec<u64>, Vec<u8>, Vec<u32>) = (Vec::new(), Vec::new(), Vec::new());
    let mut next = 0;
    let mut push = |heap: &mut BinaryHeap<_>, time: u64, kind: u32, request: u32| {
        sequence -= 1;
        heap.push((-(time as i64), sequence, kind, request));
    };
    push(&mut heap, random.exponential(1e6), ARRIVAL, 0);
    while let Some((time, _, kind, request)) = heap.pop() {
        let now = -time as u64;
        match kind {
            ARRIVAL => {
                if now > end {
                    return (count, histogram);
                }
                count += 1;
                push(&mut heap, now + random.exponential(1e6), ARRIVAL, 0);
                let request = free.pop().unwrap_or_else(|| {
                    starts.push(0);
                    servers.push(0);
                    starts.len() as u32 - 1
                });
                let server = next;
                next = (next + 1) % 8;
                starts[request as usize] = now;
                servers[request as usize] = server as u8;
                if busy[server] < 4 {
                    busy[server] += 1;
                    push(&mut heap, now + random.lognormal(mu, sigma), CPU, request);
                } else {
                    lines[server].push_back(request);
                }
            }
            CPU => {
                if connections < 20 {
                    connections += 1;
                    push(&mut heap, now + random.exponential(8e6), DATABASE, request);
                } else {
                    waiting.push_back(request);
                }
            }
            _ => {
                if let Some(other) = waiting.pop_front() {
                    push(&mut heap, now + random.exponential(8e6), DATABASE, other);
                } else {
                    connections -= 1;
                }
                let server = servers[request as usize] as usize;
                histogram.record(now - starts[request as usize]);
                free.push(request);
                if let Some(other) = lines[server].pop_front() {
                    push(&mut heap, now + random.lognormal(mu, sigma), CPU, other);
                } else {
                    busy[server] -= 1;
                }
            }
        }
    }
    unreachable!("arrivals never end")
}

/// The natural logarithm, as the engine has it.
trait Ln {
    fn ln_(self) -> f64;
}

impl Ln for f64 {
    fn ln_(self) -> f64 {
        math::ln(self)
    }
}

/// Nanoseconds per unit of work.
fn time(work: impl FnOnce() -> u64) -> f64 {
    let start = Instant::now();
    let count = work();
    start.elapsed().as_secs_f64() * 1e9 / count as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints the medians of nine pairs and of their ratios.
fn pair(name: &str, limit: f64, mut left: impl FnMut() -> u64, mut right: impl FnMut() -> u64) {
    let (mut lefts, mut rights, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..9 {
        let (a, b) = (time(&mut left), time(&mut right));
        lefts.push(a);
        rights.push(b);
        ratios.push(a / b);
    }
    let (left, right, ratio) = (median(lefts), median(rights), median(ratios));
    println!("{name:44} {left:7.1} ns  against {right:7.1} ns  {ratio:5.2}×  (at most {limit}×)");
}

fn requests(plan: &Plan) -> u64 {
    black_box(sim_core::simulate(plan, 1)).requests.offered
}

fn main() {
    let (one, three) = (plan(ONE_QUEUE), plan(THREE_TIERS));
    pair("three tiers: engine, loop; a request", 2.0, || requests(&three), || black_box(three_tiers_loop(200.0)).0);
    pair(
        "one queue: engine, loop; a request",
        3.0,
        || requests(&one),
        || black_box(one_queue_loop(400.0, 800.0, 1e6)).0,
    );
    let (many, few) = (plan(&timers(1_000_000)), plan(&timers(1_000)));
    pair("a million timers, a thousand; a request", 10.0, || requests(&many), || requests(&few));
    divan::main();
}

/// One run of a work and its number of requests.
fn bench(bencher: Bencher, mut work: impl FnMut() -> u64) {
    let count = work();
    bencher.counter(ItemsCount::new(count)).bench_local(work);
}

#[divan::bench(sample_count = 9, sample_size = 1)]
fn engine_three_tiers(bencher: Bencher) {
    let plan = plan(THREE_TIERS);
    bench(bencher, || requests(&plan));
}

#[divan::bench(sample_count = 9, sample_size = 1)]
fn loop_three_tiers(bencher: Bencher) {
    bench(bencher, || black_box(three_tiers_loop(200.0)).0);
}

#[divan::bench(sample_count = 9, sample_size = 1)]
fn engine_one_queue(bencher: Bencher) {
    let plan = plan(ONE_QUEUE);
    bench(bencher, || requests(&plan));
}

#[divan::bench(sample_count = 9, sample_size = 1)]
fn loop_one_queue(bencher: Bencher) {
    bench(bencher, || black_box(one_queue_loop(400.0, 800.0, 1e6)).0);
}

#[divan::bench(args = [1_000, 30_000, 1_000_000], sample_count = 9, sample_size = 1)]
fn engine_with_timers_pending(bencher: Bencher, timers_pending: u64) {
    let plan = plan(&timers(timers_pending));
    bench(bencher, || requests(&plan));
}
