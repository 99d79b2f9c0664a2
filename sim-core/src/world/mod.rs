//! A run: the components' state, the calls in flight, and the loop that lets time pass.
//!
//! Frames are calls in progress. The interpreter runs a frame until it must wait; what it waits for wakes it: an event
//! of the calendar, a place at a station, or an answer. What happens now goes through `ready`, never through the
//! calendar.

mod ahead;
mod answer;
mod audit;
mod balancer;
mod behind;
mod cache;
mod call;
mod care;
mod change;
mod checks;
mod client;
mod connections;
mod data;
mod database;
mod deploy;
mod endpoints;
mod fault;
mod flight;
mod frame;
mod hedge;
mod hooks;
mod instance;
mod interpret;
mod leave;
mod life;
mod link;
mod memory;
mod meters;
mod nodes;
mod own;
mod phase;
mod pool;
mod queue;
mod scale;
mod seize;
mod station;
mod summary;
pub mod trace;
mod versions;
mod vertical;

use std::collections::VecDeque;

use crate::engine::calendar::{Calendar, Entry, LAST_INSTANT, Lanes, NEVER, entry, sequence_of, target_of, time_of};
use crate::engine::rng::Streams;
use crate::engine::slab::{NONE, Slab};
use crate::metrics::breakdown::Log;
use crate::plan::Plan;

use cache::CacheState;
use change::Settings;
use client::ClientState;
use connections::ConnectionState;
use database::DatabaseState;
use endpoints::Endpoints;
use fault::Faults;
use flight::Flights;
use frame::Frame;
use instance::Instance;
use leave::Join;
use link::{Guard, LinkState, Pass};
use meters::Meters;
use scale::ScalerState;
use station::Station;
use trace::Recorder;

pub use audit::Check;
pub use care::CareMeter;
pub use connections::PoolTally;
pub use database::DatabaseTally;
pub use meters::{ClassMeter, ComponentMeter, LinkMeter, Timeline};
pub use queue::QueueTally;
pub use summary::{ClientResult, InstanceResult, RunResult, StationResult, Stopped};

/// Runs a plan once.
///
/// Results follow from the plan and the seed alone.
pub fn run(plan: &Plan, seed: u64) -> RunResult {
    let mut world = World::<false>::new(plan, seed, Recorder::default());
    world.pass_time();
    world.into_result(seed)
}

/// Runs a plan once and watches its requests: finds some, and records others in full.
///
/// The results are those of [`run`], to the bit.
pub fn watch(plan: &Plan, seed: u64, recorder: Recorder) -> (RunResult, Recorder) {
    let mut world = World::<true>::new(plan, seed, recorder);
    world.pass_time();
    let recorder = world.end_recording();
    (world.into_result(seed), recorder)
}

/// Targets of events that are not frames.
const SHARING: u32 = 1 << 30;
const CONTROL: u32 = 1 << 31;
const TARGET_MASK: u32 = SHARING - 1;

/// What a control event does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Control {
    WindowStart,
    WindowEnd,
    Slot,
    Change(u32),
    Scale(u32),
    Flush(u32),
    Sample(u32),
    Ready(u32),
    Users(u32),
    Move(u32),
    Promote(u32),
    Own(u32),
    Probe(u32),
    ProbeEnds(u32),
    Compare(u32),
    DrainEnds(u32, u32),
    Failure(u32),
    StallEnds(u32),
    NodeReady(u32),
    Pause(u32),
}

/// What the interpreter does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The frame goes on with its next operation.
    Step,
    /// The frame goes on elsewhere.
    At(u32),
    /// The frame's operation ended badly.
    Fail(crate::plan::Outcome),
    /// The frame repeats its call, as another try.
    TryAgain,
    /// The frame repeats its call, as another turn.
    Turn,
    /// Another frame runs now.
    Frame(u32),
    /// Another frame goes on with its next operation.
    StepOf(u32),
    /// The answer has reached another frame, which goes on now.
    Answered(u32, crate::plan::Outcome),
    /// The frame waits, or is gone.
    Wait,
}

