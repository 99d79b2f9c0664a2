//! Where the limit is: brackets, then roots.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::Limit;
use crate::analysis::interval::{LEVEL, Summary};
use crate::experiment::Record;

/// Runs of each value while the search is far from the limit.
const LOOKS: u32 = 4;
/// Runs of each value around the limit, at least.
const RUNS_MIN: u32 = 8;
/// Runs of each value around the limit, at most, where nobody sets a budget.
const RUNS_MAX: u32 = 200;
/// Without a budget, the search makes about so many requests at most.
const REQUESTS_TOTAL: f64 = 60e6;
/// Without bounds, a value is not tried where a single run has more requests.
const REQUESTS_RUN_MAX: f64 = 10e6;
/// Loads with fewer requests a run tell nothing of percentiles.
const REQUESTS_RUN_MIN: f64 = 200.0;
/// How close the bracket is drawn before the limit is measured.
const BRACKET: f64 = 0.04;
/// How often the values around the limit are moved.
const ROUNDS_MAX: u32 = 10;
/// Values of the curve, as shares of the limit.
const CURVE: [f64; 16] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1.0, 1.03, 1.07, 1.12];
/// Requests of all runs of the curve, about.
const CURVE_REQUESTS: f64 = 15e6;

/// Values and how many runs of each are needed before it can go on.
pub struct Need(pub Vec<(f64, u32)>);

/// What the search came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// A limit.
    Limit(Root),
    /// Everything holds as far as it was looked at: up to this value.
    Always(f64),
    /// Something doesn't hold however little is asked: down to this value.
    Never(f64),
    /// Turning the dial changes nothing.
    NoEffect,
}

/// A limit and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Root {
    /// The value.
    pub value: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// A value just beyond, at which it was seen to break.
    pub beyond: f64,
    /// How many runs of each value it rests on.
    pub runs: u32,
    /// Whether it is as precise as was asked.
    pub precise: bool,
    /// 1 where more is harder, −1 where more helps.
    pub sense: f64,
}

/// The search, from its beginning, with what there is.
pub struct Search<'l> {
    limit: &'l Limit,
    /// 1 where more is harder, −1 where more helps.
    sense: f64,
    /// Runs that this search has asked for, by value.
    spent: RefCell<BTreeMap<u64, u32>>,
}

/// One side of a bracket: value and headroom.
type Side = (f64, f64);

impl<'l> Search<'l> {
    pub fn new(limit: &'l Limit) -> Self {
        Self { limit, sense: 1.0, spent: RefCell::default() }
    }

    /// All of it: the limit, and then the curve.
    pub fn all(mut self) -> Result<Found, Need> {
        let found = self.find()?;
        self.curve(&found)?;
        Ok(found)
    }

    /// The limit.
    pub fn find(&mut self) -> Result<Found, Need> {
        if !self.limit.dial.is_load {
            match self.direction()? {
                Some(sense) => self.sense = sense,
                None => return Ok(Found::NoEffect),
            }
        }
        match self.bracket()? {
            Ok((good, bad)) => {
                let (good, bad) = self.close_in(good, bad)?;
                self.measure(good, bad).map(Found::Limit)
            }
            Err(found) => Ok(found),
        }
    }

    /// The values of the curve and how many runs of each there should be.
    pub fn curve_values(&self, found: &Found) -> Vec<(f64, u32)> {
        let dial = &self.limit.dial;
        let (at, sense) = match found {
            Found::Limit(root) => (root.value, root.sense),
            Found::Always(value) => (*value, self.sense),
            Found::Never(_) | Found::NoEffect => return Vec::new(),
        };
        let scaled = |share: f64| match share {
            1.0 => at,
            share if sense > 0.0 => dial.snap(rounded(at * share, 3)),
            share => dial.snap(rounded(at / share, 3)),
        };
        let mut values: Vec<f64> = CURVE.iter().map(|share| scaled(*share)).collect();
        values.retain(|value| (dial.low..=dial.high).contains(value) || *value == at);
        if *found == Found::Always(at) {
            values.retain(|value| (value - at) * sense <= 0.0);
        }
        values.sort_by(f64::total_cmp);
        values.dedup();
        let requests: f64 = values.iter().map(|value| self.requests(*value)).sum();
        // Near the limit the curve should agree with it.
        let most = match found {
            Found::Limit(root) => root.runs.max(LOOKS),
            Found::Always(_) | Found::Never(_) | Found::NoEffect => LOOKS,
        };
        let runs = (CURVE_REQUESTS / requests.max(1.0)).clamp(2.0, f64::from(most)) as u32;
        values.into_iter().map(|value| (value, runs)).collect()
    }

