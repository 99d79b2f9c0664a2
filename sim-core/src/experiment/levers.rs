//! What a system can be given more of: replicas, cores, connections, … and what is known of more of it.

use crate::components::Component;
use crate::components::cache::Capacity;
use crate::components::database::{DatabaseSpec, ReadFrom};
use crate::components::server_pool::ServerPoolSpec;
use crate::model::Model;
use crate::model::link::{BalancerPolicy, Scope};
use crate::model::path;

/// What more of something does to what requests meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It only adds capacity: nothing gets worse by it.
    Surely,
    /// It mostly helps, but may move the queue to a worse place: a larger pool admits more to a database that is full.
    Usually,
}

/// Something that a model can have more of.
#[derive(Clone, Debug, PartialEq)]
pub struct Lever {
    /// The component that gets more.
    pub component: String,
    /// The station that it widens: `cores`, `workers`, `connections`, `slots`, `threads`; none for what a cache holds.
    pub station: Option<&'static str>,
    /// Of what: `replicas`, `slots`.
    pub what: &'static str,
    /// How many there are now, at the first of the paths.
    pub now: f64,
    /// Whether it comes in thousandths too, as cores do.
    pub divisible: bool,
    /// What more of it does.
    pub order: Order,
    /// The fields that are set: the first to the amount, the others to at least that.
    pub paths: Vec<(String, f64)>,
}

impl Lever {
    /// The settings that make it this many.
    pub fn set_to(&self, amount: f64) -> Vec<(String, String)> {
        let at_least = |now: f64| if self.divisible { now.max(amount) } else { now.max(amount).round() };
        self.paths.iter().map(|(path, now)| (path.clone(), at_least(*now).to_string())).collect()
    }

    /// A step that can be felt: one more, or a quarter more of many.
    pub fn step(&self) -> f64 {
        match self.now {
            few if few <= 4.0 && !self.divisible => few + 1.0,
            few if self.divisible && (1.0..=4.0).contains(&few) => few + 1.0,
            many if self.divisible => (many * 1250.0).ceil() / 1000.0,
            many => (many * 1.25).ceil(),
        }
    }

    /// Half as much again.
    pub fn half_more(&self) -> f64 {
        if self.divisible { self.now * 1.5 } else { self.now + (self.now / 2.0).ceil().max(1.0) }
    }

    /// What is had more of, and how many: `web: 5 replicas instead of 4`.
    pub fn told(&self, amount: f64) -> String {
        format!("{}: {amount} {} instead of {}", self.component, self.what, self.now)
    }
}

/// All that a model can have more of, by component.
pub fn levers(model: &Model) -> Vec<Lever> {
    let mut levers = Vec::new();
    for (name, component) in &model.components {
        match component {
            Component::ServerPool(pool) => of_pool(model, name, pool, &mut levers),
            Component::ConnectionPool(pool) => {
                levers.push(count(name, Some("connections"), "connections", "size", pool.size.0, Order::Usually));
            }
            Component::Cache(cache) => {
                levers.push(count(name, Some("threads"), "threads", "threads", cache.threads.0, Order::Usually));
                if let Some(Capacity::Items(items)) = cache.capacity {
                    levers.push(count(name, None, "items", "capacity", items, Order::Usually));
                }
            }
            Component::Database(database) => of_database(name, database, &mut levers),
            Component::Queue(queue) => {
                let now = queue.concurrency.0;
                levers.push(count(name, Some("workers"), "workers", "concurrency", now, Order::Usually));
            }
            Component::Client(_)
            | Component::LoadBalancer(_)
            | Component::Cdn(_)
            | Component::RateLimiter(_)
            | Component::Autoscaler(_) => {}
        }
    }
    levers
}

/// What widens a station, the usual first: `orders.slots`, `web.cores`, `pool`.
pub fn of_station<'l>(levers: &'l [Lever], address: &str) -> Option<&'l Lever> {
    let (component, station) = address.split_once('.').map_or((address, None), |(name, rest)| (name, Some(rest)));
    let own = |lever: &&Lever| lever.component == component && lever.station.is_some();
    levers.iter().find(|lever| own(lever) && (station.is_none() || lever.station == station))
}

/// What is known of more of a field, by its path in the document; nothing where more is neither better nor worse for
/// all that is asked of a system: the length of a queue, a time to live, a policy.
pub fn order_of(model: &Model, path: &str) -> Option<Order> {
    let whole = |path: &str| model.document.whole_path(path).ok().map(|segments| path::text(&segments));
    let asked = whole(path)?;
    if let Some(lever) =
        levers(model).iter().find(|lever| lever.paths.iter().any(|(path, _)| whole(path).as_ref() == Some(&asked)))
    {
        // Of what is set together, a part alone may do nothing; it never does harm beyond what the whole does.
        return Some(lever.order);
    }
    let speed = |name: &String| whole(&format!("{name}.speed")).as_ref() == Some(&asked);
    let overflow = |name: &String| whole(&format!("{name}.overflow")).as_ref() == Some(&asked);
    model.components.iter().find_map(|(name, component)| match component {
        Component::ServerPool(_) if speed(name) => Some(Order::Surely),
        Component::ConnectionPool(_) if overflow(name) => Some(Order::Usually),
        _ => None,
    })
}

