//! What a run measures.

pub mod breakdown;
pub mod histogram;
