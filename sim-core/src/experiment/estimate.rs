//! Means over replications, and how sure they are.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Figures, Samples};
use crate::analysis::interval::LEVEL;
use crate::analysis::report::ObjectiveResult;
use crate::model::objective::Objective;

/// A mean and its interval, in base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean over replications; nothing where any of them doesn't know it.
    pub value: Option<f64>,
    /// The lower end of the interval; nothing for a single run.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// Figures by name, in their order; written as a map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimates(Vec<(String, Estimate)>);

impl Estimates {
    /// A figure by its name.
    pub fn get(&self, name: &str) -> Option<Estimate> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, estimate)| *estimate)
    }

    /// All of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (String, Estimate)> {
        self.0.iter()
    }
}

impl Serialize for Estimates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, estimate)| (name, estimate)))
    }
}

impl<'de> Deserialize<'de> for Estimates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Estimates;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("figures by their names")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Estimates, M::Error> {
                let mut estimates = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    estimates.push(entry);
                }
                Ok(Estimates(estimates))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

impl Samples {
    /// A figure at a point.
    pub fn estimate(&self, point: u32, figure: usize) -> Estimate {
        let Some(summary) = self.summary(point, figure) else { return Estimate::default() };
        let (low, high) = summary.interval(LEVEL).unzip();
        Estimate { value: Some(summary.mean), low, high }
    }

    /// All figures at a point.
    pub fn estimates(&self, point: u32, figures: &Figures) -> Estimates {
        let one = |(number, name): (usize, &str)| (name.to_owned(), self.estimate(point, number));
        Estimates(figures.iter().map(|figure| figure.name.as_str()).enumerate().map(one).collect())
    }

    /// What comes of objectives at a point: their values are means. One whose value is unknown is not met.
    pub fn judge(&self, point: u32, figures: &Figures, objectives: &[Objective]) -> Vec<ObjectiveResult> {
        let result = |objective: &Objective| {
            let figure = figures.index_of_objective(objective);
            let value = figure.and_then(|figure| self.summary(point, figure)).map(|summary| summary.mean);
            let met = value.is_some_and(|value| objective.is_met_by(value));
            ObjectiveResult { objective: objective.text.clone(), value, met, why: None }
        };
        objectives.iter().map(result).collect()
    }
}
