//! What queueing theory knows exactly, as models: one row for each, with the figures that it predicts.

use serde_json::{Value, json};
use sim_core::analysis::theory;
use sim_core::world::RunResult;
use sim_core::{Plan, Report};

/// How sure a figure must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// A mean or a share: half the 99% interval is at most 1% of it.
    Mean,
    /// A percentile: at most 3%.
    Percentile,
    /// The formula is itself an approximation, this share off at most, in either direction.
    Near(f64),
    /// The formula is a bound from below, this share away at most.
    Above(f64),
}

/// One figure that theory predicts.
pub struct Figure {
    /// What it is.
    pub name: &'static str,
    /// What theory says.
    pub exact: f64,
    /// How sure it must be.
    pub rule: Rule,
    /// Where it is in the results of a run.
    pub read: fn(&Run) -> f64,
}

/// The results of a run.
pub struct Run {
    /// What was run.
    pub plan: Plan,
    /// Its raw results.
    pub result: RunResult,
    /// Its report.
    pub report: Report,
}

/// A model whose figures theory knows.
pub struct Row {
    /// Its name, from which the seeds follow.
    pub name: &'static str,
    /// The model.
    pub model: Value,
    /// What is known of it; the first is the one that counts in the sum over the table.
    pub figures: Vec<Figure>,
}

impl Run {
    /// Runs a plan.
    pub fn of(plan: &Plan, seed: u64) -> Self {
        let result = sim_core::world::run(plan, seed);
        let report = sim_core::analysis::assemble::assemble(plan, &result);
        Run { plan: plan.clone(), result, report }
    }

    /// Waits at a station: how many were measured, how many of them were none, and a quantile in ms.
    fn waits(&self, component: &str, station: &str) -> &sim_core::metrics::histogram::Histogram {
        let at = self.plan.components.iter().position(|part| part.name == component).expect("a component of the row");
        let part = &self.plan.components[at];
        let number = part.stations.iter().position(|other| other.name == station).expect("a station of it");
        &self.result.waits[at][number]
    }
}

fn mean(run: &Run) -> f64 {
    run.report.latency.mean_s.expect("there are requests") * 1e3
}

fn p50(run: &Run) -> f64 {
    run.report.latency.p50_s.expect("there are requests") * 1e3
}

fn p95(run: &Run) -> f64 {
    run.report.latency.p95_s.expect("there are requests") * 1e3
}

fn p99(run: &Run) -> f64 {
    run.report.latency.p99_s.expect("there are requests") * 1e3
}

fn waits(run: &Run) -> f64 {
    let waits = run.waits("web", "workers");
    let none: u64 = waits.buckets().filter(|&(upper, _)| upper == 0).map(|(_, count)| count).sum();
    1.0 - none as f64 / waits.count() as f64
}

fn rejected(run: &Run) -> f64 {
    run.report.requests.error_rate
}

fn hits(run: &Run) -> f64 {
    run.report.components["cache"].hit_ratio.expect("there are reads")
}

fn wait_quantile(run: &Run, share: f64) -> f64 {
    match run.waits("web", "workers").quantile_with_tail(share, &[]) {
        Some(sim_core::metrics::histogram::Quantile::Exactly(ns)) => ns as f64 / 1e6,
        other => panic!("no quantile: {other:?}"),
    }
}

fn figure(name: &'static str, exact: f64, rule: Rule, read: fn(&Run) -> f64) -> Figure {
    Figure { name, exact, rule, read }
}

/// One pool, Poisson arrivals: `rate` per ms, for about this many requests in each replication.
fn queue(rate: f64, requests: f64, pool: Value) -> Value {
    let mut web = json!({ "type": "server-pool" });
    web.as_object_mut().expect("it is one").extend(pool.as_object().expect("it is one").clone());
    system(rate, requests, json!({ "web": web }))
}

/// Poisson arrivals at `web`: `rate` per ms.
fn system(rate: f64, requests: f64, components: Value) -> Value {
    let mut all = json!({
        "client": { "type": "client", "to": "web", "arrivals": { "rate": format!("{}/s", rate * 1e3) } }
    });
    all.as_object_mut().expect("it is one").extend(components.as_object().expect("it is one").clone());
    let window_ms = (requests / rate).ceil();
    json!({
        "format": 1,
        "run": { "duration": format!("{window_ms}ms"), "warmup": format!("{}ms", (window_ms * 0.05).max(3000.0).ceil()) },
        "components": all
    })
}

