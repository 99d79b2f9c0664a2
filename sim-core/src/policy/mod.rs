//! Pure algorithms that know no engine: each names the product that it follows.

pub mod backoff;
pub mod breaker;
pub mod eviction;
pub mod hedge;
pub mod hpa;
pub mod limiting;
pub mod retry_budget;
pub mod smooth_round_robin;
