//! Integration tests against a real MySQL or MariaDB server; `support` says how to name one.

mod account;
mod attempts;
mod connections;
mod content;
mod encrypted;
mod fingerprint;
mod formats;
mod gate;
mod hostile;
mod import;
mod permits;
mod process;
mod schema;
mod scratch;
mod service;
mod statements;
mod support;
