//! Addresses: `web`, `web[2]`, `orders/shard[1]/replica[0]`, `web@zone-b`. The same in faults, events, objectives,
//! overrides and the report.

use std::fmt;

use super::node::Node;
use super::spec::{Place, Read, Reader, Shape};

/// A component, or one instance of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Address {
    /// The component.
    pub component: String,
    /// Its replica: `web[2]`, from 0.
    pub replica: Option<u64>,
    /// The zone whose replicas are meant: `web@zone-b`.
    pub zone: Option<String>,
    /// Parts inside, outermost first: `shard[1]`, `replica[0]`.
    pub parts: Vec<(Part, u64)>,
    /// Where it was written.
    pub at: Place,
}

/// A numbered part of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A shard of a database.
    Shard,
    /// A replica of a shard.
    Replica,
    /// The shield of a CDN; it has one, so it bears no number.
    Shield,
}

impl Part {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Shard => "shard",
            Self::Replica => "replica",
            Self::Shield => "shield",
        }
    }
}

impl Address {
    /// Reads an address; the error says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (text, zone) = match text.trim().split_once('@') {
            Some((_, zone)) if !is_name(zone) => return Err(expected()),
            Some((pool, zone)) if is_name(pool) => (pool, Some(zone.to_string())),
            Some(_) => return Err(expected()),
            None => (text.trim(), None),
        };
        let mut segments = text.split('/');
        let first = segments.next().unwrap_or_default();
        let (component, replica) = numbered(first).ok_or_else(expected)?;
        if !is_name(component) {
            return Err(expected());
        }
        let mut parts = Vec::new();
        for segment in segments {
            match numbered(segment) {
                Some(("shard", Some(number))) => parts.push((Part::Shard, number)),
                Some(("replica", Some(number))) => parts.push((Part::Replica, number)),
                Some(("shield", None)) => parts.push((Part::Shield, 0)),
                Some(_) | None => return Err(expected()),
            }
        }
        Ok(Self { component: component.to_string(), replica, zone, parts, at: Place::default() })
    }

    /// Whether it is a whole component.
    pub fn is_whole(&self) -> bool {
        self.replica.is_none() && self.parts.is_empty() && self.zone.is_none()
    }

    /// The number of a part.
    pub fn part(&self, part: Part) -> Option<u64> {
        self.parts.iter().find(|(which, _)| *which == part).map(|(_, number)| *number)
    }
}

fn expected() -> String {
    "an address, as web, web[2], web@zone-b or orders/shard[1]/replica[0]".to_string()
}

fn numbered(segment: &str) -> Option<(&str, Option<u64>)> {
    match segment.split_once('[') {
        None => Some((segment, None)),
        Some((name, rest)) => {
            let digits = rest.strip_suffix(']')?;
            if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            Some((name, digits.parse().ok()))
        }
    }
}

/// Whether a text can be the name of a component, a class, a keyspace, an operation or a variant.
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= 100
        && text.chars().all(|letter| letter.is_alphanumeric() || letter == '-' || letter == '_')
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.component)?;
        if let Some(replica) = self.replica {
            write!(out, "[{replica}]")?;
        }
        if let Some(zone) = &self.zone {
            write!(out, "@{zone}")?;
        }
        for (part, number) in &self.parts {
            match part {
                Part::Shard | Part::Replica => write!(out, "/{}[{number}]", part.word())?,
                Part::Shield => write!(out, "/{}", part.word())?,
            }
        }
        Ok(())
    }
}

impl Read for Address {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Some(text) = node.text() else { return reader.unexpected(node, expected()) };
        match Self::parse(text) {
            Ok(address) => Some(Self { at: Place::of(node), ..address }),
            Err(expected) => reader.unexpected(node, expected),
        }
    }

    fn shape() -> Shape {
        Shape::Syntax {
            doc: "a component or one instance of it: web, web[2], orders/shard[1]/replica[0], edge/shield",
            pattern: r"^[^\[\]/@.]+(\[[0-9]+\]|@[^\[\]/@.]+)?((/(shard|replica)\[[0-9]+\])*|/shield)$",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_as_they_were_written() {
        for text in [
            "web",
            "web[2]",
            "orders/shard[1]",
            "orders/shard[1]/replica[0]",
            "orders-pool",
            "größe",
            "web@zone-b",
            "edge/shield",
        ] {
            assert_eq!(Address::parse(text).expect("is an address").to_string(), text);
        }
        for text in [
            "",
            "web[",
            "web[]",
            "web[-1]",
            "web[x]",
            "web[1]x",
            "/shard[1]",
            "a/b[1]",
            "a/shard",
            "edge/shield[0]",
            "a b",
            "w[9999999999]",
            "web[1]@b",
            "web@",
            "db@b/shard[0]",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
