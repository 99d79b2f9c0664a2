//! What arrives: times, sizes, keys and traces.

pub mod keys;
pub mod sampler;
