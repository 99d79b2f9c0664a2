//! Classes: what clients ask for.

use super::spec::Referent;
use super::value::{Count, Name, SizeDistribution, Time};
use crate::spec;

spec! {
    /// A kind of request.
    pub struct Class {
        /// The keyspace that it asks for a key of.
        key: Name = optional.refers(Referent::Keyspace);
        /// How much it carries: reads in the response, writes in the request.
        size: SizeDistribution = optional;
        /// Whether it changes what it asks for.
        write: bool = default(false);
        /// Queues with `order: priority` take the higher first.
        priority: Count = default(0).range(0, 1000);
        /// How long its requests are wanted: the client gives up then, and work past it is refused everywhere.
        deadline: Time = optional.at_least("1ns");
        /// Whether its requests may be tried again and hedged; left out, reads may, and writes where the link says so.
        retryable: bool = optional;
        later ["max_age", "no_store", "version", "tags"];
    }
}
