//! What of a model is drawn.

use std::collections::BTreeMap;

use sim_core::model::Model;
use sim_core::model::link::{Link, LinkOptions};
use sim_core::model::units::exact_time;

use super::{Edge, Node, Topology};

/// The topology of a model.
pub fn topology(model: &Model) -> Topology {
    let names: BTreeMap<&str, usize> =
        model.components.keys().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
    let mut topology = Topology { title: model.name.clone(), nodes: Vec::new(), edges: Vec::new() };
    for (name, component) in &model.components {
        let kind = component.kind().to_owned();
        topology.nodes.push(Node { name: name.clone(), kind, facts: component.facts() });
        for way in component.links() {
            let options = way.link.map(|link| &link.options);
            let note = way.note.unwrap_or_else(|| options.map_or_else(String::new, label));
            topology.add(names[name.as_str()], names.get(way.to.as_str()), note, way.steers);
            for fallback in way.link.into_iter().flat_map(fallbacks) {
                let to = names.get(fallback.to.as_str());
                topology.add(names[name.as_str()], to, label(&fallback.options), false);
            }
        }
    }
    topology
}

impl Topology {
    /// Adds an edge, or what is to be said of the one that is there.
    fn add(&mut self, from: usize, to: Option<&usize>, label: String, steers: bool) {
        let Some(&to) = to else { return };
        match self.edges.iter_mut().find(|edge| (edge.from, edge.to) == (from, to)) {
            Some(edge) if edge.label.is_empty() => edge.label = label,
            Some(_) => {}
            None => self.edges.push(Edge { from, to, label, steers }),
        }
    }
}

/// The links that a link falls back to.
fn fallbacks(link: &Link) -> impl Iterator<Item = &Link> {
    std::iter::successors(link.options.fallback.as_deref(), |link| link.options.fallback.as_deref())
}

/// What matters most of a link, short.
fn label(options: &LinkOptions) -> String {
    let mut parts = Vec::new();
    let rtt_ns = options.rtt.0.mean();
    if rtt_ns > 0.0 {
        let spread = if options.rtt.0.as_constant().is_some() { "" } else { "~" };
        parts.push(format!("rtt {spread}{}", exact_time(rtt_ns.round() as u64)));
    }
    if let Some(timeout) = options.timeout {
        parts.push(format!("timeout {}", exact_time(timeout.0)));
    }
    if let Some(retry) = &options.retry {
        parts.push(format!("{} {}", retry.retries.0, if retry.retries.0 == 1 { "retry" } else { "retries" }));
    }
    parts.join(", ")
}
