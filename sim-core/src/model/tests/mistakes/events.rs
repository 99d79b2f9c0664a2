//! Events.

use super::*;

const ADDED: &[Added] = &[
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
        "events: [ { at: 1s, do: flush, target: redis, soft: true } ]",
        &[
            "20: warning: events[0].soft: `soft` has no effect: redis serves nothing that has ended (`stale_while_revalidate`)",
        ],
    ),
    (
        "events: [ { at: 1s, do: deploy, target: web, soft: true } ]",
        &["20: warning: events[0].soft: `soft` has no effect: only purge, flush and invalidate take something out"],
    ),
    (
        "events: [ { at: 1s, do: flush, target: 'redis/shield' } ]",
        &["20: events[0].target: redis has no instance of this name; expected redis"],
    ),
    (
        "events: [ { at: 1s, do: deploy, target: 'web/shield' } ]",
        &["20: events[0].target: a part can't be deployed by itself; expected web"],
    ),
    (
        "events: [ { at: 1s, do: deploy, target: 'web[1]' }, { at: 1s, do: restart, target: edge }, { at: 1s, do: restart }, { at: 1s, do: warm, target: redis } ]",
        &[
            "20: events[0].target: a part can't be deployed by itself; expected web",
            "20: events[1].target: edge is a load-balancer; expected a server-pool, a cache, a database or a cdn",
            "20: events[2]: `target` is missing; what the restart is of",
            "20: events[3].target: redis has no `warm`; what it is filled with: 100, 10%, or by keyspace",
        ],
    ),
    (
        "events: [ { at: 1s, do: flush, set: { web.replicas: 3 } }, { at: 1s, set: { web.replicas: 3 }, target: web } ]",
        &[
            "20: events[0]: found `set` and `do`; expected one of them",
            "20: warning: events[1].target: `target` has no effect: paths say what is set",
        ],
    ),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_parts(ADDED);
}
