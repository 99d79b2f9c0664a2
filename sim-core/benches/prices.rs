//! What the hot operations cost, in ns each: medians of nine. `cargo bench -p sim-core --bench prices`.

use sim_core::engine::rng::{mix64, uniform_at};
use sim_core::metrics::histogram::Histogram;
use sim_core::model::Files;
use sim_core::model::distribution::{Base, Distribution};
use sim_core::policy::balancing::least::{Least, Ratio};
use sim_core::policy::balancing::maglev::Maglev;
use sim_core::policy::balancing::peak_ewma::PeakEwma;
use sim_core::policy::balancing::ring::Ring;
use sim_core::policy::eviction::{Eviction, Lookup, NEVER_NS, Store};
use sim_core::policy::smooth_round_robin::SmoothRoundRobin;
use sim_core::workload::arrivals::{Arrivals, Process};
use sim_core::workload::keys::{Keys, Popularity};
use sim_core::workload::profile::Profile;
use sim_core::workload::sampler::{BLOCK, Sampler};
use sim_core::{Model, Plan};
use std::hint::black_box;
use std::time::Instant;

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        Err(format!("{path}: no files here"))
    }
}

/// What a policy pays for a choice among a thousand, and for being told of a change.
fn balancing() {
    const COUNT: usize = 1000;
    const PICKS: u64 = 100_000;
    let weights: Vec<u32> = (0..COUNT as u32).map(|n| 1 + n % 3).collect();
    let mut robin = SmoothRoundRobin::new(&weights);
    (0..2 * weights.iter().sum::<u32>()).for_each(|_| _ = robin.turn());
    price("smooth round robin, 1000 at rest", PICKS, || (0..PICKS).for_each(|_| _ = black_box(robin.turn())));
    let mut moved = SmoothRoundRobin::new(&weights);
    moved.fail(7, 1);
    price("smooth round robin, 1000 that moved, a peer", PICKS, || {
        (0..PICKS / COUNT as u64).for_each(|_| _ = black_box(moved.turn()));
    });
    let mut least = Least::new(&vec![0_u32; COUNT], u32::MAX);
    price("least connections, 1000: pick, call, answer", PICKS, || {
        for n in 0..PICKS {
            let place = least.least_from(n as usize % COUNT).expect("a place");
            least.set(place, 3);
            least.set(mix64(n) as usize % COUNT, 1);
        }
    });
    let ratios: Vec<Ratio> = weights.iter().map(|&weight| Ratio { connections: 2, weight }).collect();
    let mut weighted = Least::new(&ratios, Ratio { connections: 0, weight: 0 });
    price("weighted least connections, 1000: the same", PICKS, || {
        for n in 0..PICKS {
            let place = weighted.least_from(0).expect("a place");
            weighted.set(place, Ratio { connections: 3, weight: weights[place] });
            let other = mix64(n) as usize % COUNT;
            weighted.set(other, Ratio { connections: 1, weight: weights[other] });
        }
    });
    let named: Vec<(u64, f64)> = (0..COUNT as u64).map(|n| (mix64(n), 1.0)).collect();
    let ring = Ring::new(&named, 160);
    price("consistent hash, 1000 of 160 points", PICKS, || {
        (0..PICKS).for_each(|n| _ = black_box(ring.place(mix64(n))));
    });
    price("consistent hash with bounded loads", PICKS, || {
        let load = |place: u32| place % 4;
        (0..PICKS).for_each(|n| _ = black_box(ring.bounded_place(mix64(n), 1.25, (1500, COUNT as u32), load)));
    });
    let maglev = Maglev::new(&named);
    price("maglev, 1000", PICKS, || (0..PICKS).for_each(|n| _ = black_box(maglev.place(mix64(n)))));
    let mut costs = vec![PeakEwma::default(); COUNT];
    price("peak EWMA: two loads and a time", PICKS, || {
        for n in 0..PICKS {
            let (a, b) = (mix64(n) as usize % COUNT, mix64(n + PICKS) as usize % COUNT);
            let better = if costs[a].load(1, n) < costs[b].load(1, n) { a } else { b };
            costs[better].observe(1_000_000 + n, n);
        }
    });
}

/// What a request pays for each policy among a thousand replicas, all of it simulated.
fn policies_in_a_run() {
    for policy in [
        "round-robin",
        "weighted-round-robin",
        "random",
        "least-connections",
        "weighted-least-connections",
        "least-response-time",
        "power-of-two",
        "ip-hash",
        "consistent-hash",
        "maglev",
        "resource-based",
    ] {
        let text = format!(
            r#"{{ "format": 1, "run": {{ "duration": "10s" }}, "components": {{
                "users": {{ "type": "client", "to": "edge", "arrivals": {{ "rate": "20000/s" }} }},
                "edge": {{ "type": "load-balancer", "policy": "{policy}", "to": ["web"] }},
                "web": {{ "type": "server-pool", "replicas": 1000, "handlers": {{ "*": [ {{ "cpu": "exp(40ms)" }} ] }} }} }} }}"#
        );
        let (model, _) = Model::parse(&text, "replicas.json", &[], &NoFiles).expect("it is right");
        let plan = Plan::compile(&model, &NoFiles).expect("it is right");
        price(&format!("a request, 1000 replicas, {policy}"), 200_000, || {
            _ = black_box(sim_core::world::run(&plan, 1))
        });
    }
}

