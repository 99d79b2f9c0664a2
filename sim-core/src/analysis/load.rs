//! How full each station will be, from the model alone: rates times mean work. No waiting, no time-outs and no retries
//! are in it, so it says what can't work, not what will.

mod servers;

use std::collections::{BTreeMap, BTreeSet};

use crate::components::Component;
use crate::components::client::ClientSpec;
use crate::components::server_pool::ServerPoolSpec;
use crate::model::Model;
use crate::model::arrivals::{Arrivals, Users};
use crate::model::link::Link;
use crate::model::step::{CallStep, Step};
use crate::model::value::TimeDistribution;

/// Calls may be this deep; deeper ones are circles, which models may not have.
const DEPTH_MAX: usize = 100;
/// Handlers that call each other in many ways are followed this often.
const VISITS_MAX: usize = 100_000;

/// The offered load of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    /// Each station that has work, by component.
    pub stations: Vec<StationLoad>,
    /// What was taken for granted.
    pub assumptions: Vec<String>,
    /// Who calls each component.
    pub callers: BTreeMap<String, BTreeSet<String>>,
}

/// The offered load of a station.
#[derive(Clone, Debug, PartialEq)]
pub struct StationLoad {
    /// The component.
    pub component: String,
    /// The station: `cores`, `workers`, `slots`, ….
    pub station: &'static str,
    /// How many servers the work would keep busy, were there enough of them.
    pub busy: f64,
    /// How many there are.
    pub servers: f64,
}

impl StationLoad {
    /// Offered work ÷ capacity; above 1 queues grow without end.
    pub fn utilization(&self) -> f64 {
        if self.servers > 0.0 { self.busy / self.servers } else { f64::INFINITY }
    }
}

/// The offered load of each station, at the highest rate that the model's clients come to.
pub fn offered(model: &Model) -> Load {
    let mut walk = Walk { model, work: BTreeMap::new(), callers: BTreeMap::new(), assumptions: Vec::new(), visits: 0 };
    for (name, component) in &model.components {
        if let Component::Client(client) = component {
            walk.client(name, client);
        }
    }
    let stations = std::mem::take(&mut walk.work).into_iter().filter_map(|((component, station), busy)| {
        let servers = walk.servers(&component, station)?;
        Some(StationLoad { component, station, busy, servers })
    });
    let stations = stations.collect();
    Load { stations, assumptions: walk.assumptions, callers: walk.callers }
}

/// How many arrivals per second the open clients bring at most.
pub fn arrivals(model: &Model) -> f64 {
    let mut walk = Walk { model, work: BTreeMap::new(), callers: BTreeMap::new(), assumptions: Vec::new(), visits: 0 };
    let clients = model.components.iter().filter_map(|(name, component)| match component {
        Component::Client(client) => walk.arrival_rate(name, &client.arrivals),
        _ => None,
    });
    clients.sum()
}

/// A call on its way through the model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// How many per second.
    pub rate: f64,
    /// The class.
    pub class: &'a str,
    /// The operation, if the caller names one.
    pub operation: Option<&'a str>,
    /// The nearest caller with replicas.
    pub caller: &'a str,
    /// How deep it is.
    pub depth: usize,
}

/// What has been found so far.
pub(crate) struct Walk<'a> {
    pub model: &'a Model,
    /// Busy servers by component and station.
    work: BTreeMap<(String, &'static str), f64>,
    /// Who calls each component.
    callers: BTreeMap<String, BTreeSet<String>>,
    assumptions: Vec<String>,
    visits: usize,
}

impl<'a> Walk<'a> {
    /// Notes what is taken for granted.
    pub fn assume(&mut self, assumption: String) {
        if !self.assumptions.contains(&assumption) {
            self.assumptions.push(assumption);
        }
    }

    /// Adds work to a station: how many of its servers are kept busy.
    pub fn add(&mut self, component: &str, station: &'static str, busy: f64) {
        if busy > 0.0 {
            *self.work.entry((component.to_owned(), station)).or_default() += busy;
        }
    }

