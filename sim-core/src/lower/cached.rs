//! Calls of caches: what their strategies make of them.

use super::Lowering;
use super::call::{CallSpec, Caller, Part};
use super::program::Label;
use crate::components::Component;
use crate::components::cache::{CacheSpec, Fill, OnFailure, WriteMode};
use crate::plan::{ANY_OP, CacheOp, FlightPlan, KeyChoice, Op, ops};

impl<'m> Lowering<'m> {
    /// A call of a cache: what its strategy makes of it.
    pub(crate) fn cache_call(&mut self, target: u32, caller: &mut Caller, call: CallSpec, cache: &CacheSpec) {
        let aside_read = !cache.loads();
        let aside_write = !cache.writes();
        if !aside_read && !aside_write {
            self.straight_call(caller, call);
            return;
        }
        for _ in 0..call.times {
            let once = CallSpec { times: 1, key: KeyChoice::Request, ..call };
            self.with_key(caller, call.key, |lowering, caller| {
                lowering.or_else(caller, once, |lowering, caller, once| {
                    lowering.cache_call_once(caller, once, target, cache, aside_write);
                });
            });
        }
    }

    /// Emits a call that takes several operations, and where they end badly its fallback.
    pub(crate) fn or_else(
        &mut self,
        caller: &mut Caller,
        call: CallSpec,
        emit: impl FnOnce(&mut Self, &mut Caller, CallSpec),
    ) {
        let Some(fallback) = &call.link.options.fallback else {
            emit(self, caller, call);
            return;
        };
        let mut alone = call.link.clone();
        alone.options.fallback = None;
        let (failed, end) = (self.label(), self.label());
        self.unwinding(failed, |lowering| emit(lowering, caller, CallSpec { link: &alone, ..call }));
        self.emit(Op::Jump(end));
        self.place(failed);
        self.emit(Op::Recover);
        let link = self.plan.links.len() as u32;
        self.emit(Op::FallBack { link, done: false });
        self.call(caller, CallSpec { link: fallback, ..call });
        debug_assert!(self.plan.links.len() as u32 > link, "a call takes a link");
        self.emit(Op::FallBack { link, done: true });
        self.place(end);
    }

    /// Emits operations that are about another key.
    pub(crate) fn with_key(&mut self, caller: &mut Caller, key: KeyChoice, emit: impl FnOnce(&mut Self, &mut Caller)) {
        if key == KeyChoice::Request {
            emit(self, caller);
            return;
        }
        let site = caller.site("key");
        self.plan.key_sites.push(site);
        self.emit(Op::SetKey { key, site: self.plan.key_sites.len() as u32 - 1 });
        emit(self, caller);
        self.emit(Op::RestoreKey);
    }

    fn cache_call_once(
        &mut self,
        caller: &mut Caller,
        call: CallSpec,
        target: u32,
        cache: &CacheSpec,
        aside_write: bool,
    ) {
        let write = match call.op {
            ops::READ => Some(false),
            ops::WRITE => Some(true),
            ops::DELETE => {
                self.straight_call(caller, call);
                return;
            }
            ANY_OP if call.inherit_op => None,
            ANY_OP => match call.class {
                Some(class) => Some(self.plan.classes[class as usize].write),
                None => caller.writes,
            },
            _ => Some(false),
        };
        let write_part = |lowering: &mut Self, caller: &mut Caller| {
            if aside_write {
                lowering.write_aside(caller, call, target, cache);
            } else {
                lowering.straight_call(caller, CallSpec { op: ops::WRITE, ..call });
            }
        };
        let read_part = |lowering: &mut Self, caller: &mut Caller| {
            lowering.read_aside(caller, call, target, cache, None, cache.coalesce);
        };
        match write {
            Some(true) => write_part(self, caller),
            Some(false) => read_part(self, caller),
            None => {
                let (writes, end) = (self.label(), self.label());
                self.emit(Op::IfWrite(writes));
                read_part(self, caller);
                self.emit(Op::Jump(end));
                self.place(writes);
                write_part(self, caller);
                self.place(end);
            }
        }
    }

