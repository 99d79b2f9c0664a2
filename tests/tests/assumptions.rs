//! What reports say that they rest on: in models that use the thing, with the way that it leans, and as its page says.

use sim_core::components::structures;
use sim_core::model::{Model, NoFiles};
use sim_core::{Plan, Report};

const MODEL: &str = r#"{ "format": 1, "run": { "duration": "1s" },
    "keyspaces": { "keys": { "keys": 10 } }, "classes": { "get": { "key": "keys" } },
    "components": {
        "users": { "type": "client", "to": "edge", "arrivals": { "rate": "10/s" } },
        "edge": { "type": "load-balancer", "to": ["web"] },
        "web": { "type": "server-pool", "handlers": { "*": [ { "call": "redis" } ] } },
        "redis": { "type": "cache", "capacity": 5, "backing": "db" },
        "db": { "type": "database", "operations": { "read": "1ms" } },
        "spare": { "type": "database", "operations": { "read": "1ms" } },
        "last": { "type": "database", "operations": { "read": "1ms" } } } }"#;

fn said(set: Option<(&str, &str)>) -> Vec<String> {
    let sets: Vec<_> = set.iter().map(|(path, value)| (path.to_string(), value.to_string())).collect();
    let (model, _) = Model::parse(MODEL, "model.json", &sets, &NoFiles).expect("a right model");
    let report: Report = sim_core::simulate(&Plan::compile(&model, &NoFiles).expect("it compiles"), 1);
    report.assumptions
}

#[test]
fn each_is_said_where_a_model_uses_the_thing() {
    let usual = said(None);
    for (path, value, part) in [
        ("redis.coalesce", "true", "share its error"),
        ("redis.eviction", "redis-lru", "the same entry twice"),
        ("redis.ttl", "1m", "Expired entries"),
        ("redis.nodes", "3", "replicas are not promoted"),
        ("web.pause", r#"{ "every": "10s", "for": "1ms" }"#, "in a pause"),
        ("edge.tries", "3", "only the last endpoint"),
        ("edge.health", r#"{ "passive": {} }"#, "Health checks see"),
        ("redis.backing", r#"{ "to": "db", "fallback": { "to": "spare", "fallback": "last" } }"#, "own fallback"),
        ("redis.backing", r#"{ "to": "db", "breaker": {} }"#, "A breaker hears"),
        ("db.locks", "key", "Locks last"),
    ] {
        let among = |all: &[String]| all.iter().any(|sentence| sentence.contains(part));
        assert!(!among(&usual), "{part} is said of a model without {path}");
        assert!(among(&said(Some((path, value)))), "{part} is not said of a model with {path}");
    }
    let one_fallback = said(Some(("redis.backing", r#"{ "to": "db", "fallback": "spare" }"#)));
    assert!(!one_fallback.iter().any(|sentence| sentence.contains("fallback")));
}

#[test]
fn each_says_which_way_it_leans_and_stands_on_a_page() {
    let pages: Vec<&str> = structures()
        .iter()
        .filter_map(|structure| structure.about)
        .flat_map(|about| about.leaves_out)
        .copied()
        .collect();
    for sentence in &pages {
        assert!(sentence.contains("leans towards"), "{sentence}");
    }
    // The first is of every model, and of no component.
    for sentence in &said(None)[1..] {
        assert!(pages.contains(&sentence.as_str()), "no page says: {sentence}");
    }
}
