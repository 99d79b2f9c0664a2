use super::*;
use crate::analysis::theory::MmC;
use crate::experiment::tests::drive;
use crate::experiment::{Figure, Subjects};
use crate::model::{Model, NoFiles};

/// A queue of `servers` that each do 100 calls a second; so long that it serves 16,000 at most.
fn queue(servers: u32, objectives: &str, more: &str) -> Model {
    let text = format!(
        r#"{{
  "format": 1,
  "run": {{ "seed": 5, "warmup": "10s", "duration": "{}s" }},
  "components": {{
    "users": {{ "type": "client", "to": "server", "arrivals": {{ "rate": "30/s" }} }},
    "server": {{ "type": "server-pool", "cores": {servers}, "scheduling": "fifo" {more},
                 "handlers": {{ "*": [ {{ "cpu": "exp(10ms)" }} ] }} }}
  }},
  "objectives": [ {objectives} ]
}}"#,
        160 / servers
    );
    Model::parse(&text, "queue.json", &[], &NoFiles).expect("a legal model").0
}

fn limit(model: Model, vary: Option<&str>, from: Option<&str>, to: Option<&str>, precision: f64) -> Limited {
    let dial = Dial::new(&model, &NoFiles, vary, from, to).expect("a right dial");
    let asked: Vec<Figure> = added(&model).into_iter().map(|(objective, _)| objective.measure.into()).collect();
    let subjects = Subjects::new(vec![model], &NoFiles, None, &asked);
    let mut limit = Limit::new(&subjects, dial, Options { precision, budget: None });
    drive(&mut limit, &subjects);
    limit.finish(&subjects)
}

/// The load, per second, at which a figure of M/M/c reaches its bound.
fn exact(servers: u32, holds: impl Fn(&MmC) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, f64::from(servers));
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if holds(&MmC::new(servers, middle)) { low = middle } else { high = middle }
    }
    100.0 * low
}

#[test]
fn the_capacity_of_queues_is_found() {
    let cases = [
        (1, "\"p99 < 100ms\"", exact(1, |queue| queue.quantile(0.99) < 10.0)),
        (4, "\"mean < 20ms\"", exact(4, |queue| queue.mean() < 2.0)),
        (2, "", 200.0),
    ];
    for (servers, objectives, exact) in cases {
        let limited = limit(queue(servers, objectives, ""), None, None, None, 0.03);
        assert_eq!((limited.outcome, limited.envelope.complete), (Outcome::Found, true), "{}", limited.sentence);
        let value = limited.limit.value.expect("it is found");
        assert!((value / exact - 1.0).abs() < 0.04, "{servers} {objectives}: {value} is not {exact}");
        assert!(limited.limit.low <= limited.limit.value && limited.limit.value <= limited.limit.high);
        assert!((12..=20).contains(&limited.curve.len()), "{}", limited.curve.len());
        assert!(
            limited.curve.first().is_some_and(|point| point.met) && limited.curve.last().is_some_and(|last| !last.met)
        );
        assert!(limited.curve.windows(2).all(|pair| pair[0].value < pair[1].value));
        assert_eq!(limited.bottleneck.and_then(|bottleneck| bottleneck.address).as_deref(), Some("server.cores"));
        assert!(limited.knee.is_some_and(|knee| knee.share > 0.3 && knee.share < 0.95), "{:?}", limited.knee);
        let first = objectives.trim_matches('"');
        let first = if first.is_empty() { "backlog < 0.6%" } else { first };
        assert_eq!(limited.breaks_first.as_deref(), Some(first));
    }
}

#[test]
fn fewest_and_most_and_whole_numbers() {
    let users = |model: Model| {
        model
            .with(&[("users.arrivals".into(), r#"{"users": 5, "think": "exp(100ms)"}"#.into())], &NoFiles)
            .expect("legal")
            .0
    };
    let cases = [
        // A load of 1.4 servers: two hold, one does not.
        (
            "server.cores",
            queue(1, "\"utilization(server) < 75%\"", "")
                .with(&[("users.arrivals.rate".into(), "140/s".into())], &NoFiles)
                .expect("legal")
                .0,
            1.7,
            2.0,
            "Holds from",
        ),
        // One server is under 80% with 140/s × 5.7 ms.
        (
            "server.handlers.*[0].cpu",
            queue(1, "\"utilization(server) < 80%\"", "")
                .with(&[("server.handlers.*[0].cpu".into(), "5ms".into())], &NoFiles)
                .expect("legal")
                .0,
            0.026,
            0.0273,
            "Holds up to",
        ),
        ("users.arrivals.users", users(queue(1, "\"utilization(server) < 60%\"", "")), 6.0, 7.0, "Holds up to"),
    ];
    for (path, model, low, high, words) in cases {
        let limited = limit(model, Some(path), None, None, 0.02);
        let value = limited.limit.value.unwrap_or(f64::NAN);
        assert!((low..=high).contains(&value), "{path}: {}", limited.sentence);
        assert!(limited.sentence.starts_with(words), "{path}: {}", limited.sentence);
    }
}

#[test]
fn what_never_or_always_holds_is_told() {
    let cases = [
        ("\"p99 < 5ms\"", None, Outcome::NeverHolds, "There is no limit: p99 < 5ms is not met even at "),
        ("\"p99 < 1s\"", Some("60/s"), Outcome::AlwaysHolds, "Everything holds up to 60/s"),
    ];
    for (objectives, to, outcome, words) in cases {
        let limited = limit(queue(1, objectives, ""), None, None, to, 0.05);
        assert_eq!((limited.outcome, limited.limit.value), (outcome, None), "{}", limited.sentence);
        assert!(limited.sentence.starts_with(words), "{}", limited.sentence);
        assert!(!limited.curve.is_empty());
    }
    let limited = limit(queue(1, "\"p99 < 1s\"", ""), Some("server.queue"), Some("1000"), Some("4000"), 0.05);
    assert_eq!(limited.outcome, Outcome::NoEffect, "{}", limited.sentence);
}

#[test]
fn an_interruption_leaves_the_curve_so_far() {
    let model = queue(1, "\"p99 < 100ms\"", "");
    let dial = Dial::new(&model, &NoFiles, None, None, None).expect("a right dial");
    let asked: Vec<Figure> = added(&model).into_iter().map(|(objective, _)| objective.measure.into()).collect();
    let subjects = Subjects::new(vec![model], &NoFiles, None, &asked);
    let mut limit = Limit::new(&subjects, dial, Options::default());
    let jobs = limit.next_batch();
    let prepared = subjects.prepare(&limit.points()[0]).expect("right");
    limit.absorb(jobs[1..].iter().map(|job| prepared.run(*job)).collect());
    assert_eq!(limit.next_batch(), []);
    let limited = limit.finish(&subjects);
    assert_eq!((limited.outcome, limited.envelope.complete, limited.curve.len()), (Outcome::Interrupted, false, 1));
}
