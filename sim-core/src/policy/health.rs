//! How balancers find out that an endpoint is ill, each after its product.

pub mod active;
pub mod outlier;
pub mod passive;
