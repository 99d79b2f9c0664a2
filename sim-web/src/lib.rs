//! The browser application of Kneepoint.
//!
//! Not built yet: this crate is a placeholder that holds its place in the workspace. The simulator itself is complete
//! in `sim-core` and is used from the command line, `sim-cli`.
