//! Peak EWMA: what calls to an endpoint cost of late, quick to rise and slow to fall.
//!
//! Follows Finagle's `PeakEwma` load metric: the cost is a moving average of round-trip times, weighted by their age;
//! a time above it becomes the cost at once. The load is the cost times one more than the calls in flight, and one that
//! was never measured and has calls in flight counts as very loaded. Finagle asks two at random and takes the less
//! loaded (power of two choices); so does whoever uses this.
//!
//! Source: twitter/finagle `finagle-core/src/main/scala/com/twitter/finagle/loadbalancer/p2c/PeakEwma.scala`.

use crate::math;

/// Finagle's default decay time, ns.
pub const DECAY_NS: f64 = 10e9;

/// Finagle's load of one that was never measured, apart from its calls in flight.
const PENALTY: f64 = (i64::MAX >> 16) as f64;

/// The cost of an endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PeakEwma {
    cost_ns: f64,
    at_ns: u64,
}

impl PeakEwma {
    /// A call took so long.
    pub fn observe(&mut self, took_ns: u64, now_ns: u64) {
        let took = took_ns as f64;
        if took > self.cost_ns {
            self.cost_ns = took;
        } else {
            let weight = math::exp(-(now_ns.saturating_sub(self.at_ns) as f64) / DECAY_NS);
            self.cost_ns = self.cost_ns * weight + took * (1.0 - weight);
        }
        self.at_ns = now_ns;
    }

    /// The load with so many calls in flight. Asking lets the cost fall, as in Finagle.
    pub fn load(&mut self, in_flight: u32, now_ns: u64) -> f64 {
        self.observe(0, now_ns);
        if self.cost_ns == 0.0 && in_flight > 0 {
            PENALTY + f64::from(in_flight)
        } else {
            self.cost_ns * f64::from(in_flight + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn peaks_count_at_once_and_fade() {
        let mut endpoint = PeakEwma::default();
        assert_eq!(endpoint.load(0, 0), 0.0);
        assert!(endpoint.load(1, 0) > 1e13, "in flight and never measured");
        endpoint.observe(10 * MS, 0);
        assert_eq!(endpoint.load(0, 0), 1e7);
        assert_eq!(endpoint.load(3, 0), 4e7);
        endpoint.observe(100 * MS, 0);
        assert_eq!(endpoint.load(0, 0), 1e8, "a peak counts at once");
        // After one decay time a short call counts for all but 1/e.
        endpoint.observe(10 * MS, DECAY_NS as u64);
        let expected = 1e8 * (-1.0_f64).exp_by_libm() + 1e7 * (1.0 - (-1.0_f64).exp_by_libm());
        assert!((endpoint.cost_ns - expected).abs() < 1.0);
    }

    trait ByLibm {
        fn exp_by_libm(self) -> f64;
    }

    impl ByLibm for f64 {
        fn exp_by_libm(self) -> f64 {
            math::exp(self)
        }
    }
}
