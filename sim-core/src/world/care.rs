//! What balancers do besides choosing: they check the health of endpoints, leave out those that are ill, keep clients
//! where they were, let newcomers start slowly, and keep connections.

use std::collections::BTreeMap;

use super::endpoints::{Endpoint, Endpoints};
use super::frame::{BRANCH, Frame, Waiting, draw};
use super::instance::Life;
use super::{Control, World};
use crate::engine::slab::NONE;
use crate::math;
use crate::plan::{CarePlan, GroupPlan, Kind, LinkPlan, Op, Outcome};
use crate::policy::balancing::peak_ewma::PeakEwma;
use crate::policy::health::active::Checks;
use crate::policy::health::{outlier, passive};

/// What a balancer knows of an endpoint.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peer {
    /// Its times.
    pub cost: PeakEwma,
    passive: passive::Peer,
    /// What checks at intervals found.
    pub checks: Checks,
    /// What outlier detection knows of it.
    pub host: outlier::Host,
    /// Since when it gets calls, and whether it did when that was last looked at.
    since: u64,
    known: bool,
    /// Whether it was no endpoint when that was last looked at: it starts anew.
    away: bool,
    /// Whether a check found it silent, and waits for its answer.
    pub silent: bool,
    /// Whether it is counted as ill.
    ill: bool,
}

/// What balancers report besides calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CareMeter {
    /// How often an endpoint was found ill.
    pub ejections: u64,
    /// How often one came back.
    pub returns: u64,
    /// How long it took to find out that one is down, ns: their sum, the longest, how many.
    pub detection: (u64, u64, u64),
    /// Connections that were opened to endpoints.
    pub connects: u64,
    /// Clients that could not stay where they were.
    pub moved: u64,
    /// Calls that were cut off when the time to drain was over.
    pub cut: u64,
}

/// How often an endpoint that starts slowly may pass a call on to another one.
const PASSES_MAX: u64 = 4;

/// How long an idle connection is kept (nginx `keepalive_timeout`), ns.
const IDLE_NS: u64 = 60_000_000_000;

/// Clients that stay somewhere, before those whose time is over are looked for.
const STAYS_LEAST: usize = 4096;

const SLOW_START: u64 = 0x80;
const CONNECT: u64 = 7;

