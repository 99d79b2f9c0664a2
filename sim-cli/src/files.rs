//! Files: models and what they name are read, results are written beside their place and then moved there.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

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
        let told = |error: io::Error| format!("{} can't be read: {}", full.display(), reason(&error));
        // A pipe or a device might never end.
        if !fs::metadata(&full).map_err(told)?.is_file() {
            return Err(format!("{} is no file", full.display()));
        }
        fs::read(&full).map_err(told)
    }
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
        write_whole(path, anstream::adapter::strip_str(text).to_string().as_bytes())
    }

    /// Writes bytes as they are.
    pub fn write_bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        match &self.0 {
            Some(path) => write_whole(path, bytes),
            None => io::stdout()
                .lock()
                .write_all(bytes)
                .map_err(|error| Failure::Wrong(format!("the results can't be written: {error}"))),
        }
    }

    /// Tells now what would keep results from being written later.
    pub fn check(&self) -> Result<(), Failure> {
        let Some(path) = &self.0 else { return Ok(()) };
        can_be_written(path).map_err(|error| unwritable(path, &error))
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_beside(path, bytes).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no such folder".to_owned(),
        _ => reason(error),
    };
    Failure::Wrong(format!("{} can't be written: {why}", path.display()))
}

/// Whether a file can be made beside the path.
fn can_be_written(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(known) if known.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        // A device or pipe is opened once, when there is something to write.
        Ok(known) if !known.is_file() => return Ok(()),
        Ok(_) | Err(_) => {}
    }
    let beside = beside(path)?;
    File::create(&beside)?;
    fs::remove_file(&beside)
}

/// Where a file is written before it is moved to its place.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?.to_string_lossy();
    Ok(path.with_file_name(format!(".{name}.{}.part", std::process::id())))
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

fn remember(path: Option<PathBuf>) {
    *HALF_WRITTEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = path;
}

/// Removes what an interrupted write left.
pub fn forget_half_written() {
    if let Some(path) = HALF_WRITTEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
        let _ = fs::remove_file(path);
    }
}
