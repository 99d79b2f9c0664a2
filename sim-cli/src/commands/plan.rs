//! `kneepoint plan`: the cheapest configuration that meets the objectives.

use clap::{Args, ValueEnum};
use sim_core::analysis::cost;
use sim_core::experiment::axis::{Allowed, Axes};
use sim_core::experiment::plan::{Configuration, Goal, Limits, Plan as Controller, Planned};
use sim_core::experiment::{Figure, Subjects};
use sim_core::model::Model;
use sim_core::model::objective::Objective;
use sim_core::model::units;

use super::ModelArgs;
use super::experiment::{AnswerArgs, RunArgs, told};
use crate::chart::Shown;
use crate::error::Failure;
use crate::render::humane;
use crate::render::page::{Cell, Column, Page, Sheet};
use crate::render::text::{BAD, GOOD};

const AFTER_HELP: &str = "\
Examples:
  kneepoint plan shop.json --over web.replicas=1..20 --over orders-pool.size=5..60
  kneepoint plan shop.json --over web.replicas=1..20 --price web.replicas=70
  kneepoint plan shop.json --over web.replicas=1..20 --minimize p99 --objective 'cost < 900'
  kneepoint plan shop.json --over db.slots=4..32 --minimize db.slots --objective 'p99 < 80ms'

Costs stand in the model (\"cost\": 0.12 at a component: what each of its nodes costs an hour) or in
--price.";

/// Find the cheapest configuration that meets the objectives
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Plan {
    #[command(flatten)]
    model: ModelArgs,
    /// What may be chosen: a path and its values; may be given several times
    #[arg(long, value_name = "PATH=VALUES", required = true, value_parser = super::setting)]
    over: Vec<(String, String)>,
    /// What should be as low as it can be: cost, a path of --over, or a figure such as p99
    #[arg(long, value_name = "WHAT", default_value = "cost")]
    minimize: String,
    /// What each unit of a path of --over costs, instead of the model's costs; may be given several times
    #[arg(long, value_name = "PATH=PRICE", value_parser = price)]
    price: Vec<(String, f64)>,
    /// What must hold beside the model's objectives, as 'p99 < 250ms'; may be given several times
    #[arg(long, value_name = "OBJECTIVE", value_parser = Objective::parse)]
    objective: Vec<Objective>,
    /// How sure the answer should be
    #[arg(long, value_name = "SHARE", default_value = "95%", value_parser = confidence)]
    confidence: f64,
    /// The most runs; left out, as many as it takes
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    max_runs: Option<u64>,
    /// Exit with 3 if no configuration meets the objectives
    #[arg(long, value_enum, value_name = "WHAT")]
    fail_on: Option<FailOn>,
    #[command(flatten)]
    runs: RunArgs,
    #[command(flatten)]
    answer: AnswerArgs,
}

/// What is a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// No configuration meets the objectives.
    Objectives,
}

impl Plan {
    pub fn execute(self) -> Result<(), Failure> {
        let (source, model) = self.runs.load(&self.model, self.answer.quiet)?;
        let wrong = |diagnostics| Failure::Model { source: "--over".to_owned(), diagnostics };
        let axes = Axes::read(&self.over, Allowed::Steps, &model, &source.folder).map_err(wrong)?;
        self.answer.check("plan")?;
        let goal = self.goal(&model, &axes)?;
        let figures = Controller::figures(&goal, &self.objective);
        told(&model, &figures)?;
        let subjects = Subjects::new(vec![model], &source.folder, self.runs.window.seed, &figures);
        let limits = Limits { confidence: self.confidence, runs: self.max_runs.unwrap_or(u64::MAX) };
        let mut plan = Controller::new(&subjects, &axes, goal.clone(), &self.objective, limits).map_err(wrong)?;
        self.runs.conduct(&mut plan, &subjects, self.answer.quiet)?;
        let planned = plan.finish(&subjects);
        let page = page(&planned, &axes, &goal);
        self.answer.write(&planned, &page)?;
        self.answer.draw(subjects.base(), Shown::Plan(&planned), &page)?;
        match self.fail_on {
            Some(FailOn::Objectives) if planned.best.is_none() => {
                Err(Failure::Unmet("no configuration meets all objectives".to_owned()))
            }
            Some(FailOn::Objectives) | None => Ok(()),
        }
    }

    /// What is minimised, or how to say it.
    fn goal(&self, model: &Model, axes: &Axes) -> Result<Goal, Failure> {
        let is_varied = |path: &str| axes.iter().any(|axis| axis.path == path);
        if let Some((path, _)) = self.price.iter().find(|(path, _)| !is_varied(path)) {
            return Err(Failure::Wrong(format!("--price {path}: {path} is not among --over")));
        }
        match self.minimize.trim() {
            "cost" if !self.price.is_empty() => Ok(Goal::Prices(self.price.clone())),
            "cost" if cost::foretold(model).is_some() => Ok(Goal::Cost),
            "cost" => {
                let path = axes.iter().next().map_or("web.replicas", |axis| axis.path.as_str());
                Err(Failure::Wrong(format!(
                    "no component has a cost: write \"cost\": 0.12 at one, for what each of its nodes costs an hour; or say \
                     what a unit costs, as --price {path}=70; or say what else should be low, as --minimize {path}"
                )))
            }
            path if is_varied(path) => Ok(Goal::Setting(path.to_owned())),
            other => match Figure::parse(other) {
                Ok(figure) => Ok(Goal::Figure(figure)),
                Err(_) if other.contains('.') => Err(Failure::Wrong(format!(
                    "--minimize {other}: it is neither a path of --over nor a figure such as p99 or cost(web)"
                ))),
                Err(mistake) => Err(Failure::Wrong(format!("--minimize {other}: {mistake}"))),
            },
        }
    }
}

