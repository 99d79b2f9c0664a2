//! engine

pub mod rng;
