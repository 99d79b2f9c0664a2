//! When requests arrive at a client: the fields of `arrivals`.

use super::node::{Node, Value};
use super::spec::{Place, Read, Reader, Shape, in_a_row};
use super::syntax::Call;
use super::units;
use super::value::{Count, Factor, FilePath, Rate, Time, TimeDistribution};
use crate::spec;

/// When requests arrive.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrivals {
    /// At one rate.
    Open(OpenArrivals),
    /// At rates that change in stages.
    Stages(StagedArrivals),
    /// At a rate that goes up and down each day.
    Daily(DailyArrivals),
    /// Whenever one of some users has thought enough.
    Closed(ClosedArrivals),
    /// When they did in a record.
    Trace(TraceArrivals),
}

spec! {
    /// Requests at one rate.
    pub struct OpenArrivals, short("rate") {
        /// How many there are per time.
        rate: Rate = required.live();
        /// How they follow each other.
        process: Process = default("poisson");
    }
}

spec! {
    /// Requests at a rate that changes in stages, from 0; the last rate goes on.
    pub struct StagedArrivals {
        /// The stages, one after the other, from t = 0.
        stages: Vec<RateStage> = required;
        /// How they follow each other.
        process: Process = default("poisson");
    }
}

spec! {
    /// Requests at a rate that goes up and down each day.
    pub struct DailyArrivals {
        /// The day.
        daily: Daily = required;
        /// How they follow each other.
        process: Process = default("poisson");
    }
}

spec! {
    /// Users who ask, wait for the answer, think, and ask again.
    pub struct ClosedArrivals {
        /// How many users there are.
        users: Users = required.live();
        /// How long each thinks before a request.
        think: TimeDistribution = default("0s");
    }
}

spec! {
    /// Requests as a record has them.
    pub struct TraceArrivals {
        /// The file: CSV with a header (time in seconds, class, key, client, size, write), or a web server's log; also as `.gz`.
        trace: FilePath = required;
        /// How many times faster than recorded.
        speed: Factor = default(1).range(0.000_001, 1_000_000);
    }
}

spec! {
    /// A stage: a rate for some time, or the way to one.
    pub struct RateStage {
        /// The rate, at once.
        rate: Rate = optional;
        /// The rate at the end, reached in a straight line.
        ramp_to: Rate = optional;
        /// How long the stage lasts.
        duration: Time = required.named("for");
    }
}

spec! {
    /// A stage: a number of users for some time, or the way to one.
    pub struct UserStage {
        /// The number, at once.
        users: Count = optional.range(0, 10_000_000);
        /// The number at the end, reached in a straight line.
        ramp_to: Count = optional.range(0, 10_000_000);
        /// How long the stage lasts.
        duration: Time = required.named("for");
    }
}

impl RateStage {
    /// The rate, and whether it is reached in a straight line.
    pub fn level(&self) -> (f64, bool) {
        match (self.rate, self.ramp_to) {
            (Some(rate), _) => (rate.0, false),
            (None, Some(rate)) => (rate.0, true),
            (None, None) => (0.0, false),
        }
    }
}

impl UserStage {
    /// The number of users, and whether it is reached in a straight line.
    pub fn level(&self) -> (u64, bool) {
        match (self.users, self.ramp_to) {
            (Some(users), _) => (users.0, false),
            (None, Some(users)) => (users.0, true),
            (None, None) => (0, false),
        }
    }
}

spec! {
    /// A rate that goes up and down each day, as a cosine.
    pub struct Daily {
        /// The least rate, twelve hours from the peak.
        trough: Rate = required;
        /// The greatest rate.
        peak: Rate = required;
        /// The time of day of the peak.
        peak_at: TimeOfDay = default("12:00");
        /// The time of day at t = 0.
        starts_at: TimeOfDay = default("0s");
    }
}

/// A time of day, in ns from midnight: `"20:00"` or `"20h"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay(pub u64);

/// How many users there are.
#[derive(Debug, Clone, PartialEq)]
pub enum Users {
    /// Always as many.
    Constant(Count),
    /// More and fewer in stages, from 0; the last number stays.
    Stages(Vec<UserStage>),
}

/// How arrivals follow each other.
#[derive(Debug, Clone, PartialEq)]
pub enum Process {
    /// Each as if there were no other: exponential gaps.
    Poisson,
    /// Evenly, the first at 1/rate (k6).
    Constant,
    /// Gaps of a gamma distribution: evener than Poisson below 1, in bursts above.
    Gamma {
        /// The coefficient of variation of the gaps.
        cv: f64,
    },
    /// A Poisson process whose rate jumps between states, one after the other: relative rate and mean stay of each.
    /// The rates are scaled so that their mean over time is 1.
    Mmpp(Vec<ProcessState>),
}

