//! A number of the model that can be turned up and down, with its unit: one field, or the load of all clients at once.

use super::Point;
use super::axis::number::{Decimal, Unit, in_common};
use crate::components::Component;
use crate::model::arrivals::{Arrivals, Users};
use crate::model::diagnostic::{Diagnostic, Diagnostics};
use crate::model::node::{Node, Value};
use crate::model::{Files, Model, units};

/// The load of all clients, as a factor of what the model says.
pub const LOAD: &str = "load";
/// Values are written with so many significant digits.
const DIGITS: i32 = 6;
/// How often a value is doubled or halved to see how far it may go.
const DOUBLINGS_MAX: u32 = 24;

/// What is turned.
#[derive(Clone, Debug, PartialEq)]
pub struct Dial {
    /// The path as the user wrote it, or [`LOAD`].
    pub path: String,
    /// What the model says now, where it says anything, in the unit of the dial.
    pub present: Option<f64>,
    /// The least value that a model may have, or the least of interest.
    pub low: f64,
    /// The greatest one.
    pub high: f64,
    /// Whether the greatest one was asked for.
    pub is_bounded: bool,
    /// Whether it is known to be the load: more of it is harder.
    pub is_load: bool,
    unit: Unit,
    /// How many decimals a model takes; as many as one likes if there is no bound.
    decimals: Option<u32>,
    /// What a factor of the load scales.
    scaled: Vec<Scaled>,
}

/// A number that a factor of the load scales.
#[derive(Clone, Debug, PartialEq)]
struct Scaled {
    path: String,
    value: f64,
    unit: Unit,
    whole: bool,
}

