//! A slab: values at stable indices, reused last-freed first, each with a generation.

use std::ops::{Index, IndexMut};

/// No index.
pub const NONE: u32 = u32::MAX;

/// A value that carries the generation of its place, so that a handle that outlived it is noticed.
pub trait Slot: Default {
    /// The generation of the place: how often it was freed.
    fn generation(&self) -> u32;
    /// Sets the generation.
    fn set_generation(&mut self, generation: u32);
    /// The link of the free list, which the slab uses while the place is free.
    fn link(&mut self) -> &mut u32;
}

/// Values at stable indices.
#[derive(Debug, Clone)]
pub struct Slab<T> {
    slots: Vec<T>,
    free: u32,
    live: u32,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { slots: Vec::new(), free: NONE, live: 0 }
    }
}

impl<T: Slot> Slab<T> {
    /// How many values live in it.
    pub fn live(&self) -> u32 {
        self.live
    }

    /// One past the highest index that was ever used.
    pub fn high_water(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Takes a place and returns its index. The place keeps what its last user left: the caller sets every field.
    #[inline]
    pub fn take(&mut self) -> u32 {
        self.live += 1;
        if self.free != NONE {
            let at = self.free;
            self.free = *self.slots[at as usize].link();
            return at;
        }
        self.slots.push(T::default());
        (self.slots.len() - 1) as u32
    }

    /// Frees a place: every handle to it with the present generation is void.
    #[inline]
    pub fn free(&mut self, at: u32) {
        let slot = &mut self.slots[at as usize];
        slot.set_generation(slot.generation().wrapping_add(1));
        *slot.link() = self.free;
        self.free = at;
        self.live -= 1;
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;
    #[inline(always)]
    fn index(&self, at: u32) -> &T {
        &self.slots[at as usize]
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    #[inline(always)]
    fn index_mut(&mut self, at: u32) -> &mut T {
        &mut self.slots[at as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Thing {
        generation: u32,
        link: u32,
    }

    impl Slot for Thing {
        fn generation(&self) -> u32 {
            self.generation
        }
        fn set_generation(&mut self, generation: u32) {
            self.generation = generation;
        }
        fn link(&mut self) -> &mut u32 {
            &mut self.link
        }
    }

    #[test]
    fn reuses_the_last_freed_place_with_a_new_generation() {
        let mut slab = Slab::<Thing>::default();
        let (a, b) = (slab.take(), slab.take());
        let before = slab[a].generation;
        slab.free(a);
        slab.free(b);
        assert_eq!((slab.take(), slab.take()), (b, a));
        assert_eq!(slab[a].generation, before + 1);
        assert_eq!((slab.live(), slab.high_water()), (2, 2));
    }
}
