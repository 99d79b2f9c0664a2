//! Compare: what is different between a base and its variants, under the same chance.
//!
//! How many pairs of runs it takes is decided once, from the spread of a pilot (Stein's two stages, see
//! [`crate::analysis::paired`]); nobody looks at the differences before the end. So chance alone makes a difference in
//! one of twenty intervals, as it says, and not more often.

pub mod sentence;

use serde::{Deserialize, Serialize};

use super::estimate::Estimates;
use super::samples::Samples;
use super::{Envelope, Experiment, Figure, Job, Point, Record, Subjects};
use crate::analysis::paired::{Paired, Verdict, pairs_for};
use crate::analysis::report::ObjectiveResult;
use crate::model::objective::{Comparison, Dimension};

/// Pairs of the pilot, where they can be paid.
const PILOT: u32 = 10;
/// Without a budget, so many requests are made in all: some seconds.
const REQUESTS_TOTAL: u64 = 10_000_000;
/// Without a budget, so many pairs at most.
const PAIRS_MAX: u64 = 1_000;
/// Without a budget, so many pairs at least: fewer say nothing of chance.
const PAIRS_MIN: u64 = 3;
/// The share that is counted as one where a share is smaller, for the margin: half a percent.
const SMALL_SHARE: f64 = 0.005;

/// How a comparison is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// So many pairs of runs, whatever they say.
    pub replications: Option<u32>,
    /// At most so many runs, all models together.
    pub budget: Option<u32>,
    /// Differences up to this share of the base don't matter.
    pub margin: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { replications: None, budget: None, margin: 0.02 }
    }
}

/// Compares the first model of the subjects with the others.
#[derive(Debug)]
pub struct Compare {
    points: Vec<Point>,
    names: Vec<String>,
    /// By point: requests that a run makes for each one that it measures.
    efforts: Vec<f64>,
    options: Options,
    /// The figure that decides how many pairs there are.
    main: Figure,
    /// Its number.
    main_index: usize,
    stage: Stage,
    /// Pairs by point; those of the base are the most.
    wanted: Vec<u32>,
    /// Pairs that can be paid.
    affordable: u32,
    pilot: u32,
    samples: Samples,
    asked: usize,
    interrupted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// One run of each: what does it cost, and is there any difference at all?
    First,
    Pilot,
    Extension,
    Done,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// What it rests on.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// Differences up to this share of the base don't matter.
    pub margin: f64,
    /// The figure that decided how many runs there are.
    pub figure: String,
    /// What the others are compared with.
    pub base: Side,
    /// The others.
    pub variants: Vec<Side>,
    /// By variant and figure.
    pub differences: Vec<Difference>,
}

/// One of the models of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// What it is called here.
    pub name: String,
    /// Hash of what it means, in hex.
    pub model_digest: String,
    /// How many runs there are of it.
    pub replications: u32,
    /// Its figures.
    pub figures: Estimates,
    /// Its objectives, judged by the means.
    pub objectives: Vec<ObjectiveResult>,
    /// Why runs of it were stopped, if any was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// The difference of a figure between the base (a) and a variant (b).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The variant.
    pub variant: String,
    /// The figure.
    pub figure: Figure,
    /// The mean of the base; nothing where a run doesn't know it.
    pub a: Option<f64>,
    /// The mean of the variant.
    pub b: Option<f64>,
    /// b − a.
    pub diff: Option<f64>,
    /// The lower end of its interval.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// Differences up to this one don't matter.
    pub margin: Option<f64>,
    /// What may be said.
    pub verdict: Verdict,
    /// The same, in plain words.
    pub sentence: String,
    /// Whether the variant is better; nothing where neither is, or nothing is found.
    pub better: Option<bool>,
    /// Pairs of runs.
    pub pairs: u32,
    /// How many times more runs it would have taken with seeds of their own.
    pub variance_reduction: Option<f64>,
    /// About how many more pairs would tell, where these don't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_needed: Option<u64>,
}

