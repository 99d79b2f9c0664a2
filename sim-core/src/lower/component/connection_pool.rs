//! Connection pools: one station, and one program.

use super::super::call::{CallSpec, Caller};
use super::super::steps::own_draw;
use super::super::{Lowering, site};
use super::{scope, station};
use crate::components::Component;
use crate::components::connection_pool::{ConnectionPoolSpec, PoolOrder};
use crate::engine::slab::NONE;
use crate::plan::*;

impl Lowering<'_> {
    pub(in crate::lower) fn connection_pool(&mut self, id: u32, name: &str, spec: &ConnectionPoolSpec) {
        let database = self.source_of(name).filter(|_| self.behind_is_database(spec));
        let limited = database.as_ref().and_then(|database| match &self.model.components[database.as_str()] {
            Component::Database(behind) if behind.connections.is_some() => Some(self.id(database)),
            _ => None,
        });
        let connect = &spec.connect.0;
        let connect = (connect.as_constant() != Some(0.0)).then(|| own_draw(connect, &[name, "connect"]));
        let idle_timeout_ns = spec.idle_timeout.map_or(0, |time| time.0);
        let plan = ConnectionPoolPlan {
            component: id,
            size: spec.size.0 as u32,
            overflow: spec.overflow.0 as u32,
            tracked: connect.is_some() || limited.is_some(),
            connect,
            idle_timeout_ns,
            lifo: spec.order == PoolOrder::Lifo,
            database: limited.unwrap_or(NONE),
            site: site(&[name, "pool"]),
        };
        let connections = plan.size.saturating_add(plan.overflow);
        self.plan.connection_pools.push(plan);
        let kind = Kind::ConnectionPool(self.plan.connection_pools.len() as u32 - 1);
        let plan = self.plan_of(id);
        plan.kind = kind;
        plan.scope = scope(spec.scope);
        plan.stations = vec![StationPlan {
            timeout_ns: spec.acquire_timeout.map_or(0, |time| time.0),
            ..station("connections", connections)
        }];
        let entry = self.here();
        let (release, reply) = (self.label(), self.label());
        let cell = self.pool_cell(id);
        let place = Place::Own(0);
        self.unwinding(reply, |lowering| lowering.emit(Op::Seize { place, cell, admission: true }));
        let mut caller = Caller::new(id, &[name], None);
        self.unwinding(release, |lowering| {
            let call = CallSpec { inherit_op: true, ..CallSpec::plain(&spec.to) };
            if let Component::Cache(_) = &lowering.model.components[spec.to.to.as_str()] {
                lowering.call(&mut caller, call);
            } else {
                let plan = lowering.straight_plan(&mut caller, call);
                lowering.plan.calls[plan as usize].pooled = true;
                lowering.emit(Op::Call(plan));
            }
        });
        self.place(release);
        self.clean_up(Op::Release { place });
        self.place(reply);
        self.emit(Op::Reply);
        self.plan_of(id).entry_by_op.fill(entry);
    }

    fn behind_is_database(&self, spec: &ConnectionPoolSpec) -> bool {
        matches!(self.model.components[spec.to.to.as_str()], Component::Database(_))
    }
}
