//! Calls: straight ones, and through connection pools.

use super::{Lowering, site};
use crate::components::connection_pool::{ConnectionPoolSpec, PoolMode};
use crate::engine::slab::NONE;
use crate::model::link::Link;
use crate::model::step::Key;
use crate::plan::{ANY_OP, CallPlan, KeyChoice, Op, OpName, Place, ops};

/// Who calls, and where the draws of the call are keyed.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The component whose program this is.
    pub component: u32,
    /// Names of the program, and how many calls it has so far.
    pub names: Vec<String>,
    /// Counts the places where something is drawn.
    pub ordinal: u32,
    /// The pools (components) of which a connection is held, and in how many forks the holder is.
    pub holding: Vec<(u32, u8)>,
    /// In how many forks the program is here.
    pub forks: u8,
    /// The pools in session mode of the program, in order of their first use.
    pub sessions: Vec<u32>,
    /// Whether the class writes; `None`: only the request knows.
    pub writes: Option<bool>,
}

impl Caller {
    pub(crate) fn new(component: u32, names: &[&str], writes: Option<bool>) -> Self {
        Caller {
            component,
            names: names.iter().map(|name| (*name).to_string()).collect(),
            ordinal: 0,
            holding: Vec::new(),
            forks: 0,
            sessions: Vec::new(),
            writes,
        }
    }

    /// The key of the next place where something of a kind is drawn.
    pub(crate) fn site(&mut self, kind: &str) -> u64 {
        let ordinal = self.ordinal.to_string();
        self.ordinal += 1;
        let parts: Vec<&str> = self.names.iter().map(String::as_str).chain([kind, ordinal.as_str()]).collect();
        site(&parts)
    }
}

/// A call to be lowered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallSpec<'a> {
    /// Whom, and how.
    pub link: &'a Link,
    /// The operation; [`ANY_OP`]: read or write as the class says.
    pub op: OpName,
    /// Whether the frame's own operation is passed on.
    pub inherit_op: bool,
    /// How often.
    pub times: u32,
    /// Which key.
    pub key: KeyChoice,
    /// The class that the callee sees.
    pub class: Option<u16>,
    /// The size that it carries: a draw.
    pub size: Option<u32>,
}

impl<'a> CallSpec<'a> {
    pub(crate) fn plain(link: &'a Link) -> Self {
        CallSpec { link, op: ANY_OP, inherit_op: false, times: 1, key: KeyChoice::Request, class: None, size: None }
    }
}

/// The link behind a pool as a call sees it that has a connection already: what the call says itself wins.
fn over(call: &Link, behind: &Link) -> Link {
    let mut link = behind.clone();
    let own = &call.options;
    macro_rules! take {
        ($($field:ident),*) => { $(if call.at.has(stringify!($field)) { link.options.$field = own.$field.clone(); })* };
    }
    take!(
        rtt,
        bandwidth,
        loss,
        rto,
        datagram,
        timeout,
        deadline,
        cancel,
        retry,
        breaker,
        max_in_flight,
        scope,
        fallback,
        policy
    );
    link
}

/// A part of a program that is lowered when its place is reached.
pub(crate) type Part<'p, 'm> = &'p dyn Fn(&mut Lowering<'m>, &mut Caller);

impl<'m> Lowering<'m> {
    /// The key that a step asks for.
    pub(crate) fn key_choice(&self, key: &Key) -> KeyChoice {
        match key {
            Key::Request => KeyChoice::Request,
            Key::Client => KeyChoice::Client,
            Key::Keyspace(name) => KeyChoice::Fresh(self.keyspace_ids[name.as_str()]),
        }
    }

    /// Lowers a call into the program of its caller.
    pub(crate) fn call(&mut self, caller: &mut Caller, call: CallSpec) {
        let callee = call.link.to.as_str();
        self.model.components[callee].part().call(self.id(callee), self, caller, call);
    }

