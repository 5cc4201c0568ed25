//! The conductor: one file a command, the only room that sees all the others.

pub mod ctx;
pub mod doctor;
pub mod server;

pub use ctx::Ctx;
