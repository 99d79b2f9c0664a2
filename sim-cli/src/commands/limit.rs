//! `kneepoint limit`: how much load it takes.

use clap::Args;
use sim_core::experiment::dial::Dial;
use sim_core::experiment::limit::{CurvePoint, Limit as Controller, Limited, Options, Outcome, added};
use sim_core::experiment::{Figure, Figures, Subjects};

use super::ModelArgs;
use super::experiment::{AnswerArgs, RunArgs, figure, told};
use crate::chart::Shown;
use crate::error::Failure;
use crate::render::page::{Cell, Column, Page, Sheet};
use crate::render::text::{ACCENT, BAD, GOOD, paint, plain_bar};
use crate::render::{humane, objective_value};

const AFTER_HELP: &str = "\
Examples:
  kneepoint limit shop.json                        # the most load at which every objective holds
  kneepoint limit shop.json --vary shoppers.arrivals.rate --from 1000/s --to 8000/s
  kneepoint limit shop.json --vary web.replicas    # the fewest replicas
  kneepoint limit shop.json --vary redis.ttl --precision 5%
  kneepoint limit shop.json --set web.replicas=8 --format json -o limit.json

Left out, --vary is the load: the rate or the users of the only client, or the loads of all clients
in proportion (--vary load). Where no objective bounds errors, error_rate < 1% is added, and for
open loads that the system keeps up: that no queue grows without end.";

/// Find the breaking point: the most load at which every objective holds, and the curve with its knee
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Limit {
    #[command(flatten)]
    model: ModelArgs,
    /// The number to vary; left out, the load of all clients
    #[arg(long, value_name = "PATH")]
    vary: Option<String>,
    /// Where to look from, with its unit
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    from: Option<String>,
    /// Where to look to
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    to: Option<String>,
    /// Half the interval of the limit may be this share of it
    #[arg(long, value_name = "SHARE", default_value = "1%", value_parser = precision)]
    precision: f64,
    /// At most so many runs to find the limit, those of the curve apart; left out, about 60 million requests
    #[arg(long, value_name = "RUNS", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(8..=1_000_000))]
    budget: Option<u32>,
    /// A figure to show, such as p99(web) or utilization(orders); may be given several times
    #[arg(long, value_name = "FIGURE", value_parser = figure)]
    figure: Vec<Figure>,
    #[command(flatten)]
    runs: RunArgs,
    #[command(flatten)]
    answer: AnswerArgs,
}

impl Limit {
    pub fn execute(self) -> Result<(), Failure> {
        self.answer.check("limit")?;
        let (source, model) = self.runs.load(&self.model, self.answer.quiet)?;
        told(&model, &self.figure)?;
        let dial = Dial::new(&model, &source.folder, self.vary.as_deref(), self.from.as_deref(), self.to.as_deref())
            .map_err(|diagnostics| Failure::Model { source: source.name.clone(), diagnostics })?;
        let more = added(&model).into_iter().map(|(objective, _)| Figure::from(objective.measure));
        let asked: Vec<Figure> = self.figure.iter().cloned().chain(more).collect();
        let subjects = Subjects::new(vec![model], &source.folder, self.runs.window.seed, &asked);
        let options = Options { precision: self.precision, budget: self.budget };
        let mut limit = Controller::new(&subjects, dial, options);
        self.runs.conduct(&mut limit, &subjects, self.answer.quiet)?;
        let limited = limit.finish(&subjects);
        let page = page(&limited, subjects.figures(), &self.figure);
        self.answer.write(&limited, &page)?;
        self.answer.draw(subjects.base(), Shown::Limit(&limited), &page)
    }
}

/// `1%`, `0.01`
fn precision(text: &str) -> Result<f64, String> {
    let share = sim_core::model::units::share(text).map_err(|error| error.to_string())?;
    if (0.001..=0.2).contains(&share) { Ok(share) } else { Err("expected 0.1% to 20%".to_owned()) }
}

fn page(limited: &Limited, figures: &Figures, asked: &[Figure]) -> Page {
    let facts = vec![format!("{} runs", limited.envelope.runs), format!("seed {}", limited.envelope.seed)];
    Page {
        title: limited.envelope.name.clone(),
        facts,
        sheets: vec![curve(limited, figures, asked), objectives(limited)],
        remarks: remarks(limited),
        notes: notes(limited),
    }
}

