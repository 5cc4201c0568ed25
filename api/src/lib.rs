//! StreamFlix's service: configuration, migrations, import and the HTTP routes.
//!
//! The library exists so that integration tests can call the router and the
//! import without starting a process; the binary is `streamflix-api`.

pub mod app;
pub mod client;
pub mod config;
pub mod db;
pub mod gate;
pub mod import;
pub mod migrate;
pub mod serve;
pub mod tls;

mod around;
mod backoff;
mod check;
mod extract;
mod password;
mod problem;
mod routes;
mod secret;

pub use secret::Secret;

/// Lower-case hexadecimal text of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
