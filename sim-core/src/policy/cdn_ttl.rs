//! How long a CDN keeps an answer: CloudFront's rules.
//!
//! With a minimum of 0: as long as the origin says, at most the maximum; the default where it says nothing; not at all
//! where it forbids it (no-store, no-cache, private). With a minimum above 0: what the origin says, between minimum and
//! maximum; the larger of minimum and default where it says nothing; the minimum even where it forbids it.
//!
//! Source: Amazon CloudFront developer guide, "Manage how long content stays in the cache (expiration)"
//! (awsdocs `Expiration.md`).

/// The limits that a CDN sets, ns.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The least.
    pub min_ns: u64,
    /// Where the origin says nothing.
    pub default_ns: u64,
    /// The most.
    pub max_ns: u64,
}

/// How long an answer is kept whose origin says so (`None`: nothing), ns; `None`: not at all.
pub fn kept_ns(limits: Limits, max_age_ns: Option<u64>, no_store: bool) -> Option<u64> {
    let Limits { min_ns, default_ns, max_ns } = limits;
    let kept = match (min_ns, no_store, max_age_ns) {
        (0, true, _) => 0,
        (0, false, Some(age)) => age.min(max_ns),
        (0, false, None) => default_ns,
        (_, true, _) => min_ns,
        (_, false, Some(age)) => age.clamp(min_ns, max_ns.max(min_ns)),
        (_, false, None) => min_ns.max(default_ns),
    };
    (kept > 0).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::draws::Draws;

    /// The guide's table.
    #[test]
    fn the_guide_s_table() {
        let hour = 3_600;
        for (min, default, max, age, no_store, expected) in [
            (0, 24, 8_760, Some(1), false, Some(1)),
            (0, 24, 12, Some(48), false, Some(12)),
            (0, 24, 8_760, None, false, Some(24)),
            (0, 24, 8_760, Some(1), true, None),
            (0, 24, 8_760, Some(0), false, None),
            (2, 24, 8_760, Some(1), false, Some(2)),
            (2, 24, 8_760, Some(48), false, Some(48)),
            (2, 24, 36, Some(48), false, Some(36)),
            (2, 24, 8_760, None, false, Some(24)),
            (48, 24, 8_760, None, false, Some(48)),
            (2, 24, 8_760, Some(48), true, Some(2)),
        ] {
            let limits = Limits { min_ns: min * hour, default_ns: default * hour, max_ns: max * hour };
            let found = kept_ns(limits, age.map(|age| age * hour), no_store);
            assert_eq!(found, expected.map(|kept| kept * hour), "{min} {default} {max} {age:?} {no_store}");
        }
    }

    /// In one sentence: what the origin says, not above the maximum, or else the default; in no case below the minimum.
    fn against_one_sentence(rounds: u64) {
        let mut draws = Draws::new(5);
        for _ in 0..rounds {
            let time = |draws: &mut Draws| if draws.once_in(3) { 0 } else { draws.below(50) };
            let limits = Limits { min_ns: time(&mut draws), default_ns: time(&mut draws), max_ns: time(&mut draws) };
            let age = (!draws.once_in(3)).then(|| time(&mut draws));
            let no_store = draws.once_in(4);
            let said = if no_store { Some(0) } else { age };
            let kept = said.map_or(limits.default_ns, |said| said.min(limits.max_ns)).max(limits.min_ns);
            let expected = if kept == 0 { None } else { Some(kept) };
            assert_eq!(kept_ns(limits, age, no_store), expected, "{limits:?} {age:?} {no_store}");
        }
    }

    #[test]
    fn the_rules_in_one_sentence() {
        against_one_sentence(20_000);
    }

    #[test]
    #[ignore = "a million events"]
    fn the_rules_in_one_sentence_a_million_times() {
        against_one_sentence(1_000_000);
    }
}