/// The state of a run. Where it is not `TRACED`, nothing of the recorder is compiled in.
struct World<'p, const TRACED: bool> {
    plan: &'p Plan,
    streams: Streams,
    now: u64,
    sequence: u64,
    events: u64,
    stopped: Option<&'static str>,
    calendar: Calendar,
    lanes: Lanes,
    /// The lane of each link's time-out, where it has one.
    timeout_lanes: Vec<Option<u16>>,
    frames: Slab<Frame>,
    /// By frame number: what its time was spent on, for frames that a log belongs to.
    logs: Vec<Log>,
    /// By frame number: the connection that an abandoned query still uses; see `call.rs`.
    lease_of: Vec<u32>,
    /// By frame number: the first of the connections that it holds and others use too.
    lent: Vec<u32>,
    leases: Vec<connections::Lease>,
    free_leases: Vec<u32>,
    /// By frame number: the keys that it is to be about again, last first.
    keys: Vec<Vec<u64>>,
    /// By frame number: the bytes that it carries, where any link has a bandwidth.
    sizes: Vec<u64>,
    /// By frame number: the client (of `Plan::clients`) that it comes from, where anything asks.
    origins: Vec<u16>,
    ready: VecDeque<u32>,
    joins: Vec<Join>,
    free_joins: Vec<u32>,
    controls: Vec<Control>,
    /// Where programs begin, by component, then class or operation.
    entries: Vec<u32>,
    first_entry: Vec<u32>,
    instances: Vec<Instance>,
    stations: Vec<Station>,
    /// By component: its instances, in order of their numbers.
    members: Vec<Vec<u32>>,
    /// Those of them that are not gone, in the same order.
    present: Vec<Vec<u32>>,
    /// By component: those of its instances that calls can go to, and the `epoch` that the list is of.
    ready_lists: Vec<Vec<u32>>,
    ready_epoch: Vec<u64>,
    /// By component and caller instance: the caller's copy.
    copies: Vec<Vec<u32>>,
    endpoints: Vec<Endpoints>,
    links: Vec<LinkState>,
    /// By place that links remember at: what their limits know of each caller.
    guards: Vec<Vec<Guard>>,
    /// By frame number, where a link has limits.
    passes: Vec<Pass>,
    clients: Vec<ClientState>,
    /// By client: its next arrival.
    sources: Vec<Entry>,
    first_source: Entry,
    first_source_at: u32,
    caches: Vec<CacheState>,
    flights: Flights,
    connections: Vec<ConnectionState>,
    databases: Vec<DatabaseState>,
    queues: Vec<queue::QueueState>,
    /// By component: what it keeps by itself, as it is now.
    own: Vec<Option<crate::plan::OwnPlan>>,
    /// By the state of an instance: what it keeps.
    own_states: Vec<Box<dyn std::any::Any>>,
    error_rates: Vec<f64>,
    scalers: Vec<ScalerState>,
    ahead: ahead::Ahead,
    settings: Settings,
    faults: Faults,
    rollouts: Vec<deploy::Rollout>,
    /// Changes whenever endpoints do.
    epoch: u64,
    startup_stream: u64,
    pause_stream: u64,
    slot_began: u64,
    areas_at_start: Vec<(u128, u128)>,
    areas_at_end: Vec<(u128, u128)>,
    /// Whether now is inside the window.
    open: bool,
    /// Whether the window is over.
    over: bool,
    /// Requests and journeys of the window that have not ended.
    pending: u64,
    meters: Meters,
    recorder: Recorder,
}

