//! Theory beside simulation: where a part of a model is a queue, a network or a cache that theory knows, what it says.
//!
//! It is strict: what is not asked for by Poisson arrivals alone, has time-outs, retries, faults, events, several
//! replicas or works that differ by class has no line here. What remains approximate (a steady state that a short run
//! hardly reaches, Che's independence) is what the deviation shows.

use crate::components::Component;
use crate::components::cache::{CacheSpec, Capacity, Eviction};
use crate::components::client::ClientSpec;
use crate::components::database::DatabaseSpec;
use crate::components::server_pool::{QueueOrder, ServerPoolSpec, WhenFull};
use crate::lower::keys;
use crate::model::Model;
use crate::model::arrivals::{Arrivals, Process, Users};
use crate::model::distribution::Distribution;
use crate::model::link::{Link, LinkOptions, Scope};
use crate::model::step::{Key, Step};

use super::report::{Beside, Ended, Report};
use super::theory::{MmC, lru_hit_ratio, mg1_mean, mmck, mva, sharing_mean};

/// So many workers are as good as any number, where none of them is ever waited for.
const MANY: u64 = 1_000;
/// Che's approximation takes time that grows with the keys.
const KEYS_MAX: u64 = 200_000;
/// Mean-value analysis takes time that grows with the users.
const USERS_MAX: u64 = 100_000;

/// What theory says of the parts of a model that it knows, beside what the report of its run (or the means of several)
/// says.
pub fn beside(model: &Model, report: &Report) -> Vec<Beside> {
    let scaled = model.components.values().any(|component| matches!(component, Component::Autoscaler(_)));
    let limited = model.components.values().any(|component| matches!(component, Component::RateLimiter(_)));
    if report.ended != Ended::Complete || scaled || limited || !model.events.is_empty() || !model.faults.is_empty() {
        return Vec::new();
    }
    let mut lines = Lines { model, report, found: Vec::new() };
    for (name, component) in &model.components {
        if let Component::ServerPool(pool) = component {
            lines.open_queue(name, pool);
        } else if let Component::Client(client) = component {
            lines.closed_network(name, client);
        } else if let Component::Cache(cache) = component {
            lines.cache(name, cache);
        }
    }
    lines.found
}

struct Lines<'a> {
    model: &'a Model,
    report: &'a Report,
    found: Vec<Beside>,
}

