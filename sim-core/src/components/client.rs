//! Clients: where requests come from.

use std::collections::BTreeMap;

use crate::components::{LeftOut, Nature, Outgoing, Part, counted, rested_on, sentences};
use crate::lower::Lowering;
use crate::model::arrivals::{Arrivals, Users};
use crate::model::cost::Cost;
use crate::model::keyspace::Popularity;
use crate::model::link::{Link, LinkOptions};
use crate::model::node::EMPTY_MAP;
use crate::model::spec::{About, Referent};
use crate::model::units::humane_rate;
use crate::model::validate::Check;
use crate::model::value::{Count, Factor, Name, Share, TimeDistribution};
use crate::plan::ChangeKind;
use crate::{choices, spec};

spec! {
    /// Where requests come from: users, devices, other systems.
    pub struct ClientSpec, component("client") {
        /// Whom the requests go to.
        to: Link = required.beside("link");
        /// When requests arrive.
        arrivals: Arrivals = required;
        /// The weights of the classes; left out, all classes alike.
        mix: BTreeMap<String, Factor> = default(EMPTY_MAP);
        /// Requests that follow each other: an arrival starts a journey.
        journey: Vec<JourneyStep> = optional;
        /// Who the clients are; left out, every request of an open client is a client of its own.
        population: Population = optional;
        /// The most requests in progress; arrivals beyond are dropped (as k6 does).
        max_in_flight: Count = optional.range(1, 100_000_000);
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        about ABOUT;
    }
}

const LEAVES_OUT: [LeftOut<ClientSpec>; 2] = [
    (|_| true, "Clients are never short of CPU or sockets: leans towards more load than one machine could make."),
    (
        |_| true,
        "Users do not give up on a slow page unless a time-out says so: leans towards too much load while it is slow.",
    ),
];

const ABOUT: About = About {
    imitates: "Load as load generators make it: open arrivals are k6's `constant-arrival-rate` and `ramping-arrival-rate` (evenly spaced with `process: constant`), closed loops are its `constant-vus` and `ramping-vus`; latency counts from the intended start, as in wrk2, so that nothing is omitted while the system is slow.",
    leaves_out: &sentences(&LEAVES_OUT),
    checked: &[
        "Poisson arrivals: counts and gaps against their closed forms, and every process against the mean and variance that it states.",
        "Closed loops against exact mean-value analysis.",
        "Access logs: counts by other programs on a real log.",
    ],
};

impl Part for ClientSpec {
    fn check(&self, _: &str, check: &mut Check) {
        check.link(&self.to);
        if self.at.has("mix") && self.journey.is_some() {
            let found = "found `mix` and `journey`";
            check.diagnostics.push(self.at.field("journey").error(found).expected("one of them"));
        }
        if !self.mix.is_empty() && self.mix.values().all(|weight| weight.0 == 0.0) {
            check.diagnostics.push(self.at.field("mix").error("all weights are zero").expected("one that is not"));
        }
        if self.journey.as_ref().is_some_and(Vec::is_empty) {
            check
                .diagnostics
                .push(self.at.field("journey").error("found an empty list").expected("at least one request"));
        }
        match &self.arrivals {
            Arrivals::Closed(_) => {
                if let Some(population) = &self.population {
                    check.ignored(&population.at, "clients", "each user of a closed loop is a client");
                }
            }
            Arrivals::Trace(_) => {
                check.ignored(&self.at, "mix", "the trace says what is asked for");
                if self.journey.is_some() {
                    check.ignored(&self.at, "journey", "the trace says what is asked for");
                }
            }
            Arrivals::Open(_) | Arrivals::Stages(_) | Arrivals::Daily(_) => {}
        }
        if let Some(population) = &self.population {
            population.check(check);
        }
        if let Some(population) = &self.population
            && let Popularity::Weights(weights) = &population.popularity
            && let Some(clients) = population.clients
            && weights.len() as u64 != clients.0
        {
            let found = format!("{} clients, but {} weights", clients.0, weights.len());
            check.diagnostics.push(population.at.field("popularity").error(found).expected("a weight for each client"));
        }
    }