fn behind_balancer(policy: &str, replicas: u32, rate: f64, requests: f64) -> Value {
    let mut model = system(
        rate,
        requests,
        json!({
            "edge": { "type": "load-balancer", "policy": policy, "to": ["web"] },
            "web": { "type": "server-pool", "replicas": replicas, "handlers": { "*": [{ "cpu": "exp(1ms)" }] } }
        }),
    );
    model["components"]["client"]["to"] = json!("edge");
    model
}

fn cached(eviction: &str, requests: f64) -> Value {
    let mut model = system(
        100.0,
        requests,
        json!({
            "cache": { "type": "cache", "capacity": 1000, "eviction": eviction, "threads": 1000, "backing": "db" },
            "db": { "type": "database", "operations": { "read": "0s" } }
        }),
    );
    model["components"]["client"]["to"] = json!("cache");
    model["keyspaces"] = json!({ "keys": { "keys": 10_000, "popularity": "zipf(0.8)" } });
    model["classes"] = json!({ "get": { "key": "keys" } });
    model
}

/// Zipf's law over 10,000 keys with the exponent 0.8.
fn zipf() -> Vec<f64> {
    let weights: Vec<f64> =
        (1..=10_000).map(|rank| sim_core::math::exp(-0.8 * sim_core::math::ln(f64::from(rank)))).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// The whole table.
pub fn rows() -> Vec<Row> {
    let mut rows = single_queues();
    rows.extend(general_service());
    rows.extend(networks());
    rows.extend(routing());
    rows.extend(token_buckets());
    rows.extend(caches_and_calls());
    rows.extend(links());
    rows
}

fn exponential(cores: u32) -> Value {
    json!({ "cores": cores, "handlers": { "*": [{ "cpu": "exp(1ms)" }] } })
}

fn single_queues() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, load, requests) in [("M/M/1, ρ = 0.5", 0.5, 1.4e5), ("M/M/1, ρ = 0.9", 0.9, 2.4e6)] {
        let theory = theory::MmC::new(1, load);
        rows.push(Row {
            name,
            model: queue(load, requests, exponential(1)),
            figures: vec![
                figure("mean", theory.mean(), Rule::Mean, mean),
                figure("p50", theory.quantile(0.5), Rule::Percentile, p50),
                figure("p95", theory.quantile(0.95), Rule::Percentile, p95),
                figure("p99", theory.quantile(0.99), Rule::Percentile, p99),
            ],
        });
    }
    for (name, servers, load, requests) in [("M/M/4, ρ = 0.9", 4, 3.6, 1.2e6), ("M/M/10, ρ = 0.8", 10, 8.0, 4e5)] {
        let theory = theory::MmC::new(servers, load);
        rows.push(Row {
            name,
            model: queue(load, requests, exponential(servers)),
            figures: vec![
                figure("mean", theory.mean(), Rule::Mean, mean),
                figure("p99", theory.quantile(0.99), Rule::Percentile, p99),
                figure("share that waits", theory.waits(), Rule::Mean, waits),
            ],
        });
    }
    let (blocked, time) = theory::mmck(2, 10, 1.8);
    let mut limited = exponential(2);
    limited["queue"] = json!(8);
    rows.push(Row {
        name: "M/M/2/10, ρ = 0.9",
        model: queue(1.8, 4e5, limited),
        figures: vec![figure("mean", time, Rule::Mean, mean), figure("blocked", blocked, Rule::Mean, rejected)],
    });
    let mut none = exponential(10);
    none["queue"] = json!(0);
    rows.push(Row {
        name: "Erlang B, 10 servers, load 8",
        model: queue(8.0, 2e5, none),
        figures: vec![figure("blocked", theory::erlang_b(10, 8.0), Rule::Mean, rejected)],
    });
    rows
}

fn general_service() -> Vec<Row> {
    let mut rows = Vec::new();
    let services = [
        ("M/D/1, ρ = 0.8", "1ms", 0.0, 0.8, 4e5),
        ("M/G/1, ρ = 0.8, C² = 1", "exp(1ms)", 1.0, 0.8, 8e5),
        ("M/G/1, ρ = 0.8, C² = 4", "hyperexp(1ms, cv=2)", 4.0, 0.8, 1.6e6),
        ("M/G/1, ρ = 0.5, C² = 10", "hyperexp(1ms, cv=3.1622776601683795)", 10.0, 0.5, 1e6),
    ];
    for (name, service, variation, load, requests) in services {
        let mut row = Row {
            name,
            model: queue(load, requests, json!({ "handlers": { "*": [{ "cpu": service }] } })),
            figures: vec![figure("mean", theory::mg1_mean(load, variation), Rule::Mean, mean)],
        };
        if variation == 0.0 {
            let exact = |share| theory::md1_wait_quantile(load, share);
            type Reading = fn(&Run) -> f64;
            let figures: [(&str, f64, Reading); 3] = [
                ("wait p50", 0.5, |run| wait_quantile(run, 0.5)),
                ("wait p90", 0.9, |run| wait_quantile(run, 0.9)),
                ("wait p99", 0.99, |run| wait_quantile(run, 0.99)),
            ];
            row.figures.extend(figures.map(|(name, share, read)| figure(name, exact(share), Rule::Percentile, read)));
        }
        rows.push(row);
    }
    for (name, work, requests) in [
        ("processor sharing, ρ = 0.7, constant work", "1ms", 2e5),
        ("processor sharing, ρ = 0.7, C² = 4", "hyperexp(1ms, cv=2)", 5e5),
    ] {
        rows.push(Row {
            name,
            model: queue(0.7, requests, json!({ "workers": 1_000_000, "handlers": { "*": [{ "cpu": work }] } })),
            figures: vec![figure("mean", theory::sharing_mean(0.7), Rule::Mean, mean)],
        });
    }
    rows
}

