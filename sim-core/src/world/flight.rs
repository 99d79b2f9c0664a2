//! Loads in flight: who waits for whose load of a key, and loads in the background.

use std::collections::BTreeMap;

use super::frame::{ADMITTED, BRANCH, COUNTED, FALLBACK, Frame, HIT, Waiting, child_key};
use super::{Next, World};
use crate::engine::slab::NONE;
use crate::plan::Outcome;
use crate::policy::eviction::NEVER_NS;

/// All loads in flight that others may wait for.
#[derive(Debug, Clone, Default)]
pub struct Flights {
    /// By instance of a cache and key: the load.
    by_key: BTreeMap<(u32, u64), u32>,
    list: Vec<Flight>,
    free: Vec<u32>,
    /// By frame: the loads that it makes, innermost last.
    leads: BTreeMap<u32, Vec<u32>>,
}

/// A load in flight.
#[derive(Debug, Clone, Default)]
struct Flight {
    of: (u32, u64),
    /// Who waits for it, in order; and where they go on.
    waiting: Vec<(u32, u32)>,
}

impl Flights {
    fn begin(&mut self, of: (u32, u64), leader: u32) {
        let flight = Flight { of, waiting: Vec::new() };
        let at = self.free.pop().unwrap_or_else(|| {
            self.list.push(Flight::default());
            self.list.len() as u32 - 1
        });
        self.list[at as usize] = flight;
        self.by_key.insert(of, at);
        self.leads.entry(leader).or_default().push(at);
    }

    /// The innermost load that a frame makes, which is over.
    fn end(&mut self, leader: u32) -> u32 {
        let leads = self.leads.get_mut(&leader).expect("it makes a load");
        let flight = leads.pop().expect("it makes a load");
        if leads.is_empty() {
            self.leads.remove(&leader);
        }
        flight
    }

    /// A frame waits no longer.
    fn withdraw(&mut self, frame: u32, flight: u32) {
        self.list[flight as usize].waiting.retain(|(other, _)| *other != frame);
    }
}

