//! Traces as CSV (RFC 4180) with a header.

use super::{Mistakes, NO_CLASS, Raw, Row, key_of, seconds, shown};
use crate::model::units;

const COLUMNS: [&str; 6] = ["time", "class", "key", "client", "size", "write"];

/// Reads all rows; mistakes go to `mistakes`, and then the rows don't count.
pub(super) fn read(text: &[u8], mistakes: &mut Mistakes) -> Raw {
    let mut records = Records { text, at: 0, line: 1 };
    let mut raw = Raw::default();
    let Some((_, header)) = records.next_record(mistakes) else {
        mistakes.add(1, "expected a header such as time,class,key,client,size,write; found nothing");
        return raw;
    };
    let columns = read_header(&header, mistakes);
    if !mistakes.first.is_empty() {
        return raw;
    }
    let mut last_ns = 0;
    while let Some((line, record)) = records.next_record(mistakes) {
        if record.len() != columns.len() {
            mistakes.add(line, format_args!("expected {} values; found {}", columns.len(), record.len()));
            continue;
        }
        let Some(row) = read_row(line, &record, &columns, &mut raw, mistakes) else { continue };
        if row.time_ns < last_ns {
            mistakes.add(line, "the time is before that of the row above; sort the file by time");
        }
        last_ns = row.time_ns;
        raw.rows.push(row);
    }
    raw
}

/// The place in [`COLUMNS`] of each column of the file.
fn read_header(header: &[Vec<u8>], mistakes: &mut Mistakes) -> Vec<usize> {
    let mut columns = Vec::new();
    for cell in header {
        let name = String::from_utf8_lossy(cell).trim().to_ascii_lowercase();
        match COLUMNS.iter().position(|known| *known == name) {
            None => mistakes.add(
                1,
                format_args!("found the unknown column \"{}\"; the columns are {}", shown(cell), COLUMNS.join(", ")),
            ),
            Some(column) if columns.contains(&column) => {
                mistakes.add(1, format_args!("found the column {name} twice"));
            }
            Some(column) => columns.push(column),
        }
    }
    if !columns.contains(&0) {
        mistakes.add(1, "expected a column named time (in seconds)");
    }
    columns
}

fn read_row(line: u64, record: &[Vec<u8>], columns: &[usize], raw: &mut Raw, mistakes: &mut Mistakes) -> Option<Row> {
    let mut row = Row { time_ns: 0, class: None, key: None, client: None, size: None, write: false };
    let mut right = true;
    for (cell, column) in record.iter().zip(columns) {
        let cell = cell.trim_ascii();
        let text = String::from_utf8_lossy(cell);
        let problem = match COLUMNS[*column] {
            "time" => match seconds(&text) {
                Some(time_ns) => {
                    row.time_ns = time_ns;
                    continue;
                }
                None => format!("expected a time in seconds; found \"{}\"", shown(cell)),
            },
            _ if cell.is_empty() => continue,
            "class" => {
                let next = raw.classes.len() as u16;
                let class = *raw.classes.entry(text.into_owned()).or_insert(next);
                row.class = Some(class);
                if class < NO_CLASS {
                    continue;
                }
                format!("expected at most {NO_CLASS} classes")
            }
            "key" => {
                row.key = Some(key_of(cell));
                continue;
            }
            "client" => {
                row.client = Some(key_of(cell));
                continue;
            }
            "size" => {
                let bare = text.bytes().all(|b| b.is_ascii_digit());
                match units::size(&if bare { format!("{text}B") } else { text.into_owned() }) {
                    Ok(size) => {
                        row.size = Some(size);
                        continue;
                    }
                    Err(problem) => format!("the size: {problem}"),
                }
            }
            _ => match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" => {
                    row.write = true;
                    continue;
                }
                "false" | "0" | "no" => continue,
                _ => format!("expected true or false for write; found \"{}\"", shown(cell)),
            },
        };
        mistakes.add(line, problem);
        right = false;
    }
    right.then_some(row)
}

/// Splits a text into records, keeping count of lines.
struct Records<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl Records<'_> {
    /// The next record that isn't an empty line, with its line; a torn one becomes a mistake.
    fn next_record(&mut self, mistakes: &mut Mistakes) -> Option<(u64, Vec<Vec<u8>>)> {
        while self.at < self.text.len() {
            let line = self.line;
            match self.record() {
                Ok(cells) if cells.len() == 1 && cells[0].trim_ascii().is_empty() => {}
                Ok(cells) => return Some((line, cells)),
                Err(problem) => {
                    mistakes.add(line, problem);
                    self.skip_line();
                }
            }
        }
        None
    }

    fn record(&mut self) -> Result<Vec<Vec<u8>>, &'static str> {
        let mut cells = Vec::new();
        loop {
            cells.push(self.cell()?);
            match self.text.get(self.at) {
                Some(b',') => self.at += 1,
                _ => {
                    self.skip_line();
                    return Ok(cells);
                }
            }
        }
    }

    /// One cell, up to the comma or the end of the line.
    fn cell(&mut self) -> Result<Vec<u8>, &'static str> {
        let mut cell = Vec::new();
        if self.text.get(self.at) != Some(&b'"') {
            while let Some(byte) = self.text.get(self.at).filter(|byte| !matches!(byte, b',' | b'\n')) {
                if *byte == b'"' {
                    return Err("found a quote inside a value that doesn't begin with one");
                }
                cell.push(*byte);
                self.at += 1;
            }
            return Ok(cell);
        }
        self.at += 1;
        loop {
            match self.text.get(self.at) {
                None => return Err("a quote is not closed"),
                Some(b'"') if self.text.get(self.at + 1) == Some(&b'"') => {
                    cell.push(b'"');
                    self.at += 2;
                }
                Some(b'"') => break,
                Some(byte) => {
                    self.line += u64::from(*byte == b'\n');
                    cell.push(*byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        match self.text.get(self.at) {
            None | Some(b',' | b'\n' | b'\r') => Ok(cell),
            Some(_) => Err("found text after a closing quote"),
        }
    }

    fn skip_line(&mut self) {
        while let Some(byte) = self.text.get(self.at) {
            self.at += 1;
            if *byte == b'\n' {
                self.line += 1;
                return;
            }
        }
    }
}
