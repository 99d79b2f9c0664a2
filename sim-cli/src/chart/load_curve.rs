//! Latency by load: the limit with its interval, the knee, and what the model says now; below, how many requests fail.

use sim_core::experiment::Estimate;
use sim_core::experiment::limit::{CurvePoint, Limited};
use sim_core::model::objective::Dimension;
use sim_core::scale::Scale;

use super::answer::{bound, estimate, number};
use super::over_time::nothing;
use super::paper::{Anchor, Dash, Look, Marker};
use super::picture::Picture;
use super::sheet::{About, EndLabel, Flag, Frame, Head, MARGIN, Panel, Sheet, WIDTH, end_room, named, picture};
use crate::render::humane;

/// What is drawn, the slowest first.
const FIGURES: [&str; 2] = ["p99", "p50"];

/// Draws it.
///
/// # Errors
/// There is no curve.
pub fn draw(answer: &Limited, about: &About) -> Result<Picture, String> {
    if answer.curve.is_empty() {
        return Err("there is no curve: no load was found at which every objective holds".to_owned());
    }
    let of = answer
        .curve
        .iter()
        .find_map(|point| number(&point.setting.clone().into()))
        .map_or(Dimension::Number, |it| it.1);
    let said: Vec<String> = answer
        .curve
        .iter()
        .filter_map(|point| {
            Some(format!("p99 {} at {}", humane(value(point, "p99")?, Dimension::Time), humane(point.value, of)))
        })
        .collect();
    let title = if answer.sentence.is_empty() {
        format!("Latency by {}", answer.vary)
    } else {
        answer.sentence.replace('`', "")
    };
    let head = Head {
        kind: "load-curve",
        title,
        description: format!("Lines of latency and errors by {}: {}.", answer.vary, said.join(", ")),
        about,
    };
    let fails = answer.curve.iter().filter_map(|point| value(point, "error_rate")).any(|share| share > 0.0);
    let height = if fails { 500.0 } else { 400.0 };
    Ok(picture(head, height, |sheet| {
        let texts = FIGURES.map(|figure| {
            let last = answer.curve.iter().rev().find_map(|point| value(point, figure));
            last.map_or(String::new(), |last| named(figure, &humane(last, Dimension::Time)))
        });
        let right = WIDTH - end_room(texts.iter().map(String::as_str).chain(["errors 99.9%"]));
        let loads = answer.curve.iter().map(|point| point.value).chain(answer.limit.high).chain(answer.limit.value);
        let x = Scale::around(loads);
        let (low, high) = x.ends();
        let x = Scale::Linear { low: low - (high - low) * 0.02, high: high + (high - low) * 0.02 };
        let upper = Frame { left: MARGIN + 60.0, top: 58.0, right, bottom: 336.0 };
        latencies(answer, sheet, upper, x, &texts, of, !fails);
        if fails {
            errors(answer, sheet, Frame { top: 388.0, bottom: 448.0, ..upper }, x, of);
        }
        let notes = "hollow: an objective is not met · shaded: intervals";
        sheet.text(MARGIN, height - 16.0, notes, sheet.small(Anchor::Start));
    }))
}

fn value(point: &CurvePoint, figure: &str) -> Option<f64> {
    estimate(&point.figures, figure).value
}

