//! What caches know, and connections to databases.

use super::frame::{CONNECTED, Frame, HIT, NO_KEY, POOLED};
use super::{Next, World};
use crate::engine::slab::NONE;
use crate::plan::{CachePlan, Kind, Outcome};
use crate::policy::eviction::{Lookup, Store};

/// A cache's entries.
#[derive(Debug, Clone)]
pub struct CacheState {
    store: Store,
}

impl CacheState {
    /// An empty cache.
    pub fn new(plan: &CachePlan, capacity: u64, seed: u64) -> Self {
        CacheState { store: Store::new(plan.eviction, capacity, seed) }
    }
}

impl CacheState {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.store.clear();
    }

    /// Changes how many entries it can have.
    pub fn resize(&mut self, capacity: u64, now: u64) {
        self.store.set_capacity(capacity, now as i64);
    }
}

impl<const TRACED: bool> World<'_, TRACED> {
    // Caches.

    /// Looks a frame's key up; the frame knows whether it hit.
    pub(super) fn lookup(&mut self, frame: u32, component: u32) -> Next {
        let Frame { item, instance, .. } = self.frames[frame];
        let Kind::Cache(cache) = self.plan.components[component as usize].kind else {
            unreachable!("a cache looks up")
        };
        let open = self.open;
        let state = self.instances[instance as usize].state;
        let found = self.caches[state as usize].store.lookup(item, self.now as i64);
        self.trace_lookup(frame, component, &found);
        let meter = &mut self.meters.components[component as usize];
        self.frames[frame].flags &= !HIT;
        match found {
            Lookup::Hit { .. } => meter.looked_up.0 += 1,
            Lookup::Expired { .. } | Lookup::Miss => meter.looked_up.1 += 1,
        }
        match found {
            Lookup::Hit { version, .. } => {
                self.frames[frame].flags |= HIT;
                self.frames[frame].version = version;
                meter.hits += open as u64;
                let source = self.plan.caches[cache as usize].versions_of;
                if source != NONE {
                    let Kind::Database(database) = self.plan.components[source as usize].kind else {
                        unreachable!("a database has versions")
                    };
                    let newest = self.databases[database as usize].versions.get(item);
                    meter.stale_reads += (open && newest > version) as u64;
                }
            }
            Lookup::Expired { .. } => {
                meter.misses += open as u64;
                meter.expirations += open as u64;
            }
            Lookup::Miss => meter.misses += open as u64,
        }
        Next::Step
    }

    /// Stores a frame's key with the version that the frame holds.
    pub(super) fn store(&mut self, frame: u32, component: u32) -> Next {
        let Frame { item, instance, version, class, .. } = self.frames[frame];
        let state = self.instances[instance as usize].state;
        let keyspace = self.plan.classes[class as usize].keyspace;
        let ttls = &self.settings.ttls[component as usize];
        let ttl = keyspace.map_or(ttls[ttls.len() - 1], |keyspace| ttls[keyspace as usize]);
        let expires = if ttl == 0 { i64::MAX } else { self.now.saturating_add(ttl) as i64 };
        let inserted = self.caches[state as usize].store.insert(item, expires, version, self.now as i64);
        self.meters.components[component as usize].evictions += inserted.evicted as u64 * self.open as u64;
        Next::Step
    }

    /// Forgets a frame's key.
    pub(super) fn remove(&mut self, frame: u32, _component: u32) -> Next {
        let Frame { item, instance, .. } = self.frames[frame];
        let state = self.instances[instance as usize].state;
        if item != NO_KEY {
            self.caches[state as usize].store.remove(item);
        }
        Next::Step
    }

    // Databases.

    /// A call without a pool opens a connection of its own, or is refused.
    pub(super) fn connect_own(&mut self, frame: u32, database: u32) -> Next {
        if self.frames[frame].has(POOLED) {
            return Next::Step;
        }
        if !self.open_connection(database) {
            return Next::Fail(Outcome::ConnectionRefused);
        }
        self.frames[frame].flags |= CONNECTED;
        Next::Step
    }

    /// It closes it.
    pub(super) fn disconnect_own(&mut self, frame: u32, database: u32) -> Next {
        if self.frames[frame].has(CONNECTED) {
            self.frames[frame].flags &= !CONNECTED;
            self.close_connections(database, 1);
        }
        self.after_cleanup(frame)
    }

    /// Opens a connection to a database, at each of its primaries; false where it takes no more.
    pub(super) fn open_connection(&mut self, database: u32) -> bool {
        let plan = &self.plan.databases[database as usize];
        if self.databases[database as usize].connections >= plan.connections {
            self.expire_connections(database);
        }
        let component = plan.component;
        let accepted = self.databases[database as usize].connections < plan.connections;
        self.databases[database as usize].connections += accepted as u32;
        self.count_connections(component, accepted as i32, !accepted);
        accepted
    }

    pub(super) fn close_connections(&mut self, database: u32, count: u32) {
        self.databases[database as usize].connections -= count;
        let component = self.plan.databases[database as usize].component;
        self.count_connections(component, -(count as i32), false);
    }

    /// Brings the `connections` station of each primary up to date.
    fn count_connections(&mut self, component: u32, change: i32, refused: bool) {
        let Kind::Database(database) = self.plan.components[component as usize].kind else { unreachable!() };
        let nodes = 1 + self.plan.databases[database as usize].replicas;
        if self.plan.components[component as usize].stations.len() < 2 {
            return;
        }
        let (now, open) = (self.now, self.open);
        let clipped = self.clip(now) as u128;
        for (ordinal, &instance) in self.members[component as usize].iter().enumerate() {
            if !(ordinal as u32).is_multiple_of(nodes) {
                continue;
            }
            let station = &mut self.stations[self.instances[instance as usize].stations as usize + 1];
            for _ in 0..change.unsigned_abs() {
                if change > 0 { station.begin(now) } else { station.end(now) }
            }
            let tally = &mut station.tally;
            tally.holders = tally.holders.wrapping_add_signed(change);
            for _ in 0..change.unsigned_abs() {
                tally.served =
                    if change > 0 { tally.served.wrapping_sub(clipped) } else { tally.served.wrapping_add(clipped) };
            }
            tally.arrivals += (open && (change > 0 || refused)) as u64;
            tally.rejected += (open && refused) as u64;
        }
    }
}
