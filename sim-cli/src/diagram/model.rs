//! What of a model is drawn.

use std::collections::BTreeMap;

use sim_core::components::Component;
use sim_core::components::cache::Capacity;
use sim_core::model::Model;
use sim_core::model::arrivals::{Arrivals, Users};
use sim_core::model::link::{Link, LinkOptions};
use sim_core::model::step::Step;
use sim_core::model::units::{exact_size, exact_time, humane_rate};

use super::{Edge, Node, Topology};

/// The topology of a model.
pub fn topology(model: &Model) -> Topology {
    let names: BTreeMap<&str, usize> =
        model.components.keys().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
    let mut topology = Topology { title: model.name.clone(), nodes: Vec::new(), edges: Vec::new() };
    for (name, component) in &model.components {
        let kind = component.kind().to_owned();
        topology.nodes.push(Node { name: name.clone(), kind, facts: facts(component) });
        for (target, label, steers) in targets(component) {
            let (from, Some(to)) = (names[name.as_str()], names.get(target).copied()) else { continue };
            match topology.edges.iter_mut().find(|edge| (edge.from, edge.to) == (from, to)) {
                Some(edge) if edge.label.is_empty() => edge.label = label,
                Some(_) => {}
                None => topology.edges.push(Edge { from, to, label, steers }),
            }
        }
    }
    topology
}

/// Whom a component calls or steers, and what to say of it.
fn targets(component: &Component) -> Vec<(&str, String, bool)> {
    let plain = |link: &'_ Link| (label(&link.options), false);
    let called = |link| -> (&str, String, bool) {
        let link: &Link = link;
        let (label, steers) = plain(link);
        (link.to.as_str(), label, steers)
    };
    match component {
        Component::Client(client) => with_fallbacks(&client.to).map(called).collect(),
        Component::LoadBalancer(balancer) => {
            let routes = balancer.routes.iter().flat_map(|route| {
                let classes: Vec<&str> = route.classes.0.iter().map(|class| class.as_str()).collect();
                route.to.0.iter().map(move |target| (target.link.to.as_str(), classes.join(", "), false))
            });
            let others = balancer.to.0.iter().map(|target| called(&target.link));
            routes.chain(others).collect()
        }
        Component::ServerPool(pool) => {
            let mut found = Vec::new();
            pool.handlers.values().for_each(|steps| calls(steps, &mut found));
            found
        }
        Component::Cache(cache) => cache.backing.iter().flat_map(with_fallbacks).map(called).collect(),
        Component::ConnectionPool(pool) => with_fallbacks(&pool.to).map(called).collect(),
        Component::Cdn(cdn) => with_fallbacks(&cdn.to).map(called).collect(),
        Component::Queue(queue) => {
            let dead_letters =
                queue.dead_letters.iter().map(|link| (link.to.as_str(), "dead letters".to_owned(), false));
            with_fallbacks(&queue.to).map(called).chain(dead_letters).collect()
        }
        Component::RateLimiter(limiter) => {
            limiter.store.iter().chain(&limiter.to).flat_map(with_fallbacks).map(called).collect()
        }
        Component::Autoscaler(scaler) => vec![(scaler.target.as_str(), String::new(), true)],
        Component::Database(_) => Vec::new(),
    }
}

/// A link, and those that it falls back to.
fn with_fallbacks(link: &Link) -> impl Iterator<Item = &Link> {
    std::iter::successors(Some(link), |link| link.options.fallback.as_deref())
}

fn calls<'a>(steps: &'a [Step], found: &mut Vec<(&'a str, String, bool)>) {
    let add = |link: &'a Link, found: &mut Vec<(&'a str, String, bool)>| {
        found.extend(with_fallbacks(link).map(|link| (link.to.as_str(), label(&link.options), false)));
    };
    for step in steps {
        match step {
            Step::Cpu(_) | Step::Delay(_) | Step::Fail(_) => {}
            Step::Call(step) => add(&step.link, found),
            Step::Publish(step) => add(&step.link, found),
            Step::Cached(step) => {
                add(&step.link, found);
                calls(&step.miss, found);
                calls(&step.hit, found);
            }
            Step::Hold(step) => {
                found.push((step.pool.as_str(), String::new(), false));
                calls(&step.steps, found);
            }
            Step::Parallel(step) => step.branches.iter().for_each(|steps| calls(steps, found)),
            Step::Choose(step) => step.branches.iter().for_each(|branch| calls(&branch.steps, found)),
        }
    }
}

