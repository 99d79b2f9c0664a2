//! A call in progress at one instance.

use crate::engine::rng::{PHI, mix64, uniform};
use crate::engine::slab::Slot;
use crate::plan::{Outcome, Pc};

/// What a frame waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Waiting {
    /// The place is free.
    #[default]
    Free,
    /// Nothing: it runs, or is about to.
    Nothing,
    /// Its turn: it was granted what it had asked for.
    Granted,
    /// Nothing: it was ended from outside and gives back what it holds. Nothing mends its outcome any more.
    Ending,
    /// A place at a station.
    Queue,
    /// A place in front of a full queue.
    Front,
    /// The end of its service.
    Work,
    /// The end of its service on shared cores.
    SharedWork,
    /// The end of a delay.
    Delay,
    /// A connection that is being opened.
    Connect,
    /// To reach the callee.
    Outward,
    /// Its answer to reach the caller.
    Homeward,
    /// The answer of its child.
    Child,
    /// The moment to try again.
    BackOff,
    /// Another's load of the same key.
    Flight,
    /// A lock.
    Lock,
    /// Its branches.
    Join,
    /// The end of the delivery that it is a part of.
    Batch,
    /// A user's think time.
    Think,
    /// The request that its session issued.
    Request,
    /// To tell a callee that it is cancelled.
    Message,
}

/// Set: the call reached the instance inside the window, and is counted.
pub const COUNTED: u8 = 1;
/// Set: it writes.
pub const WRITE: u8 = 2;
/// Set: the last look-up hit.
pub const HIT: u8 = 4;
/// Set: it came over a connection pool, which counts its connection.
pub const POOLED: u8 = 8;
/// Set: the call in progress is the fallback.
pub const FALLBACK: u8 = 16;
/// Set: a slot of the link's `max_in_flight` is taken.
pub const ADMITTED: u8 = 32;
/// Set: it opened a connection at a database of its own.
pub const CONNECTED: u8 = 64;
/// Set: a message that a queue has accepted (at a database the bit means [`CONNECTED`]).
pub const ACCEPTED: u8 = CONNECTED;
/// Set: a branch of a fork.
pub const BRANCH: u8 = 128;

/// A call in progress at one instance: what it is, where it is in its program, what it waits for.
///
/// The frame's event is known by its sequence number alone: an event whose number is not `wake` is stale.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(64))]
pub struct Frame {
    /// When it reached the instance (a request: when it began).
    pub start: u64,
    /// When the open phase began.
    pub since: u64,
    /// The key that all its draws follow from.
    pub key: u64,
    /// The sequence number of the event that it waits for; 0: none.
    pub wake: u64,
    /// The data key that it is about, [`NO_KEY`]: none.
    pub item: u64,
    /// When it is no longer wanted, ns since the run's start.
    pub deadline: u64,
    /// When its call in progress was begun (first try).
    pub sent: u64,
    /// The service that was drawn for the work in progress; the previous back-off while waiting to try again.
    pub work: u64,
    /// Who waits for it.
    pub parent: u32,
    /// Whom it waits for; with branches, the first of them.
    pub child: u32,
    /// Links of the queue, or of the branches, that it is in.
    pub next: u32,
    /// The same, backwards.
    pub prev: u32,
    /// The client's number.
    pub client: u32,
    /// Where its time is written down: the log of this frame's number; `NONE`: nobody will read it.
    pub log: u32,
    /// The instance that it is at.
    pub instance: u32,
    /// The instance that is "the caller" for what it reaches.
    pub scope: u32,
    /// Where it is in its program.
    pub pc: Pc,
    /// The version of the data that it holds.
    pub version: u32,
    /// Counts this place's users.
    pub generation: u32,
    /// How often the call in progress has been repeated.
    pub turn: u32,
    /// The length of the log when the try in progress began.
    pub mark: u32,
    /// The group of a balancer's endpoints that this instance was chosen from, [`NO_COMPONENT`]: none.
    pub via: u16,
    /// The class that the callee sees.
    pub class: u16,
    /// The cell of the open phase.
    pub cell: u16,
    /// Which try the call in progress is, from 0.
    pub attempt: u8,
    /// Which of the handler's pools in session mode it holds a connection of.
    pub sessions: u8,
    /// See the constants.
    pub flags: u8,
    /// The operation.
    pub op: u8,
    /// How it ended, or ends.
    pub outcome: u8,
    /// What it waits for.
    pub waiting: Waiting,
}

/// No component.
pub const NO_COMPONENT: u16 = u16::MAX;

/// No data key.
pub const NO_KEY: u64 = u64::MAX;

/// No deadline.
pub const NO_DEADLINE: u64 = u64::MAX;

impl Frame {
    /// How it ended.
    #[inline(always)]
    pub fn outcome(&self) -> Outcome {
        Outcome::ALL[self.outcome as usize]
    }

    /// Whether a flag is set.
    #[inline(always)]
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether it holds a connection of the handler's n-th pool in session mode.
    pub fn sessions_has(&self, bit: u8) -> bool {
        self.sessions & (1 << bit) != 0
    }

    /// Notes that it does.
    pub fn sessions_set(&mut self, bit: u8) {
        self.sessions |= 1 << bit;
    }

    /// Notes that it no longer does, and says whether it did.
    pub fn sessions_take(&mut self, bit: u8) -> bool {
        let had = self.sessions_has(bit);
        self.sessions &= !(1 << bit);
        had
    }

    /// Notes that it holds none.
    pub fn sessions_clear(&mut self) {
        self.sessions = 0;
    }

    /// Whether the place is in use.
    pub fn in_use(&self) -> bool {
        self.waiting != Waiting::Free
    }
}

impl Slot for Frame {
    fn generation(&self) -> u32 {
        self.generation
    }

    fn set_generation(&mut self, generation: u32) {
        self.generation = generation;
        self.waiting = Waiting::Free;
    }

    fn link(&mut self) -> &mut u32 {
        &mut self.next
    }
}

/// The key of a call: `mix(parent ^ site ^ iteration·φ ^ attempt·ψ)`.
#[inline(always)]
pub fn child_key(parent: u64, site: u64, iteration: u32, attempt: u8) -> u64 {
    mix64(parent ^ site ^ (iteration as u64).wrapping_mul(PHI) ^ (attempt as u64).wrapping_mul(0xd1b5_4a32_d192_ed03))
}

/// The k-th uniform variate of a frame at a site.
#[inline(always)]
pub fn draw(key: u64, site: u64, k: u64) -> f64 {
    uniform(draw_bits(key, site, k))
}

/// The bits of the k-th draw of a frame at a site.
#[inline(always)]
pub fn draw_bits(key: u64, site: u64, k: u64) -> u64 {
    mix64(key.wrapping_add(site).wrapping_add(k.wrapping_mul(PHI)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_two_cache_lines() {
        assert_eq!(size_of::<Frame>(), 128);
    }
}
