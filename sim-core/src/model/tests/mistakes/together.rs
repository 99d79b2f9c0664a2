//! What excludes each other, and what has no effect beside others.

use super::*;

const CHANGED: &[Changed] = &[
    (
        "to: edge,",
        "to: edge, link: { datagram: true },",
        &["9: components.users.link.datagram: datagrams that get lost are never answered; give the link a `timeout`"],
    ),
    (
        "to: edge,",
        "to: edge, link: { rto: 1s, loss: 0 },",
        &["9: warning: components.users.link.rto: `rto` has no effect: the link loses nothing"],
    ),
    (
        "capacity: 10,",
        "eviction: fifo,",
        &[
            "17: warning: components.redis.eviction: `eviction` has no effect: the cache has no `capacity`, so it is never full",
        ],
    ),
    (
        "type: database,",
        "type: database, slots: 2, cores: 2,",
        &["19: components.db.cores: found `slots` and `cores`; expected one of them"],
    ),
    (
        "type: database,",
        "type: database, read_from: replica,",
        &[
            "19: components.db.read_from: reads go to replica, but there are no replicas; expected replicas of at least 1",
        ],
    ),
    (
        "to: [web]",
        "to: [ { to: web, weight: 0 } ], policy: weighted-round-robin",
        &["10: components.edge.to: all weights are zero; expected one that is not"],
    ),
    (
        "replicas: 2",
        "overrides: { 2: { speed: 0.5 } }\n    replicas: 2",
        &["13: components.web.overrides.2: there is no replica 2 of web; expected 0 to 1"],
    ),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_changes(CHANGED);
}