/// Prints the median price of one of `count` operations that `work` does.
fn price(name: &str, count: u64, mut work: impl FnMut()) {
    let mut prices: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e9 / count as f64
        })
        .collect();
    prices.sort_by(f64::total_cmp);
    println!("{name:44} {:8.2} ns", prices[4]);
}

fn draws() {
    const ROUNDS: u64 = 4_000;
    let mut uniforms = [0.0; BLOCK];
    price("128 uniforms, each", ROUNDS * BLOCK as u64, || {
        for round in 0..ROUNDS {
            for (at, u) in uniforms.iter_mut().enumerate() {
                *u = uniform_at(round, at as i64);
            }
            black_box(&uniforms);
        }
    });
    for text in [
        "exp(4ms)",
        "lognormal(4ms, cv=0.8)",
        "uniform(1ms, 5ms)",
        "gamma(4ms, cv=0.5)",
        "weibull(4ms, shape=0.7)",
        "pareto(min=1ms, alpha=1.5, max=1s)",
        "normal(10ms, sd=3ms)",
        "hyperexp(4ms, cv=3)",
        "quantiles(p50=3ms, p90=9ms, p99=40ms, max=1s)",
    ] {
        let sampler = Sampler::new(&Distribution::parse(text, Base::Time, &NoFiles).expect(text));
        let mut out = [0; BLOCK];
        price(&format!("{text}, block, without uniforms"), ROUNDS * BLOCK as u64, || {
            for _ in 0..ROUNDS {
                sampler.sample_block(black_box(&uniforms), &mut out);
                black_box(&out);
            }
        });
        price(&format!("{text}, single, without uniforms"), ROUNDS * BLOCK as u64, || {
            for _ in 0..ROUNDS {
                for (u, out) in black_box(&uniforms).iter().zip(&mut out) {
                    *out = sampler.sample_ns(*u);
                }
                black_box(&out);
            }
        });
    }
}

fn recording() {
    let values: Vec<u64> = (0..65_536u64).map(|n| (mix64(n) >> 40) + 1_000_000).collect();
    let mut histogram = Histogram::new();
    price("histogram, record", 100 * values.len() as u64, || {
        for _ in 0..100 {
            for value in black_box(&values) {
                histogram.record(*value);
            }
        }
    });
    black_box(&histogram);
}

fn keys() {
    let uniforms: Vec<f64> = (0..65_536).map(|n| uniform_at(8, n)).collect();
    for (exponent, count) in [(0.99, 10_000), (0.99, 1_000_000), (1.2, 1_000_000_000)] {
        let keys = Keys::new(&Popularity::Zipf(exponent), count).expect("they fit");
        price(&format!("zipf({exponent}) of {count}, pick"), 20 * uniforms.len() as u64, || {
            for _ in 0..20 {
                for u in black_box(&uniforms) {
                    black_box(keys.pick(*u));
                }
            }
        });
    }
}

fn arrivals() {
    const COUNT: u64 = 400_000;
    let day_s = 86_400_000_000_000;
    for (name, profile, process) in [
        ("poisson, constant rate", Profile::constant(1_000.0), Process::Poisson),
        ("constant, constant rate", Profile::constant(1_000.0), Process::Constant),
        ("gamma(cv=2), constant rate", Profile::constant(1_000.0), Process::Gamma { cv: 2.0 }),
        ("poisson, daily", Profile::daily(100.0, 1_000.0, day_s / 2, 0), Process::Poisson),
        ("mmpp, constant rate", Profile::constant(1_000.0), Process::bursts(5.0, 0.1, 2_000_000_000)),
    ] {
        let mut arrivals = Arrivals::new(profile, &process, 1, 2, 0);
        price(&format!("arrivals, {name}"), COUNT, || {
            for _ in 0..COUNT {
                black_box(arrivals.next());
            }
        });
    }
}

fn looking_up() {
    let keys = Keys::new(&Popularity::Zipf(0.99), 1_000_000).expect("they fit");
    let picks: Vec<u64> = (0..2_000_000).map(|n| keys.pick(uniform_at(9, n))).collect();
    for eviction in Eviction::ALL {
        let mut store = Store::new(eviction, 100_000, 1);
        price(&format!("{eviction:?}, look-up and fill on a miss"), picks.len() as u64, || {
            for key in &picks {
                if store.lookup(*key, 0) == Lookup::Miss {
                    store.insert(*key, NEVER_NS, 0, 0);
                }
            }
        });
        price(&format!("{eviction:?}, look-up alone"), picks.len() as u64, || {
            for key in &picks {
                black_box(store.lookup(*key, 0));
            }
        });
    }
}

fn main() {
    balancing();
    policies_in_a_run();
    looking_up();
    arrivals();
    keys();
    recording();
    draws();
}
