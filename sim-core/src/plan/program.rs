//! Programs: one array of operations, and what they refer to.

use super::{CacheOp, DataStep, Outcome, QueueStep};
use crate::workload::sampler::Sampler;

/// An index into [`Plan::ops`](super::Plan::ops).
pub type Pc = u32;

/// An index into [`Plan::op_names`](super::Plan::op_names); [`ANY_OP`]: none was named.
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
    /// What else caches do.
    Cache(CacheOp),
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
        /// An index into [`Plan::key_sites`](super::Plan::key_sites).
        site: u32,
    },
    /// Is about the key of before again.
    RestoreKey,
    /// Forgets that something ended badly (what unwinds to here is mended).
    Recover,
    /// Counts a fallback that is called over this link, and, `done`, that it ended well.
    FallBack {
        /// The link.
        link: u32,
        /// Whether it has ended well.
        done: bool,
    },
    /// Calls and does not wait for the answer.
    Cast(u32),
    /// Lets this balancer (a component) choose an endpoint and calls it over the link to its pool.
    CallPicked(u32),
    /// Goes on elsewhere.
    Jump(Pc),
    /// Starts branches and waits for those that are needed.
    Fork(u32),
    /// Notes how long the call has taken, for autoscalers that look at it.
    NoteLatency,
    /// Asks whether the instance has memory for it; without, the instance is killed.
    Remember,
    /// Counts the call for the pauses of its instance.
    CountForPause,
    /// Asks the limit of the instance whether the call may come in.
    Admit,
    /// Tells the limit of the instance how the call went.
    Learn,
    /// Ends badly if the request is no longer wanted.
    Expire,
    /// Makes this call as one copy of a hedged one.
    HedgedTry(u32),
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
    /// A step of a database's operation.
    Data {
        /// Which.
        step: DataStep,
        /// The database, or what the step says.
        at: u32,
        /// What the step says.
        to: Pc,
    },
    /// A step in the life of a queue's message.
    Message {
        /// Which.
        step: QueueStep,
        /// The cell of the wait in front of a full queue.
        cell: u16,
        /// Where a message goes on whose delivery failed.
        to: Pc,
    },
    /// Comes to a place of the component's own, which lets it go on, wait or end badly.
    Own {
        /// Which of its places.
        step: u8,
        /// The cell of waiting there.
        cell: u16,
        /// Whether it tells of the call's end.
        settles: bool,
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

impl Op {
    /// Whether it gives back what a frame holds or tells of its end: it is performed however the frame ends.
    pub fn is_clean_up(self) -> bool {
        match self {
            Op::Release { .. }
            | Op::ReleaseSession { .. }
            | Op::Disconnect(_)
            | Op::Learn
            | Op::NoteLatency
            | Op::EndBranch
            | Op::Reply
            | Op::Finish => true,
            Op::Own { settles, .. } => settles,
            Op::Cache(op) => matches!(op, CacheOp::EndFlight | CacheOp::Written(_) | CacheOp::NotWritten(_)),
            Op::Data { step, .. } => matches!(step, DataStep::Unlock | DataStep::Applied),
            Op::Message { step, .. } => matches!(step, QueueStep::End | QueueStep::EndLast | QueueStep::Refused),
            Op::Seize { .. }
            | Op::Work { .. }
            | Op::Delay { .. }
            | Op::Call(_)
            | Op::QuickCall(_)
            | Op::TailCall(_)
            | Op::Lookup(_)
            | Op::Store(_)
            | Op::Remove(_)
            | Op::IfHit(_)
            | Op::IfKeyless { .. }
            | Op::IfWrite(_)
            | Op::SetKey { .. }
            | Op::RestoreKey
            | Op::Recover
            | Op::FallBack { .. }
            | Op::Cast(_)
            | Op::CallPicked(_)
            | Op::Jump(_)
            | Op::Fork(_)
            | Op::Remember
            | Op::CountForPause
            | Op::Admit
            | Op::Expire
            | Op::HedgedTry(_)
            | Op::Choose(_)
            | Op::FailShare(_)
            | Op::Observe(_)
            | Op::Commit(_)
            | Op::Connect(_)
            | Op::SeizeSession { .. }
            | Op::ReplyEarly
            | Op::Issue(_)
            | Op::Think { .. }
            | Op::EndSession => false,
        }
    }
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
    /// None.
    Nothing,
    /// A fresh one from this keyspace.
    Fresh(u32),
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
