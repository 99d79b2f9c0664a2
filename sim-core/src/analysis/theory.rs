//! What theory knows exactly: queues, networks of queues, caches, limits and retries.
//!
//! Times are in mean service times unless a function takes a service time. Loads are offered work: arrivals per mean
//! service time. Where a queue has no steady state the mean is infinite.

use crate::math;

mod routing;

pub use routing::{jsq_two_mean, power_of_two_mean, round_robin_mean};

/// Solves `below(x)` for the x at which it turns false, to the last bits, given that it is true at 0.
fn turning_point(below: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while below(high) && high < 1e300 {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// Erlang's B: the share of arrivals lost at `servers` without a queue.
#[must_use]
pub fn erlang_b(servers: u32, load: f64) -> f64 {
    (1..=servers).fold(1.0, |blocked, n| load * blocked / (f64::from(n) + load * blocked))
}

/// Erlang's C: the share of arrivals that wait in M/M/c; 1 where there is no steady state.
#[must_use]
pub fn erlang_c(servers: u32, load: f64) -> f64 {
    let servers_f64 = f64::from(servers);
    if load >= servers_f64 {
        return 1.0;
    }
    let blocked = erlang_b(servers, load);
    blocked / (1.0 - load / servers_f64 * (1.0 - blocked))
}

/// M/M/c with `load` < `servers`; M/M/1 with one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MmC {
    waits: f64,
    /// Rate at which a full queue moves beyond the arrivals.
    spare: f64,
}

impl MmC {
    /// The queue with this many servers and this load.
    #[must_use]
    pub fn new(servers: u32, load: f64) -> Self {
        Self { waits: erlang_c(servers, load), spare: (f64::from(servers) - load).max(0.0) }
    }

    /// The share of arrivals that wait.
    #[must_use]
    pub fn waits(&self) -> f64 {
        self.waits
    }

    /// Mean wait before service.
    #[must_use]
    pub fn mean_wait(&self) -> f64 {
        self.waits / self.spare
    }

    /// Mean time from arrival to end of service.
    #[must_use]
    pub fn mean(&self) -> f64 {
        1.0 + self.mean_wait()
    }

    /// The share of arrivals whose time from arrival to end of service is over `t`.
    #[must_use]
    pub fn over(&self, t: f64) -> f64 {
        let Self { waits, spare } = *self;
        let service = math::exp(-t);
        // A wait, exponential at rate `spare`, and then a service; at equal rates an Erlang of two.
        let both = match spare - 1.0 {
            apart if apart.abs() < 1e-9 => (1.0 + t) * service,
            apart => (spare * service - math::exp(-spare * t)) / apart,
        };
        (1.0 - waits) * service + waits * both
    }

    /// The time that the share `p` of arrivals stay within.
    #[must_use]
    pub fn quantile(&self, p: f64) -> f64 {
        if self.spare == 0.0 { f64::INFINITY } else { turning_point(|t| self.over(t) > 1.0 - p) }
    }
}

/// M/M/c/K: share of arrivals that find `capacity` calls (waiting or served) and are lost, and the mean time of the others.
#[must_use]
pub fn mmck(servers: u32, capacity: u32, load: f64) -> (f64, f64) {
    let (mut weight, mut total, mut calls) = (1.0, 1.0, 0.0);
    for n in 1..=capacity {
        weight *= load / f64::from(n.min(servers));
        total += weight;
        calls += f64::from(n) * weight;
    }
    let lost = weight / total;
    (lost, calls / total / (load * (1.0 - lost)))
}

/// Pollaczek and Khinchine: mean time in M/G/1 with this utilisation and squared coefficient of variation.
#[must_use]
pub fn mg1_mean(utilization: f64, squared_variation: f64) -> f64 {
    if utilization >= 1.0 {
        return f64::INFINITY;
    }
    1.0 + utilization * (1.0 + squared_variation) / (2.0 * (1.0 - utilization))
}

/// Mean time in M/G/1 under processor sharing, whatever the distribution of work.
#[must_use]
pub fn sharing_mean(utilization: f64) -> f64 {
    if utilization >= 1.0 { f64::INFINITY } else { 1.0 / (1.0 - utilization) }
}

/// Stationary probabilities of M/D/1 (unnormalised, the first is 1) for 0 to `last` calls.
///
/// From balance across each level, in which every term is positive, so that nothing cancels.
fn md1_weights(load: f64, last: usize) -> Vec<f64> {
    let mut arrivals = vec![math::exp(-load)];
    for n in 1..=last + 1 {
        arrivals.push(arrivals[n - 1] * load / n as f64);
    }
    // More than n arrivals in one service: the sum of the terms behind, from the small end.
    let mut over = vec![0.0; last + 2];
    let (mut term, mut beyond, mut n) = (arrivals[last + 1], 0.0, last + 1);
    while term > 1e-320 && n < last + 2_000 {
        n += 1;
        term *= load / n as f64;
        beyond += term;
    }
    over[last + 1] = beyond;
    for n in (0..=last).rev() {
        over[n] = over[n + 1] + arrivals[n + 1];
    }
    let mut weights = vec![1.0];
    for n in 0..last {
        let up: f64 = over[n] + (1..=n).map(|i| weights[i] * over[n + 1 - i]).sum::<f64>();
        weights.push(up / arrivals[0]);
    }
    weights
}

/// Share of arrivals to M/D/1 that wait at most `t`.
///
/// Source: G. J. Franx, A simple solution for the M/D/c waiting time distribution, Operations Research Letters 29 (2001).
#[must_use]
pub fn md1_waits_within(load: f64, t: f64) -> f64 {
    let whole = t.floor() as usize + 1;
    let cumulative: Vec<f64> = md1_weights(load, whole)
        .into_iter()
        .scan(0.0, |sum, weight| {
            *sum += weight * (1.0 - load);
            Some(*sum)
        })
        .collect();
    let rest = load * (whole as f64 - t);
    let (mut term, mut sum) = (math::exp(-rest), 0.0);
    for j in 0..whole {
        sum += term * cumulative[whole - j];
        term *= rest / (j + 1) as f64;
    }
    sum
}

/// The wait in M/D/1 that the share `p` of arrivals stay within; 0 where so many don't wait.
#[must_use]
pub fn md1_wait_quantile(load: f64, p: f64) -> f64 {
    if md1_waits_within(load, 0.0) >= p { 0.0 } else { turning_point(|t| md1_waits_within(load, t) < p) }
}

/// An open Jackson network: for stations with (visits, service time), the utilisation of each and the mean time in all.
#[must_use]
pub fn jackson(rate: f64, stations: &[(f64, f64)]) -> (Vec<f64>, f64) {
    let utilizations: Vec<f64> = stations.iter().map(|(visits, service)| rate * visits * service).collect();
    let times = stations.iter().zip(&utilizations);
    let total = times.map(|((visits, service), used)| visits * service * sharing_mean(*used)).sum();
    (utilizations, total)
}

/// Exact mean-value analysis of a closed network: throughput and response time for `users` who think for `think`,
/// with these demands (visits × service time) at single-server stations.
#[must_use]
pub fn mva(demands: &[f64], think: f64, users: u32) -> (f64, f64) {
    let mut queues = vec![0.0; demands.len()];
    let (mut throughput, mut response) = (0.0, 0.0);
    for n in 1..=users {
        let times: Vec<f64> = demands.iter().zip(&queues).map(|(demand, queue)| demand * (1.0 + queue)).collect();
        response = times.iter().sum();
        throughput = f64::from(n) / (think + response);
        queues = times.iter().map(|time| throughput * time).collect();
    }
    (throughput, response)
}

/// Che's approximation of the hit ratio under independent requests with these probabilities: LRU.
#[must_use]
pub fn lru_hit_ratio(probabilities: &[f64], capacity: f64) -> f64 {
    che(probabilities, capacity, |visits| -math::exp_m1(-visits))
}

/// Che's approximation for FIFO and for random eviction.
#[must_use]
pub fn fifo_hit_ratio(probabilities: &[f64], capacity: f64) -> f64 {
    che(probabilities, capacity, |visits| visits / (1.0 + visits))
}

/// Solves Σ present(p·t) = capacity for the characteristic time t; the hit ratio is then Σ p · present(p·t).
fn che(probabilities: &[f64], capacity: f64, present: impl Fn(f64) -> f64) -> f64 {
    if capacity >= probabilities.len() as f64 {
        return 1.0;
    }
    let time = turning_point(|t| probabilities.iter().map(|p| present(p * t)).sum::<f64>() < capacity);
    probabilities.iter().map(|p| p * present(p * time)).sum()
}

/// Hit ratio of an entry that lives `ttl` from its fill and is asked for at `rate` (Poisson).
#[must_use]
pub fn ttl_hit_ratio(rate: f64, ttl: f64) -> f64 {
    rate * ttl / (1.0 + rate * ttl)
}

/// Hit ratio where each hit renews the life.
#[must_use]
pub fn sliding_ttl_hit_ratio(rate: f64, ttl: f64) -> f64 {
    -math::exp_m1(-rate * ttl)
}

/// Mean time until both of two M/M/1 queues have served their half of a forked request.
///
/// Source: L. Flatto and S. Hahn, Two parallel queues created by arrivals with two demands (1984).
#[must_use]
pub fn fork_join_two_mean(utilization: f64) -> f64 {
    (12.0 - utilization) / 8.0 * sharing_mean(utilization)
}

/// Mean time of an exponential service of mean `mean` whose copy is started after `after`; the first answer counts.
#[must_use]
pub fn hedged_mean(mean: f64, after: f64) -> f64 {
    mean * (1.0 - 0.5 * math::exp(-after / mean))
}

/// The time that the share `p` of hedged services stay within.
#[must_use]
pub fn hedged_quantile(mean: f64, after: f64, p: f64) -> f64 {
    let alone = -mean * math::ln_1p(-p);
    if alone <= after { alone } else { 0.5 * (alone + after) }
}

/// Share of Poisson arrivals that a token bucket refuses, refilled continuously: M/D/1 with room for `burst` calls.
/// `load` is arrivals ÷ refill.
#[must_use]
pub fn token_bucket_refused(load: f64, burst: u32) -> f64 {
    let weights = md1_weights(load, burst.max(1) as usize - 1);
    let empty = 1.0 / weights.iter().sum::<f64>();
    if burst == 0 { 1.0 } else { 1.0 - 1.0 / (empty + load) }
}

/// Share of Poisson arrivals that a token bucket refuses, refilled by whole tokens at equal intervals.
#[must_use]
pub fn whole_token_bucket_refused(load: f64, burst: u32) -> f64 {
    let size = burst as usize;
    if size == 0 {
        return 1.0;
    }
    let mut arrivals = vec![math::exp(-load)];
    (1..=size).for_each(|n| arrivals.push(arrivals[n - 1] * load / n as f64));
    // The chain of tokens just after a refill: k arrivals take k tokens, as far as there are, and one comes.
    let mut tokens = vec![1.0 / size as f64; size];
    for _ in 0..1_000_000 {
        let mut next = vec![0.0; size];
        for (at, share) in tokens.iter().enumerate() {
            let have = at + 1;
            let mut used_up = 1.0;
            for (taken, chance) in arrivals.iter().enumerate().take(have) {
                next[(have - taken).min(size - 1)] += share * chance;
                used_up -= chance;
            }
            next[0] += share * used_up;
        }
        let moved = tokens.iter().zip(&next).map(|(a, b)| (a - b).abs()).sum::<f64>();
        tokens = next;
        if moved < 1e-15 {
            break;
        }
    }
    // Taken of `have` tokens, in the mean: Σ min(k, have) · chance of k.
    let taken_of = |have: usize| {
        let some: f64 = arrivals.iter().enumerate().take(have).map(|(k, chance)| (have - k) as f64 * chance).sum();
        have as f64 - some
    };
    let taken: f64 = tokens.iter().enumerate().map(|(at, share)| share * taken_of(at + 1)).sum();
    1.0 - taken / load
}

/// Tries of a call with at most `retries` retries, where each try fails with probability `failing`.
#[must_use]
pub fn attempts(failing: f64, retries: u32) -> f64 {
    if failing == 1.0 {
        return f64::from(retries) + 1.0;
    }
    (1.0 - math::powi(failing, retries + 1)) / (1.0 - failing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, digits: f64, what: &str) {
        assert!((found - expected).abs() <= 0.500_001 * digits, "{what}: {found}, expected {expected}");
    }

    /// The values of the design's table, to the digits given there.
    #[test]
    fn queues_have_their_known_values() {
        for (rho, mean, p50, p95, p99) in [(0.5, 2.0, 1.3863, 5.9915, 9.2103), (0.9, 10.0, 6.9315, 29.957, 46.052)] {
            let queue = MmC::new(1, rho);
            close(queue.mean(), mean, 1e-9, "M/M/1 mean");
            close(queue.quantile(0.5), p50, 1e-4, "M/M/1 p50");
            close(queue.quantile(0.95), p95, 1e-3, "M/M/1 p95");
            close(queue.quantile(0.99), p99, 1e-3, "M/M/1 p99");
        }
        for (servers, rho, waits, mean, p99) in
            [(4, 0.9, 0.787_75, 2.9694, 12.193), (10, 0.8, 0.409_18, 1.2046, 4.9461)]
        {
            let queue = MmC::new(servers, rho * f64::from(servers));
            close(queue.waits(), waits, 1e-5, "M/M/c waits");
            close(queue.mean(), mean, 1e-4, "M/M/c mean");
            close(queue.quantile(0.99), p99, 1e-3, "M/M/c p99");
        }
        let (lost, mean) = mmck(2, 10, 1.8);
        close(lost, 0.054_807, 1e-6, "M/M/2/10 lost");
        close(mean, 2.5165, 1e-4, "M/M/2/10 mean");
        close(erlang_b(10, 8.0), 0.121_66, 1e-5, "Erlang B");
        for (squared, mean) in [(0.0, 3.0), (1.0, 5.0), (4.0, 11.0), (10.0, 23.0)] {
            close(mg1_mean(0.8, squared), mean, 1e-12, "M/G/1");
        }
        for (p, wait) in [(0.5, 1.2759), (0.9, 5.0115), (0.99, 10.356)] {
            close(md1_wait_quantile(0.8, p), wait, if p > 0.95 { 1e-3 } else { 1e-4 }, "M/D/1 wait");
        }
        close(md1_wait_quantile(0.8, 0.2), 0.0, 1e-12, "M/D/1, who don't wait");
        assert!(MmC::new(2, 2.0).mean().is_infinite() && mg1_mean(1.0, 1.0).is_infinite());
    }

    /// Erlang's series for M/D/1, which cancels for large t, and the asymptotic decay.
    #[test]
    fn md1_waits_agree_with_the_alternating_series() {
        for load in [0.3f64, 0.8, 0.95] {
            for t in [0.0, 0.3, 1.0, 2.5, 7.9, 12.0] {
                let mut sum = 0.0;
                let mut factorial = 1.0;
                for k in 0..=(t as u32) {
                    let x = load * (f64::from(k) - t);
                    factorial *= f64::from(k.max(1));
                    sum += math::powi(x, k) / factorial * math::exp(-x);
                }
                close(md1_waits_within(load, t), (1.0 - load) * sum, 1e-9, "M/D/1");
            }
        }
        // 1 − F(t) decays by e^−θ per service, θ from load · (e^θ − 1) = θ.
        let over = |t: f64| 1.0 - md1_waits_within(0.8, t);
        let theta = math::ln(over(20.0) / over(21.0));
        close(0.8 * math::exp_m1(theta), theta, 1e-8, "decay");
    }

    #[test]
    fn networks_have_their_known_values() {
        let (used, total) = jackson(3.0, &[(16.0, 0.01), (7.0, 0.02), (8.0, 0.03)]);
        for (found, expected) in used.iter().zip([0.48, 0.42, 0.72]) {
            close(*found, expected, 1e-12, "Jackson");
        }
        close(total, 1.4062, 1e-4, "Jackson");
        close(mva(&[16.0 * 0.125, 10.0 * 0.3, 5.0 * 0.2], 4.0, 20).0, 0.333_247, 1e-6, "MVA");
        close(sharing_mean(0.8), 5.0, 1e-12, "two at random");
        close(round_robin_mean(2, 0.8), 3.8440, 1e-4, "two in turn");
        close(jsq_two_mean(0.8), 2.955_74, 1e-5, "the shorter of two");
        close(power_of_two_mean(0.9), 2.6141, 1e-4, "power of two");
        close(fork_join_two_mean(0.8), 7.0, 1e-12, "fork and join");
    }

    #[test]
    fn caches_limits_and_retries_have_their_known_values() {
        let weights: Vec<f64> = (1..=10_000).map(|k| math::pow(f64::from(k), -0.8)).collect();
        let total: f64 = weights.iter().sum();
        let shares: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        close(lru_hit_ratio(&shares, 1_000.0), 0.4367, 1e-4, "LRU");
        close(fifo_hit_ratio(&shares, 1_000.0), 0.3942, 1e-4, "FIFO");
        assert_eq!(lru_hit_ratio(&shares, 10_000.0), 1.0);
        close(ttl_hit_ratio(2.0, 3.0), 6.0 / 7.0, 1e-12, "TTL");
        close(sliding_ttl_hit_ratio(2.0, 3.0), 1.0 - 0.002_478_752_176_666_36, 1e-12, "sliding TTL");
        close(hedged_mean(10.0, 29.957), 9.75, 1e-4, "hedged mean");
        close(hedged_quantile(10.0, 29.957, 0.99), 38.0, 0.1, "hedged p99");
        close(hedged_quantile(10.0, 29.957, 0.5), 6.9315, 1e-4, "hedged p50");
        close(token_bucket_refused(1.0, 5), 0.103_45, 1e-5, "continuous refill");
        close(whole_token_bucket_refused(1.0, 5), 0.093_75, 1e-5, "whole tokens");
        close(attempts(0.5, 3), 1.875, 1e-12, "retries");
        close(attempts(1.0, 3), 4.0, 1e-12, "retries that always fail");
    }

    /// Lindley's recursion over our own arrivals and draws: mean times of one queue, against Pollaczek and Khinchine.
    #[test]
    fn drawn_queues_have_the_means_of_theory() {
        use crate::analysis::interval::Summary;
        use crate::engine::rng::{Streams, fnv1a, uniform_at};
        use crate::model::NoFiles;
        use crate::model::distribution::{Base, Distribution};
        use crate::workload::arrivals::{Arrivals, Process};
        use crate::workload::profile::Profile;
        use crate::workload::sampler::Sampler;

        for text in
            ["exp(1ms)", "1ms", "lognormal(1ms, cv=2)", "erlang(1ms, k=4)", "hyperexp(1ms, cv=2)", "gamma(1ms, cv=0.5)"]
        {
            let distribution = Distribution::parse(text, Base::Time, &NoFiles).expect(text);
            let sampler = Sampler::new(&distribution);
            let exact = mg1_mean(0.7, distribution.squared_variation()) * 1e6;
            let replication = |seed: u64| {
                let streams = Streams::new(fnv1a(text.as_bytes()).wrapping_add(seed));
                let (gaps, work) = (streams.stream("arrivals"), streams.stream("work"));
                let mut arrivals = Arrivals::new(Profile::constant(700.0), &Process::Poisson, gaps, 0, 20_000_000_000);
                let (mut free_at, mut sum, mut count) = (i64::MIN, 0.0, 0.0);
                while let Some(time) = arrivals.next().filter(|time| *time < 150_000_000_000) {
                    free_at = free_at.max(time) + sampler.sample_ns(uniform_at(work, arrivals.number())) as i64;
                    if time >= 0 {
                        sum += (free_at - time) as f64;
                        count += 1.0;
                    }
                }
                sum / count
            };
            let means: Vec<f64> = (0..20).map(replication).collect();
            let summary = Summary::of(&means).expect("twenty");
            let off = (summary.mean - exact).abs() / summary.standard_error();
            assert!(off < 4.5, "{text}: {} ns, exactly {exact} ns, {off} standard errors", summary.mean);
        }
    }
}
