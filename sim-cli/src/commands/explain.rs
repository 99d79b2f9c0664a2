//! `kneepoint explain`: where the time goes, and what to buy next.

use clap::Args;
use sim_core::analysis::paired::Verdict;
use sim_core::analysis::report::BreakdownPart;
use sim_core::analysis::{objective, replications};
use sim_core::experiment::explain::{Explain as Controller, Explained, Step};
use sim_core::experiment::{Experiment, Figure, Point, Subjects};
use sim_core::model::objective::Dimension;
use sim_core::model::units::{humane_money, humane_share, humane_time};

use super::ModelArgs;
use super::experiment::{AnswerArgs, RunArgs, figure, told};
use crate::chart::Shown;
use crate::driver::Driver;
use crate::error::Failure;
use crate::render::humane;
use crate::render::page::{Cell, Column, Page, Sheet};
use crate::render::text::{BAD, GOOD};

const AFTER_HELP: &str = "\
Examples:
  kneepoint explain shop.json
  kneepoint explain shop.json --figure 'p99(checkout)'
  kneepoint explain shop.json --set web.replicas=6 --duration 2m --format json

Each thing that the model can have more of gets a step more (one, or a quarter of many) and is run with
the same seeds: what differs is what the step is worth.";

/// How many runs of the model itself its figures are the mean of.
const RUNS: u32 = 4;

/// Show where the time goes, what limits the system, and what one more of each thing is worth
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Explain {
    #[command(flatten)]
    model: ModelArgs,
    /// What should be lower, such as p95 or mean(checkout)
    #[arg(long, value_name = "FIGURE", value_parser = figure, default_value = "p99")]
    figure: Figure,
    #[command(flatten)]
    runs: RunArgs,
    #[command(flatten)]
    answer: AnswerArgs,
}

impl Explain {
    pub fn execute(self) -> Result<(), Failure> {
        let (source, model) = self.runs.load(&self.model, self.answer.quiet)?;
        told(&model, std::slice::from_ref(&self.figure))?;
        let subjects =
            Subjects::new(vec![model], &source.folder, self.runs.window.seed, std::slice::from_ref(&self.figure));
        let wrong = |diagnostics| Failure::Model { source: source.name.clone(), diagnostics };
        let base = subjects.prepare(&Point::default()).map_err(wrong)?;
        self.answer.check("explain")?;
        let driver =
            Driver { replications: Some(RUNS), jobs: self.runs.jobs.map(usize::from), progress: !self.answer.quiet };
        let reports = driver.replicate(|replication| base.report(replication))?;
        let report = replications::merge(&reports, |report| objective::judge(&subjects.base().objectives, report));
        let mut explain = Controller::new(&subjects, self.figure.clone());
        self.runs.conduct(&mut explain, &subjects, self.answer.quiet)?;
        let steps = explain.points().len() - 1;
        let explained = explain.finish(&subjects, &report);
        let page = page(&explained, steps);
        self.answer.write(&explained, &page)?;
        self.answer.draw(subjects.base(), Shown::Explain(&explained), &page)
    }
}

fn page(explained: &Explained, steps: usize) -> Page {
    let figure = &explained.figure;
    let dimension = Figure::parse(figure).map_or(Dimension::Number, |figure| figure.dimension());
    let mut advice = Sheet::new(&format!("One step more of each, and what {figure} becomes"), columns(explained));
    let (same, others): (Vec<&Step>, Vec<&Step>) =
        explained.others.iter().partition(|step| step.verdict == Verdict::Identical);
    let rows = explained.advice.iter().chain(others);
    advice.rows = rows.map(|step| row(step, dimension, explained)).collect();
    let now = explained.value.map_or("unknown".to_owned(), |value| humane(value, dimension));
    Page {
        title: explained.envelope.name.clone(),
        facts: vec![
            format!("{figure} {now}"),
            format!("{steps} steps"),
            format!("{} runs", explained.envelope.runs),
            format!("seed {}", explained.envelope.seed),
        ],
        sheets: vec![advice, breakdown(explained)],
        remarks: [vec![explained.bottleneck.sentence.clone(), explained.statement.clone()], without_effect(&same)]
            .concat(),
        notes: vec![
            "The intervals hold for all steps together, 95%; steps are compared with the same seeds.".to_owned(),
            format!("digest {}", explained.envelope.digest),
        ],
    }
}

