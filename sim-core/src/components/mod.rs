//! Components: one file each.

pub mod autoscaler;
pub mod cache;
pub mod cdn;
pub mod client;
pub mod connection_pool;
pub mod database;
pub mod health;
pub mod load_balancer;
pub mod queue;
pub mod rate_limiter;
pub mod scaling;
pub mod server_pool;

use crate::model::cost::Cost;
use crate::model::node::Node;
use crate::model::spec::{Place, Read, Reader, Shape, Spec, Structure};

/// A component, as its user wrote it.
#[derive(Debug, Clone, PartialEq)]
pub enum Component {
    /// Where requests come from.
    Client(client::ClientSpec),
    /// Hands calls to endpoints.
    LoadBalancer(load_balancer::LoadBalancerSpec),
    /// Runs handlers.
    ServerPool(server_pool::ServerPoolSpec),
    /// Keeps what was asked for before.
    Cache(cache::CacheSpec),
    /// Connections that callers borrow.
    ConnectionPool(connection_pool::ConnectionPoolSpec),
    /// Keeps data.
    Database(database::DatabaseSpec),
    /// Keeps answers near their users.
    Cdn(cdn::CdnSpec),
    /// Keeps messages until they are worked on.
    Queue(queue::QueueSpec),
    /// Lets so many calls pass in a time.
    RateLimiter(rate_limiter::RateLimiterSpec),
    /// Changes the number of replicas.
    Autoscaler(autoscaler::AutoscalerSpec),
}

/// The declarations of all component types, in the order of a palette.
pub fn structures() -> Vec<Structure> {
    vec![
        client::ClientSpec::structure(),
        load_balancer::LoadBalancerSpec::structure(),
        server_pool::ServerPoolSpec::structure(),
        cache::CacheSpec::structure(),
        connection_pool::ConnectionPoolSpec::structure(),
        database::DatabaseSpec::structure(),
        queue::QueueSpec::structure(),
        cdn::CdnSpec::structure(),
        rate_limiter::RateLimiterSpec::structure(),
        autoscaler::AutoscalerSpec::structure(),
    ]
}

impl Component {
    /// Its `type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Client(_) => "client",
            Self::LoadBalancer(_) => "load-balancer",
            Self::ServerPool(_) => "server-pool",
            Self::Cache(_) => "cache",
            Self::ConnectionPool(_) => "connection-pool",
            Self::Database(_) => "database",
            Self::Cdn(_) => "cdn",
            Self::Queue(_) => "queue",
            Self::RateLimiter(_) => "rate-limiter",
            Self::Autoscaler(_) => "autoscaler",
        }
    }

    /// Where it was written.
    pub fn at(&self) -> &Place {
        match self {
            Self::Client(spec) => &spec.at,
            Self::LoadBalancer(spec) => &spec.at,
            Self::ServerPool(spec) => &spec.at,
            Self::Cache(spec) => &spec.at,
            Self::ConnectionPool(spec) => &spec.at,
            Self::Database(spec) => &spec.at,
            Self::Cdn(spec) => &spec.at,
            Self::Queue(spec) => &spec.at,
            Self::RateLimiter(spec) => &spec.at,
            Self::Autoscaler(spec) => &spec.at,
        }
    }

    /// What it costs, if its user says so.
    pub fn cost(&self) -> Option<&Cost> {
        match self {
            Self::Client(spec) => spec.cost.as_ref(),
            Self::LoadBalancer(spec) => spec.cost.as_ref(),
            Self::ServerPool(spec) => spec.cost.as_ref(),
            Self::Cache(spec) => spec.cost.as_ref(),
            Self::ConnectionPool(spec) => spec.cost.as_ref(),
            Self::Database(spec) => spec.cost.as_ref(),
            Self::Cdn(spec) => spec.cost.as_ref(),
            Self::Queue(spec) => spec.cost.as_ref(),
            Self::RateLimiter(spec) => spec.cost.as_ref(),
            Self::Autoscaler(spec) => spec.cost.as_ref(),
        }
    }

    /// Its stations, as reports name them; the first is the one that its own `utilization`, `queue` and `wait` are of.
    pub fn stations(&self) -> Vec<&'static str> {
        match self {
            Self::LoadBalancer(spec) if spec.service.is_some() => vec!["cores"],
            Self::Client(_) | Self::LoadBalancer(_) | Self::RateLimiter(_) | Self::Autoscaler(_) => Vec::new(),
            Self::ServerPool(_) => vec!["cores", "workers"],
            Self::Cache(_) => vec!["threads"],
            Self::Cdn(_) => Vec::new(),
            Self::Queue(_) => vec!["workers"],
            Self::ConnectionPool(_) => vec!["connections"],
            Self::Database(spec) if spec.slots().is_some() => vec!["slots", "connections", "locks"],
            Self::Database(_) => vec!["cores", "connections", "locks"],
        }
    }
}

impl Read for Component {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let structures = structures();
        let types = structures.iter().filter_map(|structure| structure.component);
        let expected = crate::model::spec::in_a_row(types.clone());
        let Some(kind) = node.get("type") else {
            if node.get("like").is_some() {
                // It is like nothing, which has been told.
                return None;
            }
            return reader.error(node, "`type` is missing", expected);
        };
        match kind.text().unwrap_or_default() {
            "client" => Read::read(node, reader).map(Self::Client),
            "load-balancer" => {
                let node = rate_limiter::with_own_fields(node, "policy");
                Read::read(&node, reader).map(Self::LoadBalancer)
            }
            "server-pool" => Read::read(node, reader).map(Self::ServerPool),
            "cache" => Read::read(node, reader).map(Self::Cache),
            "connection-pool" => Read::read(node, reader).map(Self::ConnectionPool),
            "database" => Read::read(node, reader).map(Self::Database),
            "cdn" => Read::read(node, reader).map(Self::Cdn),
            "queue" => Read::read(node, reader).map(Self::Queue),
            "rate-limiter" => rate_limiter::RateLimiterSpec::read_with_algorithm(node, reader).map(Self::RateLimiter),
            "autoscaler" => Read::read(node, reader).map(Self::Autoscaler),
            wrong => {
                let types: Vec<&str> = types.collect();
                crate::model::spec::wrong_word(kind, reader, wrong, &types)
            }
        }
    }

    fn shape() -> Shape {
        Shape::Named("Component", || {
            Shape::Any(vec![
                client::ClientSpec::shape(),
                load_balancer::LoadBalancerSpec::shape(),
                server_pool::ServerPoolSpec::shape(),
                cache::CacheSpec::shape(),
                connection_pool::ConnectionPoolSpec::shape(),
                database::DatabaseSpec::shape(),
                cdn::CdnSpec::shape(),
                queue::QueueSpec::shape(),
                rate_limiter::RateLimiterSpec::shape(),
                autoscaler::AutoscalerSpec::shape(),
            ])
        })
    }
}
