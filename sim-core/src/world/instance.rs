//! Instances: replicas, nodes, copies; how they join, leave, die and come back.

use super::cache::CacheState;
use super::connections::ConnectionState;
use super::database::DatabaseState;
use super::endpoints::Endpoints;
use super::station::Station;
use super::{Control, World};
use crate::engine::rng::mix64;
use crate::engine::slab::NONE;
use crate::plan::{Kind, Outcome, OverridePlan, Scope, StationPlan};
use crate::policy::adaptive_limit::Limit;

/// In which part of its life an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It starts, or comes back after a crash.
    Starting,
    /// It serves.
    Ready,
    /// It finishes what it has.
    Leaving,
    /// It is no more.
    Gone,
}

/// One replica, node or copy.
#[derive(Debug, Clone)]
pub struct Instance {
    /// The component.
    pub component: u32,
    /// Its kind.
    pub kind: Kind,
    /// Its number in the component.
    pub ordinal: u32,
    /// The caller whose copy it is, `NONE`: nobody's.
    pub owner: u32,
    /// Its first station.
    pub stations: u32,
    /// Where its programs begin, in `World::entries`: by class, or by operation.
    pub entries: u32,
    /// See `entries`.
    pub by_op: bool,
    /// Whether it is "the caller" for what it reaches.
    pub is_caller: bool,
    /// Where the state of its kind is (a cache's entries, a pool's connections).
    pub state: u32,
    /// In which part of its life it is.
    pub life: Life,
    /// How many crashes keep it down.
    pub down: u32,
    /// Whether work takes as long at it as was drawn: its speed is 1, and nothing slows it.
    pub plain: bool,
    /// Whether work takes longer at it when it is busy.
    pub slows_down: bool,
    /// Its limit of memory in bytes, where it differs from the pool's.
    pub memory_limit: Option<u64>,
    /// The most memory that it took since an autoscaler looked, in bytes.
    pub memory_peak: u64,
    /// Calls since its last pause; where it pauses by time, pauses.
    pub since_pause: u64,
    /// Its pauses so far.
    pub pauses: u64,
    /// The limit of calls that finds itself.
    pub limit: Option<Box<Limit>>,
    /// The zone that it is in.
    pub zone: u32,
    /// How fast it serves now.
    pub speed: f64,
    /// How fast it serves when nothing slows it.
    pub base_speed: f64,
    /// How many times slower faults make it.
    pub slowed: f64,
    /// Until when it works on nothing.
    pub stalled_until: u64,
    /// The shares of calls that faults let fail.
    pub added_errors: Vec<f64>,
    /// Its weight at balancers in thousandths, where it differs from the pool's.
    pub weight: Option<u32>,
    /// The share of calls that fail after their work, where that is its own.
    pub error_rate: Option<f64>,
    /// Calls at it.
    pub active: u32,
    /// Calls that reached it, whenever: what autoscalers see of it. It goes round.
    pub arrived: u32,
    /// Calls that reached it in the window.
    pub calls: u64,
    /// How it answered those that it answered badly.
    pub errors: Box<[u64; Outcome::COUNT]>,
    /// When it began to be ready, or to count as capacity.
    pub ready_since: u64,
    /// When it last became ready.
    pub became_ready: u64,
    /// When it joined.
    pub joined_at: u64,
    /// How often it started: its start-up times are keyed by it.
    pub starts: u32,
}

impl Instance {
    /// Whether a crash keeps it down.
    #[inline(always)]
    pub fn is_down(&self) -> bool {
        self.down > 0
    }

    /// Whether work takes as long at it as was drawn, while it is not stalled.
    pub fn is_plain(&self) -> bool {
        self.pace() == 1.0 && !self.slows_down
    }

    /// How fast it serves when it is not stalled.
    #[inline]
    pub fn pace(&self) -> f64 {
        self.base_speed / self.slowed
    }

    /// Whether calls that reach it are worked on: it has started and did not crash.
    #[inline(always)]
    pub fn is_up(&self) -> bool {
        self.down == 0 && self.life != Life::Starting
    }

    /// Whether it finishes what it has.
    #[inline(always)]
    pub fn is_leaving(&self) -> bool {
        self.life == Life::Leaving
    }

    /// Whether balancers send calls to it. One that crashed still is an endpoint (nothing checks its health), and so
    /// is one that comes back, once it has come back.
    pub fn is_endpoint(&self) -> bool {
        self.life == Life::Ready
    }
}

