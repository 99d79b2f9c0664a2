//! Where the time of a request went.

use serde::{Deserialize, Serialize};

/// Where the time of typical (p45 to p55) and of slow (the slowest 1%) requests went, largest part first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Breakdown {
    /// Requests around the median.
    pub p50: Vec<BreakdownPart>,
    /// The slowest 1%.
    pub p99: Vec<BreakdownPart>,
}

/// One part of the time of a request; the parts sum to the whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BreakdownPart {
    /// Where.
    pub component: String,
    /// At what: `network`, `queueing`, `service`, `pool-wait`, `lock-wait`, `back-off`, `hedge-wait`.
    pub phase: String,
    /// Whether it was spent on a try that was given up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub abandoned: bool,
    /// Its share of the whole.
    pub share: f64,
    /// Mean per request.
    pub seconds: f64,
}

impl BreakdownPart {
    /// Whether both are of the same place and phase.
    pub fn names_the_same(&self, other: &Self) -> bool {
        (&self.component, &self.phase, self.abandoned) == (&other.component, &other.phase, other.abandoned)
    }
}
