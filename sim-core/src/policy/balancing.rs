//! How balancers choose, where the state is more than a cursor: each names the product or paper that it follows.

pub mod least;
pub mod maglev;
pub mod peak_ewma;
pub mod ring;
