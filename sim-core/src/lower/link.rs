//! Links.

use super::{Lowering, draw_plan, site};
use crate::components::Component;
use crate::engine::slab::NONE;
use crate::model::link::{
    Backoff as BackoffSpec, BalancerPolicy, Jitter as JitterSpec, Link, Retry, RetryCondition, Scope,
};
use crate::plan::{LinkPlan, Outcome, Policy, RetryPlan, Target};
use crate::policy::backoff::{Backoff, Jitter};

impl Lowering<'_> {
    /// A link that a component owns.
    pub(super) fn link(&mut self, owner: u32, link: &Link) -> u32 {
        let owner_name = self.plan.components[owner as usize].name.clone();
        let target_name = link.to.as_str();
        let target = self.id(target_name);
        let ordinal = self.plan.links.iter().filter(|other| other.owner == owner).count().to_string();
        let site = site(&[&owner_name, "link", target_name, &ordinal]);
        let options = &link.options;
        let rtt = &options.rtt.0;
        let rtt = (rtt.as_constant() != Some(0.0)).then(|| draw_plan(rtt, site));
        let faulty = self.model.faults.iter().any(|fault| {
            fault.kind.is_of_links() && fault.targets().iter().any(|other| other.component == target_name)
        });
        let plan = LinkPlan {
            owner,
            target: match &self.model.components[target_name] {
                Component::ServerPool(_) => Target::Pool(target),
                Component::LoadBalancer(_) => Target::Balancer(target),
                Component::Cache(_)
                | Component::ConnectionPool(_)
                | Component::RateLimiter(_)
                | Component::Queue(_) => Target::Copy(target),
                Component::Database(_) => Target::Database(target),
                Component::Client(_) | Component::Autoscaler(_) => unreachable!("validated: nobody calls these"),
            },
            cell: self.link_cell(owner),
            watched: false,
            connects: false,
            faulty,
            plain: !faulty
                && rtt.is_none()
                && options.bandwidth.is_none()
                && options.loss.0 == 0.0
                && options.timeout.is_none()
                && options.deadline.is_none()
                && options.max_in_flight.is_none(),
            rtt,
            bandwidth: options.bandwidth.map(|bandwidth| bandwidth.0),
            loss: options.loss.0,
            rto_ns: options.rto.0,
            datagram: options.datagram,
            timeout_ns: options.timeout.map_or(0, |time| time.0),
            deadline_ns: options.deadline.map_or(0, |time| time.0),
            cancel: options.cancel,
            retry: options.retry.as_ref().filter(|retry| retry.retries.0 > 0).map(retry_plan),
            max_in_flight: options.max_in_flight.map_or(NONE, |most| most.0 as u32),
            shared: options.scope == Scope::Shared,
            policy: policy(options.policy),
            site,
        };
        self.plan.sizes |= plan.bandwidth.is_some();
        self.plan.links.push(plan);
        let index = self.plan.links.len() as u32 - 1;
        let links = &mut self.plan.components[owner as usize].links;
        match links.iter_mut().find(|(name, _)| name == target_name) {
            Some((_, list)) => list.push(index),
            None => links.push((target_name.to_string(), vec![index])),
        }
        index
    }
}

pub(super) fn policy(policy: BalancerPolicy) -> Policy {
    match policy {
        BalancerPolicy::RoundRobin => Policy::RoundRobin,
        BalancerPolicy::WeightedRoundRobin => Policy::SmoothRoundRobin,
        BalancerPolicy::Random => Policy::Random,
        BalancerPolicy::LeastConnections => Policy::LeastConnections,
        BalancerPolicy::PowerOfTwo => Policy::PowerOfTwo,
        BalancerPolicy::IpHash => Policy::IpHash,
        BalancerPolicy::WeightedLeastConnections => Policy::WeightedLeastConnections,
        BalancerPolicy::LeastResponseTime => Policy::LeastResponseTime,
        BalancerPolicy::ConsistentHash => Policy::ConsistentHash,
        BalancerPolicy::Maglev => Policy::Maglev,
        BalancerPolicy::ResourceBased => Policy::ResourceBased,
    }
}

fn retry_plan(retry: &Retry) -> RetryPlan {
    let jitter = match retry.jitter {
        JitterSpec::None => Jitter::None,
        JitterSpec::Full => Jitter::Full,
        JitterSpec::Equal => Jitter::Equal,
        JitterSpec::Decorrelated => Jitter::Decorrelated,
    };
    let backoff = match &retry.backoff {
        BackoffSpec::Constant(time) => Backoff::Constant(time.0),
        BackoffSpec::List(times) => Backoff::List(times.iter().map(|time| time.0).collect()),
        BackoffSpec::Exponential { base, factor, max } => {
            Backoff::Exponential { base_ns: base.0, factor: *factor, max_ns: max.map_or(u64::MAX, |max| max.0) }
        }
    };
    RetryPlan {
        retries: retry.retries.0.min(u8::MAX as u64) as u32,
        when: retry.when.iter().fold(0, |bits, &condition| bits | outcomes(condition)),
        writes: retry.writes,
        backoff,
        jitter,
    }
}

/// The outcomes that a condition means, as bits.
pub(super) fn outcomes(condition: RetryCondition) -> u16 {
    let list: &[Outcome] = match condition {
        RetryCondition::ServerError => {
            &[Outcome::Failed, Outcome::Rejected, Outcome::Unavailable, Outcome::CircuitOpen, Outcome::PoolTimeout]
        }
        RetryCondition::TooManyRequests | RetryCondition::Throttled => &[Outcome::Throttled],
        RetryCondition::Timeout => &[Outcome::Timeout],
        RetryCondition::Connect | RetryCondition::ConnectionRefused => &[Outcome::ConnectionRefused],
        RetryCondition::Rejected => &[Outcome::Rejected],
        RetryCondition::Denied => &[Outcome::Denied],
        RetryCondition::Failed => &[Outcome::Failed],
        RetryCondition::Unavailable => &[Outcome::Unavailable],
        RetryCondition::CircuitOpen => &[Outcome::CircuitOpen],
        RetryCondition::PoolTimeout => &[Outcome::PoolTimeout],
        RetryCondition::Lost => &[Outcome::Lost],
    };
    list.iter().fold(0, |bits, &outcome| bits | 1 << outcome as u16)
}
