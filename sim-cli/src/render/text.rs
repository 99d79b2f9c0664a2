//! Building blocks of text for people: styles, bars, sparklines, columns, wrapped sentences.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

/// What matters most.
pub const STRONG: Style = Style::new().bold();
/// What may be skipped.
pub const QUIET: Style = Style::new().dimmed();
/// Good news.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Worth a look.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// Bad news.
pub const BAD: Style = AnsiColor::Red.on_default();
/// Names, bars.
pub const ACCENT: Style = AnsiColor::Cyan.on_default();

/// Text in a style; nothing at all for empty text.
pub fn paint(style: Style, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{style}{text}{style:#}") }
}

/// Columns that text takes on a terminal; styles take none.
pub fn width(text: &str) -> usize {
    anstream::adapter::strip_str(text).to_string().width()
}

/// Shortens text in its middle, so that both ends of an address stay readable.
pub fn shorten(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let kept = columns.saturating_sub(1);
    let head: String = letters[..kept - kept / 2].iter().collect();
    let tail: String = letters[letters.len() - kept / 2..].iter().collect();
    format!("{head}…{tail}")
}

/// A bar of eighths of a column for a share of 0 to 1, on a track.
pub fn bar(share: f64, columns: usize, style: Style) -> String {
    let filled = filled(share, columns);
    let rest = columns - width(&filled);
    format!("{}{}", paint(style, &filled), paint(QUIET, &"░".repeat(rest)))
}

/// A bar without a track, padded to its columns.
pub fn plain_bar(share: f64, columns: usize, style: Style) -> String {
    let filled = filled(share, columns);
    let rest = columns - width(&filled);
    format!("{}{}", paint(style, &filled), " ".repeat(rest))
}

fn filled(share: f64, columns: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * columns as f64 * 8.0).round() as usize;
    let eighths = if share > 0.0 { eighths.max(1) } else { eighths };
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// A line of bars from 0 to the largest value; the largest of each stretch is shown. A gap is a blank.
pub fn sparkline(values: &[Option<f64>], columns: usize) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = values.iter().flatten().copied().fold(0.0, f64::max);
    let columns = columns.min(values.len());
    let level = |value: f64| match highest {
        highest if highest > 0.0 => LEVELS[((value / highest * 8.0).ceil() as usize).clamp(1, 8) - 1],
        _ => LEVELS[0],
    };
    (0..columns)
        .map(|column| {
            let from = column * values.len() / columns;
            let to = ((column + 1) * values.len() / columns).max(from + 1);
            values[from..to].iter().flatten().copied().reduce(f64::max).map_or(' ', level)
        })
        .collect()
}

/// Breaks a sentence into lines at spaces.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if width(line) + 1 + width(word) <= columns {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// How the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Align {
    /// Names.
    Left,
    /// Numbers.
    Right,
    /// Quantities: the numbers end at one place and the units begin at one place.
    Unit,
}

