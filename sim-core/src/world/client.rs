//! Clients: requests begin and end here.

use super::frame::*;
use super::{Control, Next, World};
use crate::engine::calendar::{NEVER, entry};
use crate::engine::rng::{PHI, mix64};
use crate::engine::slab::NONE;
use crate::metrics::histogram::Histogram;
use crate::plan::{Load, Outcome};
use crate::workload::arrivals::Arrivals;

/// The state of a client.
#[derive(Debug, Clone)]
pub struct ClientState {
    stream: u64,
    instance: u32,
    arrivals: Option<Arrivals>,
    /// The row of the trace that comes next.
    row: usize,
    in_flight: u32,
    /// How many users there should be, and by user: its frame.
    users: u32,
    user_frames: Vec<u32>,
    user_change: usize,
    /// Arrivals of the window that found `max_in_flight` reached.
    pub dropped: u64,
    /// Journeys of the window: begun, ended by an error.
    pub journeys: [u64; 2],
    /// How long those took that ended well, ns.
    pub journey_times: Histogram,
}

/// What a request is about, where its client knows.
#[derive(Debug, Clone, Copy, Default)]
struct Wish {
    class: Option<u16>,
    item: Option<u64>,
    client: Option<u32>,
    size: Option<u64>,
    write: Option<bool>,
}

/// Where the class of a request is drawn.
const MIX_SITE: u64 = 0x6d69_785f_7369_7465;
/// Where its client is drawn.
const CLIENT_SITE: u64 = 0x636c_6965_6e74_2121;

