//! Content delivery networks: caches near their users, in front of an origin.

use std::collections::BTreeMap;

use super::cache::{Capacity, Eviction};
use crate::components::{Nature, Outgoing, Part, counted};
use crate::lower::Lowering;
use crate::model::cost::Cost;
use crate::model::link::Link;
use crate::model::node::EMPTY_MAP;
use crate::model::spec::About;
use crate::model::validate::Check;
use crate::model::value::{Factor, Time, TimeDistribution};
use crate::plan::Target;
use crate::spec;

spec! {
    /// Caches near their users, in front of an origin, with the rules of CloudFront.
    pub struct CdnSpec, component("cdn") {
        /// The origin, and how it is called.
        to: Link = required.beside("link");
        /// Where there are caches; each user asks that of its region. Left out, there is one.
        regions: BTreeMap<String, Region> = default(EMPTY_MAP);
        /// How much each region holds, items or bytes; left out, everything.
        capacity: Capacity = optional;
        /// Which item goes when a region is full.
        eviction: Eviction = default("lru");
        /// How long answers are good, against what their class says.
        ttl: CdnTtl = default(EMPTY_MAP);
        /// Whether requests that miss the same item at once in a region make one request of the origin.
        collapse: bool = default(true);
        /// What each request takes in it.
        service: TimeDistribution = default("0s");
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        later ["shield", "compress"];
        about ABOUT;
    }
}

const ABOUT: About = About {
    imitates: "CloudFront's rules for times to live (Expiration.md), a cache in each region, and requests for the same object that are collapsed.",
    leaves_out: &[
        "A region is one cache; real ones are many edge locations with a regional cache behind: leans towards too many hits.",
    ],
    checked: &["The documented table of minimum, default and maximum against `max-age`."],
};

impl Part for CdnSpec {
    fn check(&self, name: &str, check: &mut Check) {
        check.link(&self.to);
        if self.to.to.as_str() == name {
            check.diagnostics.push(self.to.to.at.error("a CDN can't be its own origin"));
        }
        if self.ttl.min.0 > self.ttl.max.0 {
            let found = "`min` is above `max`";
            check.diagnostics.push(self.ttl.at.field("min").error(found).expected("at most `max`"));
        }
        if !self.regions.is_empty() && self.regions.values().all(|region| region.share.0 == 0.0) {
            check.diagnostics.push(self.at.field("regions").error("all shares are zero").expected("one that is not"));
        }
    }

    fn nature() -> Nature {
        Nature { crashes: true, ..Nature::CALLED }
    }

    fn links(&self) -> Vec<Outgoing<'_>> {
        vec![Outgoing::over(&self.to)]
    }

    fn answers_from(&self) -> Option<&Link> {
        Some(&self.to)
    }

    fn target(&self, id: u32) -> Target {
        Target::Chosen(id)
    }

    fn lower(&self, id: u32, name: &str, lowering: &mut Lowering) {
        lowering.cdn(id, name, self);
    }

    fn assumptions(&self) -> Vec<&'static str> {
        vec![
            "A CDN takes any load, its regions share nothing, and what is past its end is fetched whole, not revalidated: leans towards too much load on the origin.",
        ]
    }

    fn facts(&self) -> Vec<String> {
        vec![counted(self.regions.len().max(1) as u64, "region")]
    }
}

spec! {
    /// A region of a CDN.
    pub struct Region {
        /// How many of the users are there, against the others; the client's `population.regions` win.
        share: Factor = default(1);
        /// The round trip between its users and its cache.
        rtt: TimeDistribution = default("0s");
    }
}

spec! {
    /// How long answers are good in a CDN.
    pub struct CdnTtl {
        /// The least, whatever a class says; above 0 an answer past its end stands in where the origin fails.
        min: Time = default("0s");
        /// For classes that say nothing.
        default: Time = default("1d");
        /// The most, for classes that say more.
        max: Time = default("365d");
    }
}
