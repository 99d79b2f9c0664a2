//! Mean times behind a balancer, each server M/M/1-like with its own queue, in mean service times.

use crate::math;

/// `servers` in turn: each sees every `servers`-th arrival, so it is an E_n/M/1 queue.
#[must_use]
pub fn round_robin_mean(servers: u32, utilization: f64) -> f64 {
    if utilization >= 1.0 {
        return f64::INFINITY;
    }
    let rate = f64::from(servers) * utilization;
    // The root in (0, 1) of σ = (rate ÷ (rate + 1 − σ))^servers; iterating from 0 climbs to it.
    let mut sigma = 0.0;
    for _ in 0..1_000_000 {
        let next = math::powi(rate / (rate + 1.0 - sigma), servers);
        if next - sigma < 1e-16 {
            break;
        }
        sigma = next;
    }
    1.0 / (1.0 - sigma)
}

/// The less loaded of two at random, among very many servers: Σ λ^(2^i − 2) over i ≥ 1.
///
/// Source: M. Mitzenmacher, The power of two choices in randomized load balancing (1996).
#[must_use]
pub fn power_of_two_mean(utilization: f64) -> f64 {
    if utilization >= 1.0 {
        return f64::INFINITY;
    }
    let (mut sum, mut term) = (0.0, 1.0);
    // Each exponent is twice the last and two more.
    while term > 1e-18 {
        sum += term;
        term = term * term * utilization * utilization;
    }
    sum
}

/// How far apart two queues can be, of which the shorter is joined: beyond, states are rarer than 3^−`APART_MAX`.
const APART_MAX: usize = 32;

/// The shorter of two queues: the stationary chain of both lengths, solved numerically to about nine digits.
#[must_use]
pub fn jsq_two_mean(utilization: f64) -> f64 {
    if utilization >= 1.0 {
        return f64::INFINITY;
    }
    if utilization <= 0.0 {
        return 1.0;
    }
    // That the shorter is longer than the bound is as likely as utilization^(2·bound).
    let bound = ((-14.0 / math::ln(utilization)).ceil() as usize).clamp(8, 2_000);
    let mut chain = Chain { rate: 2.0 * utilization, bound, share: vec![1.0; (bound + 1) * (APART_MAX + 1)] };
    for _ in 0..100_000 {
        if chain.sweep() < 1e-13 {
            break;
        }
    }
    chain.calls() / chain.rate
}

/// Shares of time by the length of the shorter queue and by how much the other is longer.
struct Chain {
    rate: f64,
    bound: usize,
    share: Vec<f64>,
}

impl Chain {
    fn at(&self, shorter: usize, apart: usize) -> f64 {
        if shorter > self.bound || apart > APART_MAX { 0.0 } else { self.share[shorter * (APART_MAX + 1) + apart] }
    }

    /// One step of Gauss and Seidel on the balance of flows, from the longest queues down; how much it moved.
    fn sweep(&mut self) -> f64 {
        let mut moved = 0.0;
        for shorter in (0..=self.bound).rev() {
            for apart in (0..=APART_MAX).rev() {
                let arrives = shorter < self.bound || apart == 0;
                let shorter_leaves = shorter > 0 && (apart < APART_MAX);
                let longer_leaves = shorter + apart > 0;
                let out = f64::from(u8::from(shorter_leaves)) + f64::from(u8::from(longer_leaves));
                let next = self.inflow(shorter, apart) / (out + if arrives { self.rate } else { 0.0 });
                moved += (next - self.at(shorter, apart)).abs();
                self.share[shorter * (APART_MAX + 1) + apart] = next;
            }
        }
        let total: f64 = self.share.iter().sum();
        self.share.iter_mut().for_each(|share| *share /= total);
        moved / total
    }

    fn inflow(&self, shorter: usize, apart: usize) -> f64 {
        let mut inflow = 0.0;
        // An arrival joined the shorter; of two equal ones it made either the longer.
        if shorter > 0 {
            inflow += self.rate * self.at(shorter - 1, apart + 1);
        }
        if apart == 1 {
            inflow += self.rate * self.at(shorter, 0);
        }
        // A call left the longer, or the shorter; from two equal ones either way leads here.
        inflow += self.at(shorter, apart + 1);
        if apart > 0 {
            inflow += self.at(shorter + 1, apart - 1) * if apart == 1 { 2.0 } else { 1.0 };
        }
        inflow
    }

    /// Mean number of calls at both.
    fn calls(&self) -> f64 {
        let states = (0..=self.bound).flat_map(|shorter| (0..=APART_MAX).map(move |apart| (shorter, apart)));
        states.map(|(shorter, apart)| (2 * shorter + apart) as f64 * self.at(shorter, apart)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn light_loads_hardly_wait_and_better_routing_waits_less() {
        for utilization in [0.05, 0.5, 0.8, 0.9] {
            let random = 1.0 / (1.0 - utilization);
            let (turns, shorter) = (round_robin_mean(2, utilization), jsq_two_mean(utilization));
            assert!(1.0 < shorter && shorter < turns && turns < random, "{utilization}: {shorter} {turns} {random}");
            assert!((round_robin_mean(1, utilization) / random - 1.0).abs() < 1e-9);
        }
    }
}