impl Compare {
    /// Compares all models of the subjects with the first, under these names. `main` is the figure that matters most.
    ///
    /// # Panics
    /// Where there aren't as many names as models, or where the subjects don't keep the figure.
    pub fn new(subjects: &Subjects, names: Vec<String>, main: Figure, options: Options) -> Self {
        let points: Vec<Point> =
            (0..subjects.models().len() as u32).map(|subject| Point { subject, sets: Vec::new() }).collect();
        assert_eq!(points.len(), names.len(), "every model has a name");
        Self {
            wanted: vec![options.replications.unwrap_or(1); points.len()],
            efforts: (0..points.len() as u32).map(|subject| subjects.effort(subject)).collect(),
            points,
            names,
            options,
            main_index: subjects.figures().index_of(&main).expect("the figure is kept"),
            main,
            stage: Stage::First,
            affordable: options.replications.unwrap_or(u32::MAX),
            pilot: options.replications.unwrap_or(PILOT),
            samples: Samples::default(),
            asked: 0,
            interrupted: false,
        }
    }

    /// The variants whose runs can differ from the base's.
    fn different(&self) -> Vec<u32> {
        let means = |point| self.samples.of(point).next().map(|record| record.model.as_str());
        (1..self.points.len() as u32).filter(|point| means(*point) != means(0)).collect()
    }

    /// After the first run of each: how many pairs can be paid?
    fn plan_pilot(&mut self) {
        let different = self.different();
        let runs = different.len() as u64 + 1;
        let records = different.iter().chain(&[0]).flat_map(|point| self.samples.of(*point));
        let made = |record: &Record| record.offered as f64 * self.efforts[record.job.point as usize];
        let requests = records.map(made).sum::<f64>() as u64;
        let affordable = match self.options.budget {
            Some(budget) => u64::from(budget) / runs,
            None => (REQUESTS_TOTAL / requests.max(1)).clamp(PAIRS_MIN, PAIRS_MAX),
        };
        self.affordable = u32::try_from(affordable).unwrap_or(u32::MAX).max(1);
        self.pilot = PILOT.min(self.affordable);
        self.want(different.iter().map(|point| (*point, self.pilot)).collect());
    }

    /// After the pilot: how many pairs make the interval narrow enough to decide anything?
    fn plan_extension(&mut self) {
        let of_variant = |point| {
            let needed = self.samples.pairs(0, point, self.main_index).map_or(0, |(a, b)| {
                let mean = a.iter().sum::<f64>() / a.len() as f64;
                // An interval of this width either leaves 0 out or lies within the margin.
                pairs_for(&a, &b, margin_of(&self.main, mean, self.options.margin) / 2.0)
            });
            (point, needed.clamp(u64::from(self.pilot), u64::from(self.affordable.max(self.pilot))) as u32)
        };
        let wanted = self.different().into_iter().map(of_variant).collect();
        self.want(wanted);
    }

    fn want(&mut self, wanted: Vec<(u32, u32)>) {
        for (point, pairs) in wanted {
            self.wanted[point as usize] = pairs;
            self.wanted[0] = self.wanted[0].max(pairs);
        }
    }
}

/// Differences of a figure up to this one don't matter, where its base is so large.
///
/// Of most figures it is a share of the base. Of a share it is a share of it or of what is missing to 100%, whichever is
/// smaller (2% of an availability of 99.9% would be all errors twenty times over), and shares under half a percent count
/// as half a percent: nobody cares for two errors in a million.
fn margin_of(figure: &Figure, base: f64, margin: f64) -> f64 {
    match figure.dimension() {
        Dimension::Share => margin * base.min(1.0 - base).max(SMALL_SHARE),
        Dimension::Time | Dimension::Rate | Dimension::Number => margin * base.abs(),
    }
}

impl Experiment for Compare {
    fn points(&self) -> &[Point] {
        &self.points
    }

    fn next_batch(&mut self) -> Vec<Job> {
        while !self.interrupted && self.stage != Stage::Done {
            let jobs: Vec<Job> = (0..self.points.len() as u32)
                .flat_map(|point| {
                    let missing = self.samples.count(point)..self.wanted[point as usize];
                    missing.map(move |replication| Job { point, replication })
                })
                .collect();
            if !jobs.is_empty() {
                self.asked = jobs.len();
                return jobs;
            }
            self.stage = match self.stage {
                _ if self.options.replications.is_some() => Stage::Done,
                Stage::First => {
                    self.plan_pilot();
                    Stage::Pilot
                }
                Stage::Pilot => {
                    self.plan_extension();
                    Stage::Extension
                }
                Stage::Extension | Stage::Done => Stage::Done,
            };
        }
        Vec::new()
    }

