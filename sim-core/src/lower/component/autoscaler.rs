//! Autoscalers: no program, a rule.

use super::super::{Lowering, draw_plan, site};
use crate::components::autoscaler::{AutoscalerSpec, ScalingPolicy, ScalingRule, ScalingRules, Select as SelectSpec};
use crate::components::scaling::{Adjustment, External, Metric, Nodes, Rule, RuleMetric, StepRange};
use crate::plan::*;
use crate::policy::hpa::{self, Behavior, HpaSpec, RateKind, RatePolicy, Rules, Select};
use crate::policy::step_scaling::{self, Change as Adjusted, Step, StepSpec};
use crate::policy::target_tracking::TrackingSpec;

/// What an autoscaler does without metrics: CPU at 80%.
const CPU_DEFAULT: f64 = 0.8;

impl Lowering<'_> {
    pub(crate) fn autoscaler(&mut self, id: u32, name: &str, spec: &AutoscalerSpec) {
        let target = self.id(spec.target.as_str());
        let bounds = (spec.min.0 as u32, spec.max.0 as u32);
        let (metrics, policy) = match spec.policy {
            ScalingPolicy::Hpa => {
                let (metrics, targets) = self.metrics(target, &spec.metrics);
                (metrics, ScalingPlan::Hpa(hpa_spec(spec, targets)))
            }
            ScalingPolicy::Step => {
                let metrics = spec.rules.iter().map(|rule| self.rule_metric(target, rule)).collect();
                (metrics, ScalingPlan::Step(step_spec(spec)))
            }
            ScalingPolicy::TargetTracking => {
                let (metrics, targets) = self.metrics(target, &spec.metrics);
                (metrics, ScalingPlan::Tracking(tracking_spec(spec, &targets)))
            }
            ScalingPolicy::Vertical => {
                let cores = spec.cores.as_ref().map(|range| (range.min.0, range.max.0));
                let memory = spec.memory.as_ref().map(|range| (range.min.0, range.max.0));
                (Vec::new(), ScalingPlan::Vertical(VerticalPlan { cores, memory }))
            }
            ScalingPolicy::Schedule => (Vec::new(), ScalingPlan::Schedule(self.timetable(spec))),
            ScalingPolicy::Predictive => {
                let (metrics, targets) = self.metrics(target, &spec.metrics);
                let plan = PredictivePlan {
                    method: spec.predict.method,
                    ahead_ns: spec.predict.ahead.0,
                    period_ns: spec.predict.period.0,
                    targets: targets.iter().map(figure).collect(),
                };
                (metrics, ScalingPlan::Predictive(plan))
            }
        };
        self.plan.autoscalers.push(AutoscalerPlan {
            component: id,
            target,
            metrics,
            policy,
            bounds,
            sync_ns: spec.sync_ns(),
            lag_ns: spec.metrics_lag.0,
            nodes: spec.nodes.as_ref().map(|nodes| nodes_plan(name, nodes)),
        });
        self.plan_of(id).kind = Kind::Autoscaler(self.plan.autoscalers.len() as u32 - 1);
    }

    /// What the metrics are read from, and where they are wanted.
    fn metrics(&self, target: u32, specs: &[Metric]) -> (Vec<MetricPlan>, Vec<hpa::Metric>) {
        if specs.is_empty() {
            return (vec![MetricPlan::Cpu], vec![hpa::Metric::Cpu { percent: (CPU_DEFAULT * 100.0) as u32 }]);
        }
        specs.iter().map(|spec| self.metric(target, spec)).unzip()
    }

    fn metric(&self, target: u32, spec: &Metric) -> (MetricPlan, hpa::Metric) {
        let of = |name: Option<&crate::model::value::Name>| name.map_or(target, |name| self.id(name.as_str()));
        if let Some(cpu) = spec.cpu {
            let percent = (cpu.0 * 100.0).round() as u32;
            (MetricPlan::Cpu, hpa::Metric::Cpu { percent })
        } else if let Some(memory) = spec.memory {
            (MetricPlan::Memory, hpa::Metric::Utilization { target: memory.0 })
        } else if let Some(rate) = spec.requests_per_second {
            (MetricPlan::Requests, hpa::Metric::PodsAverage { target: rate.0 })
        } else if let Some(queue) = &spec.queue_length {
            (MetricPlan::Queue(of(queue.of.as_ref())), whole(queue.average.map(|a| a.0), queue.value.map(|v| v.0)))
        } else if let Some(latency) = &spec.latency {
            let at = MetricPlan::Latency(latency.at_percentile.quantile());
            (at, hpa::Metric::Value { target: latency.target.0 as f64 / 1e9 })
        } else {
            let external = spec.external.as_ref().expect("validated: each metric is one");
            (self.external(target, external), whole(external.average.map(|a| a.0), external.value.map(|v| v.0)))
        }
    }

    fn external(&self, target: u32, external: &External) -> MetricPlan {
        if let Some(of) = &external.of {
            return MetricPlan::Queue(self.id(of.as_str()));
        }
        let start = self.plan.clock.start;
        let mut series: Vec<(u64, f64)> =
            external.series.iter().map(|known| (start.saturating_add(known.at_time.0), known.value.0)).collect();
        series.sort_by_key(|&(at, _)| at);
        if series.is_empty() { MetricPlan::Queue(target) } else { MetricPlan::Series(series) }
    }

    fn rule_metric(&self, target: u32, rule: &Rule) -> MetricPlan {
        match rule.metric {
            RuleMetric::Cpu => MetricPlan::Cpu,
            RuleMetric::Memory => MetricPlan::Memory,
            RuleMetric::RequestsPerSecond => MetricPlan::Requests,
            RuleMetric::QueueLength => MetricPlan::Queue(rule.of.as_ref().map_or(target, |of| self.id(of.as_str()))),
            RuleMetric::Latency => MetricPlan::Latency(rule.at_percentile.quantile()),
        }
    }

    fn timetable(&self, spec: &AutoscalerSpec) -> Vec<(u64, u64, u32)> {
        let start = self.plan.clock.start;
        let entry = |scheduled: &crate::components::scaling::Scheduled| {
            let again = scheduled.every.map_or(0, |every| every.0);
            (start.saturating_add(scheduled.at_time.0), again, scheduled.replicas.0 as u32)
        };
        spec.schedule.iter().map(entry).collect()
    }
}

