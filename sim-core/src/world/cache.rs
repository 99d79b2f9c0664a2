//! What caches know: entries, and what their operations do with them. Loads in flight are in `flight`, writes that wait
//! in `behind`.

use std::collections::{BTreeMap, BTreeSet};

use super::behind::Behind;
use super::frame::{Frame, HIT, NO_KEY, Waiting, draw};
use super::{Next, World};
use crate::engine::rng::{PHI, mix64, uniform};
use crate::engine::slab::NONE;
use crate::plan::{CacheOp, CachePlan, CdnPlan, Kind};
use crate::policy::eviction::{Lookup, NEVER_NS, Store};
use crate::policy::hash_slots;

/// A cache's entries.
#[derive(Debug, Clone)]
pub struct CacheState {
    pub(super) store: Store,
    /// What is to be written behind it.
    pub(super) behind: Behind,
    /// By tag: the keys that were filled with it.
    tagged: BTreeMap<u64, BTreeSet<u64>>,
}

/// The version of what the backing does not have yet: it is older than nothing.
pub(super) const AHEAD: u32 = u32::MAX;

/// The k of a cache's draws: see `draw`.
const JITTER: u64 = 1;
const SIZE: u64 = 1;

impl CacheState {
    /// An empty cache.
    pub fn new(plan: &CachePlan, capacity: u64, seed: u64) -> Self {
        CacheState {
            store: Store::new(plan.eviction, capacity, seed),
            behind: Behind::default(),
            tagged: BTreeMap::new(),
        }
    }

    /// Forgets everything but what is to be written.
    pub fn clear(&mut self) {
        self.store.clear();
        self.tagged.clear();
    }

    /// Changes how many entries it can have.
    pub fn resize(&mut self, capacity: u64, now: u64) {
        self.store.set_capacity(capacity, now as i64);
    }
}

impl CachePlan {
    /// A node's share of a capacity.
    pub fn of_node(&self, capacity: u64) -> u64 {
        if capacity == u64::MAX { capacity } else { capacity.div_ceil(self.slot_ends.len().max(1) as u64) }
    }
}

