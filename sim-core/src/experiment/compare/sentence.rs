//! A difference in plain words.

use crate::analysis::paired::{Paired, Verdict};
use crate::experiment::Figure;
use crate::model::objective::Dimension;
use crate::model::units::{humane_count, humane_rate, humane_time, three_digits};

/// `p99 is 12% to 15% lower`.
pub fn of(figure: &Figure, paired: &Paired, verdict: Verdict, margin: f64, more: Option<u64>) -> String {
    let name = &figure.name;
    let interval = paired.interval();
    let between = |(low, high): (f64, f64)| {
        let ends = [low, high].map(|end| one(figure, paired.a, end));
        format!("between {} and {}", ends[0], ends[1])
    };
    match (verdict, interval) {
        (Verdict::Identical, _) => format!("{name} is the same in every pair of runs"),
        (Verdict::Lower, Some((low, high))) => format!("{name} is {} lower", range(figure, paired.a, -high, -low)),
        (Verdict::Higher, Some((low, high))) if low > paired.a.abs() && relative(figure, paired.a) => {
            let [low, high] = [low, high].map(|end| 1.0 + end / paired.a.abs());
            format!("{name} is {} times as high", numbers(low, high))
        }
        (Verdict::Higher, Some((low, high))) => format!("{name} is {} higher", range(figure, paired.a, low, high)),
        (Verdict::NoDifference, Some(ends)) => {
            let margin = range(figure, paired.a, margin, margin);
            format!("no difference found in {name}: it is {}, within the margin of {margin}", between(ends))
        }
        (Verdict::CantTell, Some(ends)) => {
            let more = more.map_or(String::new(), |more| match more {
                1 => "; about 1 more pair of runs would tell".to_owned(),
                more => format!("; about {} more pairs of runs would tell", humane_count(more as f64)),
            });
            format!("can't tell yet whether {name} differs: it is {}{more}", between(ends))
        }
        (Verdict::Lower | Verdict::Higher | Verdict::NoDifference | Verdict::CantTell, None) => {
            format!("can't tell yet whether {name} differs: a single pair of runs says nothing of chance")
        }
    }
}

/// Whether differences are told as shares of the base.
fn relative(figure: &Figure, base: f64) -> bool {
    figure.dimension() != Dimension::Share && base != 0.0
}

/// A difference: `1.2% lower`, `0.3 points higher`.
pub fn one(figure: &Figure, base: f64, difference: f64) -> String {
    let direction = if difference < 0.0 { "lower" } else { "higher" };
    let size = difference.abs();
    match figure.dimension() {
        _ if difference == 0.0 => "the same".to_owned(),
        Dimension::Share => format!("{} points {direction}", three_digits(size * 100.0)),
        _ if base != 0.0 => format!("{}% {direction}", three_digits(size / base.abs() * 100.0)),
        dimension => format!("{} {direction}", humane(size, dimension)),
    }
}

/// Two differences of one sign, the smaller first: `12% to 15%`.
fn range(figure: &Figure, base: f64, low: f64, high: f64) -> String {
    match figure.dimension() {
        Dimension::Share => format!("{} points", numbers(low * 100.0, high * 100.0)),
        _ if base != 0.0 => {
            let [low, high] = [low, high].map(|end| end / base.abs() * 100.0);
            let text = numbers(low, high);
            match text.split_once(" to ") {
                Some((low, high)) => format!("{low}% to {high}%"),
                None => format!("{text}%"),
            }
        }
        dimension => {
            let [low, high] = [low, high].map(|end| humane(end, dimension));
            if low == high { low } else { format!("{low} to {high}") }
        }
    }
}

/// A share without needless digits: `2%`, `0.5%`.
pub fn percent(share: f64) -> String {
    format!("{}%", (share * 1e6).round() / 1e4)
}

/// Two numbers with as many digits as it takes to tell them apart.
fn numbers(low: f64, high: f64) -> String {
    let decimals = match high - low {
        width if width >= 2.0 => 0,
        width if width >= 0.2 => 1,
        width if width >= 0.02 => 2,
        width if width >= 0.002 => 3,
        _ => return three_digits(0.5 * (low + high)),
    };
    format!("{low:.decimals$} to {high:.decimals$}")
}

fn humane(value: f64, dimension: Dimension) -> String {
    match dimension {
        Dimension::Time => humane_time(value),
        Dimension::Rate => humane_rate(value),
        Dimension::Share | Dimension::Number => humane_count(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences() {
        let told = |figure: &str, a: &[f64], b: &[f64], margin: f64| {
            let paired = Paired::of(a, b).expect("pairs");
            let verdict = paired.verdict(margin);
            let more = (verdict == Verdict::CantTell).then(|| paired.pairs_needed(margin)).flatten();
            of(&Figure::parse(figure).expect(figure), &paired, verdict, margin, more)
        };
        let cases: &[(&str, &[f64], &[f64], f64, &str)] = &[
            ("p99", &[1.0, 1.0], &[1.0, 1.0], 0.1, "p99 is the same in every pair of runs"),
            ("p99", &[1.0, 1.0, 1.0], &[0.861, 0.865, 0.869], 0.1, "p99 is 12.5% to 14.5% lower"),
            ("p99", &[1.0, 1.0, 1.0], &[0.85, 0.865, 0.88], 0.1, "p99 is 10% to 17% lower"),
            ("p99", &[1.0, 1.0, 1.0], &[1.02, 1.02, 1.02], 0.1, "p99 is 2.00% higher"),
            ("p99", &[1.0, 1.0, 1.0], &[3.02, 3.0, 2.98], 0.1, "p99 is 2.95 to 3.05 times as high"),
            (
                "utilization(web)",
                &[0.5, 0.5, 0.5],
                &[0.54, 0.55, 0.56],
                0.01,
                "utilization(web) is 3 to 7 points higher",
            ),
            ("queue(web)", &[0.0, 0.0, 0.0], &[3.0, 3.0, 3.0], 0.0, "queue(web) is 3 higher"),
            (
                "p99",
                &[1.0, 1.0, 1.0],
                &[0.999, 1.0, 1.001],
                0.02,
                "no difference found in p99: it is between 0.248% lower and 0.248% higher, within the margin of 2.00%",
            ),
            (
                "p99",
                &[1.0, 1.0, 1.0],
                &[0.99, 1.0, 1.01],
                0.02,
                "can't tell yet whether p99 differs: it is between 2.48% lower and 2.48% higher; about 2 more pairs of \
                 runs would tell",
            ),
            (
                "p99",
                &[1.0],
                &[1.1],
                0.02,
                "can't tell yet whether p99 differs: a single pair of runs says nothing of chance",
            ),
        ];
        for (figure, a, b, margin, expected) in cases {
            assert_eq!(told(figure, a, b, *margin), *expected);
        }
    }
}
