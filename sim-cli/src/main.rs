//! The command line of Kneepoint.
mod render;
fn main() {}
