//! The figures that an experiment keeps of each run.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::analysis::objective;
use crate::analysis::report::Report;
use crate::components::Component;
use crate::model::Model;
use crate::model::objective::{Dimension, Measure, Objective};

/// A figure of a report: `p99`, `utilization(web)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What is measured.
    pub measure: Measure,
    /// As objectives write it.
    pub name: String,
}

impl Figure {
    /// Reads a figure; the error says what is wrong and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        Measure::parse(text).map(Self::from)
    }

    /// What it is measured in.
    pub fn dimension(&self) -> Dimension {
        self.measure.dimension()
    }
}

impl From<Measure> for Figure {
    fn from(measure: Measure) -> Self {
        Self { name: measure.to_string(), measure }
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The figures of an experiment, each once, in the order in which they are shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures(Vec<Figure>);

/// What every run tells.
const COMMON: [&str; 9] = ["throughput", "goodput", "error_rate", "mean", "p50", "p90", "p95", "p99", "p99.9"];

impl Figures {
    /// The figures that are asked for, then what every run tells, what the model's objectives speak of, and how full and
    /// how many its parts are.
    pub fn of(model: &Model, asked: &[Figure]) -> Self {
        let mut figures = Self::default();
        asked.iter().for_each(|figure| figures.add(figure.clone()));
        let mut add = |text: &str| figures.add(Figure::parse(text).expect("a figure that every run tells"));
        COMMON.iter().for_each(|text| add(text));
        if model.components.values().any(|component| component.cost().is_some()) {
            add("cost");
        }
        for objective in &model.objectives {
            add(&objective.measure.to_string());
        }
        for (name, component) in &model.components {
            if !component.stations().is_empty() {
                add(&format!("utilization({name})"));
            }
            if matches!(component, Component::Cache(_)) {
                add(&format!("hit_ratio({name})"));
            }
        }
        figures
    }

    /// Adds a figure unless it is there.
    pub fn add(&mut self, figure: Figure) {
        if self.index_of(&figure).is_none() {
            self.0.push(figure);
        }
    }

    /// The number of a figure.
    pub fn index_of(&self, figure: &Figure) -> Option<usize> {
        self.0.iter().position(|known| known.measure == figure.measure)
    }

    /// The number of the figure that an objective is about.
    pub fn index_of_objective(&self, objective: &Objective) -> Option<usize> {
        self.0.iter().position(|known| known.measure == objective.measure)
    }

    /// All of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Figure> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their values in a report.
    pub fn values(&self, report: &Report) -> Vec<Option<f64>> {
        self.0.iter().map(|figure| objective::evaluate(report, &figure.measure)).collect()
    }
}

impl std::ops::Index<usize> for Figures {
    type Output = Figure;

    fn index(&self, index: usize) -> &Figure {
        &self.0[index]
    }
}
