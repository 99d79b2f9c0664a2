//! The transcripts in the README and in the pages are what the tool answers.
//!
//! In every fenced `console` block, each line `$ kneepoint …` is run and what follows it is compared with what the tool
//! writes to stdout; with `2>&1` stderr is part of it. A line `…` stands for any number of lines, and `$ echo $?` shows the
//! last exit code. Other commands (`$ cargo …`) are left alone, with what follows them. Each block has a folder of its own
//! in which `models/` is the gallery, and in which stand the files that the page has before it: a fenced block below a line
//! `<!-- file: shop.json -->`, or, for readers to not see it, the lines of a remark that begins with `<!-- file: bad.json`.
//!
//! `KNEEPOINT_WRITE=1 cargo test -p sim-cli --test docs` writes the transcripts anew.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace is there")
}

/// The README and the pages.
fn pages() -> Vec<PathBuf> {
    let folder = root().join("sim-cli/docs");
    let entries = fs::read_dir(folder).expect("the pages are there");
    let pages = entries.map(|entry| entry.expect("the folder is readable").path());
    let mut pages: Vec<PathBuf> = pages.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect();
    pages.push(root().join("README.md"));
    pages.sort();
    pages
}

/// A `console` block of a page.
#[derive(Debug, PartialEq)]
struct Block {
    /// The number of its first line in the page, from 0; the fence is the line before.
    start: usize,
    /// What stands between the fences.
    lines: Vec<String>,
    /// The files that the page has shown so far.
    files: BTreeMap<String, String>,
}

/// How a page names the file that follows.
const FILE: &str = "<!-- file: ";
const END: &str = "-->";

/// The `console` blocks of a page.
fn blocks(page: &str) -> Vec<Block> {
    let lines: Vec<&str> = page.lines().collect();
    let (mut found, mut files, mut at) = (Vec::new(), BTreeMap::new(), 0);
    while at < lines.len() {
        let fence = lines[at].strip_prefix("```");
        let hidden = lines[at].strip_prefix(FILE).filter(|name| !name.ends_with(END));
        if fence.is_none() && hidden.is_none() {
            at += 1;
            continue;
        }
        let (start, close) = (at + 1, if fence.is_some() { "```" } else { END });
        let length = lines[start..].iter().position(|line| *line == close);
        let end = start + length.unwrap_or_else(|| panic!("line {start}: the block has no end"));
        let above = lines[..at].iter().rev().find(|line| !line.is_empty());
        let shown = above.and_then(|line| Some(line.strip_prefix(FILE)?.strip_suffix(END)?.trim_end()));
        if let Some(name) = hidden.or(shown) {
            files.insert(name.to_owned(), lines[start..end].join("\n") + "\n");
        }
        if fence == Some("console") {
            let lines = lines[start..end].iter().map(|line| (*line).to_owned()).collect();
            found.push(Block { start, lines, files: files.clone() });
        }
        at = end + 1;
    }
    found
}

/// The words of a command as a shell takes them.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut letters) = (Vec::new(), None::<String>, command.chars().peekable());
    let mut quote = None;
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(letters.next()),
            (None, ' ') => words.extend(word.take()),
            (None, '#') if word.is_none() => break,
            (None | Some(_), letter) => word.get_or_insert_default().push(letter),
        }
    }
    assert_eq!(quote, None, "a quote without its end: {command}");
    words.extend(word);
    words
}

/// Runs one command; gives what it writes and its exit code.
fn run(command: &str, folder: &Path) -> (String, Option<i32>) {
    let mut words = words(command);
    let both = words.last().is_some_and(|word| word == "2>&1");
    words.truncate(words.len() - usize::from(both));
    let (mut reader, writer) = std::io::pipe().expect("pipes are there");
    let mut kneepoint = Command::new(env!("CARGO_BIN_EXE_kneepoint"));
    kneepoint.args(&words[1..]).current_dir(folder).env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE");
    let stderr = if both { writer.try_clone().expect("pipes are there").into() } else { Stdio::null() };
    let mut child = kneepoint.stdin(Stdio::null()).stdout(writer).stderr(stderr).spawn().expect("the binary starts");
    // The command holds ends of the pipe, which would never be at its end.
    drop(kneepoint);
    let mut output = String::new();
    reader.read_to_string(&mut output).expect("the output is UTF-8");
    (output, child.wait().expect("it ends").code())
}

