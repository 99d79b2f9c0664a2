//! What a server pool says for itself.

use std::collections::BTreeSet;

use super::{ServerPoolSpec, Zones};
use crate::analysis::load::{self, Walk};
use crate::components::{Component, Nature, Outgoing, Part, counted, rested_on};
use crate::experiment::levers::{Lever, Order};
use crate::lower::Lowering;
use crate::model::Model;
use crate::model::address::Address;
use crate::model::diagnostic::nearest;
use crate::model::step::{Step, each_step};
use crate::model::validate::{Call, Check, Edge, Flow, Places};
use crate::plan::{ChangeKind, Target};

impl Part for ServerPoolSpec {
    fn stations(&self) -> Vec<&'static str> {
        vec!["cores", "workers"]
    }

    fn check(&self, _: &str, check: &mut Check) {
        if self.queue.capacity.is_none() {
            check.ignored(&self.queue.at, "when_full", "the queue has no `capacity`, so it is never full");
        }
        for steps in self.handlers.values() {
            each_step(steps, &mut |step| check.step(step));
            if look_ups_inside(steps) > LOOK_UPS_MAX {
                let found = format!("more than {LOOK_UPS_MAX} `cached` steps inside of each other");
                check
                    .diagnostics
                    .push(self.at.field("handlers").error(found).help("let caches be each other's backing"));
            }
        }
    }

    fn nature() -> Nature {
        Nature { endpoint: true, crashes: true, errs: true, works: true, ..Nature::CALLED }
    }

    fn links(&self) -> Vec<Outgoing<'_>> {
        let mut found = Vec::new();
        self.handlers.values().for_each(|steps| ways_out(steps, &mut found));
        found
    }

    fn zones(&self) -> Option<&Zones> {
        self.zones.as_ref()
    }

    fn calls(&self, call: &Call, flow: &mut Flow, edges: &mut Vec<Edge>) {
        if let Some(operation) = &call.operation {
            let found = format!("`op` {operation} has no effect: {} is a server-pool", call.component);
            flow.diagnostics.push(self.at.warning(found));
        }
        match self.handler(&call.class) {
            Some(steps) => flow.steps(steps, call, true, edges),
            None => {
                let handlers: Vec<&str> = self.handlers.keys().map(String::as_str).collect();
                let help = match nearest(&call.class, handlers.iter().copied()) {
                    Some(near) => format!("there is one for {near}"),
                    None => "add one, or `*` for all classes that are not named".to_string(),
                };
                let found = format!("{} can arrive here and has no handler", call.class);
                flow.diagnostics.push(self.at.field("handlers").error(found).help(help));
            }
        }
    }

    fn overrides(&self, name: &str, places: &mut Places) {
        let count = places.most_replicas(name);
        for (number, own) in &self.overrides {
            places.overridden((name, "replica", number), &own.at, count);
            super::overrides::check((name, self), own, places);
        }
    }

    fn instance(&self, address: &Address, places: &mut Places) {
        if !address.parts.is_empty() {
            let found = format!("{} has no shards", address.component);
            places.wrong(address, found, format!("{}[0]", address.component));
        } else if let Some(replica) = address.replica {
            places.numbered(address, "replica", replica, places.most_replicas(&address.component));
        }
    }

    fn target(&self, id: u32) -> Target {
        Target::Pool(id)
    }

    fn assumptions(&self) -> Vec<&'static str> {
        rested_on(&super::LEAVES_OUT, self)
    }

    fn lower(&self, id: u32, name: &str, lowering: &mut Lowering) {
        lowering.server_pool(id, name, self);
    }

    fn change(&self, component: u32, field: &str, _: &Lowering) -> Option<ChangeKind> {
        match field {
            "replicas" => Some(ChangeKind::Replicas { component, count: self.replicas.0 as u32 }),
            "speed" => Some(ChangeKind::Speed { component, speed: self.speed.0 }),
            "error_rate" => Some(ChangeKind::ErrorRate { component, share: self.error_rate.0 }),
            _ => None,
        }
    }

    fn load<'a>(&'a self, name: &'a str, call: load::Call<'a>, walk: &mut Walk<'a>) -> f64 {
        walk.server_pool(name, self, call)
    }

    fn servers(&self, name: &str, station: &str, walk: &mut Walk) -> Option<f64> {
        let replicas = walk.replicas(name);
        if replicas > self.replicas.0 as f64 {
            walk.assume(format!("`{name}` at its most replicas, {replicas}"));
        }
        let of = |cores: u32, workers: u64| if station == "cores" { f64::from(cores) / 1000.0 } else { workers as f64 };
        let each = of(self.cores.0, self.workers());
        let own = self.overrides_by_replica().into_iter().filter(|(replica, _)| (*replica as f64) < replicas);
        let more = own.map(|(_, own)| of(own.cores.unwrap_or(self.cores).0, self.workers_of(own)) - each);
        Some(replicas * each + more.sum::<f64>())
    }

    fn nodes(&self, name: &str, model: &Model, _: Option<&BTreeSet<String>>) -> (f64, bool) {
        let scaler = model.components.values().find_map(|component| match component {
            Component::Autoscaler(scaler) if scaler.target.as_str() == name => Some(scaler),
            _ => None,
        });
        let changes = model.changes.iter().filter(|change| change.component == name && change.field == "replicas");
        let later = changes.filter_map(|change| match &change.spec {
            Component::ServerPool(pool) => Some(pool.replicas.0),
            _ => None,
        });
        let fewest = later.clone().fold(self.replicas.0, u64::min);
        match scaler {
            Some(scaler) => (fewest.min(scaler.min.0) as f64, scaler.min == scaler.max && fewest == scaler.max.0),
            None => (fewest as f64, later.count() == 0),
        }
    }

    fn levers(&self, name: &str, model: &Model) -> Vec<Lever> {
        let mut levers = Vec::new();
        let scaler = model.components.iter().find_map(|(scaler, component)| match component {
            Component::Autoscaler(spec) if spec.target.as_str() == name => Some((scaler, spec)),
            _ => None,
        });
        let station = Some("cores");
        match scaler {
            Some((scaler, spec)) => {
                let fewest = self.replicas.0.max(spec.min.0);
                levers.push(Lever {
                    paths: vec![(format!("{scaler}.max"), spec.max.0 as f64)],
                    ..Lever::count(name, station, "replicas at most", "replicas", spec.max.0, Order::Usually)
                });
                let paths = [("min", spec.min.0), ("max", spec.max.0)];
                let paths = paths.map(|(field, now)| (format!("{scaler}.{field}"), now as f64));
                levers.push(Lever {
                    paths: [vec![(format!("{name}.replicas"), self.replicas.0 as f64)], paths.to_vec()].concat(),
                    ..Lever::count(name, station, "replicas at all times", "replicas", fewest, Order::Usually)
                });
            }
            None => {
                let order = if self.is_alike(model, name) { Order::Surely } else { Order::Usually };
                levers.push(Lever::count(name, station, "replicas", "replicas", self.replicas.0, order));
            }
        }
        levers.push(Lever::cores(name, "cores each", self.cores));
        if !self.asynchronous {
            levers.push(Lever::count(name, Some("workers"), "workers each", "workers", self.workers(), Order::Usually));
        }
        levers
    }

    fn orders(&self) -> &'static [(&'static str, Order)] {
        &[("speed", Order::Surely)]
    }

    fn load_is_known(&self) -> bool {
        true
    }

    fn facts(&self) -> Vec<String> {
        let cores = f64::from(self.cores.0) / 1000.0;
        let workers = self.workers.map_or(String::new(), |workers| format!(", {}", counted(workers.0, "worker")));
        let cores = if cores == 1.0 { "1 core".to_owned() } else { format!("{cores} cores") };
        vec![counted(self.replicas.0, "replica"), format!("{cores}{workers}")]
    }
}

