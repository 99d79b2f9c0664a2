//! The model: what the user writes.

pub mod address;
pub mod arrivals;
pub mod breaker;
pub mod budget;
pub mod change;
pub mod class;
pub mod cost;
mod declare;
pub mod diagnostic;
pub mod digest;
pub mod distribution;
pub mod document;
mod draft;
pub mod event;
pub mod expectation;
pub mod fault;
pub mod hedge;
mod json;
pub mod keyspace;
pub mod link;
pub mod migrate;
pub mod node;
pub mod objective;
pub mod path;
mod place;
mod preset;
mod reading;
pub mod reference;
pub mod run;
pub mod schema;
mod shape;
pub mod spec;
pub mod step;
mod syntax;
pub mod tidy;
pub mod units;
pub(crate) mod validate;
pub mod value;
mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::components::Component;
use crate::spec;
use change::Change;
use class::Class;
use diagnostic::{Diagnostic, Diagnostics};
use document::Document;
use draft::Draft;
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
        /// The version of the language: write `"format": 1`.
        format: Count = required.range(1, 1);
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
    /// What the events set, in the order of time: each component as it is from then on.
    pub changes: Vec<Change>,
    /// The files that it names, by path.
    pub files: BTreeMap<String, Arc<Vec<u8>>>,
    /// The tree, every `like` followed.
    root: Node,
    /// The hashes of the files that it names itself, its variants apart.
    file_hashes: BTreeMap<String, u64>,
}

/// The files of a model that has been read: nothing is read again.
struct FilesRead<'m>(&'m BTreeMap<String, Arc<Vec<u8>>>);

impl Files for FilesRead<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.0.get(path).map(|bytes| bytes.to_vec()).ok_or_else(|| format!("{path} has not been read"))
    }
}

impl Model {
    /// Reads a model: its text, the name of its source (whose ending tells JSON from YAML), settings by path that are
    /// applied to the tree first, and where the files come from that it names. Answers the model and what is doubtful
    /// in it.
    ///
    /// # Errors
    /// Every mistake that could be found, with its place.
    pub fn parse(
        text: &str,
        source_name: &str,
        sets: &[(String, String)],
        files: &dyn Files,
    ) -> Result<(Self, Vec<Diagnostic>), Diagnostics> {
        let mut document = Document::parse(text, source_name)?;
        migrate::migrate(&mut document)?;
        let mut mistakes = Diagnostics::default();
        for (path, value) in sets {
            if let Err(mistake) = document.set(path, value) {
                mistakes.push(mistake);
            }
        }
        Self::read(document, mistakes, files, true)
    }

    /// Reads a model from its tree. `mistakes` are those found so far.
    fn read(
        document: Document,
        mistakes: Diagnostics,
        files: &dyn Files,
        with_variants: bool,
    ) -> Result<(Self, Vec<Diagnostic>), Diagnostics> {
        let mut reader = Reader::new(files);
        reader.diagnostics = mistakes;
        let root = document.resolved(&mut reader.diagnostics);
        let mut draft = Draft::read(root, &mut reader);
        let changes = change::changes(&draft, &mut reader);
        draft.references.append(&mut reader.references);
        validate::validate(&draft, &changes, &mut reader.diagnostics);
        let own_files = reader.files_read();
        let file_hashes =
            own_files.iter().map(|(path, bytes)| (path.clone(), crate::engine::rng::fnv1a(bytes))).collect();
        if with_variants && !reader.diagnostics.has_errors() {
            Self::check_variants(&document, &draft, &mut reader);
        }
        let (files, mut diagnostics) = (reader.files_read(), reader.diagnostics);
        diagnostics.sort();
        let Some(run) = draft.run.filter(|_| draft.whole && !diagnostics.has_errors()) else {
            return Err(diagnostics);
        };
        let model = Self {
            name: draft.name,
            run,
            keyspaces: draft.keyspaces,
            classes: draft.classes,
            components: draft.components,
            events: draft.events,
            faults: draft.faults,
            objectives: draft.objectives,
            variants: draft.variants,
            expect: draft.expect,
            document,
            changes,
            files,
            root: draft.root,
            file_hashes,
        };
        Ok((model, diagnostics.into_iter().collect()))
    }

