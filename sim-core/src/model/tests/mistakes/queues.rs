//! Queues.

use super::*;

const COMPONENTS: &[Added] = &[
    (
        "more: { like: users, to: work }\n  work: { type: server-pool, handlers: { '*': [ { publish: jobs } ] } }\n  jobs: { type: queue, to: web }",
        &[],
    ),
    (
        "more: { like: users, to: work }\n  work: { type: server-pool, handlers: { '*': [ { publish: jobs } ] } }\n  jobs: { type: queue, to: web, when_full: block }",
        &[
            "22: warning: components.jobs.when_full: `when_full` has no effect: the queue has no `capacity`, so it is never full",
        ],
    ),
    (
        "more: { like: users, to: work }\n  work: { type: server-pool, handlers: { '*': [ { publish: jobs } ] } }\n  jobs: { type: queue, to: web, capacity: 5, batch: 10 }",
        &[
            "22: components.jobs.capacity: a batch of 10 never fits into a capacity of 5; expected at least the size of a batch",
        ],
    ),
    (
        "more: { like: users, to: work }\n  work: { type: server-pool, handlers: { '*': [ { publish: jobs } ] } }\n  jobs: { type: queue, to: web, batch: { size: 1, wait: 1s } }",
        &["22: warning: components.jobs.batch.wait: `wait` has no effect: a batch is one message"],
    ),
    (
        "more: { like: users, to: work }\n  work: { type: server-pool, handlers: { '*': [ { publish: jobs } ] } }\n  jobs: { type: queue, to: web, batch: { size: 5, wait: 1s } }",
        &[],
    ),
    (
        "more: { like: users, to: work }\n  work: { type: server-pool, handlers: { '*': [ { publish: jobs } ] } }\n  jobs: { type: queue, to: redis }",
        &[
            "22: components.jobs.to: redis is a cache, which consumes no messages; expected a server-pool, or something else that works",
        ],
    ),
    (
        "more: { like: users, to: work }\n  work: { type: server-pool, handlers: { '*': [ { publish: jobs } ] } }\n  jobs: { type: queue, to: web, dead_letters: redis }",
        &[
            "22: components.jobs.dead_letters: redis is a cache, which consumes no messages; expected a server-pool, or something else that works",
        ],
    ),
    (
        "more: { like: users, to: work }\n  work: { type: server-pool, handlers: { '*': [ { call: jobs } ] } }\n  jobs: { type: queue, to: web }",
        &[
            "21: components.work.handlers.*[0].call: jobs is a queue, which gives no answer; write { \"publish\": \"jobs\" }",
        ],
    ),
    (
        "more: { like: users, to: work }\n  work: { type: server-pool, handlers: { '*': [ { publish: jobs } ] } }\n  jobs: { type: queue, to: web, partitions: 3 }",
        &[
            "22: components.jobs.partitions: unknown field; there are to, link, capacity, when_full, concurrency, batch, redeliver, dead_letters, cost",
        ],
    ),
    (
        "more: { like: users, to: work }\n  work: { type: server-pool, handlers: { '*': [ { publish: jobs } ] } }\n  jobs: { type: queue, to: web, max_age: 3s }",
        &[
            "22: components.jobs.max_age: unknown field; there are to, link, capacity, when_full, concurrency, batch, redeliver, dead_letters, cost",
        ],
    ),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_components(COMPONENTS);
}
