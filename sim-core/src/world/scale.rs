//! Autoscalers: what they see, and what they decide.

use super::instance::Life;
use super::nodes::NodesState;
use super::{Control, World};
use crate::components::scaling::Forecast;
use crate::metrics::histogram::Histogram;
use crate::plan::{AutoscalerPlan, Kind, MetricPlan, PredictivePlan, ScalingPlan};
use crate::policy::forecast::Forecaster;
use crate::policy::hpa::{self, HpaState, Phase, Pod, Sample, Seen};
use crate::policy::step_scaling::{self, StepState};
use crate::policy::target_tracking::{self, TrackingState};
use crate::policy::vertical::Usage;

/// The state of an autoscaler.
#[derive(Debug, Clone, Default)]
pub struct ScalerState {
    hpa: HpaState,
    step: StepState,
    tracking: TrackingState,
    forecasts: Vec<Forecaster>,
    /// Forecasts: what was wanted, and when, as long as it still counts.
    recent: Vec<(u64, u32)>,
    /// By instance: ∫ busy cores dt when it was last sampled, and when.
    before: Vec<(u128, u64)>,
    /// By instance: the last sample.
    pub(super) samples: Vec<Option<Sample>>,
    /// By instance: how many calls had reached it when it was last sampled, and how many a second there were then.
    arrived: Vec<(u32, Option<f64>)>,
    /// By instance: its share of memory when it was last sampled.
    memory: Vec<Option<f64>>,
    /// By metric: what is counted as a whole, when it was last sampled.
    wholes: Vec<Option<f64>>,
    /// How long calls of the target took since the last sample, ns.
    latencies: Histogram,
    /// How many replicas it wants; `None`: it has no opinion yet.
    wanted: Option<u32>,
    /// Vertically: what was used of CPU and of memory.
    pub(super) used: Option<Box<(Usage, Usage)>>,
    /// What the replicas run on.
    pub(super) nodes: NodesState,
}

impl<'p, const TRACED: bool> World<'p, TRACED> {
    /// Prepares all autoscalers.
    pub(super) fn build_scalers(&mut self) {
        for (component, state) in self.plan.components.iter().enumerate() {
            if matches!(state.kind, Kind::Pool(_)) {
                self.note_replicas(component as u32);
            }
        }
        for (at, plan) in self.plan.autoscalers.iter().enumerate() {
            self.scalers.push(ScalerState {
                wholes: vec![None; plan.metrics.len()],
                forecasts: vec![Forecaster::default(); plan.metrics.len()],
                ..ScalerState::default()
            });
            self.build_nodes(at as u32);
            let first = self.plan.clock.start % plan.sync_ns;
            self.control((first + plan.sync_ns).saturating_sub(plan.lag_ns), Control::Sample(at as u32));
            self.control(first + plan.sync_ns, Control::Scale(at as u32));
        }
    }

    /// The metrics server looks at all replicas of an autoscaler's target.
    pub(super) fn sample(&mut self, scaler: u32) {
        let plan = &self.plan.autoscalers[scaler as usize];
        for instance in self.present[plan.target as usize].clone() {
            self.sample_instance(plan, scaler, instance);
        }
        for (at, metric) in plan.metrics.iter().enumerate() {
            let whole = match metric {
                MetricPlan::Cpu | MetricPlan::Memory | MetricPlan::Requests => None,
                MetricPlan::Queue(component) => Some(f64::from(self.waiting_at(*component))),
                MetricPlan::Latency(quantile) => {
                    let latencies = &self.scalers[scaler as usize].latencies;
                    let ns = match quantile {
                        Some(q) => latencies.quantile(*q).map(|ns| ns as f64),
                        None => latencies.mean(),
                    };
                    ns.map(|ns| ns / 1e9)
                }
                MetricPlan::Series(values) => {
                    values.iter().take_while(|&&(from, _)| from <= self.now).last().map(|&(_, value)| value)
                }
            };
            self.scalers[scaler as usize].wholes[at] = whole;
        }
        self.scalers[scaler as usize].latencies.clear();
        self.control(self.now + plan.sync_ns, Control::Sample(scaler));
    }

