//! CDNs: a cache in each region, one more as their shield, and a program for each class in each.

use super::super::call::{CallSpec, Caller};
use super::super::steps::cumulative;
use super::super::{Lowering, site};
use crate::components::Component;
use crate::components::cache::Capacity;
use crate::components::cdn::{CdnSpec, Compress, Shield};
use crate::engine::slab::NONE;
use crate::model::class::Class;
use crate::model::link::{Link, LinkOptions};
use crate::model::value::TimeDistribution;
use crate::plan::*;
use crate::policy::cdn_ttl::{Limits, kept_ns};

/// For how long an answer past its end may stand in for a failing origin, ns: a hundred years.
const STANDS_IN_NS: u64 = 100 * 365 * 86_400 * 1_000_000_000;

/// A row of a CDN's caches: those of its regions, or its shield.
struct Layer<'a> {
    id: u32,
    name: &'a str,
    spec: &'a CdnSpec,
    asks: Asks<'a>,
    compresses: bool,
}

/// Whom a cache asks for what it does not have.
enum Asks<'a> {
    /// The origin.
    Origin(&'a Link),
    /// The shield, over this link of the plan.
    Shield(u32),
}

impl Lowering<'_> {
    pub(crate) fn cdn(&mut self, id: u32, name: &str, spec: &CdnSpec) {
        let shield = spec.shield.as_ref().map(|shield| (shield, self.shield(name, spec, shield)));
        let rtts = spec.regions.iter().map(|(region, own)| self.way(&own.rtt, &[name, region, "rtt"])).collect();
        let to_shield = shield.map_or_else(Vec::new, |(shield, _)| self.ways_to_shield(name, spec, shield));
        let regions = CdnPlan {
            regions: if spec.regions.is_empty() { vec![None] } else { rtts },
            shares: cumulative(spec.regions.values().map(|region| region.share.0)),
            of_clients: self.regions_of_clients(spec),
            shield: shield.map_or(NONE, |(_, shield)| shield),
            to_shield,
            compress: spec.compress.as_ref().map(|compress| self.compress(spec, compress)),
            ..self.row(id, name, spec)
        };
        self.cdn_caches(id, name, spec, spec.capacity, regions);
        let asks = match shield {
            Some((_, shield)) => Asks::Shield(self.link_to_shield(id, shield, &spec.to)),
            None => Asks::Origin(&spec.to),
        };
        self.cdn_programs(&Layer { id, name, spec, asks, compresses: spec.compress.is_some() });
    }

    /// Adds the shield of a CDN: a component of its own, which no model names.
    fn shield(&mut self, cdn: &str, spec: &CdnSpec, shield: &Shield) -> u32 {
        let name = shield_name(cdn);
        let id = self.plan.components.len() as u32;
        self.plan.components.push(self.empty_component(&name, "cdn"));
        let row = self.row(id, &name, spec);
        self.cdn_caches(id, &name, spec, shield.capacity, row);
        let mut origin = spec.to.clone();
        if let Some(rtt) = &shield.to_origin {
            origin.options.rtt = rtt.clone();
        }
        self.cdn_programs(&Layer { id, name: &name, spec, asks: Asks::Origin(&origin), compresses: false });
        id
    }

    /// A row of one cache, which no users ask.
    fn row(&mut self, id: u32, name: &str, spec: &CdnSpec) -> CdnPlan {
        CdnPlan {
            regions: vec![None],
            shares: Vec::new(),
            of_clients: Vec::new(),
            ttl_ns: self.model.classes.values().map(|class| kept(spec, class)).collect(),
            cell: self.link_cell(id),
            site: site(&[name, "region"]),
            shield: NONE,
            to_shield: Vec::new(),
            compress: None,
        }
    }

    fn cdn_caches(&mut self, id: u32, name: &str, spec: &CdnSpec, capacity: Option<Capacity>, row: CdnPlan) {
        let stands_in_ns = if stands_in(spec) { STANDS_IN_NS } else { 0 };
        let revalidate_ns = spec.stale_while_revalidate.map_or(0, |time| time.0);
        let weighed = matches!(capacity, Some(Capacity::Bytes(_)));
        self.plan.caches.push(CachePlan {
            component: id,
            capacity: match capacity {
                Some(Capacity::Items(most) | Capacity::Bytes(most)) => most,
                None => u64::MAX,
            },
            weighed,
            eviction: super::cache::eviction(spec.eviction),
            site: site(&[name, "eviction"]),
            ttl_ns: vec![0; self.plan.keyspaces.len() + 1],
            ttl_jitter: 0.0,
            revalidate_ns,
            grace_ns: stands_in_ns.max(revalidate_ns),
            refresh: None,
            versions_of: NONE,
            slot_ends: Vec::new(),
            warm: Vec::new(),
            flush: None,
            tagged: false,
            cdn: Some(row),
        });
        let cache = self.plan.caches.len() as u32 - 1;
        self.plan.sized_keys |= weighed;
        self.plan.sizes |= weighed;
        let plan = self.plan_of(id);
        plan.kind = Kind::Cache(cache);
        plan.is_caller = true;
    }

    /// A way that takes time: a draw; `None`: it takes none.
    fn way(&mut self, rtt: &TimeDistribution, names: &[&str]) -> Option<u32> {
        (rtt.0.as_constant() != Some(0.0)).then(|| self.draw(&rtt.0, site(names)))
    }

    fn ways_to_shield(&mut self, name: &str, spec: &CdnSpec, shield: &Shield) -> Vec<Option<u32>> {
        if spec.regions.is_empty() {
            return vec![shield.rtt.default.as_ref().and_then(|rtt| self.way(rtt, &[name, "shield", "rtt"]))];
        }
        let of = |region: &String| {
            shield.rtt.of(region).and_then(|rtt| self.way(rtt, &[name, region.as_str(), "shield", "rtt"]))
        };
        spec.regions.keys().map(of).collect()
    }

    /// The link from the regions' caches to the shield; all that is said of the link to the origin is the shield's.
    fn link_to_shield(&mut self, id: u32, shield: u32, origin: &Link) -> u32 {
        let name = self.plan.components[shield as usize].name.clone();
        let link = Link { options: LinkOptions::none(), ..origin.clone() };
        self.link_to(id, &link, Target::Copy(shield), &name)
    }

    fn compress(&mut self, spec: &CdnSpec, compress: &Compress) -> CompressPlan {
        self.plan.sizes = true;
        let named = |name: &String| {
            compress.classes.is_empty() || compress.classes.iter().any(|class| class.as_str() == name.as_str())
        };
        let classes = self.model.classes.iter().map(|(name, class)| named(name) && kept(spec, class).is_some());
        CompressPlan { classes: classes.collect(), left: compress.to.0, sizes: compress.min.0..=compress.max.0 }
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

    fn cdn_programs(&mut self, layer: &Layer) {
        let model = self.model;
        for (number, class) in model.classes.values().enumerate() {
            let entry = self.here();
            self.cdn_program(layer, (number, kept(layer.spec, class).is_some() && !class.write));
            self.plan_of(layer.id).entry_by_class[number] = entry;
        }
    }

    /// What a CDN does with a class: its way to the cache and, where it is not kept there, to whom that asks.
    fn cdn_program(&mut self, layer: &Layer, (class, keeps): (usize, bool)) {
        let (id, name, spec) = (layer.id, layer.name, layer.spec);
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
            if !keeps {
                lowering.cdn_load(layer, &mut caller);
                return;
            }
            let (end, hit, pass) = (lowering.label(), lowering.label(), lowering.label());
            // What a trace calls a write is one, whatever its class.
            lowering.emit(Op::IfWrite(pass));
            lowering.emit(Op::IfKeyless { cache: id, to: pass });
            lowering.emit(Op::Lookup(id));
            lowering.emit(Op::IfHit(hit));
            let load = |lowering: &mut Self, caller: &mut Caller| {
                lowering.cdn_load(layer, caller);
                lowering.emit(Op::Store(id));
            };
            lowering.shared_load(id, true, (spec.collapse, stands_in(spec)), &mut caller, end, load);
            lowering.emit(Op::Jump(end));
            lowering.place(pass);
            lowering.cdn_load(layer, &mut caller);
            let refreshes = spec.stale_while_revalidate.is_some();
            if refreshes {
                lowering.emit(Op::Jump(end));
            }
            lowering.place(hit);
            lowering.refresh(id, true, refreshes, &mut caller, load);
            lowering.place(end);
            if layer.compresses {
                lowering.emit(Op::Cache(CacheOp::Compress(id)));
            }
        });
        self.place(release);
        self.release_sessions(&caller);
        self.emit(Op::Reply);
    }

    /// Asks whom a cache asks for what it does not have.
    fn cdn_load(&mut self, layer: &Layer, caller: &mut Caller) {
        match layer.asks {
            Asks::Origin(link) => self.call(caller, CallSpec { inherit_op: true, ..CallSpec::plain(link) }),
            Asks::Shield(link) => {
                self.emit(Op::Cache(CacheOp::ToShield(layer.id)));
                let plan = CallPlan { inherit_op: true, ..CallPlan::plain(link, caller.site("call")) };
                self.plan.calls.push(plan);
                self.emit(Op::Call(self.plan.calls.len() as u32 - 1));
            }
        }
    }

    /// The shield of a CDN, where it has one.
    pub(in crate::lower) fn shield_of(&self, component: u32) -> Option<u32> {
        let cache = self.plan.caches.iter().find(|cache| cache.component == component)?;
        cache.cdn.as_ref().map(|cdn| cdn.shield).filter(|&shield| shield != NONE)
    }
}

/// How the shield of a CDN is called in reports.
fn shield_name(cdn: &str) -> String {
    format!("{cdn}/shield")
}

fn stands_in(spec: &CdnSpec) -> bool {
    spec.ttl.min.0 > 0
}

fn kept(spec: &CdnSpec, class: &Class) -> Option<u64> {
    let limits = Limits { min_ns: spec.ttl.min.0, default_ns: spec.ttl.default.0, max_ns: spec.ttl.max.0 };
    kept_ns(limits, class.max_age.map(|age| age.0), class.no_store)
}
