//! The model: what the user writes.

pub mod distribution;
pub mod units;

/// Reads the files that a model names; whoever uses the core gives it, as the core itself does no IO.
pub trait Files {
    /// The content of the file at `path`, as the model wrote it.
    ///
    /// # Errors
    /// A sentence that says why it can't be read.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;
}
