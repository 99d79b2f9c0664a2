//! Load balancers.

use super::*;

const CHANGED: &[Changed] = &[
    (
        "to: [web]",
        "to: []",
        &["10: components.edge: neither `to` nor `routes` names a pool; name the pools that calls go to"],
    ),
    (
        "to: [web]",
        "to: [web], routes: [ { classes: read, to: [] } ]",
        &["10: components.edge.routes[0].to: found an empty list; expected at least one pool"],
    ),
    (
        "to: [web]",
        "to: [web], vnodes: 10, bounded_load: 1.2, hash_by: client",
        &[
            "10: warning: components.edge.vnodes: `vnodes` has no effect: the policy is round-robin",
            "10: warning: components.edge.bounded_load: `bounded_load` has no effect: the policy is round-robin",
            "10: warning: components.edge.hash_by: `hash_by` has no effect: the policy is round-robin",
        ],
    ),
    ("to: [web]", "to: [web], policy: consistent-hash, vnodes: 10, bounded_load: 1.2, hash_by: client", &[]),
    (
        "to: [web]",
        "to: [web], cores: 2",
        &["10: warning: components.edge.cores: `cores` has no effect: there is no `service`"],
    ),
    (
        "to: [web]",
        "to: [web], slow_start: { window: 10s, least: 10% }",
        &[
            "10: warning: components.edge.slow_start.least: `least` has no effect: without `aggression` it rises evenly from nothing",
        ],
    ),
    (
        "to: [web]",
        "to: [web], health: {}",
        &["10: warning: components.edge.health: `health` has no effect: it holds no checks"],
    ),
    (
        "to: [web]",
        "to: [web], health: { active: { interval: 1s, timeout: 5s } }",
        &[
            "10: components.edge.health.active.timeout: the timeout is longer than the interval; expected at most the interval",
        ],
    ),
    (
        "to: [web]",
        "to: [ { to: web, weight: 2 } ]",
        &[
            "10: warning: components.edge.to[0].weight: `weight` has no effect: the policy is round-robin; weighted-round-robin looks at it",
        ],
    ),
    (
        "to: [web]",
        "to: [ { to: web, weight: 2 } ], policy: least-connections",
        &[
            "10: warning: components.edge.to[0].weight: `weight` has no effect: the policy is least-connections; weighted-least-connections looks at it",
        ],
    ),
    (
        "to: [web]",
        "to: [ { to: web, policy: random } ]",
        &["10: warning: components.edge.to[0].policy: `policy` has no effect: the balancer chooses the replica"],
    ),
    (
        "to: [web]",
        "to: [ { to: web, backup: true } ]",
        &["10: components.edge.to: all are backups; expected one that they stand in for"],
    ),
    ("to: [web]", "to: [web, web]", &["10: components.edge.to[1]: web stands there twice"]),
    (
        "to: [web]",
        "to: [web], tls: 1ms",
        &[
            "10: components.edge.tls: unknown field; there are to, link, routes, policy, vnodes, bounded_load, hash_by, health, sticky, slow_start, drain, tries, layer, service, cores, keep_alive, cost",
        ],
    ),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_changes(CHANGED);
}
