//! Kubernetes' Horizontal Pod Autoscaler.
//!
//! Follows kubernetes/kubernetes `pkg/controller/podautoscaler/{horizontal,replica_calculator}.go` and the defaults of
//! `pkg/apis/autoscaling/v2/defaults.go`: the ratio of sums in whole percent, the closed tolerance interval, what is
//! assumed of unready and missing pods, and then either the legacy path (no `behavior`: at most max(2 × current, 4), the
//! largest recommendation of the last 5 minutes) or stabilisation windows and rate policies.

#[cfg(test)]
mod tests;
#[cfg(test)]
mod twin;

const S: u64 = 1_000_000_000;

/// A pod as the controller sees it at a sync.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pod {
    /// Where it is in its life.
    pub phase: Phase,
    /// When it started, in ns.
    pub started_ns: i64,
    /// Whether it is ready.
    pub ready: bool,
    /// When `ready` last changed, in ns (its start, where it never did).
    pub ready_changed_ns: i64,
    /// The newest sample of its CPU use; none is a missing metric.
    pub sample: Option<Sample>,
    /// What it requests, in thousandths of a core.
    pub request_millicores: u32,
}

/// Where a pod is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Created, not yet running: unready.
    Pending,
    /// Running, ready or not.
    Running,
    /// Deleted or failed: ignored.
    Leaving,
}

/// A sample of a pod's CPU use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Mean use over the window, in thousandths of a core.
    pub usage_millicores: u64,
    /// The window's end, in ns.
    pub at_ns: i64,
    /// The window's length, in ns.
    pub window_ns: u64,
}

/// What an autoscaler looks at, and where it wants it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric {
    /// CPU of the pods, in percent of what they request.
    Cpu {
        /// The target.
        percent: u32,
    },
    /// Another resource of the pods, as a share of what they request: memory.
    Utilization {
        /// The target, a share.
        target: f64,
    },
    /// Anything else that each pod has, on average.
    PodsAverage {
        /// The target.
        target: f64,
    },
    /// Something else as a whole (`Value`).
    Value {
        /// The target.
        target: f64,
    },
    /// Something else, divided among the replicas (`AverageValue`).
    Average {
        /// The target of each.
        target: f64,
    },
}

/// What the autoscaler is to do.
#[derive(Debug, Clone, PartialEq)]
pub struct HpaSpec {
    /// What it looks at.
    pub metrics: Vec<Metric>,
    /// Fewest replicas.
    pub min: u32,
    /// Most replicas.
    pub max: u32,
    /// How far from 1 the ratio of use to target may be without effect; 0.1 by default.
    pub tolerance: f64,
    /// Rules for both directions. Absent is not the same as present with defaults.
    pub behavior: Option<Behavior>,
    /// Without `behavior`: how long the largest recommendation holds, in ns; 5 minutes by default.
    pub downscale_stabilization_ns: u64,
    /// After its start, how long a pod's samples count only if they are of its readiness, in ns; 5 minutes by default.
    pub cpu_initialization_period_ns: u64,
    /// How soon after its start an unready pod's last change means that it never was ready, in ns; 30 s by default.
    pub initial_readiness_delay_ns: u64,
}

impl HpaSpec {
    /// With Kubernetes' defaults for all else.
    #[must_use]
    pub fn new(target_percent: u32, min: u32, max: u32) -> Self {
        Self {
            metrics: vec![Metric::Cpu { percent: target_percent }],
            min,
            max,
            tolerance: 0.1,
            behavior: None,
            downscale_stabilization_ns: 300 * S,
            cpu_initialization_period_ns: 300 * S,
            initial_readiness_delay_ns: 30 * S,
        }
    }
}

/// Rules for scaling up and down. [`Default`] is what Kubernetes fills in for `behavior: {}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Behavior {
    /// By default no window, and the larger of 4 pods and 100% per 15 s.
    pub scale_up: Rules,
    /// By default a window of 5 minutes, and 100% per 15 s.
    pub scale_down: Rules,
}

impl Default for Behavior {
    fn default() -> Self {
        let policy = |kind, value| RatePolicy { kind, value, period_ns: 15 * S };
        let rules = |window_ns, policies| Rules { window_ns, policies, select: Select::Max, tolerance: None };
        Self {
            scale_up: rules(0, vec![policy(RateKind::Pods, 4), policy(RateKind::Percent, 100)]),
            scale_down: rules(300 * S, vec![policy(RateKind::Percent, 100)]),
        }
    }
}

/// Rules for one direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Stabilisation: up by the least, down by the largest recommendation of so long, in ns.
    pub window_ns: u64,
    /// How fast the count may change.
    pub policies: Vec<RatePolicy>,
    /// Which of the policies counts.
    pub select: Select,
    /// Tolerance in this direction, instead of the autoscaler's.
    pub tolerance: Option<f64>,
}