    /// Cache-aside: look up; on a miss the caller loads and fills. `own` are the steps of a `cached` step, for a miss
    /// and for a hit; without them what is missing is loaded over the cache's backing.
    pub(crate) fn read_aside(
        &mut self,
        caller: &mut Caller,
        call: CallSpec,
        target: u32,
        cache: &CacheSpec,
        own: Option<(Part<'_, 'm>, Part<'_, 'm>)>,
        coalesce: bool,
    ) {
        let (end, hit, unfilled) = (self.label(), self.label(), self.label());
        let failed = self.label();
        let load = |lowering: &mut Self, caller: &mut Caller| match (own, &cache.backing) {
            (Some((miss, _)), _) => miss(lowering, caller),
            (None, Some(backing)) => {
                let op = if call.op == ANY_OP { ops::READ } else { call.op };
                let load = CallSpec { op, class: call.class, size: call.size, ..CallSpec::plain(backing) };
                lowering.call(caller, load);
            }
            (None, None) => {}
        };
        self.emit(Op::IfKeyless { cache: target, to: unfilled });
        let get = CallSpec { op: ops::READ, ..call };
        let fallback = cache.on_failure == OnFailure::Backing;
        if fallback {
            self.unwinding(failed, |lowering| lowering.straight_call(caller, get));
        } else {
            self.straight_call(caller, get);
        }
        self.emit(Op::IfHit(hit));
        let fill = |lowering: &mut Self, caller: &mut Caller| {
            load(lowering, caller);
            if own.is_some() || cache.backing.is_some() {
                lowering.fill(caller, call, cache);
            }
        };
        self.shared_load(target, false, (coalesce, cache.stale_if_error.is_some()), caller, end, fill);
        self.emit(Op::Jump(end));
        if fallback {
            self.place(failed);
            self.emit(Op::Recover);
        }
        self.place(unfilled);
        load(self, caller);
        self.emit(Op::Jump(end));
        self.place(hit);
        self.refresh(target, false, cache.refreshes(), caller, fill);
        if let Some((_, on_hit)) = own {
            on_hit(self, caller);
        }
        self.place(end);
    }

    /// A load after a miss: shared with others who miss the same key, where loads are coalesced; where it fails, an
    /// entry that has ended may stand in. What is joined or stood in for goes on at `end`.
    pub(crate) fn shared_load(
        &mut self,
        cache: u32,
        own: bool,
        (coalesce, stands_in): (bool, bool),
        caller: &mut Caller,
        end: Label,
        load: impl FnOnce(&mut Self, &mut Caller),
    ) {
        if !coalesce && !stands_in {
            load(self, caller);
            return;
        }
        let flight = self.flight(cache, own, end);
        let (loaded, stand_in) = (self.label(), self.label());
        if coalesce {
            let join = Op::Cache(CacheOp::Join(flight));
            if stands_in {
                self.unwinding(stand_in, |lowering| lowering.emit(join));
            } else {
                self.emit(join);
            }
        }
        self.unwinding(loaded, |lowering| load(lowering, caller));
        self.place(loaded);
        let end_flight = Op::Cache(CacheOp::EndFlight);
        match (coalesce, stands_in) {
            (true, true) => self.clean_up(end_flight),
            (true, false) => self.emit(end_flight),
            (false, _) => {}
        }
        self.place(stand_in);
        if stands_in {
            self.emit(Op::Cache(CacheOp::StandIn(flight)));
        }
    }

