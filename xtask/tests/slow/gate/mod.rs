//! The gate against real servers: a migration of five statements that fails at each
//! of them, on the copy and live, with and without somebody else writing.

mod early;
mod guards;
mod in_place;
mod killed;
mod passage;
mod runbook;
pub mod world;
