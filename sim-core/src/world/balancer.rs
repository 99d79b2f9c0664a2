//! Balancers: which endpoint a call goes to.

use super::endpoints::{Chooser, Endpoint, Endpoints};
use super::frame::{COUNTED, Frame, NO_KEY, draw};
use super::{Next, World};
use crate::engine::rng::mix64;
use crate::engine::slab::NONE;
use crate::plan::{Kind, Outcome, Policy};

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
        if !rivals.contains(&chosen) {
            return Some(chosen);
        }
        let endpoints = &self.endpoints[group as usize];
        let place = endpoints.place_of(chosen).unwrap_or(0) as usize;
        let going_round = endpoints.list[place..].iter().chain(&endpoints.list[..place]);
        Some(going_round.map(|other| other.instance).find(|other| !rivals.contains(other)).unwrap_or(chosen))
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
            for &instance in &self.present[member.component as usize] {
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
        if matches!(old.chooser, Chooser::Ring(_) | Chooser::Maglev(_)) && old.list == new.list {
            // Rings and tables follow from the list alone, and take long to make.
            new.chooser = std::mem::take(&mut old.chooser);
        } else {
            new.hashes(group_plan, plan.vnodes, |instance| self.instances[instance as usize].ordinal);
        }
        if group_plan.special {
            new.go_on_from(&mut old);
        }
        self.endpoints[group as usize] = new;
    }
}

/// Keeps hashes of keys apart from those of anything else.
const HASH_SITE: u64 = 0x636f_6e73_6973_7431;
