//! Clients, open and closed, with journeys and populations.

use super::link::link;
use super::set;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// A client before the window's length is known.
#[derive(Debug, Clone)]
pub struct Client {
    fields: Value,
    closed: Option<(u64, &'static str)>,
    rate: u64,
    shape: Shape,
    process: Option<&'static str>,
}

/// How an open client's load changes.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Steady,
    Ramps,
    Daily,
}

impl Client {
    pub fn written(self, quiet: bool, duration_ms: u64) -> Value {
        let mut client = self.fields;
        let busy = format!("{duration_ms}ms");
        client["arrivals"] = match (self.closed, quiet) {
            (Some((users, think)), false) => json!({ "users": users, "think": think }),
            (Some((users, think)), true) => {
                json!({ "users": [{ "users": users, "for": busy }, { "users": 0, "for": "1s" }], "think": think })
            }
            (None, false) => match self.shape {
                Shape::Steady => json!({ "rate": format!("{}/s", self.rate) }),
                Shape::Ramps => json!({ "stages": [
                    { "ramp_to": format!("{}/s", self.rate), "for": "300ms" }, { "rate": "5/s", "for": "100ms" },
                    { "rate": format!("{}/s", 2 * self.rate), "for": "200ms" }
                ] }),
                Shape::Daily => json!({ "daily": {
                    "trough": "1/s", "peak": format!("{}/s", self.rate), "peak_at": "14h", "starts_at": "13h"
                } }),
            },
            (None, true) => json!({
                "stages": [{ "rate": format!("{}/s", self.rate), "for": busy }, { "rate": "0/s", "for": "1s" }]
            }),
        };
        if self.closed.is_none() {
            set(&mut client["arrivals"], "process", self.process);
        }
        client
    }
}

pub fn client() -> impl Strategy<Value = Client> {
    let callee = prop_oneof![
        6 => Just("web"), 4 => Just("edge"), 3 => Just("cdn"), 1 => Just("db"), 1 => Just("cache"), 1 => Just("conns"), 1 => Just("api"),
        1 => Just("gate")
    ];
    let arrivals = (
        weighted(0.3, (1..20_u64, select(vec!["10ms", "exp(10ms)", "1ms"]))),
        select(vec![100_u64, 10, 1000, 3000]),
        prop_oneof![6 => Just(Shape::Steady), 2 => Just(Shape::Ramps), 1 => Just(Shape::Daily)],
        weighted(0.3, select(vec!["constant", "gamma(cv=2)", "mmpp(1 for 100ms, 5 for 20ms)"])),
    );
    let journey = weighted(
        0.2,
        vec(
            (select(vec!["a", "b"]), 1..3_u64, select(vec!["0s", "5ms", "exp(3ms)"]), any::<bool>()).prop_map(
                |(class, times, think, same)| {
                    json!({ "class": class, "times": times, "think": think, "key": if same { "same" } else { "fresh" } })
                },
            ),
            1..3,
        ),
    );
    (
        callee,
        link(&["store", "db"]),
        arrivals,
        journey,
        (weighted(0.3, 1..100_u64), any::<bool>()),
        weighted(0.2, 1..10_u64),
    )
        .prop_map(|(to, link, (closed, rate, shape, process), journey, (population, regions), limit)| {
            let mut fields = json!({ "type": "client", "to": to });
            if link.as_object().is_some_and(|link| !link.is_empty()) {
                fields["link"] = link;
            }
            set(&mut fields, "journey", journey);
            if let (Some(clients), None) = (population, closed) {
                fields["population"] =
                    json!({ "clients": clients, "popularity": "zipf(1)", "tiers": { "gold": "30%", "tin": 0.5 } });
                if regions {
                    fields["population"]["regions"] = json!({ "eu": "30%", "us": "70%" });
                }
            }
            if closed.is_none() {
                set(&mut fields, "max_in_flight", limit);
            }
            Client { fields, closed, rate, shape, process }
        })
}
