//! Each policy against a slow and obvious twin: lists that change, calls that come and go.

use super::*;
use crate::plan::{GroupPlan, MemberPlan};
use crate::policy::balancing::peak_ewma::PeakEwma;
use crate::policy::draws::Draws;
use crate::policy::health::passive::Passive;

const POLICIES: [Policy; 10] = [
    Policy::RoundRobin,
    Policy::SmoothRoundRobin,
    Policy::Random,
    Policy::LeastConnections,
    Policy::PowerOfTwo,
    Policy::IpHash,
    Policy::WeightedLeastConnections,
    Policy::LeastResponseTime,
    Policy::ConsistentHash,
    Policy::Maglev,
];

const VNODES: u32 = 5;
const NAME: u64 = 77;

/// What a policy knows, all of it looked through at each pick.
#[derive(Default)]
struct Twin {
    list: Vec<Endpoint>,
    active: Vec<u32>,
    costs: Vec<PeakEwma>,
    /// By instance: nginx's effective and current weight.
    smooth: Vec<(i64, i64)>,
    cursor: usize,
    maglev: Maglev,
}

impl Twin {
    fn active(&self, place: usize) -> u32 {
        self.active[self.list[place].instance as usize]
    }

    /// Places from the one after the last one chosen on, going round.
    fn going_round(&self) -> Vec<usize> {
        let from = if self.cursor >= self.list.len() { 0 } else { self.cursor };
        (from..self.list.len()).chain(0..from).collect()
    }

    fn smooth(&mut self, usable: &[usize]) -> usize {
        let (mut best, mut total) = (None, 0);
        for &place in usable {
            let Endpoint { instance, weight, .. } = self.list[place];
            let (effective, current) = &mut self.smooth[instance as usize];
            *current += *effective;
            total += *effective;
            *effective += i64::from(*effective < i64::from(weight));
            if best.is_none_or(|(_, most)| *current > most) {
                best = Some((place, *current));
            }
        }
        let (place, _) = best.expect("some are usable");
        self.smooth[self.list[place].instance as usize].1 -= total;
        place
    }

    fn by_weight(&self, at: u64) -> usize {
        let mut sum = 0;
        let covers = |endpoint: &Endpoint| {
            sum += u64::from(endpoint.weight);
            at < sum
        };
        self.list.iter().position(covers).unwrap_or(self.list.len() - 1)
    }

    fn two(&self, (first, second): (f64, f64)) -> (usize, usize) {
        let a = (first * self.list.len() as f64) as usize;
        let mut others: Vec<usize> = (0..self.list.len()).filter(|place| *place != a).collect();
        others.push(a);
        (a, others[(second * (self.list.len() - 1) as f64) as usize])
    }

    /// The place of the point next after a hash whose endpoint has room; the first where none has.
    fn on_ring(&self, hash: u64, bound: f64) -> usize {
        let mut points = Vec::new();
        for (place, endpoint) in self.list.iter().enumerate() {
            let name = mix64(NAME ^ (u64::from(endpoint.instance) + 1));
            let count = u64::from(endpoint.weight * VNODES);
            points.extend((0..count).map(|n| (mix64(name ^ mix64(n)).wrapping_sub(hash), place)));
        }
        points.sort_unstable();
        let calls: u32 = self.active.iter().sum();
        let most = (bound * f64::from(calls + 1) / self.list.len() as f64).ceil();
        let has_room = |&&(_, place): &&(u64, usize)| bound == 0.0 || f64::from(self.active(place)) < most;
        points.iter().find(has_room).or(points.first()).map_or(0, |point| point.1)
    }

    fn choose(&mut self, policy: Policy, hash: u64, draws: (f64, f64), now: u64, bound: f64) -> usize {
        let total: u64 = self.list.iter().map(|endpoint| u64::from(endpoint.weight)).sum();
        match policy {
            Policy::RoundRobin => {
                let place = self.going_round()[0];
                self.cursor = place + 1;
                place
            }
            Policy::SmoothRoundRobin => self.smooth(&(0..self.list.len()).collect::<Vec<_>>()),
            Policy::Random => self.by_weight((draws.0 * total as f64) as u64),
            Policy::IpHash => self.by_weight(hash % total.max(1)),
            Policy::LeastConnections => {
                let place = self.going_round().into_iter().min_by_key(|&place| self.active(place)).expect("some are");
                self.cursor = place + 1;
                place
            }
            Policy::WeightedLeastConnections => {
                let ratio = |place: usize| match self.list[place].weight {
                    0 => (1, 0),
                    // Whole numbers: weights divide 60.
                    weight => (0, self.active(place) * (60 / weight)),
                };
                let least = (0..self.list.len()).map(ratio).min().expect("some are");
                let tied: Vec<usize> = (0..self.list.len()).filter(|&place| ratio(place) == least).collect();
                if tied.len() == 1 { tied[0] } else { self.smooth(&tied) }
            }
            Policy::PowerOfTwo => {
                let (a, b) = self.two(draws);
                if self.active(b) < self.active(a) { b } else { a }
            }
            Policy::LeastResponseTime => {
                let (a, b) = self.two(draws);
                let mut load = |place: usize| {
                    let instance = self.list[place].instance as usize;
                    self.costs[instance].load(self.active[instance], now)
                };
                if load(b) < load(a) { b } else { a }
            }
            Policy::ConsistentHash => self.on_ring(hash, bound),
            Policy::Maglev => self.maglev.place(hash).unwrap_or(0) as usize,
            Policy::ResourceBased => unreachable!("it looks at stations"),
        }
    }

