//! What the hot operations cost, in ns each: medians of nine, beside them how many steps of a chain of hashes that is on the
//! same machine at the same time. At the end the limits that are promised, and whether they hold.
//!
//! `cargo bench -p sim-core --bench prices`, or some of it: `… --bench prices -- balancing requests caches draws`.

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
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::OnceLock;
use std::time::Instant;

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        Err(format!("{path}: no files here"))
    }
}

/// Over how many replicas policies choose.
const REPLICAS: [usize; 3] = [10, 100, 1000];

/// What prices are compared with at the end: what was measured, and the most that it may be.
#[derive(Default)]
struct Limits(Vec<(String, f64, f64)>);

impl Limits {
    fn at_most(&mut self, what: impl Into<String>, found: f64, most: f64) {
        self.0.push((what.into(), found, most));
    }

    fn print(&self) {
        println!("\nlimits");
        for (what, found, most) in &self.0 {
            let verdict = if found <= most { "holds" } else { "DOES NOT HOLD" };
            println!("{what:64} {found:8.2}, at most {most:6.1}: {verdict}");
        }
    }
}

/// What choices cost where a policy's state is asked directly: a pick, and telling it of a call and an answer.
fn balancing(limits: &mut Limits) {
    const PICKS: u64 = 200_000;
    for count in REPLICAS {
        let weights: Vec<u32> = (0..count as u32).map(|n| 1 + n % 3).collect();
        let mut robin = SmoothRoundRobin::new(&weights);
        (0..2 * weights.iter().sum::<u32>()).for_each(|_| _ = robin.turn());
        let rest = price(&format!("smooth round robin at rest, {count}"), PICKS, || {
            (0..PICKS).for_each(|_| _ = black_box(robin.turn()));
        });
        let mut moved = SmoothRoundRobin::new(&weights);
        let picks = PICKS / count as u64;
        let in_motion = price(&format!("smooth round robin in motion, {count}, a peer"), picks * count as u64, || {
            for pick in 0..picks {
                moved.fail(pick as usize % count, 1);
                black_box(moved.turn());
            }
        });
        let two = [Ratio::new(0, 1), Ratio::new(1, 1)];
        let ties: Vec<Ratio> = (0..count).map(|n| two[n % 2]).collect();
        let mut tied = SmoothRoundRobin::new(&vec![1; count]);
        let at_tie =
            price(&format!("ties of weighted least connections, {count}, a peer"), picks * count as u64, || {
                for _ in 0..picks {
                    black_box(tied.pick(black_box(&ties).iter().map(|key| *key == two[0])));
                }
            });
        if count == 1000 {
            limits.at_most("smooth round robin over 1000 at rest (O(1)), ns a pick", rest, 10.0);
            limits.at_most("smooth round robin over 1000 in motion, ns a peer", in_motion, 1.0);
            limits.at_most("ties of weighted least connections among 1000, ns a peer", at_tie, 1.0);
        }
        trees(count, &weights, PICKS);
        hashes(count, PICKS);
    }
}

fn trees(count: usize, weights: &[u32], picks: u64) {
    let mut least = Least::new(&vec![0_u32; count], u32::MAX);
    price(&format!("least connections, {count}: pick, call, answer"), picks, || {
        for n in 0..picks {
            let place = least.least_from(n as usize % count).expect("a place");
            least.set(place, 3);
            least.set(mix64(n) as usize % count, 1);
        }
    });
    let ratios: Vec<Ratio> = weights.iter().map(|&weight| Ratio::new(2, weight)).collect();
    let mut weighted = Least::new(&ratios, Ratio::NEVER);
    price(&format!("weighted least connections, {count}: the same"), picks, || {
        for n in 0..picks {
            let place = weighted.least_from(0).expect("a place");
            weighted.set(place, Ratio::new(3, weights[place]));
            let other = mix64(n) as usize % count;
            weighted.set(other, Ratio::new(1, weights[other]));
        }
    });
    let mut costs = vec![PeakEwma::default(); count];
    price(&format!("least response time, {count}: two loads and a time"), picks, || {
        for n in 0..picks {
            let (a, b) = (mix64(n) as usize % count, mix64(n + picks) as usize % count);
            let better = if costs[a].load(1, n) < costs[b].load(1, n) { a } else { b };
            costs[better].observe(1_000_000 + n, n);
        }
    });
}

fn hashes(count: usize, picks: u64) {
    let named: Vec<(u64, f64)> = (0..count as u64).map(|n| (mix64(n), 1.0)).collect();
    let ring = Ring::new(&named, 160);
    price(&format!("consistent hash, {count} of 160 points"), picks, || {
        (0..picks).for_each(|n| _ = black_box(ring.place(mix64(n))));
    });
    price(&format!("consistent hash with bounded loads, {count}"), picks, || {
        let load = |place: u32| place % 4;
        let all = (3 * count as u64 / 2, count as u32);
        (0..picks).for_each(|n| _ = black_box(ring.bounded_place(mix64(n), 1.25, all, load)));
    });
    let maglev = Maglev::new(&named);
    price(&format!("maglev, {count}"), picks, || (0..picks).for_each(|n| _ = black_box(maglev.place(mix64(n)))));
}

