//! Models that are wrong, each with everything that is told about it.

use super::*;

/// A small right model with one part replaced: `at` is a text of it, `by` what stands there instead.
fn changed(at: &str, by: &str) -> String {
    assert!(SMALL.contains(at), "{at} is not in the model");
    SMALL.replacen(at, by, 1)
}

pub const SMALL: &str = r#"format: 1
run: { duration: 10s }
keyspaces:
  items: { keys: 100 }
classes:
  read: { key: items }
  save: { key: items, write: true }
components:
  users: { type: client, to: edge, arrivals: { rate: 10/s } }
  edge: { type: load-balancer, to: [web] }
  web:
    type: server-pool
    replicas: 2
    handlers:
      read: [ { cpu: 2ms }, { call: redis } ]
      save: [ { cpu: 2ms }, { hold: pool, do: [ { call: pool, op: write } ] } ]
  redis: { type: cache, capacity: 10, backing: pool }
  pool: { type: connection-pool, size: 5, to: db }
  db: { type: database, operations: { read: 2ms, write: 3ms } }
"#;

#[test]
fn the_small_model_is_right() {
    assert_eq!(outcome(SMALL), [] as [&str; 0]);
}

/// What stands there, what stands there instead, and what is told.
type Case = (&'static str, &'static str, &'static [&'static str]);

