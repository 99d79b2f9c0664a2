//! Differences with their intervals, around zero: what a comparison found, or what steps would change. In shares of what
//! they are compared with, so that all figures share an axis.

use sim_core::analysis::paired::Verdict;
use sim_core::experiment::Envelope;
use sim_core::experiment::compare::{Compared, Difference};
use sim_core::experiment::explain::{Explained, Step};
use sim_core::model::objective::Dimension;
use sim_core::scale::Scale;

use super::answer::dimension;
use super::font::{Weight, fitted};
use super::over_time::nothing;
use super::paper::{Anchor, Dash, Ink, Look, Marker};
use super::picture::Picture;
use super::sheet::{About, Frame, Head, LABEL, MARGIN, Panel, WIDTH, picture};
use crate::render::humane;

/// Figures that a comparison's picture has, in this order.
const FIGURES: [&str; 7] = ["p50", "p90", "p99", "p99.9", "error_rate", "goodput", "cost"];
/// Rows at most; the page's table has all.
const ROWS: usize = 40;
const ROW: f64 = 24.0;
/// Differences beyond these shares are drawn at the edge.
const WIDEST: [f64; 2] = [-1.0, 2.0];

/// Rows under a heading.
struct Section {
    heading: String,
    rows: Vec<Row>,
}

/// A difference.
struct Row {
    label: String,
    /// Value and interval, in shares of what it is compared with.
    change: Option<(f64, f64, f64)>,
    /// In words.
    text: String,
    is_found: bool,
}

/// Draws the differences of a comparison.
///
/// # Errors
/// There is none.
pub fn of_comparison(answer: &Compared, about: &About) -> Result<Picture, String> {
    if answer.differences.is_empty() {
        return Err("there are no differences".to_owned());
    }
    let mut sections: Vec<Section> = Vec::new();
    for difference in &answer.differences {
        if sections.last().is_none_or(|section| section.heading != difference.variant) {
            sections.push(Section { heading: difference.variant.clone(), rows: Vec::new() });
        }
    }
    for section in &mut sections {
        let of = || answer.differences.iter().filter(|difference| difference.variant == section.heading);
        let mut listed: Vec<&Difference> =
            FIGURES.iter().filter_map(|figure| of().find(|difference| difference.figure.name == *figure)).collect();
        // What was asked for comes first.
        if let Some(first) = of().next().filter(|first| !FIGURES.contains(&first.figure.name.as_str())) {
            listed.insert(0, first);
        }
        section.rows = listed.into_iter().map(|of| row(&of.figure.name, Change::of(of), told(of))).collect();
    }
    let base = if answer.base.name.is_empty() { "the base" } else { &answer.base.name };
    let title = format!("What changes, compared with {base}");
    Ok(draw("differences", title, sections, &answer.envelope, about))
}

/// Draws what the steps of an explanation change.
///
/// # Errors
/// There is none.
pub fn of_advice(answer: &Explained, about: &About) -> Result<Picture, String> {
    let steps: Vec<&Step> = answer.advice.iter().chain(&answer.others).collect();
    let first = steps.first().ok_or("there is nothing to advise")?;
    let figure = first.figure.clone();
    let rows = steps.iter().map(|step| {
        let of = dimension(&step.figure);
        let text = match (step.a, step.b) {
            (Some(a), Some(b)) => format!("{} → {}", humane(a, of), humane(b, of)),
            (Some(_), None) | (None, Some(_)) | (None, None) => step.verdict.text().to_owned(),
        };
        row(&step.what, Change::by(step), &text)
    });
    let sections = vec![Section { heading: String::new(), rows: rows.collect() }];
    Ok(draw("advice", format!("What one more of each would change of {figure}"), sections, &answer.envelope, about))
}

/// What is said beside a difference: the interval where one was found; of others the line shows what there is to see.
fn told(difference: &Difference) -> &str {
    match difference.verdict {
        Verdict::Lower | Verdict::Higher => &difference.sentence,
        Verdict::Identical | Verdict::NoDifference | Verdict::CantTell => difference.verdict.text(),
    }
}

/// What of differences and of steps is drawn.
struct Change {
    a: Option<f64>,
    diff: Option<f64>,
    ends: [Option<f64>; 2],
    verdict: Verdict,
}

impl Change {
    fn of(difference: &Difference) -> Self {
        let Difference { a, diff, low, high, verdict, .. } = *difference;
        Self { a, diff, ends: [low, high], verdict }
    }

    fn by(step: &Step) -> Self {
        let Step { a, diff, low, high, verdict, .. } = *step;
        Self { a, diff, ends: [low, high], verdict }
    }
}

fn row(label: &str, of: Change, text: &str) -> Row {
    let share = |value: f64| of.a.filter(|a| *a != 0.0).map(|a| value / a.abs());
    let change = of.diff.and_then(share).map(|value| {
        let [low, high] = of.ends.map(|end| end.and_then(share).unwrap_or(value));
        (value, low, high)
    });
    let is_found = matches!(of.verdict, Verdict::Lower | Verdict::Higher);
    Row { label: label.to_owned(), change, text: text.to_owned(), is_found }
}

