//! CDNs: a cache in each region, and a program for each class.

use super::super::call::{CallSpec, Caller};
use super::super::steps::cumulative;
use super::super::{Lowering, site};
use crate::components::Component;
use crate::components::cache::Capacity;
use crate::components::cdn::CdnSpec;
use crate::engine::slab::NONE;
use crate::plan::*;
use crate::policy::cdn_ttl::{Limits, kept_ns};

/// For how long an answer past its end may stand in for a failing origin, ns: a hundred years.
const STANDS_IN_NS: u64 = 100 * 365 * 86_400 * 1_000_000_000;

impl Lowering<'_> {
    pub(crate) fn cdn(&mut self, id: u32, name: &str, spec: &CdnSpec) {
        let ttl_ns: Vec<Option<u64>> = self.model.classes.values().map(|class| kept(spec, class)).collect();
        let rtts: Vec<Option<u32>> =
            spec.regions.iter().map(|(region, own)| self.region_rtt(name, region, own)).collect();
        let keeps = spec.ttl.min.0 > 0;
        let cell = self.link_cell(id);
        self.plan.caches.push(CachePlan {
            component: id,
            capacity: match spec.capacity {
                Some(Capacity::Items(most) | Capacity::Bytes(most)) => most,
                None => u64::MAX,
            },
            weighed: matches!(spec.capacity, Some(Capacity::Bytes(_))),
            eviction: super::cache::eviction(spec.eviction),
            site: site(&[name, "eviction"]),
            ttl_ns: vec![0; self.plan.keyspaces.len() + 1],
            ttl_jitter: 0.0,
            revalidate_ns: 0,
            grace_ns: if keeps { STANDS_IN_NS } else { 0 },
            refresh: None,
            versions_of: NONE,
            slot_ends: Vec::new(),
            warm: Vec::new(),
            flush: None,
            tagged: false,
            cdn: Some(CdnPlan {
                regions: if rtts.is_empty() { vec![None] } else { rtts },
                shares: cumulative(spec.regions.values().map(|region| region.share.0)),
                of_clients: self.regions_of_clients(spec),
                ttl_ns: ttl_ns.clone(),
                cell,
                site: site(&[name, "region"]),
            }),
        });
        let cache = self.plan.caches.len() as u32 - 1;
        self.plan.sized_keys |= self.plan.caches[cache as usize].weighed;
        self.plan.sizes |= self.plan.caches[cache as usize].weighed;
        let plan = self.plan_of(id);
        plan.kind = Kind::Cache(cache);
        plan.is_caller = true;
        for (class, kept) in ttl_ns.into_iter().enumerate() {
            let entry = self.here();
            let writes = self.plan.classes[class].write;
            self.cdn_program(id, name, spec, (class, kept.filter(|_| !writes).is_some()));
            self.plan_of(id).entry_by_class[class] = entry;
        }
    }

    fn region_rtt(&mut self, name: &str, region: &str, spec: &crate::components::cdn::Region) -> Option<u32> {
        (spec.rtt.0.as_constant() != Some(0.0)).then(|| self.draw(&spec.rtt.0, site(&[name, region, "rtt"])))
    }

    /// By client that says where its users are: cumulative shares of the CDN's regions.
    fn regions_of_clients(&self, spec: &CdnSpec) -> Vec<(u32, Vec<f64>)> {
        let clients = self.model.components.iter().filter_map(|(name, component)| match component {
            Component::Client(client) => Some((name, &client.population.as_ref()?.regions)),
            _ => None,
        });
        let known = clients.filter(|(_, regions)| spec.regions.keys().any(|region| regions.contains_key(region)));
        let shares = known.map(|(name, regions)| {
            let of = spec.regions.keys().map(|region| regions.get(region).map_or(0.0, |share| share.0));
            (self.id(name), cumulative(of))
        });
        shares.collect()
    }

    /// What a CDN does with a class: its way to the region's cache and, where it is not kept there, to the origin.
    fn cdn_program(&mut self, id: u32, name: &str, spec: &CdnSpec, (class, kept): (usize, bool)) {
        let class_name = self.plan.classes[class].name.clone();
        let mut caller = Caller::new(id, &[name, &class_name], None);
        let release = self.label();
        self.unwinding(release, |lowering| {
            lowering.emit(Op::Cache(CacheOp::Edge(id)));
            if spec.service.0.as_constant() != Some(0.0) {
                let draw = lowering.draw(&spec.service.0, site(&[name, &class_name, "service"]));
                let cell = lowering.work_cell(id) + 1;
                lowering.emit(Op::Delay { cell, draw });
            }
            let load = CallSpec { inherit_op: true, ..CallSpec::plain(&spec.to) };
            if !kept {
                lowering.call(&mut caller, load);
                return;
            }
            let (end, pass) = (lowering.label(), lowering.label());
            // What a trace calls a write is one, whatever its class.
            lowering.emit(Op::IfWrite(pass));
            lowering.emit(Op::IfKeyless { cache: id, to: pass });
            lowering.emit(Op::Lookup(id));
            lowering.emit(Op::IfHit(end));
            let stands_in = spec.ttl.min.0 > 0;
            lowering.shared_load(id, true, (spec.collapse, stands_in), &mut caller, end, |lowering, caller| {
                lowering.call(caller, load);
                lowering.emit(Op::Store(id));
            });
            lowering.emit(Op::Jump(end));
            lowering.place(pass);
            lowering.call(&mut caller, load);
            lowering.place(end);
        });
        self.place(release);
        self.release_sessions(&caller);
        self.emit(Op::Reply);
    }
}

fn kept(spec: &CdnSpec, class: &crate::model::class::Class) -> Option<u64> {
    let limits = Limits { min_ns: spec.ttl.min.0, default_ns: spec.ttl.default.0, max_ns: spec.ttl.max.0 };
    kept_ns(limits, class.max_age.map(|age| age.0), class.no_store)
}
