//! Reports as people and programs want them: one file per format, all behind [`Renderer`].

pub mod chrome;
mod csv;
pub mod html;
pub mod json;
pub mod junit;
mod markdown;
pub mod names;
pub mod otlp;
pub mod page;
pub mod parquet;
pub mod run_page;
pub mod summary;
pub mod sweep;
mod table;
pub mod text;
pub mod waterfall;

use std::collections::BTreeMap;

use clap::ValueEnum;
use sim_core::analysis::bottleneck::Bottleneck;
use sim_core::analysis::report::{ComponentReport, Latency, Report, Wait};
use sim_core::model::objective::{Dimension, Objective};
use sim_core::model::units::{humane_count, humane_rate, humane_share, humane_time};

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for a terminal.
    #[default]
    Table,
    /// The whole report.
    Json,
    /// A line per figure.
    Csv,
    /// Tables for a pull request or a wiki.
    Markdown,
}

/// What there is to show.
pub struct View<'a> {
    /// The figures.
    pub report: &'a Report,
    /// What limits the run.
    pub bottleneck: &'a Bottleneck,
    /// What to try next: commands.
    pub hints: &'a [Hint],
}

/// Something to try next.
#[derive(Clone, Debug, PartialEq)]
pub struct Hint {
    /// Why, in a few words.
    pub why: String,
    /// The command.
    pub command: String,
}

/// Writes a report in one format.
pub trait Renderer {
    /// The whole text, ending in a new line; styles are in it as ANSI codes.
    fn render(&self, view: &View) -> String;
}

impl Format {
    /// The renderer of a format.
    pub fn renderer(self) -> &'static dyn Renderer {
        match self {
            Format::Table => &table::Table,
            Format::Json => &json::Json,
            Format::Csv => &csv::Csv,
            Format::Markdown => &markdown::Markdown,
        }
    }
}

/// Components in the order in which a request meets them: clients, balancers, and then what they call, and so on.
fn in_flow_order(report: &Report) -> Vec<(&str, &ComponentReport)> {
    let depth = depths(report);
    let rank = |of: &ComponentReport| match of.kind.as_str() {
        "client" => 0,
        "load-balancer" | "rate-limiter" => 1,
        "autoscaler" => 3,
        _ => 2,
    };
    let mut order: Vec<(&str, &ComponentReport)> =
        report.components.iter().map(|(name, of)| (name.as_str(), of)).collect();
    order.sort_by_key(|(name, of)| (rank(of), depth[name], *name));
    order
}

/// How many links lead to a component at most; cycles are cut.
fn depths(report: &Report) -> BTreeMap<&str, usize> {
    let mut depth: BTreeMap<&str, usize> = report.components.keys().map(|name| (name.as_str(), 0)).collect();
    for _ in 0..report.components.len() {
        for (caller, of) in &report.components {
            for target in of.links.keys() {
                let below = depth[caller.as_str()] + 1;
                if let Some(known) = depth.get_mut(target.as_str()).filter(|known| **known < below) {
                    *known = below.min(report.components.len());
                }
            }
        }
    }
    depth
}

/// A time figure of a latency.
struct TimeFigure {
    /// As people know it: `p99.9`.
    label: &'static str,
    /// As the report names it: `p999_s`.
    name: &'static str,
    /// In seconds.
    value: Option<f64>,
    /// What is shown: the value, its lower bound or how many it would take where it is unknown, else a dash.
    text: String,
}

/// The mean, the percentiles and the maximum of a latency.
fn time_figures(latency: &Latency) -> [TimeFigure; 7] {
    let Latency { p50_s, p90_s, p95_s, p99_s, p999_s, .. } = *latency;
    let figure = |label, name, value, bound, needs: Option<u64>| TimeFigure {
        label,
        name,
        value,
        text: time_or_why(value, bound, needs.filter(|_| latency.count > 0)),
    };
    [
        figure("mean", "mean_s", latency.mean_s, None, None),
        figure("p50", "p50_s", p50_s, latency.p50_at_least_s, None),
        figure("p90", "p90_s", p90_s, latency.p90_at_least_s, latency.p90_needs),
        figure("p95", "p95_s", p95_s, latency.p95_at_least_s, latency.p95_needs),
        figure("p99", "p99_s", p99_s, latency.p99_at_least_s, latency.p99_needs),
        figure("p99.9", "p999_s", p999_s, latency.p999_at_least_s, latency.p999_needs),
        figure("max", "max_s", latency.max_s, None, None),
    ]
}

/// A time; its lower bound or how many must be measured, where it is unknown for that; or a dash.
fn time_or_why(value: Option<f64>, bound: Option<f64>, needs: Option<u64>) -> String {
    match (value, bound, needs) {
        (Some(value), _, _) => humane_time(value),
        (None, _, Some(needs)) => format!("needs {needs}"),
        (None, Some(bound), None) => format!("> {}", humane_time(bound)),
        (None, None, None) => "–".to_owned(),
    }
}

