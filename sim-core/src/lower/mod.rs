//! From the model to the plan: names become indices, distributions samplers, and handlers, links and strategies one
//! program of operations. What is lowered here has been validated; only files can still be wrong.

mod ahead;
mod cached;
mod call;
mod change;
mod component;
mod fault;
mod hedge;
mod link;
mod program;
mod steps;
mod workload;

use std::collections::BTreeMap;

use crate::analysis::warmup;
use crate::components::Component;
use crate::engine::rng::{fnv1a, mix64};
use crate::engine::slab::NONE;
use crate::model::diagnostic::Diagnostics;
use crate::model::distribution::Distribution;
use crate::model::fault::FaultKind;
use crate::model::link::Scope as ScopeSpec;
use crate::model::run::Warmup;
use crate::model::value::Time;
use crate::model::{Files, Model};
use crate::plan::{
    CachePlan, Clock, ComponentPlan, DrawPlan, Header, Kind, Limits, OpName, Pc, Phase, Plan, Scope, ops,
};
use crate::workload::sampler::Sampler;

use program::Label;

pub(crate) use call::{CallSpec, Caller};

pub use workload::keys;

impl Plan {
    /// Compiles a model that has been read and validated.
    ///
    /// # Errors
    /// What is wrong with the files that the model names.
    pub fn compile(model: &Model, files: &dyn Files) -> Result<Plan, Diagnostics> {
        match model.run.warmup {
            Warmup::For(time) => lowered(model, time, files),
            Warmup::Auto => warmup::compile(model, |model, time| lowered(model, time, files)),
        }
    }
}

fn lowered(model: &Model, warmup: Time, files: &dyn Files) -> Result<Plan, Diagnostics> {
    let mut lowering = Lowering::new(model, warmup, files);
    lowering.all();
    if lowering.diagnostics.has_errors() { Err(lowering.diagnostics) } else { Ok(lowering.finish()) }
}

/// A plan in the making. While it is made, places in programs are labels; `finish` resolves them.
pub(crate) struct Lowering<'m> {
    pub model: &'m Model,
    files: &'m dyn Files,
    pub plan: Plan,
    diagnostics: Diagnostics,
    component_ids: BTreeMap<&'m str, u32>,
    class_ids: BTreeMap<&'m str, u16>,
    keyspace_ids: BTreeMap<&'m str, u32>,
    op_ids: BTreeMap<String, OpName>,
    cells: BTreeMap<(u32, Phase), u16>,
    /// Where each label is.
    labels: Vec<Option<Pc>>,
    /// Where a failure goes, innermost last.
    unwinds: Vec<Label>,
    /// By owner, place in the model and whether it stands before copies: the guard of a link.
    guards: BTreeMap<(u32, String, bool), u32>,
    /// Whether requests may have a deadline.
    deadlines: bool,
}

/// The key of a place where something is drawn: the hash of its names.
pub(crate) fn site(parts: &[&str]) -> u64 {
    mix64(parts.iter().fold(0x6b6e_6565, |hash: u64, part| hash.rotate_left(17) ^ fnv1a(part.as_bytes())))
}

impl<'m> Lowering<'m> {
    fn new(model: &'m Model, warmup: Time, files: &'m dyn Files) -> Self {
        let mut lowering = Lowering {
            model,
            files,
            plan: empty_plan(model, warmup),
            diagnostics: Diagnostics::default(),
            component_ids: model.components.keys().zip(0..).map(|(name, id)| (name.as_str(), id)).collect(),
            class_ids: model.classes.keys().zip(0..).map(|(name, id)| (name.as_str(), id)).collect(),
            keyspace_ids: model.keyspaces.keys().zip(0..).map(|(name, id)| (name.as_str(), id)).collect(),
            op_ids: BTreeMap::new(),
            cells: BTreeMap::new(),
            labels: Vec::new(),
            unwinds: Vec::new(),
            guards: BTreeMap::new(),
            deadlines: model.mentions("deadline"),
        };
        for (name, id) in [("read", ops::READ), ("write", ops::WRITE), ("delete", ops::DELETE), ("(store)", ops::STORE)]
        {
            lowering.plan.op_names.push(name.to_string());
            lowering.op_ids.insert(name.to_string(), id);
        }
        for name in model.components.values().flat_map(|component| component.part().operations()) {
            lowering.op_id(name);
        }
        lowering
    }

