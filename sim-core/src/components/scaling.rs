//! What autoscalers look at, and the rules of those that are no Kubernetes autoscaler.

use crate::model::node::{EMPTY_LIST, Node, Value};
use crate::model::spec::{Read, Reader, Referent, Shape};
use crate::model::units;
use crate::model::value::{Cores, Count, Factor, Name, Share, Size, Time};
use crate::{choices, spec};

spec! {
    /// What an autoscaler looks at, and where it wants it: one of these.
    pub struct Metric {
        /// The use of CPU, as a share of what the replicas request.
        cpu: Share = optional.at_least("1%");
        /// The use of memory, as a share of what the replicas request.
        memory: Share = optional.at_least("1%");
        /// Requests that reach each replica, per second.
        requests_per_second: Factor = optional.at_least(0.001);
        /// Those that wait somewhere.
        queue_length: QueueLength = optional;
        /// How long the pool's calls take.
        latency: LatencyTarget = optional;
        /// A figure that comes from elsewhere.
        external: External = optional;
    }
}

impl Metric {
    /// The fields that are given.
    pub fn given(&self) -> Vec<&'static str> {
        let fields = [
            ("cpu", self.cpu.is_some()),
            ("memory", self.memory.is_some()),
            ("requests_per_second", self.requests_per_second.is_some()),
            ("queue_length", self.queue_length.is_some()),
            ("latency", self.latency.is_some()),
            ("external", self.external.is_some()),
        ];
        fields.into_iter().filter(|(_, there)| *there).map(|(field, _)| field).collect()
    }
}

spec! {
    /// Those that wait somewhere, and how many there should be at most: as a whole (`value`) or for each replica (`average`).
    pub struct QueueLength, short("value") {
        /// Where they wait; left out, at the autoscaler's target.
        of: Name = optional.refers(Referent::Callee);
        /// How many for each replica (Kubernetes `AverageValue`).
        average: Factor = optional.at_least(0.001);
        /// How many as a whole (Kubernetes `Value`).
        value: Factor = optional.at_least(0.001);
    }
}

spec! {
    /// How long the pool's calls should take.
    pub struct LatencyTarget, short("target") {
        /// How long.
        target: Time = required.at_least("1us");
        /// Which figure of those that ended since the last look.
        at_percentile: LatencyFigure = default("mean").named("at");
    }
}

choices! {
    /// A figure of latencies.
    pub enum LatencyFigure {
        /// The mean.
        Mean = "mean" | "avg";
        /// Half are faster.
        P50 = "p50";
        /// 90% are faster.
        P90 = "p90";
        /// 95% are faster.
        P95 = "p95";
        /// 99% are faster.
        P99 = "p99";
    }
}

impl LatencyFigure {
    /// The share of calls that are faster; none for the mean.
    pub fn quantile(self) -> Option<f64> {
        match self {
            Self::Mean => None,
            Self::P50 => Some(0.5),
            Self::P90 => Some(0.9),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
        }
    }
}

spec! {
    /// A figure that comes from elsewhere: another component's queue, or a series of known values.
    pub struct External {
        /// The component whose queue it is.
        of: Name = optional.refers(Referent::Callee);
        /// Known values, each from a moment on.
        series: Vec<Known> = default(EMPTY_LIST);
        /// How much for each replica (Kubernetes `AverageValue`).
        average: Factor = optional.at_least(0.000_001);
        /// How much as a whole (Kubernetes `Value`).
        value: Factor = optional.at_least(0.000_001);
    }
}

spec! {
    /// A value from a moment on.
    pub struct Known {
        /// The moment, from the start of the window.
        at_time: Time = required.named("at");
        /// The value.
        value: Factor = required;
    }
}

spec! {
    /// A rule: an alarm on a metric, and what it changes.
    pub struct Rule {
        /// What it watches.
        metric: RuleMetric = required;
        /// Where those wait that `queue_length` counts; left out, at the autoscaler's target.
        of: Name = optional.refers(Referent::Callee);
        /// Which figure of `latency`.
        at_percentile: LatencyFigure = default("mean").named("at");
        /// It acts where the metric is at least this: a share, a time, or a number.
        above: Level = optional;
        /// It acts where the metric is at most this.
        below: Level = optional;
        /// How long the metric must have been there.
        duration: Time = default("0s").named("for");
        /// What it changes: replicas (`+1`), a percentage (`+25%`), or to how many (`=5`).
        change: Adjustment = optional;
        /// What it changes by how far the metric is from the threshold (AWS step adjustments).
        steps: Vec<StepRange> = default(EMPTY_LIST);
        /// The least change of a percentage, in replicas (AWS `MinAdjustmentMagnitude`).
        min_change: Count = default(0).range(0, 100_000);
        /// How long the direction rests after the rule has acted.
        cooldown: Time = default("0s");
    }
}

spec! {
    /// What a rule changes where the metric is so far from its threshold.
    pub struct StepRange {
        /// From how far above the threshold (below it: a negative one); left out, from anywhere.
        lower: Level = optional;
        /// To how far above the threshold; left out, to anywhere.
        upper: Level = optional;
        /// What it changes.
        change: Adjustment = required;
    }
}

choices! {
    /// What a rule watches.
    pub enum RuleMetric {
        /// The use of CPU, as a share of what the replicas request.
        Cpu = "cpu";
        /// The use of memory, as a share of what the replicas request.
        Memory = "memory";
        /// Requests that reach each replica, per second.
        RequestsPerSecond = "requests_per_second" | "requests-per-second";
        /// Those that wait.
        QueueLength = "queue_length" | "queue-length";
        /// How long the pool's calls take.
        Latency = "latency";
    }
}

/// A threshold, or the distance from one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// A share of the whole.
    Share(f64),
    /// A time, in s.
    Time(f64),
    /// A bare number.
    Number(f64),
}

