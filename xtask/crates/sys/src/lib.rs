//! The doors to the machine. Every effect outside the process (a child, a file,
//! the environment, the clock, a signal, HTTP) goes through one file here, so that
//! deadlines, durability and redaction are decided once. `clippy.toml` bans the
//! standard library's ways around them.

pub mod clock;
pub mod disk;
pub mod docker;
pub mod duplex;
pub mod env;
pub mod fault;
pub mod feed;
pub mod fs;
pub mod git;
pub mod http;
mod inherit;
pub mod machine;
pub mod measure;
pub mod open;
pub mod package;
pub mod proc;
pub mod scheduler;
pub mod signal;
pub mod stream;
