//! nginx's smooth weighted round robin.
//!
//! Follows nginx `src/http/ngx_http_upstream_round_robin.c`: at each pick every usable peer's current weight grows by
//! its effective weight, the largest is picked (the first of equals) and falls by the sum of all. An effective weight
//! that failures have lowered recovers by one at each pick.
//!
//! While weights stand still the picks repeat after (sum of weights ÷ their greatest common divisor): a cycle is written
//! down and then read, so that a pick takes the same time however many peers there are. After weights have moved, the next
//! cycle that ends as it began is written down anew.

/// The longest cycle that is written down.
const CYCLE_MAX: u64 = 1 << 16;

/// Smooth weighted round robin over peers 0, 1, 2, …
#[derive(Debug, Clone, Default)]
pub struct SmoothRoundRobin {
    weights: Vec<i64>,
    effective: Vec<i64>,
    current: Vec<i64>,
    /// Whether any effective weight may be below its weight.
    lowered: bool,
    /// The picks of a cycle, as far as written down, and the current weights that it began with.
    cycle: Vec<u32>,
    start: Vec<i64>,
    /// How long the cycle is; 0: it is not written down.
    length: usize,
    /// How many picks of the cycle have been read again; `current` is that of its start.
    read: usize,
    /// By peer, during a pick: all bits where it takes part, none elsewhere.
    takes_part: Vec<i64>,
}

impl SmoothRoundRobin {
    /// Peers with these weights; all start afresh.
    #[must_use]
    pub fn new(weights: &[u32]) -> Self {
        let weights: Vec<i64> = weights.iter().map(|weight| i64::from(*weight)).collect();
        Self {
            effective: weights.clone(),
            current: vec![0; weights.len()],
            length: cycle_length(&weights),
            weights,
            ..Self::default()
        }
    }

    /// Whether there are no peers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// Picks the next peer; none where there is none.
    #[inline]
    pub fn turn(&mut self) -> Option<usize> {
        if self.cycle.len() < self.length {
            return self.write_down();
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

    /// A pick that may belong to a cycle.
    fn write_down(&mut self) -> Option<usize> {
        if self.lowered {
            return self.step();
        }
        if self.cycle.is_empty() {
            self.start.clone_from(&self.current);
        }
        let picked = self.step()?;
        self.cycle.push(picked as u32);
        if self.cycle.len() == self.length && self.current != self.start {
            self.cycle.clear();
        }
        Some(picked)
    }

    /// A pick among all, peer by peer.
    fn step(&mut self) -> Option<usize> {
        for (current, effective) in self.current.iter_mut().zip(&self.effective) {
            *current += *effective;
        }
        let total: i64 = self.effective.iter().sum();
        if self.lowered {
            let mut short = 0;
            for (effective, weight) in self.effective.iter_mut().zip(&self.weights) {
                *effective += i64::from(*effective < *weight);
                short |= *weight - *effective;
            }
            self.lowered = short != 0;
        }
        let most = greatest(self.current.iter().copied())?;
        let picked = self.current.iter().position(|current| *current == most)?;
        self.current[picked] -= total;
        Some(picked)
    }

    /// Picks the next peer among those that are `usable`, by peer; none where none is.
    #[inline]
    pub fn pick(&mut self, usable: impl ExactSizeIterator<Item = bool>) -> Option<usize> {
        self.forget_cycle();
        self.takes_part.clear();
        self.takes_part.extend(usable.map(|usable| -i64::from(usable)));
        assert_eq!(self.takes_part.len(), self.weights.len(), "each peer is usable or not");
        let mut total = 0;
        for ((current, effective), part) in self.current.iter_mut().zip(&self.effective).zip(&self.takes_part) {
            *current += *effective & part;
            total += *effective & part;
        }
        if self.lowered {
            let mut short = 0;
            for ((effective, weight), part) in self.effective.iter_mut().zip(&self.weights).zip(&self.takes_part) {
                *effective += i64::from(*effective < *weight) & part;
                short |= *weight - *effective;
            }
            self.lowered = short != 0;
        }
        // Whoever does not take part is below all that do.
        let seen = |(current, part): (&i64, &i64)| (current & part) | (i64::MIN & !part);
        let most = greatest(self.current.iter().zip(&self.takes_part).map(seen)).filter(|most| *most > i64::MIN)?;
        let picked = self.current.iter().zip(&self.takes_part).position(|pair| seen(pair) == most)?;
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
            self.lowered = true;
            self.effective[peer] = (self.effective[peer] - self.weights[peer] / i64::from(max_fails)).max(0);
        }
    }

    /// A peer's effective and current weight, to go on with elsewhere.
    ///
    /// # Panics
    /// Where there is no such peer.
    #[must_use]
    pub fn state(&mut self, peer: usize) -> (i64, i64) {
        self.forget_cycle();
        (self.effective[peer], self.current[peer])
    }

    /// Goes on from a peer's effective and current weight.
    ///
    /// # Panics
    /// Where there is no such peer.
    pub fn restore(&mut self, peer: usize, (effective, current): (i64, i64)) {
        self.forget_cycle();
        self.lowered = true;
        (self.effective[peer], self.current[peer]) = (effective.min(self.weights[peer]), current);
    }

    /// The weights begin to move: what was written down no longer holds.
    fn forget_cycle(&mut self) {
        self.stop_reading();
        self.cycle.clear();
    }

    /// Brings `current` to where the reading is: each grew by its weight at each pick, and fell by the sum of all at its own.
    fn stop_reading(&mut self) {
        let read = std::mem::take(&mut self.read);
        if read > 0 {
            let total: i64 = self.weights.iter().sum();
            for (current, weight) in self.current.iter_mut().zip(&self.weights) {
                *current += weight * read as i64;
            }
            self.cycle[..read].iter().for_each(|picked| self.current[*picked as usize] -= total);
        }
    }
}

/// The greatest of some numbers; four at a time, since one after the other waits for each comparison.
#[inline(always)]
fn greatest(numbers: impl ExactSizeIterator<Item = i64>) -> Option<i64> {
    if numbers.len() == 0 {
        return None;
    }
    let mut most = [i64::MIN; 4];
    for (at, number) in numbers.enumerate() {
        most[at % 4] = most[at % 4].max(number);
    }
    most.into_iter().max()
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
        assert!((0..100).all(|_| robin.pick((0..3).map(|peer| peer != 1)) != Some(1)));
        assert_eq!(robin.pick((0..3).map(|_| false)), None);
    }