/// The target of something that is counted as a whole.
fn whole(average: Option<f64>, value: Option<f64>) -> hpa::Metric {
    match (average, value) {
        (Some(target), _) => hpa::Metric::Average { target },
        (None, target) => hpa::Metric::Value { target: target.expect("validated: one of them is given") },
    }
}

/// A target as a figure: a share, a rate, a number, seconds.
fn figure(metric: &hpa::Metric) -> f64 {
    match *metric {
        hpa::Metric::Cpu { percent } => f64::from(percent) / 100.0,
        hpa::Metric::Utilization { target }
        | hpa::Metric::PodsAverage { target }
        | hpa::Metric::Value { target }
        | hpa::Metric::Average { target } => target,
    }
}

fn nodes_plan(name: &str, nodes: &Nodes) -> NodesPlan {
    NodesPlan {
        per_node: nodes.per_node.0 as u32,
        provision: draw_plan(&nodes.provision.0, site(&[name, "provision"])),
        min: nodes.min.0 as u32,
        max: nodes.max.map_or(u32::MAX, |max| max.0 as u32),
        step: nodes.step.map_or(u32::MAX, |step| step.0 as u32),
        target_capacity: nodes.target_capacity.0,
        idle_ns: nodes.idle.0,
    }
}

fn tracking_spec(spec: &AutoscalerSpec, targets: &[hpa::Metric]) -> TrackingSpec {
    TrackingSpec {
        targets: targets.iter().map(figure).collect(),
        datapoints_out: spec.datapoints.out.0 as u32,
        datapoints_in: spec.datapoints.inward.0 as u32,
        scale_in_below: 0.1,
        shrinks: spec.scale_in,
        cooldown_out_ns: spec.cooldown.out.0,
        cooldown_in_ns: spec.cooldown.inward.0,
        min: spec.min.0 as u32,
        max: spec.max.0 as u32,
    }
}

fn step_spec(spec: &AutoscalerSpec) -> StepSpec {
    let adjusted = |change: Adjustment| match change {
        Adjustment::By(by) => Adjusted::By(by),
        Adjustment::Percent(percent) => Adjusted::Percent(percent),
        Adjustment::To(count) => Adjusted::To(count as u32),
    };
    let step = |range: &StepRange| Step {
        lower: range.lower.map_or(f64::NEG_INFINITY, |level| level.figure()),
        upper: range.upper.map_or(f64::INFINITY, |level| level.figure()),
        change: adjusted(range.change),
    };
    let rule = |(number, rule): (usize, &Rule)| step_scaling::Rule {
        metric: number as u32,
        above: rule.above.is_some(),
        threshold: rule.above.or(rule.below).map_or(0.0, |level| level.figure()),
        for_ns: rule.duration.0,
        steps: match rule.change {
            Some(change) => {
                vec![Step { lower: f64::NEG_INFINITY, upper: f64::INFINITY, change: adjusted(change) }]
            }
            None => rule.steps.iter().map(step).collect(),
        },
        min_change: rule.min_change.0 as u32,
        cooldown_ns: rule.cooldown.0,
    };
    StepSpec {
        rules: spec.rules.iter().enumerate().map(rule).collect(),
        sync_ns: spec.sync_ns(),
        warmup_ns: spec.warmup.0,
        min: spec.min.0 as u32,
        max: spec.max.0 as u32,
    }
}

fn hpa_spec(spec: &AutoscalerSpec, metrics: Vec<hpa::Metric>) -> HpaSpec {
    HpaSpec {
        metrics,
        tolerance: spec.tolerance.0,
        behavior: spec.behavior.as_ref().map(|behavior| {
            let default = Behavior::default();
            Behavior {
                scale_up: rules(behavior.scale_up.as_ref(), default.scale_up),
                scale_down: rules(behavior.scale_down.as_ref(), default.scale_down),
            }
        }),
        cpu_initialization_period_ns: spec.cpu_initialization_period.0,
        initial_readiness_delay_ns: spec.initial_readiness_delay.0,
        ..HpaSpec::new(0, spec.min.0 as u32, spec.max.0 as u32)
    }
}

fn rules(spec: Option<&ScalingRules>, default: Rules) -> Rules {
    let Some(spec) = spec else { return default };
    Rules {
        window_ns: spec.window.map_or(default.window_ns, |window| window.0),
        policies: spec.policies.as_ref().map_or(default.policies, |list| list.iter().map(rate_policy).collect()),
        select: match spec.select {
            SelectSpec::Max => Select::Max,
            SelectSpec::Min => Select::Min,
            SelectSpec::Disabled => Select::Disabled,
        },
        tolerance: spec.tolerance.map(|share| share.0),
    }
}

fn rate_policy(rule: &ScalingRule) -> RatePolicy {
    let (kind, value) = match (rule.percent, rule.pods) {
        (Some(percent), _) => (RateKind::Percent, percent.0),
        (None, pods) => (RateKind::Pods, pods.map_or(0, |pods| pods.0)),
    };
    RatePolicy { kind, value: value as u32, period_ns: rule.per.0 }
}
