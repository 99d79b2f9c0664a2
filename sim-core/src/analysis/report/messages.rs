//! Messages that wait in queues.

use serde::{Deserialize, Serialize};

/// Messages that wait in a queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Backlog {
    /// Average over the window.
    pub mean: f64,
    /// The most at one instant.
    pub max: u64,
    /// At the end of the window.
    pub end: u64,
}

/// How old the oldest message is that waits in a queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Age {
    /// The oldest that one got.
    pub max_s: f64,
    /// At the end of the window.
    pub end_s: f64,
}
