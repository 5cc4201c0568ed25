//! What it means: results as text for people and as JSON for programs. Pure
//! functions over what the other rooms found; nothing here asks or writes.

mod bars;
pub mod bench;
pub mod copies;
pub mod gate;
mod html;
pub mod human;
pub mod json;
pub mod keys;
pub mod metrics;
pub mod notice;
pub mod page;
pub mod prune;
pub mod status;
mod svg;
pub mod text;
