//! Caches: their tables, and a program for each operation.

use super::super::call::{CallSpec, Caller};
use super::super::{Lowering, site};
use super::{WORK, scope, station};
use crate::components::cache::{CacheSpec, Capacity, Eviction, Fill, ReadMode, Ttl, WriteMode};
use crate::engine::slab::NONE;
use crate::model::link::Scope as ScopeSpec;
use crate::plan::*;
use crate::policy::eviction::Eviction as Policy;

impl Lowering<'_> {
    pub(in crate::lower) fn cache(&mut self, id: u32, name: &str, spec: &CacheSpec) {
        let ttl_ns = self.ttls(spec.ttl.as_ref());
        self.plan.caches.push(CachePlan {
            component: id,
            capacity: match spec.capacity {
                Some(Capacity::Items(items)) => items,
                Some(Capacity::Bytes(_)) => unreachable!("validated: byte capacities are not in this version"),
                None => u64::MAX,
            },
            eviction: match spec.eviction {
                Eviction::Lru => Policy::Lru,
                Eviction::Fifo => Policy::Fifo,
                Eviction::Lfu => Policy::Lfu,
                Eviction::Random => Policy::Random,
                Eviction::Sieve => Policy::Sieve,
                Eviction::S3Fifo => Policy::S3Fifo,
                Eviction::WTinyLfu => Policy::WTinyLfu,
                Eviction::Arc => Policy::Arc,
                Eviction::RedisLru => Policy::RedisLru,
                Eviction::RedisLfu => Policy::RedisLfu,
                Eviction::None => Policy::None,
            },
            site: site(&[name, "eviction"]),
            ttl_ns,
            versions_of: NONE,
        });
        let kind = Kind::Cache(self.plan.caches.len() as u32 - 1);
        let plan = self.plan_of(id);
        plan.kind = kind;
        plan.scope = scope(spec.scope);
        // One that all share is its own caller; a copy belongs to its owner.
        plan.is_caller = spec.scope == ScopeSpec::Shared;
        plan.stations = vec![station("threads", spec.threads.0 as u32)];
        let read = self.here();
        self.cache_read(id, name, spec);
        let write = self.here();
        self.cache_write(id, name, spec);
        let delete = self.here();
        self.cache_program(id, name, spec, "delete", |lowering, _| lowering.emit(Op::Remove(id)));
        let store = self.here();
        self.cache_program(id, name, spec, "store", |lowering, _| lowering.emit(Op::Store(id)));
        let entries = &mut self.plan_of(id).entry_by_op;
        // What a database calls by other names goes through a cache as a read.
        entries.fill(read);
        entries[ops::WRITE as usize] = write;
        entries[ops::DELETE as usize] = delete;
        entries[ops::STORE as usize] = store;
    }

    /// Times to live by keyspace, the last one for calls of no keyspace; 0: for ever.
    pub(in crate::lower) fn ttls(&self, ttl: Option<&Ttl>) -> Vec<u64> {
        let of = |keyspace: &str| ttl.and_then(|ttl| ttl.of(keyspace)).unwrap_or(0);
        let default = ttl.and_then(|ttl| ttl.default).map_or(0, |time| time.0);
        self.model.keyspaces.keys().map(|name| of(name)).chain([default]).collect()
    }

    /// An operation's time at a cache's threads.
    fn cache_service(&mut self, id: u32, name: &str, spec: &CacheSpec, op: &str) {
        let own = match op {
            "read" => &spec.operations.read,
            "delete" => &spec.operations.delete,
            _ => &spec.operations.write,
        };
        let service = own.as_ref().unwrap_or(&spec.service);
        let draw = self.draw(&service.0, site(&[name, op]));
        let cell = self.work_cell(id);
        self.emit(Op::Work { station: WORK, admission: true, cell, draw });
    }

    fn cache_program(
        &mut self,
        id: u32,
        name: &str,
        spec: &CacheSpec,
        op: &str,
        rest: impl FnOnce(&mut Self, &mut Caller),
    ) {
        let mut caller = Caller::new(id, &[name, op], Some(op == "write"));
        let (release, reply) = (self.label(), self.label());
        self.unwinding(release, |lowering| {
            lowering.cache_service(id, name, spec, op);
            rest(lowering, &mut caller);
        });
        self.place(release);
        self.release_sessions(&caller);
        self.place(reply);
        self.emit(Op::Reply);
    }

    fn cache_read(&mut self, id: u32, name: &str, spec: &CacheSpec) {
        let through = spec.read_mode() == ReadMode::Through;
        let backing = spec.backing.as_ref().filter(|_| through);
        self.cache_program(id, name, spec, "read", |lowering, caller| {
            let (unfilled, end) = (lowering.label(), lowering.label());
            let Some(backing) = backing else {
                lowering.emit(Op::Lookup(id));
                return;
            };
            let load = CallSpec { inherit_op: true, ..CallSpec::plain(backing) };
            lowering.emit(Op::IfKeyless { cache: id, to: unfilled });
            lowering.emit(Op::Lookup(id));
            lowering.emit(Op::IfHit(end));
            lowering.call(caller, load);
            if spec.fill == Fill::Async {
                lowering.emit(Op::ReplyEarly);
            }
            lowering.cache_service(id, name, spec, "store");
            lowering.emit(Op::Store(id));
            lowering.emit(Op::Jump(end));
            lowering.place(unfilled);
            lowering.call(caller, load);
            lowering.place(end);
        });
    }

    fn cache_write(&mut self, id: u32, name: &str, spec: &CacheSpec) {
        let through = spec.write_mode() == WriteMode::Through;
        self.cache_program(id, name, spec, "write", |lowering, caller| {
            if let Some(backing) = &spec.backing {
                lowering.call(caller, CallSpec { op: ops::WRITE, ..CallSpec::plain(backing) });
            }
            let end = lowering.label();
            lowering.emit(Op::IfKeyless { cache: id, to: end });
            lowering.emit(if through { Op::Store(id) } else { Op::Remove(id) });
            lowering.place(end);
        });
    }
}
