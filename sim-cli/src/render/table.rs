//! The report for a terminal: at most [`COLUMNS`] wide.

mod faults;
mod theory;

use sim_core::analysis::report::{BreakdownPart, ComponentReport, Ended, Latency, Report, Station};
use sim_core::model::units::{humane_count, humane_money, humane_rate, humane_share, humane_time, three_digits};

use super::text::{ACCENT, Align, BAD, Columns, GOOD, QUIET, STRONG, WARN};
use super::text::{bar, paint, plain_bar, shorten, sparkline, width, wrap};
use super::{
    Renderer, TimeFigure, View, in_flow_order, objective_value, plus_minus, pointer, precise_share, small_share,
    time_figures, time_or_why, wait_p99,
};

/// How wide a line may be.
const COLUMNS: usize = 100;
/// Rows of the breakdown at most.
const PARTS: usize = 6;

/// The report for a terminal.
pub struct Table;

impl Renderer for Table {
    fn render(&self, view: &View) -> String {
        let report = view.report;
        let sections = [
            header(report),
            latencies(report),
            over_time(report),
            components(report),
            breakdown(report),
            objectives(report),
            faults::section(report),
            theory::section(report),
            verdict(view),
            footer(view),
        ];
        let mut text = String::new();
        for section in sections.iter().filter(|section| !section.is_empty()) {
            if !text.is_empty() {
                text.push('\n');
            }
            for line in section {
                text.push_str(line);
                text.push('\n');
            }
        }
        text
    }
}

fn header(report: &Report) -> Vec<String> {
    let name = report.name.as_deref().unwrap_or("Model");
    let window = &report.window;
    let mut facts = vec![humane_time(window.duration_s)];
    if window.warmup_s > 0.0 {
        facts[0].push_str(&format!(" after {} of warm-up", humane_time(window.warmup_s)));
    }
    facts.push(format!("seed {}", report.seed));
    if let Some(confidence) = &report.confidence {
        facts.push(format!("{} replications", confidence.replications));
    }
    let mut lines = vec![format!("{}  {}", paint(STRONG, name), paint(QUIET, &facts.join(" · ")))];
    if let Ended::Stopped(stopped) = &report.ended {
        let line = format!("Stopped at {}: {}", humane_time(stopped.at_s), stopped.reason);
        lines.extend(wrap(&line, COLUMNS).iter().map(|line| paint(BAD, line)));
    }
    let requests = &report.requests;
    let ok = if requests.offered == 0 { 0.0 } else { requests.ok as f64 / requests.offered as f64 };
    lines.push(String::new());
    lines.push(format!(
        "{}  {} offered, {}; {} ok, {}",
        paint(STRONG, "Requests"),
        humane_count(requests.offered as f64),
        humane_rate(requests.offered as f64 / window.duration_s.max(f64::MIN_POSITIVE)),
        precise_share(ok),
        humane_rate(requests.goodput_per_s),
    ));
    lines.extend(errors(report));
    lines.extend(cost(report));
    lines
}

/// What it costs, and the dearest parts.
fn cost(report: &Report) -> Option<String> {
    let cost = report.cost.as_ref()?;
    let mut parts: Vec<(&String, &f64)> = cost.components.iter().collect();
    parts.sort_by(|a, b| b.1.total_cmp(a.1));
    let parts: Vec<String> =
        parts.iter().take(4).map(|(name, cost)| format!("{} {}", shorten(name, 16), humane_money(**cost))).collect();
    let parts = if cost.components.len() > 1 { format!(": {}", parts.join(", ")) } else { String::new() };
    Some(format!("{}      {} a month{parts}", paint(STRONG, "Cost"), humane_money(cost.per_month)))
}

fn errors(report: &Report) -> Vec<String> {
    let requests = &report.requests;
    let mut outcomes: Vec<(&str, u64)> = requests.errors.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    outcomes.push(("unfinished", requests.unfinished));
    outcomes.retain(|(_, count)| *count > 0);
    outcomes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let label = paint(STRONG, "Errors");
    let dropped = match requests.dropped {
        Some(dropped) if dropped > 0 => format!("   {} arrivals dropped by the client", humane_count(dropped as f64)),
        Some(_) | None => String::new(),
    };
    if outcomes.is_empty() {
        return vec![format!("{label}    none{dropped}")];
    }
    let share = |count: u64| small_share(count as f64 / requests.offered as f64);
    let list: Vec<String> = outcomes
        .iter()
        .map(|(name, count)| format!("{name} {} ({})", humane_count(*count as f64), share(*count)))
        .collect();
    let style = if requests.error_rate >= 0.01 { BAD } else { WARN };
    let total = paint(style, &small_share(requests.error_rate));
    let mut lines = wrap(&list.join(", "), COLUMNS - 20);
    lines[0] = format!("{label}    {total}: {}{dropped}", lines[0]);
    lines.iter_mut().skip(1).for_each(|line| line.insert_str(0, "          "));
    lines
}

