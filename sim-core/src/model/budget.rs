//! Limits on retries: budgets and tokens.

use super::value::{Count, Factor, Share};
use crate::spec;

spec! {
    /// How many calls may be on a retry at once: a share of those in progress (Envoy's retry budget).
    pub struct Budget, short("share") {
        /// The share of the calls in progress, to this callee from this caller.
        share: Share = default("20%");
        /// So many may always be.
        min_concurrency: Count = default(3).range(0, 1_000_000);
    }
}

spec! {
    /// Retries cost tokens, and calls that end well earn some (the AWS SDKs' retry quota; with `refund: false`, a token bucket).
    pub struct Tokens, short("quota") {
        /// How many there are at the start, and at most.
        quota: Factor = default(500).range(0, 1_000_000_000);
        /// What a retry costs.
        cost: Factor = default(5).range(0, 1_000_000);
        /// What a retry after a time-out costs; left out, twice the `cost`.
        timeout_cost: Factor = optional.range(0, 1_000_000);
        /// What a call that ends well earns.
        deposit: Factor = default(1).range(0, 1_000_000);
        /// A call that ends well after a retry earns what the retry cost, instead of the `deposit`.
        refund: bool = default(true);
    }
}
