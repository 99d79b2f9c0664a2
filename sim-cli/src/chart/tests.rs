//! What must hold of every picture of anything: it is well-formed, nothing is cut off, no text lies on another.

use resvg::usvg::roxmltree;
use serde_json::{Map, Value, json};
use sim_core::analysis::report::{BreakdownPart, ComponentReport, Report};
use sim_core::experiment::Answer;

use super::paper::TextBox;
use super::{Picture, Shown, Theme, kinds};
use crate::engine;
use crate::files::Source;
use crate::render::fixture;

/// A fraction of a pixel that rounding may take.
const SLACK: f64 = 0.6;

/// What is wrong with a picture, if anything.
pub fn mistakes(picture: &Picture) -> Vec<String> {
    let drawing = &picture.drawing;
    let mut found = Vec::new();
    for text in &drawing.texts {
        let [left, top, right, bottom] = text.edges;
        if left < -SLACK || top < -SLACK || right > drawing.width + SLACK || bottom > drawing.height + SLACK {
            found.push(format!("\"{}\" is cut off: {:?}", text.text, text.edges));
        }
    }
    let overlap = |a: &TextBox, b: &TextBox| {
        a.edges[0] + SLACK < b.edges[2]
            && b.edges[0] + SLACK < a.edges[2]
            && a.edges[1] + SLACK < b.edges[3]
            && b.edges[1] + SLACK < a.edges[3]
    };
    for (number, a) in drawing.texts.iter().enumerate() {
        for b in drawing.texts[number + 1..].iter().filter(|b| overlap(a, b)) {
            found.push(format!("\"{}\" {:?} lies on \"{}\" {:?}", a.text, a.edges, b.text, b.edges));
        }
    }
    for svg in [picture.svg(), picture.inline()] {
        if let Err(why) = roxmltree::Document::parse(&svg) {
            found.push(format!("no XML: {why}"));
        }
    }
    if drawing.body.contains("NaN") {
        found.push("a place is no number".to_owned());
    }
    found
}

/// Holds all pictures of something to it, in both themes.
pub fn hold(name: &str, shown: &Shown) {
    for theme in [Theme::Light, Theme::Dark] {
        for kind in kinds(shown.command()) {
            let picture = match shown.draw(kind, theme) {
                Ok(picture) => picture,
                Err(why) if *kind == "heat-map" && why.contains("two axes") => continue,
                Err(why) => panic!("{name} {kind}: {why}"),
            };
            if let Ok(folder) = std::env::var("KNEEPOINT_KEEP_PICTURES") {
                let file = format!("{folder}/{}-{kind}-{theme:?}.png", name.replace(' ', "_"));
                std::fs::write(file, picture.png()).expect("the folder is writable");
            }
            let mistakes = mistakes(&picture);
            assert!(mistakes.is_empty(), "{name} {kind}: {mistakes:#?}");
            assert!(!picture.title.is_empty() && picture.description.len() > 40, "{name} {kind}");
            assert_eq!(shown.draw(kind, theme).expect("as before"), picture, "the same again");
        }
    }
}

fn changed(change: impl Fn(&mut Report)) -> Report {
    let mut report = fixture::web_shop();
    change(&mut report);
    report
}

/// Another scale of everything that is a time.
fn scaled(factor: f64) -> Report {
    changed(|report| {
        let latency = &mut report.latency;
        for time in [
            &mut latency.p50_s,
            &mut latency.p90_s,
            &mut latency.p99_s,
            &mut latency.p999_s,
            &mut latency.max_s,
            &mut latency.mean_s,
        ] {
            *time = time.map(|value| value * factor);
        }
        latency.histogram.iter_mut().for_each(|(upper, _)| *upper *= factor);
        for name in ["p50_s", "p99_s"] {
            let series = report.timeline.series.get_mut(name).expect("the fixture has it");
            series.iter_mut().for_each(|value| *value = value.map(|value| value * factor));
        }
        for part in report.breakdown.p50.iter_mut().chain(&mut report.breakdown.p99) {
            part.seconds *= factor;
        }
    })
}

