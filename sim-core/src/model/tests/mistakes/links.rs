//! Links.

use super::*;

const CHANGED: &[Changed] = &[
    (
        "to: edge,",
        "to: edge, link: { cancel: true },",
        &["9: warning: components.users.link.cancel: `cancel` has no effect: the link has no `timeout`"],
    ),
    (
        "to: edge,",
        "to: edge, link: { scope: shared },",
        &[
            "9: warning: components.users.link.scope: `scope` has no effect: the link has no `max_in_flight`, no `breaker` and no budget of retries",
        ],
    ),
    (
        "to: edge,",
        "to: edge, link: { policy: random },",
        &["9: warning: components.users.link.policy: `policy` has no effect: edge is no server-pool"],
    ),
    (
        "to: edge,",
        "to: edge, link: { retry: { retries: 0, backoff: 1s } },",
        &["9: warning: components.users.link.retry.backoff: `backoff` has no effect: there are no retries"],
    ),
    (
        "to: edge,",
        "to: edge, link: { retry: { retries: 1, jitter: full } },",
        &["9: warning: components.users.link.retry.jitter: `jitter` has no effect: there is no `backoff`"],
    ),
    (
        "to: edge,",
        "to: edge, link: { retry: { retries: 1, when: [] } },",
        &["9: components.users.link.retry.when: found an empty list; expected what is tried again"],
    ),
    (
        "to: edge,",
        "to: edge, link: { breaker: { consecutive: 5, window: 10 } },",
        &[
            "9: warning: components.users.link.breaker.window: `window` has no effect: it opens after so many bad calls in a row",
        ],
    ),
    (
        "to: edge,",
        "to: edge, link: { breaker: { failures: 5, min_calls: 3 } },",
        &[
            "9: warning: components.users.link.breaker.min_calls: `min_calls` has no effect: it opens by a number of bad calls",
        ],
    ),
    (
        "to: edge,",
        "to: edge, link: { breaker: { error_rate: 0% } },",
        &["9: components.users.link.breaker: found a share of 0; a breaker that opens at 0% never closes"],
    ),
    (
        "to: edge,",
        "to: edge, link: { fallback: { to: edge, cancel: true } },",
        &["9: warning: components.users.link.fallback.cancel: `cancel` has no effect: the link has no `timeout`"],
    ),
    (
        "to: edge,",
        "to: edge, link: { datagram: true, timeout: 1s, loss: 1%, rto: 1s },",
        &["9: warning: components.users.link.rto: `rto` has no effect: datagrams are not sent again"],
    ),
    (
        "to: edge,",
        "to: edge, link: { fallback: { to: edg } },",
        &["9: components.users.link.fallback.to: there is no component edg; did you mean edge?"],
    ),
];

const COMPONENTS: &[Added] = &[
    (
        "more: { like: users, to: web, link: { policy: least-connections } }",
        &[
            "20: components.more.link.policy: a caller can't choose by least-connections; put a load-balancer between; callers go round-robin, random or ip-hash",
        ],
    ),
    ("more: { like: users, to: web, link: { policy: ip-hash } }", &[]),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_changes(CHANGED);
    told_of_components(COMPONENTS);
}
