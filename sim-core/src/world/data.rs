//! What connection pools and databases know.

use std::collections::VecDeque;

use super::frame::{CONNECTED, POOLED, Waiting, draw};
use super::{Next, World};
use crate::engine::slab::NONE;
use crate::plan::{CallPlan, Kind, Outcome};

/// A pool's connections.
#[derive(Debug, Clone)]
pub struct ConnectionState {
    /// Unused ones, oldest first: since when.
    idle: VecDeque<u64>,
    /// All that are open or being opened.
    open: u32,
}

impl ConnectionState {
    /// A pool without connections.
    pub fn new() -> Self {
        ConnectionState { idle: VecDeque::new(), open: 0 }
    }
}

impl<const TRACED: bool> World<'_, TRACED> {
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
    fn open_connection(&mut self, database: u32) -> bool {
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

    // Connection pools.

    fn pool_of(&self, instance: u32) -> u32 {
        match self.instances[instance as usize].kind {
            Kind::ConnectionPool(pool) => pool,
            other => unreachable!("{other:?} lends no connections"),
        }
    }

    /// A frame has a place in a pool: it takes a connection, or opens one.
    pub(super) fn take_connection(&mut self, frame: u32, instance: u32, cell: u16) -> Next {
        let pool = self.pool_of(instance);
        let plan = &self.plan.connection_pools[pool as usize];
        self.expire_idle(instance, pool);
        let state = self.instances[instance as usize].state as usize;
        let idle = &mut self.connections[state].idle;
        let taken = if plan.lifo { idle.pop_back() } else { idle.pop_front() };
        if taken.is_some() {
            self.has_connection(frame, instance);
            return Next::Step;
        }
        if plan.database != NONE && !self.open_connection(self.database_at(plan.database)) {
            let station = self.working_at(frame);
            self.release_place(station);
            return Next::Fail(Outcome::ConnectionRefused);
        }
        let connections = &mut self.connections[state];
        connections.open += 1;
        let ns = plan
            .connect
            .as_ref()
            .map_or(0, |connect| connect.sampler.sample_ns(draw(self.frames[frame].key, connect.site, 0)));
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
        let station = self.working_at(frame);
        self.has_connection(frame, self.stations[station as usize].instance);
        if let crate::plan::Op::SeizeSession { bit, .. } = self.plan.ops[self.frames[frame].pc as usize] {
            self.frames[frame].sessions_set(bit);
        }
        Next::Step
    }

    /// The frame that opened a connection was ended: the connection is closed and its place given back.
    pub(super) fn abort_connect(&mut self, frame: u32) {
        let station = self.working_at(frame);
        let instance = self.stations[station as usize].instance;
        let Kind::ConnectionPool(pool) = self.instances[instance as usize].kind else {
            unreachable!("a pool connects")
        };
        self.close_one(instance, pool);
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
        if self.connections[state].open == 0 {
            // It was lost in a crash.
        } else if wanted || (self.connections[state].idle.len() as u32) < size {
            self.connections[state].idle.push_back(self.now);
        } else {
            self.close_one(instance, pool);
        }
    }

    fn close_one(&mut self, instance: u32, pool: u32) {
        let state = self.instances[instance as usize].state as usize;
        self.connections[state].open -= 1;
        let database = self.plan.connection_pools[pool as usize].database;
        if database != NONE {
            self.close_connections(self.database_at(database), 1);
        }
    }

    /// Closes the unused connections of a pool that are too old.
    fn expire_idle(&mut self, instance: u32, pool: u32) {
        let limit = self.plan.connection_pools[pool as usize].idle_timeout_ns;
        if limit == 0 {
            return;
        }
        let state = self.instances[instance as usize].state as usize;
        while self.connections[state].idle.front().is_some_and(|&since| self.now - since >= limit) {
            self.connections[state].idle.pop_front();
            self.close_one(instance, pool);
        }
    }

    /// Closes all unused connections to a database that are too old: somebody needs a new one.
    fn expire_connections(&mut self, database: u32) {
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
        let scope = self.frames[holder].scope;
        let copy = self.copy_for(call.holding, scope);
        let station = self.instances[copy as usize].stations;
        if self.leases[holder as usize] == NONE {
            let lease = self.free_leases.pop().unwrap_or_else(|| {
                self.lease_counts.push((0, 0));
                self.lease_counts.len() as u32 - 1
            });
            self.lease_counts[lease as usize] = (station, 1);
            self.leases[holder as usize] = lease;
        }
        let lease = self.leases[holder as usize];
        if self.lease_counts[lease as usize].0 != station {
            // Of two connections that it holds, one at most is used on after it.
            return;
        }
        self.lease_counts[lease as usize].1 += 1;
        self.leases[query as usize] = lease;
    }

    /// A query has ended that may share a connection.
    #[inline(always)]
    pub(super) fn end_lease_of(&mut self, query: u32) {
        let lease = std::mem::replace(&mut self.leases[query as usize], NONE);
        if lease != NONE {
            self.end_lease(lease);
        }
    }

    /// One of those who share a connection has ended.
    pub(super) fn end_lease(&mut self, lease: u32) {
        let (station, users) = &mut self.lease_counts[lease as usize];
        *users -= 1;
        if *users == 0 {
            let station = *station;
            self.free_leases.push(lease);
            self.release_held(station);
        }
    }
}
