//! Connection pools: what callers must hold before they reach what is behind.

use crate::analysis::load::{self, Walk};
use crate::components::{LeftOut, Nature, Outgoing, Part, counted, rested_on, sentences};
use crate::experiment::levers::{Lever, Order};
use crate::lower::{CallSpec, Caller, Lowering};
use crate::model::Model;
use crate::model::cost::Cost;
use crate::model::diagnostic::Diagnostics;
use crate::model::link::{Link, Scope};
use crate::model::spec::About;
use crate::model::validate::Check;
use crate::model::value::{Count, Time, TimeDistribution};
use crate::plan::ChangeKind;
use crate::{choices, spec};

spec! {
    /// Connections that callers borrow: a driver's pool, PgBouncer, a bulkhead.
    pub struct ConnectionPoolSpec, component("connection-pool") {
        /// What the connections lead to.
        to: Link = required.beside("link");
        /// How many connections there are.
        size: Count = required.range(0, 1_000_000).live();
        /// How many more are opened when all are taken; closed when given back.
        overflow: Count = default(0).range(0, 1_000_000).live();
        /// The longest wait for a connection; left out, as long as it takes.
        acquire_timeout: Time = optional.at_least("1ns");
        /// What opening a connection takes.
        connect: TimeDistribution = default("0s");
        /// Whether there is one pool for all, or one in each instance of the caller.
        scope: Scope = default("per-replica");
        /// Which idle connection is taken first: the one given back last or first.
        order: PoolOrder = default("lifo");
        /// For how long a connection is borrowed.
        mode: PoolMode = default("transaction");
        /// How long an idle connection stays open; left out, for ever.
        idle_timeout: Time = optional.at_least("1ns");
        /// How many connections are open from the start and stay open unused.
        min_idle: Count = default(0).range(0, 1_000_000);
        /// How old a connection may be; an older one is opened anew when it is borrowed (SQLAlchemy's `pool_recycle`).
        max_lifetime: Time = optional.at_least("1ns");
        /// A check of each connection before it is lent (SQLAlchemy's `pool_pre_ping`).
        validate: Validate = optional;
        /// More connections for those who have waited for long (PgBouncer's `reserve_pool_size`).
        reserve: Reserve = optional;
        /// The most callers that have a connection or wait for one; more are refused (PgBouncer's `max_client_conn`).
        max_clients: Count = optional.range(1, 100_000_000);
        /// The most connections of a shared pool, overflow and reserve included; callers wait (PgBouncer).
        max_db_connections: Count = optional.range(1, 1_000_000);
        /// How long until a database that refused a connection is asked again; left out, the caller fails.
        login_retry: Time = optional.at_least("1ns");
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        about ABOUT;
    }
}

const LEAVES_OUT: [LeftOut<ConnectionPoolSpec>; 1] = [(
    |_| true,
    "A connection that is lent out never breaks by itself: leans towards too good where the network is bad.",
)];

const ABOUT: About = About {
    imitates: "PgBouncer's session, transaction and statement modes, HikariCP and SQLAlchemy's QueuePool with its overflow: callers wait in line, first come first served.",
    leaves_out: &sentences(&LEAVES_OUT),
    checked: &[
        "The time that connections are out against the sum of what their borrowers took: in every run; its modes and limits by tables of cases.",
    ],
};

