//! Traces as access logs: Common Log Format, and Combined, which adds referer and agent.
//!
//! `host ident user [17/May/2015:10:05:03 +0000] "GET /path HTTP/1.1" 200 1234 "referer" "agent"`

use super::{Mistakes, Raw, Row, key_of, shown};

/// Whether the first line that isn't empty has a time in square brackets, and then a quote.
pub(super) fn looks_like_one(text: &[u8]) -> bool {
    let first = text.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let open = first.windows(2).position(|pair| pair == b" [");
    open.is_some_and(|open| first[open..].windows(3).any(|part| part == b"] \""))
}

/// Reads all lines; mistakes go to `mistakes`, and then the rows don't count.
pub(super) fn read(text: &[u8], mistakes: &mut Mistakes) -> Raw {
    let mut raw = Raw::default();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        match read_line(line) {
            Ok(row) => raw.rows.push(row),
            Err(problem) => mistakes.add(at as u64 + 1, problem),
        }
    }
    raw
}

fn read_line(line: &[u8]) -> Result<Row, String> {
    let torn = |what: &str| format!("expected {what}; found \"{}\"", shown(line));
    let address = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    let open = line.windows(2).position(|pair| pair == b" [").ok_or_else(|| torn("a time in square brackets"))? + 2;
    let close = line[open..].iter().position(|byte| *byte == b']').ok_or_else(|| torn("a time in square brackets"))?;
    let time = &line[open..open + close];
    let time_ns = time_ns(time)
        .ok_or_else(|| format!("expected a time such as 17/May/2015:10:05:03 +0000; found \"{}\"", shown(time)))?;
    let rest = line[open + close + 1..].trim_ascii_start();
    let (request, rest) = quoted(rest).ok_or_else(|| torn("the request in quotes"))?;
    let mut words = rest.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let status = words.next().unwrap_or_default();
    if status != b"-" && !(status.len() == 3 && status.iter().all(u8::is_ascii_digit)) {
        return Err(format!("expected a status of three digits; found \"{}\"", shown(status)));
    }
    let size = words.next().unwrap_or_default();
    let size = match size {
        b"-" => 0,
        _ => number(size).ok_or_else(|| format!("expected a number of bytes or -; found \"{}\"", shown(size)))?,
    };
    let (write, target) = method_and_target(request);
    let key = target.map(key_of);
    Ok(Row { time_ns, class: None, key, client: Some(key_of(address)), size: Some(size), write })
}

/// The text in quotes that begins here (a backslash keeps what follows it), and what is after it.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = text.strip_prefix(b"\"")?;
    let mut at = 0;
    while let Some(byte) = inside.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return Some((&inside[..at], &inside[at + 1..])),
            _ => at += 1,
        }
    }
    None
}

/// Whether the request writes, and its target. What is no request line (`-`, where none came) has no target.
fn method_and_target(request: &[u8]) -> (bool, Option<&[u8]>) {
    let mut words = request.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    match (words.next(), words.next()) {
        (Some(method), Some(target)) if method.iter().all(u8::is_ascii_alphabetic) => {
            (!matches!(method, b"GET" | b"HEAD" | b"OPTIONS"), Some(target))
        }
        _ => (false, None),
    }
}

fn number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= 18 && text.iter().all(u8::is_ascii_digit);
    digits.then(|| text.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// `17/May/2015:10:05:03 +0000` as ns since 1970.
fn time_ns(text: &[u8]) -> Option<u64> {
    const MONTHS: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let (date, zone) = match text.iter().position(|byte| *byte == b' ') {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &b"+0000"[..]),
    };
    let mut parts = date.split(|byte| matches!(byte, b'/' | b':'));
    let mut next = || parts.next();
    let day = number(next()?)?;
    let month = next()?;
    let month = MONTHS.iter().position(|name| name.as_slice() == month)? as u64 + 1;
    let (year, hour, minute, second) = (number(next()?)?, number(next()?)?, number(next()?)?, number(next()?)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    // A second of 60 is a leap second.
    let right =
        (1..=days_in_month).contains(&day) && (1970..2262).contains(&year) && hour < 24 && minute < 60 && second <= 60;
    if !right || parts.next().is_some() {
        return None;
    }
    let (sign, zone) = match zone.split_first()? {
        (b'+', zone) => (-1, zone),
        (b'-', zone) => (1, zone),
        _ => return None,
    };
    let offset = number(zone).filter(|offset| zone.len() == 4 && offset / 100 < 24 && offset % 100 < 60)?;
    let offset_s = sign * i64::try_from(offset / 100 * 3_600 + offset % 100 * 60).ok()?;
    let local_s = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    local_s.checked_add_signed(offset_s)?.checked_mul(1_000_000_000)
}

/// Days of the Gregorian calendar; years are counted from March, so that a leap day is the last.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_since_1970() {
        for (text, seconds) in [
            ("01/Jan/1970:00:00:00 +0000", Some(0)),
            ("17/May/2015:10:05:03 +0000", Some(1_431_857_103)),
            ("17/May/2015:12:05:03 +0200", Some(1_431_857_103)),
            ("29/Feb/2024:23:59:60 -0130", Some(1_709_256_600)),
            ("29/Feb/2023:00:00:00 +0000", None),
            ("1/Foo/2023:00:00:00 +0000", None),
            ("01/Jan/2023:24:00:00 +0000", None),
            ("01/Jan/2023:00:00:00:00 +0000", None),
            ("01/Jan/2023:00:00:00 0000", None),
            ("", None),
        ] {
            assert_eq!(time_ns(text.as_bytes()), seconds.map(|s: u64| s * 1_000_000_000), "{text}");
        }
    }
}
