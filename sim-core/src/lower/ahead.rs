//! Which draws can be made ahead: those that every request of a class reaches, once, whatever happens to others.

use crate::engine::slab::NONE;
use crate::plan::{AheadPlan, Op, Pc, Plan, Target};

/// How deep calls are followed.
const DEPTH_MAX: usize = 16;

/// Finds, for each client, the draws that can be made ahead of its requests.
pub(crate) fn find(plan: &Plan) -> Vec<Vec<AheadPlan>> {
    plan.clients
        .iter()
        .map(|client| {
            let mut found = Vec::new();
            for (class, &entry) in client.entry.iter().enumerate() {
                if entry != NONE && client.session == NONE {
                    follow(plan, entry, class as u16, class as u16, &mut Vec::new(), &mut found);
                }
            }
            found
        })
        .collect()
}

/// Follows a program from its entry as far as all calls take the same way.
fn follow(plan: &Plan, entry: Pc, sent: u16, class: u16, path: &mut Vec<u64>, found: &mut Vec<AheadPlan>) {
    let mut pc = entry;
    loop {
        match plan.ops[pc as usize] {
            Op::Work { draw, .. } | Op::Delay { draw, .. } => {
                if !plan.draws[draw as usize].sampler.is_constant() {
                    found.push(AheadPlan { draw, class: sent, path: path.clone() });
                }
            }
            Op::Call(call) | Op::QuickCall(call) | Op::TailCall(call) => {
                let call = &plan.calls[call as usize];
                let class = call.class.unwrap_or(class);
                let callee = callee(plan, call, class);
                if call.times == 1 && path.len() < DEPTH_MAX && callee != NONE {
                    path.push(call.site);
                    follow(plan, callee, sent, class, path, found);
                    path.pop();
                }
            }
            // Who is turned away asks for nothing more.
            Op::Own { .. } => {}
            Op::Seize { .. } | Op::Release { .. } | Op::Expire | Op::FailShare(_) | Op::Observe(_) | Op::Commit(_) => {}
            _ => return,
        }
        pc += 1;
    }
}

/// Where a call enters its callee, if that is the same for all calls.
fn callee(plan: &Plan, call: &crate::plan::CallPlan, class: u16) -> Pc {
    let by_op = |component: u32| {
        let writes = plan.classes[class as usize].write;
        let op = match (call.inherit_op, call.op) {
            (true, _) | (false, crate::plan::ANY_OP) if writes => crate::plan::ops::WRITE,
            (true, _) | (false, crate::plan::ANY_OP) => crate::plan::ops::READ,
            (false, op) => op,
        };
        plan.components[component as usize].entry_by_op[op as usize]
    };
    let by_class = |component: u32| plan.components[component as usize].entry_by_class[class as usize];
    match plan.links[call.link as usize].target {
        Target::Pool(component) => by_class(component),
        Target::Balancer(component) => {
            let crate::plan::Kind::Balancer(balancer) = plan.components[component as usize].kind else { return NONE };
            let balancer = &plan.balancers[balancer as usize];
            let group = balancer.group_by_class[class as usize];
            if balancer.framed || group == NONE {
                return NONE;
            }
            match balancer.groups[group as usize].members.as_slice() {
                [only] => by_class(only.component),
                _ => NONE,
            }
        }
        Target::Chosen(component) if !plan.components[component as usize].by_op => by_class(component),
        Target::Copy(component) | Target::Chosen(component) | Target::Database(component) => by_op(component),
    }
}
