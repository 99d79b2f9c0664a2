//! Faults: events with an end, once at a moment or again and again.

use super::address::Address;
use super::node::{Node, Value};
use super::spec::{Choice, Read, Reader, Shape, wrong_word};
use super::value::{Factor, OneOrMany, Share, Text, Time, TimeDistribution};
use crate::spec;

spec! {
    /// A failure with an end: once (`at` and `for`), or again and again (`mtbf` and `mttr`).
    pub struct Fault {
        /// When it begins, from the start of the window.
        at_time: Time = optional.named("at");
        /// How long it lasts.
        duration: Time = optional.named("for").at_least("1ns");
        /// The mean time between the end of one failure and the next, from the start of the window; a bare time is the mean of an exponential.
        mtbf: TimeDistribution = optional;
        /// The mean time to repair; a bare time is the mean of an exponential.
        mttr: TimeDistribution = optional;
        /// What fails: components or instances. With `mtbf` each instance fails by itself.
        target: OneOrMany<Address> = optional;
        /// How it fails.
        kind: FaultKind = required;
        /// How many times slower, for `slow`.
        factor: Factor = optional.range(1, 1_000_000);
        /// The share of calls that fail after their work, for `error-rate`.
        error_rate: Share = optional;
        /// How much longer a call is on the wire there and back, for `latency`.
        latency: TimeDistribution = optional;
        /// The share of messages that are lost, for `loss`.
        share: Share = optional;
        /// Whose calls a `partition` cuts off; left out, everyone's.
        from: OneOrMany<Address> = optional;
        /// From what a `partition` cuts them off.
        to: OneOrMany<Address> = optional;
        /// The zone of a `zone-outage`: all replicas there crash, of the targets or of all pools that have such a zone.
        zone: Text = optional;
    }
}

/// How something fails. What stands in the fault's own fields instead is `None` here; see [`Fault::share_of`],
/// [`Fault::slow_factor`] and [`Fault::added_latency`].
#[derive(Debug, Clone, PartialEq)]
pub enum FaultKind {
    /// All in flight and queued fail at once; it comes back after its `startup`, cold.
    Crash,
    /// Everything takes longer by a factor.
    Slow {
        /// How many times longer.
        factor: Option<Factor>,
    },
    /// A share of calls fails after its work.
    ErrorRate {
        /// Which share, besides those that fail anyway.
        share: Option<Share>,
    },
    /// Calls are longer on the wire.
    Latency {
        /// How much, there and back.
        added: Option<TimeDistribution>,
    },
    /// Messages are lost, and sent again.
    Loss {
        /// Which share, besides those that are lost anyway.
        share: Option<Share>,
    },
    /// Nothing gets through; what is sent again after its end does.
    Partition {
        /// Whose calls.
        from: Option<OneOrMany<Address>>,
        /// To what.
        to: Option<OneOrMany<Address>>,
    },
    /// A cache forgets everything, at its beginning.
    Flush,
    /// Nothing is worked on; then it goes on.
    Stall,
    /// All replicas in a zone crash.
    ZoneOutage {
        /// Which zone.
        zone: Option<Text>,
    },
}

const KINDS: [&str; 9] =
    ["crash", "slow", "error-rate", "latency", "loss", "partition", "flush", "stall", "zone-outage"];

impl FaultKind {
    /// Its word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Slow { .. } => "slow",
            Self::ErrorRate { .. } => "error-rate",
            Self::Latency { .. } => "latency",
            Self::Loss { .. } => "loss",
            Self::Partition { .. } => "partition",
            Self::Flush => "flush",
            Self::Stall => "stall",
            Self::ZoneOutage { .. } => "zone-outage",
        }
    }

    /// Whether it is of the calls to something, rather than of the thing itself.
    pub fn is_of_links(&self) -> bool {
        match self {
            Self::Latency { .. } | Self::Loss { .. } | Self::Partition { .. } => true,
            Self::Crash
            | Self::Slow { .. }
            | Self::ErrorRate { .. }
            | Self::Flush
            | Self::Stall
            | Self::ZoneOutage { .. } => false,
        }
    }
}

impl Fault {
    /// How many times slower it makes things; 1 where it is no `slow`.
    pub fn slow_factor(&self) -> f64 {
        let FaultKind::Slow { factor } = &self.kind else { return 1.0 };
        factor.or(self.factor).map_or(1.0, |factor| factor.0)
    }

    /// The share that it is about; 0 where it is about none.
    pub fn share_of(&self) -> f64 {
        let share = match &self.kind {
            FaultKind::ErrorRate { share } => share.or(self.error_rate),
            FaultKind::Loss { share } => share.or(self.share),
            FaultKind::Crash
            | FaultKind::Slow { .. }
            | FaultKind::Latency { .. }
            | FaultKind::Partition { .. }
            | FaultKind::Flush
            | FaultKind::Stall
            | FaultKind::ZoneOutage { .. } => None,
        };
        share.map_or(0.0, |share| share.0)
    }

