//! Traces of single requests: which were the slowest, and what exactly happened to them.
//!
//! Nothing is kept of requests that nobody asked for. So it takes two runs of the same plan and seed: one that finds the
//! requests, one that records them. Both are the run that it would be without them.

use std::collections::BTreeMap;

use crate::engine::slab::NONE;
use crate::plan::{OpName, Outcome, Phase};

/// Which requests to find, of those that began in the window and ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// Those that took longest and ended ok.
    Slowest,
    /// Those that took longest and ended in an error.
    Failed,
    /// Those whose latency is nearest to this one, in ns, and ended ok.
    Near(u64),
}

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// Which.
    pub pick: Pick,
    /// How many.
    pub count: usize,
    /// Only of this class.
    pub class: Option<u16>,
}

/// What a span is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// The request, from its client's side.
    Request,
    /// One try of a call, from its caller's side.
    Call,
    /// A call that nobody waits for.
    Cast,
    /// A branch of parallel steps, by its number.
    Branch(u32),
    /// What a handler still does after it has answered.
    Rest,
    /// Time spent in one phase: the leaves.
    Phase(Phase),
}

/// What a cache found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A fresh entry.
    Hit,
    /// An entry that is older than what the database has.
    Stale,
    /// An entry past its time to live.
    Expired,
    /// Nothing.
    Miss,
}

/// One replica, node or copy of a component: its number there, and whose copy it is (component and number).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// Its number in the component.
    pub ordinal: u32,
    /// The component and the number of the caller whose copy it is.
    pub owner: Option<(u32, u32)>,
}

/// A part of a request's time. Times are ns since the run's start.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The number of the span that it is a part of; `None`: it is the request.
    pub parent: Option<u32>,
    /// What it is about.
    pub kind: SpanKind,
    /// The component: the callee of a call; for phases, whose time it is in the breakdown.
    pub component: u32,
    /// The instance, where one was reached.
    pub seat: Option<Seat>,
    /// When it began.
    pub start: u64,
    /// When it ended for whoever waited for it; `None`: it had not when the run ended.
    pub end: Option<u64>,
    /// How it ended; `None`: nobody heard of it, or it is a phase.
    pub outcome: Option<Outcome>,
    /// Whether its parent waited for it: its time is a part of the parent's. Not so are casts, and the branches that
    /// did not decide when their join went on.
    pub waited: bool,
    /// Whether its caller gave it up: a time-out.
    pub abandoned: bool,
    /// Which try of the call it is, from 0.
    pub attempt: u8,
    /// Which of the calls that one step makes one after another, from 0.
    pub turn: u32,
    /// Whether it stands in for a call that failed.
    pub fallback: bool,
    /// The operation that a call asks for.
    pub op: Option<OpName>,
    /// The data key that a call is about.
    pub key: Option<u64>,
    /// What a cache found.
    pub found: Option<Found>,
    /// The balancer that it passed through without a stop.
    pub via: Option<u32>,
    /// The resource that a phase was spent at.
    pub station: Option<&'static str>,
    /// When the callee was done with what its caller had turned away from.
    pub went_on_until: Option<u64>,
}

impl Span {
    /// A span of this kind, without anything else known of it.
    pub fn new(kind: SpanKind, parent: Option<u32>, component: u32, start: u64) -> Self {
        Span {
            parent,
            kind,
            component,
            seat: None,
            start,
            end: None,
            outcome: None,
            waited: true,
            abandoned: false,
            attempt: 0,
            turn: 0,
            fallback: false,
            op: None,
            key: None,
            found: None,
            via: None,
            station: None,
            went_on_until: None,
        }
    }
}

/// What happened to one request.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestTrace {
    /// What identifies it: the same in every variant of a model that has it, for the same seed.
    pub id: u64,
    /// The client, a component.
    pub client: u32,
    /// Which of the client's requests it is, from 1, the warm-up's included.
    pub number: u64,
    /// Its class.
    pub class: u16,
    /// Its spans, depth first, those of one parent by start; the first is the request.
    pub spans: Vec<Span>,
    /// Its latency, divided as the breakdown does: cell (of the plan, with the mark of abandoned time) and ns.
    pub parts: BTreeMap<u16, u64>,
    /// How many spans are missing because there were too many.
    pub left_out: u64,
}

impl RequestTrace {
    /// The time of all phases that the request waited for, in ns, by component, phase and whether they were a part of a
    /// try that was given up: the same as `parts`, from the spans.
    pub fn sums(&self) -> BTreeMap<(u32, Phase, bool), u64> {
        let mut sums = BTreeMap::new();
        // By span: until when somebody waited for it, and whether that was given up; `None`: nobody did.
        let mut waited: Vec<Option<(u64, bool)>> = Vec::with_capacity(self.spans.len());
        for span in &self.spans {
            let above = match span.parent {
                Some(parent) => waited[parent as usize],
                None => Some((u64::MAX, false)),
            };
            let own = above.filter(|&(until, _)| span.waited && span.start <= until);
            waited.push(
                own.map(|(until, abandoned)| (until.min(span.end.unwrap_or(u64::MAX)), abandoned || span.abandoned)),
            );
            if let (SpanKind::Phase(phase), Some((until, abandoned)), Some(end)) = (span.kind, own, span.end)
                && end <= until
            {
                *sums.entry((span.component, phase, abandoned)).or_insert(0) += end - span.start;
            }
        }
        sums
    }
}

/// More spans are not kept of all requests together: about 100 MB.
pub const SPANS_MAX: usize = 1 << 19;

