//! What a database says for itself.

use std::collections::BTreeSet;

use super::{DatabaseSpec, Locks, Operation, ReadFrom};
use crate::analysis::load::{self, Walk, seconds};
use crate::components::{Component, Nature, Part, counted, rested_on};
use crate::experiment::levers::{Lever, Order};
use crate::lower::Lowering;
use crate::math;
use crate::model::Model;
use crate::model::address::{Address, Part as AddressPart};
use crate::model::validate::{Call, Check, Edge, Flow, Places};
use crate::model::value::Cores;
use crate::plan::{ChangeKind, Target};

/// The most nodes that it has.
const NODES_MAX: u64 = 100_000;

impl Part for DatabaseSpec {
    fn stations(&self) -> Vec<&'static str> {
        vec![if self.slots().is_some() { "slots" } else { "cores" }, "connections", "locks"]
    }

    fn check(&self, _: &str, check: &mut Check) {
        if self.slots.is_some() && self.cores.is_some() {
            let found = "found `slots` and `cores`";
            check.diagnostics.push(self.at.field("cores").error(found).expected("one of them"));
        }
        if self.operations.is_empty() {
            let found = "found an empty map";
            check
                .diagnostics
                .push(self.at.field("operations").error(found).expected("read, write or another operation"));
        }
        if self.read_from != ReadFrom::Primary && self.replicas.0 == 0 {
            let found = format!("reads go to {}, but there are no replicas", self.read_from);
            check.diagnostics.push(self.at.field("read_from").error(found).expected("replicas of at least 1"));
        }
        let nodes = self.shards.0 * (1 + self.replicas.0);
        if nodes > NODES_MAX {
            let found = format!("found {nodes} nodes: shards × (1 + replicas)");
            check.diagnostics.push(self.at.field("shards").error(found).expected(format!("at most {NODES_MAX}")));
        }
        if self.shards.0 == 1 && check.draft.events.is_empty() {
            for field in ["shard_by", "placement", "scatter", "rebalance"] {
                check.ignored(&self.at, field, "there is one shard");
            }
        }
        if self.replicas.0 == 0 {
            for field in ["lag", "apply", "failover"] {
                check.ignored(&self.at, field, "there are no replicas");
            }
        }
        if self.indexes.0 == 0 {
            check.ignored(&self.at, "index_write_cost", "there are no `indexes`");
        }
        if self.rebalance.as_ref().is_some_and(|moves| moves.rate.0 <= 0.0) {
            let at = self.at.field("rebalance");
            check.diagnostics.push(at.error("found a rate of 0").expected("a rate at which keys move"));
        }
        self.check_operations(check);
    }

    fn nature() -> Nature {
        Nature { crashes: true, errs: true, works: true, ..Nature::CALLED }
    }

    fn operations(&self) -> Vec<&str> {
        self.operations.keys().map(String::as_str).collect()
    }

    fn offers<'d>(&'d self, _: &Flow<'d>) -> Option<Vec<&'d str>> {
        Some(self.operations())
    }

    fn calls(&self, call: &Call, flow: &mut Flow, _: &mut Vec<Edge>) {
        let operation = flow.operation_name(call);
        if !self.operations.contains_key(&operation) {
            flow.unknown_operation(&self.at.field("operations"), call, &operation, &self.operations());
        }
    }

    fn overrides(&self, name: &str, places: &mut Places) {
        super::overrides::check(name, self, places);
    }

    fn instance(&self, address: &Address, places: &mut Places) {
        let name = &address.component;
        if address.replica.is_some() || address.part(AddressPart::Shield).is_some() {
            let expected = format!("{name}/shard[0], or with replicas {name}/shard[0]/replica[0]");
            places.wrong(address, format!("{name} has shards, and replicas of them"), expected);
            return;
        }
        if let Some(shard) = address.part(AddressPart::Shard) {
            let later = places.later(name).filter_map(|component| match component {
                Component::Database(database) => Some(database.shards.0),
                _ => None,
            });
            let most = later.chain([self.shards.0]).max();
            places.numbered(address, "shard", shard, most);
        }
        match (address.part(AddressPart::Shard), address.part(AddressPart::Replica)) {
            (None, Some(_)) => {
                places.wrong(address, "a replica is one of a shard's".into(), format!("{name}/shard[0]/replica[0]"));
            }
            (Some(_), Some(replica)) => places.numbered(address, "replica", replica, Some(self.replicas.0)),
            (Some(_) | None, None) => {}
        }
    }

    fn is_by_operation(&self) -> bool {
        true
    }

    fn target(&self, id: u32) -> Target {
        Target::Database(id)
    }

    fn lower(&self, id: u32, name: &str, lowering: &mut Lowering) {
        lowering.database(id, name, self);
    }

    fn change(&self, component: u32, field: &str, _: &Lowering) -> Option<ChangeKind> {
        match field {
            "error_rate" => Some(ChangeKind::ErrorRate { component, share: self.error_rate.0 }),
            "shards" => Some(ChangeKind::Shards { component, shards: self.shards.0 as u32 }),
            "slots" => Some(ChangeKind::Slots { component, slots: self.slots()? as u32 }),
            _ => None,
        }
    }

    fn assumptions(&self) -> Vec<&'static str> {
        rested_on(&super::LEAVES_OUT, self)
    }

    fn load<'a>(&'a self, name: &'a str, call: load::Call<'a>, walk: &mut Walk<'a>) -> f64 {
        let usual = if walk.is_write(call.class) { "write" } else { "read" };
        let operation = call.operation.unwrap_or(usual);
        let Some(spec) = self.operations.get(operation) else { return 0.0 };
        let is_write = spec.is_write(operation);
        let time_s = operation_seconds(spec) * if is_write { self.write_factor() } else { 1.0 };
        let extra = self.scatter_of(operation, spec) * (self.shards.0 - 1) as f64;
        let work_s = time_s * (1.0 + extra);
        if self.shards.0 > 1 {
            walk.assume(format!("calls are spread evenly over the shards of `{name}`"));
        }
        let replicas = self.replicas.0 as f64;
        let on_replicas = match self.read_from {
            _ if spec.is_write(operation) || replicas == 0.0 => 0.0,
            ReadFrom::Primary => 0.0,
            ReadFrom::Replica => 1.0,
            ReadFrom::Any => replicas / (replicas + 1.0),
        };
        let station = if self.slots().is_some() { "slots" } else { "cores" };
        walk.add(name, station, call.rate * work_s * (1.0 - on_replicas));
        walk.add(name, REPLICAS, call.rate * work_s * on_replicas);
        if is_write {
            walk.add(name, REPLICAS, call.rate * replicas * seconds(&self.apply));
        }
        time_s
    }

    fn servers(&self, _: &str, station: &str, _: &mut Walk) -> Option<f64> {
        let each = match self.slots() {
            Some(slots) => slots as f64,
            None => self.cores.map_or(1.0, |cores| f64::from(cores.0) / 1000.0),
        };
        let nodes = if station == REPLICAS { self.replicas.0 } else { 1 };
        let own = self
            .overrides_by_node()
            .filter(|((shard, replica), _)| *shard < self.shards.0 && replica.is_some() == (station == REPLICAS));
        let more = own.filter_map(|(_, own)| {
            let cores = own.cores.map(|cores| f64::from(cores.0) / 1000.0);
            Some(own.slots.map(|slots| slots.0 as f64).or(cores)? - each)
        });
        let more: f64 = more.sum();
        Some(each * (self.shards.0 * nodes) as f64 + more)
    }

    fn nodes(&self, _: &str, _: &Model, _: Option<&BTreeSet<String>>) -> (f64, bool) {
        (self.shards.0 as f64 * (1 + self.replicas.0) as f64, true)
    }

    fn levers(&self, name: &str, _: &Model) -> Vec<Lever> {
        let mut levers = Vec::new();
        match self.slots() {
            Some(slots) => levers.push(Lever::count(name, Some("slots"), "slots", "slots", slots, Order::Surely)),
            None => levers.push(Lever::cores(name, "cores", self.cores.unwrap_or(Cores(1000)))),
        }
        let station = if self.slots().is_some() { "slots" } else { "cores" };
        levers.push(Lever::count(name, Some(station), "shards", "shards", self.shards.0, Order::Usually));
        if self.read_from != ReadFrom::Primary {
            let replicas = self.replicas.0;
            levers.push(Lever::count(
                name,
                Some(station),
                "replicas of each shard",
                "replicas",
                replicas,
                Order::Usually,
            ));
        }
        if let Some(connections) = self.connections {
            levers.push(Lever::count(
                name,
                Some("connections"),
                "connections",
                "connections",
                connections.0,
                Order::Usually,
            ));
        }
        levers
    }

    fn treats_alike(&self, _: &str) -> bool {
        self.connections.is_none()
    }

    fn load_is_known(&self) -> bool {
        true
    }

    fn facts(&self) -> Vec<String> {
        let shards = counted(self.shards.0, "shard");
        let replicas = match self.replicas.0 {
            0 => String::new(),
            replicas => format!(", {}", counted(replicas, "replica")),
        };
        let nodes = match (self.slots(), self.cores) {
            (Some(slots), _) => counted(slots, "slot"),
            (None, Some(cores)) => format!("{} cores", f64::from(cores.0) / 1000.0),
            (None, None) => String::new(),
        };
        vec![format!("{shards}{replicas}"), nodes]
    }
}

