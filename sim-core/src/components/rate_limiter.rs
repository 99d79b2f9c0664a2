//! Rate limiters: which calls may pass, and how many in a time.

mod check;
mod lower;
mod own;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::analysis::load::{self, Walk};
use crate::components::{Component, LeftOut, Nature, Outgoing, Part, counted, rested_on, sentences};
use crate::lower::Lowering;
use crate::model::cost::Cost;
use crate::model::link::{Link, Scope};
use crate::model::node::{EMPTY_MAP, Node, Value};
use crate::model::spec::{About, Read, Reader};
use crate::model::units::humane_rate;
use crate::model::validate::{Call, Check, Edge, Flow, follow_link};
use crate::model::value::{Count, Factor, Quota, Share, Time, Worded};
use crate::plan::ChangeKind;
use crate::{choices, spec};

spec! {
    /// Lets so many calls pass in a time and turns the others away.
    pub struct RateLimiterSpec, component("rate-limiter") {
        /// Where calls go that pass; left out, it only answers whether they may.
        to: Link = optional.beside("link");
        /// How it counts: a word, or a word with its own fields, as in { "leaky-bucket": { "burst": 20 } }.
        algorithm: Worded<AlgorithmWord> = default("token-bucket");
        /// How many calls in which time: "10/s", "100 per 15m".
        rate: Quota = optional.live();
        /// How many may come at once: the tokens of a bucket (left out, those of one period), or the calls above the first of a leaky bucket and of gcra (left out, none).
        burst: Count = optional.range(0, 1_000_000_000).live();
        /// Leaky bucket: how many above the rate pass without delay (nginx `limit_req delay=`); left out, none.
        delay: Count = optional.range(0, 1_000_000_000);
        /// Leaky bucket: those within the burst pass at once instead of being spaced out (nginx `limit_req nodelay`).
        nodelay: bool = default(false);
        /// Token bucket: how tokens come back.
        refill: Refill = default("continuous");
        /// Adaptive: the rate that it starts with.
        start: Quota = optional;
        /// Adaptive: the lowest rate.
        min: Quota = optional;
        /// Adaptive: the highest rate.
        max: Quota = optional;
        /// Adaptive: when the rate is raised; left out, ×1.1 above 95% of calls that end well.
        raise: Raise = default(EMPTY_MAP);
        /// Adaptive: when the rate is lowered; left out, ×0.9 below 80% of calls that end well.
        lower: Lower = default(EMPTY_MAP);
        /// Adaptive: how often it looks at how the calls ended that it let pass.
        every: Time = default("1m").at_least("1ms");
        /// Who is counted together; left out, all, or with `tiers` each tier.
        per: Per = optional;
        /// The rates of tiers of clients (see a client's `population.tiers`); `rate` is for the others.
        tiers: BTreeMap<String, TierLimit> = default(EMPTY_MAP);
        /// Which calls count: all that pass, or those that then end badly (one that ends well is given back).
        count: Counted = default("all");
        /// What it answers to those that it turns away.
        status: Status = default("429");
        /// Whether there is one for all, or one in each instance of the caller.
        scope: Scope = default("shared");
        /// Where the counts are kept: called for each decision, by all.
        store: Link = optional;
        /// What happens to calls when the store does not answer well.
        on_failure: OnFailure = default("allow");
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        about ABOUT;
    }
}

const LEAVES_OUT: [LeftOut<RateLimiterSpec>; 2] = [
    (|limiter| limiter.store.is_none(), "Deciding takes no time unless a `store` is asked: leans towards too fast."),
    (
        |limiter| limiter.store.is_some(),
        "A rate limiter decides when its store's answer has come back, half a round trip after the store counted: leans towards nothing.",
    ),
];

const ABOUT: About = About {
    imitates: "nginx's `limit_req` to the millisecond and the milli-request (`ngx_http_limit_req_module.c`), token buckets, windows, and the generic cell rate algorithm. Each word of `algorithm` names where it is in use.",
    leaves_out: &sentences(&LEAVES_OUT),
    checked: &[
        "`limit_req` against nginx's documented sequences; each algorithm against a slow twin on random arrivals.",
        "A token bucket under Poisson arrivals against the blocking of M/D/1/b and its embedded chain.",
    ],
};

