//! What happens at a moment: events and faults, their addresses, and whether they happen at all.

use crate::components::{Component, Nature, nature_of};
use crate::model::address::Address;
use crate::model::change::Change;
use crate::model::diagnostic::{Diagnostics, did_you_mean};
use crate::model::draft::Draft;
use crate::model::event::{Action, Event};
use crate::model::node::shortened;
use crate::model::spec::Place;

/// Checks events and faults.
pub fn check(draft: &Draft, changes: &[Change], diagnostics: &mut Diagnostics) {
    for event in &draft.events {
        event_form(draft, event, diagnostics);
        soft(draft, event, diagnostics);
        too_late(draft, &event.at.field("at"), event.at_time.0, diagnostics);
    }
    for fault in &draft.faults {
        if let Some(at) = fault.at_time {
            too_late(draft, &fault.at.field("at"), at.0, diagnostics);
        }
        super::faults::check(draft, changes, fault, diagnostics);
    }
    for (name, component) in &draft.components {
        component.part().overrides(name, &mut Places { draft, changes, diagnostics });
    }
}

fn too_late(draft: &Draft, at: &Place, time_ns: u64, diagnostics: &mut Diagnostics) {
    if let Some(run) = &draft.run
        && time_ns >= run.duration.0
    {
        diagnostics.push(at.warning("it has no effect on what is measured: the window ends before"));
    }
}

fn event_form(draft: &Draft, event: &Event, diagnostics: &mut Diagnostics) {
    match (&event.set, &event.action) {
        (Some(_), Some(_)) => diagnostics.push(event.at.error("found `set` and `do`").expected("one of them")),
        (None, None) => diagnostics.push(event.at.error("found neither `set` nor `do`").expected("one of them")),
        (Some(_), None) => {
            if event.target.is_some() {
                diagnostics.push(event.at.field("target").warning("`target` has no effect: paths say what is set"));
            }
        }
        (None, Some(action @ (Action::Deploy | Action::Restart))) => restarted(draft, event, *action, diagnostics),
        (None, Some(action @ (Action::Flush | Action::Invalidate | Action::Purge | Action::Warm))) => {
            match &event.target {
                None => diagnostics.push(event.at.error("`target` is missing").help("which cache it is done to")),
                Some(targets) => {
                    for target in targets.iter() {
                        if !exists(draft, target, diagnostics) {
                            continue;
                        }
                        if let Some(kind) = draft.kind(&target.component)
                            && kind != "cache"
                            && (kind != "cdn" || *action == Action::Warm)
                        {
                            let found = format!("{} is {}", target.component, super::names::a(kind));
                            diagnostics.push(target.at.error(found).expected("a cache"));
                        } else if draft.kind(&target.component) == Some("cache") {
                            in_range(draft, &[], target, diagnostics);
                        }
                        if let Some(Component::Cache(cache)) = draft.components.get(&target.component)
                            && *action == Action::Warm
                            && cache.warm.is_none()
                        {
                            let found = format!("{} has no `warm`", target.component);
                            diagnostics
                                .push(target.at.error(found).help("what it is filled with: 100, 10%, or by keyspace"));
                        }
                    }
                }
            }
        }
    }
}

/// Whether a `soft` purge differs from a hard one.
fn soft(draft: &Draft, event: &Event, diagnostics: &mut Diagnostics) {
    let mut ignored = |why: String| {
        diagnostics.push(event.at.field("soft").warning(format!("`soft` has no effect: {why}")));
    };
    if !event.soft {
        return;
    }
    if !matches!(event.action, Some(Action::Purge | Action::Flush | Action::Invalidate)) {
        return ignored("only purge, flush and invalidate take something out".to_string());
    }
    let serves_stale = |target: &&Address| match draft.components.get(&target.component) {
        Some(Component::Cache(cache)) => cache.grace_ns() > 0,
        Some(Component::Cdn(cdn)) => cdn.stale_while_revalidate.is_some() || cdn.ttl.min.0 > 0,
        Some(_) | None => true,
    };
    if let Some(target) = event.target.iter().flat_map(|targets| &targets.0).find(|target| !serves_stale(target)) {
        ignored(format!("{} serves nothing that has ended (`stale_while_revalidate`)", target.component));
    }
}

