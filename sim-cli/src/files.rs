//! Files: models and what they name are read, results are written beside their place and then moved there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use sim_core::model::Files;

use crate::error::Failure;

/// A model is at most so large; the reader of models says the same.
const MODEL_BYTES_MAX: u64 = (16 << 20) + 1;

/// A model's text, and where it came from.
#[derive(Debug)]
pub struct Source {
    /// For messages: the path as it was given, or `stdin`.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// What the files that it names are relative to.
    pub folder: Folder,
}

impl Source {
    /// Reads a model; `-` is stdin.
    pub fn read(path: &str) -> Result<Self, Failure> {
        let mut bytes = Vec::new();
        if path == "-" {
            if io::stdin().is_terminal() {
                crate::error::say("reading a model from stdin; end it with Ctrl-D");
            }
            let result = io::stdin().lock().take(MODEL_BYTES_MAX).read_to_end(&mut bytes);
            result.map_err(|error| Failure::Wrong(format!("stdin can't be read: {error}")))?;
            return Ok(Self { name: "stdin".into(), bytes, folder: Folder(PathBuf::new()) });
        }
        note_read(Path::new(path));
        let result = File::open(path).and_then(|file| file.take(MODEL_BYTES_MAX).read_to_end(&mut bytes));
        result.map_err(|error| {
            Failure::Wrong(format!("{} can't be read: {}", crate::error::clean(path), reason(&error)))
        })?;
        let folder = Path::new(path).parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { name: path.to_owned(), bytes, folder: Folder(folder) })
    }
}

/// An operating system's reason in plain words.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}

/// The files that a model names, relative to the model's folder.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Files for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let full = self.0.join(path);
        note_read(&full);
        let told = |error: io::Error| format!("{} can't be read: {}", full.display(), reason(&error));
        // A pipe or a device might never end.
        if !fs::metadata(&full).map_err(told)?.is_file() {
            return Err(format!("{} is no file", full.display()));
        }
        fs::read(&full).map_err(told)
    }
}

/// The model and the files that it names, each with when it was last saved as it was read; for `--watch`.
static READ: Mutex<BTreeMap<PathBuf, Option<SystemTime>>> = Mutex::new(BTreeMap::new());

fn read_files() -> MutexGuard<'static, BTreeMap<PathBuf, Option<SystemTime>>> {
    READ.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Remembers that a file is read. One that is not there is waited for.
fn note_read(path: &Path) {
    read_files().entry(path.to_owned()).or_insert_with(|| changed_at(path));
}

/// Forgets which files were read.
pub fn forget_read() {
    read_files().clear();
}

/// Whether the model names files.
pub fn has_read_more_than_one() -> bool {
    read_files().len() > 1
}

/// Whether a file was saved since it was read.
pub fn has_read_file_changed() -> bool {
    read_files().iter().any(|(path, seen)| changed_at(path) != *seen)
}

/// When a file was last saved; nothing while it is not there.
fn changed_at(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|known| known.modified()).ok()
}

/// Clears the screen, where there is one.
pub fn clear_screen() {
    if io::stdout().is_terminal() {
        let _ = io::stdout().write_all(b"\x1b[2J\x1b[H");
    }
}

/// Makes the folder that a file is to be in.
pub fn make_folder_of(path: &Path) -> Result<(), Failure> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))
}

/// Where results go.
#[derive(Clone, Debug, Default)]
pub struct Output(pub Option<PathBuf>);

impl Output {
    /// Writes text; colours in it are taken out where no one sees them. A reader who went away is no failure.
    pub fn write(&self, text: &str) -> Result<(), Failure> {
        let Some(path) = &self.0 else {
            let mut stdout = anstream::AutoStream::auto(io::stdout().lock());
            return match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
                Ok(()) => Ok(()),
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                Err(error) => Err(Failure::Wrong(format!("the results can't be written: {error}"))),
            };
        };
        let plain = anstream::adapter::strip_str(text).to_string();
        write_beside(path, plain.as_bytes()).map_err(|error| unwritable(path, &error))
    }

    /// Writes what is no text.
    pub fn write_bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let Some(path) = &self.0 else {
            let mut stdout = io::stdout().lock();
            return match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    Err(Failure::Wrong(format!("the results can't be written: {error}")))
                }
                Ok(()) | Err(_) => Ok(()),
            };
        };
        write_beside(path, bytes).map_err(|error| unwritable(path, &error))
    }

    /// Whether a file can be written in its place; nothing is left of the trial.
    pub fn check(&self) -> Result<(), Failure> {
        let Some(path) = &self.0 else { return Ok(()) };
        if fs::metadata(path).is_ok_and(|known| known.is_file()) || !path.exists() {
            let trial = || -> io::Result<()> {
                let beside = beside(path)?;
                remember(Some(beside.clone()));
                let result = File::create(&beside).and_then(|_| fs::remove_file(&beside));
                remember(None);
                result
            };
            trial().map_err(|error| unwritable(path, &error))?;
        }
        if path.is_dir() { Err(unwritable(path, &io::ErrorKind::IsADirectory.into())) } else { Ok(()) }
    }
}

