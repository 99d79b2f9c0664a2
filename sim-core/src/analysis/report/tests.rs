//! What is written reads back.

use super::*;

#[test]
fn an_empty_report_reads_back() {
    let report = Report { kind: "run".into(), format: REPORT_FORMAT, ..Report::default() };
    let text = serde_json::to_string(&report).expect("a report is serialisable");
    assert!(text.starts_with(
        r#"{"kind":"run","format":1,"engine":"","seed":0,"model_digest":"","digest":"","ended":"complete","window""#
    ));
    assert_eq!(serde_json::from_str::<Report>(&text).expect("it reads back"), report);
}

#[test]
fn a_stopped_run_says_where() {
    let ended = Ended::Stopped(Stopped { reason: "limit".into(), at_s: 1.5, queue: Some("web.cores".into()) });
    let text = serde_json::to_string(&ended).expect("serialisable");
    assert_eq!(text, r#"{"stopped":{"reason":"limit","at_s":1.5,"queue":"web.cores"}}"#);
    assert_eq!(serde_json::from_str::<Ended>(&text).expect("it reads back"), ended);
}

#[test]
fn tallies_beyond_64_bits_survive() {
    for value in [0, 17, u128::from(u64::MAX), u128::from(u64::MAX) + 1, u128::MAX] {
        let entry = AuditEntry { check: "x".into(), left: value, right: value, ok: true };
        let text = serde_json::to_string(&entry).expect("serialisable");
        assert_eq!(serde_json::from_str::<AuditEntry>(&text).expect("it reads back"), entry, "{text}");
    }
}

#[test]
fn unknown_percentiles_are_null_and_bounds_are_beside_them() {
    let latency = Latency { count: 1, p99_at_least_s: Some(2.0), ..Latency::default() };
    let text = serde_json::to_string(&latency).expect("serialisable");
    assert!(text.contains(r#""p99_s":null,"p99_at_least_s":2.0"#), "{text}");
    assert!(!text.contains("p50_at_least_s"), "{text}");
}
