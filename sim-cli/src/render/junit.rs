//! Objectives and expectations as JUnit XML, which what runs builds shows as tests: a suite for each model, a case for
//! each thing that must hold.

use std::fmt::Write;

/// What was asked of one model.
#[derive(Debug, Default)]
pub struct Suite {
    /// The model's name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// What it rests on: seed, digest.
    pub properties: Vec<(&'static str, String)>,
    /// What must hold.
    pub cases: Vec<Case>,
}

/// Something that must hold.
#[derive(Debug)]
pub struct Case {
    /// As it is written: `p99 < 250ms`.
    pub name: String,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a case.
#[derive(Debug)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not: what was found instead.
    Fails(String),
    /// It could not be looked at: why.
    Broken(String),
}

impl Case {
    /// A case that holds or not; what was found instead.
    pub fn of(name: &str, holds: bool, found: impl FnOnce() -> String) -> Self {
        Case { name: name.to_owned(), verdict: if holds { Verdict::Holds } else { Verdict::Fails(found()) } }
    }
}

/// The whole file.
pub fn xml(suites: &[Suite]) -> String {
    let count = |suites: &[Suite], which: fn(&Verdict) -> bool| {
        suites.iter().flat_map(|suite| &suite.cases).filter(|case| which(&case.verdict)).count()
    };
    let counts = |suites: &[Suite]| {
        format!(
            "tests=\"{}\" failures=\"{}\" errors=\"{}\"",
            count(suites, |_| true),
            count(suites, |verdict| matches!(verdict, Verdict::Fails(_))),
            count(suites, |verdict| matches!(verdict, Verdict::Broken(_))),
        )
    };
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let mut line = |line: String| writeln!(text, "{line}").expect("text takes all");
    line(format!("<testsuites name=\"kneepoint\" {}>", counts(suites)));
    for suite in suites {
        let of_suite = counts(std::slice::from_ref(suite));
        line(format!("  <testsuite name=\"{}\" {of_suite} skipped=\"0\">", escaped(&suite.name)));
        if !suite.properties.is_empty() {
            line("    <properties>".to_owned());
            for (name, value) in &suite.properties {
                line(format!("      <property name=\"{name}\" value=\"{}\"/>", escaped(value)));
            }
            line("    </properties>".to_owned());
        }
        for case in &suite.cases {
            let head = format!("    <testcase classname=\"{}\" name=\"{}\"", escaped(&suite.file), escaped(&case.name));
            let (kind, message) = match &case.verdict {
                Verdict::Holds => {
                    line(format!("{head}/>"));
                    continue;
                }
                Verdict::Fails(message) => ("failure", message),
                Verdict::Broken(message) => ("error", message),
            };
            let message = escaped(message);
            line(format!("{head}>\n      <{kind} message=\"{message}\">{message}</{kind}>\n    </testcase>"));
        }
        line("  </testsuite>".to_owned());
    }
    line("</testsuites>".to_owned());
    text
}

/// As XML takes it in attributes and in text; what XML can't say at all becomes a mark.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push_str("&#10;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file() {
        let suites = [
            Suite {
                name: "Shop <\"& Söhne\">".into(),
                file: "shop.json".into(),
                properties: vec![("seed", "42".into())],
                cases: vec![
                    Case::of("p99 < 250ms", true, String::new),
                    Case::of("error_rate < 0.1%", false, || "0.4%".into()),
                ],
            },
            Suite {
                name: "bad\u{1b}[2J".into(),
                file: "bad.json".into(),
                cases: vec![Case { name: "is a valid model".into(), verdict: Verdict::Broken("a\nb".into()) }],
                ..Suite::default()
            },
        ];
        insta::assert_snapshot!(xml(&suites));
    }
}