impl<const TRACED: bool> World<'_, TRACED> {
    /// Builds what is there at the start.
    pub(super) fn build_instances(&mut self) {
        let plan = self.plan;
        for component in &plan.components {
            self.first_entry.push(self.entries.len() as u32);
            self.entries.extend(if component.by_op { &component.entry_by_op } else { &component.entry_by_class });
        }
        let keys = plan.keys_end();
        self.databases = plan.databases.iter().map(|database| DatabaseState::new(database, keys)).collect();
        self.endpoints =
            plan.balancers.iter().flat_map(|balancer| &balancer.groups).map(|_| Endpoints::default()).collect();
        self.error_rates = plan.components.iter().map(|_| 0.0).collect();
        for pool in &plan.pools {
            self.error_rates[pool.component as usize] = pool.error_rate;
        }
        for database in &plan.databases {
            self.error_rates[database.component as usize] = database.error_rate;
        }
        for (component, state) in plan.components.iter().enumerate() {
            let count = match state.kind {
                Kind::Pool(pool) => plan.pools[pool as usize].replicas,
                Kind::Database(database) => {
                    let database = &plan.databases[database as usize];
                    database.shards * (1 + database.replicas)
                }
                Kind::Client(_) | Kind::Balancer(_) | Kind::Queue(_) => 1,
                Kind::Cache(cache) if state.scope == Scope::Shared => {
                    let cache = &plan.caches[cache as usize];
                    cache.cdn.as_ref().map_or(cache.slot_ends.len().max(1), |cdn| cdn.regions.len()) as u32
                }
                Kind::Cache(_) | Kind::ConnectionPool(_) | Kind::Plain => (state.scope == Scope::Shared) as u32,
                Kind::Autoscaler(_) => 0,
            };
            for _ in 0..count {
                self.add_instance(component as u32, NONE, Life::Ready);
            }
        }
        self.epoch = 1;
        for instance in 0..self.instances.len() as u32 {
            self.fill_pool(instance);
        }
    }

    /// Adds an instance to a component.
    pub(super) fn add_instance(&mut self, component: u32, owner: u32, life: Life) -> u32 {
        let plan = &self.plan.components[component as usize];
        let ordinal = self.members[component as usize].len() as u32;
        let number = self.instances.len() as u32;
        let own = plan.overrides.iter().find(|own| own.ordinal == ordinal);
        let (mut speed, mut slows_down, mut limit, mut zone) = (1.0, false, None, 0);
        if let Kind::Pool(pool) = plan.kind {
            let pool = &self.plan.pools[pool as usize];
            slows_down = !pool.slowdown.is_empty();
            limit = pool.limit.map(|spec| Box::new(Limit::new(spec)));
            zone = own.and_then(|own| own.zone).unwrap_or_else(|| self.zone_for_new(component, pool.zones));
            speed = self.settings.speeds[component as usize];
        }
        speed = own.and_then(|own| own.speed).unwrap_or(speed);
        let state = self.new_state(component, ordinal);
        let stations = self.new_stations(component, number, own.map(|own| &own.stations[..]));
        self.instances.push(Instance {
            component,
            kind: plan.kind,
            ordinal,
            owner,
            stations,
            entries: self.first_entry[component as usize],
            by_op: plan.by_op,
            plain: speed == 1.0 && !slows_down,
            slows_down,
            memory_limit: self.settings.joining[component as usize].memory,
            memory_peak: 0,
            since_pause: 0,
            pauses: 0,
            limit,
            zone,
            is_caller: plan.is_caller,
            state,
            life,
            down: 0,
            speed,
            base_speed: speed,
            slowed: 1.0,
            stalled_until: 0,
            added_errors: Vec::new(),
            weight: own.and_then(|own| own.weight),
            error_rate: own.and_then(|own| own.error_rate),
            active: 0,
            arrived: 0,
            calls: 0,
            errors: Box::default(),
            ready_since: self.now,
            joined_at: self.now,
            became_ready: self.now,
            starts: 0,
        });
        self.members[component as usize].push(number);
        self.present[component as usize].push(number);
        self.first_pause(number);
        self.epoch += 1;
        if let Kind::Cache(_) = plan.kind
            && (owner == NONE || self.instances[owner as usize].joined_at == 0)
        {
            self.warm_up(number);
        }
        if life == Life::Starting {
            self.start_up(number);
            self.may_fail(component, number);
        }
        number
    }

    /// What an instance has otherwise than the others of its component.
    pub(super) fn override_of(&self, instance: u32) -> Option<&OverridePlan> {
        let Instance { component, ordinal, .. } = self.instances[instance as usize];
        self.plan.components[component as usize].overrides.iter().find(|own| own.ordinal == ordinal)
    }

    /// What a new instance keeps: where the state of its kind is.
    fn new_state(&mut self, component: u32, ordinal: u32) -> u32 {
        match self.plan.components[component as usize].kind {
            Kind::Cache(cache) => {
                let plan = &self.plan.caches[cache as usize];
                let seed = mix64(self.streams.stream("eviction") ^ plan.site ^ ordinal as u64);
                let capacity = plan.of_node(self.settings.capacities[component as usize]);
                self.caches.push(CacheState::new(plan, capacity, seed));
                self.caches.len() as u32 - 1
            }
            Kind::ConnectionPool(_) => {
                self.connections.push(ConnectionState::default());
                self.connections.len() as u32 - 1
            }
            Kind::Client(_)
            | Kind::Balancer(_)
            | Kind::Pool(_)
            | Kind::Database(_)
            | Kind::Queue(_)
            | Kind::Autoscaler(_) => NONE,
            Kind::Plain => self.begin_own(component),
        }
    }

    /// The stations of a new instance, its own where it has some: the number of the first.
    fn new_stations(&mut self, component: u32, instance: u32, own: Option<&[StationPlan]>) -> u32 {
        let plan = &self.plan.components[component as usize];
        let stations = self.stations.len() as u32;
        for (at, station) in own.filter(|own| !own.is_empty()).unwrap_or(&plan.stations).iter().enumerate() {
            let meter = self.meters.station_meter(component, at);
            let mut made = Station::new(station, instance, meter, self.now);
            if at == 0 {
                self.resize_new(component, &mut made);
            }
            if let Kind::ConnectionPool(pool) = plan.kind {
                made.tracked = self.plan.connection_pools[pool as usize].tracked;
            }
            self.stations.push(made);
        }
        stations
    }

    /// Begins the start-up of an instance, as soon as there is a machine for it.
    pub(super) fn start_up(&mut self, instance: u32) {
        if self.finds_node(instance) {
            self.start_on_node(instance);
        }
    }

    /// Begins the start-up of an instance that has where to run.
    pub(super) fn start_on_node(&mut self, instance: u32) {
        let state = &mut self.instances[instance as usize];
        state.starts += 1;
        let (starts, ordinal, component) = (state.starts, state.ordinal, state.component);
        let ns = match self.plan.components[component as usize].kind {
            Kind::Pool(pool) => {
                let startup = self.override_of(instance).and_then(|own| own.startup.as_ref());
                let startup = startup.unwrap_or(&self.plan.pools[pool as usize].startup);
                let key = mix64(self.startup_stream ^ startup.site ^ ((ordinal as u64) << 32 | starts as u64));
                startup.sampler.sample_ns(crate::engine::rng::uniform(key))
            }
            Kind::Client(_)
            | Kind::Balancer(_)
            | Kind::Cache(_)
            | Kind::ConnectionPool(_)
            | Kind::Database(_)
            | Kind::Queue(_)
            | Kind::Plain
            | Kind::Autoscaler(_) => 0,
        };
        if ns == 0 {
            self.instance_ready(instance);
        } else {
            self.control(self.now.saturating_add(ns), Control::Ready(instance));
        }
    }

    /// An instance is ready, if nothing has happened to it since.
    pub(super) fn instance_ready(&mut self, instance: u32) {
        let state = &mut self.instances[instance as usize];
        if state.life != Life::Starting || state.down > 0 {
            return;
        }
        state.life = Life::Ready;
        state.ready_since = self.now;
        state.became_ready = self.now;
        let component = state.component;
        self.epoch += 1;
        if !self.rollouts.is_empty() {
            self.go_on_rolling_out(component);
        }
    }

    /// The caller's copy of a component; made when it is first asked for by a replica that joined.
    #[inline(always)]
    pub(super) fn copy_for(&mut self, component: u32, scope: u32) -> u32 {
        match self.copies[component as usize].get(scope as usize) {
            Some(&copy) if copy != NONE => copy,
            _ => self.make_copy(component, scope),
        }
    }

    #[cold]
    fn make_copy(&mut self, component: u32, scope: u32) -> u32 {
        let copy = match self.plan.components[component as usize].scope {
            Scope::Shared => self.members[component as usize][0],
            Scope::PerCaller => {
                let copy = self.add_instance(component, scope, Life::Ready);
                self.fill_pool(copy);
                copy
            }
        };
        let copies = &mut self.copies[component as usize];
        if scope as usize >= copies.len() {
            copies.resize(scope as usize + 1, NONE);
        }
        copies[scope as usize] = copy;
        copy
    }

    /// How many replicas of a pool calls can go to.
    #[inline(always)]
    pub(super) fn ready_members(&mut self, component: u32) -> u32 {
        if self.ready_epoch[component as usize] != self.epoch {
            self.find_ready(component);
        }
        self.ready_lists[component as usize].len() as u32
    }

    /// The n-th of them, after [`World::ready_members`].
    #[inline(always)]
    pub(super) fn ready_member(&self, component: u32, n: u32) -> u32 {
        self.ready_lists[component as usize][n as usize]
    }

    #[cold]
    fn find_ready(&mut self, component: u32) {
        let present = self.present[component as usize].iter().copied();
        let ready = present.filter(|&at| self.instances[at as usize].is_endpoint()).collect();
        self.ready_lists[component as usize] = ready;
        self.ready_epoch[component as usize] = self.epoch;
    }

    /// The replicas of a pool that are wanted: starting and ready ones.
    pub(super) fn wanted_members(&self, component: u32) -> Vec<u32> {
        let wanted = |at: &u32| matches!(self.instances[*at as usize].life, Life::Starting | Life::Ready);
        self.present[component as usize].iter().copied().filter(wanted).collect()
    }
}
