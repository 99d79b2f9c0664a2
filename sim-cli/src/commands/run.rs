//! `kneepoint run`: one model, one answer.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sim_core::analysis::report::{Ended, ObjectiveResult, Precision, Report};
use sim_core::analysis::{beside, bottleneck, objective, replications};
use sim_core::experiment::replicate::{Replicate, Wanted};
use sim_core::experiment::{Figure, Point, Subjects};
use sim_core::model::diagnostic::Diagnostics;
use sim_core::model::{Model, units};

use super::experiment::figure;
use super::pictures::PictureArgs;
use super::{ModelArgs, WindowArgs, by_ending};
use crate::chart::Shown;
use crate::driver::Driver;
use crate::engine;
use crate::error::{Failure, clean, say};
use crate::files::{self, Output, Source, clear_screen};
use crate::hints::hints;
use crate::interrupt;
use crate::render::junit::{self, Case, Suite};
use crate::render::summary::summary;
use crate::render::text::{WARN, paint};
use crate::render::{Format, View, objective_value, run_page};

const AFTER_HELP: &str = "\
Examples:
  kneepoint run shop.json
  kneepoint run shop.json --set web.replicas=6 --set orders-pool.size=40
  kneepoint run shop.json --duration 1h --warmup 5m --seed 7
  kneepoint run shop.json --replications 20 --format json -o report.json
  kneepoint run shop.json --precision 2% --figure p99 --budget 200
  kneepoint run shop.json --trace slow.json
  kneepoint run shop.json --chart shop.svg --chart latency=latency.png --report shop.html
  kneepoint run shop.json --summary --junit objectives.xml   # in CI
  kneepoint run shop.json --watch
  cat shop.yaml | kneepoint run - --format csv | grep p99_s

--chart draws percentiles over time; KIND=FILE draws percentiles, latency, utilization or breakdown.
The same model and seed give the same figures, to the bit, on every machine and for any --jobs.";

/// Run a model: latency, rates, errors, a line per component, objectives, the bottleneck
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Run {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    window: WindowArgs,
    /// How many independent runs to take the mean of; left out, up to 10, as many as are cheap
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    replications: Option<u32>,
    /// Make runs until a figure is known to so much (2%, 0.5%), ten at least
    #[arg(long, value_name = "SHARE", value_parser = precision, conflicts_with = "replications")]
    precision: Option<f64>,
    /// Which figure --precision is about: p99, mean, utilization(web), as in objectives
    #[arg(long, value_name = "FIGURE", value_parser = figure, default_value = "p99", requires = "precision")]
    figure: Figure,
    /// The most runs that --precision may make
    #[arg(long, value_name = "NUMBER", default_value_t = 100, requires = "precision", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    budget: u32,
    /// How many threads to use; left out, one for each core
    #[arg(long, short, value_name = "NUMBER", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// How to write the results; left out, by the ending of --output, else a table
    #[arg(long, short, value_enum)]
    format: Option<Format>,
    /// Write the results to a file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Also write what happened to the five slowest requests of the first run: for ui.perfetto.dev, or
    /// for OpenTelemetry if the file ends in .otlp.json
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// One line for shells instead: ok p50=23ms p99=55.9ms error_rate=0% rate=2400/s …
    #[arg(long, conflicts_with = "format")]
    summary: bool,
    /// Also write the objectives as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Run again on each save of the model, or of a file that it names
    #[arg(long)]
    watch: bool,
    /// Nothing but the results: no warnings, no progress, no hints
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    pictures: PictureArgs,
}

impl Run {
    pub fn execute(self) -> Result<(), Failure> {
        self.pictures.check("run")?;
        Output(self.output.clone()).check()?;
        if self.watch { self.again_and_again() } else { self.once() }
    }

    fn once(&self) -> Result<(), Failure> {
        let (source, model) = self.window.load(&self.model, self.quiet)?;
        let (reports, precision) = match self.precision {
            Some(precision) => self.until_known(precision, &model, &source)?,
            None => (self.replicate(&model, &source)?, None),
        };
        let mut report = replications::merge(&reports, |report| objective::judge(&model.objectives, report));
        if let Some(confidence) = &mut report.confidence {
            confidence.precision = precision;
        }
        report.theory = beside::beside(&model, &report);
        self.show(&model, &report)?;
        if let Some(path) = &self.junit {
            Output(Some(path.clone())).write(&junit::xml(&[suite(&source.name, &report)]))?;
        }
        self.warn_of_precision(&report);
        if let Some(path) = &self.trace {
            let plan = engine::compile(&model, &source).map_err(|diagnostics| wrong(&source, diagnostics))?;
            super::trace::slowest(&plan, report.seed, path)?;
        }
        self.pictures.write(&Shown::Run(&report), &|| run_page::page(&report), &model)?;
        outcome(&report, self.is_told_by_the_table())
    }

    /// Runs again on each save, until Ctrl-C; mistakes are told, and the next save may put them right.
    fn again_and_again(&self) -> Result<(), Failure> {
        if self.model.model == "-" {
            return Err(Failure::Wrong("stdin can't be watched: give the model as a file".to_owned()));
        }
        loop {
            files::forget_read();
            clear_screen();
            if let Err(failure) = self.once() {
                failure.print();
            }
            if interrupt::is_asked() {
                return Err(Failure::Interrupted);
            }
            if !self.quiet {
                let also = if files::has_read_more_than_one() { ", or a file that it names," } else { "" };
                say(&format!("{} runs again when it{also} is saved; Ctrl-C ends", clean(&self.model.model)));
            }
            while !files::has_read_file_changed() {
                std::thread::sleep(WATCH_EVERY);
            }
        }
    }

