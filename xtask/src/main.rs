//! `cargo xtask`: no migration, import or deploy without a backup that was just proven by
//! restoring it. Parses, runs, and turns the outcome into an exit code; ARCHITECTURE.md
//! walks through the rooms.

mod commands;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Asked at each press of a key: it reads no grammar for people, and never fails.
    if commands::completing::was_asked() {
        return ExitCode::SUCCESS;
    }
    ExitCode::from(commands::main(&cli::parse()))
}