/// A state of a process whose rate jumps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcessState {
    /// The rate, against that of the other states.
    pub rate: f64,
    /// How long it stays in it, on average (exponential).
    pub stay: Time,
}

impl Process {
    /// Bursts at `burst` times the quiet rate that take `share` of the time and last `for_ns` in the mean.
    #[must_use]
    pub fn bursts(burst: f64, share: f64, for_ns: u64) -> Self {
        let quiet_ns = (for_ns as f64 * (1.0 - share) / share).round().max(1.0) as u64;
        let state = |rate: f64, stay_ns: u64| ProcessState { rate, stay: Time(stay_ns) };
        Self::Mmpp(vec![state(1.0, quiet_ns), state(burst, for_ns)])
    }
}

impl Arrivals {
    /// Where it was written.
    pub fn at(&self) -> &Place {
        match self {
            Self::Open(open) => &open.at,
            Self::Stages(staged) => &staged.at,
            Self::Daily(daily) => &daily.at,
            Self::Closed(closed) => &closed.at,
            Self::Trace(trace) => &trace.at,
        }
    }
}

impl Read for Arrivals {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        const KINDS: [&str; 5] = ["rate", "stages", "daily", "users", "trace"];
        let Value::Map(entries) = &node.value else {
            return match node.value {
                Value::String(_) | Value::Number(_) => OpenArrivals::read(node, reader).map(Self::Open),
                Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => {
                    reader.unexpected(node, "a map with rate, stages, daily, users or trace")
                }
            };
        };
        let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| node.get(kind).is_some()).collect();
        match kinds.as_slice() {
            ["rate"] => OpenArrivals::read(node, reader).map(Self::Open),
            ["stages"] => {
                let staged = StagedArrivals::read(node, reader)?;
                let one_each = staged
                    .stages
                    .iter()
                    .map(|stage| one_of_two(&stage.at, "rate", stage.rate.is_some(), stage.ramp_to.is_some(), reader));
                let all_right =
                    one_each.fold(true, |all, right| all & right) & not_empty(&staged.at, staged.stages.len(), reader);
                all_right.then_some(Self::Stages(staged))
            }
            ["daily"] => {
                let daily = DailyArrivals::read(node, reader)?;
                if daily.daily.trough > daily.daily.peak {
                    return reader.error(node, "the trough is above the peak", "a trough of at most the peak");
                }
                Some(Self::Daily(daily))
            }
            ["users"] => ClosedArrivals::read(node, reader).map(Self::Closed),
            ["trace"] => TraceArrivals::read(node, reader).map(Self::Trace),
            [] => {
                let keys = in_a_row(entries.iter().map(|(key, _)| key.as_str()));
                let help = super::diagnostic::did_you_mean(entries.first().map_or("", |(key, _)| key), KINDS);
                reader.diagnostics.push(
                    super::diagnostic::Diagnostic::error(&node.path, node.line, format!("found a map with {keys}"))
                        .expected(in_a_row(KINDS.into_iter()))
                        .help(help),
                );
                None
            }
            several => reader.error(node, format!("found {}", several.join(" and ")), "one of them"),
        }
    }

    fn shape() -> Shape {
        Shape::Named("Arrivals", || {
            Shape::Any(vec![
                OpenArrivals::shape(),
                StagedArrivals::shape(),
                DailyArrivals::shape(),
                ClosedArrivals::shape(),
                TraceArrivals::shape(),
            ])
        })
    }
}

fn one_of_two(at: &Place, level: &str, has_level: bool, has_ramp: bool, reader: &mut Reader) -> bool {
    let found = match (has_level, has_ramp) {
        (true, true) => format!("found {level} and ramp_to"),
        (false, false) => format!("found neither {level} nor ramp_to"),
        (true, false) | (false, true) => return true,
    };
    reader.diagnostics.push(super::diagnostic::Diagnostic::error(&at.path, at.line, found).expected("one of them"));
    false
}

fn not_empty(at: &Place, length: usize, reader: &mut Reader) -> bool {
    if length == 0 {
        let at = at.field("stages");
        reader.diagnostics.push(
            super::diagnostic::Diagnostic::error(&at.path, at.line, "found an empty list")
                .expected("at least one stage"),
        );
    }
    length > 0
}

