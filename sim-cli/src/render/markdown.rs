//! The report as Markdown tables.

use sim_core::analysis::report::Report;
use sim_core::model::units::{humane_count, humane_money, humane_rate, humane_share, humane_time};

use super::{
    Renderer, View, in_flow_order, objective_value, plus_minus, pointer, precise_share, small_share, time_figures,
    time_or_why, wait_p99,
};

/// Tables for a pull request or a wiki.
pub struct Markdown;

impl Renderer for Markdown {
    fn render(&self, view: &View) -> String {
        let report = view.report;
        let mut blocks = vec![
            format!("## {}", report.name.as_deref().map_or("Model".to_owned(), escaped)),
            summary(report),
            view.bottleneck.sentence.clone(),
            latencies(report),
            components(report),
            breakdown(report),
            objectives(report),
        ];
        blocks.push(format!(
            "Seed {}, digest `{}`, {}.",
            report.seed,
            report.digest,
            match &report.confidence {
                Some(confidence) => format!(
                    "{} replications, ± is the {:.0}% interval of the mean{}",
                    confidence.replications,
                    confidence.level * 100.0,
                    confidence.precision.as_ref().map_or(String::new(), |of| format!("; {}", of.sentence())),
                ),
                None => "one replication".to_owned(),
            }
        ));
        blocks.retain(|block| !block.is_empty());
        blocks.join("\n\n") + "\n"
    }
}

fn summary(report: &Report) -> String {
    let requests = &report.requests;
    let ok = if requests.offered == 0 { 0.0 } else { requests.ok as f64 / requests.offered as f64 };
    let mut outcomes: Vec<String> = requests
        .errors
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(outcome, count)| format!("{} {outcome}", humane_count(*count as f64)))
        .collect();
    if requests.unfinished > 0 {
        outcomes.push(format!("{} unfinished", humane_count(requests.unfinished as f64)));
    }
    let errors = if outcomes.is_empty() { String::new() } else { format!(" ({})", outcomes.join(", ")) };
    let cost = report.cost.as_ref().map(|cost| format!(" Cost {} a month.", humane_money(cost.per_month)));
    format!(
        "{} requests in {}, {} offered, {} ok, error rate {}{errors}.{}",
        humane_count(requests.offered as f64),
        humane_time(report.window.duration_s),
        humane_rate(requests.offered as f64 / report.window.duration_s.max(f64::MIN_POSITIVE)),
        precise_share(ok),
        small_share(requests.error_rate),
        cost.unwrap_or_default(),
    )
}

fn latencies(report: &Report) -> String {
    let cells = |latency, place: &[&str]| {
        time_figures(latency).map(|figure| {
            let pointer = pointer(&[place, &[figure.name]].concat());
            match plus_minus(report, &pointer, figure.value, &figure.text) {
                Some(half) => format!("{} {half}", figure.text),
                None => figure.text,
            }
        })
    };
    let mut rows = vec![[vec!["all".to_owned()], cells(&report.latency, &["latency"]).to_vec()].concat()];
    if report.classes.len() > 1 {
        for (name, class) in &report.classes {
            let cells = cells(&class.latency, &["classes", name, "latency"]);
            rows.push([vec![escaped(name)], cells.to_vec()].concat());
        }
    }
    let headings = time_figures(&report.latency).map(|figure| figure.label);
    table(&[&["Latency"], &headings[..]].concat(), &rows)
}

fn components(report: &Report) -> String {
    let rows: Vec<Vec<String>> = in_flow_order(report)
        .into_iter()
        .map(|(name, of)| {
            let latency = of.latency.as_ref().filter(|_| of.kind != "client");
            let time = |value: Option<f64>| value.map(humane_time).unwrap_or_default();
            let errors: u64 = of.errors.values().sum();
            vec![
                escaped(name),
                humane_rate(of.calls as f64 / report.window.duration_s.max(f64::MIN_POSITIVE)),
                of.utilization.map(humane_share).unwrap_or_default(),
                of.queue.as_ref().map(|queue| humane_count(queue.mean)).unwrap_or_default(),
                of.wait.as_ref().map(wait_p99).unwrap_or_default(),
                time(latency.and_then(|latency| latency.p50_s)),
                latency.map(|latency| time_or_why(latency.p99_s, None, latency.p99_needs)).unwrap_or_default(),
                if of.calls > 0 { small_share(errors as f64 / of.calls as f64) } else { String::new() },
                of.hit_ratio.map(humane_share).unwrap_or_default(),
            ]
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    table(&["Component", "calls", "busy", "queue", "wait p99", "p50", "p99", "errors", "hits"], &rows)
}

fn breakdown(report: &Report) -> String {
    let rows: Vec<Vec<String>> = report
        .breakdown
        .p99
        .iter()
        .filter(|part| part.share >= 0.01)
        .map(|part| {
            let given_up = if part.abandoned { " (given up)" } else { "" };
            vec![
                format!("{} {}{given_up}", escaped(&part.component), part.phase.replace('-', " ")),
                humane_share(part.share),
                humane_time(part.seconds),
            ]
        })
        .collect();
    if rows.is_empty() {
        String::new()
    } else {
        table(&["Where the slowest 1% spend their time", "share", "mean"], &rows)
    }
}

fn objectives(report: &Report) -> String {
    let row = |(index, result): (usize, &sim_core::analysis::report::ObjectiveResult)| {
        let text = objective_value(&result.objective, result.value);
        let half = plus_minus(report, &format!("/objectives/{index}/value"), result.value, &text);
        vec![
            escaped(&result.objective),
            half.map_or(text.clone(), |half| format!("{text} {half}")),
            match (&result.why, result.met) {
                (_, true) => "met".to_owned(),
                (None, false) => "**not met**".to_owned(),
                (Some(why), false) => format!("**not met**: {}", escaped(why)),
            },
        ]
    };
    let rows: Vec<Vec<String>> = report.objectives.iter().enumerate().map(row).collect();
    if rows.is_empty() { String::new() } else { table(&["Objective", "value", ""], &rows) }
}

/// The first column stands left, the others right.
fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &mut dyn Iterator<Item = &str>| format!("| {} |", cells.collect::<Vec<_>>().join(" | "));
    let mut lines = vec![
        line(&mut headings.iter().copied()),
        line(&mut headings.iter().enumerate().map(|(column, _)| if column == 0 { "---" } else { "---:" })),
    ];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

/// Text that means nothing to Markdown.
pub fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixture;

    #[test]
    fn web_shop() {
        insta::assert_snapshot!(fixture::plain(&Markdown, &fixture::web_shop()));
    }

    #[test]
    fn an_empty_report() {
        insta::assert_snapshot!(fixture::plain(&Markdown, &Report::default()));
    }
}
