//! What is wrong with a model: every mistake has a place, what was found there, and what would be right.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The model can't be run.
    Error,
    /// The model runs, but something in it has no effect or is probably not meant.
    Warning,
}

/// One mistake or doubt, at one place of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Where in the tree: `components.web.handlers.browse[0].cpu`; empty for the whole document.
    pub path: String,
    /// The line of the file, from 1; 0 where there is none (a setting of the command line).
    pub line: u32,
    /// What was found there, as a clause: `unknown field`.
    pub found: String,
    /// What would be right: `a time with a unit`; may be empty.
    pub expected: String,
    /// What to do about it: `did you mean replicas?`; may be empty.
    pub help: String,
}

impl Diagnostic {
    /// A mistake at a place.
    pub fn error(path: impl Into<String>, line: u32, found: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            path: path.into(),
            line,
            found: found.into(),
            expected: String::new(),
            help: String::new(),
        }
    }

    /// A doubt at a place.
    pub fn warning(path: impl Into<String>, line: u32, found: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, line, found) }
    }

    /// Adds what would be right.
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    /// Adds what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Whether it keeps the model from running.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(out, "{}: ", self.path)?;
        }
        write!(out, "{}", self.found)?;
        if !self.expected.is_empty() {
            write!(out, "; expected {}", self.expected)?;
        }
        if !self.help.is_empty() {
            write!(out, "; {}", self.help)?;
        }
        Ok(())
    }
}

/// How many errors, and how many warnings, are kept: who sees as many mends them first.
const ALIKE_MAX: usize = 500;

/// Everything that was found wrong with a model, in the order of its lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds one, unless the very same is there already, or so many that nobody reads them.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let alike = self.list.iter().filter(|other| other.severity == diagnostic.severity).count();
        if alike < ALIKE_MAX && !self.list.contains(&diagnostic) {
            self.list.push(diagnostic);
        }
    }

    /// Keeps only some.
    pub fn retain(&mut self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.list.retain(keep);
    }

    /// Whether any of them keeps the model from running.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(Diagnostic::is_error)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Those of another list too.
    pub fn append(&mut self, other: Diagnostics) {
        for diagnostic in other.list {
            self.push(diagnostic);
        }
    }

    /// The list itself, in the order of the lines; those of one line stay as they were found.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.sort();
        self.list
    }

    /// Puts them in the order of the lines.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|diagnostic| diagnostic.line);
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { list: vec![diagnostic] }
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.list.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            if diagnostic.line > 0 {
                write!(out, "line {}: ", diagnostic.line)?;
            }
            write!(out, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// The name of `candidates` that `wrong` was probably meant to be.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let fold = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let wrong = fold(wrong);
    let close_enough = (wrong.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&wrong, &fold(candidate)), candidate))
        .filter(|&(far, _)| far <= close_enough)
        .min_by_key(|&(far, _)| far)
        .map(|(_, candidate)| candidate)
}

/// `did you mean replicas?`, or the whole choice where nothing is near and the choice is short.
pub fn did_you_mean<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    match nearest(wrong, candidates.iter().copied()) {
        Some(name) => format!("did you mean {name}?"),
        None if candidates.is_empty() => String::new(),
        None if candidates.len() <= 40 => format!("there are {}", candidates.join(", ")),
        None => String::new(),
    }
}

/// How many letters must be changed, added, taken away or swapped with their neighbour to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut best = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        let names = ["replicas", "cores", "workers", "queue", "least-connections"];
        for (wrong, expected) in [
            ("replcas", Some("replicas")),
            ("Replicas", Some("replicas")),
            ("wrokers", Some("workers")),
            ("least_connections", Some("least-connections")),
            ("core", Some("cores")),
            ("banana", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, names), expected, "{wrong}");
        }
    }

    #[test]
    fn a_diagnostic_reads_as_a_sentence() {
        let diagnostic = Diagnostic::error("components.web.replcas", 3, "unknown field").help("did you mean replicas?");
        assert_eq!(diagnostic.to_string(), "components.web.replcas: unknown field; did you mean replicas?");
        let diagnostic =
            Diagnostic::error("run.duration", 3, "found 20").expected("a time with a unit").help("write \"20s\"");
        assert_eq!(diagnostic.to_string(), "run.duration: found 20; expected a time with a unit; write \"20s\"");
    }

    #[test]
    fn the_same_mistake_is_told_once() {
        let mut all = Diagnostics::default();
        all.push(Diagnostic::error("a", 2, "x"));
        all.push(Diagnostic::error("b", 1, "y"));
        all.push(Diagnostic::error("a", 2, "x"));
        assert_eq!(all.into_sorted().iter().map(|d| d.path.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    }
}
