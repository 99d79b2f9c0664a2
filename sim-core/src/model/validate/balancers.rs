//! What must be right of a load balancer.

use super::parts::Check;
use crate::components::load_balancer::{LoadBalancerSpec, Target};
use crate::components::nature_of;
use crate::model::link::BalancerPolicy;
use crate::model::spec::Place;

impl Check<'_> {
    pub fn load_balancer(&mut self, spec: &LoadBalancerSpec) {
        if spec.to.is_empty() && spec.routes.is_empty() {
            let found = "neither `to` nor `routes` names a pool";
            self.diagnostics.push(spec.at.error(found).help("name the pools that calls go to"));
        }
        self.targets(&spec.to, spec.policy.0, &spec.at);
        for route in &spec.routes {
            if route.to.is_empty() {
                self.diagnostics.push(route.at.field("to").error("found an empty list").expected("at least one pool"));
            }
            self.targets(&route.to, route.policy.unwrap_or(spec.policy).0, &route.at);
        }
        self.fields_of_policies(spec);
        if let Some(health) = &spec.health {
            if health.active.is_none() && health.passive.is_none() && health.outlier.is_none() {
                self.diagnostics.push(health.at.warning("`health` has no effect: it holds no checks"));
            }
            if let Some(active) = &health.active
                && active.timeout > active.interval
            {
                let found = "the timeout is longer than the interval";
                self.diagnostics.push(active.at.field("timeout").error(found).expected("at most the interval"));
            }
        }
    }

    /// What no policy of the balancer looks at.
    fn fields_of_policies(&mut self, spec: &LoadBalancerSpec) {
        let mut policies =
            spec.routes.iter().filter_map(|route| route.policy).map(|policy| policy.0).collect::<Vec<_>>();
        policies.push(spec.policy.0);
        let none_is = |all: &[BalancerPolicy]| !policies.iter().any(|policy| all.contains(policy));
        let why = format!("the policy is {}", spec.policy.0);
        if none_is(&[BalancerPolicy::ConsistentHash]) {
            self.ignored(&spec.at, "vnodes", &why);
            self.ignored(&spec.at, "bounded_load", &why);
        }
        if none_is(&[BalancerPolicy::ConsistentHash, BalancerPolicy::Maglev]) {
            self.ignored(&spec.at, "hash_by", &why);
        }
        if spec.service.is_none() {
            self.ignored(&spec.at, "cores", "there is no `service`");
        }
        if let Some(slow) = &spec.slow_start
            && slow.aggression.is_none()
        {
            self.ignored(&slow.at, "least", "without `aggression` it rises evenly from nothing");
        }
    }

    fn targets(&mut self, targets: &[Target], policy: BalancerPolicy, at: &Place) {
        for target in targets {
            self.link(&target.link);
            self.no_hedge(&target.link, "a balancer");
            match self.draft.kind(&target.link.to) {
                None => {}
                // What can't be called at all is told where names are checked.
                Some(kind) if nature_of(kind).is_none_or(|nature| nature.endpoint || !nature.called) => {}
                Some("cache") => self.diagnostics.push(
                    target
                        .link
                        .to
                        .at
                        .error("a cache can't stand behind a balancer")
                        .help("whoever calls a cache loads what is missing: let the server pool call it"),
                ),
                Some(kind) => self.diagnostics.push(
                    target
                        .link
                        .to
                        .at
                        .error(format!("{} is {}", target.link.to, super::names::a(kind)))
                        .expected("a server-pool"),
                ),
            }
            if !is_weighted(policy) && target.at.has("weight") {
                let found = format!("`weight` has no effect: the policy is {policy}");
                let help = match policy {
                    BalancerPolicy::LeastConnections => "weighted-least-connections looks at it",
                    _ => "weighted-round-robin looks at it",
                };
                self.diagnostics.push(target.at.field("weight").warning(found).help(help));
            }
            self.ignored(&target.at, "policy", "the balancer chooses the replica");
        }
        if is_weighted(policy) && !targets.is_empty() && targets.iter().all(|target| target.weight.0 == 0.0) {
            self.diagnostics.push(at.field("to").error("all weights are zero").expected("one that is not"));
        }
        if !targets.is_empty() && targets.iter().all(|target| target.backup) {
            let found = "all are backups";
            self.diagnostics.push(at.field("to").error(found).expected("one that they stand in for"));
        }
        for (index, target) in targets.iter().enumerate() {
            if targets[..index].iter().any(|other| other.link.to.as_str() == target.link.to.as_str()) {
                self.diagnostics.push(target.link.to.at.error(format!("{} stands there twice", target.link.to)));
            }
        }
    }
}

/// Whether a policy looks at weights.
fn is_weighted(policy: BalancerPolicy) -> bool {
    match policy {
        BalancerPolicy::WeightedRoundRobin
        | BalancerPolicy::WeightedLeastConnections
        | BalancerPolicy::Random
        | BalancerPolicy::IpHash
        | BalancerPolicy::ConsistentHash
        | BalancerPolicy::Maglev => true,
        BalancerPolicy::RoundRobin
        | BalancerPolicy::LeastConnections
        | BalancerPolicy::LeastResponseTime
        | BalancerPolicy::PowerOfTwo
        | BalancerPolicy::ResourceBased => false,
    }
}
