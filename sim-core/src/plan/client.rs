//! Clients: what arrives.

use std::sync::Arc;

use super::Pc;
use crate::workload::arrivals::Process;
use crate::workload::keys::Keys;
use crate::workload::profile::Profile;
use crate::workload::trace::Trace;

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
    /// Cumulative shares of clients, and the tier that each is of; the rest have none.
    pub tiers: Vec<(f64, u32)>,
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
