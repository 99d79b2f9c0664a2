//! Balancers: which endpoint a call goes to.

use super::care::Peer;
use super::frame::{COUNTED, Frame, NO_KEY, draw};
use super::{Next, World};
use crate::engine::rng::mix64;
use crate::engine::slab::NONE;
use crate::plan::{Kind, Outcome, Policy};
use crate::policy::balancing::least::{Least, Ratio};
use crate::policy::balancing::maglev::Maglev;
use crate::policy::balancing::ring::Ring;
use crate::policy::smooth_round_robin::SmoothRoundRobin;

/// The endpoints of one group of a balancer: the ready replicas of its pools, in order.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    /// The state of the pools that the list was made from; a later one makes it anew.
    pub epoch: u64,
    /// When the list is no longer right even so, ns; 0: it is not right now.
    pub stale_at: u64,
    /// The balancer, a component, and whether its calls are frames of their own.
    component: u32,
    framed: bool,
    pub list: Vec<Endpoint>,
    /// Whether the list is of backups.
    pub on_backups: bool,
    /// By instance, whether it is in the list or not: calls sent and not yet back.
    pub active: Vec<u32>,
    /// All of them.
    in_flight: u64,
    /// By instance: calls sent in the window.
    sent: Vec<u64>,
    cursor: u32,
    /// Sums of weights up to and with each place.
    weights: Vec<u64>,
    pub smooth: SmoothRoundRobin,
    chooser: Chooser,
    /// By instance: its place in the list, where the chooser must know.
    places: Vec<u32>,
    /// By instance: what is known of it, for a balancer that takes care.
    pub peers: Vec<Peer>,
    /// By client: where it stays, and until when.
    pub stays: std::collections::BTreeMap<u32, (u32, u64)>,
    /// Idle connections: to which instance, since when; the youngest last.
    pub idle: Vec<(u32, u64)>,
}

/// An endpoint in the list.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// The instance.
    pub instance: u32,
    /// Its weight.
    pub weight: u32,
    /// The most calls in flight there.
    pub most: u32,
    /// The number of its pool among the group's members.
    pub member: u32,
}

/// What a policy keeps to choose fast.
#[derive(Debug, Clone, Default)]
enum Chooser {
    #[default]
    None,
    Least(Least<u32>),
    Weighted(Least<Ratio>),
    Ring(Ring),
    Maglev(Maglev),
}

/// Up to how many endpoints a scan is faster than a tree.
const SCAN_MAX: usize = 16;

/// How many endpoints the resource-based policy looks at.
const LOOKS_MAX: usize = 64;