impl<'p, const TRACED: bool> World<'p, TRACED> {
    fn new(plan: &'p Plan, seed: u64, recorder: Recorder) -> Self {
        let mut world = World {
            plan,
            streams: Streams::new(seed),
            now: 0,
            sequence: 0,
            events: 0,
            stopped: None,
            calendar: Calendar::default(),
            lanes: Lanes::default(),
            timeout_lanes: Vec::new(),
            frames: Slab::default(),
            logs: Vec::new(),
            lease_of: Vec::new(),
            lent: Vec::new(),
            leases: Vec::new(),
            free_leases: Vec::new(),
            keys: Vec::new(),
            sizes: Vec::new(),
            origins: Vec::new(),
            ready: VecDeque::new(),
            joins: Vec::new(),
            free_joins: Vec::new(),
            controls: Vec::new(),
            entries: Vec::new(),
            first_entry: Vec::new(),
            instances: Vec::new(),
            stations: Vec::new(),
            members: vec![Vec::new(); plan.components.len()],
            present: vec![Vec::new(); plan.components.len()],
            ready_lists: vec![Vec::new(); plan.components.len()],
            ready_epoch: vec![u64::MAX; plan.components.len()],
            copies: vec![Vec::new(); plan.components.len()],
            endpoints: Vec::new(),
            links: plan.links.iter().map(|_| LinkState::default()).collect(),
            guards: vec![Vec::new(); plan.guards as usize],
            passes: Vec::new(),
            clients: Vec::new(),
            sources: vec![NEVER; plan.clients.len()],
            first_source: NEVER,
            first_source_at: 0,
            caches: Vec::new(),
            flights: Flights::default(),
            connections: Vec::new(),
            databases: Vec::new(),
            queues: plan.queues.iter().map(|_| queue::QueueState::default()).collect(),
            own: plan.components.iter().map(|component| component.own.clone()).collect(),
            own_states: Vec::new(),
            error_rates: Vec::new(),
            scalers: Vec::new(),
            ahead: ahead::Ahead::new(plan),
            settings: Settings::default(),
            faults: Faults::default(),
            rollouts: Vec::new(),
            epoch: 0,
            startup_stream: 0,
            pause_stream: 0,
            slot_began: 0,
            areas_at_start: Vec::new(),
            areas_at_end: Vec::new(),
            open: false,
            over: false,
            pending: 0,
            meters: Meters::new(plan),
            recorder,
        };
        world.settings = world.first_settings();
        world.startup_stream = world.streams.stream("startup");
        world.pause_stream = world.streams.stream("pause");
        world.schedule_window();
        world.build_instances();
        world.build_scalers();
        world.build_own();
        world.build_care();
        world.schedule_changes();
        world.build_clients();
        world
    }

    fn schedule_window(&mut self) {
        let clock = self.plan.clock;
        self.control(clock.start, Control::WindowStart);
        self.control(clock.end, Control::WindowEnd);
        self.control(clock.start % clock.slot, Control::Slot);
        for link in &self.plan.links {
            let lane = if link.timeout_ns > 0 { self.lanes.lane(link.timeout_ns) } else { None };
            self.timeout_lanes.push(lane);
        }
    }

    /// Lets time pass until all is done.
    fn pass_time(&mut self) {
        let last = self.plan.clock.last;
        let limits = self.plan.limits;
        loop {
            let pending = self.calendar.first().min(self.lanes.first());
            if self.first_source < pending {
                let event = self.first_source;
                if !self.tick(event, last) {
                    return;
                }
                self.arrival(self.first_source_at);
            } else {
                if pending == NEVER || !self.tick(pending, last) {
                    return;
                }
                if pending == self.calendar.first() {
                    self.calendar.pop();
                } else {
                    let frames = &self.frames;
                    self.lanes.pop(|head| frames[target_of(head)].wake != sequence_of(head));
                }
                self.dispatch(pending);
            }
            if let Some(frame) = self.ready.pop_front() {
                self.proceed(frame, Next::At(self.frames[frame].pc));
            }
            if self.frames.live() > limits.calls_in_flight {
                self.stopped = Some("calls_in_flight");
                return;
            }
            if self.over && self.pending == 0 {
                return;
            }
        }
    }

