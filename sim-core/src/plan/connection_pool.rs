//! Connection pools.

use super::DrawPlan;

/// A connection pool.
#[derive(Debug, Clone)]
pub struct ConnectionPoolPlan {
    /// The component.
    pub component: u32,
    /// Connections that stay open.
    pub size: u32,
    /// Connections that are opened above, and closed on return.
    pub overflow: u32,
    /// The time to open one.
    pub connect: Option<DrawPlan>,
    /// How long an unused one stays open, nanoseconds; 0: for ever.
    pub idle_timeout_ns: u64,
    /// How many unused ones stay open whatever their age.
    pub min_idle: u32,
    /// How old one may be when it is taken, nanoseconds; 0: any age.
    pub max_lifetime_ns: u64,
    /// What checking one takes before it is lent.
    pub validate: Option<DrawPlan>,
    /// How long one must have lain unused to be checked, nanoseconds.
    pub validate_after_ns: u64,
    /// Connections that are lent to those who have waited for long.
    pub reserve: u32,
    /// The longest wait for a connection, nanoseconds; 0: no limit.
    pub acquire_timeout_ns: u64,
    /// How long until a database that refused a connection is asked again, nanoseconds; 0: never.
    pub login_retry_ns: u64,
    /// Whether the most recently used one is taken first.
    pub lifo: bool,
    /// The database (a component) that counts the connections; `NONE`: none.
    pub database: u32,
    /// Whether connections are told apart: opening one costs, is counted, or they grow old.
    pub tracked: bool,
    /// Where its draws are keyed.
    pub site: u64,
}
