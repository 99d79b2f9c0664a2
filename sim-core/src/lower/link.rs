//! Links.

use super::{Lowering, draw_plan, site};
use crate::components::Component;
use crate::engine::slab::NONE;
use crate::model::breaker::{Breaker as BreakerSpec, Window as WindowSpec};
use crate::model::budget::Tokens as TokensSpec;
use crate::model::link::{
    Backoff as BackoffSpec, BalancerPolicy, Jitter as JitterSpec, Link, LinkOptions, Retry, RetryCondition, Scope,
};
use crate::plan::{LinkPlan, Outcome, Policy, RetryPlan, Target};
use crate::policy::backoff::{Backoff, Jitter};
use crate::policy::breaker::{BreakerRule, Trip, Window};
use crate::policy::retry_budget::{Budget, TOKEN, TokenRule};

impl Lowering<'_> {
    /// A link that a component owns.
    pub(crate) fn link(&mut self, owner: u32, link: &Link) -> u32 {
        let target_name = link.to.as_str();
        let target = self.model.components[target_name].part().target(self.id(target_name));
        self.link_to(owner, link, target, target_name)
    }

    /// A link that a component owns, to what the plan has under another name than the link says.
    pub(super) fn link_to(&mut self, owner: u32, link: &Link, target: Target, target_name: &str) -> u32 {
        let owner_name = self.plan.components[owner as usize].name.clone();
        let counts = |other: &&LinkPlan| other.owner == owner && !other.before_copies;
        let ordinal = self.plan.links.iter().filter(counts).count().to_string();
        let site = site(&[&owner_name, "link", target_name, &ordinal]);
        let options = &link.options;
        let by_class_deadline = matches!(self.model.components.get(&owner_name), Some(Component::Client(_)))
            && self.model.classes.values().any(|class| class.deadline.is_some());
        let rtt = &options.rtt.0;
        let rtt = (rtt.as_constant() != Some(0.0)).then(|| draw_plan(rtt, site));
        let faulty = self.model.faults.iter().any(|fault| {
            fault.kind.is_of_links() && fault.targets().iter().any(|other| other.component == target_name)
        });
        let plan = LinkPlan {
            owner,
            target,
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
                && !by_class_deadline
                && options.max_in_flight.is_none()
                && options.breaker.is_none()
                && !limits_retries(options),
            rtt,
            bandwidth: options.bandwidth.map(|bandwidth| bandwidth.0),
            loss: options.loss.0,
            rto_ns: options.rto.0,
            datagram: options.datagram,
            timeout_ns: options.timeout.map_or(0, |time| time.0),
            deadline_ns: options.deadline.map_or(0, |time| time.0),
            by_class_deadline,
            cancel: options.cancel,
            retry: options.retry.as_ref().filter(|retry| retry.retries.0 > 0).map(retry_plan),
            breaker: options.breaker.as_ref().map(breaker_rule),
            guard: self.guard(owner, link, false),
            before_copies: false,
            call_off: false,
            max_in_flight: options.max_in_flight.map_or(NONE, |most| most.0 as u32),
            shared: options.scope == Scope::Shared,
            policy: policy(options.policy),
            site,
        };
        self.add_link(plan, target_name)
    }

    /// Adds a link, and to what its owner reports.
    pub(crate) fn add_link(&mut self, plan: LinkPlan, target_name: &str) -> u32 {
        self.plan.sizes |= plan.bandwidth.is_some();
        let owner = plan.owner;
        self.plan.links.push(plan);
        let index = self.plan.links.len() as u32 - 1;
        let links = &mut self.plan.components[owner as usize].links;
        match links.iter_mut().find(|(name, _)| name == target_name) {
            Some((_, list)) => list.push(index),
            None => links.push((target_name.to_string(), vec![index])),
        }
        index
    }

    /// Where a link remembers what its limits need: one for all links that come from one place of the model.
    pub(crate) fn guard(&mut self, owner: u32, link: &Link, before_copies: bool) -> u32 {
        let options = &link.options;
        let needs = if before_copies {
            options.hedge.is_some() || limits_retries(options)
        } else {
            options.max_in_flight.is_some() || options.breaker.is_some() || limits_retries(options)
        };
        if !needs {
            return NONE;
        }
        let next = self.guards.len() as u32;
        self.plan.guards = next + 1;
        *self.guards.entry((owner, link.at.path.clone(), before_copies)).or_insert(next)
    }
}

/// Whether retries cost something.
fn limits_retries(options: &LinkOptions) -> bool {
    options.retry.as_ref().is_some_and(|retry| retry.budget.is_some() || retry.tokens.is_some())
}

fn breaker_rule(breaker: &BreakerSpec) -> BreakerRule {
    let window = match breaker.window {
        WindowSpec::Calls(calls) => Window::Calls(calls),
        WindowSpec::Seconds(seconds) => Window::Seconds(seconds),
    };
    let trip = match (breaker.consecutive, breaker.failures) {
        (Some(count), _) => Trip::Consecutive(count.0 as u32),
        (None, Some(count)) => Trip::Failures(count.0 as u32, window),
        (None, None) => Trip::Rates {
            window,
            min_calls: breaker.min_calls.0 as u32,
            // Without any limit it is that of resilience4j; a share above all never opens it.
            error_rate: match (breaker.error_rate, &breaker.slow_calls) {
                (Some(share), _) => share.0,
                (None, None) => 0.5,
                (None, Some(_)) => 2.0,
            },
            slow_rate: breaker.slow_calls.as_ref().map_or(2.0, |slow| slow.share.0),
            slow_ns: breaker.slow_calls.as_ref().map_or(u64::MAX, |slow| slow.above.0),
        },
    };
    BreakerRule { trip, open_ns: breaker.open.0, half_open: breaker.half_open.0 as u32 }
}

pub(crate) fn policy(policy: BalancerPolicy) -> Policy {
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
        budget: retry
            .budget
            .as_ref()
            .map(|budget| Budget { share: budget.share.0, min_concurrency: budget.min_concurrency.0 as u32 }),
        tokens: retry.tokens.as_ref().map(token_rule),
    }
}

fn token_rule(tokens: &TokensSpec) -> TokenRule {
    let units = |tokens: f64| (tokens * TOKEN).round() as u64;
    TokenRule {
        quota: units(tokens.quota.0),
        cost: units(tokens.cost.0),
        timeout_cost: units(tokens.timeout_cost.map_or(2.0 * tokens.cost.0, |cost| cost.0)),
        deposit: units(tokens.deposit.0),
        refund: tokens.refund,
    }
}

/// The outcomes that a condition means, as bits.
pub(crate) fn outcomes(condition: RetryCondition) -> u16 {
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
