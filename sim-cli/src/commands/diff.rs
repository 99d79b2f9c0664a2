//! `kneepoint diff`: two reports side by side.

use std::collections::BTreeSet;

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use sim_core::ENGINE;
use sim_core::analysis::report::{REPORT_FORMAT, Report};
use sim_core::experiment::Answer;
use sim_core::model::objective::Dimension;

use super::experiment::AnswerArgs;
use crate::error::{Failure, clean};
use crate::files::Source;
use crate::render::humane;
use crate::render::page::{Cell, Column, Page, Sheet};

const AFTER_HELP: &str = "\
Examples:
  kneepoint run shop.json -o before.json
  kneepoint run shop.json --set web.replicas=6 -o after.json
  kneepoint diff before.json after.json
  kneepoint diff before.json after.json --format csv

What is the same in both is left out of the table. How sure a difference is, `kneepoint compare` says: it
runs both under the same chance.";

/// Show two reports of `run --format json` side by side
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Diff {
    /// A report in JSON; `-` reads stdin
    #[arg(value_name = "A")]
    first: String,
    /// Another one
    #[arg(value_name = "B")]
    second: String,
    #[command(flatten)]
    answer: AnswerArgs,
}

/// Two reports side by side.
#[derive(Debug, Serialize)]
struct Differing {
    kind: &'static str,
    format: u32,
    engine: &'static str,
    a: Side,
    b: Side,
    /// Whether both are of one model.
    same_model: bool,
    /// Whether both have the same results, to the bit.
    same_results: bool,
    differences: Vec<Difference>,
}

/// What one report is of.
#[derive(Debug, Serialize)]
struct Side {
    file: String,
    name: Option<String>,
    engine: String,
    seed: u64,
    replications: u32,
    model_digest: String,
    digest: String,
}

/// A figure in both; nothing where one does not have it.
#[derive(Debug, Serialize)]
struct Difference {
    figure: String,
    a: Option<f64>,
    b: Option<f64>,
    /// (b − a) ÷ a.
    change: Option<f64>,
    a_interval: Option<[f64; 2]>,
    b_interval: Option<[f64; 2]>,
    #[serde(skip)]
    dimension: Dimension,
}

impl Diff {
    pub fn execute(self) -> Result<(), Failure> {
        self.answer.check("diff")?;
        if self.first == "-" && self.second == "-" {
            return Err(Failure::Wrong("stdin can be one of the reports, not both".to_owned()));
        }
        let (a, b) = (read(&self.first)?, read(&self.second)?);
        let answer = Differing {
            kind: "diff",
            format: REPORT_FORMAT,
            engine: ENGINE,
            a: side(&self.first, &a),
            b: side(&self.second, &b),
            same_model: a.model_digest == b.model_digest,
            same_results: a.digest == b.digest,
            differences: differences(&a, &b),
        };
        self.answer.write(&answer, &page(&answer))
    }
}

/// Reads a report.
fn read(path: &str) -> Result<Report, Failure> {
    let source = Source::read(path)?;
    let wrong =
        |why: String| Failure::Wrong(format!("{} {why}; `kneepoint run MODEL -o report.json` writes one", clean(path)));
    match Answer::read(&source.bytes) {
        Ok(Answer::Run(report)) => Ok(*report),
        Ok(other) => Err(wrong(format!("is an answer of `{}`, not a report of `run`", other.kind()))),
        Err(why) => Err(wrong(clean(&why))),
    }
}

fn side(path: &str, report: &Report) -> Side {
    Side {
        file: path.to_owned(),
        name: report.name.clone(),
        engine: report.engine.clone(),
        seed: report.seed,
        replications: report.confidence.as_ref().map_or(1, |confidence| confidence.replications),
        model_digest: report.model_digest.clone(),
        digest: report.digest.clone(),
    }
}

/// What is compared of requests: the name, the place in a latency or in requests, and what it is measured in.
const REQUESTS: [(&str, &str, Dimension); 3] = [
    ("throughput", "throughput_per_s", Dimension::Rate),
    ("goodput", "goodput_per_s", Dimension::Rate),
    ("error_rate", "error_rate", Dimension::Share),
];
const LATENCIES: [(&str, &str); 7] = [
    ("mean", "mean_s"),
    ("p50", "p50_s"),
    ("p90", "p90_s"),
    ("p95", "p95_s"),
    ("p99", "p99_s"),
    ("p99.9", "p999_s"),
    ("max", "max_s"),
];

fn differences(a: &Report, b: &Report) -> Vec<Difference> {
    let value = |report: &Report| serde_json::to_value(report).expect("a report is serialisable");
    let values = [value(a), value(b)];
    let mut found: Vec<(String, String, Dimension)> = Vec::new();
    for (name, field, dimension) in REQUESTS {
        found.push((name.to_owned(), format!("/requests/{field}"), dimension));
    }
    for (name, field) in LATENCIES {
        found.push((name.to_owned(), format!("/latency/{field}"), Dimension::Time));
    }
    let classes: BTreeSet<&String> = a.classes.keys().chain(b.classes.keys()).collect();
    for class in classes.iter().filter(|_| classes.len() > 1) {
        for name in ["p50", "p99"] {
            let pointer = format!("/classes/{}/latency/{name}_s", segment(class));
            found.push((format!("{name}({class})"), pointer, Dimension::Time));
        }
    }
    let components: BTreeSet<&String> = a.components.keys().chain(b.components.keys()).collect();
    for component in components {
        let place = format!("/components/{}", segment(component));
        for (name, field, dimension) in [
            ("utilization", "/utilization", Dimension::Share),
            ("p99", "/latency/p99_s", Dimension::Time),
            ("hit_ratio", "/hit_ratio", Dimension::Share),
            ("replicas", "/replicas/mean", Dimension::Number),
        ] {
            found.push((format!("{name}({component})"), format!("{place}{field}"), dimension));
        }
        found.push((format!("p99({component}.wait)"), format!("{place}/wait/p99_s"), Dimension::Time));
    }
    let of = |(figure, pointer, dimension): (String, String, Dimension)| {
        let [a_value, b_value] = [0, 1].map(|side: usize| values[side].pointer(&pointer).and_then(Value::as_f64));
        let change = a_value.zip(b_value).filter(|(a, _)| *a != 0.0).map(|(a, b)| (b - a) / a);
        let interval = |report: &Report| report.intervals.get(&pointer).copied();
        Difference {
            figure,
            a: a_value,
            b: b_value,
            change,
            a_interval: interval(a),
            b_interval: interval(b),
            dimension,
        }
    };
    found.into_iter().map(of).filter(|difference| difference.a.is_some() || difference.b.is_some()).collect()
}

