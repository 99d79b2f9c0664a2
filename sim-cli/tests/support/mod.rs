//! What the tests of the binary share: the command, a folder of its own for a test, and texts.

// Each test uses a part of it.
#![allow(dead_code)]

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A model that all tests may read, from where [`kneepoint`] runs.
pub const SHOP: &str = "tests/fixtures/shop.json";

/// The binary with its arguments, in the folder of this package, with nothing on its stdin.
pub fn kneepoint(arguments: &[&str]) -> Command {
    kneepoint_in(Path::new(env!("CARGO_MANIFEST_DIR")), arguments)
}

/// The same in another folder.
pub fn kneepoint_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kneepoint"));
    command.args(arguments).current_dir(folder).env_remove("CLICOLOR_FORCE").stdin(Stdio::null());
    command
}

/// What the binary answers.
pub fn run(arguments: &[&str]) -> Output {
    kneepoint(arguments).output().expect("the binary starts")
}

/// What it wrote.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the output is UTF-8")
}

/// A folder of its own for a test, empty; gone when the test is.
pub struct Place(PathBuf);

impl Place {
    pub fn new() -> Self {
        static PLACES: AtomicU32 = AtomicU32::new(0);
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("kneepoint-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
        Self(folder)
    }

    /// A file in it, as an argument.
    pub fn path(&self, name: &str) -> String {
        self.join(name).to_str().expect("a plain path").to_owned()
    }

    /// Writes a file in it.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.join(name), text).expect("the folder is writable");
    }

    /// The names of what is in it, in order.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("it is there");
        let names = entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// The binary, run in it.
    pub fn kneepoint(&self, arguments: &[&str]) -> Command {
        kneepoint_in(&self.0, arguments)
    }
}

impl Deref for Place {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
