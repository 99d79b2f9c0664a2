//! Traces for Perfetto and chrome://tracing: the Trace Event Format (JSON Object Format), times in µs.
//!
//! A component is a process, an instance a thread. Slices of a thread must nest, so an instance that works on several
//! calls at once has several threads.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sim_core::analysis::trace::{Request, Span, Traces};

/// The file's content.
pub fn events(traces: &Traces) -> Value {
    let mut threads = Threads::default();
    let mut events = Vec::new();
    for request in &traces.requests {
        add_request(request, &mut threads, &mut events);
    }
    let mut named = threads.names();
    named.extend(events);
    let envelope = &traces.envelope;
    json!({
        "displayTimeUnit": "ms",
        "otherData": {
            "engine": envelope.engine, "model": envelope.name, "model_digest": envelope.model_digest,
            "digest": envelope.digest, "seed": envelope.seed.to_string(),
        },
        "traceEvents": named,
    })
}

/// Which thread of which process each span is shown in.
#[derive(Default)]
struct Threads {
    processes: BTreeMap<String, u64>,
    /// By component and instance: the lanes, each with what is in it.
    lanes: BTreeMap<(String, String), Vec<Lane>>,
    count: u64,
}

struct Lane {
    thread: u64,
    taken: Vec<(i64, i64)>,
}

impl Threads {
    fn process(&mut self, component: &str) -> u64 {
        let next = self.processes.len() as u64 + 1;
        *self.processes.entry(component.to_owned()).or_insert(next)
    }

    /// A lane of an instance where this time nests with all that is there.
    fn thread(&mut self, component: &str, instance: &str, (start, end): (i64, i64)) -> u64 {
        let lanes = self.lanes.entry((component.to_owned(), instance.to_owned())).or_default();
        let apart = |&(from, to): &(i64, i64)| end <= from || to <= start;
        let nests = |&(from, to): &(i64, i64)| (from <= start && end <= to) || (start <= from && to <= end);
        let fits = |lane: &&mut Lane| lane.taken.iter().all(|other| apart(other) || nests(other));
        if let Some(lane) = lanes.iter_mut().find(fits) {
            lane.taken.push((start, end));
            return lane.thread;
        }
        self.count += 1;
        lanes.push(Lane { thread: self.count, taken: vec![(start, end)] });
        self.count
    }

    fn names(&self) -> Vec<Value> {
        let name = |what: &str, process: u64, thread: u64, name: &str| json!({ "name": what, "ph": "M", "pid": process, "tid": thread, "args": { "name": name } });
        let processes = self.processes.iter().map(|(component, &process)| name("process_name", process, 0, component));
        let threads = self.lanes.iter().flat_map(|((component, instance), lanes)| {
            lanes.iter().map(|lane| name("thread_name", self.processes[component], lane.thread, instance))
        });
        processes.chain(threads).collect()
    }
}

fn add_request(request: &Request, threads: &mut Threads, events: &mut Vec<Value>) {
    let last = request.spans.iter().filter_map(|span| span.end_ns.max(span.went_on_until_ns)).max().unwrap_or(0);
    // Until when a span or anything in it takes place.
    let mut extent: Vec<i64> = request.spans.iter().map(|span| span.end_ns.unwrap_or(last)).collect();
    for span in request.spans.iter().rev().filter(|span| span.kind == "phase") {
        if let Some(parent) = span.parent {
            extent[parent as usize] = extent[parent as usize].max(extent[span.id as usize]);
        }
    }
    let mut places: Vec<(u64, u64)> = Vec::new();
    for span in &request.spans {
        let end = span.end_ns.unwrap_or(last);
        if let ("phase", Some(parent)) = (span.kind, span.parent) {
            let place = places[parent as usize];
            places.push(place);
            let edge = request.spans[parent as usize].end_ns.unwrap_or(last);
            // A slice that stands out of the one around it would be shown wrongly: it becomes two.
            let pieces = if span.start_ns < edge && edge < end {
                vec![span.start_ns, edge, end]
            } else {
                vec![span.start_ns, end]
            };
            pieces.windows(2).for_each(|piece| events.push(slice(request, span, place, (piece[0], piece[1]))));
            continue;
        }
        let process = threads.process(&span.component);
        let instance = span.instance.as_deref().unwrap_or(&span.component);
        let place =
            (process, threads.thread(&span.component, instance, (span.start_ns, extent[span.id as usize].max(end))));
        places.push(place);
        events.push(slice(request, span, place, (span.start_ns, end)));
        if let Some(parent) = span.parent {
            events.extend(arrow(request, span, places[parent as usize], place).into_iter().flatten());
        }
    }
}

