//! How much may be tried again.

/// A limit on the calls that are on a retry at once (Envoy's retry budget, `ResourceManagerImpl` in its sources): a share of
/// the calls in progress, cut to a whole number, and never fewer than `min_concurrency`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// The share of the calls in progress.
    pub share: f64,
    /// So many may always be on a retry.
    pub min_concurrency: u32,
}

impl Budget {
    /// Whether one more may be, while `retrying` are and `active` calls are in progress.
    pub fn allows(&self, retrying: u32, active: u32) -> bool {
        retrying < ((self.share * active as f64) as u32).max(self.min_concurrency)
    }
}

/// A millionth of a token, in which all is counted.
pub const TOKEN: f64 = 1e6;

/// What retries cost and what good calls earn. With 500, 5, 10, 1 and a refund it is the retry quota of the AWS SDKs
/// (botocore, `retries/standard.py`: a good first try earns 1, one after a retry earns what that cost); without a refund
/// it is a token bucket that every good call fills a little (Marc Brooker: 0.02 a call, 1 a retry).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenRule {
    /// How many there are at the start, and at most; all in millionths.
    pub quota: u64,
    /// What a retry costs.
    pub cost: u64,
    /// What a retry after a time-out costs.
    pub timeout_cost: u64,
    /// What a call that ends well earns.
    pub deposit: u64,
    /// Whether a call that ends well after a retry earns what its last retry cost instead.
    pub refund: bool,
}

/// The tokens of one caller; all of them at the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    spent: u64,
}

impl Tokens {
    /// Takes what a retry costs and says how much; `None`: there are too few, and the retry is refused.
    pub fn take(&mut self, rule: &TokenRule, timed_out: bool) -> Option<u64> {
        let cost = if timed_out { rule.timeout_cost } else { rule.cost };
        let spent = self.spent + cost;
        if spent > rule.quota {
            return None;
        }
        self.spent = spent;
        Some(cost)
    }

    /// A call has ended well; `paid` is what its last retry cost, if there was one.
    pub fn earn(&mut self, rule: &TokenRule, paid: Option<u64>) {
        let earned = paid.filter(|_| rule.refund).unwrap_or(rule.deposit);
        self.spent = self.spent.saturating_sub(earned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::draws::Draws;

    const AWS: TokenRule =
        TokenRule { quota: 500_000_000, cost: 5_000_000, timeout_cost: 10_000_000, deposit: 1_000_000, refund: true };

    fn retries(tokens: &mut Tokens, rule: &TokenRule, timed_out: bool) -> u32 {
        (0..10_000).take_while(|_| tokens.take(rule, timed_out).is_some()).count() as u32
    }

    #[test]
    fn an_outage_takes_a_hundred_retries_and_then_none() {
        let mut tokens = Tokens::default();
        assert_eq!(retries(&mut tokens, &AWS, false), 100);
        assert_eq!(retries(&mut Tokens::default(), &AWS, true), 50, "time-outs cost twice as much");
        // Four good first tries are too few for one more retry, five are enough.
        (0..4).for_each(|_| tokens.earn(&AWS, None));
        assert_eq!(tokens.take(&AWS, false), None);
        tokens.earn(&AWS, None);
        let paid = tokens.take(&AWS, false);
        assert_eq!(paid, Some(5_000_000));
        tokens.earn(&AWS, paid);
        assert_eq!(retries(&mut tokens, &AWS, false), 1, "what a good retry cost comes back");
        (0..10_000).for_each(|_| tokens.earn(&AWS, None));
        assert_eq!(retries(&mut tokens, &AWS, false), 100, "never more than the quota");
    }

    #[test]
    fn a_bucket_that_good_calls_fill() {
        let rule =
            TokenRule { quota: 10_000_000, cost: 1_000_000, timeout_cost: 1_000_000, deposit: 20_000, refund: false };
        let mut tokens = Tokens::default();
        assert_eq!(retries(&mut tokens, &rule, false), 10);
        // Fifty good calls are worth a retry, whether they were retried or not.
        (0..49).for_each(|_| tokens.earn(&rule, Some(1_000_000)));
        assert_eq!(tokens.take(&rule, false), None);
        tokens.earn(&rule, None);
        assert_eq!(retries(&mut tokens, &rule, true), 1);
    }

    #[test]
    fn a_share_of_the_calls_in_progress() {
        let envoy = Budget { share: 0.2, min_concurrency: 3 };
        for (active, most) in [(0, 3), (1, 3), (15, 3), (19, 3), (20, 4), (100, 20), (104, 20), (105, 21)] {
            let allowed = (0..).take_while(|&retrying| envoy.allows(retrying, active)).count();
            assert_eq!(allowed, most, "of {active}");
        }
        assert!(!Budget { share: 0.0, min_concurrency: 0 }.allows(0, 1_000));
    }

    fn against_purses(rounds: u64) {
        for round in 0..rounds {
            let mut draws = Draws::new(round);
            let rule = TokenRule {
                quota: draws.below(500),
                cost: draws.below(20),
                timeout_cost: draws.below(40),
                deposit: draws.below(10),
                refund: draws.once_in(2),
            };
            // What is left, instead of what was spent.
            let (mut tokens, mut left, mut paid) = (Tokens::default(), rule.quota, None);
            for event in 0..1_000 {
                if draws.once_in(2) {
                    let timed_out = draws.once_in(3);
                    let cost = if timed_out { rule.timeout_cost } else { rule.cost };
                    let expected = (left >= cost).then_some(cost);
                    left -= expected.unwrap_or(0);
                    assert_eq!(tokens.take(&rule, timed_out), expected, "{rule:?} at {event}");
                    paid = expected.or(paid);
                } else {
                    let last = if draws.once_in(2) { paid.take() } else { None };
                    tokens.earn(&rule, last);
                    left += if rule.refund && last.is_some() { last.unwrap_or(0) } else { rule.deposit };
                    left = left.min(rule.quota);
                }
            }
            // Of shares in sixty-fourths, which binary fractions hold exactly.
            let (parts, least) = (draws.below(65), draws.below(5) as u32);
            let budget = Budget { share: parts as f64 / 64.0, min_concurrency: least };
            for _ in 0..200 {
                let (retrying, active) = (draws.below(80) as u32, draws.below(100) as u32);
                let share = (1..=active).filter(|count| u64::from(*count) * 64 <= parts * u64::from(active)).count();
                let allowed = retrying < least || (retrying as usize) < share;
                assert_eq!(budget.allows(retrying, active), allowed, "{budget:?} {retrying} of {active}");
            }
        }
    }

    #[test]
    fn retries_are_paid_from_a_purse() {
        against_purses(20);
    }

    #[test]
    #[ignore = "a million events"]
    fn retries_are_paid_from_a_purse_a_million_times() {
        against_purses(1_000);
    }
}