/// So many pods or percent within a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RatePolicy {
    /// Pods or percent.
    pub kind: RateKind,
    /// How many of them.
    pub value: u32,
    /// Within so long, in ns.
    pub period_ns: u64,
}

/// What a rate policy counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateKind {
    /// Replicas.
    Pods,
    /// Percent of the replicas at the start of the period.
    Percent,
}

/// Which of several rate policies counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// The one that allows the largest change.
    Max,
    /// The one that allows the smallest change.
    Min,
    /// None: no change in this direction.
    Disabled,
}

/// What an autoscaler remembers from sync to sync.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HpaState {
    recommendations: Vec<(i64, u32)>,
    ups: Vec<Change>,
    downs: Vec<Change>,
}

/// A change of the replica count: when, and by how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    at_ns: i64,
    replicas: i64,
}

/// The replicas to have from this sync on, at `now_ns`; `current` where nothing is to change.
pub fn decide(state: &mut HpaState, now_ns: i64, pods: &[Pod], seen: &[Seen], current: u32, spec: &HpaSpec) -> u32 {
    if state.recommendations.is_empty() {
        state.recommendations.push((now_ns, current));
    }
    let desired = if current == 0 && spec.min != 0 {
        // Scaled to nothing by hand: autoscaling is off.
        return 0;
    } else if current > spec.max {
        spec.max
    } else if current < spec.min {
        spec.min
    } else {
        let Some(wanted) = wanted(now_ns, pods, seen, current, spec) else { return current };
        match &spec.behavior {
            None => state.without_behavior(now_ns, current, wanted, spec),
            Some(behavior) => state.with_behavior(now_ns, current, wanted, spec, behavior),
        }
    };
    if let Some(behavior) = spec.behavior.as_ref().filter(|_| desired != current) {
        state.remember_change(now_ns, current, desired, behavior);
    }
    desired
}

/// What else is seen at a sync, for each metric of the spec in its order.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// The samples that the pods carry: CPU.
    Cpu,
    /// Of each pod (in the order of the pods), in units of the target; `None`: no sample.
    PerPod(Vec<Option<f64>>),
    /// Of something else as a whole; `None`: it can't be told.
    Whole(Option<f64>),
}

/// The count that the metrics ask for, before windows, rates and bounds: the largest. None where no metric can be told, or
/// where one can't and the others would shrink.
#[must_use]
pub fn wanted(now_ns: i64, pods: &[Pod], seen: &[Seen], current: u32, spec: &HpaSpec) -> Option<u32> {
    let one = |(metric, seen): (&Metric, &Seen)| match (*metric, seen) {
        (Metric::Cpu { percent }, _) => by_cpu(now_ns, pods, current, percent, spec),
        (Metric::Utilization { target } | Metric::PodsAverage { target }, Seen::PerPod(values)) => {
            let share = matches!(metric, Metric::Utilization { .. });
            by_pods(pods, values, current, target, share, spec)
        }
        (Metric::Value { target }, Seen::Whole(total)) => {
            let ratio = (*total)? / target;
            let ready = pods.iter().filter(|pod| pod.phase == Phase::Running && pod.ready).count() as u32;
            Some(match current {
                0 => ratio.ceil() as u32,
                _ if within_tolerance(ratio, spec) => current,
                _ => ceiling(ratio, ready),
            })
        }
        (Metric::Average { target }, Seen::Whole(total)) => {
            let total = (*total)?;
            let ratio = total / (target * f64::from(current));
            Some(if within_tolerance(ratio, spec) { current } else { (total / target).ceil() as u32 })
        }
        (_, _) => None,
    };
    let asked: Vec<Option<u32>> = spec.metrics.iter().zip(seen).map(one).collect();
    let most = asked.iter().flatten().copied().max()?;
    if asked.contains(&None) && most < current { None } else { Some(most) }
}

fn by_cpu(now_ns: i64, pods: &[Pod], current: u32, target_percent: u32, spec: &HpaSpec) -> Option<u32> {
    let mut ready = Sums::default();
    let (mut unready, mut missing) = (Sums::default(), Sums::default());
    let fallback_percent = u64::from(target_percent.max(100));
    for pod in pods {
        let request = u64::from(pod.request_millicores);
        match group(now_ns, pod, spec) {
            Group::Ignored => {}
            Group::Ready(usage) => ready.add(usage, request),
            Group::Unready => unready.add(0, request),
            Group::Missing => missing.add(request * fallback_percent / 100, request),
        }
    }
    again(ready, unready, missing, current, spec, |sums| sums.ratio(target_percent))
}

