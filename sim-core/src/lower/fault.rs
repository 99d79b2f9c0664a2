//! Faults: what each does to its targets, and when.

use super::{Lowering, draw_plan, site};
use crate::model::address::Address;
use crate::model::distribution::Distribution;
use crate::model::fault::{Fault, FaultKind};
use crate::model::value::TimeDistribution;
use crate::plan::{Chance, ChangeKind, Effect, FaultPlan, InstanceRef, LinkEffect, LinkFault};
use crate::workload::sampler::Sampler;

impl Lowering<'_> {
    /// Faults in the order of the file; those at a moment become changes.
    pub(super) fn faults(&mut self) {
        let model = self.model;
        for (number, fault) in model.faults.iter().enumerate() {
            for (component, instance, target) in self.struck(fault) {
                let chance = fault.mtbf.as_ref().map(|between| Chance {
                    between: by_chance(between),
                    repair: fault.mttr.as_ref().map_or(Sampler::new(&Distribution::Constant(0.0)), by_chance),
                    stream: format!("fault {number} {target}"),
                });
                let at_a_moment = chance.is_none();
                let name = format!("{} of {target}", fault.kind.word());
                let effect = self.effect(number, fault);
                self.plan.faults.push(FaultPlan { component, instance, effect, chance, name });
                if at_a_moment {
                    self.at_its_moment(fault);
                }
            }
        }
    }

    /// What a fault strikes, and how that is written.
    fn struck(&self, fault: &Fault) -> Vec<(u32, Option<InstanceRef>, String)> {
        let Some(zone) = fault.zone_out() else {
            let address = |target: &Address| {
                let (component, instance) = self.address(target);
                (component, instance, target.to_string())
            };
            return fault.targets().iter().map(address).collect();
        };
        let named = |name: &str| fault.targets().is_empty() || fault.targets().iter().any(|at| at.component == name);
        let pools = self.model.components.keys().filter(|name| named(name));
        pools.filter_map(|name| Some((self.id(name), Some(self.zone(name, zone)?), format!("{name}@{zone}")))).collect()
    }

    /// The two ends of the fault that was added last.
    fn at_its_moment(&mut self, fault: &Fault) {
        let index = self.plan.faults.len() as u32 - 1;
        let from = fault.at_time.map_or(0, |at| at.0);
        let to = from.saturating_add(fault.duration.map_or(0, |duration| duration.0));
        let until = self.plan.clock.start.saturating_add(to);
        self.change_at(from, ChangeKind::Fault { fault: index, until, ends: false });
        if fault.kind != FaultKind::Flush {
            self.change_at(to, ChangeKind::Fault { fault: index, until, ends: true });
        }
    }

    fn effect(&self, number: usize, fault: &Fault) -> Effect {
        let site = site(&["fault", &number.to_string()]);
        let link = |does| {
            let callers = fault.callers().iter().map(|caller| self.address(caller));
            // What is between a CDN and its origin is between its shield and that, where it has one.
            let with_shield = |from: (u32, _)| [Some(from), self.shield_of(from.0).map(|shield| (shield, None))];
            let from = callers.flat_map(with_shield).flatten().collect();
            Effect::Link(LinkEffect { from, does })
        };
        match &fault.kind {
            FaultKind::Crash | FaultKind::ZoneOutage { .. } => Effect::Crash,
            FaultKind::Slow { .. } => Effect::Slow(fault.slow_factor()),
            FaultKind::ErrorRate { .. } => Effect::ErrorRate(fault.share_of()),
            FaultKind::Flush => Effect::Flush,
            FaultKind::Stall => Effect::Stall,
            FaultKind::Latency { .. } => {
                let added = fault.added_latency().expect("validated: it says how much");
                link(LinkFault::Later(draw_plan(&added.0, site)))
            }
            FaultKind::Loss { .. } => link(LinkFault::Lossy(fault.share_of(), site)),
            FaultKind::Partition { .. } => link(LinkFault::Cut),
        }
    }
}

/// A time that comes by chance: a bare one is the mean of an exponential.
fn by_chance(time: &TimeDistribution) -> Sampler {
    match time.0.as_constant() {
        Some(mean) if mean > 0.0 => Sampler::new(&Distribution::Exponential { mean }),
        Some(_) | None => Sampler::new(&time.0),
    }
}
