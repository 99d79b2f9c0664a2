//! How many servers the stations have that load is held against.

use super::{REPLICAS, Walk};
use crate::components::Component;
use crate::model::link::Scope;

impl Walk<'_> {
    /// How many instances of a component there are at most.
    pub(super) fn replicas(&self, name: &str) -> f64 {
        let Some(Component::ServerPool(pool)) = self.model.components.get(name) else { return 1.0 };
        let scaled = self.model.components.values().find_map(|component| match component {
            Component::Autoscaler(scaler) if scaler.target.as_str() == name => Some(scaler.max.0),
            _ => None,
        });
        scaled.map_or(pool.replicas.0, |max| max.max(pool.replicas.0)) as f64
    }

    /// How many servers a station has, over all instances.
    pub(super) fn servers(&mut self, name: &str, station: &'static str) -> Option<f64> {
        let per_caller = |walk: &Self, scope: Scope| match scope {
            Scope::Shared => 1.0,
            Scope::PerReplica => {
                walk.callers.get(name).into_iter().flatten().map(|caller| walk.replicas(caller)).sum::<f64>().max(1.0)
            }
        };
        match self.model.components.get(name)? {
            Component::ServerPool(pool) => {
                let replicas = self.replicas(name);
                if replicas > pool.replicas.0 as f64 {
                    self.assume(format!("`{name}` at its most replicas, {replicas}"));
                }
                let each = if station == "cores" { f64::from(pool.cores.0) / 1000.0 } else { pool.workers() as f64 };
                Some(replicas * each)
            }
            Component::Cache(cache) => Some(per_caller(self, cache.scope) * cache.threads.0 as f64),
            Component::ConnectionPool(pool) => {
                Some(per_caller(self, pool.scope) * (pool.size.0 + pool.overflow.0) as f64)
            }
            Component::Database(database) => {
                let each = match database.slots() {
                    Some(slots) => slots as f64,
                    None => database.cores.map_or(1.0, |cores| f64::from(cores.0) / 1000.0),
                };
                let nodes = if station == REPLICAS { database.replicas.0 } else { 1 };
                Some(each * (database.shards.0 * nodes) as f64)
            }
            Component::Queue(queue) => Some(queue.concurrency.0 as f64),
            Component::Client(_)
            | Component::LoadBalancer(_)
            | Component::Cdn(_)
            | Component::RateLimiter(_)
            | Component::Autoscaler(_) => None,
        }
    }
}
