//! `schedule`: hand the backups to the system's own scheduler, and what it calls.

mod install;
mod run;
mod state;
mod steps;

pub(super) use state::facts;

pub use install::{install, uninstall};
pub use run::run;
pub use state::status;
