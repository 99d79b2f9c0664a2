//! Names the bottleneck of a run in one sentence.
//!
//! A station that holds calls while they wait for others (workers, connections) fills up when what is behind it is slow,
//! so a full station that does work (cores, slots, threads) is blamed before a full one that only holds.

use serde::{Deserialize, Serialize};

use super::report::{ComponentReport, Ended, LinkReport, Report, Station};
use crate::model::units::{humane_count, humane_share, humane_time};

/// From here on a station is the bottleneck: one more percent of load costs several of waiting.
const FULL: f64 = 0.85;
/// From here on a station is the first to give way.
const NEAR: f64 = 0.70;
/// From this share of the p99 on, waiting for a station is named even where its average utilization is modest.
const WAITING: f64 = 0.30;
/// From this share of the p99 on, waiting for a station is named whatever its utilization.
const MOSTLY_WAITING: f64 = 0.50;
/// From this many tries a call on, retries are part of the story.
const AMPLIFIED: f64 = 1.1;

/// Stations that only hold calls while they wait for others.
const HOLDING: [&str; 2] = ["workers", "connections"];

/// What limits a run, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bottleneck {
    /// The address of the station, if something is at or near its limit: `orders.slots`.
    pub address: Option<String>,
    /// One sentence for people.
    pub sentence: String,
}

/// Finds what limits a run.
pub fn find(report: &Report) -> Bottleneck {
    if let Ended::Stopped(stopped) = &report.ended {
        return stopped_run(report, stopped.queue.as_deref());
    }
    let suspects = suspects(report);
    let full = suspects.iter().filter(|suspect| suspect.is_full());
    match full.max_by(|a, b| a.blame().total_cmp(&b.blame())) {
        Some(suspect) => Bottleneck {
            address: Some(suspect.address()),
            sentence: format!(
                "`{}` is the bottleneck: {}{}.",
                suspect.address(),
                suspect.evidence(),
                amplification(report)
            ),
        },
        None => nothing_full(report, &suspects),
    }
}

fn stopped_run(report: &Report, queue: Option<&str>) -> Bottleneck {
    let Some(address) = queue else {
        return Bottleneck {
            address: None,
            sentence: format!("The run was stopped before its end{}.", amplification(report)),
        };
    };
    Bottleneck {
        address: Some(address.to_owned()),
        sentence: format!(
            "`{address}` can't keep up: more is offered than it can serve, and its queue grew until the run was stopped{}.",
            amplification(report)
        ),
    }
}

fn nothing_full(report: &Report, suspects: &[Suspect]) -> Bottleneck {
    let busiest = suspects.iter().max_by(|a, b| a.station.utilization.total_cmp(&b.station.utilization));
    let errors = failing(report);
    let Some(busiest) = busiest else {
        return Bottleneck { address: None, sentence: format!("Nothing has a limit here{errors}.") };
    };
    let busy = percent(busiest.station.utilization);
    if busiest.station.utilization >= NEAR {
        let waiting = match busiest.p99_share {
            share if share >= 0.01 => format!(", and waiting for it makes {} of p99", percent(share)),
            _ => String::new(),
        };
        return Bottleneck {
            address: Some(busiest.address()),
            sentence: format!("`{}` will give way first: {busy} busy{waiting}{errors}.", busiest.address()),
        };
    }
    let dominant = report.breakdown.p99.iter().find(|part| !part.abandoned && part.share >= 0.5);
    let slow = match dominant {
        Some(part) => {
            format!("; {} of p99 is {} at `{}`", percent(part.share), part.phase.replace('-', " "), part.component)
        }
        None => String::new(),
    };
    Bottleneck {
        address: None,
        sentence: format!(
            "Nothing is near its limit: the busiest part is `{}` at {busy}{slow}{errors}.",
            busiest.address()
        ),
    }
}

/// A station that might be what limits.
struct Suspect<'a> {
    component: &'a str,
    name: &'a str,
    station: &'a Station,
    /// Share of the p99 that is spent waiting at the component, if this is the station that is waited for.
    p99_share: f64,
    /// How busy the component was at its busiest, as far as it was looked at over time.
    peak: f64,
    /// Share of the component's calls that it turned away, if this is the station that is waited for.
    turned_away: f64,
    /// Whether this is the component's only station.
    only: bool,
}

