//! Connection pools: which connections are open, who has one, and queries that use one longer than their callers.

use std::collections::VecDeque;

use super::frame::{Frame, Waiting, draw};
use super::{Next, World};
use crate::engine::digest::Digest;
use crate::engine::slab::NONE;
use crate::plan::{CallPlan, ConnectionPoolPlan, Kind, Outcome};

/// A pool's connections. Those that are in use are alike: the one that was taken first counts as given back first.
#[derive(Debug, Clone, Default)]
pub struct ConnectionState {
    /// Unused ones, oldest first.
    idle: VecDeque<Idle>,
    /// When each of those was opened that are in use.
    held: VecDeque<u64>,
    /// All that are open or being opened.
    open: u32,
    /// Those of the reserve that are lent.
    pub extra: u32,
    /// What the report tells.
    pub tally: PoolTally,
}

/// A connection that nobody uses.
#[derive(Debug, Clone, Copy)]
struct Idle {
    since: u64,
    opened: u64,
}

/// What is measured of a pool alone, in the window.
#[derive(Debug, Clone, Copy, Default)]
pub struct PoolTally {
    /// Connections that were opened.
    pub opened: u64,
    /// Connections that were closed.
    pub closed: u64,
    /// How often a connection of the reserve was lent.
    pub reserve_used: u64,
}

impl PoolTally {
    /// Adds its figures to a digest, where there are any.
    pub fn digest(&self, digest: &mut Digest) {
        if self.reserve_used > 0 {
            digest.word(self.reserve_used);
        }
    }
}

/// In place of a try's number: the database refused a connection, and it is asked for again.
const REFUSED: u8 = u8::MAX;
/// The k of the draw of what a check of a connection takes.
const VALIDATE: u64 = 1;

