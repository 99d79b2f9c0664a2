//! The distribution of latency: how many took how long, and how many took longer.

use sim_core::analysis::report::{Latency, Report};
use sim_core::model::objective::Dimension;
use sim_core::model::units::{humane_count, humane_time};
use sim_core::scale::Scale;

use super::over_time::nothing;
use super::paper::{Anchor, Dash, Look, Marker};
use super::picture::Picture;
use super::sheet::{About, Flag, Frame, Head, MARGIN, Sheet, WIDTH, picture};
use super::time_or_unknown;

/// Bars of the histogram.
const BARS: usize = 96;

/// Draws it.
pub fn draw(report: &Report, about: &About) -> Picture {
    let latency = &report.latency;
    let (p50, p99) = (
        time_or_unknown(latency.p50_s, latency.p50_at_least_s),
        time_or_unknown(latency.p99_s, latency.p99_at_least_s),
    );
    let count = humane_count(latency.count as f64);
    let title = match latency.count {
        0 => "Latency distribution: no request ended ok".to_owned(),
        _ => format!("Latency distribution: half of {count} requests within {p50}, 99% within {p99}"),
    };
    let head = Head {
        kind: "latency",
        description: format!(
            "A histogram of the latency of {count} ok requests on an axis by ratios, with its percentiles marked, and the \
             share of requests that took longer than each time. p50 is {p50}, p99 {p99}."
        ),
        title,
        about,
    };
    picture(head, 480.0, |sheet| {
        let (left, right) = (MARGIN + 56.0, WIDTH - MARGIN - 24.0);
        let axis = Scale::by_ratio(drawn(latency)).unwrap_or(Scale::Log { low: 1e-3, high: 1.0 });
        histogram(latency, sheet, Frame { left, top: 56.0, right, bottom: 244.0 }, axis);
        tail(latency, sheet, Frame { left, top: 302.0, right, bottom: 430.0 }, axis);
    })
}

/// The ends of the buckets that are drawn: a few requests that were far faster than all others would only squeeze these.
fn drawn(latency: &Latency) -> impl Iterator<Item = f64> {
    let total: u64 = latency.histogram.iter().map(|(_, count)| count).sum();
    let mut before = 0;
    latency.histogram.iter().filter(|(_, count)| *count > 0).filter_map(move |(upper, count)| {
        before += count;
        (before * 500 >= total).then_some(*upper)
    })
}

/// The shares of requests by bar: its lower and upper end and its share.
fn bars(latency: &Latency, axis: Scale) -> Vec<(f64, f64, f64)> {
    let (low, high) = axis.ends();
    let total: u64 = latency.histogram.iter().map(|(_, count)| count).sum();
    let mut shares = vec![0.0; BARS];
    for (upper, count) in &latency.histogram {
        // A bucket ends at `upper`: a little below it is within.
        let bar = (axis.position(upper * 0.9995) * BARS as f64) as usize;
        shares[bar.min(BARS - 1)] += *count as f64 / total.max(1) as f64;
    }
    let edge = |number: usize| low * sim_core::math::pow(high / low, number as f64 / BARS as f64);
    shares.into_iter().enumerate().map(|(number, share)| (edge(number), edge(number + 1), share)).collect()
}

fn histogram(latency: &Latency, sheet: &Sheet, frame: Frame, axis: Scale) {
    let bars = bars(latency, axis);
    let y = Scale::from_zero(bars.iter().map(|(_, _, share)| *share), Dimension::Share, 4);
    let panel = sheet.panel(frame, axis, y);
    sheet.text(MARGIN, 12.0, "Share of requests, by how long they took", sheet.small(Anchor::Start));
    panel.rows(Dimension::Share, "");
    for (low, high, share) in bars.into_iter().filter(|(_, _, share)| *share > 0.0) {
        let look = Look::Rect { colour: sheet.colour(0), opacity: 0.85, edge: None, radius: 0.0 };
        panel.draw(vec![(low, 0.0), (high, share)], look);
    }
    panel.columns(Dimension::Time, "");
    if latency.count == 0 {
        nothing(&panel, "no request ended ok");
    }
    let flags = known_percentiles(latency).into_iter().map(|(name, value)| {
        let text = format!("{name} {}", humane_time(value));
        Flag { value, text, colour: sheet.colours.ink, dash: Dash::Short }
    });
    panel.flags(&flags.collect::<Vec<_>>());
}

fn known_percentiles(latency: &Latency) -> Vec<(&'static str, f64)> {
    let all = [
        ("p50", latency.p50_s),
        ("p90", latency.p90_s),
        ("p99", latency.p99_s),
        ("p99.9", latency.p999_s),
        ("max", latency.max_s),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| *value > 0.0)?))).collect()
}

/// How many took longer, by ratios: what makes the tail visible.
fn tail(latency: &Latency, sheet: &Sheet, frame: Frame, axis: Scale) {
    let total: u64 = latency.histogram.iter().map(|(_, count)| count).sum();
    let least = 0.5 / total.max(2) as f64;
    let panel = sheet.panel(frame, axis, Scale::Log { low: least.clamp(1e-6, 0.05), high: 1.0 });
    panel.rows(Dimension::Share, "Share of requests that took longer");
    panel.columns(Dimension::Time, "latency");
    let mut left = total;
    let mut points = vec![(axis.ends().0, Some(1.0))];
    for (upper, count) in &latency.histogram {
        points.push((*upper, Some(left as f64 / total as f64)));
        left -= count;
        points.push((*upper, (left > 0).then(|| left as f64 / total as f64)));
    }
    if total > 0 {
        let fine: Vec<(f64, Option<f64>)> = thinned(&points, axis);
        panel.curve(&fine, sheet.colour(0), 1.75, Dash::Solid);
        for (name, value) in known_percentiles(latency) {
            let share = [("p50", 0.5), ("p90", 0.1), ("p99", 0.01), ("p99.9", 0.001)];
            if let Some((_, share)) = share.iter().find(|(known, _)| *known == name) {
                let look = Look::Mark {
                    marker: Marker::Disc,
                    colour: sheet.colours.ink,
                    size: 3.0,
                    hollow: Some(sheet.colours.paper),
                };
                panel.draw(vec![(value, *share)], look);
            }
        }
    }
}

/// Without the points that lie within half a pixel of their neighbours.
fn thinned(points: &[(f64, Option<f64>)], axis: Scale) -> Vec<(f64, Option<f64>)> {
    let mut kept: Vec<(f64, Option<f64>)> = Vec::new();
    for (number, (x, y)) in points.iter().enumerate() {
        let is_near = kept.last().is_some_and(|(last_x, last_y)| {
            let ratio = y.zip(*last_y).map_or(2.0, |(y, last)| last / y);
            (axis.position(*x) - axis.position(*last_x)).abs() < 6e-4 && ratio < 1.03
        });
        if !is_near || number + 1 == points.len() {
            kept.push((*x, *y));
        }
    }
    kept
}
