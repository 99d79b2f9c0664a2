//! What rate limiters report.

use serde::{Deserialize, Serialize};

/// What a rate limiter decided for the clients of a tier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TierReport {
    /// Calls that passed.
    pub allowed: u64,
    /// Calls that were turned away.
    pub throttled: u64,
}
