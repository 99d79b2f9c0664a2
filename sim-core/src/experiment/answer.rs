//! What any command found, read again from the JSON that was kept of it.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::compare::Compared;
use super::explain::Explained;
use super::limit::Limited;
use super::plan::Planned;
use super::sweep::Swept;
use crate::analysis::report::{REPORT_FORMAT, Report};

/// What a command found.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// `run`
    Run(Box<Report>),
    /// `sweep`
    Sweep(Box<Swept>),
    /// `compare`
    Compare(Box<Compared>),
    /// `limit`
    Limit(Box<Limited>),
    /// `plan`
    Plan(Box<Planned>),
    /// `explain`
    Explain(Box<Explained>),
}

impl Answer {
    /// Reads an answer from its JSON.
    ///
    /// # Errors
    /// It is no answer, or one of another format: what is wrong with it, as the rest of a sentence about the file.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(text).map_err(|error| format!("is no answer in JSON: {error}"))?;
        let Some(kind) = value["kind"].as_str() else { return Err("is no answer: it has no `kind`".to_owned()) };
        match value["format"].as_u64() {
            Some(format) if format == u64::from(REPORT_FORMAT) => {}
            Some(format) => return Err(format!("has the format {format}; this version reads {REPORT_FORMAT}")),
            None => return Err("is no answer: it doesn't say its `format`".to_owned()),
        }
        match kind {
            "run" => read(&value).map(Self::Run),
            "sweep" => read(&value).map(Self::Sweep),
            "compare" => read(&value).map(Self::Compare),
            "limit" => read(&value).map(Self::Limit),
            "plan" => read(&value).map(Self::Plan),
            "explain" => read(&value).map(Self::Explain),
            other => Err(format!("is an answer of {other:?}, which is not known here")),
        }
    }

    /// Which command found it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Sweep(_) => "sweep",
            Self::Compare(_) => "compare",
            Self::Limit(_) => "limit",
            Self::Plan(_) => "plan",
            Self::Explain(_) => "explain",
        }
    }
}

fn read<T: DeserializeOwned>(value: &Value) -> Result<Box<T>, String> {
    T::deserialize(value).map(Box::new).map_err(|error| format!("is no whole answer: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_answer_is_refused() {
        for (text, expected) in [
            ("nothing", "is no answer in JSON"),
            ("[1]", "has no `kind`"),
            (r#"{"kind": "sweep"}"#, "doesn't say its `format`"),
            (r#"{"kind": "sweep", "format": 0}"#, "has the format 0; this version reads 1"),
            (r#"{"kind": "limit", "format": 2}"#, "has the format 2; this version reads 1"),
            (r#"{"kind": "weather", "format": 1}"#, "is an answer of \"weather\""),
            (r#"{"kind": "plan", "format": 1}"#, "is no whole answer: missing field"),
        ] {
            let mistake = Answer::read(text.as_bytes()).expect_err(text);
            assert!(mistake.contains(expected), "{text}: {mistake}");
        }
    }

    #[test]
    fn a_report_reads_back() {
        let report = Report { kind: "run".into(), format: REPORT_FORMAT, ..Report::default() };
        let text = serde_json::to_vec(&report).expect("a report is serialisable");
        assert_eq!(Answer::read(&text), Ok(Answer::Run(Box::new(report))));
    }
}
