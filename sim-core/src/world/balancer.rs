//! Balancers: which endpoint a call goes to.

use super::frame::{COUNTED, Frame, draw};
use super::{Next, World};
use crate::engine::rng::mix64;
use crate::engine::slab::NONE;
use crate::plan::{Kind, Outcome, Policy};
use crate::policy::smooth_round_robin::SmoothRoundRobin;

/// The endpoints of one group of a balancer: the ready replicas of its pools, in order.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    /// The state of the pools that the list was made from; a later one makes it anew.
    epoch: u64,
    /// The balancer, a component, and whether its calls are frames of their own.
    component: u32,
    framed: bool,
    list: Vec<Endpoint>,
    /// By instance, whether it is in the list or not: calls sent and not yet back.
    active: Vec<u32>,
    /// By instance: calls sent in the window.
    sent: Vec<u64>,
    cursor: u32,
    total_weight: u64,
    smooth: SmoothRoundRobin,
}

#[derive(Debug, Clone, Copy)]
struct Endpoint {
    instance: u32,
    weight: u32,
}

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
        endpoints.sent[picked as usize] += self.open as u64;
    }

    /// The answer of a call passes a balancer on its way back.
    #[inline]
    pub(super) fn leave_balancer(&mut self, via: u16, instance: u32, latency: u64, outcome: Outcome, counted: bool) {
        let endpoints = &mut self.endpoints[via as usize];
        endpoints.active[instance as usize] -= 1;
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
    fn group_of(&self, component: u32, class: u16) -> u32 {
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
        let plan = &self.plan.balancers[balancer as usize];
        let Frame { key, client, class, attempt, .. } = self.frames[frame];
        let group = self.group_of(component, class);
        if group == NONE {
            return None;
        }
        if self.endpoints[group as usize].epoch != self.epoch {
            self.find_endpoints(balancer, group);
        }
        let endpoints = &mut self.endpoints[group as usize];
        let count = endpoints.list.len() as u32;
        if count == 0 {
            return None;
        }
        let k = (attempt as u64) << 8;
        let place = match plan.policy {
            Policy::RoundRobin => endpoints.in_turn(),
            Policy::SmoothRoundRobin => endpoints.smooth.pick(|_| true).expect("there are endpoints") as u32,
            Policy::Random => endpoints.by_weight(draw(key, plan.site, k)),
            Policy::LeastConnections => endpoints.least_connections(),
            Policy::PowerOfTwo => endpoints.power_of_two(draw(key, plan.site, k), draw(key, plan.site, k + 1)),
            Policy::IpHash => endpoints.by_weight_of_hash(mix64(client as u64)),
        };
        let chosen = endpoints.list[place as usize].instance;
        if self.plan.hedges.is_empty() {
            return Some(chosen);
        }
        // Another copy of a call goes to another replica: the next in the list.
        let rivals = self.rivals(frame);
        let list = &self.endpoints[group as usize].list;
        let others = (0..list.len()).map(|step| list[(place as usize + step) % list.len()].instance);
        Some(others.into_iter().find(|other| !rivals.contains(other)).unwrap_or(chosen))
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

    /// Makes the list of a group's endpoints anew: a pool has changed.
    #[cold]
    fn find_endpoints(&mut self, balancer: u32, group: u32) {
        let balancer = &self.plan.balancers[balancer as usize];
        let plan = &balancer.groups[(group - balancer.first_group) as usize];
        let old = std::mem::take(&mut self.endpoints[group as usize]);
        let mut new = Endpoints {
            component: balancer.component,
            framed: balancer.framed,
            epoch: self.epoch,
            active: old.active,
            sent: old.sent,
            cursor: old.cursor,
            ..Endpoints::default()
        };
        for member in &plan.members {
            for &instance in &self.members[member.component as usize] {
                let state = &self.instances[instance as usize];
                if state.is_endpoint() {
                    let weight = state.weight.unwrap_or(member.weight);
                    new.total_weight += weight as u64;
                    new.list.push(Endpoint { instance, weight });
                }
            }
        }
        new.active.resize(self.instances.len(), 0);
        new.sent.resize(self.instances.len(), 0);
        new.smooth = SmoothRoundRobin::new(&new.list.iter().map(|endpoint| endpoint.weight).collect::<Vec<_>>());
        self.endpoints[group as usize] = new;
    }
}

impl Endpoints {
    #[inline]
    fn active_at(&self, place: u32) -> u32 {
        self.active[self.list[place as usize].instance as usize]
    }

    #[inline]
    fn in_turn(&mut self) -> u32 {
        let place = if self.cursor as usize >= self.list.len() { 0 } else { self.cursor };
        self.cursor = place + 1;
        place
    }

    /// The place whose share of the total weight a number in (0, 1) falls into.
    fn by_weight(&self, u: f64) -> u32 {
        self.place_at((u * self.total_weight as f64) as u64)
    }

    fn by_weight_of_hash(&self, hash: u64) -> u32 {
        self.place_at(hash % self.total_weight.max(1))
    }

    fn place_at(&self, mut at: u64) -> u32 {
        if self.total_weight == self.list.len() as u64 {
            return (at as u32).min(self.list.len() as u32 - 1);
        }
        for (place, endpoint) in self.list.iter().enumerate() {
            if at < endpoint.weight as u64 {
                return place as u32;
            }
            at -= endpoint.weight as u64;
        }
        self.list.len() as u32 - 1
    }

    /// The fewest calls in flight; among equals the next after the last one chosen, so that ties go round.
    fn least_connections(&mut self) -> u32 {
        let from = if self.cursor as usize >= self.list.len() { 0 } else { self.cursor as usize };
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

    /// The one with fewer calls in flight of two different random ones; the first at a tie.
    fn power_of_two(&self, first: f64, second: f64) -> u32 {
        let count = self.list.len() as u32;
        let a = (first * count as f64) as u32;
        if count == 1 {
            return 0;
        }
        let b = (second * (count - 1) as f64) as u32;
        let b = b + (b >= a) as u32;
        if self.active_at(b) < self.active_at(a) { b } else { a }
    }
}
