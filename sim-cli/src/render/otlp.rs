//! Traces for what reads OpenTelemetry: OTLP in JSON, as the protocol's JSON mapping has it (ids in hex, 64-bit numbers as
//! strings, enums as numbers): `ExportTraceServiceRequest`, opentelemetry-proto 1.x, `trace/v1/trace.proto`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sim_core::analysis::trace::{Request, Span, Traces};

use super::chrome::name;

/// When the measured window begins, since no clock says: 2000-01-01T00:00:00Z, in ns.
const WINDOW_STARTS: i64 = 946_684_800 * 1_000_000_000;

/// The file's content: a resource for each instance.
pub fn export(traces: &Traces) -> Value {
    let mut by_instance: BTreeMap<(&str, &str), Vec<Value>> = BTreeMap::new();
    for request in &traces.requests {
        let last = request.spans.iter().filter_map(|span| span.end_ns).max().unwrap_or(0);
        let trace = format!("{}{}", traces.envelope.digest, request.id);
        for span in &request.spans {
            let home = home(request, span);
            let instance = home.instance.as_deref().unwrap_or(&home.component);
            by_instance.entry((&home.component, instance)).or_default().push(one(request, span, &trace, last));
        }
    }
    let (engine, version) = traces.envelope.engine.split_once(' ').unwrap_or((&traces.envelope.engine, ""));
    let resource = |((component, instance), spans): ((&str, &str), Vec<Value>)| {
        json!({
            "resource": { "attributes": [text("service.name", component), text("service.instance.id", instance)] },
            "scopeSpans": [{ "scope": { "name": engine, "version": version }, "spans": spans }],
        })
    };
    json!({ "resourceSpans": by_instance.into_iter().map(resource).collect::<Vec<_>>() })
}

/// The span whose component a span is shown at: phases belong to what they are a part of.
fn home<'r>(request: &'r Request, span: &'r Span) -> &'r Span {
    match span.parent {
        Some(parent) if span.kind == "phase" => &request.spans[parent as usize],
        _ => span,
    }
}

/// Unique among the spans of all requests, and the same each time.
fn span_id(request: &Request, span: u32) -> String {
    let id = u64::from_str_radix(&request.id, 16).expect("an id is in hex");
    format!("{:016x}", id.wrapping_add(u64::from(span) + 1).max(1))
}

fn one(request: &Request, span: &Span, trace: &str, last: i64) -> Value {
    let kind = match span.kind {
        "request" => 3, // SPAN_KIND_CLIENT
        "call" => 2,    // SPAN_KIND_SERVER
        "cast" => 5,    // SPAN_KIND_CONSUMER
        _ => 1,         // SPAN_KIND_INTERNAL
    };
    let status = match span.outcome {
        None => json!({}),
        Some("ok") => json!({ "code": 1 }),
        Some(outcome) => json!({ "code": 2, "message": outcome }),
    };
    let nanos = |ns: i64| (WINDOW_STARTS + ns).to_string();
    let mut shown = json!({
        "traceId": trace,
        "spanId": span_id(request, span.id),
        "name": name(request, span),
        "kind": kind,
        "startTimeUnixNano": nanos(span.start_ns),
        "endTimeUnixNano": nanos(span.end_ns.unwrap_or(last).max(span.start_ns)),
        "attributes": attributes(request, span),
        "status": status,
    });
    if let Some(parent) = span.parent {
        shown["parentSpanId"] = span_id(request, parent).into();
    }
    shown
}

fn attributes(request: &Request, span: &Span) -> Vec<Value> {
    let own = |name: &str, value: Option<&str>| value.map(|value| text(&format!("kneepoint.{name}"), value));
    let number = |name: &str, value: Option<u64>| {
        value.map(|value| json!({ "key": format!("kneepoint.{name}"), "value": { "intValue": value.to_string() } }))
    };
    let flag = |name: &str, value: bool| {
        value.then(|| json!({ "key": format!("kneepoint.{name}"), "value": { "boolValue": true } }))
    };
    let root = span.kind == "request";
    [
        own("class", root.then_some(request.class.as_str())),
        number("number", root.then_some(request.number)),
        own("phase", span.phase),
        own("component", span.phase.map(|_| span.component.as_str())),
        own("station", span.station),
        own("outcome", span.outcome),
        own("operation", span.operation.as_deref()),
        own("cache", span.cache),
        own("via", span.via.as_deref()),
        number("key", span.key),
        number("retry", (span.retry > 0).then_some(u64::from(span.retry))),
        flag("fallback", span.fallback),
        flag("abandoned", span.abandoned),
        flag("not_waited_for", !span.waited),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::waterfall::tests::traces;

    /// What `trace.proto` and its JSON mapping ask of spans.
    #[test]
    fn spans_have_the_fields_of_the_protocol() {
        let traces = traces(5);
        let file = export(&traces);
        let mut ids: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
        let mut parents = Vec::new();
        let is_hex = |value: &Value, digits: usize| {
            let text = value.as_str().expect("text");
            text.len() == digits
                && text.bytes().all(|letter| letter.is_ascii_hexdigit())
                && text.bytes().any(|letter| letter != b'0')
        };
        for resource in file["resourceSpans"].as_array().expect("resources") {
            let attributes = resource["resource"]["attributes"].as_array().expect("attributes");
            assert_eq!(attributes[0]["key"], "service.name");
            assert!(attributes[0]["value"]["stringValue"].is_string());
            for span in resource["scopeSpans"][0]["spans"].as_array().expect("spans") {
                assert!(is_hex(&span["traceId"], 32) && is_hex(&span["spanId"], 16), "{span}");
                let nanos = |field: &str| {
                    span[field].as_str().and_then(|text| text.parse::<u64>().ok()).expect("a number as text")
                };
                let (start, end) = (nanos("startTimeUnixNano"), nanos("endTimeUnixNano"));
                assert!(start <= end && (1..=5).contains(&span["kind"].as_u64().expect("a number")), "{span}");
                assert!(span["name"].as_str().is_some_and(|name| !name.is_empty()), "{span}");
                for attribute in span["attributes"].as_array().expect("attributes") {
                    let value = attribute["value"].as_object().expect("a value");
                    let (kind, value) = value.iter().next().expect("one of its kinds");
                    let right = match kind.as_str() {
                        "intValue" | "stringValue" => value.is_string(),
                        "boolValue" => value.is_boolean(),
                        _ => false,
                    };
                    assert!(right && attribute["key"].is_string(), "{attribute}");
                }
                let trace = span["traceId"].as_str().expect("checked").to_owned();
                if let Some(parent) = span["parentSpanId"].as_str() {
                    parents.push((trace.clone(), parent.to_owned()));
                }
                let id = (trace, span["spanId"].as_str().expect("checked").to_owned());
                assert!(ids.insert(id, (start, end)).is_none(), "an id twice: {span}");
            }
        }
        assert_eq!(ids.len(), traces.requests.iter().map(|request| request.spans.len()).sum::<usize>());
        assert_eq!(ids.len() - parents.len(), traces.requests.len(), "a root for each request");
        assert!(parents.iter().all(|parent| ids.contains_key(parent)));
    }
}
