//! What all pictures have in common: a title that says what is seen, the model it is of, panels with axes, and labels
//! beside what they name instead of legends.

use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged};
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use sim_core::model::objective::Dimension;
use sim_core::scale::Scale;

use super::font::{Weight, fitted, width, wrapped};
use super::paper::{Anchor, Dash, Drawing, FINE, Ink, Item, Look, Marker, Paper};
use super::picture::Picture;
use super::theme::{Colour, Colours, Theme};

/// The width of all pictures.
pub const WIDTH: f64 = 860.0;
/// Space at the edges.
pub const MARGIN: f64 = 20.0;
/// The size of labels.
pub const LABEL: f64 = 12.0;
/// The size of what stands at axes.
pub const SMALL: f64 = 11.0;
const TITLE: f64 = 17.0;
/// Least space between the base lines of two labels.
const LINE: f64 = 15.0;

/// What stands above a picture.
#[derive(Debug)]
pub struct Head<'a> {
    /// By what name the picture is asked for.
    pub kind: &'static str,
    /// What is seen, in a sentence.
    pub title: String,
    /// What is seen, for those who don't see it.
    pub description: String,
    /// What it is of.
    pub about: &'a About,
}

/// What a picture is of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// The model's name.
    pub name: String,
    /// Seed, replications, digest.
    pub facts: Vec<String>,
    /// Which colours.
    pub theme: Theme,
}

/// A place on a sheet, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Frame {
    /// From edge to edge.
    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    /// From top to bottom.
    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// Whether it lies on another place, or right beside it.
    pub fn touches(&self, other: &Self) -> bool {
        self.left <= other.right + 4.0
            && other.left <= self.right + 4.0
            && self.top <= other.bottom
            && other.top <= self.bottom
    }
}

/// What a picture is drawn on, below its title.
pub struct Sheet<'d> {
    root: DrawingArea<Paper<'d>, Shift>,
    pub colours: &'static Colours,
    top: f64,
}

/// Draws a picture whose part below the title is so high; `draw` counts from there.
pub fn picture(head: Head, height: f64, draw: impl FnOnce(&Sheet)) -> Picture {
    let colours = head.about.theme.colours();
    let room = WIDTH - 2.0 * MARGIN;
    let lines = wrapped(&head.title, room, TITLE, Weight::Bold, 2);
    let top = MARGIN + 22.0 * lines.len() as f64 + 26.0;
    let mut drawing = Drawing { width: WIDTH, height: (top + height).round(), ..Drawing::default() };
    {
        let sheet = Sheet { root: Paper(&mut drawing).into_drawing_area(), colours, top: 0.0 };
        let whole = Look::Rect { colour: colours.paper, opacity: 1.0, edge: None, radius: 0.0 };
        sheet.draw(&[(0.0, 0.0), (WIDTH, top + height)], whole);
        for (number, line) in lines.iter().enumerate() {
            let ink = Ink { size: TITLE, weight: Weight::Bold, ..sheet.ink(colours.ink) };
            sheet.text(MARGIN, MARGIN + 14.0 + 22.0 * number as f64, line, ink);
        }
        let facts = head.about.facts.join(" · ");
        let name = fitted(
            &head.about.name,
            room - width(&format!(" · {facts}"), LABEL, Weight::Regular),
            LABEL,
            Weight::Regular,
        );
        let parts: Vec<&str> = [name.as_str(), &facts].into_iter().filter(|part| !part.is_empty()).collect();
        sheet.text(MARGIN, top - 14.0, &parts.join(" · "), sheet.ink(colours.soft));
        draw(&Sheet { top, ..sheet });
    }
    Picture { kind: head.kind, title: head.title, description: head.description, drawing }
}

impl<'d> Sheet<'d> {
    /// Draws at places of the sheet, in pixels.
    pub fn draw(&self, points: &[(f64, f64)], look: Look) {
        let fine = |value: f64| (value * FINE).round() as i32;
        let points = points.iter().map(|(x, y)| (fine(*x), fine(*y + self.top))).collect();
        self.root.draw(&Item::<(i32, i32)>::new(points, look)).expect("paper takes everything");
    }

    /// Plain labels of a colour.
    pub fn ink(&self, colour: Colour) -> Ink {
        Ink { size: LABEL, weight: Weight::Regular, colour, anchor: Anchor::Start, halo: None }
    }

    /// What stands at axes.
    pub fn small(&self, anchor: Anchor) -> Ink {
        Ink { size: SMALL, anchor, ..self.ink(self.colours.soft) }
    }

    /// Writes a text; `y` is its base line.
    pub fn text(&self, x: f64, y: f64, text: &str, ink: Ink) {
        self.draw(&[(x, y)], Look::Text { text: text.to_owned(), ink, right: 0.0, below: 0.0 });
    }