    fn absorb(&mut self, records: Vec<Record>) {
        self.interrupted = records.len() < self.asked;
        records.into_iter().for_each(|record| self.samples.add(record));
    }
}

impl Compare {
    /// What it found.
    pub fn finish(self, subjects: &Subjects) -> Compared {
        let complete = self.stage == Stage::Done && !self.interrupted;
        let mut sides = (0..self.points.len()).map(|point| self.side(point, subjects));
        let base = sides.next().expect("there is a base");
        let variants = sides.collect();
        let figures = subjects.figures();
        let mut differences = Vec::new();
        for point in 1..self.points.len() as u32 {
            differences
                .extend((0..figures.len()).filter_map(|number| self.difference(point, number, &figures[number])));
        }
        Compared {
            envelope: Envelope::of("compare", subjects, &self.samples, complete),
            margin: self.options.margin,
            figure: self.main.name.clone(),
            base,
            variants,
            differences,
        }
    }

    fn side(&self, point: usize, subjects: &Subjects) -> Side {
        let (model, figures) = (&subjects.models()[point], subjects.figures());
        let number = point as u32;
        Side {
            name: self.names[point].clone(),
            model_digest: format!("{:016x}", model.digest()),
            replications: self.samples.count(number),
            figures: self.samples.estimates(number, figures),
            objectives: self.samples.judge(number, figures, &model.objectives),
            stopped: self.samples.stopped(number).map(str::to_owned),
        }
    }

    /// Nothing where neither of the two knows the figure.
    fn difference(&self, point: u32, number: usize, figure: &Figure) -> Option<Difference> {
        let mean = |point| self.samples.summary(point, number).map(|summary| summary.mean);
        let variant = self.names[point as usize].clone();
        let Some((a, b)) = self.samples.pairs(0, point, number) else {
            let (a, b) = (mean(0), mean(point));
            a.or(b)?;
            let unknown = if a.is_none() { &self.names[0] } else { &variant };
            return Some(Difference {
                sentence: format!("{} is unknown in {unknown}: there it has too few values, or none", figure.name),
                figure: figure.clone(),
                a,
                b,
                diff: None,
                low: None,
                high: None,
                margin: None,
                verdict: Verdict::CantTell,
                better: None,
                pairs: 0,
                variance_reduction: None,
                runs_needed: None,
                variant,
            });
        };
        let decides = number == self.main_index && self.options.replications.is_none();
        let pilot = if decides { self.pilot as usize } else { a.len() };
        let paired = Paired::by_pilot(&a, &b, pilot).expect("there are pairs");
        let margin = margin_of(figure, paired.a, self.options.margin);
        let verdict = paired.verdict(margin);
        let better = match (verdict, figure.measure.wanted()) {
            (Verdict::Lower, Some(wanted)) => Some(matches!(wanted, Comparison::Less | Comparison::AtMost)),
            (Verdict::Higher, Some(wanted)) => Some(matches!(wanted, Comparison::More | Comparison::AtLeast)),
            (Verdict::Lower | Verdict::Higher | Verdict::Identical | Verdict::NoDifference | Verdict::CantTell, _) => {
                None
            }
        };
        let runs_needed = (verdict == Verdict::CantTell).then(|| paired.pairs_needed(margin)).flatten();
        let (low, high) = paired.interval().unzip();
        Some(Difference {
            variant,
            sentence: sentence::of(figure, &paired, verdict, margin, runs_needed),
            figure: figure.clone(),
            a: Some(paired.a),
            b: Some(paired.b),
            diff: Some(paired.difference.mean),
            low,
            high,
            margin: Some(margin),
            verdict,
            better,
            pairs: a.len() as u32,
            variance_reduction: paired.variance_reduction,
            runs_needed,
        })
    }
}

#[cfg(test)]
mod tests;
