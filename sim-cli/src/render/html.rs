//! One page with everything: the verdict, pictures, tables, the model and how to get the same again. It asks for nothing
//! from anywhere, runs no script, and is light or dark as its reader's system is.

use std::fmt::Write;

use serde_json::Value;
use sim_core::model::Model;
use sim_core::model::node::{self, Node};

use super::json;
use super::page::{Cell, Page, Sheet};
use super::text::Align;
use crate::chart::{self, Picture, escaped};

const STYLE: &str = "\
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 'Kneepoint Sans',system-ui,sans-serif}
main{max-width:940px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:28px;line-height:1.2;margin:4px 0 12px;overflow-wrap:anywhere}
h2{font-size:18px;margin:40px 0 8px}
p{margin:8px 0;max-width:75ch;overflow-wrap:anywhere}
.kind,.facts,.notes{color:var(--soft);font-size:13px}
.kind{margin:0}
.verdict{font-size:19px;line-height:1.4}
figure{margin:28px 0;padding:4px;border:1px solid var(--grid);border-radius:8px;overflow-x:auto}
figure svg{display:block;width:100%;min-width:620px;height:auto}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:13.5px;min-width:50%}
th,td{padding:5px 14px 5px 0;text-align:left;border-bottom:1px solid var(--grid);white-space:nowrap}
thead th{color:var(--soft);font-weight:400}
tbody th{font-weight:400}
.unit{text-align:right}
.good{font-weight:600}
.bad{color:var(--bound);font-weight:600}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.92em}
pre{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--grid);padding:12px 16px;border-radius:6px;overflow-x:auto}
pre.command{white-space:pre-wrap;overflow-wrap:anywhere}
pre.command span{display:inline-block;max-width:100%}
summary{cursor:pointer}
summary h2{display:inline-block;margin:32px 0 8px}
@media print{figure,table{break-inside:avoid}main{max-width:none;padding:0}}
";

/// What a page is made of.
pub struct Document<'a> {
    /// Which command made the answer.
    pub command: &'a str,
    /// What was typed.
    pub typed: &'a str,
    /// The answer.
    pub page: &'a Page,
    /// Its pictures.
    pub pictures: &'a [Picture],
    /// What was run.
    pub model: &'a Model,
}

/// The whole page.
pub fn render(document: &Document) -> String {
    let page = document.page;
    let title = escaped(&page.title);
    let mut html = String::new();
    let out = &mut html;
    put(
        out,
        format_args!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; font-src data:\">\n\
             <title>{title} · kneepoint {}</title>\n<style>\n{}{STYLE}</style>\n</head>\n<body>\n<main>",
            document.command,
            chart::style()
        ),
    );
    put(out, format_args!("<header>\n<p class=\"kind\">kneepoint {}</p>\n<h1>{title}</h1>", document.command));
    for (number, remark) in page.remarks.iter().enumerate() {
        let class = if number == 0 { " class=\"verdict\"" } else { "" };
        put(out, format_args!("<p{class}>{}</p>", with_code(&plain(remark))));
    }
    put(out, format_args!("<p class=\"facts\">{}</p>\n</header>", escaped(&page.facts.join(" · "))));
    let (first, others): (Vec<&Sheet>, Vec<&Sheet>) =
        page.sheets.iter().filter(|sheet| !sheet.rows.is_empty()).partition(|sheet| sheet.title == "Objectives");
    first.iter().for_each(|sheet| table(out, sheet));
    for picture in document.pictures {
        put(out, format_args!("<figure>\n{}\n</figure>", picture.inline()));
    }
    others.iter().for_each(|sheet| table(out, sheet));
    put(
        out,
        format_args!("<h2>How to get the same again</h2>\n<pre class=\"command\">{}</pre>", unbroken(document.typed)),
    );
    for note in &page.notes {
        put(out, format_args!("<p class=\"notes\">{}</p>", escaped(&plain(note))));
    }
    let model = json::pretty(&value(&document.model.document.root));
    put(
        out,
        format_args!(
            "<details>\n<summary><h2>The model</h2></summary>\n<pre>{}</pre>\n</details>\n</main>\n</body>\n</html>",
            lines(&model)
        ),
    );
    html
}

fn put(out: &mut String, text: std::fmt::Arguments) {
    writeln!(out, "{text}").expect("text can always grow");
}

/// Without styles.
fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// Escaped, with breaks between words alone.
fn unbroken(typed: &str) -> String {
    typed.split(' ').map(|word| format!("<span>{}</span>", escaped(word))).collect::<Vec<_>>().join(" ")
}

