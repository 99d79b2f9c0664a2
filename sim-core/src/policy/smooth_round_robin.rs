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

/// So many peers are looked at together.
const LANES: usize = 4;

/// Numbers of peers, in rows; whole ones below 2^53, which floats hold exactly and processors compare several at a time.
type Lanes = Vec<[f64; LANES]>;

/// Smooth weighted round robin over peers 0, 1, 2, …
#[derive(Debug, Clone, Default)]
pub struct SmoothRoundRobin {
    count: usize,
    weights: Lanes,
    effective: Lanes,
    /// −∞ in the places behind the last peer, so that none of these is the largest.
    current: Lanes,
    /// The sum of effective weights.
    total: f64,
    /// The peers whose effective weight is below their weight.
    lowered: Vec<u32>,
    /// The picks of a cycle, as far as written down, and the current weights that it began with.
    cycle: Vec<u32>,
    start: Lanes,
    /// How long the cycle is; 0: it is not written down.
    length: usize,
    /// How many picks of the cycle have been read again; `current` is that of its start.
    read: usize,
    /// During a pick: no bits for whoever takes part, else all: with these a number is none.
    out: Vec<[u64; LANES]>,
}

impl SmoothRoundRobin {
    /// Peers with these weights; all start afresh.
    #[must_use]
    pub fn new(weights: &[u32]) -> Self {
        let rows = weights.len().div_ceil(LANES);
        let mut robin = Self {
            count: weights.len(),
            weights: vec![[0.0; LANES]; rows],
            current: vec![[f64::NEG_INFINITY; LANES]; rows],
            total: weights.iter().map(|weight| f64::from(*weight)).sum(),
            length: cycle_length(weights),
            ..Self::default()
        };
        for (peer, weight) in weights.iter().enumerate() {
            robin.weights.as_flattened_mut()[peer] = f64::from(*weight);
            robin.current.as_flattened_mut()[peer] = 0.0;
        }
        robin.effective.clone_from(&robin.weights);
        robin
    }

    /// Whether there are no peers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
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
        if !self.lowered.is_empty() {
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
        let mut most = [f64::NEG_INFINITY; LANES];
        for (current, effective) in self.current.iter_mut().zip(&self.effective) {
            for lane in 0..LANES {
                current[lane] += effective[lane];
                most[lane] = greater(most[lane], current[lane]);
            }
        }
        let total = self.total;
        self.recover(|_| true);
        let most = most.into_iter().fold(f64::NEG_INFINITY, greater);
        let row = self.current.iter().position(|row| any(row.map(|current| current == most)))?;
        let lane = self.current[row].iter().position(|current| *current == most)?;
        self.current[row][lane] -= total;
        Some(row * LANES + lane)
    }

    /// The effective weights of peers that take part and are below their weights rise by one.
    fn recover(&mut self, takes_part: impl Fn(usize) -> bool) {
        let weights = self.weights.as_flattened();
        let effective = self.effective.as_flattened_mut();
        let total = &mut self.total;
        self.lowered.retain(|peer| {
            let peer = *peer as usize;
            if takes_part(peer) {
                effective[peer] += 1.0;
                *total += 1.0;
            }
            effective[peer] < weights[peer]
        });
    }

    /// Picks the next peer among those that are `usable`, by peer; none where none is.
    ///
    /// # Panics
    /// Where it says of fewer or of more peers than there are.
    #[inline]
    pub fn pick(&mut self, usable: impl ExactSizeIterator<Item = bool>) -> Option<usize> {
        self.forget_cycle();
        assert_eq!(usable.len(), self.count, "each peer is usable or not");
        let mut out = std::mem::take(&mut self.out);
        out.resize(self.weights.len(), [u64::MAX; LANES]);
        for (out, usable) in out.as_flattened_mut().iter_mut().zip(usable) {
            *out = if usable { 0 } else { u64::MAX };
        }
        let picked = self.pick_but(&out);
        self.out = out;
        picked
    }

    fn pick_but(&mut self, out: &[[u64; LANES]]) -> Option<usize> {
        let mut total = [0.0; LANES];
        for ((current, effective), out) in self.current.iter_mut().zip(&self.effective).zip(out) {
            for lane in 0..LANES {
                let grows = f64::from_bits(effective[lane].to_bits() & !out[lane]);
                current[lane] += grows;
                total[lane] += grows;
            }
        }
        // In a loop of its own it is one instruction for two of them.
        let mut most = [f64::NEG_INFINITY; LANES];
        for (current, out) in self.current.iter().zip(out) {
            for lane in 0..LANES {
                most[lane] = greater(most[lane], number(current[lane], out[lane]));
            }
        }
        self.recover(|peer| out.as_flattened()[peer] == 0);
        let most = most.into_iter().fold(f64::NEG_INFINITY, greater);
        if most == f64::NEG_INFINITY {
            return None;
        }
        let is_most = |row: usize| -> [bool; LANES] {
            std::array::from_fn(|lane| number(self.current[row][lane], out[row][lane]) == most)
        };
        let row = (0..out.len()).position(|row| any(is_most(row)))?;
        let lane = is_most(row).into_iter().position(|is_most| is_most)?;
        self.current[row][lane] -= total.iter().sum::<f64>();
        Some(row * LANES + lane)
    }