fn nasty() -> Vec<(&'static str, Report)> {
    let long = "a-component-whose-name-has-no-end-and-goes-on-".repeat(6);
    let crowd = changed(|report| {
        for number in 0..30 {
            let name = format!("{}{number}", &long[..40 + number]);
            let of = ComponentReport { utilization: Some(0.5), ..ComponentReport::default() };
            report.components.insert(name.clone(), of);
            let series = vec![Some(0.5); report.timeline.start_s.len()];
            report.timeline.series.insert(format!("{name}.utilization"), series);
            let part = BreakdownPart {
                component: name,
                phase: "lock-wait".into(),
                abandoned: true,
                share: 0.03,
                seconds: 1e-7,
            };
            report.breakdown.p50.push(part.clone());
            report.breakdown.p99.push(part);
        }
    });
    let stuck = changed(|report| {
        report.latency.p50_s = None;
        report.latency.p99_s = None;
        report.latency.p99_at_least_s = Some(61.0);
        report.requests.unfinished = 77;
    });
    let zero = changed(|report| {
        report.timeline.series.values_mut().flatten().for_each(|value| *value = Some(0.0));
    });
    let one = changed(|report| {
        report.timeline.start_s.truncate(1);
        report.timeline.series.values_mut().for_each(|values| values.truncate(1));
        report.latency.histogram.truncate(1);
    });
    let gaps = changed(|report| {
        for values in report.timeline.series.values_mut() {
            values.iter_mut().enumerate().filter(|(at, _)| at % 2 == 1).for_each(|(_, value)| *value = None);
        }
    });
    vec![
        ("nothing at all", Report::default()),
        ("long names", changed(|report| report.name = Some(long.clone()))),
        ("markup", changed(|report| report.name = Some("<script>&\"'\u{1}漢字 ok".into()))),
        ("a crowd", crowd),
        ("stuck", stuck),
        ("zero", zero),
        ("one point", one),
        ("gaps", gaps),
        ("nanoseconds", scaled(1e-7)),
        ("hours", scaled(1e6)),
    ]
}

#[test]
fn pictures_of_runs_are_readable_whatever_the_run() {
    hold("web shop", &Shown::Run(&fixture::web_shop()));
    for (name, report) in nasty() {
        hold(name, &Shown::Run(&report));
    }
}

#[test]
fn pictures_of_the_gallery_are_readable() {
    let gallery = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let mut drawn = 0;
    for entry in std::fs::read_dir(gallery).expect("the gallery is there") {
        let path = entry.expect("it is readable").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name == "schema.json" || !(name.ends_with(".json") || name.ends_with(".yaml")) {
            continue;
        }
        let source = Source::read(path.to_str().expect("its name is text")).expect("it is readable");
        let sets = [("run.duration", "4s"), ("run.warmup", "1s")].map(|(path, value)| (path.into(), value.into()));
        let (model, _) = engine::load(&source, &sets).expect("the gallery's models are right");
        let plan = engine::compile(&model, &source).expect("they can be run");
        let mut report = sim_core::simulate(&plan, 1);
        report.objectives = sim_core::analysis::objective::judge(&model.objectives, &report);
        hold(&name, &Shown::Run(&report));
        drawn += 1;
    }
    assert!(drawn >= 10, "{drawn} models");
}

/// An answer from its JSON, with what all answers have and pictures don't show.
fn kept(answer: &Value) -> Answer {
    let mut whole = json!({"format": 1, "engine": "0", "name": "", "seed": 1, "model_digest": "0", "digest": "0", "runs": 1,
        "complete": true, "confidence": 0.95, "objectives": []});
    for (key, value) in answer.as_object().expect("an answer is an object") {
        whole[key] = value.clone();
    }
    Answer::read(whole.to_string().as_bytes()).unwrap_or_else(|why| panic!("{whole} {why}"))
}

/// A sweep over axes, three times each.
fn swept(axes: &[(&str, Vec<Value>)], value: impl Fn(usize) -> Option<f64>) -> Value {
    let mut settings: Vec<Map<String, Value>> = vec![Map::new()];
    for (path, values) in axes {
        let with = |point: &Map<String, Value>| {
            let of = |value: &Value| {
                let mut point = point.clone();
                point.insert((*path).to_owned(), value.clone());
                point
            };
            values.iter().map(of).collect::<Vec<_>>()
        };
        settings = settings.iter().flat_map(with).collect();
    }
    let points = settings.into_iter().enumerate().map(|(number, settings)| {
        let value = value(number);
        let met = value.is_some_and(|value| value < 0.25);
        let estimate = json!({"value": value, "low": value.map(|value| value * 0.9), "high": value.map(|value| value * 1.2)});
        let objectives = json!([{"objective": "p99 < 250ms", "value": value, "met": met}]);
        json!({"settings": settings, "replications": 3, "figures": {"throughput": {"value": 3.0}, "p99": estimate}, "objectives": objectives})
    });
    let axes: Vec<Value> = axes.iter().map(|(path, values)| json!({"path": path, "values": values})).collect();
    json!({"kind": "sweep", "name": "Web shop", "seed": 42, "digest": "0123456789abcdef", "runs": 30, "confidence": 0.95,
        "axes": axes, "points": points.collect::<Vec<_>>()})
}

