//! Traces as waterfalls: a block for each request, a row for each call, bars on one axis of time.

use sim_core::analysis::trace::{Request, Span, Traces};
use sim_core::model::units::humane_time;

use super::text::{ACCENT, BAD, GOOD, QUIET, STRONG, WARN, paint, shorten, width};

const LABEL: usize = 30;
const TIME: usize = 8;
const BAR: usize = 38;
const NOTE: usize = 18;
/// More rows of one request are not shown.
const ROWS_MAX: usize = 40;
/// So many calls of one kind in a row become one row.
const REPEATED: usize = 3;

/// What a place of a bar shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Below,
    BackOff,
    Network,
    Waiting,
    Service,
    Alone,
}

impl Mark {
    const ALL: [Mark; 6] = [Mark::Service, Mark::Waiting, Mark::Network, Mark::BackOff, Mark::Below, Mark::Alone];

    fn letter(self) -> char {
        match self {
            Mark::Service => '█',
            Mark::Waiting => '░',
            Mark::Network => '─',
            Mark::BackOff => '~',
            Mark::Below => '·',
            Mark::Alone => '╌',
        }
    }

    fn style(self) -> anstyle::Style {
        match self {
            Mark::Service => GOOD,
            Mark::Waiting => WARN,
            Mark::Network => ACCENT,
            Mark::BackOff | Mark::Below | Mark::Alone => QUIET,
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Mark::Service => "service",
            Mark::Waiting => "waiting",
            Mark::Network => "network",
            Mark::BackOff => "back-off",
            Mark::Below => "in the calls below",
            Mark::Alone => "nobody waits for it any more",
        }
    }
}

/// One row: its spans (several where they are alike), and how deep it is.
struct Row<'r> {
    spans: Vec<&'r Span>,
    depth: usize,
}

/// The waterfalls of all requests.
pub fn waterfalls(traces: &Traces, which: &str) -> String {
    let envelope = &traces.envelope;
    let facts = format!("{which} · seed {}", envelope.seed);
    let mut text = format!("{}  {}\n", paint(STRONG, &envelope.name), paint(QUIET, &facts));
    for (number, request) in traces.requests.iter().enumerate() {
        text += &block(number + 1, request);
    }
    if traces.requests.is_empty() {
        text += "\nNo request of the window ended so.\n";
    } else {
        let legend =
            Mark::ALL.map(|mark| format!("{} {}", paint(mark.style(), &mark.letter().to_string()), mark.meaning()));
        text += &format!("\n{}\n", legend.join("  "));
    }
    text + &format!("{}\n", paint(QUIET, &format!("digest {}", envelope.digest)))
}

fn block(number: usize, request: &Request) -> String {
    let latency = request.latency_s.map_or("not ended".to_owned(), humane_time);
    let outcome = match request.outcome {
        Some("ok") => paint(GOOD, "ok"),
        Some(other) => paint(BAD, other),
        None => paint(WARN, "unfinished"),
    };
    let mut text = format!(
        "\n{}  {} {outcome}  {}\n",
        paint(STRONG, &format!("{number}. {latency}")),
        request.class,
        paint(
            QUIET,
            &format!(
                "began at {:.3} s · request {} of {} · id {}",
                request.start_s, request.number, request.client, request.id
            )
        ),
    );
    let axis = Axis::of(request);
    let rows = rows(&request.spans);
    let end = humane_time((axis.end - axis.start) as f64 / 1e9);
    text += &paint(QUIET, &format!("{}0{end:>rest$}", " ".repeat(LABEL + TIME + 4), rest = BAR - 1));
    text.push('\n');
    for row in rows.iter().take(ROWS_MAX) {
        text += &line(row, &request.spans, &axis);
    }
    if rows.len() > ROWS_MAX {
        let more = format!("… {} rows more: --format json has every span", rows.len() - ROWS_MAX);
        text += &format!("{}\n", paint(QUIET, &more));
    }
    if request.spans_left_out > 0 {
        let missing = format!("{} spans are missing: there were too many", request.spans_left_out);
        text += &format!("{}\n", paint(WARN, &missing));
    }
    text
}

