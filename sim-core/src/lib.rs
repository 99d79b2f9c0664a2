//! Kneepoint's engine: a deterministic discrete-event simulator of backend systems.

pub mod analysis;
pub mod components;
pub mod engine;
pub mod math;
pub mod metrics;
pub mod model;
pub mod policy;
pub mod workload;
