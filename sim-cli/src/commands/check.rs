//! `kneepoint check`: every mistake, what theory says, and whether a model shows what it is there to show.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use sim_core::analysis::load::{self, Load};
use sim_core::analysis::report::Report;
use sim_core::analysis::{objective, replications};
use sim_core::model::Model;
use sim_core::model::diagnostic::Diagnostic;
use sim_core::model::objective::Dimension;

use crate::driver::Driver;
use crate::engine;
use crate::error::{Failure, clean};
use crate::files::{Output, Source};
use crate::render::humane;
use crate::render::json::pretty;
use crate::render::junit::{self, Case, Suite, Verdict};
use crate::render::text::{Align, BAD, Columns, GOOD, QUIET, STRONG, WARN, bar, paint, shorten, wrap};

const AFTER_HELP: &str = "\
Examples:
  kneepoint check shop.json
  kneepoint check shop.json --set shoppers.arrivals.rate=5000/s
  kneepoint check models/*.json               # several at once
  kneepoint check shop.json --expect          # run it and its variants, and hold it to `expect`
  kneepoint check models/*.json --junit check.xml

Nothing is run without --expect: the load is rates times mean work, so a part over 100% can't work,
and one under it may still be slow.";

/// Find every mistake in a model, and what is over 100% from theory alone
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Check {
    /// The models, in JSON or YAML; `-` reads stdin
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<String>,
    /// Set a field of the model; may be given several times
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = super::setting)]
    sets: Vec<(String, String)>,
    /// Run the model and its variants, and hold them to the model's expectations
    #[arg(long)]
    expect: bool,
    /// How to write the results
    #[arg(long, short, value_enum, default_value_t)]
    format: CheckFormat,
    /// Also write what must hold as JUnit XML: that each model is right, and with --expect each expectation
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Nothing but mistakes
    #[arg(long, short)]
    quiet: bool,
}

/// How to write what was found.
#[derive(Clone, Copy, Debug, Default, ValueEnum, PartialEq)]
enum CheckFormat {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// What was found in one model.
#[derive(Serialize)]
struct Findings {
    kind: &'static str,
    format: u32,
    engine: &'static str,
    model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_digest: Option<String>,
    valid: bool,
    diagnostics: Vec<Diagnostic>,
    load: Vec<Share>,
    assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expectations: Vec<Shown>,
}

/// The load of a station.
#[derive(Serialize)]
struct Share {
    station: String,
    busy: f64,
    servers: f64,
    utilization: Option<f64>,
}

/// An expectation and what came of it.
#[derive(Serialize)]
struct Shown {
    expectation: String,
    left: Option<f64>,
    right: Option<f64>,
    #[serde(skip)]
    dimension: Dimension,
    holds: bool,
}

impl Shown {
    /// As a test.
    fn case(&self) -> Case {
        let value = |value: Option<f64>| value.map_or("unknown".to_owned(), |value| humane(value, self.dimension));
        Case::of(&self.expectation, self.holds, || format!("found {} and {}", value(self.left), value(self.right)))
    }
}

impl Check {
    pub fn execute(self) -> Result<(), Failure> {
        let mut worst = Ok(());
        let mut suites = Vec::new();
        for path in &self.models {
            let mut suite = Suite { name: path.clone(), file: path.clone(), ..Suite::default() };
            let result = self.one(path, &mut suite);
            suite.cases.insert(0, valid(&result));
            suites.push(suite);
            match (result, &worst) {
                (Ok(()), _) => {}
                // Later models are checked even if one is wrong; the first failure gives the exit code.
                (Err(failure), Ok(())) => worst = Err(failure),
                (Err(failure), Err(_)) => failure.print(),
            }
        }
        if let Some(path) = &self.junit {
            Output(Some(path.clone())).write(&junit::xml(&suites))?;
        }
        worst
    }

    /// Checks a model; what is found of it that must hold goes to the suite too.
    fn one(&self, path: &str, suite: &mut Suite) -> Result<(), Failure> {
        let source = Source::read(path)?;
        let (model, warnings) = match engine::load(&source, &self.sets) {
            Ok(loaded) => loaded,
            Err(failure) => {
                if let (CheckFormat::Json, Failure::Model { diagnostics, .. }) = (self.format, &failure) {
                    Output::default().write(&pretty(&findings(&source, diagnostics.iter().cloned().collect())))?;
                }
                return Err(failure);
            }
        };
        suite.name = model.name.clone();
        suite.properties = vec![("model_digest", format!("{:016x}", model.digest()))];
        let load = load::offered(&model);
        let shown = if self.expect { self.expectations(path, &source, &model)? } else { Vec::new() };
        suite.cases = shown.iter().map(Shown::case).collect();
        let (unmet, total) = (shown.iter().filter(|shown| !shown.holds).count(), shown.len());
        match self.format {
            CheckFormat::Json => {
                let findings = Findings {
                    valid: true,
                    model_digest: Some(format!("{:016x}", model.digest())),
                    load: shares(&load),
                    assumptions: load.assumptions,
                    expectations: shown,
                    ..findings(&source, warnings)
                };
                Output::default().write(&pretty(&findings))?;
            }
            CheckFormat::Table => {
                if !self.quiet {
                    crate::error::warn(&source.name, &warnings);
                    Output::default().write(&(summary(&source.name, &model) + &load_table(&load)))?;
                }
                if !self.quiet || unmet > 0 {
                    Output::default().write(&expectations_table(&shown))?;
                }
            }
        }
        match unmet {
            0 => Ok(()),
            _ => Err(Failure::Unmet(format!("{unmet} of {total} expectations of {}", clean(&source.name)))),
        }
    }

    /// Runs the model and the variants that its expectations speak of.
    fn expectations(&self, path: &str, source: &Source, model: &Model) -> Result<Vec<Shown>, Failure> {
        if model.expect.is_empty() {
            return Err(Failure::Wrong(format!("{} expects nothing: it has no `expect`", clean(path))));
        }
        let mut reports = BTreeMap::from([(None, self.run(source, model)?)]);
        for variant in model.expect.iter().flat_map(|expectation| expectation.variants()) {
            if let Entry::Vacant(missing) = reports.entry(Some(variant.to_owned())) {
                let changed = model
                    .variant(variant)
                    .map_err(|diagnostics| Failure::Model { source: source.name.clone(), diagnostics })?;
                missing.insert(self.run(source, &changed)?);
            }
        }
        let figure = |measure: &_, variant: Option<&str>| {
            objective::evaluate(reports.get(&variant.map(str::to_owned))?, measure)
        };
        let shown = model.expect.iter().map(|expectation| Shown {
            expectation: expectation.text.clone(),
            left: expectation.left.value(&figure),
            right: expectation.right.value(&figure),
            dimension: [&expectation.left, &expectation.right]
                .into_iter()
                .find_map(|side| side.dimension())
                .unwrap_or(Dimension::Number),
            holds: expectation.holds(&figure).unwrap_or(false),
        });
        Ok(shown.collect())
    }

    fn run(&self, source: &Source, model: &Model) -> Result<Report, Failure> {
        let plan = engine::compile(model, source)
            .map_err(|diagnostics| Failure::Model { source: source.name.clone(), diagnostics })?;
        let seed = model.run.seed.0;
        let driver = Driver { replications: None, jobs: None, progress: !self.quiet };
        let reports =
            driver.replicate(|replication| sim_core::simulate(&plan, replications::seed_of(seed, replication)))?;
        Ok(replications::merge(&reports, |report| objective::judge(&model.objectives, report)))
    }
}

/// Whether a model is right, as a test.
fn valid(result: &Result<(), Failure>) -> Case {
    let verdict = match result {
        Ok(()) | Err(Failure::Unmet(_)) => Verdict::Holds,
        Err(Failure::Model { diagnostics, .. }) => {
            let mistakes = diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
            Verdict::Fails(mistakes.map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        }
        Err(Failure::Wrong(what) | Failure::Internal(what)) => Verdict::Broken(what.clone()),
        Err(Failure::Interrupted) => Verdict::Broken("interrupted".to_owned()),
    };
    Case { name: "is a valid model".to_owned(), verdict }
}

/// The envelope.
fn findings(source: &Source, diagnostics: Vec<Diagnostic>) -> Findings {
    Findings {
        kind: "check",
        format: sim_core::analysis::report::REPORT_FORMAT,
        engine: env!("CARGO_PKG_VERSION"),
        model: source.name.clone(),
        model_digest: None,
        valid: false,
        diagnostics,
        load: Vec::new(),
        assumptions: Vec::new(),
        expectations: Vec::new(),
    }
}

fn shares(load: &Load) -> Vec<Share> {
    let share = |station: &load::StationLoad| Share {
        station: format!("{}.{}", station.component, station.station),
        busy: station.busy,
        servers: station.servers,
        utilization: Some(station.utilization()).filter(|utilization| utilization.is_finite()),
    };
    load.stations.iter().map(share).collect()
}

fn summary(name: &str, model: &Model) -> String {
    let counted = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    let mut parts = vec![
        counted(model.components.len(), "component", "components"),
        counted(model.classes.len(), "class", "classes"),
    ];
    for (count, one, many) in [
        (model.objectives.len(), "objective", "objectives"),
        (model.events.len(), "event", "events"),
        (model.faults.len(), "fault", "faults"),
        (model.variants.len(), "variant", "variants"),
        (model.expect.len(), "expectation", "expectations"),
    ] {
        if count > 0 {
            parts.push(counted(count, one, many));
        }
    }
    format!("{} {} is a valid model: {}\n", paint(GOOD, "✓"), paint(STRONG, &clean(name)), parts.join(", "))
}

/// The fullest first.
fn load_table(load: &Load) -> String {
    if load.stations.is_empty() {
        return String::new();
    }
    let mut stations: Vec<&load::StationLoad> = load.stations.iter().collect();
    stations.sort_by(|a, b| b.utilization().total_cmp(&a.utilization()));
    let mut columns = Columns::new(&[Align::Left, Align::Left, Align::Right, Align::Right, Align::Left, Align::Left]);
    let heading = |text: &str| paint(QUIET, text);
    columns.row(vec![
        paint(STRONG, "Offered load"),
        String::new(),
        String::new(),
        heading("busy"),
        heading("of"),
        String::new(),
    ]);
    for station in stations {
        let utilization = station.utilization();
        let (style, verdict) = match utilization {
            utilization if utilization > 1.0 => (BAD, paint(BAD, "can't keep up")),
            utilization if utilization > 0.85 => (WARN, paint(WARN, "hardly any room")),
            _ => (GOOD, String::new()),
        };
        let percent = if utilization < 100.0 { format!("{:.0}%", utilization * 100.0) } else { "> 9999%".to_owned() };
        columns.row(vec![
            shorten(&format!("{}.{}", station.component, station.station), 36),
            bar(utilization, 16, style),
            percent,
            number(station.busy),
            number(station.servers),
            verdict,
        ]);
    }
    let mut text = format!("\n{}\n", columns.lines().join("\n"));
    if !load.assumptions.is_empty() {
        text.push('\n');
    }
    for assumption in &load.assumptions {
        wrap(&format!("Assumed: {assumption}"), 100)
            .iter()
            .for_each(|line| text += &format!("{}\n", paint(QUIET, line)));
    }
    text
}

fn expectations_table(shown: &[Shown]) -> String {
    if shown.is_empty() {
        return String::new();
    }
    let mut columns = Columns::new(&[Align::Left, Align::Left, Align::Unit, Align::Unit]);
    for shown in shown {
        let mark = if shown.holds { paint(GOOD, "✓") } else { paint(BAD, "✗") };
        let value = |value: Option<f64>| value.map_or("unknown".to_owned(), |value| humane(value, shown.dimension));
        columns.row(vec![mark, shown.expectation.clone(), value(shown.left), value(shown.right)]);
    }
    format!("\n{}\n{}\n", paint(STRONG, "Expectations"), columns.lines().join("\n"))
}

/// Three digits are enough.
fn number(value: f64) -> String {
    if value.fract() == 0.0 && value < 1e6 { format!("{value}") } else { sim_core::model::units::three_digits(value) }
}