    /// nginx's loop as it stands there: (weight, effective, current) of each peer.
    fn nginx(peers: &mut [(i64, i64, i64)], usable: impl Fn(usize) -> bool) -> Option<usize> {
        let (mut best, mut total) = (None, 0);
        for at in (0..peers.len()).filter(|at| usable(*at)) {
            let (weight, effective, current) = &mut peers[at];
            *current += *effective;
            total += *effective;
            *effective += i64::from(*effective < *weight);
            let current = *current;
            if best.is_none_or(|(_, most)| current > most) {
                best = Some((at, current));
            }
        }
        let (picked, _) = best?;
        peers[picked].2 -= total;
        Some(picked)
    }

    /// Each pick is nginx's own, whatever happens to weights in between, and whoever is left out.
    fn against_nginx(rounds: u64, steps: u64) {
        use crate::engine::rng::mix64;
        let mut read = 0;
        for round in 0..rounds {
            let count = 1 + mix64(round) as usize % 12;
            let weights: Vec<u32> = (0..count as u64).map(|n| (mix64(round << 8 | n) % 6) as u32).collect();
            let mut fast = SmoothRoundRobin::new(&weights);
            let mut slow: Vec<_> = weights.iter().map(|&weight| (i64::from(weight), i64::from(weight), 0)).collect();
            for step in 0..steps {
                let bits = mix64(round << 32 | step);
                let peer = (bits >> 20) as usize % count;
                if round % 3 > 0 && bits.is_multiple_of(97) {
                    let max_fails = 1 + (bits >> 40) % 3;
                    fast.fail(peer, max_fails as u32);
                    slow[peer].1 = (slow[peer].1 - slow[peer].0 / max_fails as i64).max(0);
                }
                if round % 3 > 1 && bits.is_multiple_of(101) {
                    // The list is made anew: one begins again, the others go on.
                    let mut new = SmoothRoundRobin::new(&weights);
                    (0..count).filter(|at| *at != peer).for_each(|at| new.restore(at, fast.state(at)));
                    fast = new;
                    (slow[peer].1, slow[peer].2) = (slow[peer].0, 0);
                }
                let left_out = if round % 4 == 3 && step / 200 % 2 == 1 { bits >> 8 } else { 0 };
                let usable = |at: usize| left_out >> at & 1 == 0;
                let picked = if left_out == 0 { fast.turn() } else { fast.pick((0..count).map(usable)) };
                assert_eq!(picked, nginx(&mut slow, usable), "{weights:?} at {step} of round {round}");
                read += u64::from(fast.read > 0);
            }
        }
        assert!(read > rounds * steps / 4, "{read} of {} were read from a cycle", rounds * steps);
    }

    #[test]
    fn each_pick_is_that_of_nginx() {
        against_nginx(60, 400);
    }

    #[test]
    #[ignore = "a million events"]
    fn each_pick_is_that_of_nginx_a_million_times() {
        against_nginx(600, 2_000);
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
