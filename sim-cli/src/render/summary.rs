//! A run on one line, for shells: a word, then `key=value` in an order that stays.

use sim_core::analysis::report::{Ended, Report};
use sim_core::model::units::{humane_share, humane_time};

/// `ok p50=23ms p99=55.9ms error_rate=0% rate=2400/s objectives=4/4 digest=2da872ad62f509c0`
pub fn summary(report: &Report) -> String {
    let met = report.objectives.iter().filter(|objective| objective.met).count();
    let total = report.objectives.len();
    let word = match report.ended {
        Ended::Stopped(_) => "stopped",
        Ended::Complete if met < total => "unmet",
        Ended::Complete => "ok",
    };
    let time = |value: Option<f64>| value.map_or("unknown".to_owned(), |value| plain(&humane_time(value)));
    format!(
        "{word} p50={} p99={} error_rate={} rate={} objectives={met}/{total} digest={}\n",
        time(report.latency.p50_s),
        time(report.latency.p99_s),
        plain(&humane_share(report.requests.error_rate)),
        rate(report.requests.throughput_per_s),
        report.digest,
    )
}

/// `23.0 ms` as models write it: `23ms`.
fn plain(text: &str) -> String {
    let text = text.replace(' ', "").replace('µ', "u");
    let end = text.rfind(|letter: char| letter.is_ascii_digit()).map_or(0, |last| last + 1);
    let (number, unit) = text.split_at(end);
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{number}{unit}")
}

/// With four digits, or all before the point.
fn rate(per_second: f64) -> String {
    match per_second {
        value if value >= 1000.0 || value == 0.0 => format!("{value:.0}/s"),
        value if value >= 100.0 => plain(&format!("{value:.1}/s")),
        value if value >= 10.0 => plain(&format!("{value:.2}/s")),
        value => plain(&format!("{value:.3}/s")),
    }
}

#[cfg(test)]
mod tests {
    use sim_core::analysis::report::{ObjectiveResult, Stopped};

    use super::*;
    use crate::render::fixture;

    #[test]
    fn one_line_whose_first_word_says_it() {
        let mut report = fixture::web_shop();
        assert!(summary(&report).starts_with("unmet p50=27.4ms p99=") && summary(&report).contains(" objectives=3/4 "));
        report.objectives.retain(|objective| objective.met);
        let line = summary(&report);
        assert!(line.starts_with("ok p50=27.4ms p99="), "{line}");
        assert!(line.ends_with(&format!("objectives=3/3 digest={}\n", report.digest)), "{line}");
        let keys: Vec<&str> = line.split(' ').skip(1).filter_map(|pair| Some(pair.split_once('=')?.0)).collect();
        assert_eq!(keys, ["p50", "p99", "error_rate", "rate", "objectives", "digest"]);
        let unmet = ObjectiveResult { objective: "p50 < 1us".into(), value: None, met: false, why: None };
        assert!(summary(&Report { objectives: vec![unmet], ..report.clone() }).starts_with("unmet "));
        assert!(summary(&Report { ended: Ended::Stopped(Stopped::default()), ..report }).starts_with("stopped "));
        assert!(summary(&Report::default()).contains("p99=unknown"));
    }

    #[test]
    fn values_are_written_as_models_write_them() {
        for (text, expected) in
            [("23.0 ms", "23ms"), ("480 µs", "480us"), ("100%", "100%"), ("1.20 s", "1.2s"), ("0 s", "0s")]
        {
            assert_eq!(plain(text), expected);
        }
        for (value, expected) in [(2400.4, "2400/s"), (0.0, "0/s"), (12.5, "12.5/s"), (0.333_333, "0.333/s")] {
            assert_eq!(rate(value), expected);
        }
    }
}