    fn all(&mut self) {
        let model = self.model;
        let by_size = |component: &Component| component.cost().is_some_and(|cost| cost.per_gb.0 > 0.0);
        self.plan.sizes |= model.components.values().any(by_size);
        self.keyspaces();
        self.classes();
        self.tiers();
        for (name, component) in &model.components {
            let plan = self.component_plan(name, component);
            self.plan.components.push(plan);
        }
        for (name, component) in &model.components {
            component.part().lower(self.id(name), name, self);
        }
        self.versions();
        self.changes();
        self.plan.header.assumptions = self.assumptions();
    }

    /// A component before its programs.
    fn component_plan(&mut self, name: &str, component: &Component) -> ComponentPlan {
        ComponentPlan {
            only_hands_on: component.part().only_hands_on(),
            scope: match component.part().scope() {
                ScopeSpec::Shared => Scope::Shared,
                ScopeSpec::PerReplica => Scope::PerCaller,
            },
            by_op: component.part().is_by_operation(),
            ..self.empty_component(name, component.kind())
        }
    }

    /// A component of which nothing is known yet: one for all, which is called by class.
    fn empty_component(&self, name: &str, type_name: &'static str) -> ComponentPlan {
        ComponentPlan {
            name: name.to_string(),
            type_name,
            kind: Kind::Plain,
            own: None,
            only_hands_on: false,
            stations: Vec::new(),
            overrides: Vec::new(),
            scope: Scope::Shared,
            is_caller: false,
            by_op: false,
            entry_by_class: vec![NONE; self.model.classes.len()],
            entry_by_op: vec![NONE; self.op_ids.len()],
            op_writes: Vec::new(),
            links: Vec::new(),
        }
    }

    /// The number of a component.
    pub fn id(&self, name: &str) -> u32 {
        self.component_ids[name]
    }

    pub fn class_id(&self, name: &str) -> u16 {
        self.class_ids[name]
    }

    pub fn op_id(&mut self, name: &str) -> OpName {
        if let Some(&known) = self.op_ids.get(name) {
            return known;
        }
        let id = self.plan.op_names.len() as OpName;
        self.plan.op_names.push(name.to_string());
        self.op_ids.insert(name.to_string(), id);
        id
    }

    /// A random time that is drawn at a place.
    pub fn draw(&mut self, distribution: &Distribution, site: u64) -> u32 {
        self.plan.draws.push(draw_plan(distribution, site));
        self.plan.draws.len() as u32 - 1
    }

    /// The cell of a component's phase, and right behind it that of a second one.
    fn cell_pair(&mut self, component: u32, first: Phase, second: Phase) -> u16 {
        if let Some(&known) = self.cells.get(&(component, first)) {
            return known;
        }
        let cell = self.plan.cells.len() as u16;
        self.plan.cells.push((component, first));
        self.plan.cells.push((component, second));
        self.cells.insert((component, first), cell);
        cell
    }

    /// The cell of waiting at a component; the next one is that of being served.
    pub fn work_cell(&mut self, component: u32) -> u16 {
        self.cell_pair(component, Phase::Queueing, Phase::Service)
    }

    /// The cell of a caller's time on the wire; the next one is that of its back-off.
    pub fn link_cell(&mut self, owner: u32) -> u16 {
        self.cell_pair(owner, Phase::Network, Phase::BackOff)
    }

    /// The cell of waiting for another's load of a cache's key.
    pub fn load_cell(&mut self, cache: u32) -> u16 {
        self.cell_pair(cache, Phase::LoadWait, Phase::Service)
    }

    /// The cell of waiting for a connection.
    pub fn pool_cell(&mut self, pool: u32) -> u16 {
        self.cell_pair(pool, Phase::PoolWait, Phase::Service)
    }

    /// Lets caches know whose versions their entries have.
    fn versions(&mut self) {
        for cache in 0..self.plan.caches.len() {
            let component = self.plan.caches[cache].component;
            // A shield has what its CDN has.
            let shields = |cdn: &&CachePlan| cdn.cdn.as_ref().is_some_and(|cdn| cdn.shield == component);
            let of = self.plan.caches.iter().find(shields).map_or(component, |cdn| cdn.component);
            let name = self.plan.components[of as usize].name.clone();
            if let Some(database) = self.source_of(&name) {
                self.plan.caches[cache].versions_of = self.id(&database);
            }
        }
    }

    fn finish(mut self) -> Plan {
        self.hedge_programs();
        self.resolve_labels();
        self.find_quick_calls();
        self.plan.ahead = ahead::find(&self.plan);
        self.plan
    }