impl<const TRACED: bool> World<'_, TRACED> {
    fn pool_of(&self, instance: u32) -> u32 {
        match self.instances[instance as usize].kind {
            Kind::ConnectionPool(pool) => pool,
            other => unreachable!("{other:?} lends no connections"),
        }
    }

    /// A new pool opens the connections that it always keeps.
    pub(super) fn fill_pool(&mut self, instance: u32) {
        let Kind::ConnectionPool(pool) = self.instances[instance as usize].kind else { return };
        let plan = &self.plan.connection_pools[pool as usize];
        let state = self.instances[instance as usize].state as usize;
        while (self.connections[state].idle.len() as u32) < plan.min_idle.min(plan.size.saturating_add(plan.overflow)) {
            if plan.database != NONE && !self.open_connection(self.database_at(plan.database)) {
                return;
            }
            let connections = &mut self.connections[state];
            connections.open += 1;
            connections.tally.opened += self.open as u64;
            connections.idle.push_back(Idle { since: self.now, opened: self.now });
        }
    }

    /// A frame has a place in a pool: it takes a connection, or opens one.
    pub(super) fn take_connection(&mut self, frame: u32, instance: u32, cell: u16) -> Next {
        let pool = self.pool_of(instance);
        let plan = &self.plan.connection_pools[pool as usize];
        self.expire_idle(instance, pool);
        let state = self.instances[instance as usize].state as usize;
        loop {
            let idle = &mut self.connections[state].idle;
            let taken = if plan.lifo { idle.pop_back() } else { idle.pop_front() };
            let Some(Idle { since, opened }) = taken else { break };
            if plan.max_lifetime_ns > 0 && self.now - opened >= plan.max_lifetime_ns {
                self.close_one(instance, pool);
                continue;
            }
            self.connections[state].held.push_back(opened);
            let check = plan.validate.as_ref().filter(|_| self.now - since >= plan.validate_after_ns);
            let key = self.frames[frame].key;
            let ns = check.map_or(0, |check| check.sampler.sample_ns(draw(key, check.site, VALIDATE)));
            return self.connect_in(frame, instance, cell, ns);
        }
        if plan.database != NONE && !self.open_connection(self.database_at(plan.database)) {
            if plan.login_retry_ns > 0 {
                self.frames[frame].attempt = REFUSED;
                self.open_phase(frame, cell, Waiting::Connect);
                self.wake_in(frame, plan.login_retry_ns);
                return Next::Wait;
            }
            let station = self.working_at(frame);
            self.release_place(station);
            return Next::Fail(Outcome::ConnectionRefused);
        }
        let now = self.now;
        let connections = &mut self.connections[state];
        connections.open += 1;
        connections.held.push_back(now);
        connections.tally.opened += self.open as u64;
        let ns = plan
            .connect
            .as_ref()
            .map_or(0, |connect| connect.sampler.sample_ns(draw(self.frames[frame].key, connect.site, 0)));
        self.connect_in(frame, instance, cell, ns)
    }

    /// The frame's connection is in hand after a time.
    fn connect_in(&mut self, frame: u32, instance: u32, cell: u16, ns: u64) -> Next {
        if ns == 0 {
            self.has_connection(frame, instance);
            return Next::Step;
        }
        self.open_phase(frame, cell, Waiting::Connect);
        self.wake_in(frame, ns);
        Next::Wait
    }

    /// A frame has its connection in hand: its wait, which has been added up in `work`, is over.
    fn has_connection(&mut self, frame: u32, instance: u32) {
        let since = self.now - self.frames[frame].work;
        self.record_wait(self.instances[instance as usize].stations, since);
    }

    /// A connection has been opened: the frame goes on with it.
    pub(super) fn connected(&mut self, frame: u32) -> Next {
        self.close_phase(frame);
        let state = &mut self.frames[frame];
        state.waiting = Waiting::Nothing;
        state.work += self.now - state.since;
        let (cell, waited, refused) = (state.cell, state.work, state.attempt == REFUSED);
        let station = self.working_at(frame);
        let instance = self.stations[station as usize].instance;
        if refused {
            self.frames[frame].attempt = 0;
            let patience = self.plan.connection_pools[self.pool_of(instance) as usize].acquire_timeout_ns;
            if patience > 0 && waited >= patience {
                self.count_abandoned(station);
                self.release_place(station);
                return Next::Fail(Outcome::PoolTimeout);
            }
            match self.take_connection(frame, instance, cell) {
                Next::Step => {}
                other => return other,
            }
        } else {
            self.has_connection(frame, instance);
        }
        if let crate::plan::Op::SeizeSession { bit, .. } = self.plan.ops[self.frames[frame].pc as usize] {
            self.frames[frame].sessions_set(bit);
        }
        Next::Step
    }

    /// The frame that opened a connection was ended: the connection is closed and its place given back.
    pub(super) fn abort_connect(&mut self, frame: u32) {
        let station = self.working_at(frame);
        let instance = self.stations[station as usize].instance;
        let pool = self.pool_of(instance);
        if self.frames[frame].attempt == REFUSED {
            self.frames[frame].attempt = 0;
        } else {
            let state = self.instances[instance as usize].state as usize;
            self.connections[state].held.pop_back();
            self.close_one(instance, pool);
        }
        self.release_place(station);
    }

    /// Gives back a place that was granted but never used.
    fn release_place(&mut self, station: u32) {
        let clipped = self.clip(self.now) as u128;
        let tally = &mut self.stations[station as usize].tally;
        tally.served = tally.served.wrapping_add(clipped);
        tally.holders -= 1;
        self.release(station);
    }

    /// A connection comes back: it is kept for the next, or closed if the pool has enough.
    pub(super) fn return_connection(&mut self, instance: u32, station: u32) {
        let pool = self.pool_of(instance);
        let plan = &self.plan.connection_pools[pool as usize];
        self.expire_idle(instance, pool);
        let state = self.instances[instance as usize].state as usize;
        let line = &self.stations[station as usize];
        let wanted = line.queue.len + line.front.len > 0;
        let size = self.settings.sizes[plan.component as usize].0;
        if !wanted && self.connections[state].extra > 0 {
            self.connections[state].extra -= 1;
            self.end_capacity(instance);
            self.stations[station as usize].servers -= 1;
        }
        let now = self.now;
        let connections = &mut self.connections[state];
        // One that is not known any more was lost in a crash, though others may have been opened since.
        let Some(opened) = connections.held.pop_front() else { return };
        if wanted || (connections.idle.len() as u32) < size {
            connections.idle.push_back(Idle { since: now, opened });
        } else {
            self.close_one(instance, pool);
        }
    }

    /// A caller has waited so long that a connection of the reserve is lent; whether it goes on waiting.
    pub(super) fn wants_reserve(&mut self, frame: u32, station: u32) -> bool {
        let instance = self.stations[station as usize].instance;
        let Kind::ConnectionPool(pool) = self.instances[instance as usize].kind else { return false };
        let plan = &self.plan.connection_pools[pool as usize];
        let waited = self.now - self.frames[frame].since;
        if plan.reserve == 0 || (plan.acquire_timeout_ns > 0 && waited >= plan.acquire_timeout_ns) {
            return false;
        }
        let open = self.open;
        let state = &mut self.connections[self.instances[instance as usize].state as usize];
        if state.extra < plan.reserve {
            state.extra += 1;
            state.tally.reserve_used += open as u64;
            self.end_capacity(instance);
            self.stations[station as usize].servers += 1;
            self.serve_line(station);
        }
        if self.frames[frame].waiting == Waiting::Queue && plan.acquire_timeout_ns > 0 {
            self.wake_in(frame, plan.acquire_timeout_ns - waited);
        }
        true
    }

    /// What a pool has lent of its reserve is part of its new size.
    pub(super) fn forget_reserve(&mut self, component: u32) {
        for &instance in &self.members[component as usize] {
            self.connections[self.instances[instance as usize].state as usize].extra = 0;
        }
    }

    fn close_one(&mut self, instance: u32, pool: u32) {
        let state = self.instances[instance as usize].state as usize;
        self.connections[state].open -= 1;
        self.connections[state].tally.closed += self.open as u64;
        let database = self.plan.connection_pools[pool as usize].database;
        if database != NONE {
            self.close_connections(self.database_at(database), 1);
        }
    }

    /// Closes the unused connections of a pool that are too old, but for those that it always keeps.
    fn expire_idle(&mut self, instance: u32, pool: u32) {
        let plan = &self.plan.connection_pools[pool as usize];
        if plan.idle_timeout_ns == 0 {
            return;
        }
        let state = self.instances[instance as usize].state as usize;
        loop {
            let idle = &mut self.connections[state].idle;
            let old = idle.front().is_some_and(|first| self.now - first.since >= plan.idle_timeout_ns);
            if !old || idle.len() as u32 <= plan.min_idle {
                return;
            }
            idle.pop_front();
            self.close_one(instance, pool);
        }
    }

    /// Closes all unused connections to a database that are too old: somebody needs a new one.
    pub(super) fn expire_connections(&mut self, database: u32) {
        let component = self.plan.databases[database as usize].component;
        for (pool, plan) in self.plan.connection_pools.iter().enumerate() {
            if plan.database == component && plan.idle_timeout_ns > 0 {
                for at in 0..self.members[plan.component as usize].len() {
                    self.expire_idle(self.members[plan.component as usize][at], pool as u32);
                }
            }
        }
    }

    /// All connections of a pool are lost: its owner died.
    pub(super) fn lose_connections(&mut self, instance: u32, pool: u32) {
        let state = self.instances[instance as usize].state as usize;
        while self.connections[state].open > 0 {
            self.close_one(instance, pool);
        }
        self.connections[state].idle.clear();
        self.connections[state].held.clear();
    }

    /// What was measured of a pool, all its copies together.
    pub(super) fn pool_tally(&self, plan: &ConnectionPoolPlan) -> PoolTally {
        let mut sum = PoolTally::default();
        for &instance in &self.members[plan.component as usize] {
            let tally = self.connections[self.instances[instance as usize].state as usize].tally;
            sum.opened += tally.opened;
            sum.closed += tally.closed;
            sum.reserve_used += tally.reserve_used;
        }
        sum
    }

    // Connections of queries that were abandoned.

    /// The connection that a caller holds is also used by a query that it no longer waits for: it is given back when
    /// both have ended.
    pub(super) fn lease(&mut self, caller: u32, query: u32, call: &CallPlan) {
        if self.frames[query].waiting == Waiting::Homeward {
            return;
        }
        let mut holder = caller;
        for _ in 0..call.forks_up {
            holder = self.frames[holder].parent;
            if holder == NONE {
                // It went on without its branches, and gave the connection back.
                return;
            }
        }
        let Frame { scope, .. } = self.frames[holder];
        let copy = self.copy_for(call.holding, scope);
        let station = self.instances[copy as usize].stations;
        let mut lease = self.lent[holder as usize];
        while lease != NONE && self.leases[lease as usize].station != station {
            lease = self.leases[lease as usize].next;
        }
        if lease == NONE {
            lease = self.free_leases.pop().unwrap_or_else(|| {
                self.leases.push(Lease::default());
                self.leases.len() as u32 - 1
            });
            self.leases[lease as usize] = Lease { station, users: 1, next: self.lent[holder as usize] };
            self.lent[holder as usize] = lease;
        }
        self.leases[lease as usize].users += 1;
        self.lease_of[query as usize] = lease;
    }

    /// Takes the lease of a connection, of those that a frame holds; `NONE`: nobody else uses it.
    pub(super) fn take_lease(&mut self, holder: u32, station: u32) -> u32 {
        let (mut before, mut lease) = (NONE, self.lent[holder as usize]);
        while lease != NONE && self.leases[lease as usize].station != station {
            before = lease;
            lease = self.leases[lease as usize].next;
        }
        if lease != NONE {
            let next = self.leases[lease as usize].next;
            match before {
                NONE => self.lent[holder as usize] = next,
                before => self.leases[before as usize].next = next,
            }
        }
        lease
    }

    /// A query has ended that may share a connection.
    #[inline(always)]
    pub(super) fn end_lease_of(&mut self, query: u32) {
        let lease = std::mem::replace(&mut self.lease_of[query as usize], NONE);
        if lease != NONE {
            self.end_lease(lease);
        }
    }

    /// One of those who share a connection has ended.
    pub(super) fn end_lease(&mut self, lease: u32) {
        let state = &mut self.leases[lease as usize];
        state.users -= 1;
        if state.users == 0 {
            let station = state.station;
            self.free_leases.push(lease);
            self.release_held(station);
        }
    }
}

/// A connection that a query goes on using after its caller has turned away.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lease {
    station: u32,
    /// How many use it, its holder too.
    users: u32,
    /// Another connection of the same holder.
    next: u32,
}
