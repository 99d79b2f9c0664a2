//! Presets: what a product does where its user says nothing. A component's, or a link's, own fields win.
//!
//! The defaults are those of PgBouncer's `doc/config.md` (2026-07), HikariCP's `HikariConfig`, SQLAlchemy's `QueuePool`,
//! Redis' `redis.conf`, CloudFront's guide (Expiration), nginx's `ngx_http_upstream_module` and `ngx_http_limit_req_module`, AWS' guide to Application Load
//! Balancers, Envoy's cluster and route configuration, the flags of Kubernetes' components, and resilience4j's configurations.

use super::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use super::json;
use super::node::{Node, Value, join};
use super::spec::in_a_row;

/// The kind of a preset that belongs to links.
const LINK: &str = "a link";

/// Presets by product and kind of component, with the fields that they fill in.
const TABLE: [(&str, &str, &str); 13] = [
    (
        "pgbouncer",
        "connection-pool",
        r#"{ "scope": "shared", "mode": "session", "order": "lifo", "size": 20, "acquire_timeout": "120s",
             "max_lifetime": "3600s", "idle_timeout": "600s", "login_retry": "15s", "max_clients": 100 }"#,
    ),
    (
        "hikaricp",
        "connection-pool",
        r#"{ "scope": "per-replica", "mode": "transaction", "order": "lifo", "size": 10, "min_idle": 10,
             "acquire_timeout": "30s", "idle_timeout": "10m", "max_lifetime": "30m" }"#,
    ),
    (
        "sqlalchemy",
        "connection-pool",
        r#"{ "scope": "per-replica", "mode": "transaction", "order": "fifo", "size": 5, "overflow": 10,
             "acquire_timeout": "30s" }"#,
    ),
    ("cloudfront", "cdn", r#"{ "ttl": { "min": "0s", "default": "1d", "max": "365d" }, "collapse": true }"#),
    ("redis", "cache", r#"{ "scope": "shared", "threads": 1, "eviction": "none" }"#),
    (
        "nginx",
        "load-balancer",
        r#"{ "policy": "weighted-round-robin", "health": { "passive": { "max_fails": 1, "fail_timeout": "10s" } },
             "keep_alive": 32 }"#,
    ),
    ("nginx", "rate-limiter", r#"{ "algorithm": "leaky-bucket", "status": 503 }"#),
    (
        "alb",
        "load-balancer",
        r#"{ "policy": "round-robin", "drain": "300s",
             "health": { "active": { "interval": "30s", "timeout": "5s", "healthy": 5, "unhealthy": 2 } } }"#,
    ),
    ("envoy", "load-balancer", r#"{ "policy": "round-robin", "link": { "max_in_flight": 1024, "deadline": "15s" } }"#),
    (
        "envoy",
        LINK,
        r#"{ "max_in_flight": 1024, "deadline": "15s", "retry": { "retries": 1, "when": ["5xx", "connect"],
             "backoff": "exponential(25ms, factor=2, max=250ms)", "jitter": "full" } }"#,
    ),
    ("kubernetes", "load-balancer", r#"{ "policy": "random", "layer": "4" }"#),
    ("kubernetes", "autoscaler", r#"{ "policy": "hpa", "sync": "15s", "metrics_lag": "15s", "tolerance": 0.1 }"#),
    (
        "resilience4j",
        LINK,
        r#"{ "breaker": { "error_rate": "50%", "slow_calls": { "above": "60s", "share": "100%" }, "window": 100,
                          "min_calls": 100, "open": "60s", "half_open": 10 },
             "retry": { "retries": 2, "when": ["5xx", "timeout", "connect", "lost"], "backoff": "500ms" } }"#,
    ),
];

/// Fills in what the presets of a component, and of the links in it, say. Mistakes go to `diagnostics`.
pub fn fill_component(component: &mut Node, diagnostics: &mut Diagnostics) {
    if let Some(preset) = component.remove("preset") {
        let kind = component.get("type").and_then(Node::text).unwrap_or_default().to_owned();
        // HikariCP: `minimumIdle` is `maximumPoolSize`.
        let size = component.get("size").filter(|_| component.get("min_idle").is_none()).cloned();
        fill(component, &preset, &kind, diagnostics);
        if let Some(size) = size.filter(|_| preset.text() == Some("hikaricp")) {
            component.insert("min_idle", size);
        }
    }
    if let Value::Map(entries) = &mut component.value {
        entries.iter_mut().for_each(|(_, value)| fill_links(value, diagnostics));
    }
}

