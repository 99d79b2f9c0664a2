//! What must be right of a rate limiter.

use super::*;
use crate::model::spec::Place;
use crate::model::validate::a;

impl Check<'_> {
    pub fn rate_limiter(&mut self, name: &str, spec: &RateLimiterSpec) {
        for link in spec.to.iter().chain(&spec.store) {
            self.link(link);
            if link.to.as_str() == name {
                self.diagnostics.push(link.to.at.error("a limiter can't lead to itself"));
            }
        }
        if let Some(to) = &spec.to
            && self.draft.kind(&to.to) == Some("cache")
        {
            let help = "whoever calls a cache loads what is missing: let the server pool call it";
            self.diagnostics.push(to.to.at.error("a cache can't stand behind a rate-limiter").help(help));
        }
        if let Some(store) = &spec.store {
            self.store(store);
            self.ignored(&spec.at, "scope", "what is in the store is everybody's");
        } else {
            self.ignored(&spec.at, "on_failure", "there is no `store`");
        }
        self.rates(spec);
        self.fields_of_algorithms(spec);
        self.tiers(spec);
        self.behind_balancer(name, spec);
    }

    fn store(&mut self, store: &Link) {
        let kind = self.draft.kind(&store.to);
        if let Some(kind @ ("load-balancer" | "rate-limiter" | "connection-pool")) = kind {
            let found = format!("{} is {}", store.to, a(kind));
            self.diagnostics.push(store.to.at.error(found).expected("a cache, a database or a server-pool"));
        }
    }

    /// Whether there is a rate, and whether the algorithm can count it.
    fn rates(&mut self, spec: &RateLimiterSpec) {
        let adaptive = spec.algorithm.0 == AlgorithmWord::Adaptive;
        if adaptive && spec.start.is_none() && spec.rate.is_none() {
            self.diagnostics.push(spec.at.error("`start` is missing").help("the rate that it starts with"));
        } else if !adaptive && spec.rate.is_none() && spec.tiers.is_empty() {
            let help = "how many calls in which time, as in \"10/s\" or \"100 per 15m\"";
            self.diagnostics.push(spec.at.error("`rate` is missing").help(help));
        }
        if adaptive && spec.start.is_some() {
            self.ignored(&spec.at, "rate", "an adaptive limit begins with `start`");
        }
        if let (Some(min), Some(max)) = (spec.min, spec.max)
            && min.per_second() > max.per_second()
        {
            self.diagnostics.push(spec.at.field("min").error("min is above max").expected("min of at most max"));
        }
        let windows = [AlgorithmWord::FixedWindow, AlgorithmWord::SlidingLog, AlgorithmWord::SlidingCounter];
        let whole = windows.contains(&spec.algorithm.0);
        let mut check = |rate: Quota, at: Place| {
            if whole && rate.count.fract() != 0.0 {
                let found = format!("a window can't count {} calls", rate.count);
                self.diagnostics.push(at.error(found).expected("a whole number of calls in a longer time"));
            }
        };
        if let Some(rate) = spec.rate {
            check(rate, spec.at.field("rate"));
        }
        for tier in spec.tiers.values() {
            check(tier.rate, tier.at.field("rate"));
        }
    }

    /// What the algorithm does not look at.
    fn fields_of_algorithms(&mut self, spec: &RateLimiterSpec) {
        use AlgorithmWord::{Adaptive, Gcra, LeakyBucket, TokenBucket};
        let algorithm = spec.algorithm.0;
        let of: [(&[AlgorithmWord], &[&str]); 4] = [
            (&[TokenBucket, LeakyBucket, Gcra, Adaptive], &["burst"]),
            (&[LeakyBucket], &["delay", "nodelay"]),
            (&[TokenBucket], &["refill"]),
            (&[Adaptive], &["start", "min", "max", "raise", "lower", "every"]),
        ];
        for (algorithms, fields) in of {
            for field in fields.iter().filter(|_| !algorithms.contains(&algorithm)) {
                self.ignored(&spec.at, field, &format!("the algorithm is {algorithm}"));
            }
        }
        if spec.nodelay {
            self.ignored(&spec.at, "delay", "`nodelay` lets all of the burst pass at once");
        }
        let bucket = matches!(algorithm, TokenBucket | Adaptive);
        if bucket && spec.burst.is_some_and(|burst| burst.0 == 0) {
            let found = "a bucket without tokens lets nobody pass";
            self.diagnostics.push(spec.at.field("burst").error(found).expected("at least 1"));
        }
        if algorithm == Adaptive && !spec.tiers.is_empty() {
            let found = "an adaptive limit has no tiers";
            self.diagnostics.push(spec.at.field("tiers").error(found).help("give each tier a limiter of its own"));
        }
        if spec.to.is_none() {
            self.ignored(&spec.at, "count", "it only answers whether calls may pass");
        }
    }

    /// Whether there are such tiers.
    fn tiers(&mut self, spec: &RateLimiterSpec) {
        if spec.per == Some(Per::All) {
            self.ignored(&spec.at, "tiers", "all are counted together");
        }
        let known: Vec<&String> = self
            .draft
            .components
            .values()
            .filter_map(|component| match component {
                Component::Client(client) => Some(client.population.as_ref()?.tiers.keys()),
                _ => None,
            })
            .flatten()
            .collect();
        for (name, tier) in &spec.tiers {
            if !known.contains(&name) {
                let found = format!("no client has a tier {}", crate::model::node::shortened(name));
                let help = "give a client `population` { \"tiers\": { … } } with its share";
                self.diagnostics.push(tier.at.warning(found).help(help));
            }
        }
        if spec.counted_per() == Per::Tier && known.is_empty() {
            let help = "give a client `population` { \"tiers\": { … } }";
            self.diagnostics.push(spec.at.field("per").warning("no client has tiers").help(help));
        }
    }

    /// Each caller's own limiter can't be the endpoint of a balancer, which is one for all.
    fn behind_balancer(&mut self, name: &str, spec: &RateLimiterSpec) {
        if spec.scope == Scope::Shared || spec.store.is_some() {
            return;
        }
        let is_endpoint = self.draft.components.values().any(|component| match component {
            Component::LoadBalancer(balancer) => {
                let routed = balancer.routes.iter().flat_map(|route| route.to.iter());
                balancer.to.iter().chain(routed).any(|target| target.link.to.as_str() == name)
            }
            _ => false,
        });
        if is_endpoint {
            let found = "a limiter behind a balancer is one for all";
            self.diagnostics.push(spec.at.field("scope").error(found).expected("shared"));
        }
    }
}
