//! Connection pools: one station, and one program.

use super::super::call::{CallSpec, Caller};
use super::super::steps::own_draw;
use super::super::{Lowering, site};
use crate::components::Component;
use crate::components::connection_pool::{ConnectionPoolSpec, PoolOrder};
use crate::engine::slab::NONE;
use crate::plan::*;

impl Lowering<'_> {
    pub(crate) fn connection_pool(&mut self, id: u32, name: &str, spec: &ConnectionPoolSpec) {
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
            tracked: connect.is_some()
                || limited.is_some()
                || spec.idle_timeout.is_some()
                || spec.max_lifetime.is_some()
                || spec.validate.is_some()
                || spec.reserve.is_some()
                || spec.min_idle.0 > 0,
            min_idle: spec.min_idle.0 as u32,
            max_lifetime_ns: spec.max_lifetime.map_or(0, |time| time.0),
            validate: spec.validate.as_ref().map(|check| own_draw(&check.time.0, &[name, "validate"])),
            validate_after_ns: spec.validate.as_ref().map_or(0, |check| check.after.0),
            reserve: spec.reserve.as_ref().map_or(0, |reserve| {
                let room = spec.max_db_connections.map_or(u64::MAX, |limit| limit.0 - spec.most());
                reserve.size.0.min(room) as u32
            }),
            acquire_timeout_ns: spec.acquire_timeout.map_or(0, |time| time.0),
            login_retry_ns: spec.login_retry.map_or(0, |time| time.0),
            connect,
            idle_timeout_ns,
            lifo: spec.order == PoolOrder::Lifo,
            database: limited.unwrap_or(NONE),
            site: site(&[name, "pool"]),
        };
        let connections = spec.most() as u32;
        let patience = spec.acquire_timeout.map_or(0, |time| time.0);
        let after = spec.reserve.as_ref().map_or(0, |reserve| reserve.after.0);
        // Who waits is woken for the reserve first.
        let timeout_ns = if after > 0 && (patience == 0 || after < patience) { after } else { patience };
        let clients = spec.max_clients.map_or(u64::MAX, |most| most.0);
        let connections = connections.min(u32::try_from(clients).unwrap_or(u32::MAX));
        let capacity = (clients - u64::from(connections)).min(u64::from(NONE)) as u32;
        self.plan.connection_pools.push(plan);
        let kind = Kind::ConnectionPool(self.plan.connection_pools.len() as u32 - 1);
        let plan = self.plan_of(id);
        plan.kind = kind;
        plan.stations = vec![StationPlan { timeout_ns, capacity, ..StationPlan::plain("connections", connections) }];
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
