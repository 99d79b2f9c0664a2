//! Content delivery networks: caches near their users, in front of an origin.

mod part;

use std::collections::BTreeMap;

use super::cache::{Capacity, Eviction};
use crate::components::{LeftOut, sentences};
use crate::model::cost::Cost;
use crate::model::link::Link;
use crate::model::node::{EMPTY_LIST, EMPTY_MAP, Node, Value};
use crate::model::spec::{About, Read, Reader, Referent, Shape};
use crate::model::value::{Factor, Name, Share, Size, Time, TimeDistribution};
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
        /// For how long after its end an answer is still served while one request renews it (Cache-Control: stale-while-revalidate).
        stale_while_revalidate: Time = optional.at_least("1ns");
        /// One more cache, in front of the origin, which all regions ask (CloudFront's Origin Shield); left out, each asks the origin.
        shield: Shield = optional;
        /// Which answers are made smaller on their way to the users; left out, none.
        compress: Compress = optional;
        /// What each request takes in it.
        service: TimeDistribution = default("0s");
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        about ABOUT;
    }
}

const LEAVES_OUT: [LeftOut<CdnSpec>; 5] = [
    (
        |_| true,
        "A CDN takes any load, and what is past its end is fetched whole, not revalidated: leans towards too much load on the origin.",
    ),
    (
        |_| true,
        "A region is one cache; real ones are many edge locations with a regional cache behind: leans towards too many hits.",
    ),
    (
        |cdn| cdn.collapse,
        "Requests that are collapsed share the error of the one that was made, where CloudFront asks again for some: leans towards more errors and less load while the origin fails.",
    ),
    (
        |cdn| cdn.shield.is_some(),
        "An origin shield never fails, where CloudFront's has another behind it: leans towards nothing unless a region is lost.",
    ),
    (
        |cdn| cdn.compress.is_some(),
        "Compressing takes no time, and every user takes what is compressed: leans towards too fast.",
    ),
];

const ABOUT: About = About {
    imitates: "CloudFront's rules for times to live (Expiration.md), a cache in each region, requests for the same object that are collapsed, Origin Shield (origin-shield.md: all requests pass it, those that are not kept too; what came from it is as old as it was there, as `Age` says), and compression (ServingCompressedFiles.md).",
    leaves_out: &sentences(&LEAVES_OUT),
    checked: &[
        "The documented table of minimum, default and maximum against `max-age`.",
        "Origin requests with and without a shield, and bytes with and without compression, against exact counts.",
    ],
};

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

spec! {
    /// One more cache between those of the regions and the origin.
    pub struct Shield {
        /// The round trip between the regions' caches and it: one for all, or by region.
        rtt: WayToShield = default("0s");
        /// The round trip between it and the origin; left out, that of the link to the origin.
        to_origin: TimeDistribution = optional;
        /// How much it holds, items or bytes; left out, everything.
        capacity: Capacity = optional;
    }
}

/// The round trips between the caches of regions and a shield.
#[derive(Debug, Clone, PartialEq)]
pub struct WayToShield {
    /// Of regions that are not named.
    pub default: Option<TimeDistribution>,
    /// Of those that are.
    pub by_region: BTreeMap<String, TimeDistribution>,
}

impl WayToShield {
    /// From a region.
    pub fn of(&self, region: &str) -> Option<&TimeDistribution> {
        self.by_region.get(region).or(self.default.as_ref())
    }
}

impl Read for WayToShield {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::Map(_) = &node.value else {
            let default = TimeDistribution::read(node, reader)?;
            return Some(Self { default: Some(default), by_region: BTreeMap::new() });
        };
        let mut by_region = BTreeMap::<String, TimeDistribution>::read(node, reader)?;
        Some(Self { default: by_region.remove("default"), by_region })
    }

    fn shape() -> Shape {
        Shape::Any(vec![TimeDistribution::shape(), Shape::Map(Box::new(TimeDistribution::shape()))])
    }
}

spec! {
    /// Answers that are made smaller: CloudFront compresses what it keeps, once, in each region, and sends it so.
    pub struct Compress, short("to") {
        /// What is left of an answer's size.
        to: Share = default("30%").at_least(0.001);
        /// The classes whose answers can be compressed; left out, all that are kept. Pictures and films are compressed already.
        classes: Vec<Name> = default(EMPTY_LIST).refers(Referent::Class);
        /// Smaller answers are left as they are.
        min: Size = default("1kB");
        /// So are larger ones.
        max: Size = default("10MB");
    }
}
