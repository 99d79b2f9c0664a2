//! The model: what the user writes.

pub mod address;
pub mod arrivals;
pub mod class;
pub mod diagnostic;
pub mod digest;
pub mod distribution;
pub mod document;
pub mod event;
pub mod expectation;
pub mod fault;
mod json;
pub mod keyspace;
pub mod link;
pub mod node;
pub mod objective;
pub mod path;
mod reading;
pub mod run;
pub mod spec;
pub mod step;
mod syntax;
pub mod units;
pub mod value;
mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::components::Component;
use crate::spec;
use class::Class;
use diagnostic::{Diagnostic, Diagnostics};
use document::Document;
use event::{Event, Settings};
use expectation::Expectation;
use fault::Fault;
use keyspace::Keyspace;
use node::{EMPTY_LIST, EMPTY_MAP, Node};
use objective::Objective;
use run::Run;
use spec::Reader;
use value::{Count, Text};

/// Reads the files that a model names; whoever uses the core gives it, as the core itself does no IO.
pub trait Files {
    /// The content of the file at `path`, as the model wrote it.
    ///
    /// # Errors
    /// A sentence that says why it can't be read.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;
}

/// No files at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        Err(format!("{path} can't be read here"))
    }
}

spec! {
    /// A model of a system: what is in it, what it is asked, and how a run of it is made.
    pub struct ModelSpec {
        /// The version of the language: 1.
        format: Count = required;
        /// What it is called.
        name: Text = default("Untitled");
        /// How a run is made.
        run: Run = required;
        /// Keys that requests ask for.
        keyspaces: BTreeMap<String, Keyspace> = default(EMPTY_MAP);
        /// What clients ask for; left out, one class `request`.
        classes: BTreeMap<String, Class> = default(EMPTY_MAP);
        /// What the system is made of.
        components: BTreeMap<String, Component> = required;
        /// What changes while it runs.
        events: Vec<Event> = default(EMPTY_LIST);
        /// What fails while it runs.
        faults: Vec<Fault> = default(EMPTY_LIST);
        /// What must hold.
        objectives: Vec<Objective> = default(EMPTY_LIST);
        /// Named changes of this model, by path.
        variants: BTreeMap<String, Settings> = default(EMPTY_MAP);
        /// What this model is there to show, over itself and its variants.
        expect: Vec<Expectation> = default(EMPTY_LIST);
        later ["presets", "regions", "tiers", "zones", "costs", "network", "imports", "parameters"];
    }
}

/// A model that has been read and found right.
#[derive(Debug, Clone)]
pub struct Model {
    /// What it is called.
    pub name: String,
    /// How a run is made.
    pub run: Run,
    /// Keys that requests ask for, by name.
    pub keyspaces: BTreeMap<String, Keyspace>,
    /// What clients ask for, by name; never empty.
    pub classes: BTreeMap<String, Class>,
    /// What the system is made of, by name.
    pub components: BTreeMap<String, Component>,
    /// What changes while it runs, in the order of the file.
    pub events: Vec<Event>,
    /// What fails while it runs, in the order of the file.
    pub faults: Vec<Fault>,
    /// What must hold, in the order of the file.
    pub objectives: Vec<Objective>,
    /// Named changes, by name.
    pub variants: BTreeMap<String, Settings>,
    /// What it is there to show, in the order of the file.
    pub expect: Vec<Expectation>,
    /// The tree that it was read from, settings applied.
    pub document: Document,
    /// The files that it names, by path.
    pub files: BTreeMap<String, Arc<Vec<u8>>>,
}
