//! `kneepoint sweep`: every combination of some settings.

use clap::Args;
use sim_core::experiment::sweep::{Estimate, Sweep as Controller, Swept};
use sim_core::experiment::{Figure, Figures, Point, Subjects};

use super::ModelArgs;
use super::experiment::{AnswerArgs, RunArgs, figure};
use crate::error::Failure;
use crate::render::humane;
use crate::render::page::{Cell, Column, Page, Sheet};

const AFTER_HELP: &str = "\
Examples:
  kneepoint sweep shop.json --vary web.replicas=2,4,8";

/// Run every combination of some settings
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Sweep {
    #[command(flatten)]
    model: ModelArgs,
    /// What to vary: a path and its values; may be given several times
    #[arg(long, value_name = "PATH=VALUES", required = true, value_parser = super::setting)]
    vary: Vec<(String, String)>,
    /// How many independent runs of each point
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    replications: u32,
    /// A figure to show, such as p99(web) or utilization(orders); may be given several times
    #[arg(long, value_name = "FIGURE", value_parser = figure)]
    figure: Vec<Figure>,
    #[command(flatten)]
    runs: RunArgs,
    #[command(flatten)]
    answer: AnswerArgs,
}

impl Sweep {
    pub fn execute(self) -> Result<(), Failure> {
        self.answer.check("sweep")?;
        let (source, model) = self.runs.load(&self.model, self.answer.quiet)?;
        let subjects = Subjects::new(vec![model], &source.folder, self.runs.seed, &self.figure);
        let mut points = vec![Point::default()];
        for (path, values) in &self.vary {
            let with = |point: &Point| {
                let sets = values.split(',').map(|value| (path.clone(), value.trim().to_owned()));
                sets.map(|set| Point { sets: [point.sets.clone(), vec![set]].concat(), ..*point }).collect::<Vec<_>>()
            };
            points = points.iter().flat_map(with).collect();
        }
        let mut sweep = Controller::new(points, self.replications);
        self.runs.conduct(&mut sweep, &subjects, self.answer.quiet)?;
        let swept = sweep.finish(&subjects);
        self.answer.write(subjects.base(), &swept, &page(&swept, subjects.figures()))
    }
}

fn page(swept: &Swept, figures: &Figures) -> Page {
    let paths: Vec<&String> = swept.points.first().map_or(Vec::new(), |point| point.settings.keys().collect());
    let axes = paths.iter().map(|path| Column::left(path, path));
    let columns = axes.chain(figures.iter().map(|figure| Column::unit(&figure.name, &figure.name))).collect();
    let mut sheet = Sheet::new("", columns);
    for point in &swept.points {
        let settings = point.settings.values().map(|value| Cell::text(value.as_str().unwrap_or_default()));
        let values = point.values.iter().zip(figures.iter()).map(|(estimate, figure)| cell(estimate, figure));
        sheet.rows.push(settings.chain(values).collect());
    }
    Page {
        title: swept.envelope.name.clone(),
        facts: vec![format!("{} points", swept.points.len()), format!("seed {}", swept.envelope.seed)],
        sheets: vec![sheet],
        remarks: Vec::new(),
        notes: vec![format!("digest {}", swept.envelope.digest)],
    }
}

fn cell(estimate: &Estimate, figure: &Figure) -> Cell {
    Cell::figure(estimate.value, |value| humane(value, figure.dimension()))
}
