//! How many servers the stations have that load is held against.

use super::Walk;
use crate::components::Component;
use crate::model::link::Scope;

impl Walk<'_> {
    /// How many instances of a component there are at most.
    pub fn replicas(&self, name: &str) -> f64 {
        let Some(Component::ServerPool(pool)) = self.model.components.get(name) else { return 1.0 };
        let scaled = self.model.components.values().find_map(|component| match component {
            Component::Autoscaler(scaler) if scaler.target.as_str() == name => Some(scaler.max.0),
            _ => None,
        });
        scaled.map_or(pool.replicas.0, |max| max.max(pool.replicas.0)) as f64
    }

    /// How many of a component there are, of which each caller may have its own.
    pub fn copies(&self, name: &str, scope: Scope) -> f64 {
        match scope {
            Scope::Shared => 1.0,
            Scope::PerReplica => {
                self.callers.get(name).into_iter().flatten().map(|caller| self.replicas(caller)).sum::<f64>().max(1.0)
            }
        }
    }

    /// How many servers a station has, over all instances.
    pub(super) fn servers(&mut self, name: &str, station: &'static str) -> Option<f64> {
        self.model.components.get(name)?.part().servers(name, station, self)
    }
}