impl<const TRACED: bool> World<'_, TRACED> {
    /// A frame missed a key: it waits for the load that is in flight, or begins one.
    pub(super) fn join_flight(&mut self, frame: u32, flight: u32) -> Next {
        let plan = self.plan.flights[flight as usize];
        let of = self.flight_key(frame, plan.cache, plan.own);
        let Some(&at) = self.flights.by_key.get(&of) else {
            self.flights.begin(of, frame);
            return Next::Step;
        };
        self.flights.list[at as usize].waiting.push((frame, plan.to));
        self.meters.components[plan.cache as usize].coalesced += self.open as u64;
        self.frames[frame].child = at;
        self.open_phase(frame, plan.cell, Waiting::Flight);
        Next::Wait
    }

    fn flight_key(&mut self, frame: u32, cache: u32, own: bool) -> (u32, u64) {
        let instance = self.cache_of(frame, cache, own);
        let Frame { item, class, .. } = self.frames[frame];
        (instance, self.entry_key(item, class, cache))
    }

    /// A load is over: who waited for it has what it brought, or fails as it did. Where the one who loaded was called
    /// off, the first who waits loads instead.
    pub(super) fn end_flight(&mut self, frame: u32) -> Next {
        let at = self.flights.end(frame);
        let Frame { version, .. } = self.frames[frame];
        let outcome = self.frames[frame].outcome();
        let mut waiting = std::mem::take(&mut self.flights.list[at as usize].waiting);
        if matches!(outcome, Outcome::Cancelled | Outcome::Abandoned) && !waiting.is_empty() {
            let (heir, _) = waiting.remove(0);
            self.flights.list[at as usize].waiting = waiting;
            self.flights.leads.entry(heir).or_default().push(at);
            self.leave_flight(heir);
            self.ready_after(heir, Ok(()));
            return self.after_cleanup(frame);
        }
        let of = self.flights.list[at as usize].of;
        self.flights.by_key.remove(&of);
        self.flights.free.push(at);
        for (other, to) in waiting {
            self.leave_flight(other);
            if outcome == Outcome::Ok {
                let state = &mut self.frames[other];
                state.version = version;
                state.waiting = Waiting::Nothing;
                state.pc = to;
                self.ready.push_back(other);
            } else {
                self.ready_after(other, Err(outcome));
            }
        }
        self.after_cleanup(frame)
    }

    fn leave_flight(&mut self, frame: u32) {
        self.close_phase(frame);
        self.frames[frame].child = NONE;
    }

    /// A frame that waits for a load is ended.
    pub(super) fn withdraw_from_flight(&mut self, frame: u32) {
        let flight = self.frames[frame].child;
        self.flights.withdraw(frame, flight);
        self.leave_flight(frame);
    }

    /// A hit: where the entry is near its end, or past it, and nobody loads it, a branch does so in the background.
    pub(super) fn refresh(&mut self, frame: u32, flight: u32) -> Next {
        let plan = self.plan.flights[flight as usize];
        let of = self.flight_key(frame, plan.cache, plan.own);
        if !self.is_due(frame, plan.cache, of) || self.flights.by_key.contains_key(&of) {
            return Next::Step;
        }
        let branch = self.take_frame();
        let generation = self.frames[branch].generation;
        let caller = self.frames[frame];
        self.frames[branch] = Frame {
            generation,
            start: self.now,
            since: self.now,
            key: child_key(caller.key, plan.site, caller.turn, 0),
            wake: 0,
            deadline: super::frame::NO_DEADLINE,
            parent: NONE,
            child: NONE,
            log: NONE,
            pc: plan.to,
            turn: 0,
            mark: 0,
            attempt: 0,
            outcome: Outcome::Ok as u8,
            waiting: Waiting::Nothing,
            flags: (caller.flags | BRANCH) & !(FALLBACK | ADMITTED | COUNTED | HIT),
            ..caller
        };
        self.frames[branch].sessions_clear();
        self.logs[branch as usize].clear();
        self.sizes[branch as usize] = self.sizes[frame as usize];
        self.flights.begin(of, branch);
        self.meters.components[plan.cache as usize].refreshes += self.open as u64;
        self.ready.push_back(branch);
        Next::Step
    }

    /// Whether a hit on an entry makes it be loaded anew.
    fn is_due(&self, frame: u32, cache: u32, (instance, key): (u32, u64)) -> bool {
        let plan = self.cache_plan(cache);
        let state = self.instances[instance as usize].state;
        let Some((_, expires_ns)) = self.caches[state as usize].store.peek(key) else { return false };
        if expires_ns == NEVER_NS {
            return false;
        }
        let left = expires_ns - plan.grace_ns as i64 - self.now as i64;
        let Some(share) = plan.refresh else { return left <= 0 };
        let keyspace = self.plan.classes[self.frames[frame].class as usize].keyspace;
        let ttl = self.ttl_ns(cache, keyspace);
        left as f64 <= ttl as f64 * (1.0 - share)
    }

    /// A load failed: an entry that has ended stands in, where it is still kept.
    pub(super) fn stand_in(&mut self, frame: u32, flight: u32) -> Next {
        if self.frames[frame].outcome() == Outcome::Ok {
            return Next::Step;
        }
        if self.frames[frame].waiting == Waiting::Ending {
            return self.after_cleanup(frame);
        }
        let plan = self.plan.flights[flight as usize];
        let (instance, key) = self.flight_key(frame, plan.cache, plan.own);
        let state = self.instances[instance as usize].state;
        let kept = self.caches[state as usize].store.peek(key).filter(|(_, expires_ns)| *expires_ns > self.now as i64);
        let Some((version, _)) = kept else { return self.after_cleanup(frame) };
        let newest = self.newest_of(plan.cache, self.frames[frame].item);
        let meter = &mut self.meters.components[plan.cache as usize];
        meter.stood_in += self.open as u64;
        meter.stale_reads += (self.open && newest > Some(version)) as u64;
        let state = &mut self.frames[frame];
        state.outcome = Outcome::Ok as u8;
        state.version = version;
        Next::At(plan.to)
    }
}
