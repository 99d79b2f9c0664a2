//! What the commands that make many runs have in common.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use sim_core::experiment::{Experiment, Figure, Subjects};
use sim_core::model::Model;

use super::picture::PictureArgs;
use super::{ModelArgs, by_ending};
use crate::chart::Shown;
use crate::driver::Driver;
use crate::error::Failure;
use crate::files::{Output, Source};
use crate::render::Format;
use crate::render::page::{Page, render};

/// How the runs of an experiment are made.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Where every draw comes from, instead of the model's own
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// The length of the measured window (10m, 1h30m), instead of the model's own
    #[arg(long, value_name = "TIME")]
    pub duration: Option<String>,
    /// How long it runs before the window, instead of the model's own
    #[arg(long, value_name = "TIME")]
    pub warmup: Option<String>,
    /// How many threads to use; left out, one for each core
    #[arg(long, short, value_name = "NUMBER", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
}

/// How its answer is written.
#[derive(Debug, Args)]
pub struct AnswerArgs {
    /// How to write the results; left out, by the ending of --output, else a table
    #[arg(long, short, value_enum)]
    format: Option<Format>,
    /// Write the results to a file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Nothing but the results: no warnings, no progress, no hints
    #[arg(long, short)]
    pub quiet: bool,
    #[command(flatten)]
    pictures: PictureArgs,
}

impl RunArgs {
    /// Reads the model and applies what the command line says of its runs.
    pub fn load(&self, model: &ModelArgs, quiet: bool) -> Result<(Source, Model), Failure> {
        model.load(&[("run.duration", self.duration.clone()), ("run.warmup", self.warmup.clone())], quiet)
    }

    /// Drives an experiment to its end.
    pub fn conduct(&self, experiment: &mut dyn Experiment, subjects: &Subjects, quiet: bool) -> Result<(), Failure> {
        let driver = Driver { replications: None, jobs: self.jobs.map(usize::from), progress: !quiet };
        driver.conduct(experiment, subjects)
    }
}

impl AnswerArgs {
    /// Finds what is wrong with files and kinds of pictures before anything runs; `command` says which kinds there are.
    pub fn check(&self, command: &str) -> Result<(), Failure> {
        self.pictures.check(command)?;
        Output(self.output.clone()).check()
    }

    /// Writes an answer; `page` makes of it what people read, and pictures follow from what it is as JSON.
    pub fn write(&self, model: &Model, answer: &impl Serialize, page: &Page) -> Result<(), Failure> {
        let endings = [("json", Format::Json), ("csv", Format::Csv), ("md", Format::Markdown), ("txt", Format::Table)];
        let format = self.format.or_else(|| by_ending(self.output.as_ref(), &endings)).unwrap_or_default();
        Output(self.output.clone()).write(&render(format, answer, page))?;
        let answer = serde_json::to_value(answer).expect("answers are serialisable");
        self.pictures.write(&Shown::Answer(&answer), &|| page.clone(), model)
    }
}

/// `p99`, `utilization(web)`
pub fn figure(text: &str) -> Result<Figure, String> {
    Figure::parse(text)
}