    fn curve(&self, found: &Found) -> Result<(), Need> {
        let need = self.curve_values(found);
        let missing = |&(value, runs): &(f64, u32)| self.count(value) < runs;
        if need.iter().any(missing) { Err(Need(need)) } else { Ok(()) }
    }

    fn count(&self, value: f64) -> u32 {
        self.limit.point_of(value).map_or(0, |point| self.limit.samples.count(point))
    }

    /// Requests of a run at a value, warm-up included: of the nearest one that was run, in proportion where it is a load.
    fn requests(&self, value: f64) -> f64 {
        let offered = |known: f64| {
            let point = self.limit.point_of(known)?;
            Some(self.limit.samples.of(point).next()?.offered as f64 * self.limit.effort)
        };
        // Only what this search has come by: what ran later must not change what it decided.
        let known: Vec<f64> = self.spent.borrow().keys().map(|bits| f64::from_bits(*bits)).collect();
        let distance = |known: f64| (known / value).max(value / known);
        let known = known.into_iter().filter(|known| offered(*known).is_some());
        let Some(nearest) = known.min_by(|a, b| distance(*a).total_cmp(&distance(*b))) else { return 0.0 };
        let scale = if self.limit.dial.is_load { value / nearest } else { 1.0 };
        offered(nearest).unwrap_or(0.0) * scale
    }

    /// Sees to it that each value has so many runs.
    fn need(&self, values: &[f64], runs: u32) -> Result<(), Need> {
        for value in values {
            let mut spent = self.spent.borrow_mut();
            let so_far = spent.entry(value.to_bits()).or_default();
            *so_far = runs.max(*so_far);
        }
        let missing = values.iter().any(|value| self.count(*value) < runs);
        if missing { Err(Need(values.iter().map(|value| (*value, runs)).collect())) } else { Ok(()) }
    }

    /// How many more runs of each of three values can be paid.
    fn affordable(&self, value: f64) -> u32 {
        let spent = self.spent.borrow();
        let runs: u32 = spent.values().sum();
        match self.limit.options.budget {
            Some(budget) => budget.saturating_sub(runs) / 3,
            None => {
                let of = |(value, runs): (&u64, &u32)| self.requests(f64::from_bits(*value)) * f64::from(*runs);
                let requests: f64 = spent.iter().map(of).sum();
                let left = (REQUESTS_TOTAL - requests).max(0.0);
                (left / 3.0 / self.requests(value).max(1.0)) as u32
            }
        }
    }

    /// The least headroom of all objectives at a value, without one of the runs.
    fn headroom(&self, value: f64, runs: u32, without: Option<u32>) -> f64 {
        let Some(point) = self.limit.point_of(value) else { return f64::NAN };
        let kept = |record: &&Record| record.job.replication < runs && Some(record.job.replication) != without;
        let rooms = self.limit.holds.iter().filter(|holds| !holds.from_below).map(|holds| {
            let mean = holds.mean(self.limit.samples.of(point).filter(kept));
            holds.headroom(mean)
        });
        rooms.fold(f64::INFINITY, f64::min)
    }

    fn look(&self, value: f64) -> Result<f64, Need> {
        self.need(&[value], LOOKS)?;
        Ok(self.headroom(value, LOOKS, None))
    }

    /// A value so many times as hard, within the bounds of the dial.
    fn harder(&self, value: f64, times: f64) -> f64 {
        let dial = &self.limit.dial;
        let next = if self.sense > 0.0 { value * times } else { value / times };
        dial.snap(next.max(dial.low).min(dial.high))
    }

    /// Whether more is harder (1) or helps (−1); nothing where it makes no difference as far as one can look.
    fn direction(&self) -> Result<Option<f64>, Need> {
        let dial = &self.limit.dial;
        let start = dial.start();
        let mut step = 2.0;
        loop {
            let less = dial.snap((start / step).max(dial.low));
            let more = dial.snap((start * step).min(dial.high));
            self.need(&[less, more], LOOKS)?;
            let [at_less, at_more] = [less, more].map(|value| self.headroom(value, LOOKS, None));
            if (at_less - at_more).abs() > 1e-9 {
                return Ok(Some(if at_less > at_more { 1.0 } else { -1.0 }));
            }
            let is_all = less <= dial.low && more >= dial.high;
            if is_all || step > 1e4 {
                return Ok(None);
            }
            step *= step;
        }
    }

