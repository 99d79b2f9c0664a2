//! Envoy's outlier detection: hosts that answer badly are ejected for a time.
//!
//! Follows envoyproxy/envoy `source/common/upstream/outlier_detection_impl.cc` and its documentation. So many bad answers
//! in a row eject a host at once; at each interval hosts whose share of good answers is far below the mean of all are
//! ejected too. An ejection lasts the base time times the number of ejections so far (it falls by one in each interval
//! that the host is in), at most a longest time, and ends at an interval. No more than a share of the hosts is out, but
//! one always may be.

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// How many bad answers in a row eject a host; 0: none do.
    pub consecutive: u32,
    /// How long the first ejection lasts, ns.
    pub base_ns: u64,
    /// The longest, ns.
    pub longest_ns: u64,
    /// The share of hosts that may be out.
    pub most_out: f64,
    /// Success rates: how many hosts with enough answers it takes to compare them.
    pub hosts_least: u32,
    /// How many answers of an interval are enough.
    pub answers_least: u64,
    /// How many standard deviations below the mean are too far; 0: rates are not compared.
    pub deviations: f64,
}

/// What is known of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Host {
    /// Bad answers in a row.
    bad: u32,
    /// Answers of the interval: good, all.
    answers: (u64, u64),
    /// Since when it is out, ns.
    out_since: Option<u64>,
    /// How often it was ejected, less the intervals that went well since.
    ejections: u32,
}

impl Host {
    /// Whether it is out.
    #[must_use]
    pub fn is_out(&self) -> bool {
        self.out_since.is_some()
    }

    /// An answer; true when it is one too many, and the host is to be ejected if others allow it.
    pub fn answered(&mut self, rules: &Rules, good: bool) -> bool {
        self.answers.1 += 1;
        self.answers.0 += u64::from(good);
        self.bad = if good { 0 } else { self.bad + 1 };
        if rules.consecutive > 0 && self.bad >= rules.consecutive && !self.is_out() {
            self.bad = 0;
            return true;
        }
        false
    }

    fn eject(&mut self, now_ns: u64) {
        self.out_since = Some(now_ns);
        self.ejections += 1;
    }
}

/// Ejects a host, if no more than the allowed share is out already; true when it is out now.
pub fn eject(hosts: &mut [&mut Host], at: usize, rules: &Rules, now_ns: u64) -> bool {
    let out = hosts.iter().filter(|host| host.is_out()).count();
    let may = out == 0 || (out as f64) / (hosts.len() as f64) < rules.most_out;
    if may && !hosts[at].is_out() {
        hosts[at].eject(now_ns);
    }
    hosts[at].is_out()
}

/// An interval ends: hosts come back, those of low success rates go, and counts begin anew. Answers how many came back
/// and how many went.
pub fn interval(hosts: &mut [&mut Host], rules: &Rules, now_ns: u64) -> (u32, u32) {
    let mut back = 0;
    for host in hosts.iter_mut() {
        match host.out_since {
            Some(since) => {
                let lasts = rules.base_ns.saturating_mul(u64::from(host.ejections)).min(rules.longest_ns);
                if now_ns - since >= lasts {
                    host.out_since = None;
                    back += 1;
                }
            }
            None => host.ejections = host.ejections.saturating_sub(1),
        }
    }
    let mut went = 0;
    if let Some(least) = least_success_rate(hosts, rules) {
        for at in 0..hosts.len() {
            let is_low = success_rate(hosts[at], rules).is_some_and(|rate| rate < least);
            if is_low && !hosts[at].is_out() && eject(hosts, at, rules, now_ns) {
                went += 1;
            }
        }
    }
    hosts.iter_mut().for_each(|host| host.answers = (0, 0));
    (back, went)
}

fn success_rate(host: &Host, rules: &Rules) -> Option<f64> {
    let (good, all) = host.answers;
    (all >= rules.answers_least && all > 0).then(|| good as f64 / all as f64)
}

