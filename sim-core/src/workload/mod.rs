//! What arrives: times, sizes, keys and traces.

pub mod sampler;
