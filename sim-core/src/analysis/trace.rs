//! Single requests in full: what `trace` answers.
//!
//! The run is made twice (three times for a percentile): once to find the requests, once to record them. All are the
//! same run, to the bit.

use serde::{Serialize, Serializer};

use super::assemble::address;
use super::report::REPORT_FORMAT;
use crate::experiment::Envelope;
use crate::plan::{Plan, ops};
use crate::world::trace::{Found, Pick, Recorder, RequestTrace, Search, Seat, SpanKind};
use crate::world::{self, trace};

/// Which requests.
#[derive(Debug, Clone, PartialEq)]
pub enum Which {
    /// Those that took longest, of those that ended ok.
    Slowest,
    /// Those that took longest, of those that ended in an error.
    Failed,
    /// Those whose latency is nearest to this quantile (0 to 1) of those that ended ok.
    Around(f64),
    /// Those with these ids, as an earlier answer gave them.
    Ids(Vec<u64>),
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Which requests.
    pub which: Which,
    /// How many at most.
    pub count: usize,
    /// Only of this class.
    pub class: Option<String>,
}

/// The answer: requests, the slowest (or nearest) first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Traces {
    /// What every answer begins with; its digest is that of the run.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// The requests.
    pub requests: Vec<Request>,
}

/// One request. Times are on the clock of the measured window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Request {
    /// What identifies it, in hex: the same in every variant of the model, for the same seed.
    pub id: String,
    /// Its class.
    pub class: String,
    /// Its client.
    pub client: String,
    /// Which of the client's requests it is, from 1, the warm-up's included.
    pub number: u64,
    /// When it began.
    pub start_s: f64,
    /// When it ended; nothing if it had not when the run ended.
    pub end_s: Option<f64>,
    /// How long it took.
    pub latency_s: Option<f64>,
    /// How it ended.
    pub outcome: Option<&'static str>,
    /// Where its latency went, the largest part first; parts sum to the whole.
    pub parts: Vec<Part>,
    /// What happened, as a tree, depth first; the first one is the request itself.
    pub spans: Vec<Span>,
    /// How many spans are missing because there were too many.
    #[serde(skip_serializing_if = "is_zero")]
    pub spans_left_out: u64,
}

/// A part of a request's latency.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// Whose time it is.
    pub component: String,
    /// What it was spent on: `network`, `queueing`, `service`, `pool-wait`, `back-off`.
    pub phase: &'static str,
    /// Whether it was spent on a try that was given up.
    pub abandoned: bool,
    /// How long.
    pub seconds: f64,
}

/// A part of what happened to a request. Times are ns on the clock of the measured window, seconds in JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Span {
    /// Its number among the request's spans.
    pub id: u32,
    /// The span that it is a part of.
    pub parent: Option<u32>,
    /// `request`, `call` (one try of it), `cast` (nobody waits for it), `branch` (of parallel steps), `rest` (what a
    /// handler does after its answer), `phase`.
    pub kind: &'static str,
    /// The component: of a call the callee, of a phase whose time it is.
    pub component: String,
    /// The instance, where one was reached: `web[2]`, `orders/shard[1]`, `pool@web[2]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Of a phase: `network`, `queueing`, `service`, `pool-wait`, `back-off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<&'static str>,
    /// Of a phase: the resource that it was spent at: `workers`, `cores`, `slots`, `threads`, `connections`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub station: Option<&'static str>,
    /// When it began.
    #[serde(rename = "start_s", serialize_with = "seconds")]
    pub start_ns: i64,
    /// When it ended for whoever waited for it; nothing if it had not when the run ended.
    #[serde(rename = "end_s", serialize_with = "maybe_seconds")]
    pub end_ns: Option<i64>,
    /// How it ended, as its caller saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    /// Whether its parent waited for it, so that its time is a part of the parent's.
    pub waited: bool,
    /// Whether its caller gave it up.
    #[serde(skip_serializing_if = "is_false")]
    pub abandoned: bool,
    /// Until when the callee went on with what its caller had turned away from.
    #[serde(rename = "went_on_until_s", serialize_with = "maybe_seconds", skip_serializing_if = "Option::is_none")]
    pub went_on_until_ns: Option<i64>,
    /// Which further try of the call it is; 0, left out: the first.
    #[serde(skip_serializing_if = "is_zero_u8")]
    pub retry: u8,
    /// Which repetition of the call it is; 0, left out: the first.
    #[serde(skip_serializing_if = "is_zero_u32")]
    pub turn: u32,
    /// Which branch it is, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<u32>,
    /// Whether it stands in for a call that failed.
    #[serde(skip_serializing_if = "is_false")]
    pub fallback: bool,
    /// The operation that a call asks for: `read`, `write`, ….
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The number of the data key that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<u64>,
    /// What a cache found: `hit`, `stale`, `expired`, `miss`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<&'static str>,
    /// The balancer that it passed through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
}

/// Finds requests of a run and says what happened to them.
///
/// # Errors
/// There is no such class, or no such request: the message names it.
pub fn trace(plan: &Plan, seed: u64, question: &Question) -> Result<Traces, String> {
    let class = question.class.as_ref().map(|name| class_of(plan, name)).transpose()?;
    let search = |pick| Search { pick, count: question.count, class };
    let (ids, runs) = match &question.which {
        Which::Slowest => (find(plan, seed, search(Pick::Slowest)), 2),
        Which::Failed => (find(plan, seed, search(Pick::Failed)), 2),
        Which::Around(q) => match latency_at(plan, seed, class, *q) {
            Some(target_ns) => (find(plan, seed, search(Pick::Near(target_ns))), 3),
            None => (Vec::new(), 2),
        },
        Which::Ids(ids) => (ids.clone(), 1),
    };
    let (result, recorder) = world::watch(plan, seed, Recorder::recording(&ids));
    let traces = recorder.into_traces();
    let of = |id: &u64| traces.iter().find(|trace| trace.id == *id).ok_or_else(|| unknown(*id));
    let found: Result<Vec<&RequestTrace>, String> = ids.iter().map(of).collect();
    let envelope = Envelope {
        kind: "trace".to_string(),
        format: REPORT_FORMAT,
        engine: crate::ENGINE.to_string(),
        name: plan.header.name.clone(),
        seed,
        model_digest: format!("{:016x}", plan.header.model_digest),
        digest: format!("{:016x}", result.digest),
        runs,
        complete: true,
        confidence: super::interval::LEVEL,
    };
    Ok(Traces { envelope, requests: found?.into_iter().map(|trace| request(plan, trace)).collect() })
}

