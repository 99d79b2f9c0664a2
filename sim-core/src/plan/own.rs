//! State of a component's own: what a new component keeps in a run without a word about it in the engine.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use super::Outcome;
use crate::analysis::report::ComponentReport;

/// What a component keeps and decides by itself. Its program says where: `Op::Own` asks [`Own::step`].
///
/// The value is what the user wrote, resolved to numbers, and the same for all instances; what changes is the `State` of
/// each. An event that changes a field puts another value in its place.
pub trait Own: Debug + Send + Sync + 'static {
    /// What one instance remembers.
    type State: Debug + 'static;

    /// The state of a new instance.
    fn begin(&self) -> Self::State;

    /// What becomes of a call that comes to one of the places of its program.
    fn step(&self, state: &mut Self::State, step: u8, call: &mut OwnCall) -> OwnNext;

    /// How often [`Own::tick`] comes, ns; 0: never.
    fn every_ns(&self) -> u64 {
        0
    }

    /// It is time to look at what happened. `now_ns`: on the window's clock.
    fn tick(&self, _: &mut Self::State, _now_ns: i64) {}

    /// This value is in the place of another from now on.
    fn changed(&self, _: &mut Self::State, _now_ns: i64) {}

    /// What the timeline shows of it: the mean over its instances, under a name.
    fn gauge(&self, _: &Self::State) -> Option<(&'static str, f64)> {
        None
    }

    /// How many things it counts with [`OwnCall::count`].
    fn counts(&self) -> usize {
        0
    }

    /// Puts what it counted into the report; without a call in the window the counts are empty. `tiers`: their names.
    fn report(&self, _counts: &[u64], _tiers: &[String], _: &mut ComponentReport) {}
}

/// A call at a place of its component's own.
#[derive(Debug)]
pub struct OwnCall<'a> {
    /// Now, on the window's clock.
    pub now_ns: i64,
    /// Who the request's client is.
    pub client: u32,
    /// The tier of this client; the number of tiers: none, or nothing in the model asks for them.
    pub tier: u32,
    /// How its work has ended so far.
    pub outcome: Outcome,
    /// What the call remembers until it ends.
    pub memory: &'a mut Vec<u64>,
    /// Counts of the window; none outside of it.
    pub counts: Option<&'a mut Vec<u64>>,
    /// How many things are counted.
    pub counted: usize,
}

impl OwnCall<'_> {
    /// Counts one more of something, inside of the window.
    pub fn count(&mut self, what: usize) {
        if let Some(counts) = &mut self.counts {
            counts.resize(self.counted, 0);
            counts[what] += 1;
        }
    }
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnNext {
    /// It goes on.
    Go,
    /// It goes on after so long, ns.
    Wait(u64),
    /// It ends badly.
    Fail(Outcome),
}

/// Something of its own that any component has.
pub type OwnPlan = Arc<dyn AnyOwn>;

/// [`Own`] of any type: its states go as `dyn Any`.
pub trait AnyOwn: Debug + Send + Sync {
    /// See [`Own::begin`].
    fn begin(&self) -> Box<dyn Any>;
    /// See [`Own::step`].
    fn step(&self, state: &mut dyn Any, step: u8, call: &mut OwnCall) -> OwnNext;
    /// See [`Own::every_ns`].
    fn every_ns(&self) -> u64;
    /// See [`Own::tick`].
    fn tick(&self, state: &mut dyn Any, now_ns: i64);
    /// See [`Own::changed`].
    fn changed(&self, state: &mut dyn Any, now_ns: i64);
    /// See [`Own::gauge`].
    fn gauge(&self, state: &dyn Any) -> Option<(&'static str, f64)>;
    /// See [`Own::counts`].
    fn counts(&self) -> usize;
    /// See [`Own::report`].
    fn report(&self, counts: &[u64], tiers: &[String], report: &mut ComponentReport);
}

const OF_ITS_OWN: &str = "an instance has the state that its component began";

impl<T: Own> AnyOwn for T {
    fn begin(&self) -> Box<dyn Any> {
        Box::new(Own::begin(self))
    }

    fn step(&self, state: &mut dyn Any, step: u8, call: &mut OwnCall) -> OwnNext {
        Own::step(self, state.downcast_mut().expect(OF_ITS_OWN), step, call)
    }

    fn every_ns(&self) -> u64 {
        Own::every_ns(self)
    }

    fn tick(&self, state: &mut dyn Any, now_ns: i64) {
        Own::tick(self, state.downcast_mut().expect(OF_ITS_OWN), now_ns);
    }

    fn changed(&self, state: &mut dyn Any, now_ns: i64) {
        Own::changed(self, state.downcast_mut().expect(OF_ITS_OWN), now_ns);
    }

    fn gauge(&self, state: &dyn Any) -> Option<(&'static str, f64)> {
        Own::gauge(self, state.downcast_ref().expect(OF_ITS_OWN))
    }

    fn counts(&self) -> usize {
        Own::counts(self)
    }

    fn report(&self, counts: &[u64], tiers: &[String], report: &mut ComponentReport) {
        Own::report(self, counts, tiers, report);
    }
}
