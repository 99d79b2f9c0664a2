//! nginx's smooth weighted round robin.
//!
//! Follows nginx `src/http/ngx_http_upstream_round_robin.c`: at each pick every usable peer's current weight grows by
//! its effective weight, the largest is picked (the first of equals) and falls by the sum of all. An effective weight
//! that failures have lowered recovers by one at each pick.

/// A peer with its weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Peer {
    weight: i64,
    effective: i64,
    current: i64,
}

/// Smooth weighted round robin over peers 0, 1, 2, …
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SmoothRoundRobin {
    peers: Vec<Peer>,
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
        self.peers.push(Peer { weight: i64::from(weight), effective: i64::from(weight), current: 0 });
    }

    /// How many peers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// Changes a peer's weight; its effective weight starts afresh.
    ///
    /// # Panics
    /// Where there is no such peer.
    pub fn set_weight(&mut self, peer: usize, weight: u32) {
        let peer = &mut self.peers[peer];
        (peer.weight, peer.effective) = (i64::from(weight), i64::from(weight));
    }

    /// Picks the next peer among those that are `usable`; none where none is.
    #[inline]
    pub fn pick(&mut self, usable: impl Fn(usize) -> bool) -> Option<usize> {
        let mut best: Option<(usize, i64)> = None;
        let mut total = 0;
        for (at, peer) in self.peers.iter_mut().enumerate() {
            if !usable(at) {
                continue;
            }
            peer.current += peer.effective;
            total += peer.effective;
            if peer.effective < peer.weight {
                peer.effective += 1;
            }
            if best.is_none_or(|(_, most)| peer.current > most) {
                best = Some((at, peer.current));
            }
        }
        let (picked, _) = best?;
        self.peers[picked].current -= total;
        Some(picked)
    }

    /// A failure of a peer: its effective weight falls by weight ÷ `max_fails` (whole numbers, not below 0).
    ///
    /// # Panics
    /// Where there is no such peer.
    pub fn fail(&mut self, peer: usize, max_fails: u32) {
        let peer = &mut self.peers[peer];
        if max_fails > 0 {
            peer.effective = (peer.effective - peer.weight / i64::from(max_fails)).max(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(robin: &mut SmoothRoundRobin, count: usize) -> String {
        let letter = |peer: Option<usize>| peer.map_or('-', |peer| char::from(b'a' + peer as u8));
        (0..count).map(|_| letter(robin.pick(|_| true))).collect()
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
        assert_eq!(robin.peers[0].effective, 0);
        let sequence = picks(&mut robin, 40);
        assert!(sequence.starts_with("bba"), "{sequence}");
        assert_eq!(robin.peers[0].effective, 4);
        assert!(sequence.ends_with("baba") || sequence.ends_with("abab"), "{sequence}");
        robin.fail(0, 3);
        assert_eq!(robin.peers[0].effective, 3);
    }

    #[test]
    fn unusable_peers_are_left_out_and_shares_are_exact() {
        let mut robin = SmoothRoundRobin::new(&[5, 3, 2]);
        let mut counts = [0; 3];
        (0..1_000).for_each(|_| counts[robin.pick(|_| true).expect("a peer")] += 1);
        assert_eq!(counts, [500, 300, 200]);
        assert!((0..100).all(|_| robin.pick(|peer| peer != 1) != Some(1)));
        assert_eq!(robin.pick(|_| false), None);
    }
}