    /// Lowers a call of a connection pool.
    pub(crate) fn pool_call(&mut self, target: u32, caller: &mut Caller, call: CallSpec, pool: &ConnectionPoolSpec) {
        let held = caller.holding.iter().rev().find(|(pool, _)| *pool == target).map(|(_, forks)| *forks);
        if let Some(forks) = held {
            self.call_through(caller, call, (target, caller.forks - forks), &pool.to);
        } else if pool.mode == PoolMode::Session {
            let bit = caller.sessions.iter().position(|&known| known == target).unwrap_or_else(|| {
                caller.sessions.push(target);
                caller.sessions.len() - 1
            });
            let cell = self.pool_cell(target);
            self.emit(Op::SeizeSession { pool: target, cell, bit: bit as u8 });
            self.call_through(caller, call, (target, 0), &pool.to);
        } else {
            self.straight_call(caller, call);
        }
    }

    /// A call over a connection that the caller, or one some forks above it, holds: straight to what is behind the pool.
    fn call_through(&mut self, caller: &mut Caller, call: CallSpec, (pool, forks_up): (u32, u8), to: &Link) {
        let both = over(call.link, to);
        let link = self.link(pool, &both);
        let site = caller.site("call");
        self.plan.leases = true;
        let fallback = both.options.fallback.as_ref();
        let fallback = fallback.map(|other| self.straight_plan(caller, CallSpec { link: other, ..call }));
        let plan = CallPlan { holding: pool, forks_up, pooled: true, fallback, ..self.call_plan(&call, link, site) };
        self.plan.calls.push(plan);
        self.emit(Op::Call(self.plan.calls.len() as u32 - 1));
    }

    pub(crate) fn straight_call(&mut self, caller: &mut Caller, call: CallSpec) {
        let plan = self.straight_plan(caller, call);
        self.emit(Op::Call(plan));
    }

    /// The plan of a call, with its fallbacks.
    pub(crate) fn straight_plan(&mut self, caller: &mut Caller, call: CallSpec) -> u32 {
        let site = caller.site("call");
        let (link, hedge) = self.hedged_link(caller, &call, site);
        let fallback = call
            .link
            .options
            .fallback
            .as_ref()
            // What a cache is told besides look-ups has no stand-in.
            .filter(|_| !matches!(call.op, ops::STORE | ops::DELETE))
            .map(|other| self.straight_plan(caller, CallSpec { link: other, ..call }));
        let plan = CallPlan { fallback, hedge, ..self.call_plan(&call, link, site) };
        self.plan.calls.push(plan);
        self.plan.calls.len() as u32 - 1
    }

    pub(crate) fn call_plan(&self, call: &CallSpec, link: u32, site: u64) -> CallPlan {
        CallPlan {
            op: call.op,
            inherit_op: call.inherit_op,
            times: call.times,
            key: call.key,
            class: call.class,
            size: call.size,
            ..CallPlan::plain(link, site)
        }
    }

    /// Releases the session-mode pools of a program.
    pub(crate) fn release_sessions(&mut self, caller: &Caller) {
        for (bit, &pool) in caller.sessions.iter().enumerate() {
            self.clean_up(Op::ReleaseSession { pool, bit: bit as u8 });
        }
    }

    /// Holds a connection over some steps.
    pub(crate) fn hold(&mut self, caller: &mut Caller, pool: u32, steps: impl FnOnce(&mut Self, &mut Caller)) {
        let cell = self.pool_cell(pool);
        let place = Place::Pool(pool);
        self.emit(Op::Seize { place, cell, admission: true });
        let release = self.label();
        caller.holding.push((pool, caller.forks));
        self.unwinds.push(release);
        steps(self, caller);
        self.unwinds.pop();
        caller.holding.pop();
        self.place(release);
        self.emit(Op::Release { place });
        debug_assert_ne!(pool, NONE);
    }
}
