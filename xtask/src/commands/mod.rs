//! The conductor: one file a command, the only room that sees all.

pub mod ci;