fn latencies(
    answer: &Limited,
    sheet: &Sheet,
    frame: Frame,
    x: Scale,
    texts: &[String; 2],
    of: Dimension,
    is_last: bool,
) {
    let of_figure = |figure: &str| -> Vec<(f64, Estimate, bool)> {
        answer
            .curve
            .iter()
            .map(|point| (point.value, estimate(&point.figures, figure), point.met || point.at_limit))
            .collect()
    };
    let lines = FIGURES.map(of_figure);
    let bounds = FIGURES.map(|figure| bound(answer.objectives.iter().map(|demand| demand.objective.as_str()), figure));
    let mut values: Vec<f64> = lines.iter().flatten().filter_map(|(_, estimate, _)| estimate.value).collect();
    let highest = values.iter().copied().fold(0.0, f64::max);
    values.extend(bounds.iter().flatten().map(|(value, _)| *value).filter(|value| *value <= highest * 2.5));
    let panel = sheet.panel(frame, x, Scale::fitting(&values, Dimension::Time, 6));
    // The interval of the limit lies behind everything.
    if let (Some(low), Some(high)) = (answer.limit.low, answer.limit.high) {
        let place = Frame { left: panel.across(low) - 0.5, right: panel.across(high) + 0.5, ..frame };
        sheet.fill(place, sheet.colours.series[4], 0.35);
    }
    sheet.text(MARGIN, 12.0, "Latency of ok requests", sheet.small(Anchor::Start));
    panel.rows(Dimension::Time, "");
    let ticks: Vec<(f64, String)> = x.ticks(of, 9).into_iter().map(|tick| (tick.value, tick.label)).collect();
    panel.columns_at(&ticks, if is_last { &answer.vary } else { "" });
    let mut ends = Vec::new();
    let colours = [sheet.colour(1), sheet.colour(0)];
    for (number, line) in lines.iter().enumerate() {
        let (colour, dash) = (colours[number], [Dash::Solid, Dash::Long][number]);
        one(&panel, line, colour, dash);
        if let Some(value) = line.iter().rev().find_map(|(_, estimate, _)| estimate.value) {
            ends.push(EndLabel { value, text: texts[number].clone(), colour, dash });
        }
    }
    panel.end_labels(&ends);
    let flags = flags(answer, sheet, x, of);
    let drawn =
        lines.iter().map(|line| line.iter().filter_map(|(x, estimate, _)| Some((*x, estimate.value?))).collect());
    let (low, high) = panel.y.ends();
    let drawn: Vec<Vec<(f64, f64)>> =
        drawn.chain(flags.iter().map(|flag| vec![(flag.value, low), (flag.value, high)])).collect();
    let mut taken = Vec::new();
    bounds.iter().flatten().for_each(|(value, text)| panel.bound(*value, text, &drawn, &mut taken));
    panel.flags(&flags);
    if ends.is_empty() {
        nothing(&panel, "latency is unknown");
    }
}

fn one(panel: &Panel, line: &[(f64, Estimate, bool)], colour: super::theme::Colour, dash: Dash) {
    let band: Vec<(f64, f64, f64)> =
        line.iter().filter_map(|(x, estimate, _)| Some((*x, estimate.low?, estimate.high?))).collect();
    if band.len() > 1 {
        panel.band(&band, colour, 0.16);
    }
    panel.curve(&line.iter().map(|(x, estimate, _)| (*x, estimate.value)).collect::<Vec<_>>(), colour, 1.75, dash);
    for (x, estimate, met) in line {
        if let Some(value) = estimate.value {
            let hollow = (!met).then_some(panel.sheet.colours.paper);
            panel.draw(vec![(*x, value)], Look::Mark { marker: Marker::Disc, colour, size: 3.0, hollow });
        }
    }
}

/// The limit, the knee, and what the model says now, if it is on the axis.
fn flags(answer: &Limited, sheet: &Sheet, x: Scale, of: Dimension) -> Vec<Flag> {
    let (low, high) = x.ends();
    let flag = |value: Option<f64>, name: &str, dash| {
        let value = value.filter(|value| *value >= low && *value <= high)?;
        let text = format!("{name} {}", humane(value, of));
        Some(Flag { value, text, colour: sheet.colours.ink, dash })
    };
    let flags = [
        flag(answer.limit.value, "limit", Dash::Solid),
        flag(answer.knee.as_ref().map(|knee| knee.value), "knee", Dash::Long),
        flag(answer.present, "now", Dash::Dots),
    ];
    flags.into_iter().flatten().collect()
}

fn errors(answer: &Limited, sheet: &Sheet, frame: Frame, x: Scale, of: Dimension) {
    let points: Vec<(f64, Option<f64>)> =
        answer.curve.iter().map(|point| (point.value, value(point, "error_rate"))).collect();
    let y = Scale::from_zero(points.iter().filter_map(|(_, share)| *share), Dimension::Share, 2);
    let panel = sheet.panel(frame, x, y);
    panel.rows(Dimension::Share, "Share of requests that fail");
    let ticks: Vec<(f64, String)> = x.ticks(of, 9).into_iter().map(|tick| (tick.value, tick.label)).collect();
    panel.columns_at(&ticks, &answer.vary);
    let colour = sheet.colours.bound;
    let area: Vec<(f64, f64, f64)> = points.iter().filter_map(|(x, share)| Some((*x, 0.0, (*share)?))).collect();
    panel.band(&area, colour, 0.25);
    panel.curve(&points, colour, 1.75, Dash::Short);
    let last = points.iter().rev().find_map(|(_, share)| *share);
    let label =
        |value| EndLabel { value, text: format!("errors {}", super::small_share(value)), colour, dash: Dash::Short };
    panel.end_labels(&last.map(label).into_iter().collect::<Vec<_>>());
}
