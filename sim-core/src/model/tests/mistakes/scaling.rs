//! Autoscalers.

use super::*;

const COMPONENTS: &[Added] = &[
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
        &["20: components.scaler.behavior.scale_up.policies[0]: found neither percent nor pods; expected one of them"],
    ),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_components(COMPONENTS);
}
