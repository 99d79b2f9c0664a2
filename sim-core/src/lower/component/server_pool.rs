//! Server pools: their stations, and a program for each class.

use super::super::Lowering;
use super::super::call::Caller;
use super::super::steps::{CORES, WORKERS, own_draw};
use super::when_full;
use crate::components::Component;
use crate::components::autoscaler::ScalingPolicy;
use crate::components::scaling::RuleMetric;
use crate::components::server_pool::{
    AdaptiveLimit, Every, LimitRule as LimitRuleSpec, Memory, Override, Pause, Queue, QueueOrder, Scheduling,
    ServerPoolSpec, Slowdown,
};
use crate::engine::slab::NONE;
use crate::model::step::Step;
use crate::plan::*;
use crate::policy::adaptive_limit::{LimitRule, LimitSpec};

impl Lowering<'_> {
    pub(crate) fn server_pool(&mut self, id: u32, name: &str, spec: &ServerPoolSpec) {
        let cores = spec.cores.0;
        let shape = self.cores_shape(name, spec);
        let (stations, share) = shape.stations(cores, spec.workers(), &spec.queue);
        let plan = PoolPlan {
            component: id,
            replicas: spec.replicas.0 as u32,
            speed: spec.speed.0 * share,
            startup: own_draw(&spec.startup.0, &[name, "startup"]),
            error_rate: spec.error_rate.0,
            cpu_request: spec.cpu_request.map_or(cores, |request| request.0),
            memory: spec.memory.as_ref().map(|memory| memory_plan(memory, spec.asynchronous)),
            pause: spec.pause.as_ref().map(|pause| pause_plan(name, pause)),
            limit: spec.adaptive_limit.as_ref().map(limit_spec),
            slowdown: slowdown(&spec.slowdown),
            zones: spec.zones.as_ref().map_or(1, |zones| zones.0.len() as u32),
        };
        self.plan.pools.push(plan);
        let kind = Kind::Pool(self.plan.pools.len() as u32 - 1);
        let plan = self.plan_of(id);
        plan.kind = kind;
        plan.overrides = overrides(name, spec, shape, share);
        plan.stations = stations;
        plan.is_caller = true;
        self.handlers(id, name, spec);
    }

    fn handlers(&mut self, id: u32, name: &str, spec: &ServerPoolSpec) {
        let model = self.model;
        for (class, number) in model.classes.keys().zip(0_u16..) {
            let Some(steps) = spec.handlers.get(class).or_else(|| spec.handlers.get("*")) else { continue };
            let writes = if self.rows_may_write() { None } else { Some(self.plan.classes[number as usize].write) };
            let mut caller = Caller::new(id, &[name, class], writes);
            let entry = self.here();
            self.plan_of(id).entry_by_class[number as usize] = entry;
            self.handler(&mut caller, spec, steps);
        }
    }

    fn handler(&mut self, caller: &mut Caller, spec: &ServerPoolSpec, steps: &[Step]) {
        let place = Place::Own(WORKERS);
        let cell = self.work_cell(caller.component);
        let (release, reply, refused) = (self.label(), self.label(), self.label());
        if spec.adaptive_limit.is_some() {
            self.unwinding(refused, |lowering| lowering.emit(Op::Admit));
        }
        if spec.pause.as_ref().is_some_and(|pause| matches!(pause.every, Every::Calls(_))) {
            self.emit(Op::CountForPause);
        }
        if !spec.asynchronous {
            self.unwinding(reply, |lowering| lowering.emit(Op::Seize { place, cell, admission: true }));
        }
        self.unwinding(release, |lowering| {
            if spec.memory.is_some() {
                lowering.emit(Op::Remember);
            }
            lowering.steps(caller, spec, steps);
            let site = caller.site("error_rate");
            lowering.error_rate(caller.component, spec.error_rate.0, site);
        });
        self.place(release);
        self.release_sessions(caller);
        if !spec.asynchronous {
            self.clean_up(Op::Release { place });
        }
        self.place(reply);
        if self.latency_is_watched(caller.component) {
            self.emit(Op::NoteLatency);
        }
        if spec.adaptive_limit.is_some() {
            self.emit(Op::Learn);
        }
        self.place(refused);
        self.emit(Op::Reply);
        const { assert!(CORES != WORKERS) };
    }
}

