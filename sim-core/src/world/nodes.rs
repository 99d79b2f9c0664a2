//! Machines that replicas run on: a replica waits until one has room for it; machines are ordered, and given back.
//!
//! As the Kubernetes cluster autoscaler has it: whoever has no room makes machines be ordered, and one that has been empty
//! for a while is given back. A replica goes to the first machine with room.

use super::{Control, World};
use crate::engine::rng::{mix64, uniform};
use crate::plan::{Kind, NodesPlan};

/// The machines of an autoscaler's target.
#[derive(Debug, Clone, Default)]
pub struct NodesState {
    nodes: Vec<Node>,
    /// How many have been ordered and are not there yet.
    booting: u32,
    /// How many have ever been ordered: their times are keyed by it.
    ordered: u64,
    /// Replicas without a machine, in the order in which they came.
    waiting: Vec<u32>,
}

#[derive(Debug, Clone, Default)]
struct Node {
    replicas: Vec<u32>,
    empty_since: u64,
}

impl NodesState {
    /// How many there are, those that boot included: they are paid for.
    pub fn count(&self) -> u32 {
        self.nodes.len() as u32 + self.booting
    }

    /// Puts a replica on the first machine with room.
    fn place(&mut self, instance: u32, per_node: u32) -> bool {
        let node = self.nodes.iter_mut().find(|node| node.replicas.len() < per_node as usize);
        let found = node.is_some();
        if let Some(node) = node {
            node.replicas.push(instance);
        }
        found
    }

    /// How many more are to be ordered.
    fn lacking(&self, plan: &NodesPlan) -> u32 {
        let placed: usize = self.nodes.iter().map(|node| node.replicas.len()).sum();
        let replicas = (placed + self.waiting.len()) as f64;
        let needed = (replicas / (f64::from(plan.per_node) * plan.target_capacity) * (1.0 - 1e-12)).ceil() as u32;
        needed.max(plan.min).min(plan.max).saturating_sub(self.count()).min(plan.step)
    }
}

