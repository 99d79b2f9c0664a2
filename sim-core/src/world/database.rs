//! Databases: shards and how keys come to lie on others, replicas that lag behind, locks, failover.

mod shards;

use std::collections::BTreeMap;

use super::frame::{Frame, NO_DEADLINE, NO_KEY, WRITE, Waiting, child_key, draw};
use super::station::List;
use super::versions::Versions;
use super::{Next, World};
use crate::engine::digest::Digest;
use crate::engine::slab::NONE;
use crate::plan::{DataStep, DatabasePlan, Kind, Outcome, ReadFrom};
use crate::policy::placement::Placement;

/// A database's nodes and data.
#[derive(Debug, Clone)]
pub struct DatabaseState {
    /// By shard: whose turn it is to read.
    turns: Vec<u32>,
    /// By shard: which of its nodes is the primary.
    primaries: Vec<u32>,
    /// Where keys lie, or come to lie.
    placement: Placement,
    /// Where those lie that have not moved yet.
    moving: Option<Moving>,
    /// By key: the newest committed version.
    pub versions: Versions,
    /// By node: the versions that it has, of a replica that lags behind.
    applied: Vec<Versions>,
    /// Keys that are locked, at which instance, and who waits for each.
    locks: BTreeMap<(u32, u64), List>,
    /// Open connections, at each primary.
    pub connections: u32,
    /// What the report tells.
    pub tally: DatabaseTally,
}

/// Keys on their way to other shards.
#[derive(Debug, Clone)]
struct Moving {
    from: Placement,
    /// The first key that has not been looked at.
    next: u64,
}

/// What is measured of a database alone.
#[derive(Debug, Clone, Default)]
pub struct DatabaseTally {
    /// Whether the number of shards has changed.
    pub changed: bool,
    /// Keys that went to another shard.
    pub moved: u64,
    /// How many there are.
    pub keys: u64,
    /// Replicas that took over.
    pub failovers: u64,
}

impl DatabaseTally {
    /// Adds its figures to a digest, where there are any.
    pub fn digest(&self, digest: &mut Digest) {
        if self.changed || self.failovers > 0 {
            [self.moved, self.failovers].iter().for_each(|&word| digest.word(word));
        }
    }
}

impl DatabaseState {
    /// An empty database.
    pub fn new(plan: &DatabasePlan, keys: u64) -> Self {
        let versions = Versions::new(if plan.versioned { keys } else { 0 });
        let shards = plan.shards as usize;
        let nodes = if plan.replicate == NONE { 0 } else { shards * (1 + plan.replicas as usize) };
        DatabaseState {
            turns: vec![0; shards],
            primaries: vec![0; shards],
            placement: Placement::new(plan.rule, plan.shards, plan.keys),
            moving: None,
            versions,
            applied: vec![Versions::new(0); nodes],
            locks: BTreeMap::new(),
            connections: 0,
            tally: DatabaseTally { keys: plan.keys, ..DatabaseTally::default() },
        }
    }

    /// The shard of a key now.
    #[inline]
    fn shard_of(&self, key: u64) -> u32 {
        match &self.moving {
            Some(moving) if key >= moving.next => moving.from.shard(key),
            Some(_) | None => self.placement.shard(key),
        }
    }
}

