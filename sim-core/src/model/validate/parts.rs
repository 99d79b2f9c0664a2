//! What must be right within one component, and what in it has no effect.

use std::collections::BTreeSet;

use crate::components::Component;
use crate::components::cache::{CacheSpec, Eviction, ReadMode, WriteMode};
use crate::components::client::{ClientSpec, Population};
use crate::components::connection_pool::{ConnectionPoolSpec, PoolMode};
use crate::components::database::{DatabaseSpec, Locks, ReadFrom};
use crate::components::server_pool::ServerPoolSpec;
use crate::model::arrivals::Arrivals;
use crate::model::change::Change;
use crate::model::diagnostic::{Diagnostic, Diagnostics};
use crate::model::draft::Draft;
use crate::model::keyspace::Popularity;
use crate::model::link::Link;
use crate::model::spec::{Place, not_yet};
use crate::model::step::{CachedStep, Step, each_step};

/// Checks each component by itself, and with the kinds of those that it calls.
pub fn check(draft: &Draft, changes: &[Change], diagnostics: &mut Diagnostics) {
    how_many(draft, diagnostics);
    if draft.declared("components").next().is_none() && draft.root.get("components").is_some() {
        let at = Place::of(draft.root.get("components").unwrap_or(&draft.root));
        diagnostics.push(at.error("there are no components").expected("a client and what it calls"));
    } else if draft.root.get("components").is_some()
        && !draft.declared("components").any(|(name, _)| draft.kind(name).is_none_or(|kind| kind == "client"))
    {
        let at = Place::of(draft.root.get("components").unwrap_or(&draft.root));
        diagnostics.push(at.error("there is no client, so nothing happens").expected("a component of type client"));
    }
    for (name, keyspace) in &draft.keyspaces {
        keyspace_counts(name, keyspace, diagnostics);
    }
    for (name, component) in &draft.components {
        Check { draft, diagnostics }.component(name, component);
    }
    for change in changes {
        // What is wrong from a moment on, and was not before.
        let mut found = Diagnostics::default();
        Check { draft, diagnostics: &mut found }.component(&change.component, &change.spec);
        for mistake in found.into_iter().filter(Diagnostic::is_error) {
            if !diagnostics.iter().any(|known| known.found == mistake.found) {
                let (path, line) = (change.at.path.clone(), change.at.line);
                diagnostics.push(Diagnostic { path, line, ..mistake });
            }
        }
    }
}

/// The most components, classes and keyspaces, each, of a model.
const PARTS_MAX: usize = 2000;
/// The most pairs of a component and a class.
const PAIRS_MAX: usize = 200_000;
/// The most names of operations of all databases together.
const OPERATION_NAMES_MAX: usize = 200;
/// The most nodes of a database.
const NODES_MAX: u64 = 100_000;

/// How much there may be of everything.
fn how_many(draft: &Draft, diagnostics: &mut Diagnostics) {
    for group in ["components", "classes", "keyspaces"] {
        let (count, node) = (draft.declared(group).count(), draft.root.get(group).unwrap_or(&draft.root));
        if count > PARTS_MAX {
            let found = format!("found {count} {group}");
            diagnostics.push(Place::of(node).error(found).expected(format!("at most {PARTS_MAX}")));
        }
    }
    let (components, classes) = (draft.declared("components").count(), draft.class_names().len());
    if components * classes > PAIRS_MAX {
        let node = draft.root.get("classes").unwrap_or(&draft.root);
        let found = format!("found {components} components and {classes} classes");
        diagnostics.push(Place::of(node).error(found).expected(format!("at most {PAIRS_MAX} pairs of them")));
    }
    let names: BTreeSet<&String> = draft
        .components
        .values()
        .filter_map(|component| match component {
            Component::Database(database) => Some(database.operations.keys()),
            _ => None,
        })
        .flatten()
        .collect();
    if names.len() > OPERATION_NAMES_MAX {
        let node = draft.root.get("components").unwrap_or(&draft.root);
        let found = format!("found {} names of operations", names.len());
        diagnostics.push(Place::of(node).error(found).expected(format!("at most {OPERATION_NAMES_MAX}")));
    }
}

