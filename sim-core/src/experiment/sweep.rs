//! Sweep: every combination of some settings.

use serde::Serialize;

use super::samples::Samples;
use super::{Envelope, Experiment, Job, Point, Record, Subjects};
use crate::analysis::interval::LEVEL;

/// Runs every point equally often.
#[derive(Debug)]
pub struct Sweep {
    points: Vec<Point>,
    replications: u32,
    asked: bool,
    samples: Samples,
    complete: bool,
}

/// What a sweep found.
#[derive(Clone, Debug, Serialize)]
pub struct Swept {
    /// What it rests on.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// The figures, in the order of each point's values.
    pub figures: Vec<String>,
    /// In the order of the sweep.
    pub points: Vec<SweptPoint>,
}

/// One point of a sweep.
#[derive(Clone, Debug, Serialize)]
pub struct SweptPoint {
    /// What was set, by path.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// How many runs there are of it.
    pub replications: u32,
    /// By figure: the mean over replications, and its interval.
    pub values: Vec<Estimate>,
}

/// A mean and its interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean over replications; nothing where any of them doesn't know it.
    pub value: Option<f64>,
    /// The lower end of the interval; nothing for a single run.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

impl Sweep {
    /// A sweep over points.
    pub fn new(points: Vec<Point>, replications: u32) -> Self {
        Self { points, replications, asked: false, samples: Samples::default(), complete: false }
    }

    /// What it found.
    pub fn finish(self, subjects: &Subjects) -> Swept {
        let figures = subjects.figures();
        let estimate = |point: u32, figure: usize| {
            let Some(summary) = self.samples.summary(point, figure) else { return Estimate::default() };
            let (low, high) = summary.interval(LEVEL).unzip();
            Estimate { value: Some(summary.mean), low, high }
        };
        let point = |(number, point): (usize, &Point)| SweptPoint {
            settings: point.sets.iter().map(|(path, value)| (path.clone(), value.as_str().into())).collect(),
            replications: self.samples.count(number as u32),
            values: (0..figures.len()).map(|figure| estimate(number as u32, figure)).collect(),
        };
        Swept {
            envelope: Envelope::of("sweep", subjects, &self.samples, self.complete),
            figures: figures.iter().map(|figure| figure.name.clone()).collect(),
            points: self.points.iter().enumerate().map(point).collect(),
        }
    }
}

impl Experiment for Sweep {
    fn points(&self) -> &[Point] {
        &self.points
    }

    fn next_batch(&mut self) -> Vec<Job> {
        if std::mem::replace(&mut self.asked, true) {
            return Vec::new();
        }
        let of = |point| (0..self.replications).map(move |replication| Job { point, replication });
        (0..self.points.len() as u32).flat_map(of).collect()
    }

    fn absorb(&mut self, records: Vec<Record>) {
        self.complete = records.len() as u64 == self.points.len() as u64 * u64::from(self.replications);
        records.into_iter().for_each(|record| self.samples.add(record));
    }
}
