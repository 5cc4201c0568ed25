//! The tools of those who make this one: CI and its machines, benchmarks, sample data,
//! generated pages. No user of the product compiles it.

pub mod bench;
pub mod ci;
pub mod docs;
mod man;
pub mod provision;
pub mod seed;