fn keyspace_counts(name: &str, keyspace: &crate::model::keyspace::Keyspace, diagnostics: &mut Diagnostics) {
    match (&keyspace.keys, &keyspace.popularity) {
        (None, Popularity::Uniform | Popularity::Zipf(_) | Popularity::Hotspot { .. }) => {
            diagnostics.push(keyspace.at.error(format!("`keys` of {name} is missing")).help("how many keys there are"));
        }
        (Some(keys), Popularity::Weights(weights)) if keys.0 != weights.len() as u64 => {
            let found = format!("{} keys, but {} weights", keys.0, weights.len());
            diagnostics.push(keyspace.at.field("keys").error(found).expected("a weight for each key"));
        }
        (Some(keys), Popularity::Hotspot { hot: crate::model::keyspace::Hot::Count(hot), .. }) if *hot > keys.0 => {
            let found = format!("{hot} hot keys of {}", keys.0);
            diagnostics.push(keyspace.at.field("popularity").error(found).expected("at most all keys"));
        }
        (Some(_), Popularity::Weights(_))
        | (Some(_), Popularity::Uniform | Popularity::Zipf(_) | Popularity::Hotspot { .. })
        | (None, Popularity::Weights(_)) => {}
    }
}

/// Checks a link.
pub fn link(draft: &Draft, link: &Link, diagnostics: &mut Diagnostics) {
    Check { draft, diagnostics }.link(link);
}

pub(super) struct Check<'a> {
    pub(super) draft: &'a Draft,
    pub(super) diagnostics: &'a mut Diagnostics,
}

