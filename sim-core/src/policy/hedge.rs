//! When a call has taken so long that another copy of it is sent: after a percentile of what calls took (Dean and Barroso,
//! "The tail at scale", 2013: the 95th, so that one call in twenty is sent twice).

/// How many calls are remembered.
const MEMORY: usize = 1000;
/// After how many more the percentile is found anew.
const EVERY: u32 = 50;
/// Without so many calls nothing is known.
const LEAST: usize = 100;

/// A percentile of what the last thousand calls took, known after the first hundred and found anew every fifty.
#[derive(Debug, Clone, Default)]
pub struct Percentile {
    times: Vec<u64>,
    next: usize,
    since: u32,
    known: Option<u64>,
}

impl Percentile {
    /// A call has ended well, so long after its first copy was sent; `share` is the percentile, below 1.
    pub fn add(&mut self, share: f64, took_ns: u64) {
        if self.times.len() < MEMORY {
            self.times.push(took_ns);
        } else {
            self.times[self.next] = took_ns;
            self.next = (self.next + 1) % MEMORY;
        }
        self.since += 1;
        if self.times.len() >= LEAST && (self.since >= EVERY || self.known.is_none()) {
            self.since = 0;
            let mut sorted = self.times.clone();
            let rank = (share * sorted.len() as f64).ceil() as usize;
            let at = rank.clamp(1, sorted.len()) - 1;
            self.known = Some(*sorted.select_nth_unstable(at).1);
        }
    }

    /// The percentile, nanoseconds; `None`: too little is known.
    pub fn get(&self) -> Option<u64> {
        self.known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rng::mix64;

    fn against_the_sorted_thousand(calls: u64) {
        for share in [0.5, 0.95, 0.99] {
            let (mut percentile, mut all) = (Percentile::default(), Vec::new());
            let mut expected = None;
            for number in 0..calls {
                let took = mix64(number) % 1_000_000;
                percentile.add(share, took);
                all.push(took);
                if all.len() >= LEAST && (all.len() - LEAST).is_multiple_of(EVERY as usize) {
                    let mut last = all[all.len().saturating_sub(MEMORY)..].to_vec();
                    last.sort_unstable();
                    expected = Some(last[(share * last.len() as f64).ceil() as usize - 1]);
                }
                assert_eq!(percentile.get(), expected, "p{share} after {number}");
            }
        }
    }

    #[test]
    fn it_is_the_nearest_rank_of_the_last_thousand() {
        against_the_sorted_thousand(5_000);
    }

    #[test]
    #[ignore = "a million events"]
    fn it_is_the_nearest_rank_of_the_last_thousand_a_million_times() {
        against_the_sorted_thousand(1_000_000);
    }
}
