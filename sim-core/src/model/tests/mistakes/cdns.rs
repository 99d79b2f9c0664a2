//! CDNs.

use super::*;

const COMPONENTS: &[Added] = &[
    ("more: { like: users, to: cdn }\n  cdn: { type: cdn, to: edge }", &[]),
    (
        "more: { like: users, to: cdn }\n  cdn: { type: cdn, to: cdn }",
        &["21: components.cdn.to: a CDN can't be its own origin"],
    ),
    (
        "more: { like: users, to: cdn }\n  cdn: { type: cdn, to: edge, ttl: { min: 2d, max: 1d } }",
        &["21: components.cdn.ttl.min: `min` is above `max`; expected at most `max`"],
    ),
    (
        "more: { like: users, to: cdn }\n  cdn: { type: cdn, to: edge, regions: { eu: { share: 0 }, us: { share: 0 } } }",
        &["21: components.cdn.regions: all shares are zero; expected one that is not"],
    ),
    (
        "more: { like: users, to: cdn }\n  cdn: { type: cdn, to: edge, regions: { eu: {}, us: {} }, shield: { rtt: { eu: 5ms, default: 90ms }, to_origin: 2ms, capacity: 1GB } }",
        &[],
    ),
    (
        "more: { like: users, to: cdn }\n  cdn: { type: cdn, to: edge, regions: { eu: {}, us: {} }, shield: { rtt: { eu: 5ms, uss: 90ms } } }",
        &[
            "21: components.cdn.shield.rtt.uss: there is no region uss; did you mean us?",
            "21: components.cdn.shield.rtt: `us` is missing; the round trip between its cache and the shield; `default` is that of regions that are not named",
        ],
    ),
    (
        "more: { like: users, to: cdn }\n  cdn: { type: cdn, to: edge, shield: { rtt: { eu: 5ms } } }",
        &[
            "21: components.cdn.shield.rtt: found round trips by region, and the CDN has no `regions`; expected one round trip, as \"20ms\"",
        ],
    ),
    (
        "more: { like: users, to: cdn }\n  cdn: { type: cdn, to: edge, sheild: {} }",
        &["21: components.cdn.sheild: unknown field; did you mean shield?"],
    ),
    (
        "more: { like: users, to: cdn }\n  cdn: { type: cdn, to: edge, shield: { rtt: 5 } }",
        &[
            "21: components.cdn.shield.rtt: found 5; expected a time with a unit or a distribution such as exp(4ms); write \"5ms\"",
        ],
    ),
    (
        "more: { like: users, to: cdn }\n  cdn: { type: cdn, to: edge, compress: 25% }",
        &["21: warning: components.cdn.compress: `compress` has no effect: no class has a `size`"],
    ),
    (
        "more: { like: users, to: cdn }\n  cdn: { type: cdn, to: edge, compress: 0% }",
        &["21: components.cdn.compress: found \"0%\"; expected at least 0.001"],
    ),
    (
        "more: { like: users, to: cdn }\n  cdn: { type: cdn, to: edge, compress: { min: 2kB, max: 1kB, classes: [ save, raed ] } }",
        &[
            "21: components.cdn.compress.classes[1]: there is no class raed; did you mean read?",
            "21: components.cdn.compress.min: `min` is above `max`; expected at most `max`",
            "21: warning: components.cdn.compress: `compress` has no effect: no class has a `size`",
            "21: warning: components.cdn.compress.classes[0]: answers of save are not compressed, for they are not kept: it writes",
        ],
    ),
    (
        "more: { like: users, to: cdn }\n  cdn: { type: cdn, to: edge, stale_while_revalidate: 0s }",
        &["21: components.cdn.stale_while_revalidate: found \"0s\"; expected at least 1ns"],
    ),
];

#[test]
fn each_mistake_is_told_with_its_place() {
    told_of_components(COMPONENTS);
}