fn latencies(report: &Report) -> Vec<String> {
    let mut columns = Columns::new(&[
        Align::Left,
        Align::Unit,
        Align::Unit,
        Align::Unit,
        Align::Unit,
        Align::Unit,
        Align::Unit,
        Align::Unit,
    ]);
    let headings = time_figures(&report.latency).map(|figure| paint(QUIET, figure.label));
    columns.row([vec![paint(STRONG, "Latency")], headings.to_vec()].concat());
    let mut add = |label: &str, latency: &Latency, place: &[&str]| {
        let figures = time_figures(latency);
        let half = |figure: &TimeFigure| {
            let pointer = pointer(&[place, &[figure.name]].concat());
            plus_minus(report, &pointer, figure.value, &figure.text).unwrap_or_default()
        };
        let halves: Vec<String> = figures.iter().map(half).collect();
        columns.row([vec![label.to_owned()], figures.map(|figure| figure.text).to_vec()].concat());
        if halves.iter().any(|half| !half.is_empty()) {
            columns.row([vec![String::new()], halves].concat());
        }
    };
    let several = report.classes.len() > 1;
    add(if several { "all" } else { "" }, &report.latency, &["latency"]);
    if several {
        for (name, class) in &report.classes {
            add(&shorten(name, 20), &class.latency, &["classes", name, "latency"]);
        }
    }
    if let Some(latency) = report.error_latency.as_ref().filter(|latency| latency.count > 0) {
        add("errors", latency, &["error_latency"]);
    }
    let dim_halves = |line: String| if line.trim_start().starts_with('±') { paint(QUIET, &line) } else { line };
    columns.lines().into_iter().map(dim_halves).collect()
}

fn over_time(report: &Report) -> Vec<String> {
    const SPARK: usize = 60;
    let mut columns = Columns::new(&[Align::Left, Align::Left, Align::Left]);
    let mut rows = 0;
    let mut add = |label: &str, series: &str, show: &dyn Fn(f64) -> String, only_if_it_varies: bool| {
        let Some(values) = report.timeline.series.get(series) else { return };
        let window: Vec<Option<f64>> = report
            .timeline
            .start_s
            .iter()
            .zip(values)
            .filter(|(start, _)| **start >= 0.0)
            .map(|(_, value)| *value)
            .collect();
        let known = || window.iter().flatten().copied();
        let (Some(low), Some(high)) = (known().reduce(f64::min), known().reduce(f64::max)) else { return };
        if window.len() < 2 || only_if_it_varies && high <= low * 1.25 {
            return;
        }
        let range = paint(QUIET, &format!("{} to {}", show(low), show(high)));
        columns.row(vec![label.to_owned(), paint(ACCENT, &sparkline(&window, SPARK)), range]);
        rows += 1;
    };
    add("load", "offered_per_s", &humane_rate, true);
    add("p99", "p99_s", &humane_time, false);
    add("errors", "errors_per_s", &humane_rate, true);
    for (name, _) in report.components.iter().filter(|(_, of)| of.replicas.as_ref().is_some_and(|of| of.min < of.max)) {
        add(&format!("{} replicas", shorten(name, 16)), &format!("{name}.replicas"), &humane_count, true);
    }
    if rows == 0 {
        return Vec::new();
    }
    [vec![paint(STRONG, "Over time")], columns.lines()].concat()
}

