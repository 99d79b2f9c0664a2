//! What the rest of the core asks of any component. Each answers in its own file; what most would say is said here.

use std::collections::BTreeSet;

use super::server_pool::Zones;
use crate::analysis::cost;
use crate::analysis::load::{self, Walk};
use crate::experiment::levers::{Lever, Order};
use crate::lower::{CallSpec, Caller, Lowering};
use crate::model::Model;
use crate::model::address::Address;
use crate::model::link::{Link, Scope};
use crate::model::node::Node;
use crate::model::spec::{Read, Reader};
use crate::model::units::grouped;
use crate::model::validate::{Call, Check, Edge, Flow, Places};
use crate::model::value::Name;
use crate::plan::{ChangeKind, Target};

/// What every component of a type is, whatever its fields say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nature {
    /// Whether it can be called.
    pub called: bool,
    /// Whether balancers hand calls to it.
    pub endpoint: bool,
    /// Whether it crashes, is slow, stalls and is restarted.
    pub crashes: bool,
    /// Whether it has an error rate, which faults can raise.
    pub errs: bool,
    /// Whether it always has a station, so that it has a utilization.
    pub works: bool,
}

impl Nature {
    /// What can be called, and nothing else.
    pub const CALLED: Self = Self { called: true, endpoint: false, crashes: false, errs: false, works: false };
}

/// A way out of a component: whom it calls, steers or borrows of.
#[derive(Debug, Clone)]
pub struct Outgoing<'a> {
    /// Whom.
    pub to: &'a Name,
    /// Over which link, with its fallbacks; none where nobody is called.
    pub link: Option<&'a Link>,
    /// What a picture says of it; left out, what its link is like.
    pub note: Option<String>,
    /// Whether it is steered, not called.
    pub steers: bool,
}

impl<'a> Outgoing<'a> {
    /// A call over a link.
    pub fn over(link: &'a Link) -> Self {
        Self { to: &link.to, link: Some(link), note: None, steers: false }
    }

    /// It with what a picture says of it.
    pub fn noted(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }
}

/// What a component says for itself. Whoever needs to know something of components asks here, so that nobody lists them.
pub(crate) trait Part {
    /// Reads it from what its user wrote.
    fn read(node: &Node, reader: &mut Reader) -> Option<Self>
    where
        Self: Sized + Read,
    {
        Read::read(node, reader)
    }

    /// What every component of its type is.
    fn nature() -> Nature
    where
        Self: Sized,
    {
        Nature::CALLED
    }

    /// Its stations, as reports name them; the first is the one that its own `utilization`, `queue` and `wait` are of.
    fn stations(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Whom it calls, steers or borrows of.
    fn links(&self) -> Vec<Outgoing<'_>> {
        Vec::new()
    }

    /// Whether there is one for all, or one in each instance of its callers.
    fn scope(&self) -> Scope {
        Scope::Shared
    }

    /// The zones that its instances are in.
    fn zones(&self) -> Option<&Zones> {
        None
    }

    /// The operations of its own.
    fn operations(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The operations that calls may name; `None`: it does not look at them.
    fn offers<'d>(&'d self, _: &Flow<'d>) -> Option<Vec<&'d str>> {
        None
    }

    /// Where its answers come from, if it does not make them.
    fn answers_from(&self) -> Option<&Link> {
        None
    }

    /// Whether those who call it call, themselves, what is behind it: partitions lie between these two.
    fn passes_on(&self) -> bool {
        false
    }

    /// Checks it by itself, and with the types of those that it calls.
    fn check(&self, _name: &str, check: &mut Check) {
        self.links().iter().filter_map(|way| way.link).for_each(|link| check.link(link));
    }

    /// What a call makes it call: as it is, over each of its links.
    fn calls(&self, call: &Call, _: &mut Flow, edges: &mut Vec<Edge>) {
        for link in self.links().iter().filter_map(|way| way.link) {
            call.follow(link, edges);
        }
    }

    /// Checks what it says of single instances.
    fn overrides(&self, _name: &str, _: &mut Places) {}

    /// Checks the address of one of its instances.
    fn instance(&self, address: &Address, places: &mut Places) {
        if self.scope() == Scope::Shared || !address.parts.is_empty() {
            let found = format!("{} has no instance of this name", address.component);
            places.wrong(address, found, address.component.clone());
        }
    }

    /// Whether its programs are chosen by the operation of a call, not by its class.
    fn is_by_operation(&self) -> bool {
        false
    }

    /// Whether it only hands calls on: copies of a call are told apart behind it.
    fn only_hands_on(&self) -> bool {
        false
    }

    /// What calls of it are made to: it is the component of this number.
    fn target(&self, id: u32) -> Target {
        Target::Copy(id)
    }

    /// From what its user wrote to its plan: its stations, and a program for each class or operation.
    fn lower(&self, id: u32, name: &str, lowering: &mut Lowering);

    /// Lowers a call of it into the program of its caller.
    fn call(&self, _id: u32, lowering: &mut Lowering, caller: &mut Caller, call: CallSpec) {
        lowering.straight_call(caller, call);
    }

    /// What a new value of a field comes to while it runs: it is the component that has the value already.
    fn change(&self, _component: u32, _field: &str, _: &Lowering) -> Option<ChangeKind> {
        None
    }

    /// What its figures rest on where its user says nothing, and which way that leans.
    fn assumptions(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// What a call of it comes to on average: adds the work to its stations, follows what it calls, and gives its time
    /// without any waiting. It goes on over each of its links.
    fn load<'a>(&'a self, _name: &'a str, call: load::Call<'a>, walk: &mut Walk<'a>) -> f64 {
        self.links().iter().filter_map(|way| way.link).map(|link| walk.link(link, call)).sum()
    }

    /// How many servers a station has, over all instances.
    fn servers(&self, _name: &str, _station: &str, _: &mut Walk) -> Option<f64> {
        None
    }

    /// Whether as much is offered to what is behind it as to it, so that what can't be served is known before any run.
    fn load_is_known(&self) -> bool {
        false
    }

    /// How many nodes are paid for at least, and whether it is always as many. `callers`: those that may have copies.
    fn nodes(&self, _name: &str, model: &Model, callers: Option<&BTreeSet<String>>) -> (f64, bool) {
        cost::copies(model, self.scope(), callers)
    }

    /// What it can have more of.
    fn levers(&self, _name: &str, _: &Model) -> Vec<Lever> {
        Vec::new()
    }

    /// What is known of more of its other fields.
    fn orders(&self) -> &'static [(&'static str, Order)] {
        &[]
    }

    /// Whether another replica of a pool is to it what the others are, and takes nothing from them.
    fn treats_alike(&self, _pool: &str) -> bool {
        true
    }

    /// What matters most of it in a picture, a line each.
    fn facts(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What the real thing has or does and a component leaves out, with the way that this leans, and in which models it matters:
/// the page of the component tells all of it, a report what its model rests on.
pub(crate) type LeftOut<S> = (fn(&S) -> bool, &'static str);

/// All that is left out.
pub(crate) const fn sentences<S, const N: usize>(left_out: &[LeftOut<S>; N]) -> [&'static str; N] {
    let mut all = [""; N];
    let mut at = 0;
    while at < N {
        all[at] = left_out[at].1;
        at += 1;
    }
    all
}

/// What is left out and matters to a component.
pub(crate) fn rested_on<S>(left_out: &[LeftOut<S>], spec: &S) -> Vec<&'static str> {
    left_out.iter().filter(|(matters, _)| matters(spec)).map(|&(_, sentence)| sentence).collect()
}

/// `1 core`, `20,000 items`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(count))
}
