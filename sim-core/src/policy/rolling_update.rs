//! Rolling updates: how many new replicas start and how many old ones end.
//!
//! Follows kubernetes/kubernetes `pkg/controller/deployment/rolling.go` and `util.ResolveFenceposts`: a surge in percent is
//! rounded up, what may be unavailable is rounded down, and where both come to nothing one may be unavailable. New replicas
//! start up to desired + surge of all; old ones that are not ready end first, then ready ones as long as desired − unavailable
//! stay ready.

/// How fast replicas are replaced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// How many there may be beyond the desired ones.
    pub surge: Amount,
    /// How many of the desired ones may be unavailable.
    pub unavailable: Amount,
}

/// A number of replicas, or a share of those that are desired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// So many.
    Count(u32),
    /// This share.
    Share(f64),
}

/// The replicas of a deployment; leaving ones are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replicas {
    /// Old ones that are ready.
    pub old_ready: u32,
    /// Old ones that are not.
    pub old_unready: u32,
    /// New ones that are ready.
    pub new_ready: u32,
    /// New ones that are not.
    pub new_unready: u32,
}

/// What is to happen now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turn {
    /// New ones that start.
    pub start: u32,
    /// Old ones that are not ready and end.
    pub end_unready: u32,
    /// Old ones that are ready and end.
    pub end_ready: u32,
}

/// Surge and unavailable as counts.
#[must_use]
pub fn fenceposts(desired: u32, pace: Pace) -> (u32, u32) {
    let of = |amount: Amount, round: fn(f64) -> f64| match amount {
        Amount::Count(count) => count,
        Amount::Share(share) => round((share * f64::from(desired) * 1e6).round() / 1e6) as u32,
    };
    let (surge, unavailable) = (of(pace.surge, f64::ceil), of(pace.unavailable, f64::floor));
    (surge, if surge == 0 && unavailable == 0 { 1 } else { unavailable })
}