impl<const TRACED: bool> World<'_, TRACED> {
    /// A call reaches a balancer that passes it on at once.
    #[inline]
    pub(super) fn balance(&mut self, child: u32, balancer: u32, own: u32) -> Next {
        let now = self.now;
        let component = self.plan.balancers[balancer as usize].component;
        if self.open {
            self.instances[own as usize].calls += 1;
        }
        let Some(picked) = self.pick(component, child) else {
            self.instances[own as usize].active += 1;
            let open = self.open;
            let state = &mut self.frames[child];
            state.start = now;
            state.since = now;
            if open {
                state.flags |= COUNTED;
            }
            return self.answer(child, Outcome::Unavailable);
        };
        self.enter_balancer(component, picked, child);
        if self.plan.sizes {
            let pool = self.instances[picked as usize].component as usize;
            self.meters.components[pool].bytes += self.sizes[child as usize] * self.open as u64;
        }
        self.frames[child].instance = picked;
        self.enter(child)
    }

    /// A call goes to an endpoint.
    #[inline]
    pub(super) fn enter_balancer(&mut self, component: u32, picked: u32, frame: u32) {
        let group = self.group_of(component, self.frames[frame].class);
        self.frames[frame].via = group as u16;
        let endpoints = &mut self.endpoints[group as usize];
        endpoints.active[picked as usize] += 1;
        endpoints.in_flight += 1;
        endpoints.sent[picked as usize] += self.open as u64;
        endpoints.active_changed(picked);
    }

    /// The answer of a call passes a balancer on its way back.
    #[inline]
    pub(super) fn leave_balancer(&mut self, via: u16, instance: u32, latency: u64, outcome: Outcome, counted: bool) {
        let endpoints = &mut self.endpoints[via as usize];
        endpoints.active[instance as usize] -= 1;
        endpoints.in_flight -= 1;
        endpoints.active_changed(instance);
        if counted && !endpoints.framed {
            self.meters.components[endpoints.component as usize].answer(outcome, latency);
        }
    }

    /// The call of a balancer that is a frame of its own: chooses and calls.
    pub(super) fn call_picked(&mut self, frame: u32, component: u32) -> Next {
        match self.pick(component, frame) {
            Some(picked) => {
                self.frames[frame].next = picked;
                self.begin_call(frame)
            }
            None => Next::Fail(Outcome::Unavailable),
        }
    }

    /// The call that leads to the endpoint that a frame has chosen.
    pub(super) fn picked_call(&self, component: u32, frame: u32) -> u32 {
        let Kind::Balancer(balancer) = self.plan.components[component as usize].kind else {
            unreachable!("a balancer picks")
        };
        let plan = &self.plan.balancers[balancer as usize];
        let state = &self.frames[frame];
        let group = &plan.groups[plan.group_by_class[state.class as usize] as usize];
        let pool = self.instances[state.next as usize].component;
        group.members.iter().find(|member| member.component == pool).expect("an endpoint is a member's").call
    }

    /// The group of a balancer's endpoints that serves a class: an index into `World::endpoints`.
    #[inline(always)]
    pub(super) fn group_of(&self, component: u32, class: u16) -> u32 {
        let Kind::Balancer(balancer) = self.plan.components[component as usize].kind else {
            unreachable!("a balancer has endpoints")
        };
        let plan = &self.plan.balancers[balancer as usize];
        match plan.group_by_class[class as usize] {
            NONE => NONE,
            group => plan.first_group + group,
        }
    }

    /// Chooses an endpoint of a balancer (a component) for a call; `None`: there is none.
    #[inline]
    pub(super) fn pick(&mut self, component: u32, frame: u32) -> Option<u32> {
        let Kind::Balancer(balancer) = self.plan.components[component as usize].kind else {
            unreachable!("a balancer picks")
        };
        let group = self.group_of(component, self.frames[frame].class);
        if group == NONE {
            return None;
        }
        let endpoints = &self.endpoints[group as usize];
        if endpoints.epoch != self.epoch || self.now >= endpoints.stale_at {
            self.find_endpoints(balancer, group);
        }
        if self.endpoints[group as usize].list.is_empty() {
            return None;
        }
        let turn = (self.frames[frame].attempt as u64) << 8;
        let chosen = if self.plan.balancers[balancer as usize].care.is_some() {
            self.pick_with_care(balancer, group, frame, turn)?
        } else {
            let place = self.choose(balancer, group, frame, turn);
            self.endpoints[group as usize].list[place as usize].instance
        };
        if self.plan.hedges.is_empty() {
            return Some(chosen);
        }
        // Another copy of a call goes to another replica: the next in the list.
        let rivals = self.rivals(frame);
        let list = &self.endpoints[group as usize].list;
        let place = list.iter().position(|endpoint| endpoint.instance == chosen).unwrap_or(0);
        let others = (0..list.len()).map(|step| list[(place + step) % list.len()].instance);
        Some(others.into_iter().find(|other| !rivals.contains(other)).unwrap_or(chosen))
    }

    /// The place of the endpoint that the policy chooses; there are some. `k`: the number of the draw.
    #[inline]
    pub(super) fn choose(&mut self, balancer: u32, group: u32, frame: u32, k: u64) -> u32 {
        let plan = &self.plan.balancers[balancer as usize];
        let Frame { key, client, item, .. } = self.frames[frame];
        let endpoints = &mut self.endpoints[group as usize];
        let hash = || mix64(if plan.by_client || item == NO_KEY { client as u64 } else { item } ^ HASH_SITE);
        match plan.groups[(group - plan.first_group) as usize].policy {
            Policy::RoundRobin => endpoints.in_turn(),
            Policy::SmoothRoundRobin => endpoints.smooth.turn().expect("there are endpoints") as u32,
            Policy::Random => endpoints.by_weight(draw(key, plan.site, k)),
            Policy::LeastConnections => endpoints.least_connections(),
            Policy::PowerOfTwo => endpoints.power_of_two(draw(key, plan.site, k), draw(key, plan.site, k + 1)),
            Policy::IpHash => endpoints.by_weight_of_hash(mix64(client as u64)),
            Policy::WeightedLeastConnections => endpoints.weighted_least_connections(),
            Policy::LeastResponseTime => {
                endpoints.least_response_time(draw(key, plan.site, k), draw(key, plan.site, k + 1), self.now)
            }
            Policy::ConsistentHash => endpoints.on_ring(hash(), plan.bounded_load),
            Policy::Maglev => match &endpoints.chooser {
                Chooser::Maglev(table) => table.place(hash()).unwrap_or(0),
                _ => unreachable!("made with the list"),
            },
            Policy::ResourceBased => self.least_busy(group),
        }
    }

    /// The endpoint whose first station is the least busy now; of many, the best of some in turn.
    fn least_busy(&mut self, group: u32) -> u32 {
        let endpoints = &self.endpoints[group as usize];
        let count = endpoints.list.len();
        let from = if endpoints.cursor as usize >= count { 0 } else { endpoints.cursor as usize };
        let (mut best, mut least) = (from, (u64::MAX, 1));
        for at in 0..count.min(LOOKS_MAX) {
            let place = if from + at < count { from + at } else { from + at - count };
            let instance = &self.instances[endpoints.list[place].instance as usize];
            let (busy, servers) = if self.plan.components[instance.component as usize].stations.is_empty() {
                (0, 1)
            } else {
                let station = &self.stations[instance.stations as usize];
                let unit = if station.sharing.is_some() { 1000 } else { 1 };
                (station.busy as u64 * unit, station.servers.max(1) as u64)
            };
            if busy as u128 * (least.1 as u128) < least.0 as u128 * servers as u128 {
                (best, least) = (place, (busy, servers));
            }
        }
        self.endpoints[group as usize].cursor = best as u32 + 1;
        best as u32
    }

    /// Counts the calls that balancers passed on over links that are all defaults: nobody else did.
    pub(super) fn count_passed_on(&mut self) {
        for balancer in self.plan.balancers.iter().filter(|balancer| !balancer.framed) {
            for (at, group) in balancer.groups.iter().enumerate() {
                let endpoints = &self.endpoints[balancer.first_group as usize + at];
                for member in &group.members {
                    let instances = self.members[member.component as usize].iter();
                    let sent: u64 = instances.filter_map(|&at| endpoints.sent.get(at as usize)).sum();
                    let link = self.plan.calls[member.call as usize].link;
                    self.meters.links[link as usize].calls += sent;
                    self.meters.links[link as usize].tries += sent;
                }
            }
        }
    }

    /// Makes the list of a group's endpoints anew: a pool has changed, or what is known of its replicas.
    #[cold]
    pub(super) fn find_endpoints(&mut self, balancer: u32, group: u32) {
        let plan = &self.plan.balancers[balancer as usize];
        let group_plan = &plan.groups[(group - plan.first_group) as usize];
        let mut old = std::mem::take(&mut self.endpoints[group as usize]);
        let mut new = Endpoints {
            component: plan.component,
            framed: plan.framed,
            epoch: self.epoch,
            stale_at: u64::MAX,
            active: std::mem::take(&mut old.active),
            in_flight: old.in_flight,
            sent: std::mem::take(&mut old.sent),
            cursor: old.cursor,
            peers: std::mem::take(&mut old.peers),
            stays: std::mem::take(&mut old.stays),
            idle: std::mem::take(&mut old.idle),
            ..Endpoints::default()
        };
        let mut all = Vec::new();
        for (number, member) in group_plan.members.iter().enumerate() {
            for &instance in &self.members[member.component as usize] {
                let state = &self.instances[instance as usize];
                if state.is_endpoint() {
                    let own = state.weight.map(|weight| (weight as u64 * group_plan.scale as u64 / 1000) as u32);
                    let weight = own.unwrap_or(member.weight);
                    all.push(Endpoint { instance, weight, most: member.connections_max, member: number as u32 });
                }
            }
        }
        new.list = match &plan.care {
            None => all,
            Some(care) => self.well_ones(care, group_plan, &mut new, all),
        };
        new.active.resize(self.instances.len(), 0);
        new.sent.resize(self.instances.len(), 0);
        new.prepare(group_plan.policy);
        new.hashes(group_plan, plan.vnodes, |instance| self.instances[instance as usize].ordinal);
        if group_plan.special {
            new.go_on_from(&mut old);
        }
        self.endpoints[group as usize] = new;
    }
}

