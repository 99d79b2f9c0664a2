//! `kneepoint fmt`: a model, tidied.

use clap::Args;
use sim_core::model::document::Document;
use sim_core::model::tidy::tidy;

use crate::engine;
use crate::error::{Failure, clean, say};
use crate::files::{Output, Source};

const AFTER_HELP: &str = "\
Examples:
  kneepoint fmt shop.json
  kneepoint fmt --check models/*.json     # in CI: 3 if one is not tidy
  cat shop.json | kneepoint fmt -         # to stdout

Fields stand in the order of the reference, what is short on one line, names as they were. What the
model means stays as it is, and so does its digest.";

/// Tidy models in JSON: fields in order, what is short on one line
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Fmt {
    /// The models, in JSON; `-` reads stdin and writes to stdout
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<String>,
    /// Change nothing; 3 if one is not tidy
    #[arg(long)]
    check: bool,
}

impl Fmt {
    pub fn execute(self) -> Result<(), Failure> {
        let mut worst = Ok(());
        let mut untidy = Vec::new();
        for path in &self.models {
            match (self.one(path), &worst) {
                (Ok(true), _) => untidy.push(clean(path)),
                (Ok(false), _) => {}
                // The others are tidied even if one is wrong.
                (Err(failure), Ok(())) => worst = Err(failure),
                (Err(failure), Err(_)) => failure.print(),
            }
        }
        if worst.is_ok() && self.check && !untidy.is_empty() {
            let is = if untidy.len() == 1 { "is" } else { "are" };
            return Err(Failure::Unmet(format!("{} {is} not tidy; kneepoint fmt tidies", untidy.join(", "))));
        }
        worst
    }

    /// Tidies a model; whether it was not tidy.
    fn one(&self, path: &str) -> Result<bool, Failure> {
        let source = Source::read(path)?;
        let wrong = |diagnostics| Failure::Model { source: source.name.clone(), diagnostics };
        let text = Document::text_of(&source.bytes).map_err(wrong)?;
        let lower = path.to_ascii_lowercase();
        let is_json = lower.ends_with(".json")
            || !lower.ends_with(".yaml") && !lower.ends_with(".yml") && text.trim_start().starts_with('{');
        if !is_json {
            let told = "is YAML, which is left alone: tidying it would lose its comments and its layout";
            return Err(Failure::Wrong(format!("{} {told}", clean(path))));
        }
        let tidied = tidy(text).map_err(wrong)?;
        keeps_its_meaning(&source, &tidied)?;
        let changed = tidied != text;
        if self.check {
            return Ok(changed);
        }
        if path == "-" {
            Output::default().write(&tidied)?;
        } else if changed {
            Output(Some(path.into())).write(&tidied)?;
            say(&format!("tidied {}", clean(path)));
        }
        Ok(changed)
    }
}

/// A right model is the same model afterwards.
fn keeps_its_meaning(source: &Source, tidied: &str) -> Result<(), Failure> {
    let Ok((before, _)) = engine::load(source, &[]) else { return Ok(()) };
    let after = sim_core::Model::parse(tidied, &source.name, &[], &source.folder);
    match after {
        Ok((after, _)) if after.digest() == before.digest() => Ok(()),
        Ok(_) | Err(_) => Err(Failure::Internal(format!("tidying would change what {} means", clean(&source.name)))),
    }
}
