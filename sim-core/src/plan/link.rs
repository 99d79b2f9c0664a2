//! Calls and the links that they take.

use super::{ANY_OP, DrawPlan, KeyChoice, OpName, Pc};
use crate::engine::slab::NONE;
use crate::policy::backoff::Backoff;
use crate::policy::backoff::Jitter;
use crate::policy::breaker::BreakerRule;
use crate::policy::retry_budget::{Budget, TokenRule};

/// A call.
#[derive(Debug, Clone)]
pub struct CallPlan {
    /// Through which link.
    pub link: u32,
    /// The operation; [`ANY_OP`]: read or write as the class says.
    pub op: OpName,
    /// Whether the caller's own operation is passed on.
    pub inherit_op: bool,
    /// How often, one after another.
    pub times: u32,
    /// Which key.
    pub key: KeyChoice,
    /// The class that the callee sees; `None`: the caller's.
    pub class: Option<u16>,
    /// The size that it carries; `None`: the request's.
    pub size: Option<u32>,
    /// Where its draws are keyed.
    pub site: u64,
    /// The call that is made instead when this one ended badly.
    pub fallback: Option<u32>,
    /// The pool (a component) whose connection the caller holds for this call, `NONE`: none.
    pub holding: u32,
    /// How many forks lie between the caller and the frame that holds the connection.
    pub forks_up: u8,
    /// Whether it goes over a connection of a pool.
    pub pooled: bool,
    /// Its copies, an index into [`Plan::hedges`](super::Plan::hedges); `NONE`: there are none.
    pub hedge: u32,
}

impl CallPlan {
    /// A plain call over a link.
    pub fn plain(link: u32, site: u64) -> Self {
        CallPlan {
            link,
            op: ANY_OP,
            inherit_op: false,
            times: 1,
            key: KeyChoice::Request,
            class: None,
            size: None,
            site,
            fallback: None,
            holding: NONE,
            forks_up: 0,
            pooled: false,
            hedge: NONE,
        }
    }
}

/// How one component calls another.
#[derive(Debug, Clone)]
pub struct LinkPlan {
    /// The component that owns it.
    pub owner: u32,
    /// Where it leads.
    pub target: Target,
    /// The cell of time on the wire; the next one is that of back-off.
    pub cell: u16,
    /// Whether its balancer must know how each try ends.
    pub watched: bool,
    /// Whether a try needs a connection that may have to be opened.
    pub connects: bool,
    /// Whether nothing at all is configured: no network, no limits, no second try.
    pub plain: bool,
    /// Whether a fault may lie on it some time.
    pub faulty: bool,
    /// The round-trip time.
    pub rtt: Option<DrawPlan>,
    /// Bytes per second each way, per caller instance.
    pub bandwidth: Option<f64>,
    /// The share of messages that are lost.
    pub loss: f64,
    /// The first retransmission time-out, nanoseconds.
    pub rto_ns: u64,
    /// Whether a lost message is never sent again.
    pub datagram: bool,
    /// The longest wait of a try, nanoseconds; 0: no limit.
    pub timeout_ns: u64,
    /// The longest time over all tries, nanoseconds; 0: no limit.
    pub deadline_ns: u64,
    /// Whether its owner gives up at the deadline of the class: it is a client's, and a class has one.
    pub by_class_deadline: bool,
    /// Whether a time-out reaches the callee.
    pub cancel: bool,
    /// Further tries.
    pub retry: Option<RetryPlan>,
    /// What stops calls while too many end badly.
    pub breaker: Option<BreakerRule>,
    /// Where it is remembered what the limits need: the same number for all links that come from one place of the
    /// model; `NONE`: there are no limits.
    pub guard: u32,
    /// Whether the copies of a hedged call are made behind it: its own tries take no way to the callee.
    pub before_copies: bool,
    /// Whether a copy that lost is called off at the callee.
    pub call_off: bool,
    /// The most calls in flight from one caller instance; `NONE`: no limit.
    pub max_in_flight: u32,
    /// Whether all instances of the caller count together.
    pub shared: bool,
    /// How a caller without a balancer goes round the replicas.
    pub policy: Policy,
    /// Where the link's own draws are keyed.
    pub site: u64,
}

/// Where a link leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The replicas of a pool (a component), chosen by the link's policy.
    Pool(u32),
    /// The endpoints of a balancer (a component).
    Balancer(u32),
    /// The caller's copy of a cache or connection pool (a component).
    Copy(u32),
    /// The instance of a component that its kind chooses: the node of a cache that has the key's hash slot.
    Chosen(u32),
    /// A node of a database (a component).
    Database(u32),
}

impl Target {
    /// The component.
    pub fn component(self) -> u32 {
        match self {
            Target::Pool(component)
            | Target::Balancer(component)
            | Target::Copy(component)
            | Target::Chosen(component)
            | Target::Database(component) => component,
        }
    }
}

/// Further tries.
#[derive(Debug, Clone)]
pub struct RetryPlan {
    /// How many, after the first.
    pub retries: u32,
    /// After which outcomes: bit n for outcome n.
    pub when: u16,
    /// Whether writes are tried again too.
    pub writes: bool,
    /// The wait before each.
    pub backoff: Backoff,
    /// How the wait is spread.
    pub jitter: Jitter,
    /// How many calls may be on a retry at once.
    pub budget: Option<Budget>,
    /// What retries cost.
    pub tokens: Option<TokenRule>,
}

/// The copies of a call that takes long.
#[derive(Debug, Clone)]
pub struct HedgePlan {
    /// When the next one is sent.
    pub after: HedgeAfter,
    /// How many there may be besides the first.
    pub max: u32,
    /// Whether writes are hedged too.
    pub writes: bool,
    /// The call that each copy makes.
    pub copy: u32,
    /// Where a copy begins.
    pub pc: Pc,
    /// The cell of the wait before the copy that answered.
    pub cell: u16,
    /// Where the copies' draws are keyed.
    pub site: u64,
}

/// When the next copy of a call is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HedgeAfter {
    /// After so many nanoseconds.
    Time(u64),
    /// After the time in which this share of the calls has ended.
    Percentile(f64),
}

/// How endpoints are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Each in turn.
    RoundRobin,
    /// Each in turn by weight, spread evenly (nginx).
    SmoothRoundRobin,
    /// Any, by weight.
    Random,
    /// The one with the fewest calls in flight.
    LeastConnections,
    /// The better of two random ones.
    PowerOfTwo,
    /// By the client's number.
    IpHash,
    /// The one with the fewest calls in flight for its weight; among equals by smooth weighted round robin.
    WeightedLeastConnections,
    /// Of two random ones the one whose peak EWMA times its calls in flight is less.
    LeastResponseTime,
    /// By a hash of the key, on a ring.
    ConsistentHash,
    /// By a hash of the key, in a table.
    Maglev,
    /// The one whose CPU does the least.
    ResourceBased,
}