    /// A hit may load its key anew, in the background.
    pub(crate) fn refresh(
        &mut self,
        cache: u32,
        own: bool,
        refreshes: bool,
        caller: &mut Caller,
        load: impl FnOnce(&mut Self, &mut Caller),
    ) {
        if !refreshes {
            return;
        }
        let (start, ended, after) = (self.label(), self.label(), self.label());
        let flight = self.flight(cache, own, start);
        self.plan.flights[flight as usize].site = caller.site("refresh");
        self.emit(Op::Cache(CacheOp::Refresh(flight)));
        self.emit(Op::Jump(after));
        self.place(start);
        // It holds nothing of what its caller holds.
        let mut own_caller = Caller {
            sessions: Vec::new(),
            holding: Vec::new(),
            forks: caller.forks.saturating_add(1),
            ..caller.clone()
        };
        self.unwinding(ended, |lowering| load(lowering, &mut own_caller));
        self.place(ended);
        self.clean_up(Op::Cache(CacheOp::EndFlight));
        self.release_sessions(&own_caller);
        caller.ordinal = own_caller.ordinal;
        self.emit(Op::EndBranch);
        self.place(after);
    }

    fn flight(&mut self, cache: u32, own: bool, to: Label) -> u32 {
        let cell = self.load_cell(cache);
        self.plan.flights.push(FlightPlan { cache, own, cell, to, site: 0 });
        self.plan.flights.len() as u32 - 1
    }

    /// Fills a cache with what was loaded; that it can't be filled is no error.
    fn fill(&mut self, caller: &mut Caller, call: CallSpec, cache: &CacheSpec) {
        let fill = CallSpec { op: ops::STORE, ..call };
        match cache.fill {
            Fill::Sync => self.may_fail(|lowering| lowering.straight_call(caller, fill)),
            Fill::Async => {
                let plan = self.straight_plan(caller, fill);
                self.emit(Op::Cast(plan));
            }
        }
    }

    /// Emits operations whose failure is mended.
    fn may_fail(&mut self, emit: impl FnOnce(&mut Self)) {
        let (failed, end) = (self.label(), self.label());
        self.unwinding(failed, emit);
        self.emit(Op::Jump(end));
        self.place(failed);
        self.emit(Op::Recover);
        self.place(end);
    }

    /// The caller writes to the backing, then removes the key, sets it anew, or lets it be.
    fn write_aside(&mut self, caller: &mut Caller, call: CallSpec, target: u32, cache: &CacheSpec) {
        if let Some(backing) = &cache.backing {
            let write = CallSpec { op: ops::WRITE, class: call.class, size: call.size, ..CallSpec::plain(backing) };
            self.call(caller, write);
        }
        let op = match cache.write_mode() {
            WriteMode::Around => return,
            WriteMode::Update => ops::STORE,
            WriteMode::Invalidate | WriteMode::Through | WriteMode::Behind => ops::DELETE,
        };
        let end = self.label();
        self.emit(Op::IfKeyless { cache: target, to: end });
        let tell = CallSpec { op, ..call };
        if cache.on_failure == OnFailure::Backing {
            self.may_fail(|lowering| lowering.straight_call(caller, tell));
        } else {
            self.straight_call(caller, tell);
        }
        self.place(end);
    }

    /// The database (its name) whose data a component's answers are, if there is one.
    pub(crate) fn source_of(&self, name: &str) -> Option<String> {
        let mut name = name.to_string();
        // Whoever comes back to itself has no source.
        for _ in 0..=self.model.components.len() {
            let component = &self.model.components[name.as_str()];
            if let Component::Database(_) = component {
                return Some(name);
            }
            name = match component.part().answers_from() {
                Some(link) => link.to.as_str().to_string(),
                None => self.loaded_from(&name)?,
            };
        }
        None
    }

    /// Whether a cache has copies of a database's data.
    pub(crate) fn is_versioned(&self, database: &str) -> bool {
        let is_cache = |component: &Component| matches!(component, Component::Cache(_));
        let mut caches = self.model.components.iter().filter(|(_, component)| is_cache(component));
        caches.any(|(name, _)| self.source_of(name).as_deref() == Some(database))
    }

    /// Whom the steps call that load a cache without a backing.
    fn loaded_from(&self, cache: &str) -> Option<String> {
        self.model.components.values().find_map(|component| {
            let Component::ServerPool(pool) = component else { return None };
            pool.handlers.values().find_map(|steps| super::steps::first_call_on_miss(steps, cache))
        })
    }
}
