//! What each model of the gallery is there to show, taken away: then its expectations no longer hold.

use std::collections::{BTreeMap, BTreeSet};

use sim_core::Model;
use sim_core::analysis::objective;
use sim_core::model::expectation::Expectation;

use super::*;

/// A model, the settings that take away what it shows, and the expectation that no longer holds then.
type Mutation = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const MUTATIONS: &[Mutation] = &[
    ("access-log.json", &[("cache.capacity", "1")], "hit_ratio(cache) > 70%"),
    ("autoscaler-spike.json", &[("web.startup", "5s")], "error_rate > 10%"),
    ("back-pressure.yaml", &[("uploads.capacity", "500")], "age(uploads) > 10s"),
    ("blocking-async.yaml", &[("api.async", "true")], "error_rate > 30%"),
    ("breaker.json", &[("shop.handlers.*[1].breaker", "null")], "error_rate < 1%"),
    ("cache-sizes.yaml", &[("keyspaces.articles.popularity", "uniform")], "hit_ratio(cache) > 50%"),
    ("cache-strategies.yaml", &[("faults", "[]")], "lost_writes(redis)@write-behind > 0"),
    ("cdn-purge.yaml", &[("events[0].at", "50s")], "error_rate > 1%"),
    ("dying-server.yaml", &[("faults", "[]")], "error_rate > 7%"),
    ("eviction.yaml", &[("redis.eviction", "sieve")], "hit_ratio(redis)@sieve > 1.03 * hit_ratio(redis)"),
    ("fan-out.json", &[("shard.handlers.*[0].delay", "exp(4ms)")], "p95(ten) > 150ms"),
    ("gc-pauses.yaml", &[("web.pause.for", "0s")], "p99 > 4 * p99@no-pauses"),
    ("hedging.json", &[("users.link.hedge.after", "10s")], "p99 < 50ms"),
    ("hot-shard.json", &[("customers.population.popularity", "uniform")], "utilization(db/shard[0]) > 88%"),
    ("hpa-tuning.yaml", &[("scaler.max", "2")], "error_rate@thrashing > 2 * error_rate"),
    ("knee.yaml", &[("api.cores", "16")], "p99@at-97 > 1.5 * p99@at-90"),
    ("many-pools.yaml", &[("db.connections", "1000")], "error_rate > 0.3%"),
    ("metastable.json", &[("events", "[]")], "error_rate > 35%"),
    ("n-plus-one.yaml", &[("web.handlers.*[1].do[1].times", "1")], "utilization(pool) > 70%"),
    ("one-or-eight.json", &[("edge.policy", "least-connections")], "p99@eight-least < 0.7 * p99"),
    ("one-queue.json", &[("server.handlers.*[0].cpu", "10ms")], "mean > 18ms"),
    ("overload.yaml", &[("api.queue", "20")], "goodput < 220/s"),
    ("pool-size.json", &[("pool.size", "100")], "wait(pool) > 30ms"),
    ("rate-limits.json", &[("users.population.popularity", "uniform")], "error_rate > 5%"),
    ("replication-lag.yaml", &[("db.lag", "0s")], "stale_reads(db) > 10000"),
    ("retry-storm.json", &[("users.link.retry.retries", "0")], "error_rate > 60%"),
    ("rolling-deploy.yaml", &[("web.startup", "0s")], "p99@missing > 600ms"),
    ("slow-replica.json", &[("web.overrides.2.speed", "1")], "error_rate > 5%"),
    ("stampede.yaml", &[("redis.coalesce", "true")], "throughput(db) > 10 * throughput(db)@lock"),
    ("two-level-cache.json", &[("local.capacity", "0")], "hit_ratio(local) > 35%"),
    ("whole-shop.yaml", &[("front.health", "null"), ("front.to[0].retry", "null")], "error_rate(checkout) < 1%"),
    ("write-behind-crash.yaml", &[("faults", "[]")], "lost_writes(redis) > 5 * lost_writes(redis)@every-second"),
    ("zone-outage.yaml", &[("faults", "[]")], "error_rate@without-retries > 8%"),
];

/// A model of the gallery with some of its settings changed; what is doubtful then is told of no one.
fn changed(name: &str, sets: &[(&str, &str)]) -> Model {
    let path = models().join(name);
    let sets: Vec<_> = sets.iter().map(|(path, value)| (path.to_string(), value.to_string())).collect();
    match Model::parse(&text_of(&path), name, &sets, &beside(&path)) {
        Ok((model, _)) => model,
        Err(mistakes) => panic!("{name} {sets:?}:\n{mistakes}"),
    }
}

fn expectation<'m>(model: &'m Model, name: &str, text: &str) -> &'m Expectation {
    let named = model.expect.iter().find(|expectation| expectation.text == text);
    named.unwrap_or_else(|| panic!("{name} expects no {text}"))
}

/// Whether an expectation of a model holds over the means of some runs.
fn holds(model: &Model, files: &Beside, expectation: &Expectation) -> bool {
    let mut variants = BTreeSet::new();
    for side in [&expectation.left, &expectation.right] {
        side.each_figure(&mut |_, variant| {
            variants.insert(variant.map(str::to_owned));
        });
    }
    let reports: BTreeMap<_, _> = variants
        .into_iter()
        .map(|variant| {
            let report = match &variant {
                Some(name) => {
                    let changed = model.variant(name).unwrap_or_else(|mistakes| panic!("{name}:\n{mistakes}"));
                    runs(&changed, files, 0..SEEDS)
                }
                None => runs(model, files, 0..SEEDS),
            };
            (variant, report)
        })
        .collect();
    let figure =
        |measure: &_, variant: Option<&str>| objective::evaluate(reports.get(&variant.map(str::to_owned))?, measure);
    expectation.holds(&figure) == Some(true)
}

#[test]
fn every_model_has_a_mutation() {
    for path in gallery() {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let Some((_, sets, text)) = MUTATIONS.iter().find(|(model, ..)| *model == name) else {
            // The example of the README shows nothing but itself.
            assert_eq!(name, "web-shop.json", "{name} has no mutation that takes away what it shows");
            continue;
        };
        expectation(&changed(&name, sets), &name, text);
    }
}

#[test]
#[ignore = "runs the gallery twice"]
fn a_mutation_takes_away_what_a_model_shows() {
    for (name, sets, text) in MUTATIONS {
        let path = models().join(name);
        let (whole, without) = (changed(name, &[]), changed(name, sets));
        assert!(holds(&whole, &beside(&path), expectation(&whole, name, text)), "{name}: {text} does not hold");
        let still = holds(&without, &beside(&path), expectation(&without, name, text));
        assert!(!still, "{name} with {sets:?}: {text} still holds");
    }
}
