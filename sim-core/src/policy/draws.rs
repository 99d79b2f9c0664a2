//! Numbers for fuzzing: they look random, and are the same in every run.

use crate::engine::rng::mix64;

/// Numbers in turn, from a seed.
pub struct Draws(u64);

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self(mix64(seed))
    }

    /// Below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix64(self.0) % end
    }

    /// Whether something happens that does once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// In (0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.below(1 << 52) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// One of some.
    pub fn of<T: Copy>(&mut self, some: &[T]) -> T {
        some[self.below(some.len() as u64) as usize]
    }
}
