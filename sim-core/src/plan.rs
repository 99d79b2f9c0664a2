//! What a run works on: the model with every name resolved to a dense index, every distribution to a sampler, and
//! every handler, link and strategy lowered to one array of operations. A plan is never changed by a run.

use std::sync::Arc;

use crate::engine::slab::NONE;
use crate::policy::backoff::{Backoff, Jitter};
use crate::workload::arrivals::Process;
use crate::workload::keys::Keys;
use crate::workload::profile::Profile;
use crate::workload::sampler::Sampler;
use crate::workload::trace::Trace;

/// An index into [`Plan::ops`].
pub type Pc = u32;

/// Everything that a run needs to know.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What the report repeats of the model.
    pub header: Header,
    /// When the window begins and ends.
    pub clock: Clock,
    /// Where a runaway is stopped.
    pub limits: Limits,
    /// All components, sorted by name.
    pub components: Vec<ComponentPlan>,
    /// All classes, sorted by name.
    pub classes: Vec<ClassPlan>,
    /// All keyspaces, sorted by name.
    pub keyspaces: Vec<KeyspacePlan>,
    /// Names of operations (`read`, `write`, `delete`, a database's own); an [`OpName`] is an index into it.
    pub op_names: Vec<String>,
    /// The programs of all handlers, one after another.
    pub ops: Vec<Op>,
    /// Where a frame goes on when what it did at this place ended badly; as long as `ops`.
    pub unwind: Vec<Pc>,
    /// Random times.
    pub draws: Vec<DrawPlan>,
    /// Calls, as written in steps and links.
    pub calls: Vec<CallPlan>,
    /// Links.
    pub links: Vec<LinkPlan>,
    /// `parallel` steps.
    pub forks: Vec<ForkPlan>,
    /// Where keys of calls are drawn afresh.
    pub key_sites: Vec<u64>,
    /// `choose` steps.
    pub choices: Vec<ChoicePlan>,
    /// `fail` steps and error rates.
    pub failures: Vec<FailPlan>,
    /// What the time of a request is divided among: (component, phase).
    pub cells: Vec<(u32, Phase)>,
    /// Kinds, by the index in [`ComponentPlan::kind`].
    pub clients: Vec<ClientPlan>,
    /// Load balancers.
    pub balancers: Vec<BalancerPlan>,
    /// Server pools.
    pub pools: Vec<PoolPlan>,
    /// Caches.
    pub caches: Vec<CachePlan>,
    /// Connection pools.
    pub connection_pools: Vec<ConnectionPoolPlan>,
    /// Databases.
    pub databases: Vec<DatabasePlan>,
    /// Autoscalers.
    pub autoscalers: Vec<AutoscalerPlan>,
    /// By client: draws that are made ahead of its requests.
    pub ahead: Vec<Vec<AheadPlan>>,
    /// Whether queries can outlive their callers' hold on a connection.
    pub leases: bool,
    /// Whether any link has a bandwidth, so that sizes matter.
    pub sizes: bool,
    /// Events and the two ends of each fault, by time, then as written.
    pub changes: Vec<Change>,
}

/// What the report repeats of the model.
#[derive(Debug, Clone, Default)]
pub struct Header {
    /// The model's name.
    pub name: String,
    /// The digest of the model.
    pub model_digest: u64,
    /// The seed that the model asks for.
    pub seed: u64,
    /// The objectives, in the model's order.
    pub objectives: Vec<crate::model::objective::Objective>,
    /// What the results rest on.
    pub assumptions: Vec<String>,
    /// What components cost, by name.
    pub prices: std::collections::BTreeMap<String, crate::model::cost::Cost>,
}

/// When the window begins and ends, in nanoseconds since the run's start.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// The start of the window (t = 0 of the model): the length of the warm-up.
    pub start: u64,
    /// The end of the window.
    pub end: u64,
    /// The last instant: the end of the window plus `drain`.
    pub last: u64,
    /// The distance of two points of the timeline.
    pub slot: u64,
}

/// Where a runaway is stopped.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most calls in flight at one instant.
    pub calls_in_flight: u32,
    /// The most events.
    pub events: u64,
}

