//! Pure algorithms that know no engine: each names the product that it follows.

pub mod backoff;
pub mod eviction;
pub mod hash_slots;
pub mod hpa;
pub mod limiting;
pub mod smooth_round_robin;
