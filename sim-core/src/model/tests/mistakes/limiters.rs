//! Rate limiters.

use super::*;

const COMPONENTS: &[Added] = &[
    ("more: { like: users, to: limit }\n  limit: { type: rate-limiter, to: edge, rate: 10/s }", &[]),
    (
        "more: { like: users, to: limit }\n  limit: { type: rate-limiter, to: edge }",
        &["21: components.limit: `rate` is missing; how many calls in which time, as in \"10/s\" or \"100 per 15m\""],
    ),
    (
        "more: { like: users, to: limit }\n  limit: { type: rate-limiter, to: edge, algorithm: adaptive }",
        &["21: components.limit: `start` is missing; the rate that it starts with"],
    ),
    (
        "more: { like: users, to: limit }\n  limit: { type: rate-limiter, to: edge, algorithm: adaptive, start: 5/s, rate: 3/s, min: 9/s, max: 2/s }",
        &[
            "21: warning: components.limit.rate: `rate` has no effect: an adaptive limit begins with `start`",
            "21: components.limit.min: min is above max; expected min of at most max",
        ],
    ),
    (
        "more: { like: users, to: limit }\n  limit: { type: rate-limiter, to: edge, algorithm: fixed-window, rate: 0.5/s, burst: 3 }",
        &[
            "21: components.limit.rate: a window can't count 0.5 calls; expected a whole number of calls in a longer time",
            "21: warning: components.limit.burst: `burst` has no effect: the algorithm is fixed-window",
        ],
    ),
    (
        "more: { like: users, to: limit }\n  limit: { type: rate-limiter, to: edge, algorithm: token-bucket, rate: 10/s, burst: 0, delay: 1, start: 5/s }",
        &[
            "21: warning: components.limit.delay: `delay` has no effect: the algorithm is token-bucket",
            "21: warning: components.limit.start: `start` has no effect: the algorithm is token-bucket",
            "21: components.limit.burst: a bucket without tokens lets nobody pass; expected at least 1",
        ],
    ),
    (
        "more: { like: users, to: limit }\n  limit: { type: rate-limiter, to: edge, algorithm: leaky-bucket, rate: 10/s, nodelay: true, delay: 3, refill: whole }",
        &[
            "21: warning: components.limit.refill: `refill` has no effect: the algorithm is leaky-bucket",
            "21: warning: components.limit.delay: `delay` has no effect: `nodelay` lets all of the burst pass at once",
        ],
    ),
    (
        "more: { like: users, to: limit }\n  limit: { type: rate-limiter, to: edge, rate: 10/s, per: tier }",
        &["21: warning: components.limit.per: no client has tiers; give a client `population` { \"tiers\": { … } }"],
    ),
    (
        "more: { like: users, to: limit }\n  limit: { type: rate-limiter, to: edge, rate: 10/s, tiers: { gold: 100/s } }",
        &[
            "21: warning: components.limit.tiers.gold: no client has a tier gold; give a client `population` { \"tiers\": { … } } with its share",
            "21: warning: components.limit.per: no client has tiers; give a client `population` { \"tiers\": { … } }",
        ],
    ),
    (
        "more: { like: users, to: limit }\n  limit: { type: rate-limiter, to: edge, rate: 10/s, per: all, tiers: { gold: 100/s } }",
        &[
            "21: warning: components.limit.tiers: `tiers` has no effect: all are counted together",
            "21: warning: components.limit.tiers.gold: no client has a tier gold; give a client `population` { \"tiers\": { … } } with its share",
        ],
    ),
    (
        "more: { like: users, to: limit }\n  limit: { type: rate-limiter, to: edge, algorithm: adaptive, start: 5/s, tiers: { gold: 5/s } }",
        &[
            "21: components.limit.tiers: an adaptive limit has no tiers; give each tier a limiter of its own",
            "21: warning: components.limit.tiers.gold: no client has a tier gold; give a client `population` { \"tiers\": { … } } with its share",
            "21: warning: components.limit.per: no client has tiers; give a client `population` { \"tiers\": { … } }",
        ],
    ),
    (
        "more: { like: users, to: limit }\n  limit: { type: rate-limiter, to: edge, rate: 10/s, store: edge }",
        &["21: components.limit.store: edge is a load-balancer; expected a cache, a database or a server-pool"],
    ),
    (
        "more: { like: users, to: limit }\n  limit: { type: rate-limiter, to: edge, rate: 10/s, store: redis, scope: shared }",
        &["21: warning: components.limit.scope: `scope` has no effect: what is in the store is everybody's"],
    ),
    (
        "more: { like: users, to: limit }\n  limit: { type: rate-limiter, to: edge, rate: 10/s, on_failure: reject }",
        &["21: warning: components.limit.on_failure: `on_failure` has no effect: there is no `store`"],
    ),
    (
        "more: { like: users, to: limit }\n  limit: { type: rate-limiter, to: redis, rate: 10/s }",
        &[
            "21: components.limit.to: a cache can't stand behind a rate-limiter; whoever calls a cache loads what is missing: let the server pool call it",
        ],
    ),
    (
        "more: { like: users, to: limit }\n  limit: { type: rate-limiter, to: limit, rate: 10/s }",
        &["21: components.limit.to: a limiter can't lead to itself"],
    ),
    (
        "more: { like: users, to: front }\n  front: { type: load-balancer, to: [limit] }\n  limit: { type: rate-limiter, to: edge, rate: 10/s, scope: per-replica }",
        &["22: components.limit.scope: a limiter behind a balancer is one for all; expected shared"],
    ),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_components(COMPONENTS);
}
