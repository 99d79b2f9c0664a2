//! Who calls whom, for which class: handlers that are missing, operations that nobody offers, calls without end,
//! parts that nothing reaches.

use std::collections::{BTreeMap, BTreeSet};

use crate::components::client::ClientSpec;
use crate::components::{Component, Part};
use crate::model::arrivals::Arrivals;
use crate::model::diagnostic::{Diagnostics, did_you_mean};
use crate::model::draft::Draft;
use crate::model::link::Link;
use crate::model::spec::{Place, in_a_row};
use crate::model::step::{Key, Step};

/// A kind of call: of a component, for a class, with or without an operation and a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    pub component: String,
    pub class: String,
    pub operation: Option<String>,
    pub has_key: bool,
}

impl Call {
    /// It again, of what a link leads to.
    pub fn to(&self, link: &Link) -> Self {
        Self { component: link.to.text.clone(), ..self.clone() }
    }

    /// It goes on over a link as it is.
    pub fn follow(&self, link: &Link, edges: &mut Vec<Edge>) {
        follow_link(link, self.to(link), true, edges);
    }
}

/// A call that another makes.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    to: Call,
    at: Place,
    /// Whether it is made each time; `choose` may pass it by.
    sure: bool,
}

/// Follows every call that can happen.
pub fn check(draft: &Draft, diagnostics: &mut Diagnostics) {
    let mut flow = Flow { draft, diagnostics, edges: BTreeMap::new(), held: BTreeSet::new(), classes: BTreeSet::new() };
    let mut waiting: Vec<Call> = Vec::new();
    for component in draft.components.values() {
        if let Component::Client(client) = component {
            waiting.extend(flow.first_calls(client).into_iter().map(|edge| edge.to));
        }
    }
    while let Some(call) = waiting.pop() {
        if flow.edges.contains_key(&call) {
            continue;
        }
        flow.classes.insert(call.class.clone());
        let edges = flow.calls_of(&call);
        waiting.extend(edges.iter().map(|edge| edge.to.clone()));
        flow.edges.insert(call, edges);
    }
    flow.endless();
    flow.unreached();
    let calls = flow
        .edges
        .iter()
        .flat_map(|(call, edges)| edges.iter().map(|edge| (call.component.clone(), edge.to.component.clone())));
    let mut calls: BTreeSet<(String, String)> = calls.collect();
    for (name, component) in &draft.components {
        if let Component::Client(client) = component {
            calls.insert((name.clone(), client.to.to.text.clone()));
        }
    }
    super::faults::partitions(draft, &calls, diagnostics);
}

/// Calls that are followed through a model.
pub(crate) struct Flow<'d> {
    pub draft: &'d Draft,
    pub diagnostics: &'d mut Diagnostics,
    edges: BTreeMap<Call, Vec<Edge>>,
    /// Pools that are held.
    held: BTreeSet<String>,
    /// Classes that are asked for.
    classes: BTreeSet<String>,
}

impl<'d> Flow<'d> {
    fn has_key(&self, class: &str) -> bool {
        self.draft.classes.get(class).is_some_and(|class| class.key.is_some())
    }

    fn is_write(&self, class: &str) -> bool {
        self.draft.classes.get(class).is_some_and(|class| class.write)
    }

    /// What a client asks for.
    fn first_calls(&mut self, client: &ClientSpec) -> Vec<Edge> {
        let classes: Vec<String> = match (&client.arrivals, &client.journey) {
            (Arrivals::Trace(_), _) => self.draft.classes.keys().cloned().collect(),
            (_, Some(journey)) => journey.iter().map(|step| step.class.text.clone()).collect(),
            (_, None) if client.mix.is_empty() => self.draft.classes.keys().cloned().collect(),
            (_, None) => {
                client.mix.iter().filter(|(_, weight)| weight.0 > 0.0).map(|(class, _)| class.clone()).collect()
            }
        };
        let mut edges = Vec::new();
        // The keys of a record may come from the record.
        let recorded = matches!(client.arrivals, Arrivals::Trace(_));
        for class in classes {
            let has_key = recorded || self.has_key(&class);
            let call = Call { component: client.to.to.text.clone(), class, operation: None, has_key };
            follow_link(&client.to, call, true, &mut edges);
        }
        edges
    }

    /// What a call makes its component call.
    fn calls_of(&mut self, call: &Call) -> Vec<Edge> {
        let mut edges = Vec::new();
        if let Some(component) = self.draft.components.get(&call.component) {
            component.part().calls(call, self, &mut edges);
        }
        edges
    }

