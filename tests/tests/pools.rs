//! What connection pools do, where the figures can be told beforehand.

use sim_core::model::{Model, NoFiles};
use sim_core::{Plan, Report};

/// A client that calls a pool once every 100 ms, for 10 s; a query takes 10 ms.
fn run(pool: &str) -> Report {
    let text = format!(
        r#"{{ "format": 1, "run": {{ "duration": "10s" }}, "components": {{
            "client": {{ "type": "client", "to": "pool", "arrivals": {{ "rate": "10/s", "process": "constant" }} }},
            "pool": {{ "type": "connection-pool", "to": "db", "size": 2, {pool} }},
            "db": {{ "type": "database", "operations": {{ "read": "10ms" }} }} }} }}"#
    );
    let (model, _) = Model::parse(&text, "pool.json", &[], &NoFiles).expect("a right model");
    sim_core::simulate(&Plan::compile(&model, &NoFiles).expect("it compiles"), 1)
}

fn mean_wait(report: &Report) -> f64 {
    report.components["pool"].wait.as_ref().and_then(|wait| wait.mean_s).expect("calls came")
}

#[test]
fn a_wait_ends_with_the_connection_in_hand() {
    // The first of 99 calls opens the connection, the others find it.
    let mean = mean_wait(&run(r#""connect": "5ms""#));
    assert!((mean - 0.005 / 99.0).abs() < 1e-9, "{mean}");
}

#[test]
fn an_idle_connection_is_closed_in_time() {
    let mean = mean_wait(&run(r#""connect": "5ms", "idle_timeout": "50ms""#));
    assert!((mean - 0.005).abs() < 1e-9, "every call opens one: {mean}");
    let mean = mean_wait(&run(r#""connect": "5ms", "idle_timeout": "95ms""#));
    assert!((mean - 0.005 / 99.0).abs() < 1e-9, "the first call opens one: {mean}");
}