fn draw(kind: &'static str, title: String, mut sections: Vec<Section>, of: &Envelope, about: &About) -> Picture {
    let mut room = ROWS;
    for section in &mut sections {
        section.rows.truncate(room);
        room -= section.rows.len();
    }
    sections.retain(|section| !section.rows.is_empty());
    let headings = sections.iter().filter(|section| !section.heading.is_empty()).count();
    let rows: usize = sections.iter().map(|section| section.rows.len()).sum();
    let said: Vec<String> = sections
        .iter()
        .flat_map(|section| section.rows.iter().map(|row| format!("{} {}: {}", section.heading, row.label, row.text)))
        .collect();
    let head = Head {
        kind,
        title,
        description: format!("Differences with their intervals, around zero. {}.", said.join("; ").trim()),
        about,
    };
    let height = 12.0 + ROW * (rows + headings).max(2) as f64 + 62.0;
    let has_long_labels = kind == "advice";
    picture(head, height, |sheet| {
        let (left, right) = if has_long_labels { (MARGIN + 300.0, 660.0) } else { (MARGIN + 150.0, 520.0) };
        let frame = Frame { left, top: 8.0, right, bottom: height - 56.0 };
        let changes = || sections.iter().flat_map(|section| &section.rows).filter_map(|row| row.change);
        let values =
            changes().flat_map(|(value, low, high)| [value, low, high]).map(|value| value.clamp(WIDEST[0], WIDEST[1]));
        // At least one percent on both sides: what is equal looks equal.
        let values = values.chain([-0.01, 0.01]);
        let x = Scale::from_zero(values, Dimension::Share, 5);
        let panel = sheet.panel(frame, x, Scale::Linear { low: 0.0, high: 1.0 });
        scaffold(&panel);
        let mut y = frame.top + 4.0;
        for section in &sections {
            if !section.heading.is_empty() {
                y += ROW;
                let ink = Ink { weight: Weight::Bold, ..sheet.ink(sheet.colours.ink) };
                let heading = fitted(&section.heading, left - MARGIN - 12.0, LABEL, Weight::Bold);
                sheet.text(MARGIN, y - 7.0, &heading, ink);
            }
            for row in &section.rows {
                y += ROW;
                one(&panel, row, y - 11.0);
            }
        }
        let notes = [
            format!("lines: {:.0}% intervals", of.confidence * 100.0),
            "hollow: no difference found, or can't tell yet".to_owned(),
        ];
        sheet.text(MARGIN, height - 16.0, &notes.join(" · "), sheet.small(Anchor::Start));
        if rows == 0 {
            nothing(&panel, "nothing is known of both");
        }
    })
}

/// The grid and zero.
fn scaffold(panel: &Panel) {
    let (frame, colours) = (panel.frame, panel.sheet.colours);
    let ticks: Vec<(f64, String)> = panel
        .x
        .ticks(Dimension::Share, 5)
        .into_iter()
        .map(|tick| (tick.value, if tick.value > 0.0 { format!("+{}", tick.label) } else { tick.label }))
        .collect();
    for (value, _) in &ticks {
        let x = panel.across(*value);
        panel.sheet.line(&[(x, frame.top), (x, frame.bottom)], colours.grid, 1.0, Dash::Solid);
    }
    let zero = panel.across(0.0);
    panel.sheet.line(&[(zero, frame.top), (zero, frame.bottom)], colours.ink, 1.0, Dash::Solid);
    panel.columns_at(&ticks, "");
}

fn one(panel: &Panel, row: &Row, y: f64) {
    let (sheet, frame) = (panel.sheet, panel.frame);
    let colours = sheet.colours;
    let label = fitted(&row.label, frame.left - MARGIN - 12.0, LABEL, Weight::Regular);
    sheet.text(MARGIN, y + 4.0, &label, sheet.ink(colours.ink));
    let text = fitted(&row.text, WIDTH - MARGIN - frame.right - 18.0, LABEL, Weight::Regular);
    let colour = if row.is_found { colours.ink } else { colours.soft };
    sheet.text(frame.right + 18.0, y + 4.0, &text, sheet.ink(colour));
    let Some((value, low, high)) = row.change else { return };
    let colour = if row.is_found { colours.series[0] } else { colours.rule };
    sheet.line(&[(panel.across(low), y), (panel.across(high), y)], colour, 2.5, Dash::Solid);
    let hollow = (!row.is_found).then_some(colours.paper);
    let is_beyond = !(WIDEST[0]..=WIDEST[1]).contains(&value);
    let marker = if is_beyond { Marker::Triangle } else { Marker::Disc };
    sheet.draw(&[(panel.across(value), y)], Look::Mark { marker, colour, size: 4.5, hollow });
}
