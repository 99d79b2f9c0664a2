//! The configurations that a plan chooses from: what each is set to, what is known of its price, and which of them have
//! no less of anything than which.

use crate::analysis::{cost, load};
use crate::experiment::axis::Axes;
use crate::experiment::levers::{self, Order};
use crate::experiment::{Point, Subjects};
use crate::model::diagnostic::Diagnostics;
use crate::model::node::Node;
use crate::model::{Model, units};

/// A number of each axis's value, from the least up.
type Ranks = Vec<u32>;

/// A configuration.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What it is set to.
    pub point: Point,
    /// Where its values stand on their axes.
    ranks: Ranks,
    /// What is minimised is at least this; exactly this where [`Space::is_known`].
    pub price: f64,
    /// Whether theory alone says that it can't keep up.
    pub is_hopeless: bool,
}

/// All configurations.
#[derive(Clone, Debug)]
pub struct Space {
    candidates: Vec<Candidate>,
    /// By axis, what more of it does; nothing where its values are not ordered.
    orders: Vec<Option<Order>>,
    /// Whether the prices are exact.
    pub is_known: bool,
}

/// What is minimised.
#[derive(Clone, Debug, PartialEq)]
pub enum Goal {
    /// What the model's components cost.
    Cost,
    /// What is set, each at a price: `web.replicas` at 70 each.
    Prices(Vec<(String, f64)>),
    /// A setting of the axes.
    Setting(String),
    /// A figure of the run.
    Figure(crate::experiment::Figure),
}

/// From how far above its capacity a station is loaded a configuration is not run at all, where nothing else than the
/// queue could follow: then at most three quarters of the work get done in time, whatever a run's chance.
const HOPELESS: f64 = 1.5;

impl Space {
    /// Every combination of the axes' values. `in_time_s` is the longest latency that objectives allow.
    ///
    /// # Errors
    /// Some combinations are no right models.
    pub fn new(subjects: &Subjects, axes: &Axes, goal: &Goal, in_time_s: Option<f64>) -> Result<Self, Diagnostics> {
        let base = subjects.base();
        let amounts: Vec<Option<Vec<f64>>> =
            axes.iter().map(|axis| axis.values.iter().map(|value| amount(value)).collect()).collect();
        let orders: Vec<Option<Order>> = axes
            .iter()
            .zip(&amounts)
            .map(|(axis, amounts)| amounts.as_ref().and_then(|_| levers::order_of(base, &axis.path)))
            .collect();
        let ranks_of_axes: Vec<Ranks> = amounts
            .iter()
            .zip(axes)
            .map(|(amounts, axis)| match amounts {
                Some(amounts) => amounts.iter().map(|own| amounts.iter().filter(|a| *a < own).count() as u32).collect(),
                None => (0..axis.values.len() as u32).collect(),
            })
            .collect();
        let mut space = Self { candidates: Vec::new(), orders, is_known: !matches!(goal, Goal::Figure(_)) };
        let mut mistakes = Diagnostics::default();
        for (number, point) in axes.grid().into_iter().enumerate() {
            let model = match subjects.model(&point) {
                Ok(model) => model,
                Err(found) => {
                    mistakes.append(found);
                    continue;
                }
            };
            let price = match goal {
                Goal::Cost => {
                    let foretold = cost::foretold(&model);
                    space.is_known &= foretold.is_none_or(|foretold| foretold.exactly);
                    foretold.map_or(0.0, |foretold| foretold.per_month)
                }
                Goal::Prices(prices) => priced(&point, prices),
                Goal::Setting(path) => priced(&point, &[(path.clone(), 1.0)]),
                Goal::Figure(_) => f64::NEG_INFINITY,
            };
            let mut left = number;
            let mut ranks: Ranks = Vec::new();
            for ranks_of_axis in ranks_of_axes.iter().rev() {
                ranks.insert(0, ranks_of_axis[left % ranks_of_axis.len()]);
                left /= ranks_of_axis.len();
            }
            let is_hopeless = in_time_s.is_some_and(|in_time_s| is_hopeless(&model, in_time_s));
            space.candidates.push(Candidate { point, ranks, price, is_hopeless });
        }
        if mistakes.has_errors() { Err(mistakes) } else { Ok(space) }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.candidates.len()
    }

    /// One of them.
    pub fn get(&self, candidate: usize) -> &Candidate {
        &self.candidates[candidate]
    }

    /// By axis, what more of it does.
    pub fn orders(&self) -> &[Option<Order>] {
        &self.orders
    }

    /// Of equally dear ones the one with less of everything comes first.
    pub fn modesty(&self, candidate: usize) -> (u32, usize) {
        (self.candidates[candidate].ranks.iter().sum(), candidate)
    }

    /// Whether `large` has no less of anything than `small`, and where order says nothing the same. `trust` is how sure
    /// it must be that more is not worse.
    pub fn covers(&self, large: usize, small: usize, trust: Order) -> bool {
        let (large, small) = (&self.candidates[large].ranks, &self.candidates[small].ranks);
        large.iter().zip(small).zip(&self.orders).all(|((large, small), order)| match (order, trust) {
            (Some(Order::Surely), _) | (Some(Order::Usually), Order::Usually) => large >= small,
            (Some(Order::Usually), Order::Surely) | (None, _) => large == small,
        })
    }
}

/// A value that is more or less than others: a count, a factor, cores.
fn amount(value: &str) -> Option<f64> {
    let value = value.trim().trim_matches('"');
    value.parse().ok().filter(|value: &f64| value.is_finite()).or_else(|| units::cores(value).ok().map(f64::from))
}

fn priced(point: &Point, prices: &[(String, f64)]) -> f64 {
    let of = |path: &String| point.sets.iter().find(|(known, _)| known == path).and_then(|(_, value)| amount(value));
    prices.iter().map(|(path, price)| price * of(path).unwrap_or(0.0)).sum()
}

/// Whether more is offered to a station than it can serve by so much that no objective of time or errors can be met: at a
/// constant load, with no cache that might answer in its place, no change and no fallback on the way. The window must be
/// long against the longest latency that is allowed, so that a queue can't hide it.
fn is_hopeless(model: &Model, in_time_s: f64) -> bool {
    let is_constant = model.components.values().all(|component| component.part().load_is_known());
    let window_s = model.run.duration.0 as f64 / 1e9;
    let mends = mentions(&model.document.root, &["fallback", "cached"]);
    is_constant
        && !mends
        && model.events.is_empty()
        && in_time_s <= 0.1 * window_s
        && load::offered(model).stations.iter().any(|station| station.utilization() >= HOPELESS)
}

/// Whether a field of one of these names is anywhere in a tree.
fn mentions(node: &Node, names: &[&str]) -> bool {
    let inside = |(key, value): &(String, Node)| names.contains(&key.as_str()) || mentions(value, names);
    node.entries().iter().any(inside) || node.items().iter().any(|item| mentions(item, names))
}
