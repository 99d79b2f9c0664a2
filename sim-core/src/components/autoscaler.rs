//! Autoscalers: how many replicas a server pool has.

use super::scaling::{Cooldown, CoresRange, Datapoints, MemoryRange, Metric, Nodes, Predict, Rule, Scheduled};
use crate::components::{LeftOut, Nature, Outgoing, Part, rested_on, sentences};
use crate::lower::Lowering;
use crate::model::cost::Cost;
use crate::model::node::{EMPTY_LIST, EMPTY_MAP};
use crate::model::spec::{About, Referent};
use crate::model::validate::{Check, check_scaling};
use crate::model::value::{Count, Name, Share, Time};
use crate::{choices, spec};

spec! {
    /// Changes the number of a server pool's replicas. Where a pool has several, the one that wants most decides.
    pub struct AutoscalerSpec, component("autoscaler") {
        /// The server pool.
        target: Name = required.refers(Referent::ServerPool);
        /// The fewest replicas.
        min: Count = default(1).range(0, 100_000);
        /// The most replicas; only `vertical` does without.
        max: Count = default(100_000).range(1, 100_000);
        /// Whose rules it follows.
        policy: ScalingPolicy = default("hpa");
        /// What it looks at; left out, CPU at 80%.
        metrics: Vec<Metric> = default(EMPTY_LIST);
        /// What it does when, for the policy `step`.
        rules: Vec<Rule> = default(EMPTY_LIST);
        /// How many there are when, for the policy `schedule`.
        schedule: Vec<Scheduled> = default(EMPTY_LIST);
        /// How it forecasts, for the policy `predictive`.
        predict: Predict = default(EMPTY_MAP);
        /// How often it looks; left out, each 15s (`hpa`) or each minute.
        sync: Time = optional.at_least("1ms");
        /// How old the figures are that it sees.
        metrics_lag: Time = default("0s");
        /// How far from the target, as a share of it, it does nothing.
        tolerance: Share = default(0.1);
        /// How fast it may change; left out is not the same as empty (Kubernetes).
        behavior: Behavior = optional;
        /// How long after its start a pod's CPU counts only if it is of after its readiness (`hpa`).
        cpu_initialization_period: Time = default("5m");
        /// How soon after its start a pod that is not ready never was (`hpa`).
        initial_readiness_delay: Time = default("30s");
        /// How long it rests after a change, for `target-tracking`.
        cooldown: Cooldown = default(EMPTY_MAP);
        /// How many values in a row a change takes, for `target-tracking`.
        datapoints: Datapoints = default(EMPTY_MAP);
        /// Whether it shrinks at all, for `target-tracking`.
        scale_in: bool = default(true);
        /// How long new replicas warm up, for `step`: until then nothing shrinks.
        warmup: Time = default("0s");
        /// Between what the cores that a replica requests may be, for `vertical`.
        cores: CoresRange = optional;
        /// Between what the memory that a replica requests may be, for `vertical`.
        memory: MemoryRange = optional;
        /// What the replicas run on; left out, there is always room.
        nodes: Nodes = optional;
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        about ABOUT;
    }
}

const LEAVES_OUT: [LeftOut<AutoscalerSpec>; 2] = [
    (|scaler| scaler.nodes.is_none(), "New replicas always find a machine to run on: leans towards too fast."),
    (
        |scaler| scaler.policy == ScalingPolicy::TargetTracking,
        "Target tracking shrinks at once to what the metric asks for, where AWS does it more gradually and does not say how: leans towards too few replicas.",
    ),
];

const ABOUT: About = About {
    imitates: "The Kubernetes horizontal pod autoscaler (`pkg/controller/podautoscaler`), rule by rule, with `behavior` left out or given; AWS target tracking and step scaling; the Kubernetes vertical pod autoscaler.",
    leaves_out: &sentences(&LEAVES_OUT),
    checked: &[
        "The documented traces of scaling up and down, with and without `behavior`, and those of tolerance and missing metrics.",
    ],
};

impl Part for AutoscalerSpec {
    fn check(&self, _: &str, check: &mut Check) {
        check_scaling(check.draft, self, check.diagnostics);
    }

