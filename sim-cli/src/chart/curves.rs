//! A figure along one axis of a sweep, a line for each combination of the others, with its interval.

use sim_core::experiment::Estimate;
use sim_core::experiment::sweep::{Swept, SweptAxis, SweptPoint};
use sim_core::model::objective::Dimension;
use sim_core::scale::Scale;

use super::answer::{bound, dimension, estimate, grouped, is_met, main_figure, number, text};
use super::font::{Weight, fitted};
use super::over_time::nothing;
use super::paper::{Anchor, Dash, Look, Marker};
use super::picture::Picture;
use super::sheet::{About, EndLabel, Frame, Head, MARGIN, Panel, SMALL, Sheet, WIDTH, end_room, named, picture};
use crate::render::humane;

/// More lines than this nobody can follow.
const LINES: usize = 12;

/// Where the values of an axis lie.
pub struct Places {
    /// The axis.
    pub scale: Scale,
    /// Its marks.
    pub ticks: Vec<(f64, String)>,
    /// Whether distances mean something.
    pub is_numeric: bool,
}

/// One line.
struct Line {
    name: String,
    points: Vec<(f64, Estimate, bool)>,
}

/// What is drawn of a sweep.
struct Curves<'a> {
    axis: &'a SweptAxis,
    /// The other axes.
    others: Vec<&'a str>,
    figure: String,
    of: Dimension,
    places: Places,
    lines: Vec<Line>,
    /// How many lines there are beside these.
    left_out: usize,
    /// What an objective demands of the figure.
    bound: Option<(f64, String)>,
    /// Whether points lie anywhere, so that no line joins them.
    is_sample: bool,
    confidence: f64,
}

/// Draws it.
///
/// # Errors
/// There is nothing to draw.
pub fn draw(answer: &Swept, about: &About) -> Result<Picture, String> {
    let curves = Curves::of(answer)?;
    let head = Head {
        kind: "curves",
        title: curves.title(),
        description: described(&curves.lines, &curves.figure, curves.axis),
        about,
    };
    Ok(picture(head, 420.0, |sheet| curves.draw(sheet)))
}

impl<'a> Curves<'a> {
    fn of(answer: &'a Swept) -> Result<Self, String> {
        let axis = answer.axes.first().ok_or("nothing was varied")?;
        let figure = main_figure(&answer.points).ok_or("there are no points")?;
        let places = places(axis);
        let groups = match answer.sample {
            Some(_) => vec![(String::new(), answer.points.iter().collect())],
            None => grouped(&answer.points, &[&axis.path]),
        };
        let left_out = groups.len().saturating_sub(LINES);
        let groups = groups.into_iter().take(LINES);
        let lines =
            groups.map(|(name, points)| Line { name, points: along(axis, &places, &points, &figure) }).collect();
        let demands = answer.points.first().map_or(&[][..], |point| &point.objectives);
        Ok(Self {
            axis,
            others: answer.axes.iter().skip(1).map(|axis| axis.path.as_str()).collect(),
            of: dimension(&figure),
            bound: bound(demands.iter().map(|result| result.objective.as_str()), &figure),
            is_sample: answer.sample.is_some(),
            confidence: answer.envelope.confidence,
            figure,
            places,
            lines,
            left_out,
        })
    }

    fn draw(&self, sheet: &Sheet) {
        let labels: Vec<String> = self.lines.iter().map(|line| label(line, self.of)).collect();
        let right = WIDTH - end_room(labels.iter().map(String::as_str));
        let frame = Frame { left: MARGIN + 60.0, top: 28.0, right, bottom: 340.0 };
        let panel = sheet.panel(frame, self.places.scale, self.scale());
        panel.rows(self.of, &self.figure);
        panel.columns_at(&self.places.ticks, &self.axis.path);
        let mut ends = Vec::new();
        for (number, line) in self.lines.iter().enumerate().rev() {
            let (colour, dash) = (sheet.colour(number), Dash::ALL[(number % 6 + number / 6) % Dash::ALL.len()]);
            let marker = Marker::ALL[number % 4];
            one(&panel, line, colour, (dash, marker), self.places.is_numeric && !self.is_sample);
            if let Some(value) = line.points.iter().rev().find_map(|(_, estimate, _)| estimate.value) {
                ends.push(EndLabel { value, text: labels[number].clone(), colour, dash });
            }
        }
        if !self.is_sample {
            panel.end_labels(&ends);
            let heading = fitted(&self.others.join(" · "), 400.0, SMALL, Weight::Regular);
            sheet.text(WIDTH - MARGIN, frame.top - 12.0, &heading, sheet.small(Anchor::End));
        }
        if let Some((value, text)) = &self.bound {
            let known =
                |line: &Line| line.points.iter().filter_map(|(x, estimate, _)| Some((*x, estimate.value?))).collect();
            panel.bound(*value, text, &self.lines.iter().map(known).collect::<Vec<_>>(), &mut Vec::new());
        }
        if ends.is_empty() {
            nothing(&panel, "unknown at all points");
        }
        sheet.text(MARGIN, 402.0, &self.notes().join(" · "), sheet.small(Anchor::Start));
    }

    /// All that is drawn of the figure.
    fn estimates(&self) -> impl Iterator<Item = &(f64, Estimate, bool)> {
        self.lines.iter().flat_map(|line| &line.points)
    }