/// A named component.
#[derive(Debug, Clone)]
pub struct ComponentPlan {
    /// Its name in the model.
    pub name: String,
    /// Its kind, with the index into that kind's table.
    pub kind: Kind,
    /// The stations of each of its instances, first the one that stands for the component.
    pub stations: Vec<StationPlan>,
    /// Who has an own copy: nobody else, or each caller instance.
    pub scope: Scope,
    /// Whether an instance of it is "the caller" for what it reaches (balancers and pools pass on their own caller).
    pub is_caller: bool,
    /// Where each class enters, for components that calls reach without an operation; `NONE` where it can't arrive.
    pub entry_by_class: Vec<Pc>,
    /// Where each operation enters, for caches, connection pools and databases.
    pub entry_by_op: Vec<Pc>,
    /// Whether calls enter by operation (else by class).
    pub by_op: bool,
    /// Whether each operation writes, where that is known.
    pub op_writes: Vec<bool>,
    /// The links that it owns, with the name that the report gives them.
    pub links: Vec<(String, Vec<u32>)>,
}

/// The kind of a component and its index in that kind's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Makes requests.
    Client(u32),
    /// Chooses among endpoints.
    Balancer(u32),
    /// Runs handlers.
    Pool(u32),
    /// Answers from memory.
    Cache(u32),
    /// Lends connections.
    ConnectionPool(u32),
    /// Stores.
    Database(u32),
    /// Changes the number of replicas.
    Autoscaler(u32),
}

/// Who has an own copy of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One for all callers.
    Shared,
    /// One for each instance of each caller.
    PerCaller,
}

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
    /// Whether there are as many servers as can ever ask, so that nobody waits.
    pub free: bool,
    /// How many cores one of its servers is (shared cores: thousandths of them); 1 where it is no core.
    pub core_share: f64,
}

impl StationPlan {
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

/// A set of keys.
#[derive(Debug, Clone)]
pub struct KeyspacePlan {
    /// How many there are.
    pub count: u64,
    /// How often each is asked for.
    pub keys: Keys,
    /// Where draws of a key are keyed.
    pub site: u64,
}

/// A class of requests.
#[derive(Debug, Clone)]
pub struct ClassPlan {
    /// Its name.
    pub name: String,
    /// The keyspace that its key is drawn from.
    pub keyspace: Option<u32>,
    /// The size of the answer of a read, or of the request of a write, in bytes.
    pub size: Option<Sampler>,
    /// Whether it writes.
    pub write: bool,
    /// Its priority; higher goes first.
    pub priority: u16,
    /// Where the draws of its requests' own properties are keyed.
    pub site: u64,
}

/// An index into [`Plan::op_names`]; [`ANY_OP`]: none was named.
pub type OpName = u8;

/// No operation was named: a read or a write, as the class says.
pub const ANY_OP: OpName = u8::MAX;

/// Operations that every plan has.
pub mod ops {
    use super::OpName;
    /// Reads.
    pub const READ: OpName = 0;
    /// Writes.
    pub const WRITE: OpName = 1;
    /// Deletes.
    pub const DELETE: OpName = 2;
    /// Stores what was loaded elsewhere (a cache's fill); no model can name it.
    pub const STORE: OpName = 3;
}

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
    /// Waiting before another try.
    BackOff,
}

impl Phase {
    /// As reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Network => "network",
            Phase::Queueing => "queueing",
            Phase::Service => "service",
            Phase::PoolWait => "pool-wait",
            Phase::BackOff => "back-off",
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

/// Which station an operation means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A station of the instance that the frame is at, by its number there.
    Own(u8),
    /// A connection of the caller's copy of this connection pool (a component).
    Pool(u32),
}

