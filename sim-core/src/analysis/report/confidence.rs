//! How sure the figures are.

use serde::{Deserialize, Serialize};

/// How the intervals were made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// Independent runs behind each mean.
    pub replications: u32,
    /// The share of such intervals that hold the true mean.
    pub level: f64,
    /// How well a figure was to be known, and is, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
}

/// How well a figure was to be known, and is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Precision {
    /// Which figure: `p99`.
    pub figure: String,
    /// How far its mean may be from the truth, as a share of it.
    pub wanted: f64,
    /// How far it is at most, where the interval holds the truth; `null` where the figure is unknown or may be 0.
    pub reached: Option<f64>,
    /// Whether that is near enough.
    pub met: bool,
    /// The most runs that were allowed.
    pub budget: u32,
    /// The runs that were made.
    pub runs: u32,
}

impl Precision {
    /// In words: `p99 is known to ±1.8% after 24 runs`.
    pub fn sentence(&self) -> String {
        let Self { figure, runs, .. } = self;
        let percent = |share: f64| format!("±{}%", crate::model::units::three_digits(share * 100.0));
        match self.reached {
            Some(reached) if self.met => format!("{figure} is known to {} after {runs} runs", percent(reached)),
            Some(reached) => format!(
                "{figure} is known to {} only after {runs} runs, not to the {} that was asked for",
                percent(reached),
                percent(self.wanted)
            ),
            None => format!("how well {figure} is known can't be told after {runs} runs"),
        }
    }
}
