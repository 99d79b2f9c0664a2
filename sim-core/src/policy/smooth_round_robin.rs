//! nginx's smooth weighted round robin.
//!
//! Follows nginx `src/http/ngx_http_upstream_round_robin.c`: at each pick every usable peer's current weight grows by
//! its effective weight, the largest is picked (the first of equals) and falls by the sum of all. An effective weight
//! that failures have lowered recovers by one at each pick.
//!
//! While weights stand still the picks repeat after (sum of weights ÷ their greatest common divisor): the first cycle is
//! written down and then read, so that a pick takes the same time however many peers there are.

/// The longest cycle that is written down.
const CYCLE_MAX: u64 = 1 << 16;

/// Smooth weighted round robin over peers 0, 1, 2, …
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SmoothRoundRobin {
    weights: Vec<i64>,
    effective: Vec<i64>,
    current: Vec<i64>,
    /// The picks since all stood at zero, as far as written down.
    cycle: Vec<u32>,
    /// How long the cycle is; 0: it is not written down.
    length: usize,
    /// How many picks of the cycle have been read again; `current` is that of its start.
    read: usize,
}

impl SmoothRoundRobin {
    /// Peers with these weights; all start afresh.
    #[must_use]
    pub fn new(weights: &[u32]) -> Self {
        let mut robin = Self::default();
        weights.iter().for_each(|weight| robin.push(*weight));
        robin
    }

    /// Adds a peer at the end.
    pub fn push(&mut self, weight: u32) {
        self.stop_reading();
        let fresh = self.current.iter().all(|current| *current == 0);
        self.weights.push(i64::from(weight));
        self.effective.push(i64::from(weight));
        self.current.push(0);
        self.length = if fresh { cycle_length(&self.weights) } else { 0 };
        self.cycle.clear();
    }

    /// How many peers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// Changes a peer's weight; its effective weight starts afresh.
    ///
    /// # Panics
    /// Where there is no such peer.
    pub fn set_weight(&mut self, peer: usize, weight: u32) {
        self.forget_cycle();
        (self.weights[peer], self.effective[peer]) = (i64::from(weight), i64::from(weight));
    }

    /// Picks the next peer; none where there is none.
    #[inline]
    pub fn turn(&mut self) -> Option<usize> {
        if self.cycle.len() < self.length {
            let picked = self.step()?;
            self.cycle.push(picked as u32);
            return Some(picked);
        }
        if self.length == 0 {
            return self.step();
        }
        let picked = self.cycle[self.read];
        self.read += 1;
        if self.read == self.length {
            self.read = 0;
        }
        Some(picked as usize)
    }

    /// A pick among all, peer by peer.
    fn step(&mut self) -> Option<usize> {
        for (current, effective) in self.current.iter_mut().zip(&self.effective) {
            *current += *effective;
        }
        let total: i64 = self.effective.iter().sum();
        for (effective, weight) in self.effective.iter_mut().zip(&self.weights) {
            *effective += i64::from(*effective < *weight);
        }
        let most = self.current.iter().copied().max()?;
        let picked = self.current.iter().position(|current| *current == most)?;
        self.current[picked] -= total;
        Some(picked)
    }

    /// Picks the next peer among those that are `usable`; none where none is.
    #[inline]
    pub fn pick(&mut self, usable: impl Fn(usize) -> bool) -> Option<usize> {
        self.forget_cycle();
        let mut best: Option<(usize, i64)> = None;
        let mut total = 0;
        for at in 0..self.weights.len() {
            if !usable(at) {
                continue;
            }
            self.current[at] += self.effective[at];
            total += self.effective[at];
            if self.effective[at] < self.weights[at] {
                self.effective[at] += 1;
            }
            if best.is_none_or(|(_, most)| self.current[at] > most) {
                best = Some((at, self.current[at]));
            }
        }
        let (picked, _) = best?;
        self.current[picked] -= total;
        Some(picked)
    }

    /// A failure of a peer: its effective weight falls by weight ÷ `max_fails` (whole numbers, not below 0).
    ///
    /// # Panics
    /// Where there is no such peer.
    pub fn fail(&mut self, peer: usize, max_fails: u32) {
        if max_fails > 0 {
            self.forget_cycle();
            self.effective[peer] = (self.effective[peer] - self.weights[peer] / i64::from(max_fails)).max(0);
        }
    }

    /// A peer's effective and current weight, to go on with elsewhere.
    ///
    /// # Panics
    /// Where there is no such peer.
    #[must_use]
    pub fn state(&mut self, peer: usize) -> (i64, i64) {
        self.stop_reading();
        (self.effective[peer], self.current[peer])
    }

