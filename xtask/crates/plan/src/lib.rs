//! Decisions. Pure: facts and `now` in, plan out; a plan's `Display` is the dry run.

pub mod backup;
pub mod bench;
pub mod change;
pub mod companions;
pub mod definer;
pub mod deploy;
pub mod dump_client;
pub mod early;
pub mod failed;
pub mod forecast;
pub mod foreign_keys;
pub mod gate;
pub mod history;
pub mod identity;
pub mod loss;
pub mod migrate;
pub mod proof;
pub mod push;
pub mod recovery;
pub mod restore;
pub mod retention;
pub mod reuse;
mod rising;
mod safe;
pub mod schedule;
pub mod status;
pub mod swap;
pub mod tables;
#[cfg(test)]
mod testing;
pub mod timeline;
pub mod undo;
pub mod unsaved;
pub mod which;