    fn nature() -> Nature {
        Nature { called: false, ..Nature::CALLED }
    }

    fn links(&self) -> Vec<Outgoing<'_>> {
        vec![Outgoing::over(&self.to)]
    }

    fn assumptions(&self) -> Vec<&'static str> {
        rested_on(&LEAVES_OUT, self)
    }

    fn lower(&self, id: u32, name: &str, lowering: &mut Lowering) {
        lowering.client(id, name, self);
    }

    fn change(&self, component: u32, field: &str, _: &Lowering) -> Option<ChangeKind> {
        match field {
            "arrivals" => match &self.arrivals {
                Arrivals::Open(open) => Some(ChangeKind::Rate { component, rate: open.rate.0 }),
                Arrivals::Closed(closed) => match &closed.users {
                    Users::Constant(users) => Some(ChangeKind::Users { component, users: users.0 as u32 }),
                    Users::Stages(_) => None,
                },
                Arrivals::Stages(_) | Arrivals::Daily(_) | Arrivals::Trace(_) => None,
            },
            _ => None,
        }
    }

    fn load_is_known(&self) -> bool {
        matches!(self.arrivals, Arrivals::Open(_)) && self.max_in_flight.is_none()
    }

    fn facts(&self) -> Vec<String> {
        vec![match &self.arrivals {
            Arrivals::Open(open) => humane_rate(open.rate.0),
            Arrivals::Stages(staged) => {
                let highest = staged.stages.iter().map(|stage| stage.level().0).fold(0.0, f64::max);
                format!("stages up to {}", humane_rate(highest))
            }
            Arrivals::Daily(daily) => {
                format!("daily, {} to {}", humane_rate(daily.daily.trough.0), humane_rate(daily.daily.peak.0))
            }
            Arrivals::Closed(closed) => match &closed.users {
                Users::Constant(users) => counted(users.0, "user"),
                Users::Stages(stages) => {
                    let most = stages.iter().map(|stage| stage.level().0).max().unwrap_or(0);
                    format!("up to {}", counted(most, "user"))
                }
            },
            Arrivals::Trace(trace) => trace.trace.0.clone(),
        }]
    }
}

impl Population {
    fn check(&self, check: &mut Check) {
        if self.clients.is_none() {
            check.ignored(&self.at, "popularity", "each request is a client of its own");
        }
        let sum: f64 = self.tiers.values().map(|share| share.0).sum();
        if sum > 1.0 + 1e-9 {
            let found = format!("the shares make {}%", (sum * 100.0).round());
            check.diagnostics.push(self.at.field("tiers").error(found).expected("at most 100% together"));
        }
    }
}

spec! {
    /// One request of a journey.
    pub struct JourneyStep {
        /// What is asked for.
        class: Name = required.refers(Referent::Class);
        /// How often, one after the other.
        times: Count = default(1).range(1, 1_000_000);
        /// The time after each request before the next.
        think: TimeDistribution = default("0s");
        /// Whether it asks for the key of the request before or for one of its own.
        key: JourneyKey = default("fresh");
    }
}

choices! {
    /// Which key a request of a journey asks for.
    pub enum JourneyKey {
        /// That of the journey's last request of the same keyspace.
        Same = "same";
        /// One of its own.
        Fresh = "fresh";
    }
}

spec! {
    /// Who the clients are.
    pub struct Population {
        /// How many there are; left out, every request (in a closed loop, every user) is a client of its own.
        clients: Count = optional.range(1, 10_000_000_000_u64);
        /// Which of them ask most.
        popularity: Popularity = default("uniform");
        /// The shares of clients that rate limiters know by name, as in { "premium": "5%" }; the rest have no tier.
        tiers: BTreeMap<String, Share> = default(EMPTY_MAP);
        /// The shares of clients that are in regions of a CDN, as in { "eu": "30%" }; left out, as the CDN says.
        regions: BTreeMap<String, Share> = default(EMPTY_MAP);
    }
}

impl ClientSpec {
    /// How it calls whom it calls.
    pub fn link_options(&self) -> &LinkOptions {
        &self.to.options
    }
}
