//! What is measured while it runs. Nothing here steers.

use crate::engine::digest::Digest;
use crate::metrics::breakdown::Breakdown;
use crate::metrics::histogram::Histogram;
use crate::plan::{Outcome, Plan};

/// All that is measured.
#[derive(Debug, Clone)]
pub struct Meters {
    /// By component.
    pub components: Vec<ComponentMeter>,
    /// By class.
    pub classes: Vec<ClassMeter>,
    /// By link.
    pub links: Vec<LinkMeter>,
    /// By component and station: how long those who came in the window waited, ns.
    pub waits: Vec<Histogram>,
    /// By component and station: how many wait at all its instances now, and the most in the window.
    pub crowds: Vec<(u32, u32)>,
    first_wait: Vec<u32>,
    /// Where the time of requests went.
    pub breakdown: Breakdown,
    /// Covers each request: which, how long, how it ended.
    pub digest: Digest,
    /// The present point of the timeline.
    pub slot: SlotMeter,
    /// The timeline so far.
    pub timeline: Timeline,
}

/// What is measured of a component, in the window.
#[derive(Debug, Clone, Default)]
pub struct ComponentMeter {
    /// Answers by outcome.
    pub outcomes: [u64; Outcome::COUNT],
    /// Time at the component, of answers that were ok, ns.
    pub latency: Histogram,
    /// Look-ups that found a fresh entry.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
    /// Hits and misses since the run's start, the warm-up's too: the timeline shows how a cache fills.
    pub looked_up: (u64, u64),
    /// Entries that had to go for others.
    pub evictions: u64,
    /// Entries that were found too old.
    pub expirations: u64,
    /// Calls without a key.
    pub bypassed: u64,
    /// Hits that were older than the newest committed version.
    pub stale_reads: u64,
    /// Misses that waited for another's load.
    pub coalesced: u64,
    /// Loads in the background.
    pub refreshes: u64,
    /// Failed loads that an entry past its end stood in for.
    pub stood_in: u64,
    /// Entries that writes took out by their tags.
    pub invalidated: u64,
    /// Accepted writes that were lost before they were written.
    pub lost_writes: u64,
    /// The most memory that a replica took, in bytes.
    pub memory_max: u64,
    /// Pauses that began.
    pub pauses: u64,
    /// Replicas that were killed for their memory.
    pub killed: u64,
    /// What a component counts by itself.
    pub own: Vec<u64>,
    /// What a load balancer found of its endpoints.
    pub care: super::care::CareMeter,
    /// What its calls carried, bytes, where sizes matter.
    pub bytes: u64,
    /// Decisions of an autoscaler to grow.
    pub scale_ups: u64,
    /// Decisions to shrink.
    pub scale_downs: u64,
    /// Replicas over time: since when, how many, their sum so far (replicas × ns), the least and the most.
    pub replicas: Replicas,
}

/// The number of replicas over time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Replicas {
    /// Now.
    pub now: u32,
    /// Since when, ns.
    pub since: u64,
    /// ∫ replicas dt in the window.
    pub area: u128,
    /// The least in the window.
    pub min: u32,
    /// The most in the window.
    pub max: u32,
}

impl ComponentMeter {
    /// An answer.
    #[inline(always)]
    pub fn answer(&mut self, outcome: Outcome, ns: u64) {
        self.outcomes[outcome as usize] += 1;
        if outcome == Outcome::Ok {
            self.latency.record(ns);
        }
    }
}

/// What is measured of a class, over requests of the window.
#[derive(Debug, Clone, Default)]
pub struct ClassMeter {
    /// Requests that began.
    pub offered: u64,
    /// Requests by outcome.
    pub outcomes: [u64; Outcome::COUNT],
    /// Latency of those that ended ok, ns.
    pub latency: Histogram,
    /// Latency of the others, ns.
    pub error_latency: Histogram,
    /// The ages of those that did not end, ns.
    pub unfinished: Vec<u64>,
}

/// What is measured of a link, in the window.
#[derive(Debug, Clone, Copy, Default)]
pub struct LinkMeter {
    /// Calls, however often tried.
    pub calls: u64,
    /// Tries.
    pub tries: u64,
    /// Tries after the first.
    pub retries: u64,
    /// Tries that waited in vain.
    pub timeouts: u64,
    /// Tries that were called off at the callee.
    pub cancelled: u64,
    /// Tries that `max_in_flight` turned away.
    pub rejected: u64,
    /// Messages that were sent again.
    pub retransmissions: u64,
    /// Calls of the fallback.
    pub fallbacks: u64,
    /// Those that ended ok.
    pub fallbacks_ok: u64,
    /// How often a breaker opened.
    pub breaker_opens: u64,
    /// How long breakers were open, of all callers together, ns.
    pub breaker_open_ns: u64,
    /// Tries that an open breaker refused.
    pub short_circuited: u64,
    /// Copies that were sent besides the first.
    pub hedges: u64,
    /// Those that answered first, and well.
    pub hedges_won: u64,
    /// Retries that a budget or a lack of tokens refused.
    pub retries_refused: u64,
    /// Tries that ended badly, by outcome.
    pub outcomes: [u64; Outcome::COUNT],
}

