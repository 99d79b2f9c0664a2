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
}