/// What one part knows of the others.
const NEWER: &[Case] = &[
    (
        "{ call: redis }",
        "{ call: redis, times: 1001 }",
        &[
            "15: components.web.handlers.read[1].times: found 1001; expected at most 1000 calls of a cache beside its callers",
        ],
    ),
    ("capacity: 10,", "capacity: 2GiB,", &[]),
    (
        "capacity: 10,",
        "capacity: 10, ttl: 0s,",
        &["17: components.redis.ttl: found \"0s\"; expected at least 1ns; without `ttl` items are good for ever"],
    ),
    ("capacity: 10,", "capacity: 10, ttl: { default: 5m, items: 1h },", &[]),
    (
        "capacity: 10,",
        "capacity: 10, ttl: { itms: 1h },",
        &["17: components.redis.ttl.itms: there is no keyspace itms; did you mean items?"],
    ),
    (
        "capacity: 10, backing: pool",
        "capacity: 10, strategy: read-through",
        &["17: components.redis: `backing` is missing; the cache reads through to what is behind it"],
    ),
    (
        "size: 5,",
        "size: 5, mode: statement,",
        &[
            "16: warning: components.web.handlers.save[1].hold: `hold` has no effect: pool lends connections for each statement",
        ],
    ),
    (
        "size: 5,",
        "size: 0,",
        &["18: components.pool.size: found 0, and no `overflow`; expected at least one connection"],
    ),
    (
        "type: database,",
        "type: database, shards: 10000, replicas: 1000,",
        &["19: components.db.shards: found 10010000 nodes: shards × (1 + replicas); expected at most 100000"],
    ),
    ("{ call: redis }", "{ cached: redis }", &[]),
    (
        "{ call: redis }",
        "{ cached: { cache: redis, key: items, miss: [ { call: pool, op: read } ], hit: [ { delay: 1ms } ] } }",
        &[],
    ),
    (
        "{ call: redis }",
        "{ call: redis, op: find }",
        &["15: components.web.handlers.read[1].op: redis has no operation find; there are read, write, delete"],
    ),
    ("{ call: redis }", "{ call: redis, timeout: 1s, retry: 2, link: { rtt: 1ms } }", &[]),
    ("{ call: redis }", "{ call: { to: redis, timeout: 1s }, times: 3 }", &[]),
    (
        "{ call: redis }",
        "{ call: redis, times: 0 }",
        &["15: components.web.handlers.read[1].times: found 0; expected at least 1"],
    ),
    (
        "{ call: redis }",
        "{ parallel: [ [ { call: redis } ], [ { cpu: 1ms } ] ], need: 3 }",
        &["15: components.web.handlers.read[1].need: found 3; expected at most 2, the number of branches"],
    ),
    (
        "{ call: redis }",
        "{ choose: [ { weight: 0, do: [ { call: redis } ] } ] }",
        &["15: components.web.handlers.read[1].choose: all weights are zero; expected one that is not"],
    ),
    ("{ call: redis }", "{ call: redis }, { fail: { share: 5%, as: denied } }, { fail: 1% }", &[]),
    (
        "{ keys: 100 }",
        "{ popularity: zipf(1) }",
        &["4: keyspaces.items: `keys` of items is missing; how many keys there are"],
    ),
    ("{ keys: 100 }", "{ popularity: [ 5, 3, 1 ] }", &[]),
    (
        "{ keys: 100 }",
        "{ keys: 2, popularity: [ 5, 3, 1 ] }",
        &["4: keyspaces.items.keys: 2 keys, but 3 weights; expected a weight for each key"],
    ),
    (
        "{ keys: 100 }",
        "{ keys: 100, popularity: [ 0, 0 ] }",
        &["4: keyspaces.items.popularity: found a list; expected a list of weights that are not all zero"],
    ),
    ("{ keys: 100 }", "{ keys: 100, popularity: 'hotspot(10%, 50%)' }", &[]),
    (
        "{ keys: 100 }",
        "{ keys: 100, popularity: 'hotspot(200, 50%)' }",
        &["4: keyspaces.items.popularity: 200 hot keys of 100; expected at most all keys"],
    ),
    (
        "{ keys: 100 }",
        "{ keys: 100, popularity: zipf(-1) }",
        &["4: keyspaces.items.popularity: found \"zipf(-1)\"; expected an exponent between 0 and 20, as in zipf(0.99)"],
    ),
    ("{ keys: 100 }", "{ keys: 0 }", &["4: keyspaces.items.keys: found 0; expected at least 1"]),
    ("to: edge,", "to: edge, link: { retry: { retries: 2, when: [ 429, 5xx, pool_timeout ] } },", &[]),
    ("to: edge,", "to: edge, link: { retry: { retries: 2, when: timeout } },", &[]),
    (
        "to: edge,",
        "to: edge, link: { retry: { retries: 2, when: 404 } },",
        &[
            "9: components.users.link.retry.when: found 404; expected 5xx, 429, timeout, connect, rejected, throttled, denied, …",
        ],
    ),
    ("duration: 10s", "duration: 10s, warmup: 0, drain: 0s", &[]),
    ("to: edge,", "to: edge, journey: [ { class: read, times: 2, think: 1s }, { class: save, key: same } ],", &[]),
    (
        "to: edge,",
        "to: edge, journey: [ { class: reed } ],",
        &["9: components.users.journey[0].class: there is no class reed; did you mean read?"],
    ),
    ("to: [web]", "to: [web], routes: [ { classes: save, to: web } ]", &[]),
    (
        "to: [web]",
        "routes: [ { classes: [ read ], to: web } ]",
        &[
            "10: components.edge: save can arrive here and has nowhere to go; add a route for it, or pools in `to`",
            "16: warning: components.web.handlers.save: the handler has no effect: save never arrives here",
        ],
    ),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    let cases: &[(&str, &str, &[&str])] = &[
        // Fields.
        ("replicas: 2", "replcas: 2", &["13: components.web.replcas: unknown field; did you mean replicas?"]),
        (
            "replicas: 2",
            "zzz: 2",
            &[
                "13: components.web.zzz: unknown field; there are replicas, cores, workers, async, queue, scheduling, speed, startup, error_rate, cpu_request, memory, pause, adaptive_limit, slowdown, zones, handlers, overrides, cost",
            ],
        ),
        ("replicas: 2", "warmup: 2s", &["13: components.web.warmup: `warmup` is not in this version of Kneepoint yet"]),
        (
            "run: { duration: 10s }",
            "run: {}",
            &["2: run: `duration` is missing; The window that is measured: [0, duration)."],
        ),
        ("format: 1\n", "", &["1: `format` is missing; The version of the language: write `\"format\": 1`."]),
        (
            "format: 1\n",
            "format: 3\n",
            &[
                "1: format: this model was made for a newer Kneepoint (format 3); expected \"format\": 1, the newest that this version reads",
            ],
        ),
        ("format: 1\n", "format: one\n", &["1: format: found \"one\"; expected a whole number"]),
        ("format: 1\n", "format: 1\nevent: []\n", &["2: event: unknown field; did you mean events?"]),
        ("format: 1\n", "format: 1\ntiers: {}\n", &["2: tiers: `tiers` is not in this version of Kneepoint yet"]),
        // Values.
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
        (
            "duration: 10s",
            "duration: 90000d",
            &["2: run.duration: found \"90000d\"; expected at most 100 years (36500d)"],
        ),
        (
            "replicas: 2",
            "replicas: -2",
            &["13: components.web.replicas: found -2; expected a whole number, not negative"],
        ),
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
        // Names.
        ("to: edge", "to: egde", &["9: components.users.to: there is no component egde; did you mean edge?"]),
        (
            "to: edge",
            "to: users",
            &["9: components.users.to: users is a client; expected something that can be called"],
        ),
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
        // Flow.
        ("      save: [ { cpu: 2ms }", "      '*': [ { cpu: 2ms }", &[]),
        (
            "      save: [ { cpu: 2ms }, { hold: pool, do: [ { call: pool, op: write } ] } ]\n",
            "",
            &[
                "14: components.web.handlers: save can arrive here and has no handler; add one, or `*` for all classes that are not named",
            ],
        ),
        (
            "{ call: redis }",
            "{ call: edge }",
            &[
                "15: components.web.handlers.read[1].call: read calls go in a circle without end: edge → web → edge",
                "17: warning: components.redis: nothing calls it",
            ],
        ),
        (
            "{ call: redis }",
            "{ choose: [ { weight: 1, do: [ { call: edge } ] }, { weight: 9, do: [ { call: redis } ] } ] }",
            &[],
        ),
        (
            "  read: { key: items }",
            "  read: {}",
            &[
                "17: warning: components.redis: calls of read come without a key: they bypass the cache; give the class or the call a `key`",
            ],
        ),
        // What belongs together.
        (
            "to: edge,",
            "to: edge, link: { datagram: true },",
            &[
                "9: components.users.link.datagram: datagrams that get lost are never answered; give the link a `timeout`",
            ],
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
    let cases = cases.iter().chain(NEWER);
    let wrong: Vec<_> = cases
        .map(|(at, by, expected)| (by, outcome(&changed(at, by)), *expected))
        .filter(|(_, told, expected)| told != expected)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_mistake_in_an_added_part_is_told() {
    let cases: &[(&str, &[&str])] = &[
        ("events: [ { at: 1s, set: { web.replicas: 5, db.slots: 3, users.arrivals.rate: 20/s } } ]", &[]),
        (
            "events: [ { at: 1s, set: { web.repliacs: 5 } } ]",
            &["20: events[0].set.web.repliacs: there is no field repliacs; did you mean replicas?"],
        ),
        (
            "events: [ { at: 1s, set: { web.cores: 5 } } ]",
            &[
                "20: events[0].set.web.cores: cores can't change while the model runs; these can: replicas, speed, error_rate",
            ],
        ),
        (
            "events: [ { at: 1s, set: { web.replicas: many } } ]",
            &["20: events[0].set.web.replicas: found \"many\"; expected a whole number"],
        ),
        (
            "events: [ { at: 1s, set: { run.duration: 5s } } ]",
            &[
                "20: events[0].set.run.duration: run.duration can't change while the model runs; name a field of a component",
            ],
        ),
        (
            "events: [ { at: 1s, do: flush, target: web } ]",
            &["20: events[0].target: web is a server-pool; expected a cache"],
        ),
        ("events: [ { at: 1s, do: flush, target: redis } ]", &[]),
        ("events: [ { at: 1s, do: purge, target: redis } ]", &[]),
        ("events: [ { at: 1s } ]", &["20: events[0]: found neither `set` nor `do`; expected one of them"]),
        (
            "events: [ { at: 10s, do: flush, target: redis } ]",
            &["20: warning: events[0].at: it has no effect on what is measured: the window ends before"],
        ),
        (
            "faults: [ { at: 1s, for: 1s, target: 'web[1]', kind: crash }, { at: 1s, for: 1s, target: db, kind: slow, factor: 3 } ]",
            &[],
        ),
        ("faults: [ { at: 1s, for: 1s, target: [ 'db/shard[0]' ], kind: { slow: { factor: 3 } } } ]", &[]),
        (
            "faults: [ { at: 1s, for: 1s, target: 'web[2]', kind: crash } ]",
            &["20: faults[0].target: there is no replica 2 of web; expected 0 to 1"],
        ),
        (
            "faults: [ { at: 1s, for: 1s, target: 'db/shard[1]', kind: crash } ]",
            &["20: faults[0].target: there is no shard 1 of db; expected 0 to 0"],
        ),
        (
            "faults: [ { at: 1s, for: 1s, target: 'db[1]', kind: crash } ]",
            &[
                "20: faults[0].target: db has shards, and replicas of them; expected db/shard[0], or with replicas db/shard[0]/replica[0]",
            ],
        ),
        (
            "faults: [ { at: 1s, for: 1s, target: wbe, kind: crash } ]",
            &["20: faults[0].target: there is no component wbe; did you mean web?"],
        ),
        (
            "faults: [ { at: 1s, for: 1s, target: web, kind: slow } ]",
            &["20: faults[0]: `factor` is missing; how many times slower"],
        ),
        (
            "faults: [ { at: 1s, for: 1s, target: web, kind: stall }, { mtbf: 1s, mttr: exp(1s), target: db, kind: { error-rate: 10% } }, { at: 1s, for: 1s, kind: { partition: { from: web, to: db } } }, { at: 1s, for: 1s, target: db, kind: latency, latency: 200ms } ]",
            &[],
        ),
        (
            "faults: [ { at: 1s, mtbf: 1s, target: web, kind: crash }, { target: web, kind: stall }, { at: 1s, mttr: 1s, target: web, kind: loss } ]",
            &[
                "20: faults[0].at: found `at` and `mtbf`; expected a moment (`at`, `for`) or chance (`mtbf`, `mttr`)",
                "20: faults[1]: `at` is missing; when it begins, from the start of the window; or `mtbf`, how often",
                "20: faults[2]: `for` is missing; how long it lasts",
                "20: faults[2]: `mtbf` is missing; the mean time between failures",
                "20: faults[2]: `share` is missing; the share of messages that are lost",
            ],
        ),
        (
            "faults: [ { at: 1s, for: 1s, kind: { partition: { from: redis, to: web } } }, { at: 1s, for: 1s, target: web, kind: flush } ]",
            &[
                "20: warning: faults[1].for: `for` has no effect: a flush is over at once",
                "20: faults[1].target: web is a server-pool, which can't be flushed; expected a cache",
            ],
        ),
        (
            "objectives: [ 'p99 < 1s', 'p99(read) < 1s', 'utilization(web.workers) < 80%', 'queue(web[1]) < 5', 'p99(pool.wait) < 1s', 'hit_ratio(redis) > 50%' ]",
            &[],
        ),
        (
            "objectives: [ 'p99 < 100' ]",
            &["20: objectives[0]: found \"p99 < 100\"; expected a time with a unit; write \"100ms\""],
        ),
        (
            "objectives: [ 'p99(wbe) < 1s' ]",
            &["20: objectives[0]: there is no class or component wbe; did you mean web?"],
        ),
        (
            "objectives: [ 'utilization(web.worker) < 80%' ]",
            &["20: objectives[0]: web has no station worker; did you mean workers?"],
        ),
        (
            "objectives: [ 'utilization < 80%' ]",
            &["20: objectives[0]: utilization of what?; expected a component in brackets, as utilization(web)"],
        ),
        (
            "objectives: [ 'hit_ratio(web) > 80%' ]",
            &["20: objectives[0]: web is a server-pool, which has no hit_ratio; expected a cache or cdn"],
        ),
        (
            "objectives: [ 'p99(web.workers) < 1s' ]",
            &["20: objectives[0]: a station has no p99; p99(web.workers.wait) for its waiting time"],
        ),
        ("objectives: [ 5 ]", &["20: objectives[0]: found 5; expected an objective, as \"p99 < 250ms\""]),
        ("variants: { more: { web.replicas: 3 } }\nexpect: [ 'p99@more < 0.9 * p99' ]", &[]),
        (
            "variants: { more: { web.replcas: 3 } }",
            &["20: variants.more: web.replcas: there is no field replcas; did you mean replicas?"],
        ),
        (
            "variants: { more: { web.replicas: -3 } }",
            &["20: variants.more: components.web.replicas: found -3; expected a whole number, not negative"],
        ),
        ("expect: [ 'p99@more < 0.9 * p99' ]", &["20: expect[0]: there is no variant more"]),
        ("x-note: [ anything ]\ndescription: a model\nlayout: { web: [1, 2] }\n$schema: none", &[]),
    ];
    let wrong: Vec<_> = cases
        .iter()
        .map(|(part, expected)| (part, outcome(&format!("{SMALL}{part}\n")), *expected))
        .filter(|(_, told, expected)| told != expected)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_mistake_in_an_added_component_is_told() {
    let cases: &[(&str, &[&str])] = &[
        (
            "scaler: { type: autoscaler, target: web, max: 5, metrics: [ { cpu: 70% } ], behavior: { scale_up: { policies: [ { percent: 100%, per: 15s } ] } } }",
            &[],
        ),
        (
            "scaler: { type: autoscaler, target: db, max: 5 }",
            &["20: components.scaler.target: db is a database; expected a server-pool"],
        ),
        (
            "scaler: { type: autoscaler, target: web, min: 6, max: 5 }",
            &["20: components.scaler.min: min 6 is above max 5; expected min of at most max"],
        ),
        (
            "scaler: { type: autoscaler, target: web, max: 5, policy: step }",
            &["20: components.scaler: `rules` is missing; what changes when"],
        ),
        (
            "scaler: { type: autoscaler, target: web, max: 5, policy: step, rules: [ { metric: cpu, above: 80%, for: 5m, change: '+1', cooldown: 3m }, { metric: latency, below: 100ms, steps: [ { upper: 0, lower: 10%, change: '-10%' } ] }, { metric: cpu, above: 100ms, change: '=3' }, { metric: queue_length, change: 1 } ] }",
            &[
                "20: components.scaler.rules[1].steps: it is no threshold of latency; expected a time, as \"500ms\"",
                "20: components.scaler.rules[2].above: it is no threshold of cpu; expected a share, as \"80%\"",
                "20: components.scaler.rules[3]: found neither `above` nor `below`; expected one of them",
            ],
        ),
        (
            "scaler: { type: autoscaler, target: web, max: 5, policy: target-tracking, metrics: [ { memory: 80% }, { cpu: 70%, latency: 1s }, { queue_length: { of: db } } ], cooldown: { out: 1m }, tolerance: 5% }",
            &[
                "20: components.scaler.metrics[0]: web does not say what memory it has; give it a `memory` with a `limit` or a `request`",
                "20: components.scaler.metrics[1]: found `cpu` and `latency`; expected one for each entry of `metrics`",
                "20: components.scaler.metrics[2].queue_length: found neither `average` nor `value`; expected one of them",
                "20: warning: components.scaler.tolerance: `tolerance` has no effect: the policy is target-tracking",
            ],
        ),
        (
            "scaler: { type: autoscaler, target: web, max: 5, behavior: { scale_up: { policies: [ { per: 15s } ] } } }",
            &[
                "20: components.scaler.behavior.scale_up.policies[0]: found neither percent nor pods; expected one of them",
            ],
        ),
        ("other: { like: web, replicas: 3 }", &["20: warning: components.other: nothing calls it"]),
        ("other: { like: wbe }", &["20: components.other.like: there is no component wbe; did you mean web?"]),
        (
            "other: { like: other }",
            &["20: components.other.like: components are like each other in a circle: other → other"],
        ),
        ("'a b': { like: web }", &["20: components.a b: \"a b\" can't be a name; expected letters, digits, - and _"]),
        (
            "more: { like: users, arrivals: { users: 5, think: 1s }, population: { clients: 5 } }",
            &[
                "20: warning: components.more.population.clients: `clients` has no effect: each user of a closed loop is a client",
            ],
        ),
        (
            "more: { like: users, arrivals: { trace: log.csv } }",
            &["20: components.more.arrivals.trace: found \"log.csv\"; log.csv can't be read here"],
        ),
        (
            "more: { like: users, link: { retry: { retries: 3, when: [5xx, timeout], backoff: 'exponential(100ms, factor=2, max=1s)', jitter: full } } }",
            &[],
        ),
        (
            "more: { like: users, link: { breaker: { consecutive: 5, error_rate: 50% } } }",
            &[
                "20: components.more.link.breaker: found several ways to open; expected one of `consecutive`, `failures`, and shares (`error_rate`, `slow_calls`)",
            ],
        ),
        (
            "more: { like: users, link: { retry: { retries: 3, backoff: 'exponential(100, factor=2)' } } }",
            &["20: components.more.link.retry.backoff: found \"100\"; expected a time with a unit; write \"100ms\""],
        ),
        ("more: { like: users, arrivals: { rate: 5/s, process: 'mmpp(1 for 60s, 8 for 5s)' } }", &[]),
    ];
    let wrong: Vec<_> = cases
        .iter()
        .map(|(part, expected)| (part, outcome(&format!("{SMALL}  {part}\n")), *expected))
        .filter(|(_, told, expected)| told != expected)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn all_mistakes_come_at_once() {
    let text = SMALL
        .replacen("duration: 10s", "duration: 10", 1)
        .replacen("replicas: 2", "replcas: 2", 1)
        .replacen("to: edge", "to: egde", 1)
        .replacen("cpu: 2ms }, { call: redis", "cpu: -2ms }, { call: rediss", 1)
        .replacen("size: 5", "size: five", 1)
        .replacen("key: items }", "key: itms }", 1);
    assert_eq!(
        outcome(&text),
        [
            "2: run.duration: found 10; expected a time with a unit; write \"10ms\"",
            "6: classes.read.key: there is no keyspace itms; did you mean items?",
            "9: components.users.to: there is no component egde; did you mean edge?",
            "13: components.web.replcas: unknown field; did you mean replicas?",
            "15: components.web.handlers.read[0].cpu: found \"-2ms\"; expected a time with a unit or a distribution such as exp(4ms); it can't be negative",
            "15: components.web.handlers.read[1].call: there is no component rediss; did you mean redis?",
            "18: components.pool.size: found \"five\"; expected a whole number",
        ]
    );
}
