//! Steps of handlers.

use super::call::{CallSpec, Caller};
use super::{Lowering, draw_plan};
use crate::components::Component;
use crate::components::connection_pool::PoolMode;
use crate::components::server_pool::ServerPoolSpec;
use crate::model::fault::FaultKind;
use crate::model::step::{CachedStep, CallStep, ChooseStep, FailAs, HoldStep, ParallelStep, PublishStep, Step};
use crate::plan::{ANY_OP, ChoicePlan, FailPlan, ForkPlan, Op, Outcome, Place, ops};

/// The number of a server pool's station `cores`.
pub(crate) const CORES: u8 = 0;
/// The number of its station `workers`.
pub(crate) const WORKERS: u8 = 1;

impl Lowering<'_> {
    /// Steps, one after the other.
    pub(crate) fn steps(&mut self, caller: &mut Caller, pool: &ServerPoolSpec, steps: &[Step]) {
        for (at, step) in steps.iter().enumerate() {
            // The first step begins when the handler does, which looks at the deadline itself.
            if at > 0 && self.deadlines {
                self.emit(Op::Expire);
            }
            match step {
                Step::Cpu(cpu) => self.cpu(caller, pool, &cpu.cpu.0),
                Step::Delay(delay) => {
                    let site = caller.site("delay");
                    let draw = self.draw(&delay.delay.0, site);
                    let cell = self.work_cell(caller.component) + 1;
                    self.emit(Op::Delay { cell, draw });
                }
                Step::Call(call) => self.call_step(caller, call),
                Step::Publish(publish) => self.publish_step(caller, publish),
                Step::Cached(cached) => self.cached_step(caller, pool, cached),
                Step::Hold(hold) => self.hold_step(caller, pool, hold),
                Step::Parallel(parallel) => self.parallel(caller, pool, parallel),
                Step::Choose(choose) => self.choose(caller, pool, choose),
                Step::Fail(fail) => {
                    let outcome = match fail.outcome {
                        FailAs::Failed => Outcome::Failed,
                        FailAs::Denied => Outcome::Denied,
                    };
                    let site = caller.site("fail");
                    self.fail_share(Some(fail.share.0), outcome, site);
                }
            }
        }
    }

    /// The error rate of a component: nothing where it is 0 and stays so.
    pub(crate) fn error_rate(&mut self, component: u32, share: f64, site: u64) {
        let name = &self.plan.components[component as usize].name;
        let changes = self.model.changes.iter().any(|change| change.component == *name);
        let fails = self.model.faults.iter().any(|fault| {
            matches!(fault.kind, FaultKind::ErrorRate { .. }) && fault.targets().iter().any(|at| at.component == *name)
        });
        let differs = self.plan.components[component as usize].overrides.iter().any(|own| own.error_rate.is_some());
        if share > 0.0 || changes || fails || differs {
            self.fail_share(None, Outcome::Failed, site);
        }
    }

    fn fail_share(&mut self, share: Option<f64>, outcome: Outcome, site: u64) {
        self.plan.failures.push(FailPlan { share, outcome, site });
        self.emit(Op::FailShare(self.plan.failures.len() as u32 - 1));
    }

    fn cpu(&mut self, caller: &mut Caller, pool: &ServerPoolSpec, work: &crate::model::distribution::Distribution) {
        let first = caller.ordinal == 0;
        let site = caller.site("cpu");
        let draw = self.draw(work, site);
        let cell = self.work_cell(caller.component);
        let work = Op::Work { station: CORES, admission: false, cell, draw };
        if !pool.asynchronous {
            self.emit(work);
            return;
        }
        // An event loop: a worker is held only while the call is on a core, and only new calls are turned away.
        let place = Place::Own(WORKERS);
        self.emit(Op::Seize { place, cell, admission: first });
        let release = self.label();
        self.unwinding(release, |lowering| lowering.emit(work));
        self.place(release);
        self.emit(Op::Release { place });
    }

    fn call_step(&mut self, caller: &mut Caller, step: &CallStep) {
        let size = step.size.as_ref().map(|size| {
            let site = caller.site("size");
            self.draw(&size.0, site)
        });
        let op = step.op.as_ref().map_or(ANY_OP, |op| self.op_id(op.as_str()));
        let class = step.class.as_ref().map(|class| self.class_id(class.as_str()));
        let key = self.key_choice(&step.key);
        self.call(caller, CallSpec { op, times: step.times.0 as u32, key, class, size, ..CallSpec::plain(&step.link) });
    }

    fn publish_step(&mut self, caller: &mut Caller, step: &PublishStep) {
        let size = step.size.as_ref().map(|size| {
            let site = caller.site("size");
            self.draw(&size.0, site)
        });
        let class = step.class.as_ref().map(|class| self.class_id(class.as_str()));
        let key = self.key_choice(&step.key);
        self.call(caller, CallSpec { times: step.times.0 as u32, key, class, size, ..CallSpec::plain(&step.link) });
    }

    fn cached_step(&mut self, caller: &mut Caller, pool: &ServerPoolSpec, step: &CachedStep) {
        let name = step.link.to.as_str();
        let target = self.id(name);
        let model = self.model;
        let Component::Cache(cache) = &model.components[name] else { unreachable!("validated: a cache") };
        let call = CallSpec { op: ops::READ, ..CallSpec::plain(&step.link) };
        let key = self.key_choice(&step.key);
        let coalesce = step.coalesce.unwrap_or(cache.coalesce);
        self.with_key(caller, key, |lowering, caller| {
            lowering.or_else(caller, call, |lowering, caller, call| {
                let miss = |lowering: &mut Self, caller: &mut Caller| lowering.steps(caller, pool, &step.miss);
                let hit = |lowering: &mut Self, caller: &mut Caller| lowering.steps(caller, pool, &step.hit);
                if step.miss.is_empty() && cache.backing.is_some() {
                    // No steps of its own: loaded over the backing, as a call would.
                    lowering.read_aside(caller, call, target, cache, None, coalesce);
                } else {
                    lowering.read_aside(caller, call, target, cache, Some((&miss, &hit)), coalesce);
                }
            })
        });
    }

    fn hold_step(&mut self, caller: &mut Caller, pool: &ServerPoolSpec, step: &HoldStep) {
        let target = self.id(step.pool.as_str());
        let model = self.model;
        let Component::ConnectionPool(spec) = &model.components[step.pool.as_str()] else {
            unreachable!("validated: a connection pool")
        };
        match spec.mode {
            // Every call takes its own connection, or the session has one already.
            PoolMode::Statement | PoolMode::Session => self.steps(caller, pool, &step.steps),
            PoolMode::Transaction => {
                self.hold(caller, target, |lowering, caller| lowering.steps(caller, pool, &step.steps));
            }
        }
    }

    fn parallel(&mut self, caller: &mut Caller, pool: &ServerPoolSpec, step: &ParallelStep) {
        let site = caller.site("parallel");
        let after = self.label();
        let fork = self.plan.forks.len();
        let branches = step.branches.len() as u32;
        let need = step.need.map_or(branches, |need| need.0 as u32);
        self.plan.forks.push(ForkPlan { branches: Vec::new(), need, site });
        self.emit(Op::Fork(fork as u32));
        self.emit(Op::Jump(after));
        for branch in &step.branches {
            let start = self.here();
            self.plan.forks[fork].branches.push(start);
            let end = self.label();
            // A branch begins sessions of its own.
            let mut own = Caller { sessions: Vec::new(), forks: caller.forks.saturating_add(1), ..caller.clone() };
            self.unwinding(end, |lowering| lowering.steps(&mut own, pool, &branch[..]));
            self.place(end);
            self.release_sessions(&own);
            caller.ordinal = own.ordinal;
            self.emit(Op::EndBranch);
        }
        self.place(after);
    }

    fn choose(&mut self, caller: &mut Caller, pool: &ServerPoolSpec, step: &ChooseStep) {
        let site = caller.site("choose");
        let after = self.label();
        let choice = self.plan.choices.len();
        self.plan.choices.push(ChoicePlan { ways: Vec::new(), site });
        self.emit(Op::Choose(choice as u32));
        let shares = cumulative(step.branches.iter().map(|branch| branch.weight.0));
        for (branch, share) in step.branches.iter().zip(shares) {
            let start = self.here();
            self.plan.choices[choice].ways.push((share, start));
            self.steps(caller, pool, &branch.steps);
            self.emit(Op::Jump(after));
        }
        self.place(after);
    }
}

