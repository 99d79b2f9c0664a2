//! Percentiles over time, and below them how much was asked for and how much of it failed.

use sim_core::analysis::report::Report;
use sim_core::model::objective::{Comparison, Dimension, Objective};
use sim_core::model::units::{humane_rate, humane_time};
use sim_core::scale::Scale;

use super::paper::{Anchor, Dash};
use super::picture::Picture;
use super::sheet::{About, EndLabel, Frame, Head, MARGIN, Panel, Sheet, WIDTH, end_room, picture};
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

/// Where in an area its name stands.
#[derive(Clone, Copy, Debug)]
pub enum NameAt {
    /// Below its upper edge.
    Top,
    /// Above its lower edge.
    Bottom,
}

/// The warm-up, as a quiet area; its name at the end where lines are rarer.
pub fn shade_warmup(panel: &Panel, name_at: NameAt) {
    let (low, _) = panel.x.ends();
    if low < 0.0 {
        let frame = Frame { right: panel.across(0.0), ..panel.frame };
        panel.sheet.fill(frame, panel.sheet.colours.grid, 0.6);
        if frame.width() > 60.0 {
            let base = match name_at {
                NameAt::Top => frame.top + 14.0,
                NameAt::Bottom => frame.bottom - 6.0,
            };
            panel.sheet.text(frame.left + 6.0, base, "warm-up", panel.sheet.small(Anchor::Start));
        }
    }
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
    shade_warmup(&panel, NameAt::Bottom);
    panel.rows(Dimension::Time, "Latency of ok requests, by when they began");
    panel.columns(Dimension::Time, "");
    let colours = [sheet.colour(1), sheet.colour(0)];
    for (points, colour) in lines.iter().zip(colours) {
        panel.curve(points, colour, 1.75, if colour == colours[0] { Dash::Solid } else { Dash::Long });
    }
    bounds.iter().for_each(|(value, text)| {
        panel.bound(*value, text);
    });
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
    shade_warmup(&panel, NameAt::Bottom);
    panel.rows(Dimension::Rate, "Requests per second");
    panel.columns(Dimension::Time, "time since the start of the window");
    let (quiet, alarming) = (sheet.colours.series[5], sheet.colours.bound);
    panel.curve(&offered, quiet, 1.75, Dash::Solid);
    let area: Vec<(f64, f64, f64)> = errors.iter().filter_map(|(x, value)| Some((*x, 0.0, (*value)?))).collect();
    if area.iter().any(|(_, _, value)| *value > 0.0) {
        panel.band(&area, alarming, 0.25);
        panel.curve(&errors, alarming, 1.75, Dash::Short);
    }
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
