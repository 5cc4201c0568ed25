//! `hooks`: git asks for a proven backup before a migration is pushed to a ref
//! that is deployed.

mod beside;
mod install;
mod push;
mod status;

pub use install::{displaced, install, uninstall};
pub use push::run as pre_push;
pub use status::status;