    /// Moves the clock to an event; false when the run is over before it.
    #[inline(always)]
    fn tick(&mut self, event: Entry, last: u64) -> bool {
        let time = time_of(event);
        if time > last {
            self.now = last;
            return false;
        }
        debug_assert!(time >= self.now, "time goes forward");
        self.now = time;
        self.events += 1;
        if self.events > self.plan.limits.events {
            self.stopped = Some("events");
            return false;
        }
        true
    }

    #[inline(always)]
    fn dispatch(&mut self, event: Entry) {
        let target = target_of(event);
        if target < SHARING {
            if self.frames[target].wake == sequence_of(event) {
                self.frames[target].wake = 0;
                let next = self.woken(target);
                self.proceed(target, next);
            }
        } else if target < CONTROL {
            self.sharing_event(target & TARGET_MASK, sequence_of(event));
        } else {
            self.control_event(self.controls[(target & TARGET_MASK) as usize]);
        }
    }

    fn control_event(&mut self, control: Control) {
        match control {
            Control::WindowStart => self.window_starts(),
            Control::WindowEnd => self.window_ends(),
            Control::Slot => {
                self.slot_ends();
                let at = self.now + self.plan.clock.slot;
                if at <= self.plan.clock.end {
                    self.control(at, Control::Slot);
                }
            }
            Control::Change(at) => self.change(at),
            Control::Scale(at) => self.scale(at),
            Control::Flush(instance) => self.flush_due(instance),
            Control::Sample(at) => self.sample(at),
            Control::Ready(instance) => self.instance_ready(instance),
            Control::Own(component) => self.own_tick(component),
            Control::Probe(balancer) => self.probe(balancer),
            Control::ProbeEnds(balancer) => self.probe_ends(balancer),
            Control::Compare(balancer) => self.compare(balancer),
            Control::DrainEnds(balancer, instance) => self.drain_ends(balancer, instance),
            Control::Users(client) => self.users_change(client),
            Control::Move(database) => self.move_key(database),
            Control::Promote(instance) => self.promote(instance),
            Control::Failure(process) => self.failure(process),
            Control::StallEnds(instance) => self.stall_ends(instance),
            Control::NodeReady(scaler) => self.node_ready(scaler),
            Control::Pause(instance) => self.pause(instance),
        }
    }

    /// The next sequence number.
    #[inline(always)]
    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// Wakes a frame after a delay.
    #[inline(always)]
    fn wake_in(&mut self, frame: u32, delay: u64) {
        let sequence = self.next_sequence();
        self.frames[frame].wake = sequence;
        self.calendar.push(entry(self.now.saturating_add(delay).min(LAST_INSTANT), sequence, frame));
    }

    /// Schedules a control event; never on the path of a request.
    fn control(&mut self, at: u64, control: Control) {
        let sequence = self.next_sequence();
        let known = self.controls.iter().position(|&other| other == control);
        let index = known.unwrap_or_else(|| {
            self.controls.push(control);
            self.controls.len() - 1
        });
        self.calendar.push(entry(at.min(LAST_INSTANT), sequence, CONTROL | index as u32));
    }

    /// A time of the window's clock, clamped to the window, as time since the run's start.
    #[inline(always)]
    fn clip(&self, time: u64) -> u64 {
        time.clamp(self.plan.clock.start, self.plan.clock.end)
    }

    /// Takes a frame; all fields but the generation are the caller's to set.
    #[inline(always)]
    fn take_frame(&mut self) -> u32 {
        let frame = self.frames.take();
        if frame as usize >= self.logs.len() {
            self.logs.push(Log::default());
            self.lease_of.push(NONE);
            self.lent.push(NONE);
            self.sizes.push(0);
            self.origins.push(0);
            self.keys.push(Vec::new());
        }
        if TRACED {
            self.recorder.frame_taken(frame);
        }
        frame
    }
}
