//! `kneepoint compare`: what is different between models, under the same chance.

use clap::Args;
use sim_core::analysis::paired::Verdict;
use sim_core::experiment::compare::{Compare as Controller, Compared, Difference, Options, Side, sentence};
use sim_core::experiment::{Figure, Subjects, axis};
use sim_core::model::Model;
use sim_core::model::diagnostic::did_you_mean;
use sim_core::model::objective::Dimension;
use sim_core::model::units::humane_count;

use super::ModelArgs;
use super::experiment::{AnswerArgs, RunArgs, figure, told};
use crate::chart::Shown;
use crate::error::Failure;
use crate::files::Source;
use crate::render::humane;
use crate::render::page::{Cell, Column, Page, Sheet};
use crate::render::text::{BAD, GOOD, QUIET, WARN};

const AFTER_HELP: &str = "\
Examples:
  kneepoint compare shop.json --variant \"lru: redis.eviction=lru\" \\
                              --variant \"sieve: redis.eviction=sieve, redis.capacity=5000\"
  kneepoint compare shop.json new-shop.json        # files, each against the first
  kneepoint compare shop.json                      # the model's own variants
  kneepoint compare shop.json --variant sieve      # one of them
  kneepoint compare shop.json --variant \"fast: web.cores=4\" --figure \"p99(web)\" --margin 5%

All runs of a pair have the same chance: the same requests at the same times with the same work.
What is different between them is what the change does. How many pairs it takes follows from the
spread of the first ten, once, so that no one stops when the figures happen to please.";

/// Compare variants of a model, or models: each difference with its interval and a verdict
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Compare {
    /// The models, in JSON or YAML, the first being the base; `-` reads stdin
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<String>,
    /// A variant of the first model: its name and what it sets, or the name of one of the model's own
    #[arg(long, value_name = "NAME: PATH=VALUE, …", value_parser = variant)]
    variant: Vec<Change>,
    /// Set a field of all the models; may be given several times
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = super::setting)]
    sets: Vec<(String, String)>,
    /// A figure to show, such as p99(web) or utilization(orders); the first one decides how many runs are made [default: p99]
    #[arg(long, value_name = "FIGURE", value_parser = figure)]
    figure: Vec<Figure>,
    /// Differences up to this share of the base don't matter
    #[arg(long, value_name = "SHARE", default_value = "2%", value_parser = margin)]
    margin: f64,
    /// So many pairs of runs, whatever they say
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, conflicts_with = "budget", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    replications: Option<u32>,
    /// At most so many runs, all models together; left out, as many as make 10 million requests
    #[arg(long, value_name = "RUNS", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    budget: Option<u32>,
    #[command(flatten)]
    runs: RunArgs,
    #[command(flatten)]
    answer: AnswerArgs,
}

/// What `--variant` says.
#[derive(Clone, Debug, PartialEq)]
struct Change {
    name: String,
    /// Nothing for one of the model's own.
    sets: Vec<(String, String)>,
}

impl Compare {
    pub fn execute(self) -> Result<(), Failure> {
        self.answer.check("compare")?;
        let sources = self.load()?;
        let (names, models) = self.sides(&sources)?;
        for (_, model) in &sources {
            told(model, &self.figure)?;
        }
        let main = self.figure.first().cloned().unwrap_or_else(|| figure("p99").expect("it is a figure"));
        let asked: Vec<Figure> = std::iter::once(main.clone()).chain(self.figure.iter().cloned()).collect();
        let subjects = Subjects::new(models, &sources[0].0.folder, self.runs.window.seed, &asked);
        let options = Options { replications: self.replications, budget: self.budget, margin: self.margin };
        let mut compare = Controller::new(&subjects, names, main, options);
        self.runs.conduct(&mut compare, &subjects, self.answer.quiet)?;
        let compared = compare.finish(&subjects);
        let page = page(&compared, &shown(&subjects, &asked));
        self.answer.write(&compared, &page)?;
        self.answer.draw(subjects.base(), Shown::Compare(&compared), &page)
    }

