//! Components: one file each. What the rest of the core asks of any of them is `Part`, in `part.rs`.

pub mod autoscaler;
pub mod cache;
pub mod cdn;
pub mod client;
pub mod connection_pool;
pub mod database;
#[cfg(test)]
mod example;
pub mod health;
pub mod load_balancer;
mod part;
pub mod queue;
pub mod rate_limiter;
pub mod scaling;
pub mod server_pool;

use crate::model::cost::Cost;
use crate::model::node::Node;
use crate::model::spec::{Place, Read, Reader, Shape, Spec, Structure, in_a_row, wrong_word};

pub use part::Outgoing;
pub(crate) use part::{LeftOut, Nature, Part, counted, rested_on, sentences};

/// Declares the component types, in the order of a palette: a line each, from which follow the enum, reading by `type`,
/// the schema and the palette, and the way to what each says for itself.
macro_rules! components {
    ($( #[doc = $doc:literal] $(#[cfg($when:meta)])? $name:ident($spec:ty); )+) => {
        /// A component, as its user wrote it.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Component {
            $( #[doc = $doc] $(#[cfg($when)])? $name($spec), )+
        }

        /// The declarations of all component types, in the order of a palette.
        pub fn structures() -> Vec<Structure> {
            Vec::from([$( $(#[cfg($when)])? <$spec>::structure(), )+])
        }

        /// All types, in the order of a palette.
        const TYPES: &[&str] = &[$( $(#[cfg($when)])? <$spec>::TYPE, )+];

        impl Component {
            /// What it says for itself.
            pub(crate) fn part(&self) -> &dyn Part {
                match self {
                    $( $(#[cfg($when)])? Self::$name(spec) => spec, )+
                }
            }

            /// Its `type`.
            pub fn kind(&self) -> &'static str {
                match self {
                    $( $(#[cfg($when)])? Self::$name(_) => <$spec>::TYPE, )+
                }
            }

            /// Where it was written.
            pub fn at(&self) -> &Place {
                match self {
                    $( $(#[cfg($when)])? Self::$name(spec) => &spec.at, )+
                }
            }

            /// What it costs, if its user says so.
            pub fn cost(&self) -> Option<&Cost> {
                match self {
                    $( $(#[cfg($when)])? Self::$name(spec) => spec.cost.as_ref(), )+
                }
            }

            /// What every component of its type is.
            pub(crate) fn nature(&self) -> Nature {
                match self {
                    $( $(#[cfg($when)])? Self::$name(_) => <$spec>::nature(), )+
                }
            }

            /// Reads a component of a type; the outer `None`: there is no such type.
            fn read_as(kind: &str, node: &Node, reader: &mut Reader) -> Option<Option<Self>> {
                $(
                    $(#[cfg($when)])?
                    if kind == <$spec>::TYPE {
                        return Some(<$spec as Part>::read(node, reader).map(Self::$name));
                    }
                )+
                None
            }
        }

        /// What every component of each type is.
        fn natures() -> Vec<(&'static str, Nature)> {
            Vec::from([$( $(#[cfg($when)])? (<$spec>::TYPE, <$spec>::nature()), )+])
        }

        /// The shapes of all types.
        fn shapes() -> Vec<Shape> {
            Vec::from([$( $(#[cfg($when)])? <$spec as Read>::shape(), )+])
        }
    };
}

components! {
    /// Where requests come from.
    Client(client::ClientSpec);
    /// Hands calls to endpoints.
    LoadBalancer(load_balancer::LoadBalancerSpec);
    /// Runs handlers.
    ServerPool(server_pool::ServerPoolSpec);
    /// Keeps what was asked for before.
    Cache(cache::CacheSpec);
    /// Connections that callers borrow.
    ConnectionPool(connection_pool::ConnectionPoolSpec);
    /// Keeps data.
    Database(database::DatabaseSpec);
    /// Keeps messages until they are worked on.
    Queue(queue::QueueSpec);
    /// Keeps answers near their users.
    Cdn(cdn::CdnSpec);
    /// Lets so many calls pass in a time.
    RateLimiter(rate_limiter::RateLimiterSpec);
    /// Changes the number of replicas.
    Autoscaler(autoscaler::AutoscalerSpec);
    /// Works on each call for a while, then hands it on.
    #[cfg(test)]
    Proxy(example::ProxySpec);
}

impl Component {
    /// Its stations, as reports name them; the first is the one that its own `utilization`, `queue` and `wait` are of.
    pub fn stations(&self) -> Vec<&'static str> {
        self.part().stations()
    }

    /// What matters most of it in a picture, a line each.
    pub fn facts(&self) -> Vec<String> {
        self.part().facts()
    }

    /// Whom it calls, steers or borrows of.
    pub fn links(&self) -> Vec<Outgoing<'_>> {
        self.part().links()
    }
}

/// What every component of a type is, if there is such a type.
pub(crate) fn nature_of(kind: &str) -> Option<Nature> {
    natures().into_iter().find_map(|(known, nature)| (known == kind).then_some(nature))
}

/// The types that are something.
pub(crate) fn types_that(are: impl Fn(&Nature) -> bool) -> impl Iterator<Item = &'static str> {
    natures().into_iter().filter_map(move |(kind, nature)| are(&nature).then_some(kind))
}

impl Read for Component {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Some(kind) = node.get("type") else {
            if node.get("like").is_some() {
                // It is like nothing, which has been told.
                return None;
            }
            return reader.error(node, "`type` is missing", in_a_row(TYPES.iter().copied()));
        };
        let word = kind.text().unwrap_or_default();
        match Self::read_as(word, node, reader) {
            Some(read) => read,
            None => wrong_word(kind, reader, word, TYPES),
        }
    }

    fn shape() -> Shape {
        Shape::Named("Component", || Shape::Any(shapes()))
    }
}
