//! What to try next, as commands that can be copied.

use sim_core::analysis::bottleneck::Bottleneck;
use sim_core::analysis::report::{Ended, Report};
use sim_core::components::Component;
use sim_core::model::Model;
use sim_core::model::arrivals::{Arrivals, Users};

use crate::render::Hint;

/// What to try next with a model that was run from `path` with `sets`.
pub fn hints(
    model: &Model,
    report: &Report,
    bottleneck: &Bottleneck,
    path: &str,
    sets: &[(String, String)],
) -> Vec<Hint> {
    let change = match &bottleneck.address {
        Some(address) => more_of(model, address),
        None if report.ended == Ended::Complete => twice_the_load(model),
        None => None,
    };
    let Some((why, field, value)) = change else { return Vec::new() };
    let mut command = format!("kneepoint run {}", quoted(path));
    for (known, value) in sets.iter().filter(|(known, _)| *known != field) {
        command.push_str(&format!(" --set {}", quoted(&format!("{known}={value}"))));
    }
    command.push_str(&format!(" --set {}", quoted(&format!("{field}={value}"))));
    vec![Hint { why, command }]
}

/// Half as much again of what is full: why, which field, which value.
fn more_of(model: &Model, address: &str) -> Option<(String, String, String)> {
    let (name, station) = address.split_once('.').unwrap_or((address, ""));
    let half_more = |count: u64| (count + count.div_ceil(2)).to_string();
    let told =
        |what: &str, field: &str, value: String| Some((format!("With more {what}"), format!("{name}.{field}"), value));
    let scaler = model.components.iter().find_map(|(scaler, component)| match component {
        Component::Autoscaler(spec) if spec.target.as_str() == name => Some((scaler, spec.max.0)),
        _ => None,
    });
    match (model.components.get(name)?, scaler) {
        (Component::ServerPool(pool), _) if station == "workers" => {
            told("workers", "workers", half_more(pool.workers()))
        }
        (Component::ServerPool(_), Some((scaler, max))) => {
            Some(("With more replicas".to_owned(), format!("{scaler}.max"), half_more(max)))
        }
        (Component::ServerPool(pool), None) => told("replicas", "replicas", half_more(pool.replicas.0.max(1))),
        (Component::ConnectionPool(pool), _) => told("connections", "size", half_more(pool.size.0.max(1))),
        (Component::Cache(cache), _) => told("threads", "threads", half_more(cache.threads.0)),
        (Component::Database(database), _) => match database.slots() {
            Some(slots) => told("slots", "slots", half_more(slots)),
            None => {
                let cores = f64::from(database.cores.map_or(1000, |cores| cores.0)) / 1000.0;
                told("cores", "cores", format!("{}", cores * 1.5))
            }
        },
        (Component::Client(_) | Component::LoadBalancer(_) | Component::Autoscaler(_), _) => None,
    }
}

/// Twice the load, where it is one number.
fn twice_the_load(model: &Model) -> Option<(String, String, String)> {
    model.components.iter().find_map(|(name, component)| {
        let Component::Client(client) = component else { return None };
        let why = "With twice the load".to_owned();
        match &client.arrivals {
            Arrivals::Open(open) => Some((why, format!("{name}.arrivals.rate"), format!("{}/s", open.rate.0 * 2.0))),
            Arrivals::Closed(closed) => match closed.users {
                Users::Constant(users) => Some((why, format!("{name}.arrivals.users"), (users.0 * 2).to_string())),
                Users::Stages(_) => None,
            },
            Arrivals::Stages(_) | Arrivals::Daily(_) | Arrivals::Trace(_) => None,
        }
    })
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:@%+,".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", crate::error::clean(word).replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        let cases = [
            ("shop.json", "shop.json"),
            ("web.replicas=6", "web.replicas=6"),
            ("my shop.json", "'my shop.json'"),
            ("it's", r"'it'\''s'"),
            ("a=[1,2]", "'a=[1,2]'"),
            ("", "''"),
        ];
        for (word, expected) in cases {
            assert_eq!(quoted(word), expected);
        }
    }
}
