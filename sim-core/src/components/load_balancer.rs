//! Load balancers: which of several endpoints gets the next call.

use crate::analysis::load::{self, Walk};
use crate::components::health::Health;
use crate::components::rate_limiter::with_own_fields;
use crate::components::{LeftOut, Nature, Outgoing, Part, rested_on, sentences};
use crate::lower::Lowering;
use crate::model::cost::Cost;
use crate::model::link::{BalancerPolicy, Link};
use crate::model::node::{EMPTY_LIST, Node};
use crate::model::spec::{About, Read, Reader, Referent};
use crate::model::validate::{Call, Check, Edge, Flow};
use crate::model::value::{Cores, Count, Factor, Name, OneOrMany, Share, Time, TimeDistribution, Worded};
use crate::plan::Target as PlanTarget;
use crate::{choices, spec};

spec! {
    /// Hands each call to one of several endpoints: the replicas of its pools.
    pub struct LoadBalancerSpec, component("load-balancer") {
        /// The pools, in the order of their endpoints.
        to: OneOrMany<Target> = default(EMPTY_LIST).beside("link");
        /// Other pools for some classes; the first that fits wins, `to` gets the rest.
        routes: Vec<Route> = default(EMPTY_LIST);
        /// Which endpoint gets the next call.
        policy: Worded<BalancerPolicy> = default("round-robin");
        /// Consistent hash: points on the ring for each unit of weight (nginx and ketama: 160).
        vnodes: Count = default(160).range(1, 10_000);
        /// Consistent hash: endpoints with so many times the mean of calls in flight are passed over (HAProxy `hash-balance-factor`).
        bounded_load: Factor = optional.range(1, 100);
        /// Consistent hash and maglev: what is hashed.
        hash_by: HashBy = default("key");
        /// How it finds out that an endpoint is ill; left out, one that crashed keeps getting calls.
        health: Health = optional;
        /// Keeps a client at the endpoint that it came to first.
        sticky: Sticky = optional;
        /// How long an endpoint that joins or comes back is given less than its share (nginx, ALB: rising evenly).
        slow_start: SlowStart = optional;
        /// How long a replica that leaves may go on with its calls before they fail (ALB's deregistration delay); left out, as long as it takes.
        drain: Time = optional;
        /// How many endpoints a call is tried at in all when one can't be reached or is too slow (nginx `proxy_next_upstream`).
        tries: Count = optional.range(1, 100);
        /// Whether it chooses for each request (7) or for each client's connection (4).
        layer: Layer = default("7");
        /// What passing on a call costs it: TLS, parsing.
        service: TimeDistribution = optional;
        /// The cores that this work shares.
        cores: Cores = default(1).range("1m", 10_000);
        /// How many idle connections to endpoints it keeps; others are opened anew, which takes a round trip. Left out, connections cost nothing.
        keep_alive: Count = optional.range(0, 1_000_000);
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        about ABOUT;
    }
}

const LEAVES_OUT: [LeftOut<LoadBalancerSpec>; 4] = [
    (
        |balancer| balancer.health.is_none(),
        "Load balancers without `health` know of none: a crashed replica stays an endpoint and answers `failed` at once, which leans towards too many errors.",
    ),
    (|balancer| balancer.service.is_none(), "Load balancers without `service` take no time: leans towards too fast."),
    (
        |balancer| balancer.health.is_some(),
        "Health checks see whether a replica is down or stalled, not how busy it is or what lies between: leans towards too calm.",
    ),
    (
        |balancer| balancer.tries.is_some_and(|tries| tries.0 > 2),
        "After a failed try only the last endpoint is left out, where nginx leaves out all that were tried: leans towards too many errors.",
    ),
];

const ABOUT: About = About {
    imitates: "nginx, HAProxy, Envoy and AWS ALB: each policy and each kind of health check names the product whose rules it follows.",
    leaves_out: &sentences(&LEAVES_OUT),
    checked: &[
        "Smooth weighted round robin against nginx's documented sequences.",
        "Random, round robin, join the shortest queue and the power of two against their closed forms and chains.",
    ],
};