/// Rows of cells that stand in columns, two spaces apart.
#[derive(Debug, Default)]
pub struct Columns {
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Columns {
    /// No rows yet.
    pub fn new(aligns: &[Align]) -> Self {
        Self { aligns: aligns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; missing cells are empty.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The lines, without spaces at their ends.
    pub fn lines(&self) -> Vec<String> {
        let widths: Vec<(usize, usize)> = (0..self.aligns.len()).map(|column| self.widths(column)).collect();
        let line = |row: &Vec<String>| {
            let cells = self.aligns.iter().zip(&widths).enumerate().map(|(column, (align, widths))| {
                let cell = row.get(column).map_or("", String::as_str);
                place(cell, *align, *widths)
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }

    /// Widths of numbers and of units; other columns have no units.
    fn widths(&self, column: usize) -> (usize, usize) {
        let cells = || self.rows.iter().filter_map(move |row| row.get(column));
        if self.aligns[column] != Align::Unit {
            return (cells().map(|cell| width(cell)).max().unwrap_or(0), 0);
        }
        let parts = || cells().filter_map(|cell| quantity(cell));
        let numbers = parts().map(|(number, _)| width(number)).max().unwrap_or(0);
        let units = parts().map(|(_, unit)| width(unit)).max().unwrap_or(0);
        // Headings and other texts without a unit take the whole width.
        let texts = cells().map(|cell| width(cell)).max().unwrap_or(0);
        (numbers.max(texts.saturating_sub(units)), units)
    }
}

/// `212 ms` is (`212`, ` ms`), `71.2%` is (`71.2`, `%`). A heading has no digits and is none.
fn quantity(cell: &str) -> Option<(&str, &str)> {
    let plain = cell.trim_start_matches(|letter: char| !letter.is_ascii_digit() && letter != '\u{1b}');
    if plain.is_empty() || cell.contains('\u{1b}') || cell.starts_with(|first: char| first.is_alphabetic()) {
        return None;
    }
    let end = cell.rfind(|letter: char| letter.is_ascii_digit()).map_or(cell.len(), |digit| digit + 1);
    let end = if cell[end..].starts_with(' ') || cell[end..].len() <= 2 { end } else { cell.len() };
    Some(cell.split_at(end))
}

fn place(cell: &str, align: Align, (numbers, units): (usize, usize)) -> String {
    let spaces = |count: usize| " ".repeat(count);
    match align {
        Align::Left => format!("{cell}{}", spaces(numbers.saturating_sub(width(cell)))),
        Align::Right => format!("{}{cell}", spaces(numbers.saturating_sub(width(cell)))),
        Align::Unit => match quantity(cell) {
            Some((number, unit)) => {
                let (before, after) = (numbers.saturating_sub(width(number)), units.saturating_sub(width(unit)));
                format!("{}{cell}{}", spaces(before), spaces(after))
            }
            None => format!("{}{cell}", spaces((numbers + units).saturating_sub(width(cell)))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_stand_in_a_column() {
        let mut columns = Columns::new(&[Align::Left, Align::Unit, Align::Unit]);
        for row in [["", "p50", "busy"], ["all", "27.4 ms", "71.2%"], ["slow", "1.21 s", "9.5%"], ["x", "±0.1", "–"]]
        {
            columns.row(row.iter().map(|cell| (*cell).to_owned()).collect());
        }
        let expected = ["          p50   busy", "all   27.4 ms  71.2%", "slow  1.21 s    9.5%", "x     ±0.1         –"];
        assert_eq!(columns.lines(), expected);
    }

    #[test]
    fn bars_have_their_width_whatever_the_share() {
        for share in [-1.0, 0.0, 0.001, 0.33, 0.999, 1.0, 7.0, f64::NAN] {
            assert_eq!(width(&bar(share, 10, GOOD)), 10, "{share}");
            assert_eq!(width(&plain_bar(share, 10, GOOD)), 10, "{share}");
        }
        assert_eq!(anstream::adapter::strip_str(&bar(0.5, 4, GOOD)).to_string(), "██░░");
    }

    #[test]
    fn sparklines_show_peaks_and_gaps() {
        assert_eq!(sparkline(&[Some(1.0), None, Some(8.0), Some(4.0)], 10), "▁ █▄");
        let mut values = vec![Some(1.0); 100];
        values[57] = Some(2.0);
        assert_eq!(sparkline(&values, 10), "▄▄▄▄▄█▄▄▄▄");
        assert_eq!(sparkline(&[], 10), "");
        assert_eq!(sparkline(&[Some(0.0)], 10), "▁");
    }

    #[test]
    fn long_addresses_keep_both_ends() {
        assert_eq!(shorten("orders", 10), "orders");
        assert_eq!(shorten("orders/shard[12]/replica[3]", 12), "orders…ca[3]");
    }

    #[test]
    fn sentences_break_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("extraordinarily long", 5), ["extraordinarily", "long"]);
    }
}
