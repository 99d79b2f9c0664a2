//! What arrives: times, sizes, keys and traces.

pub mod arrivals;
pub mod keys;
pub mod profile;
pub mod sampler;
pub mod trace;
