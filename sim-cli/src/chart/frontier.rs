//! Cost by latency: every configuration that a plan ran, those that nothing beats in both as a line, and the best.

use sim_core::experiment::plan::{FrontierPoint, Planned};
use sim_core::model::objective::Dimension;
use sim_core::scale::Scale;

use super::answer::{bound, dimension, text};
use super::font::{Weight, fitted, width};
use super::paper::{Anchor, Dash, Ink, Look, Marker};
use super::picture::Picture;
use super::sheet::{About, Frame, Head, LABEL, MARGIN, Panel, SMALL, WIDTH, picture};
use crate::render::humane;

/// Draws it.
///
/// # Errors
/// There is nothing to draw.
pub fn draw(answer: &Planned, about: &About) -> Result<Picture, String> {
    let points: Vec<&FrontierPoint> = answer.frontier.iter().filter(|point| point.cost.is_some()).collect();
    if points.is_empty() {
        return Err("no configuration was run whose cost is known".to_owned());
    }
    let of = if answer.minimize == "cost" { Dimension::Number } else { dimension(&answer.minimize) };
    let met = points.iter().filter(|point| point.met).count();
    let title = match answer.statement.is_empty() {
        true => format!("{} by p99 of the configurations that were run", answer.minimize),
        false => answer.statement.clone(),
    };
    let head = Head {
        kind: "frontier",
        title,
        description: format!(
            "A dot for each of {} configurations that were run, by {} and p99; {met} meet every objective. Those that none is \
             both cheaper and faster than are joined by a line.",
            points.len(),
            answer.minimize
        ),
        about,
    };
    let bound = bound(answer.objectives.iter().map(|objective| objective.objective.as_str()), "p99");
    Ok(picture(head, 430.0, |sheet| {
        let frame = Frame { left: MARGIN + 60.0, top: 28.0, right: WIDTH - MARGIN - 50.0, bottom: 346.0 };
        let costs = Scale::around(points.iter().filter_map(|point| point.cost));
        let (low, high) = costs.ends();
        let x = Scale::Linear { low: low - (high - low) * 0.04, high: high + (high - low) * 0.08 };
        let mut times: Vec<f64> = points.iter().filter_map(|point| point.p99.value).collect();
        let highest = times.iter().copied().fold(0.0, f64::max);
        times.extend(bound.iter().map(|(value, _)| *value).filter(|value| *value <= highest * 2.5));
        let panel = sheet.panel(frame, x, Scale::fitting(&times, Dimension::Time, 6));
        panel.rows(Dimension::Time, "p99");
        let unit = if answer.minimize == "cost" { "cost a month" } else { &answer.minimize };
        panel.columns(of, unit);
        dots(&panel, &points);
        let places = points.iter().filter_map(|point| Some((point.cost?, point.p99.value?)));
        let dots: Vec<Vec<(f64, f64)>> = places.map(|place| vec![place; 2]).collect();
        let mut taken = Vec::new();
        if let Some((value, text)) = &bound {
            panel.bound(*value, text, &dots, &mut taken);
        }
        label(&panel, answer, &points, of, taken);
        let paths: Vec<&str> = points[0].settings.keys().map(String::as_str).collect();
        let notes = format!("hollow: an objective is not met · names: {}", paths.join(" · "));
        sheet.text(
            MARGIN,
            412.0,
            &fitted(&notes, WIDTH - 2.0 * MARGIN, SMALL, Weight::Regular),
            sheet.small(Anchor::Start),
        );
    }))
}

fn dots(panel: &Panel, points: &[&FrontierPoint]) {
    let colours = panel.sheet.colours;
    let place = |point: &&FrontierPoint| Some((point.cost?, point.p99.value?));
    let mut efficient: Vec<(f64, f64)> = points.iter().filter(|point| point.efficient).filter_map(place).collect();
    efficient.sort_by(|a, b| a.0.total_cmp(&b.0));
    if efficient.len() > 1 {
        let look = Look::Line { colour: colours.series[0], width: 1.5, dash: Dash::Solid, opacity: 0.8 };
        panel.draw(efficient, look);
    }
    for point in points {
        let Some(place) = place(point) else { continue };
        let colour = if point.efficient { colours.series[0] } else { colours.series[5] };
        let hollow = (!point.met).then_some(colours.paper);
        panel.draw(vec![place], Look::Mark { marker: Marker::Disc, colour, size: 4.0, hollow });
    }
}

/// Names the best, and then of the others on the line as many as have room.
fn label(panel: &Panel, answer: &Planned, points: &[&FrontierPoint], of: Dimension, mut taken: Vec<Frame>) {
    let (sheet, frame) = (panel.sheet, panel.frame);
    let is_best = |point: &FrontierPoint| answer.best.as_ref().is_some_and(|best| best.settings == point.settings);
    let mut named: Vec<&FrontierPoint> = points.iter().copied().filter(|point| is_best(point)).collect();
    named.extend(points.iter().copied().filter(|point| point.efficient && !is_best(point)));
    for point in named {
        let (Some(cost), Some(p99)) = (point.cost, point.p99.value) else { continue };
        let (x, y) = (panel.across(cost), panel.down(p99));
        let values = point.settings.values().map(text).collect::<Vec<_>>().join(" · ");
        let (name, weight) = match is_best(point) {
            true => (format!("best: {values}, {}", humane(cost, of)), Weight::Bold),
            false => (values, Weight::Regular),
        };
        let name = fitted(&name, 320.0, LABEL, weight);
        let wide = width(&name, LABEL, weight);
        // Right above, right below, left below, left above.
        let places = [(x + 9.0, y - 6.0), (x + 9.0, y + 15.0), (x - 9.0 - wide, y + 15.0), (x - 9.0 - wide, y - 6.0)];
        let boxes = places.map(|(left, base)| Frame { left, top: base - 11.0, right: left + wide, bottom: base + 4.0 });
        let is_free = |place: &Frame| {
            place.left > frame.left
                && place.right < WIDTH - 4.0
                && place.top > frame.top - 4.0
                && place.bottom < frame.bottom
                && !taken.iter().any(|other| place.touches(other))
        };
        if is_best(point) {
            let look = Look::Mark { marker: Marker::Diamond, colour: sheet.colour(1), size: 6.0, hollow: None };
            sheet.draw(&[(x, y)], look);
        }
        if let Some(place) = boxes.into_iter().find(is_free) {
            let ink = Ink { weight, halo: Some(sheet.colours.paper), ..sheet.ink(sheet.colours.ink) };
            sheet.text(place.left, place.top + 11.0, &name, ink);
            taken.push(place);
        }
    }
}
