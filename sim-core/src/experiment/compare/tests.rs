use super::*;
use crate::experiment::tests::drive;
use crate::model::{Model, NoFiles};

/// Three tiers; the web tier's work takes `web_ms`, its name is `name`.
fn three_tiers(web_ms: f64, name: &str) -> Model {
    let text = format!(
        r#"{{
  "format": 1,
  "run": {{ "seed": 3, "warmup": "1s", "duration": "10s" }},
  "components": {{
    "users": {{ "type": "client", "to": "{name}", "arrivals": {{ "rate": "400/s" }} }},
    "{name}": {{ "type": "server-pool", "replicas": 4, "cores": 2,
               "handlers": {{ "*": [ {{ "cpu": "exp({web_ms}ms)" }}, {{ "call": "pool" }} ] }} }},
    "pool": {{ "type": "connection-pool", "size": 10, "scope": "shared", "to": "db" }},
    "db": {{ "type": "database", "slots": 8, "operations": {{ "read": "exp(8ms)" }} }}
  }},
  "objectives": [ "p99 < 80ms" ]
}}"#
    );
    Model::parse(&text, "shop.json", &[], &NoFiles).expect("a legal model").0
}

fn compare(models: Vec<Model>, options: Options) -> Compared {
    let main = Figure::parse("p99").expect("a figure");
    let names = (0..models.len()).map(|number| format!("m{number}")).collect();
    let subjects = Subjects::new(models, &NoFiles, None, std::slice::from_ref(&main));
    let mut compare = Compare::new(&subjects, names, main, options);
    drive(&mut compare, &subjects);
    compare.finish(&subjects)
}

fn find<'c>(compared: &'c Compared, figure: &str) -> &'c Difference {
    compared.differences.iter().find(|difference| difference.figure.name == figure).expect(figure)
}

#[test]
fn identical_is_identical_whatever_the_number_of_runs() {
    for replications in [None, Some(1), Some(3)] {
        let options = Options { replications, ..Options::default() };
        let compared = compare(vec![three_tiers(10.0, "web"), three_tiers(10.0, "web")], options);
        assert!(compared.envelope.complete);
        assert!(!compared.differences.is_empty());
        for difference in &compared.differences {
            assert_eq!(difference.verdict, Verdict::Identical, "{}", difference.sentence);
            assert_eq!((difference.diff, difference.low, difference.high), (Some(0.0), Some(0.0), Some(0.0)));
        }
        assert_eq!(compared.envelope.runs, 2 * u64::from(replications.unwrap_or(1)), "one pair is proof enough");
    }
}

/// Two percent more work is found with a tenth of the runs that seeds of their own would need.
#[test]
fn a_difference_of_two_percent_is_found_with_few_runs() {
    let options = Options { replications: Some(8), ..Options::default() };
    let compared = compare(vec![three_tiers(10.0, "web"), three_tiers(10.2, "web")], options);
    let p99 = find(&compared, "p99");
    assert_eq!((p99.verdict, p99.better), (Verdict::Higher, Some(false)), "{}", p99.sentence);
    assert!(p99.variance_reduction.is_some_and(|times| times > 10.0), "{p99:?}");
    assert_eq!(find(&compared, "throughput").pairs, 8);
}

#[test]
fn a_budget_bounds_all_runs_and_more_is_asked_for() {
    let options = Options { budget: Some(12), margin: 0.000_1, ..Options::default() };
    let compared =
        compare(vec![three_tiers(10.0, "web"), three_tiers(10.0, "app"), three_tiers(10.0, "front")], options);
    assert_eq!(compared.envelope.runs, 12);
    let p99 = find(&compared, "p99");
    assert_eq!(p99.verdict, Verdict::CantTell, "{}", p99.sentence);
    assert!(p99.runs_needed.is_some_and(|more| more > 100), "{p99:?}");
    assert_eq!(compared.variants[1].replications, 4);
    assert_eq!(compared.base.objectives.len(), 1);
    // What only one of the two has can't be compared.
    let only = find(&compared, "utilization(web)");
    assert_eq!((only.b, only.diff, only.verdict), (None, None, Verdict::CantTell), "{}", only.sentence);
}

#[test]
fn the_number_of_runs_follows_from_the_pilot() {
    let options = Options { margin: 0.2, ..Options::default() };
    let compared = compare(vec![three_tiers(10.0, "web"), three_tiers(10.0, "app")], options);
    let p99 = find(&compared, "p99");
    assert!(p99.pairs >= PILOT, "{p99:?}");
    assert_ne!(p99.verdict, Verdict::CantTell, "{}", p99.sentence);
    let half_width = (p99.high.expect("known") - p99.low.expect("known")) / 2.0;
    assert!(half_width <= p99.margin.expect("known") / 2.0, "{p99:?}");
}

#[test]
fn an_interruption_leaves_what_there_is() {
    let models = vec![three_tiers(10.0, "web"), three_tiers(11.0, "web")];
    let main = Figure::parse("p99").expect("a figure");
    let subjects = Subjects::new(models, &NoFiles, None, std::slice::from_ref(&main));
    let mut compare = Compare::new(&subjects, vec!["a".into(), "b".into()], main, Options::default());
    let jobs = compare.next_batch();
    assert_eq!(jobs.len(), 2);
    let first = subjects.prepare(&compare.points()[0]).expect("right").run(jobs[0]);
    compare.absorb(vec![first]);
    assert_eq!(compare.next_batch(), []);
    let compared = compare.finish(&subjects);
    assert!(!compared.envelope.complete);
    assert_eq!(compared.differences[0].diff, None);
}

#[test]
fn margins_of_shares_are_of_what_is_smaller() {
    let cases = [
        ("p99", 0.25, 0.005),
        ("queue(web)", 10.0, 0.2),
        ("utilization(web)", 0.5, 0.01),
        ("availability", 0.99, 0.000_2),
        ("error_rate", 0.000_001, 0.000_1),
        ("within(1s)", 1.0, 0.000_1),
    ];
    for (figure, base, margin) in cases {
        let found = margin_of(&Figure::parse(figure).expect(figure), base, 0.02);
        assert!((found - margin).abs() < 1e-12, "{figure}: {found}");
    }
}
