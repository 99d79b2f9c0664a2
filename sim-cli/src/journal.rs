//! The journal of an experiment: each run that is done, a line of JSON, on disk before it counts. Whoever was killed goes
//! on from there.
//!
//! ```text
//! {"sum":"…","journal":1,"engine":"kneepoint 0.1.0","models":["…"],"seed":42,"figures":["p99", …]}
//! {"sum":"…","point":0,"replication":0,"seed":…,"model":"…","digest":"…","offered":…,"values":[…]}
//! ```
//!
//! A record is found by the model that was run and the replication: what a run gives follows from these, whatever the
//! number of its point. So a journal also answers a question that has grown: more replications, longer axes.

mod writer;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sim_core::engine::rng::fnv1a;
use sim_core::experiment::{Record, Subjects};

use crate::error::{Failure, say};
use crate::files::Appended;
use writer::Writer;

/// The version of the format.
const FORMAT: u32 = 1;

/// What a journal is of: with another one its records say nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Header {
    journal: u32,
    engine: String,
    models: Vec<String>,
    seed: u64,
    figures: Vec<String>,
}

impl Header {
    fn of(subjects: &Subjects) -> Self {
        Self {
            journal: FORMAT,
            engine: sim_core::ENGINE.to_owned(),
            models: subjects.models().iter().map(|model| format!("{:016x}", model.digest())).collect(),
            seed: subjects.seed(),
            figures: subjects.figures().iter().map(|figure| figure.name.clone()).collect(),
        }
    }

    /// How a journal differs from the one that is wanted.
    fn difference(&self, wanted: &Self) -> Option<String> {
        if self.journal != wanted.journal {
            return Some(format!("is of format {}, and this program writes format {FORMAT}", self.journal));
        }
        if self.engine != wanted.engine {
            return Some(format!("was written by {}, and this is {}", self.engine, wanted.engine));
        }
        if self.models != wanted.models {
            let list = |models: &[String]| models.join(" and ");
            let [found, wanted] = [list(&self.models), list(&wanted.models)];
            return Some(format!("is of another model or window (model digest {found}, here {wanted})"));
        }
        if self.seed != wanted.seed {
            return Some(format!("is of seed {}, and this is seed {}", self.seed, wanted.seed));
        }
        let lacking: Vec<&str> =
            wanted.figures.iter().filter(|name| !self.figures.contains(name)).map(String::as_str).collect();
        match (self.figures == wanted.figures, lacking.as_slice()) {
            (true, _) => None,
            (false, []) => Some("keeps other figures; ask for the same ones with --figure".to_owned()),
            (false, lacking) => Some(format!("doesn't keep {}", lacking.join(", "))),
        }
    }
}

/// An open journal.
pub struct Journal {
    known: BTreeMap<(String, u32), Record>,
    writer: Writer,
}

impl Journal {
    /// Opens a journal: a new one, or with `resume` one that was begun before.
    ///
    /// # Errors
    /// It can't be written, is there already, is none, is of something else, or another process uses it.
    pub fn open(path: &Path, resume: bool, subjects: &Subjects) -> Result<Self, Failure> {
        let wanted = Header::of(subjects);
        let mut file = Appended::open(path)?;
        let shown = crate::error::clean(&path.display().to_string());
        let content = file.content()?;
        if !content.is_empty() && !resume {
            let what = format!("{shown} is there already; go on from it with --resume, or name another file");
            return Err(Failure::Wrong(what));
        }
        let first = line(&wanted);
        let known = match read(&content, &wanted, &first) {
            Ok(found) => {
                found.damaged.iter().for_each(|number| {
                    say(&format!("{shown}:{number}: this line is damaged; its run is made again"));
                });
                file.keep(found.length)?;
                found.records
            }
            Err(why) => return Err(Failure::Wrong(format!("{shown} {why}"))),
        };
        let writer = Writer::start(file);
        if content.is_empty() || known.is_none() {
            writer.write(first);
            writer.wait()?;
        }
        Ok(Self { known: known.unwrap_or_default(), writer })
    }

    /// Whether it knew no run when it was opened.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The record of a model's replication.
    pub fn find(&self, model: &str, replication: u32) -> Option<&Record> {
        self.known.get(&(model.to_owned(), replication))
    }

    /// Hands a record over to be written; it is safe after [`wait`](Self::wait).
    pub fn write(&self, record: &Record) {
        self.writer.write(line(record));
    }

    /// Whether it can't be written any more: nothing more needs to be run.
    pub fn has_failed(&self) -> bool {
        self.writer.has_failed()
    }

    /// Waits until all that was handed over is on disk.
    ///
    /// # Errors
    /// It can't be written, and why. What was on disk before still is.
    pub fn wait(&self) -> Result<(), Failure> {
        self.writer.wait()
    }
}

/// What was read from a journal.
#[derive(Debug, PartialEq)]
struct Found {
    /// By the digest of the model and the replication; nothing where not even the header is whole.
    records: Option<BTreeMap<(String, u32), Record>>,
    /// How many bytes, from the beginning, are whole lines.
    length: u64,
    /// The numbers, from 1, of lines before others that are no records.
    damaged: Vec<usize>,
}

/// Reads a journal. What stands behind its last whole line was torn when its writer died, and is dropped.
fn read(content: &[u8], wanted: &Header, first: &str) -> Result<Found, String> {
    let torn_at_once = Found { records: None, length: 0, damaged: Vec::new() };
    let Some(end) = content.iter().position(|byte| *byte == b'\n') else {
        return if first.as_bytes().starts_with(content) {
            Ok(torn_at_once)
        } else {
            Err("is no journal; name another file".to_owned())
        };
    };
    let header: Header = body(&content[..end])
        .and_then(|body| serde_json::from_str(&body).ok())
        .ok_or_else(|| "is no journal, or a damaged one; name another file".to_owned())?;
    if let Some(difference) = header.difference(wanted) {
        return Err(format!("{difference}; name another file"));
    }
    let (mut records, mut length, mut damaged, mut doubtful) = (BTreeMap::new(), end + 1, Vec::new(), Vec::new());
    let mut at = end + 1;
    for (number, text) in content[at..].split_inclusive(|byte| *byte == b'\n').enumerate() {
        at += text.len();
        let whole = text.strip_suffix(b"\n").and_then(body);
        match whole.and_then(|body| serde_json::from_str::<Record>(&body).ok()) {
            Some(record) if record.values.len() == wanted.figures.len() => {
                records.insert((record.model.clone(), record.job.replication), record);
                damaged.append(&mut doubtful);
                length = at;
            }
            Some(_) | None => doubtful.push(number + 2),
        }
    }
    Ok(Found { records: Some(records), length: length as u64, damaged })
}

/// How a line begins: its sum is of all that stands behind.
const BEGIN: &str = "{\"sum\":\"";
const SUM_DIGITS: usize = 16;

/// A line of a journal: a JSON object, whose first field is the sum of what stands behind it.
fn line(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).expect("what a journal keeps is serialisable");
    let rest = format!("\",{}", text.strip_prefix('{').expect("a journal keeps objects"));
    format!("{BEGIN}{:016x}{rest}\n", fnv1a(rest.as_bytes()))
}

/// The object of a line without its sum; nothing where the sum is another one.
fn body(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?.strip_prefix(BEGIN)?;
    let (sum, rest) = line.split_at_checked(SUM_DIGITS)?;
    let is_right = u64::from_str_radix(sum, 16).ok()? == fnv1a(rest.as_bytes());
    is_right.then(|| rest.strip_prefix("\",").map(|fields| format!("{{{fields}")))?
}

#[cfg(test)]
mod tests;
