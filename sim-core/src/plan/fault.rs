//! Faults.

use super::{DrawPlan, InstanceRef};
use crate::workload::sampler::Sampler;

/// What fails, and how; one for each target of a fault.
#[derive(Debug, Clone)]
pub struct FaultPlan {
    /// The component.
    pub component: u32,
    /// Which instance; `None`: all.
    pub instance: Option<InstanceRef>,
    /// How.
    pub effect: Effect,
    /// When, if it comes again and again: the times between failures, and to repair.
    pub chance: Option<Chance>,
    /// What the report calls it: `crash of web[0]`.
    pub name: String,
}

/// Failures that come by chance.
#[derive(Debug, Clone)]
pub struct Chance {
    /// From the end of one to the next.
    pub between: Sampler,
    /// How long each lasts.
    pub repair: Sampler,
    /// The name of the stream that both are drawn from.
    pub stream: String,
}

/// What a fault does to its target.
#[derive(Debug, Clone)]
pub enum Effect {
    /// It dies, and everything in it.
    Crash,
    /// It takes so many times as long.
    Slow(f64),
    /// This share of calls fails after its work.
    ErrorRate(f64),
    /// It forgets everything.
    Flush,
    /// It works on nothing.
    Stall,
    /// Its callers' messages take another way.
    Link(LinkEffect),
}

/// What a fault does to messages.
#[derive(Debug, Clone)]
pub struct LinkEffect {
    /// Whose calls: components or their instances; none: everyone's.
    pub from: Vec<(u32, Option<InstanceRef>)>,
    /// What happens to them.
    pub does: LinkFault,
}

/// What happens to messages.
#[derive(Debug, Clone)]
pub enum LinkFault {
    /// They take longer: a draw for a call, half of it each way.
    Later(DrawPlan),
    /// This share is lost.
    Lossy(f64, u64),
    /// None gets through.
    Cut,
}
