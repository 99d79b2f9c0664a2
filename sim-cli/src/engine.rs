//! The one place where the command line meets the engine.

use sim_core::Plan;
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

/// Makes a plan of a model.
pub fn compile(model: &Model, source: &Source) -> Result<Plan, Diagnostics> {
    Plan::compile(model, &source.folder)
}

/// The JSON Schema of models.
pub fn schema() -> serde_json::Value {
    sim_core::model::schema::schema()
}
