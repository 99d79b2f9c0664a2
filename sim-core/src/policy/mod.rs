//! Pure algorithms that know no engine: each names the product that it follows.

pub mod backoff;
pub mod balancing;
pub mod eviction;
pub mod health;
pub mod hpa;
pub mod limiting;
pub mod smooth_round_robin;