impl<'p, const TRACED: bool> World<'p, TRACED> {
    /// The plan of a cache.
    #[inline]
    pub(super) fn cache_plan(&self, component: u32) -> &'p CachePlan {
        match self.plan.components[component as usize].kind {
            Kind::Cache(cache) => &self.plan.caches[cache as usize],
            other => unreachable!("{other:?} is no cache"),
        }
    }

    /// The instance of a cache that a frame means: its own, or the one that a caller calls.
    pub(super) fn cache_of(&mut self, frame: u32, component: u32, own: bool) -> u32 {
        if own {
            return self.frames[frame].instance;
        }
        let plan = self.cache_plan(component);
        if plan.slot_ends.is_empty() {
            self.copy_for(component, self.frames[frame].scope)
        } else {
            self.slot_node(component, self.frames[frame].item)
        }
    }

    /// The instance of a component that a call goes to, where its kind chooses.
    pub(super) fn chosen_node(&mut self, component: u32, child: u32) -> u32 {
        match &self.cache_plan(component).cdn {
            Some(cdn) => self.members[component as usize][self.region_of(cdn, child)],
            None => self.slot_node(component, self.frames[child].item),
        }
    }

    /// The region of a CDN that a call's client is in.
    fn region_of(&self, cdn: &CdnPlan, child: u32) -> usize {
        let Frame { client, scope, .. } = self.frames[child];
        let caller = self.instances[scope as usize].component;
        let own = cdn.of_clients.iter().find(|(client, _)| *client == caller).map(|(_, shares)| shares);
        let shares = own.unwrap_or(&cdn.shares);
        let u = draw(mix64(client as u64), cdn.site, 0);
        shares.iter().position(|&share| u < share).unwrap_or(shares.len().saturating_sub(1))
    }

    fn cdn_plan(&self, component: u32) -> &'p CdnPlan {
        self.cache_plan(component).cdn.as_ref().expect("a CDN has regions")
    }

    /// A way from a region of a CDN and back: to its users, or to its shield.
    fn go_from_region(&mut self, frame: u32, cdn: &CdnPlan, ways: &[Option<u32>]) -> Next {
        let instance = self.frames[frame].instance;
        let region = self.instances[instance as usize].ordinal;
        let ns = ways[region as usize].map_or(0, |rtt| self.draw_ns(frame, rtt));
        if ns == 0 {
            return Next::Step;
        }
        self.open_phase(frame, cdn.cell, Waiting::Delay);
        self.wake_in(frame, ns);
        Next::Wait
    }

    /// An answer is made smaller, and counts as what it has become.
    fn compress(&mut self, frame: u32, component: u32) -> Next {
        let Frame { class, start, .. } = self.frames[frame];
        let Some(compress) = &self.cdn_plan(component).compress else { return Next::Step };
        let bytes = self.sizes[frame as usize];
        let left = compress.compressed(class, bytes);
        self.sizes[frame as usize] = left;
        if (self.plan.clock.start..self.plan.clock.end).contains(&start) {
            self.meters.components[component as usize].bytes -= bytes - left;
        }
        Next::Step
    }

    /// The node of a cache that has a key's hash slot.
    pub(super) fn slot_node(&self, component: u32, item: u64) -> u32 {
        let plan = self.cache_plan(component);
        let slot = if item == NO_KEY { 0 } else { hash_slots::slot(item) };
        self.members[component as usize][hash_slots::node(&plan.slot_ends, slot) as usize]
    }

    /// What an item is kept under: its key, and its version where each version is an item of its own.
    #[inline]
    pub(super) fn entry_key(&self, item: u64, class: u16, component: u32) -> u64 {
        if !self.plan.classes[class as usize].versioned {
            return item;
        }
        match self.newest_of(component, item) {
            Some(version) if version > 0 => mix64(item ^ (version as u64).wrapping_mul(PHI)),
            Some(_) | None => item,
        }
    }

    /// The newest version of a key in the database that a cache holds copies of.
    pub(super) fn newest_of(&self, component: u32, item: u64) -> Option<u32> {
        let source = self.cache_plan(component).versions_of;
        if source == NONE {
            return None;
        }
        let Kind::Database(database) = self.plan.components[source as usize].kind else { return None };
        Some(self.newest_at(database, item))
    }

    /// How long an item of a class lives in a cache, ns; 0: for ever.
    pub(super) fn ttl_ns(&self, component: u32, keyspace: Option<u32>) -> u64 {
        let ttls = &self.settings.ttls[component as usize];
        keyspace.map_or(ttls[ttls.len() - 1], |keyspace| ttls[keyspace as usize])
    }

    /// When an entry is dropped that is filled now and lives so long, give or take its jitter.
    fn expiry(&self, plan: &CachePlan, ttl: u64, u: impl FnOnce() -> f64) -> i64 {
        if ttl == 0 {
            return NEVER_NS;
        }
        let lives = if plan.ttl_jitter > 0.0 {
            (ttl as f64 * (1.0 + plan.ttl_jitter * (2.0 * u() - 1.0))).round() as u64
        } else {
            ttl
        };
        self.now.saturating_add(lives).saturating_add(plan.grace_ns).min(NEVER_NS as u64) as i64
    }

    /// Looks a frame's key up; the frame knows whether it hit.
    pub(super) fn lookup(&mut self, frame: u32, component: u32) -> Next {
        let Frame { item, instance, class, .. } = self.frames[frame];
        let open = self.open;
        let plan = self.cache_plan(component);
        let state = self.instances[instance as usize].state;
        let key = self.entry_key(item, class, component);
        let mut found = self.caches[state as usize].store.lookup(key, self.now as i64);
        if plan.grace_ns > 0 || plan.flush.is_some() {
            found = self.with_grace(found, plan, item, state);
        }
        self.trace_lookup(frame, component, &found);
        let hit = matches!(found, Lookup::Hit { .. });
        let newest = if hit { self.newest_of(component, item) } else { None };
        let meter = &mut self.meters.components[component as usize];
        self.frames[frame].flags &= !HIT;
        match found {
            Lookup::Hit { version, .. } => {
                meter.looked_up.0 += 1;
                meter.hits += open as u64;
                meter.stale_reads += (open && newest > Some(version)) as u64;
                self.frames[frame].flags |= HIT;
                self.frames[frame].version = version;
            }
            Lookup::Expired { .. } => {
                meter.looked_up.1 += 1;
                meter.misses += open as u64;
                meter.expirations += open as u64;
            }
            Lookup::Miss => {
                meter.looked_up.1 += 1;
                meter.misses += open as u64;
            }
        }
        Next::Step
    }

    /// What a look-up found, where entries outlive their end and writes wait.
    fn with_grace(&self, found: Lookup, plan: &CachePlan, item: u64, state: u32) -> Lookup {
        match found {
            Lookup::Hit { version, expires_ns } if expires_ns != NEVER_NS => {
                let served_until = expires_ns - (plan.grace_ns - plan.revalidate_ns) as i64;
                if self.now as i64 >= served_until { Lookup::Expired { version } } else { found }
            }
            Lookup::Hit { .. } => found,
            Lookup::Expired { .. } | Lookup::Miss if self.caches[state as usize].behind.waits(item) => {
                Lookup::Hit { version: AHEAD, expires_ns: NEVER_NS }
            }
            Lookup::Expired { .. } | Lookup::Miss => found,
        }
    }

    /// Stores a frame's key with the version that the frame holds.
    pub(super) fn store(&mut self, frame: u32, component: u32) -> Next {
        let version = self.frames[frame].version;
        self.store_version(frame, component, version);
        Next::Step
    }

    pub(super) fn store_version(&mut self, frame: u32, component: u32, version: u32) {
        let Frame { item, instance, class, key, .. } = self.frames[frame];
        let plan = self.cache_plan(component);
        let state = self.instances[instance as usize].state;
        let class_plan = &self.plan.classes[class as usize];
        let ttl = match &plan.cdn {
            Some(cdn) => cdn.ttl_ns[class as usize].unwrap_or(1),
            None => self.ttl_ns(component, class_plan.keyspace),
        };
        let entry = self.entry_key(item, class, component);
        let mut expires = self.expiry(plan, ttl, || draw(key, plan.site, JITTER));
        let mut size = self.sizes[frame as usize];
        if let Some(cdn) = &plan.cdn {
            expires = expires.min(self.end_in_shield(cdn, entry));
            size = cdn.compress.as_ref().map_or(size, |compress| compress.compressed(class, size));
        }
        let weight = if plan.weighed { weight(size) } else { 1 };
        let state = &mut self.caches[state as usize];
        let inserted = state.store.insert_weighed(entry, expires, version, weight, self.now as i64);
        self.meters.components[component as usize].evictions += inserted.evicted as u64 * self.open as u64;
        if plan.tagged && item != NO_KEY {
            let first = class_plan.keyspace.map_or(0, |keyspace| self.plan.keyspaces[keyspace as usize].first);
            for tag in &class_plan.tags {
                state.tagged.entry(tag.of(item.wrapping_sub(first))).or_default().insert(entry);
            }
        }
    }

    /// When what came from a CDN's shield ends there: it is as old here as it was there (`Age`).
    fn end_in_shield(&self, cdn: &CdnPlan, entry: u64) -> i64 {
        if cdn.shield == NONE {
            return NEVER_NS;
        }
        let shield = self.members[cdn.shield as usize][0];
        let state = self.instances[shield as usize].state;
        // What the shield has dropped since is as good as new.
        self.caches[state as usize].store.peek(entry).map_or(NEVER_NS, |(_, expires_ns)| expires_ns)
    }

    /// Forgets a frame's key.
    pub(super) fn remove(&mut self, frame: u32, component: u32) -> Next {
        let Frame { item, instance, class, .. } = self.frames[frame];
        let state = self.instances[instance as usize].state;
        if item != NO_KEY {
            let key = self.entry_key(item, class, component);
            self.caches[state as usize].store.remove(key);
        }
        Next::Step
    }

    /// What caches do besides.
    pub(super) fn cache_op(&mut self, frame: u32, op: CacheOp) -> Next {
        match op {
            CacheOp::Join(flight) => self.join_flight(frame, flight),
            CacheOp::EndFlight => self.end_flight(frame),
            CacheOp::Refresh(flight) => self.refresh(frame, flight),
            CacheOp::StandIn(flight) => self.stand_in(frame, flight),
            CacheOp::WriteLater(component) => self.write_later(frame, component),
            CacheOp::NextDirty { cache, to } => self.next_dirty(frame, cache, to),
            CacheOp::Written(component) => self.written(frame, component),
            CacheOp::NotWritten(component) => self.not_written(frame, component),
            CacheOp::TakeTagged(component) => self.take_tagged(frame, component),
            CacheOp::Edge(component) => {
                let cdn = self.cdn_plan(component);
                self.go_from_region(frame, cdn, &cdn.regions)
            }
            CacheOp::ToShield(component) => {
                let cdn = self.cdn_plan(component);
                self.go_from_region(frame, cdn, &cdn.to_shield)
            }
            CacheOp::Compress(component) => self.compress(frame, component),
        }
    }

    /// A write takes out what was filled with a tag of its class.
    fn take_tagged(&mut self, frame: u32, component: u32) -> Next {
        let Frame { item, class, .. } = self.frames[frame];
        if item == NO_KEY {
            return Next::Step;
        }
        let class = &self.plan.classes[class as usize];
        let first = class.keyspace.map_or(0, |keyspace| self.plan.keyspaces[keyspace as usize].first);
        let tags: Vec<u64> = class.tags.iter().map(|tag| tag.of(item.wrapping_sub(first))).collect();
        // A tag is all nodes' and all copies'.
        for at in 0..self.members[component as usize].len() {
            let instance = self.members[component as usize][at];
            let state = &mut self.caches[self.instances[instance as usize].state as usize];
            let mut taken = 0;
            for tag in &tags {
                for key in state.tagged.remove(tag).unwrap_or_default() {
                    taken += state.store.remove(key).is_some() as u64;
                }
            }
            self.meters.components[component as usize].invalidated += taken * self.open as u64;
        }
        Next::Step
    }

    /// Fills an instance with the most popular keys, as its plan says.
    pub(super) fn warm_up(&mut self, instance: u32) {
        let (component, ordinal) =
            (self.instances[instance as usize].component, self.instances[instance as usize].ordinal);
        let plan = self.cache_plan(component);
        for &(keyspace, count, class) in &plan.warm {
            let first = self.plan.keyspaces[keyspace as usize].first;
            let ttl = self.ttl_ns(component, Some(keyspace));
            // The most popular come last: they are the most recent.
            for item in (first..first + count).rev() {
                if !plan.slot_ends.is_empty() && hash_slots::node(&plan.slot_ends, hash_slots::slot(item)) != ordinal {
                    continue;
                }
                let expires = self.expiry(plan, ttl, || uniform(mix64(item ^ plan.site)));
                let version = self.newest_of(component, item).unwrap_or(0);
                let weight = match class {
                    Some(class) if plan.weighed => weight(self.item_size(class, item)),
                    Some(_) | None => 1,
                };
                let state = self.instances[instance as usize].state;
                let store = &mut self.caches[state as usize].store;
                store.insert_weighed(item, expires, version, weight, self.now as i64);
            }
        }
    }

    /// The size of a key of a class, drawn once and for all.
    pub(super) fn item_size(&self, class: u16, item: u64) -> u64 {
        let class = &self.plan.classes[class as usize];
        class.size.as_ref().map_or(0, |size| size.sample_ns(draw(mix64(item ^ class.site), class.site, SIZE)))
    }
}

fn weight(bytes: u64) -> u32 {
    bytes.clamp(1, u32::MAX as u64) as u32
}
