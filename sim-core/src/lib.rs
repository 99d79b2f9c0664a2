//! Kneepoint's engine: a deterministic discrete-event simulator of backend systems.

pub mod analysis;
pub mod components;
pub mod engine;
pub mod experiment;
mod lower;
pub mod math;
pub mod metrics;
pub mod model;
pub mod plan;
pub mod policy;
pub mod scale;
pub mod workload;
pub mod world;

pub use analysis::report::Report;
pub use model::Model;
pub use plan::Plan;

/// The engine's version, as reports give it: another one may give other results for the same model and seed.
pub const ENGINE: &str = concat!("kneepoint ", env!("CARGO_PKG_VERSION"));

/// Runs a plan once and reports: results follow from the plan and the seed alone.
///
/// # Panics
/// Where the audit does not hold: the engine has a bug, and no figure can be trusted.
pub fn simulate(plan: &Plan, seed: u64) -> Report {
    analysis::assemble::assemble(plan, &world::run(plan, seed))
}
