//! Load balancers: their endpoints and the calls that lead there.

use super::super::call::{CallSpec, Caller};
use super::super::{Lowering, draw_plan, link, site};
use super::WORK;
use crate::components::Component;
use crate::components::health::Outlier;
use crate::components::load_balancer::{HashBy, Layer, LoadBalancerSpec, Target};
use crate::engine::slab::NONE;
use crate::model::link::BalancerPolicy;
use crate::plan::*;
use crate::policy::backoff::{Backoff, Jitter};
use crate::policy::health::active::Active;
use crate::policy::health::outlier::Rules;
use crate::policy::health::passive::Passive;

/// How long the connection of a client through a balancer of layer 4 may be idle (AWS Network Load Balancer), ns.
const LAYER_4_IDLE_NS: u64 = 350_000_000_000;

/// The share of endpoints that are never enough of them ill.
const NO_PANIC: f64 = 0.0;

impl Lowering<'_> {
    pub(crate) fn balancer(&mut self, id: u32, name: &str, spec: &LoadBalancerSpec) {
        let model = self.model;
        let policies = spec.routes.iter().map(|route| route.policy.unwrap_or(spec.policy).0).chain([spec.policy.0]);
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
        let watched = is_watched(spec);
        // Behind another balancer it has frames of its own, so that each knows what is in flight through it.
        let mut framed =
            self.is_behind_balancer(name) || watched || spec.service.is_some() || spec.keep_alive.is_some();
        let mut plans = Vec::new();
        let mut caller = Caller::new(id, &[name], None);
        for (group, policy) in groups.into_iter().zip(policies) {
            let scale = self.weight_scale(group);
            let watched = watched || policy == BalancerPolicy::LeastResponseTime;
            framed |= watched;
            let members = group.iter().map(|target| {
                let member = self.member(&mut caller, spec, target, (scale, watched));
                let call = &self.plan.calls[member.call as usize];
                let link = &self.plan.links[call.link as usize];
                let nested = matches!(link.target, crate::plan::Target::Balancer(_));
                framed |= nested || !link.plain || link.retry.is_some() || call.fallback.is_some();
                member
            });
            let members: Vec<MemberPlan> = members.collect();
            let special = members
                .iter()
                .any(|member| member.backup || member.connections_max != NONE || member.passive.max_fails > 0);
            plans.push(GroupPlan { members, policy: link::policy(policy), scale: scale as u32, special });
        }
        let special = plans.iter().any(|group| group.special);
        self.plan.balancers.push(BalancerPlan {
            component: id,
            first_group: self.plan.balancers.iter().map(|other| other.groups.len() as u32).sum(),
            groups: plans,
            group_by_class,
            framed,
            site: site(&[name, "balance"]),
            vnodes: spec.vnodes.0 as u32,
            bounded_load: spec.bounded_load.map_or(0.0, |bound| bound.0),
            by_client: spec.hash_by == HashBy::Client,
            care: (has_care(spec) || special).then(|| Box::new(care(spec))),
        });
        self.plan_of(id).kind = Kind::Balancer(self.plan.balancers.len() as u32 - 1);
        self.balancer_program(id, name, spec);
    }

    fn balancer_program(&mut self, id: u32, name: &str, spec: &LoadBalancerSpec) {
        let entry = self.here();
        let reply = self.label();
        if let Some(service) = &spec.service {
            let cores = spec.cores.0;
            let discipline = Discipline::Sharing;
            self.plan_of(id).stations = vec![StationPlan { discipline, ..StationPlan::plain("cores", cores) }];
            let draw = self.draw(&service.0, site(&[name, "service"]));
            let cell = self.work_cell(id);
            self.unwinding(reply, |lowering| lowering.emit(Op::Work { station: WORK, admission: true, cell, draw }));
        }
        self.unwinding(reply, |lowering| lowering.emit(Op::CallPicked(id)));
        self.place(reply);
        self.emit(Op::Reply);
        self.plan_of(id).entry_by_class.fill(entry);
    }

    fn member(
        &mut self,
        caller: &mut Caller,
        spec: &LoadBalancerSpec,
        target: &Target,
        (scale, watched): (f64, bool),
    ) -> MemberPlan {
        let call = self.straight_plan(caller, CallSpec::plain(&target.link));
        let number = self.plan.calls[call as usize].link as usize;
        let connect_site = self.plan.links[number].site;
        let rtt = draw_plan(&target.link.options.rtt.0, connect_site);
        let link = &mut self.plan.links[number];
        link.watched = watched || spec.keep_alive.is_some() || target.max_fails.is_some();
        if spec.keep_alive.is_some() {
            link.connects = true;
            link.plain = false;
            link.rtt.get_or_insert(rtt);
        }
        if let Some(tries) = spec.tries.filter(|tries| tries.0 > 1)
            && link.retry.is_none()
        {
            let when = [Outcome::Timeout, Outcome::ConnectionRefused, Outcome::Lost, Outcome::Unavailable];
            link.retry = Some(RetryPlan {
                retries: tries.0 as u32 - 1,
                when: when.iter().fold(0, |bits, &outcome| bits | 1 << outcome as u16),
                writes: false,
                backoff: Backoff::Constant(0),
                jitter: Jitter::None,
                budget: None,
                tokens: None,
            });
        }
        let passive = spec.health.as_ref().and_then(|health| health.passive.as_ref());
        let max_fails = target.max_fails.or(passive.map(|passive| passive.max_fails));
        let fail_timeout = target.fail_timeout.or(passive.map(|passive| passive.fail_timeout));
        MemberPlan {
            component: self.component_ids[target.link.to.as_str()],
            weight: (target.weight.0 * scale).round() as u32,
            call,
            backup: target.backup,
            connections_max: target.max_conns.map_or(NONE, |most| most.0 as u32),
            passive: Passive {
                max_fails: max_fails.map_or(0, |fails| fails.0 as u32),
                fail_timeout_s: fail_timeout.map_or(10, |time| (time.0 / 1_000_000_000) as i64),
            },
            name: site(&[target.link.to.as_str()]),
        }
    }

    /// What makes the weights of endpoints whole numbers, those of single replicas too.
    fn weight_scale(&self, group: &[Target]) -> f64 {
        let own = |target: &Target| match &self.model.components[target.link.to.as_str()] {
            Component::ServerPool(pool) => pool.overrides.values().filter_map(|own| own.weight).collect(),
            _ => Vec::new(),
        };
        let weights = group.iter().flat_map(|target| own(target).into_iter().chain([target.weight]));
        if weights.into_iter().all(|weight| weight.0 == weight.0.floor()) { 1.0 } else { 1000.0 }
    }

    fn is_behind_balancer(&self, name: &str) -> bool {
        self.model.components.values().any(|component| match component {
            Component::LoadBalancer(balancer) => {
                let routed = balancer.routes.iter().flat_map(|route| route.to.iter());
                balancer.to.iter().chain(routed).any(|target| target.link.to.as_str() == name)
            }
            _ => false,
        })
    }
}