impl Suspect<'_> {
    /// `orders.slots`; a pool is called by its own name.
    fn address(&self) -> String {
        match self.only && self.name == "connections" {
            true => self.component.to_owned(),
            false => format!("{}.{}", self.component, self.name),
        }
    }

    /// Whether it only holds calls while they wait for others.
    fn holds(&self) -> bool {
        HOLDING.contains(&self.name)
    }

    fn worst(&self) -> f64 {
        self.station.max_instance.as_ref().map_or(0.0, |worst| worst.utilization)
    }

    /// Whether one instance is clearly fuller than the station as a whole.
    fn is_uneven(&self) -> bool {
        self.station.utilization < FULL && self.worst() >= FULL.min(NEAR.max(self.station.utilization * 1.5))
    }

    fn is_full(&self) -> bool {
        let is_used = self.station.utilization >= 0.5 || self.worst() >= 0.6 || self.comes_in_bursts();
        let waits = self.p99_share >= WAITING && is_used || self.p99_share >= MOSTLY_WAITING;
        self.station.utilization >= FULL || self.worst() >= FULL || self.turned_away >= 0.001 || waits
    }

    /// Whether it is full at times and far from it on average.
    fn comes_in_bursts(&self) -> bool {
        self.station.utilization < NEAR && self.peak >= FULL && self.p99_share > 0.0
    }

    /// How likely this one is the cause: full before waiting, work before holding.
    fn blame(&self) -> f64 {
        let utilization = self.station.utilization.max(self.worst()).min(1.0);
        let works = !self.holds() && utilization >= FULL;
        f64::from(u8::from(works)) * 10.0 + utilization + self.p99_share + self.turned_away
    }

    fn evidence(&self) -> String {
        let mut reasons = vec![match self.is_uneven() {
            true => {
                let worst = self.station.max_instance.as_ref().map_or("", |worst| worst.instance.as_str());
                let (busy, average) = (percent(self.worst()), percent(self.station.utilization));
                format!("the load is uneven, `{worst}` is {busy} busy and the average {average}")
            }
            false if self.comes_in_bursts() => {
                let (peak, average) = (percent(self.peak), percent(self.station.utilization));
                format!("the load comes in bursts, it is {peak} busy at the worst and {average} on average")
            }
            false => format!("{} busy", percent(self.station.utilization)),
        }];
        let queue = self.station.queue.mean;
        if queue >= 0.05 {
            let calls = humane_count(if queue >= 10.0 { queue.round() } else { queue });
            reasons.push(format!("its queue holds {calls} {} on average", if calls == "1" { "call" } else { "calls" }));
        }
        if self.turned_away >= 0.0005 {
            reasons.push(format!("it turns {} of its calls away", percent(self.turned_away)));
        }
        match self.station.wait.p99_s {
            _ if self.p99_share >= 0.05 => {
                reasons.push(format!("{} of p99 is spent waiting there", percent(self.p99_share)));
            }
            Some(wait_s) if wait_s > 0.0 => reasons.push(format!("1% of its calls wait over {}", humane_time(wait_s))),
            Some(_) | None => {}
        }
        join(&reasons)
    }
}