    fn client(&mut self, name: &'a str, client: &'a ClientSpec) {
        let shares = self.class_shares(client);
        // Of a closed loop the time that a request takes bounds the rate: it is walked twice.
        if let Arrivals::Closed(closed) = &client.arrivals {
            let users = match &closed.users {
                Users::Constant(count) => count.0,
                Users::Stages(stages) => stages.iter().map(|stage| stage.level().0).max().unwrap_or(0),
            };
            let mut trial = Walk {
                model: self.model,
                work: BTreeMap::new(),
                callers: BTreeMap::new(),
                assumptions: Vec::new(),
                visits: 0,
            };
            let round_s = seconds(&closed.think) + trial.requests(name, client, &shares, 1.0);
            self.assume(format!("`{name}` asks as fast as it can without waiting: queues slow a closed loop down"));
            if round_s > 0.0 {
                self.requests(name, client, &shares, users as f64 / round_s);
            }
            return;
        }
        let Some(rate) = self.arrival_rate(name, &client.arrivals) else { return };
        self.requests(name, client, &shares, rate);
    }

    /// Follows the requests of a client; gives the mean time of one without any waiting.
    fn requests(&mut self, name: &'a str, client: &'a ClientSpec, shares: &[(&'a str, f64)], rate: f64) -> f64 {
        shares
            .iter()
            .map(|(class, share)| {
                let call = Call { rate: rate * share, class, operation: None, caller: name, depth: 0 };
                share * self.link(&client.to, call)
            })
            .sum()
    }

    /// How many requests of each class an arrival makes on average.
    fn class_shares(&self, client: &'a ClientSpec) -> Vec<(&'a str, f64)> {
        if let Some(journey) = &client.journey {
            return journey.iter().map(|step| (step.class.as_str(), step.times.0 as f64)).collect();
        }
        if client.mix.is_empty() {
            let count = self.model.classes.len() as f64;
            return self.model.classes.keys().map(|class| (class.as_str(), 1.0 / count)).collect();
        }
        let total: f64 = client.mix.values().map(|weight| weight.0).sum();
        client.mix.iter().map(|(class, weight)| (class.as_str(), weight.0 / total)).collect()
    }

    /// The highest rate, where the model says one.
    fn arrival_rate(&mut self, name: &str, arrivals: &Arrivals) -> Option<f64> {
        match arrivals {
            Arrivals::Open(open) => Some(open.rate.0),
            Arrivals::Stages(staged) => {
                self.assume(format!("`{name}` at its highest stage"));
                Some(staged.stages.iter().map(|stage| stage.level().0).fold(0.0, f64::max))
            }
            Arrivals::Daily(daily) => {
                self.assume(format!("`{name}` at the peak of its day"));
                Some(daily.daily.peak.0)
            }
            Arrivals::Closed(_) => None,
            Arrivals::Trace(_) => {
                self.assume(format!("`{name}` is left out: its load is in a file"));
                None
            }
        }
    }

    /// Follows a call over a link; gives its mean time without any waiting.
    pub fn link(&mut self, link: &'a Link, call: Call<'a>) -> f64 {
        seconds(&link.options.rtt) + self.component(link.to.as_str(), call)
    }

    fn component(&mut self, name: &'a str, call: Call<'a>) -> f64 {
        self.visits += 1;
        if call.depth > DEPTH_MAX || self.visits > VISITS_MAX || call.rate <= 0.0 {
            return 0.0;
        }
        let call = Call { depth: call.depth + 1, ..call };
        let Some((name, component)) = self.model.components.get_key_value(name) else { return 0.0 };
        self.callers.entry(name.clone()).or_default().insert(call.caller.to_owned());
        component.part().load(name, call, self)
    }

    /// A call of a server pool: its handler, and the worker that it holds.
    pub fn server_pool(&mut self, name: &'a str, pool: &'a ServerPoolSpec, call: Call<'a>) -> f64 {
        let Some(steps) = pool.handler(call.class) else { return 0.0 };
        let speed = self.mean_speed(pool);
        let inside = Call { caller: name, operation: None, ..call };
        let cpu_before = self.work.get(&(name.to_owned(), "cores")).copied().unwrap_or(0.0);
        let time_s = self.steps(name, speed, steps, inside, None);
        let cpu = self.work.get(&(name.to_owned(), "cores")).copied().unwrap_or(0.0) - cpu_before;
        self.add(name, "workers", if pool.asynchronous { cpu } else { call.rate * time_s });
        time_s
    }

    fn mean_speed(&self, pool: &ServerPoolSpec) -> f64 {
        let replicas = pool.replicas.0.max(1);
        let overrides = pool.overrides_by_replica();
        let own: Vec<f64> = overrides
            .iter()
            .filter(|(replica, _)| **replica < replicas)
            .filter_map(|(_, own)| own.speed.map(|speed| speed.0))
            .collect();
        let others = replicas as f64 - own.len() as f64;
        (own.iter().sum::<f64>() + others * pool.speed.0) / replicas as f64
    }

    /// Follows steps one after the other; gives their mean time. `held` is a pool of which a connection is in hand.
    fn steps(&mut self, owner: &'a str, speed: f64, steps: &'a [Step], call: Call<'a>, held: Option<&'a str>) -> f64 {
        let mut time_s = 0.0;
        // The share of requests that have not ended in a `fail` before.
        let mut alive = 1.0;
        for step in steps {
            let call = Call { rate: call.rate * alive, ..call };
            let step_s = match step {
                Step::Cpu(step) => {
                    let work_s = seconds(&step.cpu) / speed;
                    self.add(owner, "cores", call.rate * work_s);
                    work_s
                }
                Step::Delay(step) => seconds(&step.delay),
                Step::Call(step) => self.call_step(step, call, held),
                Step::Publish(step) => {
                    let class = step.class.as_ref().map_or(call.class, |class| class.as_str());
                    let times = step.times.0 as f64;
                    times * self.link(&step.link, Call { rate: call.rate * times, class, operation: None, ..call })
                }
                Step::Cached(step) => {
                    let cache = step.link.to.as_str();
                    let mut looked_up_s = seconds(&step.link.options.rtt);
                    looked_up_s += self.cache_operations(cache, call, &["read"]);
                    self.assume(format!("nothing is found in `{cache}`"));
                    looked_up_s += self.steps(owner, speed, &step.miss, call, held);
                    looked_up_s + self.cache_operations(cache, call, &["write"])
                }
                Step::Hold(step) => {
                    let pool = step.pool.as_str();
                    let inside_s = self.steps(owner, speed, &step.steps, call, Some(pool));
                    self.callers.entry(pool.to_owned()).or_default().insert(call.caller.to_owned());
                    self.add(pool, "connections", call.rate * inside_s);
                    inside_s
                }
                Step::Parallel(step) => {
                    let branches = step.branches.iter().map(|steps| self.steps(owner, speed, steps, call, held));
                    branches.fold(0.0, f64::max)
                }
                Step::Choose(step) => {
                    let total: f64 = step.branches.iter().map(|branch| branch.weight.0).sum();
                    let share = |weight: f64| if total > 0.0 { weight / total } else { 0.0 };
                    let branches = step.branches.iter().map(|branch| {
                        let share = share(branch.weight.0);
                        share * self.steps(owner, speed, &branch.steps, Call { rate: call.rate * share, ..call }, held)
                    });
                    branches.sum()
                }
                Step::Fail(step) => {
                    alive *= 1.0 - step.share.0;
                    continue;
                }
            };
            time_s += alive * step_s;
        }
        time_s
    }

    fn call_step(&mut self, step: &'a CallStep, call: Call<'a>, held: Option<&'a str>) -> f64 {
        let times = step.times.0 as f64;
        let call = Call {
            rate: call.rate * times,
            class: step.class.as_ref().map_or(call.class, |class| class.as_str()),
            operation: step.op.as_ref().map(|operation| operation.as_str()),
            ..call
        };
        let target = step.link.to.as_str();
        // A connection that is held already is not borrowed again: the call goes straight to what is behind the pool.
        match self.model.components.get(target) {
            Some(Component::ConnectionPool(pool)) if held == Some(target) => {
                times * (seconds(&step.link.options.rtt) + self.link(&pool.to, call))
            }
            Some(_) | None => times * self.link(&step.link, call),
        }
    }

    /// Work of a cache itself; gives its mean time.
    pub fn cache_operations(&mut self, name: &'a str, call: Call<'a>, operations: &[&str]) -> f64 {
        let Some(Component::Cache(cache)) = self.model.components.get(name) else { return 0.0 };
        self.callers.entry(name.to_owned()).or_default().insert(call.caller.to_owned());
        let time = |operation: &&str| {
            let own = match *operation {
                "read" => &cache.operations.read,
                "write" => &cache.operations.write,
                _ => &cache.operations.delete,
            };
            seconds(own.as_ref().unwrap_or(&cache.service))
        };
        let time_s = operations.iter().map(time).sum();
        self.add(name, "threads", call.rate * time_s);
        time_s
    }

    /// Whether a class writes.
    pub fn is_write(&self, class: &str) -> bool {
        self.model.classes.get(class).is_some_and(|class| class.write)
    }
}

/// The mean of a time.
pub(crate) fn seconds(time: &TimeDistribution) -> f64 {
    time.0.mean() / 1e9
}

#[cfg(test)]
mod tests;
