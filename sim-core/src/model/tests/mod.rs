//! Models that are right, and models that are wrong in every way that is known.

use super::diagnostic::Diagnostic;
use super::*;

mod hostile;
mod mistakes;
mod setting;

pub use mistakes::SMALL;

/// The example of the language's description.
const WEB_SHOP: &str = include_str!("web_shop.json");

fn read(text: &str) -> Result<(Model, Vec<Diagnostic>), Diagnostics> {
    Model::parse(text, "model", &[], &NoFiles)
}

fn told(diagnostics: impl IntoIterator<Item = Diagnostic>) -> Vec<String> {
    diagnostics
        .into_iter()
        .map(|diagnostic| {
            let warning = if diagnostic.is_error() { "" } else { "warning: " };
            format!("{}: {warning}{diagnostic}", diagnostic.line)
        })
        .collect()
}

fn outcome(text: &str) -> Vec<String> {
    match read(text) {
        Ok((_, warnings)) => told(warnings),
        Err(mistakes) => told(mistakes),
    }
}

#[test]
fn the_example_is_right() {
    assert_eq!(outcome(WEB_SHOP), [] as [&str; 0]);
}