    /// A failure of a peer: its effective weight falls by weight ÷ `max_fails` (whole numbers, not below 0).
    ///
    /// # Panics
    /// Where there is no such peer.
    pub fn fail(&mut self, peer: usize, max_fails: u32) {
        if max_fails > 0 {
            self.forget_cycle();
            let fall = (self.weights.as_flattened()[peer] / f64::from(max_fails)).floor();
            let effective = self.effective.as_flattened()[peer];
            self.set_effective(peer, (effective - fall).max(0.0));
        }
    }

    /// A peer's effective and current weight, to go on with elsewhere.
    ///
    /// # Panics
    /// Where there is no such peer.
    #[must_use]
    pub fn state(&mut self, peer: usize) -> (f64, f64) {
        self.forget_cycle();
        (self.effective.as_flattened()[peer], self.current.as_flattened()[peer])
    }

    /// Goes on from a peer's effective and current weight.
    ///
    /// # Panics
    /// Where there is no such peer.
    pub fn restore(&mut self, peer: usize, (effective, current): (f64, f64)) {
        self.forget_cycle();
        self.set_effective(peer, effective.min(self.weights.as_flattened()[peer]));
        self.current.as_flattened_mut()[peer] = current;
    }

    fn set_effective(&mut self, peer: usize, effective: f64) {
        let weight = self.weights.as_flattened()[peer];
        let old = std::mem::replace(&mut self.effective.as_flattened_mut()[peer], effective);
        self.total += effective - old;
        if effective < weight && old == weight {
            self.lowered.push(peer as u32);
        }
    }

    /// The weights begin to move: what was written down no longer holds.
    fn forget_cycle(&mut self) {
        self.stop_reading();
        self.cycle.clear();
    }

    /// Brings `current` to where the reading is: each grew by its weight at each pick, and fell by the sum of all at its own.
    fn stop_reading(&mut self) {
        let read = std::mem::take(&mut self.read);
        if read == 0 {
            return;
        }
        let mut picks = vec![0_i64; self.count];
        self.cycle[..read].iter().for_each(|picked| picks[*picked as usize] += 1);
        let weights = self.weights.as_flattened().iter();
        for ((current, weight), picks) in self.current.as_flattened_mut().iter_mut().zip(weights).zip(picks) {
            // On the way it may be more than a float holds exactly.
            *current += (*weight as i64 * read as i64 - self.total as i64 * picks) as f64;
        }
    }
}

/// The greater of two numbers, as one instruction.
#[inline(always)]
fn greater(one: f64, other: f64) -> f64 {
    if other > one { other } else { one }
}

/// A number without `out`, else none, which is neither greater than another nor equal to it.
#[inline(always)]
fn number(of: f64, out: u64) -> f64 {
    of + f64::from_bits(out)
}

/// Whether any is true, without a branch for each.
#[inline(always)]
fn any(of: [bool; LANES]) -> bool {
    of.into_iter().fold(false, |any, one| any | one)
}

/// After how many picks they repeat; 0: after too many.
fn cycle_length(weights: &[u32]) -> usize {
    let (mut sum, mut divisor) = (0_u64, 0_u64);
    for &weight in weights {
        let (mut a, mut b) = (u64::from(weight), divisor);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        divisor = a;
        sum += u64::from(weight);
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
        assert_eq!(robin.effective[0][0], 0.0);
        let sequence = picks(&mut robin, 40);
        assert!(sequence.starts_with("bba"), "{sequence}");
        assert_eq!(robin.effective[0][0], 4.0);
        assert!(sequence.ends_with("baba") || sequence.ends_with("abab"), "{sequence}");
        robin.fail(0, 3);
        assert_eq!(robin.effective[0][0], 3.0);
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
            effective.push(robin.effective[0][0]);
        }
        assert_eq!(effective, [1.0, 2.0, 3.0, 4.0, 5.0, 5.0]);
        robin.fail(0, 2);
        assert_eq!(robin.effective[0][0], 3.0, "5 − 5 ÷ 2");
    }
}
