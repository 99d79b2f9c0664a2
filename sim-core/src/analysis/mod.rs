//! What a run means: the report, its objectives, its bottleneck, and how sure the figures are.

pub mod assemble;
pub mod backlog;
pub mod beside;
pub mod bottleneck;
pub mod cost;
pub mod interval;
pub mod load;
pub mod objective;
pub mod paired;
pub mod recovery;
pub mod replications;
pub mod report;
pub mod theory;
pub mod trace;
pub mod warmup;
