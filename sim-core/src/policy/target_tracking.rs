//! Target tracking, as AWS has it.
//!
//! Follows "Target tracking scaling policies" of the Application Auto Scaling and Amazon EC2 Auto Scaling user guides:
//! grow in proportion to how far the metric is above its target, rounded up; shrink only where the metric is well below it
//! (10%), conservatively rounded; without data do nothing; of several metrics grow if any asks for it and shrink only if
//! all do, and the largest capacity wins; a cool-down after shrinking blocks shrinking and ends when something grows; one
//! after growing permits a larger growth, and nothing shrinks in it (the new instances warm up). How many values in a row it takes is a parameter: AWS does not say.

/// What target tracking is to do.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackingSpec {
    /// The targets, by metric.
    pub targets: Vec<f64>,
    /// How many values in a row must be above the target to grow.
    pub datapoints_out: u32,
    /// How many values in a row must be below the target less `scale_in_below` to shrink.
    pub datapoints_in: u32,
    /// How far below the target it is considered to shrink, as a share of it.
    pub scale_in_below: f64,
    /// Whether it shrinks at all.
    pub shrinks: bool,
    /// The cool-down after growing, ns.
    pub cooldown_out_ns: u64,
    /// The cool-down after shrinking, ns.
    pub cooldown_in_ns: u64,
    /// Fewest replicas.
    pub min: u32,
    /// Most replicas.
    pub max: u32,
}

/// What it remembers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrackingState {
    /// By metric: how many values in a row were above, and low.
    runs: Vec<(u32, u32)>,
    /// Until when growing rests.
    out_rests: Option<i64>,
    /// Until when shrinking rests.
    in_rests: Option<i64>,
}

