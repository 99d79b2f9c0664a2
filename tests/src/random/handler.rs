//! Handlers: steps, and calls further down.

use super::link::link;
use super::pool::Layer;
use super::{add, set, work};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

pub fn handler(layer: Layer) -> BoxedStrategy<Vec<Value>> {
    let cpu = work().prop_map(|work| json!({ "cpu": work }));
    let delay = work().prop_map(|work| json!({ "delay": work }));
    let fail = (select(vec![0.2, 1.0]), any::<bool>())
        .prop_map(|(share, denied)| json!({ "fail": share, "as": if denied { "denied" } else { "failed" } }));
    if layer == Layer::Store {
        return vec(prop_oneof![6 => cpu, 2 => delay, 1 => fail], 0..3).boxed();
    }
    let publish = (prop_oneof![3 => Just(json!({})), 1 => link(&["store"])], weighted(0.2, 2..4_u64), key()).prop_map(
        |(link, times, key)| {
            let mut step = json!({ "publish": "jobs" });
            add(&mut step, link);
            set(&mut step, "times", times);
            set(&mut step, "key", key);
            step
        },
    );
    let leaf = prop_oneof![5 => cpu, 2 => delay, 6 => call(layer), 2 => publish, 1 => fail];
    let step = leaf.prop_recursive(2, 12, 3, move |inner| {
        let steps = || vec(inner.clone(), 0..3);
        prop_oneof![
            2 => inner.clone(),
            2 => steps().prop_map(|steps| json!({ "hold": "conns", "do": without_holds(steps) })),
            2 => (vec(steps(), 1..4), weighted(0.4, 1..4_usize)).prop_map(|(branches, need)| {
                let count = branches.len();
                let mut step = json!({ "parallel": branches });
                set(&mut step, "need", need.map(|need| need.min(count)));
                step
            }),
            1 => vec((0..3_u64, steps()), 1..3).prop_map(|branches| {
                let mut branches: Vec<Value> =
                    branches.into_iter().map(|(weight, steps)| json!({ "weight": weight, "do": steps })).collect();
                branches[0]["weight"] = json!(1);
                json!({ "choose": branches })
            }),
            2 => (steps(), steps(), key(), prop_oneof![2 => Just(json!({})), 1 => link(&["store"])]).prop_map(
                |(hit, miss, key, link)| {
                    // What looks up a cache inside of its own miss would wait for itself.
                    let again = Value::from(miss.clone()).to_string().contains("\"cache\"");
                    let mut step = json!({ "cached": "cache", "hit": hit, "miss": miss });
                    set(&mut step, "coalesce", again.then_some(false));
                    add(&mut step, link);
                    set(&mut step, "key", key);
                    step
                }
            ),
        ]
    });
    vec(step, 0..4).boxed()
}

/// A call of a component further down.
pub fn call(layer: Layer) -> BoxedStrategy<Value> {
    let (callees, below): (&[&str], &[&str]) = match layer {
        Layer::Web => (&["db", "conns", "cache", "api", "store", "gate"], &["store", "api", "cache"]),
        Layer::Api => (&["db", "conns", "cache", "store"], &["store", "db"]),
        Layer::Store => (&["store"], &["store"]),
    };
    (
        select(callees),
        prop_oneof![3 => Just(json!({})), 2 => link(below)],
        0..4_usize,
        key(),
        weighted(0.2, 1..4_u64),
        weighted(0.1, Just("b")),
    )
        .prop_map(|(to, link, op, key, times, class)| {
            let mut call = json!({ "call": to });
            add(&mut call, link);
            let op = match to {
                "cache" => [None, Some("read"), Some("write"), Some("delete")][op],
                "db" => [None, Some("read"), Some("write"), Some("scan")][op],
                "conns" => [None, Some("read"), Some("write"), None][op],
                _ => None,
            };
            set(&mut call, "op", op);
            set(&mut call, "key", key);
            set(&mut call, "times", times);
            set(&mut call, "as", class);
            call
        })
        .boxed()
}

pub fn key() -> impl Strategy<Value = Option<&'static str>> {
    weighted(0.3, select(vec!["client", "few", "many"]))
}

/// Holds in holds of the same pool wait for each other, as they do in life.
fn without_holds(steps: Vec<Value>) -> Vec<Value> {
    let inside = |step: Value| match step.get("hold") {
        Some(_) => json!({ "cpu": "1ms" }),
        None => match step {
            Value::Object(map) => Value::Object(
                map.into_iter()
                    .map(|(field, value)| match value {
                        Value::Array(items) if matches!(field.as_str(), "hit" | "miss" | "do") => {
                            (field, Value::Array(without_holds(items)))
                        }
                        Value::Array(branches) if matches!(field.as_str(), "parallel") => {
                            let branches = branches.into_iter().map(|branch| match branch {
                                Value::Array(steps) => Value::Array(without_holds(steps)),
                                other => other,
                            });
                            (field, Value::Array(branches.collect()))
                        }
                        Value::Array(branches) if matches!(field.as_str(), "choose") => {
                            (field, Value::Array(without_holds(branches)))
                        }
                        other => (field, other),
                    })
                    .collect(),
            ),
            other => other,
        },
    };
    steps.into_iter().map(inside).collect()
}
