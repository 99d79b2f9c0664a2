//! The window's bounds, the timeline's points, and the audit: tallies that were kept apart must agree.

use super::World;
use super::frame::{BRANCH, COUNTED, Waiting};
use super::instance::Life;
use crate::plan::Kind;

/// One check of the audit: two independent tallies of the same thing.
#[derive(Debug, Clone)]
pub struct Check {
    /// What is compared.
    pub name: String,
    /// One tally.
    pub left: u128,
    /// The other.
    pub right: u128,
    /// How far they may differ: one nanosecond for each service on shared cores, whose ends are rounded up.
    pub tolerance: u128,
}

impl Check {
    /// Whether the tallies agree.
    pub fn holds(&self) -> bool {
        self.left.abs_diff(self.right) <= self.tolerance
    }
}

impl<const TRACED: bool> World<'_, TRACED> {
    /// The window begins: what came before is not counted.
    pub(super) fn window_starts(&mut self) {
        self.open = true;
        self.meters.crowds.iter_mut().for_each(|crowd| crowd.1 = crowd.0);
        self.advance_all();
        for at in 0..self.stations.len() {
            let left = self.shared_work_left(at);
            let now = self.now;
            let station = &mut self.stations[at];
            station.tally.queue_max = station.waiting();
            station.tally.shared_work = left;
            self.areas_at_start.push(station.areas(now));
        }
        self.queues_start();
        let start = self.now;
        for meter in &mut self.meters.components {
            let replicas = &mut meter.replicas;
            replicas.since = start;
            replicas.area = 0;
            replicas.min = replicas.now;
            replicas.max = replicas.now;
        }
    }

    /// The window is over: the load goes on until its requests have ended.
    pub(super) fn window_ends(&mut self) {
        self.advance_all();
        for at in 0..self.stations.len() {
            let left = self.shared_work_left(at);
            let now = self.now;
            let station = &mut self.stations[at];
            station.tally.shared_work -= left;
            self.areas_at_end.push(station.areas(now));
        }
        for instance in 0..self.instances.len() as u32 {
            self.end_capacity(instance);
        }
        self.queues_end();
        for component in 0..self.plan.components.len() as u32 {
            if matches!(self.plan.components[component as usize].kind, Kind::Pool(_)) {
                self.note_replicas(component);
            }
        }
        for scaler in 0..self.scalers.len() as u32 {
            self.review_nodes(scaler);
        }
        self.slot_ends();
        self.open = false;
        self.over = true;
    }

    /// The areas of a station inside the window: ∫ busy dt and ∫ waiting dt.
    pub(super) fn areas(&self, station: usize) -> (u128, u128) {
        let start = self.areas_at_start.get(station).copied().unwrap_or((0, 0));
        let end = self.areas_at_end.get(station).copied().unwrap_or((0, 0));
        (end.0.wrapping_sub(start.0), end.1.wrapping_sub(start.1))
    }

    fn advance_all(&mut self) {
        for at in 0..self.stations.len() {
            if self.stations[at].sharing.is_some() {
                self.sharing_advance(at as u32);
            }
        }
    }

    fn shared_work_left(&self, station: usize) -> f64 {
        let state = &self.stations[station];
        let speed = self.instances[state.instance as usize].pace();
        state.sharing.as_ref().map_or(0.0, |sharing| sharing.left() / speed)
    }

    /// Notes how many replicas a pool has from now on.
    pub(super) fn note_replicas(&mut self, component: u32) {
        self.note_count(component, self.wanted_members(component).len() as u32);
    }

    /// Notes how many there are of something that a component has: replicas, machines.
    pub(super) fn note_count(&mut self, component: u32, count: u32) {
        let (now, open) = (self.now, self.open);
        let replicas = &mut self.meters.components[component as usize].replicas;
        if open {
            replicas.area += (now - replicas.since) as u128 * replicas.now as u128;
            replicas.min = replicas.min.min(count);
            replicas.max = replicas.max.max(count);
        }
        replicas.since = now;
        replicas.now = count;
    }

    /// A point of the timeline is complete.
    pub(super) fn slot_ends(&mut self) {
        if self.over {
            return;
        }
        self.advance_all();
        let slot = self.now - self.slot_began;
        if slot > 0 {
            self.meters.timeline.starts.push(self.slot_began);
            self.note_requests(slot as f64 / 1e9);
            self.note_components(slot);
        }
        self.meters.slot.clear();
        self.meters.slot.areas = self.stations.iter().map(|station| station.areas(self.now)).collect();
        self.meters.slot.lookups = self.meters.components.iter().map(|meter| meter.looked_up).collect();
        self.slot_began = self.now;
    }

    fn note(&mut self, name: &str, value: Option<f64>) {
        let points = self.meters.timeline.starts.len();
        let series = &mut self.meters.timeline.series;
        let at = series.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            series.push((name.to_string(), Vec::new()));
            series.len() - 1
        });
        let values = &mut series[at].1;
        values.resize(points - 1, None);
        values.push(value);
    }

    fn note_requests(&mut self, seconds: f64) {
        let slot = &self.meters.slot;
        let (offered, ok, errors) = (slot.offered as f64, slot.ok as f64, slot.errors as f64);
        let (p50, p99) = (slot.quantile(0.5), slot.quantile(0.99));
        self.note("offered_per_s", Some(offered / seconds));
        self.note("ok_per_s", Some(ok / seconds));
        self.note("errors_per_s", Some(errors / seconds));
        self.note("p50_s", p50);
        self.note("p99_s", p99);
    }

    fn note_components(&mut self, slot: u64) {
        let plan = self.plan;
        for (component, state) in plan.components.iter().enumerate() {
            let (mut busy, mut queue, mut capacity) = (0, 0, 0);
            for &instance in &self.members[component] {
                if state.stations.is_empty() {
                    continue;
                }
                let instance = &self.instances[instance as usize];
                let at = instance.stations as usize;
                let before = self.meters.slot.areas.get(at).copied().unwrap_or((0, 0));
                let now = self.stations[at].areas(self.now);
                busy += now.0.wrapping_sub(before.0);
                queue += now.1.wrapping_sub(before.1);
                if instance.life == Life::Ready && !instance.is_down() {
                    capacity += self.stations[at].servers as u128;
                }
            }
            let unit = state.stations.first().map_or(1.0, |station| station.unit());
            if !state.stations.is_empty() {
                let busy = (capacity > 0).then(|| busy as f64 / (capacity as f64 * slot as f64));
                self.note(&format!("{}.utilization", state.name), busy);
                self.note(&format!("{}.queue", state.name), Some(queue as f64 / slot as f64 / unit));
            }
            match state.kind {
                Kind::Pool(_) => {
                    let replicas = self.wanted_members(component as u32).len();
                    self.note(&format!("{}.replicas", state.name), Some(replicas as f64));
                }
                Kind::Cache(_) => {
                    let meter = &self.meters.components[component];
                    let before = self.meters.slot.lookups.get(component).copied().unwrap_or((0, 0));
                    let (hits, misses) = (meter.looked_up.0 - before.0, meter.looked_up.1 - before.1);
                    let ratio = (hits + misses > 0).then(|| hits as f64 / (hits + misses) as f64);
                    self.note(&format!("{}.hit_ratio", state.name), ratio);
                }
                Kind::Queue(queue) => {
                    let age = self.oldest_message(queue);
                    self.note(&format!("{}.age_s", state.name), Some(age as f64 / 1e9));
                }
                Kind::Client(_)
                | Kind::Balancer(_)
                | Kind::ConnectionPool(_)
                | Kind::Database(_)
                | Kind::Autoscaler(_)
                | Kind::Plain => {}
            }
            if let Some((name, value)) = self.own_gauge(component as u32) {
                self.note(&format!("{}.{name}", state.name), Some(value));
            }
        }
    }

    /// Counts what is still under way when the run ends: requests that have not ended, waits and services.
    pub(super) fn count_unfinished(&mut self) {
        for at in 0..self.frames.high_water() {
            let frame = self.frames[at];
            if !frame.in_use() {
                continue;
            }
            match frame.waiting {
                Waiting::Queue | Waiting::Front | Waiting::Lock => {
                    let station = self.working_at(at);
                    let waited = self.clip(self.now) - self.clip(frame.since);
                    self.stations[station as usize].tally.waited += waited as u128;
                }
                Waiting::Work => {
                    let station = self.working_at(at);
                    let served = self.clip(self.now) - self.clip(frame.since);
                    self.stations[station as usize].tally.served += served as u128;
                }
                Waiting::SharedWork => {
                    let station = self.working_at(at);
                    let now = self.clip(self.now) as u128;
                    let tally = &mut self.stations[station as usize].tally;
                    tally.waited = tally.waited.wrapping_add(now);
                }
                _ => {}
            }
            // A request is the frame that its own log belongs to.
            if frame.log == at && !frame.has(BRANCH) && frame.has(COUNTED) {
                self.meters.classes[frame.class as usize].unfinished.push(self.now - frame.start);
            }
        }
        for at in 0..self.stations.len() {
            let now = self.clip(self.now) as u128;
            let tally = &mut self.stations[at].tally;
            tally.served = tally.served.wrapping_add(now.wrapping_mul(tally.holders as u128));
        }
        for class in &mut self.meters.classes {
            class.unfinished.sort_unstable();
        }
    }

    /// Compares the tallies.
    pub(super) fn audit(&mut self) -> Vec<Check> {
        let mut checks = Vec::new();
        let (mut offered, mut ended) = (0, 0);
        for class in &self.meters.classes {
            offered += class.offered as u128;
            ended += class.outcomes.iter().map(|&n| n as u128).sum::<u128>() + class.unfinished.len() as u128;
        }
        checks.push(Check {
            name: "offered = ok + errors + unfinished".to_string(),
            left: offered,
            right: ended,
            tolerance: 0,
        });
        let latency: u128 = self.meters.classes.iter().map(|class| class.latency.sum()).sum();
        let (parts, _) = self.meters.breakdown.totals();
        checks.push(Check {
            name: "Σ latency = Σ parts of the breakdown".to_string(),
            left: latency,
            right: parts,
            tolerance: 0,
        });
        for (component, accepted, ended) in self.count_messages() {
            checks.push(Check {
                name: format!(
                    "{}: accepted = delivered + dead letters + dropped + left",
                    self.plan.components[component as usize].name
                ),
                left: accepted as u128,
                right: ended as u128,
                tolerance: 0,
            });
        }
        for (component, state) in self.plan.components.iter().enumerate() {
            for (number, station) in state.stations.iter().enumerate() {
                self.audit_station(component, number, &format!("{}.{}", state.name, station.name), &mut checks);
            }
        }
        checks
    }

    fn audit_station(&self, component: usize, number: usize, name: &str, checks: &mut Vec<Check>) {
        let (mut busy, mut served, mut queue, mut waited, mut services) = (0_u128, 0_u128, 0_u128, 0_u128, 0_u128);
        let (mut sharing, mut cores) = (false, 1000);
        for &instance in &self.members[component] {
            let at = self.instances[instance as usize].stations as usize + number;
            let (busy_area, queue_area) = self.areas(at);
            let tally = &self.stations[at].tally;
            sharing = tally.sharing;
            cores = cores.max(self.stations[at].servers as u128);
            busy += busy_area;
            queue += queue_area;
            waited += tally.waited;
            services += tally.services as u128;
            if sharing {
                served += (tally.shared_work.max(0.0) * 1000.0).round() as u128;
            } else {
                served += tally.served;
            }
        }
        if sharing {
            // Each end is rounded up to a whole nanosecond, while all cores are busy.
            let tolerance = (services + 2) * cores + busy / 1_000_000_000;
            checks.push(Check {
                name: format!("{name}: ∫ busy dt = Σ service"), left: busy, right: served, tolerance
            });
            let sojourn = waited * 1000;
            let calls = busy + queue;
            checks.push(Check {
                name: format!("{name}: ∫ calls dt = Σ time there"),
                left: calls,
                right: sojourn,
                tolerance: 0,
            });
        } else {
            checks.push(Check {
                name: format!("{name}: ∫ busy dt = Σ service"),
                left: busy,
                right: served,
                tolerance: 0,
            });
            checks.push(Check {
                name: format!("{name}: ∫ queue dt = Σ waits"),
                left: queue,
                right: waited,
                tolerance: 0,
            });
        }
    }
}
