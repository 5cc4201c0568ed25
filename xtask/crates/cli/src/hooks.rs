//! `hooks`

use clap::{Args, Subcommand, ValueEnum};

/// Manage git hooks that block pushing a migration to a deploy branch without a proven backup.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask hooks install\n  cargo xtask hooks status\n  cargo xtask hooks \
    uninstall\n\ndocs/deploy.md explains each refusal."
)]
pub struct Hooks {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with the hooks.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// Make git run the pre-push hook in .githooks/; existing hooks stay and run, too
    Install(Install),
    /// Restore the hooks that git had before
    Uninstall,
    /// Show what is installed and whether the next push of this branch needs a proof
    Status,
    /// Run a hook; called by git, not by hand
    Run(Run),
}

/// Options of `hooks install`.
#[derive(Debug, Clone, Default, Args)]
pub struct Install {
    /// An existing pre-push hook runs before this one anyway
    #[arg(long, hide = true)]
    pub chain: bool,
}

/// What git hands to a hook.
#[derive(Debug, Clone, Args)]
pub struct Run {
    /// The hook to run
    #[arg(value_enum)]
    pub hook: Hook,
    /// The remote's name, or its address if it has none
    #[arg(value_name = "REMOTE")]
    pub remote: String,
    /// The remote's address
    #[arg(value_name = "URL")]
    pub url: String,
}

/// The hooks there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hook {
    /// Before a push; git passes the refs on standard input
    PrePush,
}
