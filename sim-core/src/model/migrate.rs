//! Versions of the language: documents of older ones are brought up to date, those of newer ones are refused.

use super::diagnostic::{Diagnostic, Diagnostics};
use super::document::Document;
use super::node::Value;

/// The version that this Kneepoint writes and reads.
pub const FORMAT: u64 = 1;

/// What brings a document from one version to the next.
type Migration = fn(&mut Document) -> Result<(), Diagnostic>;

/// The first leads from format 1 to format 2, and so on. There is no second format yet.
const MIGRATIONS: [Migration; 0] = [];

/// Brings a document up to date. `Err`: it is of no version that this Kneepoint can read.
pub fn migrate(document: &mut Document) -> Result<(), Diagnostics> {
    let expected = format!("\"format\": {FORMAT}");
    let Some(node) = document.root.get("format") else {
        // The reader of the model goes on: a missing format hides nothing else.
        return Ok(());
    };
    let format = match &node.value {
        Value::Number(number) if number.value >= 1.0 && number.value.fract() == 0.0 => number.value,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_) | Value::Map(_) => {
            return Ok(());
        }
    };
    if format > FORMAT as f64 {
        let found = format!("this model was made for a newer Kneepoint (format {format})");
        return Err(Diagnostic::error("format", node.line, found)
            .expected(format!("{expected}, the newest that this version reads"))
            .into());
    }
    for migration in MIGRATIONS.iter().skip(format as usize - 1) {
        migration(document)?;
    }
    Ok(())
}