    fn nature() -> Nature {
        Nature { called: false, ..Nature::CALLED }
    }

    fn links(&self) -> Vec<Outgoing<'_>> {
        vec![Outgoing { to: &self.target, link: None, note: None, steers: true }]
    }

    fn lower(&self, id: u32, name: &str, lowering: &mut Lowering) {
        lowering.autoscaler(id, name, self);
    }

    fn assumptions(&self) -> Vec<&'static str> {
        rested_on(&LEAVES_OUT, self)
    }

    fn facts(&self) -> Vec<String> {
        vec![format!("{}, {} to {}", self.policy.word(), self.min.0, self.max.0)]
    }
}

impl AutoscalerSpec {
    /// How often it looks, ns.
    pub fn sync_ns(&self) -> u64 {
        self.sync.map_or(if self.policy == ScalingPolicy::Hpa { 15 } else { 60 } * 1_000_000_000, |sync| sync.0)
    }
}

choices! {
    /// Whose rules an autoscaler follows.
    pub enum ScalingPolicy {
        /// The Kubernetes horizontal pod autoscaler's.
        Hpa = "hpa";
        /// Those of AWS target tracking.
        TargetTracking = "target-tracking";
        /// Those of AWS step scaling, and of any rules of this form.
        Step = "step";
        /// A timetable's.
        Schedule = "schedule";
        /// A forecast's: what the load will be when a new replica is ready.
        Predictive = "predictive";
        /// The Kubernetes vertical pod autoscaler's: replicas get other cores and memory, not other numbers.
        Vertical = "vertical";
    }
}

spec! {
    /// How fast the number of replicas may change.
    pub struct Behavior {
        /// Upwards.
        scale_up: ScalingRules = optional;
        /// Downwards.
        scale_down: ScalingRules = optional;
    }
}

spec! {
    /// How fast the number of replicas may change in one direction; what is left out is Kubernetes' default.
    pub struct ScalingRules {
        /// How far back recommendations count: the least of them upwards, the greatest downwards.
        window: Time = optional;
        /// How much may change in how much time.
        policies: Vec<ScalingRule> = optional;
        /// Which of several policies holds.
        select: Select = default("max");
        /// Like the autoscaler's, for this direction alone.
        tolerance: Share = optional;
    }
}

spec! {
    /// How much may change in how much time: a percentage or a number of pods.
    pub struct ScalingRule {
        /// In percent of the replicas at the start of the period.
        percent: Percent = optional;
        /// In replicas.
        pods: Count = optional.range(1, 100_000);
        /// The period.
        per: Time = required.range("1s", "30m");
    }
}

choices! {
    /// Which of several policies holds.
    pub enum Select {
        /// The one that changes most.
        Max = "max";
        /// The one that changes least.
        Min = "min";
        /// No change in this direction.
        Disabled = "disabled";
    }
}

/// A whole number of percent, of which more than 100 is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(pub u64);

impl crate::model::spec::Read for Percent {
    fn read(node: &crate::model::node::Node, reader: &mut crate::model::spec::Reader) -> Option<Self> {
        const EXPECTED: &str = "a whole percentage between 1 and 100000, as 100 or \"100%\"";
        let text = match &node.value {
            crate::model::node::Value::String(text) => text.trim().strip_suffix('%').map(str::trim).unwrap_or_default(),
            crate::model::node::Value::Number(number) => number.text.as_str(),
            crate::model::node::Value::Null
            | crate::model::node::Value::Bool(_)
            | crate::model::node::Value::List(_)
            | crate::model::node::Value::Map(_) => "",
        };
        match text.parse::<u64>() {
            Ok(percent) if (1..=100_000).contains(&percent) => Some(Self(percent)),
            Ok(_) | Err(_) => reader.unexpected(node, EXPECTED),
        }
    }

    fn shape() -> crate::model::spec::Shape {
        crate::model::spec::Shape::Any(vec![
            Count::shape(),
            crate::model::spec::Shape::Syntax { doc: "a percentage", pattern: r"^\s*[0-9]+\s*%\s*$" },
        ])
    }
}