/// The present point of the timeline.
#[derive(Debug, Clone, Default)]
pub struct SlotMeter {
    /// Requests that began.
    pub offered: u64,
    /// Requests that ended ok.
    pub ok: u64,
    /// Requests that ended badly.
    pub errors: u64,
    /// Latency of those that ended ok: 32 buckets an octave.
    pub latency: Vec<u32>,
    /// The areas of stations at the last point.
    pub areas: Vec<(u128, u128)>,
    /// Hits and misses of components at the last point.
    pub lookups: Vec<(u64, u64)>,
}

/// Aligned series; a point covers the time from its start to the next one's.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// Starts of the points, ns since the run's start.
    pub starts: Vec<u64>,
    /// Names and values; shorter series began later.
    pub series: Vec<(String, Vec<Option<f64>>)>,
}

const SLOT_BITS: u32 = 5;

impl SlotMeter {
    #[inline(always)]
    fn record(&mut self, ns: u64) {
        let ns = ns | (1 << SLOT_BITS);
        let shift = 63 - ns.leading_zeros() - SLOT_BITS;
        let at = ((shift as usize) << SLOT_BITS) + (ns >> shift) as usize;
        if at >= self.latency.len() {
            self.grow(at);
        }
        self.latency[at] += 1;
    }

    #[cold]
    fn grow(&mut self, at: usize) {
        self.latency.resize(at + 1, 0);
    }

    /// The nearest-rank quantile in seconds, within 1.6%; `None` without requests.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let count: u64 = self.latency.iter().map(|&n| n as u64).sum();
        let rank = ((count as f64 * q).ceil() as u64).max(1);
        let mut before = 0;
        let mut first = 0;
        // Whole octaves are passed over by their sums.
        for octave in self.latency.chunks(1 << SLOT_BITS) {
            let sum: u64 = octave.iter().map(|&n| n as u64).sum();
            if before + sum >= rank {
                break;
            }
            before += sum;
            first += octave.len();
        }
        for (at, &n) in self.latency.iter().enumerate().skip(first) {
            before += n as u64;
            if before >= rank && n > 0 {
                let shift = (at >> SLOT_BITS).saturating_sub(1);
                let low = ((at - (shift << SLOT_BITS)) as u64) << shift;
                return Some((low as f64 + (1_u64 << shift) as f64 / 2.0) / 1e9);
            }
        }
        None
    }

    /// Begins the next point.
    pub fn clear(&mut self) {
        self.offered = 0;
        self.ok = 0;
        self.errors = 0;
        self.latency.fill(0);
    }
}

impl Meters {
    /// For a plan.
    pub fn new(plan: &Plan) -> Self {
        let mut first_wait = Vec::new();
        let mut stations = 0;
        for component in &plan.components {
            first_wait.push(stations);
            stations += component.stations.len() as u32;
        }
        Meters {
            components: plan.components.iter().map(|_| ComponentMeter::default()).collect(),
            classes: plan.classes.iter().map(|_| ClassMeter::default()).collect(),
            links: vec![LinkMeter::default(); plan.links.len()],
            waits: (0..stations).map(|_| Histogram::default()).collect(),
            crowds: vec![(0, 0); stations as usize],
            first_wait,
            breakdown: Breakdown::new(plan.cells.len()),
            digest: Digest::default(),
            slot: SlotMeter::default(),
            timeline: Timeline::default(),
        }
    }

    /// Where the n-th station of a component's instances is measured.
    pub fn station_meter(&self, component: u32, number: usize) -> u32 {
        self.first_wait[component as usize] + number as u32
    }

    /// A request has ended.
    #[inline(always)]
    pub fn request_ends(&mut self, outcome: Outcome, ns: u64, class: u16, counted: bool) {
        if outcome == Outcome::Ok {
            self.slot.ok += 1;
            self.slot.record(ns);
        } else {
            self.slot.errors += 1;
        }
        if counted {
            let class = &mut self.classes[class as usize];
            class.outcomes[outcome as usize] += 1;
            if outcome == Outcome::Ok {
                class.latency.record(ns);
            } else {
                class.error_latency.record(ns);
            }
        }
    }
}