impl<const TRACED: bool> World<'_, TRACED> {
    /// The number of the database that a component is.
    pub(super) fn database_at(&self, component: u32) -> u32 {
        let Kind::Database(database) = self.plan.components[component as usize].kind else {
            unreachable!("a database has nodes")
        };
        database
    }

    /// The node of a database that a call goes to.
    pub(super) fn node_for(&mut self, component: u32, child: u32) -> u32 {
        let database = self.database_at(component);
        let plan = &self.plan.databases[database as usize];
        let state = &self.databases[database as usize];
        let Frame { item, client, key, .. } = self.frames[child];
        let by = if plan.by_client { client as u64 } else { item };
        let shards = state.placement.shards();
        let shard = if shards == 1 && state.moving.is_none() {
            0
        } else if by == NO_KEY {
            (draw(key, plan.site, 0) * shards as f64) as u32
        } else {
            state.shard_of(by)
        };
        self.node_of_shard(database, shard, self.frames[child].has(WRITE))
    }

    /// The node of a shard that a write or the next read goes to.
    fn node_of_shard(&mut self, database: u32, shard: u32, write: bool) -> u32 {
        let plan = &self.plan.databases[database as usize];
        let nodes = 1 + plan.replicas;
        let state = &mut self.databases[database as usize];
        let primary = state.primaries[shard as usize];
        let turn = &mut state.turns[shard as usize];
        let node = match plan.read_from {
            _ if write || plan.replicas == 0 => primary,
            ReadFrom::Primary => primary,
            ReadFrom::Replica => {
                *turn = (*turn + 1) % plan.replicas;
                *turn + (*turn >= primary) as u32
            }
            ReadFrom::Any => {
                *turn = (*turn + 1) % nodes;
                *turn
            }
        };
        self.members[plan.component as usize][(shard * nodes + node) as usize]
    }

    /// A step of an operation.
    pub(super) fn data(&mut self, frame: u32, step: DataStep, at: u32, to: u32) -> Next {
        match step {
            DataStep::Lock => self.lock(frame, at, to as u16),
            DataStep::Unlock => {
                self.unlock(frame, at);
                self.after_cleanup(frame)
            }
            DataStep::Scatter => {
                let plan = &self.plan.failures[at as usize];
                let asks_all = draw(self.frames[frame].key, plan.site, 0) < plan.share.unwrap_or(0.0);
                if asks_all { Next::Step } else { Next::At(to) }
            }
            DataStep::OnShard => {
                let database = self.database_at(self.instances[self.frames[frame].instance as usize].component);
                if at >= self.databases[database as usize].placement.shards() {
                    return Next::At(to);
                }
                let node = self.node_of_shard(database, at, false);
                self.frames[frame].instance = node;
                if self.instances[node as usize].is_up() { Next::Step } else { Next::Fail(Outcome::Failed) }
            }
            DataStep::Replicate => {
                self.replicate(frame, at);
                Next::Step
            }
            DataStep::Applied => {
                self.applied(frame, at);
                self.after_cleanup(frame)
            }
        }
    }

    // Versions and replicas.

    /// The newest committed version of a key.
    pub(super) fn newest_at(&self, database: u32, item: u64) -> u32 {
        self.databases[database as usize].versions.get(item)
    }

    /// A read sees the newest version that its node has.
    pub(super) fn observe(&mut self, frame: u32, database: u32) -> Next {
        let Frame { item, instance, .. } = self.frames[frame];
        if item == NO_KEY {
            return Next::Step;
        }
        let newest = self.newest_at(database, item);
        let plan = &self.plan.databases[database as usize];
        let mut version = newest;
        if plan.replicate != NONE {
            let ordinal = self.instances[instance as usize].ordinal;
            let (shard, node) = (ordinal / (1 + plan.replicas), ordinal % (1 + plan.replicas));
            let state = &self.databases[database as usize];
            if node != state.primaries[shard as usize] {
                version = state.applied[ordinal as usize].get(item);
                let component = plan.component as usize;
                self.meters.components[component].stale_reads += (self.open && version < newest) as u64;
            }
        }
        self.frames[frame].version = version;
        Next::Step
    }

    /// A write commits a newer version.
    pub(super) fn commit(&mut self, frame: u32, database: u32) -> Next {
        let item = self.frames[frame].item;
        if item != NO_KEY {
            self.frames[frame].version = self.databases[database as usize].versions.raise(item);
        }
        Next::Step
    }

    /// A committed write goes to the other nodes of its shard.
    fn replicate(&mut self, frame: u32, database: u32) {
        let plan = &self.plan.databases[database as usize];
        let nodes = 1 + plan.replicas;
        let Frame { key, instance, .. } = self.frames[frame];
        let own = self.instances[instance as usize].ordinal;
        let first = own / nodes * nodes;
        for ordinal in (first..first + nodes).filter(|&ordinal| ordinal != own) {
            let node = self.members[plan.component as usize][ordinal as usize];
            let key = child_key(key, plan.site, ordinal - first, 0);
            self.spawn_at(frame, node, plan.replicate, key);
        }
    }

    /// Begins work at a node that no call asked for.
    fn spawn_at(&mut self, frame: u32, node: u32, pc: u32, key: u64) {
        let like = if frame == NONE { Frame { item: NO_KEY, ..Frame::default() } } else { self.frames[frame] };
        let spawned = self.take_frame();
        let generation = self.frames[spawned].generation;
        self.frames[spawned] = Frame {
            generation,
            start: self.now,
            since: self.now,
            key,
            deadline: NO_DEADLINE,
            parent: NONE,
            child: NONE,
            next: NONE,
            prev: NONE,
            log: NONE,
            instance: node,
            scope: node,
            pc,
            wake: 0,
            work: 0,
            turn: 0,
            via: super::frame::NO_COMPONENT,
            sessions: 0,
            flags: 0,
            outcome: Outcome::Ok as u8,
            waiting: Waiting::Nothing,
            ..like
        };
        self.instances[node as usize].active += 1;
        self.ready.push_back(spawned);
    }

    /// A replica has a write: at the latest when it has come back after a crash.
    fn applied(&mut self, frame: u32, database: u32) {
        let Frame { item, version, instance, .. } = self.frames[frame];
        let ordinal = self.instances[instance as usize].ordinal as usize;
        let versions = &mut self.databases[database as usize].applied[ordinal];
        while item != NO_KEY && versions.get(item) < version {
            versions.raise(item);
        }
    }

    // Locks.

    /// Waits for the lock of a frame's key.
    fn lock(&mut self, frame: u32, database: u32, cell: u16) -> Next {
        let Frame { item, instance, waiting, .. } = self.frames[frame];
        if item == NO_KEY {
            return Next::Step;
        }
        if waiting == Waiting::Granted {
            self.frames[frame].waiting = Waiting::Nothing;
            return Next::Step;
        }
        let station = self.lock_station(instance, database);
        let open = self.open;
        self.stations[station as usize].tally.arrivals += open as u64;
        let locks = &mut self.databases[database as usize].locks;
        if let Some(line) = locks.get_mut(&(instance, item)) {
            line.push_back(&mut self.frames, frame);
            self.open_phase(frame, cell, Waiting::Lock);
            let now = self.now;
            let state = &mut self.stations[station as usize];
            state.tally.queue_area = state.tally.queue_area.wrapping_sub(now as u128);
            state.queue.len += 1;
            let crowd = &mut self.meters.crowds[state.meter as usize];
            crowd.0 += 1;
            if open {
                state.tally.queue_max = state.tally.queue_max.max(state.queue.len);
                crowd.1 = crowd.1.max(crowd.0);
            }
            return Next::Wait;
        }
        locks.insert((instance, item), List::default());
        self.stations[station as usize].tally.unwaited += open as u64;
        self.hold_lock(station);
        Next::Step
    }

    pub(super) fn lock_station(&self, instance: u32, database: u32) -> u32 {
        let number = self.plan.databases[database as usize].lock_station;
        self.instances[instance as usize].stations + number as u32
    }

    fn hold_lock(&mut self, station: u32) {
        let (now, clipped) = (self.now, self.clip(self.now) as u128);
        let state = &mut self.stations[station as usize];
        state.begin(now);
        state.tally.served = state.tally.served.wrapping_sub(clipped);
        state.tally.holders += 1;
    }

    /// Gives the lock of a frame's key to the next in line.
    fn unlock(&mut self, frame: u32, database: u32) {
        let Frame { item, instance, .. } = self.frames[frame];
        if item == NO_KEY {
            return;
        }
        let station = self.lock_station(instance, database);
        let (now, open, clipped) = (self.now, self.open, self.clip(self.now) as u128);
        let state = &mut self.stations[station as usize];
        state.end(now);
        state.tally.served = state.tally.served.wrapping_add(clipped);
        state.tally.holders -= 1;
        state.tally.services += open as u64;
        let locks = &mut self.databases[database as usize].locks;
        let next = locks.get(&(instance, item)).expect("who unlocks has the lock").first();
        if next == NONE {
            locks.remove(&(instance, item));
            return;
        }
        let since = self.frames[next].since;
        self.leave_lock_line(next);
        self.close_phase(next);
        self.record_wait(station, since);
        self.hold_lock(station);
        let state = &mut self.frames[next];
        state.waiting = Waiting::Granted;
        state.since = now;
        self.ready.push_back(next);
    }

    /// Takes a frame out of the line for a lock.
    pub(super) fn leave_lock_line(&mut self, frame: u32) {
        let Frame { item, instance, since, .. } = self.frames[frame];
        let database = self.database_at(self.instances[instance as usize].component);
        let station = self.lock_station(instance, database);
        let waited = self.clip(self.now) - self.clip(since);
        let line = self.databases[database as usize].locks.get_mut(&(instance, item));
        line.expect("who waits stands in a line").remove(&mut self.frames, frame);
        let now = self.now;
        let state = &mut self.stations[station as usize];
        state.queue.len -= 1;
        state.tally.queue_area = state.tally.queue_area.wrapping_add(now as u128);
        state.tally.waited += waited as u128;
        self.meters.crowds[state.meter as usize].0 -= 1;
    }
}
