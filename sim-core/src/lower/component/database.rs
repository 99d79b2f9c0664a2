//! Databases: a node's stations, and a program for each operation.

use super::super::{Lowering, site};
use super::WORK;
use crate::components::Component;
use crate::components::database::{
    DatabaseSpec, Locks, NodeOverride, Operation, Placement, ReadFrom as ReadFromSpec, ShardBy,
};
use crate::engine::slab::NONE;
use crate::math;
use crate::plan::*;
use crate::policy::placement::Rule;

impl Lowering<'_> {
    pub(crate) fn database(&mut self, id: u32, name: &str, spec: &DatabaseSpec) {
        let mut stations = vec![match spec.slots() {
            Some(slots) => StationPlan::plain("slots", slots as u32),
            None => shared_cores(spec.cores.map_or(1000, |cores| cores.0)),
        }];
        if let Some(connections) = spec.connections {
            stations.push(StationPlan::plain("connections", connections.0 as u32));
        }
        self.plan.databases.push(DatabasePlan {
            component: id,
            shards: spec.shards.0 as u32,
            by_client: spec.shard_by == ShardBy::Client,
            rule: match spec.placement {
                Placement::Modulo => Rule::Modulo,
                Placement::Hash => Rule::Hash,
                Placement::Consistent => Rule::Consistent,
                Placement::Range => Rule::Range,
            },
            keys: self.keys_of(spec),
            replicas: spec.replicas.0 as u32,
            read_from: match spec.read_from {
                ReadFromSpec::Primary => ReadFrom::Primary,
                ReadFromSpec::Replica => ReadFrom::Replica,
                ReadFromSpec::Any => ReadFrom::Any,
            },
            connections: spec.connections.map_or(NONE, |connections| connections.0 as u32),
            error_rate: spec.error_rate.0,
            versioned: self.is_versioned(name) || spec.replicates(),
            replicate: NONE,
            mover: NONE,
            move_gap_ns: spec.rebalance.as_ref().map_or(0, |rebalance| (1e9 / rebalance.rate.0).ceil() as u64),
            lock_station: if spec.locks == Locks::Key { stations.len() as u8 } else { 0 },
            failover_ns: spec.failover.as_ref().map_or(0, |failover| (failover.detect.0 + failover.promote.0).max(1)),
            site: site(&[name, "shard"]),
        });
        if spec.locks == Locks::Key {
            // Each key has a lock of its own: there is no number of them.
            stations.push(StationPlan::plain("locks", 0));
        }
        let index = self.plan.databases.len() as u32 - 1;
        let plan = self.plan_of(id);
        plan.kind = Kind::Database(index);
        plan.overrides = overrides(spec, &stations);
        plan.stations = stations;
        let mut writes = vec![false; self.plan.op_names.len()];
        writes[ops::WRITE as usize] = true;
        for (op, operation) in &spec.operations {
            let number = self.op_id(op);
            writes[number as usize] = operation.is_write(op);
            let entry = self.here();
            self.operation(id, index, name, op, operation, spec);
            self.plan_of(id).entry_by_op[number as usize] = entry;
        }
        self.plan_of(id).op_writes = writes;
        self.replication(id, index, name, spec);
        self.mover(id, index, name, spec);
    }

    /// The most keys that its shards can be told by.
    fn keys_of(&self, spec: &DatabaseSpec) -> u64 {
        match spec.shard_by {
            ShardBy::Key => self.model.keyspaces.values().map(|keyspace| keyspace.count()).max().unwrap_or(0),
            ShardBy::Client => {
                let populations = self.model.components.values().filter_map(|component| match component {
                    Component::Client(client) => Some(client.population.as_ref()?.clients?.0),
                    _ => None,
                });
                populations.max().unwrap_or(0)
            }
        }
    }

    /// What a replica does with a write.
    fn replication(&mut self, id: u32, index: u32, name: &str, spec: &DatabaseSpec) {
        if !spec.replicates() {
            return;
        }
        let start = self.here();
        let cell = self.work_cell(id);
        let applied = self.label();
        self.unwinding(applied, |lowering| {
            if spec.lag.0.as_constant() != Some(0.0) {
                let draw = lowering.draw(&spec.lag.0, site(&[name, "lag"]));
                lowering.emit(Op::Delay { cell: cell + 1, draw });
            }
            if spec.apply.0.as_constant() != Some(0.0) {
                let draw = lowering.draw(&spec.apply.0, site(&[name, "apply"]));
                lowering.emit(Op::Work { station: WORK, admission: false, cell, draw });
            }
        });
        self.place(applied);
        self.clean_up(Op::Data { step: DataStep::Applied, at: index, to: NONE });
        self.emit(Op::Reply);
        self.plan.databases[index as usize].replicate = start;
    }

    /// The work of a key that moves to another shard, at either.
    fn mover(&mut self, id: u32, index: u32, name: &str, spec: &DatabaseSpec) {
        let Some(rebalance) = spec.rebalance.as_ref().filter(|moves| moves.work.0.as_constant() != Some(0.0)) else {
            return;
        };
        let start = self.here();
        let cell = self.work_cell(id);
        let draw = self.draw(&rebalance.work.0, site(&[name, "rebalance"]));
        let reply = self.label();
        self.unwinding(reply, |lowering| lowering.emit(Op::Work { station: WORK, admission: false, cell, draw }));
        self.place(reply);
        self.emit(Op::Reply);
        self.plan.databases[index as usize].mover = start;
    }

    fn operation(&mut self, id: u32, index: u32, name: &str, op: &str, operation: &Operation, spec: &DatabaseSpec) {
        let (close, reply) = (self.label(), self.label());
        if spec.connections.is_some() {
            self.unwinding(reply, |lowering| lowering.emit(Op::Connect(index)));
        }
        let is_write = operation.is_write(op);
        let factor = if is_write { spec.write_factor() } else { 1.0 };
        let draw = match factor {
            1.0 => self.draw(&operation.time.0, site(&[name, op])),
            _ => self.draw(&operation.time.0.scaled(factor), site(&[name, op])),
        };
        if rows_ns(operation) > 0.0 {
            self.plan.draws[draw as usize].added_ns = (rows_ns(operation) * factor).round() as u64;
        }
        let locked = spec.locks == Locks::Key && operation.locks(op);
        let unlock = self.label();
        if locked {
            let cell = self.cell_pair(id, Phase::LockWait, Phase::Service);
            let step = DataStep::Lock;
            self.unwinding(close, |lowering| lowering.emit(Op::Data { step, at: index, to: u32::from(cell) }));
        }
        let cell = self.work_cell(id);
        self.unwinding(unlock, |lowering| {
            let work = Op::Work { station: WORK, admission: true, cell, draw };
            let share = spec.scatter_of(op, operation);
            if share > 0.0 {
                lowering.scattered(name, op, share, spec, work);
            } else {
                lowering.emit(work);
            }
            lowering.error_rate(id, spec.error_rate.0, site(&[name, op, "error_rate"]));
            if lowering.plan.databases[index as usize].versioned {
                lowering.emit(if is_write { Op::Commit(index) } else { Op::Observe(index) });
            }
            if is_write && spec.replicates() {
                lowering.emit(Op::Data { step: DataStep::Replicate, at: index, to: NONE });
            }
        });
        self.place(unlock);
        if locked {
            self.clean_up(Op::Data { step: DataStep::Unlock, at: index, to: NONE });
        }
        self.place(close);
        if spec.connections.is_some() {
            self.clean_up(Op::Disconnect(index));
        }
        self.place(reply);
        self.emit(Op::Reply);
    }
}

