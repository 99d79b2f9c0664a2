//! The embedded font: pictures look the same everywhere, and how wide a text is, is known before it is drawn. It is Inter
//! (SIL Open Font License, see `fonts/`), cut down to what Latin, Greek and Cyrillic names need, with figures of one width.

use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use read_fonts::{FontRef, TableProvider};
use resvg::usvg::fontdb;

/// What the pictures call it.
pub const FAMILY: &str = "Kneepoint Sans";

const REGULAR: &[u8] = include_bytes!("../../fonts/KneepointSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../fonts/KneepointSans-SemiBold.ttf");
const REGULAR_WEB: &[u8] = include_bytes!("../../fonts/KneepointSans-Regular.woff2");
const BOLD_WEB: &[u8] = include_bytes!("../../fonts/KneepointSans-SemiBold.woff2");

/// How heavy letters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// 400.
    Regular,
    /// 600.
    Bold,
}

/// Widths of letters, in shares of the font's size.
struct Widths {
    letters: Vec<(char, f64)>,
}

impl Widths {
    fn of(bytes: &'static [u8]) -> Self {
        let font = FontRef::new(bytes).expect("the embedded font is one");
        let cmap = font.cmap().expect("it knows letters");
        let hmtx = font.hmtx().expect("it knows widths");
        let units = f64::from(font.head().expect("it knows its size").units_per_em());
        let width = |letter: char| Some((letter, f64::from(hmtx.advance(cmap.map_codepoint(letter)?)?) / units));
        Self { letters: ('\u{20}'..'\u{3000}').filter_map(width).collect() }
    }

    fn width(&self, letter: char) -> f64 {
        match self.letters.binary_search_by_key(&letter, |(known, _)| *known) {
            Ok(index) => self.letters[index].1,
            // Another font will draw it: in most of them no letter is wider than this.
            Err(_) => 0.62 * unicode_width::UnicodeWidthChar::width(letter).unwrap_or(0).max(1) as f64,
        }
    }
}

static WIDTHS: LazyLock<[Widths; 2]> = LazyLock::new(|| [Widths::of(REGULAR), Widths::of(BOLD)]);

/// How wide a text of a size is, in pixels.
pub fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let widths = &WIDTHS[(weight == Weight::Bold) as usize];
    text.chars().map(|letter| widths.width(letter)).sum::<f64>() * size
}

/// The text, its end cut off if it is wider than so many pixels.
pub fn fitted(text: &str, room: f64, size: f64, weight: Weight) -> String {
    if width(text, size, weight) <= room {
        return text.to_owned();
    }
    let mut short: String = text.to_owned();
    while short.pop().is_some() {
        let candidate = format!("{}…", short.trim_end());
        if width(&candidate, size, weight) <= room {
            return candidate;
        }
    }
    String::new()
}

/// The lines of a text that may be so wide, at most so many; what remains is cut off.
pub fn wrapped(text: &str, room: f64, size: f64, weight: Weight, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is a line");
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        match width(&longer, size, weight) <= room || line.is_empty() || lines.len() == most {
            true => *lines.last_mut().expect("there is a line") = longer,
            false => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| fitted(line, room, size, weight)).collect()
}

/// What makes the font known to a browser.
pub fn style() -> String {
    let face = |weight, bytes| {
        format!(
            "@font-face{{font-family:'{FAMILY}';font-weight:{weight};src:url(data:font/woff2;base64,{}) format('woff2')}}",
            STANDARD.encode(bytes)
        )
    };
    face(400, REGULAR_WEB) + &face(600, BOLD_WEB)
}

/// The font for drawing pixels, and no other.
pub fn database() -> Arc<fontdb::Database> {
    let mut database = fontdb::Database::new();
    database.load_font_data(REGULAR.to_vec());
    database.load_font_data(BOLD.to_vec());
    database.set_sans_serif_family(FAMILY);
    Arc::new(database)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_of_one_width_and_unknown_letters_of_some() {
        let digits: Vec<f64> = ('0'..='9').map(|digit| width(&digit.to_string(), 10.0, Weight::Regular)).collect();
        assert!(digits.iter().all(|width| (width - digits[0]).abs() < 1e-9), "{digits:?}");
        for letter in "aÄßжλ±µ–…×→≤✓✗−".chars() {
            for widths in WIDTHS.iter() {
                assert!(widths.letters.iter().any(|(known, _)| *known == letter), "{letter} is in the font");
            }
        }
        assert!(width("漢字", 10.0, Weight::Regular) > 20.0);
    }

    #[test]
    fn long_texts_are_cut_or_wrapped() {
        let (size, weight) = (12.0, Weight::Regular);
        assert_eq!(fitted("short", 100.0, size, weight), "short");
        let cut = fitted("a very long name of a component", 80.0, size, weight);
        assert!(cut.ends_with('…') && width(&cut, size, weight) <= 80.0, "{cut}");
        assert_eq!(fitted("anything", 2.0, size, weight), "");
        let lines = wrapped("a title of many words that takes several lines", 100.0, size, weight, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| width(line, size, weight) <= 100.0), "{lines:?}");
    }
}
