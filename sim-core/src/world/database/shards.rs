//! The number of a database's shards changes, and its primaries do.

use super::super::frame::child_key;
use super::super::instance::Life;
use super::super::{Control, Next, World};
use super::{Moving, Versions};
use crate::engine::rng::mix64;
use crate::engine::slab::NONE;
use crate::plan::Kind;
use crate::policy::placement::Placement;

impl<const TRACED: bool> World<'_, TRACED> {
    /// The number of shards changes: keys begin to move to where they belong from now on.
    pub(in crate::world) fn set_shards(&mut self, component: u32, shards: u32) {
        let database = self.database_at(component);
        let plan = &self.plan.databases[database as usize];
        let nodes = 1 + plan.replicas;
        let old = self.databases[database as usize].placement.shards();
        if shards == old {
            return;
        }
        for ordinal in 0..shards * nodes {
            match self.members[component as usize].get(ordinal as usize).copied() {
                None => {
                    let node = self.add_instance(component, NONE, Life::Ready);
                    if ordinal % nodes == 0 && plan.connections != NONE {
                        self.connect_all(node, database);
                    }
                }
                Some(node) if matches!(self.instances[node as usize].life, Life::Leaving | Life::Gone) => {
                    self.instances[node as usize].life = Life::Ready;
                    self.instances[node as usize].ready_since = self.now;
                }
                Some(_) => {}
            }
        }
        let gap = plan.move_gap_ns;
        let (rule, keys, lags) = (plan.rule, plan.keys, plan.replicate != NONE);
        self.epoch += 1;
        // Keys of a move that was not over are where they were to be.
        let state = &mut self.databases[database as usize];
        state.tally.changed = true;
        state.turns.resize(state.turns.len().max(shards as usize), 0);
        state.primaries.resize(state.primaries.len().max(shards as usize), 0);
        if lags {
            let count = state.applied.len().max((shards * nodes) as usize);
            state.applied.resize(count, Versions::new(0));
        }
        let from = std::mem::replace(&mut state.placement, Placement::new(rule, shards, keys));
        state.moving = Some(Moving { from, next: 0 });
        if gap == 0 {
            while self.next_to_move(database).is_some() {
                self.databases[database as usize].tally.moved += 1;
            }
            self.end_move(database);
        } else {
            self.control(self.now.saturating_add(gap), Control::Move(database));
        }
    }

    /// All that are connected to a database are to its new primary too.
    fn connect_all(&mut self, node: u32, database: u32) {
        let (now, clipped) = (self.now, self.clip(self.now) as u128);
        let station = &mut self.stations[self.instances[node as usize].stations as usize + 1];
        for _ in 0..self.databases[database as usize].connections {
            station.begin(now);
            station.tally.served = station.tally.served.wrapping_sub(clipped);
            station.tally.holders += 1;
        }
    }

    /// The next key that belongs to another shard: which, from where, to where.
    fn next_to_move(&mut self, database: u32) -> Option<(u64, u32, u32)> {
        let state = &mut self.databases[database as usize];
        let moving = state.moving.as_mut()?;
        while moving.next < state.tally.keys {
            let key = moving.next;
            moving.next += 1;
            let (from, to) = (moving.from.shard(key), state.placement.shard(key));
            if from != to {
                return Some((key, from, to));
            }
        }
        None
    }

    /// The next key moves, with work at the node that it leaves and the one that it comes to.
    pub(in crate::world) fn move_key(&mut self, database: u32) {
        let Some((key, from, to)) = self.next_to_move(database) else {
            self.end_move(database);
            return;
        };
        let plan = &self.plan.databases[database as usize];
        self.databases[database as usize].tally.moved += 1;
        if plan.mover != NONE {
            for (number, shard) in [from, to].into_iter().enumerate() {
                let node = self.node_of_shard(database, shard, true);
                let draws = child_key(mix64(key), plan.site, number as u32, 1);
                self.spawn_at(NONE, node, plan.mover, draws);
                let frame = self.ready.pop_back().expect("just begun");
                self.proceed(frame, Next::Frame(frame));
            }
        }
        self.control(self.now.saturating_add(plan.move_gap_ns), Control::Move(database));
    }

    /// All keys are where they belong: shards that have none left leave.
    fn end_move(&mut self, database: u32) {
        let plan = &self.plan.databases[database as usize];
        let state = &mut self.databases[database as usize];
        if state.moving.take().is_none() {
            return;
        }
        let nodes = state.placement.shards() * (1 + plan.replicas);
        let leaving: Vec<u32> = self.members[plan.component as usize].iter().copied().skip(nodes as usize).collect();
        for node in leaving {
            if self.instances[node as usize].life == Life::Ready {
                self.leave(node);
            }
        }
    }

    // Failover.

    /// A node has crashed: if it is a primary, a replica takes over in a while.
    pub(in crate::world) fn node_crashed(&mut self, instance: u32) {
        let Kind::Database(database) = self.instances[instance as usize].kind else { return };
        let after = self.plan.databases[database as usize].failover_ns;
        if after > 0 && self.is_primary(instance, database) {
            self.control(self.now.saturating_add(after), Control::Promote(instance));
        }
    }

    fn is_primary(&self, instance: u32, database: u32) -> bool {
        let nodes = 1 + self.plan.databases[database as usize].replicas;
        let ordinal = self.instances[instance as usize].ordinal;
        self.databases[database as usize].primaries[(ordinal / nodes) as usize] == ordinal % nodes
    }

    /// A replica takes over from a primary that is still down.
    pub(in crate::world) fn promote(&mut self, instance: u32) {
        let component = self.instances[instance as usize].component;
        let database = self.database_at(component);
        if self.instances[instance as usize].is_up() || !self.is_primary(instance, database) {
            return;
        }
        let nodes = 1 + self.plan.databases[database as usize].replicas;
        let shard = self.instances[instance as usize].ordinal / nodes;
        let up = (0..nodes).find(|node| {
            let at = self.members[component as usize][(shard * nodes + node) as usize];
            self.instances[at as usize].is_up()
        });
        if let Some(node) = up {
            let open = self.open;
            let state = &mut self.databases[database as usize];
            state.primaries[shard as usize] = node;
            state.tally.failovers += open as u64;
        }
    }
}
