//! Copies at destinations: they arrive, what is wrong with them shows, and a machine that
//! has nothing else is restored from one.

mod faults;
mod folder;
mod killed;
mod lost_laptop;
mod memory;
mod three_two_one;
pub mod world;