fn components(report: &Report) -> Vec<String> {
    if report.components.is_empty() {
        return Vec::new();
    }
    const NAME: usize = 18;
    let mut columns = Columns::new(&[
        Align::Left,
        Align::Unit,
        Align::Left,
        Align::Right,
        Align::Right,
        Align::Unit,
        Align::Unit,
        Align::Unit,
    ]);
    let quiet = |text: &str| paint(QUIET, text);
    columns.row(vec![
        paint(STRONG, "Components"),
        quiet("calls"),
        quiet("busy"),
        String::new(),
        quiet("queue"),
        quiet("wait p99"),
        quiet("p50"),
        quiet("p99"),
    ]);
    let order = in_flow_order(report);
    for (name, of) in &order {
        let (share, busy) = match of.utilization {
            Some(utilization) => (bar(utilization, 8, heat(utilization)), humane_percent(utilization)),
            None => (String::new(), String::new()),
        };
        let time = |value: Option<f64>| value.map(humane_time).unwrap_or_default();
        let latency = of.latency.as_ref().filter(|_| of.kind != "client");
        let (queue, wait) = match waited_for(of) {
            Some((_, station)) => (Some(&station.queue), Some(&station.wait)),
            None => (of.queue.as_ref(), of.wait.as_ref()),
        };
        columns.row(vec![
            shorten(name, NAME),
            match of.kind.as_str() {
                "autoscaler" => String::new(),
                _ => humane_rate(of.calls as f64 / report.window.duration_s.max(f64::MIN_POSITIVE)),
            },
            share,
            busy,
            queue.map(|queue| short_number(queue.mean)).unwrap_or_default(),
            wait.map(wait_p99).unwrap_or_default(),
            time(latency.and_then(|latency| latency.p50_s)),
            latency.map(|latency| time_or_why(latency.p99_s, None, latency.p99_needs)).unwrap_or_default(),
        ]);
    }
    let mut lines = columns.lines();
    let mut shown = vec![lines.remove(0)];
    let table_width = lines.iter().map(|line| width(line)).max().unwrap_or(0);
    for (line, (_, of)) in lines.into_iter().zip(&order) {
        let padding = " ".repeat(table_width - width(&line) + 2);
        let room = COLUMNS - table_width - 2;
        let mut notes = wrap_list(&notes(of), room).into_iter();
        let first = notes.next().unwrap_or_default();
        shown.push(format!("{line}{padding}{}", paint(QUIET, &first)).trim_end().to_owned());
        shown.extend(notes.map(|note| format!("{}{}", " ".repeat(table_width + 2), paint(QUIET, &note))));
    }
    shown
}

/// The station that calls wait for, where it is another than the one that stands for the component.
fn waited_for(of: &ComponentReport) -> Option<(&str, &Station)> {
    let first = of.queue.as_ref().map_or(0.0, |queue| queue.mean);
    let (name, longest) = of.stations.iter().max_by(|(_, a), (_, b)| a.queue.mean.total_cmp(&b.queue.mean))?;
    (longest.queue.mean > first).then_some((name.as_str(), longest))
}

/// Puts facts on lines, several where they fit.
fn wrap_list(facts: &[String], columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for fact in facts {
        match lines.last_mut() {
            Some(line) if width(line) + 2 + width(fact) <= columns => line.push_str(&format!(", {fact}")),
            Some(_) | None => lines.push(shorten(fact, columns)),
        }
    }
    lines
}

/// What is worth telling of a component beyond the common columns.
fn notes(of: &ComponentReport) -> Vec<String> {
    let mut notes = Vec::new();
    let count = |count: u64| humane_count(count as f64);
    if let Some(replicas) = &of.replicas {
        notes.push(match (replicas.min, replicas.max) {
            (1, 1) => "1 replica".to_owned(),
            (min, max) if min == max => format!("{max} replicas"),
            (min, max) => format!("{min}–{max} replicas"),
        });
    }
    if let Some((name, station)) = waited_for(of).filter(|(_, station)| station.queue.mean >= 0.05) {
        let busy = humane_percent(station.utilization);
        let differs = of.utilization.is_none_or(|utilization| humane_percent(utilization) != busy);
        notes.push(format!("waiting for {name}{}", if differs { format!(", {busy} busy") } else { String::new() }));
    }
    if let Some(ratio) = of.hit_ratio {
        notes.push(format!("{} hits", humane_share(ratio)));
    }
    if let Some(stale) = of.stale_reads.filter(|stale| *stale > 0) {
        notes.push(format!("{} stale", count(stale)));
    }
    if let Some(lost) = of.lost_writes.filter(|lost| *lost > 0) {
        notes.push(format!("{} writes lost", count(lost)));
    }
    if let Some(coalesced) = of.coalesced.filter(|coalesced| *coalesced > 0) {
        notes.push(format!("{} coalesced", count(coalesced)));
    }
    if let (Some(allowed), Some(throttled)) = (of.allowed, of.throttled)
        && allowed + throttled > 0
    {
        let share = |throttled: u64, allowed: u64| humane_share(throttled as f64 / (allowed + throttled) as f64);
        notes.push(format!("{} turned away", share(throttled, allowed)));
        notes.extend(of.tiers.iter().map(|(tier, of)| format!("{tier} {}", share(of.throttled, of.allowed))));
    }
    if let Some(endpoints) = of.endpoints.as_ref().filter(|found| found.ejections > 0) {
        let after = endpoints.detection_mean_s.map_or(String::new(), |mean| format!(" after {}", humane_time(mean)));
        notes.push(format!("{} left out{after}", count(endpoints.ejections)));
    }
    if let (Some(ups), Some(downs)) = (of.scale_ups, of.scale_downs) {
        notes.push(format!("{ups} up, {downs} down"));
    }
    if let (Some(backlog), Some(age)) = (&of.backlog, &of.age) {
        if backlog.end as f64 > 2.0 * backlog.mean.max(10.0) || backlog.max >= 100 {
            let left = format!("{} left, the oldest {}", count(backlog.end), humane_time(age.end_s));
            notes.push(format!("up to {} wait, {left}", count(backlog.max)));
        }
        for (number, what) in [(of.dead_letters, "dead letters"), (of.dropped, "dropped")] {
            notes.extend(number.filter(|number| *number > 0).map(|number| format!("{} {what}", count(number))));
        }
    }
    if let Some(journeys) = &of.journeys {
        notes.push(format!("{} journeys, {} failed", count(journeys.started), count(journeys.failed)));
    }
    let worst = of.errors.iter().filter(|_| of.calls > 0).max_by_key(|(_, count)| **count);
    if let Some((outcome, errors)) = worst.filter(|(_, errors)| **errors as f64 >= 5e-4 * of.calls as f64) {
        notes.push(format!("{} {outcome}", humane_share(*errors as f64 / of.calls as f64)));
    }
    for (target, link) in &of.links {
        if link.retries > 0 && link.calls > 0 {
            notes.push(format!("{} tries a call to {target}", three_digits(link.tries as f64 / link.calls as f64)));
        }
        if let (Some(sent), Some(won)) = (link.hedges.filter(|&sent| sent > 0), link.hedges_won) {
            let share = humane_share(won as f64 / sent as f64);
            notes.push(format!("{} hedges to {target}, {share} won", count(sent)));
        }
        if let Some(opened) = link.breaker_opens.filter(|&opened| opened > 0) {
            notes.push(format!("breaker to {target} opened {}×", count(opened)));
        }
    }
    notes.extend(uneven(of));
    notes
}

