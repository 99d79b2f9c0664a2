//! What changes while a run goes on.

/// Something that changes while it runs.
#[derive(Debug, Clone)]
pub struct Change {
    /// When, nanoseconds since the run's start.
    pub at: u64,
    /// What.
    pub what: ChangeKind,
}

/// What changes.
#[derive(Debug, Clone)]
pub enum ChangeKind {
    /// A pool's replicas.
    Replicas {
        /// The pool, a component.
        component: u32,
        /// How many.
        count: u32,
    },
    /// A pool's speed.
    Speed {
        /// The component.
        component: u32,
        /// The new speed.
        speed: f64,
    },
    /// The share that fails after the work.
    ErrorRate {
        /// The component.
        component: u32,
        /// The new share.
        share: f64,
    },
    /// A connection pool's size and overflow.
    Size {
        /// The component.
        component: u32,
        /// Connections that stay open.
        size: u32,
        /// Connections above.
        overflow: u32,
    },
    /// A cache's capacity.
    Capacity {
        /// The component.
        component: u32,
        /// How many entries.
        capacity: u64,
    },
    /// A cache's time to live.
    Ttl {
        /// The component.
        component: u32,
        /// By keyspace, as in [`CachePlan::ttl_ns`](super::CachePlan::ttl_ns).
        ttl_ns: Vec<u64>,
    },
    /// The servers of a component's first station: a database's slots per node, a queue's workers.
    Slots {
        /// The component.
        component: u32,
        /// How many.
        slots: u32,
    },
    /// What a component keeps by itself.
    Own {
        /// The component.
        component: u32,
        /// What is in the place of what was there.
        own: super::OwnPlan,
    },
    /// A database's shards.
    Shards {
        /// The component.
        component: u32,
        /// How many.
        shards: u32,
    },
    /// A client's rate.
    Rate {
        /// The client, a component.
        component: u32,
        /// Per second.
        rate: f64,
    },
    /// The number of a client's users.
    Users {
        /// The client, a component.
        component: u32,
        /// How many.
        users: u32,
    },
    /// A cache forgets everything.
    Flush {
        /// The component.
        component: u32,
        /// Which instance; `None`: all.
        instance: Option<InstanceRef>,
        /// Whether entries only end, and may still be served where what has ended may.
        soft: bool,
    },
    /// A cache is filled with its most popular keys again.
    Warm {
        /// The component.
        component: u32,
        /// Which instance; `None`: all.
        instance: Option<InstanceRef>,
    },
    /// All replicas of a pool are replaced by new ones.
    Deploy {
        /// The pool, a component.
        component: u32,
        /// How fast.
        pace: crate::policy::rolling_update::Pace,
    },
    /// Instances stop with all that is in them, and start again.
    Restart {
        /// The component.
        component: u32,
        /// Which instance; `None`: all.
        instance: Option<InstanceRef>,
    },
    /// A fault begins or ends.
    Fault {
        /// Which: an index into [`super::Plan::faults`].
        fault: u32,
        /// When it ends, nanoseconds since the run's start.
        until: u64,
        /// Whether this is its end.
        ends: bool,
    },
}

/// One instance of a component, as an address names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceRef {
    /// A replica, by number.
    Replica(u32),
    /// All replicas in a zone.
    Zone(u32),
    /// A node of a database: shard, then `None` for the primary or the replica's number.
    Shard(u32, Option<u32>),
}