    fn sample_instance(&mut self, plan: &AutoscalerPlan, scaler: u32, instance: u32) {
        let state = &self.instances[instance as usize];
        let station = state.stations;
        let sharing = self.stations[station as usize].sharing.is_some();
        if sharing {
            self.sharing_advance(station);
        }
        let share = self.memory_share(plan.target, instance);
        let state = &self.instances[instance as usize];
        let busy = self.stations[station as usize].areas(self.now).0 * if sharing { 1 } else { 1000 };
        // A lone core of a fractional server counts as its share.
        let cores = self.plan.components[plan.target as usize].stations[0].core_share;
        let scaler = &mut self.scalers[scaler as usize];
        if instance as usize >= scaler.before.len() {
            scaler.before.resize(instance as usize + 1, (0, state.joined_at));
            scaler.samples.resize(instance as usize + 1, None);
            scaler.arrived.resize(instance as usize + 1, (0, None));
            scaler.memory.resize(instance as usize + 1, None);
        }
        let (before, since) = scaler.before[instance as usize];
        let since = since.max(state.joined_at);
        let window = self.now - since;
        if window > 0 {
            let usage = ((busy - before) as f64 * cores / window as f64).round() as u64;
            scaler.samples[instance as usize] =
                Some(Sample { usage_millicores: usage, at_ns: self.now as i64, window_ns: window });
            let came = state.arrived.wrapping_sub(scaler.arrived[instance as usize].0);
            scaler.arrived[instance as usize].1 = Some(f64::from(came) / (window as f64 / 1e9));
        }
        scaler.memory[instance as usize] = share;
        scaler.arrived[instance as usize].0 = state.arrived;
        scaler.before[instance as usize] = (busy, self.now);
    }

    /// How many wait at all stations of a component now.
    fn waiting_at(&self, component: u32) -> u32 {
        let of = |&instance: &u32| {
            self.station_range(instance).map(|station| self.stations[station as usize].waiting()).sum::<u32>()
        };
        self.members[component as usize].iter().map(of).sum()
    }

    /// Notes how long a call of a pool took, for the autoscalers that look at it.
    pub(super) fn note_latency(&mut self, frame: u32) {
        let state = &self.frames[frame];
        if state.outcome() != crate::plan::Outcome::Ok {
            return;
        }
        let component = self.instances[state.instance as usize].component;
        let ns = self.now - state.start;
        for (plan, scaler) in self.plan.autoscalers.iter().zip(&mut self.scalers) {
            if plan.target == component {
                scaler.latencies.record(ns);
            }
        }
    }

    /// An autoscaler decides.
    pub(super) fn scale(&mut self, scaler: u32) {
        let plan = &self.plan.autoscalers[scaler as usize];
        self.control(self.now + plan.sync_ns, Control::Scale(scaler));
        self.review_nodes(scaler);
        let current = self.desired_replicas(plan.target);
        let Some(wanted) = self.decide(scaler, plan, current) else { return };
        self.scalers[scaler as usize].wanted = Some(wanted);
        // Of several, the one that wants most decides.
        let all = self.plan.autoscalers.iter().zip(&self.scalers);
        let same = all.filter(|(other, _)| other.target == plan.target).filter_map(|(_, state)| state.wanted);
        let desired = same.fold(wanted, u32::max);
        if desired == current {
            return;
        }
        let meter = &mut self.meters.components[plan.component as usize];
        if desired > current {
            meter.scale_ups += self.open as u64;
        } else {
            meter.scale_downs += self.open as u64;
        }
        self.set_replicas(plan.target, desired);
    }

    fn decide(&mut self, scaler: u32, plan: &'p AutoscalerPlan, current: u32) -> Option<u32> {
        let now = self.now;
        match &plan.policy {
            ScalingPlan::Hpa(spec) => {
                let (pods, seen) = (self.pods(scaler), self.seen(scaler, plan));
                Some(hpa::decide(&mut self.scalers[scaler as usize].hpa, now as i64, &pods, &seen, current, spec))
            }
            ScalingPlan::Step(spec) => {
                let values = self.averages(scaler, plan);
                Some(step_scaling::decide(&mut self.scalers[scaler as usize].step, now as i64, &values, current, spec))
            }
            ScalingPlan::Tracking(spec) => {
                let (values, measured) = (self.averages(scaler, plan), self.in_service(plan.target).len() as u32);
                let state = &mut self.scalers[scaler as usize].tracking;
                Some(target_tracking::decide(state, now as i64, &values, measured, current, spec))
            }
            ScalingPlan::Vertical(spec) => {
                self.scale_vertically(scaler, plan, spec);
                None
            }
            ScalingPlan::Schedule(entries) => {
                let last = entries.iter().filter(|(at, _, _)| *at <= now).map(|&(at, every, count)| {
                    let times = (now - at).checked_div(every).unwrap_or(0);
                    (at + times * every, count)
                });
                let count = last.max_by_key(|&(at, _)| at)?.1;
                Some(count.clamp(plan.bounds.0, plan.bounds.1))
            }
            ScalingPlan::Predictive(forecast) => self.forecast(scaler, plan, forecast, current),
        }
    }