/// What the block should be.
fn answered(block: &Block, folder: &Path) -> Vec<String> {
    let (mut answered, mut lines, mut code) = (Vec::new(), block.lines.iter().peekable(), None);
    while let Some(line) = lines.next() {
        answered.push(line.clone());
        let Some(first) = line.strip_prefix("$ ") else { continue };
        let mut command = first.to_owned();
        while command.ends_with('\\') {
            let more = lines.next().unwrap_or_else(|| panic!("{command}: nothing follows"));
            answered.push(more.clone());
            command = format!("{} {}", command.trim_end_matches('\\').trim_end(), more.trim());
        }
        let is_ours = command.split(' ').next() == Some("kneepoint");
        if !is_ours && command != "echo $?" {
            continue;
        }
        let mut shown = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
            shown.push(line.clone());
        }
        let output = if is_ours {
            let (output, ended) = run(&command, folder);
            code = ended;
            output
        } else {
            format!("{}\n", code.expect("a command ran before and was not killed"))
        };
        let output: Vec<String> = output.lines().map(|line| line.trim_end().to_owned()).collect();
        answered.extend(if matches(&shown, &output) { shown } else { shortened(&shown, output) });
    }
    answered
}

const ANY: &str = "…";

/// Whether the output is what is shown, where `…` stands for any lines.
fn matches(shown: &[String], output: &[String]) -> bool {
    match shown.split_first() {
        None => output.is_empty(),
        Some((first, rest)) if first == ANY => (0..=output.len()).any(|from| matches(rest, &output[from..])),
        Some((first, rest)) => output.first() == Some(first) && matches(rest, &output[1..]),
    }
}

/// The output, left out where what is shown has left it out: as many lines at the beginning and the end, and between
/// them those that begin with the same word.
fn shortened(shown: &[String], output: Vec<String>) -> Vec<String> {
    let parts: Vec<&[String]> = shown.split(|line| line == ANY).collect();
    let (mut short, mut at) = (Vec::new(), 0);
    for (number, part) in parts.iter().enumerate() {
        let is_start =
            |line: &String| part.first().is_some_and(|first| line.split(' ').next() == first.split(' ').next());
        let from = match number {
            0 => Some(0),
            _ if number + 1 == parts.len() => Some(output.len().saturating_sub(part.len()).max(at)),
            _ => output[at..].iter().position(is_start).map(|after| at + after),
        };
        let Some(from) = from else { return output };
        if number > 0 {
            short.push(ANY.to_owned());
        }
        at = (from + part.len()).min(output.len());
        short.extend_from_slice(&output[from..at]);
    }
    if parts.len() == 1 { output } else { short }
}

/// A folder for a block: the gallery, and the files that the page has shown.
fn folder(block: &Block, number: usize) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("kneepoint-docs-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
    let copies = [("models", "models"), ("models/data", "models/data")];
    for (from, to) in copies {
        fs::create_dir_all(folder.join(to)).expect("it is writable");
        for entry in fs::read_dir(root().join(from)).expect("the gallery is there").flatten() {
            if entry.path().is_file() {
                fs::copy(entry.path(), folder.join(to).join(entry.file_name())).expect("it is writable");
            }
        }
    }
    for (name, text) in &block.files {
        fs::write(folder.join(name), text).expect("it is writable");
    }
    folder
}

