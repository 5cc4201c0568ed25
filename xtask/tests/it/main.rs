//! Fast tests that need no server.

mod dependencies;
mod tidy;