/// A file that only grows, in steps that are on disk when they are done; one process has it at a time.
#[derive(Debug)]
pub struct Appended {
    file: File,
    shown: String,
    /// How much of it is on disk and whole.
    length: u64,
}

impl Appended {
    /// Opens a file, or makes it, and keeps other processes from doing so.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let shown = crate::error::clean(&path.display().to_string());
        let told = |error: io::Error| Failure::Wrong(format!("{shown} can't be written: {}", reason(&error)));
        if fs::metadata(path).is_ok_and(|known| !known.is_file()) {
            return Err(Failure::Wrong(format!("{shown} is no file, and can't be read again; name a file")));
        }
        let is_new = !path.exists();
        let file = File::options().read(true).append(true).create(true).open(path).map_err(told)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Failure::Wrong(format!("{shown} is in use: another process writes it")));
            }
            // Some network file systems know no locks; then it is up to the user.
            Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(fs::TryLockError::Error(error)) => return Err(told(error)),
        }
        if is_new {
            // A file is safe only when its folder knows it. Where folders can't be synchronised, nothing is lost by it.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        Ok(Self { file, shown, length: 0 })
    }

    /// All that is in it.
    pub fn content(&mut self) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let result = self.file.read_to_end(&mut bytes);
        result.map_err(|error| Failure::Wrong(format!("{} can't be read: {}", self.shown, reason(&error))))?;
        self.length = bytes.len() as u64;
        Ok(bytes)
    }

    /// Drops what stands behind so many bytes.
    pub fn keep(&mut self, length: u64) -> Result<(), Failure> {
        if length < self.length {
            let result = self.file.set_len(length).and_then(|()| self.file.sync_all());
            result.map_err(|error| Failure::Wrong(format!("{} can't be written: {}", self.shown, reason(&error))))?;
            self.length = length;
        }
        Ok(())
    }

    /// Writes at the end, and returns when it is on disk. After an error the file is as it was before, as far as that
    /// can be had; the error is a sentence.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), String> {
        match self.file.write_all(bytes).and_then(|()| self.file.sync_data()) {
            Ok(()) => {
                self.length += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                let _ = self.file.set_len(self.length).and_then(|()| self.file.sync_all());
                Err(format!("{} can't be written: {}", self.shown, reason(&error)))
            }
        }
    }
}

/// The half-written file, if there is one, for [`forget_half_written`].
static HALF_WRITTEN: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Writes a file so that it is either as before or whole: beside its place first, then moved there.
fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A device or pipe has no place beside it that could be moved there.
    if fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        return fs::write(path, bytes);
    }
    let beside = beside(path)?;
    remember(Some(beside.clone()));
    let write = || -> io::Result<()> {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    let result = write();
    if result.is_err() {
        let _ = fs::remove_file(&beside);
    }
    remember(None);
    result
}

/// Where a file is before it is whole.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?.to_string_lossy();
    Ok(path.with_file_name(format!(".{name}.{}.part", std::process::id())))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no such folder".to_owned(),
        _ => reason(error),
    };
    Failure::Wrong(format!("{} can't be written: {why}", path.display()))
}

fn remember(path: Option<PathBuf>) {
    *HALF_WRITTEN.lock().unwrap_or_else(PoisonError::into_inner) = path;
}

/// Removes what an interrupted write left.
pub fn forget_half_written() {
    if let Some(path) = HALF_WRITTEN.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = fs::remove_file(path);
    }
}
