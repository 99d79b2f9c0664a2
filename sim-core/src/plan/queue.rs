//! Queues of messages.

/// A queue.
#[derive(Debug, Clone)]
pub struct QueuePlan {
    /// The component.
    pub component: u32,
    /// The most messages of a delivery.
    pub batch: u32,
    /// How long the first message waits for others, nanoseconds.
    pub wait_ns: u64,
    /// Whether each message of a batch is a call of its own.
    pub each: bool,
}

/// What a queue's program does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueStep {
    /// Takes it from its publisher, who goes on, and lets it wait for its delivery.
    Accept,
    /// Lets it wait for another delivery.
    Again,
    /// Ends a delivery; one that failed goes on elsewhere, to another.
    End,
    /// The same, to its end.
    EndLast,
    /// It was turned away, or dropped for a newer one.
    Refused,
}
