//! The simulator against queueing theory: twenty replications of each row, seeds from the row's name, and a rule that
//! was there before the figures.
//!
//! `KNEEPOINT_WRITE=1` writes the page; `KNEEPOINT_ROW=text` runs the rows with it in their names alone.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use sim_core::analysis::interval::Summary;
use statrs::distribution::{ChiSquared, ContinuousCDF, Normal, StudentsT};
use tests::theory::{Figure, Row, Rule, Run, rows};

const REPLICATIONS: usize = 20;
/// How far a mean may be from theory, in standard errors.
const ERRORS_MAX: f64 = 4.5;

fn page_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../sim-core/THEORY.md")
}

/// The seed of a replication: FNV-1a of the row's name, then of the number.
fn seed(name: &str, replication: usize) -> u64 {
    let bytes = name.bytes().chain([0]).chain((replication as u64).to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// By row: the figures of each replication.
fn simulate(rows: &[Row]) -> Vec<Vec<Vec<f64>>> {
    let plans: Vec<_> = rows.iter().map(|row| tests::plan(&row.model)).collect();
    let jobs: Vec<(usize, usize)> =
        (0..rows.len()).flat_map(|row| (0..REPLICATIONS).map(move |replication| (row, replication))).collect();
    let results = Mutex::new(vec![vec![Vec::new(); REPLICATIONS]; rows.len()]);
    let times = Mutex::new(vec![0.0; rows.len()]);
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(&(row, replication)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let began = std::time::Instant::now();
                    let run = Run::of(&plans[row], seed(rows[row].name, replication));
                    let figures = rows[row].figures.iter().map(|figure| (figure.read)(&run)).collect();
                    results.lock().expect("no thread died")[row][replication] = figures;
                    times.lock().expect("no thread died")[row] += began.elapsed().as_secs_f64();
                }
            });
        }
    });
    if std::env::var("KNEEPOINT_TIMES").is_ok() {
        for (row, time) in rows.iter().zip(times.lock().expect("no thread died").iter()) {
            eprintln!("{:50} {time:6.1} s", row.name);
        }
    }
    results.into_inner().expect("no thread died")
}

struct Judged {
    line: String,
    good: bool,
    /// How far it is from theory, as a standard normal deviate.
    deviate: Option<f64>,
}

fn judge(row: &Row, figure: &Figure, observations: &[f64]) -> Judged {
    let summary = Summary::of(observations).expect("there are replications");
    let half = summary.half_width(0.99).expect("there are several");
    let (exact, found) = (figure.exact, summary.mean);
    let errors = (found - exact) / summary.standard_error().max(f64::MIN_POSITIVE);
    let narrow = |share: f64| half <= share * found;
    let (good, counts) = match figure.rule {
        Rule::Mean => (errors.abs() <= ERRORS_MAX && narrow(0.01), true),
        Rule::Percentile => (errors.abs() <= ERRORS_MAX && narrow(0.03), true),
        Rule::Near(share) => ((found - exact).abs() <= share * exact && narrow(0.01), false),
        Rule::Above(share) => (found >= exact - half && found <= exact * (1.0 + share) && narrow(0.01), false),
    };
    // Student's t with 19 degrees of freedom, brought to a normal deviate.
    let student = StudentsT::new(0.0, 1.0, (REPLICATIONS - 1) as f64).expect("parameters are legal");
    let normal = Normal::new(0.0, 1.0).expect("parameters are legal");
    let deviate = normal.inverse_cdf(student.cdf(errors).clamp(1e-15, 1.0 - 1e-15));
    let verdict = match (good, counts) {
        (true, true) => format!("{deviate:+.1} σ"),
        (true, false) => "near".to_string(),
        (false, _) => format!("**off by {errors:+.1} errors, ±{:.2}%**", 100.0 * half / found),
    };
    let line = format!("| {} | {} | {exact:.6} | {found:.6} | ± {half:.6} | {verdict} |", row.name, figure.name);
    Judged { line, good, deviate: counts.then_some(deviate) }
}

#[test]
fn table() {
    let only = std::env::var("KNEEPOINT_ROW").ok();
    let rows: Vec<Row> =
        rows().into_iter().filter(|row| only.as_ref().is_none_or(|text| row.name.contains(text))).collect();
    let observations = simulate(&rows);
    let mut page = String::from(HEAD);
    let (mut wrong, mut squares, mut count) = (Vec::new(), 0.0, 0.0);
    for (row, replications) in rows.iter().zip(&observations) {
        for (at, figure) in row.figures.iter().enumerate() {
            let observed: Vec<f64> = replications.iter().map(|figures| figures[at]).collect();
            let judged = judge(row, figure, &observed);
            writeln!(page, "{}", judged.line).expect("a string grows");
            if !judged.good {
                wrong.push(judged.line);
            }
            // Figures of one row depend on each other: the first stands for all.
            if let (0, Some(deviate)) = (at, judged.deviate) {
                squares += deviate * deviate;
                count += 1.0;
            }
        }
    }
    let band = ChiSquared::new(f64::max(count, 1.0)).expect("parameters are legal");
    let (low, high) = (band.inverse_cdf(0.000_05), band.inverse_cdf(0.999_95));
    writeln!(
        page,
        "\nΣz² over the first figures of the {count} exact rows: {squares:.1}, expected within {low:.1} to {high:.1}."
    )
    .expect("a string grows");
    println!("{page}");
    assert!(wrong.is_empty(), "against theory:\n{}", wrong.join("\n"));
    assert!(count == 0.0 || (low..=high).contains(&squares), "Σz² {squares} is outside of {low} to {high}");
    if std::env::var("KNEEPOINT_WRITE").is_ok() && only.is_none() {
        std::fs::write(page_path(), page).expect("the page is writable");
    }
}

const HEAD: &str = "\
# Against theory

Written by `KNEEPOINT_WRITE=1 cargo test -p tests --test theory`; don't edit it by hand.

Twenty replications of each model, whose seeds follow from the row's name, after a warm-up. A figure is right if it is
within 4.5 standard errors of theory while half its 99% interval is at most 1% of it (percentiles: 3%). Times are in mean
service times, which are 1 ms. Where the formula is an approximation (Che's for caches) or a limit (power of two
choices), the verdict is `near`.

| model | figure | theory | simulated | 99% interval | verdict |
|---|---|---|---|---|---|
";

/// The page shows the rows as they are now: names and exact values.
#[test]
fn page_is_current() {
    let page = std::fs::read_to_string(page_path()).expect("the page is there");
    let begins: Vec<String> = rows()
        .iter()
        .flat_map(|row| {
            row.figures
                .iter()
                .map(|figure| format!("| {} | {} | {:.6} |", row.name, figure.name, figure.exact))
                .collect::<Vec<_>>()
        })
        .collect();
    for begin in &begins {
        assert!(page.contains(begin.as_str()), "the page lacks {begin}: write it anew (see its second line)");
    }
    let shown = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| model")).count();
    assert_eq!(shown, begins.len(), "the page has other rows: write it anew");
    assert!(!page.contains("**"), "the page has a row that is off");
}
