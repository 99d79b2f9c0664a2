//! Pictures of results: one file for each kind. A kind takes plain figures and gives a [`Picture`]; which kinds an answer
//! has, says whoever has the answer. Every part is a pure function, so the same report gives the same bytes.

mod answer;
mod breakdown;
mod curves;
mod font;
mod forest;
mod frontier;
mod heat_map;
mod latency;
mod load_curve;
mod over_time;
mod paper;
mod picture;
mod sheet;
#[cfg(test)]
mod tests;
mod theme;
mod utilization;

use sim_core::analysis::report::Report;
use sim_core::model::units::{humane_share, humane_time};

use answer::Answer;
pub use paper::escaped;
pub use picture::Picture;
pub use sheet::About;
pub use theme::Theme;

/// What there is to see.
pub enum Shown<'a> {
    /// A run.
    Run(&'a Report),
    /// What an experiment found, as JSON.
    Answer(&'a serde_json::Value),
}

/// The kinds of pictures that a command draws, the one that is drawn unasked first.
pub fn kinds(command: &str) -> &'static [&'static str] {
    match command {
        "run" => &["percentiles", "latency", "utilization", "breakdown"],
        "sweep" => &["curves", "heat-map"],
        "compare" => &["differences"],
        "limit" => &["load-curve"],
        "plan" => &["frontier"],
        "explain" => &["breakdown", "advice"],
        _ => &[],
    }
}

impl Shown<'_> {
    /// Which command found it.
    pub fn command(&self) -> &str {
        match self {
            Shown::Run(_) => "run",
            Shown::Answer(answer) => answer["kind"].as_str().unwrap_or_default(),
        }
    }

    /// Draws a kind of picture of it.
    ///
    /// # Errors
    /// Why there is no such picture of it.
    pub fn draw(&self, kind: &str, theme: Theme) -> Result<Picture, String> {
        match self {
            Shown::Run(report) => {
                let about = about(report, theme);
                match kind {
                    "percentiles" => Ok(over_time::draw(report, &about)),
                    "latency" => Ok(latency::draw(report, &about)),
                    "utilization" => Ok(utilization::draw(report, &about)),
                    "breakdown" => Ok(breakdown::draw(&report.breakdown, &about)),
                    _ => Err(format!("a run has no picture \"{kind}\"")),
                }
            }
            Shown::Answer(answer) => {
                let answer = Answer::read(answer)?;
                let about = answer.about(theme);
                match kind {
                    "curves" => curves::draw(&answer, &about),
                    "heat-map" => heat_map::draw(&answer, &about),
                    "differences" => forest::of_comparison(&answer, &about),
                    "load-curve" => load_curve::draw(&answer, &about),
                    "frontier" => frontier::draw(&answer, &about),
                    "advice" => forest::of_advice(&answer, &about),
                    "breakdown" => Ok(breakdown::draw(&answer.breakdown, &about)),
                    _ => Err(format!("it has no picture \"{kind}\"")),
                }
            }
        }
    }
}

/// What a page of pictures needs: the font and the colours, light or dark as the reader's system is.
pub fn style() -> String {
    font::style() + &theme::style()
}

/// What a report is of.
fn about(report: &Report, theme: Theme) -> About {
    let replications = report.confidence.as_ref().map(|confidence| format!("{} replications", confidence.replications));
    let mut facts = vec![format!("seed {}", report.seed)];
    facts.extend(replications);
    facts.push(format!("digest {}", report.digest));
    About { name: report.name.clone().unwrap_or_else(|| "Model".to_owned()), facts, theme }
}

/// A time, its lower bound, or a word.
fn time_or_unknown(value: Option<f64>, bound: Option<f64>) -> String {
    match (value, bound) {
        (Some(value), _) => humane_time(value),
        (None, Some(bound)) => format!("over {}", humane_time(bound)),
        (None, None) => "unknown".to_owned(),
    }
}

/// A share of something bad, which may be tiny.
fn small_share(share: f64) -> String {
    if share > 0.0 && share < 1e-5 { "<0.001%".to_owned() } else { humane_share(share) }
}