/// What is deployed anew or restarted.
fn restarted(draft: &Draft, event: &Event, action: Action, diagnostics: &mut Diagnostics) {
    let Some(targets) = &event.target else {
        diagnostics.push(event.at.error("`target` is missing").help(format!("what the {action} is of")));
        return;
    };
    for target in targets.iter().filter(|target| exists(draft, target, &mut Diagnostics::default())) {
        let kind = draft.kind(&target.component).unwrap_or("server-pool");
        let (fits, expected) = match action {
            Action::Deploy => (kind == "server-pool", "a server-pool".to_string()),
            Action::Restart | Action::Flush | Action::Invalidate | Action::Purge | Action::Warm => {
                let crashes = |nature: &Nature| nature.crashes;
                (nature_of(kind).is_none_or(|nature| crashes(&nature)), super::names::one_that(crashes))
            }
        };
        if !fits {
            let found = format!("{} is {}", target.component, super::names::a(kind));
            diagnostics.push(target.at.error(found).expected(expected));
        } else if action == Action::Deploy && !target.is_whole() {
            diagnostics.push(target.at.error("a part can't be deployed by itself").expected(target.component.clone()));
        } else {
            in_range(draft, &[], target, diagnostics);
        }
    }
    for target in targets.iter() {
        exists(draft, target, diagnostics);
    }
}

pub(super) fn exists(draft: &Draft, address: &Address, diagnostics: &mut Diagnostics) -> bool {
    let there = draft.declared("components").any(|(name, _)| name == address.component);
    if !there {
        let help = did_you_mean(&address.component, draft.declared("components").map(|(name, _)| name));
        diagnostics.push(address.at.error(format!("there is no component {}", address.component)).help(help));
    }
    there
}

/// Whether an address is that of an instance that there can be.
pub fn in_range(draft: &Draft, changes: &[Change], address: &Address, diagnostics: &mut Diagnostics) {
    if address.is_whole() {
        return;
    }
    let Some(component) = draft.components.get(&address.component) else { return };
    if let Some(zone) = &address.zone {
        if component.part().zones().is_none_or(|zones| zones.position(zone).is_none()) {
            let found = format!("{} has no zone {zone}", address.component);
            diagnostics.push(address.at.error(found).help("`zones` of a server-pool says which there are"));
        }
        return;
    }
    component.part().instance(address, &mut Places { draft, changes, diagnostics });
}

/// Where the addresses of instances are looked up.
pub(crate) struct Places<'a> {
    pub draft: &'a Draft,
    changes: &'a [Change],
    pub diagnostics: &'a mut Diagnostics,
}

impl<'a> Places<'a> {
    /// There is no such place.
    pub fn wrong(&mut self, address: &Address, found: String, expected: String) {
        self.diagnostics.push(address.at.error(found).expected(expected));
    }

    /// Whether there is a number among so many.
    pub fn numbered(&mut self, address: &Address, what: &str, number: u64, count: Option<u64>) {
        numbered(address, what, number, count, self.diagnostics);
    }

    /// Whether an override is that of a number among so many.
    pub fn overridden(&mut self, (name, what, number): (&str, &str, &str), at: &Place, count: Option<u64>) {
        let found = match number.parse::<u64>() {
            Ok(parsed) if parsed.to_string() == number => {
                if count.is_none_or(|count| parsed < count) {
                    return;
                }
                format!("there is no {what} {number} of {name}")
            }
            Ok(_) | Err(_) => format!("{} is no {what}", shortened(number)),
        };
        let expected = match count {
            Some(0) => "none, for there are none".to_string(),
            Some(count) => format!("0 to {}", count - 1),
            None => format!("the number of a {what}, from \"0\""),
        };
        self.diagnostics.push(at.error(found).expected(expected));
    }

    /// The most replicas that a pool can come to have.
    pub fn most_replicas(&self, pool: &str) -> Option<u64> {
        most_replicas(self.draft, self.changes, pool)
    }

    /// What a component is changed to.
    pub fn later(&self, name: &str) -> impl Iterator<Item = &'a Component> {
        self.changes.iter().filter(move |change| change.component == name).map(|change| &change.spec)
    }
}

fn numbered(address: &Address, what: &str, number: u64, count: Option<u64>, diagnostics: &mut Diagnostics) {
    let Some(count) = count else { return };
    if number >= count {
        let found = format!("there is no {what} {number} of {}", address.component);
        let expected = if count == 0 { "none, for there are none".to_string() } else { format!("0 to {}", count - 1) };
        diagnostics.push(address.at.error(found).expected(expected));
    }
}

/// The most replicas that a pool can come to have.
fn most_replicas(draft: &Draft, changes: &[Change], pool: &str) -> Option<u64> {
    let Some(Component::ServerPool(spec)) = draft.components.get(pool) else { return None };
    let scaled = draft.components.values().filter_map(|component| match component {
        Component::Autoscaler(scaler) if scaler.target.as_str() == pool => Some(scaler.max.0),
        _ => None,
    });
    let set = changes.iter().filter_map(|change| match &change.spec {
        Component::ServerPool(spec) if change.component == pool => Some(spec.replicas.0),
        Component::Autoscaler(scaler) if scaler.target.as_str() == pool => Some(scaler.max.0),
        _ => None,
    });
    scaled.chain(set).chain([spec.replicas.0]).max()
}
