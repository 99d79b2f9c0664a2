//! `kneepoint picture`: draws an answer that was kept.

use clap::Args;
use sim_core::experiment::Answer;

use super::pictures::{Chart, asked};
use crate::chart::{Shown, Theme};
use crate::error::{Failure, clean};
use crate::files::Source;

const AFTER_HELP: &str = "\
Examples:
  kneepoint limit shop.json -o limit.json
  kneepoint picture limit.json limit.svg
  kneepoint picture sweep.json heat-map=map.png curves=curves.svg --theme dark

Kinds are those of --chart of the command that found it; the first of them is drawn unasked.";

/// Draw an answer that was kept with --format json
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Picture {
    /// The answer of run, sweep, compare, limit, plan or explain in JSON; `-` reads stdin
    answer: String,
    /// Where to, as SVG or PNG by the file's ending; KIND=FILE draws another picture than the first
    #[arg(value_name = "[KIND=]FILE", value_parser = asked, required = true)]
    charts: Vec<Chart>,
    /// The colours
    #[arg(long, value_enum, default_value_t)]
    theme: Theme,
}

impl Picture {
    pub fn execute(self) -> Result<(), Failure> {
        let source = Source::read(&self.answer)?;
        let answer = Answer::read(&source.bytes).map_err(|why| {
            Failure::Wrong(format!("{} {}; write one with --format json", clean(&source.name), clean(&why)))
        })?;
        self.charts.iter().try_for_each(|chart| chart.check(answer.kind()))?;
        self.charts.iter().try_for_each(|chart| chart.draw(&Shown::from(&answer), self.theme))
    }
}
