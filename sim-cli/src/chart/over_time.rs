//! Percentiles over time, and below them how much was asked for and how much of it failed.

use sim_core::analysis::report::Report;
use sim_core::model::objective::{Comparison, Dimension, Objective};
use sim_core::model::units::{humane_rate, humane_time};
use sim_core::scale::Scale;

use super::font::{Weight, width};
use super::paper::{Anchor, Dash};
use super::picture::Picture;
use super::sheet::{About, EndLabel, Frame, Head, MARGIN, Panel, SMALL, Sheet, WIDTH, end_room, picture};
use super::time_or_unknown;

/// Beside the vertical axes.
const LEFT: f64 = MARGIN + 56.0;

/// Draws it.
pub fn draw(report: &Report, about: &About) -> Picture {
    let latency = &report.latency;
    let p99 = time_or_unknown(latency.p99_s, latency.p99_at_least_s);
    let p50 = time_or_unknown(latency.p50_s, latency.p50_at_least_s);
    let errors = match report.requests.errors_total() + report.requests.unfinished {
        0 => "no errors".to_owned(),
        _ => format!("{} of requests fail", super::small_share(report.requests.error_rate)),
    };
    let head = Head {
        kind: "percentiles",
        title: format!("Latency over time: p99 {p99}, p50 {p50}, {errors}"),
        description: format!(
            "Lines over time of the 50th and 99th percentile of latency, and of offered requests and errors per second. \
             Over the whole window p50 is {p50}, p99 {p99}; {errors}."
        ),
        about,
    };
    picture(head, 470.0, |sheet| {
        let texts = [
            format!("p99 {p99}"),
            format!("p50 {p50}"),
            format!("offered {}", humane_rate(offered(report))),
            format!("errors {}", humane_rate(failed(report))),
        ];
        let right = WIDTH - end_room(texts.iter().map(String::as_str));
        let time = time_axis(report);
        let upper = Frame { left: LEFT, top: 26.0, right, bottom: 250.0 };
        latencies(report, sheet, upper, time, &texts);
        let lower = Frame { left: LEFT, top: 308.0, right, bottom: 418.0 };
        rates(report, sheet, lower, time, &texts);
    })
}

/// The clock of the window, with the warm-up before it.
pub fn time_axis(report: &Report) -> Scale {
    let timeline = &report.timeline;
    let low = timeline.start_s.first().copied().unwrap_or(0.0).min(0.0);
    let last = timeline.start_s.last().map_or(0.0, |start| start + timeline.width_s);
    let high = if last > low { last } else { low + report.window.duration_s.max(1e-9) };
    Scale::Linear { low, high }
}

/// A series of the timeline, each value in the middle of its slot.
pub fn series(report: &Report, name: &str) -> Vec<(f64, Option<f64>)> {
    let timeline = &report.timeline;
    let middles = timeline.start_s.iter().map(|start| start + timeline.width_s / 2.0);
    timeline.series.get(name).map_or(Vec::new(), |values| middles.zip(values.iter().copied()).collect())
}

/// The warm-up, as a quiet area.
pub fn shade_warmup(panel: &Panel) {
    if panel.x.ends().0 < 0.0 {
        let frame = Frame { right: panel.across(0.0), ..panel.frame };
        panel.sheet.fill(frame, panel.sheet.colours.grid, 0.6);
    }
}

/// Its name, where the fewest lines run and nothing is written.
pub fn name_warmup(panel: &Panel, lines: &[Vec<(f64, f64)>], taken: &[Frame]) {
    const NAME: &str = "warm-up";
    let (frame, wide) = (panel.frame, width(NAME, SMALL, Weight::Regular));
    let room = panel.across(0.0) - frame.left - wide - 12.0;
    if panel.x.ends().0 >= 0.0 || room < 0.0 {
        return;
    }
    let left = frame.left + 6.0;
    let bases = [0.0, 1.0, 0.25, 0.5, 0.75].map(|share| frame.top + 14.0 + share * (frame.height() - 20.0));
    let places = bases.into_iter().map(|base| Frame { left, top: base - 10.0, right: left + wide, bottom: base + 4.0 });
    if let Some(place) = panel.quietest(places, lines, taken) {
        panel.sheet.text(left, place.top + 10.0, NAME, panel.sheet.small(Anchor::Start));
    }
}

/// The points that are known, as a line.
pub fn known(points: &[(f64, Option<f64>)]) -> Vec<(f64, f64)> {
    points.iter().filter_map(|(x, y)| Some((*x, (*y)?))).collect()
}

/// The last known value.
pub fn last(points: &[(f64, Option<f64>)]) -> Option<f64> {
    points.iter().rev().find_map(|(_, value)| *value)
}

