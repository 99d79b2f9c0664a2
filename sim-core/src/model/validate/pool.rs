//! Connection pools: limits that contradict each other.

use crate::components::connection_pool::ConnectionPoolSpec;
use crate::model::diagnostic::Diagnostics;
use crate::model::link::Scope;

/// Checks a pool by itself.
pub fn check(spec: &ConnectionPoolSpec, diagnostics: &mut Diagnostics) {
    if spec.max_db_connections.is_some() && spec.scope == Scope::PerReplica {
        let found = "a limit on all connections needs one pool for all callers";
        diagnostics.push(spec.at.field("max_db_connections").error(found).expected("scope: shared"));
    }
    if spec.min_idle.0 > spec.most() {
        let found = format!("{} idle connections of at most {}", spec.min_idle.0, spec.most());
        diagnostics.push(spec.at.field("min_idle").error(found).expected("at most size and overflow"));
    }
    if let (Some(reserve), Some(patience)) = (&spec.reserve, spec.acquire_timeout)
        && reserve.after >= patience
    {
        let found = "`reserve` has no effect: callers give up before (`acquire_timeout`)";
        diagnostics.push(spec.at.field("reserve").warning(found));
    }
    if spec.max_clients.is_some_and(|most| most.0 < spec.most()) {
        let found = "some connections are never used: `max_clients` is below size and overflow";
        diagnostics.push(spec.at.field("max_clients").warning(found));
    }
}