fn numbers(count: usize) -> Vec<Value> {
    (1..=count).map(|number| json!(number * 2)).collect()
}

fn sweeps() -> Vec<(&'static str, Value)> {
    let names = |count: usize| {
        (0..count).map(|number| json!(format!("a-policy-with-a-long-name-{number}"))).collect::<Vec<_>>()
    };
    let rates = ["100/s", "1k/s", "10k/s", "100k/s"].map(Value::from).to_vec();
    let falling = |number: usize| Some(0.4 / (number + 1) as f64);
    vec![
        ("one axis", swept(&[("web.replicas", numbers(9))], falling)),
        ("one point", swept(&[("web.replicas", numbers(1))], falling)),
        ("words", swept(&[("redis.eviction", names(7))], falling)),
        (
            "rates",
            swept(&[("shoppers.arrivals.rate", rates)], |number| {
                Some(1e-6 * sim_core::math::powi(100.0, number as u32))
            }),
        ),
        ("two axes", swept(&[("web.replicas", numbers(6)), ("orders-pool.size", numbers(5))], falling)),
        ("two long axes", swept(&[("web.replicas", numbers(40)), ("redis.eviction", names(30))], falling)),
        (
            "three axes",
            swept(&[("web.replicas", numbers(3)), ("a.b", numbers(3)), ("a.very.long.path", names(4))], falling),
        ),
        ("all equal", swept(&[("web.replicas", numbers(4)), ("a.b", numbers(4))], |_| Some(0.1))),
        ("all zero", swept(&[("web.replicas", numbers(4)), ("a.b", numbers(4))], |_| Some(0.0))),
        ("unknown", swept(&[("web.replicas", numbers(4)), ("a.b", numbers(4))], |number| (number == 3).then_some(0.1))),
        ("nothing known", swept(&[("web.replicas", numbers(4)), ("a.b", numbers(4))], |_| None)),
    ]
}

#[test]
fn pictures_of_sweeps_are_readable_whatever_the_axes() {
    for (name, answer) in sweeps() {
        hold(name, &Shown::from(&kept(&answer)));
    }
}

#[test]
fn pictures_of_differences_are_readable() {
    let difference = |variant: &str, figure: &str, change: f64| {
        let verdict = if change == 0.0 { "identical" } else { "lower" };
        json!({"variant": variant, "figure": figure, "a": 0.1, "b": 0.1 + change, "diff": change, "low": change * 1.3 - 0.001,
            "high": change * 0.7, "verdict": verdict, "pairs": 9, "sentence": format!("{figure} is 12% to 15% lower than in the base, whatever it is called")})
    };
    let figures = ["p50", "p90", "p99", "p99.9", "error_rate", "goodput"];
    let of = |variant: &str, factor: f64| {
        figures
            .iter()
            .enumerate()
            .map(|(number, figure)| difference(variant, figure, factor * number as f64))
            .collect::<Vec<_>>()
    };
    let one = of("sieve", -0.01);
    let several = [of("sieve", -0.01), of(&"long-".repeat(30), 3.0), of("<b>", 0.0)].concat();
    let unknown = json!([{"variant": "x", "figure": "p99", "verdict": "can't tell yet", "pairs": 0, "sentence": "p99 can't be told"}]);
    for (name, differences) in [("one", json!(one)), ("several", json!(several)), ("unknown", unknown)] {
        let answer = json!({"kind": "compare", "name": "Shop", "confidence": 0.95, "margin": 0.02, "figure": "p99", "variants": [],
            "base": {"name": "base", "model_digest": "0", "replications": 9, "figures": {}, "objectives": []}, "differences": differences});
        hold(name, &Shown::from(&kept(&answer)));
    }
    let step = |what: &str, change: f64| {
        json!({"what": what, "settings": {}, "pairs": 9, "error_rate": [0.0, 0.0], "figure": "p99", "a": 0.2, "b": 0.2 + change, "diff": change, "low": change - 0.01,
            "high": change + 0.01, "verdict": if change < -0.01 { "lower" } else { "no difference found" }, "per_cost": null})
    };
    let advice = json!({"kind": "explain", "name": "Shop", "figure": "p99", "bottleneck": {"address": null, "sentence": ""}, "statement": "", "advice": [step("8 more slots of orders: orders.slots=16", -0.1)],
        "others": [step("one more replica of web, whose name is so long that it has no room beside the picture", -0.001)],
        "breakdown": fixture::web_shop().breakdown, "confidence": 0.95});
    hold("advice", &Shown::from(&kept(&advice)));
}