/// The work of a database's replicas, apart from that of its primaries.
const REPLICAS: &str = "replicas";

/// The mean time of a database operation: its own, and that of the rows.
fn operation_seconds(operation: &Operation) -> f64 {
    let per_row_s = operation.per_row.0 as f64 / 1e9;
    let rows_s = match (operation.rows, operation.indexed) {
        (None, _) => 0.0,
        (Some(rows), false) => rows.0 as f64 * per_row_s,
        (Some(rows), true) => {
            let probes = math::log2(rows.0.max(1) as f64);
            probes * operation.per_probe.0 as f64 / 1e9 + operation.returned.0 as f64 * per_row_s
        }
    };
    seconds(&operation.time) + rows_s
}

impl DatabaseSpec {
    fn check_operations(&self, check: &mut Check) {
        for (name, operation) in &self.operations {
            if !crate::model::address::is_name(name) {
                let found = format!("\"{}\" can't be a name", crate::model::node::shortened(name));
                check.diagnostics.push(operation.at.error(found).expected("letters, digits, - and _"));
            }
            let mut missing = |field: &str, needs: &str| {
                check.diagnostics.push(operation.at.error(format!("`{field}` is missing")).help(needs));
            };
            if operation.indexed && operation.rows.is_none() {
                missing("rows", "an index has as many steps as log2(rows)");
            }
            if !operation.indexed && operation.per_row.0 > 0 && operation.rows.is_none() {
                missing("rows", "the time is rows × per_row");
            }
            if self.locks == Locks::None {
                check.ignored(&operation.at, "lock", "the database has no `locks`");
            }
            if !operation.indexed {
                check.ignored(&operation.at, "per_probe", "the operation is not `indexed`");
                check.ignored(&operation.at, "returned", "the operation is not `indexed`: it reads all rows");
            }
        }
    }
}
