//! Where the time goes: of typical requests and of the slowest 1%, by component and phase. The bars show the whole, the
//! rows below name its parts and are the legend.

use std::collections::BTreeMap;

use sim_core::analysis::report::{Breakdown, BreakdownPart};
use sim_core::model::units::{humane_share, humane_time};

use super::font::{Weight, fitted, width};
use super::paper::{Anchor, Dash, Ink, Look};
use super::picture::Picture;
use super::sheet::{About, Frame, Head, LABEL, MARGIN, SMALL, Sheet, WIDTH, picture};
use super::small_share;
use super::theme::Colour;

/// Rows below the bars; what is smaller is taken together.
const ROWS: usize = 12;
/// From the left to the bars.
const LEFT: f64 = 210.0;
const ROW: f64 = 22.0;
const BAR: f64 = 30.0;

/// Share and seconds, of typical requests and of the slowest.
type Columns = [(f64, f64); 2];

/// One part of both bars.
struct Part {
    name: String,
    look: Fill,
    figures: Columns,
}

/// How a part is filled: colours are components, textures are phases.
#[derive(Clone, Copy)]
struct Fill {
    colour: Colour,
    texture: Texture,
}

#[derive(Clone, Copy, PartialEq)]
enum Texture {
    /// Work.
    Full,
    /// Waiting.
    Hatched,
    /// On the way.
    Pale,
    /// Between tries, and on tries that were given up.
    Crossed,
}

/// Draws it.
pub fn draw(breakdown: &Breakdown, about: &About) -> Picture {
    let totals = [&breakdown.p50, &breakdown.p99].map(|parts| parts.iter().map(|part| part.seconds).sum::<f64>());
    let title = match breakdown.p99.first() {
        Some(first) => {
            format!("Where the time goes: {} is {} of the slowest 1%", name(first), humane_share(first.share))
        }
        None => "Where the time goes: no request ended ok".to_owned(),
    };
    let rows = |parts: &[BreakdownPart]| {
        let rows: Vec<String> = parts
            .iter()
            .take(ROWS)
            .map(|part| format!("{} {} ({})", name(part), humane_time(part.seconds), humane_share(part.share)))
            .collect();
        rows.join(", ")
    };
    let head = Head {
        kind: "breakdown",
        title,
        description: format!(
            "Two stacked bars: where the time of typical requests and of the slowest 1% goes, by component and phase. \
             Typical, {} in all: {}. Slowest 1%, {} in all: {}.",
            humane_time(totals[0]),
            rows(&breakdown.p50),
            humane_time(totals[1]),
            rows(&breakdown.p99)
        ),
        about,
    };
    let count = parts(breakdown, about.theme.colours().series).len();
    let height = 2.0 * BAR + 24.0 + 50.0 + ROW * count.max(1) as f64 + 20.0;
    picture(head, height, |sheet| {
        let parts = parts(breakdown, sheet.colours.series);
        let labels = ["Typical (p45 to p55)", "Slowest 1%"];
        for (number, label) in labels.into_iter().enumerate() {
            let top = 6.0 + (BAR + 12.0) * number as f64;
            let frame = Frame { left: LEFT, top, right: WIDTH - MARGIN, bottom: top + BAR };
            sheet.text(MARGIN, top + 13.0, label, sheet.ink(sheet.colours.ink));
            let total = if totals[number] > 0.0 {
                format!("{} on average", humane_time(totals[number]))
            } else {
                "–".to_owned()
            };
            sheet.text(MARGIN, top + 27.0, &total, sheet.small(Anchor::Start));
            stack(sheet, frame, &parts, number);
        }
        table(sheet, 2.0 * BAR + 24.0 + 28.0, &parts);
    })
}

fn name(part: &BreakdownPart) -> String {
    let given_up = if part.abandoned { " (given up)" } else { "" };
    format!("{} {}{given_up}", part.component, part.phase.replace('-', " "))
}

/// The parts of both bars, the largest first, the smallest together.
fn parts(breakdown: &Breakdown, colours: [Colour; 6]) -> Vec<Part> {
    let mut by_component: BTreeMap<&str, f64> = BTreeMap::new();
    let mut figures: BTreeMap<(&str, &str, bool), Columns> = BTreeMap::new();
    for (column, parts) in [&breakdown.p50, &breakdown.p99].into_iter().enumerate() {
        for part in parts {
            *by_component.entry(&part.component).or_default() += part.share;
            let key = (part.component.as_str(), part.phase.as_str(), part.abandoned);
            figures.entry(key).or_default()[column] = (part.share, part.seconds);
        }
    }
    let mut components: Vec<(&str, f64)> = by_component.into_iter().collect();
    components.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    let colour = |component: &str| {
        let rank = components.iter().position(|(name, _)| *name == component).unwrap_or(0);
        colours[[1, 0, 2, 3, 4][rank % 5]]
    };
    let mut parts: Vec<Part> = figures
        .into_iter()
        .map(|((component, phase, abandoned), figures)| {
            let texture = match phase {
                _ if abandoned => Texture::Crossed,
                "service" => Texture::Full,
                "network" => Texture::Pale,
                "back-off" => Texture::Crossed,
                _ => Texture::Hatched,
            };
            let part =
                BreakdownPart { component: component.into(), phase: phase.into(), abandoned, ..Default::default() };
            Part { name: name(&part), look: Fill { colour: colour(component), texture }, figures }
        })
        .collect();
    let weight = |part: &Part| part.figures[1].0 + part.figures[0].0 * 0.5;
    parts.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(a.name.cmp(&b.name)));
    parts.retain(|part| weight(part) > 0.0);
    if parts.len() > ROWS {
        let rest = parts.split_off(ROWS - 1);
        let sum = |column: usize| {
            rest.iter().fold((0.0, 0.0), |(share, seconds), part| {
                (share + part.figures[column].0, seconds + part.figures[column].1)
            })
        };
        let look = Fill { colour: colours[5], texture: Texture::Pale };
        parts.push(Part { name: format!("{} smaller parts", rest.len()), look, figures: [sum(0), sum(1)] });
    }
    parts
}