/// A name in a JSON pointer.
fn segment(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn page(answer: &Differing) -> Page {
    let columns = vec![
        Column::left("", "figure"),
        Column::unit("A", "a"),
        Column::unit("B", "b"),
        Column::unit("change", "change"),
        Column::left("intervals", "intervals"),
    ];
    let mut sheet = Sheet::new("", columns);
    let differ = |difference: &&Difference| difference.a != difference.b;
    for difference in answer.differences.iter().filter(differ) {
        let figure = |value| Cell::figure(value, |value| humane(value, difference.dimension));
        sheet.rows.push(vec![
            Cell::text(&difference.figure),
            figure(difference.a),
            figure(difference.b),
            Cell::figure(difference.change, percent),
            Cell::text(intervals(difference)),
        ]);
    }
    let same = answer.differences.iter().filter(|difference| !differ(difference)).count();
    let mut remarks = Vec::new();
    if answer.same_results {
        remarks.push("Equal digests: the results are the same, to the bit.".to_owned());
    } else if sheet.rows.is_empty() {
        remarks.push("The digests differ, and no figure that is compared.".to_owned());
    } else if same > 0 {
        remarks.push(format!("{same} figures are the same in both."));
    }
    let side = |letter: &str, side: &Side| {
        let runs = if side.replications == 1 { "replication" } else { "replications" };
        format!("{letter} {}, seed {}, {} {runs}", side.file, side.seed, side.replications)
    };
    Page {
        title: answer.a.name.clone().unwrap_or_default(),
        facts: vec![side("A", &answer.a), side("B", &answer.b)],
        sheets: vec![sheet],
        remarks,
        notes: vec![
            if answer.same_model {
                "One model.".to_owned()
            } else {
                "The models differ, or their settings do.".to_owned()
            },
            format!("digests {} and {}", answer.a.digest, answer.b.digest),
        ],
    }
}

/// `+12.3%`
fn percent(change: f64) -> String {
    match change * 100.0 {
        percent if percent.abs() < 0.05 => format!("{}<0.1%", if percent < 0.0 { "−" } else { "+" }),
        percent if percent.abs() >= 100.0 => format!("{percent:+.0}%").replace('-', "−"),
        percent => format!("{percent:+.1}%").replace('-', "−"),
    }
}

fn intervals(difference: &Difference) -> &'static str {
    match (difference.a_interval, difference.b_interval) {
        (Some([_, a_high]), Some([b_low, _])) if a_high < b_low => "apart",
        (Some([a_low, _]), Some([_, b_high])) if b_high < a_low => "apart",
        (Some(_), Some(_)) => "overlap",
        (None, _) | (_, None) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixture;

    #[test]
    fn figures_stand_side_by_side() {
        let a = fixture::web_shop();
        let mut b = a.clone();
        b.latency.p99_s = a.latency.p99_s.map(|p99| p99 * 1.5);
        b.components.remove("redis");
        b.digest = "0".into();
        let found = differences(&a, &b);
        let of = |name: &str| found.iter().find(|difference| difference.figure == name).expect("it is compared");
        assert!((of("p99").change.expect("it is known") - 0.5).abs() < 1e-12);
        assert!(of("p99").a_interval.is_some() && of("p50").change == Some(0.0));
        assert!(of("hit_ratio(redis)").a.is_some() && of("hit_ratio(redis)").b.is_none());
        assert!(differences(&a, &a).iter().all(|same| same.a == same.b));
    }

    #[test]
    fn changes_have_their_sign() {
        for (change, expected) in
            [(0.123, "+12.3%"), (-0.5, "−50.0%"), (0.000_1, "+<0.1%"), (3.0, "+300%"), (-0.000_01, "−<0.1%")]
        {
            assert_eq!(percent(change), expected);
        }
    }

    #[test]
    fn intervals_are_apart_or_overlap() {
        let of = |a, b| {
            let dimension = Dimension::Number;
            intervals(&Difference {
                figure: String::new(),
                a: None,
                b: None,
                change: None,
                a_interval: a,
                b_interval: b,
                dimension,
            })
        };
        assert_eq!(of(Some([1.0, 2.0]), Some([3.0, 4.0])), "apart");
        assert_eq!(of(Some([3.0, 4.0]), Some([1.0, 2.0])), "apart");
        assert_eq!(of(Some([1.0, 3.0]), Some([2.0, 4.0])), "overlap");
        assert_eq!(of(Some([1.0, 3.0]), None), "");
    }
}