/// Any other metric of pods: unready are those that are pending alone. A share of what is requested is cut to whole
/// percent, as CPU is.
fn by_pods(
    pods: &[Pod],
    values: &[Option<f64>],
    current: u32,
    target: f64,
    share: bool,
    spec: &HpaSpec,
) -> Option<u32> {
    // Thousandths, as quantities of Kubernetes have them.
    let milli = |value: f64| (value * 1e3).round() as u64;
    let mut ready = Sums::default();
    let (mut unready, mut missing) = (Sums::default(), Sums::default());
    for (pod, value) in pods.iter().zip(values) {
        match (pod.phase, *value) {
            (Phase::Leaving, _) => {}
            (Phase::Pending, _) => unready.add(0, 1_000),
            (Phase::Running, Some(value)) => ready.add(milli(value), 1_000),
            (Phase::Running, None) => missing.add(milli(if share { target.max(1.0) } else { target }), 1_000),
        }
    }
    again(ready, unready, missing, current, spec, |sums| match share {
        true => sums.ratio((target * 100.0).round() as u32),
        false => Some(sums.usage.checked_div(u64::from(sums.pods))? as f64 / (target * 1e3)),
    })
}

/// The count by the ready pods, and once more with what is assumed of those that tell nothing.
fn again(
    ready: Sums,
    unready: Sums,
    missing: Sums,
    current: u32,
    spec: &HpaSpec,
    ratio_of: impl Fn(&Sums) -> Option<f64>,
) -> Option<u32> {
    let ratio = ratio_of(&ready)?;
    let up_with_unready = unready.pods > 0 && ratio > 1.0;
    if !up_with_unready && missing.pods == 0 {
        return Some(if within_tolerance(ratio, spec) { current } else { ceiling(ratio, ready.pods) });
    }
    let mut all = ready;
    if ratio < 1.0 {
        all.merge(missing);
    } else if ratio > 1.0 {
        all.merge(Sums { usage: 0, ..missing });
    }
    if up_with_unready {
        all.merge(unready);
    }
    let again = ratio_of(&all)?;
    let turned = (ratio < 1.0 && again > 1.0) || (ratio > 1.0 && again < 1.0);
    if turned || within_tolerance(again, spec) {
        return Some(current);
    }
    let replicas = ceiling(again, all.pods);
    let against = (again < 1.0 && replicas > current) || (again > 1.0 && replicas < current);
    Some(if against { current } else { replicas })
}

/// Pods with what they use and request, in thousandths of a core.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    usage: u64,
    request: u64,
    pods: u32,
}

impl Sums {
    fn add(&mut self, usage: u64, request: u64) {
        self.merge(Self { usage, request, pods: 1 });
    }

    fn merge(&mut self, other: Self) {
        self.usage += other.usage;
        self.request += other.request;
        self.pods += other.pods;
    }

    /// Utilisation in whole percent (cut, not rounded) ÷ target.
    fn ratio(&self, target_percent: u32) -> Option<f64> {
        let percent = (self.usage * 100).checked_div(self.request)?;
        (target_percent > 0).then(|| percent as f64 / f64::from(target_percent))
    }
}

enum Group {
    Ignored,
    Ready(u64),
    Unready,
    Missing,
}

fn group(now_ns: i64, pod: &Pod, spec: &HpaSpec) -> Group {
    let after = |start_ns: i64, length_ns: u64| start_ns.saturating_add_unsigned(length_ns);
    let Some(sample) = pod.sample.filter(|_| pod.phase == Phase::Running) else {
        return match pod.phase {
            Phase::Leaving => Group::Ignored,
            Phase::Pending => Group::Unready,
            Phase::Running => Group::Missing,
        };
    };
    let starting = after(pod.started_ns, spec.cpu_initialization_period_ns) > now_ns;
    let unready = match starting {
        true => !pod.ready || sample.at_ns < after(pod.ready_changed_ns, sample.window_ns),
        false => !pod.ready && after(pod.started_ns, spec.initial_readiness_delay_ns) > pod.ready_changed_ns,
    };
    if unready { Group::Unready } else { Group::Ready(sample.usage_millicores) }
}

fn within_tolerance(ratio: f64, spec: &HpaSpec) -> bool {
    let of = |rules: fn(&Behavior) -> &Rules| spec.behavior.as_ref().and_then(|behavior| rules(behavior).tolerance);
    let up = of(|behavior| &behavior.scale_up).unwrap_or(spec.tolerance);
    let down = of(|behavior| &behavior.scale_down).unwrap_or(spec.tolerance);
    1.0 - down <= ratio && ratio <= 1.0 + up
}

fn ceiling(ratio: f64, pods: u32) -> u32 {
    (ratio * f64::from(pods)).ceil() as u32
}