fn fill_links(node: &mut Node, diagnostics: &mut Diagnostics) {
    if let Some(preset) = node.remove("preset") {
        fill(node, &preset, LINK, diagnostics);
    }
    match &mut node.value {
        Value::Map(entries) => entries.iter_mut().for_each(|(_, value)| fill_links(value, diagnostics)),
        Value::List(items) => items.iter_mut().for_each(|item| fill_links(item, diagnostics)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn fill(target: &mut Node, preset: &Node, kind: &str, diagnostics: &mut Diagnostics) {
    let mut mistake = |found: String, expected: String, help: String| {
        diagnostics.push(Diagnostic::error(&preset.path, preset.line, found).expected(expected).help(help));
    };
    let Some(name) = preset.text() else {
        return mistake(format!("found {}", preset.describe()), in_a_row(names().into_iter()), String::new());
    };
    let fitting = TABLE.iter().find(|(product, of, _)| *product == name && *of == kind);
    let Some((_, _, fields)) = fitting else {
        let kinds: Vec<&str> = TABLE.iter().filter(|(product, ..)| *product == name).map(|(_, of, _)| *of).collect();
        if kinds.is_empty() {
            let expected = in_a_row(names().into_iter());
            return mistake(format!("there is no preset {name}"), expected, did_you_mean(name, names()));
        }
        let found = match kind {
            LINK => format!("{name} is no preset of a link"),
            _ => format!("{name} is no preset of a {kind}"),
        };
        return mistake(found, format!("it at {}", in_a_row(kinds.into_iter())), String::new());
    };
    let defaults = json::parse_value(fields, &target.path).expect("the table is right");
    merge(target, &defaults, preset.line);
}

/// The products, each once.
fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = TABLE.iter().map(|(product, ..)| *product).collect();
    names.dedup();
    names
}

/// Adds what a map has not, and to the maps in it what they have not.
fn merge(target: &mut Node, defaults: &Node, line: u32) {
    for (key, value) in defaults.entries() {
        let path = join(&target.path, key);
        match target.get_mut(key) {
            Some(own) if matches!((&own.value, &value.value), (Value::Map(_), Value::Map(_))) => {
                merge(own, value, line)
            }
            Some(_) => {}
            None => {
                let mut value = value.clone().moved(&path);
                value.line = line;
                target.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::diagnostic::Diagnostics;
    use crate::model::{Model, NoFiles};

    fn read(pool: &str, client: &str) -> Result<(Model, Vec<String>), Diagnostics> {
        let text = format!(
            r#"{{ "format": 1, "run": {{ "duration": "1s" }}, "components": {{
                "users": {{ "type": "client", "to": "web", "arrivals": {{ "rate": "50/s" }} {client} }},
                "web": {{ "type": "server-pool", "handlers": {{ "*": [ {{ "call": "pool" }} ] }} }},
                "pool": {{ "type": "connection-pool", "to": "db" {pool} }},
                "db": {{ "type": "database", "operations": {{ "read": "1ms" }} }} }} }}"#
        );
        let (model, warnings) = Model::parse(&text, "test.json", &[], &NoFiles)?;
        Ok((model, warnings.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn a_preset_is_what_it_stands_for() {
        for (preset, written) in [
            (
                r#""preset": "sqlalchemy""#,
                r#""size": 5, "overflow": 10, "order": "fifo", "acquire_timeout": "30s",
               "scope": "per-replica", "mode": "transaction""#,
            ),
            (
                r#""preset": "sqlalchemy", "size": 7"#,
                r#""size": 7, "overflow": 10, "order": "fifo",
               "acquire_timeout": "30s", "scope": "per-replica", "mode": "transaction""#,
            ),
            (
                r#""preset": "hikaricp", "size": 4"#,
                r#""size": 4, "min_idle": 4, "order": "lifo", "mode": "transaction",
               "acquire_timeout": "30s", "idle_timeout": "10m", "max_lifetime": "30m", "scope": "per-replica""#,
            ),
        ] {
            let of = |fields: &str| read(&format!(", {fields}"), "").expect("a right model").0.digest();
            assert_eq!(of(preset), of(written), "{preset}");
        }
    }

    #[test]
    fn presets_are_of_their_kinds() {
        for (pool, client, says) in [
            (r#", "preset": "redis""#, "", "redis is no preset of a connection-pool; expected it at cache"),
            (r#", "preset": "pgbouncr""#, "", "there is no preset pgbouncr"),
            (r#", "size": 1"#, r#", "link": { "preset": "hikaricp" }"#, "hikaricp is no preset of a link"),
        ] {
            let mistakes = read(pool, client).map(|_| ()).expect_err(says);
            let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            assert!(told.iter().any(|told| told.contains(says)), "{told:?}");
        }
        let with = read(r#", "size": 1"#, r#", "link": { "preset": "resilience4j", "timeout": "1s" }"#);
        let (model, _) = with.expect("a right model");
        let crate::components::Component::Client(client) = &model.components["users"] else { panic!("a client") };
        assert!(client.to.options.breaker.is_some() && client.to.options.timeout.is_some());
    }
}
