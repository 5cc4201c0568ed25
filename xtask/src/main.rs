//! `cargo xtask`: parses, runs, and turns the outcome into an exit code.

use std::process::ExitCode;

use clap::Parser;
use xtask::cli::Cli;
use xtask::commands;

fn main() -> ExitCode {
    let cli = Cli::parse();
    ExitCode::from(commands::main(&cli) as u8)
}
