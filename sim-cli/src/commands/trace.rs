//! `kneepoint trace`: what happened to single requests.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use sim_core::Plan;
use sim_core::analysis::replications::seed_of;
use sim_core::analysis::trace::{Question, Traces, Which, trace};

use super::{ModelArgs, WindowArgs};
use crate::engine;
use crate::error::Failure;
use crate::files::Output;
use crate::progress::Progress;
use crate::render::json::pretty;
use crate::render::{chrome, otlp, waterfall};

const AFTER_HELP: &str = "\
Examples:
  kneepoint trace shop.json                          # the five slowest requests
  kneepoint trace shop.json --slowest 1 --class checkout
  kneepoint trace shop.json --around p50 --count 2   # two typical ones
  kneepoint trace shop.json --errors                 # the slowest of those that failed
  kneepoint trace shop.json --request 1d0c6f4d5fa2c37e --set web.replicas=6
  kneepoint trace shop.json --format chrome -o slow.json   # for ui.perfetto.dev

Exactly the first run of `kneepoint run` is made again (or the one of --replication), and nothing in it
changes; its slowest need not be the slowest of all runs. Of calls alike in a row, and of branches that
were not waited for, a table shows one row.";

/// Show what happened to the slowest requests, call by call
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Trace {
    #[command(flatten)]
    model: ModelArgs,
    /// How many requests, the slowest first
    #[arg(long, visible_alias = "count", value_name = "NUMBER", default_value_t = 5, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=1000))]
    slowest: u32,
    /// Only requests of this class
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Those about this percentile (p50, p99.9) instead of the slowest
    #[arg(long, value_name = "PERCENTILE", value_parser = percentile, conflicts_with_all = ["errors", "request"])]
    around: Option<f64>,
    /// Of those that ended in an error instead of those that ended ok
    #[arg(long, conflicts_with = "request")]
    errors: bool,
    /// The request with this id, from an earlier trace; may be given several times
    #[arg(long, value_name = "ID", value_parser = id, conflicts_with = "class")]
    request: Vec<u64>,
    #[command(flatten)]
    window: WindowArgs,
    /// Which of the runs of `kneepoint run` to look into, from 1
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    replication: u32,
    /// How to write the results; left out, by the ending of --output, else a table
    #[arg(long, short, value_enum)]
    format: Option<TraceFormat>,
    /// Write the results to a file: .json, .chrome.json, .otlp.json, .txt
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Nothing but the results: no warnings, no progress
    #[arg(long, short)]
    quiet: bool,
}

/// How traces are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TraceFormat {
    /// Waterfalls for a terminal.
    #[default]
    Table,
    /// Every span, with all that is known of it.
    Json,
    /// For Perfetto and chrome://tracing.
    Chrome,
    /// For what reads OpenTelemetry.
    Otlp,
}

impl TraceFormat {
    /// By the ending of a file's name.
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let endings = [
            (".otlp.json", Self::Otlp),
            (".chrome.json", Self::Chrome),
            (".perfetto.json", Self::Chrome),
            (".json", Self::Json),
            (".txt", Self::Table),
        ];
        endings.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| format)
    }
}

impl Trace {
    pub fn execute(self) -> Result<(), Failure> {
        let (source, model) = self.window.load(&self.model, self.quiet)?;
        let plan = engine::compile(&model, &source)
            .map_err(|diagnostics| Failure::Model { source: source.name.clone(), diagnostics })?;
        let seed = seed_of(self.window.seed.unwrap_or(model.run.seed.0), self.replication - 1);
        let question = self.question();
        let traces =
            Progress::default().during(!self.quiet, || trace(&plan, seed, &question)).map_err(Failure::Wrong)?;
        let by_ending = self.output.as_deref().and_then(TraceFormat::of);
        let text = match self.format.or(by_ending).unwrap_or_default() {
            TraceFormat::Table => waterfall::waterfalls(&traces, &self.which(traces.requests.len())),
            TraceFormat::Json => pretty(&traces),
            TraceFormat::Chrome => pretty(&chrome::events(&traces)),
            TraceFormat::Otlp => pretty(&otlp::export(&traces)),
        };
        Output(self.output).write(&text)
    }

    fn question(&self) -> Question {
        let which = match (self.around, self.errors, self.request.as_slice()) {
            (Some(quantile), _, _) => Which::Around(quantile),
            (None, true, _) => Which::Failed,
            (None, false, []) => Which::Slowest,
            (None, false, ids) => Which::Ids(ids.to_vec()),
        };
        Question { which, count: self.slowest as usize, class: self.class.clone() }
    }

    /// In words, which requests there are.
    fn which(&self, count: usize) -> String {
        let requests = if count == 1 { "request" } else { "requests" };
        let slowest = if count == 1 { "slowest request".to_owned() } else { format!("{count} slowest requests") };
        let of_class = self.class.as_ref().map_or(String::new(), |class| format!(" of {class}"));
        match self.question().which {
            Which::Slowest => format!("the {slowest}{of_class}"),
            Which::Failed => format!("the {slowest}{of_class} that failed"),
            Which::Around(quantile) => {
                format!("{count} {requests}{of_class} about p{}", (quantile * 1e8).round() / 1e6)
            }
            Which::Ids(_) => format!("{count} {requests} by id"),
        }
    }
}

/// The slowest requests of a run, for `run --trace`: for Perfetto, or as OTLP where the file's name says so.
pub fn slowest(plan: &Plan, seed: u64, path: &Path) -> Result<(), Failure> {
    let question = Question { which: Which::Slowest, count: 5, class: None };
    let traces: Traces = trace(plan, seed, &question).map_err(Failure::Internal)?;
    let text = match TraceFormat::of(path) {
        Some(TraceFormat::Otlp) => pretty(&otlp::export(&traces)),
        Some(TraceFormat::Table) => waterfall::waterfalls(&traces, "the slowest requests"),
        Some(TraceFormat::Json | TraceFormat::Chrome) | None => pretty(&chrome::events(&traces)),
    };
    Output(Some(path.to_owned())).write(&text)
}

/// `p99.9`
fn percentile(text: &str) -> Result<f64, String> {
    let percent: Option<f64> = text.strip_prefix('p').and_then(|digits| digits.parse().ok());
    match percent {
        Some(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        Some(_) | None => Err("expected a percentile from p0 to p100, as p50 or p99.9".to_owned()),
    }
}

/// `1d0c6f4d5fa2c37e`
fn id(text: &str) -> Result<u64, String> {
    let right = text.len() == 16 && text.bytes().all(|letter| letter.is_ascii_hexdigit());
    let expected = || "expected the id of a request: 16 hexadecimal digits, as traces show it".to_owned();
    if right { u64::from_str_radix(text, 16).map_err(|_| expected()) } else { Err(expected()) }
}