/// What matters most of a link, short.
fn label(options: &LinkOptions) -> String {
    let mut parts = Vec::new();
    let rtt_ns = options.rtt.0.mean();
    if rtt_ns > 0.0 {
        let spread = if options.rtt.0.as_constant().is_some() { "" } else { "~" };
        parts.push(format!("rtt {spread}{}", exact_time(rtt_ns.round() as u64)));
    }
    if let Some(timeout) = options.timeout {
        parts.push(format!("timeout {}", exact_time(timeout.0)));
    }
    if let Some(retry) = &options.retry {
        parts.push(format!("{} {}", retry.retries.0, if retry.retries.0 == 1 { "retry" } else { "retries" }));
    }
    parts.join(", ")
}

/// What matters most of a component, a line each.
fn facts(component: &Component) -> Vec<String> {
    match component {
        Component::Client(client) => vec![arrivals(&client.arrivals)],
        Component::LoadBalancer(balancer) => vec![balancer.policy.0.word().to_owned()],
        Component::ServerPool(pool) => {
            let cores = f64::from(pool.cores.0) / 1000.0;
            let workers = pool.workers.map_or(String::new(), |workers| format!(", {}", counted(workers.0, "worker")));
            let cores = if cores == 1.0 { "1 core".to_owned() } else { format!("{cores} cores") };
            vec![counted(pool.replicas.0, "replica"), format!("{cores}{workers}")]
        }
        Component::Cache(cache) => {
            let capacity = match cache.capacity {
                Some(Capacity::Items(items)) => format!("{}, ", counted(items, "item")),
                Some(Capacity::Bytes(bytes)) => format!("{}, ", exact_size(bytes)),
                None => String::new(),
            };
            vec![format!("{capacity}{}", cache.eviction.word()), cache.strategy.word().to_owned()]
        }
        Component::ConnectionPool(pool) => match pool.overflow.0 {
            0 => vec![counted(pool.size.0, "connection")],
            overflow => vec![format!("{} + {}", pool.size.0, counted(overflow, "connection"))],
        },
        Component::Database(database) => {
            let shards = counted(database.shards.0, "shard");
            let replicas = match database.replicas.0 {
                0 => String::new(),
                replicas => format!(", {}", counted(replicas, "replica")),
            };
            let nodes = match (database.slots(), database.cores) {
                (Some(slots), _) => counted(slots, "slot"),
                (None, Some(cores)) => format!("{} cores", f64::from(cores.0) / 1000.0),
                (None, None) => String::new(),
            };
            vec![format!("{shards}{replicas}"), nodes]
        }
        Component::Cdn(cdn) => vec![counted(cdn.regions.len().max(1) as u64, "region")],
        Component::Queue(queue) => {
            let capacity = queue.capacity.map(|capacity| format!("{} at most", counted(capacity.0, "message")));
            capacity.into_iter().chain([counted(queue.concurrency.0, "worker")]).collect()
        }
        Component::RateLimiter(limiter) => {
            let rate = limiter.rate.or(limiter.start).map(|rate| humane_rate(rate.per_second()));
            let tiers = match limiter.tiers.len() as u64 {
                0 => None,
                tiers => Some(counted(tiers, "tier")),
            };
            let limits: Vec<String> = rate.into_iter().chain(tiers).collect();
            vec![limiter.algorithm.0.word().to_owned(), limits.join(", ")]
        }
        Component::Autoscaler(scaler) => {
            vec![format!("{}, {} to {}", scaler.policy.word(), scaler.min.0, scaler.max.0)]
        }
    }
}

fn arrivals(arrivals: &Arrivals) -> String {
    match arrivals {
        Arrivals::Open(open) => humane_rate(open.rate.0),
        Arrivals::Stages(staged) => {
            let highest = staged.stages.iter().map(|stage| stage.level().0).fold(0.0, f64::max);
            format!("stages up to {}", humane_rate(highest))
        }
        Arrivals::Daily(daily) => {
            format!("daily, {} to {}", humane_rate(daily.daily.trough.0), humane_rate(daily.daily.peak.0))
        }
        Arrivals::Closed(closed) => match &closed.users {
            Users::Constant(users) => counted(users.0, "user"),
            Users::Stages(stages) => {
                let most = stages.iter().map(|stage| stage.level().0).max().unwrap_or(0);
                format!("up to {}", counted(most, "user"))
            }
        },
        Arrivals::Trace(trace) => trace.trace.0.clone(),
    }
}

/// `1 core`, `20,000 items`
fn counted(count: u64, what: &str) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if count == 1 { format!("{text} {what}") } else { format!("{text} {what}s") }
}
