//! Changes while others write.

mod beside;
mod held;
mod online;
mod reading;
mod violations;
mod writers;
mod xa;
