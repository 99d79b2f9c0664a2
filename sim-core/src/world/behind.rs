//! Writes that a cache has accepted and not yet written: write-behind.

use std::collections::{BTreeMap, VecDeque};

use super::cache::AHEAD;
use super::frame::{BRANCH, Frame, NO_COMPONENT, NO_DEADLINE, WRITE, Waiting};
use super::{Control, Next, World};
use crate::engine::rng::{PHI, mix64};
use crate::engine::slab::NONE;
use crate::plan::{FlushPlan, Outcome, ops};

/// What a cache is to write.
#[derive(Debug, Clone, Default)]
pub struct Behind {
    dirty: BTreeMap<u64, Dirty>,
    /// The keys of which no flush has taken the newest, in order.
    queue: VecDeque<u64>,
    /// Whether a flush is on the clock.
    armed: bool,
    flushes: u64,
}

/// A key that differs from the backing.
#[derive(Debug, Clone, Copy, Default)]
struct Dirty {
    /// Accepted writes that no call carries.
    waiting: u64,
    /// Accepted writes that the call in flight carries.
    sent: u64,
    queued: bool,
    /// Whether the cache has died since the call was sent.
    orphan: bool,
    class: u16,
    client: u32,
    size: u64,
}

impl Behind {
    /// Whether a key waits to be written.
    pub fn waits(&self, key: u64) -> bool {
        self.dirty.get(&key).is_some_and(|dirty| !dirty.orphan && dirty.waiting + dirty.sent > 0)
    }

    /// The cache dies: how many accepted writes are lost. What has been sent goes its way.
    fn lose(&mut self) -> u64 {
        let lost = self.dirty.values().map(|dirty| dirty.waiting).sum();
        self.dirty.retain(|_, dirty| dirty.sent > 0);
        for dirty in self.dirty.values_mut() {
            (dirty.waiting, dirty.queued, dirty.orphan) = (0, false, true);
        }
        self.queue.clear();
        lost
    }
}