/// The load–latency curve.
fn curve(limited: &Limited, figures: &Figures, asked: &[Figure]) -> Sheet {
    let usual = ["p50", "p99", "throughput", "error_rate"];
    let named = |name: &str| figures.iter().find(|figure| figure.name == name);
    let mut shown: Vec<&Figure> = usual.iter().filter_map(|name| named(name)).collect();
    // The fullest part at the limit.
    let busiest =
        limited.bottleneck.as_ref().and_then(|bottleneck| bottleneck.address.as_deref()).and_then(|address| {
            let component = address.split('.').next().unwrap_or(address);
            named(&format!("utilization({component})"))
        });
    for figure in busiest.into_iter().chain(asked) {
        if !shown.iter().any(|known| known.name == figure.name) {
            shown.push(figure);
        }
    }
    let mut columns = vec![Column::unit(&limited.vary, "value")];
    columns.extend(shown.iter().map(|figure| Column::unit(&figure.name, &figure.name)));
    columns.extend([Column::left("", "met"), Column::left("p99", "bar")]);
    let mut sheet = Sheet::new("", columns);
    let of = |point: &CurvePoint, name: &str| point.figures.get(name)?.value;
    // Bars end a little beyond the limit, where the curve goes through the roof.
    let met = limited.curve.iter().filter(|point| point.met || point.at_limit);
    let longest = met.filter_map(|point| of(point, "p99")).fold(0.0, f64::max) * 1.25;
    for point in &limited.curve {
        let mut row = vec![Cell { text: point.setting.clone(), value: point.value.into() }];
        row.extend(
            shown.iter().map(|figure| Cell::figure(of(point, &figure.name), |value| humane(value, figure.dimension()))),
        );
        let (sign, style) = match (point.at_limit, point.met) {
            (true, _) => ("limit", ACCENT),
            (false, true) => ("✓", GOOD),
            (false, false) => ("✗", BAD),
        };
        row.push(Cell { text: paint(style, sign), value: point.met.into() });
        let share = of(point, "p99").map_or(1.0, |p99| if longest > 0.0 { p99 / longest } else { 0.0 });
        let bar = plain_bar(share, 24, if point.met || point.at_limit { ACCENT } else { BAD });
        row.push(Cell { text: bar, value: serde_json::Value::Null });
        sheet.rows.push(row);
    }
    sheet
}

fn objectives(limited: &Limited) -> Sheet {
    let title = if limited.outcome == Outcome::Found { "Objectives at the limit" } else { "Objectives" };
    let columns = vec![
        Column::left("", "met"),
        Column::left("objective", "objective"),
        Column::unit("value", "value"),
        Column::left("", "added"),
    ];
    let mut sheet = Sheet::new(title, columns);
    for judged in &limited.objectives {
        let (sign, style) = if judged.met { ("✓", GOOD) } else { ("✗", BAD) };
        let first = limited.breaks_first.as_ref() == Some(&judged.objective);
        let why = match (&judged.why, first) {
            (Some(why), true) => format!("added, {why}; breaks first"),
            (Some(why), false) => format!("added, {why}"),
            (None, true) => "breaks first".to_owned(),
            (None, false) => String::new(),
        };
        sheet.rows.push(vec![
            Cell { text: paint(style, sign), value: judged.met.into() },
            Cell::text(judged.objective.clone()),
            Cell::figure(judged.value, |value| objective_value(&judged.objective, Some(value))),
            Cell { text: why, value: judged.added.into() },
        ]);
    }
    sheet
}

fn remarks(limited: &Limited) -> Vec<String> {
    let mut remarks = vec![limited.sentence.clone()];
    if let Some(knee) = &limited.knee {
        remarks.push(format!(
            "The knee is at {:.0}% of the limit: up to there more load costs little, beyond it p99 grows faster than what \
             gets done.",
            knee.share * 100.0
        ));
    }
    if let (Some(share), false) = (limited.precision, limited.precise) {
        remarks.push(format!(
            "The limit is known to ±{:.1}%, less than was asked: more runs (--budget) or longer ones (--duration) tell more.",
            share * 100.0
        ));
    }
    if let Some(bottleneck) = &limited.bottleneck {
        remarks.push(bottleneck.sentence.clone());
    }
    remarks
}

fn notes(limited: &Limited) -> Vec<String> {
    let mut notes = vec![format!("digest {}", limited.envelope.digest)];
    if !limited.envelope.complete {
        notes.insert(0, "It was interrupted: this is what there was.".to_owned());
    }
    notes
}
