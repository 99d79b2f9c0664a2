//! Components: their stations, their tables, their programs.

mod autoscaler;
mod cache;
mod cdn;
mod connection_pool;
mod database;
mod load_balancer;
mod queue;
mod rate_limiter;
mod server_pool;

use super::Lowering;
use crate::components::Component;
use crate::components::server_pool::WhenFull as WhenFullSpec;
use crate::engine::slab::NONE;
use crate::model::link::Scope as ScopeSpec;
use crate::plan::*;

/// The number of the station at which a cache or database works: the first.
const WORK: u8 = 0;

impl Lowering<'_> {
    /// Lowers a component: fills its plan.
    pub(super) fn component(&mut self, name: &str, component: &Component) {
        let id = self.id(name);
        match component {
            Component::Client(client) => self.client(id, name, client),
            Component::LoadBalancer(balancer) => self.balancer(id, name, balancer),
            Component::ServerPool(pool) => self.server_pool(id, name, pool),
            Component::Cache(cache) => self.cache(id, name, cache),
            Component::ConnectionPool(pool) => self.connection_pool(id, name, pool),
            Component::Database(database) => self.database(id, name, database),
            Component::Queue(queue) => self.queue(id, name, queue),
            Component::Cdn(cdn) => self.cdn(id, name, cdn),
            Component::RateLimiter(limiter) => self.rate_limiter(id, name, limiter),
            Component::Autoscaler(scaler) => self.autoscaler(id, name, scaler),
        }
    }

    fn plan_of(&mut self, id: u32) -> &mut ComponentPlan {
        &mut self.plan.components[id as usize]
    }
}

/// A plain station: servers, first come first served, no limits.
fn station(name: &'static str, servers: u32) -> StationPlan {
    StationPlan {
        name,
        discipline: Discipline::Servers,
        servers,
        order: Order::Fifo,
        capacity: NONE,
        when_full: WhenFull::Reject,
        timeout_ns: 0,
        codel_ns: None,
        free: false,
        core_share: 1.0,
    }
}

fn when_full(spec: WhenFullSpec) -> WhenFull {
    match spec {
        WhenFullSpec::Reject => WhenFull::Reject,
        WhenFullSpec::Wait(time) => WhenFull::Wait(time.0),
        WhenFullSpec::DropOldest => WhenFull::DropOldest,
        WhenFullSpec::Block => WhenFull::Block,
    }
}

fn scope(scope: ScopeSpec) -> Scope {
    match scope {
        ScopeSpec::Shared => Scope::Shared,
        ScopeSpec::PerReplica => Scope::PerCaller,
    }
}