fn stack(sheet: &Sheet, frame: Frame, parts: &[Part], column: usize) {
    let mut left = frame.left;
    for part in parts {
        let (share, _) = part.figures[column];
        let right = (left + share * frame.width()).min(frame.right);
        if right - left > 0.4 {
            fill(sheet, Frame { left, right, ..frame }, part.look);
            let text = small_share(share);
            let room = width(&text, SMALL, Weight::Bold) + 8.0;
            if right - left > room + 6.0 {
                let middle = (left + right) / 2.0;
                let pill = [(middle - room / 2.0, frame.top + 7.0), (middle + room / 2.0, frame.bottom - 7.0)];
                let look = Look::Rect { colour: sheet.colours.paper, opacity: 0.85, edge: None, radius: 3.0 };
                sheet.draw(&pill, look);
                let ink =
                    Ink { size: SMALL, weight: Weight::Bold, anchor: Anchor::Middle, ..sheet.ink(sheet.colours.ink) };
                sheet.text(middle, frame.top + BAR / 2.0 + 4.0, &text, ink);
            }
        }
        left = right;
    }
    if left == frame.left {
        let edge = Look::Rect { colour: sheet.colours.grid, opacity: 1.0, edge: None, radius: 0.0 };
        sheet.draw(&[(frame.left, frame.top), (frame.right, frame.bottom)], edge);
    }
}

fn fill(sheet: &Sheet, frame: Frame, look: Fill) {
    let Fill { colour, texture } = look;
    sheet.fill(frame, sheet.colours.paper, 1.0);
    let opacity = match texture {
        Texture::Full => 0.9,
        Texture::Hatched | Texture::Crossed => 0.35,
        Texture::Pale => 0.35,
    };
    sheet.fill(frame, colour, opacity);
    let corners = [(frame.left, frame.top), (frame.right, frame.bottom)];
    if matches!(texture, Texture::Hatched | Texture::Crossed) {
        sheet.draw(&corners, Look::Hatch { colour, apart: 5.0 });
    }
    if texture == Texture::Crossed {
        sheet.draw(&corners, Look::Hatch { colour, apart: -5.0 });
    }
    // A gap of ground between neighbours.
    sheet.line(&[(frame.right, frame.top), (frame.right, frame.bottom)], sheet.colours.paper, 1.5, Dash::Solid);
}

/// A row for each part: what it is, and its time and share in both bars.
fn table(sheet: &Sheet, top: f64, parts: &[Part]) {
    let columns = [430.0, WIDTH - MARGIN - 150.0];
    for (x, heading) in columns.into_iter().zip(["typical", "slowest 1%"]) {
        sheet.text(x, top, heading, sheet.small(Anchor::End));
    }
    let widest = parts.iter().flat_map(|part| part.figures).map(|(share, _)| share).fold(0.0, f64::max).max(1e-9);
    for (number, part) in parts.iter().enumerate() {
        let y = top + 20.0 + ROW * number as f64;
        let swatch = Frame { left: MARGIN, top: y - 11.0, right: MARGIN + 16.0, bottom: y + 3.0 };
        fill(sheet, swatch, part.look);
        let text = fitted(&part.name, 290.0, LABEL, Weight::Regular);
        sheet.text(MARGIN + 26.0, y, &text, sheet.ink(sheet.colours.ink));
        for (x, (share, seconds)) in columns.into_iter().zip(part.figures) {
            let (time, share_text) = match share > 0.0 {
                true => (humane_time(seconds), small_share(share)),
                false => ("–".to_owned(), String::new()),
            };
            sheet.text(x, y, &time, Ink { anchor: Anchor::End, ..sheet.ink(sheet.colours.ink) });
            sheet.text(x + 62.0, y, &share_text, sheet.small(Anchor::End));
            let bar = Frame { left: x + 72.0, top: y - 9.0, right: x + 72.0 + 76.0 * share / widest, bottom: y + 1.0 };
            if share > 0.0 {
                fill(sheet, bar, part.look);
            }
        }
    }
    if parts.is_empty() {
        sheet.text(MARGIN, top + 20.0, "no request ended ok", sheet.ink(sheet.colours.soft));
    }
}