/// The replicas to have from this look on.
///
/// `values`: averages over the `measured` replicas that are in service, by metric (`None`: insufficient data).
pub fn decide(
    state: &mut TrackingState,
    now_ns: i64,
    values: &[Option<f64>],
    measured: u32,
    current: u32,
    spec: &TrackingSpec,
) -> u32 {
    state.runs.resize(spec.targets.len(), (0, 0));
    let (mut out, mut inward) = (None::<u32>, Some(0_u32));
    for ((value, &target), (above, low)) in values.iter().zip(&spec.targets).zip(&mut state.runs) {
        let Some(value) = *value else {
            (*above, *low, inward) = (0, 0, None);
            continue;
        };
        *above = if value > target { *above + 1 } else { 0 };
        *low = if value < target * (1.0 - spec.scale_in_below) { *low + 1 } else { 0 };
        // A share of an instance is a whole one, up and down. An ulp is none.
        let wanted = (f64::from(measured) * value / target * (1.0 - 1e-12)).ceil() as u32;
        if *above >= spec.datapoints_out {
            out = out.max(Some(wanted));
        }
        inward = inward.filter(|_| *low >= spec.datapoints_in).map(|least| least.max(wanted));
    }
    let rests = |until: Option<i64>| until.is_some_and(|until| now_ns < until);
    let bounded = current.clamp(spec.min, spec.max);
    if let Some(wanted) = out.map(|wanted| wanted.clamp(spec.min, spec.max)).filter(|&wanted| wanted > current) {
        // What is being added is a part of what is wanted: while growing rests, only a larger growth goes on.
        state.out_rests = Some(now_ns.saturating_add_unsigned(spec.cooldown_out_ns));
        state.in_rests = None;
        return wanted;
    }
    match inward.map(|wanted| wanted.clamp(spec.min, spec.max)) {
        Some(wanted) if spec.shrinks && wanted < current && !rests(state.in_rests) && !rests(state.out_rests) => {
            state.in_rests = Some(now_ns.saturating_add_unsigned(spec.cooldown_in_ns));
            wanted
        }
        Some(_) | None => bounded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::draws::Draws;

    const S: u64 = 1_000_000_000;

    fn spec(targets: &[f64]) -> TrackingSpec {
        TrackingSpec {
            targets: targets.to_vec(),
            datapoints_out: 1,
            datapoints_in: 1,
            scale_in_below: 0.1,
            shrinks: true,
            cooldown_out_ns: 300 * S,
            cooldown_in_ns: 300 * S,
            min: 1,
            max: 20,
        }
    }

    #[test]
    fn proportions_are_rounded_up_and_shrinking_needs_a_distance() {
        for (value, current, expected) in [
            (70.0, 4, 4),
            (75.0, 4, 5),
            (105.0, 1, 2),
            (140.0, 4, 8),
            (700.0, 4, 20),
            (64.0, 4, 4),
            (63.0, 4, 4),
            (50.0, 4, 3),
            (10.0, 4, 1),
        ] {
            let mut state = TrackingState::default();
            assert_eq!(decide(&mut state, 0, &[Some(value)], current, current, &spec(&[70.0])), expected, "at {value}");
        }
    }

    #[test]
    fn any_metric_grows_and_all_must_shrink() {
        for (values, expected) in [
            ([Some(90.0), Some(10.0)], 9),
            ([Some(90.0), Some(160.0)], 12),
            ([Some(10.0), Some(79.0)], 6),
            ([Some(10.0), None], 6),
            ([Some(10.0), Some(40.0)], 3),
            ([None, Some(100.0)], 8),
            ([None, None], 6),
        ] {
            let mut state = TrackingState::default();
            assert_eq!(decide(&mut state, 0, &values, 6, 6, &spec(&[60.0, 80.0])), expected, "{values:?}");
        }
    }

    #[test]
    fn it_takes_values_in_a_row() {
        let spec = TrackingSpec { datapoints_out: 3, datapoints_in: 4, cooldown_out_ns: 0, ..spec(&[50.0]) };
        let (mut state, mut current) = (TrackingState::default(), 4);
        let values = [80.0, 80.0, 40.0, 80.0, 80.0, 80.0, 20.0, 20.0, 20.0, 20.0, 20.0];
        let expected = [4, 4, 4, 4, 4, 7, 7, 7, 7, 3, 3];
        for (minute, (value, expected)) in values.into_iter().zip(expected).enumerate() {
            current = decide(&mut state, minute as i64 * 60 * S as i64, &[Some(value)], current, current, &spec);
            assert_eq!(current, expected, "in minute {minute}");
        }
    }

    #[test]
    fn cooldowns_block_shrinking_and_permit_larger_growth() {
        let spec = spec(&[50.0]);
        let mut state = TrackingState::default();
        // 4 are measured until the new ones are ready.
        for (minute, value, measured, current, expected) in [
            (0, 75.0, 4, 4, 6),
            (1, 75.0, 4, 6, 6),
            (2, 100.0, 4, 6, 8),
            (3, 10.0, 8, 8, 8),
            (7, 10.0, 8, 8, 2),
            (8, 10.0, 2, 2, 2),
            (9, 100.0, 2, 2, 4),
            (15, 10.0, 4, 4, 1),
        ] {
            let next = decide(&mut state, minute * 60 * S as i64, &[Some(value)], measured, current, &spec);
            assert_eq!(next, expected, "in minute {minute}");
        }
    }

    /// What was observed and done, all of it kept; values and targets are whole numbers.
    #[derive(Default)]
    struct Twin {
        values: Vec<Vec<Option<u64>>>,
        ups: Vec<i64>,
        downs: Vec<i64>,
    }

    impl Twin {
        fn decide(
            &mut self,
            now: i64,
            values: &[Option<u64>],
            measured: u32,
            current: u32,
            spec: &TrackingSpec,
        ) -> u32 {
            self.values.push(values.to_vec());
            let row = |metric: usize, holds: &dyn Fn(u64) -> bool| {
                self.values.iter().rev().take_while(|values| values[metric].is_some_and(holds)).count() as u32
            };
            let bounded = |count: u64| (count as u32).clamp(spec.min, spec.max);
            let (mut grow_to, mut shrink_to) = (Vec::new(), Vec::new());
            for (metric, &target) in spec.targets.iter().enumerate() {
                let target = target as u64;
                let wanted = values[metric].map(|value| bounded((u64::from(measured) * value).div_ceil(target)));
                if row(metric, &|value| value > target) >= spec.datapoints_out {
                    grow_to.extend(wanted);
                }
                // In tenths.
                let tenths = (spec.scale_in_below * 10.0).round() as u64;
                if row(metric, &|value| 10 * value < target * (10 - tenths)) >= spec.datapoints_in {
                    shrink_to.extend(wanted);
                }
            }
            if let Some(most) = grow_to.into_iter().max().filter(|most| *most > current) {
                self.ups.push(now);
                self.downs.clear();
                return most;
            }
            let is_over = |times: &[i64], rests: u64| times.last().is_none_or(|at| now >= at + rests as i64);
            let rested = is_over(&self.ups, spec.cooldown_out_ns) && is_over(&self.downs, spec.cooldown_in_ns);
            let all = shrink_to.len() == spec.targets.len();
            match shrink_to.into_iter().max().filter(|most| all && *most < current && rested && spec.shrinks) {
                Some(most) => {
                    self.downs.push(now);
                    most
                }
                None => bounded(u64::from(current)),
            }
        }
    }

    fn against_the_twin(rounds: u64) {
        for round in 0..rounds {
            let mut draws = Draws::new(round);
            let targets: Vec<f64> = (0..1 + draws.below(3)).map(|_| 10.0 * (1 + draws.below(9)) as f64).collect();
            let spec = TrackingSpec {
                datapoints_out: 1 + draws.below(3) as u32,
                datapoints_in: 1 + draws.below(4) as u32,
                scale_in_below: draws.of(&[0.0, 0.1, 0.3]),
                shrinks: !draws.once_in(5),
                cooldown_out_ns: draws.below(5) * 60 * S,
                cooldown_in_ns: draws.below(5) * 60 * S,
                max: 2 + draws.below(60) as u32,
                ..spec(&targets)
            };
            let (mut state, mut twin, mut current) = (TrackingState::default(), Twin::default(), 4);
            for minute in 0..100 {
                let mut value = || (!draws.once_in(9)).then(|| draws.below(110));
                let values: Vec<Option<u64>> = targets.iter().map(|_| value()).collect();
                let measured = current - draws.below(3).min(u64::from(current)) as u32;
                let now = minute * 60 * S as i64;
                let floats: Vec<Option<f64>> = values.iter().map(|value| value.map(|value| value as f64)).collect();
                let next = decide(&mut state, now, &floats, measured, current, &spec);
                let expected = twin.decide(now, &values, measured, current, &spec);
                assert_eq!(next, expected, "{spec:?}, round {round}, minute {minute}, {values:?}");
                current = next;
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