/// Keeps hashes of keys apart from those of anything else.
const HASH_SITE: u64 = 0x636f_6e73_6973_7431;

impl Endpoints {
    #[inline]
    fn active_at(&self, place: u32) -> u32 {
        self.active[self.list[place as usize].instance as usize]
    }

    /// Makes what a policy keeps of the list.
    fn prepare(&mut self, policy: Policy) {
        let mut sum = 0;
        self.weights = self
            .list
            .iter()
            .map(|endpoint| {
                sum += endpoint.weight as u64;
                sum
            })
            .collect();
        if matches!(policy, Policy::SmoothRoundRobin | Policy::WeightedLeastConnections) {
            self.smooth = SmoothRoundRobin::new(&self.list.iter().map(|endpoint| endpoint.weight).collect::<Vec<_>>());
        }
        let many = self.list.len() > SCAN_MAX;
        let active = |endpoint: &Endpoint| self.active[endpoint.instance as usize];
        self.chooser = match policy {
            Policy::LeastConnections if many => {
                Chooser::Least(Least::new(&self.list.iter().map(active).collect::<Vec<_>>(), u32::MAX))
            }
            Policy::WeightedLeastConnections => {
                let ratio = |endpoint: &Endpoint| Ratio { connections: active(endpoint), weight: endpoint.weight };
                let keys: Vec<Ratio> = self.list.iter().map(ratio).collect();
                Chooser::Weighted(Least::new(&keys, Ratio { connections: 0, weight: 0 }))
            }
            _ => Chooser::None,
        };
        self.places = match self.chooser {
            Chooser::Least(_) | Chooser::Weighted(_) => {
                let mut places = vec![NONE; self.active.len()];
                for (place, endpoint) in self.list.iter().enumerate() {
                    places[endpoint.instance as usize] = place as u32;
                }
                places
            }
            _ => Vec::new(),
        };
    }

