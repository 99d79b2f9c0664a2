//! What became of each fault.

use super::*;

/// A line for each fault.
pub(super) fn section(report: &Report) -> Vec<String> {
    if report.faults.is_empty() {
        return Vec::new();
    }
    let mut columns = Columns::new(&[Align::Left, Align::Right, Align::Unit, Align::Unit, Align::Unit]);
    let quiet = |text: &str| paint(QUIET, text);
    let headings = ["times", "lasted", "recovered after", "requests lost"].map(quiet);
    columns.row([vec![paint(STRONG, "Faults")], headings.to_vec()].concat());
    for fault in &report.faults {
        columns.row(vec![
            shorten(&fault.fault, 40),
            fault.times.to_string(),
            humane_time(fault.lasted_s),
            fault.recover_s.map_or("not yet".to_owned(), humane_time),
            humane_count(fault.lost as f64),
        ]);
    }
    columns.lines()
}
