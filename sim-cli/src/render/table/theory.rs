//! What theory knows, beside what was simulated.

use super::*;

/// What theory says of the parts that it knows, beside what was simulated.
pub(super) fn section(report: &Report) -> Vec<String> {
    if report.theory.is_empty() {
        return Vec::new();
    }
    let mut columns = Columns::new(&[Align::Left, Align::Left, Align::Left, Align::Unit, Align::Unit, Align::Right]);
    let quiet = |text: &str| paint(QUIET, text);
    let headings = [paint(STRONG, "Theory"), String::new(), String::new(), quiet("exact"), quiet("simulated")];
    columns.row([headings.to_vec(), vec![quiet("off by")]].concat());
    for line in &report.theory {
        columns.row(vec![
            shorten(&line.part, 18),
            line.model.clone(),
            line.figure.replace('_', " "),
            beside_value(&line.figure, line.exact),
            beside_value(&line.figure, line.simulated),
            format!("{:+.1}%", line.deviation * 100.0),
        ]);
    }
    columns.lines()
}

/// A figure that theory knows, in its unit.
fn beside_value(figure: &str, value: f64) -> String {
    match figure {
        "mean" | "p99" => humane_time(value),
        "throughput" => humane_rate(value),
        _ => precise_share(value),
    }
}
