//! Questions that take many runs: what if, which, how far, how many, why.
//!
//! An [`Experiment`] runs nothing. It says which [`Job`]s come next and absorbs their [`Record`]s; whoever drives it (all
//! cores of a machine, the workers of a browser) runs them, in any order and on any number of threads:
//!
//! ```text
//! next_batch() ─► jobs ─► Subjects::prepare(point) ─► Prepared::run(job) ─► records ─► absorb() ─► next_batch() … finish
//! ```
//!
//! What comes next follows from the records alone, and records from (model, seed, point, replication) alone. So the same
//! experiment asks for the same jobs on every machine, and what a journal kept need not be run again.

pub mod answer;
pub mod axis;
pub mod compare;
pub mod dial;
pub mod estimate;
pub mod explain;
pub mod figures;
pub mod levers;
pub mod limit;
pub mod objectives;
pub mod plan;
pub mod replicate;
pub mod samples;
pub mod subjects;
pub mod sweep;

use serde::{Deserialize, Serialize};

pub use answer::Answer;
pub use axis::{Allowed, Axes, Axis};
pub use estimate::{Estimate, Estimates};
pub use figures::{Figure, Figures};
pub use samples::Samples;
pub use subjects::{Prepared, Subjects};

/// A configuration: one of the models that an experiment is about, and what is different about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Point {
    /// Which of the [`Subjects`].
    pub subject: u32,
    /// Settings by path, applied in this order.
    pub sets: Vec<(String, String)>,
}

/// One run that an experiment asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Job {
    /// The number of the point among [`Experiment::points`].
    pub point: u32,
    /// The number of the replication. Equal numbers have equal seeds at all points: common random numbers.
    pub replication: u32,
}

/// What is kept of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What was run.
    #[serde(flatten)]
    pub job: Job,
    /// The seed that followed from the root seed and the replication.
    pub seed: u64,
    /// The digest of the model that was run, in hex.
    pub model: String,
    /// The digest of the run's results, in hex: equal digests are equal results.
    pub digest: String,
    /// Why the run was stopped, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Requests that were offered.
    pub offered: u64,
    /// The values of the experiment's figures, in their order; nothing where a figure is unknown.
    pub values: Vec<Option<f64>>,
}

/// A question in the making: a pure controller.
pub trait Experiment {
    /// Every point so far, by number; it grows while the experiment goes on and never changes.
    fn points(&self) -> &[Point];

    /// The jobs that come next, which may run in any order; none when it is done.
    fn next_batch(&mut self) -> Vec<Job>;

    /// Takes the records of the batch, in the order of its jobs. A batch that was interrupted has fewer; after it no
    /// other one is asked for, and the experiment's answer says what there is.
    fn absorb(&mut self, records: Vec<Record>);
}

/// What the answers of all experiments begin with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Which command made it: `sweep`, `compare`, `limit`, `plan`, `explain`.
    pub kind: String,
    /// The version of the format.
    pub format: u32,
    /// The engine's version.
    pub engine: String,
    /// The model's own name.
    pub name: String,
    /// The root seed.
    pub seed: u64,
    /// Hash of what the base model means, in hex.
    pub model_digest: String,
    /// Hash of the digests of all runs, in the order of points and replications, in hex.
    pub digest: String,
    /// How many runs it took.
    pub runs: u64,
    /// Whether it came to its end; an interrupted one tells what there is.
    pub complete: bool,
    /// The share of intervals that hold the true value.
    pub confidence: f64,
}

impl Envelope {
    /// The envelope of an answer that rests on these samples.
    pub fn of(kind: &str, subjects: &Subjects, samples: &Samples, complete: bool) -> Self {
        Self {
            kind: kind.to_string(),
            format: crate::analysis::report::REPORT_FORMAT,
            engine: crate::ENGINE.to_string(),
            name: subjects.base().name.clone(),
            seed: subjects.seed(),
            model_digest: format!("{:016x}", subjects.base().digest()),
            digest: samples.digest(),
            runs: samples.runs(),
            complete,
            confidence: crate::analysis::interval::LEVEL,
        }
    }
}

#[cfg(test)]
/// What the tests of all experiments need.
pub mod tests {
    use super::*;

    /// Drives an experiment to its end on this thread.
    pub fn drive(experiment: &mut dyn Experiment, subjects: &Subjects) {
        loop {
            let jobs = experiment.next_batch();
            if jobs.is_empty() {
                return;
            }
            let run = |job: &Job| {
                let point = &experiment.points()[job.point as usize];
                subjects.prepare(point).expect("the point is a right model").run(*job)
            };
            let records = jobs.iter().map(run).collect();
            experiment.absorb(records);
        }
    }
}
