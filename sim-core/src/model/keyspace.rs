//! Keyspaces: how many keys there are and which are asked for most.

use super::node::{Node, Value};
use super::spec::{Read, Reader, Shape};
use super::syntax::Call;
use super::units;
use super::value::{Count, Factor};
use crate::spec;

spec! {
    /// Keys that requests ask for. Key k is the k-th most popular.
    pub struct Keyspace {
        /// How many there are; left out, as many as there are weights.
        keys: Count = optional.range(1, 10_000_000_000_u64);
        /// Which are asked for most.
        popularity: Popularity = default("uniform");
    }
}

impl Keyspace {
    /// How many keys there are.
    pub fn count(&self) -> u64 {
        match (&self.keys, &self.popularity) {
            (Some(keys), _) => keys.0,
            (None, Popularity::Weights(weights)) => weights.len() as u64,
            (None, Popularity::Uniform | Popularity::Zipf(_) | Popularity::Hotspot { .. }) => 1,
        }
    }
}

/// Which of several things are asked for most.
#[derive(Debug, Clone, PartialEq)]
pub enum Popularity {
    /// All alike.
    Uniform,
    /// The k-th with a weight of 1/k^s.
    Zipf(f64),
    /// Some get a share of all requests; the rest share what is left. Alike among themselves.
    Hotspot {
        /// How many are hot.
        hot: Hot,
        /// The share of the requests that go to them.
        traffic: f64,
    },
    /// The k-th with the k-th weight.
    Weights(Vec<f64>),
}

/// How many are hot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hot {
    /// A share of all, 0 to 1.
    Share(f64),
    /// So many.
    Count(u64),
}

impl Hot {
    /// How many of `keys` are hot: at least one, at most all.
    pub fn of(self, keys: u64) -> u64 {
        match self {
            Self::Share(share) => ((share * keys as f64).round() as u64).clamp(1, keys.max(1)),
            Self::Count(count) => count.clamp(1, keys.max(1)),
        }
    }
}

const EXPECTED: &str = "uniform, zipf(0.99), hotspot(10%, 50%) or a list of weights";

impl Read for Popularity {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::List(items) => weights(node, items, reader),
            Value::String(text) => {
                let text = text.trim();
                if text == "uniform" {
                    return Some(Self::Uniform);
                }
                match Call::parse(text) {
                    Some(Call { name: "zipf", positional, named }) if positional.len() == 1 && named.is_empty() => {
                        zipf(node, positional[0], reader)
                    }
                    Some(Call { name: "hotspot", positional, named }) if positional.len() == 2 && named.is_empty() => {
                        hotspot(node, positional[0], positional[1], reader)
                    }
                    Some(_) | None => reader.unexpected(node, EXPECTED),
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Map(_) => reader.unexpected(node, EXPECTED),
        }
    }

    fn shape() -> Shape {
        Shape::Any(vec![
            Shape::Syntax {
                doc: "uniform, zipf(s) or hotspot(10%, 50%): a share or count of the keys, and the share of requests",
                pattern: r"^\s*(uniform|zipf\(.*\)|hotspot\(.*\))\s*$",
            },
            Shape::List(Box::new(Factor::shape())),
        ])
    }
}

fn zipf(node: &Node, exponent: &str, reader: &mut Reader) -> Option<Popularity> {
    match units::number(exponent) {
        Ok(exponent) if exponent <= 20.0 => Some(Popularity::Zipf(exponent)),
        Ok(_) | Err(_) => reader.unexpected(node, "an exponent between 0 and 20, as in zipf(0.99)"),
    }
}

fn hotspot(node: &Node, hot: &str, traffic: &str, reader: &mut Reader) -> Option<Popularity> {
    let count = hot.parse::<u64>().ok().filter(|&count| count >= 1).map(Hot::Count);
    let share = || units::share(hot).ok().filter(|&share| share > 0.0).map(Hot::Share);
    match (count.or_else(share), units::share(traffic)) {
        (Some(hot), Ok(traffic)) => Some(Popularity::Hotspot { hot, traffic }),
        (None, _) => reader.unexpected(node, "a share or a count of what is hot first, as in hotspot(10%, 50%)"),
        (_, Err(_)) => reader.unexpected(node, "the share of the requests second, as in hotspot(10%, 50%)"),
    }
}

fn weights(node: &Node, items: &[Node], reader: &mut Reader) -> Option<Popularity> {
    let weights: Vec<Option<Factor>> = items.iter().map(|item| Factor::read(item, reader)).collect();
    let weights: Vec<f64> =
        weights.into_iter().collect::<Option<Vec<_>>>()?.into_iter().map(|weight| weight.0).collect();
    if !weights.iter().any(|&weight| weight > 0.0) {
        return reader.unexpected(node, "a list of weights that are not all zero");
    }
    Some(Popularity::Weights(weights))
}