impl HpaState {
    /// The legacy path: the largest recommendation of the window (its ends included), and at most max(2 × current, 4).
    fn without_behavior(&mut self, now_ns: i64, current: u32, wanted: u32, spec: &HpaSpec) -> u32 {
        let cutoff = now_ns.saturating_sub_unsigned(spec.downscale_stabilization_ns);
        let recent = self.recommendations.iter().filter(|(at, _)| *at >= cutoff).map(|(_, replicas)| *replicas);
        let stable = recent.fold(wanted, u32::max);
        self.remember_recommendation(now_ns, wanted, |at| at < cutoff);
        let limit = current.saturating_mul(2).max(4).min(spec.max);
        stable.min(limit).max(spec.min)
    }

    fn with_behavior(&mut self, now_ns: i64, current: u32, wanted: u32, spec: &HpaSpec, behavior: &Behavior) -> u32 {
        let up_cutoff = now_ns.saturating_sub_unsigned(behavior.scale_up.window_ns);
        let down_cutoff = now_ns.saturating_sub_unsigned(behavior.scale_down.window_ns);
        let after = |cutoff: i64| {
            self.recommendations.iter().filter(move |(at, _)| *at > cutoff).map(|(_, replicas)| *replicas)
        };
        let up = after(up_cutoff).fold(wanted, u32::min);
        let down = after(down_cutoff).fold(wanted, u32::max);
        let stable = current.max(up).min(down);
        self.remember_recommendation(now_ns, wanted, |at| at < up_cutoff && at < down_cutoff);
        if stable > current {
            let limit = self.up_limit(now_ns, current, &behavior.scale_up).max(i64::from(current));
            stable.min(spec.max).min(u32::try_from(limit).unwrap_or(u32::MAX))
        } else if stable < current {
            let limit = self.down_limit(now_ns, current, &behavior.scale_down).min(i64::from(current));
            stable.max(spec.min).max(u32::try_from(limit).unwrap_or(0))
        } else {
            stable
        }
    }

    fn up_limit(&self, now_ns: i64, current: u32, rules: &Rules) -> i64 {
        let proposals = rules.policies.iter().map(|policy| {
            let start = self.at_period_start(now_ns, current, policy);
            match policy.kind {
                RateKind::Pods => start + i64::from(policy.value),
                RateKind::Percent => (start as f64 * (1.0 + f64::from(policy.value) / 100.0)).ceil() as i64,
            }
        });
        match rules.select {
            Select::Max => proposals.max().unwrap_or(i64::from(current)),
            Select::Min => proposals.min().unwrap_or(i64::from(current)),
            Select::Disabled => i64::from(current),
        }
    }

    fn down_limit(&self, now_ns: i64, current: u32, rules: &Rules) -> i64 {
        let proposals = rules.policies.iter().map(|policy| {
            let start = self.at_period_start(now_ns, current, policy);
            match policy.kind {
                RateKind::Pods => start - i64::from(policy.value),
                RateKind::Percent => (start as f64 * (1.0 - f64::from(policy.value) / 100.0)) as i64,
            }
        });
        match rules.select {
            Select::Max => proposals.min().unwrap_or(i64::from(current)),
            Select::Min => proposals.max().unwrap_or(i64::from(current)),
            Select::Disabled => i64::from(current),
        }
    }

    /// The replica count at the start of a policy's period: `current` without the changes since.
    fn at_period_start(&self, now_ns: i64, current: u32, policy: &RatePolicy) -> i64 {
        let cutoff = now_ns.saturating_sub_unsigned(policy.period_ns);
        let since = |changes: &[Change]| -> i64 {
            changes.iter().filter(|change| change.at_ns > cutoff).map(|change| change.replicas).sum()
        };
        i64::from(current) - since(&self.ups) + since(&self.downs)
    }

    /// Takes the place of the last recommendation that is too old, if any is.
    fn remember_recommendation(&mut self, now_ns: i64, wanted: u32, too_old: impl Fn(i64) -> bool) {
        match self.recommendations.iter().rposition(|(at, _)| too_old(*at)) {
            Some(place) => self.recommendations[place] = (now_ns, wanted),
            None => self.recommendations.push((now_ns, wanted)),
        }
    }

    fn remember_change(&mut self, now_ns: i64, current: u32, desired: u32, behavior: &Behavior) {
        let (changes, rules) = match desired > current {
            true => (&mut self.ups, &behavior.scale_up),
            false => (&mut self.downs, &behavior.scale_down),
        };
        let longest_ns = rules.policies.iter().map(|policy| policy.period_ns).max().unwrap_or(0);
        let cutoff = now_ns.saturating_sub_unsigned(longest_ns);
        let change = Change { at_ns: now_ns, replicas: i64::from(desired.abs_diff(current)) };
        match changes.iter().rposition(|change| change.at_ns < cutoff) {
            Some(place) => changes[place] = change,
            None => changes.push(change),
        }
    }
}