/// Whether a balancer must know how each try ends.
fn is_watched(spec: &LoadBalancerSpec) -> bool {
    let of_health = spec.health.as_ref().is_some_and(|health| health.passive.is_some() || health.outlier.is_some());
    of_health || spec.tries.is_some()
}

fn has_care(spec: &LoadBalancerSpec) -> bool {
    spec.health.is_some()
        || spec.sticky.is_some()
        || spec.slow_start.is_some()
        || spec.drain.is_some()
        || spec.tries.is_some()
        || spec.keep_alive.is_some()
        || spec.layer == Layer::Connections
}

fn care(spec: &LoadBalancerSpec) -> CarePlan {
    let health = spec.health.as_ref();
    let active = health.and_then(|health| health.active.as_ref());
    let passive = health.and_then(|health| health.passive.as_ref());
    let outlier = health.and_then(|health| health.outlier.as_ref());
    let connect = [Outcome::Timeout, Outcome::ConnectionRefused, Outcome::Lost, Outcome::Unavailable]
        .map(|outcome| outcome as u16);
    CarePlan {
        active: active.map(|active| ActivePlan {
            interval_ns: active.interval.0,
            timeout_ns: active.timeout.0,
            limits: Active { healthy: active.healthy.0 as u32, unhealthy: active.unhealthy.0 as u32 },
        }),
        passive_when: match passive {
            Some(passive) => passive.when.iter().fold(0, |bits, &condition| bits | link::outcomes(condition)),
            None => connect.iter().fold(0, |bits, outcome| bits | 1 << outcome),
        },
        outlier: outlier.map(|outlier| (rules(outlier), outlier.interval.0)),
        panic_threshold: outlier.map_or(NO_PANIC, |outlier| outlier.panic_threshold.0),
        sticky_ns: match &spec.sticky {
            Some(sticky) => sticky.duration.0,
            None if spec.layer == Layer::Connections => LAYER_4_IDLE_NS,
            None => 0,
        },
        slow_start: spec.slow_start.as_ref().map(|slow| SlowStartPlan {
            window_ns: slow.window.0,
            curve: slow.aggression.map(|aggression| (1.0 / aggression.0, slow.least.0)),
        }),
        drain_ns: spec.drain.map(|drain| drain.0),
        keep_alive: spec.keep_alive.map(|keep| keep.0 as u32),
    }
}

fn rules(outlier: &Outlier) -> Rules {
    Rules {
        consecutive: outlier.consecutive_5xx.0 as u32,
        base_ns: outlier.base_ejection_time.0,
        longest_ns: outlier.max_ejection_time.0,
        most_out: outlier.max_ejection.0,
        hosts_least: outlier.success_rate_minimum_hosts.0 as u32,
        answers_least: outlier.success_rate_request_volume.0,
        deviations: outlier.success_rate_stdev_factor.0,
    }
}
