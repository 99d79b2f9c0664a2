//! What changes while it runs: events and the two ends of each fault.

use super::Lowering;
use crate::model::address::{Address, Part};
use crate::model::event::Action;
use crate::plan::{Change, ChangeKind, InstanceRef};

impl Lowering<'_> {
    /// Events and faults, by time; at one instant events come first, each in the order of the file.
    pub(crate) fn changes(&mut self) {
        let model = self.model;
        for change in &model.changes {
            let component = self.id(&change.component);
            let field = change.field.split(['.', '[']).next().unwrap_or(&change.field);
            if let Some(what) = change.spec.part().change(component, field, self) {
                self.change_at(change.at_ns, what);
            }
        }
        for event in &model.events {
            for target in event.target.iter().flat_map(|targets| &targets.0) {
                let (component, instance) = self.address(target);
                let what = match event.action {
                    Some(Action::Flush | Action::Invalidate | Action::Purge) => {
                        let soft = event.soft;
                        if let Some(shield) = self.shield_of(component).filter(|_| instance.is_none()) {
                            let what = ChangeKind::Flush { component: shield, instance: None, soft };
                            self.change_at(event.at_time.0, what);
                        }
                        ChangeKind::Flush { component, instance, soft }
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

    pub(crate) fn change_at(&mut self, at_ns: u64, what: ChangeKind) {
        let at = self.plan.clock.start.saturating_add(at_ns);
        if at <= self.plan.clock.last {
            self.plan.changes.push(Change { at, what });
        }
    }

    /// A zone of a pool by its name.
    pub(crate) fn zone(&self, pool: &str, zone: &str) -> Option<InstanceRef> {
        self.model.components[pool].part().zones()?.position(zone).map(InstanceRef::Zone)
    }

    pub(crate) fn address(&self, address: &Address) -> (u32, Option<InstanceRef>) {
        let component = self.id(&address.component);
        if address.part(Part::Shield).is_some() {
            return (self.shield_of(component).expect("validated: the CDN has a shield"), None);
        }
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