fn slice(request: &Request, span: &Span, (process, thread): (u64, u64), (start, end): (i64, i64)) -> Value {
    let mut args = serde_json::to_value(span).expect("a span is serialisable");
    let fields = args.as_object_mut().expect("a span is an object");
    for known in ["kind", "component", "start_s", "end_s"] {
        fields.remove(known);
    }
    if span.kind == "request" {
        for (name, value) in [
            ("request", Value::from(request.id.as_str())),
            ("class", Value::from(request.class.as_str())),
            ("number", Value::from(request.number)),
        ] {
            fields.insert(name.to_owned(), value);
        }
    }
    json!({
        "name": name(request, span), "cat": span.phase.unwrap_or(span.kind), "ph": "X",
        "ts": start as f64 / 1e3, "dur": (end - start) as f64 / 1e3, "pid": process, "tid": thread, "args": args,
    })
}

/// From the caller to the callee.
fn arrow(request: &Request, span: &Span, from: (u64, u64), to: (u64, u64)) -> Option<[Value; 2]> {
    if from == to {
        return None;
    }
    let id = format!("{}/{}", request.id, span.id);
    let ts = span.start_ns as f64 / 1e3;
    let end = |phase: &str, (process, thread): (u64, u64)| json!({ "name": "call", "cat": "call", "ph": phase, "id": id, "ts": ts, "pid": process, "tid": thread, "bp": "e" });
    Some([end("s", from), end("f", to)])
}

/// What a span is called on a picture.
pub fn name(request: &Request, span: &Span) -> String {
    let operation = span.operation.as_deref().map_or(String::new(), |operation| format!(" {operation}"));
    match (span.kind, span.phase, span.station) {
        ("phase", Some(phase), Some(station)) => format!("{phase} ({station})"),
        ("phase", Some(phase), None) => phase.to_owned(),
        ("request", ..) => request.class.clone(),
        ("branch", ..) => format!("branch {}", span.branch.unwrap_or(0) + 1),
        ("rest", ..) => format!("{} after its answer", span.component),
        _ if span.retry > 0 => format!("{}{operation}, try {}", span.component, span.retry + 1),
        _ => format!("{}{operation}", span.component),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::waterfall::tests::traces;

    /// What the format's description asks of complete, metadata and flow events, and what viewers need: on one thread
    /// slices nest or are apart.
    #[test]
    fn slices_have_their_fields_and_nest() {
        let file = events(&traces(5));
        let events = file["traceEvents"].as_array().expect("a list");
        let mut threads: BTreeMap<(u64, u64), Vec<(f64, f64)>> = BTreeMap::new();
        let mut named = Vec::new();
        let mut ends: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for event in events {
            let whole = |field: &str| event[field].as_u64().unwrap_or_else(|| panic!("{field} of {event}"));
            let time = |field: &str| event[field].as_f64().unwrap_or_else(|| panic!("{field} of {event}"));
            assert!(event["name"].is_string() && event["args"].is_object() | event["id"].is_string(), "{event}");
            match event["ph"].as_str().expect("a phase") {
                "X" => {
                    assert!(time("dur") >= 0.0, "{event}");
                    let slice = (time("ts"), time("ts") + time("dur"));
                    threads.entry((whole("pid"), whole("tid"))).or_default().push(slice);
                }
                "M" => {
                    assert!(event["args"]["name"].is_string(), "{event}");
                    if event["name"] == "thread_name" {
                        named.push((whole("pid"), whole("tid")));
                    }
                }
                end @ ("s" | "f") => ends.entry(event["id"].as_str().expect("an id")).or_default().push(end),
                other => panic!("{other} is not written"),
            }
        }
        assert!(threads.len() > 5 && threads.keys().all(|thread| named.contains(thread)));
        assert!(ends.values().all(|ends| ends == &["s", "f"]), "{ends:?}");
        for (thread, slices) in threads {
            for (at, one) in slices.iter().enumerate() {
                for other in &slices[at + 1..] {
                    let (apart, rounding) = (one.1 <= other.0 + 1e-3 || other.1 <= one.0 + 1e-3, 1e-3);
                    let inside = |inner: &(f64, f64), outer: &(f64, f64)| {
                        inner.0 >= outer.0 - rounding && inner.1 <= outer.1 + rounding
                    };
                    assert!(apart || inside(one, other) || inside(other, one), "{thread:?}: {one:?} {other:?}");
                }
            }
        }
    }
}
