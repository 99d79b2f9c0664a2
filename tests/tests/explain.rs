//! `explain` over the gallery: it names what limits each model, and its first advice, when followed, helps under seeds
//! that it has not seen.

use std::fs;

use sim_core::Model;
use sim_core::analysis::interval::Summary;
use sim_core::analysis::{objective, replications};
use sim_core::experiment::explain::{Explain, Explained};
use sim_core::experiment::{Experiment, Figure, Point, Subjects};
use tests::{Beside, models};

fn read(name: &str, duration: &str, warmup: &str) -> Model {
    let text = fs::read_to_string(models().join(name)).expect("a model is a text");
    let sets = [("run.duration", duration), ("run.warmup", warmup)];
    let sets = sets.map(|(path, value)| (path.to_owned(), value.to_owned()));
    let parsed = Model::parse(&text, name, &sets, &Beside(models()));
    parsed.unwrap_or_else(|mistakes| panic!("{name}:\n{mistakes}")).0
}

fn subjects<'f>(model: Model, files: &'f Beside, seed: Option<u64>) -> Subjects<'f> {
    Subjects::new(vec![model], files, seed, &[])
}

fn explain(subjects: &Subjects) -> Explained {
    let base = subjects.prepare(&Point::default()).expect("a right model");
    let reports: Vec<_> = (0..4).map(|replication| base.report(replication)).collect();
    let report = replications::merge(&reports, |report| objective::judge(&subjects.base().objectives, report));
    let mut explain = Explain::new(subjects, Figure::parse("p99").expect("a figure"));
    loop {
        let jobs = explain.next_batch();
        if jobs.is_empty() {
            return explain.finish(subjects, &report);
        }
        let run = |job: &sim_core::experiment::Job| {
            subjects.prepare(&explain.points()[job.point as usize]).expect("a right model").run(*job)
        };
        let records = jobs.iter().map(run).collect();
        explain.absorb(records);
    }
}

/// The differences that settings make to a figure, pair by pair, under seeds of their own.
fn followed(subjects: &Subjects, explained: &Explained) -> Summary {
    let figure = Figure::parse(&explained.figure).expect("a figure");
    let figure = subjects.figures().index_of(&figure).expect("it is kept");
    let settings = &explained.advice[0].settings;
    let sets = settings.iter().map(|(path, value)| (path.clone(), value.to_string())).collect();
    let values = |point: &Point| -> Vec<f64> {
        let prepared = subjects.prepare(point).expect("a right model");
        let run = |replication| prepared.run(sim_core::experiment::Job { point: 0, replication });
        (0..8).map(|replication| run(replication).values[figure].expect("it is known")).collect()
    };
    let (without, with) = (values(&Point::default()), values(&Point { subject: 0, sets }));
    Summary::of_differences(&without, &with).expect("eight pairs")
}

/// What limits each model of the gallery, by hand. Those without a bottleneck spend their slowest requests' time in
/// service: on database misses (`web-shop`, `cache-sizes`, `two-level-cache`), in slow shards (`fan-out`), or have hardly
/// any load (`access-log`).
const GALLERY: [(&str, &str, &str, Option<&str>); 13] = [
    ("access-log.json", "1m", "0s", None),
    // Sixfold load, and replicas that come a minute late: their cores are full then, and only then.
    ("autoscaler-spike.json", "3m", "30s", Some("web.cores")),
    // Sixteen workers that wait for a partner, at idle cores.
    ("blocking-async.yaml", "30s", "5s", Some("api.workers")),
    ("cache-sizes.yaml", "10s", "5s", None),
    ("fan-out.json", "10s", "2s", None),
    // One customer's shard.
    ("hot-shard.json", "30s", "5s", Some("db.slots")),
    // Turns dealt out to single cores, 80% busy.
    ("one-or-eight.json", "30s", "5s", Some("web.cores")),
    // M/M/1 at a half: two thirds of the slow requests' time is waiting for the core.
    ("one-queue.json", "2m", "10s", Some("server.cores")),
    // Five connections held for 48 ms each, under 100 requests a second.
    ("pool-size.json", "30s", "5s", Some("pool")),
    // Work that nobody waits for any more, on two cores.
    ("retry-storm.json", "1m", "10s", Some("service.cores")),
    // A fifth of the requests at a core of a fifth of the speed.
    ("slow-replica.json", "20s", "5s", Some("web.cores")),
    ("two-level-cache.json", "10s", "5s", None),
    ("web-shop.json", "3s", "2s", None),
];

#[test]
fn the_bottleneck_is_named_and_the_advice_helps() {
    let files = Beside(models());
    for (name, duration, warmup, expected) in GALLERY {
        let explained = explain(&subjects(read(name, duration, warmup), &files, None));
        let address = explained.bottleneck.address.as_deref();
        assert_eq!(address, expected, "{name}: {}", explained.bottleneck.sentence);
        assert!(explained.envelope.complete && !explained.breakdown.p99.is_empty(), "{name}");
        if expected.is_none() {
            let worth = explained.advice.first().and_then(|step| Some(-step.diff? / step.a?));
            assert!(worth.is_none_or(|worth| worth < 0.1), "{name} has a bottleneck: {}", explained.statement);
            continue;
        }
        assert!(!explained.advice.is_empty(), "{name}: {}", explained.statement);
        let by = followed(&subjects(read(name, duration, warmup), &files, Some(20_261)), &explained);
        let (_, high) = by.interval(0.95).expect("eight pairs");
        assert!(high < 0.0, "{name}: {}, but then {by:?}", explained.statement);
    }
}