    /// Makes the ring or table of a policy that hashes.
    fn hashes(&mut self, plan: &crate::plan::GroupPlan, vnodes: u32, ordinal: impl Fn(u32) -> u32) {
        let named = || -> Vec<(u64, f64)> {
            let name = |endpoint: &Endpoint| plan.members[endpoint.member as usize].name;
            let hash = |endpoint: &Endpoint| mix64(name(endpoint) ^ (ordinal(endpoint.instance) as u64 + 1));
            self.list.iter().map(|endpoint| (hash(endpoint), endpoint.weight as f64)).collect()
        };
        match plan.policy {
            Policy::ConsistentHash => self.chooser = Chooser::Ring(Ring::new(&named(), vnodes)),
            Policy::Maglev => self.chooser = Chooser::Maglev(Maglev::new(&named())),
            _ => {}
        }
    }

    /// Goes on with the weights of those that were in the list before, as nginx does with peers that were left out.
    fn go_on_from(&mut self, old: &mut Endpoints) {
        if self.smooth.is_empty() || old.smooth.is_empty() {
            return;
        }
        for place in 0..self.list.len() {
            let instance = self.list[place].instance;
            if let Some(before) = old.list.iter().position(|endpoint| endpoint.instance == instance) {
                let state = old.smooth.state(before);
                self.smooth.restore(place, state);
            }
        }
    }

    /// The calls in flight at an instance are others now.
    #[inline]
    fn active_changed(&mut self, instance: u32) {
        if self.places.is_empty() {
            return;
        }
        let (place, active) = (self.places[instance as usize], self.active[instance as usize]);
        if place == NONE {
            return;
        }
        match &mut self.chooser {
            Chooser::Least(tree) => tree.set(place as usize, active),
            Chooser::Weighted(tree) => {
                let weight = self.list[place as usize].weight;
                tree.set(place as usize, Ratio { connections: active, weight });
            }
            Chooser::None | Chooser::Ring(_) | Chooser::Maglev(_) => {}
        }
    }