/// Escaped; what stands between back-ticks is code.
fn with_code(text: &str) -> String {
    let parts: Vec<String> = text.split('`').map(escaped).collect();
    if parts.len().is_multiple_of(2) {
        return escaped(text);
    }
    let coded = |(number, part): (usize, String)| if number % 2 == 1 { format!("<code>{part}</code>") } else { part };
    parts.into_iter().enumerate().map(coded).collect()
}

/// Escaped line by line, so that the lines stay.
fn lines(text: &str) -> String {
    text.lines().map(escaped).collect::<Vec<_>>().join("\n")
}

fn table(out: &mut String, sheet: &Sheet) {
    if !sheet.title.is_empty() {
        put(out, format_args!("<h2>{}</h2>", escaped(&sheet.title)));
    }
    let class = |align: Align| if align == Align::Left { "" } else { " class=\"unit\"" };
    put(out, format_args!("<div class=\"wide\"><table>\n<thead><tr>"));
    for column in &sheet.columns {
        put(out, format_args!("<th scope=\"col\"{}>{}</th>", class(column.align), escaped(&plain(&column.heading))));
    }
    put(out, format_args!("</tr></thead>\n<tbody>"));
    for row in &sheet.rows {
        out.push_str("<tr>");
        for (number, (cell, column)) in row.iter().zip(&sheet.columns).enumerate() {
            let text = marked(cell);
            let cell = match number {
                0 => format!("<th scope=\"row\"{}>{text}</th>", class(column.align)),
                _ => format!("<td{}>{text}</td>", class(column.align)),
            };
            out.push_str(&cell);
        }
        put(out, format_args!("</tr>"));
    }
    put(out, format_args!("</tbody>\n</table></div>"));
}

/// A cell's text; red and green of a terminal become bad and good.
fn marked(cell: &Cell) -> String {
    let text = escaped(&cell.plain());
    match &cell.text {
        styled if styled.contains("\u{1b}[31m") => format!("<span class=\"bad\">{text}</span>"),
        styled if styled.contains("\u{1b}[32m") => format!("<span class=\"good\">{text}</span>"),
        _ => text,
    }
}

/// A model's tree as JSON.
fn value(node: &Node) -> Value {
    match &node.value {
        node::Value::Null => Value::Null,
        node::Value::Bool(known) => Value::Bool(*known),
        node::Value::Number(number) => serde_json::from_str(&number.text).unwrap_or(Value::from(number.value)),
        node::Value::String(text) => Value::String(text.clone()),
        node::Value::List(items) => Value::Array(items.iter().map(value).collect()),
        node::Value::Map(entries) => {
            Value::Object(entries.iter().map(|(key, node)| (key.clone(), value(node))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{Shown, Theme};
    use crate::render::{fixture, run_page};

    const HOSTILE: &str = "</title><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u{0}\u{202e}";

    fn model() -> Model {
        let text = include_str!("../../tests/fixtures/shop.json");
        Model::parse(text, "shop.json", &[], &sim_core::model::NoFiles).expect("the fixture is a model").0
    }

    fn html(name: &str) -> String {
        let mut report = fixture::web_shop();
        report.name = Some(name.to_owned());
        let shown = Shown::Run(&report);
        let pictures: Vec<Picture> = chart::kinds("run")
            .iter()
            .map(|kind| shown.draw(kind, Theme::Light).expect("a run has them all"))
            .collect();
        let page = run_page::page(&report);
        let typed = format!("kneepoint run '{name}'");
        render(&Document { command: "run", typed: &typed, page: &page, pictures: &pictures, model: &model() })
    }

    #[test]
    fn a_page_asks_for_nothing_and_runs_nothing() {
        let html = html("Web shop");
        for forbidden in ["<script", "<link", "<img", "<iframe", " src=", "url(http", "@import", "href="] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
        assert!(html.contains("Objectives") && html.contains("&quot;components&quot;") && html.len() < 400_000);
        assert_eq!(html.matches("<svg").count(), 4);
        assert_eq!(html, self::html("Web shop"), "the same report gives the same bytes");
    }

    #[test]
    fn a_hostile_name_stays_text() {
        let html = html(HOSTILE);
        for forbidden in ["<script", "<img", "\u{0}", "</title><"] {
            assert!(!html.contains(forbidden), "{forbidden:?}");
        }
        assert!(html.contains("&lt;script&gt;alert(1)"));
    }
}