    /// The time that it adds to calls.
    pub fn added_latency(&self) -> Option<&TimeDistribution> {
        let FaultKind::Latency { added } = &self.kind else { return None };
        added.as_ref().or(self.latency.as_ref())
    }

    /// What fails: its targets, or what a partition cuts off.
    pub fn targets(&self) -> &[Address] {
        let inner =
            if let FaultKind::Partition { to, .. } = &self.kind { to.as_ref().or(self.to.as_ref()) } else { None };
        inner.or(self.target.as_ref()).map_or(&[], |targets| &targets.0)
    }

    /// Whose calls a partition cuts off; none: everyone's.
    pub fn callers(&self) -> &[Address] {
        let inner = if let FaultKind::Partition { from, .. } = &self.kind { from.as_ref() } else { None };
        inner.or(self.from.as_ref()).map_or(&[], |callers| &callers.0)
    }

    /// The zone that is out.
    pub fn zone_out(&self) -> Option<&str> {
        let FaultKind::ZoneOutage { zone } = &self.kind else { return None };
        zone.as_ref().or(self.zone.as_ref()).map(|zone| zone.0.as_str())
    }

    /// Whether it comes again and again.
    pub fn is_random(&self) -> bool {
        self.mtbf.is_some()
    }
}

spec! {
    /// What `slow` needs.
    pub struct SlowKind, short("factor") {
        /// How many times slower.
        factor: Factor = required.range(1, 1_000_000);
    }
}

spec! {
    /// What `error-rate` and `loss` need.
    pub struct ShareKind, short("share") {
        /// The share of calls, or of messages.
        share: Share = required;
    }
}

spec! {
    /// What `latency` needs.
    pub struct LatencyKind, short("added") {
        /// How much longer a call is on the wire, there and back.
        added: TimeDistribution = required;
    }
}

spec! {
    /// What `partition` needs.
    pub struct PartitionKind {
        /// Whose calls are cut off; left out, everyone's.
        from: OneOrMany<Address> = optional;
        /// From what they are cut off.
        to: OneOrMany<Address> = required;
    }
}

impl Read for FaultKind {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let (word, inner) = match &node.value {
            Value::String(word) => (word.as_str(), None),
            Value::Map(entries) if entries.len() == 1 => (entries[0].0.as_str(), Some(&entries[0].1)),
            Value::Map(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) => {
                return reader.unexpected(node, super::spec::in_a_row(KINDS.into_iter()));
            }
        };
        match (word, inner) {
            ("crash", None) => Some(Self::Crash),
            ("flush", None) => Some(Self::Flush),
            ("stall", None) => Some(Self::Stall),
            ("zone-outage" | "zone outage", None) => Some(Self::ZoneOutage { zone: None }),
            ("zone-outage" | "zone outage", Some(inner)) => {
                Text::read(inner, reader).map(|zone| Self::ZoneOutage { zone: Some(zone) })
            }
            ("slow", None) => Some(Self::Slow { factor: None }),
            ("slow", Some(inner)) => SlowKind::read(inner, reader).map(|slow| Self::Slow { factor: Some(slow.factor) }),
            ("error-rate", None) => Some(Self::ErrorRate { share: None }),
            ("error-rate", Some(inner)) => {
                ShareKind::read(inner, reader).map(|kind| Self::ErrorRate { share: Some(kind.share) })
            }
            ("loss", None) => Some(Self::Loss { share: None }),
            ("loss", Some(inner)) => ShareKind::read(inner, reader).map(|kind| Self::Loss { share: Some(kind.share) }),
            ("latency", None) => Some(Self::Latency { added: None }),
            ("latency", Some(inner)) => {
                LatencyKind::read(inner, reader).map(|kind| Self::Latency { added: Some(kind.added) })
            }
            ("partition", None) => Some(Self::Partition { from: None, to: None }),
            ("partition", Some(inner)) => {
                PartitionKind::read(inner, reader).map(|kind| Self::Partition { from: kind.from, to: Some(kind.to) })
            }
            (wrong, _) => wrong_word(node, reader, wrong, &KINDS),
        }
    }

    fn shape() -> Shape {
        let choice = |word, doc| Choice { word, doc };
        Shape::Any(vec![
            Shape::Choice(vec![
                choice("crash", "all in flight and queued fail at once; it comes back after its startup, cold"),
                choice("slow", "everything takes longer by `factor`"),
                choice("error-rate", "a share of calls (`error_rate`) fails after its work"),
                choice("latency", "calls are longer on the wire by `latency`"),
                choice("loss", "a share of messages (`share`) is lost, and sent again"),
                choice("partition", "nothing gets through `from` some `to` others"),
                choice("flush", "a cache forgets everything, at the beginning"),
                choice("stall", "nothing is worked on; then it goes on"),
                choice("zone-outage", "all replicas in a `zone` crash"),
            ]),
            Shape::Map(Box::new(Shape::Any(vec![
                SlowKind::shape(),
                ShareKind::shape(),
                LatencyKind::shape(),
                PartitionKind::shape(),
                Text::shape(),
            ]))),
        ])
    }
}