impl Check<'_> {
    fn component(&mut self, name: &str, component: &Component) {
        match component {
            Component::Client(spec) => self.client(spec),
            Component::LoadBalancer(spec) => self.load_balancer(spec),
            Component::ServerPool(spec) => self.server_pool(spec),
            Component::Cache(spec) => self.cache(name, spec),
            Component::ConnectionPool(spec) => self.connection_pool(name, spec),
            Component::Database(spec) => self.database(spec),
            Component::Cdn(spec) => self.cdn(name, spec),
            Component::Queue(spec) => super::queue::check(self.draft, spec, self.diagnostics),
            Component::RateLimiter(spec) => self.rate_limiter(name, spec),
            Component::Autoscaler(spec) => super::scaling::check(self.draft, spec, self.diagnostics),
        }
    }

    /// Warns of a field that was written and has no effect.
    pub(super) fn ignored(&mut self, at: &Place, field: &str, why: &str) {
        if at.has(field) {
            self.diagnostics.push(at.field(field).warning(format!("`{field}` has no effect: {why}")));
        }
    }

    fn client(&mut self, spec: &ClientSpec) {
        self.link(&spec.to);
        if spec.at.has("mix") && spec.journey.is_some() {
            let found = "found `mix` and `journey`";
            self.diagnostics.push(spec.at.field("journey").error(found).expected("one of them"));
        }
        if !spec.mix.is_empty() && spec.mix.values().all(|weight| weight.0 == 0.0) {
            self.diagnostics.push(spec.at.field("mix").error("all weights are zero").expected("one that is not"));
        }
        if spec.journey.as_ref().is_some_and(Vec::is_empty) {
            self.diagnostics
                .push(spec.at.field("journey").error("found an empty list").expected("at least one request"));
        }
        match &spec.arrivals {
            Arrivals::Closed(_) => {
                if let Some(population) = &spec.population {
                    self.ignored(&population.at, "clients", "each user of a closed loop is a client");
                }
            }
            Arrivals::Trace(_) => {
                self.ignored(&spec.at, "mix", "the trace says what is asked for");
                if spec.journey.is_some() {
                    self.ignored(&spec.at, "journey", "the trace says what is asked for");
                }
            }
            Arrivals::Open(_) | Arrivals::Stages(_) | Arrivals::Daily(_) => {}
        }
        if let Some(population) = &spec.population {
            self.population(population);
        }
        if let Some(population) = &spec.population
            && let Popularity::Weights(weights) = &population.popularity
            && let Some(clients) = population.clients
            && weights.len() as u64 != clients.0
        {
            let found = format!("{} clients, but {} weights", clients.0, weights.len());
            self.diagnostics.push(population.at.field("popularity").error(found).expected("a weight for each client"));
        }
    }

    fn population(&mut self, population: &Population) {
        if population.clients.is_none() {
            self.ignored(&population.at, "popularity", "each request is a client of its own");
        }
        let sum: f64 = population.tiers.values().map(|share| share.0).sum();
        if sum > 1.0 + 1e-9 {
            let found = format!("the shares make {}%", (sum * 100.0).round());
            self.diagnostics.push(population.at.field("tiers").error(found).expected("at most 100% together"));
        }
    }

    fn server_pool(&mut self, spec: &ServerPoolSpec) {
        for (number, own) in &spec.overrides {
            match number.parse::<u64>() {
                Ok(replica) if replica < 100_000 && replica.to_string() == *number => {}
                Ok(_) | Err(_) => self.diagnostics.push(
                    own.at
                        .error(format!("{} is no replica", crate::model::node::shortened(number)))
                        .expected("the number of a replica, from \"0\""),
                ),
            }
        }
        if spec.queue.capacity.is_none() {
            self.ignored(&spec.queue.at, "when_full", "the queue has no `capacity`, so it is never full");
        }
        for steps in spec.handlers.values() {
            each_step(steps, &mut |step| self.step(step));
            if look_ups_inside(steps) > LOOK_UPS_MAX {
                let found = format!("more than {LOOK_UPS_MAX} `cached` steps inside of each other");
                self.diagnostics
                    .push(spec.at.field("handlers").error(found).help("let caches be each other's backing"));
            }
        }
    }

    /// Loads that are shared can't wait for themselves.
    fn own_load(&mut self, cached: &CachedStep) {
        let Some(Component::Cache(cache)) = self.draft.components.get(cached.link.to.as_str()) else { return };
        let shared = cached.coalesce.unwrap_or(cache.coalesce);
        if shared && looks_up(&cached.miss, cached.link.to.as_str()) {
            let found = format!("`{}` is looked up again inside of its own miss", cached.link.to);
            let help = "with `coalesce` a request would wait for its own load: look up another cache, or say `coalesce: false` here";
            self.diagnostics.push(cached.at.field("miss").error(found).help(help));
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Cpu(_) | Step::Delay(_) => {}
            Step::Hold(hold) => {
                if let Some(Component::ConnectionPool(pool)) = self.draft.components.get(hold.pool.as_str())
                    && pool.mode == PoolMode::Statement
                {
                    let found = format!("`hold` has no effect: {} lends connections for each statement", hold.pool);
                    self.diagnostics.push(hold.pool.at.warning(found));
                }
            }
            Step::Fail(fail) => {
                if fail.share.0 == 0.0 {
                    self.diagnostics.push(fail.at.warning("the step has no effect: its share is 0"));
                }
            }
            Step::Call(call) => {
                self.link(&call.link);
                super::queue::is_none(self.draft, &call.link, self.diagnostics);
                let cache = self.draft.components.get(call.link.to.as_str());
                let aside = matches!(cache, Some(Component::Cache(cache)) if !cache.loads());
                if aside && call.times.0 > CACHE_CALLS_MAX {
                    let found = format!("found {}", call.times.0);
                    let expected = format!("at most {CACHE_CALLS_MAX} calls of a cache beside its callers");
                    self.diagnostics.push(call.at.field("times").error(found).expected(expected));
                }
            }
            Step::Cached(cached) => {
                self.link(&cached.link);
                if let Some(kind) = self.draft.kind(&cached.link.to)
                    && kind != "cache"
                {
                    let found = format!("{} is {}", cached.link.to, super::names::a(kind));
                    self.diagnostics.push(cached.link.to.at.error(found).expected("a cache"));
                }
                self.own_load(cached);
            }
            Step::Publish(publish) => {
                self.link(&publish.link);
                super::queue::is_queue(self.draft, &publish.link, self.diagnostics);
            }
            Step::Parallel(parallel) => {
                let branches = parallel.branches.len() as u64;
                if branches == 0 {
                    let found = "found an empty list";
                    self.diagnostics.push(parallel.at.field("parallel").error(found).expected("lists of steps"));
                } else if let Some(need) = parallel.need
                    && need.0 > branches
                {
                    let found = format!("found {}", need.0);
                    self.diagnostics.push(
                        parallel
                            .at
                            .field("need")
                            .error(found)
                            .expected(format!("at most {branches}, the number of branches")),
                    );
                }
            }
            Step::Choose(choose) => {
                if choose.branches.is_empty() {
                    let found = "found an empty list";
                    self.diagnostics
                        .push(choose.at.field("choose").error(found).expected("lists of steps with weights"));
                } else if choose.branches.iter().all(|branch| branch.weight.0 == 0.0) {
                    let found = "all weights are zero";
                    self.diagnostics.push(choose.at.field("choose").error(found).expected("one that is not"));
                }
            }
        }
    }

    fn cache(&mut self, name: &str, spec: &CacheSpec) {
        if let Some(backing) = &spec.backing {
            self.link(backing);
            if backing.to.as_str() == name {
                self.diagnostics.push(backing.to.at.error("a cache can't be backed by itself"));
            }
        } else {
            self.ignored(&spec.at, "on_failure", "the cache has no `backing`");
            let through = [(spec.loads(), "reads"), (spec.writes(), "writes")];
            if let Some((_, what)) = through.iter().find(|(is, _)| *is) {
                let found = "`backing` is missing";
                self.diagnostics
                    .push(spec.at.error(found).help(format!("the cache {what} through to what is behind it")));
            }
        }
        self.cache_details(spec);
        if spec.read.is_some() && spec.write.is_some() {
            self.ignored(&spec.at, "strategy", "`read` and `write` are given");
        }
        if spec.capacity.is_none() && spec.eviction != Eviction::None {
            self.ignored(&spec.at, "eviction", "the cache has no `capacity`, so it is never full");
        }
    }

    fn cdn(&mut self, name: &str, spec: &crate::components::cdn::CdnSpec) {
        self.link(&spec.to);
        if spec.to.to.as_str() == name {
            self.diagnostics.push(spec.to.to.at.error("a CDN can't be its own origin"));
        }
        if spec.ttl.min.0 > spec.ttl.max.0 {
            let found = "`min` is above `max`";
            self.diagnostics.push(spec.ttl.at.field("min").error(found).expected("at most `max`"));
        }
        if !spec.regions.is_empty() && spec.regions.values().all(|region| region.share.0 == 0.0) {
            self.diagnostics.push(spec.at.field("regions").error("all shares are zero").expected("one that is not"));
        }
    }

    /// What excludes each other in a cache, and what has no effect.
    fn cache_details(&mut self, spec: &CacheSpec) {
        if spec.nodes.0 > 1 && spec.scope == crate::model::link::Scope::PerReplica {
            let found = "found `nodes` and `scope: per-replica`";
            self.diagnostics.push(spec.at.field("nodes").error(found).expected("one of them: a cluster is shared"));
        }
        let lives = spec.ttl.is_some();
        let ahead = spec.read_mode() == ReadMode::Ahead;
        for field in ["ttl_jitter", "stale_while_revalidate", "stale_if_error"] {
            if !lives {
                self.ignored(&spec.at, field, "the cache has no `ttl`, so nothing ends");
            }
        }
        if !ahead || !lives {
            self.ignored(&spec.at, "refresh", "nothing is read ahead");
        }
        if spec.write_mode() != WriteMode::Behind {
            self.ignored(&spec.at, "flush", "the cache does not write behind");
        }
        if spec.write_mode() == WriteMode::Around || (spec.write_mode() == WriteMode::Update && !spec.writes()) {
            self.ignored(&spec.at, "invalidate_tags", "writes take nothing out");
        }
    }

    fn connection_pool(&mut self, name: &str, spec: &ConnectionPoolSpec) {
        self.link(&spec.to);
        self.no_hedge(&spec.to, "a connection-pool");
        if spec.to.to.as_str() == name {
            self.diagnostics.push(spec.to.to.at.error("a pool can't lead to itself"));
        }
        if self.draft.kind(&spec.to.to) == Some("cache") {
            self.diagnostics.push(spec.to.to.at.error(not_yet("a cache behind a connection-pool")));
        }
        super::pool::check(spec, self.diagnostics);
        if spec.size.0 == 0 && spec.overflow.0 == 0 {
            self.diagnostics
                .push(spec.at.field("size").error("found 0, and no `overflow`").expected("at least one connection"));
        }
    }

    fn database(&mut self, spec: &DatabaseSpec) {
        if spec.slots.is_some() && spec.cores.is_some() {
            let found = "found `slots` and `cores`";
            self.diagnostics.push(spec.at.field("cores").error(found).expected("one of them"));
        }
        if spec.operations.is_empty() {
            let found = "found an empty map";
            self.diagnostics
                .push(spec.at.field("operations").error(found).expected("read, write or another operation"));
        }
        if spec.read_from != ReadFrom::Primary && spec.replicas.0 == 0 {
            let found = format!("reads go to {}, but there are no replicas", spec.read_from);
            self.diagnostics.push(spec.at.field("read_from").error(found).expected("replicas of at least 1"));
        }
        let nodes = spec.shards.0 * (1 + spec.replicas.0);
        if nodes > NODES_MAX {
            let found = format!("found {nodes} nodes: shards × (1 + replicas)");
            self.diagnostics.push(spec.at.field("shards").error(found).expected(format!("at most {NODES_MAX}")));
        }
        if spec.shards.0 == 1 && self.draft.events.is_empty() {
            for field in ["shard_by", "placement", "scatter", "rebalance"] {
                self.ignored(&spec.at, field, "there is one shard");
            }
        }
        if spec.replicas.0 == 0 {
            for field in ["lag", "apply", "failover"] {
                self.ignored(&spec.at, field, "there are no replicas");
            }
        }
        if spec.indexes.0 == 0 {
            self.ignored(&spec.at, "index_write_cost", "there are no `indexes`");
        }
        if spec.rebalance.as_ref().is_some_and(|moves| moves.rate.0 <= 0.0) {
            let at = spec.at.field("rebalance");
            self.diagnostics.push(at.error("found a rate of 0").expected("a rate at which keys move"));
        }
        for (name, operation) in &spec.operations {
            if !crate::model::address::is_name(name) {
                let found = format!("\"{}\" can't be a name", crate::model::node::shortened(name));
                self.diagnostics.push(operation.at.error(found).expected("letters, digits, - and _"));
            }
            let mut missing = |field: &str, needs: &str| {
                self.diagnostics.push(operation.at.error(format!("`{field}` is missing")).help(needs));
            };
            if operation.indexed && operation.rows.is_none() {
                missing("rows", "an index has as many steps as log2(rows)");
            }
            if !operation.indexed && operation.per_row.0 > 0 && operation.rows.is_none() {
                missing("rows", "the time is rows × per_row");
            }
            if spec.locks == Locks::None {
                self.ignored(&operation.at, "lock", "the database has no `locks`");
            }
            if !operation.indexed {
                self.ignored(&operation.at, "per_probe", "the operation is not `indexed`");
                self.ignored(&operation.at, "returned", "the operation is not `indexed`: it reads all rows");
            }
        }
    }
}

