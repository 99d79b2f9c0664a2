//! What an experiment is about: models, and what is measured of them.

use super::{Figure, Figures, Job, Point, Record};
use crate::analysis::replications::seed_of;
use crate::analysis::report::{Ended, Report};
use crate::model::diagnostic::{Diagnostic, Diagnostics};
use crate::model::run::Warmup;
use crate::model::{Files, Model};
use crate::plan::Plan;

/// The models of an experiment, the first being the base, and the figures that are kept of each run.
pub struct Subjects<'f> {
    models: Vec<Model>,
    files: &'f (dyn Files + Sync),
    seed: u64,
    figures: Figures,
}

impl<'f> Subjects<'f> {
    /// One model or several, and the figures that are asked for beside those that are always kept. The root seed is that
    /// of the base unless another is given.
    ///
    /// # Panics
    /// Without a model.
    pub fn new(models: Vec<Model>, files: &'f (dyn Files + Sync), seed: Option<u64>, asked: &[Figure]) -> Self {
        let base = models.first().expect("an experiment is about a model");
        let mut figures = Figures::of(base, asked);
        for model in &models[1..] {
            Figures::of(model, &[]).iter().for_each(|figure| figures.add(figure.clone()));
        }
        Self { seed: seed.unwrap_or(base.run.seed.0), models, files, figures }
    }

    /// The first model.
    pub fn base(&self) -> &Model {
        &self.models[0]
    }

    /// All models.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The root seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How many requests a run of a model makes for each one that it measures: the warm-up costs too.
    pub fn effort(&self, subject: u32) -> f64 {
        let run = &self.models[subject as usize].run;
        let measured = run.duration.0.max(1) as f64;
        match run.warmup {
            Warmup::For(time) => (measured + time.0 as f64) / measured,
            // Nobody knows before the pilots; about as much again is no bad guess.
            Warmup::Auto => 2.0,
        }
    }

    /// What is kept of each run.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// The model of a point.
    ///
    /// # Errors
    /// Every mistake that its settings make.
    pub fn model(&self, point: &Point) -> Result<Model, Diagnostics> {
        let model = &self.models[point.subject as usize];
        if point.sets.is_empty() {
            return Ok(model.clone());
        }
        model.with(&point.sets, self.files).map(|(model, _)| model)
    }

    /// The plan of a point, ready to run.
    ///
    /// # Errors
    /// Every mistake that its settings make.
    pub fn prepare(&self, point: &Point) -> Result<Prepared<'_>, Diagnostics> {
        self.compile(&self.model(point)?)
    }

    /// The plan of a point's model, ready to run.
    ///
    /// # Errors
    /// What only its plan can tell of it.
    pub fn compile(&self, model: &Model) -> Result<Prepared<'_>, Diagnostics> {
        let plan = Plan::compile(model, self.files)?;
        Ok(Prepared { plan, seed: self.seed, figures: &self.figures })
    }

    /// Whether points are right models; all their mistakes, each with the settings that it comes from.
    ///
    /// # Errors
    /// Every mistake of every point.
    pub fn check(&self, points: &[Point]) -> Result<(), Diagnostics> {
        let mut mistakes = Diagnostics::default();
        for point in points {
            let Err(found) = self.prepare(point) else { continue };
            let place = point.sets.iter().map(|(path, value)| format!("{path}={value}")).collect::<Vec<_>>().join(" ");
            for mistake in found.into_iter().filter(Diagnostic::is_error) {
                let found = format!("{}: {}", mistake.path, mistake.found);
                mistakes.push(Diagnostic { path: place.clone(), line: 0, found, ..mistake });
            }
        }
        if mistakes.has_errors() { Err(mistakes) } else { Ok(()) }
    }
}

/// A point that is ready to run.
pub struct Prepared<'s> {
    plan: Plan,
    seed: u64,
    figures: &'s Figures,
}

impl Prepared<'_> {
    /// What it runs.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Runs one replication and keeps its figures.
    pub fn run(&self, job: Job) -> Record {
        self.record(job, &self.report(job.replication))
    }

    /// Runs one replication.
    pub fn report(&self, replication: u32) -> Report {
        crate::simulate(&self.plan, seed_of(self.seed, replication))
    }

    /// What is kept of a report.
    pub fn record(&self, job: Job, report: &Report) -> Record {
        let stopped = match &report.ended {
            Ended::Complete => None,
            Ended::Stopped(stopped) => Some(stopped.reason.clone()),
        };
        Record {
            job,
            seed: report.seed,
            model: report.model_digest.clone(),
            digest: report.digest.clone(),
            stopped,
            offered: report.requests.offered,
            values: self.figures.values(report),
        }
    }
}
