use super::*;
use crate::model::NoFiles;

const SHOP: &str = r#"{
  "format": 1,
  "run": { "duration": "10s" },
  "components": {
    "shoppers": { "type": "client", "to": "web", "arrivals": { "rate": "2400/s" }, "link": { "rtt": "20ms", "timeout": "1m30s" } },
    "web": { "type": "server-pool", "replicas": 4, "cores": 1.5, "handlers": { "*": [ { "cpu": "5ms" }, { "call": "db" } ] } },
    "db": { "type": "database", "operations": { "read": "exp(1ms)" } }
  }
}"#;

fn shop(arrivals: &str) -> Model {
    let sets = [("shoppers.arrivals".to_owned(), arrivals.to_owned())];
    let sets = if arrivals.is_empty() { &[][..] } else { &sets[..] };
    Model::parse(SHOP, "shop.json", sets, &NoFiles).expect("a legal model").0
}

#[test]
fn numbers_are_turned_in_their_unit() {
    // Path, where it starts, what a value a little above is as a model writes it, and in base units.
    let cases = [
        (None, "shoppers.arrivals.rate", 2400.0, "2412.35/s", 2412.35),
        (Some("web.replicas"), "web.replicas", 4.0, "16", 16.0),
        (Some("web.cores"), "web.cores", 1.5, "13.85", 13.85),
        (Some("web.handlers.*[0].cpu"), "web.handlers.*[0].cpu", 5.0, "17.35ms", 0.017_35),
        (Some("shoppers.link.rtt"), "shoppers.link.rtt", 20.0, "32.35ms", 0.032_35),
    ];
    for (vary, path, start, text, base) in cases {
        let dial = Dial::new(&shop(""), &NoFiles, vary, None, None).unwrap_or_else(|wrong| panic!("{path}: {wrong}"));
        assert_eq!((dial.path.as_str(), dial.start(), dial.present), (path, start, Some(start)));
        let value = dial.snap(start + 12.345_678);
        let shown = dial.text(if dial.is_whole() { value } else { dial.snap((value * 100.0).round() / 100.0) });
        assert_eq!(shown, text, "{path}");
        assert!((dial.base(value) - base).abs() < 0.01 * base, "{path}: {}", dial.base(value));
        assert!(dial.low < start && dial.high > start, "{path}: {} to {}", dial.low, dial.high);
        assert_eq!(dial.point(value).sets, [(path.to_owned(), dial.text(value))]);
        assert_eq!(dial.is_load, path.starts_with("shoppers.arrivals"));
    }
}

#[test]
fn all_loads_are_turned_together() {
    let cases = [
        (r#"{"users": 40, "think": "1s"}"#, None, "shoppers.arrivals.users", vec![("shoppers.arrivals.users", "80")]),
        (
            r#"{"stages": [{"rate": "10/s", "for": "1s"}, {"ramp_to": "25/s", "for": "2s"}]}"#,
            None,
            "load",
            vec![("shoppers.arrivals.stages[0].rate", "20/s"), ("shoppers.arrivals.stages[1].ramp_to", "50/s")],
        ),
        (r#""300/s""#, Some("load"), "load", vec![("shoppers.arrivals.rate", "600/s")]),
        (r#""300/s""#, None, "shoppers.arrivals.rate", vec![("shoppers.arrivals.rate", "600/s")]),
    ];
    for (arrivals, vary, path, sets) in cases {
        let model = shop(arrivals);
        let dial = Dial::new(&model, &NoFiles, vary, None, None).unwrap_or_else(|wrong| panic!("{arrivals}: {wrong}"));
        assert_eq!(dial.path, path, "{arrivals}");
        assert!(dial.is_load);
        let expected: Vec<(String, String)> =
            sets.iter().map(|(path, value)| ((*path).into(), (*value).into())).collect();
        assert_eq!(dial.sets(2.0 * dial.start()), expected, "{arrivals}");
        model.with(&expected, &NoFiles).unwrap_or_else(|wrong| panic!("{arrivals}: {wrong}"));
    }
}

#[test]
fn mistakes_are_told() {
    let cases = [
        (Some("web.replcas"), None, None, "did you mean replicas?"),
        (Some("wbe.replicas"), None, None, "did you mean web"),
        (Some("db.operations.read"), None, None, "is \"exp(1ms)\", which is no number"),
        (Some("web.handlers"), None, None, "which is no number"),
        (Some("web.queue"), None, None, "--from and --to"),
        (Some("web.replicas"), Some("9"), Some("3"), "9 is not below 3"),
        (Some("web.replicas"), Some("4"), Some("4"), "4 is not below 4"),
        (Some("web.replicas"), Some("-1"), None, "-1 is not above 0"),
        (Some("web.replicas"), Some("many"), None, "found \"many\" where a number belongs"),
        (Some("web.replicas"), Some("1.5"), None, "1.5 is no whole number"),
        (None, Some("100"), None, "100 has no unit; write 100/s"),
        (None, Some("100ms"), None, "are not of one unit"),
    ];
    for (vary, from, to, expected) in cases {
        let wrong = Dial::new(&shop(""), &NoFiles, vary, from, to).expect_err(expected).to_string();
        assert!(wrong.contains(expected), "{vary:?} {from:?} {to:?}: {wrong}");
    }
    let bounded = Dial::new(&shop(""), &NoFiles, None, Some("1k/s"), Some("5k/s")).expect("right");
    assert_eq!((bounded.low, bounded.high, bounded.start(), bounded.is_bounded), (1000.0, 5000.0, 2400.0, true));
    let without = Dial::new(&shop(""), &NoFiles, Some("web.queue"), Some("10"), Some("1000")).expect("right");
    assert_eq!((without.start(), without.present), (100.0, None));
}
