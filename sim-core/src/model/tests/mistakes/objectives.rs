//! Objectives, variants and expectations.

use super::*;

const ADDED: &[Added] = &[
    (
        "objectives: [ 'p99 < 1s', 'p99(read) < 1s', 'utilization(web.workers) < 80%', 'queue(web[1]) < 5', 'p99(pool.wait) < 1s', 'hit_ratio(redis) > 50%' ]",
        &[],
    ),
    (
        "objectives: [ 'p99 < 100' ]",
        &["20: objectives[0]: found \"p99 < 100\"; expected a time with a unit; write \"100ms\""],
    ),
    ("objectives: [ 'p99(wbe) < 1s' ]", &["20: objectives[0]: there is no class or component wbe; did you mean web?"]),
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
        "objectives: [ 'within(1s, users) > 99%' ]",
        &[
            "20: objectives[0]: users is a client, which has no within; expected a class, or within alone, which is over all requests",
        ],
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
    (
        "objectives: [ 'hit_ratio(redis/shield) > 50%', 'cost < 5', 'cost(web) < 5', 'p99(read.wait) < 1s', 'backlog(web) < 5', 'utilization(read) < 5%', 'p99(web.cores.wait.x) < 1s', 'p99(db/shard[0]) < 1s' ]",
        &[
            "20: objectives[4]: found \"backlog(web) < 5\"; expected a share of the whole; 5 is more than the whole; write \"5%\"",
            "20: objectives[6]: found \"p99(web.cores.wait.x) < 1s\"; expected a class, component, station or instance in the brackets, as p99(web), utilization(web.workers) or queue(web[2]); found \"web.cores.wait.x\"",
            "20: objectives[0]: redis has no instance of this name; expected redis",
            "20: objectives[2]: web has no cost; write \"cost\": 0.12 at a component for what each of its nodes costs an hour",
            "20: objectives[3]: read is a class: it has no stations and no parts; expected p99(read), or a component",
            "20: objectives[5]: read is a class, which has no utilization; expected a component",
        ],
    ),
    ("expect: [ 'p99 < 0.9' ]", &["20: expect[0]: found \"p99 < 0.9\"; expected a time with a unit; write \"0.9ms\""]),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_parts(ADDED);
}
