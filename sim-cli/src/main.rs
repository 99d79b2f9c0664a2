//! The command line of Kneepoint.
fn main() {}
