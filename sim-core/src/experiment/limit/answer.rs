//! What a search for a limit found.

use serde::{Deserialize, Serialize};

use super::Limit;
use super::headroom::Holds;
use super::search::{Found, Root};
use crate::analysis::bottleneck::{self, Bottleneck};
use crate::experiment::estimate::Estimates;
use crate::experiment::{Envelope, Subjects};

/// What a search for a limit found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limited {
    /// What it rests on.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// The setting that was varied; `load` is a factor of all clients' loads.
    pub vary: String,
    /// What the model says now, in base units.
    pub present: Option<f64>,
    /// How it ended.
    pub outcome: Outcome,
    /// The limit, in base units.
    pub limit: Bound,
    /// The limit as the model writes it: `3420/s`.
    pub setting: Option<String>,
    /// How many times what the model says now.
    pub times: Option<f64>,
    /// Half the interval, as a share of the limit.
    pub precision: Option<f64>,
    /// Whether the interval is as narrow as was asked.
    pub precise: bool,
    /// The answer in plain words.
    pub sentence: String,
    /// What had to hold, in order; those that were added are marked.
    pub objectives: Vec<Judged>,
    /// The objective that breaks first.
    pub breaks_first: Option<String>,
    /// What is full at the limit.
    pub bottleneck: Option<Bottleneck>,
    /// Where more load begins to cost more than it brings.
    pub knee: Option<Knee>,
    /// Values below the limit and a little beyond, in order.
    pub curve: Vec<CurvePoint>,
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// There is a limit.
    Found,
    /// Everything holds as far as was looked at.
    AlwaysHolds,
    /// Something doesn't hold even at the easiest value.
    NeverHolds,
    /// The setting changes nothing about the objectives.
    NoEffect,
    /// It was interrupted before it knew.
    Interrupted,
}

/// A limit and its interval, in base units; nothing where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// The limit.
    pub value: Option<f64>,
    /// The lower end of its interval.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// An objective at the limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// As written.
    pub objective: String,
    /// Whether it was added because the model doesn't say it.
    pub added: bool,
    /// Why it was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The value at the limit.
    pub value: Option<f64>,
    /// Whether it is met there.
    pub met: bool,
}

/// A value of the curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// The value, in base units.
    pub value: f64,
    /// As the model writes it.
    pub setting: String,
    /// How many runs there are of it.
    pub replications: u32,
    /// Its figures.
    pub figures: Estimates,
    /// Whether it is the limit itself, where an objective is just met or just missed: with the few runs of a point of
    /// the curve, `met` is a matter of chance there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_limit: bool,
    /// Whether every objective is met.
    pub met: bool,
    /// The objectives that aren't.
    pub unmet: Vec<String>,
}

/// Where load ÷ latency is greatest: below, more load costs little latency; above, latency grows faster than the load.
///
/// It is where a line through the origin touches the load–latency curve, the point of greatest power. Source: L. Kleinrock,
/// Power and deterministic rules of thumb for probabilistic problems in computer communications, ICC 1979.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Knee {
    /// The load, in base units.
    pub value: f64,
    /// As a share of the limit.
    pub share: f64,
    /// The p99 at the point of the curve that is nearest.
    pub p99: f64,
}