impl Lowering<'_> {
    /// How replicas of a pool serve.
    fn cores_shape(&self, name: &str, spec: &ServerPoolSpec) -> Shape {
        // A worker keeps one core busy at most, unless its handler works in several branches at once.
        let branches = !spec.asynchronous && spec.handlers.values().any(|steps| works_in_parallel(steps, false));
        let each = spec.overrides.values().map(|own| (own.cores.unwrap_or(spec.cores).0, spec.workers_of(own)));
        let scarce = |(cores, workers): (u32, u64)| !cores.is_multiple_of(1000) || workers > u64::from(cores) / 1000;
        let contended = branches || each.chain([(spec.cores.0, spec.workers())]).any(scarce);
        Shape {
            shared: spec.scheduling == Scheduling::Sharing && (contended || self.is_scaled_vertically(name)),
            in_order: spec.scheduling == Scheduling::Fifo,
            branches,
        }
    }

    /// Whether the cores of a pool's replicas may change.
    fn is_scaled_vertically(&self, name: &str) -> bool {
        self.model.components.values().any(|component| {
            matches!(component, Component::Autoscaler(scaler)
                if scaler.policy == ScalingPolicy::Vertical && scaler.target.as_str() == name)
        })
    }

    /// Whether an autoscaler looks at how long calls of a pool take.
    fn latency_is_watched(&self, pool: u32) -> bool {
        let name = &self.plan.components[pool as usize].name;
        self.model.components.values().any(|component| match component {
            Component::Autoscaler(scaler) if scaler.target.as_str() == name => {
                scaler.metrics.iter().any(|metric| metric.latency.is_some())
                    || scaler.rules.iter().any(|rule| rule.metric == RuleMetric::Latency)
            }
            _ => false,
        })
    }
}

/// How all replicas of a pool serve, those that differ too.
#[derive(Clone, Copy)]
struct Shape {
    /// Whether tasks share the cores, of which there may be too few.
    shared: bool,
    /// Whether tasks take whole cores in turn.
    in_order: bool,
    /// Whether a handler works in several branches at once.
    branches: bool,
}

impl Shape {
    /// The stations of a replica, and how much of a core each of its servers is.
    fn stations(self, cores: u32, workers: u64, queue: &Queue) -> (Vec<StationPlan>, f64) {
        let workers = workers.min(u32::MAX as u64 - 1) as u32;
        let (discipline, servers, share) = if self.shared {
            (Discipline::Sharing, cores, 1.0)
        } else if self.in_order {
            let servers = cores.div_ceil(1000);
            (Discipline::Servers, servers, cores as f64 / 1000.0 / servers as f64)
        } else {
            (Discipline::Servers, cores / 1000, 1.0)
        };
        let free = discipline == Discipline::Servers && workers <= servers && !self.branches;
        let cores_plan = StationPlan { discipline, core_share: share, free, ..StationPlan::plain("cores", servers) };
        let workers_plan = StationPlan {
            order: match queue.order {
                QueueOrder::Fifo => Order::Fifo,
                QueueOrder::Lifo => Order::Lifo,
                QueueOrder::Priority => Order::Priority,
            },
            capacity: queue.capacity.map_or(NONE, |capacity| capacity.0.min(NONE as u64) as u32),
            when_full: when_full(queue.when_full),
            timeout_ns: queue.timeout.map_or(0, |time| time.0),
            codel_ns: queue.shed.as_ref().map(|shed| (shed.target.0, shed.interval.0)),
            ..StationPlan::plain("workers", workers)
        };
        (vec![cores_plan, workers_plan], share)
    }
}

