//! Independent tallies of the same thing.

use serde::{Deserialize, Serialize};

/// Two independent tallies of the same thing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// What is compared: `offered = ok + errors + unfinished`.
    pub check: String,
    /// One tally.
    #[serde(with = "wide")]
    pub left: u128,
    /// The other.
    #[serde(with = "wide")]
    pub right: u128,
    /// Whether they agree.
    pub ok: bool,
}

/// Integers that may pass 64 bits: a JSON number while it fits, decimal text beyond.
mod wide {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        match u64::try_from(*value) {
            Ok(small) => serializer.serialize_u64(small),
            Err(_) => serializer.serialize_str(&value.to_string()),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::Number(number) => {
                number.as_u64().map(u128::from).ok_or_else(|| Error::custom("expected a whole number"))
            }
            serde_json::Value::String(text) => text.parse().map_err(|_| Error::custom("expected a whole number")),
            _ => Err(Error::custom("expected a whole number")),
        }
    }
}