impl Limit {
    /// What it found.
    pub fn finish(self, subjects: &Subjects) -> Limited {
        let mut search = self.search();
        let found = search.find().ok();
        let curve_is_whole = self.search().all().is_ok();
        let values = match &found {
            Some(found) if !search.curve_values(found).is_empty() => {
                search.curve_values(found).into_iter().map(|(value, _)| value).collect()
            }
            Some(_) | None => self.in_order(),
        };
        let root = match &found {
            Some(Found::Limit(root)) => Some(*root),
            Some(Found::Always(_) | Found::Never(_) | Found::NoEffect) | None => None,
        };
        let limit = root.map(|root| root.value);
        let curve = values.iter().filter_map(|value| self.curve_point(*value, limit, subjects));
        let curve: Vec<CurvePoint> = curve.collect();
        let at = match &found {
            Some(Found::Limit(root)) => Some(root.value),
            Some(Found::Always(value) | Found::Never(value)) => Some(*value),
            Some(Found::NoEffect) => Some(self.dial.start()),
            None => None,
        };
        let broken = root.map(|root| root.beyond).or(at.filter(|_| matches!(found, Some(Found::Never(_)))));
        let breaks_first = broken.and_then(|value| self.first_to_break(value));
        let at_limit = at.and_then(|value| subjects.prepare(&self.dial.point(value)).ok()).filter(|_| curve_is_whole);
        let bottleneck = at_limit.map(|prepared| bottleneck::find(&prepared.report(0)));
        let times = root.and_then(|root| Some(root.value / self.dial.present?)).filter(|times| times.is_finite());
        let mut limited = Limited {
            envelope: Envelope::of("limit", subjects, &self.samples, curve_is_whole && !self.interrupted),
            vary: self.dial.path.clone(),
            present: self.dial.present.map(|present| self.dial.base(present)),
            outcome: match found {
                Some(Found::Limit(_)) => Outcome::Found,
                Some(Found::Always(_)) => Outcome::AlwaysHolds,
                Some(Found::Never(_)) => Outcome::NeverHolds,
                Some(Found::NoEffect) => Outcome::NoEffect,
                None => Outcome::Interrupted,
            },
            limit: root.map_or(Bound::default(), |root| Bound {
                value: Some(self.dial.base(root.value)),
                low: Some(self.dial.base(root.low)),
                high: Some(root.high).filter(|high| high.is_finite()).map(|high| self.dial.base(high)),
            }),
            setting: at.map(|value| self.dial.text(value)),
            times,
            precision: root.map(|root| 0.5 * (root.high - root.low) / root.value).filter(|share| share.is_finite()),
            precise: root.is_some_and(|root| root.precise),
            sentence: String::new(),
            objectives: self.holds.iter().map(|holds| self.judged(holds, at)).collect(),
            knee: root.filter(|root| root.sense > 0.0).and_then(|root| self.knee(&curve, root)),
            breaks_first,
            bottleneck,
            curve,
        };
        limited.sentence = self.sentence(&limited, root, at);
        limited
    }

    /// All values that were run, in order.
    fn in_order(&self) -> Vec<f64> {
        let mut values = self.values.clone();
        values.sort_by(f64::total_cmp);
        values
    }

    fn curve_point(&self, value: f64, limit: Option<f64>, subjects: &Subjects) -> Option<CurvePoint> {
        let point = self.point_of(value)?;
        let replications = self.samples.count(point);
        let unmet: Vec<String> = self
            .holds
            .iter()
            .filter(|holds| holds.headroom(holds.mean(self.samples.of(point))) <= 1.0)
            .map(|holds| holds.objective.text.clone())
            .collect();
        (replications > 0).then(|| CurvePoint {
            value: self.dial.base(value),
            setting: self.dial.text(value),
            replications,
            figures: self.samples.estimates(point, subjects.figures()),
            at_limit: limit == Some(value),
            met: unmet.is_empty(),
            unmet,
        })
    }

    /// The objective with the least headroom where one at least is broken.
    fn first_to_break(&self, value: f64) -> Option<String> {
        let point = self.point_of(value)?;
        let room = |holds: &Holds| holds.headroom(holds.mean(self.samples.of(point)));
        let holds = self.holds.iter().filter(|holds| !holds.from_below).min_by(|a, b| room(a).total_cmp(&room(b)))?;
        Some(holds.objective.text.clone())
    }

    fn judged(&self, holds: &Holds, at: Option<f64>) -> Judged {
        let point = at.and_then(|value| self.point_of(value));
        let value = point.and_then(|point| holds.mean(self.samples.of(point)));
        Judged {
            objective: holds.objective.text.clone(),
            added: holds.added.is_some(),
            why: holds.added.map(str::to_owned),
            value,
            met: value.is_some_and(|value| holds.objective.is_met_by(value)),
        }
    }

