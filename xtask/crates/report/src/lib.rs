//! What it means: results as text for people and as JSON for programs. Pure
//! functions over what the other rooms found; nothing here asks or writes.

pub mod bench;
pub mod copies;
pub mod gate;
pub mod human;
pub mod json;
pub mod keys;
pub mod metrics;
pub mod notice;
pub mod page;
pub mod prune;
pub mod status;
pub mod svg;
pub mod text;
