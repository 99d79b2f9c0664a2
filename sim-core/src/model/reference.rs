//! The reference of the model language, from the declarations: a page for each component, and for what they share.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::ModelSpec;
use super::event::Event;
use super::fault::Fault;
use super::keyspace::Keyspace;
use super::link::LinkOptions;
use super::node::Value;
use super::run::Run;
use super::schema::plain;
use super::shape::{Choice, Field, Presence, Quantity, Shape, Structure};
use super::spec::{Read, Spec};
use super::step::Step;
use crate::components;

/// A page of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What it is about, as a file would be called: `load-balancer`, `link`.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// Markdown, which ends with a line's end.
    pub text: String,
}

/// All pages, in the order of an index: the model, what its parts share, then the components.
pub fn pages() -> Vec<Page> {
    let structures = [
        ("model", ModelSpec::structure()),
        ("run", Run::structure()),
        ("class", super::class::Class::structure()),
        ("keyspace", Keyspace::structure()),
        ("link", LinkOptions::structure()),
        ("event", Event::structure()),
        ("fault", Fault::structure()),
    ];
    let mut pages: Vec<Page> = structures.iter().map(|(name, structure)| page(name, structure)).collect();
    pages.insert(5, steps());
    pages.push(units());
    for structure in components::structures() {
        let kind = structure.component.expect("it is a component's");
        pages.push(page(kind, &structure));
    }
    pages
}

/// The pages of types that have one of their own.
fn page_of(type_name: &str) -> Option<&'static str> {
    let component = components::structures().into_iter().find(|structure| structure.name == type_name);
    match type_name {
        "Run" => Some("run"),
        "Class" => Some("class"),
        "Keyspace" => Some("keyspace"),
        "Link" | "LinkOptions" => Some("link"),
        "Event" => Some("event"),
        "Fault" => Some("fault"),
        "Step" => Some("step"),
        _ => component.and_then(|structure| structure.component),
    }
}

fn page(name: &str, structure: &Structure) -> Page {
    let mut text = format!("# {}\n\n{}\n", title(name, structure), structure.doc);
    if let Some(about) = structure.about {
        write!(text, "\n{}\n", about.imitates).expect("text grows");
    }
    let mut parts = Parts::default();
    parts.told.insert(structure.name, String::new());
    parts.table(&mut text, structure);
    parts.others(&mut text);
    if let Some(about) = structure.about {
        list(&mut text, "What it leaves out", about.leaves_out);
        list(&mut text, "What it was checked against", about.checked);
    }
    Page { name: name.to_string(), summary: structure.doc.clone(), text }
}

/// Written by hand: notations, which no declaration holds.
fn units() -> Page {
    let summary = "How numbers are written that measure something, and distributions of such.".to_string();
    Page { name: "units".to_string(), summary, text: include_str!("reference/units.md").to_string() }
}

fn title(name: &str, structure: &Structure) -> String {
    if structure.component.is_some() { format!("`{name}`") } else { name[..1].to_uppercase() + &name[1..] }
}

fn list(text: &mut String, title: &str, sentences: &[&str]) {
    if !sentences.is_empty() {
        write!(text, "\n## {title}\n\n").expect("text grows");
        sentences.iter().for_each(|sentence| writeln!(text, "- {sentence}").expect("text grows"));
    }
}

/// Steps are declared one by one.
fn steps() -> Page {
    let summary = "What a handler does for a request, one step after the other.";
    let mut text = format!("# Step\n\n{summary}\n");
    let mut parts = Parts::default();
    for structure in steps_of(&Step::shape()) {
        parts.told.insert(structure.name, String::new());
        let word = structure.written_fields().first().map_or("", |field| field.name);
        write!(text, "\n## `{word}`\n\n{}\n", structure.doc).expect("text grows");
        parts.table(&mut text, &structure);
    }
    parts.others(&mut text);
    Page { name: "step".to_string(), summary: summary.to_string(), text }
}

fn steps_of(shape: &Shape) -> Vec<Structure> {
    match shape {
        Shape::Named(_, inner) => steps_of(&inner()),
        Shape::Any(shapes) => shapes.iter().flat_map(steps_of).collect(),
        Shape::Struct(structure) => vec![structure()],
        Shape::Bool
        | Shape::Text
        | Shape::Quantity(_)
        | Shape::Name(_)
        | Shape::Choice(_)
        | Shape::Syntax { .. }
        | Shape::List(_)
        | Shape::Map(_) => Vec::new(),
    }
}

