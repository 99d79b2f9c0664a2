//! What the tests that cross crates share.

pub mod random;
pub mod theory;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sim_core::model::{Files, NoFiles};
use sim_core::{Model, Plan, Report};

/// The folder of the gallery.
pub fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}

/// The files beside a model, in this folder.
#[derive(Debug)]
pub struct Beside(pub PathBuf);

impl Files for Beside {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        fs::read(self.0.join(path)).map_err(|error| format!("{path}: {error}"))
    }
}

/// The plan of a model that was built in code.
///
/// # Panics
/// Where the model is wrong, with every mistake in it.
pub fn plan(model: &Value) -> Plan {
    let text = serde_json::to_string_pretty(model).expect("a value is serialisable");
    let (model, _) = Model::parse(&text, "model.json", &[], &NoFiles)
        .unwrap_or_else(|mistakes| panic!("{}\n{text}", listed(&mistakes)));
    Plan::compile(&model, &NoFiles).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{text}"))
}

/// Every mistake, one to a line.
pub fn listed(mistakes: &sim_core::model::diagnostic::Diagnostics) -> String {
    mistakes.iter().filter(|mistake| mistake.is_error()).map(|mistake| format!("{mistake}\n")).collect()
}

/// The report of a run of a model that was built in code.
pub fn report(model: &Value, seed: u64) -> Report {
    sim_core::simulate(&plan(model), seed)
}