/// A request visits some stations in turn, each so often.
fn visiting(stations: &[(u32, &str)]) -> Value {
    let mut components = json!({});
    let mut steps = Vec::new();
    for (number, (visits, service)) in stations.iter().enumerate() {
        let name = format!("station{number}");
        steps.push(json!({ "call": name, "times": visits }));
        components[name] = json!({ "type": "server-pool", "handlers": { "*": [{ "cpu": service }] } });
    }
    components["web"] = json!({ "type": "server-pool", "workers": 1_000_000, "handlers": { "*": steps } });
    components
}

/// Poisson arrivals at a token bucket of five, at the rate of its tokens.
fn token_buckets() -> Vec<Row> {
    let row = |name, refill, load: f64, burst: u32, exact| {
        let mut model = system(
            load,
            4e5,
            json!({
                "limit": { "type": "rate-limiter", "to": "web", "rate": "1000/s", "burst": burst, "refill": refill },
                "web": { "type": "server-pool", "workers": 1_000_000, "handlers": { "*": [{ "delay": "1ms" }] } }
            }),
        );
        model["components"]["client"]["to"] = json!("limit");
        Row { name, model, figures: vec![figure("throttled", exact, Rule::Mean, rejected)] }
    };
    vec![
        row("token bucket of 5, continuous", "continuous", 1.0, 5, theory::token_bucket_refused(1.0, 5)),
        row("token bucket of 5, whole tokens", "whole", 1.0, 5, theory::whole_token_bucket_refused(1.0, 5)),
        row(
            "token bucket of 3, one and a half times the rate",
            "continuous",
            1.5,
            3,
            theory::token_bucket_refused(1.5, 3),
        ),
    ]
}

fn networks() -> Vec<Row> {
    let stations = [(16, "exp(10ms)"), (7, "exp(20ms)"), (8, "exp(30ms)")];
    let (used, total) = theory::jackson(3.0, &[(16.0, 0.01), (7.0, 0.02), (8.0, 0.03)]);
    let open = Row {
        name: "Jackson network of three",
        model: system(0.003, 6e4, visiting(&stations)),
        figures: vec![
            figure("total, s", total, Rule::Mean, |run| mean(run) / 1e3),
            figure("utilization of the third", used[2], Rule::Mean, |run| {
                run.report.components["station2"].utilization.expect("it has a station")
            }),
        ],
    };
    let (throughput, response) = theory::mva(&[16.0 * 0.125, 10.0 * 0.3, 5.0 * 0.2], 4.0, 20);
    let mut model = system(0.003, 60.0, visiting(&[(16, "exp(125ms)"), (10, "exp(300ms)"), (5, "exp(200ms)")]));
    model["run"] = json!({ "warmup": "1000s", "duration": "20000s", "drain": "1h" });
    model["components"]["client"]["arrivals"] = json!({ "users": 20, "think": "exp(4s)" });
    let closed = Row {
        name: "closed network of three, 20 users",
        model,
        figures: vec![
            figure("throughput per s", throughput, Rule::Mean, |run| run.report.requests.throughput_per_s),
            figure("response, s", response, Rule::Mean, |run| mean(run) / 1e3),
        ],
    };
    vec![open, closed]
}

fn routing() -> Vec<Row> {
    let two = |name, policy, exact, requests| Row {
        name,
        model: behind_balancer(policy, 2, 1.6, requests),
        figures: vec![figure("mean", exact, Rule::Mean, mean)],
    };
    vec![
        two("two servers at random, ρ = 0.8", "random", theory::sharing_mean(0.8), 8e5),
        two("two servers in turn, ρ = 0.8", "round-robin", theory::round_robin_mean(2, 0.8), 6e5),
        two("two servers, fewest connections, ρ = 0.8", "least-connections", theory::jsq_two_mean(0.8), 4e5),
        Row {
            name: "power of two choices, 100 servers, ρ = 0.9",
            model: behind_balancer("power-of-two", 100, 90.0, 2e5),
            figures: vec![figure("mean", theory::power_of_two_mean(0.9), Rule::Above(0.02), mean)],
        },
    ]
}