    /// What a forecast asks for: as many as the load needs now, and when those that are ordered now are ready.
    fn forecast(&mut self, scaler: u32, plan: &AutoscalerPlan, spec: &PredictivePlan, current: u32) -> Option<u32> {
        let values = self.averages(scaler, plan);
        let measured = self.in_service(plan.target).len() as f64;
        let now = self.now;
        let state = &mut self.scalers[scaler as usize];
        let keep = spec.period_ns.saturating_add(spec.ahead_ns);
        let mut wanted: Option<u32> = None;
        for ((value, target), forecaster) in values.iter().zip(&spec.targets).zip(&mut state.forecasts) {
            let Some(value) = *value else { continue };
            let load = value * measured;
            forecaster.observe(now, load, keep);
            let later = match spec.method {
                Forecast::Trend => forecaster.by_trend(spec.ahead_ns),
                Forecast::Seasonal => forecaster.by_season(now, spec.ahead_ns, spec.period_ns),
            };
            let most = later.map_or(load, |later| later.max(load));
            wanted = wanted.max(Some((most / target * (1.0 - 1e-12)).ceil() as u32));
        }
        let wanted = wanted?.clamp(plan.bounds.0, plan.bounds.1);
        // What was ordered for a peak stays until the peak must have come.
        state.recent.retain(|&(at, _)| now - at <= spec.ahead_ns);
        state.recent.push((now, wanted));
        let most = state.recent.iter().map(|&(_, count)| count).max().unwrap_or(wanted);
        Some(if wanted < current { most.min(current.max(plan.bounds.0)) } else { wanted })
    }

    /// The replicas that are in service: ready, and up.
    pub(super) fn in_service(&self, pool: u32) -> Vec<u32> {
        let mut ready = self.wanted_members(pool);
        ready.retain(|&at| self.instances[at as usize].life == Life::Ready && !self.instances[at as usize].is_down());
        ready
    }

    /// By metric: the average over the replicas in service, or what is counted as a whole.
    fn averages(&self, scaler: u32, plan: &AutoscalerPlan) -> Vec<Option<f64>> {
        let ready = self.in_service(plan.target);
        let state = &self.scalers[scaler as usize];
        let request = f64::from(self.request_of(plan.target));
        let mean = |value: &dyn Fn(usize) -> Option<f64>| {
            let known: Vec<f64> = ready.iter().filter_map(|&at| value(at as usize)).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        };
        let average = |(metric, whole): (&MetricPlan, &Option<f64>)| match metric {
            MetricPlan::Cpu => {
                mean(&|at| state.samples.get(at).copied().flatten().map(|s| s.usage_millicores as f64 / request))
            }
            MetricPlan::Memory => mean(&|at| state.memory.get(at).copied().flatten()),
            MetricPlan::Requests => mean(&|at| state.arrived.get(at).and_then(|(_, rate)| *rate)),
            MetricPlan::Queue(_) | MetricPlan::Latency(_) | MetricPlan::Series(_) => *whole,
        };
        plan.metrics.iter().zip(&state.wholes).map(average).collect()
    }

    /// By metric, what the Kubernetes autoscaler sees.
    fn seen(&self, scaler: u32, plan: &AutoscalerPlan) -> Vec<Seen> {
        let pods = self.wanted_members(plan.target);
        let state = &self.scalers[scaler as usize];
        let of_pods =
            |value: &dyn Fn(usize) -> Option<f64>| Seen::PerPod(pods.iter().map(|&at| value(at as usize)).collect());
        let seen = |(metric, whole): (&MetricPlan, &Option<f64>)| match metric {
            MetricPlan::Cpu => Seen::Cpu,
            MetricPlan::Memory => of_pods(&|at| state.memory.get(at).copied().flatten()),
            MetricPlan::Requests => of_pods(&|at| state.arrived.get(at).and_then(|(_, rate)| *rate)),
            MetricPlan::Queue(_) | MetricPlan::Latency(_) | MetricPlan::Series(_) => Seen::Whole(*whole),
        };
        plan.metrics.iter().zip(&state.wholes).map(seen).collect()
    }

    /// What a replica of a pool requests, in thousandths of a core.
    pub(super) fn request_of(&self, pool: u32) -> u32 {
        let Kind::Pool(pool) = self.plan.components[pool as usize].kind else {
            unreachable!("validated: it scales a pool")
        };
        self.plan.pools[pool as usize].cpu_request
    }

    /// The replicas of an autoscaler's target, as it sees them.
    fn pods(&self, scaler: u32) -> Vec<Pod> {
        let plan = &self.plan.autoscalers[scaler as usize];
        let usual = self.request_of(plan.target);
        let samples = &self.scalers[scaler as usize].samples;
        let wanted = self.wanted_members(plan.target).into_iter();
        wanted
            .map(|at| {
                let state = &self.instances[at as usize];
                let ready = state.life == Life::Ready && !state.is_down();
                let changed = if ready { state.became_ready } else { state.joined_at };
                Pod {
                    phase: if self.waits_for_node(at) { Phase::Pending } else { Phase::Running },
                    started_ns: state.joined_at as i64,
                    ready,
                    ready_changed_ns: changed as i64,
                    sample: samples.get(at as usize).copied().flatten(),
                    request_millicores: self.override_of(at).and_then(|own| own.cpu_request).unwrap_or(usual),
                }
            })
            .collect()
    }
}
