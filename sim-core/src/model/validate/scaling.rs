//! Autoscalers: whether they say all that their policy needs.

use crate::components::Component;
use crate::components::autoscaler::{AutoscalerSpec, ScalingPolicy};
use crate::components::scaling::{Adjustment, Level, Metric, Rule, RuleMetric};
use crate::components::server_pool::Scheduling;
use crate::model::diagnostic::Diagnostics;
use crate::model::draft::Draft;
use crate::model::spec::Place;

/// Checks an autoscaler.
pub fn check(draft: &Draft, spec: &AutoscalerSpec, diagnostics: &mut Diagnostics) {
    if spec.min > spec.max {
        let found = format!("min {} is above max {}", spec.min.0, spec.max.0);
        diagnostics.push(spec.at.field("min").error(found).expected("min of at most max"));
    }
    let rules = spec.behavior.iter().flat_map(|behavior| [&behavior.scale_up, &behavior.scale_down]).flatten();
    for rule in rules.flat_map(|rules| rules.policies.iter().flatten()) {
        if rule.percent.is_some() == rule.pods.is_some() {
            let found = if rule.pods.is_some() { "found percent and pods" } else { "found neither percent nor pods" };
            diagnostics.push(rule.at.error(found).expected("one of them"));
        }
    }
    for metric in &spec.metrics {
        check_metric(draft, spec, metric, diagnostics);
    }
    for rule in &spec.rules {
        check_rule(draft, spec, rule, diagnostics);
    }
    needs(spec, diagnostics);
    if spec.policy == ScalingPolicy::Vertical {
        vertical(draft, spec, diagnostics);
    } else if !spec.at.has("max") {
        diagnostics.push(spec.at.error("`max` is missing").help("the most replicas"));
    }
    ignored(spec, diagnostics);
}

fn check_metric(draft: &Draft, spec: &AutoscalerSpec, metric: &Metric, diagnostics: &mut Diagnostics) {
    match metric.given().as_slice() {
        [_] => {}
        [] => diagnostics.push(metric.at.error("the metric is empty").expected("one, as { \"cpu\": \"70%\" }")),
        [first, second, ..] => {
            let found = format!("found `{first}` and `{second}`");
            diagnostics.push(metric.at.error(found).expected("one for each entry of `metrics`"));
        }
    }
    if metric.memory.is_some() {
        needs_memory(draft, spec, &metric.at, diagnostics);
    }
    let of = [
        metric.queue_length.as_ref().map(|queue| (&queue.at, queue.average, queue.value)),
        metric.external.as_ref().map(|external| (&external.at, external.average, external.value)),
    ];
    for (at, average, value) in of.into_iter().flatten() {
        if average.is_some() == value.is_some() {
            let found =
                if value.is_some() { "found `average` and `value`" } else { "found neither `average` nor `value`" };
            diagnostics.push(at.error(found).expected("one of them"));
        }
    }
    if let Some(external) = &metric.external
        && external.of.is_some() != external.series.is_empty()
    {
        let found = if external.of.is_some() { "found `of` and `series`" } else { "found neither `of` nor `series`" };
        diagnostics.push(external.at.error(found).expected("one of them"));
    }
}

fn needs_memory(draft: &Draft, spec: &AutoscalerSpec, at: &Place, diagnostics: &mut Diagnostics) {
    let Some(Component::ServerPool(pool)) = draft.components.get(spec.target.as_str()) else { return };
    let known = pool.memory.as_ref().is_some_and(|memory| memory.limit.is_some() || memory.request.is_some());
    if !known {
        let found = format!("{} does not say what memory it has", spec.target);
        diagnostics.push(at.error(found).help("give it a `memory` with a `limit` or a `request`"));
    }
}

fn check_rule(draft: &Draft, spec: &AutoscalerSpec, rule: &Rule, diagnostics: &mut Diagnostics) {
    match (rule.above, rule.below) {
        (Some(_), Some(_)) => {
            diagnostics.push(rule.at.error("found `above` and `below`").expected("one of them, and a rule for each"));
        }
        (None, None) => diagnostics.push(rule.at.error("found neither `above` nor `below`").expected("one of them")),
        (Some(level), None) => check_level(rule, "above", level, diagnostics),
        (None, Some(level)) => check_level(rule, "below", level, diagnostics),
    }
    for step in &rule.steps {
        for level in [step.lower, step.upper].into_iter().flatten() {
            check_level(rule, "steps", level, diagnostics);
        }
    }
    if rule.change.is_some() != rule.steps.is_empty() {
        let found =
            if rule.change.is_some() { "found `change` and `steps`" } else { "found neither `change` nor `steps`" };
        diagnostics.push(rule.at.error(found).expected("one of them"));
    }
    let adds = |change: Adjustment| match change {
        Adjustment::By(by) => by as f64,
        Adjustment::Percent(percent) => percent,
        Adjustment::To(_) => f64::NAN,
    };
    let wrong = match (rule.above.is_some(), rule.change.map(adds)) {
        (true, Some(by)) if by < 0.0 && rule.metric != RuleMetric::Latency => {
            Some("it takes replicas away where the metric is high")
        }
        (false, Some(by)) if by > 0.0 && rule.below.is_some() => Some("it adds replicas where the metric is low"),
        (_, Some(0.0)) => Some("it changes nothing"),
        (_, Some(_) | None) => None,
    };
    if let Some(wrong) = wrong {
        diagnostics.push(rule.at.field("change").warning(wrong));
    }
    if rule.metric != RuleMetric::QueueLength && rule.of.is_some() {
        let found = format!("`of` has no effect: the metric is {}", rule.metric);
        diagnostics.push(rule.at.field("of").warning(found));
    }
    if rule.metric == RuleMetric::Memory {
        needs_memory(draft, spec, &rule.at, diagnostics);
    }
}

