//! The endpoints of a balancer, and how its policies choose among them.

#[cfg(test)]
mod tests;

use super::care::Peer;
use crate::engine::rng::mix64;
use crate::engine::slab::NONE;
use crate::plan::Policy;
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
    pub component: u32,
    pub framed: bool,
    pub list: Vec<Endpoint>,
    /// Whether the list is of backups.
    pub on_backups: bool,
    /// By instance, whether it is in the list or not: calls sent and not yet back.
    pub active: Vec<u32>,
    /// All of them.
    pub in_flight: u64,
    /// By instance: calls sent in the window.
    pub sent: Vec<u64>,
    pub cursor: u32,
    /// Sums of weights up to and with each place; none where all weigh 1.
    pub weights: Vec<u64>,
    pub smooth: SmoothRoundRobin,
    pub chooser: Chooser,
    /// Where calls in flight are limited: by place 0 where there is room for one more, else 1.
    pub room: Option<Least<u32>>,
    /// By instance: its place in the list; `NONE`: it is not there.
    pub places: Vec<u32>,
    /// Whether the chooser or the room depends on calls in flight.
    pub follows: bool,
    /// By instance: what is known of it, for a balancer that takes care.
    pub peers: Vec<Peer>,
    /// By client: where it stays, and until when.
    pub stays: std::collections::BTreeMap<u32, (u32, u64)>,
    /// Idle connections: to which instance, since when; the youngest last.
    pub idle: Vec<(u32, u64)>,
}

/// An endpoint in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
pub enum Chooser {
    #[default]
    None,
    Least(Least<u32>),
    Weighted(Least<Ratio>),
    Ring(Ring),
    Maglev(Maglev),
}

/// Up to how many endpoints a scan is faster than a tree.
const SCAN_MAX: usize = 16;

impl Endpoints {
    #[inline]
    fn active_at(&self, place: u32) -> u32 {
        self.active[self.list[place as usize].instance as usize]
    }