fn latencies(report: &Report, sheet: &Sheet, frame: Frame, time: Scale, texts: &[String; 4]) {
    let lines = [series(report, "p99_s"), series(report, "p50_s")];
    let bounds: Vec<(f64, String)> = report.objectives.iter().filter_map(|result| bound(&result.objective)).collect();
    let mut values: Vec<f64> = lines.iter().flatten().filter_map(|(_, value)| *value).collect();
    let highest = values.iter().copied().fold(0.0, f64::max);
    // A bound is shown where it doesn't squeeze the lines.
    let bounds: Vec<&(f64, String)> = bounds.iter().filter(|(value, _)| *value <= highest * 2.5).collect();
    values.extend(bounds.iter().map(|(value, _)| *value));
    let panel = sheet.panel(frame, time, Scale::fitting(&values, Dimension::Time, 5));
    shade_warmup(&panel);
    panel.rows(Dimension::Time, "Latency of ok requests, by when they began");
    panel.columns(Dimension::Time, "");
    let colours = [sheet.colour(1), sheet.colour(0)];
    for (points, colour) in lines.iter().zip(colours) {
        panel.curve(points, colour, 1.75, if colour == colours[0] { Dash::Solid } else { Dash::Long });
    }
    let mut drawn: Vec<Vec<(f64, f64)>> = lines.iter().map(|points| known(points)).collect();
    let mut taken = Vec::new();
    bounds.iter().for_each(|(value, text)| panel.bound(*value, text, &drawn, &mut taken));
    let (low, high) = time.ends();
    drawn.extend(bounds.iter().map(|(value, _)| vec![(low, *value), (high, *value)]));
    name_warmup(&panel, &drawn, &taken);
    let label = |index: usize, dash| {
        Some(EndLabel { value: last(&lines[index])?, text: texts[index].clone(), colour: colours[index], dash })
    };
    let labels: Vec<EndLabel> = [label(0, Dash::Solid), label(1, Dash::Long)].into_iter().flatten().collect();
    panel.end_labels(&labels);
    if labels.is_empty() {
        nothing(&panel, "no request ended ok");
    }
}

fn rates(report: &Report, sheet: &Sheet, frame: Frame, time: Scale, texts: &[String; 4]) {
    let (offered, errors) = (series(report, "offered_per_s"), series(report, "errors_per_s"));
    let values = offered.iter().chain(&errors).filter_map(|(_, value)| *value);
    let panel = sheet.panel(frame, time, Scale::from_zero(values, Dimension::Rate, 3));
    shade_warmup(&panel);
    panel.rows(Dimension::Rate, "Requests per second");
    panel.columns(Dimension::Time, "time since the start of the window");
    let (quiet, alarming) = (sheet.colours.series[5], sheet.colours.bound);
    panel.curve(&offered, quiet, 1.75, Dash::Solid);
    let area: Vec<(f64, f64, f64)> = errors.iter().filter_map(|(x, value)| Some((*x, 0.0, (*value)?))).collect();
    if area.iter().any(|(_, _, value)| *value > 0.0) {
        panel.band(&area, alarming, 0.25);
        panel.curve(&errors, alarming, 1.75, Dash::Short);
    }
    name_warmup(&panel, &[known(&offered), known(&errors)], &[]);
    let label = |points: &[_], text: &String, colour, dash| {
        Some(EndLabel { value: last(points)?, text: text.clone(), colour, dash })
    };
    let labels = [label(&offered, &texts[2], quiet, Dash::Solid), label(&errors, &texts[3], alarming, Dash::Short)];
    let labels: Vec<EndLabel> = labels.into_iter().flatten().collect();
    panel.end_labels(&labels);
    if labels.is_empty() {
        nothing(&panel, "no timeline");
    }
}

/// Says that there is nothing to see.
pub fn nothing(panel: &Panel, text: &str) {
    let (x, y) = ((panel.frame.left + panel.frame.right) / 2.0, (panel.frame.top + panel.frame.bottom) / 2.0);
    panel.sheet.text(
        x,
        y,
        text,
        super::paper::Ink { anchor: Anchor::Middle, ..panel.sheet.ink(panel.sheet.colours.soft) },
    );
}

fn offered(report: &Report) -> f64 {
    report.requests.offered as f64 / report.window.duration_s.max(f64::MIN_POSITIVE)
}

fn failed(report: &Report) -> f64 {
    report.requests.errors_total() as f64 / report.window.duration_s.max(f64::MIN_POSITIVE)
}

/// Where an objective bounds the p50 or p99 of all requests, and its text.
fn bound(objective: &str) -> Option<(f64, String)> {
    let objective = Objective::parse(objective).ok()?;
    let is_shown = objective.measure.scope.is_none() && ["p50", "p99"].contains(&objective.measure.metric.as_str());
    let sign = match objective.comparison {
        Comparison::Less => "<",
        Comparison::AtMost => "≤",
        Comparison::More | Comparison::AtLeast | Comparison::Equal => return None,
    };
    let text = format!("objective: {} {sign} {}", objective.measure.metric, humane_time(objective.value));
    is_shown.then_some((objective.value, text))
}
