//! Quantities as text: exactly, as a model writes them, and with three significant digits, as people read them.

/// The shortest text that [`time`](super::time) reads back as exactly `ns`: `"20ms"`, `"1.5s"`, `"1m30s"`.
#[must_use]
pub fn exact_time(ns: u64) -> String {
    if ns == 0 {
        return "0s".to_owned();
    }
    if ns < 60_000_000_000 {
        return exact_part(ns);
    }
    let mut text = String::new();
    let mut rest = ns;
    for (unit, scale) in [("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000)] {
        if rest >= scale {
            text.push_str(&format!("{}{unit}", rest / scale));
            rest %= scale;
        }
    }
    if rest > 0 {
        text.push_str(&exact_part(rest));
    }
    text
}

/// A time below a minute in its largest unit, with as many decimals as it needs.
fn exact_part(ns: u64) -> String {
    let (unit, scale, places) = match ns {
        1_000_000_000.. => ("s", 1_000_000_000, 9),
        1_000_000.. => ("ms", 1_000_000, 6),
        1_000.. => ("us", 1_000, 3),
        _ => ("ns", 1, 0),
    };
    with_decimals(ns / scale, ns % scale, places) + unit
}

fn with_decimals(whole: u64, part: u64, places: usize) -> String {
    if part == 0 {
        return whole.to_string();
    }
    let text = format!("{whole}.{part:0places$}");
    text.trim_end_matches('0').to_owned()
}

/// The shortest text that [`size`](super::size) reads back as exactly `bytes`: `"512B"`, `"1.5kB"`, `"16KiB"`.
#[must_use]
pub fn exact_size(bytes: u64) -> String {
    let binary = [("TiB", 1u64 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let decimal = [("TB", 1_000_000_000_000u64, 12), ("GB", 1_000_000_000, 9), ("MB", 1_000_000, 6), ("kB", 1_000, 3)];
    let as_binary = binary.iter().find(|(_, scale)| bytes >= *scale && bytes.is_multiple_of(*scale));
    let as_binary = as_binary.map(|(unit, scale)| format!("{}{unit}", bytes / scale));
    let as_decimal = decimal.iter().find(|(_, scale, _)| bytes >= *scale);
    let as_decimal =
        as_decimal.map(|(unit, scale, places)| with_decimals(bytes / scale, bytes % scale, *places) + unit);
    let candidates = [as_decimal, Some(format!("{bytes}B")), as_binary];
    candidates.into_iter().flatten().min_by_key(String::len).expect("there is always the count of bytes")
}

/// A number with three significant digits: `2.40`, `21.2`, `212`; whole numbers from 1,000 on.
#[must_use]
pub fn three_digits(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if size >= 99.95 => format!("{value:.0}"),
        _ if size >= 9.995 => format!("{value:.1}"),
        _ if size >= 0.9995 => format!("{value:.2}"),
        _ if size >= 0.099_95 => format!("{value:.3}"),
        _ if size >= 0.009_995 => format!("{value:.4}"),
        _ if size >= 0.000_999_5 => format!("{value:.5}"),
        _ if size == 0.0 => "0".to_owned(),
        _ if value.is_nan() => "–".to_owned(),
        _ => format!("{value:.2e}"),
    }
}

/// `value` in the largest of `units` (from small to large) that leaves at least 1 once rounded to three digits.
fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    let large_enough = |scale: f64| value.abs() / scale >= 0.9995;
    let (scale, unit) = units.iter().rev().find(|(scale, _)| large_enough(*scale)).unwrap_or(&units[0]);
    format!("{} {unit}", three_digits(value / scale))
}

/// A time for people, with three significant digits: `"212 ms"`, `"1.05 s"`; from a minute on `"1m30s"`, `"2h5m"`.
#[must_use]
pub fn humane_time(seconds: f64) -> String {
    if seconds == 0.0 {
        return "0 s".to_owned();
    }
    if !seconds.is_finite() || seconds.abs() < 59.95 {
        return scaled(seconds, &[(1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s")]);
    }
    let sign = if seconds < 0.0 { "−" } else { "" };
    let seconds = seconds.abs();
    let (large, small, whole) = match seconds {
        _ if seconds < 3_599.5 => (("m", 60), ("s", 1), seconds.round()),
        _ if seconds < 86_370.0 => (("h", 60), ("m", 60), (seconds / 60.0).round()),
        _ => (("d", 24), ("h", 3_600), (seconds / 3_600.0).round()),
    };
    let whole = whole as u64;
    let (high, low) = (whole / large.1, whole % large.1);
    match low {
        0 => format!("{sign}{high}{}", large.0),
        _ => format!("{sign}{high}{}{low}{}", large.0, small.0),
    }
}

/// A rate for people, from events per second: `"800 /s"`, `"2.40 k/s"`, `"5.00 /m"`.
#[must_use]
pub fn humane_rate(per_second: f64) -> String {
    match per_second.abs() {
        0.0 => "0 /s".to_owned(),
        size if size < 0.9995 / 60.0 => format!("{} /h", three_digits(per_second * 3_600.0)),
        size if size < 0.9995 => format!("{} /m", three_digits(per_second * 60.0)),
        _ => scaled(per_second, &[(1.0, "/s"), (1e3, "k/s"), (1e6, "M/s"), (1e9, "G/s")]),
    }
}

/// A size for people, from bytes, in powers of 1000: `"512 B"`, `"1.50 kB"`.
#[must_use]
pub fn humane_size(bytes: f64) -> String {
    if bytes.abs() < 999.5 && bytes.fract() == 0.0 {
        return format!("{bytes:.0} B");
    }
    scaled(bytes, &[(1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB"), (1e15, "PB")])
}

/// A share for people: 0.123 is `"12.3%"`.
#[must_use]
pub fn humane_share(share: f64) -> String {
    match share {
        _ if share.is_nan() => "–".to_owned(),
        _ if share == 0.0 => "0%".to_owned(),
        _ => format!("{}%", three_digits(share * 100.0)),
    }
}

/// A count for people: whole below 1,000, else `"2.40 k"`, `"1.44 M"`.
#[must_use]
pub fn humane_count(count: f64) -> String {
    if count.abs() < 999.5 {
        return if count.fract() == 0.0 { format!("{count:.0}") } else { three_digits(count) };
    }
    scaled(count, &[(1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")])
}

/// An amount of money without its name: `1,240`, `87.50`, `4.20e-3`.
pub fn humane_money(amount: f64) -> String {
    let sign = if amount < 0.0 { "-" } else { "" };
    let amount = amount.abs();
    if amount < 0.005 && amount > 0.0 {
        return format!("{sign}{amount:.2e}");
    }
    if amount < 99.995 {
        return format!("{sign}{amount:.2}");
    }
    sign.to_owned() + &grouped(amount.round() as u64)
}

/// A whole number to its last digit, in groups of three: `1,000`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{size, time};
    use super::*;

    #[test]
    fn exact_texts_read_back() {
        for (ns, text) in [
            (0, "0s"),
            (20_000_000, "20ms"),
            (1_500_000_000, "1.5s"),
            (90_000_000_000, "1m30s"),
            (86_400_000_000_001, "1d1ns"),
            (1_001, "1.001us"),
        ] {
            assert_eq!(exact_time(ns), text);
        }
        let mut state = 1u64;
        for _ in 0..10_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = (state >> 1) >> (state & 63);
            assert_eq!(time(&exact_time(value)), Ok(value));
            assert_eq!(size(&exact_size(value)), Ok(value));
        }
        for (bytes, text) in [(512, "512B"), (1_500, "1.5kB"), (16_384, "16KiB"), (1_000_000, "1MB")] {
            assert_eq!(exact_size(bytes), text);
        }
    }

    #[test]
    fn humane_texts_have_three_digits() {
        for (seconds, text) in [
            (0.212, "212 ms"),
            (1.05, "1.05 s"),
            (0.9996, "1.00 s"),
            (0.99949, "999 ms"),
            (0.0123, "12.3 ms"),
            (4.56e-6, "4.56 µs"),
            (5e-9, "5.00 ns"),
            (59.9, "59.9 s"),
            (59.96, "1m"),
            (90.0, "1m30s"),
            (3_599.6, "1h"),
            (7_500.0, "2h5m"),
            (86_390.0, "1d"),
            (90_000.0, "1d1h"),
            (0.0, "0 s"),
        ] {
            assert_eq!(humane_time(seconds), text);
        }
        assert_eq!(humane_rate(2_400.0), "2.40 k/s");
        assert_eq!(humane_rate(800.0), "800 /s");
        assert_eq!(humane_rate(5.0 / 60.0), "5.00 /m");
        assert_eq!(humane_size(1_500.0), "1.50 kB");
        assert_eq!(humane_size(512.0), "512 B");
        assert_eq!(humane_share(0.123), "12.3%");
        assert_eq!(humane_share(1.0), "100%");
        assert_eq!(humane_count(999.0), "999");
        assert_eq!(humane_count(1_440_000.0), "1.44 M");
    }

    #[test]
    fn whole_numbers_are_grouped() {
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(grouped(count), text);
        }
    }
}
