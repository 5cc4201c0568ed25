//! Reach MySQL: where it is, logging in, and what it says about itself.

pub mod accounts;
pub mod container;
mod definition;
pub mod endpoint;
pub mod facts;
pub mod find;
pub mod greeting;
pub mod install;
pub mod inventory;
pub mod local;
pub mod log;
pub mod making;
pub mod obstacles;
mod refusal;
pub mod session;
mod settings;
pub mod survey;
pub mod tunnel;
mod views;
pub mod wire;

pub use endpoint::{Endpoint, Near, Reach, Server};
pub use find::find;
pub use session::Session;
pub use wire::guard::Guard;