    /// Goes on from a peer's effective and current weight.
    ///
    /// # Panics
    /// Where there is no such peer.
    pub fn restore(&mut self, peer: usize, (effective, current): (i64, i64)) {
        self.forget_cycle();
        (self.effective[peer], self.current[peer]) = (effective.min(self.weights[peer]), current);
    }

    /// The weights begin to move: picks are made one by one from here on.
    fn forget_cycle(&mut self) {
        if self.length > 0 {
            self.stop_reading();
            self.length = 0;
            self.cycle = Vec::new();
        }
    }

    /// Brings `current` to where the reading is.
    fn stop_reading(&mut self) {
        for _ in 0..std::mem::take(&mut self.read) {
            self.step();
        }
        // What has been read is written once more.
        if self.cycle.len() == self.length {
            self.length = 0;
            self.cycle.clear();
        }
    }
}

/// After how many picks they repeat; 0: after too many.
fn cycle_length(weights: &[i64]) -> usize {
    let (mut sum, mut divisor) = (0_u64, 0_u64);
    for &weight in weights {
        let (mut a, mut b) = (weight as u64, divisor);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        divisor = a;
        sum += weight as u64;
    }
    if divisor == 0 || sum / divisor > CYCLE_MAX { 0 } else { (sum / divisor) as usize }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(robin: &mut SmoothRoundRobin, count: usize) -> String {
        let letter = |peer: Option<usize>| peer.map_or('-', |peer| char::from(b'a' + peer as u8));
        (0..count).map(|_| letter(robin.turn())).collect()
    }

    #[test]
    fn golden_sequences() {
        for (weights, expected) in [
            (&[5, 1, 1][..], "aabacaaaabacaa"),
            (&[4, 2, 1], "abacabaabacaba"),
            (&[3, 1], "aabaaaba"),
            (&[1, 1, 1], "abcabc"),
            (&[1], "aaa"),
            (&[], "--"),
        ] {
            assert_eq!(picks(&mut SmoothRoundRobin::new(weights), expected.len()), expected, "{weights:?}");
        }
    }

    #[test]
    fn failures_lower_a_peer_and_picks_restore_it() {
        let mut robin = SmoothRoundRobin::new(&[4, 4]);
        robin.fail(0, 1);
        assert_eq!(robin.effective[0], 0);
        let sequence = picks(&mut robin, 40);
        assert!(sequence.starts_with("bba"), "{sequence}");
        assert_eq!(robin.effective[0], 4);
        assert!(sequence.ends_with("baba") || sequence.ends_with("abab"), "{sequence}");
        robin.fail(0, 3);
        assert_eq!(robin.effective[0], 3);
    }

    #[test]
    fn unusable_peers_are_left_out_and_shares_are_exact() {
        let mut robin = SmoothRoundRobin::new(&[5, 3, 2]);
        let mut counts = [0; 3];
        (0..1_000).for_each(|_| counts[robin.turn().expect("a peer")] += 1);
        assert_eq!(counts, [500, 300, 200]);
        assert!((0..100).all(|_| robin.pick(|peer| peer != 1) != Some(1)));
        assert_eq!(robin.pick(|_| false), None);
    }

    /// Each pick is nginx's own, peer by peer, whatever happens to weights in between.
    #[test]
    fn reading_the_cycle_changes_nothing() {
        use crate::engine::rng::mix64;
        for round in 0..60_u64 {
            let count = 1 + mix64(round) as usize % 6;
            let weights: Vec<u32> = (0..count as u64).map(|n| (mix64(round << 8 | n) % 6) as u32 + 1).collect();
            let (mut fast, mut slow) = (SmoothRoundRobin::new(&weights), SmoothRoundRobin::new(&weights));
            for step in 0..400_u64 {
                let bits = mix64(round << 32 | step);
                if round % 3 > 0 && bits.is_multiple_of(97) {
                    let peer = (bits >> 20) as usize % count;
                    fast.fail(peer, 2);
                    slow.fail(peer, 2);
                }
                assert_eq!(fast.turn(), slow.pick(|_| true), "{weights:?} at {step}");
            }
        }
    }

    #[test]
    fn effective_weights_move_with_failures() {
        // nginx: a failure with max_fails=1 takes the whole weight, which comes back by one at each pick.
        let mut robin = SmoothRoundRobin::new(&[5, 1, 1]);
        assert_eq!(picks(&mut robin, 2), "aa");
        robin.fail(0, 1);
        let mut effective = Vec::new();
        for _ in 0..6 {
            robin.turn();
            effective.push(robin.effective[0]);
        }
        assert_eq!(effective, [1, 2, 3, 4, 5, 5]);
        robin.fail(0, 2);
        assert_eq!(robin.effective[0], 3, "5 − 5 ÷ 2");
    }
}
