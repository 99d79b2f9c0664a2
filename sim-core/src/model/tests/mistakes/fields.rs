//! Fields that there are not, and those that are missing.

use super::*;

const CHANGED: &[Changed] = &[
    ("replicas: 2", "replcas: 2", &["13: components.web.replcas: unknown field; did you mean replicas?"]),
    (
        "replicas: 2",
        "zzz: 2",
        &[
            "13: components.web.zzz: unknown field; there are replicas, cores, workers, async, queue, scheduling, speed, startup, error_rate, cpu_request, memory, pause, adaptive_limit, slowdown, zones, handlers, overrides, cost",
        ],
    ),
    (
        "replicas: 2",
        "warmup: 2s",
        &[
            "13: components.web.warmup: unknown field; there are replicas, cores, workers, async, queue, scheduling, speed, startup, error_rate, cpu_request, memory, pause, adaptive_limit, slowdown, zones, handlers, overrides, cost",
        ],
    ),
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
    (
        "format: 1\n",
        "format: 1\ntiers: {}\n",
        &[
            "2: tiers: unknown field; there are format, name, run, keyspaces, classes, components, events, faults, objectives, variants, expect",
        ],
    ),
    (
        "replicas: 2",
        "batch: 5\n    replicas: 2",
        &[
            "13: components.web.batch: unknown field; there are replicas, cores, workers, async, queue, scheduling, speed, startup, error_rate, cpu_request, memory, pause, adaptive_limit, slowdown, zones, handlers, overrides, cost",
        ],
    ),
    (
        "replicas: 2",
        "drain: 5s\n    replicas: 2",
        &[
            "13: components.web.drain: unknown field; there are replicas, cores, workers, async, queue, scheduling, speed, startup, error_rate, cpu_request, memory, pause, adaptive_limit, slowdown, zones, handlers, overrides, cost",
        ],
    ),
    (
        "format: 1\n",
        "format: 1\nimports: []\n",
        &[
            "2: imports: unknown field; there are format, name, run, keyspaces, classes, components, events, faults, objectives, variants, expect",
        ],
    ),
    (
        "{ call: redis }",
        "{ lock: redis }",
        &[
            "15: components.web.handlers.read[1]: unknown step lock; expected a step with cpu, delay, call, publish, cached, hold, parallel, …",
        ],
    ),
    (
        "{ call: redis }",
        "{ call: redis }, { sleep_until: 5s }",
        &[
            "15: components.web.handlers.read[2]: unknown step sleep_until; expected a step with cpu, delay, call, publish, cached, hold, parallel, …",
        ],
    ),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_changes(CHANGED);
}
