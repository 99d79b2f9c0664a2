//! Load balancers: their endpoints and the calls that lead there.

use super::super::call::{CallSpec, Caller};
use super::super::{Lowering, link, site};
use crate::components::load_balancer::{LoadBalancerSpec, Target};
use crate::engine::slab::NONE;
use crate::plan::*;

impl Lowering<'_> {
    pub(in crate::lower) fn balancer(&mut self, id: u32, name: &str, spec: &LoadBalancerSpec) {
        let model = self.model;
        let mut groups: Vec<&[Target]> = spec.routes.iter().map(|route| &route.to[..]).collect();
        groups.push(&spec.to);
        let mut group_by_class = vec![NONE; model.classes.len()];
        for (class, group) in model.classes.keys().zip(&mut group_by_class) {
            let route = spec.routes.iter().position(|route| route.classes.iter().any(|name| name.as_str() == class));
            *group = match route {
                Some(route) => route as u32,
                None if spec.to.is_empty() => NONE,
                None => spec.routes.len() as u32,
            };
        }
        let mut framed = false;
        let mut plans = Vec::new();
        let mut caller = Caller::new(id, &[name], None);
        for group in groups {
            let scale = weight_scale(group);
            let members = group.iter().map(|target| {
                let call = self.straight_plan(&mut caller, CallSpec::plain(&target.link));
                let link = &self.plan.links[self.plan.calls[call as usize].link as usize];
                framed |= !link.plain || link.retry.is_some() || self.plan.calls[call as usize].fallback.is_some();
                let component = self.component_ids[target.link.to.as_str()];
                MemberPlan { component, weight: (target.weight.0 * scale).round() as u32, call }
            });
            plans.push(GroupPlan { members: members.collect() });
        }
        self.plan.balancers.push(BalancerPlan {
            component: id,
            policy: link::policy(spec.policy),
            first_group: self.plan.balancers.iter().map(|other| other.groups.len() as u32).sum(),
            groups: plans,
            group_by_class,
            framed,
            site: site(&[name, "balance"]),
        });
        self.plan_of(id).kind = Kind::Balancer(self.plan.balancers.len() as u32 - 1);
        let entry = self.here();
        let reply = self.label();
        self.unwinding(reply, |lowering| lowering.emit(Op::CallPicked(id)));
        self.place(reply);
        self.emit(Op::Reply);
        self.plan_of(id).entry_by_class.fill(entry);
    }
}

/// What makes the weights of endpoints whole numbers.
fn weight_scale(group: &[Target]) -> f64 {
    if group.iter().all(|target| target.weight.0 == target.weight.0.floor()) { 1.0 } else { 1000.0 }
}
