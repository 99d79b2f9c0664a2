//! Step scaling: alarms with steps, as AWS has them.
//!
//! Follows "Step and simple scaling policies" of the Amazon EC2 Auto Scaling user guide and "How step scaling works" of
//! the Application Auto Scaling user guide: bounds of steps are relative to the alarm's threshold (above it the lower one
//! belongs to the step, below it the upper one), percentages are of the present capacity and rounded as documented, what
//! was added while instances warm up counts as capacity, a cool-down after growing permits a larger growth, one after
//! shrinking ends when something grows, nothing shrinks while new instances warm up, and of several policies the one with
//! the largest capacity wins.

/// A rule: an alarm, and what it changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Which of the observed values it watches.
    pub metric: u32,
    /// Whether it is about values above the threshold, or below.
    pub above: bool,
    /// The alarm's threshold.
    pub threshold: f64,
    /// How long the value must have been there, ns.
    pub for_ns: u64,
    /// What changes, by how far the value is from the threshold.
    pub steps: Vec<Step>,
    /// The least change of a percentage, in replicas.
    pub min_change: u32,
    /// How long the rule's direction rests after it has acted, ns.
    pub cooldown_ns: u64,
}

/// What changes where the value − threshold lies between two bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The lower bound; −∞ for none.
    pub lower: f64,
    /// The upper bound; ∞ for none.
    pub upper: f64,
    /// What changes.
    pub change: Change,
}

/// A change of capacity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// So many more, or fewer.
    By(i64),
    /// So many percent more, or fewer.
    Percent(f64),
    /// To so many.
    To(u32),
}

/// What step scaling is to do.
#[derive(Debug, Clone, PartialEq)]
pub struct StepSpec {
    /// The rules, in any order.
    pub rules: Vec<Rule>,
    /// The time between two looks, ns: a value covers so much.
    pub sync_ns: u64,
    /// How long new instances warm up, ns: until then nothing shrinks.
    pub warmup_ns: u64,
    /// Fewest replicas.
    pub min: u32,
    /// Most replicas.
    pub max: u32,
}

/// What it remembers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepState {
    /// By rule: since when its value has been beyond the threshold, ns.
    beyond_since: Vec<Option<i64>>,
    /// Until when growing rests, and what the capacity was before the growth that it rests from.
    up_rests: Option<(i64, u32)>,
    /// Until when shrinking rests.
    down_rests: i64,
    /// Until when new instances warm up.
    warm_at: i64,
}

impl Step {
    /// Whether a distance from the threshold belongs to it.
    fn holds(&self, distance: f64, above: bool) -> bool {
        match above {
            true => self.lower <= distance && distance < self.upper,
            false => self.lower < distance && distance <= self.upper,
        }
    }
}

/// The capacity that a change makes of `current`, before bounds.
#[must_use]
pub fn changed(current: u32, change: Change, min_change: u32) -> u32 {
    let by = match change {
        Change::To(capacity) => return capacity,
        Change::By(by) => by,
        Change::Percent(percent) => {
            let exact = f64::from(current) * percent / 100.0;
            // Above 1 down, below −1 up, and else to 1 or −1: 12.7 → 12, 0.67 → 1, −0.58 → −1, −6.67 → −6.
            let rounded =
                if exact.abs() >= 1.0 { exact.trunc() as i64 } else { exact.signum() as i64 * i64::from(exact != 0.0) };
            let least = i64::from(min_change);
            if rounded > 0 {
                rounded.max(least)
            } else if rounded < 0 {
                rounded.min(-least)
            } else {
                0
            }
        }
    };
    (i64::from(current) + by).clamp(0, i64::from(u32::MAX)) as u32
}