    /// A value that holds and one that doesn't; or what there is instead.
    fn bracket(&self) -> Result<Result<(Side, Side), Found>, Need> {
        let dial = &self.limit.dial;
        let mut value = dial.start();
        // What theory knows to be hopeless is not tried.
        if let Some(full) = self.limit.full.filter(|full| value > 1.05 * full) {
            value = dial.snap((0.95 * full).max(dial.low));
        }
        let (mut good, mut bad): (Option<Side>, Option<Side>) = (None, None);
        loop {
            let room = self.look(value)?;
            let holds = room > 1.0;
            if holds {
                good = Some((value, room))
            } else {
                bad = Some((value, room))
            }
            if let (Some(good), Some(bad)) = (good, bad) {
                return Ok(Ok((good, bad)));
            }
            let mut next = self.harder(value, if holds { 2.0 } else { 0.5 });
            if let Some(full) = self.limit.full.filter(|full| holds && value < *full && next > 1.05 * full) {
                next = dial.snap(1.05 * full);
            }
            let requests = self.requests(next);
            let is_end = next == value
                || dial.is_load && holds && requests > REQUESTS_RUN_MAX && !dial.is_bounded
                || dial.is_load && !holds && requests < REQUESTS_RUN_MIN * self.limit.effort;
            if is_end {
                return Ok(Err(if holds { Found::Always(value) } else { Found::Never(value) }));
            }
            value = next;
        }
    }

    /// Draws the bracket closer: secants, and halving where they are slow.
    fn close_in(&self, mut good: Side, mut bad: Side) -> Result<(Side, Side), Need> {
        let mut halve = false;
        loop {
            let (low, high) = (good.0.min(bad.0), good.0.max(bad.0));
            if high / low <= 1.0 + BRACKET {
                return Ok((good, bad));
            }
            let share = if halve { 0.5 } else { ((good.1 - 1.0) / (good.1 - bad.1)).clamp(0.1, 0.9) };
            let value = self.limit.dial.snap(good.0 + share * (bad.0 - good.0));
            if value == good.0 || value == bad.0 {
                let middle = self.limit.dial.snap(0.5 * (good.0 + bad.0));
                if halve || middle == good.0 || middle == bad.0 {
                    return Ok((good, bad));
                }
                halve = true;
                continue;
            }
            let room = self.look(value)?;
            if room > 1.0 {
                good = (value, room)
            } else {
                bad = (value, room)
            }
            halve = (good.0 - bad.0).abs() > 0.5 * (high - low);
        }
    }

    /// Runs values around the limit until its interval is narrow enough.
    fn measure(&self, good: Side, bad: Side) -> Result<Root, Need> {
        let precision = self.limit.options.precision;
        let mut center = crossing(&[good, bad]);
        let mut spread = (0.5 * (good.0 - bad.0).abs() / center).clamp(precision, precision.max(0.03));
        let mut runs = RUNS_MIN.min(self.affordable(center).max(2));
        let mut last: Option<Root> = None;
        for round in 0..ROUNDS_MAX {
            let values = self.around(center, spread);
            self.need(&values, runs)?;
            let root = self.root(&values, runs);
            let rooms = [values[0], values[values.len() - 1]].map(|value| self.headroom(value, runs, None));
            let is_inside = (rooms[0] > 1.0) != (rooms[1] > 1.0);
            center = root.value;
            let half = 0.5 * (root.high - root.low) / root.value;
            let is_narrow = spread <= 1.01 * precision.max(0.002) || self.limit.dial.is_whole();
            let precise = half <= precision || self.limit.dial.is_whole() && root.low == root.high;
            last = Some(Root { precise: precise && is_inside, ..root });
            if is_inside && precise && is_narrow {
                break;
            }
            spread = if is_inside { (0.5 * spread).max(precision.max(0.002)) } else { (1.5 * spread).min(0.1) };
            if is_inside && !precise {
                // As many as it takes at this spread, and a little more; at most four times as many at once.
                let wanted = f64::from(runs) * (half / precision) * (half / precision) * 1.15;
                let wanted = (wanted.min(4.0 * f64::from(runs)).ceil() as u32).max(runs + 1).min(RUNS_MAX);
                let most = runs.max(self.affordable(center));
                if wanted.min(most) == runs && is_narrow {
                    break;
                }
                runs = wanted.min(most);
            } else if self.affordable(center) < runs && round > 0 {
                break;
            }
        }
        Ok(last.expect("there is one round at least"))
    }

