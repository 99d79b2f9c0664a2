//! Names of what there is not, or of what is something else.

use super::*;

const CHANGED: &[Changed] = &[
    ("to: edge", "to: egde", &["9: components.users.to: there is no component egde; did you mean edge?"]),
    ("to: edge", "to: users", &["9: components.users.to: users is a client; expected something that can be called"]),
    (
        "key: items }\n  save",
        "key: item }\n  save",
        &["6: classes.read.key: there is no keyspace item; did you mean items?"],
    ),
    (
        "arrivals:",
        "mix: { raed: 1 }, arrivals:",
        &["9: components.users.mix.raed: there is no class raed; did you mean read?"],
    ),
    (
        "arrivals:",
        "mix: { read: 0 }, arrivals:",
        &["9: components.users.mix: all weights are zero; expected one that is not"],
    ),
    (
        "  save: { key",
        "  web: { key",
        &[
            "7: classes.web: web is a component too; expected a name of its own",
            "16: components.web.handlers.save: there is no class save; there are read, web, *",
        ],
    ),
    (
        "  redis: { type",
        "  run: { type",
        &[
            "15: components.web.handlers.read[1].call: there is no component redis; there are users, edge, web, run, pool, db",
            "17: components.run: run is a field of the model itself; expected another name",
        ],
    ),
    (
        "hold: pool",
        "hold: redis",
        &["16: components.web.handlers.save[1].hold: redis is a cache; expected a connection-pool"],
    ),
    (
        "{ call: redis }",
        "{ cached: redis, coalesce: true, miss: [ { parallel: [ [ { call: redis } ] ] } ] }",
        &[
            "15: components.web.handlers.read[1].miss: `redis` is looked up again inside of its own miss; with `coalesce` a request would wait for its own load: look up another cache, or say `coalesce: false` here",
        ],
    ),
    (
        "{ call: redis }",
        "{ cached: pool }",
        &["15: components.web.handlers.read[1].cached: pool is a connection-pool; expected a cache"],
    ),
    (
        "{ call: redis }",
        "{ call: redis, key: item }",
        &["15: components.web.handlers.read[1].key: there is no keyspace item; did you mean items?"],
    ),
    (
        "op: write",
        "op: wriet",
        &["16: components.web.handlers.save[1].do[0].op: db has no operation wriet; did you mean write?"],
    ),
    (
        "{ read: 2ms, write: 3ms }",
        "{ read: 2ms }",
        &["16: components.web.handlers.save[1].do[0].op: db has no operation write; there are read"],
    ),
    (
        "to: [web]",
        "to: [redis]",
        &[
            "10: components.edge.to[0]: a cache can't stand behind a balancer; whoever calls a cache loads what is missing: let the server pool call it",
        ],
    ),
    ("to: [web]", "to: [db]", &["10: components.edge.to[0]: db is a database; expected a server-pool"]),
];

const COMPONENTS: &[Added] = &[
    ("other: { like: web, replicas: 3 }", &["20: warning: components.other: nothing calls it"]),
    ("other: { like: wbe }", &["20: components.other.like: there is no component wbe; did you mean web?"]),
    (
        "other: { like: other }",
        &["20: components.other.like: components are like each other in a circle: other → other"],
    ),
    ("'a b': { like: web }", &["20: components.a b: \"a b\" can't be a name; expected letters, digits, - and _"]),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_changes(CHANGED);
    told_of_components(COMPONENTS);
}