fn check_level(rule: &Rule, field: &str, level: Level, diagnostics: &mut Diagnostics) {
    // No distance is none in every unit.
    if level == Level::Number(0.0) {
        return;
    }
    let (fits, expected) = match rule.metric {
        RuleMetric::Cpu | RuleMetric::Memory => (
            match level {
                Level::Share(_) => true,
                Level::Number(number) => number.abs() <= 1.0,
                Level::Time(_) => false,
            },
            "a share, as \"80%\"",
        ),
        RuleMetric::RequestsPerSecond => (matches!(level, Level::Number(_)), "a number of requests per second"),
        RuleMetric::QueueLength => (matches!(level, Level::Number(_)), "a number"),
        RuleMetric::Latency => (matches!(level, Level::Time(_)), "a time, as \"500ms\""),
    };
    if !fits {
        let found = format!("it is no threshold of {}", rule.metric);
        diagnostics.push(rule.at.field(field).error(found).expected(expected));
    }
}

/// What the policy can't do without.
fn needs(spec: &AutoscalerSpec, diagnostics: &mut Diagnostics) {
    let missing = match spec.policy {
        ScalingPolicy::Step if spec.rules.is_empty() => Some(("rules", "what changes when")),
        ScalingPolicy::Vertical if spec.cores.is_none() && spec.memory.is_none() => {
            Some(("cores", "between what the cores of a replica may be; or `memory`"))
        }
        ScalingPolicy::Schedule if spec.schedule.is_empty() => Some(("schedule", "how many replicas there are when")),
        ScalingPolicy::Hpa
        | ScalingPolicy::TargetTracking
        | ScalingPolicy::Step
        | ScalingPolicy::Schedule
        | ScalingPolicy::Vertical
        | ScalingPolicy::Predictive => None,
    };
    if let Some((field, help)) = missing {
        diagnostics.push(spec.at.error(format!("`{field}` is missing")).help(help));
    }
}

/// What vertical scaling needs of its target.
fn vertical(draft: &Draft, spec: &AutoscalerSpec, diagnostics: &mut Diagnostics) {
    for field in ["min", "max", "nodes"] {
        if spec.at.has(field) {
            let found =
                format!("`{field}` has no effect: the policy is vertical, which leaves the number of replicas alone");
            diagnostics.push(spec.at.field(field).warning(found));
        }
    }
    let Some(Component::ServerPool(pool)) = draft.components.get(spec.target.as_str()) else { return };
    if spec.cores.is_some() && pool.scheduling != Scheduling::Sharing {
        let found = format!("the cores of {} are not shared, so they can't change", spec.target);
        diagnostics.push(spec.at.field("cores").error(found).expected("`scheduling` of sharing"));
    }
    if spec.memory.is_some() {
        needs_memory(draft, spec, &spec.at.field("memory"), diagnostics);
    }
    if pool.replicas.0 < 2 {
        let found = "it changes nothing: pods are only evicted where there are at least two";
        diagnostics.push(spec.target.at.warning(found));
    }
}

/// What the policy does not look at.
fn ignored(spec: &AutoscalerSpec, diagnostics: &mut Diagnostics) {
    const HPA: &[ScalingPolicy] = &[ScalingPolicy::Hpa];
    const TRACKING: &[ScalingPolicy] = &[ScalingPolicy::TargetTracking];
    const BY_METRIC: &[ScalingPolicy] = &[ScalingPolicy::Hpa, ScalingPolicy::TargetTracking, ScalingPolicy::Predictive];
    let fields = [
        ("metrics", BY_METRIC),
        ("behavior", HPA),
        ("tolerance", HPA),
        ("cpu_initialization_period", HPA),
        ("initial_readiness_delay", HPA),
        ("cooldown", TRACKING),
        ("datapoints", TRACKING),
        ("scale_in", TRACKING),
        ("rules", &[ScalingPolicy::Step]),
        ("warmup", &[ScalingPolicy::Step]),
        ("schedule", &[ScalingPolicy::Schedule]),
        ("predict", &[ScalingPolicy::Predictive]),
        ("cores", &[ScalingPolicy::Vertical]),
        ("memory", &[ScalingPolicy::Vertical]),
    ];
    for (field, policies) in fields {
        if spec.at.has(field) && !policies.contains(&spec.policy) {
            let found = format!("`{field}` has no effect: the policy is {}", spec.policy);
            diagnostics.push(spec.at.field(field).warning(found));
        }
    }
}