/// What changes nothing at all, in a sentence.
fn without_effect(same: &[&Step]) -> Vec<String> {
    let all: Vec<&str> = same.iter().map(|step| step.what.as_str()).collect();
    if all.is_empty() { Vec::new() } else { vec![format!("No difference at all: {}.", all.join("; "))] }
}

fn fails(explained: &Explained) -> bool {
    explained.figure != "error_rate" && explained.error_rate.is_some_and(|rate| rate >= 0.001)
}

fn has_costs(explained: &Explained) -> bool {
    explained.advice.iter().chain(&explained.others).any(|step| step.cost.is_some())
}

fn columns(explained: &Explained) -> Vec<Column> {
    let mut columns = vec![
        Column::left("", "what"),
        Column::unit(&explained.figure, "a"),
        Column::unit("with it", "b"),
        Column::unit("change", "diff"),
        Column::unit("at least", "high"),
        Column::unit("at most", "low"),
        Column::left("", "verdict"),
    ];
    if fails(explained) {
        columns.push(Column::unit("errors", "error_rate_a"));
        columns.push(Column::unit("with it", "error_rate_b"));
    }
    if has_costs(explained) {
        columns.push(Column::unit("a month", "cost"));
        columns.push(Column::unit("per unit of cost", "per_cost"));
    }
    columns
}

fn row(step: &Step, dimension: Dimension, explained: &Explained) -> Vec<Cell> {
    let signed = |value: Option<f64>| {
        Cell::figure(value, |value| {
            let sign = if value < 0.0 { "−" } else { "+" };
            if value == 0.0 { "0".to_owned() } else { format!("{sign}{}", humane(value.abs(), dimension)) }
        })
    };
    let verdict = Cell::text(step.verdict.text());
    let verdict = match step.verdict {
        Verdict::Lower => verdict.styled(GOOD),
        Verdict::Higher => verdict.styled(BAD),
        Verdict::Identical | Verdict::NoDifference | Verdict::CantTell => verdict,
    };
    let mut cells = vec![
        Cell::text(step.what.clone()),
        Cell::figure(step.a, |value| humane(value, dimension)),
        Cell::figure(step.b, |value| humane(value, dimension)),
        signed(step.diff),
        signed(step.high),
        signed(step.low),
        verdict,
    ];
    if fails(explained) {
        cells.extend(step.error_rate.map(|rate| Cell::figure(rate, humane_share)));
    }
    if has_costs(explained) {
        cells.push(Cell::figure(step.cost, |cost| format!("+{}", humane_money(cost))));
        cells.push(signed(step.per_cost));
    }
    cells
}

/// Typical and slow requests side by side, the largest parts of the slow first.
fn breakdown(explained: &Explained) -> Sheet {
    let (typical, slow) = (&explained.breakdown.p50, &explained.breakdown.p99);
    let same = |a: &BreakdownPart, b: &BreakdownPart| {
        (&a.component, &a.phase, a.abandoned) == (&b.component, &b.phase, b.abandoned)
    };
    let mut parts: Vec<&BreakdownPart> = slow.iter().collect();
    parts.extend(typical.iter().filter(|part| !slow.iter().any(|known| same(known, part))));
    let mut sheet = Sheet::new(
        "Where the time goes",
        vec![
            Column::left("", "part"),
            Column::unit("typical", "p50_s"),
            Column::unit("", "p50_share"),
            Column::unit("slowest 1%", "p99_s"),
            Column::unit("", "p99_share"),
        ],
    );
    for part in parts {
        let of = |parts: &[BreakdownPart]| parts.iter().find(|other| same(other, part)).cloned();
        let both = [of(typical), of(slow)];
        if both.iter().flatten().all(|part| part.share < 0.005) {
            continue;
        }
        let given_up = if part.abandoned { " (given up)" } else { "" };
        let mut cells = vec![Cell::text(format!("{} {}{given_up}", part.component, part.phase.replace('-', " ")))];
        for part in both {
            cells.push(Cell::figure(part.as_ref().map(|part| part.seconds), humane_time));
            cells.push(Cell::figure(part.as_ref().map(|part| part.share), humane_share));
        }
        sheet.rows.push(cells);
    }
    sheet
}
