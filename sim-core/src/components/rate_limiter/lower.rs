//! Rate limiters: their limits, and one program: ask the store, decide, call, settle.

use std::sync::Arc;

use super::own::{Adapting, DECIDE, Limiter, SETTLE};
use super::{AlgorithmWord, Counted, OnFailure, Per, RateLimiterSpec, Refill, Status};
use crate::components::Component;
use crate::lower::{CallSpec, Caller, Lowering};
use crate::model::value::Quota as QuotaSpec;
use crate::plan::{KeyChoice, Op, Outcome, ops};
use crate::policy::limiting::{Adaptive, Algorithm as Counting, Limit, Quota};

/// Adaptive rates are kept in thousandths.
const ADAPTIVE_PARTS: f64 = 1000.0;

impl Lowering<'_> {
    pub(crate) fn rate_limiter(&mut self, id: u32, name: &str, spec: &RateLimiterSpec) {
        let cell = self.work_cell(id);
        let limiter = self.limiter(spec);
        self.plan.origins |= limiter.tiered;
        let settles = limiter.failed_only || limiter.adaptive.is_some();
        self.plan_of(id).own = Some(Arc::new(limiter));
        let entry = self.here();
        let mut caller = Caller::new(id, &[name], None);
        let (passed, settle, reply) = (self.label(), self.label(), self.label());
        if let Some(store) = &spec.store {
            self.ask_store(&mut caller, spec, store, passed, reply);
        }
        self.unwinding(reply, |lowering| lowering.emit(Op::Own { step: DECIDE, cell, settles: false }));
        self.place(passed);
        if let Some(to) = &spec.to {
            self.unwinding(settle, |lowering| {
                let call = CallSpec { inherit_op: true, ..CallSpec::plain(to) };
                let plan = lowering.straight_plan(&mut caller, call);
                lowering.emit(Op::Call(plan));
            });
        }
        self.place(settle);
        if settles {
            self.emit(Op::Own { step: SETTLE, cell, settles: true });
        }
        self.place(reply);
        self.emit(Op::Reply);
        self.plan_of(id).entry_by_op.fill(entry);
    }

    /// The call of the store; when it ends badly, calls pass uncounted, or end so too.
    fn ask_store(
        &mut self,
        caller: &mut Caller,
        spec: &RateLimiterSpec,
        store: &crate::model::link::Link,
        passed: u32,
        reply: u32,
    ) {
        let (failed, decide) = (self.label(), self.label());
        let is_cache = matches!(self.model.components[store.to.as_str()], Component::Cache(_));
        let key = if spec.counted_per() == Per::Client && !is_cache { KeyChoice::Client } else { KeyChoice::Nothing };
        // A counter is no entry of the cache: the call only takes the cache's time.
        let op = if is_cache { ops::DELETE } else { ops::WRITE };
        let call = CallSpec { op, key, ..CallSpec::plain(store) };
        let unwind = if spec.on_failure == OnFailure::Allow { failed } else { reply };
        self.unwinding(unwind, |lowering| {
            let plan = lowering.straight_plan(caller, call);
            lowering.emit(Op::Call(plan));
        });
        self.emit(Op::Jump(decide));
        self.place(failed);
        self.unwinding(reply, |lowering| lowering.emit(Op::Recover));
        self.emit(Op::Jump(passed));
        self.place(decide);
    }

    /// A limiter, resolved.
    pub(super) fn limiter(&self, spec: &RateLimiterSpec) -> Limiter {
        Limiter {
            limits: self.limits(spec),
            tiered: !spec.tiers.is_empty() || spec.counted_per() == Per::Tier,
            by_client: spec.counted_per() == Per::Client,
            failed_only: spec.count == Counted::Failed,
            refusal: match spec.status {
                Status::TooManyRequests => Outcome::Throttled,
                Status::Unavailable => Outcome::Rejected,
            },
            adaptive: adaptive(spec),
        }
    }

    /// The limits by tier, the last one that of clients of none.
    fn limits(&self, spec: &RateLimiterSpec) -> Vec<Option<Limit>> {
        let of = |name: &String| {
            spec.tiers.get(name).map(|tier| limit(spec, &tier.rate, tier.burst.or(spec.burst).map(|burst| burst.0)))
        };
        let rate = spec.rate.or(spec.start.filter(|_| spec.algorithm.0 == AlgorithmWord::Adaptive));
        let others = rate.map(|rate| limit(spec, &rate, spec.burst.map(|burst| burst.0)));
        let names: Vec<Option<Limit>> = self.plan.tiers.iter().map(|name| of(name).or(others)).collect();
        names.into_iter().chain([others]).collect()
    }
}

fn limit(spec: &RateLimiterSpec, rate: &QuotaSpec, burst: Option<u64>) -> Limit {
    let one_period = || (rate.count as u64).max(1);
    let (algorithm, burst) = match spec.algorithm.0 {
        AlgorithmWord::TokenBucket if spec.refill == Refill::Whole => {
            (Counting::WholeTokens, burst.unwrap_or_else(one_period))
        }
        AlgorithmWord::TokenBucket | AlgorithmWord::Adaptive => {
            (Counting::TokenBucket, burst.unwrap_or_else(one_period))
        }
        AlgorithmWord::LeakyBucket => {
            let undelayed = (!spec.nodelay).then(|| spec.delay.map_or(0, |delay| delay.0));
            (Counting::LeakyBucket { undelayed }, burst.unwrap_or(0))
        }
        AlgorithmWord::FixedWindow => (Counting::FixedWindow, 0),
        AlgorithmWord::SlidingLog => (Counting::SlidingLog, 0),
        AlgorithmWord::SlidingCounter => (Counting::SlidingCounter, 0),
        AlgorithmWord::Gcra => (Counting::Gcra, burst.unwrap_or(0)),
    };
    let adaptive = spec.algorithm.0 == AlgorithmWord::Adaptive;
    Limit { algorithm, quota: if adaptive { in_parts(rate) } else { quota(rate) }, burst }
}

/// A rate in whole numbers: halves of calls make the period longer.
fn quota(rate: &QuotaSpec) -> Quota {
    if rate.count.fract() == 0.0 { Quota { count: rate.count as u64, per_ns: rate.per_ns } } else { in_parts(rate) }
}

fn in_parts(rate: &QuotaSpec) -> Quota {
    let count = (rate.count * ADAPTIVE_PARTS).round() as u64;
    Quota { count, per_ns: rate.per_ns.saturating_mul(ADAPTIVE_PARTS as u64) }
}

/// How an adaptive limit changes, in parts per its own period.
fn adaptive(spec: &RateLimiterSpec) -> Option<Adapting> {
    let start = spec.start.or(spec.rate).filter(|_| spec.algorithm.0 == AlgorithmWord::Adaptive)?;
    let parts = |rate: QuotaSpec| rate.per_second() * start.per_ns as f64 / 1e9 * ADAPTIVE_PARTS;
    let rule = Adaptive {
        min: spec.min.map_or(0.0, parts),
        max: spec.max.map_or(f64::MAX, parts),
        raise_above: spec.raise.above.0,
        raise_by: spec.raise.by.0,
        lower_below: spec.lower.below.0,
        lower_by: spec.lower.by.0,
    };
    Some(Adapting { rule, start: parts(start), every_ns: spec.every.0 })
}
