//! The records of an experiment, found by point and replication whatever the order in which they came.

use std::collections::BTreeMap;

use super::{Job, Record};
use crate::analysis::interval::Summary;
use crate::engine::rng::{PHI, fnv1a, mix64};

/// What an experiment knows so far.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    records: BTreeMap<Job, Record>,
}

impl Samples {
    /// Keeps a record; one of the same job takes its place.
    pub fn add(&mut self, record: Record) {
        self.records.insert(record.job, record);
    }

    /// How many runs.
    pub fn runs(&self) -> u64 {
        self.records.len() as u64
    }

    /// The records of a point, by replication.
    pub fn of(&self, point: u32) -> impl Iterator<Item = &Record> {
        self.records
            .range(Job { point, replication: 0 }..=Job { point, replication: u32::MAX })
            .map(|(_, record)| record)
    }

    /// How many runs of a point there are.
    pub fn count(&self, point: u32) -> u32 {
        self.of(point).count() as u32
    }

    /// The values of a figure at a point, by replication; nothing where any run doesn't know it.
    pub fn values(&self, point: u32, figure: usize) -> Option<Vec<f64>> {
        self.of(point).map(|record| record.values[figure]).collect::<Option<Vec<f64>>>().filter(|all| !all.is_empty())
    }

    /// Mean and spread of a figure at a point; nothing where any run doesn't know it.
    pub fn summary(&self, point: u32, figure: usize) -> Option<Summary> {
        Summary::of(&self.values(point, figure)?)
    }

    /// The values of a figure at two points, pair by pair: those of equal replications; nothing where any run of them
    /// doesn't know it.
    pub fn pairs(&self, a: u32, b: u32, figure: usize) -> Option<(Vec<f64>, Vec<f64>)> {
        let of_b: BTreeMap<u32, &Record> = self.of(b).map(|record| (record.job.replication, record)).collect();
        let both = self.of(a).filter_map(|a| Some((a, *of_b.get(&a.job.replication)?)));
        let pairs: Vec<(f64, f64)> =
            both.map(|(a, b)| Some((a.values[figure]?, b.values[figure]?))).collect::<Option<_>>()?;
        if pairs.is_empty() { None } else { Some(pairs.into_iter().unzip()) }
    }

    /// Why runs of a point were stopped, if any was.
    pub fn stopped(&self, point: u32) -> Option<&str> {
        self.of(point).find_map(|record| record.stopped.as_deref())
    }

    /// A hash of the digests of all runs, by point and replication, in hex.
    pub fn digest(&self) -> String {
        let one = |state: u64, record: &Record| {
            let state = mix64(state.wrapping_add(PHI) ^ u64::from(record.job.point));
            let state = mix64(state.wrapping_add(PHI) ^ u64::from(record.job.replication));
            mix64(state.wrapping_add(PHI) ^ fnv1a(record.digest.as_bytes()))
        };
        format!("{:016x}", self.records.values().fold(self.runs(), one))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(point: u32, replication: u32, value: Option<f64>) -> Record {
        Record {
            job: Job { point, replication },
            seed: 1,
            model: String::new(),
            digest: format!("{point}-{replication}"),
            stopped: None,
            offered: 100,
            values: vec![value],
        }
    }

    #[test]
    fn order_of_arrival_is_nothing() {
        let records =
            [record(0, 0, Some(1.0)), record(0, 1, Some(2.0)), record(1, 0, Some(3.0)), record(1, 2, Some(9.0))];
        let mut forwards = Samples::default();
        records.iter().for_each(|record| forwards.add(record.clone()));
        let mut backwards = Samples::default();
        records.iter().rev().for_each(|record| backwards.add(record.clone()));
        assert_eq!(forwards.digest(), backwards.digest());
        assert_eq!(backwards.values(0, 0), Some(vec![1.0, 2.0]));
        assert_eq!(backwards.pairs(0, 1, 0), Some((vec![1.0], vec![3.0])), "only equal replications are pairs");
        assert_eq!(backwards.values(7, 0), None);
        backwards.add(record(0, 5, None));
        assert_eq!(backwards.values(0, 0), None, "a run that doesn't know it makes it unknown");
    }

    #[test]
    fn records_survive_being_written() {
        let record = record(3, 4, Some(0.1 + 0.2));
        let text = serde_json::to_string(&record).expect("serialisable");
        assert!(text.starts_with(r#"{"point":3,"replication":4,"seed":1,"#), "{text}");
        assert_eq!(serde_json::from_str::<Record>(&text).expect("it reads back"), record);
    }
}
