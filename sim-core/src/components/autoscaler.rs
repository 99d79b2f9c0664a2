//! Autoscalers: how many replicas a server pool has.

use crate::model::cost::Cost;
use crate::model::node::EMPTY_LIST;
use crate::model::spec::{About, Referent};
use crate::model::value::{Count, Name, Share, Time};
use crate::{choices, spec};

spec! {
    /// Changes the number of a server pool's replicas (the Kubernetes horizontal pod autoscaler).
    pub struct AutoscalerSpec, component("autoscaler") {
        /// The server pool.
        target: Name = required.refers(Referent::ServerPool);
        /// The fewest replicas.
        min: Count = default(1).range(0, 100_000);
        /// The most replicas.
        max: Count = required.range(1, 100_000);
        /// Whose rules it follows.
        policy: ScalingPolicy = default("hpa");
        /// What it looks at; left out, CPU at 80%.
        metrics: Vec<Metric> = default(EMPTY_LIST);
        /// How often it looks.
        sync: Time = default("15s").at_least("1ms");
        /// How old the figures are that it sees.
        metrics_lag: Time = default("0s");
        /// How far from the target, as a share of it, it does nothing.
        tolerance: Share = default(0.1);
        /// How fast it may change; left out is not the same as empty (Kubernetes).
        behavior: Behavior = optional;
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        later [
            "rules", "schedule", "cooldown", "nodes", "predict", "initial_readiness_delay", "cpu_initialization_period",
            "overrides",
        ];
        about ABOUT;
    }
}

const ABOUT: About = About {
    imitates: "The Kubernetes horizontal pod autoscaler (`pkg/controller/podautoscaler`), rule by rule, with `behavior` left out or given.",
    leaves_out: &[],
    checked: &[
        "The documented traces of scaling up and down, with and without `behavior`, and those of tolerance and missing metrics.",
    ],
};

choices! {
    /// Whose rules an autoscaler follows.
    pub enum ScalingPolicy {
        /// The Kubernetes horizontal pod autoscaler's.
        Hpa = "hpa";
        later ["target-tracking", "step", "schedule", "predictive", "vertical"];
    }
}

spec! {
    /// What an autoscaler looks at, and where it wants it.
    pub struct Metric {
        /// The use of CPU, as a share of what the replicas request.
        cpu: Share = required.at_least("1%");
        later ["memory", "requests_per_second", "queue_length", "latency", "external"];
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