/// The p99 of a wait, or how many calls it would take; nothing where no call came.
fn wait_p99(wait: &Wait) -> String {
    match wait.mean_s {
        Some(_) => time_or_why(wait.p99_s, None, wait.p99_needs),
        None => String::new(),
    }
}

/// A place in a report as the keys of `intervals` have it.
fn pointer(parts: &[&str]) -> String {
    parts.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect()
}

/// The half-width of a figure's interval in the unit of its text: `± 9` beside `212 ms`. Nothing without an interval.
fn plus_minus(report: &Report, pointer: &str, value: Option<f64>, text: &str) -> Option<String> {
    let [low, high] = report.intervals.get(pointer)?;
    half_width((high - low) / 2.0, value?, text)
}

/// Half the width of an interval in the unit of its value's text: `±9` beside `212 ms`.
fn half_width(half: f64, value: f64, text: &str) -> Option<String> {
    let digits = text.split([' ', '%']).next()?;
    let shown: f64 = digits.parse().ok()?;
    if shown == 0.0 || value == 0.0 {
        return None;
    }
    let half = half * (shown / value).abs();
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    // As many decimals as the value has; more where the half-width has no digit among them.
    let mut smallest = [1.0, 0.1, 0.01, 0.001, 0.0001][decimals.min(4)];
    let mut shown_decimals = decimals;
    while half > 0.0 && half < smallest && shown_decimals < decimals + 3 {
        smallest /= 10.0;
        shown_decimals += 1;
    }
    Some(if half < smallest { "±0".to_owned() } else { format!("±{half:.shown_decimals$}") })
}

/// An objective's value in its unit, which its metric tells.
pub fn objective_value(objective: &str, value: Option<f64>) -> String {
    let Some(value) = value else { return "unknown".to_owned() };
    match Objective::parse(objective).map(|objective| objective.measure.dimension()) {
        Ok(Dimension::Time) => humane_time(value),
        Ok(Dimension::Share) => precise_share(value),
        Ok(Dimension::Rate) => humane_rate(value),
        Ok(Dimension::Number) | Err(_) => humane_count(value),
    }
}

/// A value in the unit of what it measures.
pub fn humane(value: f64, dimension: Dimension) -> String {
    match dimension {
        Dimension::Time => humane_time(value),
        Dimension::Share => humane_share(value),
        Dimension::Rate => humane_rate(value),
        Dimension::Number => humane_count(value),
    }
}

/// A share of something bad, which may be tiny.
fn small_share(share: f64) -> String {
    if share > 0.0 && share < 1e-5 { "<0.001%".to_owned() } else { humane_share(share) }
}

/// A share with as many digits as it takes to tell it from all: 99.98%, not 100%.
fn precise_share(share: f64) -> String {
    match share {
        share if (0.9995..1.0).contains(&share) => format!("{:.4}%", (share * 1e6).floor() / 1e4),
        share if (0.99..0.9995).contains(&share) => format!("{:.2}%", share * 100.0),
        share => humane_share(share),
    }
}

#[cfg(test)]
pub mod fixture {
    use sim_core::analysis::bottleneck;

    use super::*;

    /// The web shop's report, merged from three replications.
    pub fn web_shop() -> Report {
        serde_json::from_str(include_str!("../../tests/fixtures/web-shop.json")).expect("the fixture is a report")
    }

    /// What a renderer makes of a report, without styles.
    pub fn plain(renderer: &dyn Renderer, report: &Report) -> String {
        let hints = [Hint {
            why: "Half again as many slots".into(),
            command: "kneepoint run shop.json --set orders.slots=12".into(),
        }];
        let view = View { report, bottleneck: &bottleneck::find(report), hints: &hints };
        anstream::adapter::strip_str(&renderer.render(&view)).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_come_as_a_request_meets_them() {
        let report = fixture::web_shop();
        let names: Vec<&str> = in_flow_order(&report).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["shoppers", "edge", "web", "redis", "orders-pool", "orders"]);
    }

    #[test]
    fn half_widths_are_in_the_unit_of_their_value() {
        let mut report = fixture::web_shop();
        let cases = [
            (0.212, "212 ms", 0.009, "±9"),
            (0.0274, "27.4 ms", 0.000_11, "±0.1"),
            (0.0274, "27.4 ms", 0.000_011, "±0.01"),
            (0.0274, "27.4 ms", 0.0, "±0"),
            (0.717, "71.7%", 0.0042, "±0.4"),
            (2400.0, "2.40 k/s", 12.0, "±0.01"),
        ];
        for (value, text, half, expected) in cases {
            report.intervals.insert("/x".into(), [value - half, value + half]);
            assert_eq!(plus_minus(&report, "/x", Some(value), text).as_deref(), Some(expected), "{value} {half}");
        }
        assert_eq!(plus_minus(&report, "/unknown", Some(1.0), "1 s"), None);
    }

    #[test]
    fn shares_near_one_keep_their_digits() {
        let cases = [(1.0, "100%"), (0.99972, "99.9720%"), (0.9941, "99.41%"), (0.717, "71.7%"), (0.0, "0%")];
        for (share, expected) in cases {
            assert_eq!(precise_share(share), expected);
        }
    }
}
