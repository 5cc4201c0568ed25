//! Fast tests that need no server.

mod tidy;