impl Part for LoadBalancerSpec {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        Read::read(&with_own_fields(node, "policy"), reader)
    }

    fn stations(&self) -> Vec<&'static str> {
        if self.service.is_some() { vec!["cores"] } else { Vec::new() }
    }

    fn check(&self, _: &str, check: &mut Check) {
        check.load_balancer(self);
    }

    fn nature() -> Nature {
        Nature { endpoint: true, ..Nature::CALLED }
    }

    fn links(&self) -> Vec<Outgoing<'_>> {
        let routed = self.routes.iter().flat_map(|route| {
            let classes: Vec<&str> = route.classes.0.iter().map(|class| class.as_str()).collect();
            route.to.0.iter().map(move |target| Outgoing::over(&target.link).noted(classes.join(", ")))
        });
        routed.chain(self.to.0.iter().map(|target| Outgoing::over(&target.link))).collect()
    }

    fn passes_on(&self) -> bool {
        true
    }

    fn calls(&self, call: &Call, flow: &mut Flow, edges: &mut Vec<Edge>) {
        let targets = self.targets_of(&call.class);
        if targets.is_empty() {
            let found = format!("{} can arrive here and has nowhere to go", call.class);
            let help = "add a route for it, or pools in `to`";
            flow.diagnostics.push(self.at.error(found).help(help));
        }
        targets.iter().for_each(|target| call.follow(&target.link, edges));
    }

    fn target(&self, id: u32) -> PlanTarget {
        PlanTarget::Balancer(id)
    }

    fn lower(&self, id: u32, name: &str, lowering: &mut Lowering) {
        lowering.balancer(id, name, self);
    }

    fn assumptions(&self) -> Vec<&'static str> {
        rested_on(&LEAVES_OUT, self)
    }

    fn load<'a>(&'a self, _: &'a str, call: load::Call<'a>, walk: &mut Walk<'a>) -> f64 {
        let targets = self.targets_of(call.class);
        let weight = |target: &Target| target.weight.0 * walk.replicas(target.link.to.as_str());
        let weights: Vec<f64> = targets.iter().map(weight).collect();
        let total: f64 = weights.iter().sum();
        if total <= 0.0 {
            return 0.0;
        }
        let shares = targets.iter().zip(weights).map(|(target, weight)| (target, weight / total));
        let time_s = |(target, share): (&'a Target, f64)| {
            share * walk.link(&target.link, load::Call { rate: call.rate * share, ..call })
        };
        shares.map(time_s).sum()
    }

    fn treats_alike(&self, pool: &str) -> bool {
        let deals = matches!(
            self.policy.0,
            BalancerPolicy::RoundRobin
                | BalancerPolicy::Random
                | BalancerPolicy::LeastConnections
                | BalancerPolicy::PowerOfTwo
        );
        let reaches = self.to.0.iter().any(|target| target.link.to.as_str() == pool);
        deals && (!reaches || self.to.0.len() == 1) && self.routes.is_empty()
    }

    fn load_is_known(&self) -> bool {
        true
    }

    fn facts(&self) -> Vec<String> {
        vec![self.policy.0.word().to_owned()]
    }

    fn only_hands_on(&self) -> bool {
        true
    }
}

impl LoadBalancerSpec {
    /// Where calls of a class go.
    pub fn targets_of(&self, class: &str) -> &[Target] {
        let route = self.routes.iter().find(|route| route.classes.0.iter().any(|name| name.as_str() == class));
        route.map_or(&self.to.0, |route| &route.to.0)
    }
}

spec! {
    /// A pool behind a balancer.
    pub struct Target, short("to") {
        /// The pool, and how it is called.
        link: Link = flatten;
        /// The weight of each of its replicas.
        weight: Factor = default(1).range(0, 1_000_000);
        /// It gets calls only while none of the others can.
        backup: bool = default(false);
        /// The most calls in flight at each of its replicas from this balancer.
        max_conns: Count = optional.range(1, 1_000_000_000);
        /// Passive checks: how many failures make a replica be left out (nginx `max_fails`).
        max_fails: Count = optional.range(0, 1_000_000);
        /// Passive checks: for how long, in whole seconds (nginx `fail_timeout`).
        fail_timeout: Time = optional;
    }
}

spec! {
    /// Where calls of some classes go.
    pub struct Route {
        /// The classes.
        classes: OneOrMany<Name> = required.refers(Referent::Class);
        /// Their pools.
        to: OneOrMany<Target> = required.beside("link");
        /// Which endpoint gets the next call; left out, as the balancer has it.
        policy: Worded<BalancerPolicy> = optional;
    }
}

spec! {
    /// Keeps a client at the endpoint that it came to first.
    pub struct Sticky, short("by") {
        /// How it knows a client again.
        by: StickyBy = default("cookie");
        /// How long after its last request it forgets.
        duration: Time = default("1d").at_least("1ns").named("for");
    }
}

spec! {
    /// How an endpoint that joins is given more and more.
    pub struct SlowStart, short("window") {
        /// How long until it gets its whole share.
        window: Time = required.at_least("1ns");
        /// Envoy's curve: (time ÷ window) to the power of 1 ÷ aggression, at least 10%; left out, evenly from nothing.
        aggression: Factor = optional.range(0.01, 100);
        /// Envoy's curve: the least share.
        least: Share = default("10%");
    }
}

choices! {
    /// How a balancer knows a client again.
    pub enum StickyBy {
        /// By its address.
        Client = "client";
        /// By a cookie.
        Cookie = "cookie";
    }
}

choices! {
    /// What consistent hashing hashes.
    pub enum HashBy {
        /// The key of the call; the client, where it has none.
        Key = "key";
        /// The client.
        Client = "client";
    }
}

choices! {
    /// What a balancer sees.
    pub enum Layer {
        /// Connections: a client's calls go where its connection goes, until it has been idle for 350 s (AWS NLB).
        Connections = "4";
        /// Requests.
        Requests = "7";
    }
}
