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
    /// Whether the most recently used one is taken first.
    pub lifo: bool,
    /// The database (a component) that counts the connections; `NONE`: none.
    pub database: u32,
    /// Whether connections are told apart: opening one costs, is counted, or they grow old.
    pub tracked: bool,
    /// Where its draws are keyed.
    pub site: u64,
}
