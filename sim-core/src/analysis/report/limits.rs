//! What rate limiters and load balancers report of their own.

use serde::{Deserialize, Serialize};

/// What a rate limiter decided for the clients of a tier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TierReport {
    /// Calls that passed.
    pub allowed: u64,
    /// Calls that were turned away.
    pub throttled: u64,
}

/// What a load balancer found of its endpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EndpointsReport {
    /// How often an endpoint was found ill and left out.
    pub ejections: u64,
    /// How often one was found well again.
    pub returns: u64,
    /// How long it took to find out that one was down: mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection_mean_s: Option<f64>,
    /// The longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection_max_s: Option<f64>,
    /// Connections that were opened to endpoints, where they are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connects: Option<u64>,
    /// Clients that could not stay at their endpoint, since it was gone or ill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<u64>,
    /// Calls that were cut off at the end of the time to drain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<u64>,
}
