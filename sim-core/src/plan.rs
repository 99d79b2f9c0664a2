//! What a run works on: the model with every name resolved to a dense index, every distribution to a sampler, and
//! every handler, link and strategy lowered to one array of operations. A plan is never changed by a run.

mod autoscaler;
mod cache;
mod change;
mod client;
mod connection_pool;
mod database;
mod fault;
mod link;
mod load_balancer;
mod outcome;
mod overrides;
mod own;
mod program;
mod queue;
mod server_pool;
mod station;

use crate::workload::keys::Keys;
use crate::workload::sampler::Sampler;

pub use autoscaler::{AutoscalerPlan, MetricPlan, NodesPlan, PredictivePlan, ScalingPlan, VerticalPlan};
pub use cache::{CacheOp, CachePlan, CdnPlan, CompressPlan, FlightPlan, FlushPlan, TagBy, TagPlan};
pub use change::{Change, ChangeKind, InstanceRef};
pub use client::{ArrivalPlan, ClientPlan, Load, SessionStep};
pub use connection_pool::ConnectionPoolPlan;
pub use database::{DataStep, DatabasePlan, ReadFrom};
pub use fault::{Chance, Effect, FaultPlan, LinkEffect, LinkFault};
pub use link::{CallPlan, HedgeAfter, HedgePlan, LinkPlan, Policy, RetryPlan, Target};
pub use load_balancer::{ActivePlan, BalancerPlan, CarePlan, GroupPlan, MemberPlan, SlowStartPlan};
pub use outcome::{Outcome, Phase};
pub use overrides::OverridePlan;
pub use own::{Own, OwnCall, OwnNext, OwnPlan};
pub use program::{ANY_OP, AheadPlan, ChoicePlan, DrawPlan, FailPlan, ForkPlan, KeyChoice, Op, OpName, Pc, Place, ops};
pub use queue::{QueuePlan, QueueStep};
pub use server_pool::{MemoryPlan, PausePlan, PoolPlan};
pub use station::{Discipline, Order, StationPlan, WhenFull};

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
    /// Copies of calls that take long.
    pub hedges: Vec<HedgePlan>,
    /// How many places there are where links remember what their limits need.
    pub guards: u32,
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
    /// Places where loads of caches may be shared.
    pub flights: Vec<FlightPlan>,
    /// Whether the size of a request follows from its key: caches weigh it.
    pub sized_keys: bool,
    /// Connection pools.
    pub connection_pools: Vec<ConnectionPoolPlan>,
    /// Databases.
    pub databases: Vec<DatabasePlan>,
    /// Queues.
    pub queues: Vec<QueuePlan>,
    /// Names of the tiers that clients have, sorted.
    pub tiers: Vec<String>,
    /// Autoscalers.
    pub autoscalers: Vec<AutoscalerPlan>,
    /// By client: draws that are made ahead of its requests.
    pub ahead: Vec<Vec<AheadPlan>>,
    /// Whether queries can outlive their callers' hold on a connection.
    pub leases: bool,
    /// Whether anything asks which client component a call comes from.
    pub origins: bool,
    /// Whether any link has a bandwidth, so that sizes matter.
    pub sizes: bool,
    /// Events and the two ends of each fault, by time, then as written.
    pub changes: Vec<Change>,
    /// Faults, as written; each target is one.
    pub faults: Vec<FaultPlan>,
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
    /// Its type, as the model and the report name it.
    pub type_name: &'static str,
    /// Its kind, with the index into that kind's table.
    pub kind: Kind,
    /// What its instances keep that the engine knows nothing of.
    pub own: Option<OwnPlan>,
    /// Whether it only hands calls on: copies of a call are told apart behind it.
    pub only_hands_on: bool,
    /// The stations of each of its instances, first the one that stands for the component.
    pub stations: Vec<StationPlan>,
    /// Those of its instances that differ.
    pub overrides: Vec<OverridePlan>,
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
    /// Keeps messages.
    Queue(u32),
    /// Changes the number of replicas.
    Autoscaler(u32),
    /// Is no more than its stations, its programs and what it keeps of its own: it has no table.
    Plain,
}

/// Who has an own copy of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One for all callers.
    Shared,
    /// One for each instance of each caller.
    PerCaller,
}

/// A set of keys.
#[derive(Debug, Clone)]
pub struct KeyspacePlan {
    /// How many there are.
    pub count: u64,
    /// The number of its first one: no two keyspaces share keys.
    pub first: u64,
    /// How often each is asked for.
    pub keys: Keys,
    /// Where draws of a key are keyed.
    pub site: u64,
}

impl KeyspacePlan {
    /// The key that a variate asks for.
    #[inline]
    pub fn pick(&self, u: f64) -> u64 {
        self.first + self.keys.pick(u)
    }
}

impl Plan {
    /// How many keys all keyspaces have together.
    #[inline]
    pub fn keys_end(&self) -> u64 {
        self.keyspaces.last().map_or(0, |keyspace| keyspace.first + keyspace.count)
    }
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
    /// Whether a newer version of its data is another item (a hash in the address).
    pub versioned: bool,
    /// What its items are tagged with.
    pub tags: Vec<TagPlan>,
    /// How long its requests are wanted, nanoseconds; 0: for ever.
    pub deadline_ns: u64,
    /// Whether its requests may be tried again; `None`: reads, and writes where the link says so.
    pub retryable: Option<bool>,
    /// Where the draws of its requests' own properties are keyed.
    pub site: u64,
}
