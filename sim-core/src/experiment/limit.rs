//! Limit: the most load (or the least of something) at which every objective holds.
//!
//! The search asks for what it needs and is repeated from its beginning whenever there is more: what it does next follows
//! from the records alone. It doubles or halves from what the model says until one side holds and the other does not,
//! closes in between the two, and then runs three values around the limit so often that the interval of the limit is
//! narrow enough. All values see the same chance, so that the curve through them is much smoother than any point of it
//! is sure.

mod answer;
mod headroom;
mod search;

pub use answer::{Bound, CurvePoint, Judged, Knee, Limited, Outcome};
pub use headroom::{Holds, added};

use super::dial::Dial;
use super::samples::Samples;
use super::{Experiment, Job, Point, Record, Subjects};
use crate::analysis::load;
use search::{Need, Search};

/// How a limit is searched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Half the interval of the limit may be this share of it.
    pub precision: f64,
    /// At most so many runs to find the limit; those of the curve come on top.
    pub budget: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self { precision: 0.01, budget: None }
    }
}

/// Searches the limit of one setting.
#[derive(Debug)]
pub struct Limit {
    dial: Dial,
    options: Options,
    holds: Vec<Holds>,
    /// The load at which theory says that some part is full, in the unit of the dial.
    full: Option<f64>,
    /// Requests that a run makes for each one that it measures.
    effort: f64,
    points: Vec<Point>,
    /// The values of the points.
    values: Vec<f64>,
    samples: Samples,
    asked: usize,
    interrupted: bool,
}

impl Limit {
    /// Searches where the objectives of the base stop to hold when the dial is turned. The subjects must keep the figures
    /// of what [`added`] says.
    pub fn new(subjects: &Subjects, dial: Dial, options: Options) -> Self {
        let model = subjects.base();
        let holds = headroom::objectives(model, subjects.figures(), dial.is_load);
        let full = full(subjects, &dial);
        Self {
            dial,
            options,
            holds,
            full,
            effort: subjects.effort(0),
            points: Vec::new(),
            values: Vec::new(),
            samples: Samples::default(),
            asked: 0,
            interrupted: false,
        }
    }

    fn search(&self) -> Search<'_> {
        Search::new(self)
    }

    /// The number of the point of a value.
    fn point_of(&self, value: f64) -> Option<u32> {
        self.values.iter().position(|known| *known == value).map(|point| point as u32)
    }
}

/// The load at which the fullest part has as much work as it can do, from theory; nothing where that is not in proportion.
fn full(subjects: &Subjects, dial: &Dial) -> Option<f64> {
    if !dial.is_load {
        return None;
    }
    let busiest = |value: f64| {
        let model = subjects.model(&dial.point(value)).ok()?;
        load::offered(&model).stations.iter().map(load::StationLoad::utilization).reduce(f64::max)
    };
    let start = dial.start();
    let next = dial.snap((start * 2.0).min(dial.high));
    let (one, other) = (busiest(start)?, busiest(next)?);
    let in_proportion = next > start && (other / one - next / start).abs() < 0.01 * next / start;
    (in_proportion && one > 0.0).then(|| start / one)
}

impl Experiment for Limit {
    fn points(&self) -> &[Point] {
        &self.points
    }

    fn next_batch(&mut self) -> Vec<Job> {
        let need = match self.search().all() {
            _ if self.interrupted => return Vec::new(),
            Ok(_) => return Vec::new(),
            Err(Need(need)) => need,
        };
        let mut jobs = Vec::new();
        for (value, replications) in need {
            let point = self.point_of(value).unwrap_or_else(|| {
                self.points.push(self.dial.point(value));
                self.values.push(value);
                self.points.len() as u32 - 1
            });
            let missing = self.samples.count(point)..replications;
            jobs.extend(missing.map(|replication| Job { point, replication }));
        }
        self.asked = jobs.len();
        jobs
    }

    fn absorb(&mut self, records: Vec<Record>) {
        self.interrupted = records.len() < self.asked;
        records.into_iter().for_each(|record| self.samples.add(record));
    }
}

#[cfg(test)]
mod tests;