impl Dial {
    /// The number at a path; left out, the load. `from` and `to` bound it.
    ///
    /// # Errors
    /// What is wrong with the path or with the bounds.
    pub fn new(
        model: &Model,
        files: &dyn Files,
        vary: Option<&str>,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<Self, Diagnostics> {
        let clients = scaled(model);
        let whole_path = |path: &str| model.document.whole_path(path);
        let mut dial = match (vary, clients.as_slice()) {
            (None, [only]) => Self::field(model, files, &only.path, [from, to], Some(only))?,
            (None | Some(LOAD), all) => Self::load(all, [from, to])?,
            (Some(path), _) => {
                let segments = whole_path(path)?;
                let client =
                    clients.iter().find(|client| whole_path(&client.path).is_ok_and(|known| known == segments));
                Self::field(model, files, path, [from, to], client)?
            }
        };
        dial.find_ends(model, files)?;
        let is_broken = |text: &&str| Decimal::leading(text).is_some_and(|(number, _)| number.value().fract() != 0.0);
        if dial.decimals == Some(0)
            && let Some(broken) = [from, to].into_iter().flatten().find(is_broken)
        {
            return Err(Diagnostic::error(&dial.path, 0, format!("{broken} is no whole number")).into());
        }
        if let (Some(from), Some(to)) = (from, to)
            && dial.low >= dial.high
        {
            let found = format!("{from} is not below {to}");
            return Err(Diagnostic::error(&dial.path, 0, found).help(format!("write --from {to} --to {from}")).into());
        }
        Ok(dial)
    }

    fn load(clients: &[Scaled], bounds: [Option<&str>; 2]) -> Result<Self, Diagnostics> {
        let wrong = |found: String| Diagnostics::from(Diagnostic::error(LOAD, 0, found));
        if clients.is_empty() {
            return Err(wrong("no client has a load that could be varied".to_owned()));
        }
        let (low, high, unit) = read_bounds(Some("1"), bounds).map_err(wrong)?;
        Ok(Self {
            path: LOAD.to_owned(),
            present: Some(1.0),
            low: low.unwrap_or(0.0),
            high: high.unwrap_or(f64::INFINITY),
            is_bounded: high.is_some(),
            is_load: true,
            unit,
            decimals: None,
            scaled: clients.to_vec(),
        })
    }

    /// The number at a path; `client` is what it is of a client's load.
    fn field(
        model: &Model,
        files: &dyn Files,
        path: &str,
        bounds: [Option<&str>; 2],
        client: Option<&Scaled>,
    ) -> Result<Self, Diagnostics> {
        let segments = model.document.whole_path(path)?;
        let is = format!("{path} is ");
        let wrong = |found: String| {
            let mut candidates: Vec<String> = scaled(model).into_iter().map(|client| client.path).collect();
            candidates.truncate(5);
            Diagnostics::from(
                Diagnostic::error(path, 0, found)
                    .expected("a number, as 4, 20ms or 800/s")
                    .help(format!("the load is {}", candidates.join(", "))),
            )
        };
        let written = match (client, model.document.get(path)) {
            (Some(client), _) => Some(client.unit.write(Decimal::of(client.value).unwrap_or(Decimal::whole(0)))),
            (None, Some(node)) => {
                Some(number_of(node).ok_or_else(|| wrong(format!("{is}{}, which is no number", node.describe())))?)
            }
            (None, None) => None,
        };
        if written.is_none() && bounds.iter().all(Option::is_none) {
            // A field that isn't there at all is told by whoever sets it.
            model.with(&[(path.to_owned(), "1".to_owned())], files).map(|_| ()).or_else(|mistakes| {
                let unknown = mistakes.iter().any(|mistake| mistake.found.contains("no field"));
                if unknown { Err(mistakes) } else { Ok(()) }
            })?;
            let found = format!("the model doesn't say what {path} is");
            return Err(Diagnostic::error(path, 0, found).help("say where to look, with --from and --to").into());
        }
        let (low, high, unit) = read_bounds(written.as_deref(), bounds).map_err(wrong)?;
        let present = match &written {
            Some(text) => Some(in_common(&with(text, bounds)).map_err(wrong)?.0[0].value()),
            None => None,
        };
        let mut dial = Self {
            path: path.to_owned(),
            present,
            low: low.unwrap_or(0.0),
            high: high.unwrap_or(f64::INFINITY),
            is_bounded: high.is_some(),
            is_load: client.is_some() || is_load(&segments),
            unit,
            decimals: None,
            scaled: Vec::new(),
        };
        dial.find_decimals(model, files)?;
        Ok(dial)
    }

    /// How many decimals the field takes.
    fn find_decimals(&mut self, model: &Model, files: &dyn Files) -> Result<(), Diagnostics> {
        let at = self.present.or_else(|| Some(self.low).filter(|low| *low > 0.0)).unwrap_or(self.high);
        let mut last = None;
        for (decimals, more) in [(None, 0.123_456), (Some(3), 0.125), (Some(0), 0.0)] {
            self.decimals = if self.unit.is_whole() { Some(0) } else { decimals };
            match model.with(&self.sets(at.floor() + more), files) {
                Ok(_) => return Ok(()),
                Err(mistakes) => last = Some(mistakes),
            }
        }
        match model.with(&self.sets(at.ceil()), files) {
            Ok(_) => Ok(()),
            Err(_) => Err(last.expect("three were tried")),
        }
    }

    /// How far a model lets it go.
    fn find_ends(&mut self, model: &Model, files: &dyn Files) -> Result<(), Diagnostics> {
        let legal = |dial: &Self, value: f64| value > 0.0 && model.with(&dial.sets(value), files).is_ok();
        let start = self.start();
        let (low, high) = (self.low, self.high);
        let mut least = start;
        for _ in 0..DOUBLINGS_MAX {
            let next = self.snap((least / 2.0).max(low));
            if next >= least || !legal(self, next) {
                break;
            }
            least = next;
        }
        let mut most = start;
        for _ in 0..DOUBLINGS_MAX {
            let next = self.snap((most * 2.0).min(high));
            if next <= most || !legal(self, next) {
                break;
            }
            most = next;
        }
        for end in [low, high].into_iter().filter(|end| *end > 0.0 && end.is_finite()) {
            model.with(&self.sets(end), files)?;
        }
        self.low = if low > 0.0 { low } else { least };
        self.high = if high.is_finite() { high } else { most };
        Ok(())
    }

    /// Where to begin: at what the model says, as far as it is within the bounds.
    pub fn start(&self) -> f64 {
        let middle = match (self.low > 0.0, self.high.is_finite()) {
            (true, true) => (self.low * self.high).sqrt(),
            (true, false) => self.low,
            (false, true) => self.high,
            (false, false) => 1.0,
        };
        let least = if self.is_whole() { 1.0 } else { 0.0 };
        let start = self.present.filter(|present| *present > 0.0).unwrap_or(middle);
        self.snap(start.max(self.low).min(self.high).max(least))
    }

    /// Whether there are no fractions of it.
    pub fn is_whole(&self) -> bool {
        self.decimals == Some(0)
    }

    /// The nearest value that a model takes.
    pub fn snap(&self, value: f64) -> f64 {
        self.decimal(value).value()
    }

    fn decimal(&self, value: f64) -> Decimal {
        let text = match self.decimals {
            Some(decimals) => format!("{value:.*}", decimals as usize),
            None => format!("{value:.*e}", (DIGITS - 1) as usize),
        };
        Decimal::leading(&text).map_or(Decimal::whole(0), |(number, _)| number)
    }

    /// A value as a model writes it: `2412.5/s`.
    pub fn text(&self, value: f64) -> String {
        self.unit.write(self.decimal(value))
    }

    /// A value for people: four digits.
    pub fn short(&self, value: f64) -> String {
        let rounded = format!("{value:.3e}").parse().unwrap_or(value);
        match self.scaled.is_empty() {
            true => self.text(rounded),
            false => format!("{} times today's load", self.text(rounded)),
        }
    }

    /// A value in base units: seconds, per second, bytes, shares, plain numbers.
    pub fn base(&self, value: f64) -> f64 {
        let text = self.text(value);
        if let Ok(plain) = text.parse() {
            return plain;
        }
        let is_cores = self.path.ends_with("cores") || self.path.ends_with("cpu_request");
        if is_cores && let Ok(thousandths) = units::cores(&text) {
            return f64::from(thousandths) / 1000.0;
        }
        let time = units::time(&text).ok().map(|ns| ns as f64 / 1e9);
        let rate = || units::rate(&text).ok();
        let size = || units::size(&text).ok().map(|bytes| bytes as f64);
        let share = || units::share(&text).ok();
        time.or_else(rate).or_else(size).or_else(share).unwrap_or(value)
    }

    /// What must be set.
    pub fn sets(&self, value: f64) -> Vec<(String, String)> {
        if self.scaled.is_empty() {
            return vec![(self.path.clone(), self.text(value))];
        }
        let one = |scaled: &Scaled| {
            let value = scaled.value * value;
            let value = if scaled.whole { value.round().max(1.0) } else { value };
            let decimal = Decimal::leading(&format!("{value:.*e}", 11)).map_or(Decimal::whole(0), |(number, _)| number);
            (scaled.path.clone(), scaled.unit.write(decimal))
        };
        self.scaled.iter().map(one).collect()
    }

    /// The point of a value.
    pub fn point(&self, value: f64) -> Point {
        Point { subject: 0, sets: self.sets(value) }
    }
}

/// Texts of one unit: what the model says, and the bounds.
fn with<'t>(present: &'t str, bounds: [Option<&'t str>; 2]) -> Vec<&'t str> {
    std::iter::once(present).chain(bounds.into_iter().flatten()).collect()
}

/// The bounds, and the unit of all.
fn read_bounds(present: Option<&str>, bounds: [Option<&str>; 2]) -> Result<(Option<f64>, Option<f64>, Unit), String> {
    let texts: Vec<&str> = present.into_iter().chain(bounds.into_iter().flatten()).collect();
    let (numbers, unit) = in_common(&texts)?;
    let mut numbers = numbers.into_iter().skip(usize::from(present.is_some())).map(Decimal::value);
    let mut next = |bound: Option<&str>| bound.and_then(|_| numbers.next());
    let (low, high) = (next(bounds[0]), next(bounds[1]));
    if let Some(text) =
        [(low, bounds[0]), (high, bounds[1])].iter().find(|(value, _)| value.is_some_and(|value| value <= 0.0))
    {
        return Err(format!("{} is not above 0", text.1.unwrap_or_default()));
    }
    Ok((low, high, unit))
}

/// A number with its unit, as it is written.
fn number_of(node: &Node) -> Option<String> {
    match &node.value {
        Value::Number(number) => Some(number.text.clone()),
        Value::String(text) => {
            let (_, rest) = Decimal::leading(text)?;
            let is_unit = rest.len() <= 12 && !rest.contains(['(', ',']);
            is_unit.then(|| text.clone())
        }
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// Whether a path is about when requests arrive.
fn is_load(segments: &[crate::model::path::Segment]) -> bool {
    segments.get(2).is_some_and(|segment| matches!(segment, crate::model::path::Segment::Key(key) if key == "arrivals"))
}

/// Everything that makes the load of the clients.
fn scaled(model: &Model) -> Vec<Scaled> {
    let mut all = Vec::new();
    for (name, component) in &model.components {
        let Component::Client(client) = component else { continue };
        let mut add = |field: String, value: f64, unit: Unit, whole: bool| {
            all.push(Scaled { path: format!("{name}.arrivals.{field}"), value, unit, whole });
        };
        let none = || Unit::Suffix(String::new());
        match &client.arrivals {
            Arrivals::Open(open) => add("rate".to_owned(), open.rate.0, Unit::Rate, false),
            Arrivals::Stages(staged) => {
                for (number, stage) in staged.stages.iter().enumerate() {
                    let (rate, ramps) = stage.level();
                    let field = if ramps { "ramp_to" } else { "rate" };
                    add(format!("stages[{number}].{field}"), rate, Unit::Rate, false);
                }
            }
            Arrivals::Daily(daily) => {
                add("daily.trough".to_owned(), daily.daily.trough.0, Unit::Rate, false);
                add("daily.peak".to_owned(), daily.daily.peak.0, Unit::Rate, false);
            }
            Arrivals::Closed(closed) => match &closed.users {
                Users::Constant(users) => add("users".to_owned(), users.0 as f64, none(), true),
                Users::Stages(stages) => {
                    for (number, stage) in stages.iter().enumerate() {
                        let (field, users) = match (stage.users, stage.ramp_to) {
                            (None, Some(users)) => ("ramp_to", users.0),
                            (users, _) => ("users", users.map_or(0, |users| users.0)),
                        };
                        add(format!("users[{number}].{field}"), users as f64, none(), true);
                    }
                }
            },
            Arrivals::Trace(trace) => add("speed".to_owned(), trace.speed.0, none(), false),
        }
    }
    all.retain(|scaled| scaled.value > 0.0);
    all
}

#[cfg(test)]
mod tests;
