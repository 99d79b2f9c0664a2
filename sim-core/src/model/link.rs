//! Links: how one component calls another.

use super::breaker::Breaker;
use super::budget::{Budget, Tokens};
use super::hedge::Hedge;
use super::node::{Node, Value};
use super::spec::{Presence, Read, Reader, Referent, Shape, Spec};
use super::syntax::Call;
use super::units;
use super::value::{Bandwidth, Count, Name, OneOrMany, Share, Time, TimeDistribution};
use crate::{choices, spec};

spec! {
    /// How one component calls another.
    pub struct Link, short("to") {
        /// The component that is called.
        to: Name = required.refers(Referent::Callee);
        /// How it is called.
        options: LinkOptions = flatten;
    }
}

spec! {
    /// The network between two components, and what the caller does when an answer is late or bad.
    pub struct LinkOptions {
        /// The time that the network takes, there and back: one draw for each try, half of it each way.
        rtt: TimeDistribution = default("0s");
        /// A pipe for each direction and caller instance: reads carry the response, writes the request.
        bandwidth: Bandwidth = optional.at_least("1bps");
        /// The share of messages that get lost: sent again after `rto`, or, as datagrams, never.
        loss: Share = default(0);
        /// The first wait before a lost message is sent again; it doubles each time.
        rto: Time = default("200ms").at_least("1us");
        /// Lost messages are not sent again.
        datagram: bool = default(false);
        /// How long each try is waited for; the work at the callee goes on, unless `cancel`.
        timeout: Time = optional.at_least("1ns");
        /// How long all tries together are waited for; it travels with the request: work past it is refused.
        deadline: Time = optional.at_least("1ns");
        /// A try that timed out frees, half a round trip later, what it holds at the callee.
        cancel: bool = default(false);
        /// Tries again when a try ends badly.
        retry: Retry = optional;
        /// Stops calling for a while when too many calls end badly or slowly.
        breaker: Breaker = optional;
        /// Sends another copy of a call that takes long; the first good answer wins.
        hedge: Hedge = optional;
        /// The most calls in progress over this link; more are rejected at once.
        max_in_flight: Count = optional.range(1, 100_000_000);
        /// Whom `max_in_flight`, the breaker and the retries' budget and tokens belong to.
        scope: Scope = default("per-replica");
        /// Whom to call instead when this ends badly.
        fallback: Box<Link> = optional;
        /// Which replica is called, where no balancer chooses.
        policy: BalancerPolicy = default("round-robin");
    }
}

impl LinkOptions {
    /// Those of a link of which nothing is said.
    pub fn none() -> Self {
        let node = Node::new(super::node::EMPTY_MAP, "");
        let mut reader = Reader::new(&super::NoFiles);
        Self::read_fields(&node, &mut reader).expect("every field of a link has a default or is optional")
    }
}

choices! {
    /// How many there are of something that callers use.
    pub enum Scope {
        /// One for all.
        Shared = "shared";
        /// One for each instance of the caller.
        PerReplica = "per-replica" | "per-instance";
    }
}

choices! {
    /// Which endpoint gets the next call.
    pub enum BalancerPolicy {
        /// One after the other.
        RoundRobin = "round-robin";
        /// One after the other, the heavier more often, well mixed (nginx's smooth weighted round robin).
        WeightedRoundRobin = "weighted-round-robin";
        /// Any, all alike.
        Random = "random";
        /// The one with the fewest calls sent and not yet back.
        LeastConnections = "least-connections";
        /// Of two drawn at random the one with fewer calls sent and not yet back.
        PowerOfTwo = "power-of-two";
        /// Always the same one for a client.
        IpHash = "ip-hash";
        /// The one with the fewest calls for its weight; among equals as weighted-round-robin (nginx `least_conn`).
        WeightedLeastConnections = "weighted-least-connections";
        /// Of two drawn at random the one that is expected to answer sooner: a moving average of its times that rises at once, times its calls in flight (Finagle's peak EWMA).
        LeastResponseTime = "least-response-time";
        /// By a hash of the key on a ring, so that few keys move when endpoints come and go (ketama).
        ConsistentHash = "consistent-hash";
        /// By a hash of the key in a table of 65,537 entries (Google's Maglev).
        Maglev = "maglev";
        /// The one whose CPU does the least now; of many, among 64 in turn.
        ResourceBased = "resource-based";
    }
}