impl<const TRACED: bool> World<'_, TRACED> {
    fn behind(&mut self, instance: u32) -> &mut Behind {
        &mut self.caches[self.instances[instance as usize].state as usize].behind
    }

    fn flush_plan(&self, instance: u32) -> FlushPlan {
        let component = self.instances[instance as usize].component;
        self.cache_plan(component).flush.expect("it writes behind")
    }

    /// A write is kept here; it goes to the backing later.
    pub(super) fn write_later(&mut self, frame: u32, component: u32) -> Next {
        self.frames[frame].version = AHEAD;
        self.store_version(frame, component, AHEAD);
        let Frame { item, instance, class, client, .. } = self.frames[frame];
        let key = item;
        let size = self.sizes[frame as usize];
        let behind = self.behind(instance);
        let dirty = behind.dirty.entry(key).or_default();
        if dirty.orphan {
            // Written before the crash, and again after it: the call in flight is of its own.
            dirty.orphan = false;
        }
        (dirty.class, dirty.client, dirty.size) = (class, client, size);
        dirty.waiting += 1;
        if !std::mem::replace(&mut dirty.queued, true) {
            behind.queue.push_back(key);
        }
        let queued = behind.queue.len();
        let plan = self.flush_plan(instance);
        if queued >= plan.batch as usize {
            self.begin_flush(instance, plan);
        } else {
            self.arm_flush(instance, plan);
        }
        Next::Step
    }

    fn arm_flush(&mut self, instance: u32, plan: FlushPlan) {
        if !std::mem::replace(&mut self.behind(instance).armed, true) {
            self.control(self.now.saturating_add(plan.every_ns), Control::Flush(instance));
        }
    }

    /// It is time to write what waits.
    pub(super) fn flush_due(&mut self, instance: u32) {
        let plan = self.flush_plan(instance);
        self.behind(instance).armed = false;
        while !self.behind(instance).queue.is_empty() {
            self.begin_flush(instance, plan);
        }
    }

    /// Begins a flush of one batch.
    fn begin_flush(&mut self, instance: u32, plan: FlushPlan) {
        let behind = self.behind(instance);
        behind.flushes += 1;
        let number = behind.flushes;
        let count = behind.queue.len().min(plan.batch as usize);
        let mut batch: Vec<u64> = behind.queue.drain(..count).collect();
        for key in &batch {
            behind.dirty.get_mut(key).expect("what is queued is dirty").queued = false;
        }
        batch.reverse();
        let flush = self.take_frame();
        let generation = self.frames[flush].generation;
        let owner = self.instances[instance as usize].owner;
        let ordinal = self.instances[instance as usize].ordinal as u64;
        self.frames[flush] = Frame {
            generation,
            start: self.now,
            since: self.now,
            key: mix64(plan.site ^ (ordinal << 40 | number).wrapping_mul(PHI)),
            deadline: NO_DEADLINE,
            parent: NONE,
            child: NONE,
            next: NONE,
            prev: NONE,
            log: NONE,
            instance,
            scope: if owner == NONE { instance } else { owner },
            pc: plan.program,
            via: NO_COMPONENT,
            op: ops::WRITE,
            flags: BRANCH | WRITE,
            outcome: Outcome::Ok as u8,
            waiting: Waiting::Nothing,
            ..Frame::default()
        };
        self.logs[flush as usize].clear();
        self.keys[flush as usize] = batch;
        self.ready.push_back(flush);
    }

    /// A flush takes its next key.
    pub(super) fn next_dirty(&mut self, frame: u32, _component: u32, to: u32) -> Next {
        let instance = self.frames[frame].instance;
        loop {
            let Some(key) = self.keys[frame as usize].pop() else { return Next::At(to) };
            let Some(dirty) = self.behind(instance).dirty.get_mut(&key) else { continue };
            if dirty.waiting == 0 || dirty.sent > 0 {
                // It went with another flush, or is on its way: the newest follows when that has ended.
                if dirty.waiting + dirty.sent == 0 && !dirty.queued {
                    self.behind(instance).dirty.remove(&key);
                }
                continue;
            }
            (dirty.sent, dirty.waiting) = (dirty.waiting, 0);
            let Dirty { class, client, size, .. } = *dirty;
            let state = &mut self.frames[frame];
            (state.item, state.class, state.client) = (key, class, client);
            // Each key's call draws for itself.
            state.turn = 0;
            state.key = mix64(state.key ^ PHI);
            self.sizes[frame as usize] = size;
            return Next::Step;
        }
    }

    /// A key has been written: its entry has the version that this made.
    pub(super) fn written(&mut self, frame: u32, component: u32) -> Next {
        let Frame { item: key, class, instance, version, .. } = self.frames[frame];
        let entry = self.entry_key(key, class, component);
        let state = self.instances[instance as usize].state as usize;
        let behind = &mut self.caches[state].behind;
        if let Some(dirty) = behind.dirty.get_mut(&key) {
            dirty.sent = 0;
            if dirty.waiting == 0 {
                // One that is still queued is met there.
                if !dirty.queued {
                    behind.dirty.remove(&key);
                }
                self.caches[state].store.set_version(entry, version);
            } else {
                self.queue_again(instance, key);
            }
        }
        Next::Step
    }

    fn queue_again(&mut self, instance: u32, key: u64) {
        let behind = self.behind(instance);
        if let Some(dirty) = behind.dirty.get_mut(&key)
            && !std::mem::replace(&mut dirty.queued, true)
        {
            behind.queue.push_back(key);
            let plan = self.flush_plan(instance);
            self.arm_flush(instance, plan);
        }
    }

    /// A key could not be written: this flush ends, and what it had left waits for the next.
    pub(super) fn not_written(&mut self, frame: u32, component: u32) -> Next {
        let Frame { item: key, instance, .. } = self.frames[frame];
        self.frames[frame].outcome = Outcome::Ok as u8;
        let behind = self.behind(instance);
        let mut lost = 0;
        if let Some(dirty) = behind.dirty.get_mut(&key) {
            if dirty.orphan {
                lost = dirty.sent;
                behind.dirty.remove(&key);
            } else {
                dirty.waiting += std::mem::take(&mut dirty.sent);
            }
        }
        self.meters.components[component as usize].lost_writes += lost * self.open as u64;
        let mut left = std::mem::take(&mut self.keys[frame as usize]);
        left.push(key);
        for key in left.into_iter().rev() {
            self.queue_again(instance, key);
        }
        Next::Step
    }

    /// A cache dies: what it had accepted and not written is lost.
    pub(super) fn lose_writes(&mut self, instance: u32) {
        let lost = self.behind(instance).lose();
        let component = self.instances[instance as usize].component;
        self.meters.components[component as usize].lost_writes += lost * self.open as u64;
    }
}