    /// Reads every file.
    fn load(&self) -> Result<Vec<(Source, Model)>, Failure> {
        for (number, path) in self.models.iter().enumerate() {
            if self.models[..number].contains(path) {
                return Err(Failure::Wrong(format!(
                    "{} is given twice; compare it with another file, or say what differs: --variant \"more: web.replicas=6\"",
                    crate::error::clean(path)
                )));
            }
        }
        let load = |path: &String| {
            let model = ModelArgs { model: path.clone(), sets: self.sets.clone() };
            self.runs.load(&model, self.answer.quiet)
        };
        self.models.iter().map(load).collect()
    }

    /// Names and models of the base and of what is compared with it.
    fn sides(&self, sources: &[(Source, Model)]) -> Result<(Vec<String>, Vec<Model>), Failure> {
        let (source, base) = &sources[0];
        let mut sides: Vec<(String, Model)> =
            sources.iter().map(|(source, model)| (source.name.clone(), model.clone())).collect();
        if self.variant.is_empty() && sources.len() == 1 {
            for name in base.variants.keys() {
                sides.push((name.clone(), own_variant(source, base, name)?));
            }
        }
        for change in &self.variant {
            sides.push((change.name.clone(), self.changed(source, base, change)?));
        }
        if sources.len() == 1 {
            sides[0].0 = "base".to_owned();
        }
        if sides.len() == 1 {
            return Err(Failure::Wrong(format!(
                "{} has no variants of its own: say what to compare it with, as --variant \"more: web.replicas=6\" or \
                 another file",
                crate::error::clean(&source.name)
            )));
        }
        for (number, (name, _)) in sides.iter().enumerate() {
            if sides[..number].iter().any(|(other, _)| other == name) {
                return Err(Failure::Wrong(format!("two variants are called {name}; each needs a name of its own")));
            }
        }
        Ok(sides.into_iter().unzip())
    }

    fn changed(&self, source: &Source, base: &Model, change: &Change) -> Result<Model, Failure> {
        if change.sets.is_empty() {
            return own_variant(source, base, &change.name);
        }
        let model = base.with(&change.sets, &source.folder).map(|(model, _)| model);
        model.map_err(|diagnostics| Failure::Model { source: format!("variant {}", change.name), diagnostics })
    }
}

fn own_variant(source: &Source, base: &Model, name: &str) -> Result<Model, Failure> {
    if !base.variants.contains_key(name) {
        let help = match did_you_mean(name, base.variants.keys().map(String::as_str)) {
            help if help.is_empty() => {
                "it has none; write what differs, as --variant \"more: web.replicas=6\"".to_owned()
            }
            help => help,
        };
        let (source, name) = (crate::error::clean(&source.name), crate::error::clean(name));
        return Err(Failure::Wrong(format!("{source} has no variant {name}: {help}")));
    }
    base.variant(name).map_err(|diagnostics| Failure::Model { source: source.name.clone(), diagnostics })
}

