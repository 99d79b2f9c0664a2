//! Values that can't be read, and those out of range.

use super::*;

const CHANGED: &[Changed] = &[
    ("duration: 10s", "duration: 10", &["2: run.duration: found 10; expected a time with a unit; write \"10ms\""]),
    (
        "duration: 10s",
        "duration: -10s",
        &["2: run.duration: found \"-10s\"; expected a time with a unit; it can't be negative"],
    ),
    (
        "duration: 10s",
        "duration: 200000d",
        &["2: run.duration: found \"200000d\"; expected a time with a unit; it is longer than 292 years"],
    ),
    ("duration: 10s", "duration: 90000d", &["2: run.duration: found \"90000d\"; expected at most 100 years (36500d)"]),
    ("replicas: 2", "replicas: -2", &["13: components.web.replicas: found -2; expected a whole number, not negative"]),
    ("replicas: 2", "replicas: 2.5", &["13: components.web.replicas: found 2.5; expected a whole number"]),
    ("replicas: 2", "replicas: two", &["13: components.web.replicas: found \"two\"; expected a whole number"]),
    ("replicas: 2", "replicas: 1000000", &["13: components.web.replicas: found 1000000; expected at most 100000"]),
    (
        "replicas: 2",
        "replicas: .nan",
        &["13: components.web.replicas: found .nan; expected a number that is not so large"],
    ),
    (
        "replicas: 2",
        "replicas: 1e400",
        &["13: components.web.replicas: found 1e400; expected a number that is not so large"],
    ),
    ("replicas: 2", "replicas: [2]", &["13: components.web.replicas: found a list; expected a whole number"]),
    (
        "rate: 10/s",
        "rate: 10",
        &["9: components.users.arrivals.rate: found 10; expected a rate with a unit; write \"10/s\""],
    ),
    ("rate: 10/s", "rate: 2e9/s", &["9: components.users.arrivals.rate: found \"2e9/s\"; expected at most 1e9/s"]),
    (
        "{ rate: 10/s }",
        "{ rte: 10/s }",
        &[
            "9: components.users.arrivals: found a map with rte; expected rate, stages, daily, users or trace; did you mean rate?",
        ],
    ),
    (
        "{ rate: 10/s }",
        "{ rate: 10/s, users: 5 }",
        &["9: components.users.arrivals: found rate and users; expected one of them"],
    ),
    (
        "{ rate: 10/s }",
        "{ stages: [ { for: 1s } ] }",
        &["9: components.users.arrivals.stages[0]: found neither rate nor ramp_to; expected one of them"],
    ),
    (
        "{ cpu: 2ms }, { call: redis }",
        "{ cpu: 2 }, { call: redis }",
        &[
            "15: components.web.handlers.read[0].cpu: found 2; expected a time with a unit or a distribution such as exp(4ms); write \"2ms\"",
        ],
    ),
    (
        "{ cpu: 2ms }, { call: redis }",
        "{ cup: 2ms }, { call: redis }",
        &[
            "15: components.web.handlers.read[0]: unknown step cup; expected a step with cpu, delay, call, publish, cached, hold, parallel, …; did you mean cpu?",
        ],
    ),
    (
        "{ cpu: 2ms }, { call: redis }",
        "{ cpu: 2ms, call: redis }",
        &[
            "15: components.web.handlers.read[0]: one step with cpu and call; expected a step for each, one after the other",
        ],
    ),
    (
        "{ call: redis }",
        "{ publish: redis }",
        &["15: components.web.handlers.read[1].publish: redis is a cache; expected a queue"],
    ),
    (
        "to: [web]",
        "to: [web], policy: least_connections",
        &[
            "10: components.edge.policy: found \"least_connections\"; expected round-robin, weighted-round-robin, random, least-connections, power-of-two, ip-hash, weighted-least-connections, …; did you mean least-connections?",
        ],
    ),
    (
        "to: [web]",
        "to: [ { to: web, hedge: 50ms } ]",
        &[
            "10: components.edge.to[0].hedge: a balancer makes no copies of a call; give the `hedge` to the link of the caller",
        ],
    ),
    (
        "to: edge,",
        "to: edge, link: { timout: 1s },",
        &["9: components.users.link.timout: unknown field; did you mean timeout?"],
    ),
    (
        "type: load-balancer",
        "type: loadbalancer",
        &[
            "10: components.edge.type: found \"loadbalancer\"; expected client, load-balancer, server-pool, cache, connection-pool, database, queue, …; did you mean load-balancer?",
        ],
    ),
    (
        "type: load-balancer, ",
        "",
        &[
            "10: components.edge: `type` is missing; expected client, load-balancer, server-pool, cache, connection-pool, database, queue, …",
        ],
    ),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_changes(CHANGED);
}