/// Cumulative shares of weights; the last one is 1.
pub(crate) fn cumulative(weights: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sum = 0.0;
    let mut list: Vec<f64> = weights
        .map(|weight| {
            sum += weight;
            sum
        })
        .collect();
    list.iter_mut().for_each(|share| *share /= sum);
    list
}

/// Whom the steps for a miss in a cache call first.
pub(crate) fn first_call_on_miss(steps: &[Step], cache: &str) -> Option<String> {
    steps.iter().find_map(|step| match step {
        Step::Cached(cached) if cached.link.to.as_str() == cache => first_call(&cached.miss),
        Step::Cached(cached) => {
            first_call_on_miss(&cached.miss, cache).or_else(|| first_call_on_miss(&cached.hit, cache))
        }
        Step::Hold(hold) => first_call_on_miss(&hold.steps, cache),
        Step::Parallel(parallel) => parallel.branches.iter().find_map(|branch| first_call_on_miss(branch, cache)),
        Step::Choose(choose) => choose.branches.iter().find_map(|branch| first_call_on_miss(&branch.steps, cache)),
        Step::Cpu(_) | Step::Delay(_) | Step::Call(_) | Step::Publish(_) | Step::Fail(_) => None,
    })
}

fn first_call(steps: &[Step]) -> Option<String> {
    steps.iter().find_map(|step| match step {
        Step::Call(call) => Some(call.link.to.as_str().to_string()),
        Step::Cached(cached) => Some(cached.link.to.as_str().to_string()),
        Step::Hold(hold) => first_call(&hold.steps),
        Step::Parallel(parallel) => parallel.branches.iter().find_map(|branch| first_call(branch)),
        Step::Choose(choose) => choose.branches.iter().find_map(|branch| first_call(&branch.steps)),
        Step::Cpu(_) | Step::Delay(_) | Step::Publish(_) | Step::Fail(_) => None,
    })
}

/// The plan of a draw that belongs to no program.
pub(crate) fn own_draw(
    distribution: &crate::model::distribution::Distribution,
    names: &[&str],
) -> crate::plan::DrawPlan {
    draw_plan(distribution, super::site(names))
}
