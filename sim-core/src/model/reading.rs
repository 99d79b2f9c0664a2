//! What the readers of JSON and YAML share.

use super::diagnostic::Diagnostic;
use super::node::shortened;

/// How deep maps and lists may stand in each other.
pub const DEPTH_MAX: usize = 64;
/// How long a file may be: 16 MiB.
pub const LENGTH_MAX: usize = 16 << 20;
/// How long a key may be, so that paths stay short.
const KEY_LENGTH_MAX: usize = 200;

/// Where the lines of a text begin.
pub struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    /// Those of a text.
    pub fn new(text: &str) -> Self {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { starts: std::iter::once(0).chain(starts).collect() }
    }

    /// The line, from 1, that an offset is in.
    pub fn at(&self, offset: usize) -> u32 {
        u32::try_from(self.starts.partition_point(|start| *start <= offset)).unwrap_or(u32::MAX)
    }
}

/// A finite number.
pub fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// A key that is not there yet, of a sensible length.
pub fn check_key(key: &str, path: &str, line: u32, first: bool) -> Result<(), Diagnostic> {
    if key.len() > KEY_LENGTH_MAX {
        let found = format!("the name \"{}\" is too long", shortened(key));
        return Err(Diagnostic::error(path, line, found).expected(format!("at most {KEY_LENGTH_MAX} letters")));
    }
    if !first {
        let path = super::node::join(path, key);
        return Err(Diagnostic::error(path, line, "found twice").expected("each name once"));
    }
    Ok(())
}

/// Maps and lists stand too deep in each other.
pub fn too_deep(path: &str, line: u32) -> Diagnostic {
    let found = format!("found more than {DEPTH_MAX} maps and lists inside of each other");
    Diagnostic::error(shortened(path), line, found).help("a model is flatter than that")
}

/// There is nothing in the file.
pub fn empty() -> Diagnostic {
    Diagnostic::error("", 1, "the file is empty").expected("a model, as in models/web-shop.json")
}
