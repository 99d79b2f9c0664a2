use std::fs;

use sim_core::experiment::Job;

use super::*;

fn header() -> Header {
    Header {
        journal: FORMAT,
        engine: "kneepoint 9.9.9".into(),
        models: vec!["00000000000000aa".into()],
        seed: 42,
        figures: vec!["p99".into(), "mean".into()],
    }
}

fn record(replication: u32) -> Record {
    Record {
        job: Job { point: 3, replication },
        seed: 7,
        model: "00000000000000bb".into(),
        digest: format!("{replication:016x}"),
        stopped: None,
        offered: 100,
        values: vec![Some(0.1 + 0.2), None],
    }
}

fn text(records: u32) -> String {
    (0..records).fold(line(&header()), |text, replication| text + &line(&record(replication)))
}

fn replications(found: &Found) -> Vec<u32> {
    found.records.iter().flat_map(|records| records.keys().map(|(_, replication)| *replication)).collect()
}

#[test]
fn lines_are_json_and_read_back() {
    let line = line(&record(1));
    let value: serde_json::Value = serde_json::from_str(&line).expect("each line is JSON");
    assert_eq!((&value["point"], &value["replication"]), (&3.into(), &1.into()));
    let body = body(line.trim_end().as_bytes()).expect("the sum is right");
    assert_eq!(serde_json::from_str::<Record>(&body).expect("it reads back"), record(1));
    for at in 0..line.len() - 1 {
        let mut other = line.trim_end().as_bytes().to_vec();
        other[at] ^= 1;
        assert_eq!(super::body(&other), None, "byte {at} differs");
    }
}

#[test]
fn whatever_a_journal_is_torn_at_its_whole_lines_are_kept() {
    let whole = text(3);
    let ends: Vec<usize> = whole.match_indices('\n').map(|(at, _)| at + 1).collect();
    for length in 0..=whole.len() {
        let found = read(&whole.as_bytes()[..length], &header(), &line(&header())).expect("it can be gone on from");
        let lines = ends.iter().filter(|end| **end <= length).count();
        assert_eq!(found.records.is_some(), lines > 0, "{length}");
        assert_eq!(replications(&found).len(), lines.saturating_sub(1), "{length}");
        assert_eq!(found.length as usize, if lines > 0 { ends[lines - 1] } else { 0 }, "{length}");
        assert_eq!(found.damaged, [0; 0], "{length}");
    }
}

#[test]
fn damaged_lines_are_run_again() {
    let damaged = text(3).replacen("\"replication\":1", "\"replication\":9", 1);
    let found = read(damaged.as_bytes(), &header(), "").expect("it can be gone on from");
    assert_eq!((replications(&found), found.damaged), (vec![0, 2], vec![3]));
    assert_eq!(found.length as usize, damaged.len());
    let rubbish = text(2) + "\0\0\0\0\n\0\0";
    let found = read(rubbish.as_bytes(), &header(), "").expect("it can be gone on from");
    assert_eq!((found.length as usize, found.damaged.len()), (text(2).len(), 0), "the end is dropped");
}

#[test]
fn journals_of_something_else_are_refused() {
    type Change = fn(&mut Header);
    let cases: [(Change, &str); 6] = [
        (|other| other.journal = 2, "is of format 2"),
        (
            |other| other.engine = "kneepoint 0.0.1".into(),
            "was written by kneepoint 0.0.1, and this is kneepoint 9.9.9",
        ),
        (|other| other.models[0] = "cc".into(), "model digest cc, here 00000000000000aa"),
        (|other| other.seed = 1, "is of seed 1, and this is seed 42"),
        (|other| other.figures = vec!["mean".into()], "doesn't keep p99"),
        (|other| other.figures.push("p50".into()), "keeps other figures"),
    ];
    for (change, expected) in cases {
        let mut other = header();
        change(&mut other);
        let found = read(line(&other).as_bytes(), &header(), "").expect_err(expected);
        assert!(found.contains(expected), "{found}");
    }
    for content in ["{}\n", "{\"format\": 1}", "\n", "a,b\n1,2\n"] {
        let found = read(content.as_bytes(), &header(), &line(&header())).expect_err(content);
        assert!(found.contains("is no journal"), "{content}: {found}");
    }
}

#[test]
fn what_was_waited_for_is_in_the_file() {
    let path = std::env::temp_dir().join(format!("kneepoint-{}-journal.jsonl", std::process::id()));
    let _ = fs::remove_file(&path);
    let mut file = Appended::open(&path).expect("the folder for temporary files is writable");
    assert!(Appended::open(&path).is_err_and(|failure| format!("{failure:?}").contains("in use")));
    assert_eq!(file.content().expect("readable"), b"");
    let writer = Writer::start(file);
    for number in 0..100 {
        writer.write(format!("{number}\n"));
        if number % 7 == 0 {
            writer.wait().expect("the disk is not full");
            let lines = fs::read_to_string(&path).expect("readable").lines().count();
            assert_eq!(lines, number + 1);
        }
    }
    drop(writer);
    let mut file = Appended::open(&path).expect("nobody has it any more");
    assert_eq!(file.content().expect("readable").iter().filter(|byte| **byte == b'\n').count(), 100);
    file.keep(4).expect("the disk is not full");
    file.append(b"x\n").expect("the disk is not full");
    assert_eq!(fs::read_to_string(&path).expect("readable"), "0\n1\nx\n");
    fs::remove_file(path).expect("it was made here");
}