    /// Each variant must be a right model too.
    fn check_variants(document: &Document, draft: &Draft, reader: &mut Reader) {
        for (name, settings) in &draft.variants {
            let mut variant = document.clone();
            let mut mistakes = apply(&mut variant, settings);
            if !mistakes.has_errors() {
                match Self::read(variant, Diagnostics::default(), reader.files(), false) {
                    Ok(_) => continue,
                    Err(found) => mistakes.append(found),
                }
            }
            let place = document.get("variants").and_then(|variants| variants.get(name));
            let (path, line) = place.map_or(("variants".to_string(), 0), |node| (node.path.clone(), node.line));
            for mistake in mistakes.into_iter().filter(Diagnostic::is_error) {
                let found = format!("{}: {}", mistake.path, mistake.found);
                reader.diagnostics.push(Diagnostic { path: path.clone(), line, found, ..mistake });
            }
        }
    }

    /// One of its variants.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn variant(&self, name: &str) -> Result<Self, Diagnostics> {
        let Some(settings) = self.variants.get(name) else {
            let help = diagnostic::did_you_mean(name, self.variants.keys().map(String::as_str));
            return Err(Diagnostic::error("variants", 0, format!("there is no variant {name}")).help(help).into());
        };
        let mut document = self.document.clone();
        let mistakes = apply(&mut document, settings);
        Self::read(document, mistakes, &FilesRead(&self.files), false).map(|(model, _)| model)
    }

    /// This model with settings by path applied, as `--set` gives them.
    ///
    /// # Errors
    /// Every mistake that they make.
    pub fn with(&self, sets: &[(String, String)], files: &dyn Files) -> Result<(Self, Vec<Diagnostic>), Diagnostics> {
        let mut document = self.document.clone();
        let mut mistakes = Diagnostics::default();
        for (path, value) in sets {
            if let Err(mistake) = document.set(path, value) {
                mistakes.push(mistake);
            }
        }
        Self::read(document, mistakes, files, true)
    }

    /// Whether a run of it tells these figures: whether there is what they are of.
    ///
    /// # Errors
    /// Every figure that it can't tell.
    pub fn can_tell(&self, measures: &[&objective::Measure]) -> Result<(), Diagnostics> {
        let files = FilesRead(&self.files);
        let draft = Draft::read(self.root.clone(), &mut Reader::new(&files));
        let mut mistakes = Diagnostics::default();
        for measure in measures {
            let at = spec::Place { path: measure.to_string(), ..spec::Place::default() };
            validate::measure(&draft, &self.changes, measure, &at, &mut mistakes);
        }
        if mistakes.has_errors() { Err(mistakes) } else { Ok(()) }
    }

    /// Whether a field of this name stands anywhere in it.
    pub fn mentions(&self, field: &str) -> bool {
        self.root.mentions(field)
    }

    /// A hash of what is simulated: equal for equal models, whatever the order of their fields. Left out is what
    /// touches no result: name, notes, layout, variants and expectations; and the seed, which reports give beside it.
    pub fn digest(&self) -> u64 {
        let mut hasher = digest::Hasher::default();
        let mut root = self.root.clone();
        for field in ["name", "variants", "expect", "layout"] {
            root.remove(field);
        }
        if let Some(run) = root.get_mut("run") {
            run.remove("seed");
        }
        if let Some(node::Value::Map(components)) = root.get_mut("components").map(|node| &mut node.value) {
            for (_, component) in components {
                component.remove("layout");
            }
        }
        hasher.node(&root);
        for (path, hash) in &self.file_hashes {
            hasher.text(path);
            hasher.number(*hash);
        }
        hasher.finish()
    }
}

fn apply(document: &mut Document, settings: &Settings) -> Diagnostics {
    let mut mistakes = Diagnostics::default();
    for setting in &settings.0 {
        if let Err(mistake) = document.set_node(&setting.path, setting.value.clone()) {
            mistakes.push(mistake);
        }
    }
    mistakes
}

#[cfg(test)]
mod tests;