/// From the beginning of a request to its end.
struct Axis {
    start: i64,
    end: i64,
}

impl Axis {
    fn of(request: &Request) -> Self {
        let root = &request.spans[0];
        let last = || request.spans.iter().filter_map(|span| span.end_ns).max().unwrap_or(root.start_ns);
        let end = root.end_ns.unwrap_or_else(last).max(root.start_ns + 1);
        Axis { start: root.start_ns, end }
    }

    /// Where an instant is, in columns.
    fn at(&self, ns: i64) -> f64 {
        (ns.clamp(self.start, self.end) - self.start) as f64 / (self.end - self.start) as f64 * BAR as f64
    }
}

/// The spans that have rows, depth first, those that are alike together.
fn rows(spans: &[Span]) -> Vec<Row<'_>> {
    let mut children: Vec<Vec<&Span>> = vec![Vec::new(); spans.len()];
    for span in spans.iter().filter(|span| span.kind != "phase") {
        if let Some(parent) = span.parent {
            children[parent as usize].push(span);
        }
    }
    let mut found = Vec::new();
    add_rows(&spans[0], 0, &children, &mut found);
    found
}

fn add_rows<'r>(span: &'r Span, depth: usize, children: &[Vec<&'r Span>], found: &mut Vec<Row<'r>>) {
    let below = &children[span.id as usize];
    // A branch of one call is that call.
    if let ("branch", [only]) = (span.kind, below.as_slice())
        && only.waited
    {
        add_rows(only, depth, children, found);
        return;
    }
    found.push(Row { spans: vec![span], depth });
    let mut at = 0;
    while at < below.len() {
        let kind = likeness(below[at], children);
        let alike = below[at..].iter().take_while(|other| kind.is_some() && likeness(other, children) == kind).count();
        if alike >= REPEATED {
            found.push(Row { spans: below[at..at + alike].to_vec(), depth: depth + 1 });
            at += alike;
        } else {
            add_rows(below[at], depth + 1, children, found);
            at += 1;
        }
    }
}

/// What calls in a row have in common that can be one row; nothing where it went badly or was waited for among others.
fn likeness<'r>(span: &'r Span, children: &[Vec<&'r Span>]) -> Option<(&'r str, &'r str, Option<&'r str>)> {
    let below = &children[span.id as usize];
    match span.kind {
        "call" if span.outcome == Some("ok") && span.retry == 0 && below.is_empty() => {
            Some(("call", &span.component, span.operation.as_deref()))
        }
        "branch" if !span.waited => Some(("branch", "", None)),
        _ => None,
    }
}

fn line(row: &Row, spans: &[Span], axis: &Axis) -> String {
    let indent = "  ".repeat(row.depth.min(6));
    let label = shorten(&format!("{indent}{}", label(row)), LABEL);
    let first = row.spans[0];
    let start = row.spans.iter().map(|span| span.start_ns).min().expect("a row has spans");
    let end = row.spans.iter().map(|span| span.end_ns).max().expect("a row has spans");
    let time = end.map_or("–".to_owned(), |end| humane_time((end - start) as f64 / 1e9));
    let is_bad = row.spans.iter().any(|span| span.outcome.is_some_and(|outcome| outcome != "ok"));
    let style = if is_bad {
        BAD
    } else if first.kind == "request" {
        STRONG
    } else {
        anstyle::Style::new()
    };
    let padding = " ".repeat(LABEL.saturating_sub(width(&label)));
    let drawn = format!("{}{padding}  {time:>TIME$}  {}", paint(style, &label), bar(row, spans, axis));
    let note = note(row, spans);
    let text = if note.is_empty() { drawn } else { format!("{drawn}  {}", paint(QUIET, &note)) };
    format!("{}\n", text.trim_end())
}