    /// What the results rest on where the model is silent, in words.
    fn assumptions(&self) -> Vec<String> {
        let mut list = vec![
            "Distributions are independent of each other and of the load; only `speed`, faults and shared cores change them."
                .to_string(),
        ];
        let mut said: Vec<&str> = Vec::new();
        let components = || self.model.components.values();
        for kind in crate::components::types_that(|_| true) {
            let own = components().filter(|component| component.kind() == kind);
            for text in own.flat_map(|component| component.part().assumptions()) {
                if !said.contains(&text) {
                    said.push(text);
                }
            }
        }
        list.extend(said.into_iter().map(str::to_string));
        if self.plan.links.iter().any(|link| link.breaker.is_some()) {
            list.push(
                "A breaker hears of a call when it ends, whichever state let it through, so that late answers may decide for it: leans towards nothing."
                    .to_string(),
            );
        }
        let fallback = |call: &crate::plan::CallPlan| call.fallback.map(|fallback| &self.plan.calls[fallback as usize]);
        if self.plan.calls.iter().filter_map(fallback).any(|other| other.fallback.is_some()) {
            list.push("A fallback's own fallback is not followed: leans towards too many errors.".to_string());
        }
        if self.model.faults.iter().any(|fault| fault.kind == FaultKind::Stall) {
            list.push(
                "What is stalled does no work; answers that need no more work still pass: leans towards too fast."
                    .to_string(),
            );
        }
        list
    }
}

fn draw_plan(distribution: &Distribution, site: u64) -> DrawPlan {
    DrawPlan { sampler: Sampler::new(distribution), site, added_ns: 0 }
}

/// The distance of the timeline's points: 1, 2 or 5 times a power of ten, at most 600 points.
fn slot_ns(total_ns: u64) -> u64 {
    let least = total_ns / 590 + 1;
    let mut unit: u64 = 1;
    loop {
        if let Some(slot) = [1, 2, 5].map(|step| unit * step).into_iter().find(|&slot| slot >= least) {
            return slot;
        }
        unit *= 10;
    }
}

fn empty_plan(model: &Model, warmup: Time) -> Plan {
    let run = &model.run;
    let start = warmup.0;
    let end = start + run.duration.0;
    Plan {
        header: Header {
            name: model.name.clone(),
            model_digest: model.digest(),
            seed: run.seed.0,
            objectives: model.objectives.clone(),
            assumptions: Vec::new(),
            prices: model
                .components
                .iter()
                .filter_map(|(name, component)| Some((name.clone(), component.cost()?.clone())))
                .collect(),
        },
        clock: Clock { start, end, last: end + run.drain.0, slot: slot_ns(end) },
        limits: Limits {
            calls_in_flight: run.limits.calls_in_flight.0.min(u32::MAX as u64 / 4) as u32,
            events: run.limits.events.0,
        },
        components: Vec::new(),
        classes: Vec::new(),
        keyspaces: Vec::new(),
        op_names: Vec::new(),
        ops: Vec::new(),
        unwind: Vec::new(),
        draws: Vec::new(),
        calls: Vec::new(),
        links: Vec::new(),
        forks: Vec::new(),
        hedges: Vec::new(),
        guards: 0,
        key_sites: Vec::new(),
        choices: Vec::new(),
        failures: Vec::new(),
        cells: Vec::new(),
        clients: Vec::new(),
        balancers: Vec::new(),
        pools: Vec::new(),
        caches: Vec::new(),
        flights: Vec::new(),
        sized_keys: false,
        connection_pools: Vec::new(),
        databases: Vec::new(),
        queues: Vec::new(),
        tiers: Vec::new(),
        autoscalers: Vec::new(),
        ahead: Vec::new(),
        leases: false,
        origins: false,
        sizes: false,
        changes: Vec::new(),
        faults: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_has_few_points_of_a_round_length() {
        for total in [1, 599, 600, 1_000_000_007, 600_000_000_000, 86_400_000_000_000, 1 << 60] {
            let slot = slot_ns(total);
            assert!(total / slot < 599, "{total}");
            let digits = slot.to_string();
            assert!(["1", "2", "5"].contains(&digits.trim_end_matches('0')), "{slot}");
        }
    }

    #[test]
    fn sites_differ_by_part_and_order() {
        assert_ne!(site(&["web", "cpu"]), site(&["cpu", "web"]));
        assert_ne!(site(&["web", "cpu"]), site(&["webcpu"]));
        assert_eq!(site(&["web", "cpu", "0"]), site(&["web", "cpu", "0"]));
    }
}
