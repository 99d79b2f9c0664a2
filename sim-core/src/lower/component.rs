//! Components: their stations, their tables, their programs.

use super::call::{CallSpec, Caller};
use super::steps::{CORES, WORKERS, own_draw};
use super::{Lowering, site};
use crate::components::Component;
use crate::components::autoscaler::AutoscalerSpec;
use crate::components::cache::{CacheSpec, Capacity, Eviction, Fill, ReadMode, Ttl, WriteMode};
use crate::components::connection_pool::{ConnectionPoolSpec, PoolOrder};
use crate::components::database::{DatabaseSpec, Operation, Placement, ReadFrom as ReadFromSpec, ShardBy};
use crate::components::load_balancer::{LoadBalancerSpec, Target};
use crate::components::server_pool::{QueueOrder, Scheduling, ServerPoolSpec, WhenFull as WhenFullSpec};
use crate::engine::slab::NONE;
use crate::math;
use crate::model::link::Scope as ScopeSpec;
use crate::model::step::Step;
use crate::plan::*;

/// The number of a database's station `connections`; its slots or cores are the first.
const WORK: u8 = 0;

impl Lowering<'_> {
    /// Lowers a component: fills its plan.
    pub(super) fn component(&mut self, name: &str, component: &Component) {
        let id = self.id(name);
        match component {
            Component::Client(client) => self.client(id, name, client),
            Component::LoadBalancer(balancer) => self.balancer(id, name, balancer),
            Component::ServerPool(pool) => self.server_pool(id, name, pool),
            Component::Cache(cache) => self.cache(id, name, cache),
            Component::ConnectionPool(pool) => self.connection_pool(id, name, pool),
            Component::Database(database) => self.database(id, name, database),
            Component::Autoscaler(scaler) => self.autoscaler(id, scaler),
        }
    }

    fn plan_of(&mut self, id: u32) -> &mut ComponentPlan {
        &mut self.plan.components[id as usize]
    }

    // Load balancers.

    fn balancer(&mut self, id: u32, name: &str, spec: &LoadBalancerSpec) {
        let model = self.model;
        let mut groups: Vec<&[Target]> = spec.routes.iter().map(|route| &route.to[..]).collect();
        groups.push(&spec.to);
        let mut group_by_class = vec![NONE; model.classes.len()];
        for (class, group) in model.classes.keys().zip(&mut group_by_class) {
            let route = spec.routes.iter().position(|route| route.classes.iter().any(|name| name.as_str() == class));
            *group = match route {
                Some(route) => route as u32,
                None if spec.to.is_empty() => NONE,
                None => spec.routes.len() as u32,
            };
        }
        let mut framed = false;
        let mut plans = Vec::new();
        let mut caller = Caller::new(id, &[name], None);
        for group in groups {
            let scale = weight_scale(group);
            let members = group.iter().map(|target| {
                let call = self.straight_plan(&mut caller, CallSpec::plain(&target.link));
                let link = &self.plan.links[self.plan.calls[call as usize].link as usize];
                framed |= !link.plain || link.retry.is_some() || self.plan.calls[call as usize].fallback.is_some();
                let component = self.component_ids[target.link.to.as_str()];
                MemberPlan { component, weight: (target.weight.0 * scale).round() as u32, call }
            });
            plans.push(GroupPlan { members: members.collect() });
        }
        self.plan.balancers.push(BalancerPlan {
            component: id,
            policy: super::link::policy(spec.policy),
            first_group: self.plan.balancers.iter().map(|other| other.groups.len() as u32).sum(),
            groups: plans,
            group_by_class,
            framed,
            site: site(&[name, "balance"]),
        });
        self.plan_of(id).kind = Kind::Balancer(self.plan.balancers.len() as u32 - 1);
        let entry = self.here();
        let reply = self.label();
        self.unwinding(reply, |lowering| lowering.emit(Op::CallPicked(id)));
        self.place(reply);
        self.emit(Op::Reply);
        self.plan_of(id).entry_by_class.fill(entry);
    }

    // Server pools.

    fn server_pool(&mut self, id: u32, name: &str, spec: &ServerPoolSpec) {
        let cores = spec.cores.0;
        let workers = spec.workers().min(u32::MAX as u64 - 1) as u32;
        // A worker keeps one core busy at most, unless its handler works in several branches at once.
        let branches = !spec.asynchronous && spec.handlers.values().any(|steps| works_in_parallel(steps, false));
        let contended = !cores.is_multiple_of(1000) || workers > cores / 1000 || branches;
        let (discipline, servers, share) = match spec.scheduling {
            Scheduling::Sharing if contended => (Discipline::Sharing, cores, 1.0),
            Scheduling::Sharing => (Discipline::Servers, cores / 1000, 1.0),
            Scheduling::Fifo => {
                let servers = cores.div_ceil(1000);
                (Discipline::Servers, servers, cores as f64 / 1000.0 / servers as f64)
            }
        };
        let queue = &spec.queue;
        let free = discipline == Discipline::Servers && workers <= servers && !branches;
        let cores_plan = StationPlan { discipline, core_share: share, free, ..station("cores", servers) };
        let workers_plan = StationPlan {
            order: match queue.order {
                QueueOrder::Fifo => Order::Fifo,
                QueueOrder::Lifo => Order::Lifo,
                QueueOrder::Priority => Order::Priority,
            },
            capacity: queue.capacity.map_or(NONE, |capacity| capacity.0.min(NONE as u64) as u32),
            when_full: match queue.when_full {
                WhenFullSpec::Reject => WhenFull::Reject,
                WhenFullSpec::Wait(time) => WhenFull::Wait(time.0),
                WhenFullSpec::DropOldest => WhenFull::DropOldest,
                WhenFullSpec::Block => WhenFull::Block,
            },
            timeout_ns: queue.timeout.map_or(0, |time| time.0),
            ..station("workers", workers)
        };
        let scale = 1.0;
        let overrides = spec.overrides_by_replica().into_iter().map(|(replica, other)| Override {
            replica: replica as u32,
            speed: other.speed.map(|speed| speed.0 * share),
            weight: other.weight.map(|weight| (weight.0 * scale).round() as u32),
        });
        let plan = PoolPlan {
            component: id,
            replicas: spec.replicas.0 as u32,
            speed: spec.speed.0 * share,
            startup: own_draw(&spec.startup.0, &[name, "startup"]),
            error_rate: spec.error_rate.0,
            cpu_request: spec.cpu_request.map_or(cores, |request| request.0),
            overrides: overrides.collect(),
        };
        self.plan.pools.push(plan);
        let kind = Kind::Pool(self.plan.pools.len() as u32 - 1);
        let plan = self.plan_of(id);
        plan.kind = kind;
        plan.stations = vec![cores_plan, workers_plan];
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
        let (release, reply) = (self.label(), self.label());
        if !spec.asynchronous {
            self.unwinding(reply, |lowering| lowering.emit(Op::Seize { place, cell, admission: true }));
        }
        self.unwinding(release, |lowering| {
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
        self.emit(Op::Reply);
        const { assert!(CORES != WORKERS) };
    }

    // Caches.

    fn cache(&mut self, id: u32, name: &str, spec: &CacheSpec) {
        let ttl_ns = self.ttls(spec.ttl.as_ref());
        self.plan.caches.push(CachePlan {
            component: id,
            capacity: match spec.capacity {
                Some(Capacity::Items(items)) => items,
                Some(Capacity::Bytes(_)) => unreachable!("validated: byte capacities are not in this version"),
                None => u64::MAX,
            },
            eviction: match spec.eviction {
                Eviction::Lru => CacheEviction::Lru,
                Eviction::Fifo => CacheEviction::Fifo,
                Eviction::None => CacheEviction::None,
            },
            ttl_ns,
            versions_of: NONE,
        });
        let kind = Kind::Cache(self.plan.caches.len() as u32 - 1);
        let plan = self.plan_of(id);
        plan.kind = kind;
        plan.scope = scope(spec.scope);
        // One that all share is its own caller; a copy belongs to its owner.
        plan.is_caller = spec.scope == ScopeSpec::Shared;
        plan.stations = vec![station("threads", spec.threads.0 as u32)];
        let read = self.here();
        self.cache_read(id, name, spec);
        let write = self.here();
        self.cache_write(id, name, spec);
        let delete = self.here();
        self.cache_program(id, name, spec, "delete", |lowering, _| lowering.emit(Op::Remove(id)));
        let store = self.here();
        self.cache_program(id, name, spec, "store", |lowering, _| lowering.emit(Op::Store(id)));
        let entries = &mut self.plan_of(id).entry_by_op;
        // What a database calls by other names goes through a cache as a read.
        entries.fill(read);
        entries[ops::WRITE as usize] = write;
        entries[ops::DELETE as usize] = delete;
        entries[ops::STORE as usize] = store;
    }

    /// Times to live by keyspace, the last one for calls of no keyspace; 0: for ever.
    pub(super) fn ttls(&self, ttl: Option<&Ttl>) -> Vec<u64> {
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
        let through = spec.read_mode() == ReadMode::Through;
        let backing = spec.backing.as_ref().filter(|_| through);
        self.cache_program(id, name, spec, "read", |lowering, caller| {
            let (unfilled, end) = (lowering.label(), lowering.label());
            let Some(backing) = backing else {
                lowering.emit(Op::Lookup(id));
                return;
            };
            let load = CallSpec { inherit_op: true, ..CallSpec::plain(backing) };
            lowering.emit(Op::IfKeyless { cache: id, to: unfilled });
            lowering.emit(Op::Lookup(id));
            lowering.emit(Op::IfHit(end));
            lowering.call(caller, load);
            if spec.fill == Fill::Async {
                lowering.emit(Op::ReplyEarly);
            }
            lowering.cache_service(id, name, spec, "store");
            lowering.emit(Op::Store(id));
            lowering.emit(Op::Jump(end));
            lowering.place(unfilled);
            lowering.call(caller, load);
            lowering.place(end);
        });
    }

    fn cache_write(&mut self, id: u32, name: &str, spec: &CacheSpec) {
        let through = spec.write_mode() == WriteMode::Through;
        self.cache_program(id, name, spec, "write", |lowering, caller| {
            if let Some(backing) = &spec.backing {
                lowering.call(caller, CallSpec { op: ops::WRITE, ..CallSpec::plain(backing) });
            }
            let end = lowering.label();
            lowering.emit(Op::IfKeyless { cache: id, to: end });
            lowering.emit(if through { Op::Store(id) } else { Op::Remove(id) });
            lowering.place(end);
        });
    }

    // Connection pools.

    fn connection_pool(&mut self, id: u32, name: &str, spec: &ConnectionPoolSpec) {
        let database = self.source_of(name).filter(|_| self.behind_is_database(spec));
        let limited = database.as_ref().and_then(|database| match &self.model.components[database.as_str()] {
            Component::Database(behind) if behind.connections.is_some() => Some(self.id(database)),
            _ => None,
        });
        let connect = &spec.connect.0;
        let connect = (connect.as_constant() != Some(0.0)).then(|| own_draw(connect, &[name, "connect"]));
        let idle_timeout_ns = spec.idle_timeout.map_or(0, |time| time.0);
        let plan = ConnectionPoolPlan {
            component: id,
            size: spec.size.0 as u32,
            overflow: spec.overflow.0 as u32,
            tracked: connect.is_some() || limited.is_some(),
            connect,
            idle_timeout_ns,
            lifo: spec.order == PoolOrder::Lifo,
            database: limited.unwrap_or(NONE),
            site: site(&[name, "pool"]),
        };
        let connections = plan.size.saturating_add(plan.overflow);
        self.plan.connection_pools.push(plan);
        let kind = Kind::ConnectionPool(self.plan.connection_pools.len() as u32 - 1);
        let plan = self.plan_of(id);
        plan.kind = kind;
        plan.scope = scope(spec.scope);
        plan.stations = vec![StationPlan {
            timeout_ns: spec.acquire_timeout.map_or(0, |time| time.0),
            ..station("connections", connections)
        }];
        let entry = self.here();
        let (release, reply) = (self.label(), self.label());
        let cell = self.pool_cell(id);
        let place = Place::Own(0);
        self.unwinding(reply, |lowering| lowering.emit(Op::Seize { place, cell, admission: true }));
        let mut caller = Caller::new(id, &[name], None);
        self.unwinding(release, |lowering| {
            let call = CallSpec { inherit_op: true, ..CallSpec::plain(&spec.to) };
            if let Component::Cache(_) = &lowering.model.components[spec.to.to.as_str()] {
                lowering.call(&mut caller, call);
            } else {
                let plan = lowering.straight_plan(&mut caller, call);
                lowering.plan.calls[plan as usize].pooled = true;
                lowering.emit(Op::Call(plan));
            }
        });
        self.place(release);
        self.clean_up(Op::Release { place });
        self.place(reply);
        self.emit(Op::Reply);
        self.plan_of(id).entry_by_op.fill(entry);
    }

    fn behind_is_database(&self, spec: &ConnectionPoolSpec) -> bool {
        matches!(self.model.components[spec.to.to.as_str()], Component::Database(_))
    }

    // Databases.

    fn database(&mut self, id: u32, name: &str, spec: &DatabaseSpec) {
        let slots = spec.slots();
        let mut stations = vec![match slots {
            Some(slots) => station("slots", slots as u32),
            None => {
                let cores = spec.cores.map_or(1000, |cores| cores.0);
                StationPlan { discipline: Discipline::Sharing, ..station("cores", cores) }
            }
        }];
        if let Some(connections) = spec.connections {
            stations.push(station("connections", connections.0 as u32));
        }
        self.plan.databases.push(DatabasePlan {
            component: id,
            shards: spec.shards.0 as u32,
            by_client: spec.shard_by == ShardBy::Client,
            hashed: spec.placement == Placement::Hash,
            replicas: spec.replicas.0 as u32,
            read_from: match spec.read_from {
                ReadFromSpec::Primary => ReadFrom::Primary,
                ReadFromSpec::Replica => ReadFrom::Replica,
                ReadFromSpec::Any => ReadFrom::Any,
            },
            connections: spec.connections.map_or(NONE, |connections| connections.0 as u32),
            error_rate: spec.error_rate.0,
            versioned: self.is_versioned(name),
            site: site(&[name, "shard"]),
        });
        let index = self.plan.databases.len() as u32 - 1;
        let plan = self.plan_of(id);
        plan.kind = Kind::Database(index);
        plan.stations = stations;
        let mut writes = vec![false; self.plan.op_names.len()];
        writes[ops::WRITE as usize] = true;
        for (op, operation) in &spec.operations {
            let number = self.op_id(op);
            writes[number as usize] = operation.is_write(op);
            let entry = self.here();
            self.operation(id, index, name, op, operation, spec);
            self.plan_of(id).entry_by_op[number as usize] = entry;
        }
        self.plan_of(id).op_writes = writes;
    }

    fn operation(&mut self, id: u32, index: u32, name: &str, op: &str, operation: &Operation, spec: &DatabaseSpec) {
        let (close, reply) = (self.label(), self.label());
        if spec.connections.is_some() {
            self.unwinding(reply, |lowering| lowering.emit(Op::Connect(index)));
        }
        let draw = self.draw(&operation.time.0, site(&[name, op]));
        if rows_ns(operation) > 0.0 {
            self.plan.draws[draw as usize].added_ns = rows_ns(operation).round() as u64;
        }
        let cell = self.work_cell(id);
        self.unwinding(close, |lowering| {
            lowering.emit(Op::Work { station: WORK, admission: true, cell, draw });
            lowering.error_rate(id, spec.error_rate.0, site(&[name, op, "error_rate"]));
            if lowering.plan.databases[index as usize].versioned {
                lowering.emit(if operation.is_write(op) { Op::Commit(index) } else { Op::Observe(index) });
            }
        });
        self.place(close);
        if spec.connections.is_some() {
            self.clean_up(Op::Disconnect(index));
        }
        self.place(reply);
        self.emit(Op::Reply);
    }

    // Autoscalers.

    fn autoscaler(&mut self, id: u32, spec: &AutoscalerSpec) {
        let target = self.id(spec.target.as_str());
        self.plan.autoscalers.push(AutoscalerPlan {
            component: id,
            target,
            hpa: super::workload::hpa_spec(spec),
            sync_ns: spec.sync.0,
            lag_ns: spec.metrics_lag.0,
        });
        self.plan_of(id).kind = Kind::Autoscaler(self.plan.autoscalers.len() as u32 - 1);
    }
}

/// A plain station: servers, first come first served, no limits.
fn station(name: &'static str, servers: u32) -> StationPlan {
    StationPlan {
        name,
        discipline: Discipline::Servers,
        servers,
        order: Order::Fifo,
        capacity: NONE,
        when_full: WhenFull::Reject,
        timeout_ns: 0,
        free: false,
        core_share: 1.0,
    }
}

fn scope(scope: ScopeSpec) -> Scope {
    match scope {
        ScopeSpec::Shared => Scope::Shared,
        ScopeSpec::PerReplica => Scope::PerCaller,
    }
}

/// Whether branches of a `parallel` step work on cores.
fn works_in_parallel(steps: &[Step], inside: bool) -> bool {
    steps.iter().any(|step| match step {
        Step::Cpu(_) => inside,
        Step::Delay(_) | Step::Call(_) | Step::Fail(_) => false,
        Step::Cached(cached) => works_in_parallel(&cached.miss, inside) || works_in_parallel(&cached.hit, inside),
        Step::Hold(hold) => works_in_parallel(&hold.steps, inside),
        Step::Parallel(parallel) => parallel.branches.iter().any(|branch| works_in_parallel(branch, true)),
        Step::Choose(choose) => choose.branches.iter().any(|branch| works_in_parallel(&branch.steps, inside)),
    })
}

/// What makes the weights of endpoints whole numbers.
fn weight_scale(group: &[Target]) -> f64 {
    if group.iter().all(|target| target.weight.0 == target.weight.0.floor()) { 1.0 } else { 1000.0 }
}

/// The time of an operation that follows from its rows: a scan of all, or steps down an index and the rows returned.
fn rows_ns(operation: &Operation) -> f64 {
    let Some(rows) = operation.rows else { return 0.0 };
    let (rows, returned) = (rows.0 as f64, operation.returned.0 as f64);
    if operation.indexed {
        math::log2(rows.max(1.0)) * operation.per_probe.0 as f64 + returned * operation.per_row.0 as f64
    } else {
        rows * operation.per_row.0 as f64
    }
}
