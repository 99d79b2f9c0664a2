//! Where something was written.

use super::diagnostic::Diagnostic;
use super::node::{Node, join};

/// Where something was written. Two things that say the same are equal wherever they stand: places compare as equal.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The path in the tree.
    pub path: String,
    /// The line of the file, from 1; 0 where there is none.
    pub line: u32,
    /// The fields that were written, of a map.
    pub written: Vec<Written>,
}

/// A field that was written.
#[derive(Debug, Clone)]
pub struct Written {
    /// The field.
    pub name: String,
    /// Its path in the tree.
    pub path: String,
    /// Its line.
    pub line: u32,
}

impl Place {
    /// The place of a node.
    pub fn of(node: &Node) -> Self {
        let field =
            |(name, node): &(String, Node)| Written { name: name.clone(), path: node.path.clone(), line: node.line };
        Self { path: node.path.clone(), line: node.line, written: node.entries().iter().map(field).collect() }
    }

    /// The place of one of its fields.
    pub fn field(&self, name: &str) -> Self {
        match self.written.iter().find(|field| field.name == name) {
            Some(field) => Self { path: field.path.clone(), line: field.line, written: Vec::new() },
            None => Self { path: join(&self.path, name), line: self.line, written: Vec::new() },
        }
    }

    /// Whether one of its fields was written, and not left to its default.
    pub fn has(&self, name: &str) -> bool {
        self.written.iter().any(|field| field.name == name)
    }

    /// A mistake here.
    pub fn error(&self, found: impl Into<String>) -> Diagnostic {
        Diagnostic::error(&self.path, self.line, found)
    }

    /// A doubt here.
    pub fn warning(&self, found: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(&self.path, self.line, found)
    }
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