fn count(name: &str, station: Option<&'static str>, what: &'static str, field: &str, now: u64, order: Order) -> Lever {
    Lever {
        component: name.to_owned(),
        station,
        what,
        now: now as f64,
        divisible: false,
        order,
        paths: vec![(format!("{name}.{field}"), now as f64)],
    }
}

fn of_pool(model: &Model, name: &str, pool: &ServerPoolSpec, levers: &mut Vec<Lever>) {
    let scaler = model.components.iter().find_map(|(scaler, component)| match component {
        Component::Autoscaler(spec) if spec.target.as_str() == name => Some((scaler, spec)),
        _ => None,
    });
    let station = Some("cores");
    match scaler {
        Some((scaler, spec)) => {
            let fewest = pool.replicas.0.max(spec.min.0);
            levers.push(Lever {
                paths: vec![(format!("{scaler}.max"), spec.max.0 as f64)],
                ..count(name, station, "replicas at most", "replicas", spec.max.0, Order::Usually)
            });
            let paths = [("min", spec.min.0), ("max", spec.max.0)];
            let paths = paths.map(|(field, now)| (format!("{scaler}.{field}"), now as f64));
            levers.push(Lever {
                paths: [vec![(format!("{name}.replicas"), pool.replicas.0 as f64)], paths.to_vec()].concat(),
                ..count(name, station, "replicas at all times", "replicas", fewest, Order::Usually)
            });
        }
        None => {
            let order = if is_alike(model, name, pool) { Order::Surely } else { Order::Usually };
            levers.push(count(name, station, "replicas", "replicas", pool.replicas.0, order));
        }
    }
    let cores = f64::from(pool.cores.0) / 1000.0;
    levers.push(Lever {
        now: cores,
        divisible: true,
        paths: vec![(format!("{name}.cores"), cores)],
        ..count(name, station, "cores each", "cores", 0, Order::Surely)
    });
    if !pool.asynchronous {
        levers.push(count(name, Some("workers"), "workers each", "workers", pool.workers(), Order::Usually));
    }
}

/// Whether another replica is like those that are there, and takes nothing from them: no replica is told apart, none has
/// a cache of its own that would be colder, and none opens connections that a database counts.
fn is_alike(model: &Model, name: &str, pool: &ServerPoolSpec) -> bool {
    pool.overrides.is_empty()
        && model.components.values().all(|component| match component {
            Component::Cache(cache) => cache.scope == Scope::Shared,
            Component::Database(database) => database.connections.is_none(),
            Component::LoadBalancer(balancer) => {
                let deals = matches!(
                    balancer.policy.0,
                    BalancerPolicy::RoundRobin
                        | BalancerPolicy::Random
                        | BalancerPolicy::LeastConnections
                        | BalancerPolicy::PowerOfTwo
                );
                let reaches = balancer.to.0.iter().any(|target| target.link.to.as_str() == name);
                deals && (!reaches || balancer.to.0.len() == 1) && balancer.routes.is_empty()
            }
            Component::Client(_)
            | Component::ServerPool(_)
            | Component::ConnectionPool(_)
            | Component::Queue(_)
            | Component::Cdn(_)
            | Component::RateLimiter(_)
            | Component::Autoscaler(_) => true,
        })
}

fn of_database(name: &str, database: &DatabaseSpec, levers: &mut Vec<Lever>) {
    match database.slots() {
        Some(slots) => levers.push(count(name, Some("slots"), "slots", "slots", slots, Order::Surely)),
        None => {
            let cores = f64::from(database.cores.map_or(1000, |cores| cores.0)) / 1000.0;
            levers.push(Lever {
                now: cores,
                divisible: true,
                paths: vec![(format!("{name}.cores"), cores)],
                ..count(name, Some("cores"), "cores", "cores", 0, Order::Surely)
            });
        }
    }
    let station = if database.slots().is_some() { "slots" } else { "cores" };
    levers.push(count(name, Some(station), "shards", "shards", database.shards.0, Order::Usually));
    if database.read_from != ReadFrom::Primary {
        let replicas = database.replicas.0;
        levers.push(count(name, Some(station), "replicas of each shard", "replicas", replicas, Order::Usually));
    }
    if let Some(connections) = database.connections {
        levers.push(count(name, Some("connections"), "connections", "connections", connections.0, Order::Usually));
    }
}