impl Part for RateLimiterSpec {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        Read::read(&with_own_fields(node, "algorithm"), reader)
    }

    fn check(&self, name: &str, check: &mut Check) {
        check.rate_limiter(name, self);
    }

    fn nature() -> Nature {
        Nature { endpoint: true, ..Nature::CALLED }
    }

    fn links(&self) -> Vec<Outgoing<'_>> {
        self.store.iter().chain(&self.to).map(Outgoing::over).collect()
    }

    /// What is in a store is everybody's.
    fn scope(&self) -> Scope {
        if self.store.is_some() { Scope::Shared } else { self.scope }
    }

    fn answers_from(&self) -> Option<&Link> {
        self.to.as_ref()
    }

    fn calls(&self, call: &Call, flow: &mut Flow, edges: &mut Vec<Edge>) {
        if let Some(store) = &self.store {
            let operation = match flow.draft.components.get(store.to.as_str()) {
                Some(Component::Cache(_)) => Some("delete".to_string()),
                Some(Component::ServerPool(_)) => None,
                Some(_) | None => Some("write".to_string()),
            };
            follow_link(store, Call { operation, has_key: true, ..call.to(store) }, true, edges);
        }
        if let Some(to) = &self.to {
            call.follow(to, edges);
        }
    }

    fn is_by_operation(&self) -> bool {
        true
    }

    fn lower(&self, id: u32, name: &str, lowering: &mut Lowering) {
        lowering.rate_limiter(id, name, self);
    }

    fn change(&self, component: u32, field: &str, lowering: &Lowering) -> Option<ChangeKind> {
        match field {
            "rate" | "burst" => Some(ChangeKind::Own { component, own: Arc::new(lowering.limiter(self)) }),
            _ => None,
        }
    }

    fn assumptions(&self) -> Vec<&'static str> {
        rested_on(&LEAVES_OUT, self)
    }

    /// All calls pass it.
    fn load<'a>(&'a self, name: &'a str, call: load::Call<'a>, walk: &mut Walk<'a>) -> f64 {
        walk.assume(format!("`{name}` lets all calls pass"));
        let asks = |store: &'a Link| {
            let is_cache = matches!(walk.model.components.get(store.to.as_str()), Some(Component::Cache(_)));
            (store, load::Call { operation: Some(if is_cache { "delete" } else { "write" }), ..call })
        };
        let store_s = self.store.as_ref().map(asks).map_or(0.0, |(store, call)| walk.link(store, call));
        store_s + self.to.as_ref().map_or(0.0, |to| walk.link(to, call))
    }

    fn facts(&self) -> Vec<String> {
        let rate = self.rate.or(self.start).map(|rate| humane_rate(rate.per_second()));
        let tiers = match self.tiers.len() as u64 {
            0 => None,
            tiers => Some(counted(tiers, "tier")),
        };
        let limits: Vec<String> = rate.into_iter().chain(tiers).collect();
        vec![self.algorithm.0.word().to_owned(), limits.join(", ")]
    }

    fn only_hands_on(&self) -> bool {
        true
    }
}

spec! {
    /// The limit of a tier.
    pub struct TierLimit, short("rate") {
        /// How many calls in which time.
        rate: Quota = required;
        /// How many may come at once; left out, what the limiter says, or one period's.
        burst: Count = optional.range(0, 1_000_000_000);
    }
}

spec! {
    /// When an adaptive limit is raised.
    pub struct Raise {
        /// It is raised when more than this share of calls ended well.
        above: Share = default("95%");
        /// By what it is multiplied.
        by: Factor = default(1.1).range(1, 1000);
    }
}

spec! {
    /// When an adaptive limit is lowered.
    pub struct Lower {
        /// It is lowered when less than this share of calls ended well.
        below: Share = default("80%");
        /// By what it is multiplied.
        by: Factor = default(0.9).range(0, 1);
    }
}

choices! {
    /// How a limit counts.
    pub enum AlgorithmWord {
        /// Tokens that come back at the rate; a call takes one (Envoy, Stripe).
        TokenBucket = "token-bucket";
        /// nginx `limit_req`: those above the rate are spaced out, within a burst.
        LeakyBucket = "leaky-bucket";
        /// So many in each window of the clock; twice as many around the edge of two (express-rate-limit).
        FixedWindow = "fixed-window";
        /// So many in the time before now, exactly (a sorted set in Redis).
        SlidingLog = "sliding-log";
        /// As many, from the counts of this window and the last (Cloudflare).
        SlidingCounter = "sliding-counter";
        /// The generic cell rate algorithm: how early a call may be (redis-cell).
        Gcra = "gcra";
        /// A token bucket whose rate follows how well calls end.
        Adaptive = "adaptive";
    }
}

/// A component with the fields of `{ "algorithm": { "word": { … } } }` among its own, which win.
pub fn with_own_fields(node: &Node, field: &str) -> Node {
    let mut moved = node.clone();
    if let Some(Node { value: Value::Map(entries), .. }) = node.get(field)
        && let [(_, Node { value: Value::Map(fields), .. })] = entries.as_slice()
        && let Value::Map(own) = &mut moved.value
    {
        for (name, value) in fields {
            if !own.iter().any(|(known, _)| known == name) {
                own.push((name.clone(), value.clone()));
            }
        }
    }
    moved
}

impl RateLimiterSpec {
    /// Who is counted together.
    pub fn counted_per(&self) -> Per {
        self.per.unwrap_or(if self.tiers.is_empty() { Per::All } else { Per::Tier })
    }
}

choices! {
    /// How tokens come back.
    pub enum Refill {
        /// All the time: a tenth of a second brings a tenth of what a second brings.
        Continuous = "continuous";
        /// One by one, at multiples of 1 ÷ rate.
        Whole = "whole";
    }
}

choices! {
    /// Who is counted together.
    pub enum Per {
        /// All calls.
        All = "all";
        /// The calls of each client.
        Client = "client";
        /// The calls of all clients of a tier.
        Tier = "tier";
    }
}

choices! {
    /// Which calls count.
    pub enum Counted {
        /// All that pass.
        All = "all";
        /// Those that pass and end badly (express-rate-limit `skipSuccessfulRequests`).
        Failed = "failed";
    }
}

choices! {
    /// What a limiter answers to those that it turns away.
    pub enum Status {
        /// Too many requests: `throttled`.
        TooManyRequests = "429";
        /// Service unavailable, nginx's default: `rejected`.
        Unavailable = "503";
    }
}

choices! {
    /// What happens to calls when the store does not answer well.
    pub enum OnFailure {
        /// They pass, uncounted.
        Allow = "allow";
        /// They end as the store's answer did.
        Fail = "fail" | "reject";
    }
}