impl<const TRACED: bool> World<'_, TRACED> {
    /// The machines at the start: as many as the first replicas need.
    pub(super) fn build_nodes(&mut self, scaler: u32) {
        let plan = &self.plan.autoscalers[scaler as usize];
        let Some(nodes) = &plan.nodes else { return };
        let replicas = self.wanted_members(plan.target);
        let state = &mut self.scalers[scaler as usize].nodes;
        state.waiting = replicas;
        let count = state.lacking(&NodesPlan { step: u32::MAX, max: u32::MAX, ..nodes.clone() });
        state.nodes = vec![Node::default(); count as usize];
        for instance in std::mem::take(&mut state.waiting) {
            let found = state.place(instance, nodes.per_node);
            debug_assert!(found, "there are as many as are needed");
        }
        self.note_nodes(scaler);
    }

    /// The autoscaler whose machines the replicas of a component run on.
    fn scaler_with_nodes(&self, component: u32) -> Option<u32> {
        let with = |plan: &crate::plan::AutoscalerPlan| plan.target == component && plan.nodes.is_some();
        self.plan.autoscalers.iter().position(with).map(|at| at as u32)
    }

    /// Whether a replica that is to start has a machine; without one it waits.
    pub(super) fn finds_node(&mut self, instance: u32) -> bool {
        let Some(scaler) = self.scaler_with_nodes(self.instances[instance as usize].component) else { return true };
        // What is there at the start is placed when the autoscalers are.
        let Some(state) = self.scalers.get_mut(scaler as usize) else { return true };
        let plan = self.plan.autoscalers[scaler as usize].nodes.as_ref().expect("it has machines");
        if state.nodes.nodes.iter().any(|node| node.replicas.contains(&instance)) {
            return true;
        }
        if state.nodes.place(instance, plan.per_node) {
            self.order_nodes(scaler);
            return true;
        }
        state.nodes.waiting.push(instance);
        self.order_nodes(scaler);
        false
    }

    /// Whether a replica waits for a machine.
    pub(super) fn waits_for_node(&self, instance: u32) -> bool {
        self.scalers.iter().any(|scaler| scaler.nodes.waiting.contains(&instance))
    }

    /// A replica is no more: its place is free, and it waits no longer.
    pub(super) fn leave_node(&mut self, instance: u32) {
        let Some(scaler) = self.scaler_with_nodes(self.instances[instance as usize].component) else { return };
        let now = self.now;
        let state = &mut self.scalers[scaler as usize].nodes;
        state.waiting.retain(|&other| other != instance);
        for node in &mut state.nodes {
            let before = node.replicas.len();
            node.replicas.retain(|&other| other != instance);
            if before > 0 && node.replicas.is_empty() {
                node.empty_since = now;
            }
        }
        self.fill_nodes(scaler);
    }

    /// Lets those that wait start where there is room.
    fn fill_nodes(&mut self, scaler: u32) {
        let per_node = self.plan.autoscalers[scaler as usize].nodes.as_ref().expect("it has machines").per_node;
        while let Some(&first) = self.scalers[scaler as usize].nodes.waiting.first() {
            if !self.scalers[scaler as usize].nodes.place(first, per_node) {
                return;
            }
            self.scalers[scaler as usize].nodes.waiting.remove(0);
            self.start_on_node(first);
        }
    }

    /// Orders as many machines as are lacking.
    fn order_nodes(&mut self, scaler: u32) {
        let plan = self.plan;
        let nodes = plan.autoscalers[scaler as usize].nodes.as_ref().expect("it has machines");
        let state = &mut self.scalers[scaler as usize].nodes;
        if state.booting > 0 && nodes.step < u32::MAX {
            // The next step follows when this one is there.
            return;
        }
        for _ in 0..state.lacking(nodes) {
            let state = &mut self.scalers[scaler as usize].nodes;
            state.ordered += 1;
            state.booting += 1;
            let key = mix64(self.startup_stream ^ nodes.provision.site ^ state.ordered);
            let ns = nodes.provision.sampler.sample_ns(uniform(key));
            // A machine that is there at once is there after what happens now.
            self.node_control(self.now.saturating_add(ns), scaler);
        }
        self.note_nodes(scaler);
    }

    /// A machine is there.
    pub(super) fn node_ready(&mut self, scaler: u32) {
        let now = self.now;
        let state = &mut self.scalers[scaler as usize].nodes;
        state.booting -= 1;
        state.nodes.push(Node { replicas: Vec::new(), empty_since: now });
        self.fill_nodes(scaler);
        self.order_nodes(scaler);
    }

    /// Gives back machines that have been empty for long enough.
    pub(super) fn review_nodes(&mut self, scaler: u32) {
        let Some(plan) = &self.plan.autoscalers[scaler as usize].nodes else { return };
        let now = self.now;
        let state = &mut self.scalers[scaler as usize].nodes;
        let placed: usize = state.nodes.iter().map(|node| node.replicas.len()).sum();
        let full = f64::from(plan.per_node) * plan.target_capacity;
        let least = plan.min.max((placed as f64 / full * (1.0 - 1e-12)).ceil() as u32);
        let mut spare = state.count().saturating_sub(least);
        state.nodes.retain(|node| {
            let idle = node.replicas.is_empty() && now - node.empty_since >= plan.idle_ns && spare > 0;
            spare -= idle as u32;
            !idle
        });
        self.note_nodes(scaler);
    }

    fn note_nodes(&mut self, scaler: u32) {
        let component = self.plan.autoscalers[scaler as usize].component;
        debug_assert!(matches!(self.plan.components[component as usize].kind, Kind::Autoscaler(_)));
        let count = self.scalers[scaler as usize].nodes.count();
        self.note_count(component, count);
    }

    fn node_control(&mut self, at: u64, scaler: u32) {
        self.control(at, Control::NodeReady(scaler));
    }
}
