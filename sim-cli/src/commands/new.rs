//! `kneepoint new`: a model to begin with.

use std::path::{Path, PathBuf};

use clap::Args;
use sim_core::model::document::Document;

use crate::error::{Failure, clean, say};
use crate::files::{Output, make_folder_of};
use crate::render::text::{Align, Columns, QUIET, STRONG, paint, shorten};

const AFTER_HELP: &str = "\
Examples:
  kneepoint new                              # what there is to begin with
  kneepoint new minimal -o shop.json
  kneepoint new pool-size -o my.json
  kneepoint new web-shop | kneepoint run -";

/// Begin with a model of the gallery, or with a small one
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct New {
    /// Which; left out, they are listed
    name: Option<String>,
    /// Write it to a file, which must not be there yet
    #[arg(long, short, value_name = "FILE", requires = "name")]
    output: Option<PathBuf>,
}

/// Two parts, and all that a model must have.
const MINIMAL: &str = r#"{
  "format": 1,
  "name": "My system",
  "run": { "warmup": "10s", "duration": "1m" },
  "components": {
    "users": { "type": "client", "to": "web", "arrivals": { "rate": "100/s" } },
    "web": { "type": "server-pool", "replicas": 2, "handlers": { "*": [ { "cpu": "exp(10ms)" } ] } }
  },
  "objectives": [ "p99 < 200ms", "error_rate < 0.1%" ]
}
"#;

/// A model of the gallery: its name and text, and the file that it needs.
struct Starter {
    name: &'static str,
    ending: &'static str,
    text: &'static str,
    /// At most one: its place beside the model, and its text.
    data: &'static [(&'static str, &'static str)],
}

macro_rules! gallery {
    ($($name:literal $ending:literal $(with $data:literal)?),* $(,)?) => {
        &[$(Starter {
            name: $name,
            ending: $ending,
            text: include_str!(concat!("../../../models/", $name, ".", $ending)),
            data: &[$(($data, include_str!(concat!("../../../models/", $data))))?],
        }),*]
    };
}

const GALLERY: &[Starter] = gallery![
    "web-shop" "json",
    "one-queue" "json",
    "pool-size" "json",
    "cache-sizes" "yaml",
    "hot-shard" "json",
    "slow-replica" "json",
    "retry-storm" "json",
    "autoscaler-spike" "json",
    "one-or-eight" "json",
    "fan-out" "json",
    "two-level-cache" "json",
    "blocking-async" "yaml",
    "back-pressure" "yaml",
    "breaker" "json",
    "cache-strategies" "yaml",
    "cdn-purge" "yaml",
    "dying-server" "yaml",
    "eviction" "yaml",
    "gc-pauses" "yaml",
    "hedging" "json",
    "hpa-tuning" "yaml",
    "knee" "yaml",
    "many-pools" "yaml",
    "metastable" "json",
    "n-plus-one" "yaml",
    "overload" "yaml",
    "rate-limits" "json",
    "replication-lag" "yaml",
    "rolling-deploy" "yaml",
    "stampede" "yaml",
    "whole-shop" "yaml",
    "write-behind-crash" "yaml",
    "zone-outage" "yaml",
    "access-log" "json" with "data/access.log",
];

impl New {
    pub fn execute(self) -> Result<(), Failure> {
        let Some(name) = &self.name else { return Output::default().write(&list()) };
        let minimal = Starter { name: "minimal", ending: "json", text: MINIMAL, data: &[] };
        let found = GALLERY.iter().chain([&minimal]).find(|starter| starter.name == name);
        let starter = found.ok_or_else(|| {
            let names: Vec<&str> = ["minimal"].into_iter().chain(GALLERY.iter().map(|starter| starter.name)).collect();
            Failure::Wrong(format!("there is no starter {}; there are {}", clean(name), names.join(", ")))
        })?;
        let text = without_schema(starter.text);
        let Some(path) = &self.output else { return Output::default().write(&text) };
        check_ending(path, starter)?;
        let data =
            starter.data.first().map(|&(data, content)| (path.parent().unwrap_or(Path::new("")).join(data), content));
        let files = [Some((path.clone(), text.as_str())), data];
        for (path, _) in files.iter().flatten() {
            if path.exists() {
                return Err(Failure::Wrong(format!("{} is there already", clean(&path.display().to_string()))));
            }
        }
        let [model, data] = files;
        if let Some((path, _)) = &data {
            make_folder_of(path)?;
        }
        // What it needs first, so that no model is left without.
        for (path, content) in [data, model].into_iter().flatten() {
            Output(Some(path.clone())).write(content)?;
            say(&format!("wrote {}", clean(&path.display().to_string())));
        }
        Ok(())
    }
}

fn check_ending(path: &Path, starter: &Starter) -> Result<(), Failure> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let is_yaml = matches!(ending.as_str(), "yaml" | "yml");
    if is_yaml == (starter.ending == "yaml") {
        return Ok(());
    }
    let shown = clean(&path.display().to_string());
    Err(Failure::Wrong(format!(
        "{} is written in {}: give {shown} the ending .{}",
        starter.name,
        starter.ending.to_uppercase(),
        starter.ending
    )))
}

/// Without the line that names the schema in the gallery's folder: elsewhere there is none.
fn without_schema(text: &str) -> String {
    let names_it =
        |line: &&str| line.trim() == "\"$schema\": \"schema.json\"," || line.starts_with("# yaml-language-server:");
    text.lines().filter(|line| !names_it(line)).flat_map(|line| [line, "\n"]).collect()
}

fn list() -> String {
    let mut columns = Columns::new(&[Align::Left, Align::Left]);
    columns.row(vec!["minimal".to_owned(), "A client and two servers".to_owned()]);
    for starter in GALLERY {
        let title = Document::parse(starter.text, &format!("{}.{}", starter.name, starter.ending))
            .ok()
            .and_then(|document| document.get("name")?.text().map(str::to_owned))
            .unwrap_or_default();
        columns.row(vec![starter.name.to_owned(), shorten(&title, 70)]);
    }
    let hint = "kneepoint new NAME -o FILE writes one; models complete in editors with kneepoint schema -o schema.json";
    format!("{}\n{}\n\n{}\n", paint(STRONG, "To begin with"), columns.lines().join("\n"), paint(QUIET, hint))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sim_core::Model;
    use sim_core::model::Files;

    use super::*;

    struct Own(&'static [(&'static str, &'static str)]);

    impl Files for Own {
        fn read(&self, path: &str) -> Result<Vec<u8>, String> {
            let found = self.0.iter().find(|(name, _)| *name == path);
            found.map(|(_, content)| content.as_bytes().to_vec()).ok_or(format!("no {path}"))
        }
    }

    #[test]
    fn each_is_a_right_model_without_a_schema() {
        let minimal = Starter { name: "minimal", ending: "json", text: MINIMAL, data: &[] };
        for starter in GALLERY.iter().chain([&minimal]) {
            let text = without_schema(starter.text);
            assert!(!text.contains("schema"), "{}", starter.name);
            let name = format!("{}.{}", starter.name, starter.ending);
            let model = Model::parse(&text, &name, &[], &Own(starter.data));
            assert!(model.is_ok(), "{name}: {model:?}");
        }
    }

    #[test]
    fn the_whole_gallery_is_there() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        for entry in fs::read_dir(folder).expect("the gallery is there").flatten() {
            let path = entry.path();
            let stem = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            let is_model = matches!(path.extension().and_then(|ending| ending.to_str()), Some("json" | "yaml"));
            assert!(!is_model || stem == "schema" || GALLERY.iter().any(|starter| starter.name == stem), "{stem}");
        }
    }
}