    /// The operation that a call asks for, by its own word or by its class.
    pub(crate) fn operation_name(&self, call: &Call) -> String {
        let by_class = || if self.is_write(&call.class) { "write" } else { "read" };
        call.operation.clone().unwrap_or_else(|| by_class().to_string())
    }

    /// What steps make of a call.
    pub(crate) fn steps(&mut self, steps: &[Step], call: &Call, sure: bool, edges: &mut Vec<Edge>) {
        for step in steps {
            match step {
                Step::Cpu(_) | Step::Delay(_) | Step::Fail(_) => {}
                Step::Call(step) => {
                    let class = step.class.as_ref().map_or(&call.class, |class| &class.text).clone();
                    let has_key = step.key != Key::Request || self.key_of_request(call, &class);
                    let operation = step.op.as_ref().map(|op| op.text.clone());
                    let to = Call { component: step.link.to.text.clone(), class, operation, has_key };
                    self.asks_for_operation(step.op.as_ref(), &to);
                    follow_link(&step.link, to, sure, edges);
                }
                Step::Publish(step) => {
                    let class = step.class.as_ref().map_or(&call.class, |class| &class.text).clone();
                    let has_key = step.key != Key::Request || self.key_of_request(call, &class);
                    let to = Call { component: step.link.to.text.clone(), class, operation: None, has_key };
                    follow_link(&step.link, to, sure, edges);
                }
                Step::Cached(step) => {
                    let has_key = step.key != Key::Request || call.has_key;
                    self.look_up(&step.link, call, has_key);
                    if let Some(fallback) = &step.link.options.fallback {
                        let call = Call { component: fallback.to.text.clone(), has_key, ..call.clone() };
                        follow_link(fallback, call, sure, edges);
                    }
                    if step.miss.is_empty()
                        && let Some(Component::Cache(cache)) = self.draft.components.get(step.link.to.as_str())
                        && let Some(backing) = &cache.backing
                    {
                        // Without steps of its own it loads over the backing, as a call would.
                        let call = Call { component: backing.to.text.clone(), has_key, ..call.clone() };
                        follow_link(backing, call, sure, edges);
                    }
                    self.steps(&step.miss, call, sure, edges);
                    self.steps(&step.hit, call, sure, edges);
                }
                Step::Hold(step) => {
                    self.held.insert(step.pool.text.clone());
                    self.steps(&step.steps, call, sure, edges);
                }
                Step::Parallel(step) => {
                    step.branches.iter().for_each(|branch| self.steps(branch, call, sure, edges));
                }
                Step::Choose(step) => {
                    let possible: Vec<_> = step.branches.iter().filter(|branch| branch.weight.0 > 0.0).collect();
                    let sure = sure && possible.len() == 1;
                    possible.iter().for_each(|branch| self.steps(&branch.steps, call, sure, edges));
                }
            }
        }
    }

    /// Whether a request for one class, made for another, has a key.
    fn key_of_request(&self, call: &Call, class: &str) -> bool {
        if class == call.class { call.has_key } else { self.has_key(class) }
    }

    /// A look-up by `cached`: the cache is reached, its backing is not.
    fn look_up(&mut self, link: &Link, call: &Call, has_key: bool) {
        self.held.insert(link.to.text.clone());
        if !has_key {
            let found = format!("look-ups of {} come without a key: they bypass the cache", call.class);
            self.diagnostics.push(link.to.at.warning(found).help("give the class or the step a `key`"));
        }
    }

    fn asks_for_operation(&mut self, op: Option<&crate::model::value::Name>, to: &Call) {
        let Some(op) = op else { return };
        let callee = self.behind(&to.component);
        let component = self.draft.components.get(callee);
        let Some(known) = component.and_then(|component| component.part().offers(self)) else {
            let found = format!("`op` has no effect: {callee} has no operations");
            self.diagnostics.push(op.at.warning(found));
            return;
        };
        if !known.contains(&op.as_str()) {
            let found = format!("{callee} has no operation {op}");
            self.diagnostics.push(op.at.error(found).help(did_you_mean(op, known)));
        }
    }

