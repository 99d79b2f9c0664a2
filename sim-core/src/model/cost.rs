//! What components cost: money without a name, per hour, month or million calls.

use super::value::Factor;
use crate::spec;

/// The hours of a month, as cloud providers count it: 365 × 24 ÷ 12.
pub const HOURS_PER_MONTH: f64 = 730.0;

spec! {
    /// What a component costs, in whatever money; a bare number is per hour of each node.
    pub struct Cost, short("per_hour") {
        /// Of each node for an hour: each replica of a server pool, each node of a database, each copy of a cache or pool.
        per_hour: Factor = default(0);
        /// Of a million calls.
        per_million: Factor = default(0);
        /// Of a gigabyte (10⁹ bytes) that its calls carry: their sizes, as classes and steps say.
        per_gb: Factor = default(0);
    }
}

impl Cost {
    /// Of so many nodes, calls per second and bytes per second, for a month of 730 h.
    pub fn per_month(&self, nodes: f64, calls_per_s: f64, bytes_per_s: f64) -> f64 {
        let seconds = 3600.0 * HOURS_PER_MONTH;
        nodes * self.per_hour.0 * HOURS_PER_MONTH
            + calls_per_s * seconds / 1e6 * self.per_million.0
            + bytes_per_s * seconds / 1e9 * self.per_gb.0
    }
}