    /// The greatest throughput ÷ p99 of the curve; between its points by a parabola.
    fn knee(&self, curve: &[CurvePoint], root: Root) -> Option<Knee> {
        let figure = |point: &CurvePoint, name: &str| point.figures.get(name)?.value;
        let power = |point: &CurvePoint| Some((point.value, figure(point, "throughput")? / figure(point, "p99")?));
        let powers: Vec<(f64, f64)> = curve.iter().map_while(power).collect();
        let best = (0..powers.len()).max_by(|a, b| powers[*a].1.total_cmp(&powers[*b].1))?;
        let top = match best.checked_sub(1).and_then(|before| powers.get(before..best + 2)) {
            Some(three) => top_of(three),
            // At an end of the curve there is no knee to be seen.
            None => return None,
        };
        Some(Knee { value: top, share: top / self.dial.base(root.value), p99: figure(&curve[best], "p99")? })
    }

    fn sentence(&self, limited: &Limited, root: Option<Root>, at: Option<f64>) -> String {
        let dial = &self.dial;
        let at = at.map_or(String::new(), |value| dial.short(value));
        let unmet = limited.objectives.iter().filter(|judged| !judged.met).map(|judged| judged.objective.clone());
        let unmet = unmet.collect::<Vec<_>>().join(" and ");
        let Some(root) = root else {
            return match limited.outcome {
                Outcome::AlwaysHolds => {
                    format!("Everything holds up to {at}, where the search ended{}.", self.why_ended())
                }
                Outcome::NeverHolds => format!("There is no limit: {unmet} is not met even at {at}."),
                Outcome::NoEffect => {
                    let told =
                        if unmet.is_empty() { "all of them are met".to_owned() } else { format!("{unmet} is not met") };
                    format!("`{}` changes nothing about the objectives: {told} whatever it is.", dial.path)
                }
                Outcome::Interrupted | Outcome::Found => "It was interrupted before it knew the limit.".to_owned(),
            };
        };
        let ends =
            [root.low, root.high].map(|end| if end.is_finite() { dial.text(round(end)) } else { "?".to_owned() });
        let interval = if ends[0] == ends[1] { String::new() } else { format!(" ({} to {})", ends[0], ends[1]) };
        let times = match limited.times {
            Some(times) if dial.path != crate::experiment::dial::LOAD => {
                format!(", {} times today's", crate::model::units::humane_count(times))
            }
            Some(_) | None => String::new(),
        };
        let way = if root.sense > 0.0 { "Holds up to" } else { "Holds from" };
        let mut sentence = format!("{way} {at}{interval}{times}");
        if let Some(first) = &limited.breaks_first {
            sentence += &format!("; then {first} breaks first");
        }
        if let Some(address) = limited.bottleneck.as_ref().and_then(|bottleneck| bottleneck.address.as_ref()) {
            sentence += &format!("; `{address}` gives way");
        }
        sentence.push('.');
        if !unmet.is_empty() && self.holds.iter().any(|holds| holds.from_below && unmet.contains(&holds.objective.text))
        {
            sentence += &format!(" No load meets everything: {unmet} is not met even there.");
        }
        sentence
    }

    fn why_ended(&self) -> &'static str {
        if self.dial.is_bounded { "" } else { "; give --to to look further" }
    }
}

/// Four digits.
fn round(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// Where the parabola through three points is highest, the middle one being the highest of them.
fn top_of(points: &[(f64, f64)]) -> f64 {
    let [a, b, c] = points else { return f64::NAN };
    let (left, right) = (b.0 - a.0, b.0 - c.0);
    let (rise, fall) = (b.1 - a.1, b.1 - c.1);
    let below = left * fall - right * rise;
    if below == 0.0 { b.0 } else { b.0 - 0.5 * (left * left * fall - right * right * rise) / below }
}