/// What identifies a request where it is found again.
#[derive(Debug, Clone, Copy, Default)]
struct Name {
    id: u64,
    client: u32,
    number: u64,
    class: u16,
}

/// Finds requests in a run, and records others.
#[derive(Debug, Default)]
pub struct Recorder {
    search: Option<Search>,
    /// By how well they fit, then by when they ended: ids.
    found: BTreeMap<(u64, u64), u64>,
    ended: u64,
    /// The ids of those to record, sorted.
    wanted: Vec<u64>,
    /// By client: how many requests it has made.
    counts: Vec<u64>,
    /// By frame: the request that it is.
    names: Vec<Name>,
    /// By frame: the span that it works under.
    pub(super) works_under: Vec<u32>,
    /// By frame: the span of its try in progress.
    pub(super) tries: Vec<u32>,
    /// By frame: up to when its open phase is written down.
    pub(super) cuts: Vec<u64>,
    pub(super) spans: Vec<Span>,
    traces: Vec<(u32, RequestTrace)>,
    left_out: u64,
}

impl Recorder {
    /// Looks for requests.
    pub fn searching(search: Search) -> Self {
        Recorder { search: Some(search), ..Recorder::default() }
    }

    /// Records the requests with these ids.
    pub fn recording(ids: &[u64]) -> Self {
        let mut wanted = ids.to_vec();
        wanted.sort_unstable();
        Recorder { wanted, ..Recorder::default() }
    }

    /// The ids of what was found, the best first.
    pub fn found(&self) -> Vec<u64> {
        self.found.values().copied().collect()
    }

    /// What was recorded, in the order in which the requests began.
    pub fn into_traces(self) -> Vec<RequestTrace> {
        let mut roots = self.traces;
        roots.sort_by_key(|&(root, _)| root);
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); self.spans.len()];
        for (at, span) in self.spans.iter().enumerate() {
            if let Some(parent) = span.parent {
                children[parent as usize].push(at as u32);
            }
        }
        for list in &mut children {
            list.sort_by_key(|&at| (self.spans[at as usize].start, at));
        }
        let left_out = self.left_out;
        let gathered = |(root, mut trace): (u32, RequestTrace)| {
            trace.spans = tree(root, &self.spans, &children);
            trace.left_out = left_out;
            trace
        };
        roots.into_iter().map(gathered).collect()
    }

    /// A frame's place has a new user.
    pub(super) fn frame_taken(&mut self, frame: u32) {
        let frame = frame as usize;
        if frame >= self.names.len() {
            self.names.resize(frame + 1, Name::default());
            self.works_under.resize(frame + 1, NONE);
            self.tries.resize(frame + 1, NONE);
            self.cuts.resize(frame + 1, 0);
        }
        self.works_under[frame] = NONE;
        self.tries[frame] = NONE;
        self.cuts[frame] = 0;
    }

    /// A client's request begins; whether it is to be recorded.
    pub(super) fn request_begins(&mut self, frame: u32, id: u64, client: u32, class: u16) -> bool {
        if client as usize >= self.counts.len() {
            self.counts.resize(client as usize + 1, 0);
        }
        self.counts[client as usize] += 1;
        self.names[frame as usize] = Name { id, client, number: self.counts[client as usize], class };
        self.wanted.binary_search(&id).is_ok()
    }

    /// A request of the window has ended: it may be one of those that are looked for.
    pub(super) fn consider(&mut self, frame: u32, outcome: Outcome, latency: u64) {
        let Some(search) = &self.search else { return };
        let name = self.names[frame as usize];
        let fits = (outcome == Outcome::Ok) == (search.pick != Pick::Failed);
        if !fits || search.class.is_some_and(|class| class != name.class) {
            return;
        }
        let distance = match search.pick {
            Pick::Slowest | Pick::Failed => u64::MAX - latency,
            Pick::Near(target) => latency.abs_diff(target),
        };
        self.ended += 1;
        self.found.insert((distance, self.ended), name.id);
        if self.found.len() > search.count {
            self.found.pop_last();
        }
    }

    /// A recorded request has ended, or the run has.
    pub(super) fn request_ends(&mut self, frame: u32, root: u32, parts: BTreeMap<u16, u64>) {
        let Name { id, client, number, class } = self.names[frame as usize];
        let trace = RequestTrace { id, client, number, class, spans: Vec::new(), parts, left_out: 0 };
        self.traces.push((root, trace));
    }

    /// Adds a span; `NONE` if there are too many.
    pub(super) fn add(&mut self, span: Span) -> u32 {
        if self.spans.len() >= SPANS_MAX {
            self.left_out += 1;
            return NONE;
        }
        self.spans.push(span);
        self.spans.len() as u32 - 1
    }

    /// Ends a span, unless it has ended before; what became of it is known only once.
    pub(super) fn close(&mut self, span: u32, now: u64, outcome: Option<Outcome>) {
        if span != NONE {
            let span = &mut self.spans[span as usize];
            span.end = span.end.or(Some(now));
            span.outcome = span.outcome.or(outcome);
        }
    }
}

/// A span with all below it, depth first, numbered anew.
fn tree(root: u32, spans: &[Span], children: &[Vec<u32>]) -> Vec<Span> {
    let mut found = Vec::new();
    let mut open = vec![(root, None)];
    while let Some((at, parent)) = open.pop() {
        let number = found.len() as u32;
        found.push(Span { parent, ..spans[at as usize].clone() });
        open.extend(children[at as usize].iter().rev().map(|&child| (child, Some(number))));
    }
    found
}