/// The success rate below which hosts are outliers, where enough can be compared.
fn least_success_rate(hosts: &[&mut Host], rules: &Rules) -> Option<f64> {
    let rates: Vec<f64> = hosts.iter().filter_map(|host| success_rate(host, rules)).collect();
    if rules.deviations == 0.0 || rates.len() < rules.hosts_least as usize || rates.is_empty() {
        return None;
    }
    let count = rates.len() as f64;
    let mean = rates.iter().sum::<f64>() / count;
    let variance = rates.iter().map(|rate| (rate - mean) * (rate - mean)).sum::<f64>() / count;
    Some(mean - rules.deviations * variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::draws::Draws;

    const SECOND: u64 = 1_000_000_000;
    const RULES: Rules = Rules {
        consecutive: 5,
        base_ns: 30 * SECOND,
        longest_ns: 300 * SECOND,
        most_out: 0.1,
        hosts_least: 5,
        answers_least: 100,
        deviations: 1.9,
    };

    #[test]
    fn five_bad_answers_in_a_row_eject_and_one_good_between_does_not() {
        let mut host = Host::default();
        let answers = [false, false, false, false, true, false, false, false, false, false];
        let ejects: Vec<usize> = (0..10).filter(|&at| host.answered(&RULES, answers[at])).collect();
        assert_eq!(ejects, [9]);
    }

    #[test]
    fn ejections_last_longer_each_time_and_are_forgiven() {
        let mut host = Host::default();
        let mut lasted = Vec::new();
        let mut now = 0;
        for _ in 0..3 {
            assert!(eject(&mut [&mut host], 0, &RULES, now));
            let since = now;
            while host.is_out() {
                now += 10 * SECOND;
                interval(&mut [&mut host], &RULES, now);
            }
            lasted.push((now - since) / SECOND);
        }
        assert_eq!(lasted, [30, 60, 90]);
        for _ in 0..3 {
            now += 10 * SECOND;
            interval(&mut [&mut host], &RULES, now);
        }
        assert_eq!(host.ejections, 0, "three good intervals");
    }

    #[test]
    fn one_may_always_be_out_and_not_many() {
        let mut hosts = [Host::default(); 20];
        let mut all: Vec<&mut Host> = hosts.iter_mut().collect();
        let out = (0..20).filter(|&at| eject(&mut all, at, &RULES, 0)).count();
        assert_eq!(out, 2, "a tenth of twenty");
        let mut pair = [Host::default(); 2];
        let mut all: Vec<&mut Host> = pair.iter_mut().collect();
        assert!(eject(&mut all, 0, &RULES, 0) && !eject(&mut all, 1, &RULES, 0));
    }

    #[test]
    fn success_rates_far_below_the_mean_eject() {
        let mut hosts = [Host::default(); 6];
        for host in &mut hosts {
            host.answers = (99, 100);
        }
        hosts[3].answers = (50, 100);
        let mut all: Vec<&mut Host> = hosts.iter_mut().collect();
        assert_eq!(interval(&mut all, &RULES, SECOND), (0, 1));
        assert!(hosts[3].is_out());
        // Too few answers, and nobody is compared.
        let mut few = [Host::default(); 6];
        few[3].answers = (0, 99);
        let mut all: Vec<&mut Host> = few.iter_mut().collect();
        assert_eq!(interval(&mut all, &RULES, SECOND), (0, 0));
    }

    /// A host with all answers in lists, and the end of its ejection written down when it begins.
    #[derive(Default)]
    struct Twin {
        row: Vec<bool>,
        interval: Vec<bool>,
        out_until: Option<u64>,
        times: u64,
    }

    fn twin_ejects(hosts: &mut [Twin], at: usize, rules: &Rules, now: u64) -> bool {
        let out = hosts.iter().filter(|host| host.out_until.is_some()).count();
        let few = out == 0 || (out as f64) < rules.most_out * hosts.len() as f64;
        let host = &mut hosts[at];
        if few && host.out_until.is_none() {
            host.times += 1;
            host.out_until = Some(now + (rules.base_ns * host.times).min(rules.longest_ns));
        }
        host.out_until.is_some()
    }

    fn twin_interval(hosts: &mut [Twin], rules: &Rules, now: u64) -> (u32, u32) {
        let (mut back, mut went) = (0, 0);
        for host in hosts.iter_mut() {
            if host.out_until.is_none() {
                host.times = host.times.max(1) - 1;
            } else if host.out_until <= Some(now) {
                (host.out_until, back) = (None, back + 1);
            }
        }
        let rate = |host: &Twin| host.interval.iter().filter(|good| **good).count() as f64 / host.interval.len() as f64;
        let heard: Vec<usize> =
            (0..hosts.len()).filter(|&at| hosts[at].interval.len() as u64 >= rules.answers_least.max(1)).collect();
        if rules.deviations > 0.0 && !heard.is_empty() && heard.len() >= rules.hosts_least as usize {
            let rates: Vec<f64> = heard.iter().map(|&at| rate(&hosts[at])).collect();
            let mean = rates.iter().sum::<f64>() / rates.len() as f64;
            let spread =
                (rates.iter().map(|rate| (rate - mean) * (rate - mean)).sum::<f64>() / rates.len() as f64).sqrt();
            for at in heard {
                let low = rate(&hosts[at]) < mean - rules.deviations * spread;
                if low && hosts[at].out_until.is_none() && twin_ejects(hosts, at, rules, now) {
                    went += 1;
                }
            }
        }
        hosts.iter_mut().for_each(|host| host.interval.clear());
        (back, went)
    }

    fn against_the_twin(rounds: u64) {
        for round in 0..rounds {
            let mut draws = Draws::new(round);
            let rules = Rules {
                consecutive: draws.below(5) as u32,
                longest_ns: draws.of(&[60, 300]) * SECOND,
                // Shares that binary fractions hold exactly.
                most_out: draws.of(&[0.0, 0.125, 0.5, 1.0]),
                hosts_least: draws.below(6) as u32,
                answers_least: draws.below(20),
                deviations: draws.of(&[0.0, 0.5, 1.0, 1.9]),
                ..RULES
            };
            let count = 1 + draws.below(16) as usize;
            let bad: Vec<u64> = (0..count).map(|_| draws.of(&[2, 2, 20, 100])).collect();
            let mut fast = vec![Host::default(); count];
            let mut slow: Vec<Twin> = (0..count).map(|_| Twin::default()).collect();
            for step in 0..1_000_u64 {
                let now = step * SECOND / 10;
                let (at, place) =
                    (draws.below(count as u64) as usize, format!("{rules:?}, round {round}, step {step}"));
                let good = !draws.once_in(bad[at]);
                let due = fast[at].answered(&rules, good);
                slow[at].interval.push(good);
                slow[at].row.push(good);
                let in_a_row = slow[at].row.iter().rev().take_while(|good| !**good).count();
                let many = rules.consecutive > 0 && in_a_row >= rules.consecutive as usize;
                assert_eq!(due, many && slow[at].out_until.is_none(), "{place}");
                if due {
                    slow[at].row.clear();
                    let out = eject(&mut fast.iter_mut().collect::<Vec<_>>(), at, &rules, now);
                    assert_eq!(out, twin_ejects(&mut slow, at, &rules, now), "{place}");
                }
                if step % 100 == 99 {
                    let found = interval(&mut fast.iter_mut().collect::<Vec<_>>(), &rules, now);
                    assert_eq!(found, twin_interval(&mut slow, &rules, now), "{place}");
                }
                assert!(
                    fast.iter().zip(&slow).all(|(fast, slow)| fast.is_out() == slow.out_until.is_some()),
                    "{place}"
                );
            }
        }
    }

    #[test]
    fn hosts_are_ejected_as_by_the_twin() {
        against_the_twin(20);
    }

    #[test]
    #[ignore = "a million events"]
    fn hosts_are_ejected_as_by_the_twin_a_million_times() {
        against_the_twin(1_000);
    }
}
