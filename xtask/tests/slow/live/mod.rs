//! Changes while others write.

mod beside;
mod held;
mod keys;
mod killed;
mod online;
mod reading;
mod violations;
mod ways;
mod writers;
mod xa;
