//! A sweep as a page: a line a point, and for two axes a map of a figure.

use anstyle::Style;
use serde_json::Value;
use sim_core::experiment::sweep::{Swept, SweptPoint};
use sim_core::experiment::{Estimate, Figure, Figures};
use sim_core::model::objective::Objective;

use super::page::{Cell, Column, Page, Sheet};
use super::text::{BAD, GOOD, QUIET, paint, width};
use super::{half_width, humane, names};

/// How wide a table may be.
const COLUMNS: usize = 100;

/// What people read; `asked` are the figures that they asked for.
pub fn page(swept: &Swept, figures: &Figures, asked: &[Figure]) -> Page {
    let replications = swept.points.iter().map(|point| point.replications).max().unwrap_or_default();
    let points = match swept.sample {
        Some(count) => format!("{count} points, a Latin hypercube"),
        None => format!("{} points", swept.points.len()),
    };
    let mut facts = vec![points, format!("{replications} replications"), format!("seed {}", swept.envelope.seed)];
    if replications > 1 {
        facts.push(format!("± are {}% intervals", swept.envelope.confidence * 100.0));
    }
    let shown = asked.first().cloned().unwrap_or_else(|| Figure::parse("p99").expect("a figure"));
    Page {
        title: swept.envelope.name.clone(),
        facts,
        sheets: [Some(table(swept, figures, asked)), map(swept, &shown)].into_iter().flatten().collect(),
        remarks: remarks(swept),
        notes: vec![format!("digest {}", swept.envelope.digest)],
    }
}

/// What programs read: a line a point, with every figure and its interval.
pub fn data(swept: &Swept, figures: &Figures) -> Sheet {
    let objectives = swept.points.first().map_or(&[][..], |point| &point.objectives);
    let mut columns: Vec<String> = swept.axes.iter().map(|axis| axis.path.clone()).collect();
    columns.push("replications".into());
    for figure in figures.iter() {
        let name = names::of_figure(figure);
        columns.extend([name.clone(), format!("{name}_low"), format!("{name}_high")]);
    }
    let met = objectives.iter().map(|objective| {
        let left = objective.objective.split(['<', '>']).next().unwrap_or_default();
        format!("met_{}", names::plain(left))
    });
    columns.extend(met);
    let columns = names::different([columns, vec!["stopped".into()]].concat());
    let (stopped, columns) = columns.split_last().expect("there is one at least");
    let columns = columns.iter().map(|name| Column::unit(name, name)).chain([Column::left(stopped, stopped)]);
    let mut sheet = Sheet::new("", columns.collect());
    for point in &swept.points {
        let mut cells: Vec<Value> = swept.axes.iter().map(|axis| point.settings[&axis.path].clone()).collect();
        cells.push(point.replications.into());
        for (_, estimate) in point.figures.iter() {
            cells.extend([estimate.value, estimate.low, estimate.high].map(Value::from));
        }
        cells.extend(point.objectives.iter().map(|objective| match objective.value {
            Some(_) => objective.met.into(),
            None => Value::Null,
        }));
        cells.push(point.stopped.clone().into());
        sheet.rows.push(cells.into_iter().map(|value| Cell { text: String::new(), value }).collect());
    }
    sheet
}

/// A column of the table before it is known whether there is room for it.
struct Candidate {
    column: Column,
    cells: Vec<Cell>,
    /// Those with the largest go first where there is no room; 0 stays.
    spare: u32,
}

fn table(swept: &Swept, figures: &Figures, asked: &[Figure]) -> Sheet {
    let mut candidates: Vec<Candidate> = Vec::new();
    for axis in &swept.axes {
        let cells = swept.points.iter().map(|point| Cell::text(setting(&point.settings[&axis.path]))).collect();
        let is_text = axis.values.iter().any(|value| matches!(value, Value::String(text) if !is_quantity(text)));
        let column = if is_text { Column::left(&axis.path, &axis.path) } else { Column::unit(&axis.path, &axis.path) };
        candidates.push(Candidate { column, cells, spare: 0 });
    }
    for figure in asked {
        candidates.extend(figure_columns(swept, figure, 0));
    }
    let common = [("p50", 7), ("p99", 1), ("error_rate", 4), ("throughput", 9)];
    for (name, spare) in common {
        let figure = Figure::parse(name).expect("a figure that every run tells");
        if !asked.contains(&figure) {
            candidates.extend(figure_columns(swept, &figure, spare).into_iter().take(if name == "p99" {
                2
            } else {
                1
            }));
        }
    }
    candidates.extend(busiest(swept, figures));
    candidates.extend(marks(swept));
    let taken = |candidates: &[Candidate]| -> usize {
        let wide = |candidate: &Candidate| {
            let cells = candidate.cells.iter().map(|cell| width(&cell.text));
            cells.chain([width(&candidate.column.heading)]).max().unwrap_or_default() + 2
        };
        candidates.iter().map(wide).sum::<usize>().saturating_sub(2)
    };
    while taken(&candidates) > COLUMNS {
        let most = candidates.iter().map(|candidate| candidate.spare).max().unwrap_or_default();
        if most == 0 {
            break;
        }
        candidates.retain(|candidate| candidate.spare < most);
    }
    let mut sheet = Sheet::new("", candidates.iter().map(|candidate| candidate.column.clone()).collect());
    sheet.rows = (0..swept.points.len())
        .map(|row| candidates.iter().map(|candidate| candidate.cells[row].clone()).collect())
        .collect();
    sheet
}

