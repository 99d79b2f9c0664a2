//! Times runs of a model, one after the other: `cargo run --release -p sim-core --example spin MODEL [RUNS]`.

fn main() {
    let text = std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
    let n: u64 = std::env::args().nth(2).map_or(1, |n| n.parse().unwrap());
    let (model, _) = sim_core::Model::parse(&text, "x.json", &[], &sim_core::model::NoFiles).unwrap();
    let plan = sim_core::Plan::compile(&model, &sim_core::model::NoFiles).unwrap();
    for seed in 0..n {
        let t = std::time::Instant::now();
        let r = sim_core::simulate(&plan, seed);
        println!(
            "{} {:.1} ns {}",
            r.requests.offered,
            t.elapsed().as_secs_f64() * 1e9 / r.requests.offered as f64,
            r.digest
        );
    }
}
