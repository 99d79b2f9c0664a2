//! What single instances have otherwise.

use super::*;

const CHANGED: &[Changed] = &[
    (
        "replicas: 2",
        "replicas: 2\n    overrides: { 0: { speed: 0.5, weight: 2, cores: 4, workers: 8, error_rate: 5%, startup: 3s, queue: 10 } }",
        &[],
    ),
    (
        "replicas: 2",
        "replicas: 2\n    overrides: { first: { speed: 0.5 }, 01: { speed: 2 }, -1: { speed: 2 } }",
        &[
            "14: components.web.overrides.-1: -1 is no replica; expected 0 to 1",
            "14: components.web.overrides.01: 01 is no replica; expected 0 to 1",
            "14: components.web.overrides.first: first is no replica; expected 0 to 1",
        ],
    ),
    (
        "replicas: 2",
        "replicas: 2\n    overrides: { 0: { zone: a } }",
        &["14: components.web.overrides.0.zone: web has no zone a; `zones` of the server-pool says which there are"],
    ),
    (
        "replicas: 2",
        "replicas: 2\n    zones: 2\n    overrides: { 0: { zone: c }, 1: { zone: b } }",
        &["15: components.web.overrides.0.zone: web has no zone c; `zones` of the server-pool says which there are"],
    ),
    (
        "replicas: 2",
        "replicas: 2\n    scheduling: fifo\n    overrides: { 0: { cores: 1.5 }, 1: { speed: 2 } }",
        &[
            "15: components.web.overrides.0.cores: tasks take cores in turn (`scheduling: fifo`), and some are no whole ones; expected whole cores for all replicas, or sharing",
        ],
    ),
    (
        "replicas: 2",
        "replicas: 2\n    overrides: { 0: { queue: { when_full: drop-oldest } } }",
        &[
            "14: warning: components.web.overrides.0.queue.when_full: `when_full` has no effect: the queue has no `capacity`, so it is never full",
        ],
    ),
    (
        "replicas: 2",
        "replicas: 2\n    overrides: { 0: { sped: 2 } }",
        &["14: components.web.overrides.0.sped: unknown field; did you mean speed?"],
    ),
];

const COMPONENTS: &[Added] = &[(
    "more: { like: users, to: other }\n  other: { like: web, overrides: { 0: { cores: 3 } } }\n  scaler: { type: autoscaler, target: other, policy: vertical, cores: { min: 1, max: 4 } }",
    &[
        "21: components.other.overrides.0.cores: scaler gives all replicas the same cores; expected cores of their own, or a vertical autoscaler",
    ],
)];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_changes(CHANGED);
    told_of_components(COMPONENTS);
}