/// `sieve: redis.eviction=sieve, redis.capacity=5000`, or `sieve` alone.
fn variant(text: &str) -> Result<Change, String> {
    const EXPECTED: &str = "expected a name and what it sets, as \"sieve: redis.eviction=sieve\"";
    let (name, changes) = match text.split_once(':') {
        // A value may hold a colon too: then there is no name before it.
        Some((name, _)) if name.contains('=') => return Err(EXPECTED.to_owned()),
        Some((name, changes)) => (name.trim(), Some(changes)),
        None => (text.trim(), None),
    };
    if name.is_empty() || name.contains('=') {
        return Err(EXPECTED.to_owned());
    }
    let sets = changes.map_or(Ok(Vec::new()), |changes| {
        axis::split(changes)?.into_iter().map(super::setting).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(Change { name: name.to_owned(), sets })
}

/// `2%`, `0.02`
fn margin(text: &str) -> Result<f64, String> {
    let share = sim_core::model::units::share(text).map_err(|error| error.to_string())?;
    if share > 0.0 { Ok(share) } else { Err("expected more than 0, as 2%".to_owned()) }
}

/// The figures that matter to people: those that are asked for, the usual ones, hit ratios, utilisation, objectives.
fn shown(subjects: &Subjects, asked: &[Figure]) -> Vec<String> {
    const USUAL: [&str; 5] = ["p99", "p50", "mean", "error_rate", "throughput"];
    let objectives = subjects.models().iter().flat_map(|model| &model.objectives);
    let mut shown: Vec<String> = asked.iter().map(|figure| figure.name.clone()).collect();
    shown.extend(USUAL.iter().map(|name| (*name).to_owned()));
    shown.extend(objectives.map(|objective| objective.measure.to_string()));
    let parts = subjects
        .figures()
        .iter()
        .filter(|figure| matches!(figure.measure.metric.as_str(), "hit_ratio" | "utilization"));
    shown.extend(parts.map(|figure| figure.name.clone()));
    let mut once = Vec::new();
    shown.into_iter().for_each(|name| {
        if !once.contains(&name) {
            once.push(name)
        }
    });
    once
}

fn page(compared: &Compared, shown: &[String]) -> Page {
    let base = compared.base.name.as_str();
    let mut sheet = Sheet::new(
        "",
        vec![
            Column::left("variant", "variant"),
            Column::left("figure", "figure"),
            Column::unit(base, "a"),
            Column::unit("variant", "b"),
            Column::left("difference", "diff"),
            Column::left("", "verdict"),
        ],
    );
    for side in &compared.variants {
        let of_variant =
            |name: &String| compared.differences.iter().find(|of| of.variant == side.name && of.figure.name == *name);
        let mut named = false;
        for difference in shown.iter().filter_map(of_variant) {
            sheet.rows.push(row(difference, !std::mem::replace(&mut named, true)));
        }
    }
    let runs: u32 = compared.variants.iter().chain([&compared.base]).map(|side| side.replications).sum();
    Page {
        title: compared.envelope.name.clone(),
        facts: vec![
            match compared.variants.as_slice() {
                [only] => format!("{} against {base}", only.name),
                several => format!("{} variants against {base}", several.len()),
            },
            format!("{runs} runs"),
            format!("seed {}", compared.envelope.seed),
        ],
        sheets: vec![sheet],
        remarks: remarks(compared),
        notes: notes(compared),
    }
}

fn row(of: &Difference, named: bool) -> Vec<Cell> {
    let value = |value| Cell::figure(value, |value| humane(value, of.figure.dimension()));
    let style = match (of.verdict, of.better) {
        (Verdict::Lower | Verdict::Higher, Some(true)) => GOOD,
        (Verdict::Lower | Verdict::Higher, Some(false)) => BAD,
        (Verdict::Lower | Verdict::Higher, None) => anstyle::Style::new(),
        (Verdict::Identical | Verdict::NoDifference, _) => QUIET,
        (Verdict::CantTell, _) => WARN,
    };
    let name = Cell::text(of.variant.clone());
    let verdict = match of.better {
        Some(better) => format!("{} ({})", of.verdict.text(), if better { "better" } else { "worse" }),
        None => of.verdict.text().to_owned(),
    };
    vec![
        if named { name } else { Cell { text: String::new(), ..name } },
        Cell::text(of.figure.name.clone()),
        value(of.a),
        value(of.b),
        Cell { text: change(of), value: of.diff.map_or(serde_json::Value::Null, Into::into) },
        Cell { text: verdict, value: of.verdict.text().into() }.styled(style),
    ]
}

/// `−13.4% (−15.1 to −11.8)`
fn change(of: &Difference) -> String {
    let (Some(base), Some(difference)) = (of.a, of.diff) else { return "–".to_owned() };
    if of.verdict == Verdict::Identical {
        return "0".to_owned();
    }
    let (scale, unit) = match of.figure.dimension() {
        Dimension::Share => (100.0, " pts"),
        _ if base != 0.0 => (100.0 / base.abs(), "%"),
        _ => (1.0, ""),
    };
    let width = of.low.zip(of.high).map_or(difference.abs(), |(low, high)| high - low) * scale;
    // As many decimals as the interval is sure of.
    let decimals = [2.0, 0.2, 0.02].iter().take_while(|least| width < **least).count();
    let number = |value: f64| match format!("{:.decimals$}", value.abs() * scale) {
        zero if zero.bytes().all(|digit| matches!(digit, b'0' | b'.')) => "0".to_owned(),
        size => format!("{}{size}", if value < 0.0 { "−" } else { "+" }),
    };
    let interval =
        of.low.zip(of.high).map_or(String::new(), |(low, high)| format!(" ({} to {})", number(low), number(high)));
    format!("{}{unit}{interval}", number(difference))
}

/// The main figure of each variant in a sentence, and what became of the objectives.
fn remarks(compared: &Compared) -> Vec<String> {
    let mut remarks = Vec::new();
    for side in &compared.variants {
        let main = compared.differences.iter().find(|of| of.variant == side.name && of.figure.name == compared.figure);
        let main = main.map_or(format!("{} is unknown", compared.figure), |of| of.sentence.clone());
        let mut sentence = format!("{}: {main}", side.name);
        if let Some(reason) = &side.stopped {
            sentence += &format!("; runs of it were stopped: {reason}");
        }
        sentence += &objectives(&compared.base, side);
        remarks.push(format!("{sentence}."));
    }
    remarks
}

/// The objectives that the two don't agree about.
fn objectives(base: &Side, side: &Side) -> String {
    let mut text = String::new();
    for of in &side.objectives {
        let Some(before) = base.objectives.iter().find(|known| known.objective == of.objective) else { continue };
        match (before.met, of.met) {
            (false, true) => text += &format!("; it meets {}, which {} doesn't", of.objective, base.name),
            (true, false) => text += &format!("; it breaks {}, which {} meets", of.objective, base.name),
            (true, true) | (false, false) => {}
        }
    }
    text
}

fn notes(compared: &Compared) -> Vec<String> {
    let mains = compared.differences.iter().filter(|of| of.figure.name == compared.figure);
    let reductions: Vec<f64> = mains.filter_map(|of| of.variance_reduction).collect();
    let least = reductions.iter().copied().reduce(f64::min);
    let mut notes = vec![format!("digest {}", compared.envelope.digest)];
    if let Some(times) = least.filter(|times| *times >= 1.5) {
        notes.push(format!(
            "Seeds of their own would have taken {} times as many runs to tell this much of {}.",
            humane_count(if times >= 10.0 { times.round() } else { times }),
            compared.figure
        ));
    }
    let share = sentence::percent(compared.margin);
    notes.push(format!(
        "Intervals are {}% intervals of the difference. That no difference is found is said where 0 is in it, and nothing \
         in it is over {share} of the base.",
        compared.envelope.confidence * 100.0
    ));
    if !compared.envelope.complete {
        notes.insert(0, "It was interrupted: this is what there was.".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_read() {
        let sets = |sets: &[(&str, &str)]| sets.iter().map(|(path, value)| ((*path).into(), (*value).into())).collect();
        let cases: &[(&str, Option<(&str, Vec<(String, String)>)>)] = &[
            ("sieve", Some(("sieve", sets(&[])))),
            ("a: redis.eviction=lru", Some(("a", sets(&[("redis.eviction", "lru")])))),
            ("a b: web.replicas = 6, web.cores=2", Some(("a b", sets(&[("web.replicas", "6"), ("web.cores", "2")])))),
            (
                "a: web.handlers.*[0].cpu=lognormal(2ms, cv=0.8), x.y=[1, {\"a\": \"b,c\"}]",
                Some((
                    "a",
                    sets(&[("web.handlers.*[0].cpu", "lognormal(2ms, cv=0.8)"), ("x.y", "[1, {\"a\": \"b,c\"}]")]),
                )),
            ),
            ("redis.eviction=lru", None),
            ("redis.eviction=\"a:b\"", None),
            (": a=1", None),
            ("a:", None),
            ("a: b", None),
            ("a: b=1,", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let expected = expected.clone().map(|(name, sets)| Change { name: name.into(), sets });
            assert_eq!(variant(text).ok(), expected, "{text}");
        }
    }
}