impl<const TRACED: bool> World<'_, TRACED> {
    /// Prepares all clients.
    pub(super) fn build_clients(&mut self) {
        for (at, plan) in self.plan.clients.iter().enumerate() {
            let stream = self.streams.stream(&plan.stream);
            let warmup = self.plan.clock.start;
            let arrivals = match &plan.load {
                Load::Open(arrivals) => {
                    let gaps = self.streams.stream(&format!("{} arrivals", plan.stream));
                    let states = self.streams.stream(&format!("{} states", plan.stream));
                    Some(Arrivals::new(arrivals.profile.clone(), &arrivals.process, gaps, states, warmup))
                }
                Load::Closed(_) | Load::Trace(..) => None,
            };
            self.clients.push(ClientState {
                stream,
                instance: self.members[plan.component as usize][0],
                arrivals,
                row: 0,
                in_flight: 0,
                users: 0,
                user_frames: Vec::new(),
                user_change: 0,
                dropped: 0,
                journeys: [0; 2],
                journey_times: Histogram::default(),
            });
            match &plan.load {
                Load::Open(_) | Load::Trace(..) => self.schedule_arrival(at as u32),
                Load::Closed(_) => self.users_change(at as u32),
            }
        }
    }

    /// Finds the next arrival of a client.
    #[inline(always)]
    fn schedule_arrival(&mut self, client: u32) {
        let start = self.plan.clock.start;
        let state = &mut self.clients[client as usize];
        let time = match &mut state.arrivals {
            Some(arrivals) => arrivals.next().map(|time| start.saturating_add_signed(time)),
            None => match &self.plan.clients[client as usize].load {
                Load::Trace(trace, _) if state.row < trace.len() => Some(start + trace.row(state.row).time_ns),
                Load::Trace(..) => None,
                Load::Open(_) | Load::Closed(_) => None,
            },
        };
        self.sources[client as usize] = match time {
            Some(time) => {
                self.sequence += 1;
                entry(time, self.sequence, client)
            }
            None => NEVER,
        };
        self.first_source = NEVER;
        for (at, &source) in self.sources.iter().enumerate() {
            if source < self.first_source {
                self.first_source = source;
                self.first_source_at = at as u32;
            }
        }
    }

    /// A request, or a journey, of an open client begins.
    #[inline]
    pub(super) fn arrival(&mut self, client: u32) {
        let plan = &self.plan.clients[client as usize];
        let state = &mut self.clients[client as usize];
        let number = match &state.arrivals {
            Some(arrivals) => arrivals.number(),
            None => state.row as i64,
        };
        let mut wish = Wish::default();
        if let Load::Trace(trace, classes) = &plan.load {
            let row = trace.row(state.row);
            state.row += 1;
            wish = Wish {
                class: row.class.map(|class| classes[class as usize]),
                item: row.key,
                client: row.client.map(|id| (id ^ (id >> 32)) as u32),
                size: row.size,
                write: row.write.then_some(true),
            };
        }
        let key = mix64(state.stream.wrapping_add((number as u64).wrapping_mul(PHI)));
        let full = state.in_flight >= plan.max_in_flight;
        let stream = state.stream;
        if !self.plan.ahead[client as usize].is_empty() && number.rem_euclid(super::ahead::BLOCK as i64) == 0 {
            self.draw_ahead(client, stream, number);
        }
        self.schedule_arrival(client);
        if full {
            self.clients[client as usize].dropped += self.open as u64;
            return;
        }
        self.clients[client as usize].in_flight += 1;
        if wish.client.is_none() {
            wish.client = Some(match &plan.population {
                Some(population) => population.pick(draw(key, CLIENT_SITE, 0)) as u32,
                None => number as u32,
            });
        }
        if plan.session != NONE {
            self.begin_session(client, key, wish.client.expect("just set"));
            return;
        }
        let request = self.request(client, key, wish, NONE);
        self.proceed(request, Next::Frame(request));
    }

    /// The class of a request that says nothing of it.
    #[inline]
    pub(super) fn class_of(&self, client: u32, key: u64) -> u16 {
        match self.plan.clients[client as usize].mix.as_slice() {
            [(_, only)] => *only,
            mix => {
                let u = draw(key, MIX_SITE, 0);
                mix.iter().find(|&&(share, _)| u < share).or(mix.last()).expect("a mix has classes").1
            }
        }
    }

    /// Makes the frame of a request.
    #[inline(always)]
    fn request(&mut self, client: u32, key: u64, wish: Wish, session: u32) -> u32 {
        let plan = &self.plan.clients[client as usize];
        let class = wish.class.unwrap_or_else(|| self.class_of(client, key));
        let class_plan = &self.plan.classes[class as usize];
        let item = wish.item.unwrap_or_else(|| match class_plan.keyspace {
            Some(keyspace) => {
                let keyspace = &self.plan.keyspaces[keyspace as usize];
                keyspace.pick(draw(key, keyspace.site, 0))
            }
            None => NO_KEY,
        });
        let write = wish.write.unwrap_or(class_plan.write);
        let open = self.open;
        if open {
            self.pending += 1;
            self.meters.classes[class as usize].offered += 1;
        }
        self.meters.slot.offered += 1;
        let instance = self.clients[client as usize].instance;
        self.instances[instance as usize].calls += open as u64;
        let frame = self.take_frame();
        let generation = self.frames[frame].generation;
        self.logs[frame as usize].clear();
        if self.plan.origins {
            self.origins[frame as usize] = client as u16;
        }
        if self.plan.sizes {
            self.sizes[frame as usize] = wish.size.unwrap_or_else(|| {
                if self.plan.sized_keys && item != NO_KEY {
                    return self.item_size(class, item);
                }
                class_plan.size.as_ref().map_or(0, |size| size.sample_ns(draw(key, class_plan.site, 1)))
            });
        }
        self.frames[frame] = Frame {
            generation,
            start: self.now,
            since: self.now,
            key,
            wake: 0,
            item,
            deadline: if class_plan.deadline_ns == 0 { NO_DEADLINE } else { self.now + class_plan.deadline_ns },
            sent: self.now,
            work: 0,
            parent: session,
            child: NONE,
            next: NONE,
            prev: NONE,
            client: wish.client.unwrap_or(0),
            log: frame,
            instance,
            scope: instance,
            pc: plan.entry[class as usize],
            version: 0,
            turn: 0,
            mark: 0,
            via: NO_COMPONENT,
            class,
            cell: 0,
            attempt: 0,
            sessions: 0,
            flags: (if write { WRITE } else { 0 }) | (if open { COUNTED } else { 0 }),
            op: crate::plan::ANY_OP,
            outcome: Outcome::Ok as u8,
            waiting: Waiting::Nothing,
        };
        self.trace_request(frame, client);
        frame
    }

    /// A request has ended.
    #[inline(always)]
    pub(super) fn finish(&mut self, frame: u32) -> Next {
        let Frame { start, key, parent, instance, class, .. } = self.frames[frame];
        let outcome = self.frames[frame].outcome();
        let latency = self.now - start;
        let counted = self.frames[frame].has(COUNTED);
        self.meters.request_ends(outcome, latency, class, counted);
        if counted {
            self.pending -= 1;
            self.meters.digest.word(key ^ latency.rotate_left(32) ^ outcome as u64);
            if outcome == Outcome::Ok {
                debug_assert_eq!(self.logs[frame as usize].total(), latency, "the parts are the whole");
                self.meters.breakdown.record(latency, &self.logs[frame as usize]);
            } else {
                self.instances[instance as usize].errors[outcome as usize] += 1;
            }
        }
        self.trace_finish(frame, outcome, latency, counted);
        self.keys[frame as usize].clear();
        self.frames.free(frame);
        if parent != NONE {
            self.request_of_session_ended(parent, outcome);
        } else if let crate::plan::Kind::Client(client) = self.instances[instance as usize].kind {
            self.clients[client as usize].in_flight -= 1;
        }
        Next::Wait
    }

    // Sessions: the users of a closed loop, and journeys.

    fn client_of(&self, frame: u32) -> u32 {
        let instance = self.frames[frame].instance;
        match self.instances[instance as usize].kind {
            crate::plan::Kind::Client(client) => client,
            other => unreachable!("{other:?} has no sessions"),
        }
    }

    fn begin_session(&mut self, client: u32, key: u64, id: u32) -> u32 {
        let plan = &self.plan.clients[client as usize];
        let frame = self.take_frame();
        let generation = self.frames[frame].generation;
        self.frames[frame] = Frame {
            generation,
            start: self.now,
            key,
            parent: NONE,
            child: NONE,
            log: NONE,
            instance: self.clients[client as usize].instance,
            client: id,
            pc: plan.session,
            waiting: Waiting::Nothing,
            flags: if self.open { COUNTED } else { 0 },
            ..Frame::default()
        };
        if plan.journey {
            self.clients[client as usize].journeys[0] += self.open as u64;
            self.pending += self.open as u64;
        }
        self.ready.push_back(frame);
        frame
    }

    /// A session's next request.
    pub(super) fn issue(&mut self, session: u32, step: u32) -> Next {
        let client = self.client_of(session);
        let step = &self.plan.clients[client as usize].steps[step as usize];
        let Frame { key, turn, client: id, .. } = self.frames[session];
        let request_key = child_key(key, step.site, turn, 0);
        let mut wish = Wish { class: step.class, client: Some(id), ..Wish::default() };
        if !step.fresh_key
            && let Some(class) = step.class
            && let Some(keyspace) = self.plan.classes[class as usize].keyspace
        {
            let keyspace = &self.plan.keyspaces[keyspace as usize];
            wish.item = Some(keyspace.pick(draw(child_key(key, keyspace.site, turn, 0), keyspace.site, 0)));
        }
        self.frames[session].waiting = Waiting::Request;
        Next::Frame(self.request(client, request_key, wish, session))
    }

    fn request_of_session_ended(&mut self, session: u32, outcome: Outcome) {
        let client = self.client_of(session);
        let plan = &self.plan.clients[client as usize];
        let state = &mut self.frames[session];
        state.waiting = Waiting::Nothing;
        state.outcome = outcome as u8;
        state.pc = if plan.journey && outcome != Outcome::Ok { plan.session_end } else { state.pc + 1 };
        self.ready.push_back(session);
    }

    /// A user's think time.
    pub(super) fn think(&mut self, session: u32, draw_at: u32) -> Next {
        let client = self.client_of(session);
        if self.user_leaves(session, client) {
            return Next::Wait;
        }
        if draw_at == NONE {
            return Next::Step;
        }
        let ns = self.draw_ns(session, draw_at);
        if ns == 0 {
            return Next::Step;
        }
        self.frames[session].waiting = Waiting::Think;
        self.wake_in(session, ns);
        Next::Wait
    }

    /// A closed loop begins again; a journey is over.
    pub(super) fn end_session(&mut self, session: u32) -> Next {
        let client = self.client_of(session);
        let plan = &self.plan.clients[client as usize];
        let Frame { outcome, start, .. } = self.frames[session];
        let counted = self.frames[session].has(COUNTED);
        let state = &mut self.clients[client as usize];
        if plan.journey && counted {
            self.pending -= 1;
            self.frames[session].flags &= !COUNTED;
            if outcome == Outcome::Ok as u8 {
                state.journey_times.record(self.now - start);
            } else {
                state.journeys[1] += 1;
            }
        }
        if !matches!(plan.load, Load::Closed(_)) {
            state.in_flight -= 1;
            self.frames.free(session);
            return Next::Wait;
        }
        if self.user_leaves(session, client) {
            return Next::Wait;
        }
        let (now, open) = (self.now, self.open);
        let frame = &mut self.frames[session];
        frame.turn += 1;
        frame.start = now;
        frame.outcome = Outcome::Ok as u8;
        frame.flags = if open { COUNTED } else { 0 };
        if plan.journey {
            self.clients[client as usize].journeys[0] += open as u64;
            self.pending += open as u64;
        }
        if self.loops_in_no_time(session) {
            // A user who never thinks, of a system that takes no time, would stop the clock.
            self.frames[session].pc = plan.session - 1;
            self.frames[session].waiting = Waiting::Think;
            self.wake_in(session, 1);
            return Next::Wait;
        }
        Next::At(plan.session)
    }

    /// Whether a user's last round took no time at all.
    fn loops_in_no_time(&mut self, session: u32) -> bool {
        let frame = &mut self.frames[session];
        let same = frame.since == self.now && frame.turn > 1;
        frame.since = self.now;
        same
    }

    fn user_leaves(&mut self, session: u32, client: u32) -> bool {
        let plan = &self.plan.clients[client as usize];
        let state = &mut self.clients[client as usize];
        let Load::Closed(_) = plan.load else { return false };
        let user = self.frames[session].client;
        if user < state.users {
            return false;
        }
        state.user_frames[user as usize] = NONE;
        let under_way = plan.journey && self.frames[session].has(COUNTED);
        self.pending -= under_way as u64;
        self.frames.free(session);
        true
    }

    /// The number of a closed loop's users changes: new ones come at once, others go when they have finished.
    pub(super) fn users_change(&mut self, client: u32) {
        let plan = &self.plan.clients[client as usize];
        let Load::Closed(steps) = &plan.load else { unreachable!("a closed loop has users") };
        let start = self.plan.clock.start;
        let now = self.now;
        loop {
            let state = &mut self.clients[client as usize];
            let Some(&(at, users)) = steps.get(state.user_change) else { break };
            let at = start.saturating_add_signed(at);
            if at > now {
                self.control(at, Control::Users(client));
                break;
            }
            state.user_change += 1;
            state.users = users;
        }
        self.welcome_users(client);
    }

    /// Begins the sessions of users who are to be there and are not.
    fn welcome_users(&mut self, client: u32) {
        for user in 0..self.clients[client as usize].users {
            let state = &mut self.clients[client as usize];
            if user as usize >= state.user_frames.len() {
                state.user_frames.push(NONE);
            }
            if state.user_frames[user as usize] == NONE {
                let key = mix64(state.stream ^ mix64((user as u64).wrapping_add(PHI)));
                let frame = self.begin_session(client, key, user);
                self.clients[client as usize].user_frames[user as usize] = frame;
            }
        }
    }

    /// A client's rate changes.
    pub(super) fn change_rate(&mut self, component: u32, rate: f64) {
        let crate::plan::Kind::Client(client) = self.plan.components[component as usize].kind else {
            unreachable!("validated: a client has a rate")
        };
        let at = (self.now - self.plan.clock.start) as i64;
        let pending = self.sources[client as usize] != NEVER;
        if let Some(arrivals) = &mut self.clients[client as usize].arrivals {
            arrivals.change_rate(at, rate, pending);
        }
        self.schedule_arrival(client);
    }

    /// The number of a closed loop's users changes, whatever was planned.
    pub(super) fn change_users(&mut self, component: u32, users: u32) {
        let crate::plan::Kind::Client(client) = self.plan.components[component as usize].kind else {
            unreachable!("validated: a client has users")
        };
        self.clients[client as usize].users = users;
        self.welcome_users(client);
    }

    /// Whether a frame that is in use is a call (not a session or a message).
    pub(super) fn is_call(&self, frame: u32) -> bool {
        let state = &self.frames[frame];
        !matches!(state.waiting, Waiting::Think | Waiting::Request | Waiting::Message) && state.in_use()
    }
}