    /// A line between places of the sheet.
    pub fn line(&self, points: &[(f64, f64)], colour: Colour, width: f64, dash: Dash) {
        self.draw(points, Look::Line { colour, width, dash, opacity: 1.0 });
    }

    /// A filled place.
    pub fn fill(&self, frame: Frame, colour: Colour, opacity: f64) {
        let corners = [(frame.left, frame.top), (frame.right, frame.bottom)];
        self.draw(&corners, Look::Rect { colour, opacity, edge: None, radius: 0.0 });
    }

    /// The colour of a series.
    pub fn colour(&self, series: usize) -> Colour {
        self.colours.series[series % self.colours.series.len()]
    }

    /// A place with two axes.
    pub fn panel(&self, frame: Frame, x: Scale, y: Scale) -> Panel<'_, 'd> {
        let fine = |value: f64| (value * FINE).round() as i32;
        let corner = (fine(frame.left), fine(frame.top + self.top));
        let area = self.root.clone().shrink(corner, (fine(frame.width()), fine(frame.height())));
        let (across, down) = area.get_pixel_range();
        let area = area.apply_coord_spec(Cartesian2d::new(Axis(x), Axis(y), (across, down.end..down.start)));
        Panel { area, sheet: self, frame, x, y }
    }
}

/// A scale as plotters knows axes.
struct Axis(Scale);

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        (f64::from(start) + self.0.position(*value) * f64::from(end - start)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        self.0.ticks(Dimension::Number, hint.max_num_points()).into_iter().map(|tick| tick.value).collect()
    }

    fn range(&self) -> std::ops::Range<f64> {
        let (low, high) = self.0.ends();
        low..high
    }
}

/// A place with two axes.
pub struct Panel<'s, 'd> {
    area: DrawingArea<Paper<'d>, Cartesian2d<Axis, Axis>>,
    pub sheet: &'s Sheet<'d>,
    pub frame: Frame,
    pub x: Scale,
    pub y: Scale,
}

/// A label beside the end of a line.
#[derive(Clone, Debug)]
pub struct EndLabel {
    /// The value that it is beside.
    pub value: f64,
    /// What it says.
    pub text: String,
    /// The colour of what it names.
    pub colour: Colour,
    /// And its dash.
    pub dash: Dash,
}

/// A value of the horizontal axis that has a name.
#[derive(Clone, Debug)]
pub struct Flag {
    /// The value.
    pub value: f64,
    /// Its name.
    pub text: String,
    /// The colour of its line.
    pub colour: Colour,
    /// And its dash.
    pub dash: Dash,
}

impl Panel<'_, '_> {
    /// Draws at values of the axes.
    pub fn draw(&self, points: Vec<(f64, f64)>, look: Look) {
        self.area.draw(&Item::new(points, look)).expect("paper takes everything");
    }

    /// Where a value is across the sheet.
    pub fn across(&self, x: f64) -> f64 {
        self.frame.left + self.x.position(x) * self.frame.width()
    }

    /// Where a value is down the sheet.
    pub fn down(&self, y: f64) -> f64 {
        self.frame.bottom - self.y.position(y) * self.frame.height()
    }

    /// The grid and the marks of the vertical axis; what it measures stands above it.
    pub fn rows(&self, dimension: Dimension, title: &str) {
        let (frame, colours) = (self.frame, self.sheet.colours);
        let most = ((frame.height() / 32.0) as usize).clamp(2, 8);
        let mut last = f64::INFINITY;
        for tick in self.y.ticks(dimension, most) {
            let y = self.down(tick.value);
            if tick.label.is_empty() {
                continue;
            }
            self.sheet.line(&[(frame.left, y), (frame.right, y)], colours.grid, 1.0, Dash::Solid);
            if last - y >= LINE {
                self.sheet.text(frame.left - 8.0, y + 4.0, &tick.label, self.sheet.small(Anchor::End));
                last = y;
            }
        }
        self.sheet.text(MARGIN, frame.top - 12.0, title, self.sheet.small(Anchor::Start));
    }

    /// The marks of the horizontal axis; what it measures stands below it.
    pub fn columns(&self, dimension: Dimension, title: &str) {
        let most = ((self.frame.width() / 70.0) as usize).clamp(2, 12);
        let ticks: Vec<(f64, String)> =
            self.x.ticks(dimension, most).into_iter().map(|tick| (tick.value, tick.label)).collect();
        self.columns_at(&ticks, title);
    }

