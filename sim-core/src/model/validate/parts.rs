//! What must be right within one component, and what in it has no effect.

use std::collections::BTreeSet;

use crate::components::Component;
use crate::components::connection_pool::PoolMode;
use crate::model::change::Change;
use crate::model::diagnostic::{Diagnostic, Diagnostics};
use crate::model::draft::Draft;
use crate::model::keyspace::Popularity;
use crate::model::spec::Place;
use crate::model::step::{CachedStep, Step};

/// Checks each component by itself, and with the kinds of those that it calls.
pub fn check(draft: &Draft, changes: &[Change], diagnostics: &mut Diagnostics) {
    how_many(draft, diagnostics);
    if draft.declared("components").next().is_none() && draft.root.get("components").is_some() {
        let at = Place::of(draft.root.get("components").unwrap_or(&draft.root));
        diagnostics.push(at.error("there are no components").expected("a client and what it calls"));
    } else if draft.root.get("components").is_some()
        && !draft.declared("components").any(|(name, _)| draft.kind(name).is_none_or(|kind| kind == "client"))
    {
        let at = Place::of(draft.root.get("components").unwrap_or(&draft.root));
        diagnostics.push(at.error("there is no client, so nothing happens").expected("a component of type client"));
    }
    for (name, keyspace) in &draft.keyspaces {
        keyspace_counts(name, keyspace, diagnostics);
    }
    for (name, component) in &draft.components {
        component.part().check(name, &mut Check { draft, diagnostics });
    }
    for change in changes {
        // What is wrong from a moment on, and was not before.
        let mut found = Diagnostics::default();
        change.spec.part().check(&change.component, &mut Check { draft, diagnostics: &mut found });
        for mistake in found.into_iter().filter(Diagnostic::is_error) {
            if !diagnostics.iter().any(|known| known.found == mistake.found) {
                let (path, line) = (change.at.path.clone(), change.at.line);
                diagnostics.push(Diagnostic { path, line, ..mistake });
            }
        }
    }
}

/// The most components, classes and keyspaces, each, of a model.
const PARTS_MAX: usize = 2000;
/// The most pairs of a component and a class.
const PAIRS_MAX: usize = 200_000;
/// The most names of operations of all databases together.
const OPERATION_NAMES_MAX: usize = 200;

/// How much there may be of everything.
fn how_many(draft: &Draft, diagnostics: &mut Diagnostics) {
    for group in ["components", "classes", "keyspaces"] {
        let (count, node) = (draft.declared(group).count(), draft.root.get(group).unwrap_or(&draft.root));
        if count > PARTS_MAX {
            let found = format!("found {count} {group}");
            diagnostics.push(Place::of(node).error(found).expected(format!("at most {PARTS_MAX}")));
        }
    }
    let (components, classes) = (draft.declared("components").count(), draft.class_names().len());
    if components * classes > PAIRS_MAX {
        let node = draft.root.get("classes").unwrap_or(&draft.root);
        let found = format!("found {components} components and {classes} classes");
        diagnostics.push(Place::of(node).error(found).expected(format!("at most {PAIRS_MAX} pairs of them")));
    }
    let names: BTreeSet<&str> = draft.components.values().flat_map(|component| component.part().operations()).collect();
    if names.len() > OPERATION_NAMES_MAX {
        let node = draft.root.get("components").unwrap_or(&draft.root);
        let found = format!("found {} names of operations", names.len());
        diagnostics.push(Place::of(node).error(found).expected(format!("at most {OPERATION_NAMES_MAX}")));
    }
}

fn keyspace_counts(name: &str, keyspace: &crate::model::keyspace::Keyspace, diagnostics: &mut Diagnostics) {
    match (&keyspace.keys, &keyspace.popularity) {
        (None, Popularity::Uniform | Popularity::Zipf(_) | Popularity::Hotspot { .. }) => {
            diagnostics.push(keyspace.at.error(format!("`keys` of {name} is missing")).help("how many keys there are"));
        }
        (Some(keys), Popularity::Weights(weights)) if keys.0 != weights.len() as u64 => {
            let found = format!("{} keys, but {} weights", keys.0, weights.len());
            diagnostics.push(keyspace.at.field("keys").error(found).expected("a weight for each key"));
        }
        (Some(keys), Popularity::Hotspot { hot: crate::model::keyspace::Hot::Count(hot), .. }) if *hot > keys.0 => {
            let found = format!("{hot} hot keys of {}", keys.0);
            diagnostics.push(keyspace.at.field("popularity").error(found).expected("at most all keys"));
        }
        (Some(_), Popularity::Weights(_))
        | (Some(_), Popularity::Uniform | Popularity::Zipf(_) | Popularity::Hotspot { .. })
        | (None, Popularity::Weights(_)) => {}
    }
}

