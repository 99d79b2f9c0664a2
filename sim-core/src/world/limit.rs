//! Rate limiters: decisions, what is given back, limits that adapt.

use std::collections::BTreeMap;

use super::frame::Waiting;
use super::{Control, Next, World};
use crate::engine::rng::{mix64, uniform};
use crate::plan::{CountedTogether, Kind, LimiterPlan, Outcome};
use crate::policy::limiting::{Bucket, Limit, Quota, Verdict};

/// The state of a limiter's instance.
#[derive(Debug, Clone)]
pub struct LimiterState {
    /// By tier, the last one that of clients of none.
    limits: Vec<Option<Limit>>,
    /// By tier and client: what is remembered.
    buckets: BTreeMap<u64, Bucket>,
    /// How many of them there may be before idle ones are looked for.
    room: usize,
    /// An adaptive limit's rate now, and how the calls ended since it was last looked at: well, all.
    rate: f64,
    ended: (u64, u64),
}

/// How many are remembered before idle ones are looked for.
const ROOM_LEAST: usize = 1024;

/// Where the tier of a client is drawn.
const TIER_SITE: u64 = 0x7469_6572_5f73_6974;

impl LimiterState {
    /// Before anything came.
    pub fn new(plan: &LimiterPlan, limits: &[Option<Limit>]) -> Self {
        LimiterState {
            limits: limits.to_vec(),
            buckets: BTreeMap::new(),
            room: ROOM_LEAST,
            rate: plan.adaptive.map_or(0.0, |adaptive| adaptive.start),
            ended: (0, 0),
        }
    }

    fn limit_of(&self, bucket: u64) -> Option<Limit> {
        self.limits[(bucket >> 32) as usize]
    }

    /// Forgets those that would be the same afresh: what is remembered does not grow with all who ever came.
    fn make_room(&mut self, now: i64) {
        if self.buckets.len() < self.room {
            return;
        }
        let limits = &self.limits;
        self.buckets.retain(|at, bucket| limits[(*at >> 32) as usize].is_some_and(|limit| !limit.is_idle(bucket, now)));
        self.room = (self.buckets.len() * 2).max(ROOM_LEAST);
    }

    /// Goes on with other limits.
    fn change(&mut self, limits: &[Option<Limit>], now: i64) {
        for (at, bucket) in &mut self.buckets {
            let tier = (*at >> 32) as usize;
            if let (Some(old), Some(new)) = (self.limits[tier], limits[tier]) {
                old.change(bucket, new.quota, now);
            }
        }
        self.limits = limits.to_vec();
        let limits = &self.limits;
        self.buckets.retain(|at, _| limits[(*at >> 32) as usize].is_some());
    }
}