    /// Where the answers of a component come from in the end.
    pub(crate) fn source_of(&self, component: &'d str) -> &'d str {
        self.follow(component, |_| true)
    }

    /// What looks at the operation of a call: the component itself, or what is behind it.
    fn behind(&self, component: &'d str) -> &'d str {
        self.follow(component, |part| part.offers(self).is_none())
    }

    /// Goes on to where answers come from, as long as `on` says so.
    fn follow(&self, start: &'d str, on: impl Fn(&dyn Part) -> bool) -> &'d str {
        let mut name = start;
        for _ in 0..self.draft.components.len() {
            let Some(component) = self.draft.components.get(name) else { break };
            match component.part().answers_from().filter(|_| on(component.part())) {
                Some(link) => name = link.to.as_str(),
                None => break,
            }
        }
        name
    }

    /// An operation that follows from the class, or from an `op` that passed through other components.
    pub(crate) fn unknown_operation(&mut self, at: &Place, call: &Call, operation: &str, known: &[&str]) {
        let told = format!(" has no operation {operation}");
        if self.diagnostics.iter().any(|diagnostic| diagnostic.found.ends_with(&told)) {
            return;
        }
        let found = format!("{} can arrive here as `{operation}`, and there is no such operation", call.class);
        self.diagnostics.push(at.error(found).help(format!("there are {}", in_a_row(known.iter().copied()))));
    }

    /// Calls that lead back to themselves each time.
    fn endless(&mut self) {
        let calls: Vec<&Call> = self.edges.keys().collect();
        let mut state: BTreeMap<&Call, bool> = BTreeMap::new();
        let mut circles: Vec<(Place, String)> = Vec::new();
        for start in calls {
            if state.contains_key(start) {
                continue;
            }
            // Depth first with a stack of its own: models may be long chains.
            let mut stack: Vec<(&Call, usize)> = vec![(start, 0)];
            state.insert(start, false);
            while let Some((call, next)) = stack.pop() {
                let Some(edge) = self.edges[call].iter().filter(|edge| edge.sure).nth(next) else {
                    state.insert(call, true);
                    continue;
                };
                stack.push((call, next + 1));
                let Some((to, _)) = self.edges.get_key_value(&edge.to) else { continue };
                match state.get(to) {
                    Some(true) => {}
                    Some(false) => {
                        let from = stack.iter().position(|(call, _)| *call == to).unwrap_or(0);
                        let names = stack[from..].iter().map(|(call, _)| call.component.as_str());
                        let circle = names.chain([to.component.as_str()]).collect::<Vec<_>>().join(" → ");
                        circles.push((
                            edge.at.clone(),
                            format!("{} calls go in a circle without end: {circle}", to.class),
                        ));
                    }
                    None => {
                        state.insert(to, false);
                        stack.push((to, 0));
                    }
                }
            }
        }
        for (at, found) in circles {
            self.diagnostics.push(at.error(found));
        }
    }

    /// Components that nothing calls and classes that nobody asks for.
    fn unreached(&mut self) {
        let reached: BTreeSet<&str> = self.edges.keys().map(|call| call.component.as_str()).collect();
        let arrives: BTreeSet<(&str, &str)> =
            self.edges.keys().map(|call| (call.component.as_str(), call.class.as_str())).collect();
        for (name, component) in &self.draft.components {
            let needs_calls = component.nature().called;
            if needs_calls && !reached.contains(name.as_str()) && !self.held.contains(name) {
                self.diagnostics.push(component.at().warning("nothing calls it"));
            }
        }
        for (name, class) in &self.draft.classes {
            if !self.classes.contains(name) {
                self.diagnostics.push(class.at.warning("nobody asks for it"));
            }
        }
        for (name, component) in &self.draft.components {
            let Component::ServerPool(pool) = component else { continue };
            if !reached.contains(name.as_str()) {
                continue;
            }
            for class in pool.handlers.keys().filter(|class| *class != "*") {
                if !arrives.contains(&(name.as_str(), class.as_str())) {
                    let found = format!("the handler has no effect: {class} never arrives here");
                    let own =
                        self.draft.root.get("components").and_then(|all| all.get(name)?.get("handlers")?.get(class));
                    let at = own.map_or_else(|| pool.at.field("handlers"), Place::of);
                    self.diagnostics.push(at.warning(found));
                }
            }
        }
    }
}

/// A call over a link, and over its fallbacks.
pub(crate) fn follow_link(link: &Link, call: Call, sure: bool, edges: &mut Vec<Edge>) {
    let mut next = link.options.fallback.as_deref();
    edges.push(Edge { to: call.clone(), at: link.to.at.clone(), sure });
    while let Some(fallback) = next {
        let call = Call { component: fallback.to.text.clone(), ..call.clone() };
        edges.push(Edge { to: call, at: fallback.to.at.clone(), sure });
        next = fallback.options.fallback.as_deref();
    }
}