fn suspects(report: &Report) -> Vec<Suspect<'_>> {
    let mut suspects = Vec::new();
    for (component, of) in report.components.iter().filter(|(_, of)| of.kind != "client") {
        // The breakdown knows components: their waiting is put down to the station that does work and is full, or as
        // busy as what holds the calls meanwhile; or else to the one with the longest queue. So are the calls that the
        // component turned away at whatever door.
        let busiest = of.stations.values().map(|station| station.utilization).fold(0.0, f64::max);
        let rank = |name: &str, station: &Station| {
            let works = !HOLDING.contains(&name) && station.utilization > 0.0;
            (works && station.utilization >= FULL.min(0.9 * busiest), station.queue.mean)
        };
        let waited_for = of.stations.iter().max_by(|(a_name, a), (b_name, b)| {
            let (a, b) = (rank(a_name, a), rank(b_name, b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        // What was turned away is an answer that it gave; tries at several doors are one.
        let rejected: u64 = of.stations.values().map(|station| station.rejected).sum();
        let turned_away = rejected.min(of.errors.values().sum());
        let series = report.timeline.series.get(&format!("{component}.utilization"));
        let peak = series.into_iter().flatten().flatten().copied().fold(0.0, f64::max);
        for (name, station) in &of.stations {
            let is_waited_for = waited_for.is_some_and(|(longest, _)| longest == name);
            suspects.push(Suspect {
                component,
                name,
                station,
                p99_share: if is_waited_for { waiting_share(report, component) } else { 0.0 },
                peak: if is_waited_for { peak } else { 0.0 },
                turned_away: match is_waited_for && of.calls > 0 {
                    true => turned_away as f64 / of.calls as f64,
                    false => 0.0,
                },
                only: of.stations.len() == 1,
            });
        }
    }
    suspects
}

/// Share of the p99 that is spent waiting at a component.
fn waiting_share(report: &Report, component: &str) -> f64 {
    let waits = report.breakdown.p99.iter().filter(|part| part.component == component);
    waits.filter(|part| part.phase == "queueing" || part.phase.ends_with("wait")).map(|part| part.share).sum()
}

/// The link whose retries multiply the load most, as a clause.
fn amplification(report: &Report) -> String {
    let links = report.components.iter().flat_map(|(caller, of): (&String, &ComponentReport)| {
        of.links.iter().map(move |(target, link)| (caller, target, tries_per_call(link)))
    });
    match links.max_by(|a, b| a.2.total_cmp(&b.2)) {
        Some((caller, target, tries)) if tries >= AMPLIFIED => {
            format!("; retries feed it, `{caller}` makes {tries:.1} tries a call to `{target}`")
        }
        Some(_) | None => String::new(),
    }
}

fn tries_per_call(link: &LinkReport) -> f64 {
    if link.calls == 0 { 0.0 } else { link.tries as f64 / link.calls as f64 }
}

/// What goes wrong most although nothing is full, as a clause.
fn failing(report: &Report) -> String {
    if report.requests.error_rate < 0.001 {
        return String::new();
    }
    let most = report.requests.errors.iter().max_by_key(|(_, count)| **count);
    let outcome = match most {
        Some((outcome, count)) if *count >= report.requests.unfinished => format!("`{outcome}`"),
        Some(_) | None => "being unfinished".to_owned(),
    };
    let rate = percent(report.requests.error_rate);
    match errors_begin_at(report, most.map(|(outcome, _)| outcome.as_str())) {
        Some(component) => format!("; {rate} of the requests fail, mostly by {outcome} at `{component}`"),
        None => format!("; {rate} of the requests fail, mostly by {outcome}"),
    }
}

/// The component that gave most of the answers with this outcome and calls none that gave as many.
fn errors_begin_at<'a>(report: &'a Report, outcome: Option<&str>) -> Option<&'a str> {
    let count = |of: &ComponentReport| outcome.and_then(|outcome| of.errors.get(outcome)).copied().unwrap_or(0);
    let origin = |of: &&ComponentReport| {
        let beneath = of.links.keys().filter_map(|target| report.components.get(target)).map(count).max();
        count(of) > 0 && beneath.unwrap_or(0) * 2 < count(of)
    };
    let candidates = report.components.iter().filter(|(_, of)| of.kind != "client" && origin(of));
    candidates.max_by_key(|(_, of)| count(of)).map(|(name, _)| name.as_str())
}

/// Whole percents, but never "100%" for what is not quite full and never "0%" for what is not nothing.
fn percent(share: f64) -> String {
    match share {
        _ if (0.01..0.995).contains(&share) => format!("{:.0}%", share * 100.0),
        _ if (0.995..1.0).contains(&share) => "over 99%".to_owned(),
        _ if share >= 1.0 => "100%".to_owned(),
        _ => humane_share(share),
    }
}

fn join(reasons: &[String]) -> String {
    match reasons {
        [] => String::new(),
        [only] => only.clone(),
        [first, second] => format!("{first}, and {second}"),
        [first @ .., last] => format!("{}, and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::analysis::report::{Breakdown, BreakdownPart, MaxInstance, Queue, Requests, Stopped, Wait};

    fn station(utilization: f64, queue: f64) -> Station {
        Station {
            utilization,
            queue: Queue { mean: queue, max: 0 },
            wait: Wait { p99_s: Some(queue / 1000.0), ..Wait::default() },
            arrivals: 1000,
            ..Station::default()
        }
    }

    fn component(kind: &str, stations: &[(&str, Station)]) -> ComponentReport {
        ComponentReport {
            kind: kind.into(),
            stations: stations.iter().map(|(name, station)| ((*name).to_owned(), station.clone())).collect(),
            ..ComponentReport::default()
        }
    }

    fn report(components: &[(&str, ComponentReport)], p99: &[(&str, &str, f64)]) -> Report {
        let part = |(component, phase, share): &(&str, &str, f64)| BreakdownPart {
            component: (*component).into(),
            phase: (*phase).into(),
            share: *share,
            ..BreakdownPart::default()
        };
        Report {
            components: components.iter().map(|(name, of)| ((*name).to_owned(), of.clone())).collect(),
            breakdown: Breakdown { p99: p99.iter().map(part).collect(), ..Breakdown::default() },
            ..Report::default()
        }
    }

    #[test]
    fn work_is_blamed_before_what_only_holds() {
        let report = report(
            &[
                ("web", component("server-pool", &[("cores", station(0.3, 0.0)), ("workers", station(0.99, 400.0))])),
                ("orders", component("database", &[("slots", station(0.94, 38.2))])),
            ],
            &[("orders", "queueing", 0.71), ("web", "queueing", 0.2)],
        );
        assert_eq!(
            find(&report).sentence,
            "`orders.slots` is the bottleneck: 94% busy, its queue holds 38 calls on average, and 71% of p99 is spent \
             waiting there."
        );
    }

    #[test]
    fn a_pool_that_is_too_small_is_named_by_itself() {
        let report = report(
            &[
                ("pool", component("connection-pool", &[("connections", station(0.97, 12.0))])),
                ("orders", component("database", &[("slots", station(0.4, 0.0))])),
            ],
            &[("pool", "pool-wait", 0.8)],
        );
        assert_eq!(
            find(&report).sentence,
            "`pool` is the bottleneck: 97% busy, its queue holds 12 calls on average, and 80% of p99 is spent waiting \
             there."
        );
    }

    #[test]
    fn an_uneven_load_is_told() {
        let mut slots = station(0.55, 3.0);
        slots.max_instance = Some(MaxInstance { instance: "orders/shard[2]".into(), utilization: 0.97 });
        let report = report(&[("orders", component("database", &[("slots", slots)]))], &[("orders", "queueing", 0.6)]);
        assert_eq!(
            find(&report).sentence,
            "`orders.slots` is the bottleneck: the load is uneven, `orders/shard[2]` is 97% busy and the average 55%, \
             its queue holds 3 calls on average, and 60% of p99 is spent waiting there."
        );
    }

    #[test]
    fn rejections_and_retries_are_part_of_it() {
        let mut workers = station(0.6, 90.0);
        workers.rejected = 210;
        let mut web = component("server-pool", &[("cores", station(0.999, 20.0)), ("workers", workers)]);
        web.calls = 1000;
        web.errors.insert("rejected".into(), 210);
        let mut client = component("client", &[]);
        client.links.insert("web".into(), LinkReport { calls: 1000, tries: 1800, ..LinkReport::default() });
        let report = report(&[("shoppers", client), ("web", web)], &[]);
        assert_eq!(
            find(&report).sentence,
            "`web.cores` is the bottleneck: over 99% busy, its queue holds 20 calls on average, it turns 21% of its \
             calls away, and 1% of its calls wait over 20.0 ms; retries feed it, `shoppers` makes 1.8 tries a call to \
             `web`."
        );
    }

    #[test]
    fn calm_runs_are_told_to_be_calm() {
        let mut calm = report(
            &[("web", component("server-pool", &[("cores", station(0.41, 0.0))]))],
            &[("orders", "service", 0.63)],
        );
        assert_eq!(
            find(&calm),
            Bottleneck {
                address: None,
                sentence:
                    "Nothing is near its limit: the busiest part is `web.cores` at 41%; 63% of p99 is service at \
                           `orders`."
                        .into()
            }
        );
        calm.components.get_mut("web").expect("it is there").errors.insert("failed".into(), 20);
        calm.requests =
            Requests { error_rate: 0.02, errors: BTreeMap::from([("failed".into(), 20)]), ..Requests::default() };
        assert_eq!(
            find(&calm).sentence,
            "Nothing is near its limit: the busiest part is `web.cores` at 41%; 63% of p99 is service at `orders`; 2% \
             of the requests fail, mostly by `failed` at `web`."
        );
    }

    #[test]
    fn the_first_to_give_way_and_runs_that_were_stopped() {
        let mut report = report(
            &[("web", component("server-pool", &[("cores", station(0.78, 1.0))]))],
            &[("web", "queueing", 0.12)],
        );
        assert_eq!(
            find(&report).sentence,
            "`web.cores` will give way first: 78% busy, and waiting for it makes 12% of p99."
        );
        report.ended = Ended::Stopped(Stopped { queue: Some("web.cores".into()), ..Stopped::default() });
        assert_eq!(
            find(&report).sentence,
            "`web.cores` can't keep up: more is offered than it can serve, and its queue grew until the run was stopped."
        );
    }

    #[test]
    fn an_empty_report_has_no_limit() {
        assert_eq!(find(&Report::default()).sentence, "Nothing has a limit here.");
    }
}
