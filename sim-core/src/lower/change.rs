//! What changes while it runs: events and the two ends of each fault.

use super::Lowering;
use crate::components::Component;
use crate::components::cache::Capacity;
use crate::model::address::{Address, Part};
use crate::model::arrivals::{Arrivals, Users};
use crate::model::event::Action;
use crate::plan::{Change, ChangeKind, InstanceRef};

impl Lowering<'_> {
    /// Events and faults, by time; at one instant events come first, each in the order of the file.
    pub(super) fn changes(&mut self) {
        let model = self.model;
        for change in &model.changes {
            let component = self.id(&change.component);
            if let Some(what) = self.setting(component, &change.field, &change.spec) {
                self.change_at(change.at_ns, what);
            }
        }
        for event in &model.events {
            for target in event.target.iter().flat_map(|targets| &targets.0) {
                let (component, instance) = self.address(target);
                let what = match event.action {
                    Some(Action::Flush | Action::Invalidate | Action::Purge) => {
                        ChangeKind::Flush { component, instance }
                    }
                    Some(Action::Deploy) => ChangeKind::Deploy { component, pace: event.pace() },
                    Some(Action::Restart) => ChangeKind::Restart { component, instance },
                    Some(Action::Warm) => ChangeKind::Warm { component, instance },
                    None => continue,
                };
                self.change_at(event.at_time.0, what);
            }
        }
        self.faults();
        self.plan.changes.sort_by_key(|change| change.at);
    }

    pub(super) fn change_at(&mut self, at_ns: u64, what: ChangeKind) {
        let at = self.plan.clock.start.saturating_add(at_ns);
        if at <= self.plan.clock.last {
            self.plan.changes.push(Change { at, what });
        }
    }

    /// What a new value of a field comes to.
    fn setting(&self, component: u32, field: &str, spec: &Component) -> Option<ChangeKind> {
        let first = field.split(['.', '[']).next().unwrap_or(field);
        Some(match (spec, first) {
            (Component::ServerPool(pool), "replicas") => {
                ChangeKind::Replicas { component, count: pool.replicas.0 as u32 }
            }
            (Component::ServerPool(pool), "speed") => ChangeKind::Speed { component, speed: pool.speed.0 },
            (Component::ServerPool(pool), "error_rate") => {
                ChangeKind::ErrorRate { component, share: pool.error_rate.0 }
            }
            (Component::Database(database), "error_rate") => {
                ChangeKind::ErrorRate { component, share: database.error_rate.0 }
            }
            (Component::Database(database), "shards") => {
                ChangeKind::Shards { component, shards: database.shards.0 as u32 }
            }
            (Component::Database(database), "slots") => {
                ChangeKind::Slots { component, slots: database.slots()? as u32 }
            }
            (Component::Queue(queue), "concurrency") => {
                ChangeKind::Slots { component, slots: queue.concurrency.0 as u32 }
            }
            (Component::ConnectionPool(pool), "size" | "overflow") => {
                ChangeKind::Size { component, size: pool.size.0 as u32, overflow: pool.overflow.0 as u32 }
            }
            (Component::RateLimiter(limiter), "rate" | "burst") => {
                ChangeKind::Limits { component, limits: self.limits(limiter) }
            }
            (Component::Cache(cache), "capacity") => ChangeKind::Capacity {
                component,
                capacity: match cache.capacity {
                    Some(Capacity::Items(most) | Capacity::Bytes(most)) => most,
                    None => u64::MAX,
                },
            },
            (Component::Cache(cache), "ttl") => ChangeKind::Ttl { component, ttl_ns: self.ttls(cache.ttl.as_ref()) },
            (Component::Client(client), "arrivals") => match &client.arrivals {
                Arrivals::Open(open) => ChangeKind::Rate { component, rate: open.rate.0 },
                Arrivals::Closed(closed) => match &closed.users {
                    Users::Constant(users) => ChangeKind::Users { component, users: users.0 as u32 },
                    Users::Stages(_) => return None,
                },
                Arrivals::Stages(_) | Arrivals::Daily(_) | Arrivals::Trace(_) => return None,
            },
            _ => return None,
        })
    }

    /// A zone of a pool by its name.
    pub(super) fn zone(&self, pool: &str, zone: &str) -> Option<InstanceRef> {
        let Component::ServerPool(spec) = &self.model.components[pool] else { return None };
        spec.zones.as_ref()?.position(zone).map(InstanceRef::Zone)
    }

    pub(super) fn address(&self, address: &Address) -> (u32, Option<InstanceRef>) {
        let component = self.id(&address.component);
        if let Some(zone) = &address.zone {
            return (component, self.zone(&address.component, zone));
        }
        let instance = match (address.replica, address.part(Part::Shard), address.part(Part::Replica)) {
            (Some(replica), _, _) => Some(InstanceRef::Replica(replica as u32)),
            (None, Some(shard), replica) => {
                Some(InstanceRef::Shard(shard as u32, replica.map(|replica| replica as u32)))
            }
            (None, None, Some(replica)) => Some(InstanceRef::Replica(replica as u32)),
            (None, None, None) => None,
        };
        (component, instance)
    }
}