    /// Makes what a policy keeps of the list.
    pub fn prepare(&mut self, policy: Policy) {
        let even = self.list.iter().all(|endpoint| endpoint.weight == 1);
        let mut sum = 0;
        let mut sum_with = |endpoint: &Endpoint| {
            sum += u64::from(endpoint.weight);
            sum
        };
        self.weights = if even { Vec::new() } else { self.list.iter().map(&mut sum_with).collect() };
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
                let ratio = |endpoint: &Endpoint| Ratio::new(active(endpoint), endpoint.weight);
                let keys: Vec<Ratio> = self.list.iter().map(ratio).collect();
                Chooser::Weighted(Least::new(&keys, Ratio::NEVER))
            }
            _ => Chooser::None,
        };
        self.room = self.list.iter().any(|endpoint| endpoint.most != NONE).then(|| {
            let full: Vec<u32> = (0..self.list.len() as u32).map(|place| self.is_full(place) as u32).collect();
            Least::new(&full, 1)
        });
        self.follows = self.room.is_some() || matches!(self.chooser, Chooser::Least(_) | Chooser::Weighted(_));
        self.places = vec![NONE; self.active.len()];
        for (place, endpoint) in self.list.iter().enumerate() {
            self.places[endpoint.instance as usize] = place as u32;
        }
        if policy == Policy::LeastResponseTime && self.peers.len() < self.active.len() {
            self.peers.resize(self.active.len(), Peer::default());
        }
    }

    /// Where an instance stands in the list.
    #[inline]
    pub fn place_of(&self, instance: u32) -> Option<u32> {
        self.places.get(instance as usize).copied().filter(|place| *place != NONE)
    }

    fn is_full(&self, place: u32) -> bool {
        self.active_at(place) >= self.list[place as usize].most
    }

    /// Makes the ring or table of a policy that hashes.
    pub fn hashes(&mut self, plan: &crate::plan::GroupPlan, vnodes: u32, ordinal: impl Fn(u32) -> u32) {
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
    pub fn go_on_from(&mut self, old: &mut Endpoints) {
        if self.smooth.is_empty() || old.smooth.is_empty() {
            return;
        }
        for place in 0..self.list.len() {
            let instance = self.list[place].instance;
            if let Some(before) = old.place_of(instance) {
                let state = old.smooth.state(before as usize);
                self.smooth.restore(place, state);
            }
        }
    }

    /// The calls in flight at an instance are others now.
    #[inline]
    pub fn active_changed(&mut self, instance: u32) {
        if !self.follows {
            return;
        }
        let Some(place) = self.place_of(instance) else { return };
        let full = self.is_full(place) as u32;
        if let Some(room) = &mut self.room
            && room.key(place as usize) != full
        {
            room.set(place as usize, full);
        }
        let active = self.active[instance as usize];
        match &mut self.chooser {
            Chooser::Least(tree) => tree.set(place as usize, active),
            Chooser::Weighted(tree) => {
                let weight = self.list[place as usize].weight;
                tree.set(place as usize, Ratio::new(active, weight));
            }
            Chooser::None | Chooser::Ring(_) | Chooser::Maglev(_) => {}
        }
    }

    /// The instance at a place, or the next one that has room; not the one that was tried last, unless it is alone.
    pub fn with_room(&self, place: u32, not: u32) -> Option<u32> {
        let count = self.list.len();
        let from = |place: usize| match &self.room {
            Some(room) => room.least_from(place).filter(|place| room.key(*place) == 0),
            None => Some(if place < count { place } else { 0 }),
        };
        let first = from(place as usize)?;
        if self.list[first].instance != not {
            return Some(self.list[first].instance);
        }
        // An instance stands in the list once.
        from(first + 1).map(|place| self.list[place].instance)
    }

    #[inline]
    pub fn in_turn(&mut self) -> u32 {
        let place = if self.cursor as usize >= self.list.len() { 0 } else { self.cursor };
        self.cursor = place + 1;
        place
    }

    fn total_weight(&self) -> u64 {
        self.weights.last().copied().unwrap_or(self.list.len() as u64)
    }

    /// The place whose share of the total weight a number in (0, 1) falls into.
    pub fn by_weight(&self, u: f64) -> u32 {
        self.place_at((u * self.total_weight() as f64) as u64)
    }

    pub fn by_weight_of_hash(&self, hash: u64) -> u32 {
        self.place_at(hash % self.total_weight().max(1))
    }

    fn place_at(&self, at: u64) -> u32 {
        let place =
            if self.weights.is_empty() { at as u32 } else { self.weights.partition_point(|&sum| sum <= at) as u32 };
        place.min(self.list.len() as u32 - 1)
    }

    /// The fewest calls in flight; among equals the next after the last one chosen, so that ties go round.
    pub fn least_connections(&mut self) -> u32 {
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
    pub fn weighted_least_connections(&mut self) -> u32 {
        let Chooser::Weighted(tree) = &self.chooser else { unreachable!("made with the list") };
        let first = tree.least_from(0).expect("there are endpoints");
        if tree.least_from(first + 1) == Some(first) {
            return first as u32;
        }
        let least = tree.key(first);
        self.smooth.pick(tree.keys().iter().map(|key| *key == least)).map(|place| place as u32).expect("several are")
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
    pub fn power_of_two(&self, first: f64, second: f64) -> u32 {
        let (a, b) = self.two(first, second);
        if self.active_at(b) < self.active_at(a) { b } else { a }
    }

    /// Of two random ones the one with less peak EWMA.
    pub fn least_response_time(&mut self, first: f64, second: f64, now: u64) -> u32 {
        let (a, b) = self.two(first, second);
        let mut load = |place: u32| {
            let instance = self.list[place as usize].instance as usize;
            self.peers[instance].cost.load(self.active[instance], now)
        };
        if load(b) < load(a) { b } else { a }
    }

    /// The next place on the ring, that has room where loads are bounded.
    pub fn on_ring(&self, hash: u64, bound: f64) -> u32 {
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
