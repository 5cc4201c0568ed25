//! Integration tests against a real MySQL or MariaDB server; `support` says how to name one.

mod account;
mod content;
mod import;
mod process;
mod schema;
mod service;
mod support;