fn label(row: &Row) -> String {
    let first = row.spans[0];
    let place = first.instance.as_deref().unwrap_or(&first.component);
    let operation = first.operation.as_deref().map_or(String::new(), |operation| format!(" {operation}"));
    if row.spans.len() > 1 {
        let count = row.spans.len();
        return match first.kind {
            "branch" => format!("{count} other branches"),
            _ => format!("{count} × {}{operation}", first.component),
        };
    }
    let found = first.cache.map_or(String::new(), |found| format!(" {found}"));
    match first.kind {
        "request" => first.component.clone(),
        "branch" => format!("branch {}", first.branch.unwrap_or(0) + 1),
        "rest" => format!("{place} after its answer"),
        "cast" => format!("{place}{operation}, not waited for"),
        _ if first.fallback => format!("{place}{operation}{found}, fallback"),
        _ if first.retry > 0 => format!("{place}{operation}{found}, try {}", first.retry + 1),
        _ => format!("{place}{operation}{found}"),
    }
}

/// How it ended where that is bad, else what its own time mostly was.
fn note(row: &Row, spans: &[Span]) -> String {
    if row.spans.len() > 1 {
        let times = || row.spans.iter().filter_map(|span| Some((span.end_ns? - span.start_ns) as f64 / 1e9));
        let (least, most) = (times().fold(f64::INFINITY, f64::min), times().fold(0.0, f64::max));
        return if least > most { String::new() } else { format!("{} to {}", compact(least), compact(most)) };
    }
    let span = row.spans[0];
    if let Some(outcome) = span.outcome.filter(|outcome| *outcome != "ok") {
        return outcome.replace('_', " ");
    }
    let own = spans.iter().filter(|part| part.parent == Some(span.id) && part.phase.is_some());
    let mut sums: Vec<(String, i64)> = Vec::new();
    for part in own {
        let ns = part.end_ns.unwrap_or(part.start_ns) - part.start_ns;
        let name = match (part.phase, part.station) {
            (Some("queueing"), Some(station)) => format!("wait {station}"),
            (Some("queueing"), None) => "wait".to_owned(),
            (Some(phase), _) => phase.to_owned(),
            (None, _) => String::new(),
        };
        match sums.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += ns,
            None => sums.push((name, ns)),
        }
    }
    let longest = sums.into_iter().reduce(|most, other| if other.1 > most.1 { other } else { most });
    longest.map_or(String::new(), |(name, ns)| {
        let time = compact(ns as f64 / 1e9);
        let whole = format!("{name} {time}");
        if width(&whole) <= NOTE { whole } else { format!("{} {time}", name.split(' ').next().unwrap_or_default()) }
    })
}

fn compact(seconds: f64) -> String {
    humane_time(seconds).replace(' ', "")
}

fn mark_of(phase: &str) -> Mark {
    match phase {
        "service" => Mark::Service,
        "network" => Mark::Network,
        "back-off" => Mark::BackOff,
        _ => Mark::Waiting,
    }
}

