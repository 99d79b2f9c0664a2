//! What no compiler looks at: machine paths, `unwrap`, long files, models that don't parse.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace is there")
}

/// The tracked files of the workspace, by ending.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the workspace is readable").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" && name != "node_modules" {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The part of a source file before its tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

fn is_test(path: &Path) -> bool {
    path.components()
        .any(|part| ["tests", "benches", "examples", "wasm-harness"].iter().any(|name| part.as_os_str() == *name))
}

#[test]
fn no_path_of_a_machine() {
    // Put together, so that this file has none of them.
    let marks =
        [["/ho", "me/"].concat(), ["/Us", "ers/"].concat(), ["C:\\", "Users"].concat(), ["/ro", "ot/"].concat()];
    for path in files(&[".rs", ".md", ".toml", ".json", ".yaml", ".yml", ".html", ".css", ".snap"]) {
        let text = text(&path);
        for mark in &marks {
            assert!(!text.contains(mark.as_str()), "{} has {mark}", path.display());
        }
    }
}

#[test]
fn every_model_parses() {
    let folder = root().join("models");
    let models = files(&[".json", ".yaml"]).into_iter().filter(|path| path.starts_with(&folder));
    for path in models.filter(|path| path.file_name().is_some_and(|name| name != "schema.json")) {
        let beside = tests::Beside(path.parent().expect("it is in a folder").to_path_buf());
        let parsed = sim_core::Model::parse(&text(&path), &path.to_string_lossy(), &[], &beside);
        if let Err(mistakes) = parsed {
            panic!("{}: {}", path.display(), tests::listed(&mistakes));
        }
    }
}

/// What CONTRIBUTING shows is compiled and tried.
#[test]
fn the_example_of_a_component_is_tried() {
    let (shown, tried) =
        (text(&root().join("CONTRIBUTING.md")), text(&root().join("sim-core/src/components/example.rs")));
    let blocks: Vec<&str> = shown.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        // What is left out is told in a comment.
        let block = block.split("\n    // And").next().unwrap_or(block).trim_end();
        assert!(tried.contains(block), "components/example.rs is not as CONTRIBUTING.md shows it:\n{block}");
    }
}

/// `expect` says why it holds; `unwrap` says nothing.
#[test]
fn no_unwrap_outside_of_tests() {
    let call = [".unw", "rap()"].concat();
    for path in files(&[".rs"]).into_iter().filter(|path| !is_test(path)) {
        for (number, line) in without_tests(&text(&path)).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            assert!(!code.contains(&call), "{}:{}: {}", path.display(), number + 1, line.trim());
        }
    }
}

/// Files have one noun; these have a reason to be longer than 500 lines of code.
const LONG: [(&str, &str); 2] = [
    ("sim-core/src/world/call.rs", "a call from its beginning to its end, with all that can happen to it"),
    ("sim-core/src/world/seize.rs", "what frames do at stations"),
];

#[test]
fn files_are_short() {
    let root = root();
    for path in files(&[".rs"]).into_iter().filter(|path| !is_test(path)) {
        let lines = without_tests(&text(&path)).lines().count();
        let name = path.strip_prefix(&root).expect("it is below").to_string_lossy().replace('\\', "/");
        let allowed = LONG.iter().any(|(long, _)| *long == name);
        assert!(lines <= 500 || allowed, "{name} has {lines} lines of code: divide it, or say why not");
    }
}
