//! `kneepoint sweep`: every combination of some settings, or a sample of them.

use clap::{Args, ValueEnum};
use sim_core::experiment::sweep::{Sweep as Controller, Swept};
use sim_core::experiment::{Allowed, Axes, Experiment, Figure, Subjects};
use sim_core::model::Model;

use super::ModelArgs;
use super::experiment::{AnswerArgs, RunArgs, figure, told};
use crate::chart::Shown;
use crate::error::Failure;
use crate::render::sweep::{data, missed, page};

const AFTER_HELP: &str = "\
Values:
  web.replicas=2..10                2, 3, 4, … 10
  web.replicas=2..10:2              2, 4, 6, 8, 10
  web.replicas=2..64:x2             2, 4, 8, 16, 32, 64
  pool.size=10,20,40..60:10         a list; ranges may be among them
  users.arrivals.rate=100/s..500/s:100/s
  users.link.timeout=1ms..1s:log5   5 values at equal ratios; lin5 at equal distances
  redis.eviction=lru,lfu            words
  db.operations.read=exp(2ms),mix(90% exp(2ms), 10% exp(9ms))
                                    commas in brackets and quotes stay
With --sample, ranges with units need no step, and those that end in :log are drawn by ratio.

Examples:
  kneepoint sweep shop.json --vary web.replicas=2..10
  kneepoint sweep shop.json --vary web.replicas=2..10:2 --vary orders-pool.size=10,20,40
  kneepoint sweep shop.json --vary web.replicas=2..10 --figure 'p99(web)' --replications 20
  kneepoint sweep shop.json --vary web.replicas=2..10 --vary redis.ttl=1s..1h:log --sample 200
  kneepoint sweep shop.json --vary web.replicas=1..100 --journal sweep.jsonl --resume -o sweep.parquet";

/// Run every combination of some settings: which is how fast, and which meets the objectives
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Sweep {
    #[command(flatten)]
    model: ModelArgs,
    /// What to vary: a path and its values; several times for all combinations
    #[arg(long, value_name = "PATH=VALUES", required = true, value_parser = super::setting)]
    vary: Vec<(String, String)>,
    /// Run so many points that cover the axes evenly (a Latin hypercube), not all combinations
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    sample: Option<u32>,
    /// How many independent runs of each point
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    replications: u32,
    /// A figure to show, such as p99(web) or utilization(orders); may be given several times
    #[arg(long, value_name = "FIGURE", value_parser = figure)]
    figure: Vec<Figure>,
    /// Exit with 3 if a point misses an objective, or was stopped
    #[arg(long, value_enum, value_name = "WHAT")]
    fail_on: Vec<FailOn>,
    #[command(flatten)]
    runs: RunArgs,
    #[command(flatten)]
    answer: AnswerArgs,
}

/// What is a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// A point misses an objective.
    Objectives,
    /// A run was stopped at a limit.
    Stopped,
}

/// Combinations are all tried before the first run where they are so few.
const TRIED_MAX: usize = 2_000;

impl Sweep {
    pub fn execute(self) -> Result<(), Failure> {
        let (source, model) = self.runs.load(&self.model, self.answer.quiet)?;
        let allowed = if self.sample.is_some() { Allowed::Any } else { Allowed::Steps };
        let wrong = |diagnostics| Failure::Model { source: "--vary".to_owned(), diagnostics };
        let axes = Axes::read(&self.vary, allowed, &model, &source.folder).map_err(wrong)?;
        told(&model, &self.figure)?;
        let subjects = Subjects::new(vec![model], &source.folder, self.runs.window.seed, &self.figure);
        let mut sweep = match self.sample {
            Some(count) => Controller::sample(&axes, count, subjects.seed(), self.replications),
            None => Controller::grid(&axes, self.replications),
        };
        if axes.len() > 1 && sweep.len() <= TRIED_MAX {
            self.runs.check("--vary", &subjects, sweep.points())?;
        }
        self.answer.check("sweep")?;
        self.runs.conduct(&mut sweep, &subjects, self.answer.quiet)?;
        let swept = sweep.finish(&subjects);
        let figures = subjects.figures();
        let page = page(&swept, figures, &self.figure);
        self.answer.write_with(&swept, &page, &data(&swept, figures))?;
        self.answer.draw(subjects.base(), Shown::Sweep(&swept), &page)?;
        self.outcome(&swept, subjects.base())
    }

    fn outcome(&self, swept: &Swept, model: &Model) -> Result<(), Failure> {
        let mut why = Vec::new();
        if self.fail_on.contains(&FailOn::Objectives) {
            why.extend(missed(swept, &model.objectives));
        }
        if self.fail_on.contains(&FailOn::Stopped) && swept.points.iter().any(|point| point.stopped.is_some()) {
            why.push("runs were stopped".to_owned());
        }
        if why.is_empty() { Ok(()) } else { Err(Failure::Unmet(why.join(", "))) }
    }
}
