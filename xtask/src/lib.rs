//! StreamFlix's database safety tooling: no migration, import or deploy without
//! a backup that was just proven by restoring it. ARCHITECTURE.md walks through
//! the rooms.

pub mod cli;
pub mod commands;
pub mod config;
pub mod engine;
pub mod model;
pub mod plan;
pub mod report;
pub mod server;
pub mod store;
pub mod sys;
pub mod ui;