    #[inline]
    fn in_turn(&mut self) -> u32 {
        let place = if self.cursor as usize >= self.list.len() { 0 } else { self.cursor };
        self.cursor = place + 1;
        place
    }

    fn total_weight(&self) -> u64 {
        self.weights.last().copied().unwrap_or(0)
    }

    /// The place whose share of the total weight a number in (0, 1) falls into.
    fn by_weight(&self, u: f64) -> u32 {
        self.place_at((u * self.total_weight() as f64) as u64)
    }

    fn by_weight_of_hash(&self, hash: u64) -> u32 {
        self.place_at(hash % self.total_weight().max(1))
    }

    fn place_at(&self, at: u64) -> u32 {
        if self.total_weight() == self.list.len() as u64 {
            return (at as u32).min(self.list.len() as u32 - 1);
        }
        (self.weights.partition_point(|&sum| sum <= at) as u32).min(self.list.len() as u32 - 1)
    }

    /// The fewest calls in flight; among equals the next after the last one chosen, so that ties go round.
    fn least_connections(&mut self) -> u32 {
        let from = if self.cursor as usize >= self.list.len() { 0 } else { self.cursor as usize };
        if let Chooser::Least(tree) = &self.chooser {
            let best = tree.least_from(from).expect("there are endpoints") as u32;
            self.cursor = best + 1;
            return best;
        }
        let (mut best, mut fewest) = (from, u32::MAX);
        for place in (from..self.list.len()).chain(0..from) {
            let active = self.active_at(place as u32);
            if active < fewest {
                best = place;
                fewest = active;
                if active == 0 {
                    break;
                }
            }
        }
        self.cursor = best as u32 + 1;
        best as u32
    }

    /// nginx `least_conn`: the least calls for its weight; among several such by smooth weighted round robin.
    fn weighted_least_connections(&mut self) -> u32 {
        let Chooser::Weighted(tree) = &self.chooser else { unreachable!("made with the list") };
        let first = tree.least_from(0).expect("there are endpoints");
        if tree.least_from(first + 1) == Some(first) {
            return first as u32;
        }
        let (list, active) = (&self.list, &self.active);
        let ratio = |place: usize| {
            let endpoint = &list[place];
            Ratio { connections: active[endpoint.instance as usize], weight: endpoint.weight }
        };
        let least = ratio(first);
        self.smooth.pick(|place| ratio(place) == least).expect("there are several") as u32
    }

    /// Two different random places.
    fn two(&self, first: f64, second: f64) -> (u32, u32) {
        let count = self.list.len() as u32;
        let a = (first * count as f64) as u32;
        if count == 1 {
            return (0, 0);
        }
        let b = (second * (count - 1) as f64) as u32;
        (a, b + (b >= a) as u32)
    }

    /// The one with fewer calls in flight of two different random ones; the first at a tie.
    fn power_of_two(&self, first: f64, second: f64) -> u32 {
        let (a, b) = self.two(first, second);
        if self.active_at(b) < self.active_at(a) { b } else { a }
    }

    /// Of two random ones the one with less peak EWMA.
    fn least_response_time(&mut self, first: f64, second: f64, now: u64) -> u32 {
        let (a, b) = self.two(first, second);
        let least = self.list.iter().map(|endpoint| endpoint.instance as usize + 1).max().unwrap_or(0);
        if self.peers.len() < least {
            self.peers.resize(least, Peer::default());
        }
        let mut load = |place: u32| {
            let instance = self.list[place as usize].instance as usize;
            self.peers[instance].cost.load(self.active[instance], now)
        };
        if load(b) < load(a) { b } else { a }
    }

    /// The next place on the ring, that has room where loads are bounded.
    fn on_ring(&self, hash: u64, bound: f64) -> u32 {
        let Chooser::Ring(ring) = &self.chooser else { unreachable!("made with the list") };
        let place = if bound > 0.0 {
            let all = (self.in_flight, self.list.len() as u32);
            ring.bounded_place(hash, bound, all, |place| self.active_at(place))
        } else {
            ring.place(hash)
        };
        place.unwrap_or(0)
    }
}