/// Checks of a component, which report what they find.
pub(crate) struct Check<'a> {
    pub draft: &'a Draft,
    pub diagnostics: &'a mut Diagnostics,
}

impl Check<'_> {
    /// Warns of a field that was written and has no effect.
    pub fn ignored(&mut self, at: &Place, field: &str, why: &str) {
        if at.has(field) {
            self.diagnostics.push(at.field(field).warning(format!("`{field}` has no effect: {why}")));
        }
    }

    /// Loads that are shared can't wait for themselves.
    fn own_load(&mut self, cached: &CachedStep) {
        let Some(Component::Cache(cache)) = self.draft.components.get(cached.link.to.as_str()) else { return };
        let shared = cached.coalesce.unwrap_or(cache.coalesce);
        if shared && looks_up(&cached.miss, cached.link.to.as_str()) {
            let found = format!("`{}` is looked up again inside of its own miss", cached.link.to);
            let help = "with `coalesce` a request would wait for its own load: look up another cache, or say `coalesce: false` here";
            self.diagnostics.push(cached.at.field("miss").error(found).help(help));
        }
    }

    /// Checks a step, not those inside of it.
    pub fn step(&mut self, step: &Step) {
        match step {
            Step::Cpu(_) | Step::Delay(_) => {}
            Step::Hold(hold) => {
                if let Some(Component::ConnectionPool(pool)) = self.draft.components.get(hold.pool.as_str())
                    && pool.mode == PoolMode::Statement
                {
                    let found = format!("`hold` has no effect: {} lends connections for each statement", hold.pool);
                    self.diagnostics.push(hold.pool.at.warning(found));
                }
            }
            Step::Fail(fail) => {
                if fail.share.0 == 0.0 {
                    self.diagnostics.push(fail.at.warning("the step has no effect: its share is 0"));
                }
            }
            Step::Call(call) => {
                self.link(&call.link);
                super::queue::is_none(self.draft, &call.link, self.diagnostics);
                let cache = self.draft.components.get(call.link.to.as_str());
                let aside = matches!(cache, Some(Component::Cache(cache)) if !cache.loads());
                if aside && call.times.0 > CACHE_CALLS_MAX {
                    let found = format!("found {}", call.times.0);
                    let expected = format!("at most {CACHE_CALLS_MAX} calls of a cache beside its callers");
                    self.diagnostics.push(call.at.field("times").error(found).expected(expected));
                }
            }
            Step::Cached(cached) => {
                self.link(&cached.link);
                if let Some(kind) = self.draft.kind(&cached.link.to)
                    && kind != "cache"
                {
                    let found = format!("{} is {}", cached.link.to, super::names::a(kind));
                    self.diagnostics.push(cached.link.to.at.error(found).expected("a cache"));
                }
                self.own_load(cached);
            }
            Step::Publish(publish) => {
                self.link(&publish.link);
                super::queue::is_queue(self.draft, &publish.link, self.diagnostics);
            }
            Step::Parallel(parallel) => {
                let branches = parallel.branches.len() as u64;
                if branches == 0 {
                    let found = "found an empty list";
                    self.diagnostics.push(parallel.at.field("parallel").error(found).expected("lists of steps"));
                } else if let Some(need) = parallel.need
                    && need.0 > branches
                {
                    let found = format!("found {}", need.0);
                    self.diagnostics.push(
                        parallel
                            .at
                            .field("need")
                            .error(found)
                            .expected(format!("at most {branches}, the number of branches")),
                    );
                }
            }
            Step::Choose(choose) => {
                if choose.branches.is_empty() {
                    let found = "found an empty list";
                    self.diagnostics
                        .push(choose.at.field("choose").error(found).expected("lists of steps with weights"));
                } else if choose.branches.iter().all(|branch| branch.weight.0 == 0.0) {
                    let found = "all weights are zero";
                    self.diagnostics.push(choose.at.field("choose").error(found).expected("one that is not"));
                }
            }
        }
    }
}

/// Whether steps look something up in a cache.
fn looks_up(steps: &[Step], cache: &str) -> bool {
    steps.iter().any(|step| match step {
        Step::Call(call) => call.link.to.as_str() == cache,
        Step::Cached(cached) => {
            let inside = || looks_up(&cached.miss, cache) || looks_up(&cached.hit, cache);
            cached.link.to.as_str() == cache || inside()
        }
        Step::Hold(hold) => looks_up(&hold.steps, cache),
        Step::Parallel(parallel) => parallel.branches.iter().any(|branch| looks_up(branch, cache)),
        Step::Choose(choose) => choose.branches.iter().any(|branch| looks_up(&branch.steps, cache)),
        Step::Cpu(_) | Step::Delay(_) | Step::Publish(_) | Step::Fail(_) => false,
    })
}

/// How often a step may call a cache beside its callers: each time is lowered by itself.
const CACHE_CALLS_MAX: u64 = 1000;