/// A figure, and its half-width where there is one.
fn figure_columns(swept: &Swept, figure: &Figure, spare: u32) -> Vec<Candidate> {
    let estimates: Vec<Estimate> =
        swept.points.iter().map(|point| point.figures.get(&figure.name).unwrap_or_default()).collect();
    let text = |value: f64| humane(value, figure.dimension());
    let values = estimates.iter().map(|estimate| Cell::figure(estimate.value, text)).collect();
    let half = |estimate: &Estimate| -> Option<String> {
        let (value, low, high) = (estimate.value?, estimate.low?, estimate.high?);
        half_width((high - low) / 2.0, value, &text(value))
    };
    let halves: Vec<Cell> =
        estimates.iter().map(|estimate| Cell::text(half(estimate).unwrap_or_default()).styled(QUIET)).collect();
    let name = names::of_figure(figure);
    let mut columns = vec![Candidate { column: Column::unit(&figure.name, &name), cells: values, spare }];
    if halves.iter().any(|cell| !cell.text.is_empty()) {
        columns.push(Candidate { column: Column::left("", &format!("{name}_half")), cells: halves, spare: spare + 5 });
    }
    columns
}

/// Which part is used most.
fn busiest(swept: &Swept, figures: &Figures) -> Option<Candidate> {
    let parts: Vec<(&str, &str)> = figures
        .iter()
        .filter(|figure| figure.measure.metric == "utilization")
        .filter_map(|figure| Some((figure.name.as_str(), figure.measure.scope.as_deref()?)))
        .collect();
    let cell = |point: &SweptPoint| {
        let known = parts.iter().filter_map(|(name, part)| Some((point.figures.get(name)?.value?, *part)));
        let most = known.reduce(|most, other| if other.0 > most.0 { other } else { most });
        match most {
            Some((share, part)) => Cell::text(format!("{part} {}", super::humane_share(share))),
            None => Cell::text("–"),
        }
    };
    let cells = swept.points.iter().map(cell).collect();
    let column = Column::left("busiest", "busiest");
    (!parts.is_empty()).then_some(Candidate { column, cells, spare: 3 })
}

/// Which objectives are met: a column each, or where they are many one for all.
fn marks(swept: &Swept) -> Vec<Candidate> {
    let Some(first) = swept.points.first() else { return Vec::new() };
    let mark = |met: bool, known: bool| match (known, met) {
        (false, _) => paint(QUIET, "–"),
        (true, true) => paint(GOOD, "✓"),
        (true, false) => paint(BAD, "✗"),
    };
    let one = |point: &SweptPoint, number: usize| {
        let objective = &point.objectives[number];
        mark(objective.met, objective.value.is_some())
    };
    let count = first.objectives.len();
    if count == 0 {
        return Vec::new();
    }
    if count <= 2 {
        let column = |number: usize| Candidate {
            column: Column::left(&first.objectives[number].objective, &first.objectives[number].objective),
            cells: swept.points.iter().map(|point| Cell::text(one(point, number))).collect(),
            spare: 0,
        };
        return (0..count).map(column).collect();
    }
    let all = |point: &SweptPoint| Cell::text((0..count).map(|number| one(point, number)).collect::<String>());
    let cells = swept.points.iter().map(all).collect();
    vec![Candidate { column: Column::left("objectives", "objectives"), cells, spare: 0 }]
}

