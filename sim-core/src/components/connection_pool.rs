//! Connection pools: what callers must hold before they reach what is behind.

use crate::model::cost::Cost;
use crate::model::link::{Link, Scope};
use crate::model::spec::About;
use crate::model::value::{Count, Time, TimeDistribution};
use crate::{choices, spec};

spec! {
    /// Connections that callers borrow: a driver's pool, PgBouncer, a bulkhead.
    pub struct ConnectionPoolSpec, component("connection-pool") {
        /// What the connections lead to.
        to: Link = required.beside("link");
        /// How many connections there are.
        size: Count = required.range(0, 1_000_000).live();
        /// How many more are opened when all are taken; closed when given back.
        overflow: Count = default(0).range(0, 1_000_000).live();
        /// The longest wait for a connection; left out, as long as it takes.
        acquire_timeout: Time = optional.at_least("1ns");
        /// What opening a connection takes.
        connect: TimeDistribution = default("0s");
        /// Whether there is one pool for all, or one in each instance of the caller.
        scope: Scope = default("per-replica");
        /// Which idle connection is taken first: the one given back last or first.
        order: PoolOrder = default("lifo");
        /// For how long a connection is borrowed.
        mode: PoolMode = default("transaction");
        /// How long an idle connection stays open; left out, for ever.
        idle_timeout: Time = optional.at_least("1ns");
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        later [
            "min_idle", "reserve", "max_lifetime", "validate", "max_clients", "max_db_connections",
            "login_retry", "overrides",
        ];
        about ABOUT;
    }
}

const ABOUT: About = About {
    imitates: "PgBouncer's session, transaction and statement modes, HikariCP and SQLAlchemy's QueuePool with its overflow: callers wait in line, first come first served.",
    leaves_out: &[
        "A connection that is lent out never breaks by itself: leans towards too good where the network is bad.",
    ],
    checked: &["Waiting against M/M/c, and an overflow against SQLAlchemy's rule that it is closed on return."],
};

choices! {
    /// Which idle connection is taken first.
    pub enum PoolOrder {
        /// The one given back last.
        Lifo = "lifo";
        /// The one given back first.
        Fifo = "fifo";
    }
}

choices! {
    /// For how long a connection is borrowed.
    pub enum PoolMode {
        /// For each call.
        Statement = "statement";
        /// For each `hold`, and for each call outside of one.
        Transaction = "transaction";
        /// From the first call of a request to its end.
        Session = "session";
    }
}