impl Read for Users {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let stages = match &node.value {
            Value::Number(_) => {
                return match Count::read(node, reader)? {
                    Count(users) if users > 10_000_000 => reader.unexpected(node, "at most 10000000 users"),
                    users => Some(Self::Constant(users)),
                };
            }
            Value::Map(entries) if entries.len() == 1 && entries[0].0 == "stages" => &entries[0].1,
            Value::List(_) => node,
            Value::Map(_) | Value::Null | Value::Bool(_) | Value::String(_) => {
                return reader.unexpected(node, "a number of users, or a list of stages");
            }
        };
        let list = Vec::<UserStage>::read(stages, reader)?;
        if list.is_empty() {
            return reader.unexpected(stages, "at least one stage");
        }
        let one_each = list
            .iter()
            .map(|stage| one_of_two(&stage.at, "users", stage.users.is_some(), stage.ramp_to.is_some(), reader));
        one_each.fold(true, |all, right| all & right).then_some(Self::Stages(list))
    }

    fn shape() -> Shape {
        Shape::Any(vec![Count::shape(), Shape::List(Box::new(UserStage::shape()))])
    }
}

impl Read for TimeOfDay {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        const EXPECTED: &str = "a time of day, as \"20:00\" or \"20h\"";
        const MINUTE_NS: u64 = 60_000_000_000;
        let time = match node.text().and_then(|text| text.trim().split_once(':')) {
            Some((hours, minutes)) => match (hours.parse::<u64>(), minutes.parse::<u64>()) {
                (Ok(hours @ 0..=24), Ok(minutes @ 0..=59)) => Time((hours * 60 + minutes) * MINUTE_NS),
                (Ok(_) | Err(_), Ok(_) | Err(_)) => return reader.unexpected(node, EXPECTED),
            },
            None => Time::read(node, reader)?,
        };
        if time.0 > 24 * 60 * MINUTE_NS {
            return reader.unexpected(node, EXPECTED);
        }
        Some(Self(time.0))
    }

    fn shape() -> Shape {
        Shape::Syntax { doc: "a time of day, as \"20:00\" or \"20h\"", pattern: r"^\s*[0-9].*$" }
    }
}

const PROCESSES: &str = "poisson, constant, gamma(cv=2) or mmpp(1 for 60s, 8 for 5s)";

impl Read for Process {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Some(text) = node.text() else { return reader.unexpected(node, PROCESSES) };
        match text.trim() {
            "poisson" => return Some(Self::Poisson),
            "constant" => return Some(Self::Constant),
            _ => {}
        }
        match Call::parse(text) {
            Some(call) if call.name == "gamma" => gamma(node, &call, reader),
            Some(call) if call.name == "mmpp" => mmpp(node, &call, reader),
            Some(_) | None => reader.unexpected(node, PROCESSES),
        }
    }

    fn shape() -> Shape {
        Shape::Syntax {
            doc: "poisson, constant, gamma(cv=2) or mmpp(1 for 60s, 8 for 5s)",
            pattern: r"^\s*(poisson|constant|gamma\(.*\)|mmpp\(.*\))\s*$",
        }
    }
}

fn gamma(node: &Node, call: &Call, reader: &mut Reader) -> Option<Process> {
    let text = match (call.positional.as_slice(), call.named.as_slice()) {
        ([], [("cv", text)]) | ([text], []) => text,
        _ => return reader.unexpected(node, PROCESSES),
    };
    match units::number(text) {
        Ok(cv) if (0.001..=1000.0).contains(&cv) => Some(Process::Gamma { cv }),
        Ok(_) | Err(_) => reader.unexpected(node, "a cv between 0.001 and 1000, as in gamma(cv=2)"),
    }
}

fn mmpp(node: &Node, call: &Call, reader: &mut Reader) -> Option<Process> {
    let state = |text: &&str| {
        let (rate, stay) = text.split_once(" for ")?;
        let (rate, stay) = (units::number(rate.trim()).ok()?, units::time(stay.trim()).ok()?);
        ((0.0..=1e9).contains(&rate) && stay > 0).then_some(ProcessState { rate, stay: Time(stay) })
    };
    let states: Option<Vec<ProcessState>> = call.positional.iter().map(state).collect();
    match states {
        Some(states) if states.len() >= 2 && call.named.is_empty() && states.iter().any(|state| state.rate > 0.0) => {
            Some(Process::Mmpp(states))
        }
        Some(_) | None => reader.unexpected(node, "relative rates and mean stays, as in mmpp(1 for 60s, 8 for 5s)"),
    }
}
