//! What a run leaves behind: counts, histograms and areas, from which the report is made.

use super::World;
use super::audit::Check;
use super::care::CareMeter;
use super::meters::{ClassMeter, ComponentMeter, LinkMeter, Timeline};
use crate::engine::digest::Digest;
use crate::engine::slab::NONE;
use crate::metrics::breakdown::Breakdown;
use crate::metrics::histogram::Histogram;
use crate::plan::Outcome;

/// The results of one run. Times are nanoseconds, areas nanoseconds times calls (shared cores: thousandths).
#[derive(Debug, Clone)]
pub struct RunResult {
    /// The seed.
    pub seed: u64,
    /// How many events it took.
    pub events: u64,
    /// Why it was stopped, if it was.
    pub stopped: Option<Stopped>,
    /// By class.
    pub classes: Vec<ClassMeter>,
    /// By component.
    pub components: Vec<ComponentMeter>,
    /// By link.
    pub links: Vec<LinkMeter>,
    /// By component: its instances.
    pub instances: Vec<Vec<InstanceResult>>,
    /// By component and station: waits.
    pub waits: Vec<Vec<Histogram>>,
    /// By component and station: the most who waited at all instances at one instant.
    pub crowds: Vec<Vec<u32>>,
    /// By queue.
    pub queues: Vec<super::QueueTally>,
    /// By connection pool: all its copies together.
    pub pools: Vec<super::PoolTally>,
    /// By database.
    pub databases: Vec<super::DatabaseTally>,
    /// By client.
    pub clients: Vec<ClientResult>,
    /// Where the time of requests went.
    pub breakdown: Breakdown,
    /// How it went over time.
    pub timeline: Timeline,
    /// Faults that began in the window: which, when, and when they ended; ns since the run's start.
    pub faults: Vec<(u32, u64, u64)>,
    /// Tallies that must agree.
    pub audit: Vec<Check>,
    /// Covers all of it.
    pub digest: u64,
}

/// Why a run was stopped.
#[derive(Debug, Clone)]
pub struct Stopped {
    /// The limit that was reached.
    pub limit: &'static str,
    /// When, ns since the run's start.
    pub at: u64,
    /// The component and the number of the station with the longest queue; `None` without any.
    pub queue: Option<(u32, u32)>,
}

/// One instance.
#[derive(Debug, Clone)]
pub struct InstanceResult {
    /// Its number in the component.
    pub ordinal: u32,
    /// The component and the number of the caller whose copy it is.
    pub owner: Option<(u32, u32)>,
    /// Calls that reached it in the window.
    pub calls: u64,
    /// How it answered those that it answered badly.
    pub errors: [u64; Outcome::COUNT],
    /// Its stations.
    pub stations: Vec<StationResult>,
}

/// One station, inside the window.
#[derive(Debug, Clone, Copy)]
pub struct StationResult {
    /// ∫ busy dt.
    pub busy: u128,
    /// ∫ waiting dt.
    pub queue: u128,
    /// ∫ ready capacity dt.
    pub capacity: u128,
    /// The most who waited.
    pub queue_max: u32,
    /// Who came.
    pub arrivals: u64,
    /// Who was turned away.
    pub rejected: u64,
    /// Who gave up.
    pub abandoned: u64,
    /// Services that ended.
    pub services: u64,
}

/// What is known of a client alone.
#[derive(Debug, Clone)]
pub struct ClientResult {
    /// Arrivals that found `max_in_flight` reached.
    pub dropped: u64,
    /// Journeys: begun, ended by an error.
    pub journeys: [u64; 2],
    /// How long those took that ended well, ns.
    pub journey_times: Histogram,
}

