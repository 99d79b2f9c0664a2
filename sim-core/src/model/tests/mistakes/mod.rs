//! Models that are wrong, each with everything that is told about it.

use super::*;

mod balancers;
mod caches;
mod cdns;
mod clients;
mod databases;
mod events;
mod faults;
mod fields;
mod flow;
mod limiters;
mod links;
mod names;
mod objectives;
mod overrides;
mod parts;
mod pools;
mod queues;
mod scaling;
mod steps;
mod together;
mod values;

/// A small right model with one part replaced: `at` is a text of it, `by` what stands there instead.
fn changed(at: &str, by: &str) -> String {
    assert!(SMALL.contains(at), "{at} is not in the model");
    SMALL.replacen(at, by, 1)
}

pub const SMALL: &str = r#"format: 1
run: { duration: 10s }
keyspaces:
  items: { keys: 100 }
classes:
  read: { key: items }
  save: { key: items, write: true }
components:
  users: { type: client, to: edge, arrivals: { rate: 10/s } }
  edge: { type: load-balancer, to: [web] }
  web:
    type: server-pool
    replicas: 2
    handlers:
      read: [ { cpu: 2ms }, { call: redis } ]
      save: [ { cpu: 2ms }, { hold: pool, do: [ { call: pool, op: write } ] } ]
  redis: { type: cache, capacity: 10, backing: pool }
  pool: { type: connection-pool, size: 5, to: db }
  db: { type: database, operations: { read: 2ms, write: 3ms } }
"#;

#[test]
fn the_small_model_is_right() {
    assert_eq!(outcome(SMALL), [] as [&str; 0]);
}

/// What stands there, what stands there instead, and what is told.
type Changed = (&'static str, &'static str, &'static [&'static str]);
/// What stands there besides, and what is told.
type Added = (&'static str, &'static [&'static str]);

/// Holds the small model with a part replaced to what is told of it.
fn told_of_changes(cases: &[Changed]) {
    let told = cases.iter().map(|&(at, by, expected)| (by, outcome(&changed(at, by)), expected));
    all_told(told);
}

/// Holds the small model with another component to what is told of it: what is added begins on line 20.
fn told_of_components(cases: &[Added]) {
    all_told(cases.iter().map(|&(part, expected)| (part, outcome(&format!("{SMALL}  {part}\n")), expected)));
}

/// Holds the small model with another part to what is told of it: what is added begins on line 20.
fn told_of_parts(cases: &[Added]) {
    all_told(cases.iter().map(|&(part, expected)| (part, outcome(&format!("{SMALL}{part}\n")), expected)));
}

fn all_told(told: impl Iterator<Item = (&'static str, Vec<String>, &'static [&'static str])>) {
    let wrong: Vec<_> = told.filter(|(_, told, expected)| told != expected).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn all_mistakes_come_at_once() {
    let text = SMALL
        .replacen("duration: 10s", "duration: 10", 1)
        .replacen("replicas: 2", "replcas: 2", 1)
        .replacen("to: edge", "to: egde", 1)
        .replacen("cpu: 2ms }, { call: redis", "cpu: -2ms }, { call: rediss", 1)
        .replacen("size: 5", "size: five", 1)
        .replacen("key: items }", "key: itms }", 1);
    assert_eq!(
        outcome(&text),
        [
            "2: run.duration: found 10; expected a time with a unit; write \"10ms\"",
            "6: classes.read.key: there is no keyspace itms; did you mean items?",
            "9: components.users.to: there is no component egde; did you mean edge?",
            "13: components.web.replcas: unknown field; did you mean replicas?",
            "15: components.web.handlers.read[0].cpu: found \"-2ms\"; expected a time with a unit or a distribution such as exp(4ms); it can't be negative",
            "15: components.web.handlers.read[1].call: there is no component rediss; did you mean redis?",
            "18: components.pool.size: found \"five\"; expected a whole number",
        ]
    );
}
