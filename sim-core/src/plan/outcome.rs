//! How calls end, and what their time is spent on.

/// What a component's time is spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// On the wire, retransmissions included.
    Network,
    /// Waiting for a worker, a core, a slot, a thread.
    Queueing,
    /// Being served, or a `delay`.
    Service,
    /// Waiting for a connection to be in hand.
    PoolWait,
    /// Waiting for another's load of the same key.
    LoadWait,
    /// Waiting for a lock.
    LockWait,
    /// Waiting before another try.
    BackOff,
    /// Waiting before the copy was sent that answered.
    HedgeWait,
}

impl Phase {
    /// As reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Network => "network",
            Phase::Queueing => "queueing",
            Phase::Service => "service",
            Phase::PoolWait => "pool-wait",
            Phase::LoadWait => "load-wait",
            Phase::LockWait => "lock-wait",
            Phase::BackOff => "back-off",
            Phase::HedgeWait => "hedge-wait",
        }
    }
}

/// How a call or a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Outcome {
    /// Well.
    Ok,
    /// The caller gave up waiting, or the deadline passed.
    Timeout,
    /// A queue or a limit was full (503).
    Rejected,
    /// A rate limit was over (429).
    Throttled,
    /// The application refused (4xx).
    Denied,
    /// The application broke (500).
    Failed,
    /// No endpoint (503).
    Unavailable,
    /// A breaker was open.
    CircuitOpen,
    /// No connection became free in time.
    PoolTimeout,
    /// The callee takes no more connections.
    ConnectionRefused,
    /// The network gave up.
    Lost,
    /// The caller cancelled it.
    Cancelled,
    /// The caller no longer waited when its turn came.
    Abandoned,
}

impl Outcome {
    /// How many there are.
    pub const COUNT: usize = 13;

    /// All, in the order of their numbers.
    pub const ALL: [Outcome; Outcome::COUNT] = [
        Outcome::Ok,
        Outcome::Timeout,
        Outcome::Rejected,
        Outcome::Throttled,
        Outcome::Denied,
        Outcome::Failed,
        Outcome::Unavailable,
        Outcome::CircuitOpen,
        Outcome::PoolTimeout,
        Outcome::ConnectionRefused,
        Outcome::Lost,
        Outcome::Cancelled,
        Outcome::Abandoned,
    ];

    /// As reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Timeout => "timeout",
            Outcome::Rejected => "rejected",
            Outcome::Throttled => "throttled",
            Outcome::Denied => "denied",
            Outcome::Failed => "failed",
            Outcome::Unavailable => "unavailable",
            Outcome::CircuitOpen => "circuit_open",
            Outcome::PoolTimeout => "pool_timeout",
            Outcome::ConnectionRefused => "connection_refused",
            Outcome::Lost => "lost",
            Outcome::Cancelled => "cancelled",
            Outcome::Abandoned => "abandoned",
        }
    }
}