impl<const TRACED: bool> World<'_, TRACED> {
    /// Ends the run.
    pub(super) fn into_result(mut self, seed: u64) -> RunResult {
        let stopped = self.stopped.map(|limit| self.stop(limit));
        self.count_unfinished();
        self.count_passed_on();
        self.count_open_breakers();
        let audit = self.audit();
        let mut digest = self.meters.digest;
        let instances: Vec<Vec<InstanceResult>> =
            (0..self.plan.components.len()).map(|component| self.instance_results(component, &mut digest)).collect();
        for meter in &self.meters.components {
            digest_component(&mut digest, meter);
        }
        for class in &self.meters.classes {
            digest_counts(&mut digest, &class.outcomes, &class.latency);
            class.unfinished.iter().for_each(|&age| digest.word(age));
        }
        for link in &self.meters.links {
            [link.calls, link.tries, link.retries, link.rejected].iter().for_each(|&count| digest.word(count));
            link.outcomes.iter().for_each(|&count| digest.word(count));
            let limits = [link.breaker_opens, link.breaker_open_ns, link.short_circuited, link.retries_refused];
            limits.iter().chain([&link.hedges, &link.hedges_won]).filter(|&&count| count > 0).for_each(|&count| {
                digest.word(count);
            });
        }
        for station in &self.stations {
            self.meters.waits[station.meter as usize].record_many(0, station.tally.unwaited);
        }
        let mut waits = std::mem::take(&mut self.meters.waits).into_iter();
        let waits: Vec<Vec<Histogram>> =
            self.plan.components.iter().map(|plan| waits.by_ref().take(plan.stations.len()).collect()).collect();
        let mut crowds = self.meters.crowds.iter().map(|crowd| crowd.1);
        let crowds: Vec<Vec<u32>> =
            self.plan.components.iter().map(|plan| crowds.by_ref().take(plan.stations.len()).collect()).collect();
        crowds.iter().flatten().for_each(|&most| digest.word(most as u64));
        waits.iter().flatten().for_each(|wait| digest_histogram(&mut digest, wait));
        for client in &self.clients {
            client.journeys.iter().chain([&client.dropped]).for_each(|&count| digest.word(count));
            digest_histogram(&mut digest, &client.journey_times);
        }
        let queues: Vec<super::QueueTally> = self.queues.iter().map(|queue| queue.tally.clone()).collect();
        for tally in &queues {
            tally.digest(&mut digest);
        }
        let databases: Vec<super::DatabaseTally> =
            self.databases.iter().map(|database| database.tally.clone()).collect();
        databases.iter().for_each(|tally| tally.digest(&mut digest));
        let pools: Vec<super::PoolTally> =
            self.plan.connection_pools.iter().map(|pool| self.pool_tally(pool)).collect();
        pools.iter().for_each(|tally| tally.digest(&mut digest));
        let clients = self.clients.iter().map(|client| ClientResult {
            dropped: client.dropped,
            journeys: client.journeys,
            journey_times: client.journey_times.clone(),
        });
        RunResult {
            seed,
            events: self.events,
            stopped,
            queues,
            pools,
            databases,
            clients: clients.collect(),
            classes: self.meters.classes,
            components: self.meters.components,
            links: self.meters.links,
            instances,
            waits,
            crowds,
            breakdown: self.meters.breakdown,
            timeline: self.meters.timeline,
            faults: self.faults.log,
            audit,
            digest: digest.value(),
        }
    }

    /// Closes the window of a run that was stopped in its middle, and finds the queue that grew.
    fn stop(&mut self, limit: &'static str) -> Stopped {
        let at = self.now;
        if !self.over {
            if !self.open {
                self.window_starts();
            }
            self.window_ends();
        }
        let longest =
            self.stations.iter().filter(|station| station.waiting() > 0).max_by_key(|station| station.waiting());
        let queue = longest.map(|station| {
            let instance = &self.instances[station.instance as usize];
            let number = self.stations[instance.stations as usize..]
                .iter()
                .position(|other| std::ptr::eq(other, station))
                .expect("a station is its instance's");
            (instance.component, number as u32)
        });
        Stopped { limit, at, queue }
    }

    fn instance_results(&self, component: usize, digest: &mut Digest) -> Vec<InstanceResult> {
        let result = |&instance: &u32| {
            let state = &self.instances[instance as usize];
            let owner = (state.owner != NONE).then(|| {
                let owner = &self.instances[state.owner as usize];
                (owner.component, owner.ordinal)
            });
            let stations = self.station_range(instance).map(|at| self.station_result(at as usize)).collect();
            InstanceResult { ordinal: state.ordinal, owner, calls: state.calls, errors: *state.errors, stations }
        };
        // How long the drain lasts depends on everything else: who only came in it is no part of the window.
        let end = self.plan.clock.end;
        let in_time = |&&instance: &&u32| self.instances[instance as usize].joined_at < end;
        let mut results: Vec<InstanceResult> = self.members[component].iter().filter(in_time).map(result).collect();
        // Copies are made when they are first needed: their order is that of their owners.
        results.sort_by_key(|instance| instance.owner);
        for instance in &results {
            digest.word(instance.calls);
            instance.errors.iter().for_each(|&count| digest.word(count));
            for station in &instance.stations {
                [station.busy as u64, station.queue as u64, station.arrivals, station.rejected, station.abandoned]
                    .iter()
                    .for_each(|&word| digest.word(word));
            }
        }
        results
    }

    fn station_result(&self, at: usize) -> StationResult {
        let (busy, queue) = self.areas(at);
        let tally = &self.stations[at].tally;
        StationResult {
            busy,
            queue,
            capacity: tally.capacity_area,
            queue_max: tally.queue_max,
            arrivals: tally.arrivals,
            rejected: tally.rejected,
            abandoned: tally.abandoned,
            services: tally.services,
        }
    }
}

fn digest_component(digest: &mut Digest, meter: &ComponentMeter) {
    digest_counts(digest, &meter.outcomes, &meter.latency);
    let counts = [
        meter.hits,
        meter.misses,
        meter.evictions,
        meter.expirations,
        meter.bypassed,
        meter.stale_reads,
        meter.scale_ups,
        meter.scale_downs,
        meter.replicas.area as u64,
    ];
    counts.iter().for_each(|&count| digest.word(count));
    let of_some = [meter.coalesced, meter.refreshes, meter.stood_in, meter.invalidated, meter.lost_writes];
    // What only some caches can have leaves the digests of others as they are.
    if of_some.iter().any(|&count| count > 0) {
        of_some.iter().for_each(|&count| digest.word(count));
    }
    meter.own.iter().for_each(|&count| digest.word(count));
    let care = &meter.care;
    if *care != CareMeter::default() {
        let (sum, longest, count) = care.detection;
        [care.ejections, care.returns, sum, longest, count, care.connects, care.moved, care.cut]
            .iter()
            .for_each(|&word| digest.word(word));
    }
}

fn digest_counts(digest: &mut Digest, outcomes: &[u64; Outcome::COUNT], latency: &Histogram) {
    outcomes.iter().for_each(|&count| digest.word(count));
    digest_histogram(digest, latency);
}

fn digest_histogram(digest: &mut Digest, histogram: &Histogram) {
    digest.word(histogram.count());
    digest.word(histogram.sum() as u64);
    digest.word(histogram.max().unwrap_or(0));
    for (upper, count) in histogram.buckets() {
        digest.word(upper);
        digest.word(count);
    }
}