impl Part for ConnectionPoolSpec {
    fn stations(&self) -> Vec<&'static str> {
        vec!["connections"]
    }

    fn check(&self, name: &str, check: &mut Check) {
        check.link(&self.to);
        check.no_hedge(&self.to, "a connection-pool");
        if self.to.to.as_str() == name {
            check.diagnostics.push(self.to.to.at.error("a pool can't lead to itself"));
        }
        if check.draft.kind(&self.to.to) == Some("cache") {
            let help = "whoever calls a cache loads what is missing: let the server pool call it";
            check.diagnostics.push(self.to.to.at.error("a cache can't stand behind a connection-pool").help(help));
        }
        self.check_limits(check.diagnostics);
        if self.size.0 == 0 && self.overflow.0 == 0 {
            check
                .diagnostics
                .push(self.at.field("size").error("found 0, and no `overflow`").expected("at least one connection"));
        }
    }

    fn nature() -> Nature {
        Nature { works: true, ..Nature::CALLED }
    }

    fn links(&self) -> Vec<Outgoing<'_>> {
        vec![Outgoing::over(&self.to)]
    }

    fn scope(&self) -> Scope {
        self.scope
    }

    fn answers_from(&self) -> Option<&Link> {
        Some(&self.to)
    }

    fn passes_on(&self) -> bool {
        true
    }

    fn is_by_operation(&self) -> bool {
        true
    }

    fn assumptions(&self) -> Vec<&'static str> {
        rested_on(&LEAVES_OUT, self)
    }

    fn lower(&self, id: u32, name: &str, lowering: &mut Lowering) {
        lowering.connection_pool(id, name, self);
    }

    fn call(&self, id: u32, lowering: &mut Lowering, caller: &mut Caller, call: CallSpec) {
        lowering.pool_call(id, caller, call, self);
    }

    fn change(&self, component: u32, field: &str, _: &Lowering) -> Option<ChangeKind> {
        match field {
            "size" | "overflow" => {
                Some(ChangeKind::Size { component, size: self.size.0 as u32, overflow: self.overflow.0 as u32 })
            }
            _ => None,
        }
    }

    fn load<'a>(&'a self, name: &'a str, call: load::Call<'a>, walk: &mut Walk<'a>) -> f64 {
        let time_s = walk.link(&self.to, call);
        walk.add(name, "connections", call.rate * time_s);
        time_s
    }

    fn servers(&self, name: &str, _: &str, walk: &mut Walk) -> Option<f64> {
        Some(walk.copies(name, self.scope) * (self.size.0 + self.overflow.0) as f64)
    }

    fn levers(&self, name: &str, _: &Model) -> Vec<Lever> {
        vec![Lever::count(name, Some("connections"), "connections", "size", self.size.0, Order::Usually)]
    }

    fn orders(&self) -> &'static [(&'static str, Order)] {
        &[("overflow", Order::Usually)]
    }

    fn load_is_known(&self) -> bool {
        true
    }

    fn facts(&self) -> Vec<String> {
        match self.overflow.0 {
            0 => vec![counted(self.size.0, "connection")],
            overflow => vec![format!("{} + {}", self.size.0, counted(overflow, "connection"))],
        }
    }
}

impl ConnectionPoolSpec {
    /// Limits that contradict each other.
    fn check_limits(&self, diagnostics: &mut Diagnostics) {
        if self.max_db_connections.is_some() && self.scope == Scope::PerReplica {
            let found = "a limit on all connections needs one pool for all callers";
            diagnostics.push(self.at.field("max_db_connections").error(found).expected("scope: shared"));
        }
        if self.min_idle.0 > self.most() {
            let found = format!("{} idle connections of at most {}", self.min_idle.0, self.most());
            diagnostics.push(self.at.field("min_idle").error(found).expected("at most size and overflow"));
        }
        if let (Some(reserve), Some(patience)) = (&self.reserve, self.acquire_timeout)
            && reserve.after >= patience
        {
            let found = "`reserve` has no effect: callers give up before (`acquire_timeout`)";
            diagnostics.push(self.at.field("reserve").warning(found));
        }
        if self.max_clients.is_some_and(|most| most.0 < self.most()) {
            let found = "some connections are never used: `max_clients` is below size and overflow";
            diagnostics.push(self.at.field("max_clients").warning(found));
        }
    }
}

spec! {
    /// A check of connections before they are lent.
    pub struct Validate, short("time") {
        /// What it takes: a round trip to the database.
        time: TimeDistribution = required;
        /// Only connections that lay unused for so long are checked (HikariCP: 500ms, PgBouncer: 30s).
        after: Time = default("0s");
    }
}

spec! {
    /// More connections for those who have waited for long.
    pub struct Reserve, short("size") {
        /// How many.
        size: Count = required.range(1, 1_000_000);
        /// How long a caller must have waited.
        after: Time = default("5s").at_least("1ns");
    }
}

impl ConnectionPoolSpec {
    /// How many connections there can be without the reserve.
    pub fn most(&self) -> u64 {
        let most = self.size.0 + self.overflow.0;
        self.max_db_connections.map_or(most, |limit| most.min(limit.0))
    }
}

choices! {
    /// Which idle connection is taken first.
    pub enum PoolOrder {
        /// The one given back last.
        Lifo = "lifo";
        /// The one given back first.
        Fifo = "fifo";
    }
}

choices! {
    /// For how long a connection is borrowed.
    pub enum PoolMode {
        /// For each call.
        Statement = "statement";
        /// For each `hold`, and for each call outside of one.
        Transaction = "transaction";
        /// From the first call of a request to its end.
        Session = "session";
    }
}