/// Parts of a page that are told below it.
#[derive(Default)]
struct Parts {
    /// The headings of types that are told on this page.
    told: BTreeMap<&'static str, String>,
    waiting: Vec<(String, Structure)>,
    words: Vec<(String, Vec<Choice>)>,
}

impl Parts {
    /// The table of fields; parts that it speaks of wait for their turn.
    fn table(&mut self, text: &mut String, structure: &Structure) {
        if let Some(short) = structure.short {
            write!(text, "\nA bare value stands for `{short}`.\n").expect("text grows");
        }
        text.push_str("\n| field | what stands there | left out | meaning |\n|---|---|---|---|\n");
        self.rows(text, structure, structure);
    }

    /// The fields of a part; those of a link, which many have among theirs, are told on its page.
    fn rows(&mut self, text: &mut String, structure: &Structure, part: &Structure) {
        for field in &part.fields {
            match (&field.presence, (field.shape)()) {
                (Presence::Flatten, Shape::Struct(inner)) if inner().name == "LinkOptions" => {
                    text.push_str("| … | | | The fields of a [link](link.md). |\n");
                }
                (Presence::Flatten, Shape::Struct(inner)) => self.rows(text, structure, &inner()),
                _ => self.row(text, structure, field),
            }
        }
    }

    fn row(&mut self, text: &mut String, structure: &Structure, field: &Field) {
        let mut path = field.name.to_string();
        if structure.component.is_none() && !self.told.is_empty() {
            path = format!("{}.{}", structure.name, field.name);
        }
        let kind = self.kind(&path, field.name, &(field.shape)());
        let absent = match &field.presence {
            Presence::Required => "**must be there**".to_string(),
            Presence::Optional | Presence::Flatten => "none".to_string(),
            Presence::Default(value) => default(value),
        };
        let mut meaning = field.doc.clone();
        for (bound, words) in [(&field.least, "At least"), (&field.most, "At most")] {
            if let Some(bound) = bound {
                write!(meaning, " {words} {}.", bare(bound)).expect("text grows");
            }
        }
        if field.live {
            meaning.push_str(" *May change while running.*");
        }
        if let Some(sibling) = field.beside {
            write!(meaning, " The fields of its [link](link.md) may stand beside it, under `{sibling}`.")
                .expect("text grows");
        }
        writeln!(text, "| `{}` | {kind} | {absent} | {} |", field.name, cell(&meaning)).expect("text grows");
    }

    /// What may stand at a field, in words.
    fn kind(&mut self, path: &str, name: &str, shape: &Shape) -> String {
        match shape {
            Shape::Bool => "`true` or `false`".to_string(),
            Shape::Text => "text".to_string(),
            Shape::Quantity(quantity) => quantity_words(*quantity).to_string(),
            Shape::Name(what) => format!("the name of {what}"),
            Shape::Choice(choices) => {
                if choices.iter().any(|choice| !choice.doc.is_empty())
                    && !self.words.iter().any(|(known, _)| known == path)
                {
                    self.words.push((path.to_string(), choices.clone()));
                }
                let words: Vec<String> = choices.iter().map(|choice| format!("`{}`", choice.word)).collect();
                words.join(", ")
            }
            Shape::Syntax { doc, .. } => cell(doc.trim_end_matches('.')),
            Shape::List(inner) => format!("a list: {}", self.kind(path, name, inner)),
            Shape::Map(inner) if matches!(**inner, Shape::Map(_)) => {
                "one of these words with fields of its own: `{ word: { … } }`".to_string()
            }
            Shape::Map(inner) => format!("a map from names: {}", self.kind(path, name, inner)),
            Shape::Any(shapes) if shapes.is_empty() => "anything".to_string(),
            Shape::Any(shapes) => {
                let mut all: Vec<String> = Vec::new();
                for shape in shapes {
                    let one = self.kind(path, name, shape);
                    if !all.contains(&one) {
                        all.push(one);
                    }
                }
                all.join(", or ")
            }
            Shape::Struct(structure) => self.part(name, structure()),
            Shape::Named(type_name, inner) => match page_of(type_name) {
                Some(page) => format!("a [{page}]({page}.md)"),
                None if *type_name == "Component" => "a component, by its `type`".to_string(),
                None => self.kind(path, name, &inner()),
            },
        }
    }

