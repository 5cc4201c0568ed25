//! Changes while others write.

mod beside;
mod held;
mod keys;
mod killed;
mod obstacles;
mod online;
mod quiet;
mod reading;
mod retried;
mod trap;
mod values;
mod violations;
mod ways;
mod writers;
mod xa;
