//! How balancers find out that an endpoint is ill.

use crate::model::link::RetryCondition;
use crate::model::value::{Count, Factor, OneOrMany, Share, Time};
use crate::spec;

spec! {
    /// How a balancer finds out that an endpoint is ill.
    pub struct Health {
        /// It asks each endpoint at intervals (AWS Application Load Balancer).
        active: ActiveChecks = optional;
        /// It looks at how calls end (nginx).
        passive: PassiveChecks = optional;
        /// It looks at how calls end, and compares endpoints (Envoy's outlier detection).
        outlier: Outlier = optional;
    }
}

spec! {
    /// Checks at intervals. One that does not answer in time has failed; when all are unhealthy, all get calls.
    pub struct ActiveChecks {
        /// How often.
        interval: Time = default("30s").at_least("1ms");
        /// How long an answer is waited for.
        timeout: Time = default("5s").at_least("1ns");
        /// How many successes in a row make an endpoint healthy again; a new one needs one.
        healthy: Count = default(5).range(1, 1000);
        /// How many failures in a row make it unhealthy.
        unhealthy: Count = default(2).range(1, 1000);
    }
}

spec! {
    /// nginx's passive checks; its clock is whole seconds.
    pub struct PassiveChecks {
        /// How many failures make an endpoint be left out; 0: it never is.
        max_fails: Count = default(1).range(0, 1_000_000);
        /// For how long, until one call looks again.
        fail_timeout: Time = default("10s");
        /// What is a failure, besides a server that is down (nginx `proxy_next_upstream`: error, timeout).
        when: OneOrMany<RetryCondition> = default(&["connect", "timeout", "lost", "unavailable"][..]);
    }
}

spec! {
    /// Envoy's outlier detection.
    pub struct Outlier {
        /// How many 5xx answers in a row eject an endpoint; 0: none do.
        consecutive_5xx: Count = default(5).range(0, 1_000_000);
        /// How often endpoints are compared, and brought back.
        interval: Time = default("10s").at_least("1ms");
        /// How long the first ejection lasts; the n-th lasts n times as long.
        base_ejection_time: Time = default("30s");
        /// The longest.
        max_ejection_time: Time = default("300s");
        /// The share of endpoints that may be out; one always may.
        max_ejection: Share = default("10%");
        /// Success rates: with how many endpoints that had enough requests they are compared.
        success_rate_minimum_hosts: Count = default(5).range(1, 1_000_000);
        /// Success rates: how many requests in an interval are enough.
        success_rate_request_volume: Count = default(100).range(1, 1_000_000_000);
        /// Success rates: how many standard deviations below the mean eject an endpoint; 0: they are not compared.
        success_rate_stdev_factor: Factor = default(1.9).range(0, 100);
        /// With less than this share of endpoints well, all get calls.
        panic_threshold: Share = default("50%");
    }
}