/// `web.replicas=70`
fn price(text: &str) -> Result<(String, f64), String> {
    let (path, price) =
        super::setting(text).map_err(|_| "expected a path and a price, as web.replicas=70".to_owned())?;
    match price.parse::<f64>() {
        Ok(price) if price.is_finite() && price >= 0.0 => Ok((path, price)),
        Ok(_) | Err(_) => Err("expected a price that is not negative, as web.replicas=70".to_owned()),
    }
}

/// `99%`
fn confidence(text: &str) -> Result<f64, String> {
    match units::share(text) {
        Ok(share) if (0.5..1.0).contains(&share) => Ok(share),
        Ok(_) => Err("expected at least 50% and less than 100%, as 99%".to_owned()),
        Err(mistake) => Err(mistake.to_string()),
    }
}

fn page(planned: &Planned, axes: &Axes, goal: &Goal) -> Page {
    let mut rows: Vec<(&str, &Configuration)> = Vec::new();
    rows.extend(planned.best.iter().map(|best| ("best", best)));
    rows.extend(planned.closest.iter().map(|closest| ("closest", closest)));
    rows.extend(planned.runners_up.iter().map(|other| ("", other)));
    let mut configurations = Sheet::new("Configurations", columns(axes, planned));
    configurations.rows = rows.into_iter().map(|(mark, configuration)| row(mark, configuration, axes, goal)).collect();
    let mut frontier = Sheet::new(
        "Cost and latency",
        [
            setting_columns(axes),
            vec![
                Column::unit(&planned.minimize, &planned.minimize),
                Column::unit("p99", "p99"),
                Column::left("", "met"),
            ],
        ]
        .concat(),
    );
    for point in planned.frontier.iter().filter(|point| point.efficient) {
        let mut cells: Vec<Cell> = settings(&point.settings, axes);
        cells.push(Cell::figure(point.cost, |value| worth(goal, value)));
        cells.push(Cell::figure(point.p99.value, |value| humane(value, sim_core::model::objective::Dimension::Time)));
        cells.push(mark(point.met));
        frontier.rows.push(cells);
    }
    let unmet = match planned.candidates - planned.evaluated - planned.pruned {
        0 => String::new(),
        left => format!(", {left} were left"),
    };
    let by = planned.pruned_by;
    let reasons = [
        (by.price, "are no better"),
        (by.order, "have no more of anything than one that misses"),
        (by.theory, "have far more to do than they can"),
    ];
    let reasons: Vec<String> =
        reasons.iter().filter(|(count, _)| *count > 0).map(|(count, why)| format!("{count} {why}")).collect();
    let because = if reasons.is_empty() { String::new() } else { format!("; of the others {}", reasons.join(", ")) };
    let counts = format!(
        "{} of {} configurations were run, {} runs in all{because}{unmet}.",
        planned.evaluated, planned.candidates, planned.envelope.runs
    );
    Page {
        title: planned.envelope.name.clone(),
        facts: vec![
            format!("{} configurations", planned.candidates),
            format!("{} runs", planned.envelope.runs),
            format!("seed {}", planned.envelope.seed),
        ],
        sheets: vec![configurations, frontier],
        remarks: vec![planned.statement.clone(), counts],
        notes: [planned.assumptions.clone(), vec![format!("digest {}", planned.envelope.digest)]].concat(),
    }
}

fn setting_columns(axes: &Axes) -> Vec<Column> {
    axes.iter().map(|axis| Column::left(&axis.path, &axis.path)).collect()
}

fn columns(axes: &Axes, planned: &Planned) -> Vec<Column> {
    let mut columns = vec![Column::left("", "rank")];
    columns.extend(setting_columns(axes));
    columns.push(Column::unit(&planned.minimize, &planned.minimize));
    columns.extend(planned.objectives.iter().map(|required| Column::unit(&required.objective, &required.objective)));
    columns.push(Column::left("", "why"));
    columns
}

fn settings(settings: &serde_json::Map<String, serde_json::Value>, axes: &Axes) -> Vec<Cell> {
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    axes.iter().map(|axis| Cell::text(settings.get(&axis.path).map(text).unwrap_or_default())).collect()
}

fn row(rank: &str, configuration: &Configuration, axes: &Axes, goal: &Goal) -> Vec<Cell> {
    let mut cells = vec![Cell::text(rank)];
    cells.extend(settings(&configuration.settings, axes));
    cells.push(Cell::figure(configuration.cost, |value| worth(goal, value)));
    for met in &configuration.objectives {
        let dimension = Objective::parse(&met.objective)
            .map_or(sim_core::model::objective::Dimension::Number, |objective| objective.measure.dimension());
        let cell = Cell::figure(met.estimate.value, |value| humane(value, dimension));
        cells.push(cell.styled(if met.met { GOOD } else { BAD }));
    }
    cells.push(match rank {
        "best" => Cell::text("meets all"),
        _ => Cell::text(configuration.why.clone()),
    });
    cells
}

fn worth(goal: &Goal, value: f64) -> String {
    match goal {
        Goal::Cost | Goal::Prices(_) => units::humane_money(value),
        Goal::Setting(_) => value.to_string(),
        Goal::Figure(figure) => humane(value, figure.dimension()),
    }
}

fn mark(met: bool) -> Cell {
    let (text, style) = if met { ("meets all", GOOD) } else { ("misses", BAD) };
    Cell { value: met.into(), ..Cell::text(text).styled(style) }
}