    /// The same with marks of one's own.
    pub fn columns_at(&self, ticks: &[(f64, String)], title: &str) {
        let (frame, colours) = (self.frame, self.sheet.colours);
        self.sheet.line(&[(frame.left, frame.bottom), (frame.right, frame.bottom)], colours.rule, 1.0, Dash::Solid);
        let mut taken = f64::NEG_INFINITY;
        for (value, label) in ticks {
            let x = self.across(*value);
            let half = width(label, SMALL, Weight::Regular) / 2.0;
            let is_written = !label.is_empty() && x - half > taken + 8.0 && x + half < WIDTH - 4.0;
            let length = if is_written { 5.0 } else { 3.0 };
            self.sheet.line(&[(x, frame.bottom), (x, frame.bottom + length)], colours.rule, 1.0, Dash::Solid);
            if is_written {
                self.sheet.text(x, frame.bottom + 18.0, label, self.sheet.small(Anchor::Middle));
                taken = x + half;
            }
        }
        if !title.is_empty() {
            self.sheet.text(frame.right, frame.bottom + 36.0, title, self.sheet.small(Anchor::End));
        }
    }

    /// A line through the values that are known; one that is alone is a dot.
    pub fn curve(&self, points: &[(f64, Option<f64>)], colour: Colour, width: f64, dash: Dash) {
        for run in points.split(|(_, y)| y.is_none()).filter(|run| !run.is_empty()) {
            let run: Vec<(f64, f64)> = run.iter().filter_map(|(x, y)| Some((*x, (*y)?))).collect();
            match run.len() {
                1 => self.draw(run, Look::Mark { marker: Marker::Disc, colour, size: width + 0.5, hollow: None }),
                _ => self.draw(run, Look::Line { colour, width, dash, opacity: 1.0 }),
            }
        }
    }

    /// The area between two values at each place.
    pub fn band(&self, points: &[(f64, f64, f64)], colour: Colour, opacity: f64) {
        let upper = points.iter().map(|(x, _, high)| (*x, *high));
        let lower = points.iter().rev().map(|(x, low, _)| (*x, *low));
        self.draw(upper.chain(lower).collect(), Look::Area { colour, opacity });
    }

    /// What an objective demands, as a line across; its text stands where the fewest lines run, and nothing is written.
    pub fn bound(&self, value: f64, text: &str, lines: &[Vec<(f64, f64)>], taken: &mut Vec<Frame>) {
        let (low, high) = self.y.ends();
        if value < low || value > high {
            return;
        }
        let (frame, colour, y) = (self.frame, self.sheet.colours.bound, self.down(value));
        self.sheet.line(&[(frame.left, y), (frame.right, y)], colour, 1.25, Dash::Short);
        let wide = width(text, SMALL, Weight::Regular);
        let room = frame.width() - wide - 12.0;
        let bases =
            [y - 6.0, y + 14.0].into_iter().filter(|base| base - 10.0 > frame.top - 2.0 && *base < frame.bottom);
        let places = bases.flat_map(|base| {
            [1.0, 0.0, 0.75, 0.5, 0.25].map(|share| {
                let left = frame.left + 6.0 + room.max(0.0) * share;
                Frame { left: left - 3.0, top: base - 10.0, right: left + wide + 3.0, bottom: base + 4.0 }
            })
        });
        let Some(place) = self.quietest(places, lines, taken) else { return };
        // Where lines run everywhere, the text has ground of its own.
        self.sheet.fill(place, self.sheet.colours.paper, 0.85);
        self.sheet.text(place.left + 3.0, place.top + 10.0, text, Ink { size: SMALL, ..self.sheet.ink(colour) });
        taken.push(place);
    }

    /// Of places for a text, that through which the fewest lines run; of equal ones the first. None that is taken.
    pub fn quietest(
        &self,
        places: impl Iterator<Item = Frame>,
        lines: &[Vec<(f64, f64)>],
        taken: &[Frame],
    ) -> Option<Frame> {
        let free = places.filter(|place| !taken.iter().any(|other| place.touches(other)));
        free.min_by_key(|place| {
            lines.iter().flat_map(|line| line.windows(2)).filter(|piece| self.runs(piece, place)).count()
        })
    }