    /// The axis of the figure; a bound is on it where it doesn't squeeze the lines.
    fn scale(&self) -> Scale {
        let ends = |estimate: &Estimate| [estimate.value, estimate.high, estimate.low.filter(|low| *low > 0.0)];
        let mut values: Vec<f64> = self.estimates().flat_map(|(_, estimate, _)| ends(estimate)).flatten().collect();
        let highest = values.iter().copied().fold(0.0, f64::max);
        values.extend(self.bound.iter().map(|(value, _)| *value).filter(|value| *value <= highest * 2.5));
        Scale::fitting(&values, self.of, 6)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.estimates().any(|(_, _, met)| !met) {
            notes.push("hollow: an objective is not met".to_owned());
        }
        if self.estimates().any(|(_, estimate, _)| estimate.low.is_some()) {
            notes.push(format!("shaded: {:.0}% interval", self.confidence * 100.0));
        }
        if self.left_out > 0 {
            notes.push(format!("{} more lines left out", self.left_out));
        }
        notes
    }

    fn title(&self) -> String {
        let by = format!("{} by {}", self.figure, self.axis.path);
        match (self.is_sample, self.others.as_slice()) {
            (_, []) => by,
            (true, others) => format!("{by}, whatever {}", others.join(" and ")),
            (false, others) => format!("{by}, a line for each {}", others.join(" and ")),
        }
    }
}

/// Where the values of an axis lie: by what they are if all are numbers, else one beside the other.
pub fn places(axis: &SweptAxis) -> Places {
    let numbers: Option<Vec<(f64, Dimension)>> = axis.values.iter().map(number).collect();
    let numbers = numbers.filter(|all| {
        all.len() > 1 && all.windows(2).all(|pair| pair[0].1 == pair[1].1) && all.iter().any(|one| one.0 != all[0].0)
    });
    let Some(numbers) = numbers else {
        let count = axis.values.len().max(1) as f64;
        let ticks = axis.values.iter().enumerate().map(|(at, value)| (at as f64, text(value))).collect();
        return Places { scale: Scale::Linear { low: -0.5, high: count - 0.5 }, ticks, is_numeric: false };
    };
    let low = numbers.iter().map(|one| one.0).fold(f64::INFINITY, f64::min);
    let high = numbers.iter().map(|one| one.0).fold(f64::NEG_INFINITY, f64::max);
    let scale = match low > 0.0 && high / low >= 16.0 {
        true => Scale::Log { low: low / 1.1, high: high * 1.1 },
        false => Scale::Linear { low: low - (high - low) * 0.03, high: high + (high - low) * 0.03 },
    };
    let mut ticks: Vec<(f64, String)> = numbers.iter().map(|one| one.0).zip(axis.values.iter().map(text)).collect();
    ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
    Places { scale, ticks, is_numeric: true }
}

/// Where a value of an axis lies.
fn place(axis: &SweptAxis, places: &Places, value: &serde_json::Value) -> Option<f64> {
    match places.is_numeric {
        true => number(value).map(|(value, _)| value),
        false => axis.values.iter().position(|known| text(known) == text(value)).map(|at| at as f64),
    }
}

fn along(axis: &SweptAxis, places: &Places, points: &[&SweptPoint], figure: &str) -> Vec<(f64, Estimate, bool)> {
    let one = |point: &&SweptPoint| {
        let place = place(axis, places, point.settings.get(&axis.path)?)?;
        Some((place, estimate(&point.figures, figure), is_met(point)))
    };
    let mut along: Vec<(f64, Estimate, bool)> = points.iter().filter_map(one).collect();
    along.sort_by(|a, b| a.0.total_cmp(&b.0));
    along
}

fn one(panel: &Panel, line: &Line, colour: super::theme::Colour, (dash, marker): (Dash, Marker), is_joined: bool) {
    let interval = |(x, estimate, _): &(f64, Estimate, bool)| Some((*x, estimate.low?, estimate.high?));
    if is_joined {
        for run in line.points.split(|point| interval(point).is_none()).filter(|run| run.len() > 1) {
            let band: Vec<(f64, f64, f64)> = run.iter().filter_map(interval).collect();
            panel.band(&band, colour, 0.16);
        }
        let values: Vec<(f64, Option<f64>)> = line.points.iter().map(|(x, estimate, _)| (*x, estimate.value)).collect();
        panel.curve(&values, colour, 1.75, dash);
    } else {
        for (x, low, high) in line.points.iter().filter_map(interval) {
            let look = Look::Line { colour, width: 1.5, dash: Dash::Solid, opacity: 0.7 };
            panel.draw(vec![(x, low), (x, high)], look);
        }
    }
    for (x, estimate, met) in &line.points {
        if let Some(value) = estimate.value {
            let hollow = (!met).then_some(panel.sheet.colours.paper);
            panel.draw(vec![(*x, value)], Look::Mark { marker, colour, size: 3.5, hollow });
        }
    }
}

/// What stands beside the end of a line.
fn label(line: &Line, of: Dimension) -> String {
    let value = line.points.iter().rev().find_map(|(_, estimate, _)| estimate.value);
    let value = value.map_or("unknown".to_owned(), |value| humane(value, of));
    named(&line.name, &value)
}

fn described(lines: &[Line], figure: &str, axis: &SweptAxis) -> String {
    let ends = lines.iter().filter_map(|line| {
        let known: Vec<f64> = line.points.iter().filter_map(|(_, estimate, _)| estimate.value).collect();
        let of = |value: &f64| humane(*value, dimension(figure));
        Some(format!("{} from {} to {}", line.name, of(known.first()?), of(known.last()?)).trim_start().to_owned())
    });
    format!("Lines of {figure} along {}, with intervals: {}.", axis.path, ends.collect::<Vec<_>>().join("; "))
}
