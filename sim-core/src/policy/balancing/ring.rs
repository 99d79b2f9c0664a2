//! Consistent hashing on a ring, with bounded loads.
//!
//! Each endpoint has `vnodes` points for each unit of its weight on a ring of hashes; a call goes to the next point after
//! the hash of its key, so that an endpoint that comes or goes moves its own share of keys alone. After ketama and nginx
//! `hash … consistent` (160 points a unit there). The hash is ours, since only that it spreads matters.
//!
//! With bounded loads a call passes over endpoints that have `bound` times the mean of calls in flight already: Mirrokni,
//! Thorup and Zadimoghaddam, "Consistent Hashing with Bounded Loads" (2018); HAProxy `hash-balance-factor`.

use crate::engine::rng::mix64;

/// Points on a ring, sorted.
#[derive(Debug, Clone, Default)]
pub struct Ring {
    points: Vec<(u64, u32)>,
    /// By the first bits of a hash: the first point from there on. Hashes spread, so that it is near the one that is sought.
    starts: Vec<u32>,
    /// 64 less the number of those bits.
    shift: u32,
}

impl Ring {
    /// Endpoints by place: the hash of each one's name, and its weight.
    pub fn new(endpoints: &[(u64, f64)], vnodes: u32) -> Self {
        let mut points = Vec::new();
        for (place, &(name, weight)) in endpoints.iter().enumerate() {
            let count = (weight * f64::from(vnodes)).round() as u64;
            let point = |n: u64| (mix64(name ^ mix64(n)), place as u32);
            points.extend((0..count).map(point));
        }
        points.sort_unstable();
        let bits = points.len().next_power_of_two().trailing_zeros().max(1);
        let shift = 64 - bits;
        let mut next = 0;
        let mut first = |prefix: u64| {
            while points.get(next).is_some_and(|&(point, _)| point >> shift < prefix) {
                next += 1;
            }
            next as u32
        };
        let starts = (0..1 << bits).map(&mut first).collect();
        Self { points, starts, shift }
    }

    /// The place of the endpoint that a hash belongs to; none without endpoints.
    pub fn place(&self, hash: u64) -> Option<u32> {
        self.from(hash).next()
    }

    /// The places from a hash on, going round once; an endpoint comes as often as it has points.
    fn from(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let mut start = self.starts.get((hash >> self.shift) as usize).map_or(0, |start| *start as usize);
        while self.points.get(start).is_some_and(|&(point, _)| point < hash) {
            start += 1;
        }
        self.points[start..].iter().chain(&self.points[..start]).map(|&(_, place)| place)
    }

    /// The first place from a hash on that has room for one more: fewer calls in flight than `bound` times the mean with
    /// this one, rounded up.
    ///
    /// `all`: the calls in flight at all `endpoints`; `in_flight`: those at a place.
    pub fn bounded_place(
        &self,
        hash: u64,
        bound: f64,
        (all, endpoints): (u64, u32),
        in_flight: impl Fn(u32) -> u32,
    ) -> Option<u32> {
        let most = (bound * (all + 1) as f64 / f64::from(endpoints.max(1))).ceil() as u64;
        let has_room = |&place: &u32| u64::from(in_flight(place)) < most;
        self.from(hash).find(has_room).or_else(|| self.place(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(count: u64) -> Vec<(u64, f64)> {
        (0..count).map(|n| (mix64(n + 1), 1.0)).collect()
    }

    #[test]
    fn one_that_leaves_moves_its_own_keys_alone() {
        let ten = Ring::new(&endpoints(10), 160);
        let nine = Ring::new(&endpoints(9), 160);
        let mut moved = 0;
        for key in 0..10_000 {
            let (before, after) = (ten.place(mix64(key)), nine.place(mix64(key)));
            match before {
                Some(9) => moved += 1,
                _ => assert_eq!(before, after, "key {key}"),
            }
        }
        assert!((700..1300).contains(&moved), "{moved} of 10,000 were its own");
    }

    #[test]
    fn shares_follow_weights() {
        let mut weighted = endpoints(3);
        weighted[0].1 = 3.0;
        let ring = Ring::new(&weighted, 400);
        let first = (0..20_000).filter(|&key| ring.place(mix64(key)) == Some(0)).count();
        assert!((11_000..13_000).contains(&first), "{first}: three fifths");
        assert_eq!(Ring::new(&[], 160).place(1), None);
    }

    #[test]
    fn bounded_loads_are_bounded() {
        let ring = Ring::new(&endpoints(10), 160);
        let mut in_flight = vec![0_u32; 10];
        for call in 1..=1000_u32 {
            // All ask for the same key.
            let place = ring.bounded_place(42, 1.25, (u64::from(call - 1), 10), |place| in_flight[place as usize]);
            let place = place.expect("a place");
            in_flight[place as usize] += 1;
            let most = (1.25 * f64::from(call) / 10.0).ceil() as u32;
            assert!(in_flight.iter().all(|&own| own <= most), "{in_flight:?} after {call}");
        }
        assert_eq!(in_flight[ring.place(42).expect("a place") as usize], 125);
    }
}