#[test]
fn transcripts_are_what_the_tool_answers() {
    let pages: Vec<(PathBuf, String)> =
        pages().into_iter().map(|path| (path.clone(), fs::read_to_string(path).expect("a page is text"))).collect();
    let all =
        pages.iter().enumerate().flat_map(|(page, (_, text))| blocks(text).into_iter().map(move |block| (page, block)));
    let all: Vec<(usize, Block)> = all.collect();
    let (next, changed) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || {
        while let Some((page, block)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let folder = folder(block, page * 1000 + block.start);
            let answered = answered(block, &folder);
            fs::remove_dir_all(folder).expect("it was made here");
            if answered != block.lines {
                changed.lock().expect("nobody panics with it").insert((*page, block.start), (block, answered));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let changed = changed.into_inner().expect("nobody panicked");
    if std::env::var_os("KNEEPOINT_WRITE").is_some() {
        for (number, (path, text)) in pages.iter().enumerate() {
            let mut lines: Vec<&str> = text.lines().collect();
            // From the last one, so that the numbers of those before stay.
            for ((_, start), (block, answered)) in changed.iter().rev().filter(|((page, _), _)| *page == number) {
                lines.splice(*start..start + block.lines.len(), answered.iter().map(String::as_str));
            }
            if changed.keys().any(|(page, _)| *page == number) {
                fs::write(path, lines.join("\n") + "\n").expect("the page is writable");
            }
        }
        return;
    }
    for ((page, start), (block, answered)) in &changed {
        let (shown, is) = (block.lines.join("\n"), answered.join("\n"));
        eprintln!("{}:{start} shows\n{shown}\n\nand the tool answers\n{is}\n", pages[*page].0.display());
    }
    assert!(changed.is_empty(), "KNEEPOINT_WRITE=1 cargo test -p sim-cli --test docs writes {} anew", changed.len());
}

#[test]
fn every_page_is_in_the_index() {
    let folder = root().join("sim-cli/docs");
    let index = fs::read_to_string(folder.join("README.md")).expect("the index is there");
    for page in pages().iter().filter(|page| page.parent() == Some(&folder)) {
        let name = page.file_name().expect("a file has a name").to_string_lossy();
        assert!(name == "README.md" || index.contains(&format!("({name})")), "{name} is not in sim-cli/docs/README.md");
    }
    for link in index.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(folder.join(link).exists(), "sim-cli/docs/README.md links to {link}, which is not there");
    }
}

/// The reference's pages and their index are what is declared in the core.
#[test]
fn the_reference_is_what_is_declared() {
    let folder = root().join("sim-cli/docs/reference");
    let pages = sim_core::model::reference::pages();
    let mut index = "# What a model may hold\n\nMade from the declarations that the reader goes by; `kneepoint reference PART` shows the same.\n\n| part | what it is |\n|---|---|\n".to_owned();
    for page in &pages {
        index += &format!("| [`{0}`]({0}.md) | {1} |\n", page.name, page.summary);
    }
    let index = ("README.md".to_owned(), index);
    let files = pages.into_iter().map(|page| (format!("{}.md", page.name), page.text));
    let files: BTreeMap<String, String> = files.chain([index]).collect();
    if std::env::var_os("KNEEPOINT_WRITE").is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the pages' folder is writable");
        files.iter().for_each(|(name, text)| fs::write(folder.join(name), text).expect("it is writable"));
    }
    let there = fs::read_dir(&folder).expect("the reference is there").map(|entry| {
        let path = entry.expect("the folder is readable").path();
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        (name, fs::read_to_string(&path).expect("a page is text"))
    });
    let there: BTreeMap<String, String> = there.collect();
    let stale: Vec<&String> =
        files.iter().filter(|(name, text)| there.get(*name) != Some(text)).map(|page| page.0).collect();
    assert!(
        stale.is_empty() && there.len() == files.len(),
        "KNEEPOINT_WRITE=1 cargo test -p sim-cli --test docs writes {stale:?} anew"
    );
}

/// The SLO gate is a workflow whose commands there are.
#[test]
fn the_slo_gate_is_a_workflow() {
    let path = root().join("sim-cli/docs/slo-gate.yml");
    let text = fs::read_to_string(path).expect("the workflow is there");
    let workflow = sim_core::model::document::Document::parse(&text, "slo-gate.yml").expect("it is YAML");
    let steps = ["jobs", "slo", "steps"].iter().fold(&workflow.root, |node, key| node.get(key).expect(key)).items();
    assert!(
        workflow.root.get("on").is_some()
            && steps.iter().all(|step| step.get("uses").is_some() != step.get("run").is_some())
    );
    let commands: Vec<&str> = steps.iter().filter_map(|step| step.get("run")?.text()).collect();
    for command in ["check", "run"] {
        let line =
            commands.iter().find_map(|text| text.split_once(&format!("release/kneepoint {command} "))).expect(command);
        let (help, _) = run(&format!("kneepoint {command} --help"), &root());
        for flag in line.1.split_whitespace().take_while(|word| *word != "|").filter(|word| word.starts_with("--")) {
            assert!(help.contains(&format!("{flag} ")), "{command} has no {flag}");
        }
    }
}

#[test]
fn commands_are_taken_apart_as_by_a_shell() {
    let cases: &[(&str, &[&str])] = &[
        ("kneepoint run a.json", &["kneepoint", "run", "a.json"]),
        ("a  'b c' \"d 'e'\"", &["a", "b c", "d 'e'"]),
        (r#"a --set 'x=["p50 < 1us"]' it\'s ''"#, &["a", "--set", r#"x=["p50 < 1us"]"#, "it's", ""]),
        ("a b#c # a remark", &["a", "b#c"]),
    ];
    for (command, expected) in cases {
        assert_eq!(words(command), *expected, "{command}");
    }
}

#[test]
fn blocks_know_their_files_and_what_is_left_out() {
    let page = "<!-- file: a.json -->\n\n```json\n{}\n```\n<!-- file: b.json\n[]\n-->\n```console\n$ kneepoint check a.json\n…\n```\n";
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let files = BTreeMap::from([file("a.json", "{}\n"), file("b.json", "[]\n")]);
    let lines = vec!["$ kneepoint check a.json".to_owned(), "…".to_owned()];
    assert_eq!(blocks(page), [Block { start: 9, lines, files }]);

    let of = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for (shown, output, expected) in [
        ("a b", "a b", true),
        ("a", "a b", false),
        ("a …", "a b c", true),
        ("… c", "a b c", true),
        ("a … d … f", "a b c d e f", true),
        ("a … x … f", "a b c d e f", false),
        ("…", "a b", true),
    ] {
        assert_eq!(matches(&of(shown), &of(output)), expected, "{shown} | {output}");
    }
    assert_eq!(shortened(&of("a b"), of("x y z")), of("x y z"));
    assert_eq!(shortened(&of("a … d … f"), of("x y d z u v")), of("x … d … v"));
    assert_eq!(shortened(&of("a …"), of("x y")), of("x …"));
}
