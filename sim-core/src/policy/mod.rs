//! Pure algorithms that know no engine: each names the product that it follows.

pub mod adaptive_limit;
pub mod backoff;
pub mod balancing;
pub mod breaker;
pub mod cdn_ttl;
pub mod codel;
#[cfg(test)]
pub(crate) mod draws;
pub mod eviction;
pub mod forecast;
pub mod hash_slots;
pub mod health;
pub mod hedge;
pub mod hpa;
pub mod limiting;
pub mod placement;
pub mod retry_budget;
pub mod rolling_update;
pub mod smooth_round_robin;
pub mod step_scaling;
pub mod target_tracking;
pub mod vertical;
