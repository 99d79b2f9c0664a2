//! The subcommands: one file each.

mod check;
mod compare;
mod completions;
mod diagram;
mod diff;
mod experiment;
mod explain;
mod fmt;
mod limit;
mod new;
mod picture;
mod pictures;
mod plan;
mod run;
mod schema;
mod sweep;
mod trace;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use sim_core::model::Model;

use crate::engine;
use crate::error::{Failure, warn};
use crate::files::Source;

const AFTER_HELP: &str = "\
Examples:
  kneepoint run shop.json                     # latency, rates and errors of a model
  kneepoint run shop.json --set web.replicas=6
  kneepoint check shop.json                   # every mistake in it, and what is over 100%
  kneepoint compare shop.json new-shop.json   # what is different, and whether it is chance
  kneepoint limit shop.json                   # the most load at which every objective holds
  kneepoint diagram shop.json -o shop.svg

Exit codes: 0 done and every objective met; 1 an internal error; 2 the model or the command line is
wrong; 3 an objective is not met, or the run was stopped.";

/// Simulates a backend system from a model of it: how fast it is, how full, and where it breaks.
#[derive(Debug, Parser)]
#[command(name = "kneepoint", version, after_help = AFTER_HELP, max_term_width = 100, propagate_version = false)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Check(check::Check),
    Sweep(sweep::Sweep),
    Compare(compare::Compare),
    Limit(limit::Limit),
    Plan(plan::Plan),
    Explain(explain::Explain),
    Trace(trace::Trace),
    Diff(diff::Diff),
    Picture(picture::Picture),
    New(new::New),
    Fmt(fmt::Fmt),
    Diagram(diagram::Diagram),
    Schema(schema::Schema),
    Completions(completions::Completions),
}

impl Cli {
    /// Does what the command line asks for.
    pub fn execute(self) -> Result<(), Failure> {
        match self.command {
            Command::Run(run) => run.execute(),
            Command::Check(check) => check.execute(),
            Command::Sweep(sweep) => sweep.execute(),
            Command::Compare(compare) => compare.execute(),
            Command::Limit(limit) => limit.execute(),
            Command::Plan(plan) => plan.execute(),
            Command::Explain(explain) => explain.execute(),
            Command::Trace(trace) => trace.execute(),
            Command::Diff(diff) => diff.execute(),
            Command::Picture(picture) => picture.execute(),
            Command::New(new) => new.execute(),
            Command::Fmt(fmt) => fmt.execute(),
            Command::Diagram(diagram) => diagram.execute(),
            Command::Schema(schema) => schema.execute(),
            Command::Completions(completions) => completions.execute(),
        }
    }
}

/// Which model, and what is different about it.
#[derive(Debug, Args)]
struct ModelArgs {
    /// The model, in JSON or YAML; `-` reads stdin
    model: String,
    /// Set a field of the model; may be given several times
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = setting)]
    sets: Vec<(String, String)>,
}

/// Which chance, and how long.
#[derive(Debug, Args)]
struct WindowArgs {
    /// Where every draw comes from, instead of the model's own
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    seed: Option<u64>,
    /// The length of the measured window (10m, 1h30m), instead of the model's own
    #[arg(long, value_name = "TIME")]
    duration: Option<String>,
    /// How long it runs before the window, instead of the model's own
    #[arg(long, value_name = "TIME")]
    warmup: Option<String>,
}

impl WindowArgs {
    /// Reads the model with this window, and tells its warnings.
    fn load(&self, model: &ModelArgs, quiet: bool) -> Result<(Source, Model), Failure> {
        model.load(&[("run.duration", self.duration.clone()), ("run.warmup", self.warmup.clone())], quiet)
    }
}

impl ModelArgs {
    /// Reads the model and tells its warnings.
    fn load(&self, more: &[(&str, Option<String>)], quiet: bool) -> Result<(Source, Model), Failure> {
        let source = Source::read(&self.model)?;
        let more = more.iter().filter_map(|(path, value)| Some(((*path).to_owned(), value.clone()?)));
        let sets: Vec<(String, String)> = self.sets.iter().cloned().chain(more).collect();
        let (model, warnings) = engine::load(&source, &sets)?;
        if !quiet {
            warn(&source.name, &warnings);
        }
        Ok((source, model))
    }
}

/// `web.replicas=6`
fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((path, value)) if !path.trim().is_empty() => Ok((path.trim().to_owned(), value.trim().to_owned())),
        Some(_) | None => Err("expected a path and a value, as web.replicas=6".to_owned()),
    }
}

/// A format by the ending of a file's name.
fn by_ending<T: clap::ValueEnum>(output: Option<&PathBuf>, endings: &[(&str, T)]) -> Option<T> {
    let ending = output?.extension()?.to_str()?.to_ascii_lowercase();
    endings.iter().find(|(known, _)| *known == ending).map(|(_, format)| format.clone())
}