    fn with_room(&self, place: usize, not: u32) -> Option<u32> {
        let round = (place..self.list.len()).chain(0..place).map(|place| self.list[place]);
        let open: Vec<u32> = round
            .filter(|endpoint| self.active[endpoint.instance as usize] < endpoint.most)
            .map(|endpoint| endpoint.instance)
            .collect();
        open.iter().copied().find(|&instance| instance != not).or(open.first().copied())
    }
}

fn group_plan(policy: Policy) -> GroupPlan {
    let passive = Passive { max_fails: 0, fail_timeout_s: 0 };
    let member =
        MemberPlan { component: 0, weight: 1, call: 0, backup: false, connections_max: NONE, passive, name: NAME };
    GroupPlan { members: vec![member], policy, scale: 1, special: true }
}

/// Another list: some of the instances, now and then of one weight, now and then with limits.
fn change_list(draws: &mut Draws, policy: Policy, endpoints: &mut Endpoints, twin: &mut Twin) {
    let instances = twin.active.len() as u64;
    let few = if draws.below(3) == 0 { 4 } else { 1 };
    let (even, limited) = (draws.below(3) == 0, draws.below(2) == 0);
    let weights = [1, 2, 3, 0, 4, 5, 6, 10];
    let mut list = Vec::new();
    for instance in 0..instances as u32 {
        if draws.below(few) == 0 || (instance == 0 && draws.below(2) == 0) {
            let weight = if even { 1 } else { weights[draws.below(8) as usize] };
            let most = if limited { 1 + draws.below(4) as u32 } else { NONE };
            list.push(Endpoint { instance, weight, most, member: 0 });
        }
    }
    if list.is_empty() {
        list.push(Endpoint { instance: 0, weight: 1, most: NONE, member: 0 });
    }
    let mut old = std::mem::take(endpoints);
    *endpoints = Endpoints {
        list: list.clone(),
        active: std::mem::take(&mut old.active),
        in_flight: old.in_flight,
        cursor: old.cursor,
        peers: std::mem::take(&mut old.peers),
        ..Endpoints::default()
    };
    endpoints.prepare(policy);
    endpoints.hashes(&group_plan(policy), VNODES, |instance| instance);
    endpoints.go_on_from(&mut old);
    // Those that were in the list go on from where they were, but not above a lower weight; others begin anew.
    let before = std::mem::take(&mut twin.smooth);
    twin.smooth = vec![(0, 0); before.len()];
    for endpoint in &list {
        let at = endpoint.instance as usize;
        let was_there = twin.list.iter().any(|other| other.instance == endpoint.instance);
        let weight = i64::from(endpoint.weight);
        twin.smooth[at] = if was_there { (before[at].0.min(weight), before[at].1) } else { (weight, 0) };
    }
    if policy == Policy::Maglev {
        let name = |endpoint: &Endpoint| mix64(NAME ^ (u64::from(endpoint.instance) + 1));
        let named: Vec<_> = list.iter().map(|endpoint| (name(endpoint), f64::from(endpoint.weight))).collect();
        twin.maglev = Maglev::new(&named);
    }
    twin.list = list;
}

