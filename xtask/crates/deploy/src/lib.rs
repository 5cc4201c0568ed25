//! Releases and pushes: a proven backup before, the former state after a failure.

pub mod hooks;
pub mod release;