    /// A map with fields of its own: on its page, or further down.
    fn part(&mut self, name: &str, structure: Structure) -> String {
        if let Some(page) = page_of(structure.name) {
            return format!("a [{page}]({page}.md)");
        }
        let heading = match self.told.get(structure.name) {
            Some(known) => known.clone(),
            None => {
                let heading = heading(name, structure.name);
                self.told.insert(structure.name, heading.clone());
                self.waiting.push((heading.clone(), structure));
                heading
            }
        };
        if heading.is_empty() {
            return "the same again".to_string();
        }
        format!("[{heading}](#{})", anchor(&heading))
    }

    /// What waits, and what that speaks of.
    fn others(&mut self, text: &mut String) {
        self.choices(text);
        while !self.waiting.is_empty() {
            let (heading, structure) = self.waiting.remove(0);
            write!(text, "\n## {heading}\n\n{}\n", structure.doc).expect("text grows");
            self.table(text, &structure);
            self.choices(text);
        }
    }

    fn choices(&mut self, text: &mut String) {
        for (path, choices) in std::mem::take(&mut self.words) {
            let field = path.rsplit('.').next().expect("a path has a name");
            write!(text, "\nWords of `{field}`:\n\n").expect("text grows");
            for choice in choices {
                writeln!(text, "- `{}`: {}", choice.word, choice.doc).expect("text grows");
            }
        }
    }
}

/// `queue`, or the type in words where that is more.
fn heading(name: &str, type_name: &str) -> String {
    let mut words = String::new();
    for (at, letter) in type_name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    if words.split(' ').next_back() == Some(name) || words == name {
        name.to_string()
    } else {
        format!("{name}: {words}")
    }
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn default(value: &Value) -> String {
    match value {
        Value::List(items) if items.is_empty() => "none".to_string(),
        Value::Map(entries) if entries.is_empty() => "none".to_string(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_) | Value::Map(_) => {
            format!("`{}`", bare(value))
        }
    }
}

fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => plain(value).to_string(),
    }
}

/// Text in a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn quantity_words(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Time => "a time: `\"20ms\"`",
        Quantity::Rate => "a rate: `\"800/s\"`",
        Quantity::Size => "a size: `\"4KiB\"`",
        Quantity::Bandwidth => "a bandwidth: `\"1Gbps\"`",
        Quantity::Cores => "cores: `2`, `\"500m\"`",
        Quantity::Share => "a share: `\"5%\"`",
        Quantity::Count => "a whole number",
        Quantity::Factor => "a number",
        Quantity::TimeDistribution => "a [time or distribution](units.md#distributions): `\"exp(4ms)\"`",
        Quantity::SizeDistribution => "a [size or distribution](units.md#distributions): `\"exp(4KiB)\"`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_component_has_a_page_that_tells_all_its_fields() {
        let pages = pages();
        for structure in components::structures() {
            let kind = structure.component.expect("it is a component's");
            let page = pages.iter().find(|page| page.name == kind).expect("it has a page");
            for field in structure.written_fields() {
                assert!(page.text.contains(&format!("| `{}` |", field.name)), "{kind}.{}", field.name);
            }
            assert!(
                page.text.contains("## What it leaves out") && page.text.contains("## What it was checked"),
                "{kind}"
            );
        }
    }

    #[test]
    fn links_lead_somewhere() {
        let pages = pages();
        let anchors = |text: &str| -> Vec<String> {
            text.lines().filter_map(|line| line.strip_prefix("## ")).map(anchor).collect()
        };
        let mut links = 0;
        for page in &pages {
            for link in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                links += 1;
                let found = match link.strip_prefix('#') {
                    Some(section) => anchors(&page.text).iter().any(|known| known == section),
                    None => {
                        let (page, section) = link.split_once('#').unwrap_or((link, ""));
                        let other = pages.iter().find(|other| format!("{}.md", other.name) == page);
                        let is_section =
                            |text: &str| section.is_empty() || anchors(text).iter().any(|known| known == section);
                        other.is_some_and(|other| is_section(&other.text))
                    }
                };
                assert!(found, "{}: {link}", page.name);
            }
        }
        assert!(links > 50, "{links}");
    }
}
