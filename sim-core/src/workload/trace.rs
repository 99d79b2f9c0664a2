//! Recorded requests: CSV with a header, or a web server's access log, also compressed with gzip.
//!
//! CSV columns are `time` (in seconds; required), `class`, `key`, `client`, `size` (bytes, or with a unit) and `write`
//! (`true`, `false`, `1`, `0`), in any order. Common and Combined Log Format give the request's target as key, the
//! address as client, the bytes sent as size, and a write for every method but GET, HEAD and OPTIONS. The first request
//! is at t = 0. A file with any mistake gives all of them (the first 20 in full) and no trace.

use crate::engine::rng::fnv1a;
use crate::model::units;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

mod access_log;
mod csv;

/// How many mistakes are kept in full.
const MISTAKES_MAX: usize = 20;
/// What stands in a column where a row has no value.
const NONE: u64 = u64::MAX;
const NO_CLASS: u16 = 0x7fff;
const WRITE: u16 = 0x8000;

/// A line of a trace that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// From 1.
    pub line: u64,
    /// What was found and what is expected.
    pub problem: String,
}

/// Every mistake of a trace, the first 20 in full.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mistakes {
    /// In the order of lines, at most 20.
    pub first: Vec<Mistake>,
    /// How many there are besides.
    pub more: u64,
}

impl Mistakes {
    fn add(&mut self, line: u64, problem: impl fmt::Display) {
        if self.first.len() < MISTAKES_MAX {
            self.first.push(Mistake { line, problem: problem.to_string() });
        } else {
            self.more += 1;
        }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.first.iter().enumerate() {
            let separator = if at == 0 { "" } else { "\n" };
            write!(f, "{separator}line {}: {}", mistake.line, mistake.problem)?;
        }
        if self.more > 0 { write!(f, "\nand {} more", self.more) } else { Ok(()) }
    }
}

impl std::error::Error for Mistakes {}

/// One request of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// From the first request on, in ns.
    pub time_ns: u64,
    /// An index into [`Trace::classes`].
    pub class: Option<u16>,
    /// The number that was written, or a stable hash of the text with the top bit set.
    pub key: Option<u64>,
    /// As `key`.
    pub client: Option<u64>,
    /// In bytes.
    pub size: Option<u64>,
    /// Whether it changes what it asks for.
    pub write: bool,
}

/// Recorded requests, in the order of time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    times_ns: Vec<u64>,
    /// These are empty where no row has a value.
    keys: Vec<u64>,
    clients: Vec<u64>,
    sizes: Vec<u64>,
    /// Index of the class, with the top bit set for a write.
    classes_and_writes: Vec<u16>,
    classes: Vec<String>,
}

impl Trace {
    /// Reads a trace and divides its times by `speed` (2 is twice as fast as recorded; above 0).
    ///
    /// # Errors
    /// Every mistake in the file, with its line.
    pub fn parse(bytes: &[u8], speed: f64) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::default();
        let unpacked = match unpack(bytes) {
            Ok(unpacked) => unpacked,
            Err(problem) => {
                mistakes.add(1, problem);
                return Err(mistakes);
            }
        };
        let text = unpacked.as_deref().unwrap_or(bytes);
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut raw = match access_log::looks_like_one(text) {
            true => access_log::read(text, &mut mistakes),
            false => csv::read(text, &mut mistakes),
        };
        if mistakes.first.is_empty() && raw.rows.is_empty() {
            mistakes.add(1, "expected at least one request; found none");
        }
        if !(speed > 0.0 && speed.is_finite()) {
            mistakes.add(1, format_args!("expected a speed above 0; found {speed}"));
        }
        if !mistakes.first.is_empty() {
            return Err(mistakes);
        }
        // Servers log a request when it ends; equal times keep the order of the file.
        raw.rows.sort_by_key(|row| row.time_ns);
        Ok(Self::from_raw(raw, speed))
    }

    fn from_raw(raw: Raw, speed: f64) -> Self {
        let first_ns = raw.rows.first().map_or(0, |row| row.time_ns);
        let time = |row: &Row| match row.time_ns - first_ns {
            since if speed == 1.0 => since,
            since => (since as f64 / speed).round() as u64,
        };
        let column = |value: fn(&Row) -> Option<u64>| -> Vec<u64> {
            match raw.rows.iter().any(|row| value(row).is_some()) {
                true => raw.rows.iter().map(|row| value(row).unwrap_or(NONE)).collect(),
                false => Vec::new(),
            }
        };
        // Classes are numbered by name, whichever comes first in the file.
        let numbers: BTreeMap<u16, u16> =
            raw.classes.values().enumerate().map(|(at, number)| (*number, at as u16)).collect();
        let class = |row: &Row| row.class.map_or(NO_CLASS, |class| numbers[&class]);
        let class_and_write = |row: &Row| class(row) | if row.write { WRITE } else { 0 };
        Self {
            times_ns: raw.rows.iter().map(time).collect(),
            keys: column(|row| row.key),
            clients: column(|row| row.client),
            sizes: column(|row| row.size),
            classes_and_writes: raw.rows.iter().map(class_and_write).collect(),
            classes: raw.classes.into_keys().collect(),
        }
    }

    /// How many requests there are; at least one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times_ns.len()
    }

    /// Never, for a trace that was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times_ns.is_empty()
    }

    /// The request at this place, in the order of time.
    ///
    /// # Panics
    /// Beyond the last.
    #[inline]
    #[must_use]
    pub fn row(&self, at: usize) -> Row {
        let value = |column: &[u64]| column.get(at).copied().filter(|value| *value != NONE);
        let class = self.classes_and_writes[at];
        Row {
            time_ns: self.times_ns[at],
            class: Some(class & !WRITE).filter(|class| *class != NO_CLASS),
            key: value(&self.keys),
            client: value(&self.clients),
            size: value(&self.sizes),
            write: class & WRITE != 0,
        }
    }

    /// All requests, in the order of time.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        (0..self.len()).map(|at| self.row(at))
    }

    /// The names of the classes, in alphabetical order.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The time of the last request, in ns.
    #[must_use]
    pub fn length_ns(&self) -> u64 {
        self.times_ns.last().copied().unwrap_or(0)
    }
}

