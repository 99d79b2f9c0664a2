//! Caches: their tables, and a program for each operation.

use super::super::call::{CallSpec, Caller};
use super::super::{Lowering, site};
use super::WORK;
use crate::components::cache::{CacheNodeOverride, CacheSpec, Capacity, Eviction, Fill, ReadMode, Ttl, WriteMode};
use crate::engine::slab::NONE;
use crate::model::link::Scope as ScopeSpec;
use crate::plan::*;
use crate::policy::eviction::Eviction as Policy;
use crate::policy::hash_slots;

impl Lowering<'_> {
    pub(crate) fn cache(&mut self, id: u32, name: &str, spec: &CacheSpec) {
        let table = self.cache_plan(id, name, spec);
        self.plan.sized_keys |= table.weighed;
        self.plan.sizes |= table.weighed;
        self.plan.caches.push(table);
        let cache = self.plan.caches.len() - 1;
        let kind = Kind::Cache(cache as u32);
        let plan = self.plan_of(id);
        plan.kind = kind;
        // One that all share is its own caller; a copy belongs to its owner.
        plan.is_caller = spec.scope == ScopeSpec::Shared;
        plan.stations = vec![StationPlan::plain("threads", spec.threads.0 as u32)];
        plan.overrides = overrides(spec);
        let read = self.here();
        self.cache_read(id, name, spec);
        let write = self.here();
        self.cache_write(id, name, spec);
        let delete = self.here();
        self.cache_program(id, name, spec, "delete", |lowering, _| {
            lowering.emit(Op::Remove(id));
            lowering.take_tagged(id, spec);
        });
        let store = self.here();
        self.cache_program(id, name, spec, "store", |lowering, _| lowering.emit(Op::Store(id)));
        let entries = &mut self.plan_of(id).entry_by_op;
        // What a database calls by other names goes through a cache as a read.
        entries.fill(read);
        entries[ops::WRITE as usize] = write;
        entries[ops::DELETE as usize] = delete;
        entries[ops::STORE as usize] = store;
        if spec.write_mode() == WriteMode::Behind {
            let program = self.cache_flush(id, name, spec);
            let (every_ns, batch) = (spec.flush.every.0, spec.flush.batch.0 as u32);
            let flush = FlushPlan { every_ns, batch, program, site: site(&[name, "flush"]) };
            self.plan.caches[cache].flush = Some(flush);
        }
    }

    fn cache_plan(&self, id: u32, name: &str, spec: &CacheSpec) -> CachePlan {
        let ahead = spec.read_mode() == ReadMode::Ahead;
        let nodes = spec.nodes.0 as u32;
        CachePlan {
            component: id,
            capacity: match spec.capacity {
                Some(Capacity::Items(most) | Capacity::Bytes(most)) => most,
                None => u64::MAX,
            },
            weighed: matches!(spec.capacity, Some(Capacity::Bytes(_))),
            eviction: eviction(spec.eviction),
            site: site(&[name, "eviction"]),
            ttl_ns: self.ttls(spec.ttl.as_ref()),
            ttl_jitter: spec.ttl_jitter.0,
            revalidate_ns: spec.revalidate_ns(),
            grace_ns: spec.grace_ns(),
            refresh: ahead.then_some(spec.refresh.0),
            versions_of: NONE,
            slot_ends: if nodes > 1 { hash_slots::ends(nodes) } else { Vec::new() },
            warm: self.warm(spec),
            flush: None,
            tagged: spec.invalidate_tags,
            cdn: None,
        }
    }

    /// What is in a cache at the start: keyspace, how many keys, a class of that keyspace that has a size.
    fn warm(&self, spec: &CacheSpec) -> Vec<(u32, u64, Option<u16>)> {
        let Some(warm) = &spec.warm else { return Vec::new() };
        let keyspaces = self.model.keyspaces.iter().zip(0..);
        let known = keyspaces.filter_map(|((name, keyspace), id)| {
            let keys = warm.by_keyspace.get(name).copied().or(warm.default)?.of(keyspace.count());
            let mut classes = self.plan.classes.iter().zip(0..);
            let sized = classes.find(|(class, _)| class.keyspace == Some(id) && class.size.is_some());
            Some((id, keys, sized.map(|(_, class)| class)))
        });
        known.collect()
    }

    /// Times to live by keyspace, the last one for calls of no keyspace; 0: for ever.
    pub(crate) fn ttls(&self, ttl: Option<&Ttl>) -> Vec<u64> {
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
        let backing = spec.backing.as_ref().filter(|_| spec.loads());
        self.cache_program(id, name, spec, "read", |lowering, caller| {
            let (unfilled, hit, end) = (lowering.label(), lowering.label(), lowering.label());
            let Some(backing) = backing else {
                lowering.emit(Op::Lookup(id));
                return;
            };
            let load = CallSpec { inherit_op: true, ..CallSpec::plain(backing) };
            let fill = |lowering: &mut Self, caller: &mut Caller| {
                lowering.call(caller, load);
                lowering.cache_service(id, name, spec, "store");
                lowering.emit(Op::Store(id));
            };
            lowering.emit(Op::IfKeyless { cache: id, to: unfilled });
            lowering.emit(Op::Lookup(id));
            lowering.emit(Op::IfHit(hit));
            lowering.shared_load(
                id,
                true,
                (spec.coalesce, spec.stale_if_error.is_some()),
                caller,
                end,
                |lowering, caller| {
                    if spec.fill == Fill::Async {
                        lowering.call(caller, load);
                        lowering.emit(Op::ReplyEarly);
                        lowering.cache_service(id, name, spec, "store");
                        lowering.emit(Op::Store(id));
                    } else {
                        fill(lowering, caller);
                    }
                },
            );
            lowering.emit(Op::Jump(end));
            lowering.place(unfilled);
            lowering.call(caller, load);
            lowering.emit(Op::Jump(end));
            lowering.place(hit);
            lowering.refresh(id, true, spec.refreshes(), caller, fill);
            lowering.place(end);
        });
    }

    fn cache_write(&mut self, id: u32, name: &str, spec: &CacheSpec) {
        let mode = spec.write_mode();
        self.cache_program(id, name, spec, "write", |lowering, caller| {
            let (end, keyless) = (lowering.label(), lowering.label());
            if mode == WriteMode::Behind {
                lowering.emit(Op::IfKeyless { cache: id, to: keyless });
                lowering.emit(Op::Cache(CacheOp::WriteLater(id)));
                lowering.take_tagged(id, spec);
                lowering.emit(Op::Jump(end));
                lowering.place(keyless);
            }
            if let Some(backing) = &spec.backing {
                lowering.call(caller, CallSpec { op: ops::WRITE, ..CallSpec::plain(backing) });
            }
            match mode {
                WriteMode::Invalidate | WriteMode::Update | WriteMode::Through => {
                    lowering.emit(Op::IfKeyless { cache: id, to: end });
                    let keeps = mode != WriteMode::Invalidate;
                    lowering.emit(if keeps { Op::Store(id) } else { Op::Remove(id) });
                    lowering.take_tagged(id, spec);
                }
                WriteMode::Behind | WriteMode::Around => {}
            }
            lowering.place(end);
        });
    }

    /// A write takes out what has its tags.
    fn take_tagged(&mut self, id: u32, spec: &CacheSpec) {
        if spec.invalidate_tags {
            self.emit(Op::Cache(CacheOp::TakeTagged(id)));
        }
    }

    /// The program of a flush: one key after the other, as long as they can be written.
    fn cache_flush(&mut self, id: u32, name: &str, spec: &CacheSpec) -> Pc {
        let mut caller = Caller::new(id, &[name, "flush"], Some(true));
        let (program, done, failed) = (self.here(), self.label(), self.label());
        self.emit(Op::Cache(CacheOp::NextDirty { cache: id, to: done }));
        if let Some(backing) = &spec.backing {
            let write = CallSpec { op: ops::WRITE, ..CallSpec::plain(backing) };
            self.unwinding(failed, |lowering| lowering.call(&mut caller, write));
        }
        self.emit(Op::Cache(CacheOp::Written(id)));
        self.emit(Op::Jump(program));
        self.place(failed);
        self.emit(Op::Cache(CacheOp::NotWritten(id)));
        self.place(done);
        self.release_sessions(&caller);
        self.emit(Op::EndBranch);
        program
    }
}

/// What single nodes have otherwise.
fn overrides(spec: &CacheSpec) -> Vec<OverridePlan> {
    let node = |(number, own): (&String, &CacheNodeOverride)| {
        Some(OverridePlan {
            speed: own.speed.map(|speed| speed.0),
            stations: own.threads.iter().map(|threads| StationPlan::plain("threads", threads.0 as u32)).collect(),
            ..OverridePlan::of(number.parse().ok()?)
        })
    };
    spec.overrides.iter().filter_map(node).collect()
}

pub(super) fn eviction(eviction: Eviction) -> Policy {
    match eviction {
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
    }
}
