//! `completions`

use clap::{Args, ValueEnum};

/// Print the script that completes `cargo xtask …` in a shell: commands, options, labels of the
/// backups that exist, schemas, tables, destinations.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask completions bash > ~/.cargo-xtask.bash     then `source` it in ~/.bashrc\n  cargo xtask completions fish > ~/.config/fish/conf.d/cargo-xtask.fish\n\ndocs/completions.md has the lines for each shell."
)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// The shells whose scripts there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}
