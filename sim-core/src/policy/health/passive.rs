//! nginx's passive checks: `max_fails` and `fail_timeout`.
//!
//! Follows nginx `src/http/ngx_http_upstream_round_robin.c`. The clock is whole seconds. A failure adds to `fails`; with
//! `max_fails` of them a peer is left out until more than `fail_timeout` has passed since it was last looked at. Then one
//! call goes there and looks (which puts the next look off again); only a success after such a look clears `fails`: it is
//! no sliding window.

/// The limits of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passive {
    /// How many failures make it be left out; 0: it never is.
    pub max_fails: u32,
    /// For how long, whole seconds.
    pub fail_timeout_s: i64,
}

/// What is known of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Peer {
    fails: u32,
    accessed_s: i64,
    checked_s: i64,
}

impl Peer {
    /// Whether calls may go there now.
    #[must_use]
    pub fn is_usable(&self, limits: Passive, now_s: i64) -> bool {
        !(limits.max_fails > 0 && self.fails >= limits.max_fails && now_s - self.checked_s <= limits.fail_timeout_s)
    }

    /// The first second in which calls may go there, where they may not now.
    #[must_use]
    pub fn usable_from_s(&self, limits: Passive) -> i64 {
        self.checked_s + limits.fail_timeout_s + 1
    }

    /// A call goes there.
    pub fn picked(&mut self, limits: Passive, now_s: i64) {
        if now_s - self.checked_s > limits.fail_timeout_s {
            self.checked_s = now_s;
        }
    }

    /// A call failed there; true when this leaves the peer out.
    pub fn failed(&mut self, limits: Passive, now_s: i64) -> bool {
        self.fails += 1;
        self.accessed_s = now_s;
        self.checked_s = now_s;
        limits.max_fails > 0 && self.fails >= limits.max_fails
    }

    /// A call succeeded there; true when this clears failures.
    pub fn succeeded(&mut self) -> bool {
        if self.accessed_s < self.checked_s && self.fails > 0 {
            self.fails = 0;
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::draws::Draws;

    const LIMITS: Passive = Passive { max_fails: 3, fail_timeout_s: 30 };

    /// What happens to a peer, second by second: p(icked), f(ailed), s(ucceeded); and whether it is usable then.
    #[test]
    fn golden_trace() {
        let mut peer = Peer { checked_s: -1000, accessed_s: -1000, fails: 0 };
        for (at, what, usable) in [
            (0, 'p', true),
            (0, 'f', true),
            (5, 'f', true),
            // A success without a look since the failure clears nothing.
            (6, 's', true),
            (7, 'f', false),
            (37, ' ', false),
            // More than 30 s after the last failure: one call may look, and the next one not.
            (38, ' ', true),
            (38, 'p', false),
            (68, ' ', false),
            // The look failed: out for another 30 s.
            (40, 'f', false),
            (70, ' ', false),
            (71, ' ', true),
            (71, 'p', false),
            // The look succeeded: in again.
            (72, 's', true),
            (72, 'f', true),
        ] {
            match what {
                'p' => peer.picked(LIMITS, at),
                'f' => _ = peer.failed(LIMITS, at),
                's' => _ = peer.succeeded(),
                _ => {}
            }
            assert_eq!(peer.is_usable(LIMITS, at), usable, "{what} at {at}: {peer:?}");
        }
    }

    #[test]
    fn without_a_limit_nobody_is_left_out() {
        let mut peer = Peer::default();
        let limits = Passive { max_fails: 0, fail_timeout_s: 10 };
        for _ in 0..100 {
            assert!(!peer.failed(limits, 5) && peer.is_usable(limits, 5));
        }
    }

    #[test]
    fn failures_far_apart_add_up() {
        // No window: a failure a day makes three in three days.
        let mut peer = Peer::default();
        let day = 86_400;
        assert!(!peer.failed(LIMITS, day) && !peer.failed(LIMITS, 2 * day) && peer.failed(LIMITS, 3 * day));
        assert_eq!(peer.usable_from_s(LIMITS), 3 * day + 31);
    }

    /// The same from a list of all that happened: what it was, and when.
    struct Twin(Vec<(char, i64)>);

    impl Twin {
        /// When the peer was last looked at: at a failure, or by a call after the time-out.
        fn checked(&self, limits: Passive, upto: usize) -> i64 {
            let mut checked = 0;
            for &(what, at) in &self.0[..upto] {
                if what == 'f' || (what == 'p' && at - checked > limits.fail_timeout_s) {
                    checked = at;
                }
            }
            checked
        }

        /// Failures since the last success that came after a look later than the last failure.
        fn fails(&self, limits: Passive) -> usize {
            let mut fails = 0;
            let mut last = 0;
            for (number, &(what, at)) in self.0.iter().enumerate() {
                if what == 'f' {
                    (fails, last) = (fails + 1, at);
                } else if what == 's' && last < self.checked(limits, number) {
                    fails = 0;
                }
            }
            fails
        }

        fn is_usable(&self, limits: Passive, now: i64) -> bool {
            let failed = limits.max_fails > 0 && self.fails(limits) >= limits.max_fails as usize;
            !failed || now > self.checked(limits, self.0.len()) + limits.fail_timeout_s
        }
    }

    fn against_the_list(rounds: u64) {
        for round in 0..rounds {
            let mut draws = Draws::new(round);
            let limits = Passive { max_fails: draws.below(4) as u32, fail_timeout_s: draws.below(6) as i64 };
            let (mut fast, mut twin, mut now) = (Peer::default(), Twin(Vec::new()), 0);
            for _ in 0..25 {
                now += draws.of(&[0, 0, 1, 1, 2, 7]);
                let what = draws.of(&['p', 'f', 's']);
                let fails = twin.fails(limits);
                twin.0.push((what, now));
                match what {
                    'p' => fast.picked(limits, now),
                    'f' => {
                        let out = limits.max_fails > 0 && twin.fails(limits) >= limits.max_fails as usize;
                        assert_eq!(fast.failed(limits, now), out, "{limits:?} {:?}", twin.0);
                    }
                    _ => assert_eq!(fast.succeeded(), fails > 0 && twin.fails(limits) == 0, "{limits:?} {:?}", twin.0),
                }
                for later in 0..10 {
                    let usable = twin.is_usable(limits, now + later);
                    assert_eq!(fast.is_usable(limits, now + later), usable, "{limits:?} {:?}", twin.0);
                    assert!(usable || fast.usable_from_s(limits) > now + later);
                    assert!(!twin.is_usable(limits, now) || limits.max_fails == 0 || usable);
                }
            }
        }
    }

    #[test]
    fn peers_are_used_as_a_list_of_all_that_happened_says() {
        against_the_list(200);
    }

    #[test]
    #[ignore = "a million events"]
    fn peers_are_used_as_a_list_of_all_that_happened_says_a_million_times() {
        against_the_list(40_000);
    }
}