impl<const TRACED: bool> World<'_, TRACED> {
    /// Prepares all limits that adapt.
    pub(super) fn build_limiters(&mut self) {
        for (at, plan) in self.plan.limiters.iter().enumerate() {
            if let Some(adaptive) = plan.adaptive {
                let first = self.plan.clock.start % adaptive.every_ns;
                self.control(first + adaptive.every_ns, Control::Limit(at as u32));
            }
        }
    }

    /// Now, on the window's clock.
    fn window_time(&self) -> i64 {
        self.now as i64 - self.plan.clock.start as i64
    }

    /// The tier of a frame's client; the number of tiers: none.
    pub(super) fn tier_of(&self, frame: u32) -> u32 {
        let none = self.plan.tiers.len() as u32;
        let client = &self.plan.clients[self.origins[frame as usize] as usize];
        if client.tiers.is_empty() {
            return none;
        }
        let u = uniform(mix64(mix64(self.frames[frame].client as u64) ^ TIER_SITE));
        client.tiers.iter().find(|&&(share, _)| u < share).map_or(none, |&(_, tier)| tier)
    }

    /// Which bucket counts a frame: its tier and client.
    fn bucket_of(&self, plan: &LimiterPlan, frame: u32) -> u64 {
        let tiered = plan.by_tier || plan.per == CountedTogether::Tier;
        let tier = if tiered { self.tier_of(frame) } else { self.plan.tiers.len() as u32 };
        let client = if plan.per == CountedTogether::Client { self.frames[frame].client } else { 0 };
        (tier as u64) << 32 | client as u64
    }

    /// A call comes to its limit.
    pub(super) fn limit(&mut self, frame: u32, limiter: u32) -> Next {
        let plan = &self.plan.limiters[limiter as usize];
        let (now, bucket) = (self.window_time(), self.bucket_of(plan, frame));
        let state = self.instances[self.frames[frame].instance as usize].state;
        let state = &mut self.limiters[state as usize];
        let verdict = match state.limit_of(bucket) {
            Some(limit) => {
                state.make_room(now);
                limit.decide(state.buckets.entry(bucket).or_insert_with(|| limit.fresh()), now)
            }
            None => Verdict::Pass(0),
        };
        self.count_decision(plan, (bucket >> 32) as usize, verdict);
        match verdict {
            Verdict::Refuse => Next::Fail(plan.refusal),
            Verdict::Pass(delay) => {
                if plan.failed_only {
                    self.keys[frame as usize].push(now as u64);
                }
                if delay == 0 {
                    return Next::Step;
                }
                self.open_phase(frame, plan.cell, Waiting::Delay);
                self.wake_in(frame, delay);
                Next::Wait
            }
        }
    }

    fn count_decision(&mut self, plan: &LimiterPlan, tier: usize, verdict: Verdict) {
        if !self.open {
            return;
        }
        let meter = &mut self.meters.components[plan.component as usize].limits;
        if meter.is_empty() {
            meter.resize(plan.limits.len(), Default::default());
        }
        match verdict {
            Verdict::Pass(delay) => {
                meter[tier].allowed += 1;
                meter[tier].delayed += (delay > 0) as u64;
            }
            Verdict::Refuse => meter[tier].throttled += 1,
        }
    }

    /// A call that had passed a limit has ended.
    pub(super) fn passed(&mut self, frame: u32, limiter: u32) -> Next {
        let plan = &self.plan.limiters[limiter as usize];
        let ok = self.frames[frame].outcome() == Outcome::Ok;
        let bucket = self.bucket_of(plan, frame);
        let state = self.instances[self.frames[frame].instance as usize].state;
        let state = &mut self.limiters[state as usize];
        state.ended.0 += ok as u64;
        state.ended.1 += 1;
        if plan.failed_only
            && let Some(at) = self.keys[frame as usize].pop()
            && ok
            && let Some(limit) = state.limit_of(bucket)
            && let Some(bucket) = state.buckets.get_mut(&bucket)
        {
            limit.give_back(bucket, at as i64);
        }
        Next::Step
    }

    /// An adaptive limit looks at how calls ended.
    pub(super) fn adapt(&mut self, limiter: u32) {
        let plan = &self.plan.limiters[limiter as usize];
        let Some(adaptive) = plan.adaptive else { return };
        let now = self.window_time();
        for &instance in &self.members[plan.component as usize] {
            let Kind::Limiter(_) = self.instances[instance as usize].kind else { unreachable!("a limiter's own") };
            let state = &mut self.limiters[self.instances[instance as usize].state as usize];
            let (ok, all) = std::mem::take(&mut state.ended);
            state.rate = adaptive.rule.next(state.rate, ok, all);
            let quota = |limit: Limit| Quota { count: state.rate.round() as u64, ..limit.quota };
            let limits: Vec<Option<Limit>> =
                state.limits.iter().map(|limit| limit.map(|limit| Limit { quota: quota(limit), ..limit })).collect();
            state.change(&limits, now);
        }
        let at = self.now + adaptive.every_ns;
        if at <= self.plan.clock.last {
            self.control(at, Control::Limit(limiter));
        }
    }

    /// A limiter has other limits from now on.
    pub(super) fn change_limits(&mut self, component: u32, limits: &[Option<Limit>]) {
        let now = self.window_time();
        self.settings.limits[component as usize] = limits.to_vec();
        for &instance in &self.members[component as usize] {
            let state = self.instances[instance as usize].state;
            self.limiters[state as usize].change(limits, now);
        }
    }

    /// The adaptive rate of a limiter, per second, the mean over its instances.
    pub(super) fn adaptive_rate(&self, limiter: u32) -> Option<f64> {
        let plan = &self.plan.limiters[limiter as usize];
        plan.adaptive?;
        let per_ns = plan.limits.last().copied().flatten()?.quota.per_ns as f64;
        let members = &self.members[plan.component as usize];
        let rate = |&at: &u32| self.limiters[self.instances[at as usize].state as usize].rate * 1e9 / per_ns;
        (!members.is_empty()).then(|| members.iter().map(rate).sum::<f64>() / members.len() as f64)
    }
}