/// The replicas to have from this look on; `values`: what is observed now, by metric (`None`: insufficient data).
pub fn decide(state: &mut StepState, now_ns: i64, values: &[Option<f64>], current: u32, spec: &StepSpec) -> u32 {
    if state.beyond_since.is_empty() {
        state.beyond_since = vec![None; spec.rules.len()];
        (state.down_rests, state.warm_at) = (i64::MIN, i64::MIN);
    }
    let base = match state.up_rests {
        Some((until, before)) if now_ns < until => Some(before),
        Some(_) | None => None,
    };
    let (mut up, mut down): (Option<(u32, u64)>, Option<(u32, u64)>) = (None, None);
    for (rule, since) in spec.rules.iter().zip(&mut state.beyond_since) {
        let Some(value) = values.get(rule.metric as usize).copied().flatten() else {
            *since = None;
            continue;
        };
        let beyond = if rule.above { value >= rule.threshold } else { value <= rule.threshold };
        if !beyond {
            *since = None;
            continue;
        }
        let began = *since.get_or_insert(now_ns.saturating_sub_unsigned(spec.sync_ns));
        if now_ns.saturating_sub(began) < i64::try_from(rule.for_ns).unwrap_or(i64::MAX) {
            continue;
        }
        let Some(step) = rule.steps.iter().find(|step| step.holds(value - rule.threshold, rule.above)) else {
            continue;
        };
        let grows = changed(current, step.change, rule.min_change) > current;
        // Growing rests by what it has added: only a larger growth goes on.
        let from = if grows { base.unwrap_or(current) } else { current };
        let to = changed(from, step.change, rule.min_change).clamp(spec.min, spec.max);
        let best = if to > current {
            &mut up
        } else if to < current {
            &mut down
        } else {
            continue;
        };
        if best.is_none_or(|(other, _)| to > other) {
            *best = Some((to, rule.cooldown_ns));
        }
    }
    if let Some((to, cooldown_ns)) = up {
        state.up_rests = Some((now_ns.saturating_add_unsigned(cooldown_ns), base.unwrap_or(current)));
        state.warm_at = now_ns.saturating_add_unsigned(spec.warmup_ns);
        state.down_rests = i64::MIN;
        return to;
    }
    match down {
        Some((to, cooldown_ns)) if now_ns >= state.down_rests && now_ns >= state.warm_at => {
            state.down_rests = now_ns.saturating_add_unsigned(cooldown_ns);
            to
        }
        Some(_) | None => current.clamp(spec.min, spec.max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::draws::Draws;

    const S: u64 = 1_000_000_000;

    fn step(lower: f64, upper: f64, percent: f64) -> Step {
        Step { lower, upper, change: Change::Percent(percent) }
    }

    fn rule(above: bool, threshold: f64, steps: Vec<Step>) -> Rule {
        Rule { metric: 0, above, threshold, for_ns: 0, steps, min_change: 0, cooldown_ns: 0 }
    }

    /// The rules of the documentation's example: a threshold of 50, up by 10% from 60 and by 30% from 70, down by 10%
    /// from 40 and by 30% from 30.
    fn documented() -> StepSpec {
        let end = f64::INFINITY;
        let up = vec![step(0.0, 10.0, 0.0), step(10.0, 20.0, 10.0), step(20.0, end, 30.0)];
        let down = vec![step(-10.0, 0.0, 0.0), step(-20.0, -10.0, -10.0), step(-end, -20.0, -30.0)];
        StepSpec {
            rules: vec![rule(true, 50.0, up), rule(false, 50.0, down)],
            sync_ns: 60 * S,
            warmup_ns: 0,
            min: 1,
            max: 100,
        }
    }

    #[test]
    fn the_documented_example() {
        let (spec, mut state, mut capacity) = (documented(), StepState::default(), 10);
        for (minute, (metric, expected)) in
            [(60.0, 11), (70.0, 14), (40.0, 13), (30.0, 10), (59.9, 10)].into_iter().enumerate()
        {
            capacity = decide(&mut state, minute as i64 * 60 * S as i64, &[Some(metric)], capacity, &spec);
            assert_eq!(capacity, expected, "at {metric}");
        }
    }

    #[test]
    fn rounding_and_the_least_change() {
        for (current, percent, least, expected) in [
            (127, 10.0, 0, 139),
            (2, 33.5, 0, 3),
            (2, -29.0, 0, 1),
            (667, -1.0, 0, 661),
            (4, 25.0, 2, 6),
            (4, -25.0, 2, 2),
            (4, 0.0, 2, 4),
            (3, 100.0, 0, 6),
            (1, -200.0, 0, 0),
        ] {
            assert_eq!(changed(current, Change::Percent(percent), least), expected, "{current} by {percent}%");
        }
        assert_eq!((changed(3, Change::By(-5), 0), changed(3, Change::To(9), 0)), (0, 9));
    }

    #[test]
    fn an_alarm_takes_its_time_and_a_cooldown_permits_more() {
        let up = |percent: f64| vec![step(0.0, 20.0, percent), step(20.0, f64::INFINITY, 2.0 * percent)];
        let out = Rule { for_ns: 180 * S, cooldown_ns: 300 * S, ..rule(true, 60.0, up(50.0)) };
        let back = Rule { cooldown_ns: 300 * S, ..rule(false, 20.0, vec![step(f64::NEG_INFINITY, 0.0, -50.0)]) };
        let spec = StepSpec { rules: vec![out, back], sync_ns: 60 * S, warmup_ns: 120 * S, min: 2, max: 40 };
        let mut state = StepState::default();
        let mut capacity = 10;
        // Three minutes above; then the larger step on top of 10, not of 15; then nothing until the cool-down is over.
        for (minute, value, expected) in [
            (1, 65.0, 10),
            (2, 65.0, 10),
            (3, 65.0, 15),
            (4, 65.0, 15),
            (5, 85.0, 20),
            (6, 65.0, 20),
            (7, 10.0, 10),
            (8, 10.0, 10),
            (13, 10.0, 5),
            (18, 10.0, 3),
        ] {
            capacity = decide(&mut state, minute * 60 * S as i64, &[Some(value)], capacity, &spec);
            assert_eq!(capacity, expected, "in minute {minute}");
        }
    }

    #[test]
    fn the_largest_capacity_wins_and_no_data_is_no_alarm() {
        let to = |above, metric, by| Rule {
            metric,
            steps: vec![Step { lower: f64::NEG_INFINITY, upper: f64::INFINITY, change: Change::By(by) }],
            ..rule(above, 50.0, Vec::new())
        };
        let spec = StepSpec {
            rules: vec![to(true, 0, 1), to(true, 1, 4), to(false, 0, -2), to(false, 1, -5)],
            sync_ns: 60 * S,
            warmup_ns: 0,
            min: 1,
            max: 20,
        };
        for (values, expected) in [
            ([Some(90.0), Some(90.0)], 14),
            ([Some(90.0), Some(10.0)], 11),
            ([Some(10.0), Some(10.0)], 8),
            ([Some(10.0), None], 8),
            ([None, None], 10),
        ] {
            assert_eq!(decide(&mut StepState::default(), 0, &values, 10, &spec), expected, "{values:?}");
        }
    }

    /// By whole numbers: percentages and distances are such here.
    fn changed_by_hand(current: u32, change: Change, min_change: u32) -> i64 {
        let by = match change {
            Change::To(capacity) => return i64::from(capacity),
            Change::By(by) => by,
            Change::Percent(percent) => {
                let hundredths = i64::from(current) * percent as i64;
                let whole = if hundredths.abs() < 100 { hundredths.signum() } else { hundredths / 100 };
                whole.signum() * whole.abs().max(i64::from(min_change) * whole.signum().abs())
            }
        };
        (i64::from(current) + by).max(0)
    }

    /// What was observed and done, all of it kept.
    #[derive(Default)]
    struct Twin {
        values: Vec<Vec<Option<f64>>>,
        /// When, to how many, from what base, and the cool-down.
        ups: Vec<(i64, u32, u64)>,
        downs: Vec<(i64, u64)>,
    }

    impl Twin {
        fn decide(&mut self, now: i64, values: &[Option<f64>], current: u32, spec: &StepSpec) -> u32 {
            self.values.push(values.to_vec());
            let last_up = self.ups.last().copied();
            let base = last_up.filter(|(at, _, rests)| now < at + *rests as i64).map(|(_, base, _)| base);
            let mut asked = Vec::new();
            for rule in &spec.rules {
                let beyond = |values: &&Vec<Option<f64>>| {
                    let distance = values[rule.metric as usize].map(|value| value - rule.threshold);
                    distance.is_some_and(|distance| if rule.above { distance >= 0.0 } else { distance <= 0.0 })
                };
                let looks = self.values.iter().rev().take_while(beyond).count() as u64;
                if looks == 0 || looks * spec.sync_ns < rule.for_ns {
                    continue;
                }
                let distance = values[rule.metric as usize].expect("it is beyond") - rule.threshold;
                let holds = |step: &&Step| {
                    let at_lower = distance == step.lower && rule.above;
                    let at_upper = distance == step.upper && !rule.above;
                    at_lower || at_upper || (step.lower < distance && distance < step.upper)
                };
                let Some(step) = rule.steps.iter().find(holds) else { continue };
                let grows = changed_by_hand(current, step.change, rule.min_change) > i64::from(current);
                let from = base.filter(|_| grows).unwrap_or(current);
                let to = changed_by_hand(from, step.change, rule.min_change);
                asked.push((to.clamp(i64::from(spec.min), i64::from(spec.max)) as u32, rule.cooldown_ns));
            }
            // The first of the largest.
            let largest = |asked: Vec<(u32, u64)>| asked.into_iter().rev().max_by_key(|(to, _)| *to);
            if let Some((to, rests)) = largest(asked.iter().copied().filter(|(to, _)| *to > current).collect()) {
                self.ups.push((now, base.unwrap_or(current), rests));
                self.downs.clear();
                return to;
            }
            let rested = self.downs.last().is_none_or(|(at, rests)| now >= at + *rests as i64);
            let warm = last_up.is_none_or(|(at, ..)| now >= at + spec.warmup_ns as i64);
            match largest(asked.into_iter().filter(|(to, _)| *to < current).collect()) {
                Some((to, rests)) if rested && warm => {
                    self.downs.push((now, rests));
                    to
                }
                Some(_) | None => current.clamp(spec.min, spec.max),
            }
        }
    }

    fn random_rule(draws: &mut Draws) -> Rule {
        let above = draws.once_in(2);
        let change = |draws: &mut Draws| match draws.below(8) {
            0 => Change::To(1 + draws.below(20) as u32),
            1..=3 => Change::By(draws.below(9) as i64 - 4),
            _ => Change::Percent(draws.below(161) as f64 - 80.0),
        };
        let bounds: &[(f64, f64)] = match (above, draws.below(2)) {
            (true, 0) => &[(0.0, f64::INFINITY)],
            (true, _) => &[(0.0, 10.0), (10.0, 30.0), (30.0, f64::INFINITY)],
            (false, 0) => &[(f64::NEG_INFINITY, 0.0)],
            (false, _) => &[(-10.0, 0.0), (-30.0, -10.0)],
        };
        let steps = bounds.iter().map(|&(lower, upper)| Step { lower, upper, change: change(draws) }).collect();
        Rule {
            metric: draws.below(2) as u32,
            for_ns: draws.below(4) * 60 * S,
            min_change: draws.below(4) as u32,
            cooldown_ns: draws.below(6) * 60 * S,
            ..rule(above, 10.0 * draws.below(8) as f64, steps)
        }
    }

    fn against_the_twin(rounds: u64) {
        for round in 0..rounds {
            let mut draws = Draws::new(round);
            let rules = (0..1 + draws.below(4)).map(|_| random_rule(&mut draws)).collect();
            let (sync_ns, warmup_ns) = (60 * S, draws.below(5) * 60 * S);
            let spec =
                StepSpec { rules, sync_ns, warmup_ns, min: draws.below(3) as u32, max: 3 + draws.below(60) as u32 };
            let (mut state, mut twin, mut capacity) = (StepState::default(), Twin::default(), 5);
            for minute in 0..100 {
                let value = |draws: &mut Draws| (!draws.once_in(9)).then(|| 10.0 * draws.below(10) as f64);
                let values = [value(&mut draws), value(&mut draws)];
                let now = minute * 60 * S as i64;
                let next = decide(&mut state, now, &values, capacity, &spec);
                let expected = twin.decide(now, &values, capacity, &spec);
                assert_eq!(next, expected, "{spec:?}, round {round}, minute {minute}, {values:?}");
                capacity = next;
            }
        }
    }

    #[test]
    fn decisions_are_those_of_the_twin() {
        against_the_twin(200);
    }

    #[test]
    #[ignore = "a million events"]
    fn decisions_are_those_of_the_twin_a_million_times() {
        against_the_twin(10_000);
    }
}
