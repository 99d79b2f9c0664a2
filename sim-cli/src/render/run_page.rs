//! The report of a run as sheets, for the page with everything.

use sim_core::analysis::bottleneck;
use sim_core::analysis::report::{ComponentReport, Ended, Latency, Report};
use sim_core::model::units::{humane_count, humane_rate, humane_share, humane_time};

use super::page::{Cell, Column, Page, Sheet};
use super::text::{BAD, GOOD};
use super::{in_flow_order, objective_value, plus_minus, pointer, small_share, time_figures, wait_p99};

/// The page of a run.
pub fn page(report: &Report) -> Page {
    let mut remarks = Vec::new();
    if let Ended::Stopped(stopped) = &report.ended {
        remarks.push(format!("The run was stopped at {}: {}.", humane_time(stopped.at_s), stopped.reason));
    }
    remarks.push(bottleneck::find(report).sentence);
    let mut facts = vec![format!("seed {}", report.seed)];
    if let Some(confidence) = &report.confidence {
        facts.push(format!("{} replications", confidence.replications));
        facts.push(format!("± is the {:.0}% interval of a mean", confidence.level * 100.0));
    }
    let mut notes: Vec<String> = report.assumptions.iter().map(|assumed| format!("Assumed: {assumed}")).collect();
    notes.push(format!("engine {} · model {} · digest {}", report.engine, report.model_digest, report.digest));
    Page {
        title: report.name.clone().unwrap_or_else(|| "Model".to_owned()),
        facts,
        sheets: vec![objectives(report), requests(report), latencies(report), components(report)],
        remarks,
        notes,
    }
}

fn objectives(report: &Report) -> Sheet {
    let columns = vec![Column::left("", "met"), Column::left("Objective", "objective"), Column::unit("found", "value")];
    let mut sheet = Sheet::new("Objectives", columns);
    for result in &report.objectives {
        let met = if result.met { Cell::text("✓ met").styled(GOOD) } else { Cell::text("✗ not met").styled(BAD) };
        let value = objective_value(&result.objective, result.value);
        sheet.rows.push(vec![met, Cell::text(&result.objective), Cell::text(value)]);
    }
    sheet
}

fn requests(report: &Report) -> Sheet {
    let requests = &report.requests;
    let headings = ["offered", "ok", "throughput", "goodput", "error rate"];
    let mut columns: Vec<Column> = headings.iter().map(|heading| Column::unit(heading, heading)).collect();
    let mut row = vec![
        Cell::text(humane_count(requests.offered as f64)),
        Cell::text(humane_count(requests.ok as f64)),
        Cell::text(humane_rate(requests.throughput_per_s)),
        Cell::text(humane_rate(requests.goodput_per_s)),
        Cell::text(small_share(requests.error_rate)),
    ];
    let unfinished = ("unfinished".to_owned(), requests.unfinished);
    let outcomes = requests.errors.clone().into_iter().chain([unfinished]);
    for (outcome, count) in outcomes.filter(|(_, count)| *count > 0) {
        columns.push(Column::unit(&outcome, &outcome));
        row.push(Cell::text(humane_count(count as f64)));
    }
    Sheet { rows: vec![row], ..Sheet::new("Requests", columns) }
}

fn latencies(report: &Report) -> Sheet {
    let headings = time_figures(&report.latency).map(|figure| Column::unit(figure.label, figure.name));
    let columns = std::iter::once(Column::left("", "class")).chain(headings).collect();
    let mut sheet = Sheet::new("Latency", columns);
    let row = |name: &str, latency: &Latency, place: &[&str]| {
        let cells = time_figures(latency).map(|figure| {
            let pointer = pointer(&[place, &[figure.name]].concat());
            let half = plus_minus(report, &pointer, figure.value, &figure.text);
            Cell::text(half.map_or(figure.text.clone(), |half| format!("{} {half}", figure.text)))
        });
        std::iter::once(Cell::text(name)).chain(cells).collect()
    };
    sheet.rows.push(row("all", &report.latency, &["latency"]));
    if report.classes.len() > 1 {
        let rows = report.classes.iter().map(|(name, of)| row(name, &of.latency, &["classes", name, "latency"]));
        sheet.rows.extend(rows);
    }
    if let Some(errors) = &report.error_latency {
        sheet.rows.push(row("errors", errors, &["error_latency"]));
    }
    sheet
}

fn components(report: &Report) -> Sheet {
    let headings = ["type", "calls", "busy", "queue", "wait p99", "p50", "p99", "errors", "hits"];
    let named = headings.iter().enumerate().map(|(at, heading)| match at {
        0 => Column::left(heading, heading),
        _ => Column::unit(heading, heading),
    });
    let columns = std::iter::once(Column::left("Component", "component")).chain(named).collect();
    let mut sheet = Sheet::new("Components", columns);
    sheet.rows = in_flow_order(report).into_iter().map(|(name, of)| component(report, name, of)).collect();
    sheet
}

fn component(report: &Report, name: &str, of: &ComponentReport) -> Vec<Cell> {
    let latency = of.latency.as_ref().filter(|_| of.kind != "client");
    let time = |value: Option<f64>| value.map(humane_time).unwrap_or_default();
    let errors: u64 = of.errors.values().sum();
    let cells = [
        name.to_owned(),
        of.kind.replace('-', " "),
        humane_rate(of.calls as f64 / report.window.duration_s.max(f64::MIN_POSITIVE)),
        of.utilization.map(humane_share).unwrap_or_default(),
        of.queue.as_ref().map(|queue| humane_count(queue.mean)).unwrap_or_default(),
        of.wait.as_ref().map(wait_p99).unwrap_or_default(),
        time(latency.and_then(|latency| latency.p50_s)),
        time(latency.and_then(|latency| latency.p99_s)),
        if of.calls > 0 { small_share(errors as f64 / of.calls as f64) } else { String::new() },
        of.hit_ratio.map(humane_share).unwrap_or_default(),
    ];
    cells.into_iter().map(Cell::text).collect()
}
