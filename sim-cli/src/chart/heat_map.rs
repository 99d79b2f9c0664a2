//! A figure over two axes of a sweep: a cell for each combination, with its value in it.

use sim_core::experiment::sweep::{Swept, SweptPoint};
use sim_core::math::ln;
use sim_core::model::objective::Dimension;

use super::answer::{dimension, estimate, is_met, main_figure, text};
use super::font::{Weight, fitted, width};
use super::paper::{Anchor, Ink, Look, Marker};
use super::picture::Picture;
use super::sheet::{About, Frame, Head, MARGIN, SMALL, Sheet, WIDTH, picture};
use super::theme::{HEAT, on_heat};
use crate::render::humane;

/// The cells: columns are the first axis, rows the second.
struct Grid<'a> {
    columns: Vec<String>,
    rows: Vec<String>,
    cells: Vec<Option<&'a SweptPoint>>,
    /// The lowest and the highest value.
    extent: Option<(f64, f64)>,
    figure: String,
    of: Dimension,
}

/// Draws it.
///
/// # Errors
/// There are no two axes, or not every combination.
pub fn draw(answer: &Swept, about: &About) -> Result<Picture, String> {
    let [across, down, others @ ..] = answer.axes.as_slice() else {
        return Err("a heat map needs two axes; give --vary twice".to_owned());
    };
    if answer.sample.is_some() {
        return Err("a heat map needs every combination; leave --sample out".to_owned());
    }
    let figure = main_figure(&answer.points).ok_or("there are no points")?;
    let (columns, rows): (Vec<String>, Vec<String>) =
        (across.values.iter().map(text).collect(), down.values.iter().map(text).collect());
    let is_at =
        |point: &SweptPoint, path: &str, value: &str| point.settings.get(path).is_some_and(|set| text(set) == value);
    let shown: Vec<&SweptPoint> = answer
        .points
        .iter()
        .filter(|point| {
            others.iter().all(|axis| axis.values.first().is_none_or(|value| is_at(point, &axis.path, &text(value))))
        })
        .collect();
    let find = |row: &String, column: &String| {
        shown.iter().copied().find(|point| is_at(point, &across.path, column) && is_at(point, &down.path, row))
    };
    let cells: Vec<Option<&SweptPoint>> =
        rows.iter().flat_map(|row| columns.iter().map(move |column| find(row, column))).collect();
    let values: Vec<f64> = cells.iter().flatten().filter_map(|point| estimate(&point.figures, &figure).value).collect();
    let extent = (!values.is_empty()).then(|| {
        (values.iter().copied().fold(f64::INFINITY, f64::min), values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    });
    let met = cells.iter().flatten().filter(|point| is_met(point)).count();
    let fixed: Vec<String> =
        others.iter().filter_map(|axis| Some(format!("{}={}", axis.path, text(axis.values.first()?)))).collect();
    let mut title = format!("{figure} by {} and {}", across.path, down.path);
    if !fixed.is_empty() {
        title += &format!(" at {}", fixed.join(", "));
    }
    if cells.iter().flatten().any(|point| !point.objectives.is_empty()) {
        title += &format!(": {met} of {} meet the objectives", cells.iter().flatten().count());
    }
    let of = dimension(&figure);
    let grid = Grid { columns, rows, cells, extent, of, figure };
    let head = Head { kind: "heat-map", title, description: described(&grid), about };
    let cell_height = (420.0 / grid.rows.len().max(1) as f64).clamp(16.0, 40.0);
    let height = 30.0 + cell_height * grid.rows.len() as f64 + 72.0;
    let (across, down) = (across.path.clone(), down.path.clone());
    Ok(picture(head, height, |sheet| {
        let widest = grid.rows.iter().map(|row| width(row, SMALL, Weight::Regular)).fold(0.0, f64::max).min(180.0);
        let frame = Frame {
            left: MARGIN + widest + 12.0,
            top: 24.0,
            right: WIDTH - MARGIN,
            bottom: 24.0 + cell_height * grid.rows.len() as f64,
        };
        sheet.text(MARGIN, 10.0, &fitted(&down, 400.0, SMALL, Weight::Regular), sheet.small(Anchor::Start));
        let is_written = draw_cells(sheet, &grid, frame);
        axes(sheet, &grid, frame, &across);
        key(sheet, &grid, frame.bottom + 58.0, is_written);
    }))
}

fn described(grid: &Grid) -> String {
    let range = grid.extent.map_or("unknown everywhere".to_owned(), |(low, high)| {
        format!("from {} to {}", humane(low, grid.of), humane(high, grid.of))
    });
    format!(
        "A grid of {} columns and {} rows with {} in each cell, {range}; cells where an objective is not met are marked.",
        grid.columns.len(),
        grid.rows.len(),
        grid.figure
    )
}

impl Grid<'_> {
    /// Which colour a value has: by ratios where values differ much.
    fn step(&self, value: f64) -> usize {
        let Some((low, high)) = self.extent.filter(|(low, high)| high > low) else { return 0 };
        let share = match low > 0.0 && high / low > 8.0 {
            true => ln(value / low) / ln(high / low),
            false => (value - low) / (high - low),
        };
        ((share * HEAT.len() as f64) as usize).min(HEAT.len() - 1)
    }

    fn text(&self, point: &SweptPoint) -> String {
        let value = estimate(&point.figures, &self.figure).value.map_or("?".to_owned(), |value| humane(value, self.of));
        if is_met(point) { value } else { format!("✗ {value}") }
    }
}

