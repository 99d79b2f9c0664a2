//! Active checks: a balancer asks each endpoint at intervals whether it is well.
//!
//! Follows AWS Application Load Balancer: so many failures in a row make a target unhealthy, so many successes in a row
//! healthy again; a target that was just registered needs a single success. Source: Elastic Load Balancing user guide,
//! "Health checks for your target groups".

/// How many in a row change the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Active {
    /// Successes that make it healthy again.
    pub healthy: u32,
    /// Failures that make it unhealthy.
    pub unhealthy: u32,
}

/// The verdict on an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verdict {
    /// Just registered: it gets no calls before its first success.
    Initial,
    /// It gets calls.
    #[default]
    Healthy,
    /// It gets none.
    Unhealthy,
}

/// What the checks of an endpoint have found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checks {
    verdict: Verdict,
    /// How many in a row spoke against the verdict.
    against: u32,
}

impl Checks {
    /// Of one that was just registered.
    #[must_use]
    pub fn registered() -> Self {
        Self { verdict: Verdict::Initial, against: 0 }
    }

    /// Whether it gets calls.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.verdict == Verdict::Healthy
    }

    /// A check has ended; true when the verdict is another now.
    pub fn checked(&mut self, limits: Active, passed: bool) -> bool {
        let (is_against, most, other) = match self.verdict {
            Verdict::Initial => (true, if passed { 1 } else { limits.unhealthy }, passed),
            Verdict::Healthy => (!passed, limits.unhealthy, false),
            Verdict::Unhealthy => (passed, limits.healthy, true),
        };
        self.against = if is_against { self.against + 1 } else { 0 };
        if self.against < most {
            return false;
        }
        self.against = 0;
        self.verdict = if other { Verdict::Healthy } else { Verdict::Unhealthy };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::draws::Draws;

    /// `+` a check that passed, `-` one that did not; and whether calls go there afterwards.
    #[test]
    fn so_many_in_a_row() {
        let limits = Active { healthy: 5, unhealthy: 2 };
        for (start, checks, expected) in [
            (Checks::default(), "-+--", "yyyn"),
            (Checks::default(), "--++++-+++++", "ynnnnnnnnnny"),
            (Checks::registered(), "+", "y"),
            (Checks::registered(), "-+", "ny"),
            (Checks::registered(), "--++++ +", "nnnnnn y"),
        ] {
            let mut state = start;
            let mut verdicts = String::new();
            for check in checks.chars() {
                if check == ' ' {
                    verdicts.push(' ');
                    continue;
                }
                state.checked(limits, check == '+');
                verdicts.push(if state.is_healthy() { 'y' } else { 'n' });
            }
            assert_eq!(verdicts, expected, "{checks}");
        }
    }

    fn against_all_checks(rounds: u64) {
        for round in 0..rounds {
            let mut draws = Draws::new(round);
            let limits = Active { healthy: 1 + draws.below(5) as u32, unhealthy: 1 + draws.below(5) as u32 };
            let mut fast = if round % 2 == 0 { Checks::registered() } else { Checks::default() };
            // All checks since the verdict is what it is.
            let (mut verdict, mut since) = (fast.verdict, Vec::new());
            for _ in 0..1_000 {
                let passed = draws.below(3) > 0;
                since.push(passed);
                let in_a_row = |passed: bool| since.iter().rev().take_while(|&&other| other == passed).count() as u32;
                let next = match verdict {
                    Verdict::Initial if passed => Verdict::Healthy,
                    Verdict::Initial | Verdict::Healthy if in_a_row(false) >= limits.unhealthy => Verdict::Unhealthy,
                    Verdict::Unhealthy if in_a_row(true) >= limits.healthy => Verdict::Healthy,
                    same => same,
                };
                assert_eq!(fast.checked(limits, passed), next != verdict, "{limits:?} {since:?}");
                if next != verdict {
                    (verdict, since) = (next, Vec::new());
                }
                assert_eq!(fast.is_healthy(), verdict == Verdict::Healthy);
            }
        }
    }

    #[test]
    fn verdicts_are_those_of_all_checks_since_the_last() {
        against_all_checks(20);
    }

    #[test]
    #[ignore = "a million events"]
    fn verdicts_are_those_of_all_checks_since_the_last_a_million_times() {
        against_all_checks(1_000);
    }
}
