//! What is asked: keyspaces, classes, clients, traces.

use std::sync::Arc;

use super::call::{CallSpec, Caller};
use super::steps::cumulative;
use super::{Lowering, site};
use crate::components::Component;
use crate::components::client::{ClientSpec, JourneyKey};
use crate::engine::slab::NONE;
use crate::model::arrivals::{Arrivals as ArrivalsSpec, UserStage, Users};
use crate::model::class::{Tag, TagBy as TagBySpec};
use crate::model::diagnostic::{Diagnostic, did_you_mean};
use crate::model::keyspace::Popularity;
use crate::model::value::Share;
use crate::plan::*;
use crate::workload::keys::Keys;
use crate::workload::profile::{Profile, Stage};
use crate::workload::sampler::Sampler;
use crate::workload::trace::Trace;

impl Lowering<'_> {
    pub(crate) fn keyspaces(&mut self) {
        let mut first = 0;
        for (name, keyspace) in &self.model.keyspaces {
            let count = keyspace.count();
            let keys = keys(&keyspace.popularity, count);
            self.plan.keyspaces.push(KeyspacePlan { count, first, keys, site: site(&["keyspace", name]) });
            first += count;
        }
    }

    pub(crate) fn classes(&mut self) {
        for (name, class) in &self.model.classes {
            self.plan.classes.push(ClassPlan {
                name: name.clone(),
                keyspace: class.key.as_ref().map(|key| self.keyspace_ids[key.as_str()]),
                size: class.size.as_ref().map(|size| Sampler::new(&size.0)),
                write: class.write,
                priority: class.priority.0 as u16,
                versioned: class.version,
                tags: class.tags.iter().map(tag).collect(),
                deadline_ns: class.deadline.map_or(0, |time| time.0),
                retryable: class.retryable,
                site: site(&["class", name]),
            });
        }
    }

    /// The names of all tiers.
    pub(crate) fn tiers(&mut self) {
        let names = self.model.components.values().filter_map(|component| match component {
            Component::Client(client) => Some(client.population.as_ref()?.tiers.keys().cloned()),
            _ => None,
        });
        let mut names: Vec<String> = names.flatten().collect();
        names.sort();
        names.dedup();
        self.plan.tiers = names;
    }

    /// Cumulative shares of a client's tiers.
    fn tiers_of(&self, spec: &ClientSpec) -> Vec<(f64, u32)> {
        let mut sum = 0.0;
        let tiers = spec.population.iter().flat_map(|population| &population.tiers);
        let tier = |(name, share): (&String, &Share)| {
            sum += share.0;
            let tier = self.plan.tiers.iter().position(|known| known == name).expect("all names are known");
            (sum, tier as u32)
        };
        tiers.map(tier).collect()
    }

    /// Whether a trace may say of a request that it writes, whatever its class says.
    pub(crate) fn rows_may_write(&self) -> bool {
        self.model.components.values().any(|component| {
            matches!(component, Component::Client(client) if matches!(client.arrivals, ArrivalsSpec::Trace(_)))
        })
    }

    pub(crate) fn client(&mut self, id: u32, name: &str, spec: &ClientSpec) {
        let mix = self.mix(spec);
        let load = self.load(spec);
        let mut entry = vec![NONE; self.plan.classes.len()];
        let classes = self.sent_classes(spec, &mix, &load);
        for &class in &classes {
            let class_name = self.plan.classes[class as usize].name.clone();
            let writes = if self.rows_may_write() { None } else { Some(self.plan.classes[class as usize].write) };
            let mut caller = Caller::new(id, &[name, &class_name], writes);
            entry[class as usize] = self.here();
            let finish = self.label();
            self.unwinding(finish, |lowering| lowering.call(&mut caller, CallSpec::plain(&spec.to)));
            self.place(finish);
            self.release_sessions(&caller);
            self.emit(Op::Finish);
        }
        let journey = spec.journey.is_some();
        let (session, session_end, steps) = self.session(name, spec, matches!(load, Load::Closed(_)));
        let population = spec.population.as_ref();
        self.plan.clients.push(ClientPlan {
            component: id,
            mix,
            entry,
            population: population.and_then(|population| Some(keys(&population.popularity, population.clients?.0))),
            tiers: self.tiers_of(spec),
            load,
            session,
            session_end,
            steps,
            journey,
            max_in_flight: spec.max_in_flight.map_or(NONE, |most| most.0 as u32),
            stream: format!("client {name}"),
        });
        let kind = Kind::Client(self.plan.clients.len() as u32 - 1);
        let plan = &mut self.plan.components[id as usize];
        plan.kind = kind;
        plan.is_caller = true;
    }

    fn mix(&self, spec: &ClientSpec) -> Vec<(f64, u16)> {
        let named: Vec<(u16, f64)> = if spec.mix.is_empty() {
            (0..self.plan.classes.len() as u16).map(|class| (class, 1.0)).collect()
        } else {
            spec.mix.iter().map(|(class, weight)| (self.class_id(class), weight.0)).collect()
        };
        let named: Vec<(u16, f64)> = named.into_iter().filter(|&(_, weight)| weight > 0.0).collect();
        let shares = cumulative(named.iter().map(|&(_, weight)| weight));
        shares.into_iter().zip(named).map(|(share, (class, _))| (share, class)).collect()
    }

    /// The classes that a client may send.
    fn sent_classes(&self, spec: &ClientSpec, mix: &[(f64, u16)], load: &Load) -> Vec<u16> {
        let mut classes: Vec<u16> = match (&spec.journey, load) {
            (Some(journey), _) => journey.iter().map(|step| self.class_id(step.class.as_str())).collect(),
            (None, Load::Trace(_, classes)) => {
                classes.iter().copied().chain(mix.iter().map(|&(_, class)| class)).collect()
            }
            (None, _) => mix.iter().map(|&(_, class)| class).collect(),
        };
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    fn load(&mut self, spec: &ClientSpec) -> Load {
        let (profile, process) = match &spec.arrivals {
            ArrivalsSpec::Open(open) => (Profile::constant(open.rate.0), &open.process),
            ArrivalsSpec::Stages(staged) => {
                let stages = staged.stages.iter().map(|stage| {
                    let (rate, ramp) = stage.level();
                    Stage { rate, ramp, duration_ns: stage.duration.0 }
                });
                (Profile::stages(&stages.collect::<Vec<_>>()), &staged.process)
            }
            ArrivalsSpec::Daily(daily) => {
                let day = &daily.daily;
                (Profile::daily(day.trough.0, day.peak.0, day.peak_at.0, day.starts_at.0), &daily.process)
            }
            ArrivalsSpec::Closed(closed) => return Load::Closed(user_steps(&closed.users)),
            ArrivalsSpec::Trace(trace) => {
                return self.trace(&trace.trace.0, trace.speed.0, &trace.at.path);
            }
        };
        Load::Open(ArrivalPlan { profile, process: process.clone() })
    }

    /// A recorded load; mistakes in its file are told with their lines.
    fn trace(&mut self, path: &str, speed: f64, place: &str) -> Load {
        let line = self.model.document.line_of(place);
        let mut wrong = |found: String| self.diagnostics.push(Diagnostic::error(place, line, found));
        let read = match self.model.files.get(path) {
            Some(bytes) => Ok(bytes.to_vec()),
            None => self.files.read(path),
        };
        let trace = match read {
            Ok(bytes) => Trace::parse(&bytes, speed),
            Err(found) => {
                wrong(found);
                return Load::Trace(Arc::default(), Vec::new());
            }
        };
        let trace = trace.unwrap_or_else(|mistakes| {
            for mistake in &mistakes.first {
                wrong(format!("{path}, line {}: {}", mistake.line, mistake.problem));
            }
            if mistakes.more > 0 {
                wrong(format!("{path}: and {} mistakes more", mistakes.more));
            }
            Trace::default()
        });
        let mut classes = Vec::new();
        for name in trace.classes() {
            match self.class_ids.get(name.as_str()) {
                Some(&class) => classes.push(class),
                None => {
                    let help = did_you_mean(name, self.class_ids.keys().copied());
                    let found = format!("{path} has requests of a class {name}, which the model does not have");
                    self.diagnostics.push(Diagnostic::error(place, line, found).help(help));
                    classes.push(0);
                }
            }
        }
        Load::Trace(Arc::new(trace), classes)
    }

    /// The program of a closed loop's user, or of a journey.
    fn session(&mut self, name: &str, spec: &ClientSpec, closed: bool) -> (Pc, Pc, Vec<SessionStep>) {
        if !closed && spec.journey.is_none() {
            return (NONE, NONE, Vec::new());
        }
        let mut steps = Vec::new();
        // A user whose round took no time waits a nanosecond right before the program.
        let end = self.label();
        self.emit(Op::Jump(end));
        let start = self.here();
        if let ArrivalsSpec::Closed(users) = &spec.arrivals {
            let draw = self.draw(&users.think.0, site(&[name, "think"]));
            self.emit(Op::Think { draw });
        }
        match &spec.journey {
            Some(journey) => {
                for (number, step) in journey.iter().enumerate() {
                    let number = number.to_string();
                    for turn in 0..step.times.0 {
                        let turn = turn.to_string();
                        steps.push(SessionStep {
                            class: Some(self.class_id(step.class.as_str())),
                            fresh_key: step.key == JourneyKey::Fresh,
                            site: site(&[name, "journey", &number, &turn]),
                        });
                        self.emit(Op::Issue(steps.len() as u32 - 1));
                        let draw = self.draw(&step.think.0, site(&[name, "journey think", &number, &turn]));
                        self.emit(Op::Think { draw });
                    }
                }
            }
            None => {
                steps.push(SessionStep { class: None, fresh_key: true, site: site(&[name, "request"]) });
                self.emit(Op::Issue(0));
            }
        }
        self.place(end);
        self.emit(Op::EndSession);
        (start, end, steps)
    }
}