/// One step of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Waits for a place at a station and keeps it.
    Seize {
        /// Where.
        place: Place,
        /// The cell of the wait.
        cell: u16,
        /// Whether the queue's limits apply (not to a handler that merely goes on).
        admission: bool,
    },
    /// Gives the place back.
    Release {
        /// Where.
        place: Place,
    },
    /// Waits for a place, is served for a drawn time, gives it back.
    Work {
        /// The station's number at the instance.
        station: u8,
        /// Whether the queue's limits apply.
        admission: bool,
        /// The cell of the wait; the next one is that of the service.
        cell: u16,
        /// The service time.
        draw: u32,
    },
    /// Waits for a drawn time and occupies nothing.
    Delay {
        /// The cell.
        cell: u16,
        /// The time.
        draw: u32,
    },
    /// Calls, and waits for the answer.
    Call(u32),
    /// The same for a call that is all defaults: once, over a link without network, limits or second tries.
    QuickCall(u32),
    /// The same as all that a request does: its own frame goes on at the callee, whose answer ends it.
    TailCall(u32),
    /// Looks the key up in this cache; sets the frame's `hit`.
    Lookup(u32),
    /// Stores the key, with the version that the frame holds.
    Store(u32),
    /// Forgets the key.
    Remove(u32),
    /// Goes on elsewhere if the last look-up hit.
    IfHit(Pc),
    /// Goes on elsewhere if the call has no key; this cache (a component) is bypassed.
    IfKeyless {
        /// The cache, a component.
        cache: u32,
        /// Where.
        to: Pc,
    },
    /// Goes on elsewhere if the call writes.
    IfWrite(Pc),
    /// Is about another key from here on.
    SetKey {
        /// Which.
        key: KeyChoice,
        /// An index into [`Plan::key_sites`].
        site: u32,
    },
    /// Is about the key of before again.
    RestoreKey,
    /// Forgets that something ended badly (what unwinds to here is mended).
    Recover,
    /// Calls and does not wait for the answer.
    Cast(u32),
    /// Lets this balancer (a component) choose an endpoint and calls it over the link to its pool.
    CallPicked(u32),
    /// Goes on elsewhere.
    Jump(Pc),
    /// Starts branches and waits for those that are needed.
    Fork(u32),
    /// Ends a branch.
    EndBranch,
    /// Goes on at one of several places.
    Choose(u32),
    /// Ends the handler badly, in a share of cases.
    FailShare(u32),
    /// A read at a database: the frame holds the newest committed version.
    Observe(u32),
    /// A write at a database: a newer version is committed.
    Commit(u32),
    /// Opens a connection for this call, or refuses it.
    Connect(u32),
    /// Closes the connection of this call.
    Disconnect(u32),
    /// Takes a connection of a pool in session mode, unless the handler has one.
    SeizeSession {
        /// The pool, a component.
        pool: u32,
        /// The cell of the wait.
        cell: u16,
        /// Which of the handler's sessions it is.
        bit: u8,
    },
    /// Gives it back if the handler has one.
    ReleaseSession {
        /// The pool, a component.
        pool: u32,
        /// Which of the handler's sessions it is.
        bit: u8,
    },
    /// Answers the caller with the frame's outcome.
    Reply,
    /// Answers ok now; the frame goes on and then ends (an asynchronous fill).
    ReplyEarly,
    /// Ends a request.
    Finish,
    /// Begins a request of this step of the client's session.
    Issue(u32),
    /// A user's think time; `draw` is `NONE` for none.
    Think {
        /// The time.
        draw: u32,
    },
    /// Repeats the session (a closed loop) or ends it (a journey).
    EndSession,
}

/// A random time: which distribution, keyed where.
#[derive(Debug, Clone)]
pub struct DrawPlan {
    /// The distribution, in nanoseconds.
    pub sampler: Sampler,
    /// Where the draw is keyed.
    pub site: u64,
    /// What is added to each draw, nanoseconds.
    pub added_ns: u64,
}

/// A draw that every request of a class reaches.
#[derive(Debug, Clone)]
pub struct AheadPlan {
    /// The draw.
    pub draw: u32,
    /// The class.
    pub class: u16,
    /// The sites of the calls that lead there from the request.
    pub path: Vec<u64>,
}

