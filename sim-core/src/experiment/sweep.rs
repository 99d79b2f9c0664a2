//! Sweep: every combination of some settings, or a sample of them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::axis::json;
use super::{Axes, Axis, Envelope, Estimates, Experiment, Job, Point, Record, Samples, Subjects};
use crate::analysis::report::ObjectiveResult;

/// Runs every point equally often.
#[derive(Debug)]
pub struct Sweep {
    axes: Vec<SweptAxis>,
    sample: Option<u32>,
    points: Vec<Point>,
    replications: u32,
    asked: bool,
    samples: Samples,
    complete: bool,
}

/// What a sweep found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Swept {
    /// What it rests on.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// What was varied.
    pub axes: Vec<SweptAxis>,
    /// How many points were drawn; nothing where all combinations were run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<u32>,
    /// The last axis fastest, or in the order in which they were drawn.
    pub points: Vec<SweptPoint>,
}

/// An axis of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweptAxis {
    /// Which field of the model.
    pub path: String,
    /// Its values; its ends where any value between them may be drawn.
    pub values: Vec<Value>,
    /// Whether any value between the ends may be drawn.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continuous: bool,
}

/// One point of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweptPoint {
    /// What was set, by path.
    pub settings: Map<String, Value>,
    /// How many runs there are of it; fewer where the sweep was interrupted.
    pub replications: u32,
    /// Means over replications.
    pub figures: Estimates,
    /// The model's objectives, judged by the means.
    pub objectives: Vec<ObjectiveResult>,
    /// Why runs of it were stopped, if any was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

impl Sweep {
    /// Every combination.
    pub fn grid(axes: &Axes, replications: u32) -> Self {
        Self::new(axes, None, axes.grid(), replications)
    }

    /// A Latin hypercube of so many points.
    pub fn sample(axes: &Axes, count: u32, seed: u64, replications: u32) -> Self {
        Self::new(axes, Some(count), axes.sample(count, seed), replications)
    }

    fn new(axes: &Axes, sample: Option<u32>, points: Vec<Point>, replications: u32) -> Self {
        let axis = |axis: &Axis| SweptAxis {
            path: axis.path.clone(),
            values: axis.values.iter().map(|value| json(value)).collect(),
            continuous: !axis.is_counted(),
        };
        let axes = axes.iter().map(axis).collect();
        Self { axes, sample, points, replications, asked: false, samples: Samples::default(), complete: false }
    }

    /// How many points.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there is no point.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// What it found.
    pub fn finish(self, subjects: &Subjects) -> Swept {
        let (figures, objectives) = (subjects.figures(), &subjects.base().objectives);
        let point = |(number, point): (u32, &Point)| SweptPoint {
            settings: point.sets.iter().map(|(path, value)| (path.clone(), json(value))).collect(),
            replications: self.samples.count(number),
            figures: self.samples.estimates(number, figures),
            objectives: self.samples.judge(number, figures, objectives),
            stopped: self.samples.stopped(number).map(str::to_owned),
        };
        Swept {
            envelope: Envelope::of("sweep", subjects, &self.samples, self.complete),
            points: (0..).zip(&self.points).map(point).collect(),
            axes: self.axes,
            sample: self.sample,
        }
    }
}

impl Experiment for Sweep {
    fn points(&self) -> &[Point] {
        &self.points
    }

    fn next_batch(&mut self) -> Vec<Job> {
        if std::mem::replace(&mut self.asked, true) {
            return Vec::new();
        }
        let of = |point| (0..self.replications).map(move |replication| Job { point, replication });
        (0..self.points.len() as u32).flat_map(of).collect()
    }

    fn absorb(&mut self, records: Vec<Record>) {
        self.complete = records.len() as u64 == self.points.len() as u64 * u64::from(self.replications);
        records.into_iter().for_each(|record| self.samples.add(record));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Allowed;
    use crate::experiment::tests::drive;
    use crate::model::{Model, NoFiles};

    const MODEL: &str = r#"{
      "format": 1,
      "run": { "duration": "20s" },
      "components": {
        "users": { "type": "client", "to": "web", "arrivals": { "rate": "50/s" } },
        "web": { "type": "server-pool", "replicas": 1, "handlers": { "*": [ { "cpu": "exp(10ms)" } ] } }
      },
      "objectives": [ "mean < 20ms" ]
    }"#;

    fn model() -> Model {
        Model::parse(MODEL, "one.json", &[], &NoFiles).expect("a right model").0
    }

    #[test]
    fn points_have_the_figures_of_their_settings() {
        let model = model();
        let written =
            [("web.replicas".to_owned(), "1,2".to_owned()), ("users.arrivals.rate".into(), "20/s,90/s".into())];
        let axes = Axes::read(&written, Allowed::Steps, &model, &NoFiles).expect("right axes");
        let subjects = Subjects::new(vec![model], &NoFiles, None, &[]);
        let mut sweep = Sweep::grid(&axes, 3);
        drive(&mut sweep, &subjects);
        let swept = sweep.finish(&subjects);
        assert!(swept.envelope.complete);
        assert_eq!((swept.envelope.runs, swept.points.len()), (12, 4));
        let value = serde_json::to_value(&swept).expect("serialisable");
        assert_eq!(value["kind"], "sweep");
        assert_eq!(value["axes"][0], serde_json::json!({ "path": "web.replicas", "values": [1, 2] }));
        let point = &value["points"][3];
        assert_eq!(point["settings"], serde_json::json!({ "web.replicas": 2, "users.arrivals.rate": "90/s" }));
        assert_eq!(point["replications"], 3);
        let of = |point: usize, name: &str| swept.points[point].figures.get(name).expect("it is kept");
        let utilization = of(3, "utilization(web)");
        assert!((utilization.value.expect("known") - 0.45).abs() < 0.05);
        assert!(utilization.low < utilization.value && utilization.value < utilization.high);
        assert!(of(1, "mean").value > of(0, "mean").value);
        let met: Vec<bool> = swept.points.iter().map(|point| point.objectives[0].met).collect();
        assert_eq!(met, [true, false, true, true], "one server is too slow for 90/s");
    }

    #[test]
    fn what_was_interrupted_tells_what_there_is() {
        let model = model();
        let written = [("web.replicas".to_owned(), "1,2".to_owned())];
        let axes = Axes::read(&written, Allowed::Steps, &model, &NoFiles).expect("right axes");
        let subjects = Subjects::new(vec![model], &NoFiles, Some(9), &[]);
        let mut sweep = Sweep::sample(&axes, 2, 9, 2);
        let jobs = sweep.next_batch();
        let prepared = subjects.prepare(&sweep.points()[0]).expect("a right model");
        sweep.absorb(vec![prepared.run(jobs[0])]);
        let swept = sweep.finish(&subjects);
        assert!(!swept.envelope.complete);
        assert_eq!((swept.points[0].replications, swept.points[1].replications), (1, 0));
        assert_eq!(swept.points[0].figures.get("p50").map(|p50| p50.low), Some(None), "one run has no interval");
        assert_eq!(swept.points[1].figures.get("p50").map(|p50| p50.value), Some(None));
        assert!(!swept.points[1].objectives[0].met, "what is unknown is not met");
    }
}