/// A client's link to a thousand servers, on which nobody waits.
fn over_a_link(rate: f64, requests: f64, link: Value) -> Value {
    let web = json!({ "type": "server-pool", "replicas": 2, "workers": 1000, "handlers": { "*": [{ "delay": "exp(1ms)" }] } });
    let mut model = system(rate, requests, json!({ "web": web }));
    model["components"]["client"]["link"] = link;
    model
}

fn links() -> Vec<Row> {
    // The time in which 95% of the calls end.
    let after = 2.995_732;
    let hedged: [Figure; 3] = [
        figure("mean", theory::hedged_mean(1.0, after), Rule::Mean, mean),
        figure("p99", theory::hedged_quantile(1.0, after, 0.99), Rule::Percentile, p99),
        figure("copies per call", 1.05, Rule::Mean, |run| {
            let link = &run.report.components["client"].links["web"];
            link.tries as f64 / link.calls as f64
        }),
    ];
    vec![
        Row {
            name: "hedged at the 95th percentile, exponential",
            model: over_a_link(1.0, 4e4, json!({ "hedge": { "after": "2995732ns" } })),
            figures: hedged.into(),
        },
        Row {
            name: "bulkhead of 10, load 8",
            model: over_a_link(8.0, 2e5, json!({ "max_in_flight": 10 })),
            figures: vec![figure("rejected", theory::erlang_b(10, 8.0), Rule::Mean, rejected)],
        },
    ]
}

fn caches_and_calls() -> Vec<Row> {
    let zipf = zipf();
    let mut once = system(
        0.1,
        2e4,
        json!({
            "cache": { "type": "cache", "ttl": "20ms", "threads": 1000, "backing": "db" },
            "db": { "type": "database", "operations": { "read": "0s" } }
        }),
    );
    once["components"]["client"]["to"] = json!("cache");
    once["keyspaces"] = json!({ "one": { "keys": 1 } });
    once["classes"] = json!({ "get": { "key": "one" } });
    let forked = json!({
        "web": { "type": "server-pool", "workers": 1_000_000,
                 "handlers": { "*": [{ "parallel": [[{ "call": "left" }], [{ "call": "right" }]] }] } },
        "left": { "type": "server-pool", "handlers": { "*": [{ "cpu": "exp(1ms)" }] } },
        "right": { "type": "server-pool", "handlers": { "*": [{ "cpu": "exp(1ms)" }] } }
    });
    let failing = json!({
        "web": { "type": "server-pool", "workers": 1000,
                 "handlers": { "*": [{ "call": "down", "retry": { "retries": 3, "when": ["failed"] } }] } },
        "down": { "type": "server-pool", "error_rate": "50%", "handlers": { "*": [{ "cpu": "10us" }] } }
    });
    vec![
        Row {
            name: "LRU under Zipf's law",
            model: cached("lru", 2e5),
            figures: vec![figure("hit ratio", theory::lru_hit_ratio(&zipf, 1000.0), Rule::Near(0.003), hits)],
        },
        Row {
            name: "FIFO under Zipf's law",
            model: cached("fifo", 2e5),
            figures: vec![figure("hit ratio", theory::fifo_hit_ratio(&zipf, 1000.0), Rule::Near(0.003), hits)],
        },
        Row {
            name: "random eviction under Zipf's law",
            model: cached("random", 2e5),
            figures: vec![figure("hit ratio", theory::fifo_hit_ratio(&zipf, 1000.0), Rule::Near(0.003), hits)],
        },
        Row {
            name: "time to live, twice the mean gap",
            model: once,
            figures: vec![figure("hit ratio", theory::ttl_hit_ratio(100.0, 0.02), Rule::Mean, hits)],
        },
        Row {
            name: "fork and join of two, ρ = 0.8",
            model: system(0.8, 6e5, forked),
            figures: vec![figure("mean", theory::fork_join_two_mean(0.8), Rule::Mean, mean)],
        },
        Row {
            name: "half of all tries fail, 3 retries",
            model: system(1.0, 5e4, failing),
            figures: vec![figure("tries per call", theory::attempts(0.5, 3), Rule::Mean, |run| {
                let link = &run.report.components["web"].links["down"];
                link.tries as f64 / link.calls as f64
            })],
        },
    ]
}