/// What a policy is called, what else its balancer has, what each pool has, and what a pick may cost more than round robin's
/// over 1000, ns; `None`: a nanosecond a replica, where the product looks at all.
const POLICIES: [(&str, &str, &str, Option<f64>); 15] = [
    ("round-robin", "", "", Some(0.0)),
    ("weighted-round-robin", "", "", Some(50.0)),
    ("random", "", "", Some(150.0)),
    ("least-connections", "", "", Some(300.0)),
    ("weighted-least-connections", "", "", None),
    ("least-response-time", "", "", Some(600.0)),
    ("power-of-two", "", "", Some(200.0)),
    ("ip-hash", "", "", Some(150.0)),
    ("consistent-hash", "", "", Some(400.0)),
    ("consistent-hash", r#""bounded_load": 1.25,"#, "", Some(600.0)),
    ("maglev", "", "", Some(200.0)),
    ("resource-based", "", "", None),
    ("round-robin", r#""sticky": "client","#, "", Some(600.0)),
    ("round-robin", r#""slow_start": "30s","#, "", Some(150.0)),
    ("least-connections", "", r#", "max_conns": 2"#, Some(600.0)),
];

/// What a request pays for each policy, all of it simulated, at 80% of what the replicas can do.
fn policies_in_a_run(limits: &mut Limits) {
    const REQUESTS: u64 = 200_000;
    for count in REPLICAS {
        let mut of_round_robin = 0.0;
        for (policy, balancer, pool, most) in POLICIES {
            let (rate, seconds) = (20 * count as u64, REQUESTS / (20 * count as u64));
            let text = format!(
                r#"{{ "format": 1, "run": {{ "duration": "{seconds}s" }}, "components": {{
                    "users": {{ "type": "client", "to": "edge", "arrivals": {{ "rate": "{rate}/s" }}, "population": {{ "clients": 5000 }} }},
                    "edge": {{ "type": "load-balancer", {balancer} "policy": "{policy}", "to": [{{ "to": "web" {pool} }}] }},
                    "web": {{ "type": "server-pool", "replicas": {count}, "handlers": {{ "*": [ {{ "cpu": "exp(40ms)" }} ] }} }} }} }}"#
            );
            let (model, _) = Model::parse(&text, "replicas.json", &[], &NoFiles).expect("it is right");
            let plan = Plan::compile(&model, &NoFiles).expect("it is right");
            let with: String = format!("{balancer}{pool}").chars().filter(|c| !"\"{},".contains(*c)).collect();
            let name = format!(
                "a request, {count} replicas, {policy}{}{}",
                if with.is_empty() { "" } else { " " },
                with.trim()
            );
            let found = price(&name, REQUESTS, || _ = black_box(sim_core::world::run(&plan, 1)));
            if of_round_robin == 0.0 {
                of_round_robin = found;
            } else if count == 1000 {
                let more = found - of_round_robin;
                limits.at_most(format!("{name}: ns more than round robin"), more, most.unwrap_or(count as f64));
            }
        }
    }
}

/// Prints the median price of one of `count` operations that `work` does, ns, and how many steps of a chain of hashes that is.
fn price(name: &str, count: u64, work: impl FnMut()) -> f64 {
    static STEP: OnceLock<f64> = OnceLock::new();
    let step = *STEP.get_or_init(|| {
        const STEPS: u64 = 1_000_000;
        median(STEPS, || _ = black_box((0..STEPS).fold(black_box(1), |hash, _| mix64(hash))))
    });
    let ns = median(count, work);
    println!("{name:64} {ns:8.2} ns {:8.2} ×", ns / step);
    ns
}

fn median(count: u64, mut work: impl FnMut()) -> f64 {
    let mut prices: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e9 / count as f64
        })
        .collect();
    prices.sort_by(f64::total_cmp);
    prices[4]
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

/// A million keys by Zipf's law on stores of a hundred thousand: look-ups of what is found and what is not, as they come.
fn looking_up(limits: &mut Limits) {
    let keys = Keys::new(&Popularity::Zipf(0.99), 1_000_000).expect("they fit");
    let picks: Vec<u64> = (0..2_000_000).map(|n| keys.pick(uniform_at(9, n))).collect();
    let mut map: HashMap<u64, u32> = picks.iter().take(200_000).map(|key| (*key, 1)).collect();
    price("std's HashMap, look-up", picks.len() as u64, || {
        picks.iter().for_each(|key| _ = black_box(map.get_mut(key)));
    });
    for eviction in Eviction::ALL {
        let mut store = Store::new(eviction, 100_000, 1);
        price(&format!("{eviction:?}, look-up and fill on a miss"), picks.len() as u64, || {
            for key in &picks {
                if store.lookup(*key, 0) == Lookup::Miss {
                    store.insert(*key, NEVER_NS, 0, 0);
                }
            }
        });
        let look_up = price(&format!("{eviction:?}, look-up"), picks.len() as u64, || {
            for key in &picks {
                black_box(store.lookup(*key, 0));
            }
        });
        if matches!(eviction, Eviction::Lru | Eviction::Sieve) {
            limits.at_most(format!("{eviction:?}, ns a look-up"), look_up, 60.0);
        }
    }
}

/// Words after `--` choose parts: `balancing`, `requests`, `caches`, `draws`; without any, all.
fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_asked = |part: &str| words.is_empty() || words.iter().any(|word| word == part);
    let mut limits = Limits::default();
    println!("{:64} {:>11} {:>10}", "what", "price", "of a hash");
    if is_asked("balancing") {
        balancing(&mut limits);
    }
    if is_asked("requests") {
        policies_in_a_run(&mut limits);
    }
    if is_asked("caches") {
        looking_up(&mut limits);
    }
    if is_asked("draws") {
        arrivals();
        keys();
        recording();
        draws();
    }
    limits.print();
}