/// Which key a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyChoice {
    /// The request's own.
    Request,
    /// The client's number.
    Client,
    /// A fresh one from this keyspace.
    Fresh(u32),
}

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
    /// Whether nothing at all is configured: no network, no limits, no second try.
    pub plain: bool,
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
    /// Whether a time-out reaches the callee.
    pub cancel: bool,
    /// Further tries.
    pub retry: Option<RetryPlan>,
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
    /// A node of a database (a component).
    Database(u32),
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
}

/// A `parallel` step.
#[derive(Debug, Clone)]
pub struct ForkPlan {
    /// Where each branch begins.
    pub branches: Vec<Pc>,
    /// How many must end well.
    pub need: u32,
    /// Where the branches' draws are keyed.
    pub site: u64,
}

/// A `choose` step.
#[derive(Debug, Clone)]
pub struct ChoicePlan {
    /// Cumulative shares, the last one 1, with where each leads.
    pub ways: Vec<(f64, Pc)>,
    /// Where the draw is keyed.
    pub site: u64,
}

/// A failure that happens in a share of cases.
#[derive(Debug, Clone)]
pub struct FailPlan {
    /// The share; `None`: the error rate of the component, which may change while running.
    pub share: Option<f64>,
    /// How it ends.
    pub outcome: Outcome,
    /// Where the draw is keyed.
    pub site: u64,
}

/// A client.
#[derive(Debug, Clone)]
pub struct ClientPlan {
    /// The component.
    pub component: u32,
    /// Classes with cumulative shares, the last one 1.
    pub mix: Vec<(f64, u16)>,
    /// Where each class's request begins; `NONE` where it is not sent.
    pub entry: Vec<Pc>,
    /// Who the clients are; `None`: every request is one of its own.
    pub population: Option<Keys>,
    /// When requests come.
    pub load: Load,
    /// Where a session's program begins, for closed loops and journeys; `NONE`: none.
    pub session: Pc,
    /// Where it ends.
    pub session_end: Pc,
    /// The requests of a session.
    pub steps: Vec<SessionStep>,
    /// Whether `steps` are a journey (reported as such) or the mix of a closed loop.
    pub journey: bool,
    /// The most requests in flight; `NONE`: no limit. Arrivals above it are dropped.
    pub max_in_flight: u32,
    /// The name that its streams are made from.
    pub stream: String,
}

/// An arrival process.
#[derive(Debug, Clone)]
pub struct ArrivalPlan {
    /// The rate over time.
    pub profile: Profile,
    /// How arrivals follow each other.
    pub process: Process,
}

/// When a client's requests come.
#[derive(Debug, Clone)]
pub enum Load {
    /// By an arrival process.
    Open(ArrivalPlan),
    /// Users who wait for the answer: (ns on the window's clock, how many from then on), by time.
    Closed(Vec<(i64, u32)>),
    /// As recorded: the rows, and which class each of the trace's classes is.
    Trace(Arc<Trace>, Vec<u16>),
}

/// One request of a session.
#[derive(Debug, Clone)]
pub struct SessionStep {
    /// Its class; `None`: drawn from the mix.
    pub class: Option<u16>,
    /// Whether a fresh key is drawn (else the session's).
    pub fresh_key: bool,
    /// Where its draws are keyed.
    pub site: u64,
}

/// A load balancer.
#[derive(Debug, Clone)]
pub struct BalancerPlan {
    /// The component.
    pub component: u32,
    /// How it chooses.
    pub policy: Policy,
    /// The number of its first group among those of all balancers.
    pub first_group: u32,
    /// Groups of endpoints: one, or one per route.
    pub groups: Vec<GroupPlan>,
    /// Which group serves a class; `NONE`: none does.
    pub group_by_class: Vec<u32>,
    /// Whether its links have a network or limits, so that its calls are frames of their own.
    pub framed: bool,
    /// Where its draws are keyed.
    pub site: u64,
}

/// Endpoints among which a balancer chooses.
#[derive(Debug, Clone)]
pub struct GroupPlan {
    /// The pools, in order.
    pub members: Vec<MemberPlan>,
}

/// A pool behind a balancer.
#[derive(Debug, Clone)]
pub struct MemberPlan {
    /// The pool, a component.
    pub component: u32,
    /// The weight of each replica.
    pub weight: u32,
    /// The call that leads there, for a balancer whose calls are frames.
    pub call: u32,
}

