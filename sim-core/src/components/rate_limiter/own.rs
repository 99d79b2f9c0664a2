//! What a rate limiter keeps in a run: buckets, what is given back, limits that adapt.

use std::collections::BTreeMap;

use crate::analysis::report::{ComponentReport, TierReport};
use crate::plan::{Outcome, Own, OwnCall, OwnNext};
use crate::policy::limiting::{Adaptive, Bucket, Limit, Quota, Verdict};

/// A call comes to the limit.
pub const DECIDE: u8 = 0;
/// A call that had passed has ended.
pub const SETTLE: u8 = 1;

/// What is counted of each tier: those that passed, those of them that had to wait for it, and those turned away.
const COUNTS: usize = 3;

/// A rate limiter, resolved.
#[derive(Debug)]
pub struct Limiter {
    /// By tier, the last one for clients of none: its limit; `None`: not limited.
    pub limits: Vec<Option<Limit>>,
    /// Whether clients of different tiers have limits of their own, or are counted apart.
    pub tiered: bool,
    /// Whether each client is counted apart.
    pub by_client: bool,
    /// Whether a call that ends well is not counted after all.
    pub failed_only: bool,
    /// How those end that it turns away.
    pub refusal: Outcome,
    /// How the limit follows what it sees, where it does.
    pub adaptive: Option<Adapting>,
}

/// A limit that changes while it runs; rates are in the limit's own counts per period.
#[derive(Debug, Clone, Copy)]
pub struct Adapting {
    /// The rule.
    pub rule: Adaptive,
    /// The rate that it starts with.
    pub start: f64,
    /// How often it looks, ns.
    pub every_ns: u64,
}

/// The state of a limiter's instance.
#[derive(Debug)]
pub struct Buckets {
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

impl Buckets {
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

impl Limiter {
    /// Which bucket counts a call: its tier and client.
    fn bucket_of(&self, call: &OwnCall) -> u64 {
        let tier = if self.tiered { call.tier } else { self.limits.len() as u32 - 1 };
        let client = if self.by_client { call.client } else { 0 };
        (tier as u64) << 32 | client as u64
    }

    fn decide(&self, state: &mut Buckets, call: &mut OwnCall) -> OwnNext {
        let (now, bucket) = (call.now_ns, self.bucket_of(call));
        let verdict = match state.limit_of(bucket) {
            Some(limit) => {
                state.make_room(now);
                limit.decide(state.buckets.entry(bucket).or_insert_with(|| limit.fresh()), now)
            }
            None => Verdict::Pass(0),
        };
        let counts = (bucket >> 32) as usize * COUNTS;
        match verdict {
            Verdict::Refuse => {
                call.count(counts + 2);
                OwnNext::Fail(self.refusal)
            }
            Verdict::Pass(delay) => {
                call.count(counts);
                if delay > 0 {
                    call.count(counts + 1);
                }
                if self.failed_only {
                    call.memory.push(now as u64);
                }
                OwnNext::Wait(delay)
            }
        }
    }

    fn settle(&self, state: &mut Buckets, call: &mut OwnCall) {
        let ok = call.outcome == Outcome::Ok;
        let bucket = self.bucket_of(call);
        state.ended.0 += ok as u64;
        state.ended.1 += 1;
        if self.failed_only
            && let Some(at) = call.memory.pop()
            && ok
            && let Some(limit) = state.limit_of(bucket)
            && let Some(bucket) = state.buckets.get_mut(&bucket)
        {
            limit.give_back(bucket, at as i64);
        }
    }
}

impl Own for Limiter {
    type State = Buckets;

    fn begin(&self) -> Buckets {
        Buckets {
            limits: self.limits.clone(),
            buckets: BTreeMap::new(),
            room: ROOM_LEAST,
            rate: self.adaptive.map_or(0.0, |adaptive| adaptive.start),
            ended: (0, 0),
        }
    }

    fn step(&self, state: &mut Buckets, step: u8, call: &mut OwnCall) -> OwnNext {
        if step == DECIDE {
            return self.decide(state, call);
        }
        self.settle(state, call);
        OwnNext::Go
    }

    fn every_ns(&self) -> u64 {
        self.adaptive.map_or(0, |adaptive| adaptive.every_ns)
    }

    /// An adaptive limit looks at how calls ended.
    fn tick(&self, state: &mut Buckets, now_ns: i64) {
        let Some(adaptive) = self.adaptive else { return };
        let (ok, all) = std::mem::take(&mut state.ended);
        state.rate = adaptive.rule.next(state.rate, ok, all);
        let quota = |limit: Limit| Quota { count: state.rate.round() as u64, ..limit.quota };
        let limits: Vec<Option<Limit>> =
            state.limits.iter().map(|limit| limit.map(|limit| Limit { quota: quota(limit), ..limit })).collect();
        state.change(&limits, now_ns);
    }

    fn changed(&self, state: &mut Buckets, now_ns: i64) {
        state.change(&self.limits, now_ns);
    }

    /// The adaptive rate, per second.
    fn gauge(&self, state: &Buckets) -> Option<(&'static str, f64)> {
        self.adaptive?;
        let per_ns = self.limits.last().copied().flatten()?.quota.per_ns as f64;
        Some(("limit_per_s", state.rate * 1e9 / per_ns))
    }

    fn counts(&self) -> usize {
        self.limits.len() * COUNTS
    }

    fn report(&self, counts: &[u64], tiers: &[String], report: &mut ComponentReport) {
        let sum = |which: usize| Some(counts.iter().skip(which).step_by(COUNTS).sum());
        report.allowed = sum(0);
        report.delayed = sum(1);
        report.throttled = sum(2);
        if self.tiered {
            let names = tiers.iter().map(String::as_str).chain(["other"]);
            for (name, own) in names.zip(counts.chunks(COUNTS)).filter(|(_, own)| own[0] + own[2] > 0) {
                report.tiers.insert(name.to_string(), TierReport { allowed: own[0], throttled: own[2] });
            }
        }
    }
}
