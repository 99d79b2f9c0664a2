//! Raw draws: every distribution, popularity and arrival process over fixed uniforms, hashed bit by bit.

use sim_core::model::NoFiles;
use sim_core::model::distribution::{Base, Distribution};
use sim_core::workload::arrivals::{Arrivals, Process};
use sim_core::workload::keys::{Hot, Keys, Popularity};
use sim_core::workload::profile::{Profile, Stage};
use sim_core::workload::sampler::Sampler;

/// Every kind of draws.
pub const NAMES: [&str; 29] = [
    "4ms",
    "exp(4ms)",
    "lognormal(4ms, cv=0.8)",
    "lognormal(p50=3ms, p99=40ms)",
    "gamma(4ms, cv=0.3)",
    "gamma(4ms, cv=3)",
    "erlang(4ms, k=3)",
    "weibull(4ms, shape=0.7)",
    "weibull(4ms, shape=2.5)",
    "pareto(min=1ms, alpha=1.5, max=10s)",
    "uniform(1ms, 4ms)",
    "normal(4ms, sd=3ms)",
    "hyperexp(4ms, cv=2)",
    "mix(90% exp(2ms), 10% lognormal(50ms, cv=1))",
    "quantiles(p50=3ms, p90=9ms, p99=40ms, max=1s)",
    "keys uniform",
    "keys zipf 0.8",
    "keys zipf 1",
    "keys zipf 1.3",
    "keys zipf 2.5 of a billion",
    "keys hotspot",
    "keys weights",
    "arrivals constant",
    "arrivals poisson",
    "arrivals gamma",
    "arrivals mmpp",
    "arrivals stages",
    "arrivals daily",
    "arrivals with warm-up",
];

const DRAWS: u32 = 20_000;

/// FNV-1a over words.
fn hash_words(words: impl Iterator<Item = u64>) -> u64 {
    words
        .flat_map(u64::to_le_bytes)
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Uniforms in (0, 1): an even grid, shifted by an irrational, and both tails.
fn uniforms() -> impl Iterator<Item = f64> {
    let grid = (0..DRAWS).map(|at| (f64::from(at) + 0.618_033_988_749_894_9) / f64::from(DRAWS));
    let tails = (1..53).flat_map(|bits| {
        let small = 1.0 / (1_u64 << bits) as f64;
        [small, 1.0 - small]
    });
    grid.chain(tails)
}

/// The hash of all raw values of a kind of draws.
///
/// # Panics
/// Where there is no such kind.
pub fn hash(name: &str) -> u64 {
    if let Some(popularity) = name.strip_prefix("keys ") {
        let (popularity, count) = match popularity {
            "uniform" => (Popularity::Uniform, 12_345),
            "zipf 0.8" => (Popularity::Zipf(0.8), 1_000_000),
            "zipf 1" => (Popularity::Zipf(1.0), 1_000_000),
            "zipf 1.3" => (Popularity::Zipf(1.3), 1_000_000),
            "zipf 2.5 of a billion" => (Popularity::Zipf(2.5), 1_000_000_000),
            "hotspot" => (Popularity::Hotspot { hot: Hot::Share(0.1), traffic: 0.5 }, 1000),
            "weights" => (Popularity::Weights(vec![0.3, 5.0, 1.7, 0.0, 2.9]), 5),
            other => panic!("there are no keys {other}"),
        };
        let keys = Keys::new(&popularity, count).expect("a legal popularity");
        let shares = (0..count.min(100)).map(|rank| keys.probability(rank).to_bits());
        return hash_words(uniforms().map(|u| keys.pick(u)).chain(shares));
    }
    if let Some(process) = name.strip_prefix("arrivals ") {
        return hash_words(arrivals(process).take(DRAWS as usize).map(|time| time as u64));
    }
    let distribution = Distribution::parse(name, Base::Time, &NoFiles).expect("a legal distribution");
    let sampler = Sampler::new(&distribution);
    let moments = [distribution.mean().to_bits(), distribution.variance().to_bits()];
    let raw = uniforms().map(|u| sampler.sample(u).to_bits());
    let u: Vec<f64> = uniforms().collect();
    let mut block = vec![0; u.len()];
    sampler.sample_block(&u, &mut block);
    let rounded = u.iter().zip(&block).map(|(&u, &block)| {
        assert_eq!(sampler.sample_ns(u), block, "{name}: blocks have the bits of single draws");
        block
    });
    hash_words(moments.into_iter().chain(raw).chain(rounded))
}

fn arrivals(process: &str) -> Arrivals {
    const SECOND_NS: u64 = 1_000_000_000;
    let constant = Profile::constant(730.0);
    let stage = |rate, ramp, seconds| Stage { rate, ramp, duration_ns: seconds * SECOND_NS };
    let (profile, process, warmup_ns) = match process {
        "constant" => (constant, Process::Constant, 0),
        "poisson" => (constant, Process::Poisson, 0),
        "gamma" => (constant, Process::Gamma { cv: 2.5 }, 0),
        "mmpp" => (constant, Process::bursts(8.0, 0.1, 2 * SECOND_NS), 0),
        "stages" => {
            let stages = [stage(100.0, true, 10), stage(300.0, false, 5), stage(40.0, true, 20)];
            (Profile::stages(&stages), Process::Poisson, 0)
        }
        "daily" => (Profile::daily(0.1, 3.0, 72_000 * SECOND_NS, 0), Process::Poisson, 0),
        "with warm-up" => (constant, Process::Poisson, 3 * SECOND_NS),
        other => panic!("there are no arrivals {other}"),
    };
    Arrivals::new(profile, &process, 1, 2, warmup_ns)
}