impl Lowering<'_> {
    /// Work that a share of the calls asks of every shard, all at once.
    fn scattered(&mut self, name: &str, op: &str, share: f64, spec: &DatabaseSpec, work: Op) {
        let (single, after) = (self.label(), self.label());
        let place = site(&[name, op, "scatter"]);
        self.plan.failures.push(FailPlan { share: Some(share), outcome: Outcome::Ok, site: place });
        let at = self.plan.failures.len() as u32 - 1;
        self.emit(Op::Data { step: DataStep::Scatter, at, to: single });
        let set = self.model.changes.iter().filter_map(|change| match &change.spec {
            Component::Database(database) if change.component == name => Some(database.shards.0),
            _ => None,
        });
        let shards = set.chain([spec.shards.0]).max().unwrap_or(1) as u32;
        let fork = self.plan.forks.len();
        self.plan.forks.push(ForkPlan { branches: Vec::new(), need: shards, site: place });
        self.emit(Op::Fork(fork as u32));
        self.emit(Op::Jump(after));
        for shard in 0..shards {
            let start = self.here();
            self.plan.forks[fork].branches.push(start);
            let end = self.label();
            self.unwinding(end, |lowering| {
                lowering.emit(Op::Data { step: DataStep::OnShard, at: shard, to: end });
                lowering.emit(work);
            });
            self.place(end);
            self.emit(Op::EndBranch);
        }
        self.place(single);
        self.emit(work);
        self.place(after);
    }
}

fn shared_cores(cores: u32) -> StationPlan {
    StationPlan { discipline: Discipline::Sharing, ..StationPlan::plain("cores", cores) }
}

/// What single nodes have otherwise; the others have these stations.
fn overrides(spec: &DatabaseSpec, stations: &[StationPlan]) -> Vec<OverridePlan> {
    let node = |((shard, replica), own): ((u64, Option<u64>), &NodeOverride)| {
        let place = replica.map_or(0, |replica| 1 + replica);
        let work = match (own.slots, own.cores) {
            (Some(slots), _) => Some(StationPlan::plain("slots", slots.0 as u32)),
            (None, Some(cores)) => Some(shared_cores(cores.0)),
            (None, None) => None,
        };
        OverridePlan {
            speed: own.speed.map(|speed| speed.0),
            error_rate: own.error_rate.map(|share| share.0),
            stations: work.map_or_else(Vec::new, |work| [&[work], &stations[1..]].concat()),
            ..OverridePlan::of((shard * (1 + spec.replicas.0) + place) as u32)
        }
    };
    spec.overrides_by_node().map(node).collect()
}

/// The time of an operation that follows from its rows: a scan of all, or steps down an index and the rows returned.
fn rows_ns(operation: &Operation) -> f64 {
    let Some(rows) = operation.rows else { return 0.0 };
    let (rows, returned) = (rows.0 as f64, operation.returned.0 as f64);
    if operation.indexed {
        math::log2(rows.max(1.0)) * operation.per_probe.0 as f64 + returned * operation.per_row.0 as f64
    } else {
        rows * operation.per_row.0 as f64
    }
}
