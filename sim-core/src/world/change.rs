//! What changes while it runs: settings, faults.

use super::station::Station;
use super::vertical::Size;
use super::{Control, World};
use crate::plan::{ChangeKind, InstanceRef, Kind};

/// Settings that may change while it runs, by component.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Pools: what replicas that join have, where that was changed.
    pub joining: Vec<Size>,
    /// Pools: the speed.
    pub speeds: Vec<f64>,
    /// Caches: the capacity in entries.
    pub capacities: Vec<u64>,
    /// Caches: times to live by keyspace, the last one for calls of no keyspace; ns, 0: for ever.
    pub ttls: Vec<Vec<u64>>,
    /// Connection pools: size and overflow.
    pub sizes: Vec<(u32, u32)>,
    /// Databases: slots, where they were changed.
    pub slots: Vec<Option<u32>>,
}

impl<const TRACED: bool> World<'_, TRACED> {
    /// Takes the settings from the plan and schedules what changes them.
    pub(super) fn schedule_changes(&mut self) {
        for (at, change) in self.plan.changes.iter().enumerate() {
            self.control(change.at, Control::Change(at as u32));
        }
        self.schedule_failures();
    }

    /// The settings at the start.
    pub(super) fn first_settings(&self) -> Settings {
        let count = self.plan.components.len();
        let mut settings = Settings {
            joining: vec![Size::default(); count],
            speeds: vec![1.0; count],
            capacities: vec![0; count],
            ttls: vec![Vec::new(); count],
            sizes: vec![(0, 0); count],
            slots: vec![None; count],
        };
        for pool in &self.plan.pools {
            settings.speeds[pool.component as usize] = pool.speed;
        }
        for cache in &self.plan.caches {
            settings.capacities[cache.component as usize] = cache.capacity;
            settings.ttls[cache.component as usize] = cache.ttl_ns.clone();
        }
        for pool in &self.plan.connection_pools {
            settings.sizes[pool.component as usize] = (pool.size, pool.overflow);
        }
        settings
    }

    /// Brings a new instance's first station to the present settings.
    pub(super) fn resize_new(&mut self, component: u32, station: &mut Station) {
        match self.plan.components[component as usize].kind {
            Kind::ConnectionPool(_) => {
                let (size, overflow) = self.settings.sizes[component as usize];
                station.servers = size.saturating_add(overflow);
            }
            Kind::Database(_) | Kind::Plain => {
                if let Some(slots) = self.settings.slots[component as usize] {
                    station.servers = slots;
                }
            }
            Kind::Pool(_) => {
                if let Some(cores) = self.settings.joining[component as usize].cores {
                    station.servers = cores;
                }
            }
            Kind::Client(_) | Kind::Balancer(_) | Kind::Cache(_) | Kind::Queue(_) | Kind::Autoscaler(_) => {}
        }
    }

    /// The instances that an address means.
    pub(super) fn meant(&self, component: u32, instance: Option<InstanceRef>) -> Vec<u32> {
        let members = &self.members[component as usize];
        match instance {
            None => members.clone(),
            Some(InstanceRef::Zone(zone)) => {
                let mut inside = members.clone();
                inside.retain(|&at| self.instances[at as usize].zone == zone);
                inside
            }
            Some(InstanceRef::Replica(replica)) => members.get(replica as usize).copied().into_iter().collect(),
            Some(InstanceRef::Shard(shard, node)) => {
                let Kind::Database(database) = self.plan.components[component as usize].kind else {
                    unreachable!("a database has shards")
                };
                let nodes = 1 + self.plan.databases[database as usize].replicas;
                let at = shard * nodes + node.map_or(0, |replica| 1 + replica);
                members.get(at as usize).copied().into_iter().collect()
            }
        }
    }

    /// A change of the plan comes due.
    pub(super) fn change(&mut self, at: u32) {
        let plan = self.plan;
        match &plan.changes[at as usize].what {
            &ChangeKind::Replicas { component, count } => self.set_replicas(component, count),
            &ChangeKind::Speed { component, speed } => {
                self.settings.speeds[component as usize] = speed;
                for instance in self.members[component as usize].clone() {
                    let slowed = self.instances[instance as usize].slowed;
                    self.set_speed(instance, speed, slowed);
                }
            }
            &ChangeKind::ErrorRate { component, share } => {
                self.error_rates[component as usize] = share;
                for &instance in &self.members[component as usize] {
                    self.instances[instance as usize].error_rate = None;
                }
            }
            &ChangeKind::Size { component, size, overflow } => {
                self.settings.sizes[component as usize] = (size, overflow);
                self.resize_stations(component, size.saturating_add(overflow));
                self.forget_reserve(component);
            }
            &ChangeKind::Capacity { component, capacity } => {
                self.settings.capacities[component as usize] = capacity;
                for instance in self.members[component as usize].clone() {
                    let state = self.instances[instance as usize].state;
                    let capacity = self.cache_plan(component).of_node(capacity);
                    self.caches[state as usize].resize(capacity, self.now);
                }
            }
            ChangeKind::Ttl { component, ttl_ns } => self.settings.ttls[*component as usize].clone_from(ttl_ns),
            ChangeKind::Own { component, own } => self.change_own(*component, own),
            &ChangeKind::Rate { component, rate } => self.change_rate(component, rate),
            &ChangeKind::Users { component, users } => self.change_users(component, users),
            &ChangeKind::Slots { component, slots } => {
                self.settings.slots[component as usize] = Some(slots);
                self.resize_stations(component, slots);
            }
            &ChangeKind::Warm { component, instance } => {
                for instance in self.meant(component, instance) {
                    self.warm_up(instance);
                }
            }
            &ChangeKind::Shards { component, shards } => self.set_shards(component, shards),
            &ChangeKind::Flush { component, instance, soft } => {
                let ends_ns = self.now.saturating_add(self.cache_plan(component).grace_ns) as i64;
                for instance in self.meant(component, instance) {
                    let cache = &mut self.caches[self.instances[instance as usize].state as usize];
                    if soft { cache.store.end_all(ends_ns) } else { cache.clear() }
                }
            }
            &ChangeKind::Deploy { component, pace } => self.deploy(component, pace),
            &ChangeKind::Restart { component, instance } => {
                for instance in self.meant(component, instance) {
                    self.restart(instance);
                }
            }
            &ChangeKind::Fault { fault, until, ends } => {
                if ends {
                    self.fault_ends(fault, None);
                } else {
                    self.fault_begins(fault, None, until);
                }
            }
        }
    }

    /// Changes how many the first stations of a component serve at once.
    fn resize_stations(&mut self, component: u32, servers: u32) {
        for instance in self.members[component as usize].clone() {
            self.end_capacity(instance);
            let station = self.instances[instance as usize].stations;
            if self.stations[station as usize].sharing.is_some() {
                self.sharing_advance(station);
                self.stations[station as usize].servers = servers;
                self.sharing_reschedule(station);
            } else {
                self.stations[station as usize].servers = servers;
                match self.instances[instance as usize].kind {
                    Kind::Queue(_) => self.deliver_messages(station),
                    _ => self.serve_line(station),
                }
            }
        }
    }
}
