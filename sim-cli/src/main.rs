//! The command line of Kneepoint.
mod diagram;
mod render;
fn main() {}
