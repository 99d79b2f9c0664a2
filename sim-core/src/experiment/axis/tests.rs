use super::*;
use crate::model::NoFiles;

const MODEL: &str = r#"{
  "format": 1,
  "run": { "duration": "10s" },
  "components": {
    "users": { "type": "client", "to": "web", "link": { "timeout": "1s" }, "arrivals": { "rate": "150/s" } },
    "web": { "type": "server-pool", "replicas": 2, "handlers": { "*": [ { "cpu": "exp(10ms)" } ] } }
  }
}"#;

fn read(axes: &[(&str, &str)], allowed: Allowed) -> Result<Axes, Vec<String>> {
    let (model, _) = Model::parse(MODEL, "shop.json", &[], &NoFiles).expect("a right model");
    let written: Vec<(String, String)> =
        axes.iter().map(|(path, values)| ((*path).to_owned(), (*values).to_owned())).collect();
    Axes::read(&written, allowed, &model, &NoFiles)
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

#[test]
fn lists_and_ranges_and_words() {
    let cases = [
        ("10,20, 40", "10|20|40"),
        ("1,2,4..6", "1|2|4|5|6"),
        ("lru,lfu", "lru|lfu"),
        ("zipf(0.9), mix(90% exp(2ms), 10% exp(5ms))", "zipf(0.9)|mix(90% exp(2ms), 10% exp(5ms))"),
        (
            r#"[{"cpu": "1ms"}, {"cpu": "2ms"}],[{"cpu": "3ms"}]"#,
            r#"[{"cpu": "1ms"}, {"cpu": "2ms"}]|[{"cpu": "3ms"}]"#,
        ),
        (r#""a,\"b",c"#, r#""a,\"b"|c"#),
        ("true,false,null", "true|false|null"),
        ("empirical(../a..b.csv)", "empirical(../a..b.csv)"),
        ("5ms..15ms:5ms,1s", "5ms|10ms|15ms|1s"),
    ];
    for (text, expected) in cases {
        let axis = Axis::parse("x", text, Allowed::Steps).expect(text);
        assert_eq!(axis.values.join("|"), expected, "{text}");
    }
    let mistakes = [
        ("", "has no values"),
        ("1,,2", "nothing between two commas"),
        ("1,2,", "nothing between two commas"),
        ("exp(2ms", "a ) is missing"),
        ("exp(2ms]", "a ] closes nothing"),
        ("\"lru", "a quote is not closed"),
        ("2..4,3", "has 3 twice"),
        ("1..600000,600001..1200000", "has 1200000 values"),
        ("1ms..2ms", "has no steps"),
    ];
    for (text, expected) in mistakes {
        let found = Axis::parse("x", text, Allowed::Steps).expect_err(text);
        assert!(found[0].contains(expected), "{text}: {found:?}");
    }
    assert_eq!(Axis::parse("x", "1,,9..2", Allowed::Steps).expect_err("two mistakes").len(), 2);
    assert_eq!(Axis::parse("x", "1ms..2ms", Allowed::Any).expect("allowed").values, ["1ms", "2ms"]);
}

#[test]
fn all_mistakes_come_at_once() {
    let found = read(
        &[
            ("web.replicas", "10..2"),
            ("web.replcas", "1..3"),
            ("wbe.replicas", "1,2"),
            ("components.web.replicas", "1,2"),
            ("web.cores", "1,many"),
            ("users.link.timeout", "1..3"),
        ],
        Allowed::Steps,
    );
    let found = found.expect_err("mistakes");
    let expected = [
        "web.replicas=10..2: 10..2 begins above its end; write 2..10",
        "web.replcas=1: there is no field replcas; did you mean replicas?",
        "wbe.replicas=1,2: there is no wbe; did you mean web?",
        "components.web.replicas=1,2: web.replicas is varied twice; give all values of it at once",
        "web.cores=many: found \"many\"",
        "users.link.timeout=1: found 1; expected a time with a unit; write \"1ms\"",
    ];
    for text in expected {
        assert!(found.iter().any(|mistake| mistake.starts_with(text)), "{text} is missing: {found:#?}");
    }
    let found = read(&[("web.replicas", "1..2000"), ("web.cores", "1..2000")], Allowed::Steps).expect_err("too many");
    assert!(found[0].starts_with("2000 × 2000 = 4000000 points; at most 1000000 can be run"), "{found:?}");
}

#[test]
fn values_that_fit_only_together_are_no_mistake() {
    // The last item of a list that another axis makes long enough.
    let axes = [("web.handlers.*", r#"[{"cpu": "1ms"}, {"cpu": "2ms"}]"#), ("web.handlers.*[1].cpu", "3ms,4ms")];
    assert_eq!(read(&axes, Allowed::Steps).expect("they fit together").count(), 2);
    assert!(read(&axes[1..], Allowed::Steps).is_err());
}

#[test]
fn the_last_axis_of_a_grid_is_the_fastest() {
    let axes = read(&[("web.replicas", "1,2"), ("web.cores", "1..3")], Allowed::Steps).expect("right axes");
    let points: Vec<String> =
        axes.grid().iter().map(|point| format!("{}{}", point.sets[0].1, point.sets[1].1)).collect();
    assert_eq!(points, ["11", "12", "13", "21", "22", "23"]);
    assert_eq!(axes.count(), 6);
}

#[test]
fn a_sample_covers_every_axis_evenly() {
    let axes = read(
        &[("web.replicas", "1..5"), ("users.arrivals.rate", "100/s..200/s"), ("web.cores", "1,2,4")],
        Allowed::Any,
    );
    let axes = axes.expect("right axes");
    for seed in 0..20 {
        let points = axes.sample(20, seed);
        assert_eq!(points, axes.sample(20, seed));
        assert_ne!(points, axes.sample(20, seed + 1));
        let column = |axis: usize| points.iter().map(move |point| point.sets[axis].1.as_str());
        for replicas in ["1", "2", "3", "4", "5"] {
            assert_eq!(column(0).filter(|value| *value == replicas).count(), 4, "whole numbers stay whole");
        }
        let mut strata: Vec<u32> = column(1)
            .map(|rate| (rate.trim_end_matches("/s").parse::<f64>().expect("a rate") - 100.0) as u32 / 5)
            .collect();
        strata.sort_unstable();
        assert_eq!(strata, (0..20).collect::<Vec<_>>(), "one in each twentieth");
        for cores in ["1", "2", "4"] {
            assert!((6..=8).contains(&column(2).filter(|value| *value == cores).count()), "20 ÷ 3 or so");
        }
    }
}

#[test]
fn settings_are_json_where_they_can_be() {
    for (text, expected) in [("4", "4"), ("0.5", "0.5"), ("5ms", "\"5ms\""), ("true", "true"), ("lru", "\"lru\"")] {
        assert_eq!(json(text).to_string(), expected);
    }
}
