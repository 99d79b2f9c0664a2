//! What to try next, as commands that can be copied.

use sim_core::analysis::bottleneck::Bottleneck;
use sim_core::analysis::report::{Ended, Report};
use sim_core::components::Component;
use sim_core::experiment::levers;
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
    let Some((why, more)) = change else { return Vec::new() };
    let kept = sets.iter().filter(|(known, _)| more.iter().all(|(field, _)| known != field));
    let with = |command: String, sets: &mut dyn Iterator<Item = &(String, String)>| {
        sets.fold(command, |command, (field, value)| format!("{command} --set {}", quoted(&format!("{field}={value}"))))
    };
    let run = with(format!("kneepoint run {}", quoted(path)), &mut kept.into_iter());
    let mut hints = vec![Hint { why, command: with(run, &mut more.iter()) }];
    if bottleneck.address.is_some() {
        hints.push(Hint {
            why: "What to buy next".to_owned(),
            command: with(format!("kneepoint explain {}", quoted(path)), &mut sets.iter()),
        });
    }
    hints
}

/// Half as much again of what is full: why, and the settings.
fn more_of(model: &Model, address: &str) -> Option<(String, Vec<(String, String)>)> {
    let levers = levers::levers(model);
    let lever = levers::of_station(&levers, address)?;
    let what = lever.what.split(' ').next().unwrap_or(lever.what);
    Some((format!("With more {what}"), lever.set_to(lever.half_more())))
}

/// Twice the load, where it is one number.
fn twice_the_load(model: &Model) -> Option<(String, Vec<(String, String)>)> {
    model.components.iter().find_map(|(name, component)| {
        let Component::Client(client) = component else { return None };
        let why = "With twice the load".to_owned();
        match &client.arrivals {
            Arrivals::Open(open) => {
                Some((why, vec![(format!("{name}.arrivals.rate"), format!("{}/s", open.rate.0 * 2.0))]))
            }
            Arrivals::Closed(closed) => match closed.users {
                Users::Constant(users) => {
                    Some((why, vec![(format!("{name}.arrivals.users"), (users.0 * 2).to_string())]))
                }
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