/// The worst instance, where it is clearly worse than the average; of several stations, at the fullest.
fn uneven(of: &ComponentReport) -> Option<String> {
    let worst = of.stations.values().filter_map(|station| {
        let worst = station.max_instance.as_ref()?;
        let clearly = worst.utilization > station.utilization * 1.05 && worst.utilization > 0.3;
        clearly.then_some(worst)
    });
    let worst = worst.max_by(|a, b| a.utilization.total_cmp(&b.utilization))?;
    Some(format!("{} {}", worst.instance, humane_percent(worst.utilization)))
}

/// The colour of a utilization.
fn heat(utilization: f64) -> anstyle::Style {
    match utilization {
        utilization if utilization >= 0.85 => BAD,
        utilization if utilization >= 0.7 => WARN,
        _ => GOOD,
    }
}

/// Whole percents; `<1%` for what is not nothing.
fn humane_percent(share: f64) -> String {
    match share {
        share if share > 0.0 && share < 0.005 => "<1%".to_owned(),
        share => format!("{:.0}%", share * 100.0),
    }
}

fn short_number(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        value if value < 0.005 => "<0.01".to_owned(),
        value if value < 9.995 => format!("{value:.2}"),
        value if value < 99.95 => format!("{value:.1}"),
        value => humane_count(value),
    }
}

/// Typical and slow requests side by side, the largest parts first.
fn breakdown(report: &Report) -> Vec<String> {
    let (typical, slow) = (&report.breakdown.p50, &report.breakdown.p99);
    if typical.is_empty() && slow.is_empty() {
        return Vec::new();
    }
    let mut rows: Vec<(&BreakdownPart, f64)> = Vec::new();
    for part in slow.iter().chain(typical) {
        match rows.iter_mut().find(|(row, _)| row.names_the_same(part)) {
            Some((_, largest)) => *largest = largest.max(part.share),
            None => rows.push((part, part.share)),
        }
    }
    rows.sort_by(|a, b| b.1.total_cmp(&a.1));
    rows.retain(|(_, share)| *share >= 0.005);
    rows.truncate(PARTS);
    let total = |parts: &[BreakdownPart]| humane_time(parts.iter().map(|part| part.seconds).sum());
    let mut columns =
        Columns::new(&[Align::Left, Align::Left, Align::Right, Align::Unit, Align::Left, Align::Right, Align::Unit]);
    columns.row(vec![
        paint(STRONG, "Where the time goes"),
        paint(QUIET, "typical"),
        String::new(),
        paint(QUIET, &total(typical)),
        paint(QUIET, "slowest 1%"),
        String::new(),
        paint(QUIET, &total(slow)),
    ]);
    for (row, _) in rows {
        let given_up = if row.abandoned { " (given up)" } else { "" };
        let mut cells = vec![format!("{} {}{given_up}", shorten(&row.component, 20), row.phase.replace('-', " "))];
        for parts in [typical, slow] {
            match parts.iter().find(|part| part.names_the_same(row)) {
                Some(part) => cells.extend([
                    plain_bar(part.share, 16, ACCENT),
                    humane_percent(part.share),
                    humane_time(part.seconds),
                ]),
                None => cells.extend([String::new(), String::new(), String::new()]),
            }
        }
        columns.row(cells);
    }
    columns.lines()
}