impl<const TRACED: bool> World<'_, TRACED> {
    /// Prepares checks at intervals.
    pub(super) fn build_care(&mut self) {
        for (at, plan) in self.plan.balancers.iter().enumerate() {
            let Some(care) = &plan.care else { continue };
            let start = self.plan.clock.start;
            if let Some(active) = care.active {
                self.control(start % active.interval_ns, Control::Probe(at as u32));
            }
            if let Some((_, interval)) = care.outlier {
                self.control(start % interval + interval, Control::Compare(at as u32));
            }
            for group in 0..plan.groups.len() as u32 {
                self.endpoints[(plan.first_group + group) as usize].peers =
                    self.instances.iter().map(|_| Peer { known: true, ..Peer::default() }).collect();
            }
        }
    }

    /// Seconds of the window's clock: nginx counts in whole ones.
    fn second(&self) -> i64 {
        (self.now as i64 - self.plan.clock.start as i64).div_euclid(1_000_000_000)
    }

    /// Of a group's endpoints those that are well; backups where no other one is; all where that is the rule.
    pub(super) fn well_ones(
        &mut self,
        care: &CarePlan,
        plan: &GroupPlan,
        new: &mut Endpoints,
        all: Vec<Endpoint>,
    ) -> Vec<Endpoint> {
        new.peers.resize(self.instances.len(), Peer::default());
        let (now, second) = (self.now, self.second());
        let mut stale_at = u64::MAX;
        // A single peer is never left out (nginx).
        let single = all.len() == 1;
        let mut well = Vec::new();
        for endpoint in &all {
            let limits = plan.members[endpoint.member as usize].passive;
            let peer = &mut new.peers[endpoint.instance as usize];
            if !peer.known {
                *peer = Peer { known: true, since: now, cost: peer.cost, ..Peer::default() };
                if care.active.is_some() && now > 0 {
                    peer.checks = Checks::registered();
                }
            } else if peer.away {
                (peer.away, peer.since) = (false, now);
            }
            let left_out = !single && !peer.passive.is_usable(limits, second);
            if left_out {
                let second = peer.passive.usable_from_s(limits);
                let at = self.plan.clock.start as i64 + second.saturating_mul(1_000_000_000);
                stale_at = stale_at.min(at.max(now as i64 + 1) as u64);
            }
            let ill = left_out || !peer.checks.is_healthy() || peer.host.is_out();
            if ill != peer.ill {
                peer.ill = ill;
                peer.since = now;
            }
            if !ill {
                well.push(*endpoint);
            }
        }
        let mut is_there = vec![false; new.peers.len()];
        all.iter().for_each(|endpoint| is_there[endpoint.instance as usize] = true);
        for (peer, _) in new.peers.iter_mut().zip(&is_there).filter(|(peer, there)| peer.known && !**there) {
            peer.away = true;
        }
        new.stale_at = stale_at;
        self.first_choice(care, plan, new, well, all)
    }

    fn first_choice(
        &self,
        care: &CarePlan,
        plan: &GroupPlan,
        new: &mut Endpoints,
        well: Vec<Endpoint>,
        all: Vec<Endpoint>,
    ) -> Vec<Endpoint> {
        let is_backup = |endpoint: &Endpoint| plan.members[endpoint.member as usize].backup;
        let main = |list: &[Endpoint]| list.iter().filter(|endpoint| !is_backup(endpoint)).count();
        let panics = (main(&well) as f64) < care.panic_threshold * main(&all) as f64;
        new.on_backups = false;
        let few = if panics { &all } else { &well };
        let first: Vec<Endpoint> = few.iter().copied().filter(|endpoint| !is_backup(endpoint)).collect();
        if !first.is_empty() {
            return first;
        }
        let spare: Vec<Endpoint> = well.iter().copied().filter(is_backup).collect();
        if !spare.is_empty() {
            new.on_backups = true;
            return spare;
        }
        // Nobody is well: checks at intervals fail open.
        if care.active.is_some() { all.into_iter().filter(|endpoint| !is_backup(endpoint)).collect() } else { spare }
    }

    /// Chooses an endpoint for a call of a balancer that takes care; there are some.
    pub(super) fn pick_with_care(&mut self, balancer: u32, group: u32, frame: u32, turn: u64) -> Option<u32> {
        let plan = &self.plan.balancers[balancer as usize];
        let care = plan.care.as_deref().expect("it takes care");
        let Frame { client, attempt, next, key, .. } = self.frames[frame];
        let first_try = attempt == 0;
        if care.sticky_ns > 0
            && first_try
            && let Some(stays) = self.stays_at(group, client)
        {
            self.note_stay(care, group, client, stays);
            self.note_pick(group, stays);
            return Some(stays);
        }
        let mut place = self.choose(balancer, group, frame, turn);
        if let Some(slow) = care.slow_start {
            for pass in 1..=PASSES_MAX {
                let endpoints = &self.endpoints[group as usize];
                let peer = &endpoints.peers[endpoints.list[place as usize].instance as usize];
                let age = (self.now - peer.since) as f64 / slow.window_ns as f64;
                let share = match slow.curve {
                    _ if age >= 1.0 => 1.0,
                    None => age,
                    Some((exponent, least)) => math::exp(math::ln(age.max(1e-9)) * exponent).max(least),
                };
                let since_start = peer.since == 0;
                if since_start || endpoints.list.len() == 1 || draw(key, plan.site, turn + SLOW_START + pass) < share {
                    break;
                }
                place = self.choose(balancer, group, frame, turn + 2 * pass);
            }
        }
        let not = if first_try { NONE } else { next };
        let picked = self.endpoints[group as usize].with_room(place, not)?;
        if care.sticky_ns > 0 {
            self.note_stay(care, group, client, picked);
        }
        self.note_pick(group, picked);
        Some(picked)
    }

    /// Where a client stays, if it still can.
    fn stays_at(&mut self, group: u32, client: u32) -> Option<u32> {
        let now = self.now;
        let endpoints = &mut self.endpoints[group as usize];
        let &(instance, until) = endpoints.stays.get(&client)?;
        if until <= now {
            endpoints.stays.remove(&client);
            return None;
        }
        if endpoints.place_of(instance).is_some() {
            return Some(instance);
        }
        endpoints.stays.remove(&client);
        let component = self.endpoints_of(group);
        self.meters.components[component as usize].care.moved += self.open as u64;
        None
    }

    /// The balancer, a component, whose group this is.
    fn endpoints_of(&self, group: u32) -> u32 {
        let at = self.plan.balancers.partition_point(|balancer| balancer.first_group <= group);
        self.plan.balancers[at - 1].component
    }

    fn note_stay(&mut self, care: &CarePlan, group: u32, client: u32, instance: u32) {
        let now = self.now;
        let stays: &mut BTreeMap<u32, (u32, u64)> = &mut self.endpoints[group as usize].stays;
        if stays.len() >= STAYS_LEAST && stays.len().is_power_of_two() {
            stays.retain(|_, (_, until)| *until > now);
        }
        stays.insert(client, (instance, now.saturating_add(care.sticky_ns)));
    }

    /// nginx: a call goes there, which may be the one that looks again.
    fn note_pick(&mut self, group: u32, instance: u32) {
        let second = self.second();
        let component = self.endpoints_of(group);
        let limits = self.passive_limits(component, group, instance);
        if limits.max_fails == 0 {
            return;
        }
        let endpoints = &mut self.endpoints[group as usize];
        let peer = &mut endpoints.peers[instance as usize].passive;
        peer.picked(limits, second);
        if !peer.is_usable(limits, second) {
            endpoints.stale_at = 0;
        }
    }

    fn passive_limits(&self, component: u32, group: u32, instance: u32) -> passive::Passive {
        let none = passive::Passive { max_fails: 0, fail_timeout_s: 0 };
        let Kind::Balancer(balancer) = self.plan.components[component as usize].kind else { return none };
        let plan = &self.plan.balancers[balancer as usize];
        let pool = self.instances[instance as usize].component;
        let members = &plan.groups[(group - plan.first_group) as usize].members;
        members.iter().find(|member| member.component == pool).map_or(none, |member| member.passive)
    }

    /// Whether a balancer's try failed because its endpoint is down: no connection came about, or it broke.
    pub(super) fn is_unreachable(&self, frame: u32, outcome: Outcome) -> bool {
        outcome == Outcome::Failed
            && matches!(self.plan.ops[self.frames[frame].pc as usize], Op::CallPicked(_))
            && self.frames[frame].next != NONE
            && !self.instances[self.frames[frame].next as usize].is_up()
    }

    /// A try of a balancer has ended: what that says of its endpoint.
    #[cold]
    pub(super) fn endpoint_answered(&mut self, frame: u32, outcome: Outcome) {
        let Op::CallPicked(component) = self.plan.ops[self.frames[frame].pc as usize] else { return };
        let Frame { next: instance, class, since, .. } = self.frames[frame];
        let (now, second) = (self.now, self.second());
        let group = self.group_of(component, class);
        let unreachable = self.is_unreachable(frame, outcome);
        let limits = self.passive_limits(component, group, instance);
        let Kind::Balancer(balancer) = self.plan.components[component as usize].kind else { return };
        let plan = &self.plan.balancers[balancer as usize];
        let endpoints = &mut self.endpoints[group as usize];
        if endpoints.peers.len() <= instance as usize {
            endpoints.peers.resize(instance as usize + 1, Peer::default());
        }
        let peer = &mut endpoints.peers[instance as usize];
        if outcome == Outcome::Ok || outcome == Outcome::Timeout {
            peer.cost.observe(now.saturating_sub(since), now);
        }
        let Some(care) = &plan.care else { return };
        let failed = unreachable || care.passive_when & (1 << outcome as u16) != 0;
        let mut found_ill = false;
        if limits.max_fails > 0 {
            if failed {
                let was_usable = peer.passive.is_usable(limits, second);
                let out = peer.passive.failed(limits, second);
                found_ill = out && was_usable;
                if out {
                    endpoints.stale_at = 0;
                }
                if let Some(place) = endpoints.place_of(instance)
                    && !endpoints.smooth.is_empty()
                {
                    endpoints.smooth.fail(place as usize, limits.max_fails);
                }
            } else if outcome == Outcome::Ok && endpoints.peers[instance as usize].passive.succeeded() {
                endpoints.stale_at = 0;
                self.meters.components[component as usize].care.returns += self.open as u64;
            }
        }
        if let Some(keep) = care.keep_alive
            && !unreachable
            && !matches!(outcome, Outcome::Timeout | Outcome::Lost | Outcome::ConnectionRefused)
        {
            let idle = &mut self.endpoints[group as usize].idle;
            idle.push((instance, now));
            if idle.len() > keep as usize {
                idle.remove(0);
            }
        }
        if let Some((rules, _)) = &care.outlier {
            let good = !is_5xx(outcome);
            let peer = &mut self.endpoints[group as usize].peers[instance as usize];
            if peer.host.answered(rules, good) {
                found_ill |= self.eject(group, instance, rules);
            }
        }
        if found_ill {
            self.note_ill(component, instance);
        }
    }

    /// Ejects an endpoint, if not too many are out.
    pub(super) fn eject(&mut self, group: u32, instance: u32, rules: &outlier::Rules) -> bool {
        let now = self.now;
        let there = self.there(group);
        let Some(at) = there.iter().position(|&other| other == instance) else { return false };
        let endpoints = &mut self.endpoints[group as usize];
        if endpoints.peers.len() < self.instances.len() {
            // One has joined since the list was made.
            endpoints.peers.resize(self.instances.len(), Peer::default());
        }
        let mut hosts: Vec<outlier::Host> = there.iter().map(|&at| endpoints.peers[at as usize].host).collect();
        let mut borrowed: Vec<&mut outlier::Host> = hosts.iter_mut().collect();
        let out = outlier::eject(&mut borrowed, at, rules, now);
        for (&instance, host) in there.iter().zip(hosts) {
            endpoints.peers[instance as usize].host = host;
        }
        if out {
            endpoints.stale_at = 0;
        }
        out
    }

    /// The ready replicas of a group's pools, well or not.
    pub(super) fn there(&self, group: u32) -> Vec<u32> {
        let component = self.endpoints_of(group);
        let Kind::Balancer(balancer) = self.plan.components[component as usize].kind else { return Vec::new() };
        let plan = &self.plan.balancers[balancer as usize];
        let members = plan.groups[(group - plan.first_group) as usize].members.iter();
        let instances = members.flat_map(|member| self.members[member.component as usize].iter().copied());
        instances.filter(|&at| self.instances[at as usize].is_endpoint()).collect()
    }

    /// The replicas of a group's pools that were endpoints once and did not leave: a check of one that starts again fails.
    pub(super) fn registered(&self, group: u32) -> Vec<u32> {
        let component = self.endpoints_of(group);
        let Kind::Balancer(balancer) = self.plan.components[component as usize].kind else { return Vec::new() };
        let plan = &self.plan.balancers[balancer as usize];
        let members = plan.groups[(group - plan.first_group) as usize].members.iter();
        let instances = members.flat_map(|member| self.members[member.component as usize].iter().copied());
        let peers = &self.endpoints[group as usize].peers;
        let is_known = |at: u32| peers.get(at as usize).is_some_and(|peer| peer.known);
        instances
            .filter(|&at| matches!(self.instances[at as usize].life, Life::Starting | Life::Ready) && is_known(at))
            .collect()
    }

    /// An endpoint was found to be ill.
    pub(super) fn note_ill(&mut self, component: u32, instance: u32) {
        let state = &self.instances[instance as usize];
        // A crash ended what was counted as its capacity: from then on it is down.
        let down_for = state.is_down().then(|| self.now - state.ready_since);
        if !self.open {
            return;
        }
        let meter = &mut self.meters.components[component as usize].care;
        meter.ejections += 1;
        if let Some(ns) = down_for {
            meter.detection = (meter.detection.0 + ns, meter.detection.1.max(ns), meter.detection.2 + 1);
        }
    }

    /// How long a try waits for its connection: nothing where an idle one can be used.
    pub(super) fn connect_upstream(&mut self, child: u32, link: &LinkPlan) -> u64 {
        let Frame { via, instance, key, .. } = self.frames[child];
        let Some(endpoints) = self.endpoints.get_mut(via as usize) else { return 0 };
        let now = self.now;
        endpoints.idle.retain(|&(_, since)| now - since <= IDLE_NS);
        if let Some(at) = endpoints.idle.iter().rposition(|&(to, _)| to == instance) {
            endpoints.idle.remove(at);
            return 0;
        }
        let component = self.endpoints_of(via as u32);
        self.meters.components[component as usize].care.connects += self.open as u64;
        link.rtt.as_ref().map_or(0, |rtt| rtt.sampler.sample_ns(draw(key, link.site, CONNECT)))
    }

    /// A replica leaves: balancers give it so long for what it has.
    pub(super) fn begin_drain(&mut self, instance: u32) {
        let component = self.instances[instance as usize].component;
        for at in 0..self.plan.balancers.len() {
            let plan = &self.plan.balancers[at];
            let leads_there =
                plan.groups.iter().any(|group| group.members.iter().any(|member| member.component == component));
            if let Some(drain) = plan.care.as_deref().and_then(|care| care.drain_ns).filter(|_| leads_there) {
                self.control(self.now.saturating_add(drain), Control::DrainEnds(at as u32, instance));
            }
        }
    }

    /// The time of a replica that leaves is over: what it still has from this balancer fails.
    pub(super) fn drain_ends(&mut self, balancer: u32, instance: u32) {
        if self.instances[instance as usize].life != Life::Leaving {
            return;
        }
        let plan = &self.plan.balancers[balancer as usize];
        let groups = plan.first_group..plan.first_group + plan.groups.len() as u32;
        for frame in 0..self.frames.high_water() {
            let state = &self.frames[frame];
            let lives = state.waiting != Waiting::Message && self.is_call(frame);
            if lives && state.instance == instance && !state.has(BRANCH) && groups.contains(&(state.via as u32)) {
                self.meters.components[plan.component as usize].care.cut += self.open as u64;
                self.interrupt(frame, Outcome::Failed, false);
            }
        }
    }
}

/// Whether Envoy counts an answer as 5xx: those of the server, and what never came.
fn is_5xx(outcome: Outcome) -> bool {
    !matches!(outcome, Outcome::Ok | Outcome::Throttled | Outcome::Denied | Outcome::Cancelled | Outcome::Abandoned)
}
