//! The answer of an experiment as people and programs want it: a headline, sheets of rows, and what to make of them. One
//! page gives the table, the CSV and the Markdown; JSON is the answer itself.

use serde::Serialize;
use serde_json::Value;

use super::text::{Align, Columns, QUIET, STRONG, paint, wrap};
use super::{Format, csv, json, markdown};

/// How wide a sentence may be.
const COLUMNS: usize = 100;

/// What there is to show.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// What it is about.
    pub title: String,
    /// How it was found: replications, seed.
    pub facts: Vec<String>,
    /// Rows and columns, the most important first. CSV has the first alone.
    pub sheets: Vec<Sheet>,
    /// What to make of it, in sentences.
    pub remarks: Vec<String>,
    /// What it rests on: digest, assumptions.
    pub notes: Vec<String>,
}

/// Rows under named columns.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// What its rows are; may be empty.
    pub title: String,
    /// What stands in each column.
    pub columns: Vec<Column>,
    /// As many cells as columns.
    pub rows: Vec<Vec<Cell>>,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// As people read it.
    pub heading: String,
    /// As programs know it: `p99_s`.
    pub name: String,
    /// How its cells stand.
    pub align: Align,
}

/// What stands in a row under a column.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// As people read it; styles are in it as ANSI codes.
    pub text: String,
    /// As programs read it, in base units.
    pub value: Value,
}

impl Sheet {
    /// No rows yet.
    pub fn new(title: &str, columns: Vec<Column>) -> Self {
        Self { title: title.to_owned(), columns, rows: Vec::new() }
    }
}

impl Column {
    /// A column of names.
    pub fn left(heading: &str, name: &str) -> Self {
        Self { heading: heading.to_owned(), name: name.to_owned(), align: Align::Left }
    }

    /// A column of quantities.
    pub fn unit(heading: &str, name: &str) -> Self {
        Self { heading: heading.to_owned(), name: name.to_owned(), align: Align::Unit }
    }
}

impl Cell {
    /// A text that means itself.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { value: Value::from(anstream::adapter::strip_str(&text).to_string()), text }
    }

    /// A figure and how it is written; a dash where it is unknown.
    pub fn figure(value: Option<f64>, text: impl Fn(f64) -> String) -> Self {
        Self { text: value.map_or("–".to_owned(), text), value: value.map_or(Value::Null, Value::from) }
    }

    /// The same, read as text otherwise.
    pub fn styled(self, style: anstyle::Style) -> Self {
        Self { text: paint(style, &self.text), ..self }
    }

    /// Without styles.
    pub fn plain(&self) -> String {
        anstream::adapter::strip_str(&self.text).to_string()
    }
}

/// Writes an answer in one format.
pub fn render(format: Format, answer: &impl Serialize, page: &Page) -> String {
    match format {
        Format::Table => table(page),
        Format::Json => json::pretty(answer),
        Format::Csv => page.sheets.first().map_or(String::new(), comma_separated),
        Format::Markdown => marked_down(page),
    }
}

fn table(page: &Page) -> String {
    let mut text = format!("{}  {}\n", paint(STRONG, &page.title), paint(QUIET, &page.facts.join(" · ")));
    for sheet in page.sheets.iter().filter(|sheet| !sheet.rows.is_empty()) {
        text.push('\n');
        if !sheet.title.is_empty() {
            text += &format!("{}\n", paint(STRONG, &sheet.title));
        }
        let mut columns = Columns::new(&sheet.columns.iter().map(|column| column.align).collect::<Vec<_>>());
        columns.row(sheet.columns.iter().map(|column| paint(QUIET, &column.heading)).collect());
        for row in &sheet.rows {
            columns.row(row.iter().map(|cell| cell.text.clone()).collect());
        }
        columns.lines().iter().for_each(|line| text += &format!("{line}\n"));
    }
    for (paragraph, style) in
        page.remarks.iter().map(|remark| (remark, None)).chain(page.notes.iter().map(|note| (note, Some(QUIET))))
    {
        if style.is_none() || page.notes.first() == Some(paragraph) {
            text.push('\n');
        }
        for line in wrap(paragraph, COLUMNS) {
            text += &format!("{}\n", style.map_or(line.clone(), |style| paint(style, &line)));
        }
    }
    text
}

/// The sheet with a heading of names, as spreadsheets and data frames read it.
pub fn comma_separated(sheet: &Sheet) -> String {
    let mut text = csv::line(sheet.columns.iter().map(|column| column.name.clone()));
    for row in &sheet.rows {
        text += &csv::line(row.iter().map(|cell| match &cell.value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }));
    }
    text
}

fn marked_down(page: &Page) -> String {
    let escaped = |text: &str| markdown::escaped(&anstream::adapter::strip_str(text).to_string());
    let mut text = format!("## {}\n\n{}\n", escaped(&page.title), escaped(&page.facts.join(" · ")));
    for sheet in page.sheets.iter().filter(|sheet| !sheet.rows.is_empty()) {
        if !sheet.title.is_empty() {
            text += &format!("\n### {}\n", escaped(&sheet.title));
        }
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        text.push('\n');
        text += &line(sheet.columns.iter().map(|column| escaped(&column.heading)).collect());
        let rule = |column: &Column| if column.align == Align::Left { "---" } else { "---:" }.to_owned();
        text += &line(sheet.columns.iter().map(rule).collect());
        for row in &sheet.rows {
            text += &line(row.iter().map(|cell| escaped(&cell.text)).collect());
        }
    }
    for paragraph in page.remarks.iter().chain(&page.notes) {
        text += &format!("\n{}\n", escaped(paragraph));
    }
    text
}