#[test]
fn pictures_of_limits_are_readable() {
    let point = |number: usize| {
        let load = 400.0 * (number + 1) as f64;
        let p99 = 0.02 / (1.0 - load / 4_000.0);
        let estimate = json!({"value": p99, "low": p99 * 0.95, "high": p99 * 1.1});
        json!({"value": load, "setting": format!("{load}/s"), "replications": 4, "met": number < 7, "unmet": [],
            "figures": {"p99": estimate, "p50": {"value": p99 / 4.0}, "error_rate": {"value": 0.0}}})
    };
    let curve: Vec<Value> = (0..9).map(point).collect();
    let mut failing = curve.clone();
    failing[8]["figures"]["error_rate"]["value"] = json!(0.3);
    failing[8]["figures"]["p99"]["value"] = Value::Null;
    let answer = |curve: &[Value], limit: Value| {
        json!({"kind": "limit", "name": "Shop", "vary": "shoppers.arrivals.rate", "present": 2400.0, "limit": limit, "outcome": "found", "precise": true, "curve": curve,
            "sentence": "every objective holds up to 3.1 k/s", "knee": {"value": 2500.0, "share": 0.8, "p99": 0.05}, "objectives": [{"objective": "p99 < 80ms", "added": false, "met": true}]})
    };
    let limit = json!({"value": 3100.0, "low": 3080.0, "high": 3120.0});
    let unknown = json!({"value": null, "low": null, "high": null});
    for (name, answer) in [
        ("limit", answer(&curve, limit.clone())),
        ("limit with errors", answer(&failing, limit.clone())),
        ("limit of one point", answer(&curve[..1], limit)),
        ("no limit", answer(&curve, unknown)),
    ] {
        hold(name, &Shown::from(&kept(&answer)));
    }
}

#[test]
fn pictures_of_plans_are_readable() {
    let of = |count: usize| {
        let point = |number: usize| {
            let (web, pool) = (number % 7 + 1, number / 7 + 1);
            let p99 = 0.4 / (web * pool) as f64 + 0.02;
            json!({"settings": {"web.replicas": web, "orders-pool.size": pool * 10}, "cost": web * 80 + pool * 15,
                "p99": {"value": p99}, "met": p99 < 0.1, "efficient": number.is_multiple_of(3)})
        };
        let frontier: Vec<Value> = (0..count).map(point).collect();
        let best = json!({"settings": frontier[0]["settings"], "replications": 9, "met": true, "objectives": [], "figures": {}, "why": ""});
        json!({"kind": "plan", "name": "Shop", "minimize": "cost", "statement": "The cheapest that meets every objective costs 320.",
            "objectives": [{"objective": "p99 < 100ms", "added": false}], "best": best, "runners_up": [], "candidates": 99,
            "evaluated": count, "pruned": 99 - count, "pruned_by": {"theory": 0, "order": 0, "price": 99 - count}, "assumptions": [], "frontier": frontier})
    };
    for (name, answer) in [("plan", of(56)), ("plan of one", of(1))] {
        hold(name, &Shown::from(&kept(&answer)));
    }
}

#[test]
fn what_can_not_be_drawn_says_why() {
    let answer = swept(&[("web.replicas", numbers(3))], |_| Some(1.0));
    let why = Shown::from(&kept(&answer)).draw("heat-map", Theme::Light).expect_err("one axis");
    assert!(why.contains("two axes"), "{why}");
}

#[test]
fn a_png_has_two_pixels_for_one() {
    let report = fixture::web_shop();
    let picture = Shown::Run(&report).draw("breakdown", Theme::Light).expect("a run has one");
    let png = picture.png();
    let at = |place: usize| u32::from_be_bytes(png[place..place + 4].try_into().expect("four bytes"));
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!((f64::from(at(16)), f64::from(at(20))), (picture.drawing.width * 2.0, picture.drawing.height * 2.0));
    let decoded = resvg::tiny_skia::Pixmap::decode_png(&png).expect("it decodes");
    let dark = decoded.pixels().iter().filter(|pixel| pixel.red() < 80 && pixel.green() < 80).count();
    assert!(dark > 2_000, "texts are drawn: {dark} dark pixels");
    assert_eq!(png, picture.png(), "the same again");
}