/// Rows as they were read, with absolute times, and the classes by name with the numbers that rows bear.
#[derive(Debug, Default)]
struct Raw {
    rows: Vec<Row>,
    classes: BTreeMap<String, u16>,
}

fn unpack(bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(None);
    }
    let mut unpacked = Vec::new();
    let read = flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut unpacked);
    read.map(|_| Some(unpacked)).map_err(|error| format!("the gzip file is damaged: {error}"))
}

/// A number where the text is one (below 2^63), else a stable hash with the top bit set.
fn key_of(text: &[u8]) -> u64 {
    const TOP: u64 = 1 << 63;
    let number = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    match number.and_then(|text| text.parse::<u64>().ok()).filter(|number| *number < TOP) {
        Some(number) => number,
        // The one hash that means "no value" is moved aside.
        None => (fnv1a(text) | TOP).min(NONE - 1),
    }
}

/// Seconds, exactly, as ns.
fn seconds(text: &str) -> Option<u64> {
    text.ends_with(|c: char| c.is_ascii_digit()).then(|| units::time(&format!("{text}s")).ok()).flatten()
}

/// Text for a message.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut shown: String = text.chars().take(60).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn csv_trace(text: &str) -> Trace {
        Trace::parse(text.as_bytes(), 1.0).unwrap_or_else(|mistakes| panic!("{mistakes}"))
    }

    #[test]
    fn reads_csv() {
        let trace = csv_trace(
            "Key, time ,class,write,size,client\r\n7,10.5,browse,0,1kB,alice\r\n\"a,\"\"b\"\"\",10.5,,true,300,\r\n,11.000000001,browse,false,,12\r\n\r\n",
        );
        assert_eq!(trace.classes(), ["browse"]);
        let [first, second, third] = [0, 1, 2].map(|at| trace.row(at));
        let text_key = |text: &[u8]| Some(fnv1a(text) | 1 << 63);
        assert_eq!(
            (first.time_ns, first.class, first.key, first.size, first.write),
            (0, Some(0), Some(7), Some(1_000), false)
        );
        assert_eq!(first.client, text_key(b"alice"));
        assert_eq!((second.time_ns, second.class, second.key, second.write), (0, None, text_key(b"a,\"b\""), true));
        assert_eq!((third.time_ns, third.key, third.client, third.size), (500_000_001, None, Some(12), None));
        assert_eq!((trace.len(), trace.length_ns()), (3, 500_000_001));
    }

    #[test]
    fn classes_are_numbered_by_name() {
        let trace = csv_trace("time,class\n0,b\n1,a\n2,b\n");
        assert_eq!(trace.classes(), ["a", "b"]);
        assert_eq!(trace.rows().map(|row| row.class).collect::<Vec<_>>(), [Some(1), Some(0), Some(1)]);
    }

    #[test]
    fn only_times_are_needed_and_speed_divides_them() {
        let trace = Trace::parse(b"time\n1431857100\n1431857101\n1431857103.5\n", 2.0).expect("three times");
        assert_eq!(trace.rows().map(|row| row.time_ns).collect::<Vec<_>>(), [0, 500_000_000, 1_750_000_000]);
        assert!(trace.rows().all(|row| row.key.is_none() && row.class.is_none() && !row.write));
    }

    const LOG: &str = concat!(
        "10.0.0.1 - - [17/May/2015:10:05:03 +0000] \"GET /a?x=1 HTTP/1.1\" 200 203023 \"http://r/\" \"agent \\\"q\\\" [x]\"\n",
        "10.0.0.2 - frank [17/May/2015:12:05:02 +0200] \"POST /b HTTP/1.1\" 404 -\n",
        "::1 - - [17/May/2015:10:05:03 +0000] \"-\" 408 0\n",
    );

    #[test]
    fn reads_access_logs_in_the_order_of_time() {
        let trace = csv_trace(LOG);
        let rows: Vec<Row> = trace.rows().collect();
        assert_eq!(rows.iter().map(|row| row.time_ns).collect::<Vec<_>>(), [0, 1_000_000_000, 1_000_000_000]);
        assert_eq!(rows.iter().map(|row| row.write).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(rows.iter().map(|row| row.size).collect::<Vec<_>>(), [Some(0), Some(203_023), Some(0)]);
        assert_eq!(rows[1].key, Some(fnv1a(b"/a?x=1") | 1 << 63));
        assert_eq!(rows[0].client, Some(fnv1a(b"10.0.0.2") | 1 << 63));
        assert_eq!(rows[2].key, None);
    }

    #[test]
    fn reads_gzip() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(LOG.as_bytes()).expect("into memory");
        let packed = packed.finish().expect("into memory");
        assert_eq!(Trace::parse(&packed, 1.0).expect("the same log"), csv_trace(LOG));
        let torn = Trace::parse(&packed[..packed.len() / 2], 1.0).expect_err("half of it").to_string();
        assert!(torn.contains("gzip"), "{torn}");
    }

    #[test]
    fn mistakes_come_all_at_once_with_their_lines() {
        for (text, says) in [
            ("", vec!["line 1: expected a header"]),
            ("time\n", vec!["at least one request"]),
            (
                "a,b\n1,2\n",
                vec!["line 1: found the unknown column \"a\"", "line 1: found the unknown column \"b\"", "time"],
            ),
            ("time,time\n1,1\n", vec!["line 1: found the column time twice"]),
            (
                "time,key\n1\n2,3,4\nx,5\n-1,6\n",
                vec![
                    "line 2: expected 2 values",
                    "line 3: expected 2 values; found 3",
                    "line 4: expected a time in seconds; found \"x\"",
                    "line 5: expected a time",
                ],
            ),
            ("time\n2\n1\n", vec!["line 3: the time is before that of the row above"]),
            ("time,write\n1,maybe\n", vec!["line 2: expected true or false for write; found \"maybe\""]),
            ("time,size\n1,5KB\n", vec!["line 2: the size"]),
            ("time,key\n1,\"a\n", vec!["line 2: a quote is not closed"]),
            ("time,key\n1,a\"b\n", vec!["line 2: found a quote inside"]),
            ("time,key\n1,\"a\"b\n", vec!["line 2: found text after a closing quote"]),
            (
                "1 - - [1/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.0\" 200 5\n1 - - [32/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.0\" 200 5\n1 - - [1/Jan\n",
                vec!["line 2: expected a time such as", "line 3: "],
            ),
            ("1 - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.0\" 200 many\n", vec!["bytes"]),
            ("1 - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.0\" two 5\n", vec!["status"]),
            ("1 - - [01/Jan/2020:00:00:00 +0000] \"GET / HTTP/1.0 200 5\n", vec!["request"]),
        ] {
            let mistakes = Trace::parse(text.as_bytes(), 1.0).expect_err(text).to_string();
            for part in says {
                assert!(mistakes.contains(part), "{text}: {mistakes}");
            }
        }
        let many = format!("time\n{}", "x\n".repeat(100));
        let mistakes = Trace::parse(many.as_bytes(), 1.0).expect_err("a hundred mistakes");
        assert_eq!((mistakes.first.len(), mistakes.more), (20, 80));
        assert!(Trace::parse(b"time\n1\n", 0.0).is_err());
    }

    #[test]
    fn any_bytes_give_a_trace_or_mistakes() {
        let alphabet = b"time,key\n0123.\"\\ -[]:/+MayGET\xff\x1f\x8b";
        let mut state = 1;
        for _ in 0..50_000 {
            let mut text = [&b"time,key\n"[..], b"", b"1 - - [17/May/2015:10:05:03 +0000] \"GET / H\" 200 5\n"]
                [(crate::math::tests::random(&mut state) % 3) as usize]
                .to_vec();
            for _ in 0..crate::math::tests::random(&mut state) % 60 {
                text.push(alphabet[(crate::math::tests::random(&mut state) % alphabet.len() as u64) as usize]);
            }
            if let Ok(trace) = Trace::parse(&text, 1.0) {
                assert!(!trace.is_empty() && trace.rows().all(|row| row.time_ns <= trace.length_ns()));
            }
        }
    }
}
