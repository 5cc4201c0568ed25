//! Changes while others write.

mod held;
mod online;
mod violations;
mod writers;