/// The keys of a keyspace, ready to pick from.
pub fn keys(popularity: &Popularity, count: u64) -> Keys {
    Keys::new(popularity, count).expect("validated: a popularity fits its keys")
}

/// How many users there are from when on: a ramp is one step for each user.
fn user_steps(users: &Users) -> Vec<(i64, u32)> {
    let stages: &[UserStage] = match users {
        Users::Constant(count) => return vec![(i64::MIN, count.0 as u32)],
        Users::Stages(stages) => stages,
    };
    let mut steps = Vec::new();
    let (mut now, mut level) = (0_i64, 0_u64);
    for stage in stages {
        let (to, ramp) = stage.level();
        let length = stage.duration.0 as i64;
        if ramp {
            let count = level.abs_diff(to);
            for step in 1..=count {
                let at = now + (length as i128 * step as i128 / count.max(1) as i128) as i64;
                let users = if to > level { level + step } else { level - step };
                steps.push((at, users as u32));
            }
        } else {
            steps.push((now, to as u32));
        }
        level = to;
        now = now.saturating_add(length);
    }
    // The warm-up has the load of t = 0.
    let at_zero = steps.iter().take_while(|&&(at, _)| at <= 0).last().map_or(0, |&(_, users)| users);
    steps.insert(0, (i64::MIN, at_zero));
    steps
}

fn tag(tag: &Tag) -> TagPlan {
    let by = match tag.by {
        TagBySpec::Nothing => TagBy::Nothing,
        TagBySpec::Divided(by) => TagBy::Divided(by),
        TagBySpec::Remainder(by) => TagBy::Remainder(by),
    };
    TagPlan { name: site(&["tag", &tag.name]), by }
}
