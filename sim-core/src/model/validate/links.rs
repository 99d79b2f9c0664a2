//! What must be right in a link, and what in it has no effect.

use super::parts::Check;
use crate::model::breaker::Breaker;
use crate::model::link::{Backoff, BalancerPolicy, Jitter, Link};

impl Check<'_> {
    /// Checks a link, and its fallbacks.
    pub fn link(&mut self, link: &Link) {
        let options = &link.options;
        let at = &link.at;
        if options.datagram && options.timeout.is_none() {
            let found = "datagrams that get lost are never answered";
            self.diagnostics.push(at.field("datagram").error(found).help("give the link a `timeout`"));
        }
        if options.loss.0 == 0.0 {
            self.ignored(at, "rto", "the link loses nothing");
        } else if options.datagram {
            self.ignored(at, "rto", "datagrams are not sent again");
        }
        if options.timeout.is_none() && options.deadline.is_none() {
            self.ignored(at, "cancel", "the link has no `timeout`");
        }
        let limits_retries =
            options.retry.as_ref().is_some_and(|retry| retry.budget.is_some() || retry.tokens.is_some());
        if options.max_in_flight.is_none() && options.breaker.is_none() && options.hedge.is_none() && !limits_retries {
            self.ignored(at, "scope", "the link has no `max_in_flight`, no `breaker` and no budget of retries");
        }
        if let Some(breaker) = &options.breaker {
            self.breaker(breaker);
        }
        if self.draft.kind(&link.to).is_some_and(|kind| kind != "server-pool") {
            self.ignored(at, "policy", &format!("{} is no server-pool", link.to));
        }
        let simple = [BalancerPolicy::RoundRobin, BalancerPolicy::Random, BalancerPolicy::IpHash];
        if !simple.contains(&options.policy) {
            let found = format!("a caller can't choose by {}", options.policy);
            let help = "put a load-balancer between; callers go round-robin, random or ip-hash";
            self.diagnostics.push(at.field("policy").error(found).help(help));
        }
        if let Some(retry) = &options.retry {
            if retry.retries.0 == 0 {
                for field in ["backoff", "budget", "tokens"] {
                    self.ignored(&retry.at, field, "there are no retries");
                }
            }
            if retry.jitter != Jitter::None && retry.backoff == Backoff::Constant(crate::model::value::Time(0)) {
                self.ignored(&retry.at, "jitter", "there is no `backoff`");
            }
            if retry.when.is_empty() {
                let found = "found an empty list";
                self.diagnostics.push(retry.at.field("when").error(found).expected("what is tried again"));
            }
        }
        if let Some(fallback) = &options.fallback {
            self.link(fallback);
        }
    }

    fn breaker(&mut self, breaker: &Breaker) {
        let at = &breaker.at;
        let by_share = breaker.error_rate.is_some() || breaker.slow_calls.is_some();
        let ways = [breaker.consecutive.is_some(), breaker.failures.is_some(), by_share];
        if ways.iter().filter(|&&way| way).count() > 1 {
            let expected = "one of `consecutive`, `failures`, and shares (`error_rate`, `slow_calls`)";
            self.diagnostics.push(at.error("found several ways to open").expected(expected));
            return;
        }
        if breaker.consecutive.is_some() {
            self.ignored(at, "window", "it opens after so many bad calls in a row");
        }
        if !by_share && (breaker.consecutive.is_some() || breaker.failures.is_some()) {
            self.ignored(at, "min_calls", "it opens by a number of bad calls");
        }
        let shares = [breaker.error_rate, breaker.slow_calls.as_ref().map(|slow| slow.share)];
        if shares.iter().flatten().any(|share| share.0 == 0.0) {
            self.diagnostics.push(at.error("found a share of 0").help("a breaker that opens at 0% never closes"));
        }
    }

    /// Copies of a call are made by whoever calls, not on the way.
    pub fn no_hedge(&mut self, link: &Link, what: &str) {
        if let Some(hedge) = &link.options.hedge {
            let found = format!("{what} makes no copies of a call");
            self.diagnostics.push(hedge.at.error(found).help("give the `hedge` to the link of the caller"));
        }
    }
}
