//! Merges the reports of several replications into one: each figure is the mean over the runs, at the same place and of
//! the same type, with a confidence interval beside it.
//!
//! Counts stay whole and keep adding up (`offered = ok + Σ errors + unfinished`, classes to the whole, a histogram to
//! its count): their means are rounded together, by largest remainder.

mod counts;
mod intervals;
mod mean;

use serde_json::Value;

use crate::engine::rng::{PHI, fnv1a, mix64};

use super::interval::LEVEL;
use super::report::{Confidence, Ended, ObjectiveResult, Report};
use counts::{balance_latencies, balance_requests};
use intervals::intervals;
use mean::mean_of;

/// The seed of a replication: the first one's is the model's own.
pub fn seed_of(seed: u64, replication: u32) -> u64 {
    match replication {
        0 => seed,
        replication => mix64(mix64(seed.wrapping_add(PHI)) ^ u64::from(replication).wrapping_mul(PHI)),
    }
}

/// Merges the reports of one model, in the order of their replications. `judge` evaluates the model's objectives on
/// the merged figures.
///
/// # Panics
/// If there is no report.
pub fn merge(reports: &[Report], judge: impl Fn(&Report) -> Vec<ObjectiveResult>) -> Report {
    let [first, others @ ..] = reports else { panic!("there is at least one replication") };
    if others.is_empty() {
        return first.clone();
    }
    let values: Vec<Value> = reports.iter().map(to_value).collect();
    let mean = mean_of(&values.iter().map(Some).collect::<Vec<_>>());
    let mut merged: Report = serde_json::from_value(mean).expect("means have the types of what they are the means of");

    merged.seed = first.seed;
    merged.format = first.format;
    merged.digest = combined_digest(reports);
    merged.ended = reports.iter().find(|report| report.ended != Ended::Complete).unwrap_or(first).ended.clone();
    merge_rows(reports, &mut merged);
    balance_requests(reports, &mut merged);
    balance_latencies(reports, &mut merged);
    merged.objectives = judge(&merged);
    refuse_objectives(reports, &mut merged.objectives);
    merged.intervals = intervals(&values, reports, &merged);
    merged.confidence = Some(Confidence { replications: reports.len() as u32, level: LEVEL, precision: None });
    merged
}

/// What a run can't tell, for the reason that it gives, all of them together can't either.
fn refuse_objectives(reports: &[Report], objectives: &mut [ObjectiveResult]) {
    for (index, objective) in objectives.iter_mut().enumerate() {
        let of_runs = reports.iter().filter_map(|report| report.objectives.get(index));
        if let Some(why) = of_runs.filter_map(|result| result.why.as_ref()).next() {
            *objective = ObjectiveResult { value: None, met: false, why: Some(why.clone()), ..objective.clone() };
        }
    }
}

fn to_value(report: &Report) -> Value {
    serde_json::to_value(report).expect("a report is serialisable")
}

/// Merges the lists whose rows are found by their names.
fn merge_rows(reports: &[Report], merged: &mut Report) {
    let runs = reports.len() as f64;
    let both = [
        (&mut merged.breakdown.p50, reports.iter().map(|report| &report.breakdown.p50).collect::<Vec<_>>()),
        (&mut merged.breakdown.p99, reports.iter().map(|report| &report.breakdown.p99).collect::<Vec<_>>()),
    ];
    for (rows, lists) in both {
        rows.clear();
        for part in lists.into_iter().flatten() {
            match rows.iter_mut().find(|row| row.names_the_same(part)) {
                Some(row) => row.seconds += part.seconds,
                None => rows.push(part.clone()),
            }
        }
        let whole: f64 = rows.iter().map(|row| row.seconds).sum();
        for row in rows.iter_mut() {
            row.share = if whole > 0.0 { row.seconds / whole } else { 0.0 };
            row.seconds /= runs;
        }
        rows.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    }
    for (index, entry) in merged.audit.iter_mut().enumerate() {
        let entries = || reports.iter().filter_map(move |report| report.audit.get(index));
        let mean = |sum: u128| (sum + reports.len() as u128 / 2) / reports.len() as u128;
        entry.left = mean(entries().map(|entry| entry.left).sum());
        entry.right = mean(entries().map(|entry| entry.right).sum());
        entry.ok = entries().all(|entry| entry.ok);
    }
    for assumption in reports.iter().flat_map(|report| &report.assumptions) {
        if !merged.assumptions.contains(assumption) {
            merged.assumptions.push(assumption.clone());
        }
    }
}

/// A hash of the runs' digests, in order.
fn combined_digest(reports: &[Report]) -> String {
    let digests = reports.iter().map(|report| fnv1a(report.digest.as_bytes()));
    let state = digests.fold(reports.len() as u64, |state, digest| mix64(state.wrapping_add(PHI) ^ digest));
    format!("{state:016x}")
}

#[cfg(test)]
mod tests;