impl ServerPoolSpec {
    /// Whether another replica is like those that are there, and takes nothing from them: no replica is told apart, none
    /// has a cache of its own that would be colder, and none opens connections that a database counts.
    fn is_alike(&self, model: &Model, name: &str) -> bool {
        self.overrides.is_empty() && model.components.values().all(|component| component.part().treats_alike(name))
    }
}

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

/// Whom steps call, publish to or borrow of.
fn ways_out<'a>(steps: &'a [Step], found: &mut Vec<Outgoing<'a>>) {
    for step in steps {
        match step {
            Step::Cpu(_) | Step::Delay(_) | Step::Fail(_) => {}
            Step::Call(step) => found.push(Outgoing::over(&step.link)),
            Step::Publish(step) => found.push(Outgoing::over(&step.link)),
            Step::Cached(step) => {
                found.push(Outgoing::over(&step.link));
                ways_out(&step.miss, found);
                ways_out(&step.hit, found);
            }
            Step::Hold(step) => {
                found.push(Outgoing { to: &step.pool, link: None, note: None, steers: false });
                ways_out(&step.steps, found);
            }
            Step::Parallel(step) => step.branches.iter().for_each(|steps| ways_out(steps, found)),
            Step::Choose(step) => step.branches.iter().for_each(|branch| ways_out(&branch.steps, found)),
        }
    }
}