spec! {
    /// Tries again when a try ends badly.
    pub struct Retry, short("retries") {
        /// How many tries there may be after the first.
        retries: Count = required.range(0, 100);
        /// What is tried again.
        when: OneOrMany<RetryCondition> = default(&["connect", "unavailable", "lost"][..]);
        /// Whether writes are tried again too.
        writes: bool = default(false);
        /// How long to wait before each; left out, not at all.
        backoff: Backoff = default("0s");
        /// How the wait is spread.
        jitter: Jitter = default("none");
        /// How many calls may be on a retry at once, as a share of those in progress.
        budget: Budget = optional;
        /// What retries cost, out of what good calls earn.
        tokens: Tokens = optional;
    }
}

choices! {
    /// What is tried again: an outcome, or a group of outcomes.
    pub enum RetryCondition {
        /// Every outcome that HTTP reports as 5xx: failed, rejected, unavailable, circuit_open, pool_timeout.
        ServerError = "5xx";
        /// Throttled.
        TooManyRequests = "429";
        /// The try took longer than the link's `timeout`.
        Timeout = "timeout";
        /// No connection came about: connection_refused, or lost while connecting.
        Connect = "connect";
        /// A queue or a limit was full.
        Rejected = "rejected";
        /// A rate limit was exceeded.
        Throttled = "throttled";
        /// The application said no.
        Denied = "denied";
        /// The application failed.
        Failed = "failed";
        /// There was no endpoint.
        Unavailable = "unavailable";
        /// A breaker was open.
        CircuitOpen = "circuit_open" | "circuit-open";
        /// No connection of the pool got free in time.
        PoolTimeout = "pool_timeout" | "pool-timeout";
        /// The callee took no more connections.
        ConnectionRefused = "connection_refused" | "connection-refused";
        /// The network lost it.
        Lost = "lost";
    }
}

choices! {
    /// How a back-off is spread (after the AWS architecture blog's simulator).
    pub enum Jitter {
        /// Not at all.
        None = "none";
        /// Between 0 and the back-off.
        Full = "full";
        /// Between half the back-off and all of it.
        Equal = "equal";
        /// Between the base and three times the wait before, at most the maximum.
        Decorrelated = "decorrelated";
    }
}

/// How long to wait before each try after the first.
#[derive(Debug, Clone, PartialEq)]
pub enum Backoff {
    /// Always as long.
    Constant(Time),
    /// These, one after the other; the last repeats.
    List(Vec<Time>),
    /// `base` · `factor`ⁿ⁻¹ before the n-th retry, at most `max`.
    Exponential {
        /// Before the first retry.
        base: Time,
        /// How much longer each is than the one before.
        factor: f64,
        /// The longest.
        max: Option<Time>,
    },
}

const BACKOFF: &str = "a time, a list of times, or exponential(100ms, factor=2, max=1s)";

impl Read for Backoff {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::List(items) if items.is_empty() => reader.unexpected(node, BACKOFF),
            Value::List(_) => Vec::read(node, reader).map(Self::List),
            Value::String(text) => match Call::parse(text) {
                Some(call) => exponential(node, &call, reader),
                None => Time::read(node, reader).map(Self::Constant),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Map(_) => reader.unexpected(node, BACKOFF),
        }
    }

    fn shape() -> Shape {
        Shape::Any(vec![
            Shape::Syntax {
                doc: "a time, or exponential(base, factor=2, max=1s)",
                pattern: r"^\s*(exponential\(.*\)|[0-9].*)\s*$",
            },
            Shape::List(Box::new(Time::shape())),
        ])
    }
}

fn exponential(node: &Node, call: &Call, reader: &mut Reader) -> Option<Backoff> {
    if call.name != "exponential" || call.positional.len() != 1 || call.other_than(&["factor", "max"]).is_some() {
        return reader.unexpected(node, BACKOFF);
    }
    let mut part = |text: &str| {
        let part = Node { value: Value::from(text), path: node.path.clone(), line: node.line };
        Time::read(&part, reader)
    };
    let base = part(call.positional[0])?;
    let max = match call.named("max") {
        Some(text) => Some(part(text)?),
        None => None,
    };
    let factor = match call.named("factor").map_or(Ok(2.0), units::number) {
        Ok(factor) if (1.0..=1000.0).contains(&factor) => factor,
        Ok(_) | Err(_) => return reader.unexpected(node, "a factor between 1 and 1000"),
    };
    Some(Backoff::Exponential { base, factor, max })
}

/// The names of a link's fields, `to` apart.
pub fn link_field_names() -> Vec<&'static str> {
    LinkOptions::structure()
        .fields
        .iter()
        .filter(|field| field.presence != Presence::Flatten)
        .map(|field| field.name)
        .collect()
}
