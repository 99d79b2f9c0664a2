//! The topology of a model as a picture: boxes and arrows, from left to right.

mod layout;
mod model;
mod svg;
mod text;

pub use model::topology;
pub use svg::svg;
pub use text::{dot, mermaid};

/// What there is to draw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    /// The model's name.
    pub title: String,
    /// The components.
    pub nodes: Vec<Node>,
    /// Who calls whom.
    pub edges: Vec<Edge>,
}

/// A component.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its type, as in the model.
    pub kind: String,
    /// What else to say of it, a line each.
    pub facts: Vec<String>,
}

/// A link from one component to another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edge {
    /// Index of the caller.
    pub from: usize,
    /// Index of what is called.
    pub to: usize,
    /// What to say of the link, short.
    pub label: String,
    /// Whether it steers instead of calling (an autoscaler and its target).
    pub steers: bool,
}

#[cfg(test)]
pub mod fixture {
    use super::*;

    /// The web shop with an autoscaler and a link that leaps over layers.
    pub fn web_shop() -> Topology {
        let node = |name: &str, kind: &str, facts: &[&str]| Node {
            name: name.into(),
            kind: kind.into(),
            facts: facts.iter().map(|fact| (*fact).to_owned()).collect(),
        };
        let edge = |from, to, label: &str| Edge { from, to, label: label.into(), steers: false };
        Topology {
            title: "Web shop".into(),
            nodes: vec![
                node("shoppers", "client", &["2.40 k/s"]),
                node("edge", "load-balancer", &["least-connections"]),
                node("web", "server-pool", &["4 replicas", "2 cores, 64 workers"]),
                node("redis", "cache", &["20,000 items, lru", "cache-aside"]),
                node("orders-pool", "connection-pool", &["20 + 10 connections"]),
                node("orders", "database", &["4 shards", "8 slots"]),
                node("scaler", "autoscaler", &["hpa, 4 to 12"]),
            ],
            edges: vec![
                edge(0, 1, "rtt 20ms, timeout 2s"),
                edge(1, 2, ""),
                edge(2, 3, ""),
                edge(2, 4, ""),
                edge(3, 4, "backing"),
                edge(4, 5, ""),
                Edge { from: 6, to: 2, label: String::new(), steers: true },
            ],
        }
    }

    /// Calls in a circle, a call to itself, a lonely node, names that must be escaped.
    pub fn awkward() -> Topology {
        let node = |name: &str| Node { name: name.into(), kind: "server-pool".into(), facts: Vec::new() };
        let edge = |from, to| Edge { from, to, label: "a < b & \"c\"".into(), steers: false };
        Topology {
            title: "<script>alert(1)</script>".into(),
            nodes: vec![node("a<b>"), node("b & c"), node("a-name-that-goes-on-and-on-and-on"), node("lonely")],
            edges: vec![edge(0, 1), edge(1, 2), edge(2, 0), edge(0, 2), edge(1, 1), edge(3, 3)],
        }
    }
}