/// The bar of a row: each column shows what took most of it.
fn bar(row: &Row, spans: &[Span], axis: &Axis) -> String {
    let mut columns = vec![[0.0_f64; Mark::ALL.len()]; BAR];
    let mut add = |mark: Mark, from: i64, to: i64| {
        let (from, to) = (axis.at(from), axis.at(to));
        for (column, sums) in columns.iter_mut().enumerate() {
            let inside = to.min(column as f64 + 1.0) - from.max(column as f64);
            sums[mark as usize] += inside.max(0.0);
        }
    };
    for span in &row.spans {
        let edge = span.end_ns.unwrap_or(axis.end);
        for part in spans.iter().filter(|part| part.parent == Some(span.id)) {
            let end = part.end_ns.unwrap_or(axis.end).min(edge);
            match part.phase {
                Some(phase) => add(mark_of(phase), part.start_ns, end),
                None if part.waited => add(Mark::Below, part.start_ns, end),
                None => {}
            }
        }
        if let Some(until) = span.went_on_until_ns {
            add(Mark::Alone, edge, until);
        }
    }
    let drawn = |sums: &[f64; Mark::ALL.len()]| {
        let most = Mark::ALL.into_iter().fold(None, |most: Option<Mark>, mark| {
            let more = sums[mark as usize] > most.map_or(0.0, |most| sums[most as usize]);
            if more { Some(mark) } else { most }
        });
        let used: f64 = sums.iter().sum();
        most.filter(|_| used >= 0.5)
    };
    let mut marks: Vec<Option<Mark>> = columns.iter().map(drawn).collect();
    if marks.iter().all(Option::is_none) {
        // Too short for half a column: at least one shows where it was.
        let start = row.spans[0].start_ns;
        let place = (axis.at(start) as usize).min(BAR - 1);
        let most =
            columns.iter().enumerate().max_by(|a, b| a.1.iter().sum::<f64>().total_cmp(&b.1.iter().sum::<f64>()));
        let sums = most.map_or([0.0; Mark::ALL.len()], |(_, sums)| *sums);
        marks[place] = Mark::ALL.into_iter().find(|mark| sums[*mark as usize] > 0.0);
        if marks[place].is_none() && row.spans[0].start_ns <= axis.end {
            return format!("{}{}{}", " ".repeat(place), paint(QUIET, "|"), " ".repeat(BAR - place - 1));
        }
    }
    painted(&marks)
}

/// Runs of one mark in its style.
fn painted(marks: &[Option<Mark>]) -> String {
    let mut text = String::new();
    for run in marks.chunk_by(|one, other| one == other) {
        match run[0] {
            Some(mark) => text += &paint(mark.style(), &mark.letter().to_string().repeat(run.len())),
            None => text += &" ".repeat(run.len()),
        }
    }
    text
}

#[cfg(test)]
pub mod tests {
    use sim_core::analysis::trace::{Question, Which, trace};
    use sim_core::model::NoFiles;
    use sim_core::{Model, Plan};

    use super::*;

    /// A shop with all that can happen to a call: retries, time-outs, branches, a cache, repetitions, casts.
    const SHOP: &str = r#"{
      "format": 1, "name": "Shop", "run": { "seed": 3, "duration": "60s" },
      "keyspaces": { "goods": { "keys": 50 } },
      "classes": { "look": { "key": "goods" } },
      "components": {
        "users": { "type": "client", "to": "web", "link": { "rtt": "10ms" }, "arrivals": { "rate": "20/s" }, "mix": { "look": 1 } },
        "web": { "type": "server-pool", "replicas": 2, "workers": 8, "handlers": { "*": [
          { "cpu": "exp(5ms)" },
          { "call": "prices", "timeout": "30ms", "retry": { "retries": 2, "backoff": "20ms" } },
          { "parallel": [[{ "call": "cache" }], [{ "cpu": "1ms" }], [{ "delay": "2ms" }], [{ "delay": "3ms" }]] },
          { "call": "db", "times": 4 }
        ] } },
        "prices": { "type": "server-pool", "handlers": { "*": [ { "cpu": "exp(15ms)" } ] } },
        "cache": { "type": "cache", "capacity": 20, "service": "100us", "backing": "db", "fill": "async" },
        "db": { "type": "database", "shards": 2, "operations": { "read": "exp(4ms)", "write": "5ms" } }
      }
    }"#;

    /// Its slowest requests.
    pub fn traces(count: usize) -> Traces {
        let (model, _) = Model::parse(SHOP, "shop.json", &[], &NoFiles).expect("a legal model");
        let plan = Plan::compile(&model, &NoFiles).expect("a legal model");
        let question = Question { which: Which::Slowest, count, class: None };
        trace(&plan, 3, &question).expect("it has requests")
    }

    #[test]
    fn a_waterfall() {
        let text = waterfalls(&traces(2), "the 2 slowest requests");
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert!(plain.lines().all(|line| width(line) <= 100), "{plain}");
        insta::assert_snapshot!(plain);
    }

    #[test]
    fn without_requests_it_says_so() {
        let none = Traces { requests: Vec::new(), ..traces(1) };
        assert!(waterfalls(&none, "none").contains("No request"));
    }
}