fn unknown(id: u64) -> String {
    format!("no request {id:016x} ended in this run; ids are those of another trace of the model with the same seed")
}

fn find(plan: &Plan, seed: u64, search: Search) -> Vec<u64> {
    world::watch(plan, seed, Recorder::searching(search)).1.found()
}

/// The number of a class.
fn class_of(plan: &Plan, name: &str) -> Result<u16, String> {
    let known = plan.classes.iter().position(|class| class.name == name);
    known.map(|at| at as u16).ok_or_else(|| {
        let names: Vec<&str> = plan.classes.iter().map(|class| class.name.as_str()).collect();
        format!("there is no class {name}; the model has {}", names.join(", "))
    })
}

/// A quantile of the latency of those that ended ok, ns.
fn latency_at(plan: &Plan, seed: u64, class: Option<u16>, q: f64) -> Option<u64> {
    let result = world::run(plan, seed);
    let mut latency = crate::metrics::histogram::Histogram::default();
    let of_class = |number: usize| class.is_none_or(|class| class as usize == number);
    for (_, meter) in result.classes.iter().enumerate().filter(|(number, _)| of_class(*number)) {
        latency.merge(&meter.latency);
    }
    latency.quantile(q)
}

fn request(plan: &Plan, trace: &RequestTrace) -> Request {
    let start = plan.clock.start as i64;
    let root = &trace.spans[0];
    let on_clock = |ns: u64| ns as i64 - start;
    let mut parts: Vec<(u16, u64)> = trace.parts.iter().map(|(&cell, &ns)| (cell, ns)).collect();
    parts.sort_by_key(|&(cell, ns)| (u64::MAX - ns, cell));
    Request {
        id: format!("{:016x}", trace.id),
        class: plan.classes[trace.class as usize].name.clone(),
        client: plan.components[plan.clients[trace.client as usize].component as usize].name.clone(),
        number: trace.number,
        start_s: on_clock(root.start) as f64 / 1e9,
        end_s: root.end.map(|end| on_clock(end) as f64 / 1e9),
        latency_s: root.end.map(|end| (end - root.start) as f64 / 1e9),
        outcome: root.outcome.map(|outcome| outcome.name()),
        parts: parts.into_iter().map(|(cell, ns)| part(plan, cell, ns)).collect(),
        spans: trace.spans.iter().enumerate().map(|(id, span)| shown(plan, id as u32, span)).collect(),
        spans_left_out: trace.left_out,
    }
}

fn part(plan: &Plan, cell: u16, ns: u64) -> Part {
    let abandoned = crate::metrics::breakdown::ABANDONED;
    let (component, phase) = plan.cells[(cell & !abandoned) as usize];
    Part {
        component: plan.components[component as usize].name.clone(),
        phase: phase.name(),
        abandoned: cell & abandoned != 0,
        seconds: ns as f64 / 1e9,
    }
}

fn shown(plan: &Plan, id: u32, span: &trace::Span) -> Span {
    let name = |component: u32| plan.components[component as usize].name.clone();
    let on_clock = |ns: u64| ns as i64 - plan.clock.start as i64;
    let component = &plan.components[span.component as usize];
    let seat = |Seat { ordinal, owner }: Seat| address(plan, component, ordinal, owner);
    let (kind, phase, branch) = match span.kind {
        SpanKind::Request => ("request", None, None),
        SpanKind::Call => ("call", None, None),
        SpanKind::Cast => ("cast", None, None),
        SpanKind::Branch(number) => ("branch", None, Some(number)),
        SpanKind::Rest => ("rest", None, None),
        SpanKind::Phase(phase) => ("phase", Some(phase.name()), None),
    };
    let found = |found: Found| match found {
        Found::Hit => "hit",
        Found::Stale => "stale",
        Found::Expired => "expired",
        Found::Miss => "miss",
    };
    Span {
        id,
        parent: span.parent,
        kind,
        component: component.name.clone(),
        instance: span.seat.map(seat),
        phase,
        station: span.station,
        start_ns: on_clock(span.start),
        end_ns: span.end.map(on_clock),
        outcome: span.outcome.map(|outcome| outcome.name()),
        waited: span.waited,
        abandoned: span.abandoned,
        went_on_until_ns: span.went_on_until.map(on_clock),
        retry: span.attempt,
        turn: span.turn,
        branch,
        fallback: span.fallback,
        operation: span
            .op
            .map(|op| if op == ops::STORE { "fill".to_string() } else { plan.op_names[op as usize].clone() }),
        key: span.key,
        cache: span.found.map(found),
        via: span.via.map(name),
    }
}

fn seconds<S: Serializer>(ns: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(*ns as f64 / 1e9)
}

fn maybe_seconds<S: Serializer>(ns: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    ns.map(|ns| ns as f64 / 1e9).serialize(serializer)
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn is_zero_u32(value: &u32) -> bool {
    *value == 0
}

fn is_zero_u8(value: &u8) -> bool {
    *value == 0
}