fn objectives(report: &Report) -> Vec<String> {
    if report.objectives.is_empty() {
        return Vec::new();
    }
    let mut columns = Columns::new(&[Align::Left, Align::Left, Align::Unit, Align::Left]);
    for (index, result) in report.objectives.iter().enumerate() {
        let mark = if result.met { paint(GOOD, "✓") } else { paint(BAD, "✗") };
        let text = objective_value(&result.objective, result.value);
        let half = plus_minus(report, &format!("/objectives/{index}/value"), result.value, &text);
        let beside = half.or_else(|| result.why.clone()).unwrap_or_default();
        columns.row(vec![mark, shorten(&result.objective, 60), text, paint(QUIET, &beside)]);
    }
    [vec![paint(STRONG, "Objectives")], columns.lines()].concat()
}

fn verdict(view: &View) -> Vec<String> {
    let mut lines: Vec<String> =
        wrap(&view.bottleneck.sentence, COLUMNS).iter().map(|line| paint(STRONG, line)).collect();
    for entry in view.report.audit.iter().filter(|entry| !entry.ok) {
        let line = format!("Audit failed: {} ({} and {}). Please report this.", entry.check, entry.left, entry.right);
        lines.extend(wrap(&line, COLUMNS).iter().map(|line| paint(BAD, line)));
    }
    lines
}

fn footer(view: &View) -> Vec<String> {
    let sure = match &view.report.confidence {
        Some(confidence) => format!("± is the {:.0}% interval of the mean", confidence.level * 100.0),
        None => "one replication, so no ±: --replications 5 says how sure this is".to_owned(),
    };
    let mut lines = vec![paint(QUIET, &format!("digest {} · {sure}", view.report.digest))];
    if let Some(precision) = view.report.confidence.as_ref().and_then(|confidence| confidence.precision.as_ref()) {
        let style = if precision.met { GOOD } else { WARN };
        lines.extend(wrap(&precision.sentence(), COLUMNS).iter().map(|line| paint(style, line)));
    }
    match view.report.assumptions.len() {
        0 => {}
        1 => lines.push(paint(QUIET, "It rests on an assumption: --format json tells it.")),
        count => lines.push(paint(QUIET, &format!("It rests on {count} assumptions: --format json tells them."))),
    }
    for hint in view.hints {
        lines.push(format!("{} {}", paint(QUIET, &format!("{}:", hint.why)), paint(ACCENT, &hint.command)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixture;

    #[test]
    fn web_shop() {
        insta::assert_snapshot!(fixture::plain(&Table, &fixture::web_shop()));
    }

    #[test]
    fn one_replication_and_a_stopped_run() {
        let mut report = fixture::web_shop();
        report.intervals.clear();
        report.confidence = None;
        report.latency.p99_s = None;
        report.latency.p99_at_least_s = Some(61.0);
        (report.latency.p999_s, report.latency.p999_needs) = (None, Some(1_000));
        report.objectives[0].value = None;
        report.objectives[0].met = false;
        report.objectives[0].why = Some("p99.9 needs 1,000 requests that ended ok, there were 500".into());
        report.ended = Ended::Stopped(sim_core::analysis::report::Stopped {
            reason: "5,000,000 calls are in flight, the most that run.limits.calls_in_flight allows".into(),
            at_s: 131.5,
            queue: Some("orders.slots".into()),
        });
        insta::assert_snapshot!(fixture::plain(&Table, &report));
    }

    #[test]
    fn no_line_is_too_long() {
        let mut report = fixture::web_shop();
        let web = report.components["web"].clone();
        report.components.insert("a-component-with-a-name-that-someone-thought-a-good-idea".into(), web);
        for line in fixture::plain(&Table, &report).lines() {
            assert!(width(line) <= COLUMNS, "{} columns: {line}", width(line));
        }
    }

    #[test]
    fn an_empty_report_has_a_table_too() {
        insta::assert_snapshot!(fixture::plain(&Table, &Report::default()));
    }
}