    /// Three values around one, in order; whole numbers are a step apart at least.
    fn around(&self, center: f64, spread: f64) -> Vec<f64> {
        let dial = &self.limit.dial;
        let step = if dial.is_whole() { (center * spread).max(1.0) } else { center * spread };
        let center = if dial.is_whole() { center.floor() } else { center };
        let least = if dial.is_whole() { 1.0 } else { 0.0 };
        let values = [center - step, center, center + step]
            .map(|value| dial.snap(value.max(least).max(dial.low).min(dial.high)));
        let mut values = values.to_vec();
        values.dedup();
        if values.len() == 1 {
            values.push(dial.snap(center + 2.0 * step));
        }
        values
    }

    /// Where the headroom of all runs crosses 1, with its interval by the jackknife: the estimate is made again without
    /// each of the runs, and the spread of these tells how sure it is. Equal replications are left out together at all
    /// values, as they have their chance in common. Source: R. G. Miller, The jackknife – a review, Biometrika 61 (1974).
    fn root(&self, values: &[f64], runs: u32) -> Root {
        let crossing_without = |without: Option<u32>| {
            let sides: Vec<Side> = values.iter().map(|value| (*value, self.headroom(*value, runs, without))).collect();
            crossing(&sides)
        };
        let all = crossing_without(None);
        let n = f64::from(runs);
        let pseudo: Vec<f64> = (0..runs).map(|without| n * all - (n - 1.0) * crossing_without(Some(without))).collect();
        let summary = Summary::of(&pseudo).expect("there are runs");
        let (low, high) = summary.interval(LEVEL).unwrap_or((0.0, f64::INFINITY));
        // What is whole holds up to the whole number before, or from the next one on.
        let whole = |value: f64| match self.limit.dial.is_whole() {
            true if self.sense > 0.0 => (value + 1e-9).floor(),
            true => (value - 1e-9).ceil(),
            false => value,
        };
        let ends = (values[0], values[values.len() - 1]);
        let center = summary.mean.clamp(ends.0, ends.1);
        Root {
            value: self.limit.dial.snap(if self.limit.dial.is_whole() { whole(center) } else { rounded(center, 4) }),
            low: whole(low.max(0.0).min(center)),
            high: whole(high.max(center)),
            beyond: if self.sense > 0.0 { ends.1 } else { ends.0 },
            runs,
            precise: false,
            sense: self.sense,
        }
    }
}

/// With so many significant digits.
fn rounded(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits - 1).parse().expect("a number was written")
}

/// Where the line through the values crosses 1; beyond them, where the nearest piece would, not too far off.
fn crossing(sides: &[Side]) -> f64 {
    let between = |a: Side, b: Side| match a.1 - b.1 {
        0.0 => 0.5 * (a.0 + b.0),
        fall => a.0 + (a.1 - 1.0) / fall * (b.0 - a.0),
    };
    if let Some(pair) = sides.windows(2).find(|pair| (pair[0].1 > 1.0) != (pair[1].1 > 1.0)) {
        return between(pair[0], pair[1]);
    }
    let (first, last) = (sides[0], sides[sides.len() - 1]);
    let width = (last.0 - first.0).abs().max(1e-9);
    let (least, most) = (first.0.min(last.0), first.0.max(last.0));
    // All hold or none: the end that is nearer to 1 tells where to look on.
    let pieces = [(first, sides[1]), (sides[sides.len() - 2], last)];
    let nearer = if (first.1 - 1.0).abs() < (last.1 - 1.0).abs() { 0 } else { 1 };
    let (a, b) = pieces[nearer];
    let beyond = between(a, b);
    let (low, high) = if nearer == 0 { (least - width, least) } else { (most, most + width) };
    beyond.clamp(low.max(0.1 * least), high)
}
