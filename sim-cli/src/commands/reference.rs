//! `kneepoint reference`: what a model may hold, part by part.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use sim_core::model::diagnostic::did_you_mean;
use sim_core::model::reference::{Page, pages};

use crate::error::Failure;
use crate::files::Output;

const AFTER_HELP: &str = "\
Examples:
  kneepoint reference                  # the parts that there are
  kneepoint reference cache            # the fields of a cache, their defaults, and what it imitates
  kneepoint reference link -o link.md";

/// Tell what a part of a model may hold: fields, units, defaults, and which product it imitates
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Reference {
    /// The part: a component's type, or `link`, `step`, `run`, …; left out, a list of all
    part: Option<String>,
    /// Write it to a file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Reference {
    pub fn execute(self) -> Result<(), Failure> {
        let pages = pages();
        let text = match &self.part {
            None => index(&pages),
            Some(part) => {
                let page = pages.iter().find(|page| page.name == *part);
                let names = pages.iter().map(|page| page.name.as_str());
                let wrong = || Failure::Wrong(format!("there is no part {part}; {}", did_you_mean(part, names)));
                page.ok_or_else(wrong)?.text.clone()
            }
        };
        Output(self.output).write(&text)
    }
}

fn index(pages: &[Page]) -> String {
    let width = pages.iter().map(|page| page.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for page in pages {
        writeln!(text, "{:<width$}  {}", page.name, page.summary).expect("text grows");
    }
    text
}
