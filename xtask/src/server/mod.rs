//! Reach MySQL: where it is, logging in, and what it says about itself.

pub mod endpoint;
pub mod facts;
pub mod inventory;
pub mod provision;
pub mod session;

pub use endpoint::{Endpoint, Reach, Server};
pub use session::Session;
