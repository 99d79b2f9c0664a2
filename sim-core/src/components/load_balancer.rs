//! Load balancers: which of several endpoints gets the next call.

use crate::model::cost::Cost;
use crate::model::link::{BalancerPolicy, Link};
use crate::model::node::EMPTY_LIST;
use crate::model::spec::{About, Referent};
use crate::model::value::{Factor, Name, OneOrMany};
use crate::spec;

spec! {
    /// Hands each call to one of several endpoints: the replicas of its pools.
    pub struct LoadBalancerSpec, component("load-balancer") {
        /// The pools, in the order of their endpoints.
        to: OneOrMany<Target> = default(EMPTY_LIST).beside("link");
        /// Other pools for some classes; the first that fits wins, `to` gets the rest.
        routes: Vec<Route> = default(EMPTY_LIST);
        /// Which endpoint gets the next call.
        policy: BalancerPolicy = default("round-robin");
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        later [
            "health", "sticky", "slow_start", "drain", "tries", "layer", "service", "cores", "keep_alive", "keepalive",
            "overrides", "tls", "vnodes", "bounded_load", "outlier",
        ];
        about ABOUT;
    }
}

const ABOUT: About = About {
    imitates: "nginx's smooth weighted round robin (`ngx_http_upstream_round_robin.c`), random, least connections, the power of two choices (Mitzenmacher 2001; Envoy's `LEAST_REQUEST` with two choices) and a hash of the client.",
    leaves_out: &[],
    checked: &[
        "Smooth weighted round robin against nginx's documented sequences.",
        "Random, round robin, join the shortest queue and the power of two against their closed forms and chains.",
    ],
};

spec! {
    /// A pool behind a balancer.
    pub struct Target, short("to") {
        /// The pool, and how it is called.
        link: Link = flatten;
        /// The weight of each of its replicas.
        weight: Factor = default(1).range(0, 1_000_000);
        later ["backup", "max_fails", "fail_timeout", "max_conns"];
    }
}

spec! {
    /// Where calls of some classes go.
    pub struct Route {
        /// The classes.
        classes: OneOrMany<Name> = required.refers(Referent::Class);
        /// Their pools.
        to: OneOrMany<Target> = required.beside("link");
        later ["policy"];
    }
}
