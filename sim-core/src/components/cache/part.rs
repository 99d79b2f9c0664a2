//! What a cache says for itself.

use super::{CacheSpec, Capacity, Eviction, ReadMode, WriteMode};
use crate::analysis::load::{self, Walk};
use crate::components::{Nature, Outgoing, Part, counted, rested_on};
use crate::experiment::levers::{Lever, Order};
use crate::lower::{CallSpec, Caller, Lowering};
use crate::model::Model;
use crate::model::address::Address;
use crate::model::link::{Link, Scope};
use crate::model::units::exact_size;
use crate::model::validate::{Call, Check, Edge, Flow, Places};
use crate::plan::{ChangeKind, Target};

/// What can be asked of it.
const OPERATIONS: [&str; 3] = ["read", "write", "delete"];

impl Part for CacheSpec {
    fn stations(&self) -> Vec<&'static str> {
        vec!["threads"]
    }

    fn check(&self, name: &str, check: &mut Check) {
        if let Some(backing) = &self.backing {
            check.link(backing);
            if backing.to.as_str() == name {
                check.diagnostics.push(backing.to.at.error("a cache can't be backed by itself"));
            }
        } else {
            check.ignored(&self.at, "on_failure", "the cache has no `backing`");
            let through = [(self.loads(), "reads"), (self.writes(), "writes")];
            if let Some((_, what)) = through.iter().find(|(is, _)| *is) {
                let found = "`backing` is missing";
                check
                    .diagnostics
                    .push(self.at.error(found).help(format!("the cache {what} through to what is behind it")));
            }
        }
        self.check_details(check);
        if self.read.is_some() && self.write.is_some() {
            check.ignored(&self.at, "strategy", "`read` and `write` are given");
        }
        if self.capacity.is_none() && self.eviction != Eviction::None {
            check.ignored(&self.at, "eviction", "the cache has no `capacity`, so it is never full");
        }
    }

    fn nature() -> Nature {
        Nature { crashes: true, works: true, ..Nature::CALLED }
    }

    fn links(&self) -> Vec<Outgoing<'_>> {
        self.backing.iter().map(Outgoing::over).collect()
    }

    fn scope(&self) -> Scope {
        self.scope
    }

    /// What a database behind it has goes through it as a read.
    fn offers<'d>(&'d self, flow: &Flow<'d>) -> Option<Vec<&'d str>> {
        let mut known = OPERATIONS.to_vec();
        let source = self.backing.as_ref().and_then(|link| flow.draft.components.get(flow.source_of(link.to.as_str())));
        let behind = source.map_or_else(Vec::new, |component| component.part().operations());
        known.extend(behind.into_iter().filter(|name| !OPERATIONS.contains(name)));
        Some(known)
    }

    fn answers_from(&self) -> Option<&Link> {
        self.backing.as_ref()
    }

    fn passes_on(&self) -> bool {
        self.scope == Scope::PerReplica || self.read_mode() == ReadMode::Aside
    }

    fn calls(&self, call: &Call, flow: &mut Flow, edges: &mut Vec<Edge>) {
        let operation = flow.operation_name(call);
        if !OPERATIONS.contains(&operation.as_str()) && self.backing.is_none() {
            flow.unknown_operation(&self.at, call, &operation, &OPERATIONS);
        }
        if !call.has_key {
            let found = format!("calls of {} come without a key: they bypass the cache", call.class);
            flow.diagnostics.push(self.at.warning(found).help("give the class or the call a `key`"));
        }
        if let Some(backing) = self.backing.as_ref().filter(|_| operation != "delete") {
            call.follow(backing, edges);
        }
    }

    fn overrides(&self, name: &str, places: &mut Places) {
        if self.nodes.0 == 1 && !self.overrides.is_empty() {
            let found = format!("{name} has one node");
            places.diagnostics.push(self.at.field("overrides").error(found).expected("`nodes` of a cluster"));
            return;
        }
        for (number, own) in &self.overrides {
            places.overridden((name, "node", number), &own.at, Some(self.nodes.0));
        }
    }

    fn instance(&self, address: &Address, places: &mut Places) {
        if self.nodes.0 > 1 && address.parts.is_empty() {
            if let Some(node) = address.replica {
                places.numbered(address, "node", node, Some(self.nodes.0));
            }
        } else if self.scope == Scope::Shared || !address.parts.is_empty() {
            let found = format!("{} has no instance of this name", address.component);
            places.wrong(address, found, address.component.clone());
        }
    }

    fn is_by_operation(&self) -> bool {
        true
    }

    fn target(&self, id: u32) -> Target {
        if self.nodes.0 > 1 { Target::Chosen(id) } else { Target::Copy(id) }
    }

    fn lower(&self, id: u32, name: &str, lowering: &mut Lowering) {
        lowering.cache(id, name, self);
    }

    fn call(&self, id: u32, lowering: &mut Lowering, caller: &mut Caller, call: CallSpec) {
        lowering.cache_call(id, caller, call, self);
    }

    fn change(&self, component: u32, field: &str, lowering: &Lowering) -> Option<ChangeKind> {
        match field {
            "capacity" => Some(ChangeKind::Capacity {
                component,
                capacity: match self.capacity {
                    Some(Capacity::Items(most) | Capacity::Bytes(most)) => most,
                    None => u64::MAX,
                },
            }),
            "ttl" => Some(ChangeKind::Ttl { component, ttl_ns: lowering.ttls(self.ttl.as_ref()) }),
            _ => None,
        }
    }

    fn assumptions(&self) -> Vec<&'static str> {
        rested_on(&super::LEAVES_OUT, self)
    }

    /// Nothing is found in it: every read goes on to what is behind.
    fn load<'a>(&'a self, name: &'a str, call: load::Call<'a>, walk: &mut Walk<'a>) -> f64 {
        let is_write = walk.is_write(call.class);
        let operation = call.operation.unwrap_or(if is_write { "write" } else { "read" });
        let backing = |walk: &mut Walk<'a>, operation: &'static str| {
            let call = load::Call { operation: Some(operation), ..call };
            self.backing.as_ref().map_or(0.0, |backing| walk.link(backing, call))
        };
        match operation {
            "read" => {
                walk.assume(format!("nothing is found in `{name}`"));
                // Aside or through, a look-up, the load and a fill.
                let operations: &[&str] = match self.read_mode() {
                    ReadMode::Aside => &["read", "write"],
                    ReadMode::Through | ReadMode::Ahead => &["read"],
                };
                walk.cache_operations(name, call, operations) + backing(walk, "read")
            }
            "delete" => walk.cache_operations(name, call, &["delete"]),
            _ => {
                let operations: &[&str] = match self.write_mode() {
                    WriteMode::Invalidate => &["delete"],
                    WriteMode::Through | WriteMode::Update | WriteMode::Behind => &["write"],
                    WriteMode::Around => &[],
                };
                walk.cache_operations(name, call, operations) + backing(walk, "write")
            }
        }
    }

    fn servers(&self, name: &str, _: &str, walk: &mut Walk) -> Option<f64> {
        Some(walk.copies(name, self.scope) * self.threads.0 as f64)
    }

    fn levers(&self, name: &str, _: &Model) -> Vec<Lever> {
        let mut levers =
            vec![Lever::count(name, Some("threads"), "threads", "threads", self.threads.0, Order::Usually)];
        if let Some(Capacity::Items(items)) = self.capacity {
            levers.push(Lever::count(name, None, "items", "capacity", items, Order::Usually));
        }
        levers
    }

    fn treats_alike(&self, _: &str) -> bool {
        self.scope == Scope::Shared
    }

    fn facts(&self) -> Vec<String> {
        let capacity = match self.capacity {
            Some(Capacity::Items(items)) => format!("{}, ", counted(items, "item")),
            Some(Capacity::Bytes(bytes)) => format!("{}, ", exact_size(bytes)),
            None => String::new(),
        };
        vec![format!("{capacity}{}", self.eviction.word()), self.strategy.word().to_owned()]
    }
}

impl CacheSpec {
    /// What excludes each other in a cache, and what has no effect.
    fn check_details(&self, check: &mut Check) {
        if self.nodes.0 > 1 && self.scope == Scope::PerReplica {
            let found = "found `nodes` and `scope: per-replica`";
            check.diagnostics.push(self.at.field("nodes").error(found).expected("one of them: a cluster is shared"));
        }
        let lives = self.ttl.is_some();
        let ahead = self.read_mode() == ReadMode::Ahead;
        for field in ["ttl_jitter", "stale_while_revalidate", "stale_if_error"] {
            if !lives {
                check.ignored(&self.at, field, "the cache has no `ttl`, so nothing ends");
            }
        }
        if !ahead || !lives {
            check.ignored(&self.at, "refresh", "nothing is read ahead");
        }
        if self.write_mode() != WriteMode::Behind {
            check.ignored(&self.at, "flush", "the cache does not write behind");
        }
        if self.write_mode() == WriteMode::Around || (self.write_mode() == WriteMode::Update && !self.writes()) {
            check.ignored(&self.at, "invalidate_tags", "writes take nothing out");
        }
    }
}