/// What happens next.
#[must_use]
pub fn next(desired: u32, pace: Pace, now: Replicas) -> Turn {
    let (surge, unavailable) = fenceposts(desired, pace);
    let new = now.new_ready + now.new_unready;
    let all = new + now.old_ready + now.old_unready;
    let start = desired.saturating_sub(new).min((desired + surge).saturating_sub(all));
    if start > 0 {
        return Turn { start, ..Turn::default() };
    }
    let least = desired.saturating_sub(unavailable);
    let may_end = all.saturating_sub(least + now.new_unready);
    let end_unready = now.old_unready.min(may_end);
    let spare = (now.old_ready + now.new_ready).saturating_sub(least);
    Turn { start: 0, end_unready, end_ready: now.old_ready.min(spare) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::draws::Draws;

    fn pace(surge: Amount, unavailable: Amount) -> Pace {
        Pace { surge, unavailable }
    }

    #[test]
    fn percentages_become_counts() {
        let quarter = pace(Amount::Share(0.25), Amount::Share(0.25));
        for (desired, expected) in [(10, (3, 2)), (4, (1, 1)), (3, (1, 0)), (1, (1, 0)), (0, (0, 1))] {
            assert_eq!(fenceposts(desired, quarter), expected, "{desired}");
        }
        assert_eq!(fenceposts(5, pace(Amount::Count(0), Amount::Share(0.1))), (0, 1));
    }

    /// Lets each turn happen at once, and new ones be ready one at a time: the steps on the way.
    fn rollout(desired: u32, pace: Pace) -> Vec<(u32, u32, u32)> {
        let mut now = Replicas { old_ready: desired, ..Replicas::default() };
        let mut steps = Vec::new();
        loop {
            let turn = next(desired, pace, now);
            if turn == Turn::default() {
                steps.push((now.old_ready, now.new_unready, now.new_ready));
                if now.new_unready == 0 {
                    return steps;
                }
                now.new_unready -= 1;
                now.new_ready += 1;
                continue;
            }
            now.new_unready += turn.start;
            now.old_unready -= turn.end_unready;
            now.old_ready -= turn.end_ready;
        }
    }

    #[test]
    fn replicas_are_replaced_step_by_step() {
        // As the documentation's example has it: at most 130% of all, at least 70% ready.
        let thirty = pace(Amount::Share(0.3), Amount::Share(0.3));
        assert_eq!(
            rollout(10, thirty),
            [
                (7, 6, 0),
                (6, 6, 1),
                (5, 6, 2),
                (4, 6, 3),
                (3, 6, 4),
                (2, 5, 5),
                (1, 4, 6),
                (0, 3, 7),
                (0, 2, 8),
                (0, 1, 9),
                (0, 0, 10)
            ]
        );
        let one_more = pace(Amount::Count(1), Amount::Count(0));
        assert_eq!(rollout(3, one_more), [(3, 1, 0), (2, 1, 1), (1, 1, 2), (0, 0, 3)]);
        let one_fewer = pace(Amount::Count(0), Amount::Count(1));
        assert_eq!(rollout(2, one_fewer), [(1, 1, 0), (0, 1, 1), (0, 0, 2)]);
    }

    #[test]
    fn never_too_many_and_never_too_few() {
        for desired in 0..12 {
            for surge in 0..5 {
                for unavailable in 0..5 {
                    let pace = pace(Amount::Count(surge), Amount::Count(unavailable));
                    let (surge, unavailable) = fenceposts(desired, pace);
                    let steps = rollout(desired, pace);
                    for &(old, starting, new) in &steps {
                        assert!(old + starting + new <= desired + surge && old + new + unavailable >= desired);
                    }
                    assert_eq!(steps.last(), Some(&(0, 0, desired)));
                }
            }
        }
    }

    #[test]
    fn broken_old_ones_go_first() {
        let now = Replicas { old_ready: 3, old_unready: 2, new_ready: 0, new_unready: 1 };
        let turn = next(5, pace(Amount::Count(1), Amount::Count(1)), now);
        assert_eq!(turn, Turn { start: 0, end_unready: 1, end_ready: 0 });
    }

    /// One replica at a time, as long as nothing speaks against the next.
    fn twin(desired: u32, pace: Pace, now: Replicas) -> Turn {
        let (surge, unavailable) = fenceposts(desired, pace);
        let mut turn = Turn::default();
        let new = now.new_ready + now.new_unready;
        let all = new + now.old_ready + now.old_unready;
        while new + turn.start < desired && all + turn.start < desired + surge {
            turn.start += 1;
        }
        if turn.start > 0 {
            return turn;
        }
        // Of those that there are, new ones that are not ready yet count as nothing.
        let keeps = |rest: u32| rest + unavailable >= desired;
        while turn.end_unready < now.old_unready
            && all > now.new_unready + turn.end_unready
            && keeps(all - now.new_unready - turn.end_unready - 1)
        {
            turn.end_unready += 1;
        }
        while turn.end_ready < now.old_ready && keeps(now.old_ready + now.new_ready - turn.end_ready - 1) {
            turn.end_ready += 1;
        }
        turn
    }

    fn against_the_twin(rounds: u64) {
        let mut draws = Draws::new(11);
        for _ in 0..rounds {
            let desired = draws.below(30) as u32;
            let amount = |draws: &mut Draws| match draws.below(2) {
                0 => Amount::Count(draws.below(6) as u32),
                _ => Amount::Share(draws.below(101) as f64 / 100.0),
            };
            let pace = pace(amount(&mut draws), amount(&mut draws));
            let whole = |amount: Amount, up: u64| match amount {
                Amount::Count(count) => count,
                // In hundredths.
                Amount::Share(share) => (((share * 100.0).round() as u64 * u64::from(desired) + up) / 100) as u32,
            };
            let expected = (whole(pace.surge, 99), whole(pace.unavailable, 0));
            let expected = if expected == (0, 0) { (0, 1) } else { expected };
            assert_eq!(fenceposts(desired, pace), expected, "{desired} {pace:?}");
            let mut some = || draws.below(12) as u32;
            let now = Replicas { old_ready: some(), old_unready: some(), new_ready: some(), new_unready: some() };
            assert_eq!(next(desired, pace, now), twin(desired, pace, now), "{desired} {pace:?} {now:?}");
        }
    }

    #[test]
    fn turns_are_those_of_the_twin() {
        against_the_twin(20_000);
    }

    #[test]
    #[ignore = "a million events"]
    fn turns_are_those_of_the_twin_a_million_times() {
        against_the_twin(1_000_000);
    }
}
