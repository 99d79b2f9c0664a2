//! `kneepoint run`: one model, one answer.

use std::path::PathBuf;

use clap::Args;
use sim_core::analysis::report::{Ended, Report};
use sim_core::analysis::{bottleneck, objective, replications};
use sim_core::model::Model;

use super::picture::PictureArgs;
use super::{ModelArgs, by_ending};
use crate::chart::Shown;
use crate::driver::Driver;
use crate::engine;
use crate::error::Failure;
use crate::files::Output;
use crate::hints::hints;
use crate::render::{Format, View, run_page};

const AFTER_HELP: &str = "\
Examples:
  kneepoint run shop.json
  kneepoint run shop.json --set web.replicas=6 --set orders-pool.size=40
  kneepoint run shop.json --duration 1h --warmup 5m --seed 7
  kneepoint run shop.json --replications 20 --format json -o report.json
  kneepoint run shop.json --chart shop.svg --chart latency=latency.png --report shop.html
  cat shop.yaml | kneepoint run - --format csv | grep p99_s

--chart draws percentiles over time; KIND=FILE draws percentiles, latency, utilization or breakdown.
The same model and seed give the same figures, to the bit, on every machine and for any --jobs.";

/// Run a model: latency, rates, errors, a line per component, objectives, the bottleneck
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Run {
    #[command(flatten)]
    model: ModelArgs,
    /// Where every draw comes from, instead of the model's own
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    seed: Option<u64>,
    /// The length of the measured window (10m, 1h30m), instead of the model's own
    #[arg(long, value_name = "TIME")]
    duration: Option<String>,
    /// How long it runs before the window, instead of the model's own
    #[arg(long, value_name = "TIME")]
    warmup: Option<String>,
    /// How many independent runs to take the mean of; left out, up to 10, as many as are cheap
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    replications: Option<u32>,
    /// How many threads to use; left out, one for each core
    #[arg(long, short, value_name = "NUMBER", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// How to write the results; left out, by the ending of --output, else a table
    #[arg(long, short, value_enum)]
    format: Option<Format>,
    /// Write the results to a file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
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
        let more = [("run.duration", self.duration.clone()), ("run.warmup", self.warmup.clone())];
        let (source, model) = self.model.load(&more, self.quiet)?;
        let plan = engine::compile(&model, &source)
            .map_err(|diagnostics| Failure::Model { source: source.name.clone(), diagnostics })?;
        let seed = self.seed.unwrap_or(model.run.seed.0);
        let driver =
            Driver { replications: self.replications, jobs: self.jobs.map(usize::from), progress: !self.quiet };
        let reports =
            driver.replicate(|replication| sim_core::simulate(&plan, replications::seed_of(seed, replication)))?;
        let report = replications::merge(&reports, |report| objective::judge(&model.objectives, report));
        self.show(&model, &report)?;
        self.pictures.write(&Shown::Run(&report), &|| run_page::page(&report), &model)?;
        outcome(&report, self.is_told_by_the_table())
    }

    fn show(&self, model: &Model, report: &Report) -> Result<(), Failure> {
        let bottleneck = bottleneck::find(report);
        let hints = if self.quiet {
            Vec::new()
        } else {
            hints(model, report, &bottleneck, &self.model.model, &self.model.sets)
        };
        let text = self.format().renderer().render(&View { report, bottleneck: &bottleneck, hints: &hints });
        Output(self.output.clone()).write(&text)
    }

    fn format(&self) -> Format {
        let endings = [("json", Format::Json), ("csv", Format::Csv), ("md", Format::Markdown), ("txt", Format::Table)];
        self.format.or_else(|| by_ending(self.output.as_ref(), &endings)).unwrap_or_default()
    }

    /// Whether the user sees what is not met anyway.
    fn is_told_by_the_table(&self) -> bool {
        self.quiet || self.output.is_none() && self.format() == Format::Table
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