    /// Whether a piece of a line, from left to right, runs through a place, or near by.
    fn runs(&self, piece: &[(f64, f64)], place: &Frame) -> bool {
        const NEAR: f64 = 3.0;
        let [a, b] = [piece[0], piece[1]].map(|(x, y)| (self.across(x), self.down(y)));
        let (left, right) = (a.0.max(place.left - NEAR), b.0.min(place.right + NEAR));
        if left > right {
            return false;
        }
        let (one, other) = match b.0 > a.0 {
            true => {
                let at = |x: f64| a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0);
                (at(left), at(right))
            }
            false => (a.1, b.1),
        };
        one.min(other) <= place.bottom + NEAR && one.max(other) >= place.top - NEAR
    }

    /// Lines down from named values, the names above, in two rows if need be; a name that has no room is left out.
    pub fn flags(&self, flags: &[Flag]) {
        let mut flags: Vec<&Flag> = flags.iter().collect();
        flags.sort_by(|a, b| a.value.total_cmp(&b.value));
        let mut taken = [f64::NEG_INFINITY; 2];
        let mut names = Vec::new();
        for flag in flags {
            let half = width(&flag.text, SMALL, Weight::Regular) / 2.0;
            let x = self.across(flag.value);
            let middle = x.clamp(MARGIN + half, WIDTH - MARGIN - half);
            let row = (0..taken.len()).find(|row| middle - half > taken[*row] + 8.0);
            let top = self.frame.top - 3.0 - 14.0 * row.unwrap_or(0) as f64;
            self.sheet.line(&[(x, top), (x, self.frame.bottom)], flag.colour, 1.0, flag.dash);
            if let Some(row) = row {
                taken[row] = middle + half;
                names.push((middle, half, top - 3.0, &flag.text));
            }
        }
        // The names come last, on ground of their own: the line of one may pass another.
        let ink = Ink { size: SMALL, anchor: Anchor::Middle, ..self.sheet.ink(self.sheet.colours.ink) };
        for (middle, half, base, text) in names {
            let ground =
                Frame { left: middle - half - 2.0, top: base - 9.0, right: middle + half + 2.0, bottom: base + 3.0 };
            self.sheet.fill(ground, self.sheet.colours.paper, 0.9);
            self.sheet.text(middle, base, text, ink);
        }
    }

    /// Labels beside the ends of lines, as near to them as they can be without overlap.
    pub fn end_labels(&self, labels: &[EndLabel]) {
        let wanted: Vec<f64> = labels.iter().map(|label| self.down(label.value)).collect();
        let places = spread(&wanted, LINE, self.frame.top, self.frame.bottom);
        for (label, (wanted, y)) in labels.iter().zip(wanted.iter().zip(places)) {
            let x = self.frame.right;
            self.sheet.line(&[(x + 3.0, *wanted), (x + 12.0, y)], label.colour, 1.0, Dash::Solid);
            self.sheet.line(&[(x + 12.0, y), (x + 30.0, y)], label.colour, 2.0, label.dash);
            let room = WIDTH - MARGIN - x - 35.0;
            let text = fitted(&label.text, room, LABEL, Weight::Regular);
            self.sheet.text(x + 35.0, y + 4.0, &text, self.sheet.ink(self.sheet.colours.ink));
        }
    }
}

/// A name of any length and a value, as a label beside an end: of long names the end is cut off, not the value.
pub fn named(name: &str, value: &str) -> String {
    // Two numbers side by side would read as one.
    let colon = if name.starts_with(|first: char| first.is_ascii_digit()) { ":" } else { "" };
    format!("{}{colon} {value}", fitted(name, 150.0, LABEL, Weight::Regular)).trim_start().to_owned()
}

/// Room that labels beside ends need at the right.
pub fn end_room<'a>(texts: impl Iterator<Item = &'a str>) -> f64 {
    let widest = texts.map(|text| width(text, LABEL, Weight::Regular)).fold(0.0, f64::max);
    (widest + 38.0).clamp(60.0, 260.0) + MARGIN
}

/// Places as near as can be (in squares) to those wanted, in their order, at least so far apart and within the ends if
/// there is room. Pool-adjacent-violators on what is left after the distances are taken off.
pub fn spread(wanted: &[f64], apart: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (rank, index) in order.iter().enumerate() {
        let mut block = (wanted[*index] - rank as f64 * apart, 1);
        while let Some(last) = blocks.last().copied().filter(|last| last.0 > block.0) {
            let count = last.1 + block.1;
            block = ((last.0 * last.1 as f64 + block.0 * block.1 as f64) / count as f64, count);
            blocks.pop();
        }
        blocks.push(block);
    }
    let most = (high - apart * wanted.len().saturating_sub(1) as f64).max(low);
    let flat = blocks.iter().flat_map(|(place, count)| std::iter::repeat_n(place.clamp(low, most), *count));
    let mut places = vec![0.0; wanted.len()];
    for (rank, (index, place)) in order.iter().zip(flat).enumerate() {
        places[*index] = place + rank as f64 * apart;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_order_and_their_distance() {
        let cases: [(&[f64], &[f64]); 4] = [
            (&[10.0, 50.0], &[10.0, 50.0]),
            (&[50.0, 50.0], &[45.0, 55.0]),
            (&[99.0, 98.0, 5.0], &[100.0, 90.0, 5.0]),
            (&[], &[]),
        ];
        for (wanted, expected) in cases {
            assert_eq!(spread(wanted, 10.0, 0.0, 100.0), expected);
        }
    }
}
