//! Databases: a node's stations, and a program for each operation.

use super::super::{Lowering, site};
use super::{WORK, station};
use crate::components::database::{DatabaseSpec, Operation, Placement, ReadFrom as ReadFromSpec, ShardBy};
use crate::engine::slab::NONE;
use crate::math;
use crate::plan::*;

impl Lowering<'_> {
    pub(in crate::lower) fn database(&mut self, id: u32, name: &str, spec: &DatabaseSpec) {
        let slots = spec.slots();
        let mut stations = vec![match slots {
            Some(slots) => station("slots", slots as u32),
            None => {
                let cores = spec.cores.map_or(1000, |cores| cores.0);
                StationPlan { discipline: Discipline::Sharing, ..station("cores", cores) }
            }
        }];
        if let Some(connections) = spec.connections {
            stations.push(station("connections", connections.0 as u32));
        }
        self.plan.databases.push(DatabasePlan {
            component: id,
            shards: spec.shards.0 as u32,
            by_client: spec.shard_by == ShardBy::Client,
            hashed: spec.placement == Placement::Hash,
            replicas: spec.replicas.0 as u32,
            read_from: match spec.read_from {
                ReadFromSpec::Primary => ReadFrom::Primary,
                ReadFromSpec::Replica => ReadFrom::Replica,
                ReadFromSpec::Any => ReadFrom::Any,
            },
            connections: spec.connections.map_or(NONE, |connections| connections.0 as u32),
            error_rate: spec.error_rate.0,
            versioned: self.is_versioned(name),
            site: site(&[name, "shard"]),
        });
        let index = self.plan.databases.len() as u32 - 1;
        let plan = self.plan_of(id);
        plan.kind = Kind::Database(index);
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
    }

    fn operation(&mut self, id: u32, index: u32, name: &str, op: &str, operation: &Operation, spec: &DatabaseSpec) {
        let (close, reply) = (self.label(), self.label());
        if spec.connections.is_some() {
            self.unwinding(reply, |lowering| lowering.emit(Op::Connect(index)));
        }
        let draw = self.draw(&operation.time.0, site(&[name, op]));
        if rows_ns(operation) > 0.0 {
            self.plan.draws[draw as usize].added_ns = rows_ns(operation).round() as u64;
        }
        let cell = self.work_cell(id);
        self.unwinding(close, |lowering| {
            lowering.emit(Op::Work { station: WORK, admission: true, cell, draw });
            lowering.error_rate(id, spec.error_rate.0, site(&[name, op, "error_rate"]));
            if lowering.plan.databases[index as usize].versioned {
                lowering.emit(if operation.is_write(op) { Op::Commit(index) } else { Op::Observe(index) });
            }
        });
        self.place(close);
        if spec.connections.is_some() {
            self.clean_up(Op::Disconnect(index));
        }
        self.place(reply);
        self.emit(Op::Reply);
    }
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