/// Calls, answers and other lists, `events` in all for each policy; every choice is the twin's.
fn against_twins(events: u64, per_list: u64) {
    for policy in POLICIES {
        let mut draws = Draws::new(policy as u64);
        let mut left = events;
        while left > 0 {
            let bits = 1 + draws.below(6);
            let instances = 1 + draws.below(1 << bits) as usize;
            let mut endpoints = Endpoints { active: vec![0; instances], ..Endpoints::default() };
            let mut twin = Twin {
                active: vec![0; instances],
                costs: vec![PeakEwma::default(); instances],
                smooth: vec![(0, 0); instances],
                ..Twin::default()
            };
            let bound = if draws.below(2) == 0 { 1.25 } else { 0.0 };
            let mut calls: Vec<u32> = Vec::new();
            let mut now = 0;
            for event in 0..left.min(10 * per_list) {
                now += draws.below(3_000_000_000);
                if event % per_list == 0 {
                    change_list(&mut draws, policy, &mut endpoints, &mut twin);
                }
                if draws.below(2) == 0 && !calls.is_empty() {
                    let instance = calls.swap_remove(draws.below(calls.len() as u64) as usize);
                    answer(&mut draws, instance, now, &mut endpoints, &mut twin);
                } else if let Some(instance) = call(&mut draws, policy, now, bound, &mut endpoints, &mut twin) {
                    calls.push(instance);
                }
                left -= 1;
            }
        }
    }
}

fn answer(draws: &mut Draws, instance: u32, now: u64, endpoints: &mut Endpoints, twin: &mut Twin) {
    endpoints.active[instance as usize] -= 1;
    endpoints.in_flight -= 1;
    endpoints.active_changed(instance);
    twin.active[instance as usize] -= 1;
    let took = draws.below(50_000_000);
    if let Some(peer) = endpoints.peers.get_mut(instance as usize) {
        peer.cost.observe(took, now);
        twin.costs[instance as usize].observe(took, now);
    }
    let place = twin.list.iter().position(|endpoint| endpoint.instance == instance);
    assert_eq!(endpoints.place_of(instance).map(|place| place as usize), place);
    if let Some(place) = place
        && draws.below(20) == 0
        && !endpoints.smooth.is_empty()
    {
        endpoints.smooth.fail(place, 2);
        let effective = &mut twin.smooth[instance as usize].0;
        *effective = (*effective - i64::from(twin.list[place].weight) / 2).max(0);
    }
}

fn call(
    draws: &mut Draws,
    policy: Policy,
    now: u64,
    bound: f64,
    endpoints: &mut Endpoints,
    twin: &mut Twin,
) -> Option<u32> {
    let (first, second, hash) = (draws.uniform(), draws.uniform(), mix64(draws.below(1 << 40)));
    let place = match policy {
        Policy::RoundRobin => endpoints.in_turn(),
        Policy::SmoothRoundRobin => endpoints.smooth.turn().expect("there are endpoints") as u32,
        Policy::Random => endpoints.by_weight(first),
        Policy::LeastConnections => endpoints.least_connections(),
        Policy::PowerOfTwo => endpoints.power_of_two(first, second),
        Policy::IpHash => endpoints.by_weight_of_hash(hash),
        Policy::WeightedLeastConnections => endpoints.weighted_least_connections(),
        Policy::LeastResponseTime => endpoints.least_response_time(first, second, now),
        Policy::ConsistentHash => endpoints.on_ring(hash, bound),
        Policy::Maglev => match &endpoints.chooser {
            Chooser::Maglev(table) => table.place(hash).unwrap_or(0),
            _ => unreachable!("made with the list"),
        },
        Policy::ResourceBased => unreachable!("it looks at stations"),
    };
    let expected = twin.choose(policy, hash, (first, second), now, bound);
    assert_eq!(place as usize, expected, "{policy:?} among {:?}, {:?}", twin.list, twin.active);
    let not = if draws.below(3) == 0 {
        endpoints.list[draws.below(endpoints.list.len() as u64) as usize].instance
    } else {
        NONE
    };
    let picked = endpoints.with_room(place, not);
    assert_eq!(picked, twin.with_room(expected, not), "{policy:?} among {:?}, {:?}", twin.list, twin.active);
    let instance = picked?;
    endpoints.active[instance as usize] += 1;
    endpoints.in_flight += 1;
    endpoints.active_changed(instance);
    twin.active[instance as usize] += 1;
    Some(instance)
}

#[test]
fn each_choice_is_that_of_its_twin() {
    against_twins(3_000, 150);
}

#[test]
#[ignore = "a million events for each policy"]
fn each_choice_is_that_of_its_twin_a_million_times() {
    against_twins(1_000_000, 1_000);
}

/// A weight of nothing gets nothing, also where the weights happen to sum to the number of endpoints.
#[test]
fn weights_that_sum_to_their_number_are_still_weights() {
    let endpoint = |instance, weight| Endpoint { instance, weight, most: NONE, member: 0 };
    let mut endpoints =
        Endpoints { list: vec![endpoint(0, 0), endpoint(1, 2)], active: vec![0; 2], ..Endpoints::default() };
    endpoints.prepare(Policy::Random);
    assert!([0.01, 0.49, 0.51, 0.99].iter().all(|&u| endpoints.by_weight(u) == 1));
    assert!((0..10).all(|hash| endpoints.by_weight_of_hash(hash) == 1));
}
