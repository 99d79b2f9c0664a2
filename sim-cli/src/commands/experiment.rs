//! What the commands that make many runs have in common.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use sim_core::experiment::{Experiment, Figure, Point, Subjects};
use sim_core::model::Model;

use super::pictures::PictureArgs;
use super::{ModelArgs, WindowArgs, by_ending};
use crate::chart::Shown;
use crate::driver::{Conducted, Driver};
use crate::error::{Failure, say};
use crate::files::{Output, Source};
use crate::journal::Journal;
use crate::render::Format;
use crate::render::page::{Page, Sheet, comma_separated, render};
use crate::render::parquet::parquet;

/// How the runs of an experiment are made.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub window: WindowArgs,
    /// How many threads to use; left out, one for each core
    #[arg(long, short, value_name = "NUMBER", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Keep each run in a file as soon as it is done, so that nothing is lost and --resume can go on
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Go on from what the journal has, or begin it
    #[arg(long, requires = "journal")]
    pub resume: bool,
}

/// How its answer is written.
#[derive(Debug, Args)]
pub struct AnswerArgs {
    /// How to write the results; left out, by the ending of --output, else a table
    #[arg(long, short, value_enum)]
    format: Option<AnswerFormat>,
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
        self.window.load(model, quiet)
    }

    /// Whether points are right models; `source` is where they come from: `--vary`.
    pub fn check(&self, source: &str, subjects: &Subjects, points: &[Point]) -> Result<(), Failure> {
        self.driver(true).check(source, subjects, points)
    }

    fn driver(&self, quiet: bool) -> Driver {
        Driver { replications: None, jobs: self.jobs.map(usize::from), progress: !quiet }
    }

    /// Drives an experiment to its end, or until Ctrl-C: then its answer tells what there is.
    pub fn conduct(&self, experiment: &mut dyn Experiment, subjects: &Subjects, quiet: bool) -> Result<(), Failure> {
        let journal = self.journal.as_ref().map(|path| Journal::open(path, self.resume, subjects)).transpose()?;
        let conducted = self.driver(quiet).conduct(experiment, subjects, journal.as_ref())?;
        if conducted.done < conducted.expected && !quiet {
            say(&self.how_to_go_on(conducted));
        }
        Ok(())
    }

    fn how_to_go_on(&self, conducted: Conducted) -> String {
        let how = match &self.journal {
            Some(path) => format!(
                "the same command with --journal {} --resume goes on from there",
                crate::error::clean(&path.display().to_string())
            ),
            None => "with --journal FILE, the next one can be resumed".to_owned(),
        };
        format!("interrupted after {} of {} runs; {how}", conducted.done, conducted.expected)
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum AnswerFormat {
    /// Columns for a terminal
    #[default]
    Table,
    /// The whole answer
    Json,
    /// A line a row, with every figure, for spreadsheets and data frames
    Csv,
    /// Tables for a pull request or a wiki
    Markdown,
    /// The columns of the CSV with their types, for data frames
    Parquet,
}

impl AnswerArgs {
    /// Whether it will be possible to write the answer and its pictures, before much work is done for it; `command` says
    /// which pictures there are.
    pub fn check(&self, command: &str) -> Result<(), Failure> {
        self.pictures.check(command)?;
        if self.format() == AnswerFormat::Parquet && self.output.is_none() && io::stdout().is_terminal() {
            return Err(Failure::Wrong("parquet is nothing to read: name a file with --output".to_owned()));
        }
        Output(self.output.clone()).check()
    }

    /// Writes an answer; `page` makes of it what people read.
    pub fn write(&self, answer: &impl Serialize, page: &Page) -> Result<(), Failure> {
        self.write_with(answer, page, page.sheets.first().unwrap_or(&Sheet::default()))
    }

    /// The same where programs get another sheet than people: for CSV and Parquet.
    pub fn write_with(&self, answer: &impl Serialize, page: &Page, data: &Sheet) -> Result<(), Failure> {
        let output = Output(self.output.clone());
        match self.format() {
            AnswerFormat::Table => output.write(&render(Format::Table, answer, page)),
            AnswerFormat::Json => output.write(&render(Format::Json, answer, page)),
            AnswerFormat::Csv => output.write(&comma_separated(data)),
            AnswerFormat::Markdown => output.write(&render(Format::Markdown, answer, page)),
            AnswerFormat::Parquet => output.write_bytes(&parquet(data, answer)),
        }
    }

    /// Draws what is asked for; the page shows the tables too.
    pub fn draw(&self, model: &Model, shown: Shown, page: &Page) -> Result<(), Failure> {
        self.pictures.write(&shown, &|| page.clone(), model)
    }

    fn format(&self) -> AnswerFormat {
        let endings = [
            ("json", AnswerFormat::Json),
            ("csv", AnswerFormat::Csv),
            ("md", AnswerFormat::Markdown),
            ("txt", AnswerFormat::Table),
            ("parquet", AnswerFormat::Parquet),
        ];
        self.format.or_else(|| by_ending(self.output.as_ref(), &endings)).unwrap_or_default()
    }
}

/// Refuses figures of what the model has not.
pub fn told(model: &Model, figures: &[Figure]) -> Result<(), Failure> {
    let measures: Vec<_> = figures.iter().map(|figure| &figure.measure).collect();
    let wrong = |diagnostics| Failure::Model { source: "--figure".to_owned(), diagnostics };
    model.can_tell(&measures).map_err(wrong)
}

/// `p99`, `utilization(web)`
pub fn figure(text: &str) -> Result<Figure, String> {
    Figure::parse(text)
}
