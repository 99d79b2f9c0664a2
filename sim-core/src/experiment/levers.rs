//! What a system can be given more of: replicas, cores, connections, … and what is known of more of it.

use crate::model::Model;
use crate::model::path;
use crate::model::value::Cores;

/// What more of something does to what requests meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It only adds capacity: nothing gets worse by it.
    Surely,
    /// It mostly helps, but may move the queue to a worse place: a larger pool admits more to a database that is full.
    Usually,
}

/// Something that a model can have more of.
#[derive(Clone, Debug, PartialEq)]
pub struct Lever {
    /// The component that gets more.
    pub component: String,
    /// The station that it widens: `cores`, `workers`, `connections`, `slots`, `threads`; none for what a cache holds.
    pub station: Option<&'static str>,
    /// Of what: `replicas`, `slots`.
    pub what: &'static str,
    /// How many there are now, at the first of the paths.
    pub now: f64,
    /// Whether it comes in thousandths too, as cores do.
    pub divisible: bool,
    /// What more of it does.
    pub order: Order,
    /// The fields that are set: the first to the amount, the others to at least that.
    pub paths: Vec<(String, f64)>,
}

impl Lever {
    /// A count that is one field.
    pub fn count(
        name: &str,
        station: Option<&'static str>,
        what: &'static str,
        field: &str,
        now: u64,
        order: Order,
    ) -> Self {
        Self {
            component: name.to_owned(),
            station,
            what,
            now: now as f64,
            divisible: false,
            order,
            paths: vec![(format!("{name}.{field}"), now as f64)],
        }
    }

    /// The cores of each.
    pub fn cores(name: &str, what: &'static str, cores: Cores) -> Self {
        let now = f64::from(cores.0) / 1000.0;
        Self {
            now,
            divisible: true,
            paths: vec![(format!("{name}.cores"), now)],
            ..Self::count(name, Some("cores"), what, "cores", 0, Order::Surely)
        }
    }

    /// The settings that make it this many.
    pub fn set_to(&self, amount: f64) -> Vec<(String, String)> {
        let at_least = |now: f64| if self.divisible { now.max(amount) } else { now.max(amount).round() };
        self.paths.iter().map(|(path, now)| (path.clone(), at_least(*now).to_string())).collect()
    }

    /// A step that can be felt: one more, or a quarter more of many.
    pub fn step(&self) -> f64 {
        match self.now {
            few if few <= 4.0 && !self.divisible => few + 1.0,
            few if self.divisible && (1.0..=4.0).contains(&few) => few + 1.0,
            many if self.divisible => (many * 1250.0).ceil() / 1000.0,
            many => (many * 1.25).ceil(),
        }
    }

    /// Half as much again.
    pub fn half_more(&self) -> f64 {
        if self.divisible { self.now * 1.5 } else { self.now + (self.now / 2.0).ceil().max(1.0) }
    }

    /// What is had more of, and how many: `web: 5 replicas instead of 4`.
    pub fn told(&self, amount: f64) -> String {
        format!("{}: {amount} {} instead of {}", self.component, self.what, self.now)
    }
}

/// All that a model can have more of, by component.
pub fn levers(model: &Model) -> Vec<Lever> {
    model.components.iter().flat_map(|(name, component)| component.part().levers(name, model)).collect()
}

/// What widens a station, the usual first: `orders.slots`, `web.cores`, `pool`.
pub fn of_station<'l>(levers: &'l [Lever], address: &str) -> Option<&'l Lever> {
    let (component, station) = address.split_once('.').map_or((address, None), |(name, rest)| (name, Some(rest)));
    let own = |lever: &&Lever| lever.component == component && lever.station.is_some();
    levers.iter().find(|lever| own(lever) && (station.is_none() || lever.station == station))
}

/// What is known of more of a field, by its path in the document; nothing where more is neither better nor worse for
/// all that is asked of a system: the length of a queue, a time to live, a policy.
pub fn order_of(model: &Model, path: &str) -> Option<Order> {
    let whole = |path: &str| model.document.whole_path(path).ok().map(|segments| path::text(&segments));
    let asked = whole(path)?;
    if let Some(lever) =
        levers(model).iter().find(|lever| lever.paths.iter().any(|(path, _)| whole(path).as_ref() == Some(&asked)))
    {
        // Of what is set together, a part alone may do nothing; it never does harm beyond what the whole does.
        return Some(lever.order);
    }
    model.components.iter().find_map(|(name, component)| {
        let is_asked = |field: &str| whole(&format!("{name}.{field}")).as_ref() == Some(&asked);
        component.part().orders().iter().find_map(|(field, order)| is_asked(field).then_some(*order))
    })
}
