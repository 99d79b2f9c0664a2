//! `--chart` and `--report`: what the commands whose answers can be seen have in common.

use std::path::PathBuf;

use clap::Args;
use sim_core::model::Model;

use crate::chart::{self, Picture, Shown, Theme};
use crate::error::Failure;
use crate::files::Output;
use crate::render::html;
use crate::render::page::Page;

/// Pictures of an answer, and a page with all of it.
#[derive(Debug, Args)]
pub struct PictureArgs {
    /// Draw a picture, as SVG or PNG by the file's ending; KIND=FILE draws another one than the first of the command's;
    /// may be given several times
    #[arg(long, value_name = "[KIND=]FILE", value_parser = asked)]
    chart: Vec<Chart>,
    /// Write one page (HTML) with the answer, its pictures, its tables and the model
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// The colours of the pictures of --chart; the page follows its reader's system
    #[arg(long, value_enum, default_value_t, requires = "chart")]
    theme: Theme,
}

/// A picture that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    kind: Option<String>,
    file: PathBuf,
    is_png: bool,
}

impl Chart {
    /// Finds what is wrong with its kind and its file; `command` says which kinds there are.
    pub fn check(&self, command: &str) -> Result<(), Failure> {
        let known = chart::kinds(command);
        if let Some(kind) = self.kind.as_deref().filter(|kind| !known.contains(kind)) {
            let kinds = known.join(", ");
            return Err(Failure::Wrong(format!("{command} draws no picture \"{kind}\"; it draws {kinds}")));
        }
        Output(Some(self.file.clone())).check()
    }

    /// Draws it.
    pub fn draw(&self, shown: &Shown, theme: Theme) -> Result<(), Failure> {
        let first = chart::kinds(shown.command()).first().copied().unwrap_or_default();
        let picture = shown.draw(self.kind.as_deref().unwrap_or(first), theme);
        let picture = picture.map_err(|why| Failure::Wrong(format!("{}: {why}", self.file.display())))?;
        let output = Output(Some(self.file.clone()));
        match self.is_png {
            true => output.write_bytes(&picture.png()),
            false => output.write_bytes(picture.svg().as_bytes()),
        }
    }
}

impl PictureArgs {
    /// Finds what is wrong with the files and kinds before anything runs; `command` says which kinds there are.
    pub fn check(&self, command: &str) -> Result<(), Failure> {
        let known = chart::kinds(command);
        if known.is_empty() && !self.is_nothing() {
            return Err(Failure::Wrong(format!("{command} draws no pictures, and writes no page")));
        }
        self.chart.iter().try_for_each(|asked| asked.check(command))?;
        let Some(report) = &self.report else { return Ok(()) };
        let ending = report.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        if !matches!(ending.as_deref(), Some("html" | "htm")) {
            let path = report.display();
            return Err(Failure::Wrong(format!("--report {path}: a page is HTML; end its name in .html")));
        }
        Output(Some(report.clone())).check()
    }

    /// Whether nothing is asked for.
    pub fn is_nothing(&self) -> bool {
        self.chart.is_empty() && self.report.is_none()
    }

    /// Draws what is asked for.
    pub fn write(&self, shown: &Shown, page: &dyn Fn() -> Page, model: &Model) -> Result<(), Failure> {
        self.chart.iter().try_for_each(|asked| asked.draw(shown, self.theme))?;
        let Some(report) = &self.report else { return Ok(()) };
        let kinds = chart::kinds(shown.command());
        let pictures: Vec<Picture> = kinds.iter().filter_map(|kind| shown.draw(kind, Theme::Light).ok()).collect();
        let (page, typed) = (page(), typed());
        let document =
            html::Document { command: shown.command(), typed: &typed, page: &page, pictures: &pictures, model };
        let html = html::render(&document);
        Output(Some(report.clone())).write_bytes(html.as_bytes())
    }
}

/// What was typed, as a shell would read it again.
fn typed() -> String {
    let quoted = |text: String| {
        let is_plain = |letter: char| letter.is_alphanumeric() || "-_./=,:%@+".contains(letter);
        if !text.is_empty() && text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
    };
    let arguments = std::env::args_os().skip(1).map(|argument| quoted(argument.to_string_lossy().into_owned()));
    std::iter::once("kneepoint".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// `out.svg`, `latency=out.png`
pub fn asked(text: &str) -> Result<Chart, String> {
    let (kind, file) = match text.split_once('=') {
        Some((kind, file))
            if !kind.is_empty() && kind.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-') =>
        {
            (Some(kind.to_owned()), file)
        }
        Some(_) | None => (None, text),
    };
    let file = PathBuf::from(file);
    let ending = file.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    match ending.as_deref() {
        Some("svg") => Ok(Chart { kind, file, is_png: false }),
        Some("png") => Ok(Chart { kind, file, is_png: true }),
        Some(_) | None => Err("a picture is SVG or PNG; end the file's name in .svg or .png".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_named_by_kind_and_ending() {
        let chart = |kind: Option<&str>, file: &str, is_png| {
            Ok(Chart { kind: kind.map(str::to_owned), file: file.into(), is_png })
        };
        assert_eq!(asked("out.svg"), chart(None, "out.svg", false));
        assert_eq!(asked("latency=a b/out.PNG"), chart(Some("latency"), "a b/out.PNG", true));
        assert_eq!(asked("seed=7/out.svg"), chart(Some("seed"), "7/out.svg", false));
        assert_eq!(asked("./rate=7.svg"), chart(None, "./rate=7.svg", false));
        for wrong in ["out", "out.pdf", "latency=", "", ".svg"] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
    }
}