/// What single replicas have otherwise; `share` is how much of a core each server of the others is.
fn overrides(name: &str, spec: &ServerPoolSpec, shape: Shape, share: f64) -> Vec<OverridePlan> {
    let thousandths = 1000.0;
    let replica = |(replica, own): (u64, &Override)| {
        let differs = own.cores.is_some() || own.workers.is_some() || own.queue.is_some();
        let cores = own.cores.unwrap_or(spec.cores).0;
        let (stations, _) = shape.stations(cores, spec.workers_of(own), own.queue.as_ref().unwrap_or(&spec.queue));
        OverridePlan {
            stations: if differs { stations } else { Vec::new() },
            speed: own.speed.map(|speed| speed.0 * share),
            weight: own.weight.map(|weight| (weight.0 * thousandths).round() as u32),
            error_rate: own.error_rate.map(|share| share.0),
            startup: own.startup.as_ref().map(|startup| own_draw(&startup.0, &[name, "startup"])),
            zone: own.zone.as_ref().and_then(|zone| spec.zones.as_ref()?.position(&zone.0)),
            cpu_request: own.cores.filter(|_| spec.cpu_request.is_none()).map(|cores| cores.0),
            ..OverridePlan::of(replica as u32)
        }
    };
    spec.overrides_by_replica().into_iter().map(replica).collect()
}

fn memory_plan(memory: &Memory, asynchronous: bool) -> MemoryPlan {
    let limit = memory.limit.map_or(u64::MAX, |limit| limit.0);
    MemoryPlan {
        base: memory.base.0,
        per_request: memory.per_request.0,
        limit,
        request: memory.request.map_or(limit, |request| request.0),
        from_arrival: asynchronous,
    }
}

fn pause_plan(name: &str, pause: &Pause) -> PausePlan {
    let length = own_draw(&pause.duration.0, &[name, "pause"]);
    match &pause.every {
        Every::Time(time) => PausePlan { every: Some(own_draw(&time.0, &[name, "pause", "every"])), calls: 0, length },
        Every::Calls(calls) => PausePlan { every: None, calls: *calls, length },
    }
}

fn limit_spec(limit: &AdaptiveLimit) -> LimitSpec {
    let rule = match limit.rule {
        LimitRuleSpec::Aimd => LimitRule::Aimd { backoff: limit.backoff.0, timeout_ns: limit.timeout.0 },
        LimitRuleSpec::Gradient => {
            LimitRule::Gradient { smoothing: limit.smoothing.0, queue: limit.queue.0 as u32, long_window: 600 }
        }
    };
    LimitSpec { rule, initial: limit.initial.0 as u32, min: limit.min.0 as u32, max: limit.max.0 as u32 }
}

/// The points, growing, with what holds before the first.
fn slowdown(points: &[Slowdown]) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = points.iter().map(|point| (point.utilization, point.factor)).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    if points.first().is_some_and(|first| first.0 > 0.0) {
        points.insert(0, (0.0, 1.0));
    }
    points
}

/// Whether branches of a `parallel` step work on cores.
fn works_in_parallel(steps: &[Step], inside: bool) -> bool {
    steps.iter().any(|step| match step {
        Step::Cpu(_) => inside,
        Step::Delay(_) | Step::Call(_) | Step::Publish(_) | Step::Fail(_) => false,
        Step::Cached(cached) => works_in_parallel(&cached.miss, inside) || works_in_parallel(&cached.hit, inside),
        Step::Hold(hold) => works_in_parallel(&hold.steps, inside),
        Step::Parallel(parallel) => parallel.branches.iter().any(|branch| works_in_parallel(branch, true)),
        Step::Choose(choose) => choose.branches.iter().any(|branch| works_in_parallel(&branch.steps, inside)),
    })
}
