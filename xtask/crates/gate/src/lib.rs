//! The gate: what stands between a change and the live schema. A backup, its proof,
//! a rehearsal on the copy, and only then the change, which is all or nothing where
//! the server allows that. It fails closed at every step.

pub mod after;
pub mod api;
pub mod by_swap;
mod early;
pub mod import;
pub mod in_place;
pub mod migrate;
pub mod new_migration;
pub mod online;
pub mod passage;
pub mod permit;
pub mod proof;
pub mod put_back;
pub mod recent;
pub mod rehearse;
pub mod state;
pub mod told;
pub mod transactions;
pub mod undo;
pub mod unfinished;

pub use passage::{Applied, Gate, Live};
