//! What goes wrong: refusals, broken dumps, damaged backups, killed processes and
//! servers that go away. Each test demands the exit code, a message that says
//! what to do next, the live schema and the older backups bit for bit as they
//! were, and a next run that works and leaves nothing behind.

mod crash;
mod damage;
mod dump;
mod gone;
pub mod live;
mod refuse;
pub mod running;
mod secrets;
mod swap;
pub mod world;

pub use world::{demand_stop, until};