/// How calls are served.
enum Service<'a> {
    /// First come, first served, by so many servers.
    Fifo(u32, &'a Distribution),
    /// All at once, on one core.
    Sharing(&'a Distribution),
}

impl<'a> Lines<'a> {
    /// Adds a line where the report has the figure, at this place.
    fn add(&mut self, part: &str, model: &str, figure: &str, exact: f64, simulated: Option<f64>, pointer: &[&str]) {
        let Some(simulated) = simulated.filter(|_| exact.is_finite() && exact > 0.0) else { return };
        let pointer: String =
            pointer.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect();
        let interval = self.report.intervals.get(&pointer);
        self.found.push(Beside {
            part: part.to_string(),
            model: model.to_string(),
            figure: figure.to_string(),
            exact,
            simulated,
            deviation: simulated / exact - 1.0,
            within_interval: interval.map(|[low, high]| *low <= exact && exact <= *high),
        });
    }

    /// A pool that Poisson arrivals alone call.
    fn open_queue(&mut self, name: &str, pool: &ServerPoolSpec) {
        let (Some(rate), Some(service), Some(report)) =
            (self.poisson_rate(name), self.service(name, pool), self.report.components.get(name))
        else {
            return;
        };
        let seconds = |distribution: &Distribution| distribution.mean() / 1e9 / pool.speed.0;
        let latency = report.latency.as_ref();
        let (mean_s, p99_s) = (latency.and_then(|of| of.mean_s), latency.and_then(|of| of.p99_s));
        let place = |figure| ["components", name, "latency", figure];
        let cores = f64::from(pool.cores.0) / 1000.0;
        let (theory, service_s, figures) = match service {
            Service::Sharing(work) => {
                let load = rate * seconds(work);
                ("M/G/1, processor sharing".to_string(), seconds(work), (load, sharing_mean(load), None))
            }
            Service::Fifo(servers, work) => {
                let (service_s, load) = (seconds(work), rate * seconds(work));
                let exponential = matches!(work, Distribution::Exponential { .. });
                match (pool.queue.capacity, exponential) {
                    (Some(room), true) if room.0 <= 10_000 => {
                        let total = servers + room.0 as u32;
                        let (lost, mean) = mmck(servers, total, load);
                        let theory = format!("M/M/{servers}/{total}");
                        let rejected = report.errors.get("rejected").copied().unwrap_or(0) as f64 / report.calls as f64;
                        self.add(name, &theory, "rejected", lost, (report.calls > 0).then_some(rejected), &[]);
                        (theory, service_s, (load * (1.0 - lost), mean, None))
                    }
                    (None, true) => {
                        let queue = MmC::new(servers, load);
                        (format!("M/M/{servers}"), service_s, (load, queue.mean(), Some(queue.quantile(0.99))))
                    }
                    (None, false) if servers == 1 => {
                        let constant = work.as_constant().is_some();
                        let theory = if constant { "M/D/1" } else { "M/G/1" };
                        (theory.to_string(), service_s, (load, mg1_mean(load, work.squared_variation()), None))
                    }
                    (Some(_) | None, _) => return,
                }
            }
        };
        let (load, mean, p99) = figures;
        // A queue that grows without end has no mean.
        if !mean.is_finite() {
            return;
        }
        self.add(name, &theory, "utilization", load / cores, report.utilization, &["components", name, "utilization"]);
        self.add(name, &theory, "mean", mean * service_s, mean_s, &place("mean_s"));
        if let Some(p99) = p99 {
            self.add(name, &theory, "p99", p99 * service_s, p99_s, &place("p99_s"));
        }
    }

    /// How a pool serves, if theory knows it and all classes are served alike.
    fn service(&self, name: &str, pool: &'a ServerPoolSpec) -> Option<Service<'a>> {
        let mut steps =
            self.model.classes.keys().map(|class| pool.handlers.get(class).or_else(|| pool.handlers.get("*")));
        let first = steps.next()??;
        let [Step::Cpu(work)] = first.as_slice() else { return None };
        let plain = pool.replicas.0 == 1 && pool.error_rate.0 == 0.0 && pool.overrides.is_empty() && !pool.asynchronous;
        let queue = &pool.queue;
        let in_order =
            queue.order == QueueOrder::Fifo && queue.timeout.is_none() && queue.when_full == WhenFull::Reject;
        if !plain || !in_order || !steps.all(|other| other == Some(first)) {
            return None;
        }
        let workers = pool.workers();
        match pool.cores.0 {
            cores if workers * 1_000 <= u64::from(cores) => Some(Service::Fifo(workers as u32, &work.cpu.0)),
            1_000 if workers >= MANY && self.workers_never_waited_for(name) => Some(Service::Sharing(&work.cpu.0)),
            _ => None,
        }
    }

    fn workers_never_waited_for(&self, name: &str) -> bool {
        let workers = self.report.components.get(name).and_then(|pool| pool.stations.get("workers"));
        workers.is_some_and(|workers| workers.queue.max == 0 && workers.rejected == 0)
    }

    /// The names of those that call a component.
    fn callers(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let calls = self.report.components.iter().filter(move |(_, of)| of.links.contains_key(name));
        calls.map(|(caller, _)| caller.as_str())
    }

    /// The rate at which Poisson arrivals call a component, if nobody else does.
    fn poisson_rate(&self, name: &str) -> Option<f64> {
        let mut sum = 0.0;
        for caller in self.callers(name) {
            let Component::Client(client) = self.model.components.get(caller)? else { return None };
            let Arrivals::Open(open) = &client.arrivals else { return None };
            if open.process != Process::Poisson || !asks_plainly(client) || client.to.to.as_str() != name {
                return None;
            }
            sum += open.rate.0;
        }
        (sum > 0.0).then_some(sum)
    }

    /// Users who think, and a network of single servers that they ask: mean-value analysis.
    fn closed_network(&mut self, name: &str, client: &ClientSpec) {
        let Arrivals::Closed(closed) = &client.arrivals else { return };
        let Users::Constant(users) = &closed.users else { return };
        let clients = self.model.components.values().filter(|other| matches!(other, Component::Client(_))).count();
        if clients != 1 || !asks_plainly(client) || self.model.classes.len() != 1 || users.0 > USERS_MAX {
            return;
        }
        let Some(network) = self.network(&client.to) else { return };
        let think_s = closed.think.0.mean() / 1e9;
        let (throughput, response_s) = mva(&network.demands_s, think_s + network.delays_s, users.0 as u32);
        let (requests, latency) = (&self.report.requests, &self.report.latency);
        let theory = format!("closed network, {} users", users.0);
        let pointer = ["requests", "throughput_per_s"];
        self.add(name, &theory, "throughput", throughput, Some(requests.throughput_per_s), &pointer);
        self.add(name, &theory, "mean", response_s + network.delays_s, latency.mean_s, &["latency", "mean_s"]);
    }

    /// What a request meets from a client on, if all of it has a product form.
    fn network(&self, link: &Link) -> Option<Network> {
        let mut network = Network { demands_s: Vec::new(), delays_s: seconds(&link.options.rtt.0) };
        let name = link.to.as_str();
        let Component::ServerPool(pool) = self.model.components.get(name)? else { return None };
        if pool.queue.capacity.is_some() {
            return None;
        }
        match self.service(name, pool) {
            Some(service) => {
                network.demands_s.push(service.single_server_s()? / pool.speed.0);
                return Some(network);
            }
            None if pool.replicas.0 != 1 || pool.error_rate.0 > 0.0 || pool.asynchronous => return None,
            None => {}
        }
        let class = self.model.classes.keys().next()?;
        let steps = pool.handlers.get(class).or_else(|| pool.handlers.get("*"))?;
        if pool.workers() < MANY || !self.workers_never_waited_for(name) {
            return None;
        }
        let mut met: Vec<&str> = Vec::new();
        for step in steps {
            match step {
                Step::Delay(step) => network.delays_s += seconds(&step.delay.0),
                Step::Call(step) => {
                    let target = step.link.to.as_str();
                    if !is_plain(&step.link.options) || step.class.is_some() || met.contains(&target) {
                        return None;
                    }
                    met.push(target);
                    let times = step.times.0 as f64;
                    network.delays_s += times * seconds(&step.link.options.rtt.0);
                    let operation = step.op.as_ref().map(|operation| operation.as_str());
                    network.demands_s.push(times * self.single_server_s(target, name, operation)?);
                }
                Step::Cpu(_)
                | Step::Publish(_)
                | Step::Cached(_)
                | Step::Hold(_)
                | Step::Parallel(_)
                | Step::Choose(_)
                | Step::Fail(_) => return None,
            }
        }
        Some(network)
    }

    /// The mean service time of a station with one server that only `caller` calls: exponential, or shared.
    fn single_server_s(&self, name: &str, caller: &str, operation: Option<&str>) -> Option<f64> {
        if !self.callers(name).eq([caller]) {
            return None;
        }
        let component = self.model.components.get(name)?;
        if let Component::Database(database) = component {
            let is_write = self.model.classes.values().next()?.write;
            return database_s(database, operation.unwrap_or(if is_write { "write" } else { "read" }));
        }
        let Component::ServerPool(pool) = component else { return None };
        pool.queue.capacity.is_none().then_some(())?;
        Some(self.service(name, pool)?.single_server_s()? / pool.speed.0)
    }

    /// A least-recently-used cache that is asked for independent keys and only read: Che's approximation.
    fn cache(&mut self, name: &str, cache: &CacheSpec) {
        let Some(Capacity::Items(items)) = cache.capacity else { return };
        let classes = &self.model.classes;
        let mut spaces: Vec<&str> =
            classes.values().filter_map(|class| class.key.as_ref().map(|key| key.as_str())).collect();
        spaces.dedup();
        let [space] = spaces.as_slice() else { return };
        let all_read = classes.values().all(|class| !class.write && class.key.is_some());
        let plain = cache.eviction == Eviction::Lru && cache.ttl.is_none() && cache.scope == Scope::Shared;
        if !all_read || !plain || items == 0 || !self.looks_up_once(name) {
            return;
        }
        let Some(keyspace) = self.model.keyspaces.get(*space).filter(|space| space.count() <= KEYS_MAX) else { return };
        let keys = keys(&keyspace.popularity, keyspace.count());
        if items >= keys.count() {
            return;
        }
        let shares: Vec<f64> = (0..keys.count()).map(|rank| keys.probability(rank)).collect();
        let exact = lru_hit_ratio(&shares, items as f64);
        let simulated = self.report.components.get(name).and_then(|of| of.hit_ratio);
        self.add(name, "LRU, Che's approximation", "hit_ratio", exact, simulated, &["components", name, "hit_ratio"]);
    }

    /// Whether each request looks up its own key, once, at this cache; whoever asks, draws keys independently.
    fn looks_up_once(&self, cache: &str) -> bool {
        let independent = self.model.components.values().all(|component| {
            let Component::Client(client) = component else { return true };
            let plain = client.journey.is_none() && is_plain(client.link_options());
            plain && !matches!(client.arrivals, Arrivals::Trace(_))
        });
        let mut callers = self.callers(cache);
        let (Some(caller), None) = (callers.next(), callers.next()) else { return false };
        independent
            && match self.model.components.get(caller) {
                Some(Component::Client(_)) => true,
                Some(Component::ServerPool(pool)) => {
                    // The pool's own callers must not ask it twice either: clients, directly or through balancers.
                    let asked_once = self.callers(caller).all(|who| {
                        let who = self.model.components.get(who);
                        matches!(who, Some(Component::Client(_) | Component::LoadBalancer(_)))
                    });
                    asked_once && pool.handlers.values().all(|steps| looks_up_once(steps, cache))
                }
                Some(_) | None => false,
            }
    }
}

/// Where the time of a request goes in a network with a product form, waiting apart.
struct Network {
    /// Visits × mean service time of each station with one server.
    demands_s: Vec<f64>,
    /// What is waited for beside others, without any queue.
    delays_s: f64,
}

impl Service<'_> {
    /// The mean, in seconds at speed 1, where one server serves in a way that has a product form.
    fn single_server_s(&self) -> Option<f64> {
        match self {
            Self::Fifo(1, work @ Distribution::Exponential { .. }) | Self::Sharing(work) => Some(seconds(work)),
            Self::Fifo(..) => None,
        }
    }
}

fn seconds(distribution: &Distribution) -> f64 {
    distribution.mean() / 1e9
}

/// The mean time of an operation at a database that works on one at a time.
fn database_s(database: &DatabaseSpec, operation: &str) -> Option<f64> {
    let spec = database.operations.get(operation)?;
    let one = database.slots() == Some(1) && database.shards.0 == 1 && database.replicas.0 == 0;
    let alike = database.overrides.is_empty();
    let plain = alike && database.connections.is_none() && database.error_rate.0 == 0.0 && spec.rows.is_none();
    let exponential = matches!(spec.time.0, Distribution::Exponential { .. });
    (one && plain && exponential).then(|| seconds(&spec.time.0))
}

/// Whether a client's requests are independent of each other and all of them are made, once.
fn asks_plainly(client: &ClientSpec) -> bool {
    client.journey.is_none() && client.max_in_flight.is_none() && is_plain(client.link_options())
}

/// Whether a link does nothing but take time.
fn is_plain(options: &LinkOptions) -> bool {
    options.bandwidth.is_none()
        && options.loss.0 == 0.0
        && options.timeout.is_none()
        && options.deadline.is_none()
        && options.retry.is_none()
        && options.max_in_flight.is_none()
        && options.breaker.is_none()
        && options.hedge.is_none()
        && options.fallback.is_none()
}

/// Whether steps look a request's key up in a cache exactly once, in the order of the list.
fn looks_up_once(steps: &[Step], cache: &str) -> bool {
    let mut times = 0;
    for step in steps {
        match step {
            Step::Cpu(_) | Step::Delay(_) => {}
            Step::Call(step) if step.link.to.as_str() == cache => {
                if step.times.0 != 1 || step.key != Key::Request || step.op.is_some() || !is_plain(&step.link.options) {
                    return false;
                }
                times += 1;
            }
            Step::Cached(step) if step.link.to.as_str() == cache => {
                if step.key != Key::Request || !is_plain(&step.link.options) {
                    return false;
                }
                times += 1;
            }
            Step::Call(_) | Step::Publish(_) => {}
            Step::Cached(_) | Step::Hold(_) | Step::Parallel(_) | Step::Choose(_) | Step::Fail(_) => return false,
        }
    }
    times == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plan;
    use crate::analysis::replications::{merge, seed_of};
    use crate::model::NoFiles;

    /// What there is beside three replications.
    fn of(run: &str, components: &str) -> Vec<Beside> {
        let text = format!(
            r#"{{ "format": 1, "run": {{ {run} }}, "keyspaces": {{ "keys": {{ "keys": 2000, "popularity": "zipf(0.8)" }} }},
                 "classes": {{ "look": {{ "key": "keys" }} }}, "components": {{ {components} }} }}"#
        );
        let parsed = Model::parse(&text, "test.json", &[], &NoFiles);
        let (model, _) = parsed.unwrap_or_else(|mistakes| panic!("{components}: {mistakes:?}"));
        let plan = Plan::compile(&model, &NoFiles).expect("it is a right model");
        let reports: Vec<Report> = (0..5).map(|run| crate::simulate(&plan, seed_of(1, run))).collect();
        beside(&model, &merge(&reports, |_| Vec::new()))
    }

    const RUN: &str = r#""warmup": "5s", "duration": "60s""#;

    fn users(rate: u32, to: &str) -> String {
        format!(r#""users": {{ "type": "client", "to": "{to}", "arrivals": {{ "rate": "{rate}/s" }} }}"#)
    }

    #[test]
    fn what_qualifies_agrees() {
        let web = |rate, pool: &str| format!(r#"{}, "web": {{ "type": "server-pool", {pool} }}"#, users(rate, "web"));
        let exponential = r#""handlers": { "*": [ { "cpu": "exp(1ms)" } ] }"#;
        let closed = r#""users": { "type": "client", "to": "web", "arrivals": { "users": 10, "think": "exp(40ms)" } },
            "web": { "type": "server-pool", "workers": 1000, "handlers": { "*": [
                { "delay": "5ms" }, { "call": "one", "times": 2 }, { "call": "two" } ] } },
            "one": { "type": "server-pool", "handlers": { "*": [ { "cpu": "exp(2ms)" } ] } },
            "two": { "type": "database", "slots": 1, "operations": { "read": "exp(3ms)" } }"#;
        let cache = format!(
            r#"{}, "cache": {{ "type": "cache", "capacity": 200, "threads": 100, "backing": "db" }},
               "db": {{ "type": "database", "operations": {{ "read": "0s" }} }}"#,
            users(500, "cache")
        );
        let cases = [
            (web(700, exponential), vec!["M/M/1 utilization", "M/M/1 mean", "M/M/1 p99"]),
            (
                web(2_800, &format!(r#""cores": 4, {exponential}"#)),
                vec!["M/M/4 utilization", "M/M/4 mean", "M/M/4 p99"],
            ),
            (
                web(700, r#""handlers": { "*": [ { "cpu": "lognormal(1ms, cv=0.8)" } ] }"#),
                vec!["M/G/1 utilization", "M/G/1 mean"],
            ),
            (web(700, r#""handlers": { "*": [ { "cpu": "1ms" } ] }"#), vec!["M/D/1 utilization", "M/D/1 mean"]),
            (
                web(1_800, &format!(r#""cores": 2, "queue": 8, {exponential}"#)),
                vec!["M/M/2/10 rejected", "M/M/2/10 utilization", "M/M/2/10 mean"],
            ),
            (
                web(700, r#""workers": 100000, "handlers": { "*": [ { "cpu": "1ms" } ] }"#),
                vec!["M/G/1, processor sharing utilization", "M/G/1, processor sharing mean"],
            ),
            (closed.to_string(), vec!["closed network, 10 users throughput", "closed network, 10 users mean"]),
            (cache, vec!["LRU, Che's approximation hit_ratio"]),
        ];
        for (components, expected) in cases {
            let found = of(RUN, &components);
            let names: Vec<String> = found.iter().map(|line| format!("{} {}", line.model, line.figure)).collect();
            assert_eq!(names, expected, "{components}");
            for line in found {
                // An interval of 95% misses now and then; it must not miss by much.
                let near = line.deviation.abs() < if line.figure == "p99" { 0.15 } else { 0.05 };
                assert!(near && (line.within_interval.is_some() || line.figure == "rejected"), "{line:?}");
            }
        }
    }

    #[test]
    fn what_nearly_qualifies_does_not() {
        let pool = |more: &str| {
            format!(r#""web": {{ "type": "server-pool", "handlers": {{ "*": [ {{ "cpu": "exp(1ms)" }} ] }} {more} }}"#)
        };
        let client = |more: &str| {
            format!(r#""users": {{ "type": "client", "to": "web", "arrivals": {{ "rate": "500/s" }} {more} }}"#)
        };
        let cases = [
            format!("{}, {}", client(r#", "link": { "timeout": "1s" }"#), pool("")),
            format!("{}, {}", client(r#", "link": { "retry": 2 }"#), pool("")),
            format!("{}, {}", client(r#", "max_in_flight": 5000"#), pool("")),
            format!("{}, {}", client(""), pool(r#", "replicas": 2"#)),
            format!("{}, {}", client(""), pool(r#", "error_rate": "1%""#)),
            format!("{}, {}", client(""), pool(r#", "workers": 2"#)),
            format!("{}, {}", client(""), pool(r#", "queue": { "order": "lifo" }"#)),
            format!("{}, {}", client(""), pool(r#", "speed": 0.4"#)),
            format!(
                r#"{}, {}, "more": {{ "type": "client", "to": "web", "arrivals": {{ "rate": "10/s", "process": "constant" }} }}"#,
                client(""),
                pool("")
            ),
            // Asked by a pool, by a balancer, for two things.
            format!(
                r#"{}, {}, "edge": {{ "type": "server-pool", "workers": 5000, "handlers": {{ "*": [ {{ "call": "web" }} ] }} }}"#,
                client("").replace(r#""to": "web""#, r#""to": "edge""#),
                pool("")
            ),
            format!(
                r#"{}, {}, "edge": {{ "type": "load-balancer", "to": ["web"] }}"#,
                client("").replace(r#""to": "web""#, r#""to": "edge""#),
                pool("")
            ),
            format!(
                r#"{}, "cache": {{ "type": "cache", "capacity": 200, "ttl": "10s", "backing": "db" }},
                   "db": {{ "type": "database", "operations": {{ "read": "0s" }} }}"#,
                users(500, "cache")
            ),
            format!(
                r#"{}, "cache": {{ "type": "cache", "capacity": 200, "eviction": "fifo", "backing": "db" }},
                   "db": {{ "type": "database", "operations": {{ "read": "0s" }} }}"#,
                users(500, "cache")
            ),
        ];
        for components in cases {
            let found = of(r#""warmup": "0s", "duration": "1s""#, &components);
            assert!(found.is_empty(), "{components}: {found:?}");
        }
    }
}