/// Draws the cells; tells whether there was room for their values.
fn draw_cells(sheet: &Sheet, grid: &Grid, frame: Frame) -> bool {
    let (wide, high) =
        (frame.width() / grid.columns.len().max(1) as f64, frame.height() / grid.rows.len().max(1) as f64);
    let texts: Vec<String> =
        grid.cells.iter().map(|point| point.map_or(String::new(), |point| grid.text(point))).collect();
    let widest = texts.iter().map(|text| width(text, SMALL, Weight::Regular)).fold(0.0, f64::max);
    let is_written = widest + 6.0 < wide;
    for (number, (point, text)) in grid.cells.iter().zip(&texts).enumerate() {
        let (row, column) = (number / grid.columns.len(), number % grid.columns.len());
        let left = frame.left + wide * column as f64;
        // The first row is the lowest, as on any axis.
        let bottom = frame.bottom - high * row as f64;
        let place =
            Frame { left: left + 0.75, top: bottom - high + 0.75, right: left + wide - 0.75, bottom: bottom - 0.75 };
        let Some(point) = point else { continue };
        let step = estimate(&point.figures, &grid.figure).value.map(|value| grid.step(value));
        sheet.fill(place, step.map_or(sheet.colours.grid, |step| HEAT[step]), 1.0);
        let (x, y) = (left + wide / 2.0, bottom - high / 2.0);
        let colour = step.map_or(sheet.colours.soft, on_heat);
        if is_written {
            let weight = if is_met(point) { Weight::Regular } else { Weight::Bold };
            let text = fitted(text, wide - 4.0, SMALL, weight);
            sheet.text(x, y + 4.0, &text, Ink { size: SMALL, weight, anchor: Anchor::Middle, ..sheet.ink(colour) });
        } else if !is_met(point) {
            let size = (wide.min(high) / 5.0).clamp(1.5, 4.0);
            sheet.draw(&[(x, y)], Look::Mark { marker: Marker::Cross, colour, size, hollow: None });
        }
    }
    is_written
}

fn axes(sheet: &Sheet, grid: &Grid, frame: Frame, across: &str) {
    let (wide, high) =
        (frame.width() / grid.columns.len().max(1) as f64, frame.height() / grid.rows.len().max(1) as f64);
    for (number, row) in grid.rows.iter().enumerate() {
        let y = frame.bottom - high * (number as f64 + 0.5);
        let text = fitted(row, frame.left - MARGIN - 8.0, SMALL, Weight::Regular);
        sheet.text(frame.left - 8.0, y + 4.0, &text, sheet.small(Anchor::End));
    }
    let mut taken = f64::NEG_INFINITY;
    for (number, column) in grid.columns.iter().enumerate() {
        let x = frame.left + wide * (number as f64 + 0.5);
        let text = fitted(column, (wide - 4.0).max(44.0), SMALL, Weight::Regular);
        let half = width(&text, SMALL, Weight::Regular) / 2.0;
        if x - half > taken + 6.0 && x + half < WIDTH - 2.0 {
            sheet.text(x, frame.bottom + 16.0, &text, sheet.small(Anchor::Middle));
            taken = x + half;
        }
    }
    sheet.text(
        frame.right,
        frame.bottom + 34.0,
        &fitted(across, 500.0, SMALL, Weight::Regular),
        sheet.small(Anchor::End),
    );
}

/// What the colours and the crosses mean.
fn key(sheet: &Sheet, grid: &Grid, y: f64, is_written: bool) {
    let mut x = MARGIN;
    if let Some((low, high)) = grid.extent.filter(|(low, high)| high > low && !is_written) {
        let low = humane(low, grid.of);
        sheet.text(x, y, &low, sheet.small(Anchor::Start));
        x += width(&low, SMALL, Weight::Regular) + 8.0;
        for colour in HEAT {
            sheet.fill(Frame { left: x, top: y - 10.0, right: x + 18.0, bottom: y + 2.0 }, colour, 1.0);
            x += 18.0;
        }
        let high = humane(high, grid.of);
        sheet.text(x + 8.0, y, &high, sheet.small(Anchor::Start));
        x += width(&high, SMALL, Weight::Regular) + 28.0;
    }
    if grid.cells.iter().flatten().any(|point| !is_met(point)) {
        sheet.text(x, y, "✗ an objective is not met", sheet.small(Anchor::Start));
    }
}
