//! Checks of endpoints at intervals, and the intervals of outlier detection.

use super::care::Peer;
use super::instance::Life;
use super::{Control, World};
use crate::policy::health::outlier;

impl<const TRACED: bool> World<'_, TRACED> {
    /// A balancer checks all its endpoints.
    pub(super) fn probe(&mut self, balancer: u32) {
        let plan = &self.plan.balancers[balancer as usize];
        let Some(active) = plan.care.as_deref().and_then(|care| care.active) else { return };
        let mut silent = false;
        for group in plan.first_group..plan.first_group + plan.groups.len() as u32 {
            self.find_endpoints(balancer, group);
            for instance in self.registered(group) {
                let state = &self.instances[instance as usize];
                // One that is stalled does not answer; one that is down refuses at once.
                if state.is_up() && state.stalled_until > self.now {
                    self.endpoints[group as usize].peers[instance as usize].silent = true;
                    silent = true;
                } else {
                    let passed = state.is_up() && state.life == Life::Ready;
                    self.checked(balancer, group, instance, passed);
                }
            }
        }
        if silent {
            self.control(self.now.saturating_add(active.timeout_ns), Control::ProbeEnds(balancer));
        }
        let at = self.now + active.interval_ns;
        if at <= self.plan.clock.last {
            self.control(at, Control::Probe(balancer));
        }
    }

    /// The checks that were not answered at once have answered by now, or not.
    pub(super) fn probe_ends(&mut self, balancer: u32) {
        let plan = &self.plan.balancers[balancer as usize];
        for group in plan.first_group..plan.first_group + plan.groups.len() as u32 {
            for instance in self.registered(group) {
                let peer = &mut self.endpoints[group as usize].peers;
                if peer.get(instance as usize).is_some_and(|peer| peer.silent) {
                    peer[instance as usize].silent = false;
                    let state = &self.instances[instance as usize];
                    let passed = state.is_up() && state.stalled_until <= self.now;
                    self.checked(balancer, group, instance, passed);
                }
            }
        }
    }

    fn checked(&mut self, balancer: u32, group: u32, instance: u32, passed: bool) {
        let plan = &self.plan.balancers[balancer as usize];
        let Some(active) = plan.care.as_deref().and_then(|care| care.active) else { return };
        let endpoints = &mut self.endpoints[group as usize];
        let peer = &mut endpoints.peers[instance as usize];
        if !peer.checks.checked(active.limits, passed) {
            return;
        }
        endpoints.stale_at = 0;
        if peer.checks.is_healthy() {
            self.meters.components[plan.component as usize].care.returns += self.open as u64;
        } else {
            self.note_ill(plan.component, instance);
        }
    }

    /// An interval of outlier detection ends.
    pub(super) fn compare(&mut self, balancer: u32) {
        let plan = &self.plan.balancers[balancer as usize];
        let Some((rules, interval)) = plan.care.as_deref().and_then(|care| care.outlier) else { return };
        for group in plan.first_group..plan.first_group + plan.groups.len() as u32 {
            let there = self.there(group);
            let endpoints = &mut self.endpoints[group as usize];
            endpoints.peers.resize(self.instances.len(), Peer::default());
            let mut hosts: Vec<outlier::Host> = there.iter().map(|&at| endpoints.peers[at as usize].host).collect();
            let mut borrowed: Vec<&mut outlier::Host> = hosts.iter_mut().collect();
            let (back, went) = outlier::interval(&mut borrowed, &rules, self.now);
            for (&instance, host) in there.iter().zip(hosts) {
                endpoints.peers[instance as usize].host = host;
            }
            endpoints.stale_at = 0;
            let meter = &mut self.meters.components[plan.component as usize].care;
            meter.returns += u64::from(back) * self.open as u64;
            meter.ejections += u64::from(went) * self.open as u64;
        }
        let at = self.now + interval;
        if at <= self.plan.clock.last {
            self.control(at, Control::Compare(balancer));
        }
    }
}
