//! How time passes: the calendar, random keys, the slab of calls in flight and the digest. Knows no component.

pub mod calendar;
pub mod digest;
pub mod rng;
pub mod slab;