/// For two axes: a figure by both.
fn map(swept: &Swept, figure: &Figure) -> Option<Sheet> {
    let ([down, across], None) = (swept.axes.as_slice(), swept.sample) else { return None };
    if across.values.len() < 2 || down.values.len() < 2 {
        return None;
    }
    let value = |point: &SweptPoint| point.figures.get(&figure.name).and_then(|estimate| estimate.value);
    let known: Vec<f64> = swept.points.iter().filter_map(value).collect();
    let (low, high) = (known.iter().copied().fold(f64::INFINITY, f64::min), known.iter().copied().fold(0.0, f64::max));
    let text = |value: f64| humane(value, figure.dimension());
    let style = |point: &SweptPoint| match point.objectives.iter().all(|objective| objective.met) {
        _ if point.objectives.is_empty() => Style::new(),
        true => GOOD,
        false => BAD,
    };
    let full = |point: &SweptPoint| match value(point) {
        Some(value) => format!("{} {}", text(value), shade(value, low, high)),
        None => "–".to_owned(),
    };
    let short = |point: &SweptPoint| value(point).map_or("–".to_owned(), |value| shade(value, low, high).repeat(2));
    let headings: Vec<String> = across.values.iter().map(setting).collect();
    let first = down.values.iter().map(|value| width(&setting(value))).max().unwrap_or_default().max(width(&down.path));
    let wide = |of: &dyn Fn(&SweptPoint) -> String| {
        let cells = swept.points.iter().map(|point| width(&of(point))).max().unwrap_or_default();
        first + headings.iter().map(|heading| width(heading).max(cells) + 2).sum::<usize>()
    };
    let fits = wide(&full) <= COLUMNS;
    if !fits && wide(&short) > COLUMNS {
        return None;
    }
    let by = format!("{} by {} (down) and {} (across)", figure.name, down.path, across.path);
    let scale = format!("{} {} to {} {}", shade(low, low, high), text(low), shade(high, low, high), text(high));
    let title = if fits { by } else { format!("{by}: {scale}") };
    let columns = headings.iter().map(|heading| Column::unit(heading, heading));
    let mut sheet = Sheet::new(&title, [Column::left(&down.path, &down.path)].into_iter().chain(columns).collect());
    for (value, points) in down.values.iter().zip(swept.points.chunks(across.values.len())) {
        let cell = |point: &SweptPoint| Cell::text(if fits { full(point) } else { short(point) }).styled(style(point));
        let name = Cell::text(setting(value));
        sheet.rows.push([name].into_iter().chain(points.iter().map(cell)).collect());
    }
    Some(sheet)
}

/// How high a value is between two others, by ratio where they are far apart.
fn shade(value: f64, low: f64, high: f64) -> String {
    const LEVELS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    let share = match low > 0.0 && high > 4.0 * low {
        true => sim_core::math::ln(value / low) / sim_core::math::ln(high / low),
        false => (value - low) / (high - low),
    };
    let level = if share.is_finite() { (share * 7.0).round().clamp(0.0, 7.0) as usize } else { 0 };
    LEVELS[level].to_owned()
}

fn remarks(swept: &Swept) -> Vec<String> {
    let mut remarks = Vec::new();
    let objectives: Vec<&str> = swept
        .points
        .first()
        .map_or(Vec::new(), |point| point.objectives.iter().map(|objective| objective.objective.as_str()).collect());
    let met: Vec<&SweptPoint> = swept
        .points
        .iter()
        .filter(|point| point.replications > 0 && point.objectives.iter().all(|objective| objective.met))
        .collect();
    if !objectives.is_empty() {
        let what =
            if objectives.len() == 1 { objectives[0].to_owned() } else { format!("all of {}", objectives.join(", ")) };
        remarks.push(match met.first() {
            None => format!("No point meets {what}."),
            Some(_) if met.len() == swept.points.len() => format!("Every point meets {what}."),
            Some(first) => format!(
                "{} of {} points {} {what}; the first is {}.",
                met.len(),
                swept.points.len(),
                if met.len() == 1 { "meets" } else { "meet" },
                settings(first)
            ),
        });
    }
    let stopped: Vec<&SweptPoint> = swept.points.iter().filter(|point| point.stopped.is_some()).collect();
    if let Some(first) = stopped.first() {
        remarks.push(format!(
            "{} of {} points {} stopped before the end, and their figures are of what was seen; the first is {}: {}.",
            stopped.len(),
            swept.points.len(),
            if stopped.len() == 1 { "was" } else { "were" },
            settings(first),
            first.stopped.as_deref().unwrap_or_default()
        ));
    }
    if !swept.envelope.complete {
        let missing = swept.points.iter().filter(|point| point.replications == 0).count();
        remarks.push(format!(
            "Interrupted after {} runs: {missing} of {} points have none.",
            swept.envelope.runs,
            swept.points.len()
        ));
    }
    remarks
}

fn settings(point: &SweptPoint) -> String {
    point.settings.iter().map(|(path, value)| format!("{path}={}", setting(value))).collect::<Vec<_>>().join(" ")
}

/// A value as it was given.
fn setting(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether a text is a number with a unit.
fn is_quantity(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

/// Whether a point misses an objective.
pub fn missed(swept: &Swept, objectives: &[Objective]) -> Vec<String> {
    let misses = |number: usize| {
        swept.points.iter().filter(|point| point.replications > 0 && !point.objectives[number].met).count()
    };
    let told = |(number, objective): (usize, &Objective)| match misses(number) {
        0 => None,
        count => Some(format!("{} at {count} of {} points", objective.text, swept.points.len())),
    };
    objectives.iter().enumerate().filter_map(told).collect()
}
