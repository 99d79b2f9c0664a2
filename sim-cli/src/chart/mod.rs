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
use sim_core::experiment::Answer;
use sim_core::experiment::compare::Compared;
use sim_core::experiment::explain::Explained;
use sim_core::experiment::limit::Limited;
use sim_core::experiment::plan::Planned;
use sim_core::experiment::sweep::Swept;
use sim_core::model::units::{humane_share, humane_time};

pub use paper::escaped;
pub use picture::Picture;
pub use sheet::About;
pub use theme::Theme;

/// What there is to see.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    /// A run.
    Run(&'a Report),
    /// A sweep.
    Sweep(&'a Swept),
    /// A comparison.
    Compare(&'a Compared),
    /// A limit.
    Limit(&'a Limited),
    /// A plan.
    Plan(&'a Planned),
    /// An explanation.
    Explain(&'a Explained),
}

impl<'a> From<&'a Answer> for Shown<'a> {
    fn from(answer: &'a Answer) -> Self {
        match answer {
            Answer::Run(report) => Self::Run(report),
            Answer::Sweep(swept) => Self::Sweep(swept),
            Answer::Compare(compared) => Self::Compare(compared),
            Answer::Limit(limited) => Self::Limit(limited),
            Answer::Plan(planned) => Self::Plan(planned),
            Answer::Explain(explained) => Self::Explain(explained),
        }
    }
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
    pub fn command(&self) -> &'static str {
        match self {
            Shown::Run(_) => "run",
            Shown::Sweep(_) => "sweep",
            Shown::Compare(_) => "compare",
            Shown::Limit(_) => "limit",
            Shown::Plan(_) => "plan",
            Shown::Explain(_) => "explain",
        }
    }

    /// Draws a kind of picture of it.
    ///
    /// # Errors
    /// Why there is no such picture of it.
    pub fn draw(&self, kind: &str, theme: Theme) -> Result<Picture, String> {
        let about = self.about(theme);
        match (*self, kind) {
            (Shown::Run(report), "percentiles") => Ok(over_time::draw(report, &about)),
            (Shown::Run(report), "latency") => Ok(latency::draw(report, &about)),
            (Shown::Run(report), "utilization") => Ok(utilization::draw(report, &about)),
            (Shown::Run(report), "breakdown") => Ok(breakdown::draw(&report.breakdown, &about)),
            (Shown::Sweep(swept), "curves") => curves::draw(swept, &about),
            (Shown::Sweep(swept), "heat-map") => heat_map::draw(swept, &about),
            (Shown::Compare(compared), "differences") => forest::of_comparison(compared, &about),
            (Shown::Limit(limited), "load-curve") => load_curve::draw(limited, &about),
            (Shown::Plan(planned), "frontier") => frontier::draw(planned, &about),
            (Shown::Explain(explained), "breakdown") => Ok(breakdown::draw(&explained.breakdown, &about)),
            (Shown::Explain(explained), "advice") => forest::of_advice(explained, &about),
            (_, kind) => Err(format!("{} has no picture \"{kind}\"", self.command())),
        }
    }

    fn about(&self, theme: Theme) -> About {
        match self {
            Shown::Run(report) => about(report, theme),
            Shown::Sweep(swept) => answer::about(&swept.envelope, theme),
            Shown::Compare(compared) => answer::about(&compared.envelope, theme),
            Shown::Limit(limited) => answer::about(&limited.envelope, theme),
            Shown::Plan(planned) => answer::about(&planned.envelope, theme),
            Shown::Explain(explained) => answer::about(&explained.envelope, theme),
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
