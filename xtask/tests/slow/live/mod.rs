//! Changes while others write.

mod online;
mod writers;
