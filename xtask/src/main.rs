//! `cargo xtask`: no migration, import or deploy without a backup that was just proven by
//! restoring it. Parses, runs, and turns the outcome into an exit code; ARCHITECTURE.md
//! walks through the rooms.

mod commands;

use std::process::ExitCode;

use clap::Parser;
use cli::Cli;

fn main() -> ExitCode {
    ExitCode::from(commands::main(&Cli::parse()))
}