/// A server pool.
#[derive(Debug, Clone)]
pub struct PoolPlan {
    /// The component.
    pub component: u32,
    /// How many replicas at the start.
    pub replicas: u32,
    /// How fast its servers are, 1: as the distributions say.
    pub speed: f64,
    /// The time from joining until ready.
    pub startup: DrawPlan,
    /// The share of calls that fail after the work.
    pub error_rate: f64,
    /// What the autoscaler's cpu percentage refers to, thousandths of a core.
    pub cpu_request: u32,
    /// (replica, speed or weight) that differ.
    pub overrides: Vec<Override>,
}

/// What differs at one replica.
#[derive(Debug, Clone)]
pub struct Override {
    /// Which replica.
    pub replica: u32,
    /// Its speed.
    pub speed: Option<f64>,
    /// Its weight at balancers.
    pub weight: Option<u32>,
}

/// A cache.
#[derive(Debug, Clone)]
pub struct CachePlan {
    /// The component.
    pub component: u32,
    /// How many entries.
    pub capacity: u64,
    /// Which entry goes.
    pub eviction: CacheEviction,
    /// How long an entry lives, nanoseconds; 0: for ever. By keyspace (last: without one).
    pub ttl_ns: Vec<u64>,
    /// The database (a component) whose versions its entries have; `NONE`: none.
    pub versions_of: u32,
}

/// Which entry a full cache forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheEviction {
    /// The least recently used.
    Lru,
    /// The oldest.
    Fifo,
    /// It stores nothing new.
    None,
}

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

/// A database.
#[derive(Debug, Clone)]
pub struct DatabasePlan {
    /// The component.
    pub component: u32,
    /// How many shards.
    pub shards: u32,
    /// What decides the shard.
    pub by_client: bool,
    /// Whether the key is hashed first.
    pub hashed: bool,
    /// Read replicas per shard.
    pub replicas: u32,
    /// Who serves reads.
    pub read_from: ReadFrom,
    /// The most open connections per primary; `NONE`: no limit.
    pub connections: u32,
    /// The share of operations that fail after the work.
    pub error_rate: f64,
    /// Whether versions are kept (a cache holds copies).
    pub versioned: bool,
    /// Where its draws are keyed.
    pub site: u64,
}

/// Who serves the reads of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// The primary.
    Primary,
    /// The replicas in turn.
    Replica,
    /// All in turn.
    Any,
}

/// An autoscaler.
#[derive(Debug, Clone)]
pub struct AutoscalerPlan {
    /// The component.
    pub component: u32,
    /// The pool (a component) that it scales.
    pub target: u32,
    /// The policy.
    pub hpa: crate::policy::hpa::HpaSpec,
    /// The time between two decisions, nanoseconds.
    pub sync_ns: u64,
    /// How old the metrics are, nanoseconds.
    pub lag_ns: u64,
}

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
        /// By keyspace, as in [`CachePlan::ttl_ns`].
        ttl_ns: Vec<u64>,
    },
    /// A database's slots per node.
    Slots {
        /// The component.
        component: u32,
        /// How many.
        slots: u32,
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
    },
    /// Instances die, and everything in them.
    Crash {
        /// The component.
        component: u32,
        /// Which instance; `None`: all.
        instance: Option<InstanceRef>,
    },
    /// They begin to come back.
    Recover {
        /// The component.
        component: u32,
        /// Which instance; `None`: all.
        instance: Option<InstanceRef>,
    },
    /// Instances take `factor` times as long from now on.
    Slow {
        /// The component.
        component: u32,
        /// Which instance; `None`: all.
        instance: Option<InstanceRef>,
        /// How many times slower.
        factor: f64,
        /// Whether this is the end of the fault.
        ends: bool,
    },
}

/// One instance of a component, as an address names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceRef {
    /// A replica, by number.
    Replica(u32),
    /// A node of a database: shard, then `None` for the primary or the replica's number.
    Shard(u32, Option<u32>),
}