    /// As many replications as are asked for.
    fn replicate(&self, model: &Model, source: &Source) -> Result<Vec<Report>, Failure> {
        let plan = engine::compile(model, source).map_err(|diagnostics| wrong(source, diagnostics))?;
        let seed = self.window.seed.unwrap_or(model.run.seed.0);
        self.driver().replicate(|replication| sim_core::simulate(&plan, replications::seed_of(seed, replication)))
    }

    /// As many replications as it takes.
    fn until_known(
        &self,
        precision: f64,
        model: &Model,
        source: &Source,
    ) -> Result<(Vec<Report>, Option<Precision>), Failure> {
        let figure = self.figure.clone();
        let subjects =
            Subjects::new(vec![model.clone()], &source.folder, self.window.seed, std::slice::from_ref(&figure));
        let prepared = subjects.prepare(&Point::default()).map_err(|diagnostics| wrong(source, diagnostics))?;
        let index = subjects.figures().index_of(&figure).expect("it was asked for");
        let wanted = Wanted { figure, precision, budget: self.budget };
        let mut replicate = Replicate::new(Point::default(), index, wanted);
        let reports = self.driver().replicate_for(&mut replicate, &prepared)?;
        let precision = replicate.finish();
        if interrupt::was_cut_short() && !self.quiet {
            say(&format!("interrupted after {} runs: this is what they say", precision.runs));
        }
        Ok((reports, Some(precision)))
    }

    fn driver(&self) -> Driver {
        Driver { replications: self.replications, jobs: self.jobs.map(usize::from), progress: !self.quiet }
    }

    /// That a figure is not known as well as was asked for is no failure, and no secret either.
    fn warn_of_precision(&self, report: &Report) {
        let precision = report.confidence.as_ref().and_then(|confidence| confidence.precision.as_ref());
        if let Some(precision) = precision.filter(|precision| !precision.met && !self.is_told_by_the_table()) {
            say(&format!("{} {}", paint(WARN, "warning:"), precision.sentence()));
        }
    }

    fn show(&self, model: &Model, report: &Report) -> Result<(), Failure> {
        let bottleneck = bottleneck::find(report);
        let hints = if self.quiet {
            Vec::new()
        } else {
            hints(model, report, &bottleneck, &self.model.model, &self.model.sets)
        };
        if self.summary {
            return Output(self.output.clone()).write(&summary(report));
        }
        let text = self.format().renderer().render(&View { report, bottleneck: &bottleneck, hints: &hints });
        Output(self.output.clone()).write(&text)
    }

    fn format(&self) -> Format {
        let endings = [("json", Format::Json), ("csv", Format::Csv), ("md", Format::Markdown), ("txt", Format::Table)];
        self.format.or_else(|| by_ending(self.output.as_ref(), &endings)).unwrap_or_default()
    }

    /// Whether the user sees what is not met anyway.
    fn is_told_by_the_table(&self) -> bool {
        self.quiet || self.output.is_none() && (self.summary || self.format() == Format::Table)
    }
}

/// How often it is looked whether a watched model was saved.
const WATCH_EVERY: Duration = Duration::from_millis(300);

/// The objectives as tests.
fn suite(file: &str, report: &Report) -> Suite {
    let stopped = match &report.ended {
        Ended::Complete => None,
        Ended::Stopped(stopped) => Some(stopped.reason.clone()),
    };
    let ends = Case::of("runs to its end", stopped.is_none(), || stopped.unwrap_or_default());
    let of = |result: &ObjectiveResult| {
        Case::of(&result.objective, result.met, || match &result.why {
            Some(why) => why.clone(),
            None => format!("found {}", objective_value(&result.objective, result.value)),
        })
    };
    Suite {
        name: report.name.clone().unwrap_or_default(),
        file: file.to_owned(),
        properties: vec![
            ("engine", report.engine.clone()),
            ("seed", report.seed.to_string()),
            ("model_digest", report.model_digest.clone()),
            ("digest", report.digest.clone()),
        ],
        cases: [ends].into_iter().chain(report.objectives.iter().map(of)).collect(),
    }
}

fn wrong(source: &Source, diagnostics: Diagnostics) -> Failure {
    Failure::Model { source: source.name.clone(), diagnostics }
}

/// `2%`, of what is to be known.
fn precision(text: &str) -> Result<f64, String> {
    match units::share(text) {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        Ok(_) | Err(_) => Err("expected a share between 0 and 100%, as 2%".to_owned()),
    }
}

/// Whether everything is as it should be.
fn outcome(report: &Report, told: bool) -> Result<(), Failure> {
    if let Some(entry) = report.audit.iter().find(|entry| !entry.ok) {
        return Err(Failure::Internal(format!("the audit \"{}\" is {} = {}", entry.check, entry.left, entry.right)));
    }
    let mut unmet: Vec<String> =
        report.objectives.iter().filter(|result| !result.met).map(|result| result.objective.clone()).collect();
    if let Ended::Stopped(stopped) = &report.ended {
        unmet.insert(0, format!("the run was stopped: {}", stopped.reason));
    }
    match unmet.is_empty() {
        true => Ok(()),
        false => Err(Failure::Unmet(if told { String::new() } else { unmet.join("; ") })),
    }
}