impl Level {
    /// Its figure: a share, seconds, or a number.
    pub fn figure(self) -> f64 {
        match self {
            Self::Share(figure) | Self::Time(figure) | Self::Number(figure) => figure,
        }
    }
}

impl Read for Level {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        const EXPECTED: &str = "a share (\"80%\"), a time (\"500ms\") or a number";
        match &node.value {
            Value::Number(number) => Some(Self::Number(number.value)),
            Value::String(text) => {
                let text = text.trim();
                let (sign, size) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
                let percent = size.strip_suffix('%').and_then(|digits| units::number(digits.trim()).ok());
                let read = percent
                    .map(|percent| Self::Share(sign * percent / 100.0))
                    .or_else(|| units::time(size).ok().map(|ns| Self::Time(sign * ns as f64 / 1e9)))
                    .or_else(|| units::number(size).ok().map(|number| Self::Number(sign * number)));
                if read.is_some() { read } else { reader.unexpected(node, EXPECTED) }
            }
            Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => reader.unexpected(node, EXPECTED),
        }
    }

    fn shape() -> Shape {
        Shape::Any(vec![
            Factor::shape(),
            Shape::Syntax { doc: "a share, a time or a number", pattern: r"^\s*-?[0-9.]+\s*[a-zµ%0-9. ]*$" },
        ])
    }
}

/// A change of the number of replicas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Adjustment {
    /// So many more, or fewer.
    By(i64),
    /// So many percent more, or fewer.
    Percent(f64),
    /// To so many.
    To(u64),
}

impl Read for Adjustment {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        const EXPECTED: &str = "a change, as \"+1\", \"-10%\" or \"=5\"";
        let text = match &node.value {
            Value::Number(number) => number.text.as_str(),
            Value::String(text) => text.trim(),
            Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => "",
        };
        let signed = |text: &str| {
            let (sign, size) = match text.strip_prefix('-') {
                Some(rest) => (-1.0, rest),
                None => (1.0, text.strip_prefix('+').unwrap_or(text)),
            };
            units::number(size.trim()).ok().map(|size| sign * size)
        };
        let read = if let Some(exact) = text.strip_prefix('=') {
            exact.trim().parse().ok().filter(|&count| count <= 100_000).map(Self::To)
        } else if let Some(percent) = text.strip_suffix('%') {
            signed(percent).map(Self::Percent)
        } else {
            signed(text).filter(|by| by.fract() == 0.0 && by.abs() <= 1e5).map(|by| Self::By(by as i64))
        };
        if read.is_some() { read } else { reader.unexpected(node, EXPECTED) }
    }

    fn shape() -> Shape {
        Shape::Any(vec![
            Shape::Syntax { doc: "a change: +1, -10% or =5", pattern: r"^\s*[-+=]?[0-9.]+\s*%?\s*$" },
            Factor::shape(),
        ])
    }
}

spec! {
    /// What a schedule changes at a moment, or again and again.
    pub struct Scheduled {
        /// The moment, from the start of the window.
        at_time: Time = required.named("at");
        /// How often it comes again; left out, once.
        every: Time = optional.at_least("1s");
        /// How many replicas there are to be from then on.
        replicas: Count = required.range(0, 100_000);
    }
}

spec! {
    /// How a predictive autoscaler forecasts.
    pub struct Predict {
        /// By which rule.
        method: Forecast = default("trend");
        /// How far ahead: what it takes until a new replica is ready.
        ahead: Time = default("5m").at_least("1s");
        /// The period after which load repeats itself, for `seasonal`.
        period: Time = default("1d").at_least("1s");
    }
}

choices! {
    /// A forecast's rule.
    pub enum Forecast {
        /// The last level, and its trend (Holt's linear method).
        Trend = "trend";
        /// What it was a period ago (the seasonal naive method).
        Seasonal = "seasonal";
    }
}

spec! {
    /// How long each direction rests after a change.
    pub struct Cooldown {
        /// After growing.
        out: Time = default("300s");
        /// After shrinking.
        inward: Time = default("300s").named("in");
    }
}

spec! {
    /// How many values in a row it takes; AWS does not say, these are what its alarms are seen to have.
    pub struct Datapoints {
        /// Above the target, to grow.
        out: Count = default(3).range(1, 1000);
        /// Below it, to shrink.
        inward: Count = default(15).range(1, 1000).named("in");
    }
}

spec! {
    /// Between what the cores that a replica requests may be; its cores stay as many times that as they are.
    pub struct CoresRange {
        /// The least.
        min: Cores = default("25m").at_least("1m");
        /// The most.
        max: Cores = required.at_least("1m");
    }
}

spec! {
    /// Between what the memory that a replica requests may be; its limit stays as many times that as it is.
    pub struct MemoryRange {
        /// The least.
        min: Size = default("250MiB").at_least("1B");
        /// The most.
        max: Size = required.at_least("1B");
    }
}

spec! {
    /// Machines that replicas run on: a replica waits until one has room for it.
    pub struct Nodes {
        /// How many replicas fit on one.
        per_node: Count = required.range(1, 10_000);
        /// How long a new one takes until it runs replicas.
        provision: crate::model::value::TimeDistribution = default("90s");
        /// The fewest.
        min: Count = default(0).range(0, 100_000);
        /// The most; left out, as many as it takes.
        max: Count = optional.range(1, 100_000);
        /// The most that are ordered at a time.
        step: Count = optional.range(1, 100_000);
        /// How full they are meant to be: more are ordered so that the replicas fill so much of them (ECS target capacity).
        target_capacity: Share = default(1).at_least("1%");
        /// How long one may be empty until it is given back (the Kubernetes cluster autoscaler's default).
        idle: Time = default("10m");
    }
}
