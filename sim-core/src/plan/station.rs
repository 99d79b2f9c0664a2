//! Limited resources.

use crate::engine::slab::NONE;

/// A limited resource that each instance of a component has.
#[derive(Debug, Clone)]
pub struct StationPlan {
    /// `cores`, `workers`, `connections`, `slots` or `threads`.
    pub name: &'static str,
    /// How it serves.
    pub discipline: Discipline,
    /// How many are served at once; for [`Discipline::Sharing`] in thousandths of a core.
    pub servers: u32,
    /// The order of those who wait.
    pub order: Order,
    /// The most who wait; `NONE`: no limit.
    pub capacity: u32,
    /// What happens to one who finds the queue full.
    pub when_full: WhenFull,
    /// The longest wait in nanoseconds, 0: no limit.
    pub timeout_ns: u64,
    /// How its queue sheds: target and interval of controlled delay, ns.
    pub codel_ns: Option<(u64, u64)>,
    /// Whether there are as many servers as can ever ask, so that nobody waits.
    pub free: bool,
    /// How many cores one of its servers is (shared cores: thousandths of them); 1 where it is no core.
    pub core_share: f64,
}

impl StationPlan {
    /// Servers, first come, first served, without any limit.
    pub fn plain(name: &'static str, servers: u32) -> Self {
        Self {
            name,
            discipline: Discipline::Servers,
            servers,
            order: Order::Fifo,
            capacity: NONE,
            when_full: WhenFull::Reject,
            timeout_ns: 0,
            codel_ns: None,
            free: false,
            core_share: 1.0,
        }
    }

    /// What one server counts as in `servers` and in its areas.
    pub fn unit(&self) -> f64 {
        match self.discipline {
            Discipline::Servers => 1.0,
            Discipline::Sharing => 1000.0,
        }
    }
}

/// How a station serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discipline {
    /// Each server serves one at a time.
    Servers,
    /// Egalitarian processor sharing: n tasks on c cores run each at min(1, c/n).
    Sharing,
}

/// The order in which those who wait are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// First come, first served.
    Fifo,
    /// Last come, first served.
    Lifo,
    /// The highest priority first, then first come, first served.
    Priority,
}

/// What happens to one who finds the queue full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// It is turned away at once.
    Reject,
    /// It waits in front of the queue, this long at most.
    Wait(u64),
    /// The one who waited longest is turned away instead.
    DropOldest,
    /// It waits in front of the queue.
    Block,
}