/// Whether steps look something up in a cache.
fn looks_up(steps: &[Step], cache: &str) -> bool {
    steps.iter().any(|step| match step {
        Step::Call(call) => call.link.to.as_str() == cache,
        Step::Cached(cached) => {
            let inside = || looks_up(&cached.miss, cache) || looks_up(&cached.hit, cache);
            cached.link.to.as_str() == cache || inside()
        }
        Step::Hold(hold) => looks_up(&hold.steps, cache),
        Step::Parallel(parallel) => parallel.branches.iter().any(|branch| looks_up(branch, cache)),
        Step::Choose(choose) => choose.branches.iter().any(|branch| looks_up(&branch.steps, cache)),
        Step::Cpu(_) | Step::Delay(_) | Step::Publish(_) | Step::Fail(_) => false,
    })
}

/// How often a step may call a cache beside its callers: each time is lowered by itself.
const CACHE_CALLS_MAX: u64 = 1000;

/// How many `cached` steps may be inside of each other's misses: each lowers its misses twice, filled and unfilled.
const LOOK_UPS_MAX: usize = 4;

/// How many `cached` steps are inside of each other.
fn look_ups_inside(steps: &[Step]) -> usize {
    let of = |step: &Step| match step {
        Step::Cached(cached) => 1 + look_ups_inside(&cached.miss).max(look_ups_inside(&cached.hit)),
        Step::Hold(hold) => look_ups_inside(&hold.steps),
        Step::Parallel(parallel) => parallel.branches.iter().map(|branch| look_ups_inside(branch)).max().unwrap_or(0),
        Step::Choose(choose) => choose.branches.iter().map(|branch| look_ups_inside(&branch.steps)).max().unwrap_or(0),
        Step::Cpu(_) | Step::Delay(_) | Step::Call(_) | Step::Publish(_) | Step::Fail(_) => 0,
    };
    steps.iter().map(of).max().unwrap_or(0)
}
