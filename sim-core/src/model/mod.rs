//! The model: what the user writes.

pub mod units;
