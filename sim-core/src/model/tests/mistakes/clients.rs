//! Clients.

use super::*;

const COMPONENTS: &[Added] = &[
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

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_components(COMPONENTS);
}
